"""The binomial tree of American puts: smoothed at its last step, and extrapolated to infinitely many steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.pricing import black
from xlmargin.pricing.arrays import Floats

# Fewest steps of the finer tree, a power of 2, that keep the error of equity-like options below 1e-5 of the spot.
STEPS = 256
_BLOCK = 256  # options of one tree: enough to outweigh the calls per step, few enough for a cache of 4 MB
WIDEST = 16.0  # total vol beyond which no price changes in double precision, and a tree could overflow
_NEAR = 9.0  # standard deviations of one step within which the smoothed last step differs from its intrinsic value
_FARTHEST = 6.0  # standard deviations of the spot from the root beyond which nodes do not count


class Puts(NamedTuple):
    """Puts of one tree, each (k,); the rate is earned by the strike, the carry by the spot."""

    spot: Floats
    strike: Floats
    years: Floats
    vol: Floats
    rate: Floats
    carry: Floats

    def take(self, chosen: NDArray[np.intp]) -> Puts:
        """The chosen puts."""
        return Puts(*(column[chosen] for column in self))


class Values(NamedTuple):
    """Prices of puts, and their first and second derivatives by the spot, each (k,)."""

    price: Floats
    delta: Floats
    gamma: Floats


def european_values(puts: Puts) -> Values:
    """Black-76 prices, spot deltas and spot gammas."""
    growth = np.exp((puts.rate - puts.carry) * puts.years)
    terms = (puts.spot * growth, puts.strike, puts.years, puts.vol)
    slope = np.exp(-puts.carry * puts.years) * black.black_delta(False, *terms)
    return Values(black.price(False, *terms, puts.rate), slope, black.gamma(*terms, puts.rate) * growth**2)


def tree_values(puts: Puts) -> Values:
    """Values from trees of like options, extrapolated to infinitely many steps."""
    total_vol = np.minimum(puts.vol * np.sqrt(puts.years), WIDEST)
    puts = puts._replace(vol=total_vol / np.sqrt(puts.years))
    european = european_values(puts)
    result = Values(*(np.empty_like(puts.spot) for _ in Values._fields))
    # options of similar moneyness share the rows that need a comparison with exercise
    order = np.argsort(black.log_moneyness(puts.spot, puts.strike) / total_vol)
    for start in range(0, order.size, _BLOCK):
        block = order[start : start + _BLOCK]
        members = puts.take(block)
        fine, coarse = _tree(members, STEPS), _tree(members, STEPS // 2)
        lowest = -np.exp(np.maximum(-members.carry * members.years, 0.0))
        result.price[block] = np.maximum(2.0 * fine.price - coarse.price, european.price[block])
        result.delta[block] = np.clip(2.0 * fine.delta - coarse.delta, lowest, 0.0)
        result.gamma[block] = np.maximum(2.0 * fine.gamma - coarse.gamma, 0.0)
    return result


def _tree(puts: Puts, steps: int) -> Values:
    """Values of puts from one tree, whose last step is priced by Black-76.

    Node m of step n lies at S exp(drift n dt + m h). With p the probability of a move up, and values counted in units
    of ((1 - p) / p) ** (m / 2) and of a power of n, a step back is the plain sum of its two followers.
    """
    dt = puts.years / steps
    h = puts.vol * np.sqrt(dt)
    up, drift = _moves(puts, dt, h)
    row_log, step_log = 0.5 * np.log((1.0 - up) / up), puts.rate * dt - 0.5 * np.log(up * (1.0 - up))
    middle = steps + 1  # the tree starts two steps before now, so that three nodes are there now
    nodes = np.arange(-middle, middle + 1)[:, None]
    strike_leg, spot_leg = np.exp(-nodes * row_log), np.exp(nodes * (h - row_log))
    strike_leg *= puts.strike
    spot_leg *= puts.spot
    reach = (-black.log_moneyness(puts.spot, puts.strike) + np.maximum(-drift * puts.years, 0.0)) / h
    top = int(np.clip(reach.max(), -middle - 1, middle))  # above it no option of the block is in the money
    value = _last_step(puts, nodes[::2], dt, h, drift, steps - 1) * strike_leg[::2] / puts.strike
    times = np.arange(steps)[:, None]
    value = _roll_back(value, strike_leg, spot_leg, np.exp(times[::-1] * step_log), drift * dt, top, _cone(up, steps))
    now = np.array([-2.0, 0.0, 2.0])[:, None]
    return _at_root(puts.spot, h, value * np.exp(now * row_log - (steps - 1) * step_log))


def _roll_back(
    value: Floats, strike_leg: Floats, spot_leg: Floats, unit: Floats, move: Floats, top: int, cone: list[tuple[int, int]]
) -> Floats:
    """The values at the three nodes of today, (3, k), from those one step before expiry, (steps + 2, k).

    Args:
        strike_leg, spot_leg: gain and cost of exercise at every node while the nodes do not drift, (2 steps + 3, k)
        unit: units of value per unit of payoff, by step, (steps, k)
        move: drift of the nodes over one step, (k,)
        top: the highest node that needs a comparison with exercise
        cone: the first row and the one after the last row, from the last step but one back to now
    """
    spare, gain, payoff = value.copy(), np.empty_like(value), strike_leg - spot_leg
    growth = np.exp(np.arange(len(unit))[:, None] * move)
    stand_still, middle = not move.any(), len(unit) + 1
    for step, (low, high) in zip(range(len(unit) - 2, -1, -1), cone):
        spare, value = value, spare
        np.add(spare[low:high], spare[low + 1 : high + 1], out=value[low:high])
        exercised = min((top + step + 2) // 2 + 1, high)
        if exercised <= low:
            continue
        first = middle - step - 2
        chosen, due = slice(first + 2 * low, first + 2 * exercised, 2), gain[low:exercised]
        if stand_still:
            np.multiply(payoff[chosen], unit[step], out=due)
        else:
            np.multiply(spot_leg[chosen], growth[step], out=due)
            np.subtract(strike_leg[chosen], due, out=due)
            np.multiply(due, unit[step], out=due)
        np.maximum(value[low:exercised], due, out=value[low:exercised])
    return value[:3]


def _moves(puts: Puts, dt: Floats, h: Floats) -> tuple[Floats, Floats]:
    """The probability of a move up and the drift of the nodes.

    Nodes do not drift (Cox, Ross and Rubinstein) unless the drift of a step is as large as its move, where that
    probability would leave 0 to 1; there they follow the forward, which works for every vol.
    """
    carry = puts.rate - puts.carry
    still = np.expm1(carry * dt + h) / np.expm1(2.0 * h)
    follows = ~(np.abs(still - 0.5) < 0.25)
    return np.where(follows, 1.0 / (1.0 + np.exp(h)), still), np.where(follows, carry, 0.0)


def _cone(up: Floats, steps: int) -> list[tuple[int, int]]:
    """The first row that counts and the one after the last, by step from the last but one to the root.

    Rows outside are reached from the root with a probability below 1e-8; rows that leave the cone at its edge keep the
    value of a later step, whose weight in the price is as small.
    """
    since = np.arange(steps, 1, -1)  # steps since the root, which lies two steps before now
    spread = 0.5 * _FARTHEST * np.sqrt(since)
    low = np.maximum(np.floor(since * up.min() - spread), 0.0).astype(int)
    high = np.minimum(np.ceil(since * up.max() + spread), since).astype(int) + 1
    return list(zip(low.tolist(), high.tolist()))


def _last_step(puts: Puts, nodes: NDArray[np.int_], dt: Floats, h: Floats, drift: Floats, step: int) -> Floats:
    """The values at the nodes one step before expiry, (nodes, k)."""
    spot = puts.spot * np.exp(step * drift * dt + nodes * h)
    forward = spot * np.exp((puts.rate - puts.carry) * dt)
    hold = np.exp(-puts.rate * dt) * np.maximum(puts.strike - forward, 0.0)
    row, option = np.nonzero(np.abs(black.log_moneyness(forward, puts.strike)) < _NEAR * h)
    terms = (column[option] for column in (puts.strike, dt, puts.vol, puts.rate))
    hold[row, option] = black.price(False, forward[row, option], *terms)
    return np.asarray(np.maximum(hold, puts.strike - spot))


def _at_root(spot: Floats, h: Floats, value: Floats) -> Values:
    """The value of the middle node, and the slope and the curvature there of the parabola through the three, (3, k)."""
    right, left = spot * np.expm1(2.0 * h), -spot * np.expm1(-2.0 * h)
    above, below = (value[2] - value[1]) / right, (value[1] - value[0]) / left
    return Values(value[1], (above * left + below * right) / (left + right), 2.0 * (above - below) / (left + right))
