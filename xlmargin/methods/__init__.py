"""The rulebooks: each is one module and one parameter file, alone or in its venue's folder.

What a module `methods/name.py` may hold:

- `requirement(case) -> Margin`: initial and maintenance margin as lines of the statement; the one that every method has;
- `scenarios(underlyings, rules, given) -> Scenarios`: left out by rulebooks without scenarios;
- `risk_array(book, scenarios, rules) -> (K, S)`: a venue's own way to value the scenarios, where the general one is not it;
- `ARRAY_OF_INSTRUMENTS = True`: that way reads the instruments of the book, never who holds how much of them, so that other
  quantities are not valued again;
- `pnl(case) -> (A, S, U)`: profit and loss by underlying, where it is not the sum of position × risk array;
- `share(book, rules) -> (A, K)`: part of each position that the scenarios act on, where it is not all of it;
- `prepared(book, rules) -> (Book, Rules)`: both as the rulebook reads them;
- `PAIRS_LEGS = True`: each margin is a programme of its own to solve, so many of them take long;
- `NEEDS_VOL = False`: options need a mark, not a vol;
- `TAKES_TABLE = True`: the parameters range is the desk's own scenario table;
- `TAKES_HISTORY = True`: it reads the history range, and is compared with others only where one is given;
- `WORST_LOSS_ALONE = True`: the requirement is the worst loss of the whole book over the scenarios and nothing else;
- `apart(book, rules) -> bool`: whether a book's accounts must be margined one by one, since a price or a vol is read off
  all rows together; left out where accounts never are.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book
from xlmargin.errors import MarginError
from xlmargin.margin.accounts import by_account, together
from xlmargin.margin.parameters import Override, Rules, read_rules
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.margin.valued import version_of
from xlmargin.scenarios.past import History
from xlmargin.scenarios.risk_array import risk_array
from xlmargin.scenarios.scenarios import Scenarios, none

__all__ = [
    "apart",
    "case_of",
    "known_methods",
    "margin_of",
    "method_name",
    "needs_vol",
    "pairs_legs",
    "rules_of",
    "scenarios_of",
    "takes_history",
    "takes_table",
    "with_book",
    "worst_loss_alone",
]

Floats = NDArray[np.float64]

FOLDER = Path(__file__).parent


@cache
def _files() -> dict[str, Path]:
    """Parameter file of every method, here or in a venue's folder."""
    return {path.stem.upper(): path for path in (*FOLDER.glob("*.toml"), *FOLDER.glob("*/*.toml"))}


@cache
def known_methods() -> tuple[str, ...]:
    """Every method that has its parameter file here, SPAN first."""
    names = sorted(_files())
    return tuple(sorted(names, key=lambda name: name != "SPAN"))


def method_name(text: str) -> str:
    """The method that a text names, in any case.

    Raises:
        MarginError: naming the known methods
    """
    name = text.strip().upper().replace(" ", "_").replace("-", "_")
    if name not in known_methods():
        raise MarginError(f"no method {text!r}: the methods are {', '.join(known_methods())}")
    return name


def _module(name: str) -> ModuleType:
    return importlib.import_module(".".join([__name__, *_files()[name].relative_to(FOLDER).with_suffix("").parts]))


def rules_of(name: str, as_of: float, overrides: Sequence[Override] = (), *, skip_unknown: bool = False) -> Rules:
    """The rulebook of a method at the valuation time, with values given beside the positions."""
    return read_rules(_files()[name.upper()], as_of).override(overrides, skip_unknown=skip_unknown)


def takes_table(name: str) -> bool:
    """Whether the parameters range of the method is a scenario table."""
    return bool(getattr(_module(name), "TAKES_TABLE", False))


def takes_history(name: str) -> bool:
    """Whether the method reads the history range."""
    return bool(getattr(_module(name), "TAKES_HISTORY", False))


def scenarios_of(rules: Rules) -> Scenarios:
    """The scenarios of a method for the underlyings that have their own parameters, and for any other."""
    module = _module(rules.meta.name)
    if not hasattr(module, "scenarios"):
        raise MarginError(f"{rules.meta.name} has no scenarios: PM_PARAMETERS shows its numbers")
    names = sorted({underlying for underlying, _ in rules.parameters if underlying})
    scenarios: Scenarios = module.scenarios((*names, "any other"), rules, NOTHING_GIVEN)
    return scenarios


def needs_vol(name: str) -> bool:
    """Whether the method needs a vol for every option, or only a mark."""
    return bool(getattr(_module(name), "NEEDS_VOL", True))


def pairs_legs(name: str) -> bool:
    """Whether each margin of the method is a programme of its own to solve."""
    return bool(getattr(_module(name), "PAIRS_LEGS", False))


def case_of(book: Book, rules: Rules, given: Given = NOTHING_GIVEN) -> Case:
    """A book under the scenarios of its method; of a method without scenarios, the book alone.

    Args:
        given: what was given beside the book and the parameters

    Raises:
        MarginError: the method needs something that was not given
    """
    module, alone = _module(rules.meta.name), _alone(book, rules, given)
    if hasattr(module, "prepared"):
        book, rules = module.prepared(book, rules)
    held = book.instruments
    beside = given._replace(book=book)
    scenarios = module.scenarios(held.underlyings, rules, beside) if hasattr(module, "scenarios") else none(held.underlyings)
    if alone and apart(book, rules):  # nobody values the instruments of all of them together, and who reads that is loud
        array = np.broadcast_to(np.nan, (len(held), len(scenarios)))
    elif getattr(module, "ARRAY_OF_INSTRUMENTS", False):
        unknown = replace(book, quantity=np.full_like(book.quantity, np.nan))  # a method that reads them after all is loud
        array = version_of(rules, held, scenarios, lambda: module.risk_array(unknown, scenarios, rules))
    elif hasattr(module, "risk_array"):
        array = module.risk_array(book, scenarios, rules)
    elif len(scenarios):
        array = version_of((), held, scenarios, lambda: risk_array(held, scenarios))
    else:  # nothing is revalued, and no vol is asked for
        array = np.empty((len(held), 0))
    return Case(book, rules, scenarios, array, _share(module, book, rules), getattr(module, "pnl", None), alone)


def _alone(book: Book, rules: Rules, given: Given) -> tuple[Case, ...]:
    """The case of each account on its own, where one may change the margin of another; else none."""
    history = given.history
    if len(book.accounts) < 2 or not (apart(book, rules) or (history is not None and _shortened(book, history))):
        return ()
    return tuple(
        case_of(own, rules, given._replace(history=history and history.of(own.instruments.underlyings))) for own in by_account(book)
    )


def _shortened(book: Book, history: History) -> bool:
    """Whether an underlying of one account takes days away from the history of another that does not hold it."""
    names, of_row = book.instruments.underlyings, book.instruments.underlying[book.instrument]
    first = np.array([history.starts([name]) for name in names], np.int64)
    begins = np.zeros(len(book.accounts), np.int64)
    np.maximum.at(begins, book.account, first[of_row])
    return bool((begins < first.max(initial=0)).any())


def _share(module: ModuleType, book: Book, rules: Rules) -> Floats:
    """Part of each account's position that the scenarios act on, (A, K)."""
    if hasattr(module, "share"):
        share: Floats = module.share(book, rules)
        return share
    return np.broadcast_to(1.0, (len(book.accounts), len(book.instruments)))


def with_book(case: Case, book: Book, array: Floats | None = None) -> Case:
    """Other holdings under the same scenarios, nothing valued again.

    Args:
        book: its instruments are the case's, or some of them
        array: their risk array, rows of the case's (K, S); left out where they are the case's
    """
    share = _share(_module(case.rules.meta.name), book, case.rules)
    return replace(case, book=book, array=case.array if array is None else array, share=share, alone=())


def worst_loss_alone(name: str) -> bool:
    """Whether the requirement is the worst loss of the whole book and nothing else."""
    return bool(getattr(_module(name), "WORST_LOSS_ALONE", False))


def apart(book: Book, rules: Rules) -> bool:
    """Whether the accounts of a book must be margined one by one, so that none changes another's margin."""
    module = _module(rules.meta.name)
    return hasattr(module, "apart") and bool(module.apart(book, rules))


def margin_of(case: Case) -> Margin:
    """The margin of a book by its method, every number a line of the statement."""
    if case.alone:
        return together([margin_of(each) for each in case.alone])
    margin: Margin = _module(case.rules.meta.name).requirement(case)
    return margin
