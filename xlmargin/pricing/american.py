"""American option prices, deltas and implied vols of whole columns, by a smoothed and extrapolated binomial tree.

Every option is priced as a put: a call is the put with spot and strike, and rate and yield, exchanged.
An option that gains nothing by early exercise is priced by Black-76; without time or vol the best moment to exercise
is known in closed form; only the others are priced on a tree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlmargin.pricing.arrays import Floats
from xlmargin.pricing.black import Greeks
from xlmargin.pricing.implied_vol import Reason
from xlmargin.pricing.implied_vol import solve as solve_european
from xlmargin.pricing.tree import WIDEST, Puts, Values, european_values, tree_values

_LEAST_GAIN = 1e-10  # rates below it gain nothing by early exercise: the yield that a typed forward implies is no more precise
_LEAST_VOL = 1e-9  # least total vol priced on a tree: a lower one moves no price by as much as 1e-9 of the spot
_SLACK = 4.0 * np.finfo(np.float64).eps  # rounding of a price that was meant to be intrinsic, over max(S, K)
_VOL_STEP, _DAY = 0.002, 1.0 / 365.0  # differences of vega and theta
_MOST_STEPS = 100  # halvings alone need 60
_LAST_BRACKET = 1e-11  # of the vol: far below the error of the tree
_LAST_MISS = 1e-13  # of max(S, K): the rounding of the tree


class _Measured(NamedTuple):
    """Price, delta, gamma, vega and theta of puts (k,)."""

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats


def price(
    is_call: ArrayLike, spot: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike, dividend_yield: ArrayLike
) -> Floats:
    """Prices of American options: never below intrinsic, the European price, or the price without vol.

    Inputs broadcast; scalars give a 0-d array. A call without yield, and every option without rate and yield, is
    worth its Black-76 price exactly.

    Against extrapolated trees of 10,000 steps, 60 random options each, the error was below 1e-5 of the spot (root mean
    square 2e-6) for up to a year, vols of 0.1 to 0.8 and rates and yields up to 0.06, and below 1e-4 of the larger of
    spot and strike for up to three years, vols of 0.1 to 1.5 and rates and yields up to 0.12. At vols below a
    tenth of the rate, where the best time to exercise falls between two steps, it reached 1e-3 of rate times spot.

    Args:
        is_call: bool, a put where False
        spot, strike: [price], positive or 0
        years: time to expiry; 0 or less gives the intrinsic value
        vol: [per year ** 0.5], positive or 0
        rate: continuously compounded [per year]
        dividend_yield: continuously compounded [per year]; the one a forward implies is rate - log(F / S) / years

    Returns:
        [price], never negative; NaN where an input is not a finite number

    References:
        M. Broadie, J. Detemple, American option valuation: new bounds, approximations, and a comparison of existing
        methods, Review of Financial Studies 9 (1996): the BBSR tree. J. Cox, S. Ross, M. Rubinstein, Option pricing: a
        simplified approach, Journal of Financial Economics 7 (1979). R. McDonald, M. Schroder, A parity result for
        American options, Journal of Computational Finance 1 (1998): calls as puts.
    """
    puts, shape, _ = _as_puts(is_call, spot, strike, years, vol, rate, dividend_yield)
    return _values(puts).price.reshape(shape)


def greeks(
    is_call: ArrayLike, spot: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike, dividend_yield: ArrayLike
) -> Greeks:
    """Delta and gamma to spot, vega and theta, smooth in every input: from the exercise boundary, not from a tree.

    They are those of the payoff where exercise is due at once, and the delta is one half of it at the kink of an expired option.
    Vega is measured by 0.002 of vol on either side, theta by one day. Where a negative yield of the strike makes exercise due
    between two boundaries, or the vol is so low that no boundary is found, they are those of the tree of `price`.
    Parameters are those of `price`, the spot positive.
    """
    puts, shape, call = _as_puts(is_call, spot, strike, years, vol, rate, dividend_yield)
    found = _greeks(puts)
    # a call is C(S, K) = P(K, S), and P is homogeneous: P = x dP/dx + y dP/dy, and x ** 2 d2P/dx2 = y ** 2 d2P/dy2
    own = np.where(puts.strike > 0.0, puts.strike, 1.0)
    delta = np.where(call, (found.price - puts.spot * found.delta) / own, found.delta)
    gamma = np.where(call, found.gamma * (puts.spot / own) ** 2, found.gamma)
    return Greeks(*(each.reshape(shape) for each in (delta, gamma, found.vega, found.theta)))


def solve(
    is_call: ArrayLike, price: ArrayLike, spot: ArrayLike, strike: ArrayLike, years: ArrayLike, rate: ArrayLike, dividend_yield: ArrayLike
) -> tuple[Floats, NDArray[np.int8]]:
    """The vols at which `price` gives the prices, and the Reason of each; NaN where it is not OK.

    The vol of a price that needs none, such as the intrinsic value under immediate exercise, is 0. Nothing is raised: a
    caller names the rows itself, with `reason_text`.

    Args:
        is_call: bool, a put where False
        price: premium [price]
        spot, strike: [price], positive
        years: time to expiry, positive
        rate, dividend_yield: continuously compounded [per year]

    Returns:
        [per year ** 0.5], never negative, and codes of `Reason`, both of the broadcast shape of the inputs
    """
    quoted, spot, strike, years, rate, dividend_yield = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (price, spot, strike, years, rate, dividend_yield))
    )
    good = np.isfinite(quoted) & np.isfinite(rate) & np.isfinite(dividend_yield)
    for column in (spot, strike, years):
        good &= np.isfinite(column) & (column > 0.0)
    terms = [np.where(good, column, 1.0) for column in (spot, strike, years, rate, dividend_yield)]
    puts, shape, _ = _as_puts(is_call, terms[0], terms[1], terms[2], 0.0, terms[3], terms[4])
    quoted, good = (np.broadcast_to(x, shape).ravel() for x in (quoted, good))
    least, scale = _without_vol(puts).price, np.maximum(puts.spot, puts.strike)
    faults = (~good, quoted < least - _SLACK * scale, quoted >= _bound(puts))
    reason = np.select(faults, (Reason.BAD_INPUT, Reason.BELOW_INTRINSIC, Reason.AT_OR_ABOVE_BOUND), Reason.OK)
    vol = np.where(reason == Reason.OK, 0.0, np.nan)
    todo = np.flatnonzero((reason == Reason.OK) & (quoted > least + _SLACK * scale))
    if todo.size:
        vol[todo] = _implied(puts.take(todo), quoted[todo])
    return vol.reshape(shape), np.asarray(reason, dtype=np.int8).reshape(shape)


def reason_text(
    reason: Reason, is_call: bool, price: float, spot: float, strike: float, years: float, rate: float, dividend_yield: float
) -> str:
    """The reason why one price has no implied vol, as a sentence; of one that is too low, the bound that it misses."""
    named = {"price": price, "spot": spot, "strike": strike, "years": years, "rate": rate, "yield": dividend_yield}
    if reason is Reason.BAD_INPUT:
        for name, value in named.items():
            if not np.isfinite(value):
                return f"{name} must be a finite number, not {value}."
        for name in ("spot", "strike"):
            if named[name] <= 0.0:
                return f"{name} must be positive, not {named[name]}."
        return f"there is no time to expiry (years is {years}), so no vol can be implied."
    puts = _as_puts(is_call, spot, strike, years, 0.0, rate, dividend_yield)[0]
    kind = "call" if is_call else "put"
    if reason is Reason.BELOW_INTRINSIC:
        least, exercised = _without_vol(puts).price[0], max((spot - strike) if is_call else (strike - spot), 0.0)
        bound = "exercise value" if least == exercised else "value without vol"
        return f"price {price} of an American {kind} is below its {bound} {least}."
    return f"price {price} of an American {kind} must be below its bound {_bound(puts)[0]}."


def _as_puts(
    is_call: ArrayLike, spot: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike, dividend_yield: ArrayLike
) -> tuple[Puts, tuple[int, ...], NDArray[np.bool_]]:
    """Puts of the same values as flat columns, the shape of the inputs, and a mask of those that were calls."""
    call, *columns = np.broadcast_arrays(is_call, spot, strike, years, vol, rate, dividend_yield)
    shape = call.shape
    call = np.asarray(call, dtype=np.bool_)
    spots, strikes, times, vols, rates, yields = (np.asarray(column, dtype=np.float64).ravel() for column in columns)
    flat = call.ravel()
    puts = Puts(
        spot=np.where(flat, strikes, spots),
        strike=np.where(flat, spots, strikes),
        years=np.maximum(times, 0.0),
        vol=vols,
        rate=np.where(flat, yields, rates),
        carry=np.where(flat, rates, yields),
    )
    return puts, shape, flat


def _bound(puts: Puts) -> Floats:
    """The upper bound of a put's price over all vols: the strike, now or discounted from expiry, whichever is larger."""
    return np.asarray(puts.strike * np.exp(np.maximum(-puts.rate * puts.years, 0.0)))


def _greeks(puts: Puts) -> _Measured:
    """The greeks of puts of any kind: by the boundary where there is one, else by the tree and its differences."""
    from xlmargin.pricing import boundary  # late: margins need prices alone

    values = _values(puts)
    high, low = puts.vol + _VOL_STEP, np.maximum(puts.vol - _VOL_STEP, 0.0)
    result = _Measured(*values, np.zeros_like(puts.spot), np.zeros_like(puts.spot))
    total_vol = puts.vol * np.sqrt(puts.years)
    climbs = np.isfinite(sum(puts)) & (total_vol > _LEAST_VOL) & (puts.spot > 0.0) & (puts.strike > 0.0) & ~_waits(puts)
    one = np.flatnonzero(climbs & (puts.rate > 0.0) & (puts.vol > _VOL_STEP))
    tree = np.ones(len(puts.spot), np.bool_)
    if one.size:
        smooth, vega, theta, known = boundary.greeks(puts.take(one), _VOL_STEP, _DAY)
        tree[one[known]] = False
        for column, found in zip(result, (*smooth, vega, theta)):
            column[one[known]] = found[known]
    rest = np.flatnonzero(tree)
    if rest.size:
        own, years = puts.take(rest), puts.years[rest]
        richer, poorer = (_values(own._replace(vol=each[rest])).price for each in (high, low))
        later = _values(own._replace(years=np.maximum(years - _DAY, 0.0))).price
        result.vega[rest] = (richer - poorer) / (high - low)[rest]
        passed = np.minimum(_DAY, years)
        result.theta[rest] = np.divide(later - values.price[rest], passed, out=np.zeros_like(passed), where=passed > 0.0)
    return result


def _waits(puts: Puts) -> NDArray[np.bool_]:
    """Puts that gain nothing by early exercise."""
    # exercise earns rate * strike - carry * spot, which is never positive in the money under this condition
    return np.asarray(puts.rate <= np.minimum(puts.carry, 0.0) + _LEAST_GAIN)


def _values(puts: Puts) -> Values:
    """Prices, deltas and gammas of puts of any kind."""
    total_vol = puts.vol * np.sqrt(puts.years)
    known = np.isfinite(sum(puts))
    is_random = known & (total_vol > 0.0) & (puts.spot > 0.0) & (puts.strike > 0.0)
    waits = _waits(puts)
    floor = _without_vol(puts)
    result = Values(*(np.where(known, column, np.nan) for column in floor))
    climbs = is_random & ~waits & (total_vol > _LEAST_VOL)
    for chosen, value in ((is_random & waits, european_values), (climbs, tree_values)):
        members = np.flatnonzero(chosen)
        if not members.size:
            continue
        found = value(puts.take(members))
        lowest = floor.price[members]
        result.price[members] = np.maximum(found.price, lowest)
        due = (found.price <= lowest) & (value is tree_values)
        result.delta[members] = np.where(due, floor.delta[members], found.delta)
        result.gamma[members] = np.where(due, 0.0, found.gamma)
    return result


def _without_vol(puts: Puts) -> Values:
    """The values of puts without vol: the best of all moments to exercise along a certain path of the spot.

    The gain K exp(-r t) - S exp(-q t) is largest now, at expiry, or where its slope is 0.
    """
    earned, lost = puts.rate * puts.strike, puts.carry * puts.spot
    turns = (earned * lost > 0.0) & (puts.rate != puts.carry)
    logs = (np.log(np.abs(np.where(turns, side, 1.0))) for side in (earned, lost))
    turn = np.subtract(*logs) / np.where(turns, puts.rate - puts.carry, 1.0)
    best, slope = puts.strike - puts.spot, np.full_like(puts.spot, -1.0)
    for moment in (puts.years, np.clip(turn, 0.0, puts.years)):
        growth = np.exp(-puts.carry * moment)
        gain = puts.strike * np.exp(-puts.rate * moment) - puts.spot * growth
        slope = np.where(gain > best, -growth, slope)
        best = np.maximum(best, gain)
    return Values(np.maximum(best, 0.0), slope * 0.5 * (1.0 + np.sign(best)), np.zeros_like(best))


def _implied(puts: Puts, quoted: Floats) -> Floats:
    """The vols of prices that lie between that without vol and the bound, both (k,)."""
    low, low_miss, high, high_miss = _bracket(puts, quoted)
    scale = _LAST_MISS * np.maximum(puts.spot, puts.strike)
    result = np.where(np.abs(low_miss) < np.abs(high_miss), low, high)
    active = np.arange(quoted.size)
    a, fa, b, fb = high, high_miss, low, low_miss  # the root lies between a and b
    share = np.full_like(a, 0.5)
    for _ in range(_MOST_STEPS):
        x = a + share * (b - a)
        miss = _values(puts.take(active)._replace(vol=x)).price - quoted[active]
        same = np.sign(miss) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, miss
        nearer = np.abs(fa) < np.abs(fb)
        result[active] = np.where(nearer, a, b)
        width = np.abs(b - a)
        going = (np.minimum(np.abs(fa), np.abs(fb)) > scale[active]) & (width > _LAST_BRACKET * np.maximum(a, b))
        if not going.any():
            break
        active = active[going]
        a, fa, b, fb, c, fc, width = (column[going] for column in (a, fa, b, fb, c, fc, width))
        share = np.clip(_inverse_share(a, fa, b, fb, c, fc), 0.0, 1.0)
        least = np.minimum(0.5, 0.5 * _LAST_BRACKET * np.maximum(a, b) / width)
        share = np.clip(share, least, 1.0 - least)
    return result


def _bracket(puts: Puts, quoted: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Vols below and above the root, each followed by the error of its price against the quoted one.

    An American option is worth no less than a European one, whose vol is therefore never too low.
    """
    low = np.zeros_like(quoted)
    low_miss = np.minimum(_without_vol(puts).price - quoted, 0.0)
    forward = puts.spot * np.exp((puts.rate - puts.carry) * puts.years)
    start, reason = solve_european(False, quoted, forward, puts.strike, puts.years, puts.rate)
    root = np.sqrt(puts.years)
    high = np.where((reason == Reason.OK) & (start > 0.0), start, 0.5 / root)
    high_miss = _values(puts._replace(vol=high)).price - quoted
    while True:
        short = np.flatnonzero((high_miss < 0.0) & (high * root < WIDEST))
        if not short.size:
            break
        low[short], low_miss[short] = high[short], high_miss[short]
        high[short] *= 2.0
        high_miss[short] = _values(puts.take(short)._replace(vol=high[short])).price - quoted[short]
    return low, low_miss, high, high_miss


def _inverse_share(a: Floats, fa: Floats, b: Floats, fb: Floats, c: Floats, fc: Floats) -> Floats:
    """The position of the next vol as a share of the way from a to b: by inverse parabola where that surely helps, else half.

    Reference: T. R. Chandrupatla, A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear
    function without using derivatives, Advances in Engineering Software 28 (1997).
    """
    width, height = (a - b) / (c - b), (fa - fb) / (fc - fb)
    inverse = (1.0 - np.sqrt(1.0 - width) < height) & (height < np.sqrt(width))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    return np.where(inverse & np.isfinite(share), share, 0.5)
