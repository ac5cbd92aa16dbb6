"""The interface of a workbook file of any kind, and the cells of a rectangle as calamine reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from xlmargin.engine.formula import CellArea, TableArea, address
from xlmargin.engine.package import DefinedName
from xlmargin.errors import MarginError
from xlmargin.files.ranges import Grid

MOST_CELLS = 2_000_000  # of a rectangle that is mostly blank
LEAST_FILLED = 0.05  # of a larger one

Cell = tuple[int, int]  # row and column, counted from 1


@dataclass(frozen=True)
class Scan:
    """What stands in a sheet, found without the values.

    Attributes:
        filled: the cells that hold a value or are to hold one; of each, whether there must be one when it is read (a text may be empty)
        errors: the texts of cells that show an error
        formulas: the cells with a formula, and those that hold a value of an array formula
        uncalculated: those of them without a saved value
        hidden: rows that the sheet does not show
        merged: rectangles of merged cells
        reach: the last row and the last column in which cells are written, those without a value too; 0 where nothing says so
    """

    filled: Mapping[Cell, bool] = field(default_factory=dict)
    errors: Mapping[Cell, str] = field(default_factory=dict)
    formulas: frozenset[Cell] = frozenset()
    uncalculated: frozenset[Cell] = frozenset()
    hidden: frozenset[int] = frozenset()
    merged: tuple[tuple[int, int, int, int], ...] = ()
    reach: Cell = (0, 0)

    def used(self, sheet: str) -> CellArea | None:
        """The smallest rectangle around the filled cells; None where there are none."""
        return CellArea(sheet, *self._extent) if self.filled else None

    @cached_property
    def _extent(self) -> tuple[int, int, int, int]:
        rows, columns = zip(*self.filled)
        return min(rows), min(columns), max(rows), max(columns)


class CellBlock(NamedTuple):
    """The cells of a rectangle, None where blank: rows from `top` and columns from `left` on, counted from 1."""

    top: int
    left: int
    rows: Grid


class Container(Protocol):
    """An open workbook file."""

    @property
    def kind(self) -> str:
        """What the file is, in words: `Excel workbook`."""

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of its worksheets, in their order."""

    @property
    def hidden_sheets(self) -> frozenset[str]:
        """The worksheets that the program does not show."""

    @property
    def names(self) -> tuple[DefinedName, ...]:
        """The names that the workbook defines."""

    @property
    def recalculates(self) -> bool:
        """Whether the file asks to be calculated when it is opened: its saved values need not be right."""

    @property
    def from_1904(self) -> bool:
        """Whether its numbers of days count from 1904."""

    @property
    def opens_in_engine(self) -> bool:
        """Whether the embedded engine can calculate it."""

    def tables(self) -> Mapping[str, TableArea]:
        """Its tables by lower-case name."""

    def scan(self, sheet: str) -> Scan:
        """What stands in a sheet."""

    def block(self, sheet: str, within: CellArea) -> CellBlock:
        """The cells of a rectangle, which lies within the used one."""


def clipped(area: CellArea, used: CellArea | None) -> CellArea | None:
    """The part of a rectangle that lies within the used one; None where they do not meet."""
    if used is None:
        return None
    top, left = max(area.first_row, used.first_row), max(area.first_column, used.first_column)
    bottom, right = min(area.last_row, used.last_row), min(area.last_column, used.last_column)
    return CellArea(area.sheet, top, left, bottom, right) if top <= bottom and left <= right else None


def size(area: CellArea) -> int:
    """The number of cells of a rectangle."""
    return (area.last_row - area.first_row + 1) * (area.last_column - area.first_column + 1)


def must_be_small(area: CellArea, scan: Scan) -> None:
    """Refuse a rectangle that is large and nearly blank.

    Raises:
        MarginError: naming its last cell
    """
    cells = size(area)
    if cells > MOST_CELLS and len(scan.filled) < LEAST_FILLED * cells:
        far = address(*max(scan.filled, key=lambda cell: cell[0] * cell[1]))
        raise MarginError(
            f"the sheet {area.sheet} reaches to {address(area.last_row, area.last_column)} with {len(scan.filled):,} filled cells alone: "
            f"delete what stands far from the rest ({far}), or name the range"
        )


def calamine(read: Callable[[], Any], filename: str) -> Any:
    """What calamine answers.

    Raises:
        MarginError: the file has a password, or cannot be read
    """
    from python_calamine import PasswordError

    try:
        return read()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except PasswordError:
        raise locked(filename) from None
    except BaseException as error:  # a fault inside calamine does not come as an Exception
        raise damaged(filename, error) from None


def damaged(filename: str, why: object) -> MarginError:
    """The error of a file that cannot be read."""
    words = " ".join(str(why).split())[:120]
    return MarginError(f"{filename} cannot be read as a workbook ({words}): open it in a spreadsheet program and save it again")


def locked(filename: str) -> MarginError:
    """The error of a file with a password."""
    return MarginError(f"{filename} has a password: save it without one (File, Info, Protect Workbook, Encrypt with Password, leave blank)")


@contextmanager
def guarded(filename: object) -> Iterator[None]:
    """Whatever fails while a file is read tells that it is damaged: a byte that is not as it should be fails in many ways."""
    try:
        yield
    except (MarginError, MemoryError):
        raise
    except Exception as error:
        raise damaged(str(filename), f"{type(error).__name__}: {error}") from None


def opened(file: Any, filename: str) -> Any:
    """A workbook in calamine; raises MarginError when it cannot be read."""
    from python_calamine import load_workbook

    return calamine(lambda: load_workbook(file), filename)


def block_of(book: Any, scan: Scan, within: CellArea, filename: str) -> CellBlock:
    """A rectangle of a sheet of a workbook that calamine has opened, its errors as their texts.

    Raises:
        MarginError: a filled cell is not among what calamine found
    """
    sheet = calamine(lambda: book.get_sheet_by_name(within.sheet), filename)
    start = calamine(lambda: sheet.start, filename)
    read: Grid = calamine(sheet.to_python, filename) if start is not None else []
    top, left = (start[0] + 1, start[1] + 1) if start is not None else (1, 1)
    width = within.last_column - within.first_column + 1
    rows: Grid = []
    for number in range(within.first_row, within.last_row + 1):
        found = read[number - top] if 0 <= number - top < len(read) else []
        skipped = within.first_column - left
        line = [None] * -skipped + found if skipped < 0 else found[skipped:]
        rows.append([_raw(cell) for cell in line[:width]] + [None] * (width - len(line)))
    for (row, column), needed in scan.filled.items():
        if within.covers(row, column):
            cells, at = rows[row - within.first_row], column - within.first_column
            if (row, column) in scan.errors:
                cells[at] = scan.errors[row, column]
            elif needed and cells[at] is None:
                raise MarginError(
                    f"{filename}: {within.sheet}!{address(row, column)} holds a value that cannot be read: type it again and save the file"
                )
    return CellBlock(within.first_row, within.first_column, rows)


def _raw(cell: Any) -> Any:
    """A cell as the readers of ranges expect it: blank as None, a number as a float, a date as its midnight."""
    if cell == "":
        return None
    if isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
        return dt.datetime(cell.year, cell.month, cell.day)
    return float(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell
