"""The displayed cells of one sheet and the revision of each, so that only changed cells go to the page; and the search in them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from xlmargin.engine import Look, Looks, Workbook
from xlmargin.engine.formula import ERROR_CODES, address, parse_area
from xlmargin.errors import MarginError
from xlmargin.faces.web.frame import Frame
from xlmargin.faces.web.number_format import formatted
from xlmargin.faces.web.styles import StyleTable
from xlmargin.faces.web.typed import editing_text
from xlmargin.sheet.registry import ERROR

Place = tuple[int, int]
#: Text, number of the style, kind (n number, g number in the format General, s text, b bool, e fault, or ""), text to edit.
Shown = tuple[str, int, str, str]

_WHOLE = "A1:XFD1048576"
_MOST_HITS = 20_000  # of a search
_NO_STYLE: Shown = ("", 0, "", "")


class Contents:
    """The cells of a sheet as they were shown last, with the revision of the workbook that changed each."""

    def __init__(self, frame: Frame, book: Workbook, looks: Looks, styles: StyleTable) -> None:
        self._frame, self._book, self._looks, self._styles = frame, book, looks, styles
        self._cells: dict[Place, Shown] = {}
        self._stamps: dict[Place, int] = {}
        self._plain: dict[Place, tuple[Look, str]] = {}  # looks of cells without conditional formats stay
        self._values: dict[int, list[Any]] = {}  # of the rows as they were shown last
        self._conditional = [
            area for text in looks.ranges(frame.name) for part in text.replace(",", " ").split() if (area := parse_area(part, frame.name))
        ]
        self._revision = -1
        self.size = frame.used

    def follow(self, book: Workbook, looks: Looks) -> None:
        """Show the same sheet of the file read again from the next revision on."""
        self._book, self._looks = book, looks
        self._plain.clear()
        self._values.clear()

    def refresh(self, revision: int) -> None:
        """Bring the cells up to a revision of the workbook."""
        if revision == self._revision:
            return
        name = self._frame.name
        rows = self._book.values(name, _WHOLE)
        height, width = max(len(rows), self._frame.used[0]), max(len(rows[0]), self._frame.used[1])
        self.size = height, width
        for row in range(1, height + 1):
            values = rows[row - 1] if row <= len(rows) else []
            before = self._values.get(row, [])
            live = [a for a in self._conditional if a.first_row <= row <= a.last_row]
            for column in range(1, width + 1):
                value, place = values[column - 1] if column <= len(values) else None, (row, column)
                conditional = any(a.first_column <= column <= a.last_column for a in live)
                if not conditional and column <= len(before) and _same(value, before[column - 1]):
                    continue
                shown = self._shown(row, column, value, conditional)
                if self._cells.get(place) != shown:
                    self._cells[place] = shown
                    self._stamps[place] = revision
            self._values[row] = values + [None] * (width - len(values))
        self._revision = revision

    def since(self, revision: int) -> list[list[Any]]:
        """The cells that changed after a revision, as [row, column, text, style, kind, text to edit where it differs]."""
        return [_sent(place, self._cells[place]) for place, stamp in self._stamps.items() if stamp > revision]

    def filled(self) -> list[list[Any]]:
        """The cells that show something."""
        return [_sent(place, shown) for place, shown in self._cells.items() if shown[0] or shown[3]]

    def row_styles(self) -> list[list[Any]]:
        """The styles of all cells in runs: [rows, [[style, columns], …]] from the top."""
        height, width = self.size
        lines = [tuple(self._cells.get((row, column), _NO_STYLE)[1] for column in range(1, width + 1)) for row in range(1, height + 1)]
        return [[len(list(same)), [[style, len(list(run))] for style, run in groupby(line)]] for line, same in groupby(lines)]

    def formulas(self) -> list[list[Any]]:
        """The formulas as [row, column, text]."""
        found = []
        for cell in self._book.formula_cells(self._frame.name):
            area = parse_area(cell, self._frame.name)
            if area:
                found.append([area.first_row, area.first_column, self._book.formula(self._frame.name, cell)])
        return found

    def value(self, row: int, column: int) -> Any:
        """The value of a cell."""
        return self._book.get(self._frame.name, address(row, column))

    def number_format(self, row: int, column: int) -> str:
        """The number format of a cell."""
        return str(self._looks.at(self._frame.name, row, column).style.get("num_fmt") or "General")

    def _shown(self, row: int, column: int, value: Any, live: bool) -> Shown:
        place = row, column
        if live or place not in self._plain:
            look = self._looks.at(self._frame.name, row, column)
            code = str(look.style.get("num_fmt") or "General")
            if not live:
                self._plain[place] = look, code
        else:
            look, code = self._plain[place]
        indent = self._frame.indents.get(place, 0)
        if value is None or value == "":
            return "", self._styles.number(look, "", indent), "", ""
        shown = formatted(value, code)
        text = "" if look.bar and not look.bar.get("show_value", True) else shown.text
        return text, self._styles.number(look, shown.colour, indent), _kind(value, code), editing_text(value, code)


def _same(value: Any, before: Any) -> bool:
    return type(value) is type(before) and bool(value == before)


def _kind(value: Any, code: str) -> str:
    if isinstance(value, bool):
        return "b"
    if isinstance(value, str):
        return "e" if value in ERROR_CODES or value.startswith(ERROR) else "s"
    return "g" if code.lower() == "general" else "n"


def _sent(place: Place, shown: Shown) -> list[Any]:
    text, style, kind, raw = shown
    return [*place, text, style, kind] + ([raw] if raw != text else [])


def hits(text: str, sheets: Iterable[tuple[int, Contents]], revision: int) -> list[list[int]]:
    """The cells that show a text, or hold it as it is edited, in any case, as [sheet, row, column] in reading order.

    Parameters: sheets, each with its number; revision of the workbook that is looked through.
    Raises: MarginError for more cells than a reader goes through.
    """
    wanted, found = text.strip().casefold(), []
    if not wanted:
        return []
    for number, contents in sheets:
        contents.refresh(revision)
        found += [[number, *cell[:2]] for cell in sorted(contents.filled()) if _shows(cell, wanted)]
        if len(found) > _MOST_HITS:
            raise MarginError(f"More than {_MOST_HITS:,} cells show {text.strip()!r}: type more of what you look for.")
    return found


def _shows(cell: list[Any], wanted: str) -> bool:
    return any(wanted in str(part).casefold() for part in (cell[2], *cell[5:]))
