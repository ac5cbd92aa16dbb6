"""Header rows: the column of each heading, whatever its case, spaces, `_` and `%`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from xlmargin.errors import MarginError

Item = TypeVar("Item")


def heading_key(cell: Any) -> str:
    """A heading without case, spaces, `_` and `%`; a number heading (1 … 16) as its digits."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else _key_of(str(cell))


@lru_cache(maxsize=1024)
def _key_of(text: str) -> str:
    return re.sub(r"[\s_%]+", "", text).lower()


class Header:
    """A header row.

    Attributes:
        keys: its headings as `heading_key` folds them, in order
        shown: its headings as messages show them, blank ones left out
        name: what messages call the range
    """

    def __init__(self, cells: Iterable[Any], name: str = "") -> None:
        row = list(cells)
        self.keys, self.name = [heading_key(cell) for cell in row], name
        self.shown = [" ".join(str(cell).split()) for cell, key in zip(row, self.keys) if key]

    def __contains__(self, heading: str) -> bool:
        return heading_key(heading) in self.keys

    def find(self, heading: str) -> int | None:
        """Column of a heading, counted from 0; None where there is none."""
        return self.keys.index(heading_key(heading)) if heading in self else None

    def column(self, heading: str) -> int:
        """Column of a heading that must be there, counted from 0.

        Raises:
            MarginError: it is not there
        """
        return self.keys.index(heading_key(heading)) if heading in self else self.lack(heading)

    def columns(self, headings: Iterable[str]) -> dict[str, int]:
        """Columns of those headings that are there."""
        return {heading: self.keys.index(heading_key(heading)) for heading in headings if heading in self}

    def record(self, row: Sequence[Any]) -> dict[str, Any]:
        """The cells of a row by their folded headings."""
        return dict(zip(self.keys, row))

    def lack(self, *headings: str, mend: str = "add it") -> NoReturn:
        """Say that headings are missing."""
        self.fail(f"no column {', '.join(headings)}: {mend}")

    def fail(self, problem: str) -> NoReturn:
        """Say what is wrong with the headings, and which there are."""
        raise MarginError(f"{self.name} row 1: {problem} (the headings found are: {', '.join(self.shown)})")

    def must_be_single(self, headings: Iterable[str]) -> None:
        """Refuse a header in which one of these headings stands twice.

        Raises:
            MarginError: naming the first that does
        """
        for heading in headings:
            if self.keys.count(heading_key(heading)) > 1:
                raise MarginError(f"{self.name} row 1: the heading {heading} stands twice: remove one of the two columns")


def must_hold(before: Sequence[Any], count: int, name: str) -> None:
    """Refuse a range that is too short for its rows.

    Args:
        before: the range as it is, header first
        count: rows that go below the header

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
        before: the range as it is, header first
        items: from the first row on
        known: what a cell under each folded heading holds; other columns stay blank
        name: what messages call the range

    Raises:
        MarginError: it is too short
    """
    must_hold(before, len(items), name)
    keys = Header(before[0]).keys
    rows = [[known[key](item) if key in known else None for key in keys] for item in items]
    return [list(before[0]), *rows, *([None] * len(keys) for _ in range(len(before) - 1 - len(rows)))]
