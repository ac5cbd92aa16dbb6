"""The constant parts of a sheet while its numbers change: widths, heights, panes, links, notes, lists, input cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError

_PIXELS_PER_CHARACTER, _DEFAULT_WIDTH = 7.0, 64
_PIXELS_PER_POINT, _DEFAULT_HEIGHT = 4 / 3, 20
_EMU = 9525  # units of drawings in a pixel
SPARE_ROWS, SPARE_COLUMNS = 20, 3  # shown beyond the used area of a sheet, to type into
_MOST_COLUMNS, _MOST_ROWS = 16_384, 1_048_576

Rectangle = tuple[int, int, int, int]


@dataclass(slots=True)
class Frame:
    """A sheet's unchanging parts; rows and columns count from 1, rectangles are top, left, bottom, right."""

    name: str
    rows: int
    columns: int
    widths: list[int]
    heights: list[int]
    frozen: tuple[int, int]
    grid_lines: bool
    tab: str
    hidden: bool
    protected: bool
    merges: list[Rectangle] = field(default_factory=list)
    links: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    notes: dict[tuple[int, int], str] = field(default_factory=dict)
    choices: list[tuple[Rectangle, str]] = field(default_factory=list)
    prompts: list[tuple[Rectangle, str]] = field(default_factory=list)
    headings: dict[tuple[int, int], str] = field(default_factory=dict)
    indents: dict[tuple[int, int], int] = field(default_factory=dict)
    unlocked: set[tuple[int, int]] = field(default_factory=set)
    used: tuple[int, int] = (1, 1)

    def left(self, column: int, offset: int = 0) -> float:
        """The pixels from the sheet's left edge to a column counted from 0, and an offset of drawings into it."""
        known = self.widths[:column]
        return sum(known) + _DEFAULT_WIDTH * (column - len(known)) + offset / _EMU

    def top(self, row: int, offset: int = 0) -> float:
        """The pixels from the sheet's top edge to a row counted from 0, and an offset of drawings into it."""
        known = self.heights[:row]
        return sum(known) + _DEFAULT_HEIGHT * (row - len(known)) + offset / _EMU


def read_looks(path: Path) -> Any:
    """The workbook as openpyxl reads it, for all that the engine does not provide; raises MarginError when it cannot."""
    import warnings
    import zipfile

    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of extensions that it does not keep, and nothing is written with it
        try:
            return openpyxl.load_workbook(path, keep_links=False)
        except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, OSError) as error:
            raise MarginError(f"{path}: the looks of this workbook cannot be read ({error}); save it again as .xlsx.") from None


def frames(book: Any) -> list[Frame]:
    """The frames of the worksheets of a workbook that openpyxl has read."""
    return [_frame(sheet) for sheet in book.worksheets]


def marks_inputs(found: list[Frame]) -> bool:
    """Whether a workbook marks its own input cells: then all others are left alone."""
    return any(frame.unlocked for frame in found)


def _frame(sheet: Any) -> Frame:
    rows = min(sheet.max_row + SPARE_ROWS, _MOST_ROWS)
    columns = min(sheet.max_column + SPARE_COLUMNS, _MOST_COLUMNS)
    for chart in (*sheet._charts, *sheet._images):
        corner = getattr(chart.anchor, "to", None) or getattr(chart.anchor, "_from", None)
        if corner is not None:
            rows, columns = max(rows, corner.row + 3), max(columns, corner.col + 2)
    pane = sheet.sheet_view.pane
    frozen = (int(pane.ySplit or 0), int(pane.xSplit or 0)) if pane is not None and "frozen" in str(pane.state) else (0, 0)
    tab = sheet.sheet_properties.tabColor
    frame = Frame(
        sheet.title,
        rows,
        columns,
        _widths(sheet, columns),
        _heights(sheet, rows),
        frozen,
        sheet.sheet_view.showGridLines is not False,
        f"#{tab.rgb[-6:]}" if tab is not None and isinstance(tab.rgb, str) else "",
        sheet.sheet_state != "visible",
        bool(sheet.protection.sheet),
        used=(sheet.max_row, sheet.max_column),
    )
    frame.merges = [(m.min_row, m.min_col, m.max_row, m.max_col) for m in sheet.merged_cells.ranges]
    formats: dict[Any, tuple[bool, int]] = {}
    for cell in sheet._cells.values():  # those that the file has; to walk over all others would make them
        _read_cell(cell, frame, formats)
    _read_tables(sheet, frame)
    _read_validations(sheet, frame)
    return frame


def _read_cell(cell: Any, frame: Frame, formats: dict[Any, tuple[bool, int]]) -> None:
    """Read a cell; `formats`, filled here, knows by number of protection and of alignment what has been looked up."""
    if cell.__class__.__name__ == "MergedCell":
        return
    place = cell.row, cell.column
    if cell.has_style:
        key = cell._style.protectionId, cell._style.alignmentId
        if key not in formats:
            formats[key] = bool(cell.protection.locked), int(cell.alignment.indent or 0)
        locked, indent = formats[key]
        if not locked:
            frame.unlocked.add(place)
        if indent:
            frame.indents[place] = indent
    if cell.comment is not None:
        frame.notes[place] = str(cell.comment.text)
    link = cell.hyperlink
    if link is not None:
        frame.links[place] = (str(link.location or ""), str(link.target or ""))


def _widths(sheet: Any, columns: int) -> list[int]:
    usual = sheet.sheet_format.defaultColWidth
    widths = [round(usual * _PIXELS_PER_CHARACTER) if usual else _DEFAULT_WIDTH] * columns
    for letter, dimension in sheet.column_dimensions.items():
        first, last = dimension.min, dimension.max
        if first is None:
            continue
        width = 0 if dimension.hidden else round(dimension.width * _PIXELS_PER_CHARACTER)
        if letter and (dimension.customWidth or dimension.hidden):
            for column in range(first, min(last or first, columns) + 1):
                widths[column - 1] = width
    return widths


def _heights(sheet: Any, rows: int) -> list[int]:
    usual = sheet.sheet_format.defaultRowHeight
    heights = [round(usual * _PIXELS_PER_POINT) if usual else _DEFAULT_HEIGHT] * rows
    for number, dimension in sheet.row_dimensions.items():
        if number <= rows and (dimension.hidden or dimension.height):
            heights[number - 1] = 0 if dimension.hidden else round(dimension.height * _PIXELS_PER_POINT)
    return heights


def _read_tables(sheet: Any, frame: Frame) -> None:
    from openpyxl.utils.cell import range_boundaries

    for table in sheet.tables.values():
        left, top, right, _ = range_boundaries(table.ref)
        if table.headerRowCount != 0:
            frame.headings.update({(top, column): table.displayName for column in range(left, right + 1)})


def _read_validations(sheet: Any, frame: Frame) -> None:
    for rule in sheet.data_validations.dataValidation:
        for area in rule.sqref.ranges:
            rectangle = area.min_row, area.min_col, area.max_row, area.max_col
            if rule.type == "list" and rule.formula1 and not rule.showDropDown:
                frame.choices.append((rectangle, str(rule.formula1)))
            text = " ".join(str(part) for part in (rule.promptTitle and f"{rule.promptTitle}:", rule.prompt) if part)
            if text and rule.showInputMessage:
                frame.prompts.append((rectangle, text))


def rectangles(places: set[tuple[int, int]]) -> Iterator[Rectangle]:
    """Few rectangles that cover exactly these cells: runs of a column, joined where they are side by side."""
    open_runs: dict[tuple[int, int], tuple[int, int]] = {}
    columns: dict[int, list[int]] = {}
    for row, column in places:
        columns.setdefault(column, []).append(row)
    for column in sorted(columns):
        runs = {run: open_runs.get(run, (column, column))[0] for run in _runs(sorted(columns[column]))}
        for run, (first, last) in open_runs.items():
            if run not in runs or last != column - 1:
                yield run[0], first, run[1], last
        open_runs = {run: (first if open_runs.get(run, (0, 0))[1] == column - 1 else column, column) for run, first in runs.items()}
    yield from ((run[0], first, run[1], last) for run, (first, last) in open_runs.items())


def _runs(rows: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and found[-1][1] == row - 1:
            found[-1] = found[-1][0], row
        else:
            found.append((row, row))
    return found
