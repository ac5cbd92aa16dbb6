"""Bybit portfolio margin as its own answer shows it: price and vol stress, one-sided spot hedges, a contingency on futures.

Source: Bybit API v5, asset/portfolio-margin, response example of 2026-03-24; Bybit Learn, risk parameter adjustment of 2025-01-10;
Bybit help centre, Introduction to Portfolio Margin. Coefficients that no source names are lines that say so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import SPOT
from xlmargin.margin import lines
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, above, given, less, not_modelled, parameter, times, total, weakest, worst
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.risk_array import off_mark, pnl_by_underlying, spot_share
from xlmargin.scenarios.risk_array import risk_array as stressed
from xlmargin.scenarios.scenarios import Scenarios

ARRAY_OF_INSTRUMENTS = True
_HELD_BACK = "what spot loses stays in the account's equity: it counts only where it gains"


def scenarios(names: tuple[str, ...], rules: Rules, beside: Given = NOTHING_GIVEN) -> Scenarios:
    """Every price move with every vol move; a coin that is held as spot alone is collateral, and does not move.

    Raises:
        MarginError: the book holds derivatives of a coin that the rulebook does not list
    """
    return grid(names, rules, beside, beside.spot_alone)


def share(book: Book, rules: Rules) -> Floats:
    """Part of each position that is stressed: spot hedges up to the opposite delta of the derivatives."""
    treatments = [rules.word("spot_mode", name) for name in book.instruments.underlyings]
    return spot_share(book.instruments, book.by_instrument(book.units), treatments)


def risk_array(book: Book, scenarios: Scenarios, rules: Rules) -> Floats:
    """Profit and loss of one long unit, options from their mark; linear contracts at the USD rate of what they settle in."""
    held = book.instruments
    result = stressed(held, scenarios) + off_mark(held)[:, None] * scenarios.weight.T[held.underlying]
    return result * np.where(held.inverse | (held.kind == SPOT), 1.0, rules.number("usdt_usd"))[:, None]


def pnl(case: Case) -> Floats:
    """Profit and loss (A, S, U) with the gains of spot alone."""
    units = case.units * case.share
    spot = case.some(kinds=(SPOT,))
    result = pnl_by_underlying(case.held, np.where(spot[:, None], 0.0, case.array), units)
    gains = pnl_by_underlying(case.held, np.where(spot[:, None], case.array, 0.0), units)
    return np.asarray(result + np.maximum(gains, 0.0), np.float64)


def requirement(case: Case) -> Margin:
    """Maintenance of each coin is the largest stress loss and the contingencies; initial is maintenance times its factor.

    Returns:
        requirements + required; parts that are not published are lines of 0 that say so
    """
    held = np.flatnonzero(case.held.beyond_spot).tolist()
    risks = [_risk(case, u) for u in held] or [given("No derivatives", 0.0, "spot alone is collateral: it needs no margin")]
    initial = [_initial(case, risk) if held else risk for risk in risks]
    return lines.margin(
        case,
        total("Initial margin", initial),
        total("Maintenance margin", [above(risk) for risk in risks]),
        parameter(case.rules, "USD per unit of what linear contracts settle in", "usdt_usd"),
    )


def _initial(case: Case, risk: Line) -> Line:
    """Initial margin of one risk unit."""
    return times(f"{risk.label} initial", (risk, parameter(case.rules, "Initial factor", "initial_factor", risk.label)))


def _risk(case: Case, u: int) -> Line:
    """Stress loss and contingencies of one risk unit."""
    spot = lines.spot(case, u)
    return total(
        case.names[u],
        (
            _stress(case, u),
            lines.charge(case, "Perpetual and futures contingency", "futures_rate", u, (lines.futures(case, u), spot)),
            lines.charge(case, "Short option contingency", "short_option_rate", u, (lines.short_options(case, u), spot)),
            not_modelled("Futures delta contingency", "no source names its rule: an answer has 56.89 USDT for 0.038 of a perpetual"),
            not_modelled("Vega spread contingency", "hedged vega between expiries: its definition is not published"),
            not_modelled("Stablecoin spread contingency", "deltas in USDT against USDC: its formula is not published"),
        ),
    )


def _stress(case: Case, u: int) -> Line:
    """The largest loss of the scenarios, with the gains of spot alone."""
    losses, spot = case.losses(u), case.some(u, (SPOT,))
    if not (case.units * case.share)[:, spot].any():
        return case.worst(u, losses, "Maximum loss")
    hedged = [
        less(all_of.label, (replace(all_of, label="All positions"), given("Loss of spot", np.maximum(own.value, 0.0), _HELD_BACK)))
        for all_of, own in zip(losses, case.losses(u, spot))
    ]
    status = weakest(case.rules.meta.status, case.status(u), case.rules.get("spot_mode", case.names[u]).status)
    return worst("Maximum loss", hedged, status=status)
