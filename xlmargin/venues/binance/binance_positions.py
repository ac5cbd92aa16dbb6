"""Binance: futures positionRisk, account and ACCOUNT_UPDATE, options position; amounts in coin, COIN-M in contracts of USD."""

from __future__ import annotations

from xlmargin.book.contracts import CALL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import CHANGES, Holding, RawAnswer, Size, Sizes, balances_note, contract_of, refuse, signed

NAME = "symbol"
SIDES = ("both", "long", "short")
TIMES: tuple[str, ...] = ()  # Binance says when each position changed, not when it answered


def contract_sizes(source: RawAnswer) -> Sizes:
    """USD in one contract of every COIN-M symbol, from exchangeInfo."""
    found = source.positions(NAME, "symbols")
    return {item.text(NAME): Size(item.number("contractSize"), "USD") for item in found if item.has("contractSize")}


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if source.is_list:
        return source.positions(NAME)
    top = source.top
    if top.has("code") and top.has("msg"):
        refuse(top, "Binance", top.cells["msg"])
    if top.has("a"):  # ACCOUNT_UPDATE of the user stream, whose keys are letters
        return [_spelled(item) for item in top.node("a").nodes("P", "s")]
    return source.positions(NAME, "positions")


def _spelled(item: Node) -> Node:
    """A position of the stream with the keys of the other answers."""
    names = {"s": NAME, "pa": "positionAmt", "ps": "positionSide", "ep": "entryPrice"}
    for key in ("s", "pa"):
        item.raw(key)
    return Node({names.get(key, key): value for key, value in item.cells.items()}, item.path, item.file)


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name = item.text(NAME)
    side = item.word("positionSide", SIDES) or item.word("side", SIDES)
    amount = item.number("positionAmt" if "positionAmt" in item.cells or "quantity" not in item.cells else "quantity")
    if amount == 0.0:
        return Holding(item, name, 0.0)
    contract = contract_of(item, name, "binance")
    if contract.inverse and name not in sizes:
        item.fail(
            "positionAmt counts contracts, and their size is not in the answer: give --instruments FILE, the answer "
            f"of /dapi/v1/exchangeInfo with key 'contractSize' of {name}"
        )
    amount = signed(item, amount, "" if side == "both" else side)
    return Holding(
        item,
        name,
        None if contract.inverse else amount,
        amount * sizes[name].value if contract.inverse else None,
        item.price("markPrice"),
        item.price("indexPrice"),
        vol=item.price("markIV") if contract.kind >= CALL else None,
        entry=item.price("entryPrice"),
    )


def left_out(source: RawAnswer) -> tuple[str, ...]:
    """The balances of an account answer; what a message of the stream does not hold."""
    if source.is_list:
        return ()
    changes = (CHANGES.format("ACCOUNT_UPDATE"),) if source.top.has("a") else ()
    return (*changes, *balances_note(source.top.cells.get("assets"), "asset", "walletBalance"))
