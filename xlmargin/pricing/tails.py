"""Tails of the normal distribution by Mills' ratio as a polynomial, for compiled kernels."""

from __future__ import annotations

import numpy as np

DEGREE = 24
POINTS = 200


def mills_coefficients() -> tuple[float, ...]:
    """P with N(−a) / φ(a) = p(t) / (a + 4), t = (a − 4) / (a + 4), to 5e-15 for a ≥ 0, lowest power first."""
    from numpy.polynomial import chebyshev
    from scipy.special import erfcx

    t = np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)
    a = 4.0 * (1.0 + t) / (1.0 - t)
    scaled = (a + 4.0) * np.sqrt(0.5 * np.pi) * erfcx(a * np.sqrt(0.5))
    return tuple(float(c) for c in chebyshev.cheb2poly(chebyshev.chebfit(t, scaled, DEGREE)))
