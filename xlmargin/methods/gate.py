"""Gate's standard margin: the minimum of a short put is charged on the underlying and the mark together.

Source: Gate help 28364, Gate Options Margin.
"""

from __future__ import annotations

from xlmargin import standard
from xlmargin.case import Case, Margin
from xlmargin.names import PUT
from xlmargin.standard import Legs, Pair
from xlmargin.statement import total

NEEDS_VOL = False


def requirement(case: Case) -> Margin:
    """Margin of each contract on its own.

    Returns:
        requirement + required

    Raises:
        MarginError: an option has no mark
    """
    return standard.requirement(case, _short_option)


def _short_option(legs: Legs) -> Pair:
    """Per unit: max(minimum × U, of puts × (1 + mark / U), rate × U − OTM) + mark."""
    base = total("Price and mark", (legs.price, legs.mark)) if legs.kind == PUT else legs.price
    part = standard.underlying_part(legs, legs.share_of("Minimum", "initial_minimum", base))
    return Pair(total("Initial per unit", (part, legs.mark)), standard.maintenance_of(legs))
