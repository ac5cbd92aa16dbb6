"""The content of an .xlsx package: the places of its sheets, its formulas as written, and its tables."""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, Protocol
from xml.etree import ElementTree

from xlmargin.engine.formula import CellArea, TableArea, column_number, parse_area, shift
from xlmargin.errors import MarginError

#: Shows whether the XML of a sheet holds a formula at all.
FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
#: Shows whether it holds a text of its own, or calls an empty cell a number, as some libraries do.
_OWN = re.compile(rb"""inlineStr|\st=["']n["']""")


@dataclass(frozen=True, slots=True)
class StoredFormula:
    """A formula of the file without `=`; for an array formula its rectangle and whether it spills."""

    text: str
    area: CellArea | None = None
    dynamic: bool = False


class Archive(Protocol):
    """A zip file, as `zipfile` opens it or within bounds of one's own."""

    @property
    def filename(self) -> str | None:
        """Its name, for messages."""

    def namelist(self) -> list[str]:
        """The names of its parts."""

    def read(self, name: str, /) -> bytes:
        """The content of a part; raises KeyError where there is none."""


class DefinedName(NamedTuple):
    """A name that a workbook defines: its sheet where it belongs to one, and the formula that it stands for."""

    name: str
    sheet: str | None
    text: str


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


def _xml(archive: Archive, part: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(archive.read(part))
    except (KeyError, ElementTree.ParseError, ValueError, LookupError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise MarginError(f"{archive.filename}: the part {part} cannot be read ({error}).") from None


def relations(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """Kind and part of each relation of a part, by its id; those to other files are left out."""
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", name + ".rels")
    if path.lower() not in map(str.lower, archive.namelist()):
        return {}
    found = {}
    for item in _xml(archive, path):
        if item.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, item.get("Target", "").replace("\\", "/"))).lstrip("/")
            found[item.get("Id", "")] = (item.get("Type", "").rpartition("/")[2], target)
    return found


class Package:
    """The parts of an open .xlsx file by meaning.

    Attributes:
        main: the part of the workbook itself
        sheets: the part of each worksheet, by its name
        hidden: the worksheets that are not shown

    Parameters: archive, the open file.
    Raises: MarginError when the file holds no workbook.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        targets = [target for kind, target in self.relations("").values() if kind == "officeDocument"]
        if not targets:
            raise MarginError(f"{archive.filename}: there is no workbook in this file; save it as .xlsx.")
        self.main = targets[0]
        self._book = self._xml(self.main)
        self.hidden = {item.get("name", "") for item in self._all("sheet") if item.get("state", "visible") != "visible"}
        self.sheets: dict[str, str] = dict(self._find_sheets())

    def _all(self, name: str) -> list[ElementTree.Element]:
        return [item for item in self._book.iter() if local(item.tag) == name]

    @property
    def from_1904(self) -> bool:
        """Whether its dates count from 1904, as those of old Macintosh workbooks do."""
        return any(item.get("date1904", "0") in ("1", "true") for item in self._all("workbookPr"))

    @property
    def recalculates(self) -> bool:
        """Whether it asks to be calculated when it is opened."""
        return any(item.get("fullCalcOnLoad", "0") in ("1", "true") for item in self._all("calcPr"))

    def names(self) -> list[DefinedName]:
        """The names that it defines."""
        order, found = [item.get("name", "") for item in self._all("sheet")], []
        for item in self._all("definedName"):
            at = item.get("localSheetId")
            if at is not None and not (at.isdigit() and int(at) < len(order)):
                raise MarginError(f"{self._archive.filename}: the name {item.get('name')} belongs to a sheet that is not there; delete it.")
            found.append(DefinedName(item.get("name", ""), None if at is None else order[int(at)], (item.text or "").strip()))
        return found

    def _xml(self, part: str) -> ElementTree.Element:
        return _xml(self._archive, part)

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Kind and part of each relation of a part, by its id."""
        return relations(self._archive, part)

    def _find_sheets(self) -> Iterator[tuple[str, str]]:
        relations = self.relations(self.main)
        for item in self._all("sheet"):
            link = next((v for k, v in item.attrib.items() if k.startswith("{") and local(k) == "id"), "")
            kind, target = relations.get(link, ("", ""))
            if kind == "worksheet":  # chart sheets and macro sheets hold no cells
                yield item.get("name", ""), target

    def contents(self, sheet: str) -> tuple[dict[tuple[int, int], StoredFormula], dict[tuple[int, int], str | None]]:
        """The formulas of a sheet by (row, column), shared ones written out, and the texts stored in its cells.

        Other texts are stored once for the whole workbook and are not read here. A cell that is called a number and
        has none is there as None.
        """
        formulas: dict[tuple[int, int], StoredFormula] = {}
        texts: dict[tuple[int, int], str | None] = {}
        masters: dict[str, tuple[str, int, int]] = {}
        for row, column, cell in _cells(self._archive.read(self.sheets[sheet])):
            formula = next((part for part in cell if local(part.tag) == "f"), None)
            if formula is None:
                if cell.get("t") == "inlineStr":
                    texts[row, column] = _text(cell)
                elif _is_empty_number(cell):
                    texts[row, column] = None
                continue
            text, share = (formula.text or "").strip(), formula.get("si", "")
            if formula.get("t") == "shared" and text:
                masters[share] = text, row, column
            elif formula.get("t") == "shared" and share in masters:
                text, top, left = masters[share]
                text = shift(text, row - top, column - left)
            area = parse_area(formula.get("ref", ""), sheet) if formula.get("t") == "array" else None
            if text:
                formulas[row, column] = StoredFormula(text, area, cell.get("cm") is not None)
        return formulas, texts

    def tables(self) -> dict[str, TableArea]:
        """The tables of the workbook by lower-case name."""
        found = {}
        for sheet, part in self.sheets.items():
            for kind, target in self.relations(part).values():
                if kind == "table":
                    table = _table(self._xml(target), sheet)
                    if table:
                        found[table.name.lower()] = table
        return found


def _cells(data: bytes) -> Iterator[tuple[int, int, ElementTree.Element]]:
    """The cells that hold a formula, a text of their own, or say that they are a number and have none."""
    if not FORMULA.search(data) and not _OWN.search(data):
        return
    number = 0
    for _, row in ElementTree.iterparse(BytesIO(data)):
        if local(row.tag) != "row":
            continue
        number = int(row.get("r", number + 1))
        before, behind = "", 0  # the last cell with an address, and how many cells without one are behind it
        for cell in row:
            name, kind = cell.get("r"), cell.get("t")
            before, behind = (name, 0) if name else (before, behind + 1)
            if name is None or kind == "inlineStr" or (kind == "n" and _is_empty_number(cell)) or _has_formula(cell):
                where = parse_area(before, "") if name else None
                yield number, where.first_column if where else column_number(before.rstrip("0123456789")) + behind, cell
        row.clear()


def _has_formula(cell: ElementTree.Element) -> bool:
    return len(cell) > 0 and any(part.tag == "f" or part.tag.endswith("}f") for part in cell)


def _is_empty_number(cell: ElementTree.Element) -> bool:
    """Whether a cell without a value says that it is a number, which the engine would read as 0."""
    return cell.get("t") == "n" and not any(part.text for part in cell)


def _text(cell: ElementTree.Element) -> str:
    """The text stored in a cell, in one piece or in runs of differing looks."""
    runs = [part for part in cell.iter() if local(part.tag) in ("r", "t", "rPh")]
    skipped = {id(part) for run in runs if local(run.tag) == "rPh" for part in run.iter()}
    return _plain("".join(part.text or "" for part in runs if local(part.tag) == "t" and id(part) not in skipped))


def _plain(text: str) -> str:
    """A text of the file with its written-out characters, such as _x000A_, put in."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)


def _table(root: ElementTree.Element, sheet: str) -> TableArea | None:
    area = parse_area(root.get("ref", ""), sheet)
    columns = tuple(_plain(item.get("name", "")) for item in root.iter() if local(item.tag) == "tableColumn")
    if area is None or not columns:
        return None
    heading, total = int(root.get("headerRowCount", "1")), int(root.get("totalsRowCount", "0"))
    return TableArea(root.get("displayName", ""), area, columns, heading, total)
