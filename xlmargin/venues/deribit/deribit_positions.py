"""Deribit: private/get_positions; inverse futures are sized in USD, options and linear futures in coin, vols in percent."""

from __future__ import annotations

from xlmargin.book.contracts import CALL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import Holding, RawAnswer, Sizes, contract_of, refuse, signed

SIDES = ("buy", "sell", "zero")
PER_CENT = 100.0
TIMES = ("usOut", "usIn")  # keys of the moment at which the answer was made


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    name = "instrument_name"
    if source.is_list:
        return source.listed(name)
    top = source.top
    if top.has("error"):
        refuse(top, "Deribit", top.node("error").cells.get("message"))
    if top.has("params"):  # user.changes
        return top.node("params").node("data").nodes("positions", name)
    if isinstance(top.cells.get("result"), dict):
        return top.node("result").nodes("positions", name)
    return top.nodes("result" if "result" in top.cells or "positions" not in top.cells else "positions", name)


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name = item.text("instrument_name")
    side, size = item.word("direction", SIDES), item.number("size")
    if size == 0.0 or side == "zero":
        return Holding(item, name, 0.0)
    contract = contract_of(item, name, "deribit")
    mark, index = item.price("mark_price"), item.price("index_price")
    if contract.kind >= CALL:
        forward = item.price("underlying_price")
        vol = item.price("mark_iv")
        coin = forward or index
        price = mark if not contract.inverse or mark is None else mark * coin if coin else None
        entry = None if contract.inverse else item.price("average_price")
        return Holding(item, name, signed(item, size, side), price, index, forward, vol and vol / PER_CENT, entry)
    coins = _coins(item, size, mark) if contract.inverse else size
    return Holding(item, name, signed(item, coins, side), mark, index, entry=item.price("average_price"))


def _coins(item: Node, size: float, mark: float | None) -> float:
    """Coins of an inverse future sized in USD."""
    if mark is None:
        if not item.has("size_currency"):
            item.fail("no key 'mark_price': an inverse future is sized in USD, and its coins are size / mark")
        return item.number("size_currency")
    return size / mark
