"""What a cell asks for: the book of its ranges under the rulebook it names, and the statement of the answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from xlmargin.book.book import Book
from xlmargin.errors import MarginError, named_file
from xlmargin.margin.parameters import Override, Rules
from xlmargin.margin.statement import Line, not_modelled, over_accounts
from xlmargin.margin.valuation import Case, Given, Margin
from xlmargin.memory import Recent, Same, stamp
from xlmargin.methods import case_of, margin_of, method_name, method_named, rules_of
from xlmargin.methods.span.spreads import BETWEEN, read_spreads
from xlmargin.sheet.checks import read_book
from xlmargin.sheet.ranges.fingerprint import fingerprint
from xlmargin.sheet.ranges.history import read_history
from xlmargin.sheet.ranges.market import given
from xlmargin.sheet.ranges.parameters import is_scenario_table, read_overrides, read_scenarios
from xlmargin.sheet.single_cells import one_text

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


def case_asked(positions: Any, market: Any, method: Any, parameters: Any, history: Any, *, aside: Collection[str] = ()) -> Case:
    """The book of the ranges under a method.

    Args:
        aside: names of parameters that are not the method's, which are left out
    """
    name = method_name(one_text(method, "method", "SPAN"))
    given_beside = _overrides(name, parameters)
    book = read_book(positions, market, priced=_vols_needed(name, given_beside))
    return _latest(book, name, given_beside, parameters, history, aside=aside)


def vols_needed(name: str, parameters: Any) -> bool:
    """Whether every option needs a vol under a method and what is given beside it."""
    return _vols_needed(name, _overrides(name, parameters))


def _vols_needed(name: str, overrides: Sequence[Override]) -> bool:
    """The same of values that are read already: a file among them that brings the risk arrays spares the vols."""
    return method_named(name).needs_vol and not any(item.name == ARRAYS for item in overrides)


def _overrides(name: str, parameters: Any) -> list[Override]:
    """The values given in the stead of a rulebook's own; none where the range is the method's scenario table."""
    return [] if method_named(name).takes_table else read_overrides(parameters)


def case_for(
    book: Book,
    name: str,
    parameters: Any,
    history: Any,
    *,
    skip_unknown: bool = False,
    aside: Collection[str] = (),
    beside: Sequence[str] = (),
) -> Case:
    """A book under a method, with what was given beside it.

    Args:
        aside: names of parameters that are not the method's, which are left out
        beside: underlyings that parameters may be for, though this book does not hold them
    """
    return _latest(book, name, _overrides(name, parameters), parameters, history, skip_unknown=skip_unknown, aside=aside, beside=beside)


def _latest(
    book: Book,
    name: str,
    overrides: Sequence[Override],
    parameters: Any,
    history: Any,
    *,
    skip_unknown: bool = False,
    aside: Collection[str] = (),
    beside: Sequence[str] = (),
) -> Case:
    """The case of the same book object and the same cells, where it is remembered and no file has changed; else a new one."""
    kept = [item for item in overrides if item.name not in aside]

    def new() -> Case:
        return _new_case(book, name, kept, parameters, history, skip_unknown=skip_unknown, beside=beside)

    marks = fingerprint(parameters), fingerprint(history) if method_named(name).takes_history else ()
    files = tuple(stamp(named_file(item.value)) for item in kept if isinstance(item.value, str) and item.name.endswith(A_FILE))
    if None in marks or None in files:
        return new()
    key = Same(book), name, marks, files, skip_unknown, frozenset(aside), tuple(beside)
    return _cases.get(key) or _cases.put(key, new())


def _new_case(
    book: Book, name: str, overrides: Sequence[Override], parameters: Any, history: Any, *, skip_unknown: bool, beside: Sequence[str]
) -> Case:
    """A book under a method, worked out."""
    if method_named(name).takes_table:
        table = read_scenarios(parameters, book.instruments.underlyings) if is_scenario_table(parameters) else None
        return case_of(book, rules_of(name, book.as_of), Given(table=table))
    rules = rules_of(name, book.as_of, overrides, skip_unknown=skip_unknown)
    _names_somebody(overrides, {*book.instruments.underlyings, *beside}, rules)
    past = read_history(history, book.instruments.underlyings) if method_named(name).takes_history and given(history) else None
    return case_of(book, rules, Given(history=past))


def margin_for(case: Case) -> Margin:
    """The margin of a case, worked out once for as long as the case is remembered."""
    return _margins.get(Same(case)) or _margins.put(Same(case), margin_of(case))


def _names_somebody(overrides: Sequence[Override], held: set[str], rules: Rules) -> None:
    """Parameters for underlyings must be for one that the book or the rulebook knows, unless another row is.

    Every underlying of a table of spreads must be known: a credit on a misspelt one would vanish.

    Raises:
        MarginError: none of them is
    """
    named = [item for item in overrides if item.underlying]
    known = {*held, *(underlying for underlying, _ in rules.parameters)}
    if named and not any(item.underlying in known for item in named):
        raise MarginError(
            f"parameters row {named[0].row}: no {named[0].underlying} in this book: mend the name, or leave the Underlying blank for all"
        )
    for item in overrides:
        if item.name == BETWEEN and BETWEEN in rules.names:
            read_spreads(str(item.value), f"parameters row {item.row}: {BETWEEN}", sorted({*held, *rules.underlyings}), shares=True)


def known_somewhere(overrides: Sequence[Override], rulebooks: Sequence[Rules]) -> None:
    """A parameter goes to the methods that know it, and is a mistake only if none does.

    Raises:
        MarginError: naming the parameter and those that there are
    """
    known = list(dict.fromkeys(name for rules in rulebooks for name in rules.names))
    for item in overrides:
        if item.name not in known:
            raise MarginError(f"parameters row {item.row}: no method here has a parameter {item.name!r}: they know {', '.join(known)}")


def case_with_scenarios(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Case:
    """The book of the ranges under a method that has scenarios.

    Raises:
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
