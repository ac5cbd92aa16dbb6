"""Margins of the cells: the book of their ranges under the rulebook they name, as a number, a line or a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from xlmargin import __version__
from xlmargin.book.book import Book
from xlmargin.desk.compare import compare_rows, compare_rules, margin_status, no_answer
from xlmargin.errors import MarginError, MethodError, named_file
from xlmargin.margin.method import Method
from xlmargin.margin.parameters import Override, Rules, of_method
from xlmargin.margin.statement import Line, find, not_modelled, over_accounts
from xlmargin.margin.valuation import Case, Given, Margin
from xlmargin.memory import Recent, Same, stamp
from xlmargin.methods import case_of, known_methods, margin_of, method_name, method_named, refused_methods, rules_of
from xlmargin.methods import scenarios_of as scenarios_of_rules
from xlmargin.methods.span.spreads import BETWEEN, read_spreads
from xlmargin.sheet import tables
from xlmargin.sheet.cells import given, grid, is_blank, one_text
from xlmargin.sheet.ranges.history import read_history
from xlmargin.sheet.ranges.overrides import known_somewhere, method_overrides, shared_overrides
from xlmargin.sheet.ranges.parameters import has_scenarios, read_scenarios, told_overrides
from xlmargin.sheet.ranges.remembered import fingerprint, read_book
from xlmargin.sheet.tables import Rows

ARRAYS = "span_file"  # the parameter that names a file of risk arrays
A_FILE = "_file"  # how the parameters that name a file end
CASES = 16
MOST_BYTES = 512_000_000


def _weight(case: Case) -> int:
    """Bytes of the arrays of a case, made or not: its risk array, units, share × units and profit."""
    accounts, held = case.share.shape
    profits = len(case.scenarios) * len(case.book.instruments.underlyings)
    return int(8 * accounts * (2 * held + profits) + case.array.nbytes)


_cases: Recent[Case] = Recent(CASES, MOST_BYTES, _weight)
_margins: Recent[Margin] = Recent(CASES)


# ---- answers


def margin(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> float:
    """Initial margin of all accounts."""
    return float(margin_for(case_asked(positions, market, method, parameters, history)).initial.value.sum())


def maintenance(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> float:
    """Maintenance margin of all accounts."""
    return float(margin_for(case_asked(positions, market, method, parameters, history)).maintenance.value.sum())


def scanning_risk(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> float:
    """Sum over accounts and underlyings of the worst scenario loss, floored at 0."""
    return float(case_with_scenarios(positions, market, method, parameters, history).scanning.sum())


def risk_array_of(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The risk array of the whole book by underlying."""
    case = case_with_scenarios(positions, market, method, parameters, history)
    return tables.risk_array_table(case.scenarios, case.pnl.sum(axis=0))


def explain(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The statement of a margin, down to the sheet rows."""
    case = case_asked(positions, market, method, parameters, history)
    return tables.statement_table(statement_roots(case, margin_for(case)), case.rules.meta)


def status(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> str:
    """What a margin rests on: the status of its weakest line."""
    case = case_asked(positions, market, method, parameters, history)
    return margin_status(case, margin_for(case))


def line(positions: Any, path: Any, market: Any, method: Any, parameters: Any, history: Any) -> float:
    """One line of the statement."""
    wanted = one_text(path, "path")
    case = case_asked(positions, market, method, parameters, history)
    return find(statement_roots(case, margin_for(case)), wanted).amount


# ---- the case of the cells, and its margin


def case_asked(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Case:
    """The book of the ranges under a method."""
    name = method_name(one_text(method, "method", "SPAN"))
    given_beside = _overrides(name, parameters)
    book = read_book(positions, market, priced=_vols_needed(name, given_beside))
    return _latest(book, name, given_beside, parameters, history)


def vols_needed(name: str, parameters: Any) -> bool:
    """Whether every option needs a vol under a method with its overrides."""
    return _vols_needed(name, _overrides(name, parameters))


def _vols_needed(name: str, overrides: Sequence[Override]) -> bool:
    """Whether every option needs a vol, given the overrides: a file of risk arrays among them replaces the vols."""
    return method_named(name).needs_vol and not any(item.name == ARRAYS for item in of_method(overrides, name))


def _overrides(name: str, parameters: Any) -> list[Override]:
    """The values that override a rulebook's own."""
    return method_overrides(name, parameters) if given(parameters) else []


def case_for(book: Book, name: str, parameters: Any, history: Any, *, skip_unknown: bool = False, beside: Sequence[str] = ()) -> Case:
    """A book under a method, with its overrides and other inputs.

    Args:
        beside: underlyings that parameters may name without a position in this book
    """
    return _latest(book, name, _overrides(name, parameters), parameters, history, skip_unknown=skip_unknown, beside=beside)


def _latest(
    book: Book,
    name: str,
    overrides: Sequence[Override],
    parameters: Any,
    history: Any,
    *,
    skip_unknown: bool = False,
    beside: Sequence[str] = (),
) -> Case:
    """The case of the same book object and the same cells, where it is remembered and no file has changed; else a new one."""

    def new() -> Case:
        return _new_case(book, name, overrides, parameters, history, skip_unknown=skip_unknown, beside=beside)

    marks = fingerprint(parameters), fingerprint(history) if method_named(name).takes_history else ()
    files = tuple(stamp(named_file(item.value)) for item in overrides if isinstance(item.value, str) and item.name.endswith(A_FILE))
    if None in marks or None in files:
        return new()
    key = Same(book), name, marks, files, skip_unknown, tuple(beside)
    return _cases.get(key) or _cases.put(key, new())


def _new_case(
    book: Book, name: str, overrides: Sequence[Override], parameters: Any, history: Any, *, skip_unknown: bool, beside: Sequence[str]
) -> Case:
    """A book under a method, newly calculated."""
    rules = rules_of(name, book.as_of, overrides, skip_unknown=skip_unknown)
    if method_named(name).takes_table:
        return case_of(book, rules, Given(table=read_scenarios(parameters, book.instruments.underlyings)))
    _names_somebody(overrides, {*book.instruments.underlyings, *beside}, rules)
    past = read_history(history, book.instruments.underlyings, book.as_of) if method_named(name).takes_history and given(history) else None
    return case_of(book, rules, Given(history=past))


def margin_for(case: Case) -> Margin:
    """The margin of a case, calculated once for as long as the case is remembered."""
    return _margins.get(Same(case)) or _margins.put(Same(case), margin_of(case))


def _names_somebody(overrides: Sequence[Override], held: set[str], rules: Rules) -> None:
    """Require that a parameter for underlyings names one of the book or the rulebook in at least one row.

    Every underlying of a table of spreads must be known, since a credit on a misspelt one would vanish.

    Raises:
        MarginError: none of them is
    """
    known = [item for item in of_method(overrides, rules.meta.name) if item.name in rules.names]
    named = [item for item in known if item.underlying]
    if named and {item.underlying for item in named}.isdisjoint({*held, *(underlying for underlying, _ in rules.parameters)}):
        raise MarginError(
            f"parameters row {named[0].row}: no {named[0].underlying} in this book: mend the name, or leave the Underlying blank for all"
        )
    for item in known:
        if item.name == BETWEEN:
            read_spreads(str(item.value), f"parameters row {item.row}: {BETWEEN}", sorted({*held, *rules.underlyings}), shares=True)


def case_with_scenarios(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Case:
    """The book of the ranges under a method that has scenarios.

    Raises:
        MarginError: the method has none
    """
    case = case_asked(positions, market, method, parameters, history)
    if method_named(case.rules.meta.name).scenarios is None:
        raise MarginError(f"{case.rules.meta.name} has no scenarios: ask for PM_MARGIN or PM_EXPLAIN, or choose another method")
    return case


def statement_roots(case: Case, margin: Margin) -> list[Line]:
    """The statement of all accounts, the initial margin first."""
    lines = [over_accounts(line, case.book.accounts) for line in (margin.initial, margin.maintenance, *margin.more())]
    if case.book.order.any() and not method_named(case.rules.meta.name).margins_orders:
        count = int(case.book.order.sum())
        lines.append(not_modelled("Open orders", f"open orders: not modelled; {count} rows marked Order are left out"))
    return lines


# ---- several rulebooks, and their tables


def compare(positions: Any, market: Any, methods: Any, parameters: Any, history: Any) -> Rows:
    """The requirements of several methods side by side, each against that of the reference."""
    asked = [str(cell) for row in grid(methods) for cell in row if not is_blank(cell)]
    names = [method_name(part) for text in asked for part in text.split(",") if part.strip()]
    against = _reference(compare_rules(0.0, told_overrides(parameters)))
    overrides = shared_overrides(parameters)
    refused = refused_methods(names)
    methods = {name: method_named(name) for name in names or known_methods() if name not in refused}
    if not names:
        methods = {name: method for name, method in methods.items() if _has_its_range(method, parameters, history)}
    arrays = any(item.name == ARRAYS for item in overrides)
    book = read_book(positions, market, priced=all(method.needs_vol for method in methods.values()) and not arrays)
    if methods:
        known_somewhere(overrides, [rules_of(name, book.as_of) for name in methods])

    def answer(name: str) -> tuple[Case, Margin]:
        method = method_named(name)
        if method.needs_vol and book.unpriced and not (arrays and ARRAYS in rules_of(name, book.as_of).names):
            raise MarginError(book.unpriced[0].line)
        if not method.takes_table:
            _require_fitting(name, book, overrides)
        case = case_for(book, name, parameters if method.takes_table or overrides else None, history, skip_unknown=True)
        return case, margin_for(case)

    rows = compare_rows(dict.fromkeys(names) or methods, answer, against, only_answers=not names)
    return rows if names else [*rows, *(no_answer(name, why) for name, why in refused.items())]


def _reference(own: Rules) -> str:
    """The method that the others are held against, by the comparison's own parameters."""
    chosen = own.get("reference")
    try:
        return method_name(str(chosen.value))
    except MarginError as error:
        raise MarginError(f"{chosen.source}: reference: {error}") from None


def _require_fitting(name: str, book: Book, overrides: Sequence[Override]) -> None:
    """Require that a method takes the values that are meant for it.

    Raises:
        MethodError: it does not, which leaves it among the others with the reason
    """
    try:
        rules_of(name, book.as_of, overrides, skip_unknown=True)
    except MarginError as error:
        raise MethodError(str(error)) from error


def _has_its_range(method: Method, parameters: Any, history: Any) -> bool:
    """Whether the range that a method requires was given: its scenario table or its history."""
    return (not method.takes_table or has_scenarios(parameters)) and (not method.takes_history or given(history))


def pairs(positions: Any, market: Any, parameters: Any) -> Rows:
    """The strategies of the cheapest pairing under RULES."""
    from xlmargin.methods.rules.cheapest import paired, shown

    case = case_asked(positions, market, "RULES", parameters, None)
    return tables.pairs(
        [
            (case.book.accounts[item.account], case.book.instruments.underlyings[item.underlying], strategy, shown(item.legs, strategy))
            for item in paired(case)
            for strategy in item.strategies
        ]
    )


def scenarios_of(method: Any) -> Rows:
    """The scenarios of a method, for the underlyings with their own parameters and for any other."""
    return tables.scenario_table(scenarios_of_rules(_rules_today(method)))


def parameters_of(method: Any) -> Rows:
    """The parameters of a method in force today."""
    return tables.parameters_table(_rules_today(method).listing())


def _rules_today(method: Any) -> Rules:
    """The rulebook that a cell names, in force today."""
    return rules_of(method_name(one_text(method, "method", "SPAN")), time.time())


def methods() -> Rows:
    """Every method with its scope, its evidence and its status."""
    return tables.methods_table([_rules_today(name) for name in known_methods()], refused_methods())


def version() -> str:
    """The version of the functions."""
    return f"xlmargin {__version__}"
