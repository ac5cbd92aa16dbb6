"""ccxt's unified positions of any venue: the venue's own answer under `info`, else the unified fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xlmargin.book.contracts import CALL, FUTURE, PERPETUAL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import Holding, RawAnswer, Size, contract_of, signed

NAME = "symbol"
SIDES = ("long", "short", "buy", "sell")
SLACK = 0.05  # the price may have moved by this between the notional and the mark
KEYS = {"info", "symbol", "contracts", "side"}  # of every position of ccxt, and of no venue's own


def unified_items(source: RawAnswer) -> list[Node] | None:
    """The positions of an answer in ccxt's form, one by one; None where it has another form."""
    content: Any = source.content
    items = content if isinstance(content, list) else [content]
    if not items or not all(isinstance(item, dict) and len(KEYS & item.keys()) >= len(KEYS) - 1 and "info" in item for item in items):
        return None
    return source.positions(NAME) if isinstance(content, list) else [source.top]


def own_item(item: Node, name: str) -> Node | None:
    """The venue's own position under `info`, None where it is not there.

    Args:
        name: key of a position's own name at that venue
    """
    info = item.cells.get("info")
    return item.node("info") if isinstance(info, dict) and name in info else None


def own_size(item: Node, venue: str) -> Size | None:
    """The size of a contract by ccxt's fields, None where they do not say."""
    if not item.has("contractSize") or not item.has(NAME):
        return None
    contract = contract_of(item, item.text(NAME), venue)
    return Size(item.number("contractSize"), "USD" if contract.inverse and contract.kind in (FUTURE, PERPETUAL) else contract.underlying)


def unified_holding(item: Node, venue: str) -> Holding:
    """A position in ccxt's own fields: contracts × contractSize with its side, in USD where an inverse future is settled in its coin."""
    name, side = item.text(NAME), item.word("side", SIDES)
    if not item.has("contracts"):
        item.fail(
            "contracts is blank, so ccxt's own fields give no size: with --venue the venue's answer under 'info' is read, where it is there"
        )
    contracts = item.number("contracts")
    if contracts == 0.0:
        return Holding(item, name, 0.0)
    if not side:
        item.fail("no key 'side': it must be long or short where contracts is not 0")
    size = own_size(item, venue)
    if size is None:
        item.fail("no key 'contractSize': the size of one contract, without which contracts is no amount")
    amount = signed(item, contracts, side) * size.value
    in_usd = size.currency == "USD"
    mark, entry = item.price("markPrice"), item.price("entryPrice")
    if contract_of(item, name, venue).kind < CALL:
        _must_agree_with_notional(item, abs(amount), [price for price in (mark, entry) if price], in_usd=in_usd)
    return Holding(item, name, None if in_usd else amount, amount if in_usd else None, mark, entry=entry)


def _must_agree_with_notional(item: Node, size: float, prices: Sequence[float], *, in_usd: bool) -> None:
    """Refuse a size that contradicts the position's value: some venues count inverse contracts in coin.

    Args:
        size: contracts × contractSize, without its side [USD, or coins of a linear contract]
        prices: mark and entry, at one of which the value is taken
        in_usd: whether the contract is inverse; then the value may be in USD or in its coin
    """
    value = abs(item.number_or("notional", 0.0))
    pairs = [(size, value), *((size, value * price) for price in prices)] if in_usd else [(size * price, value) for price in prices]
    if value and prices and not any(abs(ours - theirs) <= SLACK * theirs for ours, theirs in pairs):
        item.fail(
            f"contracts × contractSize is {size:,.10g} {'USD' if in_usd else 'coins'}, which contradicts the notional {value:,.10g}: "
            "type the position as a row, in the unit that the venue means"
        )
