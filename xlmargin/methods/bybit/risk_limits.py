"""Bybit's first risk limits from a saved answer of v5/market/risk-limit."""

from __future__ import annotations

from typing import Any

from xlmargin.book.contracts import parse_instrument
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods.json_shape import Node

NAMES = {"initialMargin": "future_initial_rate", "maintenanceMargin": "future_maintenance_rate"}
PERCENT = 10.0  # leverage × initial margin is 1 of fractions, 100 of percents: answers come in both


def saved(content: Any, rules: Rules) -> list[Override]:
    """Initial and maintenance rate of futures and perpetuals of each coin's lowest risk limit; its USDT perpetual's before others.

    Raises:
        MarginError: it holds no lowest risk limit
    """
    top = Node(content)
    answer = top.node("result") if "result" in top else top
    found: dict[str, Node] = {}
    for limit in answer.nodes("list", "symbol"):
        symbol = limit.text("symbol").upper()
        contract = parse_instrument(symbol, "bybit")
        if contract is None or limit.number_or("isLowestRisk", 0.0) != 1.0:
            continue
        if contract.underlying not in found or symbol == f"{contract.underlying}USDT":
            found[contract.underlying] = limit
    if not found:
        answer.fail("has no limit with isLowestRisk 1: save v5/market/risk-limit of linear or inverse")
    return [
        Override(coin, name, limit.number(key) / _scale(limit), row)
        for row, (coin, limit, key, name) in enumerate(
            ((coin, limit, key, name) for coin, limit in found.items() for key, name in NAMES.items()), 1
        )
    ]


def _scale(limit: Node) -> float:
    """What the rates of a limit are divided by: 100 where they are percents."""
    return 100.0 if limit.number("initialMargin") * limit.number("maxLeverage") > PERCENT else 1.0
