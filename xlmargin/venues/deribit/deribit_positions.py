"""Deribit: private/get_positions and user.changes; inverse futures are sized in USD, options and linear futures in coin."""

from __future__ import annotations

from xlmargin.book.contracts import CALL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import CHANGES, OPEN_ORDERS, Holding, RawAnswer, Sizes, contract_of, refuse, signed

NAME = "instrument_name"
SIDES = ("buy", "sell", "zero")
ACCOUNT = {"summaries", "equity", "initial_margin"}  # keys of account summaries and of simulated margins, which hold no positions
PER_CENT = 100.0
SLACK = 0.05  # the price may have moved by this between the two sizes of an inverse future, in USD and in coin
TIMES = ("usOut", "usIn")  # keys of the moment at which the answer was made


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if not source.is_list:
        if source.top.has("error"):
            refuse(source.top, "Deribit", source.top.node("error").cells.get("message"))
        result = source.top.cells.get("result")
        if isinstance(result, dict) and "positions" not in result and not ACCOUNT.isdisjoint(result):
            source.top.fail("the answer is of the account and lacks 'positions': save that of private/get_positions")
    return source.positions(NAME, "params.data.positions", "result.positions", "result", "positions")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name, side, size = item.text(NAME), item.word("direction", SIDES), item.number("size")
    if size == 0.0 or side == "zero":
        return Holding(item, name, 0.0)
    contract = contract_of(item, name, "deribit")
    mark, index, entry = item.price("mark_price"), item.price("index_price"), item.price("average_price")
    if contract.kind >= CALL:
        vol = item.price("mark_iv")
        return Holding(
            item, name, signed(item, size, side), None, mark, index, item.price("underlying_price"), vol and vol / PER_CENT, entry
        )
    coins = signed(item, item.number("size_currency"), side) if item.has("size_currency") else None
    if coins is None and not contract.inverse:
        item.fail("no key 'size_currency': the size of a linear future may be in USD or in coin, and this tells which")
    amount = signed(item, size, side)
    if contract.inverse and coins is not None and mark is not None and abs(amount - coins * mark) > SLACK * abs(amount):
        item.fail(f"size {size:,.10g} contradicts size_currency {coins:,.10g} at the mark {mark:,.10g}")
    return Holding(item, name, coins, amount if contract.inverse else None, mark, index, entry=entry)


def left_out(source: RawAnswer) -> tuple[str, ...]:
    """What a notification of changes does not hold, and its orders."""
    if source.is_list or not source.top.has("params"):
        return ()
    data = source.top.node("params").node("data")
    return (CHANGES.format("user.changes"), *((OPEN_ORDERS,) if data.cells.get("orders") else ()))
