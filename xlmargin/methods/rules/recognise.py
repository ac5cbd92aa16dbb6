"""The strategies of a pairing by their names; splitting a combination into named ones never changes its requirement."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from xlmargin.methods.rules.legs import OptionLegs
from xlmargin.methods.rules.pairing import Pairing
from xlmargin.methods.rules.table import (
    Column,
    Strategy,
    Terms,
    alone,
    bounded,
    box,
    by_requirement,
    future,
    largest_loss,
    payoffs,
    stock_alone,
    strangle,
)
from xlmargin.pricing.arrays import Floats

Parts = tuple[tuple[int, float], ...]

NAMED_LEGS = 16  # combinations of more legs, after their spreads are taken out, keep the general name
MOST_LEGS = 60  # combinations of more legs are not split
NOTHING = 1e-9  # part of a leg below which a remainder is rounding


def recognise(legs: OptionLegs, terms: Terms, pairing: Pairing) -> list[Strategy]:
    """Every strategy of a pairing, in the order of the table: combinations, uncovered, long, stock, futures."""
    found = [strategy for units in pairing.boxes for strategy in _boxes(legs, terms, units)]
    for units in pairing.groups:
        found += _combination(legs, units)
    found += _shorts(legs, terms, pairing)
    found += [alone(legs, terms, i, float(pairing.alone[i])) for i in np.flatnonzero(pairing.alone > 0.0).tolist()]
    found += [_with_stock(legs, terms, column, units) for column, units in pairing.stock]
    if pairing.idle:
        side = 1.0 if pairing.idle > 0.0 else -1.0
        pieces, kept = stock_alone(terms, legs.price, side)
        need = sum(piece.value for piece in pieces)
        found.append(
            Strategy(
                "Long stock" if side > 0.0 else "Short stock",
                (),
                abs(pairing.idle),
                pieces,
                kept,
                0.0 if side > 0.0 else legs.price,
                need,
                side,
            )
        )
    return found + [future(terms, delta.name, delta.units, delta.price) for delta in legs.deltas]


def _with_stock(legs: OptionLegs, terms: Terms, column: Column, units: float) -> Strategy:
    """A strategy of stock and options; a short sale's proceeds count as proceeds.

    Its maximum loss is at most the requirement of the stock and what the options cost: stock on its own has no other. One that a
    rise loses on without end has its requirement.
    """
    sold = sum(-ratio * float(legs.mark[i]) for i, ratio in column.legs if ratio < 0.0)
    sold += legs.price if column.stock < 0.0 else 0.0
    cost = sum(ratio * float(legs.mark[i]) for i, ratio in column.legs)
    alone = sum(piece.value for piece in stock_alone(terms, legs.price, column.stock)[0]) + max(cost, 0.0)
    loss = largest_loss(legs, column.legs, column.stock)
    most = min(alone, loss) if math.isfinite(loss) else column.requirement
    return Strategy(column.name, column.legs, units, column.pieces, column.maintenance, sold, most, column.stock)


def _shorts(legs: OptionLegs, terms: Terms, pairing: Pairing) -> Iterator[Strategy]:
    """Uncovered shorts, each second one with a first that requires at least as much.

    From the largest requirement down, so that whatever first one is taken, those below find theirs; the sum is the same.
    """
    first, second = pairing.uncovered.copy(), pairing.second.copy()
    order = by_requirement(legs, terms).tolist()
    for n, loser in enumerate(order):
        for winner in order[:n]:
            units = min(first[winner], second[loser])
            if legs.call[winner] != legs.call[loser] and units > NOTHING * abs(legs.units[loser]):
                first[winner] -= units
                second[loser] -= units
                yield strangle(legs, terms, winner, loser, float(units))
    for i in np.flatnonzero(first > NOTHING * np.abs(legs.units)).tolist():
        yield alone(legs, terms, i, float(first[i]))


def _smallest(units: Floats, parts: Parts) -> float:
    """The largest count of a strategy in the units."""
    return min(float(units[i] / ratio) for i, ratio in parts)


def _less(units: Floats, parts: Parts, count: float) -> Floats:
    """The units without `count` of a strategy."""
    rest = units.copy()
    for i, ratio in parts:
        rest[i] -= count * ratio
        if abs(rest[i]) <= NOTHING * abs(units[i]):
            rest[i] = 0.0
    return rest


def _boxes(legs: OptionLegs, terms: Terms, units: Floats) -> Iterator[Strategy]:
    """Long boxes of one expiry, the lowest synthetic long with the lowest synthetic short above it."""
    rest = units
    for parts in _box_shapes(legs, np.flatnonzero(units).tolist(), units, long=True):
        count = _smallest(rest, parts)
        if count > 0.0:
            rest = _less(rest, parts, count)
            yield box(legs, terms, parts, count)


def _box_shapes(legs: OptionLegs, held: list[int], units: Floats, *, long: bool) -> Iterator[Parts]:
    """Every long (short) box: long (short) call and short (long) put at the lower strike, the opposite at the upper."""
    side = 1.0 if long else -1.0
    at = {(float(legs.expiry[i]), float(legs.strike[i]), bool(legs.call[i]), float(np.sign(units[i]))): i for i in held}
    lower = [key for key in at if key[2:] == (True, side) and (*key[:2], False, -side) in at]
    upper = [key for key in at if key[2:] == (True, -side) and (*key[:2], False, side) in at]
    for high in sorted(upper):
        for low in sorted(lower):
            if low[0] == high[0] and low[1] < high[1]:
                yield tuple(
                    sorted(
                        ((at[low], side), (at[(*low[:2], False, -side)], -side), (at[high], -side), (at[(*high[:2], False, side)], side))
                    )
                )


def _combination(legs: OptionLegs, units: Floats) -> Iterator[Strategy]:
    """A bounded combination as named strategies, as far as their maximum losses add up to its own."""
    chosen = np.flatnonzero(np.abs(units) > 0.0).tolist()
    value, _ = payoffs(legs, chosen)
    rest = units

    def loss(amounts: Floats) -> float:
        return max(0.0, -float((amounts[chosen] @ value).min()))

    scale = NOTHING * float(np.abs(units[chosen]) @ value.max(axis=1))
    while True:
        found = next(
            (
                (name, parts, count)
                for name, parts in _shapes(legs, rest)
                if (count := _smallest(rest, parts)) > 0.0
                and _is_apart(legs, rest, parts, count, loss, scale)
                and _is_bounded(legs, _less(rest, parts, count))
            ),
            None,
        )
        if found is None:
            break
        name, parts, count = found
        rest = _less(rest, parts, count)
        yield bounded(legs, name, parts, count)
    left = [i for i in chosen if rest[i] != 0.0]
    if left:
        count = float(np.abs(rest[left]).min())
        yield bounded(legs, "Bounded combination", tuple((i, float(rest[i] / count)) for i in left), count)


def _is_apart(legs: OptionLegs, rest: Floats, parts: Parts, count: float, loss: Callable[[Floats], float], scale: float) -> bool:
    """Whether taking a strategy out leaves the requirement as it was, and the maximum loss where the rest holds a leg of it."""
    without = _less(rest, parts, count)
    taken = rest - without
    if loss(taken) + loss(without) > loss(rest) + scale:
        return False
    if not np.any((taken != 0.0) & (without != 0.0)):
        return True
    return _largest(legs, taken) + _largest(legs, without) <= _largest(legs, rest) + scale


def _largest(legs: OptionLegs, units: Floats) -> float:
    """The maximum loss of a combination of signed units of each leg."""
    return largest_loss(legs, tuple((i, float(units[i])) for i in np.flatnonzero(units).tolist()))


def _is_bounded(legs: OptionLegs, units: Floats) -> bool:
    """Whether no rise of the underlying loses without end."""
    return float(units[legs.call].sum()) >= -NOTHING * float(np.abs(units).sum())


def _shapes(legs: OptionLegs, units: Floats) -> Iterator[tuple[str, Parts]]:
    """Named strategies among the legs: boxes, spreads, then combinations of two spreads."""
    held = np.flatnonzero(units).tolist()
    if len(held) > MOST_LEGS:
        return
    yield from (("Short box", parts) for parts in _box_shapes(legs, held, units, long=False))
    yield from (("Long box", parts) for parts in _box_shapes(legs, held, units, long=True))
    shorts, longs = [i for i in held if units[i] < 0.0], [i for i in held if units[i] > 0.0]
    spreads = [(i, j) for i in shorts for j in longs if legs.call[i] == legs.call[j]]
    yield from ((_spread_name(legs, i, j), tuple(sorted(((i, -1.0), (j, 1.0))))) for i, j in spreads)
    if len(held) > NAMED_LEGS:
        return
    for n, (i, j) in enumerate(spreads):
        for k, m in spreads[n:]:
            name = _pair_name(legs, (i, j), (k, m))
            if name:
                ratio: dict[int, float] = {}
                for leg, side in ((i, -1.0), (j, 1.0), (k, -1.0), (m, 1.0)):
                    ratio[leg] = ratio.get(leg, 0.0) + side
                yield name, tuple(sorted(ratio.items()))


def _spread_name(legs: OptionLegs, short: int, long: int) -> str:
    """Vertical, calendar or diagonal."""
    kind = "call" if legs.call[short] else "put"
    if legs.expiry[short] == legs.expiry[long]:
        return f"Vertical {kind} spread"
    return f"{'Calendar' if legs.strike[short] == legs.strike[long] else 'Diagonal'} {kind} spread"


def _pair_name(legs: OptionLegs, one: tuple[int, int], two: tuple[int, int]) -> str:
    """The combination of two spreads; "" for one without a name."""
    expiries = {float(legs.expiry[i]) for i in (*one, *two)}
    if len(expiries) > 1:
        return "" if legs.call[one[0]] == legs.call[two[0]] else "Double calendar or diagonal"
    if legs.call[one[0]] != legs.call[two[0]]:
        inner, outer = sorted(float(legs.strike[i]) for i in (one[0], two[0])), sorted(float(legs.strike[i]) for i in (one[1], two[1]))
        if outer[0] < inner[0] and inner[1] < outer[1]:
            return "Iron butterfly" if inner[0] == inner[1] else "Iron condor"
        if inner[0] < outer[0] and outer[1] < inner[1]:
            return "Reverse iron butterfly" if outer[0] == outer[1] else "Reverse iron condor"
        return "Call spread and put spread"
    shorts, longs = (sorted(float(legs.strike[i]) for i in pair) for pair in ((one[0], two[0]), (one[1], two[1])))
    if longs[0] < shorts[0] and shorts[1] < longs[1]:
        return "Long butterfly" if shorts[0] == shorts[1] else "Long condor"
    if shorts[0] < longs[0] and longs[1] < shorts[1]:
        return "Short butterfly" if longs[0] == longs[1] else "Short condor"
    return ""
