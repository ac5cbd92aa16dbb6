"""Several methods side by side: what each requires, what it takes in cash, what it saves against the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.margin.valuation import Case, Margin

HEADER = ["Method", "Initial", "Maintenance", "Cash needed", "Against rules", "Saving", "Status", "Note"]
RULES = "RULES"  # the strategy-based method that the others are held against


def compare_rows(
    names: Iterable[str], answer: Callable[[str], tuple[Case, Margin]], *, only_answers: bool = False
) -> list[list[float | str | bool]]:
    """One row per method; a method that cannot answer says why in its Note.

    Args:
        names: the methods
        answer: the case and the margin of one of them
        only_answers: methods that cannot answer are left out

    Returns:
        header and rows; Cash needed = requirement + premium paid for long options − option value that the method credits

    Raises:
        MarginError: none of the methods can answer
    """
    found: dict[str, tuple[Case, Margin] | MarginError] = {}
    for name in names:
        try:
            found[name] = answer(name)
        except MarginError as error:
            found[name] = error
    failed = [result for result in found.values() if isinstance(result, MarginError)]
    if failed and len(failed) == len(found):
        raise failed[0]
    rules = found.get(RULES)
    against = None if rules is None or isinstance(rules, MarginError) else float(rules[1].initial.value.sum())
    rows: list[list[float | str | bool]] = [list(HEADER)]
    for name, result in found.items():
        if isinstance(result, MarginError):
            rows += [] if only_answers else [[name, "", "", "", "", "", "", str(result)]]
        else:
            rows.append([name, *_row(*result, against)])
    return rows


def _row(case: Case, margin: Margin, against: float | None) -> list[float | str | bool]:
    """Amounts, status and what is missing, of one method."""
    initial, maintenance = (float(line.value.sum()) for line in (margin.initial, margin.maintenance))
    paid = premium_paid(case)
    cash: float | str = "" if np.isnan(paid) else initial + paid - float(margin.option_value.value.sum())
    compared: list[float | str | bool] = ["", ""]
    if against is not None:
        compared = [initial - against, 1.0 - initial / against if against else ""]
    missing = case.rules.meta.missing
    notes = ["Cash needed is not known: a long option has neither Price nor IV"] if cash == "" else []
    notes += [f"not modelled: {missing}"] if missing else []
    return [initial, maintenance, cash, *compared, case.rules.meta.status, "; ".join(notes)]


def premium_paid(case: Case) -> float:
    """What the long options of all accounts cost at mark, NaN where one has none."""
    option = case.book.instruments.is_option & (case.units > 0.0).any(axis=0)
    return float((np.maximum(case.units[:, option], 0.0) @ case.marks[option]).sum())
