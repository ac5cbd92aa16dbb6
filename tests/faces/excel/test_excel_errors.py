"""The workbook for Excel where mistakes are true error values: every sheet says the same as where they are texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from calc import Calc
from excel.desks import ROWS, small_desk

from xlmargin.engine import Workbook
from xlmargin.engine.formula import ERROR_CODES, find_calls
from xlmargin.faces.excel.wrapper import MESSAGE
from xlmargin.files.workbooks import named_cells
from xlmargin.sheet.registry import ERROR, FUNCTIONS

VALUE_ERROR = "#VALUE!"
Edits = list[tuple[str, str, Any]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook for Excel with a short history."""
    return small_desk(tmp_path_factory)


@pytest.fixture(scope="module")
def plain(desk: Path) -> Workbook:
    """It in a program where mistakes are texts; PM_MESSAGE answers as after the classic import."""
    return Workbook(
        desk,
        {
            **{name: function.call for name, function in FUNCTIONS.items()},
            MESSAGE: lambda cell: cell if str(cell).startswith(ERROR) else "",
        },
    )


@pytest.fixture(scope="module")
def strict(desk: Path) -> Workbook:
    """It as the wrapper makes it in Excel: mistakes are errors."""
    return Workbook(desk, Wrapper().functions())


class Wrapper:
    """The VBA wrapper's rule in the embedded engine: a text of a mistake becomes an error, and is kept for PM_MESSAGE.

    The engine hands over values and no references, so the message is that of the last mistake: in each case below there is
    one mistake, which all functions tell in the same words, or the cells in question are compared by their kind.
    """

    def __init__(self) -> None:
        self.line = ""

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions as cells of Excel have them."""
        return {
            **{name: self._wrapped(function.call) for name, function in FUNCTIONS.items()},
            MESSAGE: lambda cell: self.line if cell == VALUE_ERROR else "",
        }

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            answer = call(*arguments)
            if isinstance(answer, str) and answer.startswith(ERROR):
                self.line = answer
                return VALUE_ERROR
            return answer

        return wrapped


def cases(desk: Path) -> dict[str, Edits]:
    """Situations in which some function cannot answer, or none."""
    names = named_cells(desk)
    sheet, area = names["positions"]
    columns, first = "CDEFGHIJKLMNOPQR", int("".join(filter(str.isdigit, area.split(":")[0].replace("$", "")))) + 1
    everything = [(sheet, f"{column}{first + row}", None) for row in range(-1, ROWS) for column in columns]
    history, closes = names["history"]
    return {
        "in order": [],
        "a quantity that is no number": [(sheet, f"H{first}", "ten")],
        "nothing, not even headings": everything,
        "a method without scenarios": [(*names["method"], "RULES")],
        "no such method": [(*names["method"], "SPAM")],
        "a history without its heading": [(history, closes.replace("$", "").split(":")[0], None)],
    }


CASES = [
    "in order",
    "a quantity that is no number",
    "nothing, not even headings",
    "a method without scenarios",
    "no such method",
    "a history without its heading",
]


@contextmanager
def edited(book: Workbook, edits: Edits) -> Iterator[Workbook]:
    """A workbook with some cells changed, and then as it was."""
    before = [(sheet, cell, book.get(sheet, cell)) for sheet, cell, _ in edits]
    book.set_many(edits)
    yield book
    book.set_many(before)


def is_message(formula: str) -> bool:
    """Whether a formula shows the text beside an error."""
    return bool(find_calls(formula, {MESSAGE}))


@pytest.mark.parametrize("case", CASES)
def test_every_sheet_says_the_same_with_true_errors(desk: Path, plain: Workbook, strict: Workbook, case: str) -> None:
    """Cells that show a mistake's text elsewhere hold an error; all others are equal, checks and verdicts first of all."""
    with edited(plain, cases(desk)[case]), edited(strict, cases(desk)[case]):
        told = compared(plain, strict)
        assert (told == 0) == (case == "in order")
        assert plain.get("Checks", "C4") == strict.get("Checks", "C4") != ""


def compared(plain: Workbook, strict: Workbook) -> int:
    """Compare every formula cell of both; how many of them show a message."""
    told = 0
    for sheet in plain.sheets:
        for cell in plain.formula_cells(sheet):
            text, value, formula = plain.get(sheet, cell), strict.get(sheet, cell), plain.formula(sheet, cell) or ""
            if is_message(formula):
                assert str(value).startswith(ERROR) == str(text).startswith(ERROR), (sheet, cell)
                told += str(value).startswith(ERROR)
                assert str(text).startswith(ERROR) or value == text, (sheet, cell, formula)
            elif str(text).startswith(ERROR):
                assert value in ERROR_CODES, (sheet, cell, formula)
            else:
                assert value == text, (sheet, cell, formula)
    return told


def test_the_line_of_text_stands_beside_the_error(desk: Path, strict: Workbook) -> None:
    """Summary, Risk array and Statement show what, where and how to mend it; the headline itself is an error."""
    line = f"{ERROR}row 2: Quantity must be a number, not 'ten' (sheet Positions row 8)"
    with edited(strict, cases(desk)["a quantity that is no number"]) as book:
        assert book.get("Summary", "C7") == VALUE_ERROR
        assert [book.get(*place) for place in (("Summary", "I7"), ("Risk array", "B4"), ("Statement", "B4"))] == [line] * 3
        assert book.get("Summary", "E7") == "FAIL"


def test_an_alarm_stands_where_a_line_of_text_would(plain: Workbook, strict: Workbook) -> None:
    """A cell that shows the text behind an error shows the alarm of a figure that is none."""
    for book in (plain, strict):
        assert book.get("Summary", "I16") == "ALARM: a limit is exceeded"
        assert book.get("Summary", "F3") == "1 alarm below"


@pytest.mark.parametrize("case", ["a quantity that is no number", "in order"])
def test_programs_without_the_macro_show_the_text_as_well(desk: Path, case: str) -> None:
    """PM_MESSAGE is the wrapper's own: where it is not known, the text in the cell itself is shown."""
    book = Workbook(desk, {name: function.call for name, function in FUNCTIONS.items()})
    book.set_many(cases(desk)[case])
    text = book.get("Summary", "C7")
    placed = "" if case == "in order" else f"{text} (sheet Positions row 8)"
    assert book.get("Summary", "I7") == book.get("Statement", "B4") == placed


def test_libreoffice_shows_the_text_too(desk: Path, calc: Calc) -> None:
    """The workbook for Excel opens there as well, with our add-in in place of its macros."""
    with calc.open(desk) as book:
        book.set(*cases(desk)["a quantity that is no number"][0][:2], [["ten"]])
        book.calculate()
        line = f"{ERROR}row 2: Quantity must be a number, not 'ten'"
        placed = f"{line} (sheet Positions row 8)"
        assert book.get("Summary", "C7") == [[line]]
        assert book.get("Summary", "I7") == book.get("Statement", "B4") == [[placed]]
