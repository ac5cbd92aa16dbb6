"""OKX's first position tiers from a saved answer of public/position-tiers."""

from __future__ import annotations

from typing import Any

from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods.json_shape import Node

QUOTES = ("USDT", "USDC", "USD")  # of families of one coin the first that is there counts: the rulebook has one rate a coin


def saved(content: Any, rules: Rules) -> list[Override]:
    """Initial and maintenance rate of futures and perpetuals, and the factor of options, of each coin's first tier.

    Raises:
        MarginError: it holds no tier of futures, perpetuals or options; those of margin loans are none
    """
    top = Node(content if isinstance(content, dict) else {"data": content})
    families: dict[tuple[str, str], tuple[int, Override]] = {}
    for tier in top.nodes("data", "instFamily"):
        if not tier.has("instFamily") or tier.number("tier") != 1.0:
            continue
        coin, _, quote = tier.text("instFamily").upper().partition("-")
        rank = QUOTES.index(quote) if quote in QUOTES else len(QUOTES)
        for key, name in (("imr", "future_initial_rate"), ("mmr", "future_maintenance_rate"), ("optMgnFactor", "margin_factor")):
            value = tier.number_or(key, 0.0)
            if value > 0.0 and rank < families.get((coin, name), (len(QUOTES) + 1, None))[0]:
                families[coin, name] = rank, Override(coin, name, value, len(families) + 1)
    if not families:
        top.fail("has no first tier with an instFamily: save public/position-tiers of SWAP, FUTURES or OPTION")
    return [override for _, override in families.values()]
