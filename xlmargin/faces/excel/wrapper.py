"""The VBA between Excel's cells and the functions: true error values, help in the function wizard, restart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from xlmargin.faces.excel.project import CODE_PAGE, WORKBOOK, Module
from xlmargin.sheet.registry import CATEGORY, ERROR, Function

FUNCTIONS_MODULE = "xlwings_udfs"  # the name that xlwings' own Import Functions replaces, so that both ways never clash
SUPPORT_MODULE, TOOLS_MODULE, HELP_MODULE = "xlmargin_support", "xlmargin_tools", "xlmargin_help"
UDF_MODULE = "udfs"
MESSAGE, RESTART = "PM_MESSAGE", "PM_RESTART"
LONGEST_HELP = 255  # characters that Excel takes for a description
MOST_ARGUMENTS = 24  # lines that one statement may be continued over
FIRST_CATEGORY = 20  # the first one that is not built in, as Excel counts them in a file
CELL_NAME = re.compile(r"[A-Za-z]{1,3}[0-9]{1,7}$")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*$")
# words of the language, and names that the bodies below use
RESERVED = frozenset(
    re.findall(
        r"\w+",
        "and array as asc boolean byref byte byval call case cdbl chr const currency date debug declare default dim do double "
        "each else elseif empty end enum eqv erase error event exit false for friend function get global gosub goto if imp "
        "implements in input integer is lbound len let lib like lock long longlong longptr loop lset me mid mod name new next "
        "not nothing null object on open option optional or paramarray preserve print private property ptrsafe public put "
        "raiseevent redim rem resume return rset seek select set single static step stop string sub tab then time to true "
        "type typeof ubound unlock until variant wend when while width with write xor "
        "xlpy err application thisworkbook ascells failed",
    )
)
PLAINER = str.maketrans({"−": "-", "≥": ">=", "≤": "<=", "→": "->", "\u202f": " ", "√": "root ", "Σ": "sum of ", "Δ": "delta "})

SUPPORT = f'''Attribute VB_Name = "{SUPPORT_MODULE}"
Option Explicit
Option Private Module
' Written by xlmargin: what every function needs, hidden from the function wizard.
Private lines As New Collection

Public Function AsCells(ByVal answer As Variant) As Variant
    ' Python cannot hand an error value over: a line of text that says what is wrong becomes one here, its text is kept
    AsCells = answer
    If VarType(answer) = vbString Then
        If Left$(answer, {len(ERROR)}) = "{ERROR}" Then
            KeepLine Application.Caller, answer
            AsCells = CVErr(xlErrValue)
        End If
    End If
End Function

Public Function Failed(ByVal reason As String) As Variant
    ' Python did not answer: it could not be started, or not be reached
    Dim parts As Variant, n As Long
    reason = Replace(reason, vbCr, "")
    If InStr(reason, "Traceback") > 0 Then
        parts = Split(reason, vbLf)
        For n = UBound(parts) To 0 Step -1
            If Len(Trim$(parts(n))) > 0 Then
                reason = Trim$(parts(n))
                Exit For
            End If
        Next n
    End If
    reason = Replace(reason, vbLf, " ")
    reason = "Python did not answer (" & reason & "): run xlmargin doctor with the name of this workbook"
    KeepLine Application.Caller, "{ERROR}" & reason
    Failed = CVErr(xlErrValue)
End Function

Public Sub KeepLine(ByVal caller As Variant, ByVal text As String)
    ' The newest line of a cell; a function that no cell called has no place to keep one
    If TypeName(caller) <> "Range" Then Exit Sub
    On Error Resume Next
    lines.Remove PlaceOf(caller)
    On Error GoTo 0
    lines.Add text, PlaceOf(caller)
End Sub

Public Function KeptLine(ByVal cell As Range) As String
    On Error Resume Next
    KeptLine = lines.Item(PlaceOf(cell))
End Function

Public Sub ForgetLines()
    Set lines = New Collection
End Sub

Private Function PlaceOf(ByVal cell As Range) As String
    PlaceOf = cell.Cells(1, 1).Address(External:=True)
End Function
'''

TOOLS = f'''Attribute VB_Name = "{TOOLS_MODULE}"
Option Explicit
' Written by xlmargin: the text behind an error, and the button on the sheet Checks.

Public Function {MESSAGE}(cell As Range) As Variant
Attribute {MESSAGE}.VB_Description = "The line of text behind an error of a PM_ function: what, where, how to mend it."
Attribute {MESSAGE}.VB_ProcData.VB_Invoke_Func = " \\n{FIRST_CATEGORY}"
    Dim value As Variant, text As String
    value = cell.Cells(1, 1).Value
    If IsError(value) Then
        text = KeptLine(cell)
        If Len(text) = 0 Then
            text = "{ERROR}this cell shows an error of the cells it uses, or has not been calculated since this workbook " & _
                "was opened: press Ctrl+Alt+F9"
        End If
    ElseIf VarType(value) = vbString Then
        If Left$(value, {len(ERROR)}) = "{ERROR}" Then text = value
    End If
    {MESSAGE} = text
End Function

Public Sub {RESTART}()
    ' Stops Python, starts it anew and calculates every cell again
    On Error GoTo stuck
    ForgetLines
    KillPy
    XLPy.Exec "import {UDF_MODULE}"
    Application.CalculateFull
    Exit Sub
stuck:
    MsgBox "Python could not be restarted: " & Err.Description & vbLf & _
        "Run xlmargin doctor with the name of this workbook.", vbExclamation, "xlmargin"
End Sub
'''

OPENED = f"""Private Sub Workbook_Open()
    ' Starts Python before the first cell asks, and gives the function wizard its help
    On Error Resume Next
    XLPy.Exec ""
    XLPy.Exec "import {UDF_MODULE}"
    DescribeFunctions
End Sub
"""


def wrapper_modules(functions: Mapping[str, Function]) -> tuple[Module, ...]:
    """Every module of ours: the workbook's, the functions, their support and their help.

    Args:
        functions: the registry

    Raises:
        ValueError: a name that VBA cannot have
    """
    listed = list(functions.values())
    for function in listed:
        _check_names(function)
    return (
        Module(WORKBOOK, OPENED),
        Module(FUNCTIONS_MODULE, _functions(listed)),
        Module(SUPPORT_MODULE, SUPPORT),
        Module(TOOLS_MODULE, TOOLS),
        Module(HELP_MODULE, _help(listed)),
    )


def _check_names(function: Function) -> None:
    if CELL_NAME.match(function.name):
        raise ValueError(f"{function.name} is the name of a cell")
    names = [argument.name for argument in function.arguments]
    if len(names) >= MOST_ARGUMENTS:
        raise ValueError(f"{function.name} has more arguments than VBA describes")
    for name in (function.name, *names):
        if name.lower() in RESERVED or not NAME.match(name) or name.startswith("_"):
            raise ValueError(f"{function.name}: {name} is no name that VBA takes")


def _literal(text: str) -> str:
    """A text as VBA writes it: one line of 255 characters, cut between words, of the characters that VBA has."""
    plain = " ".join(text.translate(PLAINER).split())
    if len(plain) > LONGEST_HELP:
        plain = plain[: LONGEST_HELP - 3].rsplit(" ", 1)[0] + "..."
    return '"' + plain.encode(CODE_PAGE, "replace").decode(CODE_PAGE).replace('"', '""') + '"'


def _functions(functions: Iterable[Function]) -> str:
    return f'Attribute VB_Name = "{FUNCTIONS_MODULE}"\nOption Explicit\n\' Written by xlmargin from its list of functions.\n' + "\n".join(
        map(_function, functions)
    )


def _function(function: Function) -> str:
    signature = ", ".join(f"Optional {a.name}" if a.optional else a.name for a in function.arguments)
    values = ", ".join(argument.name for argument in function.arguments)
    name = function.name
    description = _literal(function.summary.replace('"', "'"))  # an attribute's text has no quotes
    return f'''Public Function {name}({signature}) As Variant
Attribute {name}.VB_Description = {description}
Attribute {name}.VB_ProcData.VB_Invoke_Func = " \\n{FIRST_CATEGORY}"
    On Error GoTo unanswered
    {name} = AsCells(XLPy.CallUDF("{UDF_MODULE}", "{name}", Array({values}), ThisWorkbook, Application.Caller))
    Exit Function
unanswered:
    {name} = Failed(Err.Description)
End Function
'''


def _help(functions: Iterable[Function]) -> str:
    calls = "\n".join(map(_described, functions))
    return f'''Attribute VB_Name = "{HELP_MODULE}"
Option Explicit
Option Private Module
' Written by xlmargin: what the function wizard says of each function and argument.

Public Sub DescribeFunctions()
    Dim untouched As Boolean
    untouched = ThisWorkbook.Saved
{calls}
    ThisWorkbook.Saved = untouched
End Sub
'''


def _described(function: Function) -> str:
    options = [f'Macro:="{function.name}"', f"Description:={_literal(function.summary)}", f'Category:="{CATEGORY}"']
    if function.arguments:
        options.append(
            "ArgumentDescriptions:=Array( _\n        "
            + ", _\n        ".join(_literal(argument.help) for argument in function.arguments)
            + ")"
        )
    return "    Application.MacroOptions " + ", ".join(options)
