"""Bybit: /v5/position/list and the position stream; sizes in coin, those of inverse contracts in USD; vols are fractions."""

from __future__ import annotations

from xlmargin.book.contracts import CALL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import CHANGES, Holding, RawAnswer, Sizes, contract_of, refuse, signed

NAME = "symbol"
SIDES = ("buy", "sell", "none")
TIMES = ("time", "creationTime")  # keys of the moment at which the answer was made


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if not source.is_list and source.top.has("retCode") and str(source.top.cells["retCode"]) != "0":
        refuse(source.top, "Bybit", source.top.cells.get("retMsg"))
    return source.positions(NAME, "result.list", "data", "list")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name, side, size = item.text(NAME), item.word("side", SIDES), item.number("size")
    if size == 0.0 or side == "none":
        return Holding(item, name, 0.0)
    if not side:
        item.fail("no key 'side': it must be Buy or Sell where the size is not 0")
    contract = contract_of(item, name, "bybit")
    amount, option = signed(item, size, side), contract.kind >= CALL
    return Holding(
        item,
        name,
        None if contract.inverse else amount,
        amount if contract.inverse else None,
        item.price("markPrice"),
        item.price("indexPrice"),
        item.price("underlyingPrice") if option else None,
        item.price("markIv", "markPriceIv") if option else None,
        item.price("avgPrice", "entryPrice"),
    )


def left_out(source: RawAnswer) -> tuple[str, ...]:
    """What a message of the stream does not hold."""
    return (CHANGES.format("the position stream"),) if not source.is_list and source.top.has("topic") else ()
