"""SPAN as CME runs it for Bitcoin and Ether: sixteen scenarios, a short option minimum set by the outright margin.

Source: CME clearing notices 08-303 (extreme moves), 99-65 and 20-319 (short option minimum). Options are exercised into
the future, so a row's Forward is the price of that future. Scan ranges are daily files: those given here are illustrative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL, PUT
from xlmargin.margin import lines
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, largest, not_modelled, parameter, total
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.scenarios.scenarios import Scenarios, span16


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """The sixteen scenarios; CME's extreme cover applies to the last two."""

    def each(name: str) -> NDArray[np.float64]:
        return np.array([rules.number(name, coin) for coin in names])

    reach = each("price_scan_range")
    return span16(
        names,
        (reach, reach),
        each("vol_scan_range"),
        ("relative", "relative"),
        (each("extreme_multiple"), each("extreme_cover")),
        rules.number("look_ahead_days"),
    )


def requirement(case: Case) -> Margin:
    """The larger of scanning risk and short option minimum of each underlying.

    Returns:
        requirements + required; initial is maintenance times the ratio of the type of account, or the one that is given
    """
    kind = case.rules.word("account_type")
    ratio = f"{kind}_ratio" if case.rules.is_unset("initial_ratio") else "initial_ratio"
    return lines.scaled(case, lines.by_underlying(case, "SPAN risk", _risk), initial=ratio)


def _risk(case: Case, u: int) -> Line:
    """Risk of one underlying; the parts that CME sets only in its daily files are lines that say so."""
    risk = total(
        "Risk",
        (
            case.scan(u),
            not_modelled("Intra-commodity spread charge", "rates stand only in CME's daily files"),
            not_modelled("Inter-commodity credit", "rates stand only in CME's daily files"),
        ),
    )
    return largest(case.names[u], (risk, _short_option_minimum(case, u)))


def _short_option_minimum(case: Case, u: int) -> Line:
    """Share of the outright margin of the future, on the larger of short calls and short puts."""
    calls, puts = (lines.short_options(case, u, (kind,)) for kind in (CALL, PUT))
    reach = parameter(case.rules, "Price scan range", "price_scan_range", case.names[u])
    return lines.charge(
        case, "Short option minimum", "short_option_minimum", u, (largest("Short option units", (calls, puts)), lines.spot(case, u), reach)
    )
