"""What an .xlsx file says about itself: where its sheets are, its formulas as written, and its tables."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

from xlmargin.engine.formula import Area, Table, parse_area, shift
from xlmargin.errors import MarginError

__all__ = ["Package", "StoredFormula", "local", "open_zip"]


@dataclass(frozen=True, slots=True)
class StoredFormula:
    """A formula of the file: its text without `=`, and for an array formula its rectangle and whether it spills."""

    text: str
    area: Area | None = None
    dynamic: bool = False


def local(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]


def open_zip(path: str | Path) -> zipfile.ZipFile:
    """Open an .xlsx file; raises MarginError when it is not there or is none."""
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise MarginError(f"{path}: there is no such file; give the path of an .xlsx workbook.") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise MarginError(f"{path}: this is not an .xlsx workbook ({error}); save it as .xlsx and try again.") from None


class Package:
    """The parts of an open .xlsx file by meaning.

    Parameters: archive, the open file.
    Raises: MarginError when the file holds no workbook.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.sheets: dict[str, str] = dict(self._find_sheets())

    def _xml(self, part: str) -> ElementTree.Element:
        try:
            return ElementTree.fromstring(self._archive.read(part))
        except (KeyError, ElementTree.ParseError) as error:
            raise MarginError(f"{self._archive.filename}: the part {part} cannot be read ({error}).") from None

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        folder, name = posixpath.split(part)
        path = posixpath.join(folder, "_rels", name + ".rels")
        if path not in self._archive.namelist():
            return {}
        found = {}
        for item in self._xml(path):
            if item.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, item.get("Target", ""))).lstrip("/")
                found[item.get("Id", "")] = (item.get("Type", "").rpartition("/")[2], target)
        return found

    def _find_sheets(self) -> Iterator[tuple[str, str]]:
        targets = [target for kind, target in self._relations("").values() if kind == "officeDocument"]
        if not targets:
            raise MarginError(f"{self._archive.filename}: there is no workbook in this file; save it as .xlsx.")
        relations = self._relations(targets[0])
        for item in self._xml(targets[0]).iter():
            if local(item.tag) == "sheet":
                link = next((v for k, v in item.attrib.items() if k.startswith("{") and local(k) == "id"), "")
                kind, target = relations.get(link, ("", ""))
                if kind == "worksheet":  # chart sheets and macro sheets hold no cells
                    yield item.get("name", ""), target

    def formulas(self, sheet: str) -> dict[tuple[int, int], StoredFormula]:
        """The formulas of a sheet by (row, column), in the order of the file; shared ones are written out."""
        found: dict[tuple[int, int], StoredFormula] = {}
        masters: dict[str, tuple[str, int, int]] = {}
        with self._archive.open(self.sheets[sheet]) as stream:
            for row, column, cell, formula in _formula_cells(stream.read()):
                text = formula.text or ""
                kind, share = formula.get("t"), formula.get("si", "")
                if kind == "shared" and text:
                    masters[share] = text, row, column
                elif kind == "shared" and share in masters:
                    text, top, left = masters[share]
                    text = shift(text, row - top, column - left)
                area = parse_area(formula.get("ref", ""), sheet) if kind == "array" else None
                if text:
                    found[row, column] = StoredFormula(text, area, cell.get("cm") is not None)
        return found

    def tables(self) -> dict[str, Table]:
        """The tables of the workbook by lower-case name."""
        found = {}
        for sheet, part in self.sheets.items():
            for kind, target in self._relations(part).values():
                if kind == "table":
                    table = _table(self._xml(target), sheet)
                    if table:
                        found[table.name.lower()] = table
        return found


def _formula_cells(data: bytes) -> Iterator[tuple[int, int, ElementTree.Element, ElementTree.Element]]:
    row = column = 0
    for event, item in ElementTree.iterparse(BytesIO(data), events=("start", "end")):
        name = local(item.tag)
        if event == "start" and name == "row":
            row, column = int(item.get("r", row + 1)), 0
        elif event == "end" and name == "c":
            where = parse_area(item.get("r", ""), "")
            column = where.first_column if where else column + 1
            formula = next((part for part in item if local(part.tag) == "f"), None)
            if formula is not None:
                yield row, column, item, formula
        elif event == "end" and name == "row":
            item.clear()


def _table(root: ElementTree.Element, sheet: str) -> Table | None:
    area = parse_area(root.get("ref", ""), sheet)
    columns = tuple(item.get("name", "") for item in root.iter() if local(item.tag) == "tableColumn")
    if area is None or not columns:
        return None
    # a heading with a line break is stored as _x000a_
    columns = tuple(re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), column) for column in columns)
    heading, total = int(root.get("headerRowCount", "1")), int(root.get("totalsRowCount", "0"))
    return Table(root.get("displayName", ""), area, columns, heading, total)
