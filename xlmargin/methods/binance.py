"""Binance options margin, by the pattern that the other venues share, since no portfolio margin formula is published.

Source: none of Binance for the margin; the pattern is that of Deribit, Derive and Paradex, its numbers are illustrative. What Binance
publishes of its Portfolio Margin, the ratio by which an account is liquidated, is a line of its own.
"""

from __future__ import annotations

from xlmargin.margin import lines
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.parameter import NOT_SET
from xlmargin.margin.statement import Line, not_modelled, parameter, quotient, total
from xlmargin.margin.valuation import Case, Margin

scenarios = grid  # price × vol inside a range, and far moves at a weight that falls with the move


def requirement(case: Case) -> Margin:
    """The worst loss of each underlying and a charge on short options: an assumption, not Binance's rules.

    Returns:
        requirements + required; maintenance is a share of initial
    """
    own = not_modelled("Binance's own formula", "not published: every number here is an assumption to override")
    initial = lines.by_underlying(case, "Initial margin", _risk, "assumed pattern, not Binance's own formula")
    return lines.scaled(case, initial, own, _ratio(case), maintenance="maintenance_ratio")


def _ratio(case: Case) -> Line:
    """uniMMR: adjusted equity over maintenance margin, both of the whole account as the venue answers them."""
    rules = case.rules
    level = rules.get("liquidation_unimmr")
    how = f"{level.source}: liquidation at {level.value:g}"
    unset = [name for name in ("adjusted_equity", "account_maintenance") if rules.is_unset(name)]
    if unset:
        return not_modelled("uniMMR", f"give {' and '.join(unset)} of the venue's answer: {how}", status=NOT_SET)
    parts = (
        parameter(rules, "Sum of adjusted equity", "adjusted_equity"),
        parameter(rules, "Sum of maintenance margin", "account_maintenance"),
    )
    return quotient("uniMMR", parts, how, status=level.status, source=level.source)


def _risk(case: Case, u: int) -> Line:
    """Worst loss of one underlying and the charge on its short options."""
    return total(
        case.names[u],
        (
            case.scan(u),
            lines.charge(case, "Short option charge", "short_option_rate", u, (lines.short_options(case, u), lines.spot(case, u))),
        ),
    )
