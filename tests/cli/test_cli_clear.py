"""The command clear: a desk's workbook without the sample, settings and formulas as they were, and the book as it was beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Protection

from xlmargin.cli import main
from xlmargin.engine import Workbook, recalculated
from xlmargin.engine.formula import address, parse_area
from xlmargin.faces.clearing import clearing
from xlmargin.faces.template import build_template
from xlmargin.files.workbooks import named_cells
from xlmargin.sheet.registry import FUNCTIONS

KEPT = "desk (before clearing).xlsx"
CALLS = {name: function.call for name, function in FUNCTIONS.items()}
SETTINGS = (
    "method",
    "tolerance",
    "compare_methods",
    "limits_warn_from",
    "rulebook",
    "grid_price_moves",
    "var_parameters",
    "whatif_method_1",
)


def place(path: Path, name: str, down: int = 0) -> tuple[str, str]:
    """The first cell of a named range, or one under it."""
    sheet, area = named_cells(path)[name]
    found = parse_area(area, sheet)
    assert found is not None
    return sheet, address(found.first_row + down, found.first_column)


def put(path: Path, edits: list[tuple[str, str, Any]]) -> None:
    """Type into the file."""
    recalculated(path, path, CALLS, edits)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration, in which every kind of input is typed, and a reading, a venue's margin and the time of a feed besides."""
    path = tmp_path_factory.mktemp("demo") / "desk.xlsx"
    build_template(path, rows=30)
    typed_in = (("monitor", 1, 46_000.5), ("theirs", 1, "deribit"), ("feed_time", 0, 46_000.5), ("feed_status", 0, "live"))
    put(path, [(*place(path, name, down), value) for name, down, value in typed_in])
    return path


@pytest.fixture(scope="module")
def cleared(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after `xlmargin clear`."""
    path = tmp_path_factory.mktemp("cleared") / "desk.xlsx"
    shutil.copy(demo, path)
    assert main(["clear", str(path)]) == 0
    return path


def typed(path: Path) -> dict[tuple[str, str], Any]:
    """Every value, no formula, that stands in a cell for input; not of the sheets that explain and show sources."""
    sheets = [sheet for sheet in openpyxl.load_workbook(path).worksheets if not sheet.title.startswith("Source")]
    cells = [cell for sheet in sheets for row in sheet.iter_rows() for cell in row if not cell.protection.locked]
    return {(cell.parent.title, cell.coordinate): cell.value for cell in cells if cell.value is not None and cell.data_type != "f"}


def answers(path: Path, *names: str) -> list[Any]:
    """The saved value of each named cell."""
    book = openpyxl.load_workbook(path, data_only=True)
    return [book[sheet][cell].value for sheet, cell in (place(path, name) for name in names)]


def test_what_stays_is_what_an_empty_workbook_has(cleared: Path, tmp_path: Path) -> None:
    """The cells for input hold what `xlmargin new --empty` types into them: settings and headings."""
    build_template(tmp_path / "empty.xlsx", rows=30, kind="empty")
    assert typed(cleared) == typed(tmp_path / "empty.xlsx")
    assert len(typed(cleared)) > 20


def test_no_number_of_the_sample_is_left(cleared: Path, demo: Path) -> None:
    """The answers are those of no book, the master check says so, and nothing on the summary is another number than 0."""
    assert answers(cleared, "master_check", "initial_margin", "maintenance_margin") == ["no positions yet", 0, 0]
    summary = openpyxl.load_workbook(cleared, data_only=True)["Summary"]
    assert {cell.value for row in summary.iter_rows() for cell in row if isinstance(cell.value, (int, float))} == {0}
    assert answers(cleared, *SETTINGS) == answers(demo, *SETTINGS)
    assert answers(cleared, "feed_time", "feed_status") == [None, "no feed"]


def test_the_book_as_it_was_stays_beside_it(cleared: Path, demo: Path) -> None:
    """Byte for byte; formulas, lists and looks of the emptied one are as they were, and it calculates on."""
    assert (cleared.parent / KEPT).read_bytes() == demo.read_bytes()
    before, after = openpyxl.load_workbook(demo), openpyxl.load_workbook(cleared)
    for old, new in zip(before["Positions"].iter_rows(), after["Positions"].iter_rows()):
        assert [cell.number_format for cell in old] == [cell.number_format for cell in new]
        assert [cell.data_type == "f" for cell in old] == [cell.data_type == "f" for cell in new]
    assert len(after["Positions"].data_validations.dataValidation) == len(before["Positions"].data_validations.dataValidation)
    book = Workbook(cleared, CALLS)
    book.set_many([("Positions", "D8", "BTC"), ("Positions", "E8", "spot"), ("Positions", "H8", 2.0)])
    book.set_many([("Market", "C8", "BTC"), ("Market", "D8", 60_000.0)])
    assert book.get(*named_cells(cleared)["initial_margin"]) != 0


def test_a_second_clearing_finds_nothing(cleared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, and neither writes the file nor keeps another copy of it."""
    before = cleared.read_bytes()
    assert main(["clear", str(cleared)]) == 0
    assert capsys.readouterr().out == "Nothing is typed in desk.xlsx but its settings: it is left as it is.\n"
    assert cleared.read_bytes() == before
    assert sorted(path.name for path in cleared.parent.iterdir()) == [KEPT, "desk.xlsx"]


def test_own_rows_are_never_lost(cleared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A copy that is there already stays, the next one has a number; settings that were changed stay."""
    path = Path(shutil.copy(cleared, tmp_path / "desk.xlsx"))
    own = [("Positions", "D8", "BTC"), ("Positions", "H8", 3.0), ("Parameters", "H23", "own"), ("Parameters", "J23", -0.5)]  # H22 is blank
    put(path, [*own, (*place(path, "method"), "OKX")])
    (tmp_path / KEPT).write_text("another day's", encoding="utf-8")
    before = path.read_bytes()
    assert main(["clear", str(path), "--json"]) == 0
    kept = tmp_path / "desk (before clearing 2).xlsx"
    assert json.loads(capsys.readouterr().out) == {"cleared": {"Positions": 2, "Parameters": 2}, "kept": str(kept)}
    assert kept.read_bytes() == before
    assert (tmp_path / KEPT).read_text(encoding="utf-8") == "another day's"
    assert answers(path, "method") == ["OKX"]


def test_what_was_pasted_goes_and_formulas_stay(cleared: Path, tmp_path: Path) -> None:
    """A pasted cell is locked, as those of other workbooks are; a formula of one's own is no typed value."""
    book = openpyxl.load_workbook(cleared)
    book["Positions"]["H8"], book["Positions"]["H9"] = 3, "=H8*2"
    book["Positions"]["H8"].protection = Protection(locked=True)
    book.save(tmp_path / "desk.xlsx")
    assert clearing(tmp_path / "desk.xlsx") == [("Positions", "H8", None)]


@pytest.mark.parametrize(
    ("name", "lock", "told"),
    [
        ("desk.xlsx", ".~lock.desk.xlsx#", "desk.xlsx is open in a program: close it there, then clear it"),
        ("other.xlsx", "", "has no range positions and no range master_check: only a workbook of `xlmargin new` can be cleared"),
        ("book.csv", "", "give an .xlsx or .xlsm file"),
        ("gone.xlsx", "", "gone.xlsx"),
    ],
)
def test_what_cannot_be_cleared_is_left_alone(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, lock: str, told: str
) -> None:
    """An open workbook, another workbook, no workbook: one line, exit code 2, and no file is written."""
    shutil.copy(demo, tmp_path / "desk.xlsx")
    other = openpyxl.Workbook()
    other.active.append(["my own", 5])
    other.save(tmp_path / "other.xlsx")
    (tmp_path / "book.csv").write_text("Underlying,Quantity\nBTC,1\n", encoding="utf-8")
    if lock:
        (tmp_path / lock).touch()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["clear", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
