"""A search for the trades of smallest margin and cost where only the margin itself can evaluate a trade."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest

import numpy as np
from numpy.typing import NDArray

from xlmargin.desk.hedge.programme import Sizes
from xlmargin.pricing.arrays import Floats

LEAST_SIZES = 4  # of each trade in one round
MOST_SIZES = 64
ROUNDS = 6  # that the number of margins should be enough for
GAINED = 1e-9  # of the margin, that a change must gain


@dataclass
class Search:
    """Sizes changed one by one, then two at a time, as long as something is gained.

    Attributes:
        margins: margin of versions (V, J) -> (V,), inf where there is none
        sizes: that each trade may have (J,)
        trades, budget: most trades, and most that they may cost
        most: margins asked for at most
        until: time at which it ends [seconds of the monotonic clock]
        chunk: versions margined before the clock is read
        done: margins asked for
        late: the time was over before the search came to its end
    """

    margins: Callable[[Floats], Floats]
    sizes: Sizes
    trades: float
    budget: float
    most: int
    until: float
    chunk: int
    done: int = 0
    late: bool = False

    def best(self, starts: Sequence[Floats], before: float) -> Floats:
        """Units of each trade (J,), the best that is found from any of the starts.

        Args:
            starts: units of each trade, none of them among these
            before: size of the margin
        """
        found = [
            self._climb(start, max(abs(before), 1.0) * GAINED, (n + 1) * self.most // len(starts))
            for n, start in enumerate(starts)
            if self._allowed(start[None])[0]
        ]
        return min(found, key=lambda item: item[1])[0]

    def _climb(self, at: Floats, least: float, most: int) -> tuple[Floats, float]:
        """Trades that no change of one size, or of two, makes better by more than rounding, and their worth."""
        value = float(self._worth(at[None])[0])
        while self.done < most and not self.late:
            better = self._step(self._singles(at), value - least)
            better = self._step(self._pairs(at, most), value - least) if better is None else better
            if better is None:
                break
            at, value = better
        return at, value

    def _step(self, versions: Floats, below: float) -> tuple[Floats, float] | None:
        """The best of some versions, None where it is not below."""
        versions = versions[self._allowed(versions)]
        worth = np.full(len(versions), np.inf)
        for start in range(0, len(versions), self.chunk):
            self.late = time.monotonic() >= self.until
            if self.late:
                break
            worth[start : start + self.chunk] = self._worth(versions[start : start + self.chunk])
        if not len(versions):
            return None
        n = int(np.argmin(worth))
        return (versions[n], float(worth[n])) if worth[n] < below else None

    def _worth(self, versions: Floats) -> Floats:
        """Margin and cost of versions, and the penalty on their size (V,)."""
        self.done += len(versions)
        return self.margins(versions) + np.abs(versions) @ (self.sizes.cost + self.sizes.weight)

    def _allowed(self, versions: Floats) -> NDArray[np.bool_]:
        """Versions with no more trades and no more cost than allowed (V,)."""
        cost = np.abs(versions) @ self.sizes.cost
        few = np.count_nonzero(versions, axis=1) <= self.trades
        return np.asarray(few & (cost <= self.budget * (1.0 + GAINED)), np.bool_)

    def _singles(self, at: Floats) -> Floats:
        """Versions that differ in one trade: every size of few, a grid of many, and steps from where it is."""
        count = int(np.clip(self.most // (ROUNDS * len(at)), LEAST_SIZES, MOST_SIZES))
        sizes = [[size for size in self._sizes(j, float(at[j]), count) if size != at[j]] for j in range(len(at))]
        rounds = zip_longest(*([(j, size) for size in each] for j, each in enumerate(sizes)))  # each trade is tried early
        return _changed(at, [[pair] for some in rounds for pair in some if pair is not None])

    def _sizes(self, j: int, now: float, count: int) -> list[float]:
        """Sizes of one trade to try, the limits and none first among them."""
        low, high = -float(self.sizes.sell[j]), float(self.sizes.buy[j])
        if high - low <= count:
            every = np.arange(np.ceil(low), np.floor(high) + 1.0)
        else:
            half = max(count // 2, 2)
            steps = 2.0 ** np.unique(np.round(np.linspace(0.0, np.log2(high - low), max(half // 2, 1))))
            every = np.concatenate([np.linspace(low, high, half), now + steps, now - steps])
            every = np.round(every) if self.sizes.whole[j] else every
        return list(dict.fromkeys([high, low, 0.0, *every[(every >= low) & (every <= high)].tolist()]))

    def _pairs(self, at: Floats, most: int) -> Floats:
        """Versions that differ in two trades, each by one unit or to a limit; none where these are too many."""
        room = most - self.done
        options = [[(j, size) for size in dict.fromkeys(self._few(j, float(at[j]))) if size != at[j]] for j in range(len(at))]
        count = sum(len(one) * len(other) for one, other in combinations(options, 2))
        if count > room:
            return np.empty((0, len(at)))
        return _changed(at, [[first, second] for one, other in combinations(options, 2) for first in one for second in other])

    def _few(self, j: int, now: float) -> list[float]:
        """Sizes of one trade to try with those of another."""
        low, high = -float(self.sizes.sell[j]), float(self.sizes.buy[j])
        return [size for size in (now - 1.0, now + 1.0, low, high, 0.0) if low <= size <= high]


def _changed(at: Floats, changes: Sequence[Sequence[tuple[int, float]]]) -> Floats:
    """Copies of the sizes (J,), each with some of them changed (V, J)."""
    result = np.tile(at, (len(changes), 1))
    for v, change in enumerate(changes):
        for j, size in change:
            result[v, j] = size
    return result
