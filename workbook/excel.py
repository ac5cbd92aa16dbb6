"""What the workbook for Excel on Windows has besides: macros, settings, a button that restarts Python."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from .parts import Desk
from .sheets.about import version

BUILT_IN_GROUPS = 19  # categories of functions that Excel has of its own
WORKBOOK_PART, KINDS_PART = "xl/workbook.xml", "[Content_Types].xml"
PLAIN = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
MACRO_ENABLED = b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"
PYTHON = "INTERPRETER_WIN"
NOTES = {
    PYTHON: "the Python that the functions run in: where xlmargin is installed",
    "UDF MODULES": "the module with the functions, for those who import them with the xlwings add-in instead",
    "ADD_WORKBOOK_TO_PYTHONPATH": "Python does not look into the folder of this workbook, where a file could pass for a library",
    "PYTHONPATH": "where xlmargin is, since it is not installed by pip",
    "CONDA PATH": "conda's own folder",
    "CONDA ENV": "the environment where xlmargin is installed",
}
ELSEWHERE = (
    "This workbook was not written on Windows, so it names no Python: the one on the search path is taken. Better run "
    "xlmargin new on the Windows machine."
)
BLOCKED = "The functions are not loaded: enable macros, then open this workbook again."
RESTARTS = "Stops Python, starts it anew and calculates everything: after an update of xlmargin, or when no cell answers."


@dataclass(frozen=True, slots=True)
class Macros:
    """What the macros need of the workbook: the settings, the macro behind the button, the category of the functions."""

    settings: Sequence[tuple[str, str]]
    restart: str
    category: str


def add_macros(desk: Desk, macros: Macros) -> None:
    """Add the settings sheet, and the button for a macro."""
    _settings(desk, macros)
    cell = version(desk)
    about = desk.book.get_worksheet_by_name(cell.sheet)
    about.insert_button(cell.row, cell.column + 1, {"macro": macros.restart, "caption": "Restart Python", "width": 120, "height": 20})
    about.write_string(cell.row + 1, cell.column + 1, RESTARTS, desk.style("note"))
    desk.formula(about, cell.bare(2, -1), f'=IF(ISERROR({cell.near.partition(":")[0]}),"{BLOCKED}","")', "message")


def _settings(desk: Desk, macros: Macros) -> None:
    """Keys from the first cell down, without a heading: so xlwings reads them."""
    sheet = desk.book.add_worksheet("xlwings.conf")
    sheet.hide_gridlines(2)
    for column, width in enumerate((32, 60, 90)):
        sheet.set_column(column, column, width)
    for row, (key, value) in enumerate(macros.settings):
        sheet.write_string(row, 0, key, desk.style("label"))
        sheet.write_string(row, 1, value, desk.style("input"))
        sheet.write_string(row, 2, NOTES[key], desk.style("note"))
    words = ["A setting that is not wanted: delete its row. A blank one counts as set."]
    if PYTHON not in dict(macros.settings):
        words.append(ELSEWHERE)
    for row, text in enumerate(words, len(macros.settings) + 1):
        sheet.write_string(row, 0, text, desk.style("note"))


def macro_enabled(contents: bytes, category: str) -> bytes:
    """The workbook as one that may hold macros, with a category in the function wizard, which the writer knows nothing of."""
    group = f'<functionGroups builtInGroupCount="{BUILT_IN_GROUPS}"><functionGroup name="{category}"/></functionGroups>'
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(contents)) as old, zipfile.ZipFile(changed, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename == WORKBOOK_PART:
                data = data.replace(b"</sheets>", b"</sheets>" + group.encode())
            if part.filename == KINDS_PART:
                data = data.replace(PLAIN, MACRO_ENABLED)
            new.writestr(part, data, part.compress_type)
    return changed.getvalue()
