"""The market as arrays: spot and rate per underlying, forwards and vols as nodes of each expiry, and the valuation time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xlmargin.book.contracts import DAY, show_instant
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Floats, Ints

YEAR = 365 * DAY  # ACT/365 to the second

# Where a vol was found, best first.
AT_STRIKE, ON_SMILE, BY_EXPIRY, BY_UNDERLYING, NO_VOL = range(5)


@dataclass(frozen=True, slots=True)
class Nodes:
    """Curve and smile points as long columns (N,); NaN where a node does not have the value.

    Attributes:
        underlying: index of the underlying
        expiry: seconds since 1970 UTC
        strike: NaN for a node of the whole expiry [account currency]
        forward: [account currency]
        vol: fraction per square-root year
        rate: continuously compounded fraction per year
    """

    underlying: Ints
    expiry: Floats
    strike: Floats
    forward: Floats
    vol: Floats
    rate: Floats


@dataclass(frozen=True, slots=True)
class Market:
    """The market of a market range.

    Attributes:
        underlyings: upper-case names, (U,)
        spot: NaN where none is given, (U,) [account currency]
        rate: continuously compounded fraction per year, (U,)
        vol: an underlying's own vol, NaN where none is given, (U,)
        as_of: valuation time, seconds since 1970 UTC
        nodes: points of curves and smiles
    """

    underlyings: tuple[str, ...]
    spot: Floats
    rate: Floats
    vol: Floats
    as_of: float
    nodes: Nodes

    @classmethod
    def empty(cls, as_of: float) -> Market:
        """A market without any quotes."""
        none, floats = np.empty(0, np.int64), np.empty(0)
        return cls((), floats, floats, floats, as_of, Nodes(none, floats, floats, floats, floats, floats))

    def dated(self, now: float | None = None) -> Market:
        """This market at its own valuation time; without one, at the present time.

        Args:
            now: seconds since 1970 UTC; the clock where left out, to the second, so that the cells of one recalculation agree
        """
        if math.isfinite(self.as_of):
            return self
        return replace(self, as_of=float(math.floor(time.time())) if now is None else now)


def _key(underlying: Ints, expiry: Floats) -> Ints:
    """One integer per underlying and UTC day of expiry, since no venue lists two expiries a day."""
    days = np.floor(np.where(np.isfinite(expiry), expiry, -DAY) / DAY).astype(np.int64)
    return underlying * 1_000_000 + days


def _mean_by_key(keys: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Distinct keys with a value, sorted, and the mean of their values."""
    there = np.isfinite(values)
    distinct, where = np.unique(keys[there], return_inverse=True)
    return distinct, np.bincount(where, values[there], len(distinct)) / np.bincount(where, minlength=len(distinct))


def _find(distinct: Ints, values: Floats, wanted: Ints) -> Floats:
    """The value of each wanted key, NaN where there is none."""
    if not len(distinct):
        return np.full(len(wanted), np.nan)
    at = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
    return np.where(distinct[at] == wanted, values[at], np.nan)


def _pick(values: Floats, underlying: Ints) -> Floats:
    """A value per underlying for each instrument, NaN where the market does not quote the underlying (index −1)."""
    return np.append(values, np.nan)[underlying]


def spots(market: Market, underlying: Ints) -> Floats:
    """Spot of each instrument's underlying, NaN where there is none, (K,)."""
    return _pick(market.spot, underlying)


def rates(market: Market, underlying: Ints, expiry: Floats) -> Floats:
    """Rate of each instrument: its expiry's, else its underlying's, else 0, (K,)."""
    nodes = market.nodes
    own = _find(*_mean_by_key(_key(nodes.underlying, nodes.expiry), nodes.rate), _key(underlying, expiry))
    own = np.where(np.isnan(own), _pick(market.rate, underlying), own)
    return np.where(np.isnan(own), 0.0, own)


def forwards(market: Market, underlying: Ints, expiry: Floats, strike: Floats) -> Floats:
    """Forward that the market gives for each instrument, NaN where it gives none, (K,).

    A chain may have a forward on every row: the one at the instrument's own strike, else the mean of its expiry.
    """
    nodes = market.nodes
    keys, wanted = _key(nodes.underlying, nodes.expiry), _key(underlying, expiry)
    strikes = np.unique(nodes.strike)

    def at_strike(key: Ints, values: Floats) -> Ints:
        found = np.searchsorted(strikes, values)
        exact = np.isfinite(values) & (np.append(strikes, np.nan)[found] == values)
        return np.where(exact, key * (len(strikes) + 1) + found, -1)

    own_keys = at_strike(keys, nodes.strike)
    own = _find(*_mean_by_key(own_keys, np.where(own_keys < 0, np.nan, nodes.forward)), at_strike(wanted, strike))
    return np.where(np.isfinite(own), own, _find(*_mean_by_key(keys, nodes.forward), wanted))


def vols(market: Market, underlying: Ints, expiry: Floats, strike: Floats) -> tuple[Floats, Ints]:
    """Vol of each option from the market: at its strike, on its expiry's smile, of its expiry, of its underlying.

    Args:
        underlying, expiry, strike: one entry per option, (K,)

    Returns:
        vols (K,), NaN where the market has none, and where each was found (K,): AT_STRIKE … NO_VOL
    """
    nodes = market.nodes
    keys, wanted = _key(nodes.underlying, nodes.expiry), _key(underlying, expiry)
    result, origin = np.full(len(wanted), np.nan), np.full(len(wanted), NO_VOL, np.int64)
    for values, found_at in (
        (_pick(market.vol, underlying), BY_UNDERLYING),
        (_find(*_mean_by_key(keys, np.where(np.isnan(nodes.strike), nodes.vol, np.nan)), wanted), BY_EXPIRY),
    ):
        there = np.isfinite(values)
        result[there], origin[there] = values[there], found_at
    points = np.isfinite(nodes.strike) & np.isfinite(nodes.vol)
    for key in np.intersect1d(keys[points], wanted):
        smile, mine = points & (keys == key), wanted == key
        result[mine], origin[mine] = _on_smile(nodes.strike[smile], nodes.vol[smile], strike[mine])
    return result, origin


def _on_smile(nodes: Floats, vol: Floats, strike: Floats) -> tuple[Floats, Ints]:
    """Interpolate one smile in total variance over log-moneyness, flat beyond its ends.

    All nodes share expiry and forward, so vol² and the log of the strike replace the two.
    """
    strikes, where = np.unique(nodes, return_inverse=True)
    at_node = np.bincount(where, vol, len(strikes)) / np.bincount(where)
    between = np.sqrt(np.interp(np.log(strike), np.log(strikes), at_node**2))
    at = np.minimum(np.searchsorted(strikes, strike), len(strikes) - 1)
    exact = strikes[at] == strike
    return np.where(exact, at_node[at], between), np.where(exact, AT_STRIKE, ON_SMILE)


def days_must_agree(days: Floats, expiry: Floats, as_of: float, rows: Sequence[int], faults: Faults) -> None:
    """Require that days to expiry that stand beside a date fit it within a day.

    Args:
        days: DTE of each row, NaN where it stands alone or not at all (N,)
        expiry: seconds since 1970 UTC (N,)
        as_of: valuation time, NaN where it is not known
        rows: number of each row (N,)
        faults: receives the rows whose days do not fit
    """
    left = (expiry - as_of) / DAY
    for i in np.flatnonzero(np.abs(days - left) > 1.0).tolist():
        problem = f"DTE {days[i]:,.10g} contradicts the Expiry {show_instant(float(expiry[i]))}, which is {left[i]:,.4g} days ahead"
        faults.add(rows[i], "DTE", problem, "clear one of the two cells")
