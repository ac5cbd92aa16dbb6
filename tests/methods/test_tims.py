"""TIMS: the official strategy examples, the ten points, minimums and product groups."""

from __future__ import annotations

import pytest

from udfs import PM_MARGIN, PM_RISK_ARRAY, PM_SCENARIOS

HEADER = ["Underlying", "Type", "Strike", "DTE", "Price", "Quantity", "Multiplier", "Exercise"]
MARKET = [["Underlying", "Spot", "Rate"], ["IBM", 97.73, 0.0525]]


def option(kind: str, strike: float, quantity: float, price: float) -> list[object]:
    """A row of 100-share IBM options as of 2007-02-23; rate and days are fitted (worked-examples PM-01)."""
    return ["IBM", kind, strike, 55.0, price, quantity, 100.0, "american"]


C100, P100 = ("C", 100.0, 1.68), ("P", 100.0, 3.18)
P95, C105, C95 = ("P", 95.0, 1.02), ("C", 105.0, 0.40), ("C", 95.0, 4.53)


def leg(terms: tuple[str, float, float], quantity: float) -> list[object]:
    """A row from (kind, strike, price)."""
    return option(terms[0], terms[1], quantity, terms[2])


def test_grids() -> None:
    """Ten equidistant points: ±15 % for equities, −8 % / +6 % for a high-capitalisation index (PM-03)."""
    rows = PM_SCENARIOS("TIMS")
    moves = {coin: [row[3] for row in rows[1:] if row[2] == coin] for coin in ("any other", "SPX")}
    assert moves["any other"] == pytest.approx([-0.15, -0.12, -0.09, -0.06, -0.03, 0.03, 0.06, 0.09, 0.12, 0.15])
    assert moves["SPX"] == pytest.approx([-0.08, -0.064, -0.048, -0.032, -0.016, 0.012, 0.024, 0.036, 0.048, 0.06])


def test_vol_and_time_stay() -> None:
    """No vol shock and no time decay: an option's ten values are its price moves alone."""
    table = PM_RISK_ARRAY([HEADER, leg(C100, 1.0)], MARKET, "TIMS")
    assert [row[3] for row in table[1:]] == [0.0] * 10
    assert [row[4] for row in table[1:]] == [1.0] * 10


PAIR = [["Underlying", "Type", "Quantity", "Spot"], ["AAA", "perp", 10.0, 100.0], ["BBB", "perp", -4.0, 200.0]]


def test_classes_without_a_group_are_apart() -> None:
    """Two classes with no product group pay their own worst losses: 15 % of 1,000 and of 800."""
    assert PM_MARGIN(PAIR, None, "TIMS") == pytest.approx(150.0 + 120.0)


def test_ranges_and_minimum_are_parameters() -> None:
    """Ranges up and down and the minimum per contract can be overridden."""
    parameters = [["price_range_up", 0.30], ["price_range_down", 0.20]]
    assert PM_MARGIN(PAIR[:2], None, "TIMS", parameters) == pytest.approx(200.0)
    assert PM_MARGIN(PAIR, None, "TIMS", parameters) == pytest.approx(200.0 + 240.0)
    assert PM_MARGIN(PAIR[:2], None, "TIMS", [["minimum_per_contract", 50.0]]) == pytest.approx(500.0)


def test_exercise_can_be_forced() -> None:
    """The parameter exercise prices every option European or American; an American put is never worth less."""
    european = PM_RISK_ARRAY([HEADER, leg(P100, 100.0)], MARKET, "TIMS", [["exercise", "european"]])
    american = PM_RISK_ARRAY([HEADER, leg(P100, 100.0)], MARKET, "TIMS", [["exercise", "american"]])
    assert american[1][5] != european[1][5]
    assert american == PM_RISK_ARRAY([HEADER, leg(P100, 100.0)], MARKET, "TIMS")
