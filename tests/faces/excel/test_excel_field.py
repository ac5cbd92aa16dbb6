"""What breaks Excel in the field is found from the facts, with the cure; the facts themselves are read from real files."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import openpyxl
import pytest
from excel.desks import small_history

import xlmargin.faces.excel.commands as commands
from xlmargin import cli
from xlmargin.errors import MarginError
from xlmargin.faces.excel import diagnosis, field, office
from xlmargin.faces.excel.donor import xlwings_version
from xlmargin.faces.excel.field import NEEDED
from xlmargin.faces.excel.office import Facts, Trust, program_bits, zone_of
from xlmargin.faces.excel.project import Module, add_project
from xlmargin.faces.excel.settings import interpreter_settings, read_settings, with_settings, workbook_settings

HOME = r"C:\Users\ann"
PYTHON = rf"{HOME}\venv\Scripts\python.exe"


def program(path: Path, machine: int, magic: bytes = b"MZ") -> Path:
    """A Windows program's header (Microsoft PE format), and nothing else."""
    start = magic.ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    path.write_bytes(start.ljust(0x80, b"\0") + struct.pack("<4sH", b"PE\0\0", machine))
    return path


def workbook(path: Path, settings: dict[str, str | None] | None = None, source: str | None = None) -> Path:
    """A workbook with a settings sheet and with macros, as asked for."""
    book = openpyxl.Workbook()
    if settings is not None:
        sheet = book.create_sheet("xlwings.conf")
        for row in settings.items():
            sheet.append(row)
    book.save(path)
    if source is not None:
        add_project(path, [Module("xlwings", source)])
    return path


@pytest.mark.parametrize(("machine", "bits"), [(0x14C, 32), (0x8664, 64), (0xAA64, 64), (0x1C0, None)])
def test_the_bits_of_a_program_are_in_its_header(tmp_path: Path, machine: int, bits: int | None) -> None:
    """x86, x64, ARM64; another kind is not guessed."""
    assert program_bits(program(tmp_path / "EXCEL.EXE", machine)) == bits


def test_what_is_no_program_has_no_bits(tmp_path: Path) -> None:
    """A text, a short file, no file."""
    assert program_bits(program(tmp_path / "a.exe", 0x8664, b"ZM")) is None
    (tmp_path / "b.exe").write_bytes(b"MZ")
    assert program_bits(tmp_path / "b.exe") is None
    assert program_bits(tmp_path / "none.exe") is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=https://x\r\n", 3),
        ("[ZoneTransfer]\nZoneId=0", 0),
        ("[ZoneTransfer]\n", None),
        ("ZoneId=three", None),
    ],
)
def test_the_mark_of_the_web_is_read_from_the_stream_beside_the_file(tmp_path: Path, text: str, zone: int | None) -> None:
    """NTFS keeps it under this name; a copy through other file systems leaves a file of this name, read the same."""
    file = tmp_path / "desk.xlsm"
    assert zone_of(file) is None
    Path(f"{file}:Zone.Identifier").write_text(text, encoding="utf-8", newline="")
    assert zone_of(file) == zone


@pytest.mark.parametrize(
    ("zone", "trusted", "needed"), [(3, False, True), (4, False, True), (3, True, False), (2, False, False), (None, False, False)]
)
def test_a_marked_file_needs_unblocking_unless_its_place_is_trusted(zone: int | None, trusted: bool, needed: bool) -> None:
    """Zones from 3 come from outside."""
    _, _, cure = field.mark_finding("desk.xlsm", zone, trusted)
    assert cure.startswith(NEEDED) == needed


def test_office_from_the_store_is_found(tmp_path: Path) -> None:
    """It lies under WindowsApps, and cannot reach Python."""
    store = Path(r"C:\Program Files\WindowsApps\Microsoft.Office.Desktop.Excel_16\EXCEL.EXE")
    desktop = Path(r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE")
    assert any("Microsoft Store" in state and cure.startswith(NEEDED) for _, state, cure in field.office_findings(Facts(store, 64), 64))
    assert not any(cure for *_, cure in field.office_findings(Facts(desktop, 64), 64))
    assert any("32, Python's 64" in state and cure for _, state, cure in field.office_findings(Facts(desktop, 32), 64))
    assert field.office_findings(Facts(), 64)[0][1] == "not found"


@pytest.mark.parametrize("folder", ["venv/Scripts", "venv"])
def test_the_library_is_looked_for_where_xlwings_looks(tmp_path: Path, folder: str) -> None:
    """Beside Python, or one folder above it as in a virtual environment; with the version in its name."""
    python = tmp_path / folder / "python.exe"
    python.parent.mkdir(parents=True)
    ((name, _, cure),) = field.library_findings(python, "0.37.8", 64)
    assert name == "xlwings64-0.37.8.dll"
    assert cure.startswith(f"{NEEDED}pip install")
    (tmp_path / "venv" / "xlwings64-0.37.7.dll").touch()
    assert field.library_findings(python, "0.37.8", 64)[0][2]
    (tmp_path / "venv" / "xlwings64-0.37.8.dll").touch()
    assert field.library_findings(python, "0.37.8", 64)[0][1:] == (str(tmp_path / "venv" / "xlwings64-0.37.8.dll"), "")
    assert [bool(cure) for *_, cure in field.library_findings(python, "0.37.8", None)] == [False, True]


def test_macros_of_another_version_of_xlwings_are_found() -> None:
    """After an update of xlwings the library that the workbook asks for is gone."""
    source = 'Declare PtrSafe Function X Lib "xlwings64-0.36.1.dll" ()'
    assert field.version_finding(source, "0.36.1")[2] == ""
    _, state, cure = field.version_finding(source, "0.37.8")
    assert state == "ask for xlwings64-0.36.1.dll, installed is xlwings 0.37.8"
    assert cure.startswith(f"{NEEDED}run xlmargin new")


def test_a_blank_setting_is_found_because_it_counts() -> None:
    """Xlwings takes a key that is there with an empty value, and never asks further."""
    rows = field.setting_findings({"INTERPRETER_WIN": " ", "UDF MODULES": "udfs"}, "the sheet")
    assert rows == [("INTERPRETER_WIN in the sheet", "blank", f"{NEEDED}delete its row: a blank setting counts as set")]
    assert field.setting_findings({"UDF MODULES": "mine; udfs"}, "x") == []
    assert "add udfs" in field.setting_findings({"UDF MODULES": "mine"}, "x")[0][2]


def test_the_interpreter_is_there_and_is_this_one() -> None:
    """Not named, gone, another one, a conda environment; Windows does not mind case."""

    def said(settings: dict[str, str], exists: bool = True) -> str:
        return field.interpreter_finding(settings, PYTHON, exists, "the sheet")[2]

    assert "first python" in said({})
    assert said({"INTERPRETER_WIN": PYTHON}, exists=False).startswith(NEEDED)
    assert "is not the Python" in said({"INTERPRETER_WIN": r"C:\Python311\python.exe"})
    assert said({"INTERPRETER_WIN": PYTHON.upper()}) == ""
    assert said({"INTERPRETER_WIN": "pythonw", "CONDA PATH": "C:\\conda", "CONDA ENV": "desk"}, exists=False) == ""


def test_a_file_that_hides_a_library_is_found(tmp_path: Path) -> None:
    """A module or package beside the workbook comes first on the search path, unless the settings keep the folder out."""
    (tmp_path / "numpy.py").touch()
    (tmp_path / "scipy").mkdir()
    (tmp_path / "xlmargin").mkdir()
    (tmp_path / "xlmargin" / "__init__.py").touch()
    (tmp_path / "udfs.py").touch()
    found = field.shadow_findings(tmp_path, [tmp_path / "udfs.py"], {})
    assert [what for what, *_ in found] == ["beside the workbook: xlmargin", "beside the workbook: numpy.py"]
    assert all(cure.startswith(NEEDED) for *_, cure in found)
    assert field.shadow_findings(tmp_path, [], {"ADD_WORKBOOK_TO_PYTHONPATH": "False"}) == []


@pytest.mark.parametrize(("level", "needed"), [(None, False), (1, False), (2, False), (3, True), (4, True)])
def test_trust_in_macros(level: int | None, needed: bool) -> None:
    """Signed ones only and none need something done; a trusted location overrides either."""
    trust = Trust(level, macros_by_policy=True, locations=((rf"{HOME}\Desk", True),))
    assert field.trust_findings(trust, None)[0][2].startswith(NEEDED) == needed
    assert field.trust_findings(trust, rf"{HOME}\desk\2026")[0][2] == ""
    assert field.in_trusted_location(trust, rf"{HOME}\desk") is True
    assert field.in_trusted_location(Trust(locations=((rf"{HOME}\Desk", False),)), rf"{HOME}\Desk\2026") is False
    assert field.in_trusted_location(trust, rf"{HOME}\desktop") is False
    assert field.trust_findings(Trust(project_access=True), None)[1][1:] == ("allowed", "")


def test_settings_of_a_workbook_hold_only_what_is_true_of_the_machine() -> None:
    """This Python on Windows, its conda environment where one is active, no path of another system; never a blank."""
    installed = Path(HOME) / "venv" / "Lib" / "site-packages"
    plain = interpreter_settings(PYTHON, Path(HOME), {}, windows=True)
    assert workbook_settings(plain, installed, [installed]) == (
        ("INTERPRETER_WIN", PYTHON),
        ("UDF MODULES", "udfs"),
        ("ADD_WORKBOOK_TO_PYTHONPATH", "false"),
    )
    assert workbook_settings(plain, Path("C:/src"), [installed])[-1] == ("PYTHONPATH", str(Path("C:/src")))
    elsewhere = interpreter_settings("/usr/bin/python3", Path("/usr"), {}, windows=False)
    assert workbook_settings(elsewhere, Path("/src"), [installed]) == (("UDF MODULES", "udfs"), ("ADD_WORKBOOK_TO_PYTHONPATH", "false"))


def test_a_conda_environment_is_named_only_where_this_python_is_in_it(tmp_path: Path) -> None:
    """Its libraries need the variables that conda sets; a virtual environment inside conda's shell is none of it."""
    shell = {"CONDA_DEFAULT_ENV": "desk", "CONDA_EXE": str(tmp_path / "Scripts" / "conda.exe")}
    assert interpreter_settings(PYTHON, tmp_path, shell, windows=True) == (("INTERPRETER_WIN", PYTHON),)
    (tmp_path / "conda-meta").mkdir()
    assert interpreter_settings(PYTHON, tmp_path, shell, windows=True) == (
        ("INTERPRETER_WIN", "pythonw"),
        ("CONDA PATH", str(tmp_path)),
        ("CONDA ENV", "desk"),
    )


def test_the_users_settings_keep_what_is_not_ours(tmp_path: Path) -> None:
    """Other keys and modules stay, blanks go because they would count, and writing twice changes nothing."""
    before = '"LICENSE_KEY","abc"\n"UDF MODULES","mine"\n"CONDA PATH",""\n"interpreter_win","C:\\old.exe"\n\n'
    file = tmp_path / ".xlwings" / "xlwings.conf"
    file.parent.mkdir()
    file.write_text(before, encoding="utf-8")
    assert commands.write_user_settings(tmp_path, (("INTERPRETER_WIN", PYTHON),)) == file
    once = file.read_text(encoding="utf-8")
    assert read_settings(once) == {"LICENSE_KEY": "abc", "UDF MODULES": "mine;udfs", "INTERPRETER_WIN": PYTHON}
    commands.write_user_settings(tmp_path, (("INTERPRETER_WIN", PYTHON),))
    assert file.read_text(encoding="utf-8") == once
    assert with_settings("", (("UDF MODULES", "udfs"),)) == '"UDF MODULES","udfs"\n'


def test_a_machine_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    """From an Excel program and a user's settings: its bits, the library, pywin32, the blank setting, trust."""
    (tmp_path / ".xlwings").mkdir()
    (tmp_path / ".xlwings" / "xlwings.conf").write_text('"INTERPRETER_WIN",""\n', encoding="utf-8")
    excel = program(tmp_path / "EXCEL.EXE", 0x8664)
    rows = diagnosis.machine_findings(Facts(excel, program_bits(excel), Trust(4)), tmp_path)
    needed = [what for what, _, cure in rows if cure.startswith(NEEDED)]
    assert f"xlwings64-{xlwings_version()}.dll" in needed
    assert any(what.startswith("INTERPRETER_WIN in") for what in needed)
    assert "macros" in needed
    assert diagnosis.machine_findings(Facts(), tmp_path) == field.office_findings(Facts(), 64)


def test_doctor_looks_at_one_workbook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Marked, of an old xlwings, with a blank setting, beside a module that hides a library: each is told, exit code 1."""
    file = workbook(tmp_path / "desk.xlsm", {"INTERPRETER_WIN": None, "UDF MODULES": "udfs"}, 'Lib "xlwings64-0.1.0.dll"')
    Path(f"{file}:Zone.Identifier").write_text("ZoneId=3", encoding="utf-8")
    (tmp_path / "scipy.py").touch()
    assert cli.main(["doctor", str(file)]) == 1
    out = capsys.readouterr().out
    for words in (
        "its macros are blocked",
        "ask for xlwings64-0.1.0.dll",
        "INTERPRETER_WIN in the sheet xlwings.conf",
        "beside the workbook: scipy.py",
    ):
        assert sum(words in line and NEEDED in line for line in out.splitlines()) == 1, words


@pytest.mark.parametrize("contents", [None, b"no workbook"])
def test_doctor_says_what_is_no_workbook(tmp_path: Path, contents: bytes | None, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 2."""
    if contents:
        (tmp_path / "desk.xlsm").write_bytes(contents)
    assert cli.main(["doctor", str(tmp_path / "desk.xlsm")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_new_writes_both_workbooks_and_neither_over_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for Excel beside one for everything else; doctor finds nothing wrong; a second run refuses."""
    small_history(monkeypatch)
    assert cli.main(["new", str(tmp_path / "desk"), "--rows", "20"]) == 0
    out, err = capsys.readouterr()
    plain, how_plain, excel, how_excel = out.splitlines()
    assert [plain, excel] == [str(tmp_path / "desk" / name) for name in ("xlmargin.xlsx", "xlmargin-excel.xlsm")]
    assert "for LibreOffice and the browser" in how_plain
    assert f'xlmargin open "{plain}"' in how_plain
    assert "for Excel on Windows" in how_excel
    assert [line.split(": ")[1] for line in err.splitlines()] == ["building …", "calculating …", "writing its values …"] * 2
    assert [
        cure for *_, cure in diagnosis.file_findings(tmp_path / "desk" / "xlmargin-excel.xlsm", office.gather()) if cure.startswith(NEEDED)
    ] == []
    (tmp_path / "desk" / "xlmargin.xlsx").unlink()
    assert cli.main(["new", str(tmp_path / "desk"), "--rows", "20"]) == 2
    assert "xlmargin-excel.xlsm is there already" in capsys.readouterr().err
    assert not (tmp_path / "desk" / "xlmargin.xlsx").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there it opens Excel")
def test_elsewhere_one_line_says_what_excel_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is installed or opened where Excel cannot call Python; what serves there is named."""
    file = workbook(tmp_path / "desk.xlsx")
    for arguments, words in (
        (["open", str(file), "--excel"], "--libreoffice or --web"),
        (["install", "--excel"], "xlmargin install --libreoffice"),
    ):
        assert cli.main(arguments) == 2
        said = capsys.readouterr().err
        assert "Excel can call Python functions on Windows only" in said
        assert words in said
        assert said.count("\n") == 1
    with pytest.raises(MarginError):
        commands.open_excel(tmp_path / "none.xlsx")
