"""ES: expected shortfall, the mean of the losses in the tail; VAR is the smallest of them.

Source: Acerbi and Tasche, On the coherence of expected shortfall, 2002.
"""

from __future__ import annotations

from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods.var import var
from xlmargin.methods.var.tail_margin import tail_margin

TAKES_HISTORY = True
ARRAY_OF_INSTRUMENTS = True
scenarios, apart, risk_array = var.scenarios, var.apart, var.risk_array


def requirement(case: Case) -> Margin:
    """The mean of the k worst losses, k = max(1, floor(n (1 − confidence))), with the options of article 28.

    Returns:
        requirement + required, the same for initial and maintenance
    """
    return tail_margin(case, mean=True)
