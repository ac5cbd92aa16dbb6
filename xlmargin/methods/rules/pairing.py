"""The cheapest lawful pairing of the legs of one account in one underlying, as an integer programme.

A combination whose loss is bounded requires the most it can lose at expiry, which is a convex function of its legs:
two combinations of one expiry of the shorts never require more together than separately. So one combination per expiry of the
shorts is enough, and the programme decides which long goes to which, which shorts stay uncovered, which of those go
together as strangles, which form boxes, and which go with stock. Its size grows with legs × expiries, not with the number
of strategies. All shorts of a combination expire together and no long before them, because losses at two
expiries may both happen and can not be one maximum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.errors import MarginError
from xlmargin.methods.rules.legs import OptionLegs
from xlmargin.methods.rules.table import Column, Terms, by_requirement, long_alone, payoffs, stock_alone, stock_columns, uncovered
from xlmargin.pricing.arrays import Floats, Ints

SCALE = 1000.0  # costs are counted in thousandths of spot, which suits the solver's absolute tolerances
TIE = 1e-7  # weight of maintenance next to the requirement: decides between pairings of equal requirement
WHOLE = 1e-6  # distance from a whole number that is rounding
GAP = 1e-5  # of the scaled cost, that is rounding
SMALL = 200  # whole variables left up to which the smallest requirement is searched for to the end
NODES = 1_000  # of the solver's tree; a count, unlike a time, gives the same answer on every machine


@dataclass(frozen=True, slots=True)
class Pairing:
    """The uses of the legs, in units of the underlying.

    Attributes:
        groups: one bounded combination per expiry of its shorts: signed units of each leg (N,)
        uncovered: units of each short that take the formula (N,)
        second: units of each short that are the other side of a strangle (N,)
        alone: units of each long on its own (N,)
        boxes: signed units of each leg in long boxes, per expiry (N,)
        stock: units of each stock strategy
        idle: units of stock on their own, signed
        proven: the requirement is proven to be the smallest
    """

    groups: tuple[Floats, ...]
    uncovered: Floats
    second: Floats
    alone: Floats
    boxes: tuple[Floats, ...]
    stock: tuple[tuple[Column, float], ...]
    idle: float
    proven: bool


class _Programme:
    """Columns and rows of a linear programme, collected piece by piece."""

    def __init__(self) -> None:
        self.cost: list[Floats] = []
        self.whole: list[Floats] = []
        self.count = 0
        self.entries: list[tuple[Ints, Ints, Floats]] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.rows = 0

    def columns(self, cost: Floats, *, whole: bool = True) -> Ints:
        """New variables, at least 0."""
        self.cost.append(np.asarray(cost, np.float64))
        self.whole.append(np.full(len(cost), float(whole)))
        self.count += len(cost)
        return np.arange(self.count - len(cost), self.count)

    def add_rows(self, low: Floats, high: Floats) -> Ints:
        """New rows with bounds."""
        self.low.append(low)
        self.high.append(high)
        self.rows += len(low)
        return np.arange(self.rows - len(low), self.rows)

    def enter(self, rows: Ints, columns: Ints, values: Floats | float) -> None:
        """Entries of the matrix."""
        self.entries.append((rows, columns, np.broadcast_to(np.asarray(values, np.float64), rows.shape)))

    def block(self, rows: Ints, columns: Ints, values: Floats) -> None:
        """A full block of the matrix, (len(rows), len(columns))."""
        r, c = np.nonzero(values)
        self.enter(rows[r], columns[c], values[r, c])

    def solve(self, *, divisible: bool) -> tuple[Floats, bool]:
        """The cheapest solution, and whether it is proven to be that.

        First the divisible optimum, which is often whole. Where it is not, the best whole solution next to it gives an
        upper bound; a variable whose reduced cost exceeds the distance of the two bounds can not be in a better one and is
        left out; the remaining programme is small. Where it is not small, the answer is the whole solution found.
        """
        from scipy.sparse import csr_array

        row, column, value = (np.concatenate(part) for part in zip(*self.entries))
        matrix = csr_array((value, (row, column)), shape=(self.rows, self.count))
        low, high, cost = (np.concatenate(part) for part in (self.low, self.high, self.cost))
        whole = np.concatenate(self.whole) > 0.0
        found, reduced = _relaxed(matrix, low, high, cost)
        if divisible or np.all(np.abs(found - np.rint(found))[whole] <= WHOLE):
            return np.where(whole & (not divisible), np.rint(found), np.maximum(found, 0.0)), True
        bounds = np.where(whole, np.floor(found + WHOLE), 0.0), np.where(whole, np.ceil(found - WHOLE), np.inf)
        best, _ = _whole(matrix, low, high, cost, whole, *bounds)
        if best is None:
            best, proven = _whole(matrix, low, high, cost, whole, np.zeros(len(cost)), np.full(len(cost), np.inf))
        else:
            gap = max(float(cost @ best - cost @ found), 0.0) + GAP
            most = np.where(whole & (reduced > GAP), np.floor(gap / np.maximum(reduced, GAP) + WHOLE), np.inf)
            if int((whole & (most > 0.0)).sum()) > SMALL:
                return best, False
            better, proven = _whole(matrix, low, high, cost, whole, np.zeros(len(cost)), most)
            best = best if better is None or cost @ better > cost @ best else better
        if best is None:
            raise MarginError("RULES found no pairing of these legs: check quantities and prices for numbers far out of range")
        return best, proven


def _relaxed(matrix: Any, low: Floats, high: Floats, cost: Floats) -> tuple[Floats, Floats]:
    """The divisible optimum and the reduced costs of its variables.

    Raises:
        MarginError: numbers so far apart that the solver fails
    """
    from scipy.optimize import linprog
    from scipy.sparse import vstack

    equal, above, below = low == high, (low != high) & np.isfinite(low), (low != high) & np.isfinite(high)
    done = linprog(
        cost,
        A_ub=vstack([-matrix[above], matrix[below]]) if (above | below).any() else None,
        b_ub=np.concatenate([-low[above], high[below]]) if (above | below).any() else None,
        A_eq=matrix[equal] if equal.any() else None,
        b_eq=low[equal] if equal.any() else None,
        method="highs",
    )
    if done.x is None:
        raise MarginError(
            f"RULES found no pairing of these legs ({done.message}): check quantities and prices for numbers far out of range"
        )
    return np.asarray(done.x, np.float64), np.asarray(done.lower.marginals, np.float64)


def _whole(
    matrix: Any, low: Floats, high: Floats, cost: Floats, whole: NDArray[np.bool_], least: Floats, most: Floats
) -> tuple[Floats | None, bool]:
    """The cheapest whole solution within bounds, None where none was found, and whether it is proven to be that."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    free = most > least  # fixed variables are taken out, so that the solver sees a small programme
    fixed = matrix[:, ~free] @ least[~free]
    done = milp(
        cost[free],
        integrality=whole[free].astype(np.int64),
        bounds=Bounds(least[free], most[free]),
        constraints=LinearConstraint(matrix[:, free], low - fixed, high - fixed),
        options={"node_limit": NODES, "mip_rel_gap": 0.0},
    )
    if done.x is None:
        return None, False
    found = least.copy()
    found[free] = np.maximum(done.x, 0.0)
    return np.where(whole, np.rint(found), found), done.status == 0


def pair(legs: OptionLegs, terms: Terms) -> Pairing:
    """The pairing of the smallest requirement; among equals that of the smallest maintenance.

    Args:
        legs: netted legs of one account and underlying, in canonical order, so that ties fall the same way for any row order

    Returns:
        units of the underlying in each use
    """
    grain = legs.grain(terms.lot)
    step = grain or 1.0
    programme, level = _Programme(), SCALE / float(np.mean(legs.spot)) if len(legs) else 1.0
    short, long = legs.units < 0.0, legs.units > 0.0
    held = np.abs(legs.units) / step
    balance = programme.add_rows(*(np.rint(held),) * 2 if grain else (held, held))
    formula = (legs.mark + uncovered(legs, terms)) * level
    need, kept = (values * level for values in long_alone(legs, terms))
    naked, single = np.flatnonzero(short), np.flatnonzero(long)
    uses: dict[str, Ints] = {
        "uncovered": programme.columns(formula[naked] * (1.0 + TIE)),
        "alone": programme.columns((need + TIE * kept)[single]),
    }
    programme.enter(balance[naked], uses["uncovered"], 1.0)
    programme.enter(balance[single], uses["alone"], 1.0)
    groups: list[tuple[Ints, Ints, Ints]] = []
    boxes: list[tuple[Ints, Ints]] = []
    order = np.empty(0, np.int64)
    if not terms.cash:
        groups = [_group(programme, legs, balance, level, expiry) for expiry in np.unique(legs.expiry[short])]
        order, uses["second"] = _strangles(programme, legs, terms, balance, level, uses["uncovered"])
        boxes = [_boxes(programme, legs, terms, balance, level, expiry) for expiry in np.unique(legs.expiry)]
    columns = stock_columns(legs, terms)
    with_stock = _stock(programme, legs, terms, columns, balance, level, step, grain)
    if not programme.count:
        return _nothing(legs)
    found, proven = programme.solve(divisible=not grain)
    found = found * step
    return _read(legs, found, uses, groups, boxes, order, columns, with_stock, proven)


def _nothing(legs: OptionLegs) -> Pairing:
    """No options: stock alone."""
    none = np.zeros(len(legs))
    return Pairing((), none, none, none, (), (), legs.stock, True)


def _group(programme: _Programme, legs: OptionLegs, balance: Ints, level: float, expiry: float) -> tuple[Ints, Ints, Ints]:
    """One bounded combination: shorts of one expiry, longs that do not expire before; its columns and their legs."""
    shorts = np.flatnonzero((legs.units < 0.0) & (legs.expiry == expiry))
    longs = np.flatnonzero((legs.units > 0.0) & (legs.expiry >= expiry))
    chosen = np.concatenate([shorts, longs])
    side = np.concatenate([-np.ones(len(shorts)), np.ones(len(longs))])
    # premiums of the longs; maintenance is the requirement here
    held = programme.columns(np.where(side > 0.0, legs.mark[chosen] * level, 0.0) * (1.0 + TIE))
    loss = programme.columns(np.array([1.0 + TIE]), whole=False)
    programme.enter(balance[chosen], held, 1.0)
    value, points = payoffs(legs, chosen.tolist())
    rows = programme.add_rows(np.zeros(len(points)), np.full(len(points), np.inf))
    programme.block(rows, held, (value * (side * level)[:, None]).T)
    programme.enter(rows, np.repeat(loss, len(rows)), 1.0)
    calls = np.flatnonzero(legs.call[chosen])
    above = programme.add_rows(np.zeros(1), np.array([np.inf]))
    programme.enter(np.repeat(above, len(calls)), held[calls], side[calls])
    return chosen, held, loss


def _strangles(programme: _Programme, legs: OptionLegs, terms: Terms, balance: Ints, level: float, naked: Ints) -> tuple[Ints, Ints]:
    """Shorts whose formula falls away next to an uncovered short of the other type that requires at least as much.

    Sorted by requirement, a short may be second as long as shorts of the other type above it are left over: a flow down
    that order, which needs two rows per short where pairs would need one column per pair.
    """
    shorts = np.flatnonzero(legs.units < 0.0)
    second = programme.columns(legs.mark[shorts] * level * (1.0 + TIE))
    programme.enter(balance[shorts], second, 1.0)
    order = np.searchsorted(shorts, by_requirement(legs, terms))
    down = np.tril(np.ones((len(shorts), len(shorts))))
    for call in (True, False):
        first, other = legs.call[shorts[order]] == call, legs.call[shorts[order]] != call
        at = np.flatnonzero(other)
        rows = programme.add_rows(np.zeros(len(at)), np.full(len(at), np.inf))
        programme.block(rows, naked[order], down[at] * first)
        programme.block(rows, second[order], -down[at] * other)
    return shorts[order], second[order]


def _boxes(programme: _Programme, legs: OptionLegs, terms: Terms, balance: Ints, level: float, expiry: float) -> tuple[Ints, Ints]:
    """Long boxes of one expiry: a synthetic long at one strike, a synthetic short at a higher one, as a flow up the strikes.

    Half of the gap is half of the upper strike less half of the lower one, so each end carries its own cost.
    """
    at = {
        (float(legs.strike[i]), bool(legs.call[i]), bool(legs.units[i] > 0.0)): i
        for i in np.flatnonzero((legs.expiry == expiry) & legs.european).tolist()
    }
    ends = [
        (at[k, True, side], at[k, False, not side], 1.0 if side else -1.0)
        for side in (True, False)
        for k in sorted({key[0] for key in at})
        if (k, True, side) in at and (k, False, not side) in at
    ]
    if len({side for _, _, side in ends}) < 2:
        return np.empty((0, 2), np.int64), np.empty(0, np.int64)
    pairs = np.array([(call, put) for call, put, _ in ends])
    side, strike = np.array([side for _, _, side in ends]), legs.strike[pairs[:, 0]]
    held = programme.columns(-side * strike * terms.box * level * (1.0 + TIE))
    for leg in (0, 1):
        programme.enter(balance[pairs[:, leg]], held, 1.0)
    flow = (strike[None, :] <= np.unique(strike)[:, None]) * side
    low = np.zeros(len(flow))
    rows = programme.add_rows(low, np.append(np.full(len(flow) - 1, np.inf), 0.0))
    programme.block(rows, held, flow)
    return pairs, held


def _stock(
    programme: _Programme, legs: OptionLegs, terms: Terms, columns: list[Column], balance: Ints, level: float, step: float, grain: float
) -> Ints:
    """Stock strategies, counted against stock alone; shares cover in whole lots only."""
    if not columns:
        return np.empty(0, np.int64)
    pieces, kept = stock_alone(terms, legs.price, legs.stock)
    base = sum(piece.value for piece in pieces)
    cost = np.array([column.requirement - base + TIE * (column.maintenance - kept) for column in columns])
    used = programme.columns(cost * level)
    lots = abs(legs.stock) / step
    most = np.array([np.floor(lots * (1.0 + 1e-12)) if grain else lots])
    row = programme.add_rows(np.zeros(1), most)
    programme.enter(np.repeat(row, len(used)), used, 1.0)
    for column, variable in zip(columns, used.tolist()):
        for i, _ in column.legs:
            programme.enter(balance[[i]], np.array([variable]), 1.0)
    return used


def _read(
    legs: OptionLegs,
    found: Floats,
    uses: dict[str, Ints],
    groups: list[tuple[Ints, Ints, Ints]],
    boxes: list[tuple[Ints, Ints]],
    order: Ints,
    columns: list[Column],
    with_stock: Ints,
    proven: bool,
) -> Pairing:
    """The solution as units of each leg in each use."""
    short, long = np.flatnonzero(legs.units < 0.0), np.flatnonzero(legs.units > 0.0)

    def spread(where: Ints, amounts: Floats) -> Floats:
        return np.asarray(np.bincount(where, amounts, len(legs)), np.float64)

    side = np.sign(legs.units)
    in_groups = tuple(side * spread(chosen, found[held]) for chosen, held, _ in groups)
    in_boxes = tuple(side * spread(pairs.ravel(), np.repeat(found[held], 2)) for pairs, held in boxes if len(held))
    second = spread(order, found[uses["second"]]) if "second" in uses else np.zeros(len(legs))
    stock = tuple((column, float(found[v])) for column, v in zip(columns, with_stock.tolist()) if found[v] > 0.0)
    used = sum(units for _, units in stock)
    idle = legs.stock - np.sign(legs.stock) * used
    return Pairing(
        in_groups,
        spread(short, found[uses["uncovered"]]),
        second,
        spread(long, found[uses["alone"]]),
        in_boxes,
        stock,
        float(idle) if abs(idle) > 1e-9 * abs(legs.stock) else 0.0,
        proven,
    )
