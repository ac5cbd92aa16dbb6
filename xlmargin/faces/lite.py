"""The workbook for Excel on macOS and the web, where xlwings Lite runs the functions in the add-in itself."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from xlmargin.faces.demo import new_workbook

NAME = "xlmargin-lite.xlsx"
PREFIX = "_xldudf_"  # prefix that Excel stores for a function of an Office.js add-in; Lite has no namespace

# xlwings comes first: the functions register themselves with it where it is loaded already.
MAIN = """\
import xlwings
from udfs import *
"""

STEPS = (
    "In Excel (Microsoft 365 or 2021, Windows, macOS or the web) choose Add-ins and add xlwings Lite from the store.",
    "Open {path} and start xlwings Lite from the Home tab.",
    "In its tab requirements.txt write a line: xlmargin (or the address of its wheel)",
    "In its tab main.py write two lines: {main}",
    "Choose Restart in the menu of xlwings Lite: the PM_ functions answer, and the code stays in the workbook.",
)

# Parts of a workbook that hold formulas, and the elements of the formulas
PARTS = re.compile(r"xl/(workbook\.xml|worksheets/sheet\d+\.xml|charts/chart\d+\.xml|tables/table\d+\.xml)$")
FORMULA = re.compile(r"(<(?:\w+:)?(f|formula|formula1|formula2|definedName|calculatedColumnFormula)(?:\s[^>]*)?>)([^<]+)(</)")
OURS = re.compile(r"(?<![\w.])(?=PM_[A-Z0-9_]+\s*\()")  # the place in front of a call
TEXT = re.compile(r'("(?:[^"]|"")*"|&quot;.*?&quot;)')


def new_lite_workbook(folder: Path, rows: int, kind: str) -> Path:
    """A desk's workbook whose formulas call the functions as Excel stores those of xlwings Lite.

    Args:
        folder: made if it is not there
        rows: rows reserved for positions
        kind: what is typed in it, as of build_template

    Returns:
        path of the workbook, already calculated

    Raises:
        MarginError: the workbook is there already, or the folder cannot be written
    """
    path = new_workbook(folder, rows, kind, NAME)
    store_as_office(path)
    return path


def store_as_office(path: Path) -> None:
    """Put the stored names into every formula of a workbook: cells, names, conditions, tables and charts.

    Args:
        path: the workbook, .xlsx, which is written again
    """
    with zipfile.ZipFile(path) as archive:
        parts = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in parts:
            if PARTS.match(entry.filename):
                text = content.decode("utf-8")
                content = FORMULA.sub(lambda found: found[1] + office_names(found[3]) + found[4], text).encode("utf-8")
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def office_names(formula: str) -> str:
    """A formula with every call of our functions under the name that Excel stores for an add-in's; texts stay."""
    pieces = TEXT.split(formula)  # every second piece is a text in quotes
    return "".join(piece if n % 2 else OURS.sub(PREFIX, piece) for n, piece in enumerate(pieces))


def instructions(path: Path) -> str:
    """The instructions for the workbook, one step a line; the path is on a separate line above."""
    main = "  and  ".join(MAIN.splitlines())
    return "\n".join([str(path), *(f"{n}. {step.format(path=path.name, main=main)}" for n, step in enumerate(STEPS, 1))])
