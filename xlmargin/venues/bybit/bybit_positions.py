"""Bybit: /v5/position/list and the position stream; sizes in coin, those of inverse contracts in USD; vols are fractions."""

from __future__ import annotations

from xlmargin.book.contracts import CALL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import Holding, RawAnswer, Sizes, contract_of, refuse, signed

SIDES = ("buy", "sell", "none")
TIMES = ("time", "creationTime")  # keys of the moment at which the answer was made


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if source.is_list:
        return source.listed("symbol")
    top = source.top
    if top.has("retCode") and str(top.cells["retCode"]) != "0":
        refuse(top, "Bybit", top.cells.get("retMsg"))
    if "result" in top.cells:
        return top.node("result").nodes("list", "symbol")
    return top.nodes("data" if "data" in top.cells or "list" not in top.cells else "list", "symbol")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name, side = item.text("symbol"), item.word("side", SIDES)
    size = item.number("size")
    if size == 0.0 or side == "none":
        return Holding(item, name, 0.0)
    if not side:
        item.fail("no key 'side': it must be Buy or Sell where the size is not 0")
    contract = contract_of(item, name, "bybit")
    mark = item.price("markPrice")
    if contract.inverse:
        if mark is None:
            item.fail("no key 'markPrice': an inverse contract is sized in USD, and its coins are size / mark")
        size /= mark
    option = contract.kind >= CALL
    return Holding(
        item,
        name,
        signed(item, size, side),
        mark,
        item.price("indexPrice"),
        item.price("underlyingPrice") if option else None,
        item.price("markIv", "markPriceIv") if option else None,
        item.price("avgPrice", "entryPrice"),
    )
