"""OKX: /api/v5/account/positions; positions count contracts, whose size is in the instruments answer."""

from __future__ import annotations

from xlmargin.book.contracts import CALL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import Holding, RawAnswer, Size, Sizes, contract_of, refuse, signed

SIDES = ("long", "short", "net")
KINDS = ("swap", "futures", "option", "margin")
MONEY = ("USD", "USDT", "USDC")
TIMES: tuple[str, ...] = ()  # OKX says when each position changed, not when it answered


def contract_sizes(source: RawAnswer) -> Sizes:
    """Size of a contract of every instrument: ctVal × ctMult."""
    return {
        item.text("instId"): Size(
            item.number("ctVal") * (item.number("ctMult") if item.has("ctMult") else 1.0), item.text("ctValCcy").upper()
        )
        for item in items(source)
        if item.has("ctVal")
    }


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    name = "instId"
    if source.is_list:
        return source.listed(name)
    top = source.top
    if top.has("code") and str(top.cells["code"]) != "0":
        refuse(top, "OKX", top.cells.get("msg"))
    return top.nodes("data", name)


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name, side = item.text("instId"), item.word("posSide", SIDES)
    contracts = item.number("pos")
    if contracts == 0.0:
        return Holding(item, name, 0.0)
    if item.word("instType", KINDS) == "margin":
        item.fail("a MARGIN position is a loan and no derivative: leave it out of the answer, or type it as spot")
    contract = contract_of(item, name, "okx")
    if name not in sizes:
        item.fail(
            f"pos counts contracts, and their size is not in the answer: give --instruments FILE, the answer of "
            f"/api/v5/public/instruments with key 'ctVal' of {name}"
        )
    value, currency = sizes[name]
    mark, index = item.price("markPx"), item.price("idxPx")
    if index is None and item.cells.get("ccy") == contract.underlying:
        index = item.price("usdPx")  # the price of the margin currency, which is the coin itself
    units = contracts * value
    if currency in MONEY:
        if mark is None:
            item.fail("no key 'markPx': an inverse contract is sized in USD, and its coins are size / mark")
        units /= mark
    elif currency != contract.underlying:
        item.fail(f"ctValCcy is {currency!r}, neither {contract.underlying} nor USD: check the instruments answer")
    coin_priced = contract.kind >= CALL and contract.inverse
    price = mark if not coin_priced or mark is None else mark * index if index else None
    return Holding(
        item,
        name,
        signed(item, units, side if side != "net" else ""),
        price,
        index,
        vol=item.price("markVol"),
        entry=None if coin_priced else item.price("avgPx"),
    )
