"""The replay of a book through daily chains: margin by any method each day, and the profit or loss by the next chain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from xlmargin.book.contracts import CALL, DAY, PUT, SPOT, parse_instrument
from xlmargin.desk.coverage import Coverage, Swings, coverage, swings
from xlmargin.errors import Faults, MarginError
from xlmargin.files.chains import Chain, history_of
from xlmargin.files.texts import read_csv
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cells import from_header, is_blank, is_blank_row
from xlmargin.sheet.columns import Header, table
from xlmargin.sheet.dates import instants
from xlmargin.sheet.headings import HISTORY
from xlmargin.sheet.registry import FUNCTIONS

Rows = list[list[Any]]

LEAST_DAYS = 2.0  # a leg that is chosen anew each day still trades in the next chain
NEXT = (0.5, 1.5)  # days to the next chain; a wider gap gives no one-day loss
HEADER = ["Underlying", "Type", "Strike", "Expiry", "Quantity", "Price", "IV", "Forward"]


class ReplayedLeg(NamedTuple):
    """One position: a listed contract, or a rule by which one is chosen each day.

    Attributes:
        underlying: upper case
        kind: call, put, perp or spot
        moneyness: strike over forward; NaN where `name` says it
        days: to expiry
        quantity: + long [coins]
        name: a listed contract; "" where it is chosen
    """

    underlying: str
    kind: str
    moneyness: float
    days: float
    quantity: float
    name: str = ""


def _option(kind: str, moneyness: float, quantity: float, days: float = 30.0, coin: str = "BTC") -> ReplayedLeg:
    return ReplayedLeg(coin, kind, moneyness, days, quantity)


BOOKS: dict[str, tuple[ReplayedLeg, ...]] = {
    "short straddle": (_option("call", 1.0, -1), _option("put", 1.0, -1)),
    "long straddle": (_option("call", 1.0, 1), _option("put", 1.0, 1)),
    "short strangle": (_option("call", 1.15, -1), _option("put", 0.85, -1)),
    "iron condor": (_option("call", 1.1, -1), _option("call", 1.2, 1), _option("put", 0.9, -1), _option("put", 0.8, 1)),
    "put spread": (_option("put", 0.95, -1), _option("put", 0.85, 1)),
    "calendar": (_option("call", 1.0, -1, 14.0), _option("call", 1.0, 1, 60.0)),
    "covered call": (ReplayedLeg("BTC", "spot", np.nan, 0.0, 1.0), _option("call", 1.1, -1)),
    "far puts sold": (_option("put", 0.75, -5, 45.0),),
    "hedged call": (_option("call", 1.0, 1), ReplayedLeg("BTC", "perp", np.nan, 0.0, -0.5)),
    "BTC against ETH": (
        _option("call", 1.0, -1),
        _option("put", 1.0, -1),
        _option("call", 1.0, 25, coin="ETH"),
        _option("put", 1.0, 25, coin="ETH"),
    ),
}


@dataclass(frozen=True, slots=True)
class BookSeries:
    """A book through time: its positions and their gains by the next chain.

    Attributes:
        times: of the chains on which the margin was taken (N,)
        positions, markets: raw ranges of each of these days
        pnl: from the marks of that chain to those of the next, gains positive (N,) [USD]
        missing: legs that the next chain does not quote, valued with their own vol (count)
    """

    times: list[float]
    positions: list[Rows]
    markets: list[Rows]
    pnl: Floats
    missing: int


class Run(NamedTuple):
    """A book under one method, day by day."""

    book: str
    method: str
    dates: list[str]
    margin: Floats
    pnl: Floats
    coverage: Coverage
    swings: Swings


def read_legs(path: Path) -> tuple[ReplayedLeg, ...]:
    """The legs of a book's CSV file: `Instrument, Quantity`, or `Underlying, Type, Moneyness, Days, Quantity`.

    Raises:
        MarginError: a column is missing or a cell cannot be read
    """
    rows = read_csv(path)
    faults = Faults()
    cells = table(rows, faults, ("Instrument", "Underlying", "Type", "Moneyness", "Days", "Quantity"), needed=("Quantity",))
    quantity, moneyness, days = (cells.numbers(name, faults) for name in ("Quantity", "Moneyness", "Days"))
    names, coins, kinds = (cells.texts(name, faults) for name in ("Instrument", "Underlying", "Type"))
    kinds = [{"c": "call", "p": "put"}.get(kind.lower(), kind.lower()) for kind in kinds]
    for i, row in enumerate(cells.rows):
        contract = parse_instrument(names[i], "deribit") if names[i] else None
        if contract is not None:
            coins[i], kinds[i] = contract.underlying, _kind(contract.kind)
        chosen = kinds[i] in ("call", "put") and np.isfinite(moneyness[i]) and np.isfinite(days[i])
        if contract is None and not (coins[i] and (chosen or kinds[i] in ("perp", "spot"))):
            faults.add(
                row,
                "Instrument",
                "Instrument must be a listed contract, where Underlying, Type, Moneyness and Days do not say which",
                "name one",
            )
        if np.isnan(quantity[i]) and row not in faults.rows():
            faults.add(row, "Quantity", "Quantity must be given", "type the coins held, + long")
    faults.stop()
    return tuple(
        ReplayedLeg(coins[i].upper(), kinds[i], float(moneyness[i]), float(days[i]), float(quantity[i]), names[i])
        for i in range(len(cells))
    )


def _kind(kind: int) -> str:
    return {CALL: "call", PUT: "put", SPOT: "spot"}.get(kind, "perp")


def held(legs: Sequence[ReplayedLeg], chains: Sequence[Chain]) -> BookSeries:
    """A book through chains: its legs as listed on each day, and their profit and loss by the next chain."""
    times, pnl, missing = [], [], 0
    positions: list[Rows] = []
    markets: list[Rows] = []
    for now, then in pairwise(chains):
        if not NEXT[0] <= (then.time - now.time) / DAY <= NEXT[1]:
            continue
        rows: Rows = [list(HEADER)]
        gain = 0.0
        for leg in legs:
            if leg.kind in ("perp", "spot"):
                spot = now.spot[leg.underlying]
                rows.append([leg.underlying, leg.kind, None, None, leg.quantity, spot, None, None])
                gain += leg.quantity * (then.spot[leg.underlying] - spot)
                continue
            n = now.row.get(leg.name) if leg.name else _nearest(leg, now)
            if n is None:
                continue
            contract = now.contracts[n]
            rows.append(
                [
                    leg.underlying,
                    leg.kind,
                    contract.strike,
                    _date(contract.expiry),
                    leg.quantity,
                    float(now.mark[n]),
                    float(now.vol[n]),
                    float(now.forward[n]),
                ]
            )
            after, quoted = _later(now, n, then)
            missing += not quoted
            gain += leg.quantity * (after - float(now.mark[n]))
        if len(rows) > 1:
            times.append(now.time)
            positions.append(rows)
            markets.append([["Underlying", "Spot", "As of"], *([coin, spot, _moment(now.time)] for coin, spot in sorted(now.spot.items()))])
            pnl.append(gain)
    if not times:
        raise MarginError("no two chains a day apart hold this book: give daily chains, and contracts that they list")
    return BookSeries(times, positions, markets, np.array(pnl), missing)


def _nearest(leg: ReplayedLeg, chain: Chain) -> int | None:
    """The listed option nearest to a rule: first its expiry, then its strike."""
    kind = CALL if leg.kind == "call" else PUT
    mine = [
        (contract.expiry, contract.strike, n)
        for n, contract in enumerate(chain.contracts)
        if contract.underlying == leg.underlying
        and contract.kind == kind
        and contract.expiry - chain.time >= LEAST_DAYS * DAY
        and chain.mark[n] > 0.0
        and chain.vol[n] > 0.0
    ]
    if not mine:
        return None
    expiry = min({expiry for expiry, _, _ in mine}, key=lambda expiry: abs(expiry - chain.time - leg.days * DAY))
    return min((item for item in mine if item[0] == expiry), key=lambda item: abs(item[1] - leg.moneyness * chain.forward[item[2]]))[2]


def _later(now: Chain, n: int, then: Chain) -> tuple[float, bool]:
    """Value of an option at the next chain, and whether that chain quotes it: else by its own vol, or its payoff."""
    name, contract = now.names[n], now.contracts[n]
    if name in then.row:
        return float(then.mark[then.row[name]]), True
    from xlmargin.pricing import black

    level = now.forward[n] * then.spot[contract.underlying] / now.spot[contract.underlying]
    years = max(0.0, (contract.expiry - then.time) / (365.0 * DAY))
    is_call = np.array([contract.kind == CALL])
    value = black.price(is_call, *(np.array([cell]) for cell in (level, contract.strike, years, now.vol[n], 0.0)))
    return float(value[0]), False


def _date(expiry: float) -> str:
    return dt.datetime.fromtimestamp(expiry, dt.UTC).strftime("%Y-%m-%d")


def _moment(time: float) -> str:
    return dt.datetime.fromtimestamp(time, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


class ReplayPlan(NamedTuple):
    """How a replay goes.

    Attributes:
        parameters: values that override the methods' own
        history: the whole history range, of which each day sees the days before it alone; None for none
        from_chains: the history is that of the chains up to each day, with vols by tenor
        rows: rows of history that each day sees
        skip: chains before the first margin
        confidence: of the tests; a method that aims elsewhere is held against it all the same
    """

    parameters: Rows | None = None
    history: Rows | None = None
    from_chains: bool = False
    rows: int = 501
    skip: int = 0
    confidence: float = 0.99


def replay(
    books: dict[str, tuple[ReplayedLeg, ...]], methods: Sequence[str], chains: Iterable[Chain], plan: ReplayPlan
) -> tuple[list[Run], int]:
    """Every book under every method, and how many legs the next chain did not quote.

    Raises:
        MarginError: a method cannot margin a book on a day
    """
    daily = list(chains)
    pasts = _Pasts(history_of(daily) if plan.from_chains else plan.history, plan)
    runs, missing = [], 0
    for name, legs in books.items():
        series = held(legs, daily[plan.skip :])
        missing += series.missing
        dates = [_date(time) for time in series.times]
        for method in methods:
            margin = np.array([_margin(series, i, method, plan.parameters, pasts, name) for i in range(len(dates))])
            runs.append(Run(name, method.upper(), dates, margin, series.pnl, coverage(series.pnl, margin, plan.confidence), swings(margin)))
    return runs, missing


def _margin(series: BookSeries, i: int, method: str, parameters: Rows | None, pasts: _Pasts, book: str) -> float:
    """Initial margin of one day, asked as a sheet would."""
    answer = FUNCTIONS["PM_MARGIN"].call(series.positions[i], series.markets[i], method, parameters, pasts.before(series.times[i]))
    if not isinstance(answer, float):
        raise MarginError(f"{book} on {_date(series.times[i])} by {method}: {str(answer).removeprefix('#PM! ')}")
    return answer


class _Pasts:
    """The history as each day knew it."""

    def __init__(self, history: Rows | None, plan: ReplayPlan) -> None:
        self._rows = plan.rows
        self._side: Literal["left", "right"] = "right" if plan.from_chains else "left"  # a close of the day is not yet known
        rows = [list(row) for row in from_header(history or [])]
        self._head = rows[0] if rows else []
        at = Header(self._head, "history", HISTORY).column("Date") if rows else 0
        filled = [n for n in range(1, len(rows)) if not is_blank_row(rows[n])]
        self._body = [rows[n] for n in filled]
        cells, faults = [row[at] if at < len(row) else None for row in self._body], Faults("history")
        dates = instants(cells, [n + 1 for n in filled], "Date", faults, 0)
        for n, cell in zip(filled, cells):
            if is_blank(cell):
                faults.add(n + 1, "Date", "Date must be given", "type the day of these closes")
        faults.stop()
        self._days = np.floor(dates / DAY)

    def before(self, time: float) -> Rows | None:
        """The last rows that were known at a chain; None without a history."""
        if not self._head:
            return None
        end = int(np.searchsorted(self._days, time // DAY, self._side))
        return [self._head, *self._body[max(0, end - self._rows) : end]]


SUMMARY = [
    "Book",
    "Method",
    "Days",
    "Average margin",
    "Exceptions",
    "Expected",
    "Covered",
    "Kupiec p",
    "Independence p",
    "Basel zone",
    "Worst loss / margin",
    "Peak / trough",
    "Largest 5-day rise",
]


def summary(runs: Sequence[Run]) -> Rows:
    """One row per book and method: coverage, average cost, variability."""
    rows: Rows = [list(SUMMARY)]
    for run in runs:
        found = run.coverage
        above = run.margin > 0.0
        worst = float(np.max(-run.pnl[above] / run.margin[above])) if above.any() else ""
        rise = run.swings.increases.get(5, ("", ""))[1]
        swing = run.swings.peak_to_trough
        rows.append(
            [
                run.book,
                run.method,
                float(found.observations),
                float(run.margin.mean()),
                float(found.exceptions),
                found.expected,
                1.0 - found.exceptions / found.observations,
                found.kupiec[1],
                found.independence[1],
                found.zone,
                worst,
                swing if np.isfinite(swing) else "",
                rise,
            ]
        )
    return rows
