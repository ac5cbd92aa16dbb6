"""Black-76 prices and greeks to full relative accuracy, for cells that show a single option."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xlmargin.pricing.arrays import Floats

_SMALL_HALF_VOL = 0.01  # below it the difference of two tails cancels, and a short series is exact
_FARTHEST = 40.0  # exp(-40 ** 2 / 2) is 0
_TINY = 1e-290  # replaces a total vol of 0, small enough to act as 0 and too large to overflow
_ROOT_TWO_PI = 2.5066282746310002
_ROOT_HALF = 0.7071067811865476


class Greeks(NamedTuple):
    """First and second derivatives of one discounted option price, each of the broadcast shape of the inputs.

    delta: d price / d forward
    gamma: second derivative by the forward [per unit of price]
    vega: per 1.00 of vol [price]
    theta: per year of calendar time at constant forward and vol [price per year]; usually negative
    """

    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats


def price(is_call: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike = 0.0) -> Floats:
    """The discounted Black-76 price of a European option on a forward.

    The intrinsic value plus the out-of-the-money price of the same strike: never below intrinsic, and within
    1e-10 of an out-of-the-money price however small. Inputs broadcast; scalars give a 0-d array.

    Args:
        is_call: bool, a put where False
        forward, strike: [price], positive or 0
        years: time to expiry, positive or 0
        vol: [per year ** 0.5], positive or 0
        rate: continuously compounded [per year]

    Returns:
        [price], never negative

    References:
        F. Black, The pricing of commodity contracts, Journal of Financial Economics 3 (1976).
    """
    forward, strike, years = (np.asarray(x, dtype=np.float64) for x in (forward, strike, years))
    total_vol = np.asarray(vol, dtype=np.float64) * np.sqrt(years)
    gain = np.where(is_call, forward - strike, strike - forward)
    undiscounted = np.maximum(gain, 0.0) + time_value(forward, strike, total_vol)
    return np.asarray(np.exp(-np.multiply(rate, years)) * undiscounted)


def black_delta(is_call: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike) -> Floats:
    """The undiscounted Black delta: N(d1) of a call, N(d1) - 1 of a put.

    Without time or vol it is 0 or 1 in size, and one half at the money. Parameters are those of `price`.
    """
    from scipy.special import ndtr

    total_vol = np.asarray(vol, dtype=np.float64) * np.sqrt(np.asarray(years, dtype=np.float64))
    sign = np.where(is_call, 1.0, -1.0)
    return np.asarray(sign * ndtr(sign * _d1(forward, strike, total_vol)) + 0.0)  # + 0.0: no negative zero


def greeks(is_call: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike = 0.0) -> Greeks:
    """Delta, gamma, vega and theta of the discounted Black-76 price.

    Parameters are those of `price`, forward and strike positive. Without time or vol, delta is that of the
    payoff (one half of it at the money) and gamma and the decay of time value are 0, also at the money, where the
    payoff has a kink and no derivative.
    """
    forward, strike, years = (np.asarray(x, dtype=np.float64) for x in (forward, strike, years))
    vol, root_years = np.asarray(vol, dtype=np.float64), np.sqrt(years)
    total_vol = vol * root_years
    discount = np.exp(-np.multiply(rate, years))
    density = discount * _density(forward, strike, total_vol)
    decay = np.where(root_years > 0.0, forward * density * vol / (2.0 * np.maximum(root_years, _TINY)), 0.0)
    value = price(is_call, forward, strike, years, vol, rate)
    return Greeks(
        delta=np.asarray(discount * black_delta(is_call, forward, strike, years, vol)),
        gamma=np.broadcast_to(gamma(forward, strike, years, vol, rate), value.shape).copy(),
        vega=np.broadcast_to(forward * density * root_years, value.shape).copy(),
        theta=np.asarray(np.multiply(rate, value) - decay),
    )


def gamma(forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike = 0.0) -> Floats:
    """The second derivative of the discounted Black-76 price by the forward, the same for a call and a put; as in `greeks`."""
    forward, years = np.asarray(forward, dtype=np.float64), np.asarray(years, dtype=np.float64)
    total_vol = np.asarray(vol, dtype=np.float64) * np.sqrt(years)
    density = np.exp(-np.multiply(rate, years)) * _density(forward, strike, total_vol)
    return np.where(total_vol > 0.0, density / (forward * np.maximum(total_vol, _TINY)), 0.0)


def time_value(forward: Floats, strike: Floats, total_vol: Floats) -> Floats:
    """The undiscounted out-of-the-money price, a call's above the forward and a put's below it.

    Args:
        forward, strike: [price], positive or 0
        total_vol: vol times the root of the years, positive or 0

    Returns:
        [price], never negative
    """
    distance = np.abs(log_moneyness(forward, strike))
    return np.asarray(np.sqrt(forward) * np.sqrt(strike) * normalised_price(distance, total_vol))


def normalised_price(distance: Floats, total_vol: Floats) -> Floats:
    """The undiscounted out-of-the-money price over sqrt(F K), with distance = abs(log(F / K)).

    With h = distance / s, t = s / 2, the density phi and the Mills ratio M(a) = N(-a) / phi(a), it is
    exp(-t^2 / 2) phi(h) (M(h - t) - M(h + t)), whose factors lose no digits far from the money.
    """
    from scipy.special import ndtr

    half = 0.5 * total_vol
    h = np.minimum(distance / np.maximum(total_vol, _TINY), _FARTHEST)
    scale = np.exp(-0.5 * (h * h + half * half)) / _ROOT_TWO_PI
    is_wide = half > np.maximum(h, _SMALL_HALF_VOL)  # there M(h - t) may overflow
    wide = np.exp(-0.5 * distance) * ndtr(half - h) - scale * mills(h + half)
    return np.asarray(np.where(is_wide, wide, scale * mills_gap(np.where(is_wide, half, h), half)))


def log_moneyness(forward: ArrayLike, strike: ArrayLike) -> Floats:
    """Log(forward / strike) to full relative accuracy, also where the two are nearly equal."""
    tiny = 1e-300  # a price of 0 has no logarithm; this one lies farther from every strike than any price
    forward, strike = np.maximum(forward, tiny), np.maximum(strike, tiny)
    excess = (forward - strike) / strike
    is_near = np.abs(excess) < 0.5
    return np.asarray(np.where(is_near, np.log1p(np.where(is_near, excess, 0.0)), np.log(forward / strike)))


def _d1(forward: ArrayLike, strike: ArrayLike, total_vol: Floats) -> Floats:
    """D1; where total_vol is 0, it is so large that it acts as infinite, but 0 at the money."""
    return np.asarray(log_moneyness(forward, strike) / np.maximum(total_vol, _TINY) + 0.5 * total_vol)


def _density(forward: ArrayLike, strike: ArrayLike, total_vol: Floats) -> Floats:
    """The normal density at d1."""
    d1 = np.clip(_d1(forward, strike, total_vol), -_FARTHEST, _FARTHEST)
    return np.asarray(np.exp(-0.5 * d1 * d1) / _ROOT_TWO_PI)


def mills(a: Floats) -> Floats:
    """The Mills ratio N(-a) / phi(a)."""
    from scipy.special import erfcx

    return np.asarray(0.5 * _ROOT_TWO_PI * erfcx(a * _ROOT_HALF))


def mills_gap(h: Floats, half: Floats) -> Floats:
    """M(h - t) - M(h + t) for t = half, positive and not much above h.

    For a small t it is 2 (t I1 + t^3 I3 / 3! + t^5 I5 / 5!), where In is the integral of u^n exp(-h u - u^2 / 2)
    over positive u, I0 = M(h), and I(n+1) = n I(n-1) - h I(n).
    """
    zeroth = mills(h)
    first = 1.0 - h * zeroth
    second = zeroth - h * first
    third = 2.0 * first - h * second
    fourth = 3.0 * second - h * third
    fifth = 4.0 * third - h * fourth
    square = half * half
    series = 2.0 * half * (first + square * (third / 6.0 + square * fifth / 120.0))
    return np.asarray(np.where(half < _SMALL_HALF_VOL, series, mills(h - half) - mills(h + half)))
