"""The wrapper's VBA at work in an independent interpreter: LibreOffice's, with a stand-in for xlwings' module."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import xlsxwriter
from conftest import ROOT, missing

import udfs
from xlmargin.errors import MarginError
from xlmargin.faces.excel.project import Module, add_project
from xlmargin.faces.excel.wrapper import wrapper_modules
from xlmargin.faces.libreoffice import find_libreoffice
from xlmargin.faces.libreoffice.locate import clean_environment
from xlmargin.sheet.registry import ERROR, FUNCTIONS

assert udfs  # fills the registry

DRIVER = ROOT / "tests/help/excel/basic_driver.py"
STAND_IN = """Attribute VB_Name = "xlwings"
Option Explicit
Function XLPy() As Object
    Set XLPy = New StandIn
End Function
Sub KillPy()
End Sub
"""
SERVER = """Attribute VB_Name = "StandIn"
Attribute VB_Base = "0{FCFB3D2A-A0FA-1068-A738-08002B3371B5}"
Attribute VB_GlobalNameSpace = False
Attribute VB_Creatable = False
Attribute VB_PredeclaredId = False
Attribute VB_Exposed = True
Option Explicit
Public Function CallUDF(ByVal script As String, ByVal name As String, ByVal given As Variant, ByVal book As Variant, _
        ByVal caller As Variant) As Variant
    If name = "PM_VERSION" Then
        CallUDF = "#PM! row 2: Quantity must be a number"
    ElseIf name = "PM_METHODS" Then
        Err.Raise 1000, "python", "Unexpected Python Error: Traceback (most recent call last):" & vbCrLf & "ImportError: none"
    Else
        CallUDF = script & " " & name & " " & (UBound(given) + 1) & " " & given(0)
    End If
End Function
Public Sub Exec(ByVal code As String)
End Sub
"""
PROBE = """Attribute VB_Name = "probe"
Option Explicit
Public Function Errors() As String
    Errors = TypeName(AsCells("#PM! row 2: x")) & "|" & IsError(AsCells("#PM! x")) & "|" & (AsCells("#PM! x") = CVErr(2015))
End Function
Public Function Others() As String
    Others = AsCells("SPAN") & "|" & AsCells(2.5) & "|" & AsCells(True) & "|" & AsCells("see #PM! there") & "|" & AsCells("#PM")
End Function
Public Function Tables() As String
    Dim given As Variant, back As Variant
    given = Array("#PM! inside", 1.5)
    back = AsCells(given)
    Tables = UBound(back) & "|" & back(0) & "|" & back(1)
End Function
Public Function Calls() As String
    Calls = PM_MARGIN("a", "b") & "|" & PM_PARAMETERS("SPAN")
End Function
Public Function Mistakes() As String
    Mistakes = IsError(PM_VERSION()) & "|" & IsError(PM_METHODS())
End Function
Public Function Lines() As String
    Dim wide As Object, sheet As Object
    Set sheet = ThisWorkbook.Sheets(1)
    Set wide = sheet.Range("B2:C3")
    Lines = KeptLine(wide)
    KeepLine wide, "#PM! one"
    Lines = Lines & "|" & KeptLine(sheet.Range("B2"))
    KeepLine sheet.Range("B2"), "#PM! two"
    KeepLine "no cell", "#PM! three"
    Lines = Lines & "|" & KeptLine(wide) & "|" & KeptLine(sheet.Range("B3"))
    ForgetLines
    Lines = Lines & "|" & KeptLine(wide)
End Function
Public Function Messages() As String
    Dim sheet As Object
    Set sheet = ThisWorkbook.Sheets(1)
    sheet.Range("D1").Value = "#PM! a text, as after the classic import"
    sheet.Range("D2").Value = "SPAN"
    sheet.Range("D3").Value = 7
    Messages = PM_MESSAGE(sheet.Range("D1")) & "|" & PM_MESSAGE(sheet.Range("D2")) & "|" & PM_MESSAGE(sheet.Range("D3"))
End Function
Private said As String
Public Sub Described(ByVal Macro As String, ByVal Description As String, ByVal Category As String, _
        Optional ByVal ArgumentDescriptions As Variant)
    said = said & Macro & "/" & Category
    If Not IsMissing(ArgumentDescriptions) Then said = said & "/" & (UBound(ArgumentDescriptions) + 1)
    said = said & "|"
End Sub
Public Function Help() As String
    DescribeFunctions
    Help = said
End Function
"""
PROBES = ("Errors", "Others", "Tables", "Calls", "Mistakes", "Lines", "Messages", "Help")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each probe answered, and the modules that LibreOffice read."""
    try:
        office = find_libreoffice()
    except MarginError as error:
        missing(str(error))
    folder = tmp_path_factory.mktemp("vba")
    # LibreOffice has no MacroOptions: a sub of the probe takes what it would be told
    ours = [Module(each.name, each.source.replace("Application.MacroOptions", "Described")) for each in wrapper_modules(FUNCTIONS)]
    modules = (*ours, Module("xlwings", STAND_IN), Module("StandIn", SERVER, is_class=True), Module("probe", PROBE))
    with xlsxwriter.Workbook(folder / "probe.xlsm") as book:
        book.add_worksheet()
    add_project(folder / "probe.xlsm", modules)
    done = subprocess.run(
        [office.python, DRIVER, office.soffice, folder / "profile", folder / "probe.xlsm", *(f"probe.{name}" for name in PROBES)],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"modules": answers["modules"], **{name.partition(".")[2]: each for name, each in answers["answers"].items()}}


def test_an_independent_interpreter_reads_every_module(told: dict[str, Any]) -> None:
    """All of ours, whole enough to be compiled and run."""
    ours = {module.name for module in wrapper_modules(FUNCTIONS)}
    assert ours < set(told["modules"])


def test_a_line_that_says_what_is_wrong_becomes_an_error_value(told: dict[str, Any]) -> None:
    """CVErr(2015) is #VALUE!; other answers stay as they are, texts that only mention it and tables too."""
    assert told["Errors"] == "Error|True|True"
    assert told["Others"] == "SPAN|2.5|True|see #PM! there|#PM"
    assert told["Tables"] == "1|#PM! inside|1.5"


def test_a_function_hands_all_its_arguments_to_python(told: dict[str, Any]) -> None:
    """Module, name, every argument in its place, those left out too."""
    count = len(FUNCTIONS["PM_MARGIN"].arguments)
    assert told["Calls"] == f"udfs PM_MARGIN {count} a|udfs PM_PARAMETERS 1 SPAN"


def test_a_mistake_and_a_python_that_does_not_answer_are_errors(told: dict[str, Any]) -> None:
    """Neither is ever a text that a sum would pass over."""
    assert told["Mistakes"] == "True|True"


def test_the_text_of_an_error_is_kept_by_cell(told: dict[str, Any]) -> None:
    """The newest line of a cell, which for an area is its first; other cells have none, and a restart forgets them."""
    assert told["Lines"] == "|#PM! one|#PM! two||"
    assert told["Messages"] == f"{ERROR}a text, as after the classic import||"


def test_every_function_and_argument_is_described_to_the_wizard(told: dict[str, Any]) -> None:
    """One call for each function, with its category and as many texts as it has arguments."""
    counts = ((name, len(function.arguments)) for name, function in FUNCTIONS.items())
    assert told["Help"] == "".join(f"{name}/xlmargin{f'/{count}' if count else ''}|" for name, count in counts)
