"""VAR and ES as the method of a whole workbook: every function of a method takes the history, which other methods leave unused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

import udfs  # noqa: F401  (fills the registry)
from xlmargin.sheet.registry import FUNCTIONS

Rows = list[list[Any]]

BOOK: Rows = [
    ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"],
    ["BTC", "call", 105_000.0, 20.0, -2.0, 0.50],
    ["BTC", "put", 90_000.0, 60.0, 1.0, 0.55],
    ["ETH", "perp", None, None, 5.0, None],
]
TRADES: Rows = [["Underlying", "Type", "Quantity"], ["BTC", "perp", 0.2]]
MARKET: Rows = [["Underlying", "Spot", "As of"], ["BTC", 100_000.0, "2026-01-01"], ["ETH", 3_000.0, "2026-01-01"]]
MARKET_BEFORE: Rows = [["Underlying", "Spot", "As of"], ["BTC", 98_000.0, "2025-12-30"], ["ETH", 3_100.0, "2025-12-30"]]
DAYS = 300


def _history() -> Rows:
    moves = 1.0 + 0.02 * np.random.default_rng(1).standard_normal((DAYS, 2))
    closes = (np.cumprod(moves, axis=0) * [100_000.0, 3_000.0]).tolist()
    first = dt.date(2025, 12, 31) - dt.timedelta(DAYS - 1)
    return [["Date", "BTC", "ETH"], *([(first + dt.timedelta(n)).isoformat(), *row] for n, row in enumerate(closes))]


HISTORY = _history()
ASKED: dict[str, tuple[Any, ...]] = {
    "PM_CONTRIBUTION": (BOOK, MARKET),
    "PM_WHATIF": (BOOK, TRADES, MARKET),
    "PM_MOVE": (BOOK, MARKET, BOOK, MARKET_BEFORE),
    "PM_STATUS": (BOOK, 1e5, MARKET),
    "PM_LIQUIDATION": (BOOK, 1e5, MARKET),
    "PM_ACCOUNTS": (BOOK, MARKET, None),
    "PM_HEDGE": (BOOK, TRADES, MARKET),
}


def ask(name: str, method: str, history: Any, *ranges: Any) -> Any:
    """The answer of a function, the history last."""
    return FUNCTIONS[name].call(*(ranges or ASKED[name]), method, None, history)


def test_every_function_of_a_method_takes_the_history_last() -> None:
    """The pairing of RULES, and what has no method, have none."""
    for name, function in FUNCTIONS.items():
        arguments = [each.name for each in function.arguments]
        if {"positions", "method"} <= set(arguments):
            assert arguments[-1] == "history", name


@pytest.mark.parametrize("method", ["VAR", "ES"])
def test_the_margin_is_the_same_in_every_function(method: str) -> None:
    """Each table holds PM_MARGIN, whose own tests are elsewhere."""
    margin = ask("PM_MARGIN", method, HISTORY, BOOK, MARKET)
    traded = ask("PM_MARGIN", method, HISTORY, [*BOOK, ["BTC", "perp", None, None, 0.2, None]], MARKET)
    before = ask("PM_MARGIN", method, HISTORY[:-1], BOOK, MARKET_BEFORE)  # without the day that was not known then
    answers = {name: ask(name, method, HISTORY) for name in ASKED}
    assert sum(row[4] for row in answers["PM_CONTRIBUTION"][1:]) == pytest.approx(margin)
    assert answers["PM_WHATIF"][1][1:3] == [pytest.approx(margin), pytest.approx(traded)]
    assert sum(row[1] for row in answers["PM_MOVE"][1:]) == pytest.approx(margin - before)
    assert answers["PM_STATUS"][2] == ["Initial margin", margin]
    assert answers["PM_ACCOUNTS"][-1][3] == margin
    assert answers["PM_HEDGE"][-1][4] < margin
    price = answers["PM_LIQUIDATION"][1][3]
    there = [[MARKET[0], ["BTC", price * part, "2026-01-01"], MARKET[2]] for part in (0.999, 1.001)]
    pnl = [FUNCTIONS["PM_SCENARIO_PNL"].call(BOOK[:3], market[1][1] / 1e5 - 1.0, 0.0, 0.0, MARKET) for market in there]
    short = [1e5 + gain - ask("PM_MAINTENANCE", method, HISTORY, BOOK, market) for gain, market in zip(pnl, there)]
    assert short[0] > 0.0 > short[1]


@pytest.mark.parametrize("name", ASKED)
def test_a_history_is_asked_for_and_left_unused_by_others(name: str) -> None:
    """VAR says in one line what it needs; SPAN answers as if there were none, even where the range is none."""
    assert ask(name, "VAR", None).startswith("#PM! VAR needs a history: give as history a range")
    assert ask(name, "SPAN", [["no", "history"]]) == ask(name, "SPAN", None)
