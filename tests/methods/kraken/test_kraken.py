"""Kraken: nothing without the account's own figures, the scenarios that they make, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_COMPARE, PM_EXPLAIN, PM_LINE, PM_MARGIN, PM_RISK_ARRAY, PM_SCANNING_RISK, PM_SCENARIOS
from xlmargin.errors import MarginError
from xlmargin.methods import rules_of, saved_parameters

HEAD = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]
MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0], ["SOL", 150.0]]
CALLS, PUTS, PERP = ["BTC", "C", 90_000.0, 30.0, -2.0, 0.5], ["ETH", "P", 3_000.0, 10.0, -5.0, 0.7], ["BTC", "perp", None, None, 0.5, None]
RATES = [["futures_initial_rate", 0.02], ["futures_maintenance_rate", 0.01]]
ANSWER: dict[str, Any] = {  # made up, in the documented form of GET portfolio-margining/parameters
    "result": "success",
    "serverTime": "2026-11-27T12:00:00.000Z",
    "crossAssetNettingFactor": 0.4,
    "extremePriceShockMultiplier": 2.5,
    "volShockMultiplicationFactor": 0.6,
    "volShockExponentFactor": 0.3,
    "optionExpiryTimeShockHours": 12,
    "optionsInitialMarginFactor": 1.25,
    "totalOptionOrdersConsideredInInitialMarginCalc": 10,
    "priceShockLevels": [-0.14, -0.07, 0.0, 0.07, 0.14],
    "optionsUserLimits": {"maxNetPositionDelta": 5.0, "limitsPerBaseCurrency": {}},
}


@pytest.fixture
def given(tmp_path: Path) -> list[list[Any]]:
    """The parameters of an account that has saved its answer."""
    path = tmp_path / "parameters.json"
    path.write_text(json.dumps(ANSWER), encoding="utf-8")
    return [["params_file", str(path)], *RATES]


def test_without_the_accounts_figures_there_is_no_number() -> None:
    """No figure is shipped: the answer says which one to save, and PM_COMPARE leaves the method out."""
    told = "#PM! KRAKEN has no figures but those of your account: save the answer of GET portfolio-margining/parameters"
    assert str(PM_MARGIN([HEAD, CALLS], MARKET, "KRAKEN")).startswith(told)
    assert str(PM_SCENARIOS("KRAKEN")).startswith(told)
    assert str(PM_MARGIN([HEAD, CALLS], MARKET, "KRAKEN", [["price_shock_levels", "-0.1, 0.1"]])).endswith("options_initial_margin_factor)")
    assert "KRAKEN" not in [row[0] for row in PM_COMPARE([HEAD, CALLS], MARKET)]
    unset = [value.name for value in rules_of("KRAKEN", 1_790_000_000.0).listing() if value.value == "not set"]
    assert len(unset) == 10  # seven of the answer, two rates of futures, the file itself


def test_a_saved_answer_makes_the_scenarios(given: list[list[Any]]) -> None:
    """Each level with vols up, unchanged and down, and the two outermost enlarged: 17 of five levels, 23 of seven."""
    head, *rows = PM_RISK_ARRAY([HEAD, CALLS], MARKET, "KRAKEN", given)
    assert len(rows) == 17
    assert [row[2] for row in rows[::3]] == pytest.approx([-0.14, -0.07, 0.0, 0.07, 0.14, -0.35])
    assert [row[3] for row in rows[:3]] == pytest.approx([0.6, 0.0, -0.6])
    assert rows[-1][2] == pytest.approx(0.35)
    worst = max(-row[head.index("BTC")] for row in rows)
    assert PM_SCANNING_RISK([HEAD, CALLS], MARKET, "KRAKEN", given) == pytest.approx(worst)
    assert PM_LINE([HEAD, CALLS], "Market risk", MARKET, "KRAKEN", given) == pytest.approx(worst)
    assert len(PM_RISK_ARRAY([HEAD, CALLS], MARKET, "KRAKEN", [*given, ["price_shock_levels", "-.15,-.1,-.05,0,.05,.1,.15"]])[1:]) == 23


def test_options_are_hedged_at_their_delta_and_futures_stand_apart(given: list[list[Any]]) -> None:
    """A small move with vols as they are loses next to nothing, and a perpetual changes no scenario."""
    small = [*given, ["price_shock_levels", "-0.0001, 0.0001"], ["option_expiry_time_shock_hours", 0.0]]
    unmoved = [row[5] for row in PM_RISK_ARRAY([HEAD, CALLS], MARKET, "KRAKEN", small)[1:] if row[3] == 0.0]
    assert unmoved == pytest.approx([0.0] * len(unmoved), abs=0.05)
    plain, beside = (PM_RISK_ARRAY([HEAD, *rows], MARKET, "KRAKEN", given) for rows in ([CALLS], [CALLS, PERP]))
    assert [row[5] for row in plain[1:]] == pytest.approx([row[5] for row in beside[1:]])


def test_futures_need_the_larger_side(given: list[list[Any]]) -> None:
    """A dated future short against a perpetual long: 2 × 70,000 at 2 % and not 3 ×."""
    rows = [["BTC", "perp", None, None, 2.0, None], ["BTC", "F", None, 30.0, -1.0, None]]
    assert PM_MARGIN([HEAD, *rows], MARKET, "KRAKEN", given) == pytest.approx(2_800.0)
    told = PM_MARGIN([HEAD, *rows], MARKET, "KRAKEN", given[:1])
    assert str(told).startswith("#PM! KRAKEN has no futures_initial_rate of BTC: Kraken's are in the marginLevels of GET instruments")


def test_coins_add_up_and_say_so(given: list[list[Any]]) -> None:
    """How coins net is not public: their risks are added, and the statement says that the netting is not modelled."""
    rows = PM_EXPLAIN([HEAD, CALLS, PUTS], MARKET, "KRAKEN", given)
    assert next(row for row in rows if row[1] == "Cross-asset netting")[4] == "not modelled"
    both, *apart = (PM_LINE([HEAD, *book], "Market risk", MARKET, "KRAKEN", given) for book in ([CALLS, PUTS], [CALLS], [PUTS]))
    assert both == pytest.approx(sum(apart))
    assert rows[1][4] == "estimate"


def test_options_on_other_coins_are_refused(given: list[list[Any]]) -> None:
    """BTC and ETH alone have options there; their spot is collateral, and needs nothing."""
    sol = ["SOL", "C", 200.0, 30.0, 1.0, 0.9]
    assert str(PM_MARGIN([HEAD, sol], MARKET, "KRAKEN", given)).startswith("#PM! KRAKEN lists options on BTC, ETH alone: take SOL-")
    assert PM_MARGIN([HEAD, ["SOL", "spot", None, None, 9.0, None]], MARKET, "KRAKEN", given) == 0.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"priceShockLevels": None}, "priceShockLevels must be a list"),
        ({"optionsInitialMarginFactor": "much"}, "optionsInitialMarginFactor must be a number"),
        ({"optionsInitialMarginFactor": 130}, "options_initial_margin_factor must be from 1 to 10"),
    ],
)
def test_a_damaged_answer_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    """The key is named; a percent is no factor."""
    path = tmp_path / "parameters.json"
    path.write_text(json.dumps(ANSWER | change), encoding="utf-8")
    assert told in str(PM_MARGIN([HEAD, CALLS], MARKET, "KRAKEN", [["params_file", str(path)], *RATES]))


def test_another_answer_is_refused(tmp_path: Path) -> None:
    """An answer of /simulate carries no parameters."""
    path = tmp_path / "simulate.json"
    path.write_text(json.dumps({"maintenanceMargin": 1.0, "initialMargin": 2.0}), encoding="utf-8")
    with pytest.raises(MarginError, match="carries no priceShockLevels"):
        saved_parameters(rules_of("KRAKEN", 1_790_000_000.0), str(path))


@pytest.mark.parametrize("levels", ["-0.1, much", "-1.5, 0.1", "15"])
def test_levels_that_are_no_fractions_are_refused(given: list[list[Any]], levels: str) -> None:
    """The text is quoted with the form that it must have."""
    assert "price_shock_levels must be fractions" in str(
        PM_MARGIN([HEAD, CALLS], MARKET, "KRAKEN", [*given, ["price_shock_levels", levels]])
    )
