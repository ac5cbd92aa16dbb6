"""OKX's tables: the scenarios of each requirement, and the steps in which rates are published."""

from __future__ import annotations

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.pricing.arrays import Floats

SHOCKS = ("price_shock_small", "price_shock_middle", "price_shock_large")
POINTS, PERCENT, TIERS = "vol_shock_points", "vol_shock_percent", "reduction_tiers"
DECOUPLING = ("decoupling_rates", "decoupling_at_par", "decoupling_at_99", "decoupling_at_80")
# least and most of the second number of each table: shocks and rates as fractions, factors on the charge
_STEPS_BETWEEN = {POINTS: (0.0, 5.0), PERCENT: (0.0, 5.0), TIERS: (1.0, 100.0)} | dict.fromkeys(DECOUPLING, (0.0, 1.0))
VOLS = (
    (1.0, POINTS, "vol up by points"),
    (1.0, PERCENT, "vol up by percent"),
    (0.0, POINTS, "vol unchanged"),
    (-1.0, POINTS, "vol down by points"),
    (-1.0, PERCENT, "vol down by percent"),
)
PRICES = 2 * len(SHOCKS) + 1
MR1 = slice(0, PRICES * len(VOLS))  # of the scenarios
MR6 = slice(MR1.stop, MR1.stop + 2)
MR2 = slice(MR6.stop, MR6.stop + 1)


def steps(text: str, name: str) -> tuple[Floats, Floats]:
    """A table of steps `10000 1; 70000 2; inf 12`: the end of each, ascending, and its value.

    Raises:
        MarginError: the text has another shape, or a value is out of its bounds
    """
    try:
        table = np.array([[float(cell) for cell in part.split()] for part in text.split(";")])
    except ValueError:
        table = np.empty(0)
    if table.ndim != 2 or table.shape[1] != 2 or np.isnan(table).any() or not np.all(np.diff(table[:, 0], prepend=-1e-9) > 0.0):
        raise MarginError(
            f"{name} must be pairs of numbers with semicolons between them, the first of each ascending from 0, "
            f"such as 0 0.3; 30 0.25, not {text!r}"
        )
    least, most = _STEPS_BETWEEN[name]
    for part, value in zip(text.split(";"), table[:, 1].tolist()):
        if not least <= value <= most:
            raise MarginError(f"{name}: {part.strip()!r} must have a second number from {least:g} to {most:g}")
    if name == TIERS and not np.isinf(table[-1, 0]):
        raise MarginError(f"{name}: {part.strip()!r} leaves charges above it without a factor: let the last tier end with inf")
    return table[:, 0], table[:, 1]


def scaled(charge: Floats, ends: Floats, factors: Floats) -> Floats:
    """The part of a charge that falls into each tier, times its factor, (N, A)."""
    starts = np.append(0.0, ends[:-1])[:, None]
    inside: Floats = np.maximum(np.minimum(charge, ends[:, None]) - starts, 0.0)
    return inside * factors[:, None]
