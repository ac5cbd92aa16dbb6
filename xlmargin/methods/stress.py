"""Stress: the worst loss of the whole book in a desk's own scenarios."""

from __future__ import annotations

from xlmargin.errors import MarginError
from xlmargin.margin import lines
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import over_book, total, worst
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.scenarios.scenarios import Scenarios

TAKES_TABLE = True
WORST_LOSS_ALONE = True


def scenarios(names: tuple[str, ...], rules: Rules, beside: Given = NOTHING_GIVEN) -> Scenarios:
    """The desk's scenarios, for the underlyings of the book.

    Args:
        beside: the desk's own scenarios are its table

    Raises:
        MarginError: no table was given
    """
    if beside.table is None:
        raise MarginError(
            "STRESS needs your own scenarios: give as parameters a range with the headings Scenario, "
            "Underlying, Price move, Vol move, Days, Weight"
        )
    return beside.table


def requirement(case: Case) -> Margin:
    """The worst loss over the scenarios, all underlyings moving together as each scenario defines.

    Returns:
        requirement + required, the same for initial and maintenance
    """
    by_underlying = [case.losses(u) for u in range(len(case.names))]
    losses = []
    for s, (name, text) in enumerate(zip(case.scenarios.names, case.scenarios.descriptions)):
        parts = [total(case.names[u], (by_scenario[s],)) for u, by_scenario in enumerate(by_underlying)]
        losses.append(over_book(f"Scenario {name}: {text}", parts))
    return lines.scaled(case, total("Initial margin", (worst("Worst scenario", losses),)), credited=False)
