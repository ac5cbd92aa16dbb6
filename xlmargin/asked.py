"""What a cell asks for: the book of its ranges under the rulebook it names, and the statement of the answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from xlmargin.book import Book
from xlmargin.case import Case, Given, Margin
from xlmargin.cells import one_text
from xlmargin.checks import read_book
from xlmargin.errors import MarginError
from xlmargin.methods import case_of, method_name, needs_vol, rules_of, takes_history, takes_table
from xlmargin.ranges.history import read_history
from xlmargin.ranges.market import given
from xlmargin.ranges.parameters import is_scenario_table, read_overrides, read_scenarios
from xlmargin.rules import Override, Rules
from xlmargin.statement import Line, not_modelled, over_accounts

__all__ = ["ARRAYS", "case_asked", "case_for", "case_with_scenarios", "known_somewhere", "statement_roots",
           "vols_needed"]

ARRAYS = "span_file"  # the parameter that names a file of risk arrays


def case_asked(positions: Any, market: Any, method: Any, parameters: Any, history: Any, *,
               aside: Collection[str] = ()) -> Case:
    """The book of the ranges under a method.

    Parameters
    ----------
    aside: names of parameters that are not the method's, which are left out
    """
    name = method_name(one_text(method, "method", "SPAN"))
    book = read_book(positions, market, priced=vols_needed(name, parameters))
    return case_for(book, name, parameters, history, aside=aside)


def vols_needed(name: str, parameters: Any) -> bool:
    """Whether every option needs a vol under a method and what is given beside it."""
    return needs_vol(name) and not _has_arrays(name, parameters)


def _has_arrays(name: str, parameters: Any) -> bool:
    """Whether a file given among the parameters brings the risk arrays, so that no vol is needed."""
    return not takes_table(name) and any(item.name == ARRAYS for item in read_overrides(parameters))


def case_for(book: Book, name: str, parameters: Any, history: Any, *, skip_unknown: bool = False,
             aside: Collection[str] = (), beside: Sequence[str] = ()) -> Case:
    """A book under a method, with what was given beside it.

    Parameters
    ----------
    aside: names of parameters that are not the method's, which are left out
    beside: underlyings that parameters may be for, though this book does not hold them
    """
    if takes_table(name):
        table = read_scenarios(parameters, book.instruments.underlyings) if is_scenario_table(parameters) else None
        return case_of(book, rules_of(name, book.as_of), Given(table=table))
    overrides = [item for item in read_overrides(parameters) if item.name not in aside]
    rules = rules_of(name, book.as_of, overrides, skip_unknown=skip_unknown)
    _names_somebody(overrides, {*book.instruments.underlyings, *beside}, rules)
    past = read_history(history, book.instruments.underlyings) if takes_history(name) and given(history) else None
    return case_of(book, rules, Given(history=past))


def _names_somebody(overrides: Sequence[Override], held: set[str], rules: Rules) -> None:
    """Parameters for underlyings must be for one that the book or the rulebook knows, unless another row is.

    Raises
    ------
    MarginError: none of them is
    """
    named = [item for item in overrides if item.underlying]
    known = {*held, *(underlying for underlying, _ in rules.parameters)}
    if named and not any(item.underlying in known for item in named):
        raise MarginError(f"parameters row {named[0].row}: no {named[0].underlying} in this book: mend the name, or leave the "
                          "Underlying blank for all")


def known_somewhere(overrides: Sequence[Override], rulebooks: Sequence[Rules]) -> None:
    """A parameter goes to the methods that know it, and is a mistake only if none does.

    Raises
    ------
    MarginError: naming the parameter and those that there are
    """
    known = list(dict.fromkeys(name for rules in rulebooks for name in rules.names))
    for item in overrides:
        if item.name not in known:
            raise MarginError(f"parameters row {item.row}: no method here has a parameter {item.name!r}: they know "
                              f"{', '.join(known)}")


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
