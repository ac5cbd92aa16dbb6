"""The functions of the registry as Python sees them; a range may be of any kind, so its type is object."""

from numpy import float64
from numpy.typing import NDArray
from pandas import DataFrame

from xlmargin.errors import MarginError as MarginError

__all__ = ["__version__"]

__version__: str

def margin(positions: object, market: object = None, method: object = None, parameters: object = None, history: object = None) -> float:
    """Initial margin of a book of positions, in the account currency."""

def maintenance(
    positions: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> float:
    """Maintenance margin of a book of positions, in the account currency."""

def scanning_risk(
    positions: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> float:
    """Scanning risk: the worst scenario loss of each underlying, floored at 0, summed."""

def risk_array(
    positions: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> DataFrame:
    """Risk array: profit and loss of the book in every scenario, by underlying; gains are positive."""

def scenario_pnl(positions: object, price_move: object, vol_move: object, days: object = None, market: object = None) -> float:
    """Profit and loss of a book when every price and every vol moves by a fraction; gains are positive."""

def pnl_grid(positions: object, price_moves: object, vol_moves: object, days: object = None, market: object = None) -> DataFrame:
    """Profit and loss by price move (rows) and vol move (columns); gains are positive."""

def compare(
    positions: object, market: object = None, methods: object = None, parameters: object = None, history: object = None
) -> DataFrame:
    """Requirements of several methods side by side, with their status and what they do not model."""

def explain(
    positions: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> DataFrame:
    """Statement of a margin: every number with the lines it follows from, down to the sheet row."""

def line(
    positions: object, path: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> float:
    """One line of the statement of a margin."""

def contribution(
    positions: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> DataFrame:
    """Each row alone, its share of the margin (the shares add up to it), and what would be saved without it."""

def whatif(
    positions: object, trades: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> DataFrame:
    """Margins and net deltas of a book before and after hypothetical trades, and the change."""

def move(
    positions: object,
    market: object,
    positions_before: object,
    market_before: object,
    method: object = None,
    parameters: object = None,
    history: object = None,
) -> DataFrame:
    """Why the margin moved: trades, spot, vol, time and change of worst scenario, which add up to the change."""

def pairs(positions: object, market: object = None, parameters: object = None) -> DataFrame:
    """Strategies that RULES recognises in the cheapest pairing of a book, and what each requires."""

def greeks(positions: object, market: object = None) -> DataFrame:
    """Mark, value, notional and greeks of each position, totals per underlying; vega per vol point, theta per day."""

def price(kind: object, forward: object, strike: object, years: object, vol: object, rate: object = None) -> float | NDArray[float64]:
    """Black-76 price of a European option, discounted at the rate."""

def iv(kind: object, price: object, forward: object, strike: object, years: object, rate: object = None) -> float | NDArray[float64]:
    """Black-76 implied vol of a European option's price, as a fraction."""

def var(
    positions: object,
    history: object,
    confidence: object = None,
    horizon_days: object = None,
    market: object = None,
    parameters: object = None,
) -> float:
    """Value at risk: the k-th worst loss of the book under the moves of its history, all positions repriced."""

def es(
    positions: object,
    history: object,
    confidence: object = None,
    horizon_days: object = None,
    market: object = None,
    parameters: object = None,
) -> float:
    """Expected shortfall: the mean of the k worst losses of the book under the moves of its history."""

def backtest(pnl: object, var: object, confidence: object = None) -> DataFrame:
    """Backtest of a VaR: exceptions, Kupiec, Christoffersen and the Basel zone."""

def status(
    positions: object, equity: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> DataFrame:
    """Status of an account: equity against its margins, what may be withdrawn, OK, WARNING, MARGIN CALL or LIQUIDATION."""

def liquidation(
    positions: object, equity: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> DataFrame:
    """Liquidation prices: where maintenance first exceeds equity as each underlying moves alone, down and up."""

def accounts(
    positions: object,
    market: object = None,
    balances: object = None,
    method: object = None,
    parameters: object = None,
    history: object = None,
) -> DataFrame:
    """Margin, maintenance and status of each account, under its own venue's method where one is given, and of all."""

def qualify(account: object, rulebook: object = None) -> DataFrame:
    """Qualification for portfolio margin: each rule that applies to an account, what it requires, PASS or FAIL."""

def hedge(
    positions: object, instruments: object, market: object = None, method: object = None, parameters: object = None, history: object = None
) -> DataFrame:
    """Hedge: the trades among instruments that lower the margin most after their cost, best first, and the margin after."""

def check(positions: object, market: object = None, beside: object = None) -> DataFrame:
    """Every fault of the ranges at once, with row, column and cure, one row OK where there is none; or those of each row beside it."""

def scenarios(method: object = None) -> DataFrame:
    """Scenarios of a method: moves of price and vol as fractions, days and weight."""

def parameters(method: object = None) -> DataFrame:
    """Parameters of a method: value, unit, status, source and the day it was checked."""

def methods() -> DataFrame:
    """Methods with scope, evidence, what is not modelled, status and source."""

def version() -> str:
    """Version of these functions."""
