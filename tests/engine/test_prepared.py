"""Workbooks with comments, and those whose dates count from 1904, in the embedded engine and back in the file."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from written_books import BOOK, WHOLE, write_book

from xlmargin.engine import Workbook, recalculated
from xlmargin.engine.prepared import shows_a_day
from xlmargin.files.books import read_ranges

SERIAL = 46_381.0  # of 2026-12-25 counted from 1900, as Excel shows it
IN_1904 = 44_919.0  # of the same day counted from 1904


def test_a_workbook_with_comments(tmp_path: Path) -> None:
    """Comments are left out of the engine's copy, and stay in the file that is calculated."""

    def change(_: Any, sheet: Any) -> None:
        sheet["E2"] = "=-3/2"
        sheet["A2"].comment = Comment("rolled on Friday", "desk")

    path = write_book(tmp_path / "book.xlsx", change, names={"positions": WHOLE})
    assert Workbook(path, {}).get("Book", "E2") == -1.5
    assert read_ranges(path).positions == BOOK
    recalculated(path, tmp_path / "out.xlsx", {})
    comment = openpyxl.load_workbook(tmp_path / "out.xlsx")["Book"]["A2"].comment
    assert comment is not None
    assert comment.text == "rolled on Friday"


def test_dates_that_count_from_1904(tmp_path: Path) -> None:
    """In the engine a day is its serial counted from 1900, typed, calculated or handed to a function; in the file it counts from 1904."""
    seen: list[Any] = []

    def change(book: openpyxl.Workbook, sheet: Any) -> None:
        book.epoch = CALENDAR_MAC_1904
        sheet["D3"], sheet["D4"], sheet["J1"], sheet["J2"] = "=D2", "=DATE(2026,12,25)", "=PM_SEEN(D2)", "=D4-D2"
        for cell in ("D3", "D4"):
            sheet[cell].number_format = "yyyy-mm-dd"

    path = write_book(tmp_path / "book.xlsx", change)
    functions = {"PM_SEEN": lambda day: seen.append(day) or 1.0}
    book = Workbook(path, functions)
    assert [book.get("Book", f"D{row}") for row in (2, 3, 4)] == [SERIAL] * 3
    assert book.get("Book", "J2") == 0.0
    assert seen == [SERIAL]
    recalculated(path, tmp_path / "out.xlsx", functions, [("Book", "D5", SERIAL)])
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert [float(re.findall(rf'r="{cell}"[^>]*>(?:<f>[^<]*</f>)?<v>([^<]*)</v>', sheet)[0]) for cell in ("D2", "D3", "D4", "D5")] == [
        IN_1904
    ] * 4
    shown = openpyxl.load_workbook(tmp_path / "out.xlsx", data_only=True)["Book"]
    assert [shown[f"D{row}"].value for row in (2, 3, 4, 5)] == [dt.datetime(2026, 12, 25)] * 4


@pytest.mark.parametrize("code", ["yyyy-mm-dd", "d-mmm-yy", "[$-409]d-mmm-yy;@", "mmm yy", "dd/mm/yyyy hh:mm", "m/d", '"exp" dd.mm.yy'])
def test_formats_of_days(code: str) -> None:
    """Formats that show a calendar day."""
    assert shows_a_day(code)


@pytest.mark.parametrize(
    "code", ["General", "0.00", "hh:mm", "[h]:mm:ss", "mm:ss", '0.00 "days"', r"0.0\d", "0.00_d", "[Red]0.00", "@", "", '#,##0 "BTC"']
)
def test_formats_of_numbers(code: str) -> None:
    """Formats of numbers, times of day and spans."""
    assert not shows_a_day(code)
