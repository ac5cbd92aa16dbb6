"""Gate's standard margin: the minimum of a short put is charged on the underlying and the mark together.

Source: Gate help 28364, Gate Options Margin.
"""

from __future__ import annotations

from xlmargin.book.contracts import PUT
from xlmargin.margin.statement import total
from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods.standard import standard
from xlmargin.methods.standard.standard import Legs, Pair

NEEDS_VOL = False


def requirement(case: Case) -> Margin:
    """Margin of each contract on its own.

    Returns:
        requirement + required

    Raises:
        MarginError: an option has no mark
    """
    return standard.requirement(case, short_option)


def short_option(legs: Legs) -> Pair:
    """Per unit: max(minimum × U, of puts × (1 + mark / U), rate × U − OTM) + mark."""
    base = total("Price and mark", (legs.price, legs.mark)) if legs.kind == PUT else legs.price
    part = standard.underlying_part(legs, legs.share_of("Minimum", "initial_minimum", base))
    return Pair(total("Initial per unit", (part, legs.mark)), standard.maintenance_of(legs))
