"""Grids of scenarios from parameters alone: moves times a coin's factor, shrinking and lopsided vols, weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xlmargin.errors import MarginError
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods import rules_of

HYPES = "+20% x up, -30%; -60% x +55% x 40%"
TENOR = ("short_power", "long_power", "reference_days", "floor_days")


def rules(text: str, *, without: tuple[str, ...] = (), **numbers: dict[str, float]) -> Rules:
    """PARADEX's rulebook with BTC's numbers for every coin, another grid, further numbers by coin, and some parameters left out."""
    known = rules_of("PARADEX", 1_780_000_000.0)
    bitcoin = {name: known.get(name, "BTC") for name in known.names}
    found = {("", name): replace(value, underlying="") for name, value in bitcoin.items() if name not in without}
    for name, by_coin in numbers.items():
        found |= {(coin, name): replace(bitcoin["vol_up"], underlying=coin, name=name, value=value) for coin, value in by_coin.items()}
    return replace(known, parameters=found).override([Override("", "scenarios", text, 2)])


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


def test_coins_have_grids_of_their_own() -> None:
    """Moves, weights, vols and floors differ by coin; the floor is that of up shocks alone; a vol may be a number."""
    own = rules("10% x up, down; -50% x up x 30%", vol_up={"HYPE": 0.6}, min_vol_shock_up={"HYPE": 0.7})
    own = own.override([*(Override(*key, value.value, 2) for key, value in own.given.items()), Override("HYPE", "scenarios", HYPES, 3)])
    made = grid(("BTC", "HYPE"), own)
    assert made.price.tolist() == [[0.1, 0.2], [0.1, 0.2], [-0.5, -0.6]]
    assert made.vol.tolist() == [[0.4, 0.6], [-0.22, -0.3], [0.4, 0.55]]
    assert made.weight.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.3, 0.4]]
    assert made.vol_floor.tolist() == [[0.4, 0.7], [0.0, 0.0], [0.4, 0.7]]
    assert made.descriptions == (
        "price +10 % or +20 %, vol up",
        "price +10 % or +20 %, vol down or −30 %",
        "price −50 % or −60 %, vol up or +55 %",
    )


def test_grids_of_different_sizes_are_told() -> None:
    """The scenarios of one coin happen with those of another, so each has as many."""
    own = rules("10% x up, down").override([Override("", "scenarios", "10% x up, down", 2), Override("ETH", "scenarios", "10% x up", 3)])
    with pytest.raises(MarginError, match="BTC has 2 shocks and ETH 1: give all coins grids of as many shocks"):
        grid(("BTC", "ETH"), own)


def test_a_coin_that_the_scenarios_leave_alone_needs_no_row() -> None:
    """A coin held as collateral alone has no moves, though the rulebook does not list it."""
    made = grid(("BTC", "SOL"), rules_of("PARADEX", 1_780_000_000.0), still=("SOL",))
    assert len(made) == 24
    assert made.price[0].tolist() == [0.16, 0.0]
    assert not made.vol[:, 1].any()
    assert made.descriptions[0] == "price +16 %, vol up"


@pytest.mark.parametrize("text", ["10% x 40", "10% x +600%", "10% x -101%", "10% x 12%*"])
def test_a_vol_move_that_is_none_is_told(text: str) -> None:
    """A vol move is a word or a percentage that a vol can take."""
    with pytest.raises(MarginError, match="is no block of a grid"):
        grid(("BTC",), rules(text))
