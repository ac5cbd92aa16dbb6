"""Paradex portfolio margin: twenty-four scenarios, a minimum on deltas, provisions for funding and fees.

Source: docs.paradex.trade/risk/portfolio-margin.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xlmargin.book.contracts import PERPETUAL
from xlmargin.margin import lines
from xlmargin.margin.grid_scenarios import grid
from xlmargin.margin.statement import Line, above, given, largest, not_modelled, parameter, times, total
from xlmargin.margin.valuation import Case, Margin

scenarios = grid  # the published ones; vol shocks scale by (30 / days)^power


def requirement(case: Case) -> Margin:
    """The larger of scan risk and minimum delta requirement of each underlying, and the provisions.

    Returns:
        requirements + required; maintenance takes half of the net requirement and the provisions in full
    """
    net, funding, fees = (
        lines.by_underlying(case, label, part)
        for label, part in (("Net requirement", _net), ("Funding provision", _funding), ("Fee provision", _fees))
    )
    ratio = parameter(case.rules, "Maintenance ratio", "maintenance_ratio")
    initial = total("Initial margin", (net, funding, fees))
    maintenance = total("Maintenance margin", (times("Net requirement for maintenance", (above(net), ratio)), above(funding), above(fees)))
    return lines.margin(case, initial, maintenance)


def _net(case: Case, u: int) -> Line:
    """Net requirement of one underlying."""
    return largest(case.names[u], (case.scan(u), _minimum(case, u)))


def _minimum(case: Case, u: int) -> Line:
    """Minimum delta requirement: a rate on the net delta, and a lower one on the hedged delta, at spot."""
    name, held = case.names[u], case.net(case.some(u), each=lines.deltas(case))
    net = times(
        "On the net delta",
        (
            given("Net delta", np.abs(held.long - held.short), "absolute sum of the deltas at mark"),
            parameter(case.rules, "Rate", "net_delta_rate", name),
        ),
    )
    label, reading = "On the hedged delta", case.rules.get("hedged_delta")
    if reading.value == "not_modelled":
        hedged = not_modelled(label, "Paradex does not say what a hedged delta is; hedged_delta is not_modelled")
    else:
        hedged = times(
            label,
            (
                replace(
                    lines.opposite_deltas(case, u, lines.CONTRACT),
                    label="Hedged delta",
                    detail="the smaller of the long and the short deltas at mark",
                    status=reading.status,
                    source=reading.source,
                ),
                parameter(case.rules, "Rate", "hedged_delta_rate", name),
            ),
            status=reading.status,
            source=reading.source,
        )
    return times("Minimum delta requirement", (total("Deltas at their rates", (net, hedged)), lines.spot(case, u)))


def _funding(case: Case, u: int) -> Line:
    """The payments on perpetuals over the next funding period at the given rate; 0 where they receive."""
    name, perpetual = case.names[u], case.some(u, (PERPETUAL,))
    rate = parameter(case.rules, "Funding rate", "funding_rate", name)
    if case.rules.is_unset("funding_rate", name):
        return replace(rate, label=name)
    value = case.units[:, perpetual] @ case.held.forward[perpetual]
    return largest(
        name,
        (
            times("Funding paid", (given("Value of perpetuals", value, "units × mark"), rate)),
            given("Zero", 0.0, "what is received is not counted"),
        ),
        status=rate.status,
    )


def _fees(case: Case, u: int) -> Line:
    """Fees of closing the positions at the given rate."""
    units = given("Units", case.net(case.some(u)).gross, "all positions, long and short alike")
    return lines.charge(case, case.names[u], "fee_rate", u, (units, lines.spot(case, u)))
