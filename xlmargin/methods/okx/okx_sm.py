"""OKX's standard margin: rates of the underlying times the factor of the position tier.

Source: OKX help, Option Margin (unified account, not portfolio margin).
"""

from __future__ import annotations

from xlmargin.book.contracts import PUT
from xlmargin.margin.statement import Line, largest, quotient, times, total
from xlmargin.methods.okx.position_tiers import saved as saved
from xlmargin.methods.standard import standard
from xlmargin.methods.standard.standard import Legs, Pair

NEEDS_VOL = False


def _short_option(legs: Legs) -> Pair:
    """Per unit: max(rate × U − OTM, minimum × U) × tier factor + mark; of maintenance the rate × U alone."""
    base = legs.price
    if legs.kind == PUT:
        base = total("Price with share of mark", (base, legs.share_of("Share of mark", "put_mark_share", legs.mark)))
    initial = standard.underlying_part(legs, legs.share_of("Minimum", "initial_minimum", base))
    kept = legs.price
    if not legs.inverse:  # charged on the index in dollars, though the distance is measured by the forward
        initial = times("Underlying part at index", (initial, quotient("Index over forward", (legs.index, legs.price))))
        kept = legs.index
    maintenance = legs.share_of("Rate of underlying", "maintenance_rate", kept)
    if legs.kind == PUT:
        maintenance = largest("Underlying part", (maintenance, legs.share_of("Rate of mark", "maintenance_rate", legs.mark)))
    return Pair(_with_tier(legs, "Initial per unit", initial), _with_tier(legs, "Maintenance per unit", maintenance))


def _with_tier(legs: Legs, label: str, part: Line) -> Line:
    """The underlying's part times the factor of the position tier, plus the mark."""
    return total(label, (times("Underlying part by tier", (part, legs.rate("Tier factor", "margin_factor"))), legs.mark))


requirement = standard.margin_by(_short_option)
