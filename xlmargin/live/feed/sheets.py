"""The targets of a feed: an open LibreOffice document, an open Excel workbook, or the file itself when no program has it open."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from xlmargin.engine import recalculated
from xlmargin.engine.formula import address, meet, parse_area
from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice import Guest, OpenWorkbook
from xlmargin.files.workbooks import NamedRanges
from xlmargin.live.feed.market_table import Row, serial
from xlmargin.sheet.registry import FUNCTIONS

Grid = list[Row]
LOCKS = ("~${name}", ".~lock.{name}#")  # files that Excel and LibreOffice leave next to a file that they have open
BUSY = "a cell is being edited"


class Sheets(Protocol):
    """The named ranges of one workbook."""

    def waits_for(self) -> str:
        """The reason why nothing may be written just now, "" when it may."""

    def names(self) -> frozenset[str]:
        """The defined names that refer to ranges."""

    def read(self, name: str) -> Grid:
        """The cells of a range; None where blank, dates as serials."""

    def formulas(self, name: str) -> list[str]:
        """Addresses in a range that hold formulas."""

    def write(self, ranges: Mapping[str, Grid]) -> None:
        """Whole ranges by name, each in one piece; formulas see all of a range or nothing of it."""

    def close(self) -> None:
        """Disconnect from the workbook and leave it unchanged."""


class LibreOfficeSheets:
    """A document open in a LibreOffice that listens on a pipe.

    A cell being edited there is neither disturbed by writes elsewhere nor reported by UNO: nothing waits.
    """

    def __init__(self, path: Path, pipe: str) -> None:
        """Connect; raises MarginError when no program listens there, or the workbook is not open."""
        self._path, self._pipe = path, pipe
        self._guest: Guest | None = None
        self._connected()

    def _connected(self) -> OpenWorkbook:
        """The open workbook; after a lost connection it is searched again."""
        if self._guest is None:
            self._guest = Guest(self._pipe)
            try:
                self._book = self._guest.attach(self._path)
            except MarginError:
                self.close()
                raise
        return self._book

    def _ask(self, verb: str, *arguments: Any) -> Any:
        """A method of the workbook; a call that fails is tried on a new connection the next time."""
        book = self._connected()
        try:
            return getattr(book, verb)(*arguments)
        except MarginError:
            self.close()
            raise

    def waits_for(self) -> str:
        """Nothing: see the class."""
        return ""

    def names(self) -> frozenset[str]:
        """The defined names."""
        return frozenset(self._ask("names"))

    def read(self, name: str) -> Grid:
        """The cells of a range, errors as their texts."""
        return [[cell["error"] if isinstance(cell, dict) else cell for cell in row] for row in self._ask("get", *self._place(name))]

    def formulas(self, name: str) -> list[str]:
        """Addresses in a range that hold formulas."""
        sheet, area = self._place(name)
        return _inside(area, self._ask("formulas", sheet))

    def write(self, ranges: Mapping[str, Grid]) -> None:
        """One message per range."""
        for name, rows in ranges.items():
            self._ask("set", *self._place(name), rows)

    def _place(self, name: str) -> tuple[str, str]:
        """The present place of a range: people insert rows."""
        found: tuple[str, str] | None = self._ask("place", name)
        if found is None:
            raise MarginError(f"{self._path.name} has no range {name} any more: name it again")
        return found

    def close(self) -> None:
        """End the connection."""
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.stop()


class FileSheets:
    """The file itself, for a workbook that no program has open: recalculated whole and replaced in one step."""

    def __init__(self, path: Path) -> None:
        """Look; raises MarginError when there is no such workbook."""
        if path.suffix.lower() not in (".xlsx", ".xlsm") or not path.is_file():
            raise MarginError(f"{path} is no workbook that is there: give an .xlsx or .xlsm file")
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._ranges: NamedRanges | None = None

    def waits_for(self) -> str:
        """The program that has the file open."""
        for lock in LOCKS:
            if (self._path.parent / lock.format(name=self._path.name)).exists():
                return f"{self._path.name} is open in a program: close it there, or feed that program"
        return ""

    def _state(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size

    def _loaded(self) -> NamedRanges:
        """The named ranges, those of the changed file when it has changed."""
        state = self._state()
        if self._ranges is None or self._seen != state:
            self._ranges, self._seen = NamedRanges(self._path), state
        return self._ranges

    def names(self) -> frozenset[str]:
        """The defined names of the file."""
        return frozenset(self._loaded().areas)

    def read(self, name: str) -> Grid:
        """The cells as they were saved."""
        return [list(map(_number, row)) for row in self._loaded().cells(name)]

    def formulas(self, name: str) -> list[str]:
        """Addresses in a range that hold formulas."""
        return self._loaded().formulas(name)

    def write(self, ranges: Mapping[str, Grid]) -> None:
        """Recalculate with the new cells, then put the result in the place of the file; raises as `edit` does."""
        known = self._loaded()
        edits: list[tuple[str, str, Any]] = []
        for name, rows in ranges.items():
            area, old = known.areas[name], self.read(name)
            edits += [
                (area.sheet, address(area.first_row + y, area.first_column + x), cell)
                for y, row in enumerate(rows)
                for x, cell in enumerate(row)
                if cell != old[y][x]
            ]
        if edits:
            self.edit(edits)

    def edit(self, edits: Sequence[tuple[str, str, Any]], before: Callable[[], object] = lambda: None) -> None:
        """Recalculate with some cells changed, given as (sheet, cell, value), then put the result in the place of the file.

        Args:
            before: done when all went well, just before the file is replaced

        Raises:
            MarginError: the file was saved by another program meanwhile, or cannot be written
        """
        import udfs  # noqa: F401  (fills the registry)

        state = self._seen or self._state()
        with tempfile.TemporaryDirectory(prefix=".xlmargin-", dir=self._path.parent) as folder:
            made = Path(folder) / self._path.name
            recalculated(self._path, made, {name: function.call for name, function in FUNCTIONS.items()}, edits)
            if self._state() != state or self.waits_for():
                raise MarginError(f"{self._path.name} was opened or saved by a program meanwhile: it is left as it is")
            before()
            os.replace(made, self._path)

    def close(self) -> None:
        """Nothing is held."""


class ExcelSheets:
    """A workbook open in Excel, through an xlwings Book."""

    def __init__(self, book: Any) -> None:
        """Take over an xlwings Book."""
        self._book = book

    def waits_for(self) -> str:
        """Excel refuses every call while a cell is edited or a dialog is open, or says that it is not ready."""
        try:
            api = self._book.app.api
            return "" if api.Ready and api.Interactive else BUSY
        except Exception:  # com_error, of a module that exists on Windows only
            return BUSY

    def names(self) -> frozenset[str]:
        """The defined names."""
        return frozenset(_excel(lambda: [name.name for name in self._book.names]))

    def read(self, name: str) -> Grid:
        """The cells of a range in one call."""
        return [[_number(cell) for cell in row] for row in _excel(lambda: self._range(name).options(ndim=2).value)]

    def formulas(self, name: str) -> list[str]:
        """Addresses in a range that hold formulas."""
        texts = _excel(lambda: self._range(name).formula)
        rows = texts if isinstance(texts, (tuple, list)) else ((texts,),)
        return [
            f"row {y} column {x} of {name}" for y, row in enumerate(rows, 1) for x, text in enumerate(row, 1) if str(text).startswith("=")
        ]

    def write(self, ranges: Mapping[str, Grid]) -> None:
        """One write per range, after which Excel recalculates its dependents."""
        for name, rows in ranges.items():
            _excel(partial(self._put, name, rows))

    def _put(self, name: str, rows: Grid) -> None:
        self._range(name).value = rows

    def _range(self, name: str) -> Any:
        return self._book.names[name].refers_to_range

    def close(self) -> None:
        """The workbook stays open."""


def _excel(do: Callable[[], Any]) -> Any:
    """The answer of Excel; a refusal, which comes as an exception of a module that Windows alone has, as a MarginError."""
    try:
        return do()
    except Exception as error:
        raise MarginError(f"Excel refuses just now: {' '.join(str(error).split())[:100]}") from None


def excel_book(path: Path) -> Any:
    """The xlwings Book of a workbook that is open in Excel.

    Raises:
        MarginError: there is no Excel, or the workbook is not open in it
    """
    import xlwings

    try:
        books = [book for app in xlwings.apps for book in app.books]
    except Exception as error:  # xlwings has no class of its own for a missing Excel
        raise MarginError(f"no Excel answers here ({' '.join(str(error).split())[:100]}): use --libreoffice or --file") from None
    for book in books:
        if os.path.normcase(book.fullname) == os.path.normcase(path.absolute()):
            return book
    raise MarginError(f"{path.name} is not open in Excel: open it there first, or use --libreoffice or --file")


def _number(cell: Any) -> Any:
    """A date as its serial; blanks as None."""
    if isinstance(cell, dt.datetime):
        return serial(cell.replace(tzinfo=dt.UTC).timestamp())
    if isinstance(cell, dt.date):
        return serial(dt.datetime(cell.year, cell.month, cell.day, tzinfo=dt.UTC).timestamp())
    return None if cell == "" else float(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def _inside(area: str, addresses: Mapping[str, str]) -> list[str]:
    """Those of some addresses that touch an area."""
    areas = {place: parse_area(place, "") for place in addresses}
    wanted = parse_area(area, "")
    return [place for place, filled in areas.items() if wanted and filled and meet(wanted, filled)]
