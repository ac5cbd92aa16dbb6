"""ES: expected shortfall, the mean of the losses in the tail of which VAR is the smallest.

Source: Acerbi and Tasche, On the coherence of expected shortfall, 2002.
"""

from __future__ import annotations

from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods.var.var import ARRAY_OF_INSTRUMENTS, TAKES_HISTORY, apart, risk_array, scenarios, tail_margin

__all__ = ["ARRAY_OF_INSTRUMENTS", "TAKES_HISTORY", "apart", "requirement", "risk_array", "scenarios"]  # all but the tail as VAR


def requirement(case: Case) -> Margin:
    """The mean of the k worst losses, k = max(1, floor(n (1 − confidence))), with the options of article 28.

    Returns:
        requirement + required, the same for initial and maintenance
    """
    return tail_margin(case, mean=True)
