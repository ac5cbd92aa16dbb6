"""Thalex portfolio margin as far as it is published: absolute vol shocks, coverage below 1 for extreme scenarios.

Source: thalex.com/trading-information/portfolio-margin; support.thalex.com, margin requirements.
"""

from __future__ import annotations

from xlmargin.margin import lines as grids
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, above, less, not_modelled, times, total
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.scenarios.scenarios import Scenarios


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """Price moves × absolute vol moves, fully covered inside the published bounds."""
    return grids.grid(names, rules)


def requirement(case: Case) -> Margin:
    """Initial is the largest covered loss and the contingencies of each underlying; maintenance is a share of it.

    Returns:
        requirements + required; what is not published stands as lines of 0 that say so
    """
    names = case.book.instruments.underlyings
    initial = total("Initial margin", [_risk(case, u) for u in range(len(names))] or [grids.nothing_held()])
    ratio = grids.parameter(case.rules, "Maintenance ratio", "maintenance_ratio")
    value = case.option_value()
    return Margin(
        initial,
        times("Maintenance margin", (above(initial), ratio)),
        lambda: (value, less("Total requirement", (above(initial), above(value)))),
        value,
    )


def _risk(case: Case, u: int) -> Line:
    """Maximum loss coverage and contingencies of one underlying."""
    return total(
        case.book.instruments.underlyings[u],
        (
            grids.scan(case, u, "Maximum loss coverage"),
            not_modelled("Roll contingency", "offsetting deltas in different maturities: neither rate nor formula is published"),
            grids.charge(case, "Option contingency", "option_contingency", u, (grids.short_units(case, u), grids.spot(case, u))),
        ),
    )
