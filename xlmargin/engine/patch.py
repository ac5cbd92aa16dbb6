"""Writes calculated values into a copy of an .xlsx file and leaves every other byte of its parts unchanged."""

from __future__ import annotations

import copy
import os
import re
import zipfile
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.sax.saxutils import escape

from xlmargin.engine.calls import Cell, Function
from xlmargin.engine.cellscan import CellSpan, RowSpan, SheetSpans, scan
from xlmargin.engine.formula import ERROR_CODES, CellArea, address, parse_area
from xlmargin.engine.host import Workbook
from xlmargin.engine.package import FORMULA, Package, open_zip
from xlmargin.errors import MarginError

#: Error values that every reader of the format knows; any newer one is stored as #VALUE!, as Excel does.
_STORED_ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})
_LONGEST_TEXT = 32_767  # a longer text makes Excel refuse the file
_TYPE = re.compile(rb"""\s(?:t|vm)\s*=\s*(?:"[^"]*"|'[^']*')""")
_SPANS = re.compile(rb"""\sspans\s*=\s*(?:"[^"]*"|'[^']*')""")
_REF = re.compile(rb"""(\sref\s*=\s*)(?:"[^"]*"|'[^']*')""")
_UNSAFE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]")

Place = tuple[int, int]
Splice = tuple[int, int, bytes]


class Calculated(Protocol):
    """An object with the values of a workbook, such as `Workbook`."""

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of the sheets."""

    def get(self, sheet: str, cell: str, /) -> Cell:
        """The value of a cell."""

    def offset(self, sheet: str, cell: str, /) -> float:
        """What the number that the file holds lies below the value: days of a date counted from 1904, else 0."""

    def spills(self, sheet: str, /) -> dict[str, tuple[int, int]]:
        """The dynamic array formulas by their cell, with the rows and columns they fill."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a recalculation: cells written, calls made, (sheet, cell, text) of formulas with an error."""

    cells: int
    calls: int
    errors: tuple[tuple[str, str, str], ...]


def recalculated(
    source: str | Path, destination: str | Path, functions: Mapping[str, Function], edits: Iterable[tuple[str, str, Cell]] = ()
) -> Report:
    """Recalculate a workbook file, after some edits of input cells, into a copy (or itself).

    Parameters: source; destination, may be the source; functions, by name; edits, as (sheet, cell, value).
    Raises: MarginError when a file cannot be read or written, or an edit is not of an input cell.
    """
    book = Workbook(source, functions)
    edits = list(edits)
    for sheet, cell, value in edits:
        if book.formula(sheet, cell) or (isinstance(value, str) and value.startswith("=")):
            raise MarginError(f"{sheet}!{cell}: only a value can be put into a file, and not over a formula; edit an input.")
    if edits:
        book.set_many(edits)
    cells = patch(source, destination, book, [(sheet, cell) for sheet, cell, _ in edits])
    places = ((sheet, cell) for sheet in book.sheets for cell in book.formula_cells(sheet))
    values = ((sheet, cell, book.get(sheet, cell)) for sheet, cell in places)
    errors = tuple(
        (sheet, cell, value)
        for sheet, cell, value in values
        if isinstance(value, str) and (value in ERROR_CODES or value.startswith("#PM! "))
    )
    return Report(cells, book.calls, errors)


def patch(source: str | Path, destination: str | Path, book: Calculated, edited: Iterable[tuple[str, str]] = ()) -> int:
    """Write the values of formulas, of the cells their arrays fill and of edited cells into a copy of a file.

    All else (formats, array flags, charts, tables, validations, calculation chain) stays byte for byte.
    Parameters: source; destination, may be the source; book, the values; edited, inputs as (sheet, cell).
    Returns: the number of cells written.
    Raises: MarginError when a file cannot be read or written, or a table's heading was edited.
    """
    inputs: dict[str, set[Place]] = {}
    for sheet, cell in edited:
        area = parse_area(cell, sheet)
        if area:
            inputs.setdefault(sheet.lower(), set()).add((area.first_row, area.first_column))
    count = 0
    contents: list[tuple[zipfile.ZipInfo, bytes]] = []
    with open_zip(source) as archive:
        package = Package(archive)
        _refuse_headings(package, inputs)
        sheets = {part: sheet for sheet, part in package.sheets.items()}
        for info in archive.infolist():
            data, sheet = archive.read(info), sheets.get(info.filename, "")
            places = inputs.get(sheet.lower(), set())
            if sheet and (places or FORMULA.search(data)):
                data, written = _Sheet(data, sheet, book, places).patched()
                count += written
            contents.append((info, data))
    _write(Path(destination), contents)
    return count


def _refuse_headings(package: Package, inputs: Mapping[str, set[Place]]) -> None:
    """A heading is stored in the table as well: Excel repairs a file where the two differ."""
    for table in package.tables().values():
        for row, column in inputs.get(table.area.sheet.lower(), ()):
            if table.area.covers(row, column) and row < table.area.first_row + table.heading_rows:
                raise MarginError(
                    f"{table.area.sheet}!{address(row, column)} is a heading of the table {table.name}; rename it in a spreadsheet program."
                )


def _write(path: Path, contents: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for info, data in contents:
                archive.writestr(copy.copy(info), data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MarginError(f"{path}: it cannot be written ({error}); close it where it is open.") from None


class _Sheet:
    """One sheet's XML on its way from old to new values."""

    def __init__(self, data: bytes, sheet: str, book: Calculated, inputs: set[Place]) -> None:
        self._data, self._sheet, self._book, self._inputs = data, sheet, book, inputs
        self._spans: SheetSpans = scan(data, sheet)
        self._cells = {(cell.row, cell.column): cell for row in self._spans.rows for cell in row.cells}
        self._extents = book.spills(sheet)
        self._splices: list[Splice] = []

    def patched(self) -> tuple[bytes, int]:
        """The new XML and the number of cells written."""
        fresh: dict[int, dict[int, bytes]] = {}
        count = 0
        for row, column in sorted(self._wanted()):
            value = self._stored(address(row, column))
            old = self._cells.get((row, column))
            if old:
                self._splices.append((old.start, old.end, self._rewritten(old, value)))
            elif value is not None:
                tag = f'<{self._spans.prefix}c r="{address(row, column)}">'.encode()
                element = self._element(tag, b"", value, b"", (row, column) in self._inputs)
                fresh.setdefault(row, {})[column] = element
            count += old is not None or value is not None
        self._insert(fresh)
        return self._spliced(), count

    def _stored(self, cell: str) -> Cell:
        """The value of a cell as the file holds it."""
        value = self._book.get(self._sheet, cell)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        return value - self._book.offset(self._sheet, cell)

    def _wanted(self) -> set[Place]:
        """The cells to write: formulas, edited cells, and the cells that the arrays fill now or filled when stored."""
        wanted = set(self._inputs)
        for place, cell in self._cells.items():
            if not cell.formula:
                continue
            wanted.add(place)
            if cell.area:
                now = self._extent(cell)
                wanted.update(_places(now))
                wanted.update(p for p in _places(cell.area) if now.covers(*p) or self._is_stale(p))
        return wanted

    def _is_stale(self, place: Place) -> bool:
        # a value typed by the user where an array once was is no value of ours
        return self._book.get(self._sheet, address(*place)) is None

    def _extent(self, cell: CellSpan) -> CellArea:
        """The rectangle an array formula fills now: a fixed one always the same."""
        height, width = self._extents.get(address(cell.row, cell.column), (0, 0))
        if not height and cell.area:
            return cell.area
        return CellArea(self._sheet, cell.row, cell.column, cell.row + height - 1, cell.column + width - 1)

    def _rewritten(self, cell: CellSpan, value: Cell) -> bytes:
        formula = cell.formula
        if cell.area and self._extent(cell) != cell.area:
            now = self._extent(cell)
            first, last = address(now.first_row, now.first_column), address(now.last_row, now.last_column)
            reference = (first if first == last else f"{first}:{last}").encode()
            formula = _REF.sub(lambda m: m[1] + b'"' + reference + b'"', formula, count=1)
        tag = _TYPE.sub(b"", cell.tag.removesuffix(b">").rstrip(b"/ ")) + b">"
        return self._element(tag, formula, value, cell.rest, (cell.row, cell.column) in self._inputs)

    def _element(self, tag: bytes, formula: bytes, value: Cell, rest: bytes, typed: bool) -> bytes:
        kind, content = _content(value, self._spans.prefix, typed)
        inner = formula + content + rest
        start = tag[:-1] + (f' t="{kind}"'.encode() if kind else b"")
        return start + b">" + inner + f"</{self._spans.prefix}c>".encode() if inner else start + b"/>"

    def _insert(self, fresh: Mapping[int, Mapping[int, bytes]]) -> None:
        """Put new cells into their rows, and new rows into the sheet, in their order."""
        if not fresh:
            return
        rows = {row.number: row for row in self._spans.rows}
        numbers = [row.number for row in self._spans.rows]
        added: dict[int, bytes] = {}
        for number, cells in sorted(fresh.items()):
            if number in rows:
                self._insert_cells(rows[number], cells)
            else:
                later = bisect_right(numbers, number)
                where = self._spans.rows[later].start if later < len(numbers) else self._spans.inner_end
                row = f'<{self._spans.prefix}row r="{number}">'.encode() + b"".join(cells.values())
                added[where] = added.get(where, b"") + row + f"</{self._spans.prefix}row>".encode()
        if self._spans.tag.endswith(b"/>"):
            self._splices.append((self._spans.start, self._spans.end, self._opened(self._spans.tag, added)))
        else:
            self._splices.extend((where, where, content) for where, content in added.items())
        self._widen(fresh)

    def _insert_cells(self, row: RowSpan, cells: Mapping[int, bytes]) -> None:
        tag = row.tag
        first, _, last = row.spans.partition(":")
        if first.isdigit() and last.isdigit() and (min(cells) < int(first) or max(cells) > int(last)):
            tag = _SPANS.sub(b"", tag)  # a hint that does not hold any more
        if tag.endswith(b"/>"):
            self._splices.append((row.start, row.end, self._opened(tag, cells)))
            return
        if tag != row.tag:
            self._splices.append((row.start, row.start + len(row.tag), tag))
        columns = [cell.column for cell in row.cells]
        added: dict[int, bytes] = {}
        for column, content in sorted(cells.items()):
            later = bisect_right(columns, column)
            where = row.cells[later].start if later < len(columns) else row.inner_end
            added[where] = added.get(where, b"") + content
        self._splices.extend((where, where, content) for where, content in added.items())

    @staticmethod
    def _opened(tag: bytes, contents: Mapping[int, bytes]) -> bytes:
        """An empty element with contents in it."""
        name = tag[1:].split()[0].removesuffix(b"/>")
        return tag[:-2].rstrip() + b">" + b"".join(contents.values()) + b"</" + name + b">"

    def _widen(self, fresh: Mapping[int, Mapping[int, bytes]]) -> None:
        """Let the sheet's stated extent cover the new cells."""
        start, tag, ref = self._spans.dimension or (0, b"", "")
        area = parse_area(ref, self._sheet)
        if not area:
            return
        columns = [column for cells in fresh.values() for column in cells]
        first = address(min(area.first_row, *fresh), min(area.first_column, *columns))
        last = address(max(area.last_row, *fresh), max(area.last_column, *columns))
        text = _REF.sub(lambda m: m[1] + f'"{first}:{last}"'.encode(), tag, count=1)
        self._splices.append((start, start + len(tag), text))

    def _spliced(self) -> bytes:
        pieces, position = [], 0
        # at the same place an insertion comes before the element that follows it
        for start, end, content in sorted(self._splices, key=lambda splice: splice[:2]):
            pieces += [self._data[position:start], content]
            position = end
        return b"".join([*pieces, self._data[position:]])


def _places(area: CellArea) -> Iterable[Place]:
    rows, columns = range(area.first_row, area.last_row + 1), range(area.first_column, area.last_column + 1)
    return ((row, column) for row in rows for column in columns)


def _content(value: Cell, prefix: str, typed: bool) -> tuple[str, bytes]:
    """The type and the value element of a cell; `typed` for an input, whose text is not a formula's."""
    if value is None:
        return "", b""
    if isinstance(value, bool):
        return "b", f"<{prefix}v>{int(value)}</{prefix}v>".encode()
    if isinstance(value, (int, float)):
        return "", f"<{prefix}v>{repr(float(value)).removesuffix('.0')}</{prefix}v>".encode()
    if value in ERROR_CODES:
        return "e", f"<{prefix}v>{value if value in _STORED_ERRORS else '#VALUE!'}</{prefix}v>".encode()
    text = escape(_UNSAFE.sub(_escaped, value[:_LONGEST_TEXT]))
    space = ' xml:space="preserve"' if text != text.strip() or "\n" in text else ""
    if typed:
        return "inlineStr", f"<{prefix}is><{prefix}t{space}>{text}</{prefix}t></{prefix}is>".encode()
    return "str", f"<{prefix}v{space}>{text}</{prefix}v>".encode()


def _escaped(match: re.Match[str]) -> str:
    return f"_x{ord(match.group()):04X}_"
