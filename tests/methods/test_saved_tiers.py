"""Position tiers and risk limits that venues answer, as the parameter source of their standard margins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_ACCOUNTS, PM_COMPARE, PM_MAINTENANCE, PM_MARGIN

OKX_ANSWER = {
    "code": "0",
    "data": [
        {"instFamily": "SOL-USD", "tier": "1", "imr": "0.05", "mmr": "0.03", "optMgnFactor": "0", "maxSz": "100", "minSz": "0"},
        {"instFamily": "SOL-USDT", "tier": "1", "imr": "0.02", "mmr": "0.01", "optMgnFactor": "0", "maxSz": "100", "minSz": "0"},
        {"instFamily": "SOL-USDT", "tier": "2", "imr": "0.10", "mmr": "0.08", "optMgnFactor": "0", "maxSz": "900", "minSz": "101"},
        {"instFamily": "BTC-USD", "tier": "1", "imr": "", "mmr": "", "optMgnFactor": "1.02", "maxSz": "100", "minSz": "0"},
        {"instFamily": "", "instId": "BTC-USDT", "tier": "1", "imr": "0.1", "mmr": "0.03", "optMgnFactor": "0"},
    ],
}
BYBIT_ANSWER = {
    "retCode": 0,
    "result": {
        "category": "linear",
        "list": [
            {"symbol": "ETHPERP", "maintenanceMargin": "0.02", "initialMargin": "0.04", "isLowestRisk": 1, "maxLeverage": "25.00"},
            {"symbol": "ETHUSDT", "maintenanceMargin": "0.5", "initialMargin": "1", "isLowestRisk": 1, "maxLeverage": "100.00"},
            {"symbol": "ETHUSDT", "maintenanceMargin": "1", "initialMargin": "2", "isLowestRisk": 0, "maxLeverage": "50.00"},
        ],
    },
}
MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0], ["SOL", 150.0]]


def perpetual(coin: str) -> list[list[Any]]:
    """Ten of a perpetual."""
    return [["Underlying", "Type", "Quantity"], [coin, "perp", 10.0]]


def saved(folder: Path, answer: Any) -> list[list[str]]:
    """The parameters range that names an answer."""
    path = folder / "answer.json"
    path.write_text(json.dumps(answer), encoding="utf-8")
    return [["", "params_file", str(path)]]


@pytest.mark.parametrize(
    ("method", "answer", "coin", "initial", "maintenance"),
    [
        ("OKX_SM", OKX_ANSWER, "SOL", 10 * 150.0 * 0.02, 10 * 150.0 * 0.01),
        ("BYBIT_SM", BYBIT_ANSWER, "ETH", 10 * 3_500.0 * 0.01, 10 * 3_500.0 * 0.005),
    ],
)
def test_first_tier_of_a_saved_answer(tmp_path: Path, method: str, answer: Any, coin: str, initial: float, maintenance: float) -> None:
    """The USDT contract's first tier counts, in fractions or in percent; a value typed beside the positions stands above it."""
    parameters = saved(tmp_path, answer)
    assert PM_MARGIN(perpetual(coin), MARKET, method, parameters) == pytest.approx(initial)
    assert PM_MAINTENANCE(perpetual(coin), MARKET, method, parameters) == pytest.approx(maintenance)
    typed = [*parameters, [coin, "future_initial_rate", 0.3]]
    assert PM_MARGIN(perpetual(coin), MARKET, method, typed) == pytest.approx(0.3 * 10 * (150.0 if coin == "SOL" else 3_500.0))


def test_factor_of_an_option_tier(tmp_path: Path) -> None:
    """A short call of BTC under the factor 1.02 of OKX's first option tier: .1 × 1.02 of the forward and the mark."""
    rows = [["Underlying", "Type", "Strike", "DTE", "Quantity", "Price"], ["BTC", "C", 90_000.0, 30.0, -1.0, 500.0]]
    assert PM_MARGIN(rows, MARKET, "OKX_SM", saved(tmp_path, OKX_ANSWER)) == pytest.approx(0.1 * 1.02 * 70_000.0 + 500.0)


@pytest.mark.parametrize(
    ("method", "answer", "text"),
    [
        ("OKX_SM", {"code": "0", "data": OKX_ANSWER["data"][-1:]}, "has no first tier with an instFamily"),
        ("OKX_SM", BYBIT_ANSWER, "lacks 'data'"),
        ("BYBIT_SM", {"result": {"list": [{"symbol": "ETHUSDT", "isLowestRisk": 0}]}}, "has no limit with isLowestRisk 1"),
        ("BYBIT_SM", OKX_ANSWER, "lacks 'list'"),
    ],
)
def test_other_answers_are_refused(tmp_path: Path, method: str, answer: Any, text: str) -> None:
    """An answer without first tiers is refused with its cure."""
    assert text in PM_MARGIN(perpetual("ETH"), MARKET, method, saved(tmp_path, answer))


def test_okx_refuses_options_that_it_does_not_list() -> None:
    """OKX names BTC and ETH for options; a perpetual of another coin is answered at an illustrative tier."""
    rows = [["Underlying", "Type", "Strike", "DTE", "Quantity", "Price"], ["SOL", "C", 200.0, 30.0, -1.0, 5.0]]
    assert "OKX_SM does not list SOL" in PM_MARGIN(rows, MARKET, "OKX_SM")
    assert isinstance(PM_MARGIN(perpetual("SOL"), MARKET, "OKX_SM"), float)


@pytest.mark.parametrize("methods", [None, "SPAN,OKX_SM,BYBIT_SM,PARADEX"])
def test_an_answer_moves_its_own_venue_alone(tmp_path: Path, methods: str | None) -> None:
    """Side by side, the methods that cannot read the answer of another venue are compared as if it were not there."""
    book = perpetual("BTC")
    answer = {"data": [{"instFamily": "BTC-USDT", "tier": "1", "imr": "0.03", "mmr": "0.02"}]}
    without, beside = ({row[0]: row[1:] for row in PM_COMPARE(book, MARKET, methods, told)} for told in (None, saved(tmp_path, answer)))
    assert beside.pop("OKX_SM")[:2] == pytest.approx([0.03 * 700_000.0, 0.02 * 700_000.0])
    assert without.pop("OKX_SM")
    assert beside == without


def test_accounts_take_the_answer_of_their_own_venue(tmp_path: Path) -> None:
    """An account at OKX has the tier of the answer, one at Bybit its method's own rate."""
    rows = [["Underlying", "Type", "Quantity", "Account", "Venue"], ["SOL", "perp", 10.0, "a", "okx"], ["SOL", "perp", 10.0, "b", "bybit"]]
    own = [["", "venue_methods", "okx OKX_SM; bybit BYBIT_SM"]]
    found, apart = (
        {row[0]: row[3] for row in PM_ACCOUNTS(rows, MARKET, None, None, [*told, *own])[1:3]} for told in (saved(tmp_path, OKX_ANSWER), [])
    )
    assert found["a"] == pytest.approx(10 * 150.0 * 0.02)
    assert found["b"] == apart["b"]


def test_an_answer_that_no_method_reads_is_refused(tmp_path: Path) -> None:
    """A file that is not there, or of another form, leaves no method out without a word."""
    told = saved(tmp_path, {"result": []})
    assert "is no saved answer that OKX_SM, BYBIT_SM can read" in PM_COMPARE(perpetual("BTC"), MARKET, "SPAN,OKX_SM,BYBIT_SM", told)
    (tmp_path / "answer.json").unlink()
    assert PM_COMPARE(perpetual("BTC"), MARKET, None, told).startswith("#PM! there is no file")


def test_a_value_that_does_not_fit_leaves_its_method_in_the_comparison(tmp_path: Path) -> None:
    """A method that refuses a value given for it stands among the others with the reason, and none vanishes."""
    told = saved(tmp_path, OKX_ANSWER)
    asked = PM_COMPARE(perpetual("BTC"), MARKET, None, None)
    one_coin = PM_COMPARE(perpetual("BTC"), MARKET, None, [["BTC", *told[0][1:]]])
    assert {row[0] for row in asked} <= {row[0] for row in one_coin}
    assert "clear its Underlying" in next(row[7] for row in one_coin if row[0] == "OKX_SM")
