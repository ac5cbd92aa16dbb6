"""Hyperliquid: tiers, what is refused, caps, the venue's own configuration, and a live account's answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_COMPARE, PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN
from xlmargin.cli.rulebook import differences
from xlmargin.errors import MarginError
from xlmargin.methods import rules_of, saved_parameters
from xlmargin.venues.verify import verify

HEAD = ["Underlying", "Type", "Quantity"]
MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["HYPE", 40.0], ["ZEC", 700.0], ["DOGE", 0.2], ["USDC", 1.0], ["USDH", 1.0]]
EARLY = [["Underlying", "Spot", "As of"], ["HYPE", 40.0, "2026-05-01"], ["USDC", 1.0, None]]
# Of the answers of one live account, 2026-09-08 04:25:36 UTC (destinguarnieri/mm-knowledge, raw/vendors/hyperliquid-portfolio-margin):
# cross positions as coin, size, value; the equity in each isolated position; the four numbers that the venue answers.
CROSS = [("ARB", 794.0, 134.3448), ("HYPE", -30.0, 2522.76), ("ZEC", 6.24, 7010.64), ("XMR", 1.0, 511.651)]
ISOLATED = [260.583269, 279.048787, 99.724277, 843.469710, 13.843352, 559.679088, 582.620913]
ISOLATED += [279.917917, 360.903048, 174.594745, 80.9366, 503.705507, 810.412197, 139.324183]


def account() -> dict[str, Any]:
    """The answers of the info endpoint, in their form."""
    positions = [
        {"coin": coin, "szi": str(size), "positionValue": str(value), "leverage": {"type": "cross"}} for coin, size, value in CROSS
    ]
    positions += [{"coin": "SOL", "szi": "1", "marginUsed": str(equity), "leverage": {"type": "isolated"}} for equity in ISOLATED]
    return {
        "received_at": "2026-09-08T04:25:36Z",
        "spot": {
            "balances": [
                {"coin": "USDC", "token": 0, "total": "3320.49989393", "ltv": "0.0", "borrowed": "3714.92401507"},
                {"coin": "HYPE", "token": 150, "total": "100.04466674", "ltv": "0.65", "supplied": "100.04466674"},
                {"coin": "UBTC", "token": 197, "total": "0.0", "ltv": "0.5"},
                {"coin": "HFUN", "token": 2, "total": "0.20233081"},
            ],
            "portfolioMarginRatio": "0.3661023849",
            "tokenToAvailableAfterMaintenance": [[0, "4739.68856499"], [150, "68.30108006"]],
        },
        "perps": {"crossMaintenanceMarginUsed": "534.55234", "assetPositions": [{"position": each} for each in positions]},
        "reserves": [[150, {"oraclePx": "84.114", "ltv": "0.65"}]],
        "meta": {
            "universe": [
                {"name": "ARB", "maxLeverage": 10, "marginTableId": 51},
                {"name": "HYPE", "maxLeverage": 10, "marginTableId": 10},
                {"name": "ZEC", "maxLeverage": 10, "marginTableId": 10},
                {"name": "XMR", "maxLeverage": 5, "marginTableId": 5},
            ],
            "marginTables": [
                [51, {"marginTiers": [{"lowerBound": "0.0", "maxLeverage": 10}, {"lowerBound": "3000000.0", "maxLeverage": 5}]}]
            ],
        },
    }


def line(path: str, *rows: list[Any], market: Any = MARKET, parameters: Any = None) -> float:
    """A line of the statement of some rows."""
    found = PM_LINE([HEAD, *rows], path, market, "HYPERLIQUID", parameters)
    assert isinstance(found, float), found
    return found


def test_a_live_account_is_recomputed(tmp_path: Path) -> None:
    """Ratio, available amount and cross maintenance as the venue answered them; a number that differs is told."""
    path, whole = tmp_path / "account.json", account()
    path.write_text(json.dumps([whole]), encoding="utf-8")
    (found,) = verify("HYPERLIQUID", path)
    assert found.matches, found.text
    assert "3 numbers match" in found.text
    whole["spot"]["portfolioMarginRatio"] = "0.31"
    path.write_text(json.dumps(whole), encoding="utf-8")
    (found,) = verify("HYPERLIQUID", path)
    assert not found.matches
    assert "portfolioMarginRatio" in found.text


def test_the_examples_of_the_reference_are_recomputed(shared: Path) -> None:
    """What the FAQ says may be borrowed."""
    (found,) = verify("HYPERLIQUID", shared / "vectors" / "hyperliquid_pm_rule.json")
    assert found.matches, found.text


def test_faq_example() -> None:
    """10,000 HYPE at 40 carry 200,000; alone they need nothing."""
    assert line("Borrowable against coins", ["HYPE", "spot", 10_000.0]) == 200_000.0
    assert PM_MARGIN([HEAD, ["HYPE", "spot", 10_000.0]], MARKET, "HYPERLIQUID") == 0.0
    assert PM_MAINTENANCE([HEAD, ["HYPE", "spot", 10_000.0], ["USDC", "spot", 5.0]], MARKET, "HYPERLIQUID") == 0.0


@pytest.mark.parametrize(
    ("coin", "notional", "initial", "maintenance"),
    [
        ("BTC", 150e6 - 7e4, (150e6 - 7e4) / 40, (150e6 - 7e4) / 80),
        ("BTC", 210e6, 210e6 / 20, 210e6 / 40 - 150e6 / 80),
        ("HYPE", 30e6, 30e6 / 5, 30e6 / 10 - 20e6 / 20),
        ("DOGE", 1e6, 1e6 / 10, 1e6 / 20),
    ],
)
def test_tiers_of_leverage(coin: str, notional: float, initial: float, maintenance: float) -> None:
    """Half of 1 / leverage of the tier, less the deduction that makes it continuous."""
    book = [HEAD, [coin, "perp", -notional / dict(row for row in MARKET[1:])[coin]]]
    assert PM_MARGIN(book, MARKET, "HYPERLIQUID") == pytest.approx(initial)
    assert PM_MAINTENANCE(book, MARKET, "HYPERLIQUID") == pytest.approx(maintenance)


def test_a_coin_that_the_page_does_not_print_needs_its_leverage() -> None:
    """It is refused, naming those printed; with max_leverage one tier holds for every size."""
    book = [HEAD, ["ZEC", "perp", 3.0]]
    answer = PM_MARGIN(book, MARKET, "HYPERLIQUID")
    assert str(answer).startswith("#PM! HYPERLIQUID does not list ZEC: its max_leverage is for AAVE, ")
    assert PM_MARGIN(book, MARKET, "HYPERLIQUID", [["ZEC.max_leverage", 10.0]]) == pytest.approx(210.0)
    assert PM_MAINTENANCE([HEAD, ["BTC", "perp", 9_000.0]], MARKET, "HYPERLIQUID", [["BTC.max_leverage", 10.0]]) == pytest.approx(31.5e6)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (["BTC", "C", 1.0, 90_000.0, 30.0], "HYPERLIQUID lists no options: take BTC-"),
        (["BTC", "future", 1.0, None, 30.0], "HYPERLIQUID lists no dated futures: take BTC-"),
        (["BTC", "spot", -1.0, None, None], "HYPERLIQUID lends USDC, USDH alone: borrowed BTC cannot be margined"),
    ],
)
def test_what_the_venue_does_not_have_is_refused(row: list[Any], told: str) -> None:
    """Options, dated futures and borrowed coins, each with its cure; PM_COMPARE leaves the method out."""
    book = [[*HEAD, "Strike", "DTE"], row]
    assert str(PM_MARGIN(book, MARKET, "HYPERLIQUID")).startswith(f"#PM! {told}")
    if row[1] == "future":
        assert "HYPERLIQUID" not in [found[0] for found in PM_COMPARE(book, MARKET)]


def test_caps_of_their_day() -> None:
    """In the alpha 50,000 HYPE count and a million is lent; of 60,000 HYPE at 40, 1,000,000 and not 1,200,000. The beta raised both."""
    debt = ["USDC", "spot", -1.0]
    assert line("Borrowable against coins", ["HYPE", "spot", 60_000.0], debt, market=EARLY) == 1_000_000.0
    assert line("Liquidation value USDC", ["HYPE", "spot", 60_000.0], debt, market=EARLY) == 1_000_000.0
    low = [["Underlying", "Spot", "As of"], ["HYPE", 10.0, "2026-05-01"], ["USDC", 1.0, None]]
    assert line("Borrowable against coins", ["HYPE", "spot", 60_000.0], debt, market=low) == 250_000.0
    assert line("Borrowable against coins", ["HYPE", "spot", 60_000.0], debt) == 1_200_000.0


def test_a_loan_is_at_the_median_of_three_prices() -> None:
    """Spot 40, the perpetual's index 42 and mark 41: 41; without a perpetual the spot alone."""
    head = [*HEAD, "Spot", "Forward"]
    rows = [["HYPE", "spot", 10_000.0, 40.0, None], ["USDC", "spot", -1.0, 1.0, None]]
    for more, price in (([], 40.0), ([["HYPE", "perp", -1.0, 42.0, 41.0]], 41.0)):
        assert PM_LINE([head, *rows, *more], "Borrowable against coins", None, "HYPERLIQUID") == pytest.approx(0.5 * 10_000.0 * price)


def test_the_worst_token_decides() -> None:
    """Cash in one token does not stand for the debt in another: 0.95 × 300,000 − (20 + 100,000) lie on 50,000 USDC beside."""
    rows = [["HYPE", "spot", 10_000.0], ["USDH", "spot", -100_000.0], ["USDC", "spot", 50_000.0]]
    assert line("Ratio USDH", *rows) == pytest.approx(100_020.0 / 300_000.0)
    assert line("Ratio USDC", *rows) == pytest.approx(100_020.0 / 350_000.0)
    assert line("Portfolio margin ratio", *rows) == pytest.approx(0.3334)
    assert PM_MAINTENANCE([HEAD, *rows], MARKET, "HYPERLIQUID") == pytest.approx(350_000.0 - (0.95 * 300_000.0 - 100_020.0))


def test_a_loan_against_nothing_is_liquidatable() -> None:
    """Other coins are no collateral: the ratio is far above its limit, and no equity is enough."""
    rows = [["DOGE", "spot", 1_000_000.0], ["USDC", "spot", -100.0]]
    assert line("Portfolio margin ratio", *rows) > 0.95
    assert PM_MAINTENANCE([HEAD, *rows], MARKET, "HYPERLIQUID") == pytest.approx(200_000.0 - 100.0 + 120.0)


def test_balances_without_a_loan_need_nothing_until_perpetuals_stand_on_them() -> None:
    """Cash under a perpetual: 0.95 × 10,000 − (875 + 20) is left, so 10,000 − 8,605 = 1,395 must be there."""
    rows = [["USDC", "spot", 10_000.0], ["BTC", "perp", 1.0]]
    assert PM_MAINTENANCE([HEAD, *rows], MARKET, "HYPERLIQUID") == pytest.approx(1_395.0)
    assert PM_MARGIN([HEAD, *rows], MARKET, "HYPERLIQUID") == pytest.approx(1_750.0)


def test_what_rests_on_a_contested_number_says_so() -> None:
    """The pages differ on HYPE's loan to value: the margin is an estimate, that of a perpetual alone is published."""
    assert PM_EXPLAIN([HEAD, ["HYPE", "spot", 10_000.0], ["USDC", "spot", -1.0]], MARKET, "HYPERLIQUID")[1][4] == "estimate"
    assert PM_EXPLAIN([HEAD, ["BTC", "perp", 1.0]], MARKET, "HYPERLIQUID")[1][4] == "published"


def test_the_venues_own_configuration_is_a_parameter_source(tmp_path: Path) -> None:
    """Leverage of meta and ltv of balances take the place of the shipped numbers, and what differs is shown."""
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(account()), encoding="utf-8")
    rules = rules_of("HYPERLIQUID", 1_790_000_000.0)
    found = {(row.underlying, row.name): row.value for row in saved_parameters(rules, str(path))}
    assert found["XMR", "max_leverage"] == 5.0
    assert found["HYPE", "ltv"] == 0.65
    assert found["BTC", "ltv"] == 0.5
    assert found["ARB", "second_tier_from"] == 3e6
    changed = {tuple(row[:2]): (row[2], row[3]) for row in differences(rules, path)[1:]}
    assert changed["HYPE", "ltv"] == (0.5, 0.65)
    assert ("ARB", "max_leverage") not in changed
    rows = [["HYPE", "spot", 10_000.0], ["USDC", "spot", -1.0]]
    assert line("Liquidation value USDC", *rows, parameters=[["params_file", str(path)]]) == pytest.approx(400_000.0 * 0.825)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"user": 1}, "carries neither a meta nor a spotClearinghouseState answer"),
        ({"universe": [{"name": "BTC"}]}, "lacks 'maxLeverage'"),
        (
            {
                "universe": [{"name": "BTC", "maxLeverage": 40, "marginTableId": 60}],
                "marginTables": [[60, {"marginTiers": [{"lowerBound": 0}, {"lowerBound": 1}, {"lowerBound": 2}]}]],
            },
            "BTC has 3 tiers of leverage",
        ),
    ],
)
def test_other_answers_are_refused(tmp_path: Path, content: Any, told: str) -> None:
    """A file that is no configuration, or one that two tiers cannot hold."""
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(MarginError, match=told):
        saved_parameters(rules_of("HYPERLIQUID", 1_790_000_000.0), str(path))
