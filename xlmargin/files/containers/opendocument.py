"""Workbooks in OpenDocument (.ods): structure and names from the XML, values by calamine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

from xlmargin.engine.formula import CellArea, TableArea, parse_area
from xlmargin.engine.package import DefinedName, local
from xlmargin.files.containers.container import MOST_CELLS, Cell, CellBlock, Scan, block_of, locked, must_be_small, opened
from xlmargin.files.containers.zipped import ZipParts

CONTENT, MANIFEST = "content.xml", "META-INF/manifest.xml"
HIDDEN = ("collapse", "filter")
TEXT = "string"
CELLS = ("table-cell", "covered-table-cell")
ADDRESS = re.compile(r"^\$?('(?:[^']|'')*'|[^.'\[\]]+)\.")
BRACKETED = re.compile(r"\[([^\[\]]*)\]")


class OpenDocument:
    """A workbook in OpenDocument."""

    kind = "OpenDocument spreadsheet"
    recalculates = False
    opens_in_engine = False
    from_1904 = False  # its dates are written as dates

    def __init__(self, parts: ZipParts) -> None:
        """Read what stands in all its sheets; raises MarginError when it has a password or is damaged."""
        self._parts = parts
        if MANIFEST in parts and b"encryption-data" in parts.read(MANIFEST):
            raise locked(parts.filename)
        self._reading = _Reading(parts)
        self.sheets = tuple(self._reading.scans)
        self.names = tuple(self._reading.names)

    @cached_property
    def hidden_sheets(self) -> frozenset[str]:
        """The worksheets that are not shown."""
        return frozenset(sheet.name for sheet in self._values.sheets_metadata if str(sheet.visible) != "SheetVisibleEnum.Visible")

    def tables(self) -> Mapping[str, TableArea]:
        """The database ranges by lower-case name, which are what tables become in this kind."""
        return self._reading.tables

    def scan(self, sheet: str) -> Scan:
        """What stands in a sheet."""
        return self._reading.scans[sheet]

    def block(self, sheet: str, within: CellArea) -> CellBlock:
        """The cells of a rectangle."""
        return block_of(self._values, self.scan(sheet), within, self._parts.filename)

    @cached_property
    def _values(self) -> Any:
        """The workbook in calamine, which reads all its sheets at once."""
        for sheet, scan in self._reading.scans.items():
            used = scan.used(sheet)
            if used is not None:
                must_be_small(used, scan)
        wanted = [part for part in ("mimetype", CONTENT, "styles.xml", MANIFEST) if part in self._parts]
        copy = self._parts.small_copy({part: self._parts.read(part) for part in wanted})
        return opened(copy, self._parts.filename)


class _Sheet:
    """One sheet while it is read."""

    def __init__(self) -> None:
        self.filled: dict[Cell, bool] = {}
        self.errors: dict[Cell, str] = {}
        self.formulas: set[Cell] = set()
        self.uncalculated: set[Cell] = set()
        self.hidden: set[int] = set()
        self.merged: list[tuple[int, int, int, int]] = []
        self.row = 0  # of the last row that is complete

    def scan(self) -> Scan:
        """What stood in it."""
        formulas, uncalculated, hidden = frozenset(self.formulas), frozenset(self.uncalculated), frozenset(self.hidden)
        return Scan(self.filled, self.errors, formulas, uncalculated, hidden, tuple(self.merged))


class _Reading:
    """The content on its way to sheets, names and tables."""

    def __init__(self, parts: ZipParts) -> None:
        self._parts = parts
        self.scans: dict[str, Scan] = {}
        self.names: list[DefinedName] = []
        self.tables: dict[str, TableArea] = {}
        self._title: str | None = None
        self._sheet = _Sheet()
        self._depth = 0
        for event, item in ElementTree.iterparse(BytesIO(parts.read(CONTENT)), ("start", "end")):
            self._see(event, local(item.tag), item)

    def _see(self, event: str, tag: str, item: ElementTree.Element) -> None:
        if tag == "table":
            self._depth += 1 if event == "start" else -1
            if self._depth == (1 if event == "start" else 0):
                self._turn(event, item)
        elif event == "end" and tag in ("named-range", "named-expression"):
            text = _get(item, "cell-range-address")
            self.names.append(
                DefinedName(_get(item, "name"), self._title, _reference(text) if text else _formula(_get(item, "expression")))
            )
        elif event == "end" and tag == "database-range":
            area = parse_area(_reference(_get(item, "target-range-address")), "")
            if area:
                columns = ("",) * (area.last_column - area.first_column + 1)
                headed = _get(item, "contains-header") != "false"
                self.tables[_get(item, "name").lower()] = TableArea(_get(item, "name"), area, columns, int(headed), 0)
        elif event == "end" and tag == "table-row" and self._depth == 1:
            self._row(item)
            item.clear()

    def _turn(self, event: str, item: ElementTree.Element) -> None:
        """Begin a sheet, or end it."""
        if event == "start":
            self._title, self._sheet = _get(item, "name"), _Sheet()
        elif self._title is not None:
            if self._title in self.scans:
                raise ValueError(f"two sheets are called {self._title}")
            self.scans[self._title] = self._sheet.scan()
            self._title = None
            item.clear()

    def _row(self, item: ElementTree.Element) -> None:
        """A row, which may stand for several equal ones."""
        sheet, column = self._sheet, 0
        first, last = sheet.row + 1, sheet.row + _count(item, "number-rows-repeated")
        sheet.row = last
        if _get(item, "visibility") in HIDDEN and last - first < MOST_CELLS:
            sheet.hidden.update(range(first, last + 1))
        for cell in item:
            if local(cell.tag) not in CELLS:
                continue
            times = _count(cell, "number-columns-repeated")
            if len(sheet.filled) + (last - first + 1) * times > MOST_CELLS and _is_filled(cell):
                raise ValueError(f"the sheet {self._title} has more than {MOST_CELLS:,} filled cells")
            if _is_filled(cell):
                for row in range(first, last + 1):
                    for at in range(column + 1, column + times + 1):
                        self._cell((row, at), cell)
            column += times

    def _cell(self, at: Cell, item: ElementTree.Element) -> None:
        sheet, kind = self._sheet, _get(item, "value-type", "office")
        sheet.filled[at] = kind not in ("", TEXT)
        if _get(item, "formula"):
            sheet.formulas.add(at)
            if not kind and not any(local(child.tag) == "p" for child in item):
                sheet.uncalculated.add(at)
        text = "".join(part for child in item if local(child.tag) == "p" for part in child.itertext())
        if _get(item, "value-type", "calcext") == "error" or text.startswith("Err:"):
            sheet.errors[at] = text if text.startswith("#") else f"#{text or 'VALUE'}!"
        rows, columns = _count(item, "number-rows-spanned"), _count(item, "number-columns-spanned")
        if rows > 1 or columns > 1:
            sheet.merged.append((at[0], at[1], at[0] + rows - 1, at[1] + columns - 1))


def _get(item: ElementTree.Element, name: str, namespace: str = "") -> str:
    """An attribute by its name without its namespace, or by the word that its namespace holds; "" where there is none."""
    for key, value in item.attrib.items():
        if local(key) == name and namespace in key:
            return value
    return ""


def _count(item: ElementTree.Element, name: str) -> int:
    """How often an element stands for itself; 1 where it does not say."""
    return max(1, int(_get(item, name) or 1))


def _is_filled(item: ElementTree.Element) -> bool:
    return bool(_get(item, "value-type", "office") or _get(item, "formula") or any(local(child.tag) == "p" for child in item))


def _reference(text: str) -> str:
    """An address such as `$Positions.$A$1:.$F$20` in the notation of Excel; what is none stays as it is."""
    match = ADDRESS.match(text)
    if not match:
        return text
    first, _, last = text[match.end() :].partition(":")
    again = ADDRESS.match(last)
    if again and again[1] != match[1]:
        return text
    last = last[again.end() :] if again else last.removeprefix(".")
    return f"{match[1]}!{first}" + (f":{last}" if last else "")


def _formula(text: str) -> str:
    """A formula with its addresses in the notation of Excel; `~` joins areas."""
    return BRACKETED.sub(lambda match: _reference(match[1]), text.removeprefix("of:").removeprefix("=")).replace("~", ",")
