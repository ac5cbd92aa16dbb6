"""Thalex: its own scenarios and rates from a saved margin breakdown, and the coins that it lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_RISK_ARRAY, PM_SCENARIOS
from xlmargin.cli import main
from xlmargin.venues.verify import verify

Rows = list[list[Any]]
HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]
MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0], ["SOL", 150.0], ["USDC", 1.0]]
SHOCKS = [(20.0, 45.0, 1.0), (20.0, -30.0, 1.0), (-20.0, 45.0, 1.0), (-7.5, 0.0, 1.0), (60.0, 60.0, 0.25), (-60.0, 60.0, 0.3)]
FORWARD_ROLL = [["BTC", "F", None, 30, 2.0, None], ["BTC", "perp", None, None, -3.0, None]]


def breakdown(**changes: Any) -> dict[str, Any]:
    """A margin breakdown of two underlyings, in the form of the venue's clients; BTC's shows what each rate is charged on."""
    scenarios = [{"underlying_change_pct": p, "vol_change_pct_point": v, "pnl": -100.0, "coverage_factor": c} for p, v, c in SHOCKS]
    btc = {
        "underlying": "BTCUSD",
        "d1_roll_cash_position": 140_000.0,
        "d1_roll_contingency_margin": 280.0,
        "options_roll_cash_position": 0.0,
        "options_roll_contingency_margin": 0.0,
        "options_short_cash_position": -70_000.0,
        "options_contingency_margin": 350.0,
        "scenario_used": 4,
        "scenarios": scenarios,
    }
    return {"portfolio": {"required_margin": 1.0, "underlyings": [btc | changes, {"underlying": "ETHUSD", "scenarios": scenarios}]}}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A saved answer as the venue sends it."""
    path = tmp_path / "breakdown.json"
    path.write_text(json.dumps({"id": 7, "result": breakdown()}))
    return path


def test_scenarios_of_a_breakdown(saved: Path) -> None:
    """The venue's scenarios with their coverage take the place of ours: a future loses 20 %, or 60 % by a quarter or by .3."""
    own = [["params_file", str(saved)]]
    table = PM_RISK_ARRAY([HEADER, ["BTC", "perp", None, None, 1.0, None], ["ETH", "C", 3_500.0, 30, -1.0, 0.5]], MARKET, "THALEX", own)[1:]
    assert [tuple(row[2:5]) for row in table] == [(p / 100, v / 100, c) for p, v, c in SHOCKS]
    assert [row[5] for row in table] == pytest.approx([70_000.0 * c * p / 100 for p, _, c in SHOCKS])
    assert PM_MARGIN([HEADER, ["BTC", "perp", None, None, 1.0, None]], MARKET, "THALEX", own) == pytest.approx(0.2 * 70_000)
    assert PM_MARGIN([HEADER, ["BTC", "perp", None, None, -1.0, None]], MARKET, "THALEX", own) == pytest.approx(0.2 * 70_000)


def test_rates_of_a_breakdown(saved: Path) -> None:
    """280 on 140,000 is .2 % of the smaller side of a roll, 350 on 70,000 is .5 % of short options; where no position shows it, none."""
    own = [["params_file", str(saved)]]
    assert PM_LINE([HEADER, *FORWARD_ROLL], "Roll contingency", MARKET, "THALEX", own) == pytest.approx(0.002 * 2.0 * 70_000)
    short = [HEADER, ["BTC", "C", 90_000.0, 30, -2.0, 0.5]]
    assert PM_LINE(short, "Option contingency", MARKET, "THALEX", own) == pytest.approx(0.005 * 2.0 * 70_000)
    assert PM_MAINTENANCE(short, MARKET, "THALEX", own) == pytest.approx(0.7 * PM_MARGIN(short, MARKET, "THALEX", own))
    status = {row[1]: row[4] for row in PM_EXPLAIN([HEADER, *FORWARD_ROLL, short[1]], MARKET, "THALEX", own)}
    assert (status["Of futures and perpetuals"], status["Of options"], status["Option contingency"]) == ("estimate", "not set", "estimate")
    eth = [HEADER, ["ETH", "C", 4_000.0, 30, -2.0, 0.5]]
    assert PM_LINE(eth, "Option contingency", MARKET, "THALEX", own) == 0.0


def test_what_is_given_stands_above_the_file(saved: Path) -> None:
    """A rate beside the positions counts, for all coins too."""
    for row in (["d1_roll_contingency", 0.01], ["BTC.d1_roll_contingency", 0.01]):
        found = PM_LINE([HEADER, *FORWARD_ROLL], "Roll contingency", MARKET, "THALEX", [["params_file", str(saved)], row])
        assert found == pytest.approx(0.01 * 2.0 * 70_000)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"result": {}}, "carries no scenarios as Thalex' private/required_margin_breakdown does: save the whole answer"),
        ({"required_margin": 5.0}, "carries no scenarios as Thalex'"),
        ({"portfolio": {"underlyings": []}}, "underlyings is empty: save the breakdown of an account with positions"),
        (breakdown(scenarios=[]), "portfolio.underlyings[0] (BTCUSD): scenarios is empty"),
        (
            breakdown(scenarios=[{"underlying_change_pct": 0.2, "vol_change_pct_point": 0.45, "coverage_factor": 1}]),
            "must count in percent",
        ),
        (breakdown(scenarios=[{"underlying_change_pct": 20.0, "coverage_factor": 1}]), "lacks 'vol_change_pct_point'"),
        (
            breakdown(scenarios=[{"underlying_change_pct": 20.0, "vol_change_pct_point": 0, "coverage_factor": 2}]),
            "weight outside 0 % to 100 %",
        ),
        (breakdown(d1_roll_contingency_margin=1e6), "d1_roll_contingency must be a fraction between 0 and 0.1"),
    ],
)
def test_a_damaged_breakdown_is_one_line(content: Any, told: str, tmp_path: Path) -> None:
    """What is no breakdown, or lacks something, is told; no number comes of it."""
    path = tmp_path / "breakdown.json"
    path.write_text(json.dumps(content))
    found = PM_MARGIN([HEADER, *FORWARD_ROLL], MARKET, "THALEX", [["params_file", str(path)]])
    assert isinstance(found, str)
    assert found.startswith("#PM! ")
    assert told in found
    assert "\n" not in found


def test_what_differs_from_the_shipped_numbers(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command shows each value that the answer has otherwise, ours beside it."""
    assert main(["parameters", "THALEX", "--from", str(saved), "--json"]) == 0
    found = {(row[0], row[1]): row[2:4] for row in json.loads(capsys.readouterr().out)[1:]}
    assert found["BTC", "option_contingency"] == ["not set", pytest.approx(0.005)]
    assert found["BTC", "vol_up"] == [0.45, 0.6]
    assert ("BTC", "vol_down") not in found


def test_coins_that_thalex_does_not_list() -> None:
    """SOL is refused, as collateral too; stablecoins are collateral without a scenario."""
    for kind in ("perp", "spot"):
        assert PM_MARGIN([HEADER, ["SOL", kind, None, None, 1.0, None]], MARKET, "THALEX").startswith("#PM! THALEX does not list SOL")
    perpetual = ["BTC", "perp", None, None, 1.0, None]
    cash = ["USDC", "spot", None, None, 5_000.0, None]
    assert PM_MARGIN([HEADER, perpetual, cash], MARKET, "THALEX") == PM_MARGIN([HEADER, perpetual], MARKET, "THALEX") == 14_000.0
    assert PM_MARGIN([HEADER, cash], MARKET, "THALEX") == 0.0
    assert {row[2] for row in PM_SCENARIOS("THALEX")[1:]} == {"BTC", "ETH"}


def answered() -> dict[str, Any]:
    """An answer with one future of 2 BTC at 71,000, one option and 1 BTC of collateral at 70,000, worked out by hand for two scenarios."""

    def scenario(move: float, coverage: float, option: float) -> dict[str, Any]:
        future, coin = -2.0 * 71_000.0 * move / 100, 70_000.0 * move / 100
        pnl = future + coin + option
        loss = coverage * max(0.0, -pnl)
        return {
            "underlying_change_pct": move,
            "vol_change_pct_point": 45.0,
            "coverage_factor": coverage,
            "positions": [
                {"instrument_name": "BTC-25DEC26", "position": -2.0, "current_price": 71_000.0, "pnl": future},
                {"instrument_name": "BTC-25DEC26-80000-C", "position": 1.0, "current_price": 2_000.0, "pnl": option},
            ],
            "assets": [{"asset_name": "BTC", "position": 1.0, "current_price": 70_000.0, "pnl": coin}],
            "pnl": pnl,
            "loss_margin": loss,
            "roll_contingency_margin": 30.0,
            "options_contingency_margin": 12.5,
            "required_margin": loss + 42.5,
        }

    scenarios = [scenario(20.0, 1.0, 6_000.0), scenario(40.0, 0.5, 13_000.0)]
    assert [row["required_margin"] for row in scenarios] == [8_442.5, 7_942.5]
    btc = {"underlying": "BTCUSD", "required_margin": 8_442.5, "scenario_used": 0, "scenarios": scenarios}
    return {"result": {"portfolio": {"required_margin": 8_442.5, "underlyings": [btc]}}}


def test_an_answer_is_recomputed(tmp_path: Path) -> None:
    """Futures and collateral are revalued, options count as printed, the largest covered loss decides; a changed number is told."""
    path = tmp_path / "breakdown.json"
    path.write_text(json.dumps(answered()))
    outcomes = verify("THALEX", path)
    assert [(outcome.name, outcome.matches) for outcome in outcomes] == [("BTC", True), ("portfolio", True)]
    assert "options are not revalued" in outcomes[0].text
    for changed in ("loss_margin", "required_margin", "pnl"):
        data = answered()
        data["result"]["portfolio"]["underlyings"][0]["scenarios"][1][changed] += 50.0
        path.write_text(json.dumps(data))
        assert not verify("THALEX", path)[0].matches
    data = answered()
    data["result"]["portfolio"]["underlyings"][0] |= {"required_margin": 7_942.5, "scenario_used": 1}
    path.write_text(json.dumps(data))
    assert [outcome.matches for outcome in verify("THALEX", path)] == [False, False]
