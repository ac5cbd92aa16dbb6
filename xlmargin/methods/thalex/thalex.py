"""Thalex portfolio margin as far as published: absolute vol shocks, coverage below 1 for extreme scenarios.

Source: thalex.com/trading-information/portfolio-margin; support.thalex.com, margin requirements.
"""

from __future__ import annotations

from dataclasses import replace

from xlmargin.margin import lines
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, total
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.methods.thalex.saved_breakdown import saved as saved
from xlmargin.scenarios.scenarios import Scenarios

_CASH = ("USDC", "USDT")  # collateral at its value, without a scenario


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """Price moves × absolute vol moves of each coin, fully covered inside the published bounds; stablecoins are still."""
    return grid(names, rules, still=[name for name in names if name in _CASH])


def requirement(case: Case) -> Margin:
    """Initial is the largest covered loss and the contingencies of each underlying; maintenance is a share of it.

    Returns:
        requirements + required; parts whose rates are not published are lines of 0 that say so
    """
    return lines.scaled(case, lines.by_underlying(case, "Initial margin", _risk), maintenance="maintenance_ratio")


def _risk(case: Case, u: int) -> Line:
    """Maximum loss coverage and contingencies of one underlying."""
    shorts = lines.short_options(case, u), lines.spot(case, u)
    return total(
        case.names[u],
        (
            case.scan(u, "Maximum loss coverage"),
            total(
                "Roll contingency",
                (
                    _roll(case, u, "Of futures and perpetuals", "d1_roll_contingency", lines.FUTURES),
                    _roll(case, u, "Of options", "options_roll_contingency", lines.OPTIONS),
                ),
            ),
            lines.charge(case, "Option contingency", "option_contingency", u, shorts),
        ),
    )


def _roll(case: Case, u: int, label: str, rate: str, kinds: tuple[int, ...]) -> Line:
    """A rate on the offsetting deltas of some kinds of contracts in different maturities, by what the venue says of it in words."""
    offset = replace(lines.opposite_deltas(case, u, kinds=kinds), status="estimate")
    return lines.charge(case, label, rate, u, (offset, lines.spot(case, u)))
