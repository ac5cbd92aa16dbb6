"""Workbooks in Open XML (.xlsx, .xlsm): the structure of a sheet from its XML, the values by calamine."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from xml.sax.saxutils import quoteattr

from xlmargin.engine.formula import MAX_COLUMN, MAX_ROW, CellArea, TableArea, address, column_number, parse_area
from xlmargin.engine.package import DefinedName, Package
from xlmargin.errors import MarginError
from xlmargin.files.containers.container import MOST_CELLS, Cell, CellBlock, Scan, block_of, must_be_small, opened
from xlmargin.files.containers.tokens import ERRORS
from xlmargin.files.containers.zipped import ZipParts

ROW = re.compile(rb"<(?:\w+:)?row(?=[\s/>])([^>]*?)(?:/>|>(.*?)</(?:\w+:)?row\s*>)", re.S)
CELL = re.compile(rb"<(?:\w+:)?c(?=[\s/>])([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c\s*>)", re.S)
# A cell as programs write nearly all of them: a value, or a text of its own, without a formula.
USUAL = re.compile(
    rb"""<c r="([A-Z]{1,3})(\d{1,7})"(?: s="\d+")?(?: t="(n|s|b|str|inlineStr)")?"""
    rb"""(?:/>|></c>|>(?:<v>([^<]*)</v>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)</c>)"""
)
DATA = re.compile(rb"<(?:\w+:)?sheetData(?:\s[^>]*)?(?:/>|>(.*)</(?:\w+:)?sheetData\s*>)", re.S)
COMMENT = re.compile(rb"<!--.*?-->", re.S)
REFERENCE = re.compile(rb"""(?:^|\s)r\s*=\s*["']([A-Z]{0,3})(\d{1,7})["']""")
NAMED = re.compile(rb"(?:^|\s)r\s*=")
TYPE = re.compile(rb"""(?:^|\s)t\s*=\s*["'](\w+)["']""")
HIDDEN = re.compile(rb"""\shidden\s*=\s*["'](?:1|true)["']""")
VALUE = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>([^<]*)</")
WRITTEN = re.compile(rb"<(?:\w+:)?f[\s/>]")
MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref\s*=\s*["']([A-Z0-9:]+)["']""")
ARRAYS = re.compile(rb"""<(?:\w+:)?f\s(?=[^>]*?\bt\s*=\s*["']array["'])[^>]*?\bref\s*=\s*["']([A-Z0-9:]+)["']""")
KINDS = (b"n", b"b", b"d", b"s", b"e", b"str", b"inlineStr")
STORED = re.compile(rb"<(?:\w+:)?si(?=[\s/>])(?:[^>]*/>|.*?</(?:\w+:)?si\s*>)", re.S)
WORDS = re.compile(rb">[^<]*[^<\s][^<]*<")
WITHIN = re.compile(
    rb"\s*(?:<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f\s*>)\s*)?(?:<(?:\w+:)?v(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?v\s*>)\s*)?"
    rb"(<(?:\w+:)?is(?:\s[^>]*)?(?:/>|>.*</(?:\w+:)?is\s*>)\s*)?(?:<(?:\w+:)?extLst.*)?",
    re.S,
)
STORED_COUNT = re.compile(rb"""(<(?:\w+:)?sst\s[^>]*?)\suniqueCount\s*=\s*["'][^"']*["']""")  # calamine makes room for as many
ZONE = re.compile(rb"""(\st\s*=\s*["']d["'][^>]*>\s*<(?:\w+:)?v(?:\s[^>]*)?>[^<Zz]*)[Zz](?=\s*</)""")  # that libraries write behind a date
KNOWN_ERRORS = frozenset(ERRORS.values()) - {"#GETTING_DATA"}  # to calamine; the others are newer
MAIN, LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"  # where calamine looks for the workbook, wherever the file has it
LINKED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
LINKS_SPACE = "http://schemas.openxmlformats.org/package/2006/relationships"
SHARED = {"sharedStrings": "xl/sharedStrings.xml", "styles": "xl/styles.xml"}
SAID = re.compile(rb"""(?:\s+(?:(?:r|t|ph|\w+:\w+)\s*=\s*(?:"[^"]*"|'[^']*')|(?:s|cm|vm)\s*=\s*["']\d+["']))*\s*""")


class OpenXml:
    """A workbook in Open XML."""

    kind = "Excel workbook"
    opens_in_engine = True

    def __init__(self, parts: ZipParts) -> None:
        """Read its directory of sheets; raises MarginError when there is none."""
        self._parts = parts
        self._package = Package(parts)
        self._scans: dict[str, Scan] = {}

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of the worksheets."""
        return tuple(self._package.sheets)

    @property
    def hidden_sheets(self) -> frozenset[str]:
        """The worksheets that are not shown."""
        return frozenset(self._package.hidden)

    @cached_property
    def names(self) -> tuple[DefinedName, ...]:
        """The defined names."""
        return tuple(self._package.names())

    @property
    def recalculates(self) -> bool:
        """Whether it asks to be calculated when it is opened."""
        return self._package.recalculates

    @property
    def from_1904(self) -> bool:
        """Whether its numbers of days count from 1904."""
        return self._package.from_1904

    @cached_property
    def _tables(self) -> dict[str, TableArea]:
        return self._package.tables()

    def tables(self) -> Mapping[str, TableArea]:
        """The tables by lower-case name."""
        return self._tables

    def scan(self, sheet: str) -> Scan:
        """What stands in a sheet."""
        if sheet not in self._scans:
            self._scans[sheet] = _Scanner(sheet, self._xml(sheet), self._parts, self._texts).scan()
        return self._scans[sheet]

    @cached_property
    def _texts(self) -> list[bool]:
        """Of each text that the workbook stores once for all sheets, whether there is anything in it."""
        stored = self._shared.get(SHARED["sharedStrings"], b"")
        return [bool(WORDS.search(item[0])) for item in STORED.finditer(stored)]

    def _xml(self, sheet: str) -> bytes:
        try:
            data = self._parts.read(self._package.sheets[sheet])
        except KeyError:
            raise self._parts.damaged(f"the part of the sheet {sheet} is missing") from None
        return ZONE.sub(rb"\1", COMMENT.sub(b"", data) if b"<!--" in data else data)

    def block(self, sheet: str, within: CellArea) -> CellBlock:
        """The cells of a rectangle."""
        scan = self.scan(sheet)
        must_be_small(within, scan)
        rows, columns = scan.reach  # calamine makes room for blank texts too
        content = _cropped(self._xml(sheet), within) if rows * columns > MOST_CELLS else self._xml(sheet)
        if not KNOWN_ERRORS.issuperset(scan.errors.values()):
            content = CELL.sub(_known_error, content)
        copy = self._parts.small_copy({**self._shared, self._places[self._package.sheets[sheet]]: content})
        return block_of(opened(copy, self._parts.filename), scan, within, self._parts.filename)

    @cached_property
    def _shared(self) -> dict[str, bytes]:
        """The parts that every sheet needs, at the places where calamine looks: the workbook, its relations, texts and styles."""
        wanted = {"[Content_Types].xml": "[Content_Types].xml", self._package.main: MAIN}
        wanted |= {part: place for part, place in self._places.items() if place in SHARED.values()}
        missing = [part for part in wanted if part not in self._parts]
        if missing:
            raise self._parts.damaged(f"the part {missing[0]} is missing")
        kept = {place: self._parts.read(part) for part, place in wanted.items()}
        links = self._package.relations(self._package.main).items()
        kept["_rels/.rels"] = _links({"rId1": ("officeDocument", MAIN)})
        kept[LINKS] = _links({key: (kind, self._places.get(part, part)) for key, (kind, part) in links})
        if (texts := SHARED["sharedStrings"]) in kept:
            kept[texts] = STORED_COUNT.sub(rb"\1", kept[texts])
        return kept

    @cached_property
    def _places(self) -> dict[str, str]:
        """Where calamine is given each part."""
        places = {part: f"xl/worksheets/sheet{n}.xml" for n, part in enumerate(self._package.sheets.values(), 1)}
        return places | {part: SHARED[kind] for kind, part in self._package.relations(self._package.main).values() if kind in SHARED}


class _Scanner:
    """One sheet's XML on its way to what stands in it."""

    def __init__(self, sheet: str, data: bytes, parts: ZipParts, texts: list[bool]) -> None:
        self._sheet, self._data, self._parts, self._texts = sheet, data, parts, texts
        self._filled: dict[Cell, bool] = {}
        self._errors: dict[Cell, str] = {}
        self._formulas: set[Cell] = set()
        self._uncalculated: set[Cell] = set()
        self._hidden: set[int] = set()
        self._reach = (0, 0)

    def _damaged(self, why: str) -> MarginError:
        return self._parts.damaged(f"the sheet {self._sheet}: {why}")

    def scan(self) -> Scan:
        """All rows and cells; raises MarginError where anything is not one of them, or stands in a place twice."""
        inside = DATA.search(self._data)
        if inside is None or b"<![CDATA[" in self._data:
            raise self._damaged("it holds no cells, or not in the form that spreadsheet programs write")
        body, number, end = inside[1] or b"", 0, 0
        for row in ROW.finditer(body):
            if body[end : row.start()].strip():
                break
            end, place = row.end(), REFERENCE.search(row[1])
            before, number = number, int(place[2]) if place else number + 1
            if not before < number <= MAX_ROW:
                raise self._damaged(f"its rows are out of order at row {number}")
            if HIDDEN.search(row[1]):
                self._hidden.add(number)
            if row[2]:
                self._row(number, row[2])
        if body[end:].strip():
            raise self._damaged(f"what follows row {number} is no row")
        merged = [area for text in MERGED.findall(self._data) if (area := parse_area(text.decode(), self._sheet))]
        return Scan(
            self._filled,
            self._errors,
            frozenset(self._formulas.union(*self._arrays())),
            frozenset(self._uncalculated),
            frozenset(self._hidden),
            tuple((area.first_row, area.first_column, area.last_row, area.last_column) for area in merged),
            self._reach,
        )

    def _arrays(self) -> Iterator[set[Cell]]:
        """The filled cells of each array formula, of which the first alone holds the formula."""
        columns: dict[int, list[int]] = {}
        for row, column in self._filled:  # from the first row to the last
            columns.setdefault(column, []).append(row)
        for text in ARRAYS.findall(self._data):
            area = parse_area(text.decode(), self._sheet)
            for column, rows in columns.items():
                if area and area.first_column <= column <= area.last_column:
                    inside = slice(bisect_left(rows, area.first_row), bisect_right(rows, area.last_row))
                    yield {(row, column) for row in rows[inside]}
                    del rows[inside]  # a file may name a place in many arrays

    def _row(self, number: int, content: bytes) -> None:
        """The cells of a row: quickly as long as they are written as usual, and from the first other one on with care."""
        column = end = 0
        for cell in USUAL.finditer(content):
            letters, row, kind, value, text = cell.groups()
            if cell.start() != end or (text is not None) != (kind == b"inlineStr"):
                break
            before, column, end = column, _column(letters), cell.end()
            if not before < column <= MAX_COLUMN or int(row) != number:
                raise self._damaged(f"its cells are out of order at {address(number, column)}")
            if value or (text and not text.isspace()):
                self._filled[number, column] = kind != b"s" or self._has_text((number, column), value)
        self._reach = number, max(self._reach[1], self._other_cells(number, content, column, end))

    def _other_cells(self, number: int, content: bytes, column: int, end: int) -> int:
        """The cells of a row behind a column, which ends at a place of its content; returns the last column."""
        for cell in CELL.finditer(content, end):
            if content[end : cell.start()].strip():
                break
            end, place = cell.end(), REFERENCE.search(cell[1])
            before, column = column, _column(place[1]) if place else column + 1
            if not before < column <= MAX_COLUMN or (int(place[2]) != number if place else NAMED.search(cell[1])):
                raise self._damaged(f"its cells are out of order at {address(number, column)}")
            if cell[2]:
                self._cell((number, column), cell[1], cell[2])
        if content[end:].strip():
            raise self._damaged(f"row {number} holds what is no cell")
        return column

    def _cell(self, at: Cell, attributes: bytes, content: bytes) -> None:
        kind, value = TYPE.search(attributes), VALUE.search(content)
        of = kind[1] if kind else b"n"
        if of not in KINDS:
            raise self._damaged(f"{address(*at)} is of the unknown type {of.decode(errors='replace')}")
        parts = WITHIN.fullmatch(content)
        if parts is None or not SAID.fullmatch(attributes) or bool(parts[1]) != (of == b"inlineStr"):
            raise self._damaged(f"{address(*at)} is not written as a cell")
        there = bool(WORDS.search(parts[1])) if parts[1] else value is not None and bool(value[1])
        if WRITTEN.search(content):
            self._formulas.add(at)
            if not there and of != b"str":  # the empty text of a formula says so by its type
                self._uncalculated.add(at)
                self._filled[at] = False
        if there:
            self._filled[at] = of != b"s" or self._has_text(at, value[1] if value else b"")
        if there and of == b"e" and value is not None:
            self._errors[at] = value[1].decode(errors="replace")

    def _has_text(self, at: Cell, number: bytes) -> bool:
        """Whether the stored text that a cell shows has anything in it; raises MarginError where there is no such text."""
        if not number.strip().isdigit() or int(number) >= len(self._texts):
            raise self._damaged(f"{address(*at)} shows a text that is not there")
        return self._texts[int(number)]


@lru_cache(maxsize=MAX_COLUMN)
def _column(letters: bytes) -> int:
    """The number of a column by its letters, counted from 1."""
    return column_number(letters.decode())


def _links(relations: Mapping[str, tuple[str, str]]) -> bytes:
    """The part that lists relations: kind and target by their ids."""
    items = [
        f"<Relationship Id={quoteattr(key)} Type={quoteattr(f'{LINKED}/{kind}')} Target={quoteattr(f'/{part}')}/>"
        for key, (kind, part) in relations.items()
    ]
    return f'<Relationships xmlns="{LINKS_SPACE}">{"".join(items)}</Relationships>'.encode()


def _known_error(cell: re.Match[bytes]) -> bytes:
    """A cell with an error that calamine knows in place of any that it shows."""
    kind = TYPE.search(cell[1])
    return VALUE.sub(b"<v>#N/A</", cell[0]) if kind and kind[1] == b"e" else cell[0]


def _cropped(data: bytes, within: CellArea) -> bytes:
    """The XML of a sheet without the cells outside a rectangle."""
    inside = DATA.search(data)
    if inside is None or inside[1] is None:
        return data
    kept, number = [], 0
    for row in ROW.finditer(inside[1]):
        place = REFERENCE.search(row[1])
        number = int(place[2]) if place else number + 1
        if within.first_row <= number <= within.last_row and row[2]:
            kept.append(row[0].replace(row[2], _kept(row[2], within)))
    return data[: inside.start(1)] + b"".join(kept) + data[inside.end(1) :]


def _kept(content: bytes, within: CellArea) -> bytes:
    """The cells of a row that lie in the columns of a rectangle, or do not say where they lie."""
    cells = []
    for cell in CELL.finditer(content):
        place = REFERENCE.search(cell[1])
        if place is None or within.first_column <= _column(place[1]) <= within.last_column:
            cells.append(cell[0])
    return b"".join(cells)
