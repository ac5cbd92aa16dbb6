"""LibreOffice answers what plain Python answers, follows an edit, keeps the names in a file, and always ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from calc import Calc, CalcBook
from conftest import ROOT

import udfs  # noqa: F401  (importing it fills the registry)
from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice import locate, python_folders, write_addin, write_oxt
from xlmargin.sheet.registry import FUNCTIONS

POSITIONS: list[list[Any]] = [
    ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Spot"],
    ["BTC", "call", 70000.0, 30.0, -2.0, 0.55, 65000.0],
    ["BTC", "put", 60000.0, 30.0, 3.0, 0.60, 65000.0],
    ["ETH", "future", None, 60.0, 10.0, None, 3200.0],
]
BROKEN = [POSITIONS[0], [*POSITIONS[1][:4], "ten", *POSITIONS[1][5:]]]
FORMULAS = {
    "B1": "=PM_VERSION()",
    "B2": "=PM_MARGIN(AllPositions)",
    "B3": "=PM_SCENARIO_PNL(AllPositions,-0.1,0.25)",
    "B4": "=PM_MARGIN(Broken!A1:G2)",
    "B5": '=IF(LEFT(PM_MARGIN(Broken!A1:G2),4)="#PM!","told","lost")',
    "B6": "=ROUND(LET(m,PM_MARGIN(AllPositions),m*2),2)",
    "B7": "=PM_MARGIN(AllPositions,D1,D2)",
    "B8": '=INDEX(PM_PRICE({"call";"put"},100,{90;110},0.5,0.4),2,1)',
    "B9": '=SUM(B2,PM_PRICE("call",100,90,0.5,0.4))-B2',
}


@pytest.fixture
def book_file(tmp_path: Path) -> Path:
    """A small workbook with every kind of formula, written without values so that only a calculation fills it."""
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path, {"use_future_functions": True}) as book:
        for name, rows in (("Positions", POSITIONS), ("Broken", BROKEN)):
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        book.define_name("AllPositions", "=Positions!$A$1:$G$4")
        summary = book.add_worksheet("Summary")
        for address, formula in FORMULAS.items():
            summary.write_formula(address, formula, None, "")
        answers = {"Risk": "PM_RISK_ARRAY", "Why": "PM_EXPLAIN"}
        for name, function in answers.items():
            rows = call(function, POSITIONS)
            page = book.add_worksheet(name)
            formula = f"={function}(AllPositions)"
            page.write_dynamic_array_formula(0, 0, len(rows) - 1, len(rows[0]) - 1, formula, None, "")
    return path


@pytest.fixture
def book(calc: Calc, book_file: Path) -> Iterator[CalcBook]:
    """The workbook, open in LibreOffice."""
    with calc.open(book_file) as opened:
        yield opened


def call(name: str, *arguments: Any) -> Any:
    """The plain Python answer."""
    return FUNCTIONS[name].call(*arguments)


def one(book: CalcBook, address: str, sheet: str = "Summary") -> Any:
    """One cell."""
    return book.get(sheet, address)[0][0]


def whole(table: list[list[Any]]) -> str:
    """The range that a table fills from A1 on, at most 26 columns wide."""
    return f"A1:{chr(ord('A') + len(table[0]) - 1)}{len(table)}"


def agree(got: list[list[Any]], expected: list[list[Any]]) -> None:
    """Cell by cell; a blank text in an answer is an empty text in a cell."""
    assert len(got) == len(expected)
    for row, wanted in zip(got, expected, strict=True):
        assert row == [pytest.approx(cell, rel=1e-12) if isinstance(cell, float) else cell for cell in wanted]


def test_numbers_are_those_of_python(book: CalcBook) -> None:
    """Scalar functions, alone and inside ordinary formulas."""
    margin = call("PM_MARGIN", POSITIONS)
    assert margin > 0.0
    assert one(book, "B1") == call("PM_VERSION")
    assert one(book, "B2") == pytest.approx(margin, rel=1e-12)
    assert one(book, "B3") == pytest.approx(call("PM_SCENARIO_PNL", POSITIONS, -0.1, 0.25), rel=1e-12)
    assert one(book, "B6") == pytest.approx(round(2.0 * margin, 2), rel=1e-12)


@pytest.mark.parametrize(("sheet", "name"), [("Risk", "PM_RISK_ARRAY"), ("Why", "PM_EXPLAIN")])
def test_tables_are_those_of_python(book: CalcBook, sheet: str, name: str) -> None:
    """Every cell of a table."""
    expected = call(name, POSITIONS)
    agree(book.get(sheet, whole(expected)), expected)


def test_a_reference_to_a_blank_cell_is_left_out(book: CalcBook) -> None:
    """Calc hands one blank cell over as 0; as market or method it still counts as left out."""
    assert one(book, "B7") == one(book, "B2")


def test_columns_are_answered_with_a_column(book: CalcBook) -> None:
    """PM_PRICE takes columns, and is a number inside SUM when it takes cells."""
    assert one(book, "B8") == pytest.approx(call("PM_PRICE", "put", 100.0, 110.0, 0.5, 0.4), rel=1e-12)
    assert one(book, "B9") == pytest.approx(call("PM_PRICE", "call", 100.0, 90.0, 0.5, 0.4), rel=1e-9)


def test_a_mistake_is_told_as_text(book: CalcBook) -> None:
    """The text of the error is the cell's value."""
    assert one(book, "B4") == call("PM_MARGIN", BROKEN)
    assert one(book, "B4").startswith("#PM! row 2:")
    assert one(book, "B5") == "told"


def test_an_edit_moves_every_result(book: CalcBook) -> None:
    """A quantity changed through the sheet changes numbers and tables at once, without a recalculation by hand."""
    before = one(book, "B2")
    book.set("Positions", "E2", [[-9.0]])
    edited = [POSITIONS[0], [*POSITIONS[1][:4], -9.0, *POSITIONS[1][5:]], *POSITIONS[2:]]
    assert one(book, "B2") == pytest.approx(call("PM_MARGIN", edited), rel=1e-12)
    assert one(book, "B2") != before
    expected = call("PM_RISK_ARRAY", edited)
    agree(book.get("Risk", whole(expected)), expected)


def test_formulas_and_values_can_be_set_together(book: CalcBook) -> None:
    """A text that starts with = is a formula, None empties a cell, an error value is told as such."""
    book.set("Summary", "F1:H1", [["=PM_MARGIN(Positions!A1:G3)", None, "=1/0"]])
    margin, empty, wrong = book.get("Summary", "F1:H1")[0]
    assert margin == pytest.approx(call("PM_MARGIN", POSITIONS[:3]), rel=1e-12)
    assert empty is None
    assert wrong == {"error": "#DIV/0!", "code": 532}
    assert book.formulas("Summary")["F1"] == "=PM_MARGIN(Positions!A1:G3)"
    book.calculate()
    assert one(book, "F1") == margin


def test_formulas_are_listed_with_their_arrays(book: CalcBook) -> None:
    """A cell formula under its cell, an array formula once under its range."""
    formulas = book.formulas("Summary")
    assert formulas["B2"] == "=PM_MARGIN(AllPositions)"
    assert set(formulas) == set(FORMULAS)
    assert book.formulas("Risk") == {whole(call("PM_RISK_ARRAY", POSITIONS)): "{=PM_RISK_ARRAY(AllPositions)}"}
    assert book.sheets() == ["Positions", "Broken", "Summary", "Risk", "Why"]


def test_saving_keeps_the_names(book: CalcBook, tmp_path: Path) -> None:
    """A saved xlsx holds PM_ names, not LibreOffice's own; PDF and ODS are written too."""
    saved = tmp_path / "saved.xlsx"
    book.save(saved, "xlsx")
    with zipfile.ZipFile(saved) as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name)
    assert ">PM_MARGIN(AllPositions)</f>" in text
    assert ">PM_RISK_ARRAY(AllPositions)</f>" in text
    assert "ORG.XLMARGIN" not in text.upper()
    book.save(tmp_path / "saved.pdf", "pdf")
    book.save(tmp_path / "saved.ods", "ods")
    assert (tmp_path / "saved.pdf").read_bytes().startswith(b"%PDF")
    assert zipfile.is_zipfile(tmp_path / "saved.ods")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_function_wizard_shows_every_function(calc: Calc, name: str) -> None:
    """Name, summary and the help of each argument, in the order of the arguments."""
    function = FUNCTIONS[name]
    assert calc.describe(name) == {
        "name": name,
        "summary": function.summary,
        "arguments": [{"name": argument.name, "help": argument.help} for argument in function.arguments],
    }


def test_mistakes_of_the_caller_are_told(calc: Calc, book: CalcBook, tmp_path: Path) -> None:
    """A wrong file, sheet, range or shape is told with its name, and the session goes on."""
    with pytest.raises(MarginError, match=r"there is no file .*none\.xlsx: check the name"):
        calc.open(tmp_path / "none.xlsx")
    with pytest.raises(MarginError, match="could not do 'open'"):
        calc.open(Path(sys.executable))
    with pytest.raises(MarginError, match="no sheet 'Sumary'; there are Positions, Broken, Summary, Risk, Why"):
        book.get("Sumary", "A1")
    with pytest.raises(MarginError, match="'A0:QQ' is not a range of sheet 'Risk'; write it like A1:C3"):
        book.get("Risk", "A0:QQ")
    with pytest.raises(MarginError, match="A1:B2 has 2 rows of 2 cells; give as many values"):
        book.set("Risk", "A1:B2", [[1.0, 2.0, 3.0]])
    with pytest.raises(MarginError, match="no function 'PM_NO' in LibreOffice"):
        calc.describe("PM_NO")
    assert one(book, "B1") == call("PM_VERSION")


def processes_with(text: str) -> list[int]:
    """The running processes whose command line holds a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if text.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def home_of(calc: Calc) -> Path:
    """The folder a session keeps its profile in."""
    return calc._home


@pytest.mark.usefixtures("calc")
def test_start_and_stop_twice(book_file: Path) -> None:
    """Sessions are independent, and nothing of one is left when it ends."""
    for _ in range(2):
        with Calc() as own, own.open(book_file) as opened:
            assert one(opened, "B2") == pytest.approx(call("PM_MARGIN", POSITIONS), rel=1e-12)
            assert processes_with(str(home_of(own)))
        own.stop()
        assert not home_of(own).exists()
        assert not processes_with(str(home_of(own)))


@pytest.mark.usefixtures("calc")
@pytest.mark.parametrize("victim", ["office", "driver"])
def test_a_kill_is_survived(book_file: Path, victim: str) -> None:
    """After kill -9 the next question is answered by an error that says so, all is cleared away, a new start works."""
    with Calc() as own:
        opened = own.open(book_file)
        os.killpg(own.office_process if victim == "office" else own._driver.pid, signal.SIGKILL)
        with pytest.raises(MarginError, match="LibreOffice ended before it answered 'get': start it again"):
            opened.get("Summary", "B2")
    assert not home_of(own).exists()
    assert not processes_with(str(home_of(own)))
    with Calc() as again:
        assert call("PM_VERSION") == one(again.open(book_file), "B1")


@pytest.mark.usefixtures("calc")
def test_a_hung_office_is_ended(book_file: Path) -> None:
    """A LibreOffice that does not answer in time is ended, and the error says what to do."""
    with Calc() as own:
        opened = own.open(book_file)
        os.killpg(own.office_process, signal.SIGSTOP)
        own.timeout = 0.5
        with pytest.raises(MarginError, match=r"did not answer 'get' within 0\.5 seconds and was ended"):
            opened.get("Summary", "B2")
    assert not processes_with(str(home_of(own)))


@pytest.mark.usefixtures("calc")
def test_nothing_is_left_when_the_client_is_killed() -> None:
    """The driver sees its client go, and ends LibreOffice and its folder."""
    program = "from calc import Calc; c = Calc(); print(c._home, flush=True); input()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*python_folders(), str(ROOT / "tests/help")])}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as client:
        assert client.stdout is not None
        home = client.stdout.readline().strip()
        assert processes_with(home)
        client.kill()
    limit = time.monotonic() + 20.0
    while (processes_with(home) or Path(home).exists()) and time.monotonic() < limit:
        time.sleep(0.1)
    assert not processes_with(home)
    assert not Path(home).exists()


@pytest.mark.usefixtures("calc")
def test_a_python_without_xlmargin_is_told_in_the_cell(tmp_path: Path, book_file: Path) -> None:
    """When LibreOffice's Python cannot import xlmargin, the cell says so and what to do."""
    with Calc(folders=[str(tmp_path)]) as own, own.open(book_file) as opened:
        assert one(opened, "B2").startswith("#PM! LibreOffice's Python ")
        assert "could not load xlmargin (ModuleNotFoundError: No module named 'udfs')" in one(opened, "B2")


def test_the_extension_is_the_same_every_time(tmp_path: Path) -> None:
    """The .oxt of the same functions has the same bytes, and holds what the unpacked folder holds."""
    first = write_oxt(tmp_path / "first.oxt", FUNCTIONS, ["/folder"])
    second = write_oxt(tmp_path / "second.oxt", FUNCTIONS, ["/folder"])
    assert first.read_bytes() == second.read_bytes()
    folder = write_addin(tmp_path / "unpacked", FUNCTIONS, ["/folder"])
    with zipfile.ZipFile(first) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files == {str(file.relative_to(folder).as_posix()): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_missing_libreoffice_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a program soffice the error says what to install."""
    monkeypatch.setattr(locate, "_programs", lambda: iter(()))
    with pytest.raises(MarginError, match=r"LibreOffice is not on this computer .*: install LibreOffice Calc 25\.2"):
        locate.find_libreoffice()


def test_an_old_libreoffice_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that would lose the PM_ names is refused with its number."""
    old = tmp_path / "soffice"
    old.write_text("#!/bin/sh\necho LibreOffice 7.4.7.2 40\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setattr(locate, "_programs", lambda: iter([old]))
    with pytest.raises(MarginError, match=r"LibreOffice 7\.4 at .*soffice is older than 25\.2"):
        locate.find_libreoffice()
