"""Thalex portfolio margin as far as published: absolute vol shocks, coverage below 1 for extreme scenarios.

Source: thalex.com/trading-information/portfolio-margin; support.thalex.com, margin requirements.
"""

from __future__ import annotations

from xlmargin.margin import lines
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.statement import Line, not_modelled, total
from xlmargin.margin.valuation import Case, Margin

scenarios = grid  # price moves × absolute vol moves, fully covered inside the published bounds


def requirement(case: Case) -> Margin:
    """Initial is the largest covered loss and the contingencies of each underlying; maintenance is a share of it.

    Returns:
        requirements + required; parts that are not published are lines of 0 that say so
    """
    return lines.scaled(case, lines.by_underlying(case, "Initial margin", _risk), maintenance="maintenance_ratio")


def _risk(case: Case, u: int) -> Line:
    """Maximum loss coverage and contingencies of one underlying."""
    return total(
        case.names[u],
        (
            case.scan(u, "Maximum loss coverage"),
            not_modelled("Roll contingency", "offsetting deltas in different maturities: neither rate nor formula is published"),
            lines.charge(case, "Option contingency", "option_contingency", u, (lines.short_options(case, u), lines.spot(case, u))),
        ),
    )
