"""Derivatives of a margin by holding: the rules of its statement differentiated, its given numbers by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xlmargin.margin.statement import LARGEST, LESS, QUOTIENT, SMALLEST, TIMES, TOTAL, WORST, Line, Rule
from xlmargin.pricing.arrays import Floats, Ints

TIED = 1e-11  # relative to the largest of some lines: a smaller difference of two is rounding


@dataclass(frozen=True, slots=True)
class Bumps:
    """The indices among A books of the bumped books of each holding (H,).

    Attributes:
        base: the unchanged book
        up, down: the book with slightly more, and less, of the holding
        step: units of the holding in `up` less those in `down`; 0 where there is no position
    """

    base: Ints
    up: Ints
    down: Ints
    step: Floats


def slope(line: Line, bumps: Bumps) -> Floats:
    """The derivative of a line by the units of each holding (H,).

    Lines whose parts carry the same books are differentiated by their rule: sums, products and quotients as usual; lines
    that tie for the largest share its derivative equally. All else is the difference quotient between `up` and `down`.

    Args:
        line: over A books
    """
    rule = _RULES.get(line.rule) if line.shared else None
    if rule is None:
        if len(line.value) == 1:  # the same for every book
            return np.zeros_like(bumps.step)
        change = line.value[bumps.up] - line.value[bumps.down]
        return np.divide(change, bumps.step, out=np.zeros_like(change), where=bumps.step != 0.0)
    parts = line.parts(0)
    values = [part.value[bumps.base] if len(part.value) > 1 else np.full(len(bumps.base), part.value[0]) for part in parts]
    return rule(np.stack(values), np.stack([slope(part, bumps) for part in parts]))


def _times(values: Floats, slopes: Floats) -> Floats:
    result = np.zeros(values.shape[1])
    for n in range(len(values)):
        result += slopes[n] * np.prod(np.delete(values, n, axis=0), axis=0)
    return result


def _quotient(values: Floats, slopes: Floats) -> Floats:
    over = values[1] != 0.0
    below = np.where(over, values[1], 1.0)
    return np.where(over, (slopes[0] - values[0] / below * slopes[1]) / below, 0.0)


def _largest(values: Floats, slopes: Floats) -> Floats:
    top = values.max(axis=0)
    tied = values >= top - TIED * np.abs(values).max(axis=0)
    return np.asarray((slopes * tied).sum(axis=0) / tied.sum(axis=0), np.float64)


def _worst(values: Floats, slopes: Floats) -> Floats:
    return np.where(values.max(axis=0) > 0.0, _largest(values, slopes), 0.0)


_RULES: dict[Rule, Callable[[Floats, Floats], Floats]] = {
    TOTAL: lambda _, slopes: np.asarray(slopes.sum(axis=0), np.float64),
    LESS: lambda _, slopes: np.asarray(slopes[0] - slopes[1:].sum(axis=0), np.float64),
    TIMES: _times,
    QUOTIENT: _quotient,
    LARGEST: _largest,
    WORST: _worst,
    SMALLEST: lambda values, slopes: -_largest(-values, -slopes),
}
