"""A method as a typed record: the hooks that its module defines, checked once when the module is loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import GenericAlias, ModuleType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from xlmargin.book.book import Book
from xlmargin.errors import MarginError, nearest
from xlmargin.margin.parameters import Override, Rules
from xlmargin.margin.valuation import Case, Given, Margin
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.scenarios import Scenarios


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A rulebook's hooks: every public name that its module may define, flags in capitals there (`NEEDS_VOL = False`).

    Attributes:
        requirement: initial and maintenance margin as lines of the statement; the one hook that every method has
        scenarios: S scenarios of U underlyings, with the inputs given in addition to the book; left out by rulebooks without
        risk_array: a venue's own way to value the scenarios (K, S); left out where the general one holds
        array_of_instruments: `risk_array` reads the instruments of the book, never the positions in them, so that other
            quantities are not valued again
        pnl: profit and loss by underlying (A, S, U) after all that the rulebook does to a scenario's result, such as a dampener, so that
            the largest loss drives the margin; left out where it is the sum of position × risk array
        scanning: sum of the worst losses (A,) where parts of an underlying have each their own worst scenario; left out elsewhere
        share: part of each position that the scenarios act on (A, K); left out where it is all of it
        prepared: the book and the rules as the rulebook reads them
        saved: the numbers of the venue's own configuration, as it answers it: the content of the JSON file that `params_file` names
        apart: whether a book's accounts must be margined one by one, since a price or a vol is read off all rows together
        needs_vol: every option needs a vol; where not, a mark is enough
        pairs_legs: each margin is a programme of its own to solve, so many of them take long
        takes_table: the parameters range is the desk's own scenario table
        takes_history: it reads the history range, and is compared with others only where one is given
        coins_stay: at another price the margin of an inverse future or perpetual is a rate of the coins that it is today; where
            not, of the coins that its amount of USD is there
        margins_orders: the requirement counts open orders; where not, the statement says that they are left out
        balances_count: balances given beside the positions are positions of the book: what is lent and borrowed, and its collateral
        worst_loss_alone: the requirement is the worst loss of the whole book over the scenarios and nothing else
    """

    requirement: Callable[[Case], Margin]
    scenarios: Callable[[tuple[str, ...], Rules, Given], Scenarios] | None = None
    risk_array: Callable[[Book, Scenarios, Rules], Floats] | None = None
    array_of_instruments: bool = False
    pnl: Callable[[Case], Floats] | None = None
    scanning: Callable[[Case], Floats] | None = None
    share: Callable[[Book, Rules], Floats] | None = None
    prepared: Callable[[Book, Rules], tuple[Book, Rules]] | None = None
    saved: Callable[[Any, Rules], Sequence[Override]] | None = None
    apart: Callable[[Book, Rules], bool] | None = None
    needs_vol: bool = True
    pairs_legs: bool = False
    takes_table: bool = False
    takes_history: bool = False
    coins_stay: bool = False
    margins_orders: bool = False
    balances_count: bool = False
    worst_loss_alone: bool = False


@cache
def _hooks() -> dict[str, int | None]:
    """Each hook as a module writes it, and its number of arguments, None of a flag."""
    found: dict[str, int | None] = {}
    for name, hint in get_type_hints(Method).items():
        function = next((part for part in (hint, *get_args(hint)) if get_origin(part) is Callable), None)
        found[name.upper() if function is None else name] = None if function is None else len(get_args(function)[0])
    return found


def method_of(module: ModuleType) -> Method:
    """The record of a method's module.

    Raises:
        MarginError: the module has a public name that is no hook, a hook of the wrong type, or no requirement
    """
    path, there, hooks = Path(str(module.__file__)), vars(module), _hooks()
    place = f"{path.parent.name}/{path.name}"
    for name in _own_names(path):
        if name in there and name not in hooks and not isinstance(there[name], GenericAlias | UnionType):  # aliases of types are no hooks
            raise MarginError(
                f"{place}: {name} is no hook of a method: the nearest is {nearest(name, hooks)}; "
                "a name of the module's own begins with an underscore"
            )
    found = {name.lower(): _checked(place, name, there[name], count) for name, count in hooks.items() if name in there}
    if "requirement" not in found:
        raise MarginError(f"{place}: requirement is missing: a method needs requirement(case)")
    if found.get("array_of_instruments") and "risk_array" not in found:
        raise MarginError(f"{place}: ARRAY_OF_INSTRUMENTS speaks of a risk_array, which is missing")
    return Method(**found)


def _own_names(path: Path) -> list[str]:
    """The public names that a module assigns or defines itself, those that it imports left out."""
    import symtable

    table = symtable.symtable(path.read_text(encoding="utf-8"), path.name, "exec")
    return [
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() and not symbol.is_imported() and not symbol.get_name().startswith("_")
    ]


def _checked(place: str, name: str, value: Any, count: int | None) -> Any:
    """A hook of the right type.

    Args:
        count: arguments of a function, None of a flag
    """
    if count is None:
        if not isinstance(value, bool):
            raise MarginError(f"{place}: {name} must be True or False, not {value!r}")
    elif not callable(value):
        raise MarginError(f"{place}: {name} must be a function, not {value!r}")
    else:
        try:
            inspect.signature(value).bind(*[None] * count)
        except (TypeError, ValueError):
            raise MarginError(f"{place}: {name} must take {count} positional argument{'s' if count > 1 else ''}") from None
    return value
