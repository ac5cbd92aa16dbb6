"""The rulebooks: each is one module and one parameter file, alone or in its venue's folder.

A pair of files of one name dropped in is a method; a module without a parameter file is what methods share. The public names of a method's
module are the hooks of `xlmargin.margin.method.Method`; a method whose files are refused holds up no other.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from xlmargin.book.book import Book
from xlmargin.errors import MarginError, named_file
from xlmargin.margin.accounts import by_account, together
from xlmargin.margin.grid_scenarios import grid, refuse_unread
from xlmargin.margin.method import Method, method_of
from xlmargin.margin.parameters import Override, Rules, read_rules
from xlmargin.margin.statement import weakest
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.memory import Recent, fixed, signature
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.past import History
from xlmargin.scenarios.risk_array import risk_array
from xlmargin.scenarios.scenarios import Scenarios, none

__all__ = [
    "apart",
    "case_of",
    "known_methods",
    "margin_of",
    "method_name",
    "method_named",
    "refused_methods",
    "rules_of",
    "saved_parameters",
    "scenarios_of",
    "with_book",
]


FOLDER = Path(__file__).parent
PARAMS_FILES = ("params_file", "model_params_file")  # parameters that name a saved answer; the second is Deribit's own word
ARRAYS, MOST_BYTES = 32, 512_000_000  # risk arrays that are kept, and what all of them may weigh

_arrays: Recent[Floats] = Recent(ARRAYS, MOST_BYTES, lambda array: array.nbytes)


@cache
def _files() -> dict[str, list[Path]]:
    """The parameter files that lie here or in a folder here by the name of their method, SPAN first."""
    found: dict[str, list[Path]] = {}
    for path in sorted([*FOLDER.glob("*.toml"), *FOLDER.glob("*/*.toml")], key=lambda path: (path.stem != "span", path.stem, path)):
        found.setdefault(path.stem.upper(), []).append(path)
    return found


def known_methods() -> tuple[str, ...]:
    """Every method that can be asked, SPAN first."""
    refused = refused_methods()
    return tuple(name for name in _files() if name not in refused)


def refused_methods(names: Iterable[str] = ()) -> dict[str, str]:
    """Why methods cannot be asked, by their name: the others answer without them.

    Args:
        names: the methods in question, all where left out
    """
    found = {}
    for name in names or _files():
        try:
            method_named(name)
        except MarginError as error:
            found[name] = str(error)
    return found


def method_name(text: str) -> str:
    """The method that a text names, in any case.

    Raises:
        MarginError: naming the known methods
    """
    name = text.strip().upper().replace(" ", "_").replace("-", "_")
    if name not in _files():
        raise MarginError(f"no method {text!r}: the methods are {', '.join(known_methods())}")
    return name


@cache
def method_named(name: str) -> Method:
    """The hooks of a method, read from its module when it is first asked for.

    Raises:
        MarginError: its files are refused; naming the file and the reason
    """
    path, *others = _files()[name]
    place, source = _place(path), path.with_suffix(".py")
    if others:
        raise MarginError(f"{place} is refused: {' and '.join(map(_place, others))} is of the same method: keep one of them")
    if not source.is_file():
        raise MarginError(f"{place} is refused: there is no {source.name} in its folder: a method is a .toml and a .py of one name")
    try:
        rules = read_rules(path, 0.0)
        place = _place(source)
        module = importlib.import_module(".".join((__name__, *source.relative_to(FOLDER).with_suffix("").parts)))
        found = method_of(module)
        named = [name for name in rules.names if name in PARAMS_FILES]
        if named and found.saved is None:
            raise MarginError(f"{place}: saved is missing: it reads what the parameter {named[0]} names")
        if grid in vars(module).values():
            modules = [source] if path.parent == FOLDER else sorted(path.parent.glob("*.py"))
            refuse_unread([name for name in rules.names if name not in named], modules)
    except Exception as error:
        why = str(error) if isinstance(error, MarginError) else f"{type(error).__name__}: {error}"
        raise MarginError(why if why.startswith(f"{place}:") else f"{place} is refused: {why}") from error
    return found


def _place(path: Path) -> str:
    """Where a file lies, for people."""
    return path.relative_to(FOLDER.parent).as_posix()


def rules_of(name: str, as_of: float, overrides: Sequence[Override] = (), *, skip_unknown: bool = False) -> Rules:
    """The rulebook of a method at the valuation time, with values given beside the positions.

    Args:
        skip_unknown: the values are for several methods: names and saved answers that are not of this one are left out

    Raises:
        MarginError: the method is refused, a value does not fit, or a file that one names cannot be read
    """
    method_named(name)  # what is refused has no rulebook
    rules = read_rules(_files()[name][0], as_of).override(overrides, skip_unknown=skip_unknown)
    named = [key for key in PARAMS_FILES if key in rules.names and not rules.is_unset(key)]
    found = {key: _saved_in(rules, key, skip_unknown=skip_unknown) for key in named}
    read = [key for key, values in found.items() if values]
    if len(read) > 1:
        raise MarginError(f"{' and '.join(read)} are both given: each names a saved answer of the venue: keep one of them")
    for key in read:
        rules = rules.beneath(found[key], f"{key} {rules.word(key)}")
    return rules


def _saved_in(rules: Rules, key: str, *, skip_unknown: bool) -> list[Override]:
    """The numbers of the file that a parameter names; of several methods, none where it is another venue's answer."""
    try:
        return saved_parameters(rules, rules.word(key))
    except MarginError:
        if skip_unknown:
            return []
        raise


def saved_parameters(rules: Rules, path: str) -> list[Override]:
    """The numbers of a venue's own configuration, as it answers it, that its rulebook has.

    Args:
        path: JSON file of the answer

    Raises:
        MarginError: the method reads none, or the file cannot be read; naming the file and what is missing in it
    """
    from xlmargin.methods.json_shape import saved_json  # late: most margins read no answer

    read = method_named(rules.meta.name).saved
    if read is None:
        readers = ", ".join(name for name in known_methods() if method_named(name).saved is not None)
        raise MarginError(f"{rules.meta.name} reads no saved configuration: the methods that do are {readers}")
    content = saved_json(named_file(path), f"give the whole path of a saved answer of {rules.meta.name}'s venue")
    try:
        return list(read(content, rules))
    except MarginError as error:
        raise MarginError(f"{path}: {error}") from None


def scenarios_of(rules: Rules) -> Scenarios:
    """The scenarios of a method for the underlyings that have their own parameters, and for any other."""
    make = method_named(rules.meta.name).scenarios
    if make is None:
        raise MarginError(f"{rules.meta.name} has no scenarios: PM_PARAMETERS shows its numbers")
    others = () if rules.lists_underlyings else ("any other",)
    return make((*rules.underlyings, *others), rules, NOTHING_GIVEN)


def case_of(book: Book, rules: Rules, given: Given = NOTHING_GIVEN) -> Case:
    """A book under the scenarios of its method; of a method without scenarios, the book alone.

    Args:
        given: what was given beside the book and the parameters

    Raises:
        MarginError: the method needs something that was not given
    """
    method, alone = method_named(rules.meta.name), _alone(book, rules, given)
    if method.prepared:
        book, rules = method.prepared(book, rules)
    held = book.instruments
    beside = given._replace(book=book)
    seen: set[tuple[str, str]] = set()
    scenarios = method.scenarios(held.underlyings, replace(rules, seen=seen), beside) if method.scenarios else none(held.underlyings)
    share = _share(method, book, rules)
    stressed = {held.underlyings[u] for u in np.unique(held.underlying[share.any(axis=0)]).tolist()}  # others are mere collateral
    statuses = tuple(
        weakest(*(status for coin, status in seen if coin in ("", name))) if name in stressed else "" for name in held.underlyings
    )
    array = _array(method, book, rules, scenarios, unread=bool(alone) and apart(book, rules))
    return Case(book, rules, scenarios, array, share, method.pnl, method.scanning, alone, statuses)


def _array(method: Method, book: Book, rules: Rules, scenarios: Scenarios, *, unread: bool) -> Floats:
    """The risk array of a book's instruments (K, S).

    Args:
        unread: nobody values the instruments of all accounts together, and who reads that is loud
    """
    held, own = book.instruments, method.risk_array
    if unread:
        return np.broadcast_to(np.nan, (len(held), len(scenarios)))
    if own and method.array_of_instruments:
        unknown = replace(book, quantity=np.full_like(book.quantity, np.nan))  # a method that reads them after all is loud
        return _remembered((held, scenarios, _values(rules)), lambda: own(unknown, scenarios, rules))
    if own:
        return own(book, scenarios, rules)
    if len(scenarios):
        return _remembered((held, scenarios), lambda: risk_array(held, scenarios))
    return np.empty((len(held), 0))  # nothing is revalued, and no vol is asked for


def _values(rules: Rules) -> tuple[Any, ...]:
    """What a rulebook's own valuation follows from: its name and its values; where each of them comes from changes no number."""
    return rules.meta.name, *(tuple((*key, held.value) for key, held in source.items()) for source in (rules.parameters, rules.given))


def _remembered(follows_from: tuple[Any, ...], value: Callable[[], Floats]) -> Floats:
    """A risk array, valued only where something that it follows from has changed; it cannot be written to."""
    key = signature(follows_from)
    found = _arrays.get(key)
    return _arrays.put(key, fixed(value())) if found is None else found


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


def _share(method: Method, book: Book, rules: Rules) -> Floats:
    """Part of each account's position that the scenarios act on, (A, K)."""
    if method.share:
        return method.share(book, rules)
    return np.broadcast_to(1.0, (len(book.accounts), len(book.instruments)))


def with_book(case: Case, book: Book, array: Floats | None = None) -> Case:
    """Other holdings under the same scenarios, nothing valued again.

    Args:
        book: its instruments are the case's, or some of them
        array: their risk array, rows of the case's (K, S); left out where they are the case's
    """
    share = _share(method_named(case.rules.meta.name), book, case.rules)
    return replace(case, book=book, array=case.array if array is None else array, share=share, alone=())


def apart(book: Book, rules: Rules) -> bool:
    """Whether the accounts of a book must be margined one by one, so that none changes another's margin."""
    asked = method_named(rules.meta.name).apart
    return asked is not None and asked(book, rules)


def margin_of(case: Case) -> Margin:
    """The margin of a book by its method, every number a line of the statement."""
    if case.alone:
        return together([margin_of(each) for each in case.alone])
    return method_named(case.rules.meta.name).requirement(case)
