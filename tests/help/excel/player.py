"""Plays Excel for a workbook: reads the wrapper inside it, and calls every PM_ function of its formulas through CallUDF."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
from conftest import missing

from excel.protocol import MISSING, Cells, ErrorValue
from excel.session import Session, in_cells
from xlmargin.engine.formula import Call, CellArea, Constant, find_calls, parse_area, parse_constant

FUNCTION = re.compile(
    r"Public Function (?P<name>\w+)\((?P<signature>.*?)\) As Variant\n(?:Attribute [^\n]*\n)*"
    r'.*?XLPy\.CallUDF\("(?P<module>\w+)", "(?P<target>\w+)", Array\((?P<values>.*?)\), ThisWorkbook, '
    r"Application\.Caller\).*?^End Function",
    re.S | re.M,
)
CODES = {"#NULL!": 2000, "#DIV/0!": 2007, "#VALUE!": 2015, "#REF!": 2023, "#NAME?": 2029, "#NUM!": 2036, "#N/A": 2042}


@dataclass(frozen=True)
class Wrapped:
    """A function of the wrapper: the function it calls, and its arguments by name, with whether each may be left out."""

    module: str
    target: str
    arguments: tuple[tuple[str, bool], ...]
    passed: tuple[str, ...]


@dataclass(frozen=True)
class Played:
    """One call of a formula: its place, its arguments, and its answer."""

    sheet: str
    cell: str
    name: str
    arguments: tuple[Any, ...]
    answer: list[list[Any]]
    whole: bool


def vba_of(path: Path) -> dict[str, str]:
    """The source of every module of a workbook, as olevba reads it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oletools calls pyparsing by old names
            from oletools.olevba import VBA_Parser
    except ImportError:
        missing("oletools, which reads macros back, is not installed")
    parser = VBA_Parser(str(path))
    try:
        return {name.rpartition(".")[0]: code.replace("\r\n", "\n") for _, _, name, code in parser.extract_macros()}
    finally:
        parser.close()


def wrapped_functions(source: str) -> dict[str, Wrapped]:
    """The functions of a wrapper module by name."""
    found = {}
    for match in FUNCTION.finditer(source):
        words = [word.strip() for word in match["signature"].split(",") if word.strip()]
        arguments = tuple((word.removeprefix("Optional "), word.startswith("Optional ")) for word in words)
        passed = tuple(word.strip() for word in match["values"].split(",") if word.strip())
        found[match["name"]] = Wrapped(match["module"], match["target"], arguments, passed)
    return found


class Player:
    """A workbook with its saved values, whose functions are called anew."""

    def __init__(self, path: Path, session: Session, module: str) -> None:
        self._session = session
        self.formulas = openpyxl.load_workbook(path, keep_vba=True)
        self._values = openpyxl.load_workbook(path, data_only=True)
        self.functions = wrapped_functions(vba_of(path)[module])

    def calls(self) -> Iterator[tuple[str, str, Call, str]]:
        """Sheet, cell, call and formula of every call of a wrapped function, those inside other functions too."""
        for sheet in self.formulas:
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.data_type == "f":
                        text = str(getattr(cell.value, "text", cell.value))
                        for call in find_calls(text, set(self.functions)):
                            yield sheet.title, cell.coordinate, call, text

    def play(self) -> Iterator[Played]:
        """Every call, answered by the real CallUDF."""
        for sheet, cell, call, text in self.calls():
            wrapped = self.functions[call.name]
            given = [self._argument(argument, sheet) for argument in call.arguments]
            named = dict(zip((name for name, _ in wrapped.arguments), given))
            assert all(name in named for name, optional in wrapped.arguments if not optional), (sheet, cell, text)
            passed = tuple(named.get(name, MISSING) for name in wrapped.passed)
            answer = self._session.call(wrapped.target, *passed, module=wrapped.module)
            assert (answer.raised, answer.said) == ("", ""), (sheet, cell, text)
            whole = text.removeprefix("=") == text[call.start : call.end]
            yield Played(sheet, cell, wrapped.target, passed, in_cells(self._session.cells(wrapped.target, *passed)), whole)

    def value(self, sheet: str, cell: str) -> Any:
        """The saved value of a cell."""
        return self._values[sheet][cell].value

    def _argument(self, text: str, sheet: str) -> Any:
        """An argument of a formula: left out, a constant, or a range by its reference or its name."""
        constant = parse_constant(text)
        if isinstance(constant, Constant):
            return MISSING if constant.value is None else constant.value
        name = self.formulas.defined_names.get(text.strip())
        area = parse_area(name.attr_text if name else text, sheet)
        assert area is not None, text
        return self._cells(area)

    def _cells(self, area: CellArea) -> Cells:
        sheet = self._values[area.sheet]
        rows = list(sheet.iter_rows(area.first_row, area.last_row, area.first_column, area.last_column))
        formats = ((r, c, cell.number_format) for r, row in enumerate(rows) for c, cell in enumerate(row))
        values = tuple(tuple(ErrorValue(CODES[cell.value]) if cell.data_type == "e" else cell.value for cell in row) for row in rows)
        return Cells(values, tuple(each for each in formats if each[2] != "General"))
