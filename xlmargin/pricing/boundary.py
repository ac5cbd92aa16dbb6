"""American puts by their exercise boundary: smooth values where a tree's differences would jitter.

The price is the European one and the value of being able to exercise, an integral over the boundary below which exercise is due.
The boundary is a polynomial in the root of the time to expiry, found by a fixed-point iteration at Chebyshev nodes.

References:
    L. Andersen, M. Lake, D. Offengenden, High-performance American option pricing, Journal of Computational Finance 20 (2016).
    P. Bjerksund, G. Stensland, Closed-form approximation of American options, Scandinavian Journal of Management 9 (1993):
    where the iteration starts.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from xlmargin.pricing.arrays import Bools, Floats
from xlmargin.pricing.tree import Puts, Values, european_values

_NODES = 8  # of the boundary
_POINTS = 16  # of an integral between two of them
_FINE = 48  # of the integral that gives a value
_CLUSTER = 6  # power by which the points of that one lie near now, where a spot near the boundary makes it steep
_BLOCK = 64  # options of one pass: a cache of 4 MB holds their columns
_MOST, _AGAIN = 40, 12  # iterations from a rough start, and from the boundary of a neighbour
_CLOSE = 1e-7  # relative change of the boundary that ends them
_ENOUGH = 1e-4  # above it the iteration is taken to have failed
_SMALLEST = 1e-300
_MET = 1e-14  # a point nearer to a node is the node
_ROOT = float(np.sqrt(2.0 * np.pi))


class _Rule(NamedTuple):
    """Points of an integral over time, as shares of the whole, and the boundary at them from its values at the nodes.

    Attributes:
        root: root of the share of the time at each point (J,)
        weight: of each point (J,)
        ahead: polynomial of the boundary at what is left of the time there, from its nodes (…, nodes + 1)
    """

    root: Floats
    weight: Floats
    ahead: Floats


def _interpolation(at: Floats) -> Floats:
    """Values of a polynomial at roots of shares of the time from its values at the nodes (…, nodes + 1)."""
    n = np.arange(_NODES + 1)
    weight = np.where((n == 0) | (n == _NODES), 0.5, 1.0) * (-1.0) ** n
    apart = 2.0 * at[..., None] - 1.0 - np.cos(np.pi * n / _NODES)
    met = np.abs(apart) < _MET
    terms = np.where(met.any(axis=-1, keepdims=True), met.astype(np.float64), weight / np.where(met, 1.0, apart))
    return np.asarray(terms / terms.sum(axis=-1, keepdims=True), np.float64)


def _gauss(points: int) -> tuple[Floats, Floats]:
    """Points and weights between 0 and 1."""
    at, weight = np.polynomial.legendre.leggauss(points)
    return (at + 1.0) / 2.0, weight / 2.0


@cache
def _nodes() -> Floats:
    """Root of the share of the time at each node but the last, which is expiry (nodes,)."""
    return np.asarray((1.0 + np.cos(np.pi * np.arange(_NODES) / _NODES)) / 2.0)


@cache
def _between() -> _Rule:
    """From each node to expiry; `ahead` is (nodes × points, nodes + 1)."""
    at, weight = _gauss(_POINTS)
    ahead = _interpolation(_nodes()[:, None] * np.sqrt(1.0 - at**2))
    return _Rule(at, 2.0 * at * weight, ahead.reshape(-1, _NODES + 1))


@cache
def _whole() -> _Rule:
    """From now to expiry."""
    at, weight = _gauss(_FINE)
    root = at ** (_CLUSTER / 2)
    return _Rule(root, _CLUSTER * at ** (_CLUSTER - 1) * weight, _interpolation(np.sqrt(1.0 - root**2)))


class Boundary(NamedTuple):
    """The boundaries of puts.

    Attributes:
        last: at expiry (k,)
        at: at each node, now first (nodes, k)
        found: whether the iteration ended (k,)
    """

    last: Floats
    at: Floats
    found: Bools


def greeks(puts: Puts, vol_step: float, day: float) -> tuple[Values, Floats, Floats, Bools]:
    """Values, vega and theta of puts whose rate is positive, so that exercise is due below one boundary.

    Args:
        vol_step: difference of the vol on either side by which vega is measured
        day: difference of the years by which theta is measured, the time to expiry where that is shorter

    Returns:
        price, delta and gamma; vega per 1.00 of vol; theta per year; and where all of these are known (k,)
    """
    blocks = [
        _greeks(Puts(*(column[start : start + _BLOCK] for column in puts)), vol_step, day) for start in range(0, len(puts.spot), _BLOCK)
    ]
    values = Values(*(np.concatenate(column) for column in zip(*(block[0] for block in blocks))))
    vega, theta, found = (np.concatenate([block[n] for block in blocks]) for n in (1, 2, 3))
    return values, vega, theta, found


def _greeks(puts: Puts, vol_step: float, day: float) -> tuple[Values, Floats, Floats, Bools]:
    own = _boundary(puts, _start(puts), _MOST)
    now, high, low = _values(puts, own), puts.vol + vol_step, np.maximum(puts.vol - vol_step, puts.vol / 2.0)
    richer, poorer = (_price(puts._replace(vol=vol), own) for vol in (high, low))
    last = puts.years <= day
    later = _price(puts._replace(years=np.where(last, puts.years, puts.years - day)), own)
    after = np.where(last, np.maximum(puts.strike - puts.spot, 0.0), later)
    found = own.found & np.isfinite(sum(now)) & np.isfinite(richer + poorer + after)
    return now, (richer - poorer) / (high - low), (after - now.price) / np.minimum(day, puts.years), found


def _price(puts: Puts, near: Boundary) -> Floats:
    """Prices of puts whose boundary is near another."""
    return _values(puts, _boundary(puts, near._replace(last=_at_expiry(puts)), _AGAIN)).price


def _at_expiry(puts: Puts) -> Floats:
    """The boundary just before expiry: the strike, or the spot whose carry earns as much as the strike, where that is lower."""
    dear = puts.carry > puts.rate
    return np.asarray(puts.strike * np.where(dear, puts.rate / np.where(dear, puts.carry, 1.0), 1.0))


def _start(puts: Puts) -> Boundary:
    """A rough boundary between that at expiry and that of an option without expiry."""
    carry, variance, last = np.maximum(puts.carry, 0.0), puts.vol**2, _at_expiry(puts)
    gain = (carry - puts.rate) / variance - 0.5
    power = np.maximum(np.sqrt(gain**2 + 2.0 * carry / variance) - gain, 1.0 + 1e-9)
    nearest, farthest = puts.strike**2 / last, puts.strike * power / (power - 1.0)  # of the call that is the put's mirror
    root = np.sqrt(puts.years) * _nodes()[:, None]
    away = -((carry - puts.rate) * root**2 + 2.0 * puts.vol * root) * nearest / np.maximum(farthest - nearest, _SMALLEST)
    at = puts.strike**2 / (nearest + (farthest - nearest) * -np.expm1(np.minimum(away, 0.0)))
    return Boundary(last, np.clip(at, _SMALLEST, last), np.ones(len(last), np.bool_))


def _boundary(puts: Puts, start: Boundary, most: int) -> Boundary:
    """The boundary at which holding a put is worth as much as exercising it, at every node."""
    last, at, rule = start.last, np.minimum(start.at, start.last), _between()
    drift, left = puts.rate - puts.carry, puts.years * _nodes()[:, None] ** 2
    spread, since = puts.vol * np.sqrt(left), left[:, None] * rule.root[:, None] ** 2
    deviation = puts.vol * np.sqrt(since)
    centre, middle = (drift * since) / deviation, (drift * left) / spread
    weight = rule.weight[:, None] * left[:, None]
    strike_leg, spot_leg = (weight * rate * np.exp(rate * (left[:, None] - since)) for rate in (puts.rate, puts.carry))
    change = np.full(len(last), np.inf)
    for _ in range(most):
        log = np.log(at / last)
        square = np.vstack([log**2, np.zeros(len(last))])
        ahead = -np.sqrt(np.maximum(rule.ahead @ square, 0.0)).reshape(since.shape)
        above = (log[:, None] - ahead) / deviation + centre
        own = np.log(at / puts.strike) / spread + middle
        held = ndtr(own - 0.5 * spread) + (strike_leg * ndtr(above - 0.5 * deviation)).sum(axis=1)
        given_up = ndtr(own + 0.5 * spread) + (spot_leg * ndtr(above + 0.5 * deviation)).sum(axis=1)
        new = np.clip(puts.strike * np.exp(-drift * left) * held / given_up, _SMALLEST, last)
        change, at = np.abs(new / at - 1.0).max(axis=0), new
        if (change < _CLOSE).all():
            break
    return Boundary(last, at, start.found & (change < _ENOUGH))


def _values(puts: Puts, boundary: Boundary) -> Values:
    """Price, delta and gamma from the boundary; those of the payoff where exercise is due."""
    rule, (spot, strike, years, vol, rate, carry) = _whole(), puts
    square = np.vstack([np.log(boundary.at / boundary.last) ** 2, np.zeros(len(spot))])
    ahead = boundary.last * np.exp(-np.sqrt(np.maximum(rule.ahead @ square, 0.0)))
    since = years * rule.root[:, None] ** 2
    weight, deviation = rule.weight[:, None] * years, vol * np.sqrt(since)
    below = (np.log(spot / ahead) + (rate - carry) * since) / deviation - 0.5 * deviation
    earned, lost = np.exp(-rate * since), carry * np.exp(-carry * since) * ndtr(-below - deviation)
    density = earned * np.exp(-0.5 * below**2) / (_ROOT * spot * deviation)  # of the spot at the boundary
    gain = rate * strike - carry * ahead
    european = european_values(puts)
    found = Values(
        european.price + (weight * (rate * strike * earned * ndtr(-below) - spot * lost)).sum(axis=0),
        european.delta - (weight * (gain * density + lost)).sum(axis=0),
        european.gamma + (weight * density / spot * (gain * (below / deviation + 1.0) + carry * ahead)).sum(axis=0),
    )
    due = spot <= boundary.at[0]
    return Values(np.where(due, strike - spot, found.price), np.where(due, -1.0, found.delta), np.where(due, 0.0, found.gamma))
