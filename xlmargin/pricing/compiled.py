"""The kernel of the margin path compiled by numba for every core; it is imported only on request.

One exponential serves both tails, since F φ(d1) = K φ(d2); a tail is that density times Mills' ratio.
"""

from __future__ import annotations

import numba
import numpy as np

from xlmargin.pricing.arrays import Floats
from xlmargin.pricing.tails import mills_coefficients

P = mills_coefficients()
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10  # their sum is ln 2 to 33 digits; the first has 33 bits
PHI_0 = 0.3989422804014327
FARTHEST = 37.5  # beyond it a density is below 1e-300, and the exponential below stays a normal number
SMALLEST = 1e-100  # replaces a total vol of 0
BIAS, MANTISSA = 1023, 52  # of an IEEE double
FAST = {"contract", "arcp", "nsz", "reassoc"}  # never the flags that assume away infinities and NaN


@numba.njit(inline="always", fastmath=FAST)
def _exp(x):
    """E to a power from −708 to 0: a polynomial on half a factor of two, which the compiler turns into vectors."""
    k = np.floor(x * LOG2_E + 0.5)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    r2 = r * r
    low = 1.0 + r + r2 * (0.5 + r * (1.0 / 6.0))
    middle = (1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5040.0))
    high = (1.0 / 40320.0 + r * (1.0 / 362880.0)) + r2 * (1.0 / 3628800.0 + r * (1.0 / 39916800.0))
    top = 1.0 / 479001600.0 + r * (1.0 / 6227020800.0)
    r4 = r2 * r2
    value = low + r4 * (middle + r4 * (high + r4 * top))
    return value * np.int64((np.int64(k) + BIAS) << MANTISSA).view(np.float64)


@numba.njit(inline="always", fastmath=FAST)
def _polynomial(t):
    """The 25 coefficients in five groups of five, which are independent of each other."""
    t2 = t * t
    t5 = t2 * t2 * t
    a = P[0] + t * (P[1] + t * (P[2] + t * (P[3] + t * P[4])))
    b = P[5] + t * (P[6] + t * (P[7] + t * (P[8] + t * P[9])))
    c = P[10] + t * (P[11] + t * (P[12] + t * (P[13] + t * P[14])))
    d = P[15] + t * (P[16] + t * (P[17] + t * (P[18] + t * P[19])))
    e = P[20] + t * (P[21] + t * (P[22] + t * (P[23] + t * P[24])))
    return a + t5 * (b + t5 * (c + t5 * (d + t5 * e)))


@numba.njit(parallel=True, fastmath=FAST, error_model="numpy", cache=True)
def _fill(forward, strike, moneyness, root_years, vol, tenor, price, log_price, relative, absolute, floor, out):
    """Write the price of every option in every scenario, the options distributed over the cores."""
    for i in numba.prange(len(forward)):
        level, k, m, root, sigma, weight = forward[i], strike[i], moneyness[i], root_years[i], vol[i], tenor[i]
        for s in range(len(price)):
            shocked = max(sigma * (1.0 + relative[s] * weight) + absolute[s] * weight, floor[s])
            total = max(shocked * root, SMALLEST)
            middle, half = (m + log_price[s]) / total, 0.5 * total
            d1 = min(max(middle + half, -FARTHEST), FARTHEST)
            d2 = min(max(middle - half, -FARTHEST), FARTHEST)
            moved = level * price[s]
            a, b = abs(d1) + 4.0, abs(d2) + 4.0
            inverse = 1.0 / (a * b)
            over_a, over_b = b * inverse, a * inverse
            density = moved * PHI_0 * _exp(-0.5 * d1 * d1)
            first = density * over_a * _polynomial((a - 8.0) * over_a)
            second = density * over_b * _polynomial((b - 8.0) * over_b)
            value = (moved - first if d1 > 0.0 else first) - (k - second if d2 > 0.0 else second)
            out[i, s] = max(value, moved - k, 0.0)


def call_grid(
    forward: Floats,
    strike: Floats,
    root_years: Floats,
    vol: Floats,
    price: Floats,
    relative: Floats,
    absolute: Floats,
    floor: Floats,
    tenor: Floats | None = None,
) -> Floats:
    """The result of `grid.call_grid` for the same arguments, to 1e-14 of the larger of forward and strike."""
    tiny = 1e-300
    columns = [
        np.ascontiguousarray(column, np.float64)
        for column in (
            forward,
            strike,
            np.log(np.maximum(forward, tiny) / np.maximum(strike, tiny)),
            root_years,
            vol,
            np.ones(len(vol)) if tenor is None else tenor,
            price,
            np.log(np.maximum(price, tiny)),
            relative,
            absolute,
            np.maximum(floor, 0.0),
        )
    ]
    out = np.empty((len(forward), len(price)))
    _fill(*columns, out)
    return out
