"""Kraken Derivatives: /derivatives/api/v3/openpositions; PF_, FF_ and options OF_ in coin, PI_ and FI_ in USD, without marks."""

from __future__ import annotations

from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import Holding, RawAnswer, Sizes, contract_of, refuse, signed

NAME = "symbol"
SIDES = ("long", "short")
TIMES: tuple[str, ...] = ()  # serverTime is text; a book without marks takes its time from the market range


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if not source.is_list and source.top.cells.get("result") == "error":
        refuse(source.top, "Kraken", source.top.cells.get("error") or source.top.cells.get("errors"))
    return source.positions(NAME, "openPositions")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name, side, size = item.text(NAME), item.word("side", SIDES), item.number("size")
    if size == 0.0:
        return Holding(item, name, 0.0)
    if not side:
        item.fail("no key 'side': it must be long or short where the size is not 0")
    contract = contract_of(item, name, "kraken")
    amount = signed(item, size, side)
    return Holding(item, name, None if contract.inverse else amount, amount if contract.inverse else None, entry=item.price("price"))
