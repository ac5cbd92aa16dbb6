"""Liquidation prices: where maintenance first exceeds equity as one underlying's price moves, down and up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book
from xlmargin.desk.versions import Path
from xlmargin.margin.parameters import Rules
from xlmargin.pricing.arrays import Floats

NOISE = 1e-12  # of the value of the book: a gap below it is the rounding of equal numbers
TOGETHER = 8  # versions of one pass at most: the product of accounts and instruments grows with the square
CELLS = 4_000_000  # account × instrument of one pass at most
CHUNK = 16  # steps tried before the search may stop
REACH = 1.5  # margin between two coarse steps is taken to be at most this multiple of the larger of theirs
WITHIN = 8  # points tried within one fine step
LEVELS = 5  # times that a peak is refined
OVERSHOOT = 4.0  # how far above its highest point, in its own slope, a peak is taken to reach at most
WIDTH = 0.5  # of the narrowest option's standard deviation: the widest step near the current price
EXACT = 1e-13  # of the price


class PriceSearch(NamedTuple):
    """The range and the steps of the search for a price; fractions of the price."""

    lowest: float
    highest: float
    near: float
    near_step: float
    far_step: float

    @classmethod
    def of(cls, rules: Rules) -> PriceSearch:
        """The search as set by the account's parameters."""
        return cls(*(rules.number(name) for name in ("lowest_move", "highest_move", "near_reach", "near_step", "far_step")))


def coarse_steps(search: PriceSearch, side: int, width: float) -> Floats:
    """Moves at which the margin is found wherever equity is, from the current price outwards.

    Args:
        side: −1 down, +1 up
        width: step within the near reach
    """
    near = np.arange(1, int(np.ceil(search.near / width - NOISE)) + 1) * width
    if side < 0:
        far = np.arange(near[-1] + search.far_step, 1.0, search.far_step)
        moves = np.concatenate([-near, -far, [search.lowest]])
        return np.unique(moves[(moves < 0.0) & (moves >= search.lowest)])[::-1]
    growth = np.log1p(search.far_step)
    count = max(int((np.log1p(search.highest) - np.log1p(near[-1])) / growth), 0)
    far = (1.0 + near[-1]) * np.exp(np.arange(1, count + 1) * growth) - 1.0
    moves = np.concatenate([near, far, [search.highest]])
    return np.unique(moves[moves <= search.highest])


def fine_steps(search: PriceSearch, side: int, strikes: Floats) -> Floats:
    """Moves at which equity is found everywhere, and the margin wherever it may exceed it; strikes are among them.

    Args:
        strikes: moves at which a payoff bends
    """
    near = side * np.arange(1, int(np.ceil(search.near / search.near_step - NOISE)) + 1) * search.near_step
    both = np.unique(np.concatenate([near, strikes]))
    kept = both[(both < 0.0) & (both >= search.lowest)][::-1] if side < 0 else both[(both > 0.0) & (both <= search.highest)]
    return np.asarray(kept, np.float64)


@dataclass
class Account:
    """An account along the path of one underlying.

    Attributes:
        path: its positions
        maintenance: maintenance margin of each account of a book (A,)
        now: equity at the current price, balances included
        coin: amount of the underlying among the balances, after haircuts, which moves with the price [account currency]
    """

    path: Path
    maintenance: Callable[[Book], Floats]
    now: float
    coin: float

    def __post_init__(self) -> None:
        book = self.path.book
        gross = float(np.abs(book.units) @ book.instruments.level[book.instrument]) if len(book.row) else 0.0
        self.noise = NOISE * (gross + abs(self.now) + abs(self.coin))  # a gap that is rounding alone

    def equity(self, moves: Floats) -> Floats:
        """Equity at each move: positions and balances revalued (V,)."""
        return self.now + self.path.pnl(moves) + self.coin * moves

    def gap(self, move: float) -> float:
        """Maintenance less equity at one move, above 0 in liquidation."""
        here = np.array([move])
        return float((self.margins(here) - self.equity(here))[0]) - self.noise

    def margins(self, moves: Floats) -> Floats:
        """Maintenance margin at each move (V,)."""
        if not self.path.size:  # a coin that no position is in: the margin stays
            return np.full(len(moves), self.maintenance(self.path.book).sum())
        most = int((CELLS / (self.path.size * len(self.path.book.accounts))) ** 0.5)
        together = max(min(TOGETHER, most), 2)
        parts = [self._pass(moves[start : start + together]) for start in range(0, len(moves), together)]
        return np.concatenate([np.empty(0), *parts])

    def _pass(self, moves: Floats) -> Floats:
        """The margin at each of a few moves, whose versions are accounts of one book."""
        values = np.broadcast_to(self.maintenance(self.path.at(moves)), (len(moves) * len(self.path.book.accounts),))
        sums: Floats = values.reshape(len(moves), -1).sum(axis=1)
        return sums


class _Trace:
    """The moves evaluated so far of an account on one side, from the current price outwards."""

    def __init__(self, account: Account, moves: Floats) -> None:
        self.account, self.moves = account, moves
        self.margin, self.equity = account.margins(moves), account.equity(moves)

    @property
    def gap(self) -> Floats:
        """Maintenance less equity (V,)."""
        return self.margin - self.equity - self.account.noise

    def add(self, moves: Floats) -> None:
        """Try more moves; those beyond the first with a gap are dropped."""
        moves = np.concatenate([self.moves, moves])
        order = np.argsort(np.abs(moves), kind="stable")
        new = moves[len(self.moves) :]
        self.margin = np.concatenate([self.margin, self.account.margins(new)])[order]
        self.equity = np.concatenate([self.equity, self.account.equity(new)])[order]
        self.moves = moves[order]
        if self.crossed:
            last = int(np.argmax(self.gap > 0.0)) + 1
            self.moves, self.margin, self.equity = self.moves[:last], self.margin[:last], self.equity[:last]

    @property
    def crossed(self) -> bool:
        """Whether there is a gap anywhere."""
        return bool((self.gap > 0.0).any())

    def critical(self, fine: Floats, start: int) -> Floats:
        """Fine steps between neighbours, from the start-th on, in which the margin may exceed the equity."""
        fine = fine[(np.abs(fine) > abs(self.moves[start])) & (np.abs(fine) < abs(self.moves[-1]))]
        fine = fine[~np.isin(fine, self.moves)]
        if not len(fine):
            return fine
        after = np.searchsorted(np.abs(self.moves), np.abs(fine))
        most = REACH * np.maximum(self.margin[after - 1], self.margin[after])
        least = np.minimum(self.equity[after - 1], self.equity[after])
        np.minimum.at(low := np.full(len(self.moves), np.inf), after, np.minimum(self.account.equity(fine), least))
        return fine[most > low[after]]

    def peaks(self) -> NDArray[np.int64]:
        """Places of the highest points between two others next to which the curve may reach above 0."""
        gap = self.gap
        here, slope = gap[1:-1], np.maximum(gap[1:-1] - gap[:-2], gap[1:-1] - gap[2:])
        top = (here >= gap[:-2]) & (here >= gap[2:]) & (here <= 0.0) & (here + OVERSHOOT * slope > 0.0)
        return np.flatnonzero(top) + 1


def liquidation(account: Account, search: PriceSearch) -> tuple[float | None, float | None]:
    """The moves down and up at which maintenance first exceeds equity, None where it never does within the search.

    Returns:
        both 0 for an account that is already in liquidation
    """
    if account.gap(0.0) > 0.0:
        return 0.0, 0.0
    spread = account.path.deviations()
    width = float(np.clip(WIDTH * spread.min(initial=np.inf), search.near_step, max(search.near_step, search.far_step)))
    strikes = account.path.strikes()
    down, up = (_first(account, coarse_steps(search, side, width), fine_steps(search, side, strikes)) for side in (-1, 1))
    return down, up


def _first(account: Account, coarse: Floats, fine: Floats) -> float | None:
    """The first move, outwards, at which there is a gap."""
    trace = _Trace(account, np.zeros(1))
    for start in range(0, len(coarse), CHUNK):
        seen = len(trace.moves) - 1
        trace.add(coarse[start : start + CHUNK])
        trace.add(trace.critical(fine, seen))
        if trace.crossed:
            break
    for _ in range(LEVELS):
        peaks = trace.peaks()
        if not len(peaks):
            break
        inner = np.arange(1, WITHIN) / WITHIN
        left, middle, right = (trace.moves[peaks + n, None] for n in (-1, 0, 1))
        trace.add(np.unique(np.concatenate([left + (middle - left) * inner, middle + (right - middle) * inner])))
    return _root(account, trace) if trace.crossed else None


def _root(account: Account, trace: _Trace) -> float:
    """The first root between the last point without a gap and the first with one."""
    from scipy.optimize import brentq

    trace.add(np.linspace(trace.moves[-2], trace.moves[-1], WITHIN + 1)[1:-1])
    inside, outside = float(trace.moves[-2]), float(trace.moves[-1])
    if account.gap(inside) > 0.0:
        return inside
    if account.gap(outside) <= 0.0:
        return outside
    return float(brentq(account.gap, inside, outside, xtol=EXACT, rtol=EXACT))
