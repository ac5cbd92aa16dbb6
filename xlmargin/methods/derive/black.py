"""Black-76 and SVI vols with the limits that Derive puts on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from xlmargin.pricing.arrays import Floats

YEAR = 31_536_000.0  # seconds of 365 days
MONTH = 2_592_000.0  # seconds of 30 days
SETTLING = 1_800.0  # seconds before expiry in which the settlement price is averaged
LARGEST_TOTAL_VOL = 24.0  # from here on a call is worth its forward
LEAST_TOTAL_VOL = 1e-18
LARGEST_VARIANCE = 144.0  # of the SVI curve
WINGS = 4.0  # standard deviations of the SVI curve's middle beyond which it is flat


def _standard(forward: Floats, strike: Floats, years: Floats, vol: Floats) -> tuple[Floats, Floats, Floats]:
    """Strike over forward (1 where the forward is 0), d1 and d2."""
    total = np.clip(vol * np.sqrt(years), LEAST_TOTAL_VOL, LARGEST_TOTAL_VOL)
    money = np.divide(strike, forward, out=np.ones_like(total), where=forward > 0.0)
    with np.errstate(divide="ignore"):  # a strike of 0: d1 is infinite, the call the forward
        d1 = (total * total / 2.0 - np.log(money)) / total
    return money, d1, d1 - total


def prices(forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, discount: ArrayLike = 1.0) -> tuple[Floats, Floats]:
    """Call and put of each entry of arrays that broadcast.

    Each is its own difference of probabilities, so that neither loses digits far out of the money.

    Args:
        forward, strike: 0 or more [USD]
        years: 0 or more
        vol: 0 or more [fraction per square-root year]
        discount: present value of 1 USD at expiry

    Returns:
        calls, puts, both 0 or more [USD]

    Source: derivexyz/v2-core at 7736900d (2026-01-21).
    """
    f, k, t, v, d = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (forward, strike, years, vol, discount)))
    money, d1, d2 = _standard(f, k, t, v)
    certain = v * np.sqrt(t) >= LARGEST_TOTAL_VOL
    call = np.where(certain, 1.0, ndtr(d1) - money * ndtr(d2))
    put = np.where(certain, money, money * ndtr(-d2) - ndtr(-d1))
    worthless = f <= 0.0
    call, put = np.where(worthless, 0.0, call * f), np.where(worthless, k, put * f)
    return np.clip(call, 0.0, f) * d, np.clip(put, 0.0, k) * d


def call_delta(forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike) -> Floats:
    """Undiscounted delta of calls to their forwards."""
    f, k, t, v = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (forward, strike, years, vol)))
    certain = v * np.sqrt(t) >= LARGEST_TOTAL_VOL
    return np.where(f <= 0.0, 0.0, np.where(certain, 1.0, ndtr(_standard(f, k, t, v)[1])))


def svi_vol(strike: ArrayLike, forward: ArrayLike, tau: ArrayLike, curve: tuple[ArrayLike, ...]) -> Floats:
    """Vol of strikes on SVI curves.

    Args:
        strike, forward: above 0 [USD]
        tau: time to expiry for which the curve was fitted [years]
        curve: a, b, rho, m, sigma of total variance over log-moneyness

    Returns:
        vols [fraction per square-root year]

    Source: derivexyz/v2-core at 7736900d (2026-01-21).
    """
    a, b, rho, m, sigma = (np.asarray(each, np.float64) for each in curve)
    reach = WINGS * np.sqrt(np.maximum(a + b * sigma, 0.0))
    k = np.clip(np.log(np.asarray(strike, np.float64) / np.asarray(forward, np.float64)), -reach, reach)
    variance = a + b * (rho * (k - m) + np.sqrt((k - m) ** 2 + sigma**2))
    return np.sqrt(np.clip(variance, 0.0, LARGEST_VARIANCE) / np.asarray(tau, np.float64))


def fixed_part(forward: ArrayLike, seconds: ArrayLike) -> Floats:
    """Part of a forward that the average of the last half hour has settled already, which no scenario moves."""
    share = np.clip((SETTLING - np.asarray(seconds, np.float64)) / SETTLING, 0.0, 1.0)
    return np.asarray(forward, np.float64) * share
