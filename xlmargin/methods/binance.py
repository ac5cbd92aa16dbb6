"""Binance options margin, by the pattern that the other venues share, since no portfolio margin formula is published.

Source: none of Binance; the pattern is that of Deribit, Derive and Paradex, its numbers are illustrative.
"""

from __future__ import annotations

from xlmargin.margin import lines
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.statement import Line, not_modelled, total
from xlmargin.margin.valuation import Case, Margin

scenarios = grid  # price × vol inside a range, and far moves at a weight that falls with the move


def requirement(case: Case) -> Margin:
    """The worst loss of each underlying and a charge on short options: an assumption, not Binance's rules.

    Returns:
        requirements + required; maintenance is a share of initial
    """
    own = not_modelled("Binance's own formula", "not published: every number here is an assumption to override")
    initial = lines.by_underlying(case, "Initial margin", _risk, "assumed pattern, not Binance's own formula")
    return lines.scaled(case, initial, own, maintenance="maintenance_ratio")


def _risk(case: Case, u: int) -> Line:
    """Worst loss of one underlying and the charge on its short options."""
    return total(
        case.names[u],
        (
            case.scan(u),
            lines.charge(case, "Short option charge", "short_option_rate", u, (lines.short_options(case, u), lines.spot(case, u))),
        ),
    )
