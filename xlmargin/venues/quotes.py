"""The quotes of a venue at one moment, and those that a book needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from xlmargin.book.contracts import CALL, FUTURE, Contract, parse_instrument
from xlmargin.book.positions import Positions
from xlmargin.errors import Faults, MarginError
from xlmargin.methods.json_shape import Node
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.ranges.positions import read_positions

Option = tuple[str, float, float]  # underlying, expiry as seconds since 1970 UTC, strike


class VenueError(MarginError):
    """A venue that did not answer, or not in full; `wait` is the seconds for which it asked to be left alone."""

    def __init__(self, text: str, wait: float = 0.0) -> None:
        super().__init__(text)
        self.wait = wait


class NotListed(VenueError):
    """The venue answered that it does not know the requested item."""


class VenueAnswer(Node):
    """An object of a live answer; one that lacks something, or holds something else in its place, is half an answer."""

    __slots__ = ()
    mend = ""

    def error(self, text: str) -> VenueError:
        """Half an answer, which the next one may complete."""
        return VenueError(f"half an answer: {text}")


class Point(NamedTuple):
    """One quoted contract of an expiry.

    Attributes:
        underlying: upper-case coin
        expiry: seconds since 1970 UTC
        strike: NaN of a future, which carries the forward alone [USD]
        forward: NaN where none is quoted [USD]
        vol: NaN where none is quoted [fraction]
    """

    underlying: str
    expiry: float
    strike: float
    forward: float
    vol: float


@dataclass(frozen=True, slots=True)
class Quotes:
    """The quotes of one moment as long columns (N,), NaN where a contract carries no such value.

    Attributes:
        source: venue
        time: seconds since 1970 UTC, by the venue's clock
        spot: index of each underlying [USD]
        underlying: upper-case coins (N,)
        expiry: seconds since 1970 UTC (N,)
        strike: NaN of futures (N,) [USD]
        forward: of the expiry (N,) [USD]
        vol: fraction (N,)
        unlisted: underlyings that the venue does not know
    """

    source: str
    time: float
    spot: Mapping[str, float]
    underlying: tuple[str, ...]
    expiry: Floats
    strike: Floats
    forward: Floats
    vol: Floats
    unlisted: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, source: str, time: float, spot: Mapping[str, float], points: Sequence[Point], unlisted: frozenset[str] = frozenset()
    ) -> Quotes:
        """Quotes from their points."""
        expiry, strike, forward, vol = (np.array([point[i] for point in points], np.float64) for i in range(1, 5))
        return cls(source, time, spot, tuple(point.underlying for point in points), expiry, strike, forward, vol, unlisted)


@dataclass(frozen=True, slots=True)
class Needs:
    """The quotes that a book needs to be margined.

    Attributes:
        underlyings: upper-case coins, sorted
        options: underlying, expiry, strike of every option held
        dated: underlyings of which a dated future is held
        coin_settled: underlyings of which an option settled in the coin is held
    """

    underlyings: tuple[str, ...]
    options: frozenset[Option]
    dated: frozenset[str]
    coin_settled: frozenset[str]

    def with_options(self) -> tuple[str, ...]:
        """Underlyings of which options are held, sorted."""
        return tuple(sorted({underlying for underlying, _, _ in self.options}))


def needs_of(positions: Any) -> Needs:
    """The needs of the readable rows of a positions range; a row with a fault is reported by PM_CHECK, not here.

    Raises:
        MarginError: the range has no header, or lacks the headings without which no row can be read
    """
    return _needs(read_positions(positions, Faults()))


def _needs(book: Positions) -> Needs:
    names = [book.underlyings[u] for u in book.underlying.tolist()]
    rows = [
        (name, int(kind), float(expiry), float(strike), bool(inverse))
        for name, kind, expiry, strike, inverse in zip(names, book.kind, book.expiry, book.strike, book.inverse)
        if name
    ]
    options = [row for row in rows if row[1] >= CALL and math.isfinite(row[2]) and math.isfinite(row[3])]
    return Needs(
        underlyings=tuple(sorted({row[0] for row in rows})),
        options=frozenset((name, expiry, strike) for name, _, expiry, strike, _ in options),
        dated=frozenset(row[0] for row in rows if row[1] == FUTURE),
        coin_settled=frozenset(row[0] for row in options if row[4]),
    )


def positive(value: Any) -> float:
    """A positive number, written as a number or as text; NaN for anything else: venues write 0, "" or null for none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return number if 0.0 < number < math.inf else math.nan


def rows_of(answer: Any, *path: str) -> list[dict[str, Any]]:
    """The rows of an answer under a path of keys.

    Raises:
        VenueError: the answer is cut off, or has another shape
    """
    top = VenueAnswer(answer if path else {"it": answer})
    for key in path[:-1]:
        top = top.node(key)
    return [row.cells for row in top.nodes(path[-1] if path else "it")]


@dataclass(slots=True)
class Gathered:
    """The answers of one refresh so far: indexes and their times, smiles, and coins that are not listed."""

    venue: str
    spot: dict[str, float] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    unlisted: set[str] = field(default_factory=set)

    def index(self, coin: str, spot: float, time: float) -> None:
        """Take in the index of a coin.

        Raises:
            VenueError: there is none
        """
        if math.isnan(spot):
            raise VenueError(f"half an answer: no index price of {coin}")
        self.spot[coin] = spot
        self.times.append(time)

    def smiles(self, marks: Sequence[Mark], coins: Sequence[str]) -> None:
        """Take in the smiles of some coins, or the forwards of their futures."""
        self.points += smile(marks, self.venue, coins)

    def quotes(self) -> Quotes:
        """All of it, of the latest time that was given."""
        told = [moment for moment in self.times if math.isfinite(moment)]
        return Quotes.of(self.venue, max(told, default=math.nan), self.spot, self.points, frozenset(self.unlisted))


class Mark(NamedTuple):
    """One row of a venue's chain: its name, and its forward, vol and mark as quoted, NaN where none is."""

    name: str
    forward: float
    vol: float
    price: float = math.nan


class ChainKeys(NamedTuple):
    """The keys of a venue's answers that hold quotes.

    Attributes:
        name: the instrument
        forward: of an option's expiry, "" where the venue gives none
        vol: of an option's mark, best first
        price: marks, best first
        indexes: of the underlying, best first
        times: of a quote, best first
        chain: the request whose answer holds a chain with its vols
        percent: whether vols are in percent
    """

    name: str
    forward: str
    vol: tuple[str, ...]
    price: tuple[str, ...]
    indexes: tuple[str, ...]
    times: tuple[str, ...]
    chain: str
    percent: bool = False

    @property
    def unit(self) -> float:
        """The factor that makes a vol a fraction."""
        return 0.01 if self.percent else 1.0

    def marks(self, rows: Sequence[Mapping[str, Any]]) -> list[Mark]:
        """The rows of a live answer; whatever is no positive number counts as not quoted."""
        return [
            Mark(
                str(row.get(self.name)),
                positive(row.get(self.forward)),
                positive(row.get(self.vol[0])) * self.unit,
                positive(row.get(self.price[0])),
            )
            for row in rows
        ]


def smile(marks: Sequence[Mark], venue: str, coins: Sequence[str]) -> list[Point]:
    """The points of some coins' smiles, as `points_of` makes them.

    Args:
        marks: rows of the chain, options and futures
        coins: upper-case names; rows of others are left out
    """
    named = [(parse_instrument(mark.name, venue), mark) for mark in marks]
    return points_of([(contract, mark) for contract, mark in named if contract is not None and contract.underlying in coins], {})


def points_of(marks: Sequence[tuple[Contract, Mark]], spot: Mapping[str, float]) -> list[Point]:
    """The points of smiles: of the call and the put of a strike, the one out of the money where it has a vol.

    Rows of an expiry that were quoted a moment apart differ in their forward; a point carries the mean of its strike.

    Args:
        marks: options and futures; contracts without an expiry are left out
        spot: of each underlying; it says what is out of the money where a row has no forward
    """
    found: dict[Option, tuple[bool, Point]] = {}
    futures: list[Point] = []
    forwards: dict[Option, list[float]] = {}
    for contract, mark in marks:
        if not math.isfinite(contract.expiry):
            continue
        point = Point(contract.underlying, contract.expiry, contract.strike, mark.forward, mark.vol)
        if contract.kind < CALL:
            futures.append(point._replace(forward=mark.price, vol=math.nan))
            continue
        key = (contract.underlying, contract.expiry, contract.strike)
        if math.isfinite(mark.forward):
            forwards.setdefault(key, []).append(mark.forward)
        middle = mark.forward if math.isfinite(mark.forward) else spot.get(contract.underlying, math.nan)
        better = math.isfinite(mark.vol) and (contract.strike >= middle) == (contract.kind == CALL)
        if key not in found or better or not math.isfinite(found[key][1].vol):
            found[key] = (better, point)
    level = {key: math.fsum(values) / len(values) for key, values in forwards.items()}
    return [*(point._replace(forward=level.get(key, math.nan)) for key, (_, point) in found.items()), *futures]
