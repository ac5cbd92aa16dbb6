"""Binance options: no portfolio margin formula is published, so this is the pattern that the other venues share.

Source: none of Binance; the pattern is that of Deribit, Derive and Paradex, its numbers are illustrative.
"""

from __future__ import annotations

from xlmargin.margin import lines as grids
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, above, less, not_modelled, times, total
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.scenarios.scenarios import Scenarios


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """Price × vol inside a range, and far moves at a weight that falls with the move."""
    return grids.grid(names, rules)


def requirement(case: Case) -> Margin:
    """The worst loss of each underlying and a charge on short options, by assumption and not by Binance's rules.

    Returns:
        requirements + required; maintenance is a share of initial
    """
    names = case.book.instruments.underlyings
    initial = total(
        "Initial margin",
        [_risk(case, u) for u in range(len(names))] or [grids.nothing_held()],
        "assumed pattern, not Binance's own formula",
    )
    value = case.option_value()
    ratio = grids.parameter(case.rules, "Maintenance ratio", "maintenance_ratio")

    def more() -> tuple[Line, ...]:
        own = not_modelled("Binance's own formula", "not published: every number here is an assumption to override")
        return value, less("Total requirement", (above(initial), above(value))), own

    return Margin(initial, times("Maintenance margin", (above(initial), ratio)), more, value)


def _risk(case: Case, u: int) -> Line:
    """Worst loss of one underlying and the charge on its short options."""
    return total(
        case.book.instruments.underlyings[u],
        (
            grids.scan(case, u),
            grids.charge(case, "Short option charge", "short_option_rate", u, (grids.short_units(case, u), grids.spot(case, u))),
        ),
    )
