"""Grids of scenarios from parameters alone: moves times a coin's factor, shrinking and lopsided vols, weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xlmargin.errors import MarginError
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.parameter import Parameter
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods import rules_of

TENOR = ("short_power", "long_power", "reference_days", "floor_days")


def rules(text: str, *, without: tuple[str, ...] = (), **numbers: dict[str, float]) -> Rules:
    """PARADEX's rulebook with another grid, further numbers by coin, and some parameters left out."""
    known = rules_of("PARADEX", 1_780_000_000.0)
    any_number = known.get("vol_up")

    def number(coin: str, name: str, value: float) -> Parameter:
        return replace(any_number, underlying=coin, name=name, value=value)

    parameters = {key: value for key, value in known.parameters.items() if key[1] not in without}
    parameters |= {(coin, name): number(coin, name, value) for name, by_coin in numbers.items() for coin, value in by_coin.items()}
    return replace(known, parameters=parameters).override([Override("", "scenarios", text, 2)])


def test_a_star_multiplies_a_move_by_the_factor_of_its_coin() -> None:
    """18 % of BTC are 27 % of a coin whose factor is 1.5; a move without a star is the same for all."""
    made = grid(("BTC", "SOL"), rules("-18%*, 18%* x same; -50% x same x 30%", price_factor={"BTC": 1.0, "": 1.5}))
    assert made.price.tolist() == [[-0.18, -0.27], [0.18, 0.27], [-0.5, -0.5]]
    assert made.weight.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.3, 0.3]]
    assert made.descriptions == (
        "price −18 % × price_factor, vol unchanged",
        "price +18 % × price_factor, vol unchanged",
        "price −50 %, vol unchanged",
    )


def test_coins_of_one_factor_show_the_move_itself() -> None:
    """Where all coins move alike, the move is in the words."""
    assert grid(("SOL", "XRP"), rules("12%* x same", price_factor={"": 1.5})).descriptions == ("price +18 %, vol unchanged",)


@pytest.mark.parametrize(("text", "name"), [("12%* x up", "price_factor"), ("12 x up", "price_range")])
def test_a_move_that_nothing_sizes_is_refused(text: str, name: str) -> None:
    """A forgotten percent sign is no move by twelve times the price, and a star needs its parameter."""
    with pytest.raises(MarginError, match=f"PARADEX has no {name}: write price moves in percent"):
        grid(("BTC",), rules(text))


def test_vols_shrink_beyond_the_reference_days_alone() -> None:
    """Only a long power: shocks up to 30 days are whole, and at 120 days half."""
    made = grid(("BTC",), rules("0% x down, same, up", without=TENOR, vol_up={"": 0.45}, vol_down={"": 0.3}, long_power={"": 0.5}))
    assert made.vol.ravel().tolist() == [-0.3, 0.0, 0.45]
    assert made.vol_kind == "relative"
    assert made.tenor is not None
    assert made.tenor.scale(np.array([7.0, 30.0, 120.0]) / 365.0).tolist() == [1.0, 1.0, 0.5]


def test_no_power_is_no_tenor() -> None:
    """A rulebook that names no powers shocks vols of every tenor alike."""
    assert grid(("BTC",), rules("0% x up", without=(*TENOR, "vol_shift"))).tenor is None
