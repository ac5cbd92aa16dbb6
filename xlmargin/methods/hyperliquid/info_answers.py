"""Hyperliquid's own configuration from saved answers of its info endpoint: tiers of leverage, and loan to value of coins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods.json_shape import Node

SINGLE = 50  # ids of tables below it are one tier, whose leverage is the id
WRAPPED = "U"  # Unit's token of a coin on Hyperliquid: UBTC is BTC's


def answers_in(content: Any) -> Iterator[dict[str, Any]]:
    """Every answer of a file: one, a list of them, or an object of them by name."""
    if isinstance(content, dict) and ("universe" in content or "balances" in content):
        yield content
    elif isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            if isinstance(part, dict | list):
                yield from answers_in(part)


def saved(content: Any, rules: Rules) -> list[Override]:
    """Leverage of every perpetual in a `meta` answer, and ltv of every balance in a `spotClearinghouseState`.

    Raises:
        MarginError: it is neither, or a table has more than two tiers
    """
    found: dict[tuple[str, str], float] = {}
    for answer in answers_in(content):
        found |= dict(_tiers(Node(answer, "meta")) if "universe" in answer else _loans(Node(answer, "spotClearinghouseState")))
    if not found:
        raise MarginError(
            "carries neither a meta nor a spotClearinghouseState answer of Hyperliquid's info endpoint: save one of them whole"
        )
    return [Override(coin, name, value, row) for row, ((coin, name), value) in enumerate(found.items(), 1)]


def coin_of(token: str) -> str:
    """The coin that a token of the spot market stands for, upper case."""
    return token[1:] if token.startswith(WRAPPED) and token[1:] in ("BTC", "ETH", "SOL") else token.upper()


def _tiers(meta: Node) -> Iterator[tuple[tuple[str, str], float]]:
    """The tiers of each perpetual."""
    tables = (
        {row[0]: row[1] for row in meta.items("marginTables") if isinstance(row, list) and len(row) == 2} if "marginTables" in meta else {}
    )
    for asset in meta.nodes("universe", "name"):
        coin, number = asset.text("name").upper(), int(asset.number_or("marginTableId", 0.0))
        yield (coin, "max_leverage"), asset.number("maxLeverage")
        if number < SINGLE or number not in tables:
            continue
        tiers = Node(tables[number], f"marginTables {number}").nodes("marginTiers")
        if len(tiers) > 2:
            raise MarginError(
                f"{coin} has {len(tiers)} tiers of leverage, and two at most can be read: give its leverage beside the positions"
            )
        if len(tiers) == 2:
            yield (coin, "second_tier_from"), tiers[1].number("lowerBound")
            yield (coin, "second_tier_leverage"), tiers[1].number("maxLeverage")


def _loans(state: Node) -> Iterator[tuple[tuple[str, str], float]]:
    """The loan to value of each balance that has one."""
    for balance in state.nodes("balances", "coin"):
        if balance.has("ltv") and (share := balance.number("ltv")) > 0.0:
            yield (coin_of(balance.text("coin")), "ltv"), share
