"""Scenarios as data: moves of prices and vols, days that pass, and the share of the result that counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from xlmargin.pricing.arrays import Floats, Ints

Kind = Literal["relative", "absolute"]


@dataclass(frozen=True, slots=True)
class Tenor:
    """Vol shocks that shrink with time to expiry: (reference days / days)^power.

    Attributes:
        short_power, long_power: power below the reference days, and from them on
        reference_days: tenor whose shock is the nominal one [days]
        floor_days: shorter options are shocked as if they had this many days [days]
        whole_days: days to expiry are rounded up
    """

    short_power: float = 0.0
    long_power: float = 0.0
    reference_days: float = 30.0
    floor_days: float = 1.0
    whole_days: bool = field(default=False, kw_only=True)

    def scale(self, years: Floats) -> Floats:
        """Factor on the nominal vol shock for options of these years, (K,)."""
        days = years * 365.0
        if self.whole_days:
            days = np.ceil(np.round(days, 7))  # to a hundredth of a second, so that a whole number of days stays one
        days = np.maximum(days, self.floor_days)
        power = np.where(days < self.reference_days, self.short_power, self.long_power)
        return np.asarray((self.reference_days / days) ** power, np.float64)


@dataclass(frozen=True, slots=True)
class Scenarios:
    """S scenarios for U underlyings.

    Attributes:
        names: names of the scenarios (S,)
        descriptions: the moves in words (S,)
        underlyings: upper-case names (U,)
        price: move of every price, read by `price_kind`; no price falls below 0 (S, U)
        vol: move of every vol, read by `vol_kind` (S, U)
        vol_kind: relative (fraction of the vol) or absolute (vol points as a fraction)
        price_kind: relative (fraction of the price) or absolute (amount, the same for every price of an underlying)
        days: time that passes (S,) [days]
        weight: share of the profit or loss that counts (S, U)
        vol_floor: least vol after the shock, of every underlying (S,) or of each (S, U) [fraction]
        tenor: scaling of vol shocks with time to expiry, None where there is none
        own_arrays: these are the sixteen scenarios of an instrument's own risk array
        how: a venue's own valuation of the losses in words, "" for the general valuation
        option_how: its valuation of options where it is not by Black-76 on the forward, "" where it is
    """

    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    underlyings: tuple[str, ...]
    price: Floats
    vol: Floats
    vol_kind: Kind
    days: Floats
    weight: Floats
    vol_floor: Floats
    tenor: Tenor | None = None
    own_arrays: bool = False
    price_kind: Kind = "relative"
    how: str = ""
    option_how: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def floors(self, u: Ints | int) -> Floats:
        """Least vol after the shock in each scenario, of one underlying (S,) or of several (S, N)."""
        return self.vol_floor[:, u] if self.vol_floor.ndim > 1 else np.multiply.outer(self.vol_floor, np.ones(np.shape(u)))


# The sixteen scenarios of SPAN: (price move / price scan range, vol move / vol scan range). The last two are the
# extreme moves, whose multiple and cover are parameters. Order and signs: ICE Clear US, SPAN Margin System, 2015.
THIRD = 1.0 / 3.0
MOVES = tuple((f, v) for f in (0.0, THIRD, -THIRD, 2 * THIRD, -2 * THIRD, 1.0, -1.0) for v in (1.0, -1.0))
FRACTIONS = {
    0.0: "unchanged",
    THIRD: "up 1/3",
    -THIRD: "down 1/3",
    2 * THIRD: "up 2/3",
    -2 * THIRD: "down 2/3",
    1.0: "up 3/3",
    -1.0: "down 3/3",
}
# The scenario with the same price move and the other vol move; extremes pair with themselves.
SPAN_PAIRS = (1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14, 15)
SPAN_UP, SPAN_DOWN = 10, 12  # scenarios whose price moves are the whole scan range up and down


def span16(
    underlyings: tuple[str, ...],
    price_range: tuple[Floats, Floats],
    vol_range: Floats,
    kinds: tuple[Kind, Kind],
    extreme: tuple[Floats, Floats],
    days: float,
) -> Scenarios:
    """The sixteen SPAN scenarios.

    Args:
        price_range: price scan range of each underlying up and down, both positive (U,)
        vol_range: vol scan range (U,)
        kinds: kind of the price ranges, kind of the vol ranges
        extreme: extreme move as a multiple of the price scan range, and the share of its loss that counts (U,)
        days: look-ahead [days]

    Source: ICE Clear US, SPAN Margin System v1.0, 2015.
    """
    up, down = price_range
    multiple, cover = extreme
    moves = np.concatenate([[f for f, _ in MOVES], [1.0, -1.0]])[:, None]
    price = np.where(moves > 0.0, up, down) * moves
    price[len(MOVES) :] *= multiple
    vol = np.vstack([np.array([v for _, v in MOVES])[:, None] * vol_range, np.zeros((2, len(underlyings)))])
    weight = np.vstack([np.ones((len(MOVES), len(underlyings))), cover * np.ones((2, 1))])
    words = [f"price {FRACTIONS[f]}, vol {'up' if v > 0 else 'down'}" for f, v in MOVES]
    words += ["price up extreme, vol unchanged", "price down extreme, vol unchanged"]
    count = len(words)
    return Scenarios(
        tuple(str(n + 1) for n in range(count)),
        tuple(words),
        underlyings,
        np.maximum(price, -1.0) if kinds[0] == "relative" else price,
        vol,
        kinds[1],
        np.full(count, days),
        weight,
        np.zeros(count),
        own_arrays=True,
        price_kind=kinds[0],
    )


def none(underlyings: tuple[str, ...]) -> Scenarios:
    """No scenario at all, for rulebooks that have none."""
    empty, flat = np.empty((0, len(underlyings))), np.empty(0)
    return Scenarios((), (), underlyings, empty, empty, "relative", flat, empty, flat)


def dense(underlyings: tuple[str, ...], price_moves: Floats, vol_moves: Floats, days: float) -> Scenarios:
    """Every price move with every vol move, vol moves running fastest; relative moves of every underlying alike.

    Args:
        price_moves: fractions of the price, (M,)
        vol_moves: fractions of the vol, (N,)
        days: time that passes [days]

    Returns:
        M × N scenarios
    """
    price, vol = (moves.ravel() for moves in np.meshgrid(price_moves, vol_moves, indexing="ij"))
    columns = np.ones(len(underlyings))
    return Scenarios(
        tuple(str(n + 1) for n in range(len(price))),
        tuple(f"price {percent(p)}, vol {percent(v)}" for p, v in zip(price, vol)),
        underlyings,
        np.maximum(price[:, None] * columns, -1.0),
        vol[:, None] * columns,
        "relative",
        np.full(len(price), days),
        np.ones((len(price), len(underlyings))),
        np.zeros(len(price)),
    )


def shared_move(moves: Floats, other: str) -> str:
    """The move that all underlyings share in words, or another word where each has its own, (U,)."""
    words = set(map(percent, moves.tolist()))
    return words.pop() if len(words) == 1 else other


def percent(move: float) -> str:
    """A relative move in words: `+3.67 %`, `unchanged`."""
    return "unchanged" if move == 0.0 else f"{100.0 * move:+.4g} %".replace("-", "−")


def amount(move: float) -> str:
    """A move by an amount of the account's currency in words: `+7,700`, `−0.0125`, `unchanged`."""
    if move == 0.0:
        return "unchanged"
    text = f"{move:+,.2f}".rstrip("0").rstrip(".") if abs(move) >= 1.0 else f"{move:+.4g}"
    return text.replace("-", "−")


IN_WORDS = {"relative": percent, "absolute": amount}  # a price move of each kind in words
