"""Scan ranges that are amounts of the account's currency are shown as amounts, and scan by them."""

from __future__ import annotations

import numpy as np
import pytest

from udfs import PM_EXPLAIN, PM_LINE, PM_RISK_ARRAY
from xlmargin.scenarios.scenarios import amount, span16
from xlmargin.sheet import tables

MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0]]
BOOK = [
    ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"],
    ["BTC", "perp", None, None, 1.5, None],
    ["BTC", "put", 60_000.0, 30.0, 1.0, 0.6],
    ["ETH", "perp", None, None, -20.0, None],
]
RANGES = [
    ["Underlying", "Parameter", "Value"],
    [None, "price_range_kind", "amount"],
    ["BTC", "price_scan_range", 7_701.0],
    ["ETH", "price_scan_range", 385.5],
]


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (7_700.0, "+7,700"),
        (-2_566.6666666667, "−2,566.67"),
        (385.5, "+385.5"),
        (1_234_567_890.0, "+1,234,567,890"),
        (-0.0125, "−0.0125"),
        (0.0, "unchanged"),
    ],
)
def test_an_amount_in_words(move: float, words: str) -> None:
    """With thousands, to the cent, and without zeros that say nothing."""
    assert amount(move) == words


def test_the_risk_array_shows_amounts() -> None:
    """A third of 7,701 is 2,567, a third of 385.5 is 128.5; an extreme move is three ranges."""
    moves = [row[2] for row in PM_RISK_ARRAY(BOOK, MARKET, "SPAN", [*RANGES, [None, "extreme_multiple", 3.0]])]
    assert moves[:2] == ["Price move", "unchanged"]
    assert moves[3] == "BTC +2,567; ETH +128.5"
    assert moves[15:] == ["BTC +23,103; ETH +1,156.5", "BTC −23,103; ETH −1,156.5"]


def test_one_underlying_shows_its_amount_alone() -> None:
    """What all underlyings share is said once, and never as a number that a cell would show as a fraction."""
    moves = [row[2] for row in PM_RISK_ARRAY(BOOK[:2], MARKET, "SPAN", RANGES)]
    assert moves[3:7] == ["+2,567", "+2,567", "−2,567", "−2,567"]


def test_the_statement_shows_amounts() -> None:
    """The rows of the worst scenario name the amount by which each price moves."""
    how = [row[3] for row in PM_EXPLAIN(BOOK, MARKET, "SPAN", RANGES)]
    assert "price 3,500, move +385.5" in how
    assert any(text.startswith("price 70,000, move −") for text in how)
    assert any("forward 70,000, vol 0.6, 30 days: price −" in text for text in how)
    assert not [text for text in how if "e+" in text or "× move" in text]


def test_fractions_are_shown_as_before() -> None:
    """A range that is a fraction is a percentage in words, and a number where all share it."""
    shares = [["BTC", "price_scan_range", 0.12], ["ETH", "price_scan_range", 0.15]]
    assert PM_RISK_ARRAY(BOOK, MARKET, "SPAN", shares)[3][2] == "BTC +4 %; ETH +5 %"
    assert PM_RISK_ARRAY(BOOK[:2], MARKET, "SPAN", shares[:1])[3][2] == pytest.approx(0.04)


def test_the_table_of_scenarios_shows_amounts() -> None:
    """One row per scenario and underlying, each with its own amount."""
    ranges = np.array([7_701.0, 385.5])
    ones = np.ones(2)
    scenarios = span16(("BTC", "ETH"), (ranges, ranges), ones * 0.25, ("absolute", "relative"), (ones, ones), 1.0)
    rows = tables.scenario_table(scenarios)
    assert [row[2:4] for row in rows[1:8]] == [
        ["BTC", "unchanged"],
        ["ETH", "unchanged"],
        ["BTC", "unchanged"],
        ["ETH", "unchanged"],
        ["BTC", "+2,567"],
        ["ETH", "+128.5"],
        ["BTC", "+2,567"],
    ]


def test_a_price_risk_that_is_the_scan_range_is_that_amount() -> None:
    """The weighted futures price risk of one BTC is 7,701 USD, so 80 % of it is credited for each spread of one BTC."""
    spreads = [[None, "wfpr_method", "scan_range"], [None, "inter_commodity_spreads", "80%: BTC A 1, ETH B 20"]]
    perpetuals = [BOOK[0], ["BTC", "perp", None, None, 1.0, None], BOOK[3]]
    assert PM_LINE(perpetuals, "BTC/Inter-commodity credit", MARKET, "SPAN", [*RANGES, *spreads]) == pytest.approx(-0.8 * 7_701.0)
    assert PM_LINE(perpetuals, "ETH/Inter-commodity credit", MARKET, "SPAN", [*RANGES, *spreads]) == pytest.approx(-0.8 * 20 * 385.5)
