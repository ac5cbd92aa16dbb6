"""Thalex: private/portfolio and account.portfolio; positions in coin with their sign, all linear."""

from __future__ import annotations

from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import CHANGES, Holding, RawAnswer, Sizes, contract_of, refuse

NAME = "instrument_name"
TIMES: tuple[str, ...] = ()  # Thalex does not say when it answered


def items(source: RawAnswer) -> list[Node]:
    """The positions of an answer, one by one."""
    if not source.is_list and source.top.has("error"):
        refuse(source.top, "Thalex", source.top.node("error").cells.get("message"))
    return source.positions(NAME, "result", "notification")


def holding(item: Node, sizes: Sizes) -> Holding:
    """A position in the form of a row; its vol follows from its mark."""
    name, amount = item.text(NAME), item.number("position")
    if amount == 0.0:
        return Holding(item, name, 0.0)
    contract_of(item, name, "thalex")
    return Holding(
        item, name, amount, None, item.price("mark_price"), item.price("index", "index_price"), entry=item.price("average_price")
    )


def left_out(source: RawAnswer) -> tuple[str, ...]:
    """What a notification of changes does not hold; the first one is a snapshot of all."""
    partly = not source.is_list and "notification" in source.top.cells and source.top.cells.get("snapshot") is not True
    return (CHANGES.format("account.portfolio"),) if partly else ()
