"""Finds the cells of a sheet's XML by their place in the bytes, so that a few change and no other byte."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from xlmargin.engine.formula import CellArea, column_number, parse_area
from xlmargin.errors import MarginError

_VALUES = ("v", "is")  # elements of a cell
_TAG = re.compile(rb"""<[^<>"']*(?:(?:"[^"]*"|'[^']*')[^<>"']*)*>""")


@dataclass(slots=True)
class CellSpan:
    """A cell element: its place, its start tag, its formula element, and its other content except values."""

    row: int
    column: int
    start: int
    end: int
    tag: bytes
    formula: bytes = b""
    area: CellArea | None = None
    rest: bytes = b""


@dataclass(slots=True)
class RowSpan:
    """A row element: number, place, start tag, the end of its cells, and the cells in their order."""

    number: int
    start: int
    tag: bytes
    inner_end: int = 0
    end: int = 0
    spans: str = ""
    cells: list[CellSpan] = field(default_factory=list)


@dataclass(slots=True)
class SheetSpans:
    """The rows of a sheet, the element around them, and the element that gives their extent."""

    prefix: str = ""
    start: int = 0
    tag: bytes = b""
    inner_end: int = 0
    end: int = 0
    rows: list[RowSpan] = field(default_factory=list)
    dimension: tuple[int, bytes, str] | None = None


def scan(data: bytes, sheet: str) -> SheetSpans:
    """Find the rows and cells of a sheet.

    Parameters: data, the XML of the sheet in UTF-8; sheet, its name for messages.
    Raises: MarginError when it is not XML in UTF-8.
    """
    return _Scanner(data, sheet).found


class _Scanner:
    def __init__(self, data: bytes, sheet: str) -> None:
        self._data = data
        self._sheet = sheet
        self._depth = 0  # 1 in sheetData, 2 in row, 3 in c, 4 in a child of c
        self._row = self._column = 0
        self._open_tags: list[tuple[int, bytes]] = []
        self._array = ""
        self.found = SheetSpans()
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close
        try:
            data.decode("utf-8")
            self._parser.Parse(data, True)
        except (expat.ExpatError, UnicodeDecodeError) as error:
            raise MarginError(f"The sheet {sheet!r} cannot be read ({error}); save the workbook again.") from None

    def _tag(self) -> tuple[int, bytes]:
        start = self._parser.CurrentByteIndex
        match = _TAG.match(self._data, start)
        return start, match.group() if match else b""

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        prefix, _, tail = name.rpartition(":")
        if self._depth == 0:
            if tail == "sheetData":
                self.found.start, self.found.tag = self._tag()
                self._open_tags = [self._tag()]
                self.found.prefix = prefix + ":" if prefix else ""
                self._depth = 1
            elif tail == "dimension":
                self.found.dimension = (*self._tag(), attributes.get("ref", ""))
            return
        self._depth += 1
        if self._depth > 4 or (self._depth == 4 and tail in _VALUES):
            return  # nothing is kept of these, and they are most of the elements
        self._open_tags.append(self._tag())
        if self._depth == 2:
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
            self.found.rows.append(RowSpan(self._row, *self._open_tags[-1], spans=attributes.get("spans", "")))
        elif self._depth == 3:
            letters = attributes.get("r", "").rstrip("0123456789")
            self._column = column_number(letters) if letters else self._column + 1
            start, tag = self._open_tags[-1]
            self.found.rows[-1].cells.append(CellSpan(self._row, self._column, start, 0, tag))
        elif self._depth == 4:
            self._array = attributes.get("ref", "") if tail == "f" and attributes.get("t") == "array" else ""

    def _close(self, name: str) -> None:
        if self._depth == 0:
            return
        tail = name.rpartition(":")[2]
        if self._depth > 4 or (self._depth == 4 and tail in _VALUES):
            self._depth -= 1
            return
        start, tag = self._open_tags.pop()
        inner = end = start + len(tag)
        if not tag.endswith(b"/>"):
            inner, closing = self._tag()
            end = inner + len(closing)
        if self._depth == 4:
            cell = self.found.rows[-1].cells[-1]
            if tail == "f":
                cell.formula, cell.area = self._data[start:end], parse_area(self._array, self._sheet)
            else:
                cell.rest += self._data[start:end]
        elif self._depth == 3:
            self.found.rows[-1].cells[-1].end = end
        elif self._depth == 2:
            self.found.rows[-1].inner_end, self.found.rows[-1].end = inner, end
        elif self._depth == 1:
            self.found.inner_end, self.found.end = inner, end
        self._depth -= 1
