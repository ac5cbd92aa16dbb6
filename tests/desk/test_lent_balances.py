"""Balances under a rulebook that lends and borrows them: they are its collateral in status, liquidation prices and accounts."""

from __future__ import annotations

from typing import Any

import pytest
from range_books import Grid, ask

MARKET: Grid = [["Underlying", "Spot"], ["HYPE", 40.0], ["BTC", 70_000.0]]
HEAD: Grid = [["Underlying", "Type", "Quantity"]]
LOAN: Grid = [["Currency", "Amount"], ["HYPE", 10_000.0], ["USDC", -100_000.0]]
METHOD = "HYPERLIQUID"


def table(name: str, *arguments: Any) -> Grid:
    """The rows below the header."""
    found = ask(name, *arguments)
    assert isinstance(found, list), found
    return found[1:]


def at(spot: float) -> Grid:
    """The market at another price of HYPE."""
    return [MARKET[0], ["HYPE", spot], MARKET[2]]


def test_status_of_a_loan_against_hype() -> None:
    """Equity 300,000; 100,000 more may be borrowed; 0.95 × 300,000 − 100,020 lie above the liquidation."""
    found = dict(table("PM_STATUS", HEAD, LOAN, MARKET, METHOD))
    assert found["Equity"] == found["Initial margin"] + found["Excess"] == 300_000.0
    assert found["Excess"] == found["Withdrawable"] == pytest.approx(100_000.0)
    assert found["Equity"] - found["Maintenance margin"] == pytest.approx(0.95 * 300_000.0 - 100_020.0)
    assert found["Status"] == "OK"
    typed = [*HEAD, ["HYPE", "spot", 10_000.0], ["USDC", "spot", -100_000.0]]
    for equity in (300_000.0, LOAN):  # coins typed as positions and as balances are the same coins
        assert dict(table("PM_STATUS", typed, equity, [*MARKET, ["USDC", 1.0]], METHOD)) == found


def test_liquidation_price_of_a_loan_against_hype() -> None:
    """100,020 / (10,000 × 0.75 × 0.95), where the status turns."""
    ((name, down, move, *up),) = table("PM_LIQUIDATION", HEAD, LOAN, MARKET, METHOD)
    assert (name, up) == ("HYPE", ["none", "none"])
    assert down == pytest.approx(100_020.0 / 7_125.0) == pytest.approx(14.0379, abs=5e-5)
    assert move == pytest.approx(down / 40.0 - 1.0)
    for factor, status in ((0.999, "LIQUIDATION"), (1.001, "MARGIN CALL")):
        assert dict(table("PM_STATUS", HEAD, LOAN, at(factor * down), METHOD))["Status"] == status


def test_a_short_perpetual_protects_the_loan() -> None:
    """10,000 HYPE short against 10,000 lent on: down gains, up is liquidated where 7,125 p + 10,000 (40 − p) − 1.05 × 500 p is 100,000."""
    short = [*HEAD, ["HYPE", "perp", -10_000.0]]
    ((_, down, _, up, _),) = table("PM_LIQUIDATION", short, LOAN, MARKET, METHOD)
    assert down == "none"
    assert up == pytest.approx(300_000.0 / (10_000.0 - 7_125.0 + 1.05 * 500.0), rel=1e-6)


def test_accounts_lend_their_own_balances() -> None:
    """Each account's balances are its own collateral; what lies elsewhere stays out; an account of balances alone is there too."""
    rows = [[*HEAD[0], "Account", "Venue"], ["HYPE", "perp", -5_000.0, "hl", "Hyperliquid"], ["BTC", "perp", 1.0, "other", None]]
    balances = [[*LOAN[0], "Account"], *([*row, "hl"] for row in LOAN[1:]), ["HYPE", 10_000.0, "other"], ["HYPE", 7.0, "idle"]]
    found = {row[0]: row[1:] for row in table("PM_ACCOUNTS", rows, MARKET, balances, "SPAN")}
    alone = dict(table("PM_STATUS", [*HEAD, ["HYPE", "perp", -5_000.0]], LOAN, MARKET, METHOD))
    assert found["hl"] == [
        METHOD,
        *(alone[name] for name in ("Equity", "Initial margin", "Maintenance margin", "Excess", "Usage", "Status")),
    ]
    assert found["other"][0] == "SPAN"
    assert found["other"][2] == ask("PM_MARGIN", [*HEAD, ["BTC", "perp", 1.0]], MARKET)
    assert found["idle"][:4] == ["", 280.0, 0.0, 0.0]
    loans = [[*LOAN[0], "Account"], *([*row, "idle"] for row in LOAN[1:])]
    found = {row[0]: row[1:] for row in table("PM_ACCOUNTS", rows, MARKET, loans, METHOD)}
    assert found["idle"][:3] == [METHOD, 300_000.0, 200_000.0]
    assert found["other"][2:4] == [1_750.0, 875.0]


@pytest.mark.parametrize(
    ("positions", "balances", "told"),
    [
        (HEAD, [["Currency", "Amount", "Haircut"], ["HYPE", 1.0, 0.1]], "balances row 2: HYPERLIQUID counts each coin by its own rules"),
        (
            [[*HEAD[0], "Account"], ["BTC", "perp", 1.0, "a"], ["BTC", "perp", 1.0, "b"]],
            LOAN,
            "no Account where the positions have several: type one of a, b",
        ),
        ([*HEAD, ["HYPE", "spot", 9_000.0]], LOAN, "balances: HYPE is 10,000 here and 9,000 as spot among the positions"),
        (HEAD, [["Currency", "Amount"], ["BTC", -1.0]], "HYPERLIQUID lends USDC, USDH alone: borrowed BTC cannot be margined"),
    ],
)
def test_balances_that_cannot_be_lent_are_told(positions: Grid, balances: Grid, told: str) -> None:
    """A haircut is the rulebook's matter, a balance belongs to one account, and coins are not lent."""
    assert told in str(ask("PM_STATUS", positions, balances, MARKET, METHOD))
