"""Workbooks as cells: named ranges, tables, sheets, and formulas that the program which saved the file has left without a value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlmargin.engine.formula import MAX_COLUMN, MAX_ROW, CellArea, address
from xlmargin.engine.prepared import EPOCHS
from xlmargin.errors import MarginError
from xlmargin.files.containers.container import MOST_CELLS, CellBlock, Container, Scan, clipped, guarded, size
from xlmargin.files.containers.opened import open_workbook
from xlmargin.files.edges import Window, hidden_note, must_be_whole, must_not_be_merged, titles_above
from xlmargin.files.names import Target, areas_of, plain_area, target_of, titled, written_cell
from xlmargin.files.ranges import Grid, Place, Ranges
from xlmargin.files.sought import RANGES, SOUGHT, Sought
from xlmargin.sheet.cells import is_blank, is_blank_row
from xlmargin.sheet.registry import FUNCTIONS


def named_cells(path: Path) -> dict[str, tuple[str, str]]:
    """Sheet and area of every name of a workbook that stands for a rectangle; others are left alone.

    Raises:
        MarginError: it cannot be read
    """
    return {name: (area.sheet, plain_area(area)) for name, area in NamedRanges(path).areas.items()}


class NamedRanges:
    """The named ranges of a workbook file, each read when it is asked for.

    Attributes:
        areas: the rectangle of each name that stands for one; the ranges of a book by their tables and sheets too
    """

    def __init__(self, path: Path) -> None:
        """Open the file; raises MarginError when it cannot be read."""
        self._path = path
        with guarded(path):
            self._book = open_workbook(path)
            self.areas = areas_of(self._book)
            known = {name.lower() for name in self.areas}
            for sought in RANGES:
                area = None if sought.name in known or not sought.marks else _Book(path, self._book).area(sought)
                if area is not None:
                    self.areas[sought.name] = area

    def cells(self, name: str) -> Grid:
        """The cells as they were saved; whole columns and rows end where the sheet does."""
        area = self.areas[name]
        with guarded(self._path):
            used = self._book.scan(area.sheet).used(area.sheet)
            within = area if size(area) <= MOST_CELLS else clipped(area, used)
            return self._book.block(area.sheet, within).rows if within else []

    def formulas(self, name: str) -> list[str]:
        """Addresses of the cells that hold formulas."""
        area = self.areas[name]
        return [address(*cell) for cell in sorted(self._book.scan(area.sheet).formulas) if area.covers(*cell)]


def read_workbook(path: Path) -> Ranges:
    """The ranges of a workbook by their names, else by tables of that name, else by their sheets.

    Raises:
        MarginError: it cannot be read, a name stands for no whole range, or it has no positions
    """
    with guarded(path):
        book = _Book(path, open_workbook(path))
        found = {sought.name: book.range(sought) for sought in RANGES}
    positions, method = found["positions"], found["method"]
    if method and sum(not is_blank(cell) for row in method for cell in row) > 1:
        raise MarginError("the name method stands for several filled cells: let it stand for the one that holds the method")
    if positions is None:
        raise book.lacks("positions")
    return Ranges(
        positions,
        found["market"],
        found["parameters"],
        str(method[0][0]) if method and not is_blank(method[0][0]) else None,
        found["history"],
        notes=tuple(book.notes),
        places=book.places,
        balances=found["balances"],
    )


def read_range(path: Path, name: str) -> tuple[Grid, tuple[str, ...]]:
    """The range of a workbook that is given in the place of a text file, and notes on it.

    Args:
        name: of the range, one of SOUGHT

    Raises:
        MarginError: it cannot be read, or has no such range
    """
    with guarded(path):
        book = _Book(path, open_workbook(path), alone=name)
        rows = book.range(SOUGHT[name])
    if rows is None:
        raise book.lacks(name)
    return rows, tuple(book.notes)


class _Book:
    """An open workbook whose ranges are read one by one; what is told of them gathers in `notes` and `places`.

    Args:
        path: of the file
        book: the open file
        alone: the range that a sheet holds which stands alone
    """

    def __init__(self, path: Path, book: Container, alone: str = "positions") -> None:
        self._path, self._book, self._alone = path, book, alone
        self._engine: Any = None
        self._calculated: set[tuple[str, int, int]] = set()  # cells whose values are the engine's
        self.notes: list[str] = []
        self.places: dict[str, Place] = {}

    def lacks(self, name: str) -> MarginError:
        """The error of a workbook without a range."""
        sheets = f"its sheets are {', '.join(self._book.sheets)}" if self._book.sheets else "it has no worksheet"
        return MarginError(f"{self._path} has no {name}: name the range `{name}`, or call its sheet {name.capitalize()} ({sheets})")

    def range(self, sought: Sought) -> Grid | None:
        """The cells of a range, its header row first; None where the workbook has none."""
        target = target_of(self._book, sought.name) or self._titled(sought)
        if target is None:
            return None
        scan = self._book.scan(target.area.sheet)
        used = scan.used(target.area.sheet)
        area = _filled(target, used) if used else None
        if used is None or area is None:
            return self._blank(target, sought)
        block = self._block(area, clipped(_around(area, target.bottom), used) or area, scan)
        header = _header_row(Window(area, block), sought, whole=target.whole)
        if header is None:
            return self._blank(target, sought)
        window = Window(CellArea(area.sheet, header, area.first_column, area.last_row, area.last_column), block)
        if sought.marks:
            self.notes += titles_above(target, window, sought)
            self.notes += [*must_be_whole(target, window, scan, sought), *hidden_note(window, scan, sought.name)]
        must_not_be_merged(window.area, scan, sought.name)
        if self._book.from_1904:
            _count_from_1900(window, sought, self._calculated)
        virtual = [list(target.headings)] if target.headings else []
        self.places[sought.name] = Place(area.sheet, header - len(virtual), area.first_column)
        return _trimmed(virtual + window.rows)

    def area(self, sought: Sought) -> CellArea | None:
        """The rectangle of a range; None where there is none, or none that can be read whole."""
        try:
            rows = self.range(sought)
        except MarginError:
            return None
        if not rows:
            return None
        sheet, top, left = self.places[sought.name]
        return CellArea(sheet, top, left, top + len(rows) - 1, left + len(rows[0]) - 1)

    def _blank(self, target: Target, sought: Sought) -> Grid | None:
        """No range where a name stands for blank cells, or a sheet has no row of headings; raises MarginError for the positions."""
        lack = f"has no row with the heading {' or '.join(sought.marks)}" if target.whole else "is blank"
        if sought.name == "positions":
            raise MarginError(f"{target.shown} {lack}: no positions are read from {self._path}")
        if target.whole:
            self.notes.append(f"{target.shown} {lack}: no {sought.name} is read from it")
        return None

    def _titled(self, sought: Sought) -> Target | None:
        """The whole sheet of that title; one that stands alone may do without, unless its title means another range."""
        sheet = titled(self._book, sought.name) if sought.marks else None
        if sheet is None and sought.name == self._alone and len(self._book.sheets) == 1:
            alone = self._book.sheets[0]
            if not any(titled(self._book, other.name) for other in RANGES):
                self.notes.append(f"the sheet {alone} is read as the {sought.name}: it is the only one")
                sheet = alone
        if sheet is None:
            return None
        if sheet in self._book.hidden_sheets:
            self.notes.append(f"the sheet {sheet} is hidden, and read as the {sought.name}")
        return Target(f"the sheet {sheet}", CellArea(sheet, 1, 1, MAX_ROW, MAX_COLUMN), whole=True)

    def _block(self, area: CellArea, window: CellArea, scan: Scan) -> CellBlock:
        """The cells of a range and around it as they were saved, or its formulas as the engine has calculated them."""
        block = self._book.block(area.sheet, window)
        formulas = [cell for cell in scan.formulas if area.covers(*cell)]
        if not formulas or not self._stale(block, formulas, scan):
            return block
        if not self._book.opens_in_engine:
            place = written_cell(area.sheet, *min(formulas))
            raise MarginError(f"{place} holds a formula without a saved value: open {self._path} in a spreadsheet program and save it")
        if self._engine is None:
            self._engine = _calculated(self._path)
        self._calculated |= {(area.sheet, *cell) for cell in formulas}
        for row, column in formulas:
            block.rows[row - block.top][column - block.left] = self._engine.get(area.sheet, address(row, column))
        return block

    def _stale(self, block: CellBlock, formulas: list[tuple[int, int]], scan: Scan) -> bool:
        """Whether the program that saved the file has left formulas without values, or with the zeros that libraries write."""
        values = (block.rows[row - block.top][column - block.left] for row, column in formulas)
        return not scan.uncalculated.isdisjoint(formulas) or (self._book.recalculates and any(value == 0.0 for value in values))


def _header_row(window: Window, sought: Sought, *, whole: bool) -> int | None:
    """The row with which a range begins: its header; without one the first that is not blank, unless it is a whole sheet or column."""
    rows = [(row, window.line(row)) for row in range(window.area.first_row, window.area.last_row + 1)]
    header = next((row for row, cells in rows if sought.is_header(cells)), None)
    return header if header is not None or whole else next((row for row, cells in rows if not is_blank_row(cells)), None)


def _count_from_1900(window: Window, sought: Sought, calculated: set[tuple[str, int, int]]) -> None:
    """Turn the plain numbers of days of a workbook that counts from 1904; those that the engine calculates count from 1900."""
    area, block = window.area, window.block
    for column in sought.header(window.line(area.first_row)).columns(sought.dates).values():
        at = area.first_column + column
        for row in range(area.first_row + 1, area.last_row + 1):
            cells = block.rows[row - block.top]
            if isinstance(cells[at - block.left], float) and (area.sheet, row, at) not in calculated:
                cells[at - block.left] += EPOCHS


def _calculated(path: Path) -> Any:
    """The workbook in the embedded engine."""
    from xlmargin.engine import Workbook

    return Workbook(path, {name: function.call for name, function in FUNCTIONS.items()})


def _filled(target: Target, used: CellArea) -> CellArea | None:
    """The rectangle of a target without what lies outside the used one; a range that is not whole keeps its first cell."""
    area = clipped(target.area, used)
    if area is None or target.whole:
        return area
    return CellArea(area.sheet, target.area.first_row, target.area.first_column, area.last_row, area.last_column)


def _around(area: CellArea, bottom: int) -> CellArea:
    """A rectangle with the columns beside it and the rows above and below it that are looked at as well."""
    return CellArea(area.sheet, max(1, area.first_row - 1), max(1, area.first_column - 1), bottom + 2, area.last_column + 1)


def _trimmed(rows: Sequence[Sequence[Any]]) -> Grid | None:
    """Rows without the blank ones at the end; None where nothing is left."""
    kept = [list(row) for row in rows]
    while kept and is_blank_row(kept[-1]):
        kept.pop()
    return kept or None
