"""Paradex portfolio margin: twenty-four scenarios, a minimum on deltas, provisions for funding and fees.

Source: docs.paradex.trade/risk/portfolio-margin.
"""

from __future__ import annotations

import numpy as np

from xlmargin.book.contracts import PERPETUAL
from xlmargin.margin import lines as grids
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, above, given, largest, less, not_modelled, times, total
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.scenarios.scenarios import Scenarios


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """The published scenarios; vol shocks scale by (30 / days)^power."""
    return grids.grid(names, rules)


def requirement(case: Case) -> Margin:
    """The larger of scan risk and minimum delta requirement of each underlying, and the provisions.

    Returns:
        requirements + required; maintenance takes half of the net requirement and the provisions in full
    """
    every = range(len(case.book.instruments.underlyings))
    net = total("Net requirement", [_net(case, u) for u in every] or [grids.nothing_held()])
    funding = total("Funding provision", [_funding(case, u) for u in every] or [grids.nothing_held()])
    fees = total("Fee provision", [_fees(case, u) for u in every] or [grids.nothing_held()])
    ratio = grids.parameter(case.rules, "Maintenance ratio", "maintenance_ratio")
    initial = total("Initial margin", (net, funding, fees))
    maintenance = total("Maintenance margin", (times("Net requirement for maintenance", (above(net), ratio)), above(funding), above(fees)))
    value = case.option_value()
    return Margin(initial, maintenance, lambda: (value, less("Total requirement", (above(initial), above(value)))), value)


def _net(case: Case, u: int) -> Line:
    """Net requirement of one underlying."""
    return largest(case.book.instruments.underlyings[u], (grids.scan(case, u), _minimum(case, u)))


def _minimum(case: Case, u: int) -> Line:
    """Minimum delta requirement: a rate on the net delta, and a lower one on the hedged delta, at spot."""
    name, held = case.book.instruments.underlyings[u], grids.deltas(case, u)
    long, short = np.maximum(held, 0.0).sum(axis=1), np.maximum(-held, 0.0).sum(axis=1)
    net = times(
        "On the net delta",
        (
            given("Net delta", np.abs(long - short), "absolute sum of the deltas at mark"),
            grids.parameter(case.rules, "Rate", "net_delta_rate", name),
        ),
    )
    label, reading = "On the hedged delta", case.rules.get("hedged_delta")
    if reading.value == "not_modelled":
        hedged = not_modelled(label, "Paradex does not say what a hedged delta is; hedged_delta is not_modelled")
    else:
        hedged = times(
            label,
            (
                given(
                    "Hedged delta",
                    np.minimum(long, short),
                    "the smaller of the long and the short deltas at mark",
                    status=reading.status,
                    source=reading.source,
                ),
                grids.parameter(case.rules, "Rate", "hedged_delta_rate", name),
            ),
            status=reading.status,
            source=reading.source,
        )
    return times("Minimum delta requirement", (total("Deltas at their rates", (net, hedged)), grids.spot(case, u)))


def _funding(case: Case, u: int) -> Line:
    """What perpetuals pay over the next funding period, at the rate given; nothing where they receive."""
    book = case.book.instruments
    name, perpetual = book.underlyings[u], (book.kind == PERPETUAL) & (book.underlying == u)
    rate = case.rules.get("funding_rate", name)
    if case.rules.is_unset("funding_rate", name):
        return grids.unset(case.rules, name, "funding_rate", name)
    value = case.units[:, perpetual] @ book.forward[perpetual]
    return largest(
        name,
        (
            times(
                "Funding paid",
                (given("Value of perpetuals", value, "units × mark"), grids.parameter(case.rules, "Funding rate", "funding_rate", name)),
            ),
            given("Zero", 0.0, "what is received is not counted"),
        ),
        status=rate.status,
    )


def _fees(case: Case, u: int) -> Line:
    """Fees of closing the positions, at the rate given."""
    chosen = case.book.instruments.underlying == u
    units = given("Units", np.abs(case.units[:, chosen]).sum(axis=1), "all positions, long and short alike")
    return grids.charge(case, case.book.instruments.underlyings[u], "fee_rate", u, (units, grids.spot(case, u)))
