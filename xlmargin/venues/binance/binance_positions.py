"""Binance: futures positionRisk, account and ACCOUNT_UPDATE, options position; amounts in coin, COIN-M in contracts."""

from __future__ import annotations

from xlmargin.book.contracts import CALL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import Holding, RawAnswer, Size, Sizes, contract_of, refuse, signed

SIDES = ("both", "long", "short")
TIMES: tuple[str, ...] = ()  # Binance says when each position changed, not when it answered


def contract_sizes(source: RawAnswer) -> Sizes:
    """USD in one contract of every COIN-M symbol, from exchangeInfo."""
    items = source.listed("symbol") if source.is_list else source.top.nodes("symbols", "symbol")
    return {item.text("symbol"): Size(item.number("contractSize"), "USD") for item in items if item.has("contractSize")}


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if source.is_list:
        return source.listed("symbol")
    top = source.top
    if top.has("code") and top.has("msg"):
        refuse(top, "Binance", top.cells["msg"])
    if top.has("a"):  # ACCOUNT_UPDATE of the user stream, whose keys are letters
        return [_spelled(item) for item in top.node("a").nodes("P", "s")]
    return top.nodes("positions", "symbol")


def _spelled(item: Node) -> Node:
    """A position of the stream with the keys of the other answers."""
    names = {"s": "symbol", "pa": "positionAmt", "ps": "positionSide", "ep": "entryPrice"}
    for key in ("s", "pa"):
        item.raw(key)
    return Node({names.get(key, key): value for key, value in item.cells.items()}, item.path, item.file)


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name = item.text("symbol")
    side = item.word("positionSide", SIDES) or item.word("side", SIDES)
    amount = item.number("positionAmt" if "positionAmt" in item.cells or "quantity" not in item.cells else "quantity")
    if amount == 0.0:
        return Holding(item, name, 0.0)
    contract = contract_of(item, name, "binance")
    mark = item.price("markPrice")
    if contract.inverse and contract.kind < CALL:
        amount *= _coins_per_contract(item, name, sizes, mark)
    return Holding(
        item,
        name,
        signed(item, amount, "" if side == "both" else side),
        mark,
        item.price("indexPrice"),
        vol=item.price("markIV") if contract.kind >= CALL else None,
        entry=item.price("entryPrice"),
    )


def _coins_per_contract(item: Node, name: str, sizes: Sizes, mark: float | None) -> float:
    """Coins in one COIN-M contract."""
    if name not in sizes:
        item.fail(
            "positionAmt counts contracts, and their size is not in the answer: give --instruments FILE, the answer "
            f"of /dapi/v1/exchangeInfo with key 'contractSize' of {name}"
        )
    if mark is None:
        item.fail("no key 'markPrice': a COIN-M contract is sized in USD, and its coins are size / mark")
    return sizes[name].value / mark
