"""A reading: equity, margins, status and liquidation prices of a book on a market, as the PM functions answer them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import udfs  # noqa: F401  (fills the registry)
from xlmargin.desk.account import account_rules
from xlmargin.errors import MarginError
from xlmargin.live.watch.inputs import Snapshot
from xlmargin.sheet.ranges.parameters import told_overrides
from xlmargin.sheet.registry import ERROR, FUNCTIONS


class Nearest(NamedTuple):
    """The nearer of an underlying's two liquidation prices; move is a fraction of the price, − down.

    Price and move are NaN where it is liquidated on neither side.
    """

    underlying: str
    price: float
    move: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The answers of PM_STATUS and PM_LIQUIDATION on a book.

    Attributes:
        equity, initial, maintenance: [USD]
        usage: initial over equity, a text where there is no equity
        status: OK, WARNING, MARGIN CALL or LIQUIDATION
        warning_usage: from which usage on a warning is due [fraction]
        nearest: per underlying, none where they could not be found
        problem: the reason of a failure, else ""
    """

    equity: float
    initial: float
    maintenance: float
    usage: float | str
    status: str
    warning_usage: float
    nearest: tuple[Nearest, ...]
    problem: str = ""

    @property
    def headroom(self) -> float:
        """Equity less maintenance margin: the loss that leads to the liquidation [USD]."""
        return self.equity - self.maintenance

    @property
    def excess(self) -> float:
        """Equity less initial margin [USD]."""
        return self.equity - self.initial

    @property
    def first(self) -> Nearest | None:
        """The nearest liquidation of all; None where there is none."""
        known = [found for found in self.nearest if math.isfinite(found.move)]
        return min(known, key=lambda found: abs(found.move), default=None)


@dataclass(frozen=True, slots=True)
class Reading:
    """A tick that was computed, or could not be.

    Attributes:
        sequence: of the tick
        time: of the reading, seconds since 1970 UTC
        book: digest of the book that was margined
        method: its name
        market_time: valuation time of the feed's market, NaN where the book brings its own
        age: of the numbers [seconds]; infinite where there were none yet
        figures: None where nothing could be computed
        error: the message, "" when all is well
    """

    sequence: int
    time: float
    book: str
    method: str
    market_time: float
    age: float
    figures: Figures | None
    error: str


def figures_of(book: Snapshot, market: Any, as_of: float) -> Figures:
    """The numbers of a book on a market.

    Args:
        market: Market range, None where the book has none
        as_of: valuation time, seconds since 1970 UTC

    Raises:
        MarginError: as PM_STATUS says
    """
    ranges = book.ranges
    arguments = ranges.positions, book.equity, market, ranges.method, ranges.parameters, ranges.history
    status: Any = FUNCTIONS["PM_STATUS"].call(*arguments)
    if isinstance(status, str):
        raise MarginError(status.removeprefix(ERROR))
    equity, initial, maintenance, _, _, usage, word = (row[1] for row in status[1:])
    prices: Any = FUNCTIONS["PM_LIQUIDATION"].call(*arguments)
    problem = prices.removeprefix(ERROR) if isinstance(prices, str) else ""
    nearest = () if problem else tuple(_nearer(*row) for row in prices[1:])
    return Figures(
        equity,
        initial,
        maintenance,
        usage,
        word,
        _warning_usage(book.ranges.parameters, as_of),
        nearest,
        problem and f"no liquidation prices: {problem}",
    )


def _nearer(name: str, down: Any, down_move: Any, up: Any, up_move: Any) -> Nearest:
    """The nearer side of a row of PM_LIQUIDATION, whose cells are texts where it is liquidated on neither."""
    sides = [(price, move) for price, move in ((down, down_move), (up, up_move)) if isinstance(move, float)]
    return Nearest(name, *min(sides, key=lambda side: abs(side[1]), default=(math.nan, math.nan)))


def _warning_usage(parameters: Any, as_of: float) -> float:
    """The usage at which PM_STATUS warns."""
    return account_rules(as_of, told_overrides(parameters)).number("warning_usage")
