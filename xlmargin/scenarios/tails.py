"""Tails of losses: the quantile, the mean beyond it, exponentially weighted vols, and the contribution of each position."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xlmargin.pricing.arrays import Floats, Ints

ROUNDING = 1e-9  # n (1 − confidence) that is whole but for rounding counts as whole


class Components(NamedTuple):
    """The contributions of position rows to a measure, each (P,).

    Attributes:
        component: part of the measure; the parts add up to it
        incremental: measure of the book less that of the book without the row
        standalone: measure of the row alone
    """

    component: Floats
    incremental: Floats
    standalone: Floats


def tail_count(observations: int, confidence: float) -> int:
    """The number of losses in the tail: k = max(1, floor(n (1 − confidence) + 1e-9)).

    Source: order-statistic convention of Hull, Options, Futures and Other Derivatives: of 500 at 99 %, the 5th worst.
    """
    return max(1, int(np.floor(observations * (1.0 - confidence) + ROUNDING)))


def tail_value(losses: Floats, count: int, *, mean: bool) -> Floats:
    """The count-th largest loss, or the mean of the count largest, along the last axis; not floored.

    Args:
        losses: losses positive (…, S)
    """
    tail = np.partition(losses, losses.shape[-1] - count, axis=-1)[..., losses.shape[-1] - count :]
    return np.asarray(tail.mean(axis=-1) if mean else tail.min(axis=-1), np.float64)


def ewma_vols(returns: Floats, decay: float) -> Floats:
    """Vol of each day as known the evening before, followed by tomorrow's.

    v[t + 1]² = decay v[t]² + (1 − decay) r[t]², begun with the mean square of the whole sample.

    Args:
        returns: (N, U)
        decay: weight of the past, from 0 to 1

    Returns:
        vols per row (N + 1, U), the last one tomorrow's
    """
    squares = returns**2
    variance = np.empty((len(returns) + 1, returns.shape[1]))
    variance[0] = squares.mean(axis=0) if len(returns) else 0.0
    for t, square in enumerate(squares):
        variance[t + 1] = decay * variance[t] + (1.0 - decay) * square
    return np.asarray(np.sqrt(variance), np.float64)


def worst_window(losses: Floats, width: int, confidence: float, *, mean: bool) -> Ints:
    """First observation of the window of consecutive observations whose tail is the worst, per book (A,).

    Args:
        losses: (A, S)
        width: number of observations of a window, at most S
    """
    count = tail_count(width, confidence)
    return np.array(
        [np.argmax(tail_value(np.lib.stride_tricks.sliding_window_view(book, width), count, mean=mean)) for book in losses], np.int64
    )


def components(losses: Floats, confidence: float, *, mean: bool) -> Components:
    """The contribution of each row to a tail measure: its loss on the day of the quantile, or its mean loss on the tail's days.

    Args:
        losses: of each row in each scenario, losses positive (P, S)

    Source: the derivative of a quantile by position is the expected loss of the position on that day (Hallerbach 1999).
    """
    book = losses.sum(axis=0)
    count = tail_count(len(book), confidence)
    tail = np.argsort(-book, kind="stable")[:count]
    days = tail if mean else tail[-1:]
    whole = max(0.0, float(tail_value(book, count, mean=mean)))
    without = np.maximum(tail_value(book - losses, count, mean=mean), 0.0)
    alone = np.maximum(tail_value(losses, count, mean=mean), 0.0)
    return Components(np.asarray(losses[:, days].mean(axis=1), np.float64), whole - without, alone)
