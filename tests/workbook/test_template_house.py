"""The shipped workbook keeps the rules of a professional model: styles by role, units, one formula per column, printing."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from conftest import ROOT
from openpyxl.cell import Cell
from openpyxl.formula.translate import Translator
from openpyxl.workbook import Workbook as Book
from openpyxl.worksheet.formula import ArrayFormula

from xlmargin.faces import template
from xlmargin.faces.template import build_template

ROWS = 40
LAYOUT = template._builder("layout").Layout(ROWS)
COLOURS = template._builder("styles").COLOURS
# areas to type in: those with a header row first, and those of cells alone
TABLES = (
    "positions",
    "market",
    "parameter_input",
    "own_scenarios",
    "history",
    "trades",
    "balances",
    "limits",
    "positions_before",
    "market_before",
    "monitor",
    "theirs",
)
CELLS = ("price_moves", "vol_moves", "grid_days", "settings", "account_settings", "account_facts")
FORMULAS = (
    "limit_table",
    "ours",
    "roles",
    "sizes",
    "top_bars",
    "limit_bars",
    "worst_bars",
    "method_bars",
    "ranked_bars",
    "worst_days",
    "parameter_input",
)
RESULTS = (
    "contributions",
    "greeks",
    "risk",
    "statement",
    "comparison",
    "liquidation",
    "accounts",
    "move",
    "status",
    "qualify",
    "past",
    "past_total",
    "blocks",
)
UNCHECKED = {"Checks", "Source tables", "Source books"}  # it shows the master check itself; nothing of the desk is in the others
HEADLINED = {"Risk array", "Contributions", "What-if", "Limits", "Move", "Comparison", "Summary"}
SHEETS = [
    "Summary",
    "Positions",
    "Market",
    "Parameters",
    "Account",
    "Risk array",
    "Comparison",
    "Statement",
    "Contributions",
    "What-if",
    "Move",
    "Limits",
    "VaR",
    "Checks",
]
SOURCES = ["Source tables", "Source books"]
MOST_FORMULAS = 1_500  # of a workbook as `new` writes it: what is calculated is a table a formula, not a cell a formula


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A workbook as the builder writes it."""
    path: Path = tmp_path_factory.mktemp("house") / "desk.xlsx"
    build_template(path, rows=ROWS)
    return openpyxl.load_workbook(path)


def cells(book: Book, area: Any) -> Iterator[Cell]:
    """The cells of an area."""
    for row in book[area.sheet].iter_rows(area.row + 1, area.row + area.rows, area.column + 1, area.column + area.columns):
        yield from row


def typed(area_name: str) -> Any:
    """What of an input area is typed: a table without its headings."""
    area = getattr(LAYOUT, area_name)
    return area.body if area_name in TABLES else area


def is_input(cell: Cell) -> bool:
    """Whether a cell has the style of inputs: its ground, its ink, and not locked."""
    return (
        str(cell.fill.fgColor.rgb).endswith(COLOURS["input fill"])
        and str(cell.font.color.rgb).endswith(COLOURS["input"])
        and not cell.protection.locked
    )


@pytest.mark.parametrize("name", [*TABLES, *CELLS])
def test_every_cell_of_an_input_area_is_an_input(book: Book, name: str) -> None:
    """It looks so, may be typed into when the sheet is protected, and holds no formula."""
    for cell in cells(book, typed(name)):
        assert is_input(cell), (cell.parent.title, cell.coordinate)
        assert cell.data_type != "f", (cell.parent.title, cell.coordinate)


def test_no_formula_looks_like_an_input(book: Book) -> None:
    """What is calculated is locked and has another ground."""
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    assert not is_input(cell), (sheet.title, cell.coordinate)
                    assert cell.protection.locked, (sheet.title, cell.coordinate)


@pytest.mark.parametrize("name", FORMULAS)
def test_one_formula_per_column(book: Book, name: str) -> None:
    """One array formula over the column; or the second row, copied down, is every row below it."""
    area = getattr(LAYOUT, name)
    sheet = book[area.sheet]
    for c in range(area.columns):
        column = [sheet.cell(area.row + 1 + r, area.column + 1 + c) for r in range(1, area.rows)]
        if isinstance(column[0].value, ArrayFormula):
            assert column[0].value.ref == f"{column[0].coordinate}:{column[-1].coordinate}", (name, c)
            assert {cell.value for cell in column[1:]} == {None}, (name, c)
        elif column[0].data_type == "f":
            first = Translator(column[0].value, column[0].coordinate)
            for cell in column:
                assert cell.value == first.translate_formula(cell.coordinate), (name, cell.coordinate)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "parameter_input"])
def test_input_tables_have_their_units_in_a_row_above_the_headings(book: Book, name: str) -> None:
    """Every column of numbers says what it counts; the unit stands outside the named range."""
    area = getattr(LAYOUT, name)
    sheet = book[area.sheet]
    for c in range(area.columns):
        cell = sheet.cell(area.row + 2, area.column + 1 + c)
        if cell.number_format != "General":
            assert sheet.cell(area.row, area.column + 1 + c).value, (name, c)


@pytest.mark.parametrize("name", RESULTS)
def test_tables_of_results_have_their_units_above(book: Book, name: str) -> None:
    """Columns of amounts, moves and factors; a count or a text needs none."""
    area = getattr(LAYOUT, name)
    sheet = book[area.sheet]
    for c in range(area.columns):
        if sheet.cell(area.row + 2, area.column + 1 + c).number_format not in ("General", "0", '0;0;0;"as beside"'):
            assert sheet.cell(area.row, area.column + 1 + c).value, (name, c)


def test_every_sheet_is_set_up_for_printing(book: Book) -> None:
    """A4 landscape, one page wide, with a foot that says sheet and page."""
    for sheet in book:
        assert sheet.page_setup.orientation == "landscape", sheet.title
        assert int(sheet.page_setup.paperSize) == 9, sheet.title
        assert sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.title
        assert sheet.oddFooter.left.text == "&A", sheet.title
        assert sheet.oddFooter.right.text == "Page &P of &N", sheet.title


def test_title_and_master_check_stay_in_sight(book: Book) -> None:
    """Every sheet is frozen below its title, and shows the master check there."""
    for sheet in book:
        assert int("".join(filter(str.isdigit, sheet.freeze_panes))) >= 4, sheet.title
        assert sheet["B1"].value, sheet.title
        assert sheet["B2"].value, sheet.title
        if sheet.title not in UNCHECKED:
            assert sheet["C3"].value == "=master_check", sheet.title
    assert book["Checks"]["C4"].value.startswith("=IF(COUNTIF(")


def test_every_sheet_of_headlines_leads_to_its_reasons(book: Book) -> None:
    """One click away: a link that says why."""
    for name in HEADLINED:
        linked = {cell.value for row in book[name].iter_rows() for cell in row if cell.hyperlink and "why" in str(cell.value)}
        assert linked, name


@pytest.mark.parametrize("kind", ["new", "empty", "demo"])
def test_the_order_of_the_sheets(tmp_path: Path, kind: str) -> None:
    """The headlines first, then what is typed, then what is read, the checks last; the source's tables in the demonstration alone."""
    build_template(tmp_path / "desk.xlsx", ROWS, kind)
    names = openpyxl.load_workbook(tmp_path / "desk.xlsx", read_only=True).sheetnames
    assert names == [*SHEETS[:-1], *(SOURCES if kind == "demo" else []), SHEETS[-1]]


@pytest.mark.parametrize("kind", ["new", "demo"])
def test_the_formulas_are_few(tmp_path: Path, kind: str) -> None:
    """In the workbook of 500 rows, counted in its parts."""
    build_template(tmp_path / "desk.xlsx", kind=kind)
    with zipfile.ZipFile(tmp_path / "desk.xlsx") as parts:
        sheets = [parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
    counted = [len(re.findall(rb"<f[ >/]", sheet)) for sheet in sheets]
    assert len(counted) == len(SHEETS) + (len(SOURCES) if kind == "demo" else 0)
    assert 500 < sum(counted) <= MOST_FORMULAS


def test_there_is_a_picture_of_every_sheet(book: Book) -> None:
    """`python -m tests.pictures` draws them, the README adds one of the browser; each is small enough to be sent afar."""
    folder = ROOT / "workbook" / "pictures"
    names = {"".join(c if c.isalnum() else "-" for c in name.lower()) for name in book.sheetnames}
    found = {path.stem: path.stat().st_size for path in folder.glob("*.png")}
    assert set(found) == names | {"web"}
    assert max(found[name] for name in names) < 120_000
