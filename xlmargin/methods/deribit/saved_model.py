"""Deribit's live model parameters from a saved pme/simulate answer."""

from __future__ import annotations

from typing import Any

from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods.json_shape import Node

OWN = ("extended_dampener", "annualised_move_risk", "min_annualised_move", "pnl_offset", "max_offsetable_pnl")
DOLLARS = ("usd", "usdc", "usdt")


def read_parameters(model: Any, coin: str) -> list[Override]:
    """The model parameters of an answer that concern one coin, as overrides.

    Args:
        model: its `model_params`
        coin: lower-case name
    """
    node = Node(model, "model_params")
    values: dict[tuple[str, str], float] = {}
    pairs, currencies, general = node.node("currency_pair"), node.node("currency"), node.node("general")
    for pair in pairs.cells:
        if pair.split("_")[0] == coin:
            parameters = pairs.node(pair)
            values |= {(coin, name): parameters.number(name) for name in parameters.cells}
    for currency in currencies.cells:
        if currency == coin or currency in DOLLARS:
            parameters, suffix = currencies.node(currency), "" if currency == coin else "_usd"
            values |= {(coin, name + suffix): parameters.number(name) for name in OWN}
    values |= {("", name): general.number(name) for name in ("mm_factor", "buckets_count")}
    return [Override(underlying.upper(), name, value, row) for row, ((underlying, name), value) in enumerate(values.items(), 1)]


def saved(content: Any, rules: Rules) -> list[Override]:
    """The parameters of every coin in a pme/simulate answer, whole or its `result` alone; others than the matrix has are left out.

    Raises:
        MarginError: it has no model parameters
    """
    try:
        answer = Node(content)
        model = (answer.node("result") if "result" in answer else answer).node("model_params")
        coins = dict.fromkeys(pair.split("_")[0] for pair in model.node("currency_pair").cells)
        found = {(item.underlying, item.name): item for coin in coins for item in read_parameters(model.cells, coin)}
    except MarginError as error:
        raise MarginError(f"carries no model_params as Deribit's pme/simulate answers do ({error})") from None
    return [item for item in found.values() if item.name in rules.names]
