"""No account's margin depends on the rows of another: also where a rulebook knows one spot and one forward per expiry."""

from __future__ import annotations

from typing import Any

import pytest
from test_laws import METHODS, assert_adds_up, listed

from udfs import (
    PM_CONTRIBUTION,
    PM_ES,
    PM_EXPLAIN,
    PM_LIQUIDATION,
    PM_MAINTENANCE,
    PM_MARGIN,
    PM_MOVE,
    PM_RISK_ARRAY,
    PM_SCANNING_RISK,
    PM_VAR,
)
from xlmargin.methods import known_methods

Table = list[list[Any]]

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Spot", "Forward"]
NORTH: Table = [
    ["BTC", "call", 42_000.0, 30.0, -2.0, 0.2, None, None],
    ["BTC", "put", 59_500.0, 30.0, 1.0, 0.2, None, None],
    ["BTC", "perp", None, None, 1.0, None, 71_000.0, None],
    ["ETH", "perp", None, None, -2.0, None, None, None],
]
SOUTH: Table = [
    ["BTC", "put", 59_500.0, 30.0, 1.0, 0.65, 68_000.0, 69_000.0],
    ["BTC", "put", 60_000.0, 30.0, -1.5, 0.5, None, None],
    ["BTC", "perp", None, None, -0.5, None, None, 70_500.0],
]
BOTH = [
    [*HEADER, "Account"],
    *([*row, name] for n in range(3) for name, rows in (("south", SOUTH), ("north", NORTH)) for row in rows[n : n + 1]),
    [*NORTH[3], "north"],
]
TOGETHER = ("DERIVE", "DERIVE_SM")


@pytest.mark.parametrize("method", known_methods())
def test_margins_of_accounts_in_different_markets_add_up(method: str) -> None:
    """Rows of two accounts with their own spots, forwards and vols: the sum of both apart, and a statement that adds up."""
    asked = METHODS[method]
    both = [BOTH[0], *listed(BOTH[1:], asked)]
    for answer in (PM_MARGIN, PM_MAINTENANCE):
        alone = [answer([HEADER, *listed(rows, asked)], *asked) for rows in (NORTH, SOUTH)]
        assert answer(both, *asked) == pytest.approx(sum(alone), rel=1e-10)
    assert_adds_up(PM_EXPLAIN(both, *asked), 1e-4)


@pytest.mark.parametrize("method", TOGETHER)
def test_contributions_of_accounts_in_different_markets(method: str) -> None:
    """Each row is of its own account what it would be without the others."""
    market, name, parameters, _ = METHODS[method]
    found = sorted(row[2:] for row in PM_CONTRIBUTION(BOTH, market, name, parameters)[1:])
    apart = sorted(row[2:] for rows in (NORTH, SOUTH) for row in PM_CONTRIBUTION([HEADER, *rows], market, name, parameters)[1:])
    assert found == [pytest.approx(row, rel=1e-9, abs=1e-6) for row in apart]
    assert sum(row[2] for row in found) == pytest.approx(PM_MARGIN(BOTH, market, name), rel=1e-10)


def test_scenarios_of_accounts_in_different_markets() -> None:
    """The risk array is the sum of both accounts' own, so is the scanning risk."""
    market, name, parameters, _ = METHODS["DERIVE"]
    apart = [PM_RISK_ARRAY([HEADER, *rows], market, name, parameters) for rows in (NORTH, SOUTH)]
    total = [row[-1] for row in PM_RISK_ARRAY(BOTH, market, name, parameters)[1:]]
    assert total == pytest.approx([one[-1] + other[-1] for one, other in zip(apart[0][1:], apart[1][1:])], rel=1e-9, abs=1e-6)
    assert PM_SCANNING_RISK(BOTH, market, name) == pytest.approx(
        sum(PM_SCANNING_RISK([HEADER, *rows], market, name) for rows in (NORTH, SOUTH)), rel=1e-10
    )


@pytest.mark.parametrize("method", TOGETHER)
def test_moves_and_liquidation_of_accounts_in_different_markets(method: str) -> None:
    """Causes of a move add up to the change of both; at the liquidation price, spots and forwards moved, nothing is left."""
    market, name, parameters, _ = METHODS[method]
    later = [market[0], *([coin, spot * 1.03, rate] for coin, spot, rate in market[1:])]
    moved = PM_MOVE(BOTH, later, BOTH, market, name, parameters)
    change = PM_MARGIN(BOTH, later, name) - PM_MARGIN(BOTH, market, name)
    assert sum(row[1] for row in moved[1:]) == pytest.approx(change, rel=1e-7)
    equity = PM_MAINTENANCE(BOTH, market, name) * 1.2
    found = PM_LIQUIDATION(BOTH, equity, market, name)
    assert isinstance(found, list), found
    assert any(isinstance(cell, float) for cell in found[1][1:]), found


@pytest.mark.parametrize("answer", [PM_VAR, PM_ES])
def test_a_short_history_of_one_account_shortens_no_other(answer: Any) -> None:
    """A coin that is quoted for a few days only takes no day away from accounts that do not hold it."""
    closes = [
        [70_000.0 * (1.0 + 0.05 * ((day * day) % 7 - 3) / (1 + day)), None if day < 130 else 150.0 + (day * day) % 5]
        for day in range(1, 251)
    ]
    history = [["Date", "BTC", "SOL"], *([45_800.0 + day, *row] for day, row in enumerate(closes))]
    rows: Table = [["BTC", "perp", 1.0, "north"], ["SOL", "perp", 100.0, "south"], ["BTC", "perp", -0.5, "south"]]
    head, market = ["Underlying", "Type", "Quantity", "Account"], [["Underlying", "Spot"], ["BTC", 70_000.0], ["SOL", 150.0]]
    apart = [answer([head, *some], history, 0.9, 1, market) for some in (rows[:1], rows[1:])]
    assert answer([head, *rows], history, 0.9, 1, market) == pytest.approx(sum(apart), rel=1e-12)
    common = [history[0], *history[130:]]
    assert apart[0] > answer([head, rows[0]], common, 0.9, 1, market)  # the days before matter
    assert PM_MARGIN([head, *rows], market, answer.__name__[3:], None, history) == pytest.approx(
        sum(PM_MARGIN([head, *some], market, answer.__name__[3:], None, history) for some in (rows[:1], rows[1:])), rel=1e-12
    )
    assert_adds_up(PM_EXPLAIN([head, *rows], market, answer.__name__[3:], None, history), 1e-6)
    assert isinstance(PM_RISK_ARRAY([head, *rows], market, answer.__name__[3:], None, history), list)
