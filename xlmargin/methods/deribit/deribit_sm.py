"""Deribit's standard margin: the form that most venues share, futures at a rate that grows with their size."""

from __future__ import annotations

from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods.standard import standard

NEEDS_VOL = False


def requirement(case: Case) -> Margin:
    """Margin of each contract on its own.

    Returns:
        requirement + required

    Raises:
        MarginError: an option has no mark
    """
    return standard.requirement(case)
