"""One open workbook: its view for the pages, edits with undo and redo, and saving it into its file."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from xlmargin.engine import Looks, Workbook, patch
from xlmargin.engine.formula import address, quoted
from xlmargin.errors import MarginError
from xlmargin.faces.web.charts import Chart, charts, data_of, reference_area
from xlmargin.faces.web.contents import Contents, hits
from xlmargin.faces.web.frame import SPARE_COLUMNS, SPARE_ROWS, Frame, Rectangle, frames, marks_inputs, read_looks, rectangles
from xlmargin.faces.web.keeping import kept_copies
from xlmargin.faces.web.styles import StyleTable
from xlmargin.faces.web.svg import draw
from xlmargin.faces.web.typed import typed_value

_MOST_EDITS = 200_000  # cells of one edit
_MOST_STEPS = 500  # that can be undone
_MOST_CHOICES = 500

Cell = float | str | bool | None


@dataclass(slots=True)
class _Step:
    """One edit: the cells of a sheet with their values before and after."""

    sheet: str
    cells: list[tuple[str, Cell, Cell]]


@dataclass(slots=True)
class _Drawn:
    """A chart's last drawing and the revision that changed it."""

    seen: str = ""
    svg: str = ""
    revision: int = -1


@dataclass(slots=True)
class _Journal:
    """The edits to undo and to redo, and the saved values of the cells edited since."""

    done: list[_Step] = field(default_factory=list)
    undone: list[_Step] = field(default_factory=list)
    saved: dict[tuple[str, str], Cell] = field(default_factory=dict)


class Session:
    """An open workbook file. Its methods may be called from several threads: they wait for each other.

    Parameters: path, the .xlsx or .xlsm file; functions, by name, as the embedded engine takes them.
    Raises: MarginError when the file cannot be opened.
    """

    def __init__(self, path: str | Path, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.path = Path(path).resolve()
        self._lock = RLock()
        self._functions = functions
        self._book = Workbook(self.path, functions)
        self._digest = self._on_disk()
        read = read_looks(self.path)
        known = set(self._book.sheets)
        every = frames(read)
        self._frames = [frame for frame in every if frame.name in known]
        self._charts = [chart for chart in charts(read, every) if chart.sheet in known]
        self._active = next((number for number, frame in enumerate(self._frames) if frame.name == _front(read)), 0)
        self._names = {name.lower(): str(defined.attr_text) for name, defined in read.defined_names.items()}
        self._marked = marks_inputs(self._frames)
        self._looks = Looks(self._book)
        self._styles = StyleTable()
        self._contents = {f.name: Contents(f, self._book, self._looks, self._styles) for f in self._frames}
        self._drawn = [_Drawn() for _ in self._charts]
        self._journal = _Journal()
        self._revision = self._opened = 0

    # ---- the view of the pages

    def book(self) -> dict[str, Any]:
        """The workbook: its name and its sheets with all that does not change."""
        with self._lock:
            return {
                "name": self.path.name,
                "folder": str(self.path.parent),
                "state": self.state(),
                "active": self._active,
                "kept": kept_copies(self.path),
                "sheets": [self._described(frame) for frame in self._frames],
            }

    def state(self) -> dict[str, Any]:
        """The revision, whether there is anything to save, to undo, to redo."""
        with self._lock:
            return {
                "revision": self._revision,
                "opened": self._opened,
                "dirty": self.dirty,
                "undo": len(self._journal.done),
                "redo": len(self._journal.undone),
            }

    @property
    def dirty(self) -> bool:
        """Whether a cell differs from the file."""
        with self._lock:
            return any(not _same(self._book.get(*place), value) for place, value in self._journal.saved.items())

    def view(self, sheet: int, since: int = -1, styles: int = 0) -> dict[str, Any]:
        """The data that a page needs to show a sheet: all, or the changes after a revision and from a style on."""
        with self._lock:
            frame = self._frame(sheet)
            contents = self._contents[frame.name]
            contents.refresh(self._revision)
            found: dict[str, Any] = {
                "sheet": sheet,
                "since": since,
                "state": self.state(),
                "choices": self._choices(frame),
                "charts": self._drawings(frame, since),
            }
            if since < 0:
                found |= {"cells": contents.filled(), "rows": contents.row_styles(), "formulas": contents.formulas()}
            else:
                found["cells"] = contents.since(since)
            used = contents.size
            found |= {
                "size": [max(frame.rows, used[0] + SPARE_ROWS), max(frame.columns, used[1] + SPARE_COLUMNS)],
                "from": styles,
                "styles": self._styles.since(styles),
            }
            return found

    def find(self, text: str) -> list[list[int]]:
        """The cells of the sheets in sight that show a text, as [sheet, row, column]."""
        with self._lock:
            shown = [(number, self._contents[frame.name]) for number, frame in enumerate(self._frames) if not frame.hidden]
            return hits(text, shown, self._revision)

    # ---- edits

    def edit(self, sheet: int, cells: Sequence[tuple[int, int, str]]) -> int:
        """Put typed texts into cells given as row, column, text, and calculate; returns how many cells changed.

        Raises: MarginError when one of them cannot be edited or read: then nothing changes.
        """
        with self._lock:
            frame = self._frame(sheet)
            if len(cells) > _MOST_EDITS:
                raise MarginError(f"At most {_MOST_EDITS:,} cells at once can be edited, not {len(cells):,}.")
            contents, made = self._contents[frame.name], []
            for row, column, text in cells:
                if refusal := self.refusal(frame, row, column):
                    raise MarginError(refusal)
                old, new = contents.value(row, column), typed_value(text, contents.number_format(row, column))
                if not _same(old, new):
                    made.append((address(row, column), old, new))
            if made:
                step = _Step(frame.name, made)
                self._apply(step, forward=True)
                self._journal.done = [*self._journal.done, step][-_MOST_STEPS:]
                self._journal.undone.clear()
            return len(made)

    def undo(self) -> str:
        """Take back the last edit; returns the sheet it was on, or "" where there is none."""
        with self._lock:
            if not self._journal.done:
                return ""
            step = self._journal.done[-1]
            self._apply(step, forward=False)
            self._journal.undone.append(self._journal.done.pop())
            return step.sheet

    def redo(self) -> str:
        """Make again the edit that was taken back last; returns the sheet it is on, or ""."""
        with self._lock:
            if not self._journal.undone:
                return ""
            step = self._journal.undone[-1]
            self._apply(step, forward=True)
            self._journal.done.append(self._journal.undone.pop())
            return step.sheet

    def refusal(self, frame: Frame, row: int, column: int) -> str:
        """The reason why a cell cannot be edited; "" where it can."""
        where = f"{address(row, column)} on {frame.name}" if row > 0 and column > 0 else ""
        if not (1 <= row <= 1_048_576 and 1 <= column <= 16_384):
            return "There is no such cell."
        if self._book.formula(frame.name, address(row, column)) is not None:
            return f"{where} is calculated by a formula; edit the inputs it is made from."
        if (row, column) in frame.headings:
            return f"{where} is a heading of the table {frame.headings[row, column]}; rename it in a spreadsheet program."
        if (frame.protected or self._marked) and (row, column) not in frame.unlocked:
            return f"{where} is locked; the cells for input are those that the workbook marks."
        if any(
            top <= row <= bottom and left <= column <= right and (row, column) != (top, left) for top, left, bottom, right in frame.merges
        ):
            return f"{where} is part of a merged cell; edit its first cell."
        return ""

    # ---- the file

    def save(self) -> int:
        """Write the values into the file and nothing else; returns how many cells were written.

        Raises: MarginError when the file has been changed by another program, or cannot be written.
        """
        with self._lock:
            if not self.is_current():
                raise MarginError(
                    f"{self.path.name} was changed by another program since it was opened here: nothing was "
                    "saved. Download a copy to keep your edits, then open the file again."
                )
            count = patch(self.path, self.path, self._book, list(self._journal.saved))
            self._digest = self._on_disk()
            self._journal.saved.clear()
            return count

    def save_copy(self, destination: Path) -> Path:
        """Write the workbook with its edits to another file."""
        with self._lock:
            patch(self.path, destination, self._book, list(self._journal.saved))
            return destination

    def copy(self) -> bytes:
        """The workbook with its edits as the bytes of a file."""
        with tempfile.TemporaryDirectory() as folder:
            return self.save_copy(Path(folder) / self.path.name).read_bytes()

    def is_current(self) -> bool:
        """Whether the file is as it was opened or saved here last."""
        return self._on_disk() == self._digest

    def read_again(self) -> Session:
        """The file as it is now. This takes a while, in which all goes on here."""
        return Session(self.path, self._functions)

    def take(self, fresh: Session, revision: int) -> None:
        """Go on with a file that was read again, unless there were edits since a revision: with its values where all else is the same."""
        with self._lock:
            if self.dirty or self._revision != revision:
                return
            same = fresh._shape() == self._shape()
            self._book, self._looks, self._digest = fresh._book, fresh._looks, fresh._digest
            self._journal = _Journal()
            self._revision += 1
            if same:
                for contents in self._contents.values():
                    contents.follow(self._book, self._looks)
                return
            self._frames, self._charts, self._names, self._marked = fresh._frames, fresh._charts, fresh._names, fresh._marked
            self._styles, self._contents, self._drawn, self._active = fresh._styles, fresh._contents, fresh._drawn, fresh._active
            self._opened += 1

    # ---- inside

    def _shape(self) -> list[Any]:
        return [self._frames, self._charts, self._names, [contents.formulas() for contents in self._contents.values()]]

    def _apply(self, step: _Step, *, forward: bool) -> None:
        for cell, old, new in step.cells:
            self._journal.saved.setdefault((step.sheet, cell), old if forward else new)
        self._book.set_many([(step.sheet, cell, new if forward else old) for cell, old, new in step.cells])
        self._looks.refresh()
        self._revision += 1

    def _frame(self, sheet: int) -> Frame:
        if not 0 <= sheet < len(self._frames):
            raise MarginError(f"There is no sheet number {sheet}; the workbook has {len(self._frames)}.")
        return self._frames[sheet]

    def _described(self, frame: Frame) -> dict[str, Any]:
        free = not (frame.protected or self._marked)
        return {
            "name": frame.name,
            "rows": frame.rows,
            "columns": frame.columns,
            "widths": _runs(frame.widths),
            "heights": _runs(frame.heights),
            "frozen": frame.frozen,
            "grid": frame.grid_lines,
            "tab": frame.tab,
            "hidden": frame.hidden,
            "merges": frame.merges,
            "open": None if free else list(rectangles(frame.unlocked)),
            "links": [[*place, *self._target(link, target)] for place, (link, target) in frame.links.items()],
            "notes": [[*place, text] for place, text in frame.notes.items()],
            "prompts": frame.prompts,
            "headings": [list(place) for place in frame.headings],
        }

    def _target(self, location: str, outside: str) -> list[Any]:
        """The target of a link: sheet number, row and column within the workbook, or an address of the web."""
        area = reference_area(location, self._names) if location else None
        number = next((n for n, f in enumerate(self._frames) if area and f.name.lower() == area.sheet.lower()), None)
        if area is not None and number is not None:
            return [number, area.first_row, area.first_column]
        return [outside] if outside.startswith(("https://", "http://")) else [""]

    def _choices(self, frame: Frame) -> list[tuple[Rectangle, list[str]]]:
        return [(rectangle, found) for rectangle, source in frame.choices if (found := self._listed(source, frame))]

    def _listed(self, source: str, frame: Frame) -> list[str]:
        if source.startswith('"'):
            return [part.strip() for part in source.strip('"').split(",")][:_MOST_CHOICES]
        reference = source.removeprefix("=")
        if "!" not in reference and reference.lower() not in self._names:
            reference = f"{quoted(frame.name)}!{reference}"
        return [str(value) for value in self._cells(reference) if value not in (None, "")][:_MOST_CHOICES]

    def _cells(self, reference: str) -> list[Any]:
        """The values of a reference in one row; none where it is no range of this workbook."""
        area = reference_area(reference, self._names)
        if area is None or area.sheet.lower() not in {name.lower() for name in self._book.sheets}:
            return []
        return [value for row in self._book.values(area.sheet, area.text()) for value in row]

    def _drawings(self, frame: Frame, since: int) -> list[dict[str, Any]]:
        found = []
        for number, (chart, drawn) in enumerate(zip(self._charts, self._drawn)):
            if chart.sheet != frame.name:
                continue
            self._redraw(chart, drawn)
            if drawn.revision > since:
                found.append(
                    {"id": number, "left": chart.left, "top": chart.top, "width": chart.width, "height": chart.height, "svg": drawn.svg}
                )
        return found

    def _redraw(self, chart: Chart, drawn: _Drawn) -> None:
        data = data_of(chart, self._cells)
        if repr(data) != drawn.seen:
            drawn.seen, drawn.svg, drawn.revision = repr(data), draw(chart, data), self._revision

    def _on_disk(self) -> str:
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise MarginError(f"{self.path} cannot be read ({error.strerror}).") from None


def _front(read: Any) -> str:
    """The sheet that was in front when the workbook was saved; "" where the file names none that it has."""
    try:
        return str(read.active.title)
    except (IndexError, AttributeError):
        return ""


def _same(old: Cell, new: Cell) -> bool:
    return type(old) is type(new) and old == new


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Numbers as [number, length of its run]."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][0] == number:
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    return runs
