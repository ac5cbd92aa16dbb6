"""Workbooks in Excel's binary form of Open XML (.xlsb): structure and names from the records, values by calamine."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import cached_property

from xlmargin.engine.formula import CellArea, TableArea
from xlmargin.engine.package import DefinedName, relations
from xlmargin.files.containers.container import MOST_CELLS, Cell, CellBlock, Scan, block_of, must_be_small, opened, size
from xlmargin.files.containers.tokens import ERRORS, UNKNOWN_ERROR, XLSB, Linked, linked_sheets, text_of
from xlmargin.files.containers.zipped import ZipParts

MAIN = "xl/workbook.bin"
PROPERTIES, SHEET, NAME, SHEETS = 153, 156, 39, 362
LINKS = {357: False, 358: False, 355: True, 667: True}  # this workbook, the same sheet, another workbook, an add-in
ROW, MERGED, TABLE, TABLE_COLUMN = 0, 176, 343, 347
BLANK, ERROR, FORMULA_ERROR = 1, 3, 11
CELLS = range(1, 12)
TEXTS = (6, 7, 8, 62)  # may be empty
RICH = 62
FORMULAS = (8, 9, 10, 11)
HIDDEN_ROW = 0x10
COUNTS = {159: "<II", 615: "<I", 617: "<I"}  # of texts, of number formats, of looks
EVERYWHERE = 0xFFFFFFFF


class BinaryBook:
    """A workbook in the binary form."""

    kind = "Excel binary workbook"
    recalculates = False
    opens_in_engine = False

    def __init__(self, parts: ZipParts) -> None:
        """Read the records of the workbook; raises MarginError when they are damaged."""
        self._parts = parts
        self._scans: dict[str, Scan] = {}
        self._targets = {key: target for key, (_, target) in relations(parts, MAIN).items()}
        self._order: list[str] = []
        self._part: dict[str, str] = {}
        self._kinds = {target: kind for kind, target in relations(parts, MAIN).values()}
        self.from_1904 = False
        hidden = set()
        for kind, data in self._records(MAIN):
            if kind == PROPERTIES:
                self.from_1904 = bool(data[0] & 1)
            if kind == SHEET:
                link, at = _text(data, 8)
                title, _ = _text(data, at)
                self._order.append(title)
                part = self._targets.get(link, "")
                if self._kinds.get(part) == "worksheet":
                    self._part[title] = part
                if struct.unpack_from("<I", data)[0]:
                    hidden.add(title)
        self.hidden_sheets = frozenset(hidden)
        self.sheets = tuple(self._part)

    def _records(self, part: str) -> Iterator[tuple[int, bytes]]:
        """The records of a part: kind and content."""
        try:
            return _records(self._parts.read(part))
        except KeyError:
            raise self._parts.damaged(f"the part {part} is missing") from None

    @cached_property
    def names(self) -> tuple[DefinedName, ...]:
        """The defined names."""
        found, links = [], list[bool]()
        linked: list[Linked] = []
        for kind, data in self._records(MAIN):
            if kind in LINKS:
                links.append(LINKS[kind])
            elif kind == SHEETS:
                count = struct.unpack_from("<I", data)[0]
                linked = [linked_sheets(self._order, links, *struct.unpack_from("<Iii", data, 4 + 12 * n)) for n in range(count)]
        for kind, data in self._records(MAIN):
            if kind == NAME:
                owner = struct.unpack_from("<I", data, 5)[0]
                name, at = _text(data, 9)
                length = struct.unpack_from("<I", data, at)[0]
                text = text_of(data[at + 4 : at + 4 + length], XLSB, linked)
                found.append(DefinedName(name, None if owner == EVERYWHERE else self._order[owner], text))
        return tuple(found)

    @cached_property
    def _tables(self) -> dict[str, TableArea]:
        found = {}
        for sheet, part in self._part.items():
            for kind, target in relations(self._parts, part).values():
                if kind == "table":
                    table = self._table(target, sheet)
                    found[table.name.lower()] = table
        return found

    def _table(self, part: str, sheet: str) -> TableArea:
        area, name, heads, totals, columns = CellArea(sheet, 1, 1, 1, 1), "", 1, 0, []
        for kind, data in self._records(part):
            if kind == TABLE:
                top, bottom, left, right, _, _, heads, totals = struct.unpack_from("<8I", data)
                area = CellArea(sheet, top + 1, left + 1, bottom + 1, right + 1)
                _, at = _text(data, 64)
                name, _ = _text(data, at)
            elif kind == TABLE_COLUMN:
                columns.append(_text(data, 24)[0])
        return TableArea(name, area, tuple(columns), heads, totals)

    def tables(self) -> Mapping[str, TableArea]:
        """The tables by lower-case name."""
        return self._tables

    def scan(self, sheet: str) -> Scan:
        """What stands in a sheet."""
        if sheet not in self._scans:
            self._scans[sheet] = self._scan(sheet)
        return self._scans[sheet]

    def _scan(self, sheet: str) -> Scan:
        filled: dict[Cell, bool] = {}
        errors: dict[Cell, str] = {}
        formulas, hidden, merged = set(), set(), []
        row = 0
        for kind, data in self._records(self._part[sheet]):
            if kind == ROW:
                before, row = row, struct.unpack_from("<I", data)[0] + 1
                if row <= before:
                    raise self._parts.damaged(f"the sheet {sheet}: its rows are out of order at row {row}")
                if data[11] & HIDDEN_ROW:
                    hidden.add(row)
            elif (kind in CELLS or kind == RICH) and kind != BLANK:
                at = row, struct.unpack_from("<I", data)[0] + 1
                if at in filled:
                    raise self._parts.damaged(f"the sheet {sheet}: a cell of row {row} stands in it twice")
                filled[at] = kind not in TEXTS
                if kind in (ERROR, FORMULA_ERROR):
                    errors[at] = ERRORS.get(data[8], UNKNOWN_ERROR)
                if kind in FORMULAS:
                    formulas.add(at)
            elif kind == MERGED:
                top, bottom, left, right = struct.unpack_from("<4I", data)
                merged.append((top + 1, left + 1, bottom + 1, right + 1))
        return Scan(filled, errors, frozenset(formulas), frozenset(), frozenset(hidden), tuple(merged))

    def block(self, sheet: str, within: CellArea) -> CellBlock:
        """The cells of a rectangle."""
        scan = self.scan(sheet)
        must_be_small(within, scan)
        used = scan.used(sheet)
        content = self._parts.read(self._part[sheet])
        if used is not None and size(used) > MOST_CELLS:
            content = _cropped(content, within)
        copy = self._parts.small_copy({**self._shared, self._part[sheet]: content})
        return block_of(opened(copy, self._parts.filename), scan, within, self._parts.filename)

    @cached_property
    def _shared(self) -> dict[str, bytes]:
        """The parts that every sheet needs."""
        wanted = [target for kind, target in relations(self._parts, MAIN).values() if kind in ("sharedStrings", "styles")]
        fixed = ["[Content_Types].xml", "_rels/.rels", MAIN, "xl/_rels/workbook.bin.rels", *wanted]
        try:
            kept = {part: self._parts.read(part) for part in fixed}
        except KeyError as error:
            raise self._parts.damaged(f"the part {error} is missing") from None
        for part in wanted:
            for kind, data in _records(kept[part]):
                # calamine makes room for as many as the part says it holds
                if kind in COUNTS and max(struct.unpack_from(COUNTS[kind], data)) > len(kept[part]):
                    raise self._parts.damaged(f"{part} counts more than it holds")
        return kept


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a part."""
    for kind, _, start, end in _spans(data):
        yield kind, data[start:end]


def _spans(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Kind of each record, and the places of its head, of its content and of its end."""
    at = 0
    while at < len(data):
        head, kind = at, data[at]
        at += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (data[at] << 7)
            at += 1
        length, shift = 0, 0
        while shift < 28:
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if at + length > len(data):
            raise IndexError("a record goes beyond the end")
        yield kind, head, at, at + length
        at += length


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A text with its length before it, and the place after it; a text that is left out is ""."""
    length = struct.unpack_from("<I", data, at)[0]
    if length == EVERYWHERE:
        return "", at + 4
    end = at + 4 + 2 * length
    if end > len(data):
        raise IndexError("a text goes beyond the end")
    return data[at + 4 : end].decode("utf-16-le"), end


def _cropped(data: bytes, within: CellArea) -> bytes:
    """The records of a sheet without the cells outside a rectangle."""
    kept, row = [], 0
    for kind, head, start, end in _spans(data):
        if kind == ROW:
            row = struct.unpack_from("<I", data, start)[0] + 1
        if (kind in CELLS or kind == RICH) and not within.covers(row, struct.unpack_from("<I", data, start)[0] + 1):
            continue
        kept.append(data[head:end])
    return b"".join(kept)
