"""OKX: /api/v5/account/positions; positions count contracts, whose size is in the instruments answer."""

from __future__ import annotations

from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import CHANGES, Holding, RawAnswer, Size, Sizes, contract_of, refuse, signed

NAME = "instId"
SIDES = ("long", "short", "net")
KINDS = ("swap", "futures", "option", "margin")
MONEY = ("USD", "USDT", "USDC")
TIMES: tuple[str, ...] = ()  # OKX says when each position changed, not when it answered
PAGE_ROWS = 100  # of an answer that may go on


def contract_sizes(source: RawAnswer) -> Sizes:
    """Size of a contract of every instrument: ctVal × ctMult."""
    return {
        item.text(NAME): Size(item.number("ctVal") * (item.number("ctMult") if item.has("ctMult") else 1.0), item.text("ctValCcy").upper())
        for item in items(source)
        if item.has("ctVal")
    }


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if not source.is_list and source.top.has("code") and str(source.top.cells["code"]) != "0":
        refuse(source.top, "OKX", source.top.cells.get("msg"))
    return source.positions(NAME, "data")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name, side, contracts = item.text(NAME), item.word("posSide", SIDES), item.number("pos")
    if contracts == 0.0:
        return Holding(item, name, 0.0)
    kind = item.word("instType", KINDS)
    if kind == "margin":
        item.fail("a MARGIN position is a loan and no derivative: leave it out of the answer, or type it as spot")
    if not side and kind != "option" and contracts > 0.0:
        item.fail("no key 'posSide': it must be net, long or short")
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
    amount = signed(item, contracts * value, side if side != "net" else "")
    if currency in MONEY and not contract.inverse:
        if mark is None:
            item.fail("no key 'markPx': the contract is sized in USD, and its coins are size / mark")
        amount /= mark
    elif currency not in (*MONEY, contract.underlying):
        item.fail(f"ctValCcy is {currency!r}, neither {contract.underlying} nor USD: check the instruments answer")
    coins, usd = (None, amount) if currency in MONEY and contract.inverse else (amount, None)
    return Holding(item, name, coins, usd, mark, index, vol=item.price("markVol"), entry=item.price("avgPx"))


def left_out(source: RawAnswer) -> tuple[str, ...]:
    """What a message of the stream may not hold."""
    return (CHANGES.format("the positions channel"),) if not source.is_list and source.top.has("arg") else ()
