"""The template edited at random in two programs: the embedded engine and LibreOffice agree in every formula cell."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

import udfs
from xlmargin import template
from xlmargin.cells import heading_key
from xlmargin.engine import Workbook
from xlmargin.files import named_cells
from xlmargin.libreoffice import Calc
from xlmargin.libreoffice import Workbook as CalcBook
from xlmargin.registry import ERROR, FUNCTIONS
from xlmargin.template import build_template

assert udfs  # fills the registry

CALLS: dict[str, Callable[..., Any]] = {name: function.call for name, function in FUNCTIONS.items()}
ROWS, DAYS, USED, SEED, EDITS = 60, 270, 14, 20260704, 60
FRONT, BACK, QUARTER = 46204.0, 46234.0, 46262.0  # 1 July, 31 July and 28 August 2026, the sample's expiries
Edit = tuple[str, str, Any]
Names = dict[str, tuple[str, str]]

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


class Places:
    """The cells of the template by heading, wherever its layout puts them."""

    def __init__(self, file: Path, book: Workbook) -> None:
        self.names = named_cells(file)
        self.columns = {name: self._headings(book, name) for name in ("positions", "market", "every_parameter")}

    def _headings(self, book: Workbook, name: str) -> dict[str, str]:
        sheet, area = self.names[name]
        left = range_boundaries(area)[0]
        header = book.values(sheet, area)[0]
        return {heading_key(cell): get_column_letter(left + n) for n, cell in enumerate(header) if cell}

    def cell(self, name: str, row: int, heading: str) -> tuple[str, str]:
        """Sheet and cell of a heading in a row of a named range; row 1 is the first below the header."""
        sheet, area = self.names[name]
        top = coordinate_to_tuple(area.split(":")[0])[0]
        return sheet, f"{self.columns[name][heading_key(heading)]}{top + row}"

    def row(self, name: str, row: int, **cells: Any) -> list[Edit]:
        """A whole row: the given cells, the others cleared."""
        keyed = {heading_key(heading): value for heading, value in cells.items()}
        return [(*self.cell(name, row, heading), keyed.get(heading)) for heading in self.columns[name]]


class Editor:
    """A desk at work: small edits of the sheets, some of them wrong, each of which a later one may undo."""

    def __init__(self, places: Places, chance: random.Random) -> None:
        self.places, self.chance = places, chance
        self.methods = [row[0] for row in CALLS["PM_METHODS"]()[1:]]
        self.sheet, area = places.names["positions"]
        self.top = coordinate_to_tuple(area.split(":")[0])[0]
        self.touched: set[int] = set()
        self.kinds = [self._quantity] * 3 + [self._option] * 3 + [self._instrument, self._cleared, self._vol, self._side,
                      self._market, self._market, self._parameter, self._method, self._account, self._words]

    def edit(self, *, broken: bool) -> list[Edit]:
        """The next edit; a book that has no margin as it stands is mended with an even chance."""
        if broken and self.chance.random() < 0.5:
            edit = self._mended()
        else:
            edit = self.chance.choice(self.kinds)()
        self.touched |= {coordinate_to_tuple(cell)[0] for sheet, cell, _ in edit if sheet == self.sheet}
        return edit

    def _position(self, heading: str, value: Any) -> list[Edit]:
        return [(*self.places.cell("positions", self.chance.randint(1, USED), heading), value)]

    def _quantity(self) -> list[Edit]:
        some = round(self.chance.gauss(0, 5), 3)
        return self._position("Quantity", self.chance.choice([0.0, 1.0, -1.0, 0.1, -25.0, some]))

    def _option(self) -> list[Edit]:
        coin, scale = self.chance.choice([("BTC", 70_000.0), ("ETH", 3_500.0), ("SOL", 150.0)])
        return self.places.row(
            "positions", self.chance.randint(1, ROWS), Underlying=coin, Type=self.chance.choice(["call", "put", "P", "C"]),
            Strike=round(scale * self.chance.uniform(0.6, 1.5), 1), Quantity=round(self.chance.gauss(0, 3), 2),
            Expiry=self.chance.choice([FRONT, BACK, QUARTER, QUARTER + 30, "2026-08-28", "31JUL26"]),
            IV=round(self.chance.uniform(0.2, 1.5), 4), Forward=self.chance.choice([None, scale * 1.01]))

    def _instrument(self) -> list[Edit]:
        name = self.chance.choice(["BTC-31JUL26-72000-C", "BTC-PERPETUAL", "ETH-1JUL26-3400-P", "SOL_USDC-28AUG26",
                                   "BTC_USDC-31JUL26-60000-P", "ETH-28AUG26", "ETH-PERPETUAL"])
        return self.places.row("positions", self.chance.randint(1, ROWS), Instrument=name, IV=0.61,
                               Quantity=self.chance.choice([-3.0, 2.0, 0.5]))

    def _cleared(self) -> list[Edit]:
        return self.places.row("positions", self.chance.randint(1, USED))

    def _vol(self) -> list[Edit]:
        return self._position("IV", self.chance.choice([None, 0.5, 0.85, 1.2]))

    def _side(self) -> list[Edit]:
        return self._position("Side", self.chance.choice([None, "sell", "buy"]))

    def _account(self) -> list[Edit]:
        return self._position("Account", self.chance.choice(["Desk 1", "Desk 2", None]))

    def _words(self) -> list[Edit]:
        heading = self.chance.choice(["Quantity", "Strike", "Type", "Expiry", "Instrument"])
        return [(*self.places.cell("positions", self.chance.randint(1, 8), heading), self.chance.choice(WRONG))]

    def _market(self) -> list[Edit]:
        return self.chance.choice([
            [(*self.places.cell("market", 1, "Spot"), round(self.chance.uniform(50_000, 90_000), 2))],
            [(*self.places.cell("market", 2, "Spot"), round(self.chance.uniform(2_500, 4_500), 2))],
            [(*self.places.cell("market", self.chance.randint(4, 7), "IV"), round(self.chance.uniform(0.3, 0.9), 3))],
            self.places.row("market", self.chance.randint(9, 30), Underlying="ETH", Expiry=BACK, IV=0.66, Rate=0.03),
            self.places.row("market", 31, Underlying="SOL", Expiry=FRONT, IV=0.9, Forward=151.0),
        ])

    def _parameter(self) -> list[Edit]:
        wanted = [("price_scan_range", 0.16), ("vol_scan_range", 0.4), ("extreme_cover", 0.3), ("price_scan", 1.0)]
        parameter, value = self.chance.choice(wanted)
        sheet = self.places.names["every_parameter"][0]
        return [*self.places.row("every_parameter", 7, Parameter=parameter, Value=value, Underlying="ETH"),
                (sheet, self._method_beside(7), self.chance.choice(["SPAN", None]))]

    def _method_beside(self, row: int) -> str:
        """The column on the left of the named range, which says whose parameter it is."""
        area = self.places.names["every_parameter"][1]
        left, top = range_boundaries(area)[:2]
        return f"{get_column_letter(left - 1)}{top + row}"

    def _method(self) -> list[Edit]:
        names = [*self.methods, "span", "SPAN", "SPAN", "stress", "NOSUCH"]
        return [(*self.places.names["method"], self.chance.choice(names))]

    def _mended(self) -> list[Edit]:
        """Good rows in the place of those that were edited since the last time, and the first method."""
        rows = [self.places.row("positions", row - self.top, Underlying="BTC", Type="put", Strike=60_000.0 + 100.0 * row,
                                Expiry=FRONT, Quantity=-1.0, IV=0.55) for row in sorted(self.touched)]
        self.touched = set()
        parameters = self.places.row("every_parameter", 7)
        return [*(edit for row in rows for edit in row), *parameters, (*self.places.names["method"], "SPAN")]


WRONG = ("ten", "5", "BTC-99XXX26-1-C", "−", "#N/A as text")


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
    positions, market, parameters = (book.get(*names[name]) for name in ("positions", "market", "parameters"))
    method = book.get(*names["method"])[0][0]
    for name, place in (("PM_MARGIN", "initial_margin"), ("PM_MAINTENANCE", "maintenance_margin"),
                        ("PM_SCANNING_RISK", "scanning_risk")):
        assert agree(CALLS[name](positions, market, method, parameters), book.get(*names[place])[0][0]), name
    table = CALLS["PM_RISK_ARRAY"](positions, market, method, parameters)
    shown = book.get(*names["risk_array"])
    for r, row in enumerate([[table]] if isinstance(table, str) else table):
        assert all(agree(one, two) for one, two in zip(row, shown[r])), (r, row, shown[r])


def test_random_edits_leave_both_programs_with_the_same_cells(file: Path, calc: Calc) -> None:
    """Quantities, options, names, clearings, wrong words, market, parameters, method: all formula cells after each."""
    book = Workbook(file, CALLS)
    places = Places(file, book)
    editor = Editor(places, random.Random(SEED))
    cells, count = calculated(book), Counter[str]()
    margins: list[Any] = [book.get(*places.names["initial_margin"])]
    with calc.open(file) as other:
        assert compare(book, other, cells, count) == []
        for n in range(EDITS):
            edit = editor.edit(broken=isinstance(margins[-1], str))
            put(book, other, edit)
            assert compare(book, other, cells, count) == [], (n, edit)
            assert_as_in_python(other, places.names)
            margins.append(book.get(*places.names["initial_margin"]))
    assert len({margin for margin in margins if isinstance(margin, float)}) >= EDITS // 3, "too few of the books have a margin"
    assert len({margin for margin in margins if isinstance(margin, str)}) >= 4, "too few kinds of mistakes"
    assert count["cells"] > 300_000
    assert count["numbers"] > 35_000
    assert count["texts"] > 20_000


@pytest.mark.parametrize("method", [row[0] for row in CALLS["PM_METHODS"]()[1:]])
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
