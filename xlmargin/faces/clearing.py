"""The sample, or whatever else is typed, taken out of a desk's workbook: its settings, formats, lists and formulas stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlmargin.engine.formula import parse_area
from xlmargin.errors import MarginError
from xlmargin.faces.web.frame import read_looks
from xlmargin.files.workbooks import named_cells

#: Names of ranges with a header row, which stays.
TABLES = (
    "positions",
    "market",
    "parameters",
    "balances",
    "limits",
    "trades",
    "positions_before",
    "market_before",
    "history",
    "monitor",
    "theirs",
)
FED = {"feed_time": None, "feed_status": "no feed"}  # cells that a feed fills, and what stands in them before any
OURS = ("positions", "master_check")  # names that only a workbook of `xlmargin new` has together
CELLS = ("account_facts",)  # names of cells without a header


def clearing(path: Path) -> list[tuple[str, str, str | None]]:
    """The edits that empty a desk's workbook of what is typed of the book, as (sheet, cell, value); settings and formulas stay.

    Raises:
        MarginError: it cannot be read, or is no workbook of `xlmargin new`
    """
    named = named_cells(path)
    if missing := [name for name in OURS if name not in named]:
        raise MarginError(f"{path.name} has no range {' and no range '.join(missing)}: only a workbook of `xlmargin new` can be cleared")
    book = read_looks(path)
    found: dict[tuple[str, str], str | None] = {}
    for name in (*TABLES, *CELLS):
        if name in named:
            sheet, area = named[name]
            found |= dict.fromkeys(_typed(_block(book[sheet], area, skipped=int(name in TABLES))))
    for name, before in FED.items():
        if name in named:
            sheet, area = named[name]
            cells = (cell for cell in _block(book[sheet], area, skipped=0) if cell.value != before)
            found |= dict.fromkeys(_typed(cells), before)
    return [(*place, value) for place, value in found.items()]


def _block(sheet: Any, area: str, skipped: int) -> Iterator[Any]:
    """The cells of a range below its first rows."""
    place = parse_area(area, sheet.title)
    assert place is not None  # a name's own rectangle
    for row in sheet.iter_rows(place.first_row + skipped, min(place.last_row, sheet.max_row), place.first_column, place.last_column):
        yield from row


def _typed(cells: Iterator[Any]) -> Iterator[tuple[str, str]]:
    """Sheet and address of those that hold a value; a paste may have locked them."""
    return ((cell.parent.title, cell.coordinate) for cell in cells if cell.value is not None and cell.data_type != "f")
