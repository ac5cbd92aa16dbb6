"""Stress: the worst loss of the whole book in a desk's own scenarios."""

from __future__ import annotations

from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import above, given, total, worst
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.scenarios.scenarios import Scenarios

TAKES_TABLE = True
WORST_LOSS_ALONE = True


def scenarios(names: tuple[str, ...], rules: Rules, beside: Given = NOTHING_GIVEN) -> Scenarios:
    """The desk's scenarios, for the underlyings of the book.

    Args:
        beside: its table holds the desk's own scenarios

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
    """The worst loss over the scenarios, all underlyings moving together as each scenario says.

    Returns:
        requirement + required, the same for initial and maintenance
    """
    names = case.book.instruments.underlyings
    by_underlying = [case.losses(u) for u in range(len(names))]
    losses = []
    for s, (name, text) in enumerate(zip(case.scenarios.names, case.scenarios.descriptions)):
        parts = [total(names[u], (lines[s],)) for u, lines in enumerate(by_underlying)]
        losses.append(total(f"Scenario {name}: {text}", parts or [given("No positions", 0.0, "the book is flat")]))
    initial = total("Initial margin", (worst("Worst scenario", losses),))
    maintenance = total("Maintenance margin", (above(initial),))
    value = case.option_value()
    return Margin(initial, maintenance, lambda: (value,), value)
