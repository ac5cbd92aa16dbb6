"""Ranges written anew under the headings that they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from xlmargin.errors import MarginError
from xlmargin.sheet.columns import Header

Item = TypeVar("Item")


def must_hold(before: Sequence[Any], count: int, name: str) -> None:
    """Refuse a range that is too short for its rows.

    Args:
        before: the present range, header first
        count: rows needed below the header

    Raises:
        MarginError: it is too short
    """
    if count > len(before) - 1:
        raise MarginError(f"the range {name} has {len(before) - 1} rows below its header and needs {count}: make it longer")


def laid_out(
    before: Sequence[Sequence[Any]], items: Sequence[Item], known: Mapping[str, Callable[[Item], Any]], name: str
) -> list[list[Any]]:
    """A range written anew: its own headings, a row per item, blank rows to its end.

    Args:
        before: the present range, header first
        items: from the first row on
        known: the content of a cell under each folded heading; other columns stay blank
        name: name of the range in messages

    Raises:
        MarginError: it is too short
    """
    must_hold(before, len(items), name)
    keys = Header(before[0]).keys
    rows = [[known[key](item) if key in known else None for key in keys] for item in items]
    return [list(before[0]), *rows, *([None] * len(keys) for _ in range(len(before) - 1 - len(rows)))]
