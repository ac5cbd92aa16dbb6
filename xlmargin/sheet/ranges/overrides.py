"""The overrides of a parameters range that count for the methods asked, each of which must be known to a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xlmargin.desk.functions import function_parameters
from xlmargin.errors import MarginError, named_file
from xlmargin.margin.parameter import NOT_SET
from xlmargin.margin.parameters import Override, Rules, for_methods
from xlmargin.methods import PARAMS_FILES, known_methods, method_named, refused_methods, rules_of, saved_parameters
from xlmargin.sheet.ranges.parameters import read_overrides, told_overrides


def shared_overrides(raw: Any) -> list[Override]:
    """The overrides of a parameters range that are meant for methods, whichever they are, rather than for a function."""
    return for_methods(told_overrides(raw), function_parameters())


def method_overrides(name: str, raw: Any) -> list[Override]:
    """The overrides of a parameters range that count where one method is asked alone.

    Of a method that takes a scenario table these are the rows that name it: the others are meant for the methods beside which
    its table stands.

    Raises:
        MarginError: a row cannot be read, or no method has its parameter
    """
    if not method_named(name).takes_table:
        return for_methods(read_overrides(raw), function_parameters())
    told = shared_overrides(raw)
    known_somewhere([item for item in told if not item.method], [rules_of(name, 0.0)])
    return [item for item in told if item.method == name]


def known_somewhere(overrides: Sequence[Override], rulebooks: Sequence[Rules]) -> None:
    """Require that every parameter belongs to the method that it names or else to at least one that there is, among these or not.

    Of a saved answer that is named, one of these methods that know the parameter must be able to read it.

    Raises:
        MarginError: naming the parameter and those that there are, or what the answer lacks
    """
    for item in overrides:
        knowing = [rules for rules in rulebooks if item.method in ("", rules.meta.name) and item.name in rules.names]
        if not knowing:
            _known_elsewhere(item, rulebooks)
        elif item.name in PARAMS_FILES and item.value != NOT_SET:
            _read_somewhere(item, knowing)


def _known_elsewhere(item: Override, rulebooks: Sequence[Rules]) -> None:
    """Require that the method that a parameter names knows it, or any that there is: one that is not asked may stay unread."""
    if item.method in refused_methods():
        return
    own = [rules_of(item.method, 0.0)] if item.method else []
    if any(item.name in rules.names for rules in own or (rules_of(name, 0.0) for name in known_methods())):
        return
    known = ", ".join(dict.fromkeys(name for rules in own or rulebooks for name in rules.names)) or "none"
    who, they = (f"{item.method} has no", "it knows") if own else ("no method here has a", "they know")
    raise MarginError(f"parameters row {item.row}: {who} parameter {item.name!r}: {they} {known}")


def _read_somewhere(item: Override, rulebooks: Sequence[Rules]) -> None:
    """Require that at least one of the methods reads a saved answer."""
    from xlmargin.methods.json_shape import saved_json  # late: most margins read no answer

    place, names = f"parameters row {item.row}", ", ".join(rules.meta.name for rules in rulebooks)
    saved_json(named_file(str(item.value)), f"{place} must name a saved answer of a venue")
    for rules in rulebooks:
        try:
            rules.beneath(saved_parameters(rules, str(item.value)), str(item.value))
        except MarginError as error:
            if len(rulebooks) == 1:
                raise MarginError(f"{place}: {error}") from None
        else:
            return
    raise MarginError(
        f"{place}: {item.name} {item.value} is no saved answer that {names} can read: ask for its venue's method alone to see what it lacks"
    )
