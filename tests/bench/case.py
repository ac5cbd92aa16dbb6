"""The made-up book and quotes that every variant of the benchmark prices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Calls on one coin, (K,), and the price factors and relative vol changes of a scan, (S,)."""

    forward: FloatArray
    strike: FloatArray
    years: FloatArray
    vol: FloatArray
    price: FloatArray
    relative: FloatArray

    @classmethod
    def sample(cls, options: int) -> Case:
        """Return options within two standard deviations of the money, under 16 scenarios, the same on every run."""
        random = np.random.default_rng(76)
        forward = random.uniform(50_000.0, 70_000.0, options)
        years = random.uniform(1.0, 365.0, options) / 365.0
        vol = random.uniform(0.3, 1.2, options)
        strike = forward * np.exp(random.uniform(-2.0, 2.0, options) * vol * np.sqrt(years))
        moves = np.array([0.0, 0.0, 1.0, 1.0, -1.0, -1.0, 2.0, 2.0, -2.0, -2.0, 3.0, 3.0, -3.0, -3.0, 6.0, -6.0])
        relative = np.tile([0.25, -0.25], 8)
        return cls(forward, strike, years, vol, 1.0 + 0.05 * moves, relative)

    def part(self, options: slice | NDArray[np.bool_]) -> Case:
        """Return the case with some of its options."""
        terms = {name: getattr(self, name)[options] for name in ("forward", "strike", "years", "vol")}
        return replace(self, **terms)

    def cells(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return forward, strike, years and vol of every option in every scenario, four times (K, S)."""
        forward = self.forward[:, None] * self.price
        vol = self.vol[:, None] * (1.0 + self.relative)
        strike, years = (np.broadcast_to(column[:, None], forward.shape) for column in (self.strike, self.years))
        return forward, strike, years, vol
