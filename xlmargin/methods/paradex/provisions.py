"""What Paradex's portfolio margin sets aside for funding and for the fees of closing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xlmargin.book.contracts import PERPETUAL, SPOT
from xlmargin.margin.statement import Line, given, largest, less, over_book, parameter, smallest, sum_of, times, total
from xlmargin.margin.valuation import Case
from xlmargin.methods.paradex.orders import Orders
from xlmargin.pricing.arrays import Floats

NOTHING = given("Nothing", 0.0, "what is received is not counted")


def funding(case: Case, moved: Sequence[int], orders: Orders, of: str = "") -> Line:
    """Payments on perpetuals over the next eight hours at the given rate and spot; 0 where they receive.

    The venue's engine takes what orders would be paid off what positions pay, so that an order to buy lowers what a long pays.

    Args:
        moved: underlyings with anything but spot
        of: what the provision is of, where it is not of positions with orders
    """
    return over_book(f"Funding provision{of}", [_funding(case, u, orders) for u in moved])


def _funding(case: Case, u: int, orders: Orders) -> Line:
    """Funding of one underlying."""
    name, perpetual = case.names[u], case.some(u, (PERPETUAL,))
    rate = parameter(case.rules, name, "funding_rate", name)
    if case.rules.is_unset("funding_rate", name):
        return rate
    held = given("Perpetuals", case.units[:, perpetual].sum(axis=1), "units held, net")
    ordered = given("Orders", (orders.buys - orders.sells)[:, perpetual].sum(axis=1), "units to buy less units to sell")
    spot = given("Spot", np.where(perpetual.any(), case.book.spot[:, u], 0.0), "of the underlying")
    paid = times("Funding paid", (less("Units", (held, ordered)), spot, parameter(case.rules, "Rate", "funding_rate", name)))
    return largest(name, (paid, NOTHING), status=rate.status)


def fees(case: Case, moved: Sequence[int], orders: Orders, of: str = "") -> Line:
    """Fees of trading all positions and orders at the given rate: of the mark, of options of spot and at most a share of the mark.

    Args:
        moved: underlyings with anything but spot
        of: what the provision is of, where it is not of positions with orders
    """
    sizes = np.abs(case.units) + orders.buys + orders.sells
    return over_book(f"Fee provision{of}", [_fees(case, u, sizes) for u in moved])


def _fees(case: Case, u: int, sizes: Floats) -> Line:
    """Fees of one underlying.

    Args:
        sizes: of positions and orders, all of them positive (A, K)
    """
    name, rules = case.names[u], case.rules
    of_options = "fee_rate" if rules.is_unset("option_fee_rate", name) else "option_fee_rate"
    if rules.is_unset(of_options, name) and rules.is_unset("fee_rate", name):
        return parameter(rules, name, "fee_rate", name)
    linear = case.some(u) & ~case.held.is_option & (case.held.kind != SPOT)
    rate = parameter(rules, "Rate", "fee_rate", name)
    perpetuals = times("Perpetuals", (given("Value", sizes[:, linear] @ case.marks[linear], "size × mark"), rate), status=rate.status)
    return total(name, (perpetuals, _option_fees(case, u, sizes, of_options)))


def _option_fees(case: Case, u: int, sizes: Floats, of_options: str) -> Line:
    """Fees of the options of one underlying, a line for each contract."""
    name, held = case.names[u], case.held
    chosen = np.flatnonzero(case.some(u) & held.is_option)
    rate, cap = (parameter(case.rules, label, key, name) for label, key in (("Rate", of_options), ("Cap", "fee_cap")))
    per_unit = np.minimum(rate.value * held.spot[chosen], cap.value * case.marks[chosen])

    def contracts(a: int) -> tuple[Line, ...]:
        return tuple(contract(k, sizes[a, k]) for k in chosen.tolist() if sizes[a, k])

    def contract(k: int, size: float) -> Line:
        ends = (("Of spot", rate, "Spot", held.spot[k]), ("At most", cap, "Mark", case.marks[k]))
        bounds = [times(label, (share, given(what, price, "per unit"))) for label, share, what, price in ends]
        return times(held.name(k), (given("Size", size, "units of positions and orders"), smallest("Fee per unit", bounds)))

    return sum_of("Options", sizes[:, chosen] @ per_unit, contracts)
