"""The sample book and market: made up for this workbook, with round prices and vols, taken from nowhere."""

from __future__ import annotations

import datetime as dt

import numpy as np

Value = str | float | dt.date | None

AS_OF = dt.datetime(2026, 6, 1, 8, 0)
FRONT, BACK, QUARTER = dt.date(2026, 7, 1), dt.date(2026, 7, 31), dt.date(2026, 8, 28)
METHOD = "SPAN"
TOLERANCE = 0.005
MANY_ROWS, ROUNDING, SLOW_METHOD = 40, 1e-9, "RULES"

POSITIONS: list[dict[str, Value]] = [
    {"Underlying": "BTC", "Type": "spot", "Quantity": 1.0, "Account": "Desk 1"},
    {"Underlying": "BTC", "Type": "call", "Strike": 75_000.0, "Expiry": FRONT, "Quantity": -1.0, "Account": "Desk 1"},
    {"Underlying": "ETH", "Type": "spot", "Quantity": 1.0, "Account": "Desk 1"},
    {"Underlying": "ETH", "Type": "put", "Strike": 3_000.0, "Expiry": BACK, "Quantity": 2.0, "IV": 0.65, "Account": "Desk 1"},
    {"Underlying": "ETH", "Type": "call", "Strike": 3_800.0, "Expiry": FRONT, "Quantity": -1.0, "IV": 0.65, "Account": "Desk 1"},
    {"Underlying": "ETH", "Type": "call", "Strike": 3_900.0, "Expiry": FRONT, "Quantity": 1.0, "IV": 0.65, "Account": "Desk 1"},
    {"Underlying": "ETH", "Type": "put", "Strike": 3_200.0, "Expiry": FRONT, "Quantity": -1.0, "IV": 0.65, "Account": "Desk 1"},
    {"Underlying": "ETH", "Type": "put", "Strike": 3_100.0, "Expiry": FRONT, "Quantity": 1.0, "IV": 0.65, "Account": "Desk 1"},
    {"Instrument": "SOL_USDC-28AUG26", "Quantity": 200.0, "Account": "Desk 1"},
    {"Instrument": "SOL_USDC-PERPETUAL", "Quantity": -200.0, "Account": "Desk 1"},
]

MARKET: list[dict[str, Value]] = [
    {"Underlying": "BTC", "Spot": 70_000.0, "As of": AS_OF},
    {"Underlying": "ETH", "Spot": 3_500.0},
    {"Underlying": "SOL", "Spot": 150.0},
    {"Underlying": "BTC", "Expiry": FRONT, "Strike": 65_000.0, "IV": 0.54},
    {"Underlying": "BTC", "Expiry": FRONT, "Strike": 70_000.0, "IV": 0.51},
    {"Underlying": "BTC", "Expiry": FRONT, "Strike": 75_000.0, "IV": 0.50},
    {"Underlying": "BTC", "Expiry": FRONT, "Strike": 80_000.0, "IV": 0.51},
    {"Underlying": "SOL", "Expiry": QUARTER, "Forward": 152.25},
]

PARAMETERS: list[tuple[str, str, str, Value, str]] = [  # method, underlying, parameter, value, unit
    ("SPAN", "", "price_scan_range", 0.11, "fraction of price"),
    ("SPAN", "", "vol_scan_range", 0.25, "fraction of vol"),
    ("SPAN", "", "extreme_multiple", 2.0, "price scan ranges"),
    ("SPAN", "", "extreme_cover", 0.35, "share of the loss"),
    ("SPAN", "", "look_ahead_days", 1.0, "days"),
    ("SPAN", "", "spot_treatment", "in_use", "full, collateral or in_use"),
]

SCENARIOS: list[tuple[str, str, float, float, float, float]] = [  # name, underlying, price, vol, days, weight
    ("Crash", "", -0.40, 0.80, 1.0, 1.0),
    ("Fall", "", -0.20, 0.40, 1.0, 1.0),
    ("Quiet week", "", 0.0, -0.25, 7.0, 1.0),
    ("Rally", "", 0.20, 0.10, 1.0, 1.0),
    ("Spike", "", 0.40, 0.50, 1.0, 1.0),
    ("BTC alone falls", "BTC", -0.25, 0.40, 1.0, 1.0),
]

PRICE_MOVES = [step * 3 / 100 for step in range(-10, 11)]
VOL_MOVES = [-0.50, -0.25, 0.0, 0.25, 0.50]
GRID_DAYS = 0.0

TRADES: list[dict[str, Value]] = [
    {"Underlying": "BTC", "Type": "call", "Strike": 80_000.0, "Expiry": FRONT, "Quantity": 1.0},
    {"Underlying": "ETH", "Type": "put", "Strike": 3_000.0, "Expiry": FRONT, "Quantity": -2.0, "IV": 0.66},
]
WHATIF_METHODS = ("RULES", "DERIBIT", "OKX")

BALANCES: list[tuple[str, float, float, str]] = [  # currency, amount, haircut, account
    ("USD", 12_000.0, 0.0, "Desk 1"),
    ("BTC", 0.02, 0.10, "Desk 1"),
]
LIMITS: list[tuple[str, str, float, str]] = [  # limited quantity, coin, limit, unit
    ("Margin usage", "", 0.75, "of equity"),
    ("Initial margin", "", 10_000.0, "USD"),
    ("Scanning risk", "", 10_000.0, "USD"),
    ("Delta", "BTC", 1.0, "coins"),
    ("Delta", "ETH", 1.0, "coins"),
    ("Vega", "", 100.0, "USD per vol point"),
    ("Notional", "", 250_000.0, "USD"),
    ("Concentration", "BTC", 0.60, "of all notional"),
]
LIMITS_WARN_FROM, RULEBOOK, RECONCILE_TOLERANCE = 0.8, "FINRA", 0.01
FACTS: list[tuple[str, str]] = [  # facts of an account that a rulebook needs, other than its equity
    ("Uncovered options approval", "yes"),
    ("Risk disclosure signed", "yes"),
    ("Intraday monitoring", "yes"),
    ("Trades away", "no"),
    ("Unlisted derivatives", "no"),
]

YESTERDAY = AS_OF - dt.timedelta(days=1)
POSITIONS_BEFORE: list[dict[str, Value]] = [*POSITIONS[:1], {**POSITIONS[1], "Quantity": -0.8}, *POSITIONS[2:8]]
MARKET_BEFORE: list[dict[str, Value]] = [
    {"Underlying": "BTC", "Spot": 68_500.0, "As of": YESTERDAY},
    {"Underlying": "ETH", "Spot": 3_420.0},
    {"Underlying": "SOL", "Spot": 146.0},
    {"Underlying": "BTC", "Expiry": FRONT, "Strike": 65_000.0, "IV": 0.55},
    {"Underlying": "BTC", "Expiry": FRONT, "Strike": 70_000.0, "IV": 0.53},
    {"Underlying": "BTC", "Expiry": FRONT, "Strike": 75_000.0, "IV": 0.52},
    {"Underlying": "BTC", "Expiry": FRONT, "Strike": 80_000.0, "IV": 0.53},
    {"Underlying": "SOL", "Expiry": QUARTER, "Forward": 148.10},
]

DAYS, SEED, TAILS = 261, 20260601, 6  # days of history; the generator's seed; degrees of freedom: tails fatter than normal
DAILY_MOVES, TOGETHER = (0.017, 0.024, 0.030), (0.90, 0.85, 0.75)  # of BTC, ETH, SOL; share of a move common to all three
LAST_CLOSES = (70_000.0, 3_500.0, 150.0)


def _history() -> list[tuple[dt.date, float, float, float]]:
    """Closes drawn at random, the same every time, that end at the sample's spots on the day before its As of."""
    random = np.random.default_rng(SEED)
    common, own = random.standard_t(TAILS, (DAYS - 1, 1)), random.standard_t(TAILS, (DAYS - 1, len(LAST_CLOSES)))
    share = np.array(TOGETHER)
    moves = np.array(DAILY_MOVES) * (share * common + np.sqrt(1 - share**2) * own)
    steps = np.vstack([np.zeros(len(LAST_CLOSES)), np.cumsum(moves, axis=0)])
    closes = np.round(np.array(LAST_CLOSES) * np.exp(steps - steps[-1]), 2)  # cents: the same in every program
    first = AS_OF.date() - dt.timedelta(days=DAYS)
    return [(first + dt.timedelta(days=n), float(btc), float(eth), float(sol)) for n, (btc, eth, sol) in enumerate(closes)]


HISTORY = _history()
