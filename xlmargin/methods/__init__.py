"""The methods: each is one module and one parameter file beside it, found by name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from xlmargin.book import Book
from xlmargin.case import Case, Margin
from xlmargin.errors import MarginError
from xlmargin.risk_array import risk_array
from xlmargin.rules import Override, Rules, read_rules
from xlmargin.scenarios import Scenarios

__all__ = ["known_methods", "margin_of", "method_name", "rules_of", "scenarios_of", "stress_case", "takes_table"]

FOLDER = Path(__file__).parent


@cache
def known_methods() -> tuple[str, ...]:
    """Every method that has its parameter file here, SPAN first."""
    names = sorted(path.stem.upper() for path in FOLDER.glob("*.toml"))
    return tuple(sorted(names, key=lambda name: name != "SPAN"))


def method_name(text: str) -> str:
    """The method that a text names, in any case.

    Raises
    ------
    MarginError: naming the known methods
    """
    name = text.strip().upper().replace(" ", "_").replace("-", "_")
    if name not in known_methods():
        raise MarginError(f"no method {text!r}: the methods are {', '.join(known_methods())}")
    return name


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name.lower()}")


def rules_of(name: str, as_of: float, overrides: Sequence[Override] = (), *, skip_unknown: bool = False) -> Rules:
    """The rulebook of a method at the valuation time, with values given beside the positions."""
    return read_rules(FOLDER / f"{name.lower()}.toml", as_of).override(overrides, skip_unknown=skip_unknown)


def takes_table(name: str) -> bool:
    """Whether the parameters range of the method is a scenario table."""
    return bool(getattr(_module(name), "TAKES_TABLE", False))


def scenarios_of(rules: Rules) -> Scenarios:
    """The scenarios of a method for the underlyings that have their own parameters, and for any other."""
    module = _module(rules.meta.name)
    if not hasattr(module, "scenarios"):
        raise MarginError(f"{rules.meta.name} has no scenarios: PM_PARAMETERS shows its numbers")
    names = sorted({underlying for underlying, _ in rules.parameters if underlying})
    scenarios: Scenarios = module.scenarios((*names, "any other"), rules, None)
    return scenarios


def stress_case(book: Book, rules: Rules, table: Scenarios | None = None) -> Case:
    """A book under the scenarios of its method, or of a desk's own table.

    Raises
    ------
    MarginError: the method has no scenarios, or needs a table that was not given
    """
    name = rules.meta.name
    module = _module(name)
    if not hasattr(module, "scenarios"):
        raise MarginError(f"{name} has no scenarios: ask for PM_MARGIN or PM_EXPLAIN, or choose another method")
    if hasattr(module, "prepared"):
        book = module.prepared(book, rules)
    scenarios = module.scenarios(book.instruments.underlyings, rules, table)
    accounts, count = len(book.accounts), len(book.instruments)
    share = module.share(book, rules) if hasattr(module, "share") else np.ones((accounts, count))
    return Case(book, rules, scenarios, risk_array(book.instruments, scenarios), share)


def margin_of(case: Case) -> Margin:
    """The margin of a book by its method, every number a line of the statement."""
    margin: Margin = _module(case.rules.meta.name).requirement(case)
    return margin
