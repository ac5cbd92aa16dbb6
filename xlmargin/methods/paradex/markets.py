"""Paradex's own cross margin parameters from a saved answer of GET /markets."""

from __future__ import annotations

from typing import Any

from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods.json_shape import Node

SYMBOL, LINEAR, OPTION = "symbol", "delta1_cross_margin_params", "option_cross_margin_params"
STAGES = {"imf": "initial", "mmf": "maintenance"}
NAMES = {
    "premium_multiplier": "premium",
    "long_itm": "long_itm",
    "short_itm": "short_itm",
    "short_otm": "short_otm",
    "short_put_cap": "put_cap",
}


def saved(content: Any, _: Rules) -> list[Override]:
    """The rates of every coin in an answer of GET /markets.

    Raises:
        MarginError: it carries no markets with margin parameters, or two markets of a coin differ in one
    """
    found: dict[tuple[str, str], float] = {}
    for market in Node(content).nodes("results", SYMBOL):
        coin = market.text(SYMBOL).split("-")[0].upper()
        of_market = cross_margin(coin, *(market.node(key) if market.has(key) else None for key in (LINEAR, OPTION)))
        for key, value in of_market.items():
            if found.setdefault(key, value) != value:
                market.fail(f"{key[1]} is {value:g}, but another market of {coin} has {found[key]:g}: leave only what the account holds")
    if not found:
        raise MarginError(f"carries no {LINEAR} and no {OPTION} as Paradex's GET /markets does: save the whole answer")
    return [Override(*key, value, row) for row, (key, value) in enumerate(found.items(), 1)]


def cross_margin(coin: str, linear: Node | None, option: Node | None) -> dict[tuple[str, str], float]:
    """The parameters of one coin by underlying and name, from the venue's own of a future or perpetual and of an option."""
    found: dict[tuple[str, str], float] = {}
    if linear is not None:
        found |= {(coin, "future_initial_rate"): linear.number("imf_base"), (coin, "future_maintenance_ratio"): linear.number("mmf_factor")}
    if option is not None:
        for key, stage in STAGES.items():
            rates = option.node(key)
            found |= {(coin, f"{stage}_{name}"): rates.number(theirs) for theirs, name in NAMES.items()}
    return found
