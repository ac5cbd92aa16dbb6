"""Scenarios as data: what happens to prices, vols and time, and how much of the result counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scenarios", "Tenor", "dense", "percent", "span16"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tenor:
    """Vol shocks that shrink with time to expiry: (reference days / days)^power.

    Parameters
    ----------
    short_power, long_power: power below the reference days, and from it on
    reference_days: tenor whose shock is the nominal one [days]
    floor_days: shorter options are shocked as if they had this many days [days]
    """

    short_power: float
    long_power: float
    reference_days: float = 30.0
    floor_days: float = 1.0

    def scale(self, years: Floats) -> Floats:
        """Factor on the nominal vol shock for options of these years, (K,)."""
        days = np.maximum(years * 365.0, self.floor_days)
        power = np.where(days < self.reference_days, self.short_power, self.long_power)
        return np.asarray((self.reference_days / days) ** power, np.float64)


@dataclass(frozen=True, slots=True)
class Scenarios:
    """S scenarios for U underlyings.

    Parameters
    ----------
    names: what each scenario is called (S,)
    descriptions: what happens in it, in words (S,)
    underlyings: upper-case names (U,)
    price: move as a fraction of the price, never below −1 (S, U)
    vol: move of every vol, read by `vol_kind` (S, U)
    vol_kind: relative (fraction of the vol) or absolute (vol points as a fraction)
    days: time that passes (S,) [days]
    weight: share of the profit or loss that counts (S, U)
    vol_floor: least vol after the shock (S,) [fraction]
    tenor: how vol shocks scale with time to expiry, None where they do not
    own_arrays: these are the sixteen scenarios that an instrument's own risk array is about
    """

    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    underlyings: tuple[str, ...]
    price: Floats
    vol: Floats
    vol_kind: Literal["relative", "absolute"]
    days: Floats
    weight: Floats
    vol_floor: Floats
    tenor: Tenor | None = None
    own_arrays: bool = False

    def __len__(self) -> int:
        return len(self.names)


# The sixteen scenarios of SPAN: (price move / price scan range, vol move / vol scan range). The last two are the
# extreme moves, whose multiple and cover are parameters. Order and signs: ICE Clear US, SPAN Margin System, 2015.
THIRD = 1.0 / 3.0
MOVES = tuple((f, v) for f in (0.0, THIRD, -THIRD, 2 * THIRD, -2 * THIRD, 1.0, -1.0) for v in (1.0, -1.0))
FRACTIONS = {0.0: "unchanged", THIRD: "up 1/3", -THIRD: "down 1/3", 2 * THIRD: "up 2/3", -2 * THIRD: "down 2/3",
             1.0: "up 3/3", -1.0: "down 3/3"}


def span16(underlyings: tuple[str, ...], price_range: Floats, vol_range: Floats, vol_kind: Literal["relative", "absolute"],
           multiple: Floats, cover: Floats, days: float) -> Scenarios:
    """The sixteen SPAN scenarios.

    Parameters
    ----------
    price_range: price scan range of each underlying, a fraction of its price (U,)
    vol_range: vol scan range (U,)
    multiple: extreme move as a multiple of the price scan range (U,)
    cover: share of the extreme loss that counts (U,)
    days: look-ahead [days]

    Source: ICE Clear US, SPAN Margin System v1.0, 2015.
    """
    fraction = np.array([f for f, _ in MOVES])[:, None] * np.ones(len(underlyings))
    extreme = np.array([[1.0], [-1.0]]) * multiple
    price = np.maximum(np.vstack([fraction, extreme]) * price_range, -1.0)
    vol = np.vstack([np.array([v for _, v in MOVES])[:, None] * vol_range, np.zeros((2, len(underlyings)))])
    weight = np.vstack([np.ones_like(fraction), cover * np.ones((2, 1))])
    words = [f"price {FRACTIONS[f]}, vol {'up' if v > 0 else 'down'}" for f, v in MOVES]
    words += ["price up extreme, vol unchanged", "price down extreme, vol unchanged"]
    count = len(words)
    return Scenarios(tuple(str(n + 1) for n in range(count)), tuple(words), underlyings, price, vol, vol_kind,
                     np.full(count, days), weight, np.zeros(count), own_arrays=True)


def dense(underlyings: tuple[str, ...], price_moves: Floats, vol_moves: Floats, days: float) -> Scenarios:
    """Every price move with every vol move, vol moves running fastest; relative moves of every underlying alike.

    Parameters
    ----------
    price_moves: fractions of the price, (M,)
    vol_moves: fractions of the vol, (N,)
    days: time that passes [days]

    Returns
    -------
    M × N scenarios
    """
    price, vol = (moves.ravel() for moves in np.meshgrid(price_moves, vol_moves, indexing="ij"))
    columns = np.ones(len(underlyings))
    return Scenarios(tuple(str(n + 1) for n in range(len(price))),
                     tuple(f"price {percent(p)}, vol {percent(v)}" for p, v in zip(price, vol)), underlyings,
                     np.maximum(price[:, None] * columns, -1.0), vol[:, None] * columns, "relative",
                     np.full(len(price), days), np.ones((len(price), len(underlyings))), np.zeros(len(price)))


def percent(move: float) -> str:
    """A move in words: `+3.67 %`, `unchanged`."""
    return "unchanged" if move == 0.0 else f"{100.0 * move:+.4g} %".replace("-", "−")
