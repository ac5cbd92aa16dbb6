"""Hyperliquid: clearinghouseState, alone or with spotClearinghouseState; perpetuals in coin with their sign, all linear."""

from __future__ import annotations

from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import Holding, RawAnswer, Sizes, balances_note, contract_of

NAME = "position"
TIMES = ("time",)


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if not source.is_list and "balances" in source.top.cells and "assetPositions" not in source.top.cells:
        return []  # spotClearinghouseState holds no positions
    return source.positions(NAME, "assetPositions", "clearinghouseState.assetPositions")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row; its mark is its value over its size."""
    position = item.node("position")
    name, size = position.text("coin"), position.number("szi")
    if size == 0.0:
        return Holding(item, name, 0.0)
    contract_of(position, name, "hyperliquid")
    value = position.price("positionValue")
    return Holding(position, name, size, None, value and value / abs(size), entry=position.price("entryPx"))


def left_out(source: RawAnswer) -> tuple[str, ...]:
    """The spot balances of an answer, which are no positions."""
    return () if source.is_list else balances_note(source.top.cells.get("balances"), "coin", "total")
