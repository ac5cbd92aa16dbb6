"""Several methods side by side: the requirement of each, its cash, and its saving against one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xlmargin.errors import MarginError, MethodError, failure
from xlmargin.margin.parameter_file import ENDED, Meta
from xlmargin.margin.parameters import Override, Rules, read_rules
from xlmargin.margin.statement import status_of, weakest
from xlmargin.margin.valuation import Case, Margin

HEADER = ["Method", "Initial", "Maintenance", "Cash needed", "Against reference", "Saving", "Status", "Note"]
FILE = Path(__file__).with_name("compare.toml")


def compare_rules(as_of: float, overrides: Sequence[Override]) -> Rules:
    """The parameters of comparisons, with those of the overrides that are theirs."""
    return read_rules(FILE, as_of).override(overrides, skip_unknown=True)


def compare_rows(
    names: Iterable[str], answer: Callable[[str], tuple[Case, Margin]], reference: str, *, only_answers: bool = False
) -> list[list[float | str | bool]]:
    """One row per method; a method that cannot answer gives the reason in its Note.

    Args:
        names: the methods
        answer: the case and the margin of one of them, or of the reference
        reference: the method that the others are held against, among the names or not
        only_answers: methods that cannot answer this book are left out; those with a fault of their own are not

    Returns:
        header and rows; without an answer of the reference two columns are blank, and the Note says why;
        Cash needed = requirement + premium paid for long options − option value that the method credits

    Raises:
        Exception: the one that the first method raised, where none can answer
    """
    found: dict[str, _Amounts | Exception] = {}
    for name in names:
        found[name] = _tried(name, answer)
    failed = [result for result in found.values() if isinstance(result, Exception)]
    if failed and len(failed) == len(found):
        raise failed[0]
    held = found[reference] if reference in found else _tried(reference, answer)
    against = held.initial if isinstance(held, _Amounts) else f"nothing to hold it against: {failure(reference, held)}"
    rows: list[list[float | str | bool]] = [list(HEADER)]
    for name, result in found.items():
        if isinstance(result, _Amounts):
            rows.append([name, *_row(result, against)])
        elif not only_answers or isinstance(result, MethodError) or not isinstance(result, MarginError):
            rows.append(no_answer(name, failure(name, result)))
    return rows


def _tried(name: str, answer: Callable[[str], tuple[Case, Margin]]) -> _Amounts | Exception:
    """The amounts of one method, or why it has none: a fault in one method's code stops no other."""
    try:
        return _amounts(*answer(name))
    except Exception as error:
        return error


def no_answer(name: str, why: str) -> list[float | str | bool]:
    """The row of a method that cannot answer."""
    return [name, *[""] * (len(HEADER) - 2), why]


class _Amounts(NamedTuple):
    """The requirement of one method over all accounts.

    Attributes:
        cash: NaN where that is not known
        meta: its description
        status: that of the weakest line
        end: since when the rulebook holds no longer, "" while it is in force
    """

    initial: float
    maintenance: float
    cash: float
    meta: Meta
    status: str
    end: str


def _amounts(case: Case, margin: Margin) -> _Amounts:
    """The amounts of one method's margin."""
    initial, maintenance, credited = (float(line.value.sum()) for line in (margin.initial, margin.maintenance, margin.option_value))
    paid = premium_paid(case)
    meta, status = case.rules.meta, margin_status(case, margin)
    end = meta.end or (margin.initial.source or case.rules.ended(case.names) if status in ENDED else "")
    return _Amounts(initial, maintenance, paid if np.isnan(paid) else initial + paid - credited, meta, status, end)


def margin_status(case: Case, margin: Margin) -> str:
    """The status of a margin: that of the weakest line of its statement."""
    return weakest(*(status_of(line, case.rules.meta.status) for line in (margin.initial, margin.maintenance)))


def _row(found: _Amounts, against: float | str) -> list[float | str | bool]:
    """Amounts, status and missing inputs of one method, against another's initial margin or the reason why that is not known."""
    initial, maintenance, cash, meta, status, end = found
    compared: list[float | str | bool] = ["", ""]
    if isinstance(against, float):
        compared = [initial - against, 1.0 - initial / against if against else ""]
    known = not np.isnan(cash)
    notes = [] if known else ["Cash needed is not known: a long option has neither Price nor IV"]
    notes += [end] if end else []
    notes += [against] if isinstance(against, str) else []
    notes += [f"not modelled: {meta.missing}"] if meta.missing else []
    return [initial, maintenance, cash if known else "", *compared, status, "; ".join(notes)]


def premium_paid(case: Case) -> float:
    """The cost of the long options of all accounts at mark, NaN where one has none."""
    option = case.book.instruments.is_option & (case.units > 0.0).any(axis=0)
    return float((np.maximum(case.units[:, option], 0.0) @ case.marks[option]).sum())
