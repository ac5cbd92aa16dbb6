"""Thalex' own scenarios and rates from a saved answer of private/required_margin_breakdown.

The answer is of an account. Its scenarios with their coverage are the venue's for everyone; a rate follows from a margin and the
position that it is charged on, both printed, where the account has such a position. Form: the venue's clients in Go and Rust.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.margin.grid_scenarios import PER_CENT, written
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods.json_shape import Node

LEAST_REACH = 1.0  # percent: less is a fraction in the place of a percent
RATES = {  # our parameter, the margin, and the position in USD that it is charged on
    "d1_roll_contingency": ("d1_roll_contingency_margin", "d1_roll_cash_position"),
    "options_roll_contingency": ("options_roll_contingency_margin", "options_roll_cash_position"),
    "option_contingency": ("options_contingency_margin", "options_short_cash_position"),
}


def saved(content: Any, _: Rules) -> list[Override]:
    """The scenarios of every underlying in a margin breakdown, whole or its `result` alone, and the rates that it shows.

    Raises:
        MarginError: it has no scenarios, or one that lacks something
    """
    found = [(coin_of(each), name, value) for each in underlyings_of(content) for name, value in _values(each)]
    return [Override(*each, row) for row, each in enumerate(found, 1)]


def underlyings_of(content: Any) -> list[Node]:
    """The underlyings of a margin breakdown.

    Raises:
        MarginError: it is no such answer, or that of an account without positions
    """
    answer = Node(content)
    result = answer.node("result") if "result" in answer else answer
    if "portfolio" not in result or not result.node("portfolio").has("underlyings"):
        raise MarginError("carries no scenarios as Thalex' private/required_margin_breakdown does: save the whole answer")
    found = result.node("portfolio").nodes("underlyings", "underlying")
    if not found:
        raise MarginError("underlyings is empty: save the breakdown of an account with positions")
    return found


def coin_of(underlying: Node) -> str:
    """The coin of an underlying, which the venue names by its index: BTCUSD."""
    return underlying.text("underlying").upper().removesuffix("USD")


def shocks_of(underlying: Node) -> list[tuple[float, float, float]]:
    """Price move, vol move and coverage of each scenario, as fractions.

    Raises:
        MarginError: there are none, or the moves cannot be percents
    """
    rows = underlying.nodes("scenarios")
    found = [(row.number("underlying_change_pct"), row.number("vol_change_pct_point"), row.number("coverage_factor")) for row in rows]
    if not found:
        underlying.fail("scenarios is empty: save the whole of it, as it came")
    reach = max(abs(price) for price, *_ in found)
    if reach < LEAST_REACH:
        underlying.fail(f"underlying_change_pct reaches {reach:g} alone: it must count in percent")
    return [(price / PER_CENT, vol / PER_CENT, coverage) for price, vol, coverage in found]


def _values(underlying: Node) -> Iterator[tuple[str, float | str]]:
    """The parameters of one underlying by our names."""
    shocks = shocks_of(underlying)
    up, down = max(0.0, *(vol for _, vol, _ in shocks)), max(0.0, *(-vol for _, vol, _ in shocks))
    yield from (("vol_up", up), ("vol_down", down), ("scenarios", written(shocks, up, down)))
    for name, (margin, position) in RATES.items():
        size = abs(underlying.number_or(position, 0.0))
        if size > 0.0:
            yield name, underlying.number_or(margin, 0.0) / size
