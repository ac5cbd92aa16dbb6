"""A margin as a linear programme: the statement of its versions read back as the least value that its rules allow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.margin.statement import GIVEN, LARGEST, LESS, QUOTIENT, TIMES, TOTAL, WORST, Line
from xlmargin.pricing.arrays import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_array


SAME = 1e-9  # of the largest value of a line, by which equal ones may differ by rounding
MIXED = 16  # versions that trade everything at once, which show whether a line is linear in all of it
SCALE = 1e4  # size of the objective: the solver's tolerances are absolute
SMALLEST = 1e-6  # of the limit, below which a size that need not be whole is rounding
TIDYING = 0.2  # of the solver's time, for finding the smallest of equal hedges
GAP = 1e-9  # of the objective, up to which the solver proves


class Sizes(NamedTuple):
    """The sizes that each of J trades may have: multiples of a unit.

    Attributes:
        unit: quantity of one step, a lot where sizes are whole
        whole: sizes are whole multiples of the unit
        buy, sell: most units either way
        cost: of one unit, bought or sold [account currency]
        weight: penalty per unit, which decides between two hedges that are otherwise equal
        back: of one unit sold, where that is another cost
    """

    unit: Floats
    whole: NDArray[np.bool_]
    buy: Floats
    sell: Floats
    cost: Floats
    weight: Floats
    back: Floats | None = None


class Solution(NamedTuple):
    """The best trades of a programme.

    Attributes:
        units: signed, of each trade (J,)
        margin: the margin with them according to the programme
        bound: no trades have a smaller margin and cost together by the programme
        proven: whether the solver proved that
    """

    units: Floats
    margin: float
    bound: float
    proven: bool


class _Sum(NamedTuple):
    """An amount: a constant, an amount per unit bought and sold (2n,), and an amount per helping variable."""

    constant: float
    trades: Floats
    helpers: dict[int, float]

    def times(self, factor: float) -> _Sum:
        """The amount × a factor."""
        return _Sum(self.constant * factor, self.trades * factor, {i: value * factor for i, value in self.helpers.items()})

    def plus(self, other: _Sum) -> _Sum:
        """The sum of two amounts."""
        helpers = dict(self.helpers)
        for i, value in other.helpers.items():
            helpers[i] = helpers.get(i, 0.0) + value
        return _Sum(self.constant + other.constant, self.trades + other.trades, helpers)


def probes(sizes: Sizes, among: Ints) -> Floats:
    """Versions of an account that show how its margin follows from its trades: units of each trade (V, J).

    First none, then each trade by one unit up and down, then by its limits, then all of them at once.

    Args:
        among: the trades of the account (n,)
    """
    count, mixes = len(among), np.random.default_rng(0)
    result = np.zeros((1 + 4 * count + MIXED, len(sizes.unit)))
    at, limits = np.arange(count), np.maximum(np.maximum(sizes.buy, sizes.sell)[among], 1.0)
    for n, size in enumerate((np.ones(count), -np.ones(count), limits, -limits)):
        result[1 + n * count + at, among] = size
    result[1 + 4 * count :, among] = mixes.uniform(-1.0, 1.0, (MIXED, count)) * limits
    return result


@dataclass
class Programme:
    """Margins of accounts as functions of trades, of which the sum with the cost is to be as small as possible.

    Lines that are sums, products with a constant, or the largest of others are taken unchanged; a line of position
    rows, or any given number, as linear where its versions say so. All others are approximated by the change at the first unit
    bought and sold, and the programme is then no longer exact.

    Attributes:
        sizes: of the trades (J,)
        exact: the programme is the margin itself
    """

    sizes: Sizes
    exact: bool = True
    _helpers: int = 0
    _objective: list[_Sum] = field(default_factory=list)
    _rows: list[_Sum] = field(default_factory=list)  # each at most 0
    _floors: list[float] = field(default_factory=list)

    def add(self, margin: Line, versions: Floats, among: Ints) -> None:
        """Add the margin of an account.

        Args:
            margin: over the versions
            versions: as `probes` gives them (V, J)
            among: the trades of the account (n,)
        """
        self._objective.append(self._convex(margin, versions[:, among], among))

    def _none(self, constant: float = 0.0) -> _Sum:
        return _Sum(constant, np.zeros(2 * len(self.sizes.unit)), {})

    def _helper(self, least: float) -> int:
        self._helpers += 1
        self._floors.append(least)
        return self._helpers - 1

    def _convex(self, line: Line, versions: Floats, among: Ints) -> _Sum:
        """A line as an amount that is never below it where it enters with a positive sign."""
        parts = line.parts(0) if line.shared else ()
        if line.rule is TOTAL and parts:
            result = self._none()
            for part in parts:
                result = result.plus(self._convex(part, versions, among))
            return result
        if line.rule in (LARGEST, WORST) and parts:
            return self._most([self._convex(part, versions, among) for part in parts], 0.0 if line.rule is WORST else -np.inf)
        if line.rule is TIMES and parts:
            moving = [part for part in parts if not _fixed(part)]
            factor = float(np.prod([part.value[0] for part in parts if _fixed(part)]))
            if not moving:
                return self._none(factor)
            if len(moving) == 1 and factor >= 0.0:
                return self._convex(moving[0], versions, among).times(factor)
        if line.rule is QUOTIENT and parts and _fixed(parts[1]) and parts[1].value[0] > 0.0:
            return self._convex(parts[0], versions, among).times(1.0 / float(parts[1].value[0]))
        if line.rule is LESS and parts and all(map(_fixed, parts[1:])):
            taken = sum(float(part.value[0]) for part in parts[1:])
            return self._convex(parts[0], versions, among).plus(self._none(-taken))
        return self._leaf(line.value, versions, among)

    def _most(self, parts: Sequence[_Sum], least: float) -> _Sum:
        """The largest of some amounts, at least a constant."""
        helper = self._helper(least)
        self._rows.extend(part.plus(_Sum(0.0, np.zeros_like(part.trades), {helper: -1.0})) for part in parts)
        return self._none()._replace(helpers={helper: 1.0})

    def _leaf(self, value: Floats, versions: Floats, among: Ints) -> _Sum:
        """A number by its versions: linear where all of them agree, else by the change at the first unit."""
        count, value = len(among), np.broadcast_to(value, (len(versions),))
        up, down = (value[1 + n * count : 1 + (n + 1) * count] - value[0] for n in (0, 1))
        result, most = self._none(float(value[0])), float(np.abs(value).max())
        if np.abs(value[0] + versions @ up - value).max() > SAME * max(most, 1e-300) * (1.0 + count):
            self.exact = False
            down = np.maximum(down, -up)  # a number that bends down: nothing is gained by trading both ways
        else:
            down = -up
        result.trades[among], result.trades[len(self.sizes.unit) + among] = up, down
        return result

    def solve(self, *, trades: float, budget: float, seconds: float, before: float) -> Solution | None:
        """The trades with the smallest margin and cost together, the smaller ones among equals; None where none was found.

        Args:
            trades: limit of their count, inf for any number
            budget: limit of their total cost, inf for any amount
            seconds: time limit of the solver
            before: size of the margin without trades
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        sizes, many = self.sizes, len(self.sizes.unit)
        goal = self._none()
        for part in self._objective:
            goal = goal.plus(part)
        price = np.concatenate([sizes.cost, sizes.cost if sizes.back is None else sizes.back])
        flags = 2 * many if trades < many else 0
        width = 2 * many + self._helpers + flags
        scale = SCALE / max(abs(before), 1e-9)
        c = np.zeros(width)
        c[: 2 * many] = (goal.trades + price) * scale
        for i, value in goal.helpers.items():
            c[2 * many + i] = value  # helping variables count in scaled amounts
        limits = []
        if self._rows:
            constants = np.array([row.constant for row in self._rows])
            limits.append(LinearConstraint(self._matrix(width, scale), -np.inf, -constants * scale))
        if np.isfinite(budget):
            limits.append(LinearConstraint(np.append(price, np.zeros(width - 2 * many))[None], -np.inf, budget))
        most = np.concatenate([sizes.buy, sizes.sell])
        if flags:
            counted = np.zeros((2 * many + 1, width))
            counted[:-1, : 2 * many], counted[:-1, -flags:] = np.eye(2 * many), -np.diag(most)
            counted[-1, -flags:] = 1.0
            limits.append(LinearConstraint(counted, -np.inf, np.append(np.zeros(2 * many), trades)))
        low = np.concatenate([np.zeros(2 * many), np.array(self._floors) * scale, np.zeros(flags)])
        high = np.concatenate([most, np.full(self._helpers, np.inf), np.ones(flags)])
        whole = np.concatenate([np.tile(sizes.whole, 2), np.zeros(self._helpers), np.ones(flags)])
        start, bounds = time.monotonic(), Bounds(low, high)
        found = milp(c, constraints=limits, bounds=bounds, integrality=whole, options={"time_limit": seconds, "mip_rel_gap": GAP})
        if found.x is None:
            return None
        left = max(seconds - (time.monotonic() - start), 0.0)
        least = LinearConstraint(c[None], -np.inf, float(found.fun) + GAP * SCALE)
        size = np.append(np.tile(sizes.weight / sizes.weight.mean(), 2), np.zeros(width - 2 * many))
        smaller = milp(
            size,
            constraints=[*limits, least],
            bounds=bounds,
            integrality=whole,  # the one that trades least
            options={"time_limit": min(left, seconds * TIDYING)},
        )
        chosen = found.x if smaller.x is None else smaller.x
        both = np.where(np.tile(sizes.whole, 2), np.round(chosen[: 2 * many]), chosen[: 2 * many])
        units = both[:many] - both[many:]
        units[np.abs(units) < SMALLEST * np.maximum(most[:many], most[many:])] = 0.0
        value = goal.constant + float(c @ chosen) / scale
        bound = value if found.mip_dual_bound is None else goal.constant + float(found.mip_dual_bound) / scale
        return Solution(units, value - float(both @ price), bound, found.status == 0)

    def _matrix(self, width: int, scale: float) -> csr_array:
        """The coefficients of trades and helping variables in the rows, as a sparse matrix."""
        from scipy.sparse import csr_array, hstack

        trades = np.array([row.trades for row in self._rows]) * scale
        at = [(n, i, value) for n, row in enumerate(self._rows) for i, value in row.helpers.items()]
        rows, columns, values = (np.array(column) for column in zip(*at))
        helpers = csr_array((values, (rows, columns)), shape=(len(self._rows), width - trades.shape[1]))
        return csr_array(hstack([csr_array(trades), helpers]))


def _fixed(line: Line) -> bool:
    """Whether a line is a given number, or calculated from such, that is the same in every version."""
    made = all(map(_fixed, line.parts(0))) if line.shared else line.rule is GIVEN
    return made and bool(np.ptp(line.value) <= SAME * np.abs(line.value).max())
