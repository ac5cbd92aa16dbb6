"""Derive: private/get_positions and get_subaccount; amounts in coin with their sign, all linear; vols are fractions."""

from __future__ import annotations

from xlmargin.book.contracts import CALL
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import OPEN_ORDERS, Holding, RawAnswer, Sizes, balances_note, contract_of, refuse

NAME = "instrument_name"
TIMES: tuple[str, ...] = ()  # Derive says when each position was opened, not when it answered


def left_out(source: RawAnswer) -> tuple[str, ...]:
    """The parts of an answer that are no positions: coins held as collateral, open orders."""
    if source.is_list:
        return ()
    owners = [owner for owner in (source.top.cells, source.top.cells.get("result")) if isinstance(owner, dict)]
    notes = [note for owner in owners for note in balances_note(owner.get("collaterals"), "asset_name", "amount")]
    return (*notes, OPEN_ORDERS) if any(owner.get("open_orders") for owner in owners) else tuple(notes)


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if not source.is_list:
        top = source.top
        if top.has("error"):
            refuse(top, "Derive", top.node("error").cells.get("message"))
        if top.has(NAME) and top.has("amount"):  # one position alone
            return [top]
    return source.positions(NAME, "result.positions", "positions", "result")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row."""
    name, amount = item.text(NAME), item.number("amount")
    if amount == 0.0:
        return Holding(item, name, 0.0)
    option = contract_of(item, name, "derive").kind >= CALL
    return Holding(
        item,
        name,
        amount,
        None,
        item.price("mark_price"),
        item.price("index_price"),
        item.price("forward_price") if option else None,
        item.price("iv") if option else None,
        item.price("average_price"),
    )
