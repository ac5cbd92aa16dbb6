"""Our margin next to the venue's own: the difference, the first line that differs, and an alarm beyond a tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xlmargin.book.contracts import SPOT
from xlmargin.errors import Faults, MarginError
from xlmargin.sheet.cells import from_header
from xlmargin.sheet.ranges.market import read_market
from xlmargin.sheet.ranges.positions import read_positions
from xlmargin.sheet.ranges.venues import read_venues
from xlmargin.sheet.registry import ERROR, FUNCTIONS
from xlmargin.venues.outcome import differ
from xlmargin.venues.theirs import Theirs

HEADINGS = ("Account", "Measure", "Ours", "Theirs", "Difference", "First differing line", "Alarm")
TOLERANCE = 0.01  # of the larger of the two
DOLLARS = ("USD", "USDC", "USDT")
INITIAL, MAINTENANCE = "Initial margin", "Maintenance margin"


class Ours(NamedTuple):
    """Our margins of the positions that one row of a venue's margins is about.

    Attributes:
        initial, maintenance: required, + [the currency of that row]
        lines: every line of the statement by its label, summed where a label occurs more than once at its highest level
    """

    initial: float
    maintenance: float
    lines: Mapping[str, float]


def reconcile(ours: Sequence[Ours], theirs: Sequence[Theirs], tolerance: float = TOLERANCE) -> list[list[Any]]:
    """Two rows, initial and maintenance, for each of the venue's margins.

    Args:
        ours: as `our_margins` gives them for `theirs`
        tolerance: fraction of the larger amount by which two may differ

    Returns:
        table with the header HEADINGS; Difference = Ours − Theirs; Alarm is ALARM or OK
    """
    rows: list[list[Any]] = [list(HEADINGS)]
    for mine, his in zip(ours, theirs, strict=True):
        account = " ".join(part for part in (his.venue, his.account, his.currency) if part)
        for measure, own, told in ((INITIAL, mine.initial, his.initial), (MAINTENANCE, mine.maintenance, his.maintenance)):
            alarm = differ(own, told, tolerance)
            first = ""
            if alarm:
                first = next(
                    (label for label, amount in his.lines.items() if differ(mine.lines.get(label, 0.0), amount, tolerance)), measure
                )
            rows.append([account, measure, own, told, own - told, first, "ALARM" if alarm else "OK"])
    return rows


def our_margins(
    theirs: Sequence[Theirs],
    positions: list[list[Any]],
    market: list[list[Any]] | None,
    parameters: list[list[Any]] | None = None,
    method: str | None = None,
) -> list[Ours]:
    """Our margin of the positions behind each row of a venue's margins, in that row's currency.

    A row in a coin is about contracts settled in it, one in USDC or USDT about the others, one in USD about all; where the
    positions have an Account of the row's name, about that account's alone.

    Raises:
        MarginError: the positions cannot be margined, or a coin has no spot
    """
    result = []
    for row in theirs:
        mine = [positions[0], *_behind(row, positions)]
        unit = 1.0 if row.currency in DOLLARS else _spot(row.currency, positions, market)
        lines = _statement(mine, market, method or row.method, parameters) if len(mine) > 1 else {}
        scaled = {label: amount / unit for label, amount in lines.items()}
        result.append(Ours(scaled.get(INITIAL, 0.0), scaled.get(MAINTENANCE, 0.0), scaled))
    return result


def _behind(row: Theirs, positions: list[list[Any]]) -> list[list[Any]]:
    """The position rows that a margin is about."""
    book = read_positions(positions, Faults())
    owned = np.array([book.underlyings[u] == row.currency for u in book.underlying.tolist()], np.bool_)
    mine = {"USD": np.ones(len(owned), np.bool_)}.get(
        row.currency, ~book.inverse & (book.kind != SPOT) if row.currency in DOLLARS else book.inverse & owned
    )
    if row.account and row.account in book.accounts:
        mine &= book.account == book.accounts.index(row.account)
    rows, named = from_header(positions), read_venues(positions)
    return [list(rows[n - 1]) for n in book.row[mine].tolist() if named.get(n, row.venue) == row.venue]


def _statement(positions: list[list[Any]], market: Any, method: str, parameters: Any) -> dict[str, float]:
    """Labels and amounts of our statement; the highest level of a label counts."""
    rows: Any = FUNCTIONS["PM_EXPLAIN"].call(positions, market, method, parameters, None)
    if isinstance(rows, str):
        raise MarginError(rows.removeprefix(ERROR))
    levels: dict[str, float] = {}
    lines: dict[str, float] = {}
    for level, label, amount, *_ in rows[1:]:
        if level < levels.get(label, math.inf):
            levels[label], lines[label] = level, amount
        elif level == levels[label]:
            lines[label] += amount
    return lines


def _spot(coin: str, positions: list[list[Any]], market: Any) -> float:
    """Spot of a coin, from the market, else from a position row."""
    read = read_market(market, Faults())
    if coin in read.underlyings and read.spot[read.underlyings.index(coin)] > 0.0:
        return float(read.spot[read.underlyings.index(coin)])
    book = read_positions(positions, Faults())
    for u, spot in zip(book.underlying.tolist(), book.spot.tolist()):
        if book.underlyings[u] == coin and spot > 0.0:
            return float(spot)
    raise MarginError(f"the venue tells a margin in {coin}, and the book has no spot of {coin}: add it to the Market range")
