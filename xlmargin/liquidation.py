"""Liquidation prices: where maintenance first exceeds equity as one underlying's price moves, down and up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book import Book
from xlmargin.rules import Rules
from xlmargin.versions import Path

__all__ = ["Account", "Search", "liquidation", "steps"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Gap = Callable[[Floats], Floats]

NOISE = 1e-12  # of the value of the book: a gap below it is the rounding of equal numbers
AGREED = 1e-9  # relative difference up to which versions margined together count as margined apart
TOGETHER = 32  # versions of one pass at most
CELLS = 4_000_000  # account × instrument of one pass at most
WITHIN = 16  # points looked at within one step
LEVELS = 4  # times that a peak is looked at more closely
OVERSHOOT = 4.0  # how far above its highest point, in its own slope, a peak is taken to reach at most
EXACT = 1e-13  # of the price


class Search(NamedTuple):
    """How far a price is looked for, and in what steps; fractions of the price."""

    lowest: float
    highest: float
    near: float
    near_step: float
    far_step: float

    @classmethod
    def of(cls, rules: Rules) -> Search:
        """As the account's parameters say."""
        return cls(*(rules.number(name) for name in ("lowest_move", "highest_move", "near_reach", "near_step", "far_step")))


def steps(search: Search, strikes: Floats, side: int) -> Floats:
    """Moves to look at on one side, from the current price outwards, the strikes among them.

    Parameters
    ----------
    strikes: moves at which something bends
    side: −1 down, +1 up
    """
    near = np.arange(1, int(np.ceil(search.near / search.near_step - NOISE)) + 1) * search.near_step
    if side < 0:
        far = np.arange(near[-1] + search.far_step, 1.0, search.far_step)
        moves = np.concatenate([-near, -far, strikes, [search.lowest]])
        return np.unique(moves[(moves < 0.0) & (moves >= search.lowest)])[::-1]
    top = np.log1p(search.highest) - np.log1p(near[-1])
    far = (1.0 + near[-1]) * np.exp(np.arange(1, max(int(top / np.log1p(search.far_step)), 0) + 1) * np.log1p(search.far_step))
    moves = np.concatenate([near, far - 1.0, strikes, [search.highest]])
    return np.unique(moves[(moves > 0.0) & (moves <= search.highest)])


@dataclass
class Account:
    """An account along the path of one underlying.

    Parameters
    ----------
    path: its positions
    maintenance: maintenance margin of each account of a book (A,)
    equity: at the current price, balances included
    coin: amount of the underlying among the balances, after haircuts, which moves with the price [account currency]
    """

    path: Path
    maintenance: Callable[[Book], Floats]
    equity: float
    coin: float
    apart: bool | None = field(default=None)  # whether versions must be margined one by one; None: not yet known

    @property
    def noise(self) -> float:
        """A gap that is rounding alone."""
        book = self.path.book
        gross = float(np.abs(book.units) @ book.instruments.level[book.instrument]) if len(book.row) else 0.0
        return NOISE * (gross + abs(self.equity) + abs(self.coin))

    def gap(self, moves: Floats) -> Floats:
        """Maintenance less equity at each move, above 0 in liquidation (V,)."""
        equity = self.equity + self.path.pnl(moves) + self.coin * moves
        return self._margins(moves) - equity - self.noise

    def one(self, move: float) -> float:
        """The same at one move."""
        return float(self.gap(np.array([move]))[0])

    @property
    def together(self) -> int:
        """Versions of one pass."""
        most = int((CELLS / (max(self.path.size, 1) * len(self.path.book.accounts))) ** 0.5)
        return max(min(TOGETHER, most), 2)

    def _margins(self, moves: Floats) -> Floats:
        if not self.path.size:  # a coin that no position is in: the margin stays
            return np.full(len(moves), self.maintenance(self.path.book).sum())
        parts = [self._pass(moves[start:start + self.together]) for start in range(0, len(moves), self.together)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _pass(self, moves: Floats) -> Floats:
        """The margin at each of a few moves, in one pass where the method reads each account's own market.

        The first pass tells: its first and last version are margined alone, too, and both ways must agree.
        """
        if self.apart or len(moves) == 1:
            return np.array([self._alone(move) for move in moves.tolist()])
        values = np.broadcast_to(self.maintenance(self.path.at(moves)), (len(moves) * len(self.path.book.accounts),))
        sums: Floats = values.reshape(len(moves), -1).sum(axis=1)
        if self.apart is None:
            alone = np.array([self._alone(float(moves[0])), self._alone(float(moves[-1]))])
            self.apart = not np.allclose(sums[[0, -1]], alone, rtol=AGREED, atol=self.noise)
            return self._pass(moves) if self.apart else sums
        return sums

    def _alone(self, move: float) -> float:
        return float(self.maintenance(self.path.at(np.array([move]))).sum())


def liquidation(account: Account, search: Search) -> tuple[float | None, float | None]:
    """The moves down and up at which maintenance first exceeds equity, None where it never does within the search.

    Returns
    -------
    both 0 for an account that is in liquidation as it stands
    """
    now = account.one(0.0)
    if now > 0.0:
        return 0.0, 0.0
    strikes = account.path.strikes()
    return _first(account, steps(search, strikes, -1), now), _first(account, steps(search, strikes, 1), now)


def _first(account: Account, moves: Floats, now: float) -> float | None:
    """The first move, outwards, at which the gap is above 0."""
    seen, gaps = np.zeros(1), np.array([now])
    for start in range(0, len(moves), account.together):
        seen = np.append(seen, moves[start:start + account.together])
        gaps = np.append(gaps, account.gap(moves[start:start + account.together]))
        if (gaps > 0.0).any():
            break
    crossed = gaps > 0.0
    if crossed.any():
        last = int(np.argmax(crossed))
        seen, gaps = seen[:last + 1], gaps[:last + 1]
    seen, gaps = _closer(account, seen, gaps)
    if not (gaps > 0.0).any():
        return None
    return _root(account, seen, int(np.argmax(gaps > 0.0)))


def _closer(account: Account, seen: Floats, gaps: Floats) -> tuple[Floats, Floats]:
    """The points seen, with more of them around every peak of the gap that may reach above 0 between two of them."""
    peaks = np.flatnonzero((gaps[1:-1] >= gaps[:-2]) & (gaps[1:-1] >= gaps[2:]) & (gaps[1:-1] <= 0.0)) + 1
    for _ in range(LEVELS):
        if not len(peaks):
            break
        inner = np.arange(1, WITHIN) / WITHIN
        left, middle, right = seen[peaks - 1, None], seen[peaks, None], seen[peaks + 1, None]
        more = np.concatenate([left + (middle - left) * inner, middle + (right - middle) * inner], axis=1).ravel()
        order = np.argsort(np.abs(np.append(seen, more)), kind="stable")
        seen, gaps = np.append(seen, more)[order], np.append(gaps, account.gap(more))[order]
        first = int(np.argmax(gaps > 0.0)) if (gaps > 0.0).any() else len(gaps) - 1
        seen, gaps = seen[:first + 1], gaps[:first + 1]
        here = gaps[1:-1]
        slope = np.maximum(here - gaps[:-2], here - gaps[2:])
        peaks = np.flatnonzero((here >= gaps[:-2]) & (here >= gaps[2:]) & (here + OVERSHOOT * slope > 0.0)) + 1
    return seen, gaps


def _root(account: Account, seen: Floats, last: int) -> float:
    """The first root between the last point without and the first with a gap."""
    from scipy.optimize import brentq

    points = np.linspace(seen[last - 1], seen[last], WITHIN + 1)
    crossed = account.gap(points) > 0.0
    n = max(int(np.argmax(crossed)) if crossed.any() else WITHIN, 1)
    inside, outside = float(points[n - 1]), float(points[n])
    if account.one(inside) > 0.0:
        return inside
    if account.one(outside) <= 0.0:
        return outside
    return float(brentq(account.one, inside, outside, xtol=EXACT, rtol=EXACT))
