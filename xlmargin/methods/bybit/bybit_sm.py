"""Bybit's cross margin: short options at the dearer of entry and mark, at least their maintenance with a liquidation fee.

Source: Bybit help centre 000001546, Initial and Maintenance Margin Calculation (Options).
"""

from __future__ import annotations

import numpy as np

from xlmargin.book.contracts import CALL
from xlmargin.margin.netting import total_by
from xlmargin.margin.statement import TOTAL, Line, largest, smallest, times, total
from xlmargin.margin.valuation import Case
from xlmargin.methods.bybit.risk_limits import saved as saved
from xlmargin.methods.standard import standard
from xlmargin.methods.standard.standard import Holdings, Legs, Pair

NEEDS_VOL = False


def _short_option(legs: Legs) -> Pair:
    """Per unit: max(rate × S − OTM, minimum × S) + max(entry, mark), at least max(f × S, f × mark) + mark + fee × S."""
    kept = largest(
        "Underlying part",
        (legs.share_of("Rate of index", "maintenance_rate", legs.price), legs.share_of("Rate of mark", "maintenance_rate", legs.mark)),
    )
    fee = legs.share_of("Liquidation fee", "liquidation_fee_rate", legs.price)
    maintenance = total("Maintenance per unit", (kept, legs.mark, fee))
    part = standard.underlying_part(legs, legs.share_of("Minimum", "initial_minimum", legs.price))
    initial = total("Initial per unit", (part, largest("Dearer of entry and mark", (legs.entry, legs.mark))))
    return Pair(largest("Initial per unit, at least maintenance", (initial, maintenance)), maintenance)


def _cost(case: Case, held: Holdings) -> tuple[Line, ...]:
    """The cost of buying the long options: premium at entry and a taker's fee, not part of the margin."""
    instruments = case.held
    bought = (instruments.kind[held.instrument] >= CALL) & (held.units > 0.0)
    coins = []
    for u, coin in enumerate(instruments.underlyings):
        chosen = np.flatnonzero(bought & (instruments.underlying[held.instrument] == u))
        if len(chosen):
            coins.append(_cost_of(Legs(case.rules, held, chosen, coin, CALL, False), len(case.book.accounts)))
    return (total("Cost of long options", coins, "premium and fee, paid in cash: no part of the margin"),) if coins else ()


def _cost_of(legs: Legs, accounts: int) -> Line:
    """Premium and fee of the long options of one underlying in each book."""
    fee = smallest(
        "Fee per unit", (legs.share_of("Of index", "taker_fee_rate", legs.index), legs.share_of("Of price", "fee_cap", legs.entry))
    )
    each = times("Cost", (legs.size, total("Price and fee", (legs.entry, fee))))
    account = legs.held.account[legs.chosen]

    def contracts(a: int) -> tuple[Line, ...]:
        return tuple(standard.named(legs.held, int(legs.chosen[n]), each, n) for n in np.flatnonzero(account == a).tolist())

    return Line(legs.coin, total_by(account, each.value, accounts), TOTAL, contracts)


requirement = standard.margin_by(_short_option, more=_cost)
