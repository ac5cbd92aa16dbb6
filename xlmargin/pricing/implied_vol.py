"""Implied vols of whole columns, to machine precision wherever the price determines the vol."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlmargin.pricing.arrays import Floats
from xlmargin.pricing.black import log_moneyness, mills, mills_gap, normalised_price

Ratios = tuple[Floats, Floats, Floats]
Objective = Callable[[Floats, Floats, Floats], Ratios]

_ROOT_TWO_PI = 2.5066282746310002
_TINY = 1e-300  # a quotient by it stays finite
_MOST_STEPS = 40  # prices of markets need 2 or 3, the hardest known 15
_LAST_STEP = 1e-5  # a step of fourth order that is shorter than this leaves an error below the last bit
_BLOCK = 4096  # options solved at once: their columns stay in the second-level cache
_SLACK = 4.0 * np.finfo(np.float64).eps  # rounding of a price that was meant to be intrinsic, over max(F, K)


class Reason(IntEnum):
    """The reason why a price has an implied vol, or none."""

    OK = 0
    BELOW_INTRINSIC = 1
    AT_OR_ABOVE_BOUND = 2
    BAD_INPUT = 3


def reason_text(reason: Reason, is_call: bool, price: float, forward: float, strike: float, years: float, rate: float) -> str:
    """The reason why one price has no implied vol, as a sentence."""
    if reason is Reason.BAD_INPUT:
        named = {"price": price, "forward": forward, "strike": strike, "years": years, "rate": rate}
        for name, value in named.items():
            if not np.isfinite(value):
                return f"{name} must be a finite number, not {value}."
        for name in ("forward", "strike"):
            if named[name] <= 0.0:
                return f"{name} must be positive, not {named[name]}."
        return f"there is no time to expiry (years is {years}), so no vol can be implied."
    discount = float(np.exp(-rate * years))
    if reason is Reason.BELOW_INTRINSIC:
        intrinsic = discount * max(forward - strike if is_call else strike - forward, 0.0)
        return f"price {price} is below its intrinsic value {intrinsic}."
    bound, name = (forward, "forward") if is_call else (strike, "strike")
    kind = "call" if is_call else "put"
    return f"price {price} of a {kind} must be below the discounted {name} {discount * bound}."


def solve(
    is_call: ArrayLike, price: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, rate: ArrayLike = 0.0
) -> tuple[Floats, NDArray[np.int8]]:
    """The vols at which Black-76 gives some prices and, element by element, the Reason; NaN where the reason is not OK.

    The vol of a price equal to its intrinsic value is 0. Nothing is raised: a caller names the rows, with `reason_text`.

    Args:
        is_call: bool, a put where False
        price: discounted premium [price]
        forward, strike: [price], positive
        years: time to expiry, positive
        rate: continuously compounded [per year]

    Returns:
        [per year ** 0.5], never negative, and codes of `Reason`, both of the broadcast shape of the inputs

    References:
        P. Jaeckel, Let's be rational, Wilmott (2015): the three objectives and the third-order Householder step.
    """
    call, *rest = np.broadcast_arrays(is_call, price, forward, strike, years, rate)
    price, forward, strike, years, rate = (np.asarray(column, dtype=np.float64) for column in rest)
    good = np.isfinite(price) & np.isfinite(rate)
    for column in (forward, strike, years):
        good &= np.isfinite(column) & (column > 0.0)
    price, forward, strike, years, rate = (np.where(good, column, 1.0) for column in (price, forward, strike, years, rate))
    premium, found = _out_of_the_money(call, price, forward, strike, np.exp(-rate * years))
    reason = np.where(good, found, Reason.BAD_INPUT).astype(np.int8)
    vol = np.where(reason == Reason.OK, 0.0, np.nan)
    todo = np.flatnonzero((reason == Reason.OK) & (premium > 0.0))
    for start in range(0, todo.size, _BLOCK):
        block = todo[start : start + _BLOCK]
        f, k, value = forward.flat[block], strike.flat[block], premium.flat[block]
        mean, room = np.sqrt(f) * np.sqrt(k), np.minimum(f, k) - value
        total_vol = _total_vol(np.abs(log_moneyness(f, k)), value / mean, room / mean)
        vol.flat[block] = total_vol / np.sqrt(years.flat[block])
    return vol, reason


def _out_of_the_money(
    call: NDArray[np.bool_], price: Floats, forward: Floats, strike: Floats, discount: Floats
) -> tuple[Floats, NDArray[np.int64]]:
    """The undiscounted price less its intrinsic value, not below 0, and the Reason that the price gives."""
    gain = np.where(call, forward - strike, strike - forward)
    excess = price - discount * np.maximum(gain, 0.0)
    premium = np.maximum(excess, 0.0) / discount
    below = excess < -_SLACK * discount * np.maximum(forward, strike)
    above = (premium >= np.minimum(forward, strike)) | (price >= discount * np.where(call, forward, strike))
    return premium, np.select([below, above], [Reason.BELOW_INTRINSIC, Reason.AT_OR_ABOVE_BOUND], Reason.OK)


def _total_vol(distance: Floats, premium: Floats, room: Floats) -> Floats:
    """The total vol of normalised out-of-the-money premiums, all (k,).

    distance = abs(log(F / K)) and premium = time value / sqrt(F K); room is the distance of the premium from
    its upper bound exp(-distance / 2). The price is convex in the total vol up to its turn at sqrt(2 distance), then concave.
    """
    from scipy.special import ndtr, ndtri

    turn, bound = np.sqrt(2.0 * distance), np.exp(-0.5 * distance)
    slope = bound / _ROOT_TWO_PI
    at_turn = slope * mills_gap(0.5 * turn, 0.5 * turn)
    low, high = premium < at_turn, premium > 0.5 * bound
    share = np.clip(room / (bound - at_turn), _TINY, 1.0)
    # above the turn the price is concave, so that the root is never below that of the tangent
    tangent = np.maximum(turn, turn + (premium - at_turn) / slope)
    total_vol = np.where(share < 0.99, np.maximum(-2.0 * ndtri(share * ndtr(-0.5 * turn)), tangent), tangent)
    # below it the price falls about as exp(-h^2 / 2), h = x / s, from h = sqrt(x / 2) at the turn
    fall = np.log(at_turn[low] / np.maximum(premium[low], _TINY))
    total_vol[low] = distance[low] / np.sqrt(2.0 * fall + 0.5 * distance[low])
    least, most = np.where(low, distance / 50.0, tangent), np.where(low, turn, 2.0 * turn + 40.0)
    for objective, members, target in (
        (_low_ratios, low, premium),
        (_middle_ratios, ~(low | high), premium),
        (_high_ratios, high & ~low, room),
    ):
        chosen = np.flatnonzero(members)
        columns = (distance, total_vol, target, least, most)
        total_vol[chosen] = _converge(objective, *(column[chosen] for column in columns))
    return total_vol


def _converge(objective: Objective, x: Floats, s: Floats, target: Floats, least: Floats, most: Floats) -> Floats:
    """Total vols s improved by third-order Householder steps, between bounds that close in."""
    result = s.copy()
    active: NDArray[np.intp] = np.arange(s.size)
    for _ in range(_MOST_STEPS):
        if not active.size:
            break
        newton, second, third = objective(x, s, target)
        step = newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + third * newton / 6.0))
        least, most = np.where(newton > 0.0, s, least), np.where(newton < 0.0, s, most)
        moving = ~(np.abs(step) <= _LAST_STEP * s)
        better = s + step
        lost = moving & ~((better > least) & (better < most))
        s = np.where(lost, np.sqrt(least) * np.sqrt(most), better)
        result[active] = s
        active = active[moving]
        x, s, target, least, most = (column[moving] for column in (x, s, target, least, most))
    return result


def _vega_ratios(x: Floats, s: Floats) -> Ratios:
    """The normalised vega b', and b'' and b''' as multiples of it."""
    h, t = x / s, 0.5 * s
    vega = np.exp(-0.5 * (h * h + t * t)) / _ROOT_TWO_PI
    second = h * h / s - 0.5 * t
    return vega, second, second * second - 3.0 * (h / s) ** 2 - 0.25


def _low_ratios(x: Floats, s: Floats, target: Floats) -> Ratios:
    """-g / g', g'' / g' and g''' / g' of g = 1 / log(b) - 1 / log(target)."""
    h, t = x / s, 0.5 * s
    gap = mills_gap(h, t)
    growth = 1.0 / gap
    log_b, log_target = np.log(gap / _ROOT_TWO_PI) - 0.5 * (h * h + t * t), np.log(target)
    _, second, third = _vega_ratios(x, s)
    newton = (log_target - log_b) / log_target * log_b / growth
    first = growth * (1.0 + 2.0 / log_b)
    curve = third + 2.0 * growth * growth * (1.0 + 3.0 / log_b * (1.0 + 1.0 / log_b)) - 3.0 * second * first
    return newton, second - first, curve


def _middle_ratios(x: Floats, s: Floats, target: Floats) -> Ratios:
    """-g / g', g'' / g' and g''' / g' of g = b - target."""
    vega, second, third = _vega_ratios(x, s)
    return (target - normalised_price(x, s)) / vega, second, third


def _high_ratios(x: Floats, s: Floats, target: Floats) -> Ratios:
    """-g / g', g'' / g' and g''' / g' of g = log(target) - log(exp(-x / 2) - b)."""
    vega, second, third = _vega_ratios(x, s)
    h, t = x / s, 0.5 * s
    room = vega * (mills(t - h) + mills(t + h))
    growth = vega / room
    newton = np.log(room / target) / growth
    return newton, second + growth, third + growth * (3.0 * second + 2.0 * growth)
