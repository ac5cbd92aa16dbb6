"""Bybit portfolio margin as far as published: the price stress, and contingencies whose coefficients are not.

Source: Bybit help centre, Introduction to Portfolio Margin; Bybit Learn, risk parameter adjustment of 2025-01-10.
"""

from __future__ import annotations

from xlmargin.margin import lines
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.statement import Line, not_modelled, total
from xlmargin.margin.valuation import Case, Margin

scenarios = grid  # price moves inside the published range; vols stay unless vol_up and vol_down are given


def requirement(case: Case) -> Margin:
    """Maintenance is the largest stress loss and the contingencies; initial is maintenance times the factor.

    Returns:
        requirements + required; parts that are not published are lines of 0 that say so
    """
    risk = lines.by_underlying(case, "Stress loss and contingencies", _risk)
    return lines.scaled(case, risk, initial="initial_factor")


def _risk(case: Case, u: int) -> Line:
    """Stress loss and contingencies of one risk unit."""
    spot = lines.spot(case, u)
    vols = (
        ()
        if case.scenarios.vol[:, u].any()
        else (not_modelled("Vol stress", "the factors are not published: vols stay as they are unless vol_up and vol_down are given"),)
    )
    return total(
        case.names[u],
        (
            case.scan(u, "Maximum loss"),
            *vols,
            lines.charge(case, "Short option contingency", "short_option_rate", u, (lines.short_options(case, u), spot)),
            lines.charge(case, "Perpetual and futures contingency", "futures_rate", u, (lines.futures(case, u), spot)),
            not_modelled("Vega spread contingency", "hedged vega between expiries: its definition is not published"),
            not_modelled("Delta spread contingency", "hedged delta between expiries: its definition is not published"),
            not_modelled("Stablecoin spread contingency", "deltas in USDT against USDC: its formula is not published"),
        ),
    )
