"""Isolated margin: the sum over positions of a venue's standard margin, each as an account of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods import case_of, margin_of, method_name, rules_of

NEEDS_VOL = False


def requirement(case: Case) -> Margin:
    """The venue's standard margin of every position separately; rows of one contract and account are one position, orders are none.

    Rows of the parameters range that name the venue's method count for it here too.

    Returns:
        requirement + required

    Raises:
        MarginError: an option has no mark
    """
    rules, book = rules_of(method_name(case.rules.word("venue")), case.book.as_of, case.rules.others), case.book
    found = margin_of(case_of(replace(book, quantity=np.where(book.order, 0.0, book.quantity)), rules))
    initial, maintenance = (
        replace(line, status=line.status or rules.meta.status, source=line.source or rules.meta.end)
        for line in (found.initial, found.maintenance)
    )
    return replace(found, initial=initial, maintenance=maintenance)
