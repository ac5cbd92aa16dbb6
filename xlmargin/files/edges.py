"""The edges of a range of a sheet: rows and columns beside it that would be left out without a word, merged cells, hidden rows."""

from __future__ import annotations

from typing import Any, NamedTuple

from xlmargin.engine.formula import CellArea, column_letters
from xlmargin.errors import MarginError
from xlmargin.files.containers.container import CellBlock, Scan
from xlmargin.files.names import Target, written, written_cell
from xlmargin.files.ranges import Grid
from xlmargin.files.sought import Sought
from xlmargin.sheet.cells import is_blank, is_blank_row, show
from xlmargin.sheet.columns import TOTAL

MEND = "let it stand for the whole block, or leave a blank row or column between them"


class Window(NamedTuple):
    """A range of a sheet, and the cells of it and around it."""

    area: CellArea
    block: CellBlock

    def line(self, row: int) -> list[Any]:
        """The cells of a row of the sheet in the columns of the range; none outside the block."""
        at, left = row - self.block.top, self.area.first_column - self.block.left
        cells = self.block.rows[at] if 0 <= at < len(self.block.rows) else []
        return cells[left : left + self.area.last_column - self.area.first_column + 1]

    def cells_of(self, column: int) -> list[Any]:
        """The cells of a column of the sheet in the rows of the range; none outside the block."""
        at, top = column - self.block.left, self.area.first_row - self.block.top
        rows = self.block.rows[top : top + self.area.last_row - self.area.first_row + 1]
        return [row[at] for row in rows if 0 <= at < len(row)]

    @property
    def rows(self) -> Grid:
        """The cells of the range."""
        return [self.line(row) for row in range(self.area.first_row, self.area.last_row + 1)]


def must_be_whole(target: Target, window: Window, scan: Scan, sought: Sought) -> list[str]:
    """Refuse a range beside which its rows or columns go on; what else stands there is told in notes.

    Args:
        target: the name or table
        window: what is read of it, its header row first, and the cells around
        scan: what stands in the sheet
        sought: the range that it is

    Raises:
        MarginError: with the address of the range and of the filled block
    """
    _must_hold_its_headings(target, window, scan, sought)
    return [*_below(target, window, scan, sought), *_beside(target, window, scan, sought)]


def _must_hold_its_headings(target: Target, window: Window, scan: Scan, sought: Sought) -> None:
    """Refuse a range that begins right below its header."""
    area = window.area
    above = window.line(area.first_row - 1)
    if target.headings or sought.is_header(window.line(area.first_row)) or not sought.is_header(above):
        return
    first = next(n for n, cell in enumerate(above) if not is_blank(cell))
    block = written(
        _filled_block(CellArea(area.sheet, area.first_row - 1, area.first_column + first, area.last_row, area.last_column), scan)
    )
    raise MarginError(f"{target.shown} begins right below the headings in row {area.first_row - 1}, the block being {block}: {MEND}")


def titles_above(target: Target, window: Window, sought: Sought) -> list[str]:
    """What stands above the header of a range.

    Raises:
        MarginError: a row there looks like one of the range, or gives a market what stands in none of its columns
    """
    header, first = sought.header(window.line(window.area.first_row)), window.area.first_row
    above = [(row, cells) for row in range(target.area.first_row, first) if not is_blank_row(cells := window.line(row))]
    numbers = header.columns([mark for mark in sought.marks if mark not in sought.identity]).values()
    words = header.columns(sought.identity).values()
    for row, cells in above:
        if any(isinstance(cells[at], float) for at in numbers) and any(isinstance(cells[at], str) for at in words):
            raise MarginError(
                f"row {row} of the sheet {window.area.sheet} stands above the header of the {sought.name} (row {first}) and looks like "
                "a row of it: put it below, or remove it"
            )
        named = next((n for n, cell in enumerate(cells[:-1]) if sought.means(cell) and not is_blank(cells[n + 1])), None)
        if named is not None and sought.name == "market":
            where = written_cell(window.area.sheet, row, window.area.first_column + named)
            raise MarginError(
                f"{where} ({show(cells[named])}) stands above the header of the market (row {first}): make it a column of the market"
            )
    rows, verb = ("rows", "are") if len(above) > 1 else ("row", "is")
    return (
        [f"{len(above)} {rows} above the header of the {sought.name} (row {first} of the sheet {window.area.sheet}) {verb} not read"]
        if above
        else []
    )


def _below(target: Target, window: Window, scan: Scan, sought: Sought) -> list[str]:
    """The row right below the range, or the one below its row of totals."""
    row, area = target.bottom + 1, window.area
    if any(isinstance(cell, str) and TOTAL.match(cell) for cell in window.line(row)):
        row += 1
    cells = window.line(row)
    filled = [n for n, cell in enumerate(cells) if not is_blank(cell)]
    if not filled:
        return []
    named = sought.header(target.headings or window.line(area.first_row)).columns(sought.identity).values()
    if (len(filled) == 1 and len(cells) > 1) or (named and all(is_blank(cells[at]) for at in named)):
        where = written_cell(area.sheet, row, area.first_column + filled[0])
        return [f"{where} ({show(cells[filled[0]])}) stands right below {target.shown} and is not read"]
    block = written(_filled_block(CellArea(area.sheet, area.first_row, area.first_column, row, area.last_column), scan))
    raise MarginError(f"{target.shown} ends right above the filled row {row}, the block being {block}: {MEND}")


def _beside(target: Target, window: Window, scan: Scan, sought: Sought) -> list[str]:
    """The columns right of the range and left of it that have a heading and cells; formulas under an unknown one are the desk's own."""
    notes, area = [], window.area
    for column in (area.first_column - 1, area.last_column + 1):
        cells = window.cells_of(column) if column else []
        if not cells or is_blank(cells[0]) or (len(cells) > 1 and is_blank_row(cells[1:])):
            continue
        where = f"the column {column_letters(column)} ({show(cells[0])}) stands right beside {target.shown}"
        if sought.means(cells[0]):
            block = written(_filled_block(area, scan))
            raise MarginError(f"{where} and would be left out, the filled block being {block}: {MEND}")
        if any((row, column) in scan.filled and (row, column) not in scan.formulas for row in range(area.first_row + 1, area.last_row + 1)):
            notes.append(f"{where} and is not read")
    return notes


def _filled_block(area: CellArea, scan: Scan) -> CellArea:
    """The rectangle that goes on as long as the header row and the rows below it are filled."""
    top, left, bottom, right = area.first_row, area.first_column, area.last_row, area.last_column
    while (top, left - 1) in scan.filled:
        left -= 1
    while (top, right + 1) in scan.filled:
        right += 1
    while any((bottom + 1, column) in scan.filled for column in range(left, right + 1)):
        bottom += 1
    return CellArea(area.sheet, top, left, bottom, right)


def must_not_be_merged(area: CellArea, scan: Scan, name: str) -> None:
    """Refuse a range with merged cells: all look alike, but only the first of them holds the value.

    Raises:
        MarginError: naming the first merged cells
    """
    for top, left, bottom, right in scan.merged:
        rows = min(bottom, area.last_row) - max(top, area.first_row)
        columns = min(right, area.last_column) - max(left, area.first_column)
        if rows >= 0 and columns >= 0 and rows + columns > 0 and (top, left) in scan.filled:
            merged = written(CellArea(area.sheet, top, left, bottom, right))
            raise MarginError(f"{merged} in the {name} is merged, so that only its first cell has a value: unmerge it and fill each cell")


def hidden_note(window: Window, scan: Scan, name: str) -> list[str]:
    """How many filled rows of a range its sheet does not show."""
    area = window.area
    inside = [row for row in scan.hidden if area.first_row < row <= area.last_row]
    count = sum(any(not is_blank(cell) for cell in window.line(row)) for row in inside)
    rows = f"{count} row{'s' if count > 1 else ''} of the {name} on the sheet {area.sheet}"
    return [f"{rows} {'are' if count > 1 else 'is'} hidden, and read as well"] if count else []
