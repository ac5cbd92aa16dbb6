"""European options on spot as Paradex's engine prices them: Black-Scholes with a normal distribution of seven digits.

Source: paradex-py 0.8.2, paradex_py/margin/black_scholes.py. The polynomial is Abramowitz and Stegun, Handbook of Mathematical
Functions, 7.1.26: it is off by up to 1.5e-7 of spot and strike, a cent of BTC, which the venue's numbers are too.
"""

from __future__ import annotations

import numpy as np

from xlmargin.pricing.arrays import Bools, Floats

SCALE = 0.3275911
COEFFICIENTS = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)  # of t⁵ down to t
TINY = 1e-300  # in place of 0 under a logarithm
FARTHEST = 40.0  # standard deviations: beyond them the distribution is 0 or 1


def normal(x: Floats) -> Floats:
    """Normal distribution function (any shape)."""
    size = np.minimum(np.abs(x), FARTHEST) / np.sqrt(2.0)
    t = 1.0 / (1.0 + SCALE * size)
    tail = np.zeros_like(t)
    for coefficient in COEFFICIENTS:
        tail = (tail + coefficient) * t
    return np.asarray(0.5 * (1.0 + np.sign(x) * (1.0 - tail * np.exp(-size * size))), np.float64)


def _d1(spot: Floats, strike: Floats, years: Floats, rate: Floats, total: Floats) -> Floats:
    """Log-moneyness over the total vol, half of it added; ±infinity in effect where no time or vol is left."""
    carried = np.log(np.maximum(spot, TINY) / strike) + rate * years
    return np.asarray(carried / np.maximum(total, TINY) + 0.5 * total, np.float64)


def prices(call: Bools, spot: Floats, strike: Floats, years: Floats, rate: Floats, vol: Floats) -> Floats:
    """Value per unit; the exercise value where no time or vol is left.

    Args:
        call: calls, all others are puts
        spot, strike: [price], the strike positive
        years: to expiry
        rate: continuously compounded [fraction per year]
        vol: [fraction per year ** 0.5]

    Returns:
        of the shape that the arguments have together
    """
    sign, total = np.where(call, 1.0, -1.0), vol * np.sqrt(years)
    d1 = _d1(spot, strike, years, rate, total)
    value = sign * (spot * normal(sign * d1) - strike * np.exp(-rate * years) * normal(sign * (d1 - total)))
    return np.asarray(np.where(total > 0.0, value, np.maximum(sign * (spot - strike), 0.0)), np.float64)


def deltas(call: Bools, spot: Floats, strike: Floats, years: Floats, rate: Floats, vol: Floats) -> Floats:
    """Delta to spot of one long unit; the arguments are those of `prices`."""
    total = vol * np.sqrt(years)
    long = np.where(total > 0.0, normal(_d1(spot, strike, years, rate, total)), spot > strike)
    return np.asarray(long - np.where(call, 0.0, 1.0), np.float64)
