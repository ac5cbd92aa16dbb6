"""The sample, or whatever else is typed, taken out of a desk's workbook: its settings, formats, lists and formulas stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlmargin.desk.qualify import FIELDS
from xlmargin.engine.formula import parse_area
from xlmargin.errors import MarginError
from xlmargin.faces.web.frame import read_looks
from xlmargin.files.workbooks import named_cells

#: Names of ranges with a header row, which stays.
TABLES = (
    "positions",
    "market",
    "every_parameter",
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
SCENARIO_HEADINGS = ("Scenario", "Underlying", "Price move")  # the desk's own scenarios are no named range


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
    for name in TABLES:
        if name in named:
            sheet, area = named[name]
            found |= dict.fromkeys(_typed(_block(book[sheet], area, skipped=1)))
    for sheet in book.worksheets:
        found |= dict.fromkeys(_typed(_beside_titles(sheet)))
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


def _beside_titles(sheet: Any) -> Iterator[Any]:
    """The cells under the headings of the desk's own scenarios, and those beside the facts of an account."""
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value in FIELDS and not _right(sheet, cell, 1).protection.locked:
                yield _right(sheet, cell, 1)
            elif cell.value == SCENARIO_HEADINGS[0] and all(
                _right(sheet, cell, n).value == word for n, word in enumerate(SCENARIO_HEADINGS)
            ):
                yield from _under(sheet, cell)


def _right(sheet: Any, cell: Any, columns: int) -> Any:
    return sheet.cell(cell.row, cell.column + columns)


def _under(sheet: Any, heading: Any) -> Iterator[Any]:
    """The cells for input under a heading and those beside it; under one of a table that is calculated there are none."""
    width = 1
    while _right(sheet, heading, width).value is not None:
        width += 1
    row = heading.row + 1
    while row <= sheet.max_row and not sheet.cell(row, heading.column).protection.locked:
        yield from (sheet.cell(row, heading.column + n) for n in range(width))
        row += 1


def _typed(cells: Iterator[Any]) -> Iterator[tuple[str, str]]:
    """Sheet and address of those that hold a value; a paste may have locked them."""
    return ((cell.parent.title, cell.coordinate) for cell in cells if cell.value is not None and cell.data_type != "f")
