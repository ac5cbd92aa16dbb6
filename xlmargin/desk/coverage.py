"""Backtests: whether losses beyond a margin are as many, and as scattered, as its confidence says; how it swings.

Sources: Kupiec, Techniques for verifying the accuracy of risk measurement models, 1995; Christoffersen, Evaluating
interval forecasts, 1998; Basel Committee, Supervisory framework for the use of backtesting, 1996; Murphy, Vasios and
Vause, An investigation into the procyclicality of risk-based initial margin models, Bank of England, 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.pricing.arrays import Bools, Floats

GREEN, YELLOW = 0.95, 0.9999  # chance of fewer exceptions from which the zone is yellow, and red


class Coverage(NamedTuple):
    """The evidence of exceptions about a margin.

    Attributes:
        kupiec, independence, conditional: likelihood ratios and their p-values
    """

    observations: int
    exceptions: int
    expected: float
    kupiec: tuple[float, float]
    independence: tuple[float, float]
    conditional: tuple[float, float]
    zone: str


class Swings(NamedTuple):
    """The size of a margin series and its movement through the cycle.

    Attributes:
        peak_to_trough: largest over smallest, infinite where the smallest is 0
        increases: largest rise over n days, per n, as an amount and over the margin before
    """

    peak_to_trough: float
    increases: dict[int, tuple[float, float]]


def _log_likelihood(hits: float, misses: float, chance: float) -> float:
    """Log likelihood of hits and misses, 0 ln 0 = 0."""
    from scipy.special import xlog1py, xlogy

    return float(xlogy(hits, chance) + xlog1py(misses, -chance))


def kupiec_lr(observations: int, exceptions: int, chance: float) -> float:
    """Likelihood ratio of Kupiec's proportion-of-failures test, χ² with one degree of freedom.

    Args:
        chance: of an exception on one day, 1 − confidence
    """
    misses = observations - exceptions
    found = exceptions / observations
    return 2.0 * (_log_likelihood(exceptions, misses, found) - _log_likelihood(exceptions, misses, chance))


def transitions(hits: Bools) -> NDArray[np.int64]:
    """Counts of a day of one kind followed by one of another: [[00, 01], [10, 11]]."""
    return np.bincount(2 * hits[:-1].astype(np.int64) + hits[1:], minlength=4).reshape(2, 2)


def christoffersen_lr(hits: Bools) -> float:
    """Likelihood ratio of Christoffersen's test that exceptions do not follow each other, χ² with one degree of freedom."""
    (n00, n01), (n10, n11) = transitions(hits).tolist()
    every = n00 + n01 + n10 + n11
    if not every:
        return 0.0
    after_miss, after_hit = n01 / max(n00 + n01, 1), n11 / max(n10 + n11, 1)
    apart = _log_likelihood(n01, n00, after_miss) + _log_likelihood(n11, n10, after_hit)
    return max(0.0, 2.0 * (apart - _log_likelihood(n01 + n11, n00 + n10, (n01 + n11) / every)))


def basel_zone(observations: int, exceptions: int, chance: float) -> str:
    """green, yellow or red by the chance of no more exceptions: of 250 at 99 %, yellow from 5 and red from 10 on."""
    from scipy.special import bdtr

    at_most = float(bdtr(exceptions, observations, chance))
    return "green" if at_most < GREEN else "yellow" if at_most < YELLOW else "red"


def coverage(pnl: Floats, margin: Floats, confidence: float) -> Coverage:
    """All tests of a series of margins against the profits and losses that followed.

    Args:
        pnl: gains positive (N,)
        margin: positive (N,); an exception is pnl < −margin
    """
    from scipy.special import chdtrc

    hits = np.asarray(pnl < -margin, np.bool_)
    count, exceptions, chance = len(hits), int(hits.sum()), 1.0 - confidence
    unconditional = max(0.0, kupiec_lr(count, exceptions, chance))
    independence = christoffersen_lr(hits)
    joint = unconditional + independence
    return Coverage(
        count,
        exceptions,
        count * chance,
        (unconditional, float(chdtrc(1, unconditional))),
        (independence, float(chdtrc(1, independence))),
        (joint, float(chdtrc(2, joint))),
        basel_zone(count, exceptions, chance),
    )


def swings(margin: Floats, days: Sequence[int] = (1, 5, 30)) -> Swings:
    """The movement of a margin series: peak to trough, largest rises.

    Args:
        margin: daily, at least 0 (N,)
        days: over how many days rises are measured; those longer than the series are left out
    """
    increases = {}
    for n in days:
        if n < len(margin):
            rise, before = margin[n:] - margin[:-n], margin[:-n]
            relative = np.divide(rise, before, out=np.zeros_like(rise), where=before > 0.0)
            increases[n] = float(rise.max()), float(relative.max())
    low = float(margin.min())
    return Swings(float(margin.max()) / low if low > 0.0 else np.inf, increases)
