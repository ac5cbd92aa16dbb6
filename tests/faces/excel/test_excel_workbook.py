"""The workbook for Excel: what is inside it, read back by other tools, and every formula of it played."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import olefile
import openpyxl
import pytest
from excel.desks import ROWS, small_desk, small_history
from excel.player import Played, Player, vba_of, wrapped_functions
from excel.protocol import MISSING, Cells
from excel.session import in_cells, running

from xlmargin.errors import MarginError
from xlmargin.faces.excel import donor
from xlmargin.faces.excel.book import write_excel_workbook
from xlmargin.faces.excel.donor import read_donor, xlwings_version
from xlmargin.faces.excel.project import modules_of
from xlmargin.faces.excel.wrapper import FUNCTIONS_MODULE, LONGEST_HELP
from xlmargin.sheet.registry import FUNCTIONS

LONGEST_LINE, MOST_CONTINUED = 1023, 24  # characters of a line of VBA, lines that a statement may be continued over


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of sixty rows, with a short history."""
    return small_desk(tmp_path_factory)


@pytest.fixture(scope="module")
def vba(desk: Path) -> dict[str, str]:
    """Its modules, as olevba reads them."""
    return vba_of(desk)


@pytest.fixture(scope="module")
def played(desk: Path) -> Iterator[tuple[Player, list[Played]]]:
    """Every call of its formulas, played."""
    with running() as session:
        player = Player(desk, session, FUNCTIONS_MODULE)
        yield player, list(player.play())


def spoken(value: Any) -> Any:
    """An argument as Python code would give it."""
    if value == MISSING:
        return None
    rows = [list(row) for row in value.rows] if isinstance(value, Cells) else None
    if rows is None:
        return value
    return rows[0][0] if len(rows) == len(rows[0]) == 1 else rows


def test_two_builds_are_the_same_bytes(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Macros, settings and values too: the file depends on the installation and the rows, on no clock."""
    small_history(monkeypatch)
    again = write_excel_workbook(tmp_path / "again.xlsm", ROWS)
    assert again.read_bytes() == desk.read_bytes()


def test_every_formula_gives_through_com_what_python_gives(played: tuple[Player, list[Played]]) -> None:
    """Each call of each formula, inside LET and INDEX too: the wrapper in the file, CallUDF, the plain function."""
    player, calls = played
    formulas = [
        text
        for sheet in player.formulas
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f" and "PM_" in (text := str(getattr(cell.value, "text", cell.value))) and "PM_MESSAGE" not in text
    ]
    assert len(calls) == sum(len(re.findall(r"PM_[A-Z_]+\(", text)) for text in formulas) >= 40
    for each in calls:
        plainly = FUNCTIONS[each.name].call(*map(spoken, each.arguments))
        assert each.answer == in_cells(plainly), (each.sheet, each.cell)


def test_every_formula_gives_what_the_file_shows(played: tuple[Player, list[Played]]) -> None:
    """The values that a reader sees before macros are enabled are those of the functions."""
    player, calls = played
    alone = [each for each in calls if each.whole]
    assert len(alone) > 25
    for each in alone:
        answer = each.answer[0][0]
        shown = answer if isinstance(answer, str) else pytest.approx(answer, rel=1e-12)
        assert player.value(each.sheet, each.cell) == shown, (each.sheet, each.cell)


def test_no_input_is_formatted_as_currency(played: tuple[Player, list[Played]]) -> None:
    """Such cells would reach Python rounded: no range that a formula hands over has one."""
    _, calls = played
    formats = {text for each in calls for value in each.arguments if isinstance(value, Cells) for *_, text in value.formats}
    assert len(formats) > 3
    assert [text for text in formats if re.search("[$€£]", text)] == []


def test_the_wrapper_is_the_list_of_functions(vba: dict[str, str]) -> None:
    """Each function with its arguments in order, what may be left out, and every one of them passed on to the same name."""
    wrapped = wrapped_functions(vba[FUNCTIONS_MODULE])
    assert list(wrapped) == list(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        assert (wrapped[name].module, wrapped[name].target) == ("udfs", name)
        assert wrapped[name].arguments == tuple((each.name, each.optional) for each in function.arguments)
        assert wrapped[name].passed == tuple(each.name for each in function.arguments)
        body = vba[FUNCTIONS_MODULE].partition(f"Public Function {name}(")[2].partition("End Function")[0]
        assert f"{name} = AsCells(XLPy.CallUDF(" in body
        assert "On Error GoTo unanswered" in body
        assert f"{name} = Failed(Err.Description)" in body
        assert f'Attribute {name}.VB_ProcData.VB_Invoke_Func = " \\n20"' in body


def test_the_wizard_has_help_for_every_function_and_argument(vba: dict[str, str]) -> None:
    """Described once in the module and once when the workbook opens, each text of at most 255 characters."""
    one = r'MacroOptions Macro:="(\w+)", (.*?)(?=\n    Application|\n    ThisWorkbook)'
    calls = dict(re.findall(one, vba["xlmargin_help"], re.S))
    assert list(calls) == list(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        texts = [text.replace('""', '"') for text in re.findall(r'"((?:[^"]|"")*)"', calls[name])]
        assert len(texts) == 2 + len(function.arguments)
        assert texts[1] == "xlmargin"
        assert max(map(len, texts)) <= LONGEST_HELP
        assert [len(text) > 0 for text in texts] == [True] * len(texts)
        described = re.search(rf'Attribute {name}\.VB_Description = "(.*)"', vba[FUNCTIONS_MODULE])
        assert described
        assert described[1] == texts[0].replace('"', "'")


def test_lines_are_no_longer_than_vba_reads(vba: dict[str, str]) -> None:
    """1,023 characters a line, 24 continued lines."""
    for source in vba.values():
        lines, run = source.splitlines(), 0
        assert max(map(len, lines), default=0) <= LONGEST_LINE
        for line in lines:
            run = run + 1 if line.endswith(" _") else 0
            assert run <= MOST_CONTINUED


def test_the_modules_of_xlwings_are_those_of_the_installed_version(vba: dict[str, str]) -> None:
    """Word for word, so that the library they ask for is the one that pip put beside Python."""
    original = vba_of(donor.xlwings_folder() / donor.DONOR)
    for name in ("xlwings", "Dictionary"):
        assert vba[name].split("\n") == original[name].split("\n")
    assert donor.library_names(vba["xlwings"]) == {f"xlwings{bits}-{xlwings_version()}.dll" for bits in (32, 64)}


def test_opening_starts_python_and_the_button_restarts_it(desk: Path, vba: dict[str, str]) -> None:
    """Workbook_Open warms Python up; the button on About runs the macro that kills it and calculates everything anew."""
    assert 'XLPy.Exec ""' in vba["ThisWorkbook"]
    assert "DescribeFunctions" in vba["ThisWorkbook"]
    restart = vba["xlmargin_tools"].partition("Public Sub PM_RESTART()")[2].partition("End Sub")[0]
    assert re.findall(r"KillPy|XLPy\.Exec|CalculateFull", restart) == ["KillPy", "XLPy.Exec", "CalculateFull"]
    with zipfile.ZipFile(desk) as parts:
        drawings = [parts.read(name).decode() for name in parts.namelist() if name.endswith(".vml")]
    assert len(drawings) == 1
    assert "<x:FmlaMacro>[0]!PM_RESTART</x:FmlaMacro>" in drawings[0]


def test_every_sheet_has_its_code_name_and_module(desk: Path, vba: dict[str, str]) -> None:
    """What the project calls a sheet is what the sheet calls itself; the workbook is ThisWorkbook."""
    with zipfile.ZipFile(desk) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        whole = parts.read("xl/workbook.xml").decode()
        kinds = parts.read("[Content_Types].xml").decode()
    names = {re.search(r'codeName="(\w+)"', text)[1] for text in sheets}  # type: ignore[index]
    assert names == {name for name in vba if name.startswith("Sheet")}
    assert len(names) == len(sheets)
    assert 'codeName="ThisWorkbook"' in whole
    assert 'fullCalcOnLoad="1"' in whole
    assert '</sheets><functionGroups builtInGroupCount="19"><functionGroup name="xlmargin"/></functionGroups>' in whole
    assert "application/vnd.ms-excel.sheet.macroEnabled.main+xml" in kinds


def test_the_settings_sheet_has_no_blank_and_no_heading(desk: Path) -> None:
    """Xlwings reads from A1 down to the first blank, and a blank value would count as set."""
    sheet = openpyxl.load_workbook(desk)["xlwings.conf"]
    rows = []
    for key, value in sheet.iter_rows(max_col=2, values_only=True):
        if not key:
            break
        rows.append((key, value))
    assert rows
    assert all(isinstance(cell, str) and cell.strip() for row in rows for cell in row)
    assert dict(rows)["UDF MODULES"] == "udfs"
    assert dict(rows)["ADD_WORKBOOK_TO_PYTHONPATH"] == "false"
    assert len(dict(rows)) == len(rows)


def test_the_project_is_read_back_as_written(desk: Path) -> None:
    """What doctor reads are the same modules as olevba's."""
    modules = modules_of(desk)
    assert modules is not None
    assert {name: module.source.replace("\r\n", "\n") for name, module in modules.items()} == vba_of(desk)
    with zipfile.ZipFile(desk) as parts, olefile.OleFileIO(io.BytesIO(parts.read("xl/vbaProject.bin"))) as project:
        listed = project.openstream("PROJECT").read().decode("cp1252").splitlines()
    kinds = dict(line.split("=", 1)[::-1] for line in listed if line.startswith(("Document", "Module", "Class")))
    assert {name.partition("/")[0] for name, kind in kinds.items() if kind == "Document"} > {"ThisWorkbook", "Sheet1"}
    assert [name for name, kind in kinds.items() if kind == "Class"] == ["Dictionary"]


def test_without_xlwings_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The workbook cannot be built without its modules, and nothing is left behind."""
    monkeypatch.setattr(donor.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MarginError) as told:
        write_excel_workbook(tmp_path / "desk.xlsm", ROWS)
    assert str(told.value) == "xlwings is not installed: pip install xlwings"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("contents", [None, b"", b"no zip at all"])
def test_an_xlwings_that_is_not_whole_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, contents: bytes | None) -> None:
    """Its workbook is missing or broken: reinstall."""
    if contents is not None:
        (tmp_path / donor.DONOR).write_bytes(contents)
    monkeypatch.setattr(donor, "xlwings_folder", lambda: tmp_path)
    with pytest.raises(MarginError) as told:
        read_donor()
    assert "pip install --force-reinstall xlwings" in str(told.value)
