"""Bybit portfolio margin as far as it is published: the price stress, and contingencies whose coefficients are not.

Source: Bybit help centre, Introduction to Portfolio Margin; Bybit Learn, risk parameter adjustment of 2025-01-10.
"""

from __future__ import annotations

from xlmargin.margin import lines as grids
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, above, less, not_modelled, times, total
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.scenarios.scenarios import Scenarios


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """Price moves inside the published range; vols stay unless vol_up and vol_down are given."""
    return grids.grid(names, rules)


def requirement(case: Case) -> Margin:
    """Maintenance is the largest stress loss and the contingencies; initial is maintenance times the factor.

    Returns:
        requirements + required; what is not published stands as lines of 0 that say so
    """
    names = case.book.instruments.underlyings
    risk = total("Stress loss and contingencies", [_risk(case, u) for u in range(len(names))] or [grids.nothing_held()])
    initial = times("Initial margin", (risk, grids.parameter(case.rules, "Initial factor", "initial_factor")))
    value = case.option_value()
    return Margin(
        initial,
        total("Maintenance margin", (above(risk),)),
        lambda: (value, less("Total requirement", (above(initial), above(value)))),
        value,
    )


def _risk(case: Case, u: int) -> Line:
    """Stress loss and contingencies of one risk unit."""
    spot = grids.spot(case, u)
    vols = (
        ()
        if case.scenarios.vol[:, u].any()
        else (not_modelled("Vol stress", "the factors are not published: vols stay as they are unless vol_up and vol_down are given"),)
    )
    return total(
        case.book.instruments.underlyings[u],
        (
            grids.scan(case, u, "Maximum loss"),
            *vols,
            grids.charge(case, "Short option contingency", "short_option_rate", u, (grids.short_units(case, u), spot)),
            grids.charge(case, "Perpetual and futures contingency", "futures_rate", u, (grids.futures_units(case, u), spot)),
            not_modelled("Vega spread contingency", "hedged vega between expiries: its definition is not published"),
            not_modelled("Delta spread contingency", "hedged delta between expiries: its definition is not published"),
            not_modelled("Stablecoin spread contingency", "deltas in USDT against USDC: its formula is not published"),
        ),
    )
