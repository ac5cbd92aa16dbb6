"""Paradex: /v1/positions and the positions stream; sizes in coin beside their side, all linear, without marks."""

from __future__ import annotations

from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import Holding, RawAnswer, Sizes, contract_of, refuse, signed

NAME = "market"
SIDES = ("long", "short")
STATES = ("open", "closed")
TIMES: tuple[str, ...] = ()  # Paradex says when each position changed, not when it answered


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if not source.is_list and source.top.has("error"):
        refuse(source.top, "Paradex", source.top.cells.get("message") or source.top.cells["error"])
    return source.positions(NAME, "results")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name, side, size = item.text(NAME), item.word("side", SIDES), item.number("size")
    if size == 0.0 or item.word("status", STATES) == "closed":
        return Holding(item, name, 0.0)
    if not side:
        item.fail("no key 'side': it must be LONG or SHORT where the size is not 0")
    contract_of(item, name, "paradex")
    return Holding(item, name, signed(item, size, side), entry=item.price("average_entry_price_usd", "average_entry_price"))
