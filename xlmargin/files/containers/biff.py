"""Workbooks of Excel 97 to 2003 (.xls): structure and names from the records, values by calamine."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from xlmargin.engine.formula import CellArea, TableArea
from xlmargin.engine.package import DefinedName
from xlmargin.files.containers.compound import compound_of, read_stream
from xlmargin.files.containers.container import Cell, CellBlock, Scan, block_of, damaged, locked, must_be_small, opened
from xlmargin.files.containers.tokens import ERRORS, UNKNOWN_ERROR, XLS, Linked, linked_sheets, text_of

START, END, PASSWORD, SHEET, LINK, SHEETS, NAME = 0x809, 0x0A, 0x2F, 0x85, 0x1AE, 0x17, 0x18
ROW, MERGED, NUMBER, SMALL, SMALLS, LABEL, RICH, SHARED, TRUTH, FORMULA = 0x208, 0xE5, 0x203, 0x27E, 0xBD, 0x204, 0xD6, 0xFD, 0x205, 0x06
VALUES = (NUMBER, SMALL, SMALLS, LABEL, RICH, SHARED, TRUTH, FORMULA)
TEXTS = (LABEL, RICH, SHARED)  # may be empty
EXCEL_97 = 0x600
DATES = 0x22
HIDDEN_ROW, BUILT_IN = 0x20, 0x20
OWN = 0x0401  # a link to this workbook itself
# The records that the values need: of the workbook, and of a sheet.
CODEPAGE, FORMAT, LOOK, STORED, MORE, RESULT = 0x42, 0x41E, 0xE0, 0xFC, 0x3C, 0x207
NEEDED = (START, CODEPAGE, DATES, FORMAT, LOOK, STORED, MORE, END)


class _Listed(NamedTuple):
    """A sheet as the workbook lists it."""

    title: str
    at: int
    hidden: bool
    cells: bool


class Biff:
    """A workbook of Excel 97 to 2003.

    Attributes:
        hidden_sheets: the worksheets that are not shown
        sheets: the names of the worksheets
    """

    kind = "Excel 97-2003 workbook"
    recalculates = False
    opens_in_engine = False

    def __init__(self, path: Path) -> None:
        """Read the records of the whole workbook; raises MarginError when it has a password or is too old."""
        filename = self._filename = str(path)
        data = self._data = read_stream(path)
        self._globals = list(_records(data, 0))
        if any(kind == PASSWORD for kind, _ in self._globals):
            raise locked(filename)
        if not self._globals or struct.unpack_from("<H", self._globals[0][1])[0] != EXCEL_97:
            raise damaged(filename, "it is of an Excel before 1997")
        listed = [_listed(record) for kind, record in self._globals if kind == SHEET]
        self.from_1904 = any(kind == DATES and record[:1] == b"\x01" for kind, record in self._globals)
        self._order = [sheet.title for sheet in listed]
        self._places = {sheet.title: sheet.at for sheet in listed if sheet.cells}
        self.hidden_sheets = frozenset(sheet.title for sheet in listed if sheet.hidden)
        self.sheets = tuple(self._places)
        self._scans: dict[str, Scan] = {}

    @cached_property
    def names(self) -> tuple[DefinedName, ...]:
        """The defined names."""
        links = [struct.unpack_from("<HH", record)[1] != OWN for kind, record in self._globals if kind == LINK]
        linked: list[Linked] = []
        for kind, record in self._globals:
            if kind == SHEETS:
                count = struct.unpack_from("<H", record)[0]
                linked = [linked_sheets(self._order, links, *struct.unpack_from("<Hhh", record, 2 + 6 * n)) for n in range(count)]
        return tuple(self._name(record, linked) for kind, record in self._globals if kind == NAME)

    def _name(self, record: bytes, linked: list[Linked]) -> DefinedName:
        flags, _, letters, length, _, owner = struct.unpack_from("<HBBHHH", record)
        wide = record[14] & 1
        end = 15 + letters * (2 if wide else 1)
        name = record[15:end].decode("utf-16-le" if wide else "latin-1")
        text = text_of(record[end : end + length], XLS, linked)
        return DefinedName(
            f"built in {ord(name[:1] or ' ')}" if flags & BUILT_IN else name, self._order[owner - 1] if owner else None, text
        )

    def tables(self) -> Mapping[str, TableArea]:
        """None: this kind has no tables."""
        return {}

    def scan(self, sheet: str) -> Scan:
        """What stands in a sheet."""
        if sheet not in self._scans:
            self._scans[sheet] = _scan(_records(self._data, self._places[sheet]))
        return self._scans[sheet]

    def block(self, sheet: str, within: CellArea) -> CellBlock:
        """The cells of a rectangle."""
        scan = self.scan(sheet)
        must_be_small(within, scan)
        return block_of(opened(compound_of(self._part(sheet, within)), self._filename), scan, within, self._filename)

    def _part(self, sheet: str, within: CellArea) -> bytes:
        """The records of a workbook of one sheet alone, with the cells of a rectangle: nothing in it makes room for what is not there."""
        stored = [record for kind, record in self._globals if kind in (STORED, MORE)]
        if stored and 3 * struct.unpack_from("<II", stored[0])[1] > sum(map(len, stored)):  # a text takes three bytes at least
            raise damaged(self._filename, "it counts more texts than it holds")
        head = [(kind, record) for kind, record in self._kept()]
        title = sheet.encode("utf-16-le")
        listed = struct.pack("<IBBBB", 0, 0, 0, len(sheet), 1) + title
        at = sum(4 + len(record) for _, record in head) + 4 + len(listed)
        head.insert(1, (SHEET, struct.pack("<I", at) + listed[4:]))
        cells = _cells(_records(self._data, self._places[sheet]), within)
        return b"".join(struct.pack("<HH", kind, len(record)) + record for kind, record in [*head, *cells])

    def _kept(self) -> Iterator[tuple[int, bytes]]:
        """The records of the workbook that the values need; those that go on with another one only behind the texts."""
        before = 0
        for kind, record in self._globals:
            if kind in NEEDED and (kind != MORE or before == STORED):
                yield kind, record
            before = before if kind == MORE else kind


def _cells(records: Iterator[tuple[int, bytes]], within: CellArea) -> Iterator[tuple[int, bytes]]:
    """The beginning and the end of a sheet, and its cells in a rectangle; formulas as their values."""
    inside = False  # of the formula whose text comes next
    for kind, record in records:
        if kind in (START, END) or (kind == RESULT and inside):
            yield kind, record
        elif kind in VALUES:
            row, column = struct.unpack_from("<HH", record)
            last = struct.unpack_from("<H", record, len(record) - 2)[0] if kind == SMALLS else column
            inside = within.first_row <= row + 1 <= within.last_row and last + 1 >= within.first_column and column < within.last_column
            if inside:
                yield _value(kind, record)


def _value(kind: int, record: bytes) -> tuple[int, bytes]:
    """A cell; a formula as the number or truth that it gives, or without its tokens where that is a text."""
    if kind != FORMULA:
        return kind, record
    if record[12:14] != b"\xff\xff":
        return NUMBER, record[:14]
    if record[6] in (1, 2):
        return TRUTH, record[:6] + bytes([record[8], record[6] - 1])
    return FORMULA, record[:20] + b"\0\0"


def _records(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records of one part of the stream, without those of charts within it."""
    depth = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        if at + 4 + length > len(data):
            raise IndexError("a record goes beyond the end")
        depth += 1 if kind == START else 0
        if depth <= 1:
            yield kind, data[at + 4 : at + 4 + length]
        if kind == END:
            depth -= 1
            if depth <= 0:
                return
        at += 4 + length
    raise IndexError("it breaks off")


def _listed(record: bytes) -> _Listed:
    at, state, kind, letters, wide = struct.unpack_from("<IBBBB", record)
    title = record[8 : 8 + letters * (2 if wide & 1 else 1)].decode("utf-16-le" if wide & 1 else "latin-1")
    return _Listed(title, at, state & 3 != 0, kind == 0)


def _scan(records: Iterator[tuple[int, bytes]]) -> Scan:
    """What stands in a sheet."""
    filled: dict[Cell, bool] = {}
    errors: dict[Cell, str] = {}
    formulas, hidden, merged = set(), set(), list[tuple[int, int, int, int]]()
    for kind, record in records:
        if kind in (NUMBER, SMALL, LABEL, RICH, SHARED, TRUTH, FORMULA):
            row, column = struct.unpack_from("<HH", record)
            at = row + 1, column + 1
            if at in filled:
                raise IndexError(f"the cell in row {row + 1} and column {column + 1} stands in it twice")
            filled[at] = kind not in TEXTS
            if kind == FORMULA:
                formulas.add(at)
                special = record[12:14] == b"\xff\xff"  # else the value is a number
                filled[at] = not special or record[6] not in (0, 3)
                if special and record[6] == 2:
                    errors[at] = ERRORS.get(record[8], UNKNOWN_ERROR)
            elif kind == TRUTH and record[7]:
                errors[at] = ERRORS.get(record[6], UNKNOWN_ERROR)
        elif kind == SMALLS:
            row, first = struct.unpack_from("<HH", record)
            filled |= {(row + 1, first + 1 + n): True for n in range((len(record) - 6) // 6)}
        elif kind == ROW and struct.unpack_from("<I", record, 12)[0] & HIDDEN_ROW:
            hidden.add(struct.unpack_from("<H", record)[0] + 1)
        elif kind == MERGED:
            for n in range(struct.unpack_from("<H", record)[0]):
                top, bottom, left, right = struct.unpack_from("<4H", record, 2 + 8 * n)
                merged.append((top + 1, left + 1, bottom + 1, right + 1))
    return Scan(filled, errors, frozenset(formulas), frozenset(), frozenset(hidden), tuple(merged))
