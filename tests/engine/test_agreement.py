"""The template edited at random in two programs: the embedded engine and LibreOffice agree in every formula cell."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calc import Calc, CalcBook
from desk_edits import ROWS, Edit, Editor, Names, Places
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple

import udfs
from xlmargin.engine import Workbook
from xlmargin.faces import template
from xlmargin.faces.template import build_template
from xlmargin.files.workbooks import named_cells
from xlmargin.sheet.registry import ERROR, FUNCTIONS

assert udfs  # fills the registry

CALLS: dict[str, Callable[..., Any]] = {name: function.call for name, function in FUNCTIONS.items()}
METHODS = [row[0] for row in CALLS["PM_METHODS"]()[1:]]
DAYS, SEED, EDITS = 270, 20260704, 60

# What the two programs are known to do differently, and so what the edits leave out, for these reasons:
# - a cleared `As of`: the valuation time is then now, which is another moment in each program;
# - TRUE and FALSE typed into a cell: LibreOffice hands a boolean to a function as the number 1 or 0;
# - an error value in a cell: LibreOffice never calls a function with one. It has a test of its own below.
# There is no exception for arrays: a lone answer in a table's place (the text of a mistake) would fill the array in
# LibreOffice and the first cell alone in the engine, but the template lays every table out by ROWS and COLUMNS, so that
# what lies beyond the answer is blank in both.
RELATIVE, ABSOLUTE = 1e-9, 1e-9  # the absolute one is for what cancels to nothing, in USD


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template with few rows, not yet calculated."""
    monkeypatch.setattr(template._builder("layout"), "HISTORY_ROWS", DAYS)
    path = tmp_path / "desk.xlsx"
    build_template(path, rows=ROWS)
    return path


def calculated(book: Workbook) -> dict[str, set[tuple[int, int]]]:
    """Every cell of a workbook that a formula fills, by sheet, as row and column from 1."""
    cells: dict[str, set[tuple[int, int]]] = {}
    for sheet in book.sheets:
        cells[sheet] = {coordinate_to_tuple(cell) for cell in book.formula_cells(sheet)}
        for cell, (rows, columns) in book.spills(sheet).items():
            top, left = coordinate_to_tuple(cell)
            cells[sheet] |= {(top + r, left + c) for r in range(rows) for c in range(columns)}
    return {sheet: found for sheet, found in cells.items() if found}


def agree(ours: Any, theirs: Any) -> bool:
    """Blank is None or ""; texts and error values are equal; numbers are, to the tolerances; no two types are."""
    theirs = theirs["error"] if isinstance(theirs, dict) else theirs  # #N/A, which a chart leaves out
    ours, theirs = ("" if cell is None else cell for cell in (ours, theirs))
    if isinstance(ours, str) or isinstance(theirs, str):
        return bool(ours == theirs)
    return type(ours) is type(theirs) is float and math.isclose(ours, theirs, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def compare(book: Workbook, other: CalcBook, cells: dict[str, set[tuple[int, int]]], count: Counter[str]) -> list[str]:
    """The cells in which two programs differ; the others are counted by what they hold."""
    differences = []
    for sheet, found in cells.items():
        area = f"A1:{get_column_letter(max(c for _, c in found))}{max(r for r, _ in found)}"
        ours, theirs = book.values(sheet, area), other.get(sheet, area)
        for r, c in sorted(found):
            one, two = ours[r - 1][c - 1], theirs[r - 1][c - 1]
            if not agree(one, two):
                differences.append(f"{sheet}!{get_column_letter(c)}{r}: engine {one!r}, LibreOffice {two!r}")
            count["cells"] += 1
            count["numbers"] += isinstance(one, float)
            count["texts"] += isinstance(one, str) and one != ""
    return differences


def put(book: Workbook, other: CalcBook, edit: list[Edit]) -> None:
    """The same edit in both programs; LibreOffice, which calculates after every call, takes a row's neighbours at once."""
    book.set_many(edit)
    runs: list[tuple[str, int, int, list[Any]]] = []
    for sheet, cell, value in edit:
        row, column = coordinate_to_tuple(cell)
        if runs and runs[-1][:2] == (sheet, row) and runs[-1][2] + len(runs[-1][3]) == column:
            runs[-1][3].append(value)
        else:
            runs.append((sheet, row, column, [value]))
    for sheet, row, column, values in runs:
        last = get_column_letter(column + len(values) - 1)
        other.set(sheet, f"{get_column_letter(column)}{row}:{last}{row}", [values])


def assert_as_in_python(book: CalcBook, names: Names) -> None:
    """What LibreOffice shows is what the functions answer for the ranges as its sheets hold them."""
    positions, market, parameters, history = (book.get(*names[name]) for name in ("positions", "market", "parameters", "history"))
    method = book.get(*names["method"])[0][0]
    for name, place in (("PM_MARGIN", "initial_margin"), ("PM_MAINTENANCE", "maintenance_margin"), ("PM_SCANNING_RISK", "scanning_risk")):
        assert agree(CALLS[name](positions, market, method, parameters, history), book.get(*names[place])[0][0]), name
    table = CALLS["PM_RISK_ARRAY"](positions, market, method, parameters, history)
    shown = book.get(*names["risk_array"])
    rows = [[table]] if isinstance(table, str) else table
    if len(rows) >= len(shown):  # the area keeps the worst
        bound = sorted(row[-1] for row in rows[1:])[len(shown) - 3]
        rows = [rows[0], *(row for row in rows[1:] if row[-1] < bound)]
        rows.append(["", f"{len(table) - len(rows)} scenarios with less bad totals are left out here"])
    for r, row in enumerate(rows):
        assert all(agree(one, two) for one, two in zip(row, shown[r])), (r, row, shown[r])


def test_random_edits_leave_both_programs_with_the_same_cells(file: Path, calc: Calc) -> None:
    """Edits of every input area, right and wrong: all formula cells after each.

    Liquidation prices, which take most of the time, begin switched off; the edits switch them on and off again.
    """
    book = Workbook(file, CALLS)
    places = Places(file, book)
    editor = Editor(places, random.Random(SEED), METHODS)
    cells, count = calculated(book), Counter[str]()
    margins: list[Any] = [book.get(*places.names["initial_margin"])]
    with calc.open(file) as other:
        put(book, other, [(*places.names["liquidation_wanted"], "off")])
        assert compare(book, other, cells, count) == []
        for n in range(EDITS):
            edit = editor.edit(broken=isinstance(margins[-1], str))
            put(book, other, edit)
            assert compare(book, other, cells, count) == [], (n, edit)
            assert_as_in_python(other, places.names)
            margins.append(book.get(*places.names["initial_margin"]))
    assert len({margin for margin in margins if isinstance(margin, float)}) >= EDITS // 4, "too few of the books have a margin"
    assert len({margin for margin in margins if isinstance(margin, str)}) >= 3, "too few kinds of mistakes"
    assert count["cells"] > 10_000 * EDITS
    assert count["numbers"] > 2_000 * EDITS
    assert count["texts"] > 1_000 * EDITS


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_alike_in_both_programs(file: Path, calc: Calc, method: str) -> None:
    """The choice of the method in its one cell, and the way back."""
    book = Workbook(file, CALLS)
    names, cells, count = named_cells(file), calculated(book), Counter[str]()
    with calc.open(file) as other:
        for choice in (method, method.lower(), "SPAN"):
            put(book, other, [(*names["method"], choice)])
            assert compare(book, other, cells, count) == []
            assert_as_in_python(other, names)
    assert count["cells"] > 20_000


def test_an_error_value_in_a_cell_never_leaves_a_number(file: Path, calc: Calc) -> None:
    """The engine hands it over and the row is told; LibreOffice calls no function with it, and its own error stands."""
    book = Workbook(file, CALLS)
    places = Places(file, book)
    with calc.open(file) as other:
        before = book.get(*places.names["initial_margin"])
        put(book, other, [(*places.cell("positions", 2, "Quantity"), "=NA()")])
        for name in ("initial_margin", "maintenance_margin", "scanning_risk"):
            assert str(book.get(*places.names[name])).startswith(f"{ERROR}row 3: "), name
            assert isinstance(other.get(*places.names[name])[0][0], dict), name
        put(book, other, [(*places.cell("positions", 2, "Quantity"), -1.0)])
        assert book.get(*places.names["initial_margin"]) == before
        assert compare(book, other, calculated(book), Counter()) == []
