"""Derive's portfolio margin: PMRM_2, and PMRM v1 by the parameter `model`. Each underlying is a market of its own.

Source: derivexyz/v2-core at 7736900d (2026-01-21); docs.derive.xyz, Portfolio Margin Parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xlmargin.book.book import Book
from xlmargin.margin import lines
from xlmargin.margin.parameters import Override, Rules
from xlmargin.margin.statement import over_book
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.methods.derive.lines import Statement
from xlmargin.methods.derive.market import MarketHoldings, scenarios_of
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.scenarios import Scenarios


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """The regular scenarios, the tails, the skews and, last, the forward contingency."""
    return scenarios_of(names, rules)


def saved(content: Any, rules: Rules) -> list[Override]:
    """The haircuts of coins in a saved answer of public/get_all_currencies."""
    from xlmargin.methods.derive.saved_currencies import portfolio_haircuts  # late: most margins read no answer

    return portfolio_haircuts(content, rules)


def _markets(book: Book, rules: Rules) -> list[MarketHoldings]:
    return [MarketHoldings(book, rules, u) for u in range(len(book.instruments.underlyings))]


def risk_array(book: Book, scenarios: Scenarios, rules: Rules) -> Floats:
    """Profit of one long unit of each instrument, after weights, before the discount that its whole expiry takes (K, S).

    The forward contingency, which is a loss of whole expiries, is 0.
    """
    result = np.zeros((len(book.instruments), len(scenarios)))
    for market in _markets(book, rules):
        found, kept = market.result(scenarios), len(scenarios) - 1
        move, weight = found.moves.spot - 1.0, found.moves.weight
        result[market.options, :kept] = (found.units - found.marks[:, None]) * weight
        result[market.perps, :kept] = found.book.perp_price[:, None] * move * weight
        result[market.coins, :kept] = found.book.price[:, None] / market.stable * move * weight
    return result


def pnl(case: Case) -> Floats:
    """Profit of each account, scenario and underlying, expiries discounted by the sign of their value (A, S, U)."""
    found = [market.result(case.scenarios) for market in _markets(case.book, case.rules)]
    if not found:
        return np.zeros((len(case.book.accounts), len(case.scenarios), 0))
    return np.stack([np.hstack([each.pnl, each.basis[:, None]]) for each in found], axis=2)


def requirement(case: Case) -> Margin:
    """The requirement beyond the mark of everything: the venue's mark to market less its surplus.

    Returns:
        requirements + required; options count at mark in the account's equity
    """
    markets = [Statement(market, case) for market in _markets(case.book, case.rules)]
    initial = over_book("Initial margin", [market.initial for market in markets])
    maintenance = over_book("Maintenance margin", [market.maintenance for market in markets])
    return lines.margin(case, initial, maintenance, credited=False)
