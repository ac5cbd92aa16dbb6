"""Names of ranges: the rectangle that a name, a table or a sheet's title of a workbook stands for, or why it stands for none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xlmargin.engine.formula import MAX_COLUMN, MAX_ROW, CellArea, TableArea, parse_area, quoted, table_area
from xlmargin.engine.package import DefinedName
from xlmargin.errors import MarginError
from xlmargin.files.containers.container import Container

LONGEST_CHAIN = 5  # names that stand for names
LONGEST = 80  # characters of a formula in a message
EXTERNAL = re.compile(r"\[\d+\]|'[^']*\[[^\]]+\]|^'?(?:[A-Za-z]:)?[\\/]|file:", re.IGNORECASE)
CONSTANT = re.compile(r'"(?:[^"]|"")*"|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?|TRUE|FALSE|\{.*\}', re.IGNORECASE | re.DOTALL)
DIGITS = "0123456789"
PARTS = re.compile(r"\[\s*(#[^\]]+?)\s*\]|^\[\s*(#[^\[\]]+?)\s*\]$|(@)")
UNION = re.compile(r"[,;](?=(?:[^']*'[^']*')*[^']*$)(?![^\[]*\])")


@dataclass(frozen=True, slots=True)
class Target:
    """The rectangle that a name stands for.

    Attributes:
        label: of the name or table in messages
        area: with its header row, without the row of totals
        headings: of a table whose header row is not shown, else None
        whole: whole columns or rows: the range begins where its header row is found
        totals: rows of totals of a table, right below the rectangle
    """

    label: str
    area: CellArea
    headings: tuple[str, ...] | None = None
    whole: bool = False
    totals: int = 0

    @property
    def bottom(self) -> int:
        """The last row, those of totals too."""
        return self.area.last_row + self.totals

    @property
    def shown(self) -> str:
        """The name with its address, as messages show them."""
        return f"{self.label} ({written(self.area)})"


def written(area: CellArea) -> str:
    """A rectangle as people write it: `Positions!A1:F20`, `'My book'!A:F`."""
    sheet = area.sheet if re.fullmatch(r"[^\W\d]\w*", area.sheet) else quoted(area.sheet)
    return f"{sheet}!{plain_area(area)}"


def written_cell(sheet: str, row: int, column: int | None) -> str:
    """A cell as people write it: `Positions!F6`; without a column the row, `Positions!6:6`."""
    first, last = (1, MAX_COLUMN) if column is None else (column, column)
    return written(CellArea(sheet, row, first, row, last, column is not None))


def plain_area(area: CellArea) -> str:
    """A rectangle without its sheet and without `$`."""
    first, _, last = area.text().rpartition("!")[2].replace("$", "").partition(":")
    if last and (area.first_row, area.last_row) == (1, MAX_ROW):
        return f"{first.rstrip(DIGITS)}:{last.rstrip(DIGITS)}"
    if last and (area.first_column, area.last_column) == (1, MAX_COLUMN):
        return f"{area.first_row}:{area.last_row}"
    return f"{first}:{last}" if last else first


def target_of(book: Container, name: str) -> Target | None:
    """The rectangle of a name of the workbook, of a name of one sheet, or of a table; None where nothing is called so.

    Args:
        book: the open workbook
        name: in lower case

    Raises:
        MarginError: the name stands for no rectangle of this workbook, or several are called so
    """
    named = [each for each in book.names if each.name.lower() == name]
    shared = [each for each in named if each.sheet is None]
    chosen = shared or named
    if len(chosen) > 1:
        owners = ", ".join(each.sheet or "the workbook" for each in chosen)
        raise MarginError(f"the name {chosen[0].name} is defined {len(chosen)} times ({owners}): keep one in the list of names")
    if chosen:
        return _Reading(book, chosen[0]).target()
    table = book.tables().get(name)
    return None if table is None else _of_table(f"the table {table.name}", table, table.area)


def areas_of(book: Container) -> dict[str, CellArea]:
    """The rectangle of each name that stands for one; names that stand for anything else are left alone."""
    found = {}
    for each in sorted(book.names, key=lambda each: each.sheet is None):  # a name of the workbook goes before one of a sheet
        try:
            found[each.name] = _Reading(book, each).target().area
        except MarginError:
            continue
    return found


class _Reading:
    """One name on its way to a rectangle."""

    def __init__(self, book: Container, name: DefinedName) -> None:
        self._book, self._name = book, name
        self._sheets = {sheet.lower(): sheet for sheet in book.sheets}

    def target(self) -> Target:
        """The rectangle; raises MarginError where there is none, with what the name stands for."""
        text, sheet = self._name.text, self._name.sheet
        for _ in range(LONGEST_CHAIN):
            text = text.strip().removeprefix("=").strip()
            if table := self._table(text):
                return table
            if EXTERNAL.search(text):
                break
            if area := parse_area(text, sheet or ""):
                return self._on_a_sheet(area, text)
            other = next((each for each in self._book.names if each.name.lower() == text.lower() and each.sheet in (None, sheet)), None)
            if other is None:
                break
            text, sheet = other.text, other.sheet or sheet
        raise self._refused(text)

    def _on_a_sheet(self, area: CellArea, text: str) -> Target:
        title = self._sheets.get(area.sheet.lower())
        if title is None:
            where = f"on the sheet {area.sheet}, which is no worksheet of this workbook" if area.sheet else "on no sheet"
            raise MarginError(f"the name {self._name.name} stands for {_short(text)} {where}: mend it in the list of names")
        whole = area.last_row - area.first_row + 1 == MAX_ROW or area.last_column - area.first_column + 1 == MAX_COLUMN
        area = CellArea(title, area.first_row, area.first_column, area.last_row, area.last_column, area.cell)
        return Target(f"the name {self._name.name}", area, whole=whole)

    def _table(self, text: str) -> Target | None:
        """A table, or columns of it: with its headings, whichever of its rows the name means besides."""
        base, _, rest = text.partition("[")
        table = self._book.tables().get(base.strip().lower()) if re.fullmatch(r"[^\W\d][\w.\\]*\s*", base) else None
        if table is None:
            return None
        parts = {next(filter(None, part)).lower() for part in PARTS.findall(f"[{rest}" if rest else "")}
        columns = table_area(re.sub(r"\[\s*#[^\]]+\]\s*,?\s*", "", text).replace("[]", "").replace("[ ]", ""), self._book.tables(), 0)
        if columns is None or not parts <= {"#all", "#data", "#headers"} or parts == {"#headers"}:
            raise self._refused(text, "rows of a table without its positions, or columns that it does not have")
        label = f"the name {self._name.name} of the table {table.name}"
        return _of_table(label, table, columns)

    def _refused(self, text: str, what: str = "") -> MarginError:
        """The error of a name that stands for no rectangle."""
        if not what:
            what = next(words for fits, words in self._meanings(text) if fits)
        return MarginError(
            f"the name {self._name.name} stands for {_short(text)}, which is {what}: "
            "let it stand for one rectangle such as Positions!$A$1:$F$20, or make that a table"
        )

    def _meanings(self, text: str) -> list[tuple[bool, str]]:
        pieces = UNION.split(text.strip("()"))
        return [
            (not text, "nothing"),
            ("#REF!" in text.upper(), "a range that has been deleted"),
            (text.startswith("#"), "an error"),
            (bool(EXTERNAL.search(text)), "in another workbook"),
            (len(pieces) > 1 and all(parse_area(piece, "x") for piece in pieces), f"{len(pieces)} areas"),
            (bool(CONSTANT.fullmatch(text)), "a constant"),
            (bool(re.match(r"[^\W\d][\w.]*\[", text)), "of a table that this workbook does not have"),
            (True, "a formula, not a range"),
        ]


def _of_table(label: str, table: TableArea, columns: CellArea) -> Target:
    """The target of the columns of a table that a rectangle spans."""
    area, left = table.area, columns.first_column - table.area.first_column
    found = CellArea(area.sheet, area.first_row, columns.first_column, area.last_row - table.total_rows, columns.last_column)
    names = None if table.heading_rows else table.columns[left : left + columns.last_column - columns.first_column + 1]
    return Target(label, found, names, totals=table.total_rows)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def titled(book: Container, name: str) -> str | None:
    """The sheet of a title, without regard to case and outer spaces; None where there is none.

    Raises:
        MarginError: two sheets are called so
    """
    found = [sheet for sheet in book.sheets if sheet.strip().lower() == name]
    if len(found) > 1:
        shown: Mapping[str, None] = dict.fromkeys(map(repr, found))
        raise MarginError(f"the sheets {' and '.join(shown)} both give the {name}: rename one of them, or name the range `{name}`")
    return found[0] if found else None
