"""The worksheet functions: name, help, argument help, and the one line that answers each.

Excel waits at its start for the imports of this module, so those that fewer sheets need come with the first call.
"""

from __future__ import annotations

from xlmargin.sheet.answers import margins, values
from xlmargin.sheet.registry import pm_function

POSITIONS = "Positions with their header row: Instrument or Underlying, Type, Strike, Expiry; and Quantity"
MARKET = "Market with its header row: Underlying, Spot, and optionally Expiry, Strike, Forward, IV, Rate, As of"
METHOD = "Name of the method, SPAN where left out; PM_METHODS() lists them"
PARAMETERS = "Columns Parameter, Value (before them Method, Underlying) that override the method's own; STRESS takes its scenarios here"
HISTORY = "Date and one column of closes per underlying, for methods that need them"
CONFIDENCE = "Confidence as a fraction, 0.99 where left out"
HORIZON = "Days that pass, 1 where left out"
DAYS = "Days that pass, 0 where left out"
KIND = "call or put; one cell or a column"
EQUITY = "Equity in the account currency, or balances with their header row: Currency, Amount, Haircut"
RATE = "Continuously compounded rate as a fraction, 0 where left out"


@pm_function("number", positions=POSITIONS, market=MARKET, method=METHOD, parameters=PARAMETERS, history=HISTORY)
def PM_MARGIN(positions, market=None, method=None, parameters=None, history=None):
    """Initial margin of a book of positions, in the account currency."""
    return margins.margin(positions, market, method, parameters, history)


@pm_function("number", positions=POSITIONS, market=MARKET, method=METHOD, parameters=PARAMETERS, history=HISTORY)
def PM_MAINTENANCE(positions, market=None, method=None, parameters=None, history=None):
    """Maintenance margin of a book of positions, in the account currency."""
    return margins.maintenance(positions, market, method, parameters, history)


@pm_function("number", positions=POSITIONS, market=MARKET, method=METHOD, parameters=PARAMETERS, history=HISTORY)
def PM_SCANNING_RISK(positions, market=None, method=None, parameters=None, history=None):
    """Scanning risk: the worst scenario loss of each underlying, floored at 0, summed."""
    return margins.scanning_risk(positions, market, method, parameters, history)


@pm_function("table", positions=POSITIONS, market=MARKET, method=METHOD, parameters=PARAMETERS, history=HISTORY)
def PM_RISK_ARRAY(positions, market=None, method=None, parameters=None, history=None):
    """Risk array: profit and loss of the book in every scenario, by underlying; gains are positive."""
    return margins.risk_array_of(positions, market, method, parameters, history)


@pm_function(
    "number",
    positions=POSITIONS,
    price_move="Move of every price as a fraction: -0.1 is 10 % down",
    vol_move="Move of every vol as a fraction of the vol: 0.25 is a quarter up",
    days=DAYS,
    market=MARKET,
)
def PM_SCENARIO_PNL(positions, price_move, vol_move, days=None, market=None):
    """Profit and loss of a book when every price and every vol moves by a fraction; gains are positive."""
    return values.scenario_pnl(positions, price_move, vol_move, days, market)


@pm_function(
    "table",
    positions=POSITIONS,
    price_moves="Row or column of price moves as fractions",
    vol_moves="Row or column of vol moves as fractions",
    days=DAYS,
    market=MARKET,
)
def PM_PNL_GRID(positions, price_moves, vol_moves, days=None, market=None):
    """Profit and loss by price move (rows) and vol move (columns); gains are positive."""
    return values.pnl_grid(positions, price_moves, vol_moves, days, market)


@pm_function(
    "table",
    positions=POSITIONS,
    market=MARKET,
    methods="Methods as a range or a comma list, all where left out",
    parameters=PARAMETERS,
    history=HISTORY,
)
def PM_COMPARE(positions, market=None, methods=None, parameters=None, history=None):
    """Requirements of several methods side by side, with their status and what they do not model."""
    return margins.compare(positions, market, methods, parameters, history)


@pm_function("table", positions=POSITIONS, market=MARKET, method=METHOD, parameters=PARAMETERS, history=HISTORY)
def PM_EXPLAIN(positions, market=None, method=None, parameters=None, history=None):
    """Statement of a margin: every number with the lines it follows from, down to the sheet row."""
    return margins.explain(positions, market, method, parameters, history)


@pm_function(
    "number",
    positions=POSITIONS,
    path="Line of the statement by its labels, such as BTC/Scanning risk",
    market=MARKET,
    method=METHOD,
    parameters=PARAMETERS,
    history=HISTORY,
)
def PM_LINE(positions, path, market=None, method=None, parameters=None, history=None):
    """One line of the statement of a margin."""
    return margins.line(positions, path, market, method, parameters, history)


@pm_function("table", positions=POSITIONS, market=MARKET, method=METHOD, parameters=PARAMETERS, history=HISTORY)
def PM_CONTRIBUTION(positions, market=None, method=None, parameters=None, history=None):
    """Each row alone, its share of the margin (the shares add up to it), and what would be saved without it."""
    from xlmargin.sheet.answers.desk import contribution

    return contribution(positions, market, method, parameters, history)


@pm_function(
    "table",
    positions=POSITIONS,
    trades="Trades with a header row, in the form of positions; a sale is negative",
    market=MARKET,
    method=METHOD,
    parameters=PARAMETERS,
    history=HISTORY,
)
def PM_WHATIF(positions, trades, market=None, method=None, parameters=None, history=None):
    """Margins and net deltas of a book before and after hypothetical trades, and the change."""
    from xlmargin.sheet.answers.desk import what_if

    return what_if(positions, trades, market, method, parameters, history)


@pm_function(
    "table",
    positions=POSITIONS,
    market=MARKET,
    positions_before="Positions of the earlier time, as a range",
    market_before="Market of the earlier time, with its As of",
    method=METHOD,
    parameters=PARAMETERS,
    history=HISTORY,
)
def PM_MOVE(positions, market, positions_before, market_before, method=None, parameters=None, history=None):
    """Why the margin moved: trades, spot, vol, time and change of worst scenario, which add up to the change."""
    from xlmargin.sheet.answers.desk import margin_move

    return margin_move(positions, market, positions_before, market_before, method, parameters, history)


@pm_function("table", positions=POSITIONS, market=MARKET, parameters=PARAMETERS)
def PM_PAIRS(positions, market=None, parameters=None):
    """Strategies that RULES recognises in the cheapest pairing of a book, and what each requires."""
    return margins.pairs(positions, market, parameters)


@pm_function("table", positions=POSITIONS, market=MARKET)
def PM_GREEKS(positions, market=None):
    """Mark, value, notional and greeks of each position, totals per underlying; vega per vol point, theta per day."""
    return values.greeks(positions, market)


@pm_function(
    "number",
    kind=KIND,
    forward="Forward; one cell or a column",
    strike="Strike; one cell or a column",
    years="Years to expiry; one cell or a column",
    vol="Vol as a fraction; one cell or a column",
    rate=RATE,
)
def PM_PRICE(kind, forward, strike, years, vol, rate=None):
    """Black-76 price of a European option, discounted at the rate."""
    return values.price(kind, forward, strike, years, vol, rate)


@pm_function(
    "number",
    kind=KIND,
    price="Price; one cell or a column",
    forward="Forward; one cell or a column",
    strike="Strike; one cell or a column",
    years="Years to expiry; one cell or a column",
    rate=RATE,
)
def PM_IV(kind, price, forward, strike, years, rate=None):
    """Black-76 implied vol of a European option's price, as a fraction."""
    return values.implied_vol(kind, price, forward, strike, years, rate)


@pm_function(
    "number", positions=POSITIONS, history=HISTORY, confidence=CONFIDENCE, horizon_days=HORIZON, market=MARKET, parameters=PARAMETERS
)
def PM_VAR(positions, history, confidence=None, horizon_days=None, market=None, parameters=None):
    """Value at risk: the k-th worst loss of the book under the moves of its history, all positions repriced."""
    from xlmargin.sheet.answers.tail import value_at_risk

    return value_at_risk(positions, history, confidence, horizon_days, market, parameters)


@pm_function(
    "number", positions=POSITIONS, history=HISTORY, confidence=CONFIDENCE, horizon_days=HORIZON, market=MARKET, parameters=PARAMETERS
)
def PM_ES(positions, history, confidence=None, horizon_days=None, market=None, parameters=None):
    """Expected shortfall: the mean of the k worst losses of the book under the moves of its history."""
    from xlmargin.sheet.answers.tail import value_at_risk

    return value_at_risk(positions, history, confidence, horizon_days, market, parameters, method="ES")


@pm_function(
    "table",
    pnl="Column of daily profit and loss, gains positive; a heading is left out",
    var="Column of the VaR that held on the same days, as positive numbers",
    confidence=CONFIDENCE,
)
def PM_BACKTEST(pnl, var, confidence=None):
    """Backtest of a VaR: exceptions, Kupiec, Christoffersen and the Basel zone."""
    from xlmargin.sheet.answers.tail import backtest

    return backtest(pnl, var, confidence)


@pm_function("table", positions=POSITIONS, equity=EQUITY, market=MARKET, method=METHOD, parameters=PARAMETERS, history=HISTORY)
def PM_STATUS(positions, equity, market=None, method=None, parameters=None, history=None):
    """Status of an account: equity against its margins, what may be withdrawn, OK, WARNING, MARGIN CALL or LIQUIDATION."""
    from xlmargin.sheet.answers.account import status

    return status(positions, equity, market, method, parameters, history)


@pm_function("table", positions=POSITIONS, equity=EQUITY, market=MARKET, method=METHOD, parameters=PARAMETERS, history=HISTORY)
def PM_LIQUIDATION(positions, equity, market=None, method=None, parameters=None, history=None):
    """Liquidation prices: where maintenance first exceeds equity as each underlying moves alone, down and up."""
    from xlmargin.sheet.answers.account import liquidation

    return liquidation(positions, equity, market, method, parameters, history)


@pm_function(
    "table",
    positions=POSITIONS,
    market=MARKET,
    balances="Balances with their header row: Currency, Amount, Haircut, and optionally Account",
    method=METHOD,
    parameters=PARAMETERS,
    history=HISTORY,
)
def PM_ACCOUNTS(positions, market=None, balances=None, method=None, parameters=None, history=None):
    """Margin, maintenance and status of each account, under its own venue's method where one is given, and of all."""
    from xlmargin.sheet.answers.account import accounts

    return accounts(positions, market, balances, method, parameters, history)


@pm_function(
    "table",
    account="Field, Value: Equity and what else the rulebook asks about, as yes or no",
    rulebook="Name of the rulebook, FINRA where left out",
)
def PM_QUALIFY(account, rulebook=None):
    """Qualification for portfolio margin: each rule that applies to an account, what it requires, PASS or FAIL."""
    from xlmargin.sheet.answers.account import qualify

    return qualify(account, rulebook)


@pm_function(
    "table",
    positions=POSITIONS,
    instruments="What may be traded, in the form of positions: Quantity is the largest size, Side the only direction; "
    "also Lot, and Cost per unit",
    market=MARKET,
    method=METHOD,
    parameters=PARAMETERS + "; hedge_trades and hedge_budget are the most trades and cost",
    history=HISTORY,
)
def PM_HEDGE(positions, instruments, market=None, method=None, parameters=None, history=None):
    """Hedge: the trades among instruments that lower the margin most after their cost, best first, and the margin after."""
    from xlmargin.sheet.answers.desk import hedge

    return hedge(positions, instruments, market, method, parameters, history)


@pm_function(
    "table",
    whole=True,
    positions=POSITIONS,
    market=MARKET,
    beside="positions or market: one column with what is found on each row of that range, as long as it is",
)
def PM_CHECK(positions, market=None, beside=None):
    """Every fault of the ranges at once, with row, column and cure, one row OK where there is none; or those of each row beside it."""
    return values.check(positions, market, beside)


@pm_function("table", method=METHOD)
def PM_SCENARIOS(method=None):
    """Scenarios of a method: moves of price and vol as fractions, days and weight."""
    return margins.scenarios_of(method)


@pm_function("table", method=METHOD)
def PM_PARAMETERS(method=None):
    """Parameters of a method: value, unit, status, source and the day it was checked."""
    return margins.parameters_of(method)


@pm_function("table")
def PM_METHODS():
    """Methods with scope, evidence, what is not modelled, status and source."""
    return margins.methods()


@pm_function("text")
def PM_VERSION():
    """Version of these functions."""
    return margins.version()
