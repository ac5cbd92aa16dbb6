"""What a cell asks for: the book of its ranges under the rulebook it names, and the statement of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlmargin import valued
from xlmargin.book import Book
from xlmargin.case import Case, Given, Margin
from xlmargin.cells import one_text
from xlmargin.checks import read_book
from xlmargin.errors import MarginError
from xlmargin.methods import case_of, margin_of, method_name, needs_vol, rules_of, takes_history, takes_table
from xlmargin.ranges import remembered
from xlmargin.ranges.fingerprint import fingerprint
from xlmargin.ranges.history import read_history
from xlmargin.ranges.market import given
from xlmargin.ranges.parameters import is_scenario_table, read_overrides, read_scenarios
from xlmargin.recent import Recent, Same, stamp
from xlmargin.rules import Override, Rules
from xlmargin.statement import Line, not_modelled, over_accounts

__all__ = ["ARRAYS", "case_asked", "case_for", "case_with_scenarios", "forget", "margin_for", "statement_roots"]

ARRAYS = "span_file"  # the parameter that names a file of risk arrays
A_FILE = "_file"  # how the parameters that name a file end
CASES = 16
MOST_BYTES = 512_000_000


def _weight(case: Case) -> int:
    """Bytes of the arrays that a case has or will have made: units, share × units and profit, beside its risk array."""
    accounts, held = case.share.shape
    profits = len(case.scenarios) * len(case.book.instruments.underlyings)
    return int(8 * accounts * (2 * held + profits) + case.array.nbytes)


_cases: Recent[Case] = Recent(CASES, MOST_BYTES, _weight)
_margins: Recent[Margin] = Recent(CASES)


def forget() -> None:
    """Forget every range, risk array and case, so that the next answer is worked out from nothing."""
    remembered.forget()
    valued.forget()
    _cases.clear()
    _margins.clear()


def case_asked(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Case:
    """The book of the ranges under a method."""
    name = method_name(one_text(method, "method", "SPAN"))
    overrides = _overrides(name, parameters)
    arrays = any(item.name == ARRAYS for item in overrides)  # a file that brings the risk arrays: no vol is needed
    book = read_book(positions, market, priced=needs_vol(name) and not arrays)
    return _latest(book, name, overrides, parameters, history)


def case_for(book: Book, name: str, parameters: Any, history: Any, *, skip_unknown: bool = False) -> Case:
    """A book under a method, with what was given beside it."""
    return _latest(book, name, _overrides(name, parameters), parameters, history, skip_unknown=skip_unknown)


def _overrides(name: str, parameters: Any) -> list[Override]:
    """The values given in the stead of a rulebook's own; none where the range is the method's scenario table."""
    return [] if takes_table(name) else read_overrides(parameters)


def _latest(book: Book, name: str, overrides: Sequence[Override], parameters: Any, history: Any, *,
            skip_unknown: bool = False) -> Case:
    """The case of the same book object and the same cells, where it is remembered and no file has changed; else a new one."""
    beside = fingerprint(parameters), fingerprint(history) if takes_history(name) else ()
    files = tuple(stamp(Path(item.value).expanduser()) for item in overrides
                  if isinstance(item.value, str) and item.name.endswith(A_FILE))
    if None in beside or None in files:
        return _new_case(book, name, overrides, parameters, history, skip_unknown=skip_unknown)
    key = Same(book), name, beside, files, skip_unknown
    return _cases.get(key) or _cases.put(key, _new_case(book, name, overrides, parameters, history, skip_unknown=skip_unknown))


def _new_case(book: Book, name: str, overrides: Sequence[Override], parameters: Any, history: Any, *,
              skip_unknown: bool) -> Case:
    """A book under a method, worked out."""
    if takes_table(name):
        table = read_scenarios(parameters, book.instruments.underlyings) if is_scenario_table(parameters) else None
        return case_of(book, rules_of(name, book.as_of), Given(table=table))
    rules = rules_of(name, book.as_of, overrides, skip_unknown=skip_unknown)
    _names_somebody(overrides, book, rules)
    past = read_history(history, book.instruments.underlyings) if takes_history(name) and given(history) else None
    return case_of(book, rules, Given(history=past))


def margin_for(case: Case) -> Margin:
    """The margin of a case, worked out once for as long as the case is remembered."""
    return _margins.get(Same(case)) or _margins.put(Same(case), margin_of(case))


def _names_somebody(overrides: Sequence[Override], book: Book, rules: Rules) -> None:
    """Parameters for underlyings must be for one that the book or the rulebook knows, unless another row is.

    Raises
    ------
    MarginError: none of them is
    """
    named = [item for item in overrides if item.underlying]
    known = {*book.instruments.underlyings, *(underlying for underlying, _ in rules.parameters)}
    if named and not any(item.underlying in known for item in named):
        raise MarginError(f"parameters row {named[0].row}: no {named[0].underlying} in this book: mend the name, or leave the "
                          "Underlying blank for all")


def case_with_scenarios(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Case:
    """The book of the ranges under a method that has scenarios.

    Raises
    ------
    MarginError: the method has none
    """
    case = case_asked(positions, market, method, parameters, history)
    if not len(case.scenarios):
        raise MarginError(f"{case.rules.meta.name} has no scenarios: ask for PM_MARGIN or PM_EXPLAIN, or choose another method")
    return case


def statement_roots(case: Case, margin: Margin) -> list[Line]:
    """The statement of all accounts, the initial margin first."""
    lines = [over_accounts(line, case.book.accounts) for line in (margin.initial, margin.maintenance, *margin.more())]
    if case.book.order.any():
        count = int(case.book.order.sum())
        lines.append(not_modelled("Open orders", f"open orders: not modelled; {count} rows marked Order are left out"))
    return lines
