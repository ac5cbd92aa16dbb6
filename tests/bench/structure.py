"""A large book of few instruments: a first look, other quantities, an edit of one row, a tick, against recomputing every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.report import Table, on_one_core, turns
from xlmargin.book.book import Positions, keys_of, make_book
from xlmargin.book.contracts import CALL, PUT
from xlmargin.book.market import YEAR, Market, Nodes
from xlmargin.errors import Faults
from xlmargin.live import Live
from xlmargin.margin import valued
from xlmargin.scenarios.scenarios import Scenarios, span16

Floats = NDArray[np.float64]

ROWS, INSTRUMENTS, ACCOUNTS = 100_000, 2_000, 2_000
AS_OF, SPOT = 1.8e9, 65_000.0
DAY_IN_YEARS = 1.0 / 365.0
ROUNDS, EDITS = 7, 200
GOALS = (
    "goals: a first look at least 20 x faster, other quantities 80 x, one row 1,000 x, a tick 40 x",
    "a naive recalculation values every row in every scenario in numpy, and adds the rows up by account",
)


def positions_of(rows: int, instruments: int, accounts: int) -> Positions:
    """Return options on one coin, sorted by account, the same on every run."""
    random = np.random.default_rng(76)
    held, none = random.integers(0, instruments, rows), np.full(rows, np.nan)
    strike = np.round(SPOT * np.exp(random.uniform(-0.5, 0.5, instruments)))[held]
    expiry = AS_OF + YEAR * DAY_IN_YEARS * random.integers(7, 280, instruments).astype(np.float64)[held]
    kind, vol = random.integers(CALL, PUT + 1, instruments)[held], random.uniform(0.3, 1.0, instruments)[held]
    no = np.zeros(rows, np.bool_)
    return Positions(
        row=np.arange(rows) + 2,
        underlyings=("BTC",),
        underlying=np.zeros(rows, np.int64),
        kind=kind,
        strike=strike,
        expiry=expiry,
        years=none,
        quantity=random.normal(size=rows),
        multiplier=np.ones(rows),
        spot=none,
        forward=none,
        vol=vol,
        price=none,
        inverse=no,
        accounts=tuple(map(str, range(accounts))),
        account=np.sort(random.integers(0, accounts, rows)),
        order=no,
        entry=none,
        american=no,
        delta=none,
        array=np.full((rows, 16), np.nan),
        names=[""] * rows,
    )


def market_of(spot: float) -> Market:
    """Return a market of one coin."""
    none, floats = np.empty(0, np.int64), np.empty(0)
    return Market(("BTC",), np.array([spot]), np.zeros(1), np.array([np.nan]), AS_OF, Nodes(none, floats, floats, floats, floats, floats))


def scan() -> Scenarios:
    """Return sixteen scenarios of one coin."""
    reach = np.array([0.15])
    return span16(("BTC",), (reach, reach), np.array([0.25]), ("relative", "relative"), (np.array([2.0]), np.array([0.35])), 1.0)


def naive(positions: Positions, scenarios: Scenarios, cdf: Callable[[Floats], Floats]) -> Floats:
    """Return profit and loss per account and scenario, every row valued on its own (A, S)."""
    put = positions.kind == PUT

    def value(forward: Any, years: Any, vol: Any) -> Floats:
        strike, total = positions.strike[:, None], vol * np.sqrt(years)[:, None]
        d1 = np.log(forward / strike) / total + 0.5 * total
        call = forward * cdf(d1) - strike * cdf(d1 - total)
        return np.asarray(np.where(put[:, None], call - forward + strike, call), np.float64)

    years = (positions.expiry - AS_OF) / YEAR
    after = value(
        SPOT * (1.0 + scenarios.price[:, 0]),
        np.maximum(years - scenarios.days[0] * DAY_IN_YEARS, 0.0),
        positions.vol[:, None] * (1.0 + scenarios.vol[:, 0]),
    )
    gains = (after - value(np.array([SPOT]), years, positions.vol[:, None])) * scenarios.weight[:, 0]
    result = np.zeros((len(positions.accounts), len(scenarios)))
    np.add.at(result, positions.account, positions.quantity[:, None] * gains)
    return result


def tables() -> Iterator[Table]:
    """One table."""
    with on_one_core():
        yield _compared()


def _compared() -> Table:
    """Every kind of change, against naive recalculations."""
    positions, scenarios, keys = positions_of(ROWS, INSTRUMENTS, ACCOUNTS), scan(), None
    ndtr, norm_cdf = import_module("scipy.special").ndtr, import_module("scipy.stats").norm.cdf
    keys, spots, rows = keys_of(positions), count(int(SPOT)), count()
    live = Live(make_book(positions, market_of(SPOT), Faults(), keys), scenarios)
    error = np.abs(live.pnl[:, :, 0] - naive(positions, scenarios, ndtr)).max() / SPOT

    def first() -> None:
        valued.forget()
        Live(make_book(positions, market_of(SPOT), Faults()), scenarios)

    def tick() -> None:
        live.tick(make_book(positions, market_of(float(next(spots)) + 0.5), Faults(), keys).instruments)

    def edits() -> None:
        for _ in range(EDITS):
            live.edit(next(rows) % ROWS, 1.0)

    runs: dict[str, Callable[[], Any]] = {
        "first look": first,
        "market tick": tick,
        "other quantities": lambda: live.hold(positions.quantity * 1.1),
        "one row": edits,
        "numpy + ndtr": lambda: naive(positions, scenarios, ndtr),
    }
    taken = turns(runs, ROUNDS)
    slow = {"ndtr": taken.pop("numpy + ndtr"), "norm.cdf": turns({"": lambda: naive(positions, scenarios, norm_cdf)}, ROUNDS // 2)[""]}
    middle = {name: float(np.median(spent)) for name, spent in slow.items()}
    each = {name: float(np.median(spent)) / (EDITS if name == "one row" else 1) for name, spent in taken.items()}
    return Table(
        f"{ROWS:,} rows of {INSTRUMENTS:,} instruments in {ACCOUNTS:,} accounts, {len(scenarios)} scenarios, one core",
        ("what changes", "ms", "x faster than numpy + ndtr", "x faster than numpy + norm.cdf"),
        [
            ["naive, ndtr", f"{1e3 * middle['ndtr']:.1f}", "1", ""],
            ["naive, scipy.stats.norm.cdf", f"{1e3 * middle['norm.cdf']:.1f}", "", "1"],
            *([name, f"{1e3 * spent:.3f}", *(f"{of / spent:,.0f}" for of in middle.values())] for name, spent in each.items()),
        ],
        [f"largest difference from the naive sums, over spot: {error:.1e}", *GOALS],
    )
