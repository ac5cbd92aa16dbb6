"""The same book in every kind of workbook gives the same cells and the same margin, to the last digit."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from binary_workbook import write_xlsb
from calc import Calc
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from range_books import margin
from written_books import BOOK, EXPIRY, MARKET, WHOLE, rewrite_part, write_book

from xlmargin.errors import MarginError
from xlmargin.files.books import read_ranges
from xlmargin.files.containers.opened import open_workbook
from xlmargin.files.ranges import Grid, Ranges

KINDS = ("xlsx", "xlsm", "xlsb", "xls", "ods")
NAMES = {"positions": WHOLE, "two": "Book!$A$1:$B$2,Book!$D$1:$E$2", "lost": "#REF!", "whole": "Book!$A:$G", "rows": "Book!$1:$5"}


def decorate(book: openpyxl.Workbook, sheet: Any) -> None:
    """Errors, booleans, formats, a hidden row, merged cells, a hidden sheet, a name of one sheet."""
    sheet["I1"], sheet["I2"], sheet["I3"], sheet["I4"] = "Note", "=NA()", True, "0012"
    sheet["E3"].number_format, sheet["F3"].number_format, sheet["C2"].number_format = '#,##0.00 "BTC"', "0.0%", "[$$-409]#,##0.00"
    sheet.row_dimensions[4].hidden = True
    sheet["A9"] = "merged"
    sheet.merge_cells("A9:B10")
    book.create_sheet("Hid").sheet_state = "hidden"
    own = openpyxl.workbook.defined_name.DefinedName("market", attr_text="Market!$A$1:$C$2")
    book["Market"].defined_names["market"] = own


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, calc: Calc) -> dict[str, Path]:
    """The decorated book in every kind: .xls and .ods as LibreOffice writes them, .xlsb record by record."""
    folder = tmp_path_factory.mktemp("kinds")
    source = write_book(folder / "source.xlsx", decorate, names=NAMES)
    paths = {kind: folder / f"book.{kind}" for kind in KINDS}
    with calc.open(source) as book:
        for kind in ("xlsx", "xls", "ods"):
            book.save(paths[kind], kind)  # type: ignore[arg-type]
    shutil.copy(paths["xlsx"], paths["xlsm"])
    notes = ["Note", "#N/A", True, "0012"]
    rows: Grid = [[*row, None, notes[n] if n < 4 else None] for n, row in enumerate(BOOK)]
    edge = 1_048_575, 16_383
    names: dict[str, Any] = {"positions": (0, [(0, 0, 4, 6)]), "two": (0, [(0, 0, 1, 1), (0, 3, 1, 4)])}
    names |= {"whole": (0, [(0, 0, edge[0], 6)]), "rows": (0, [(0, 0, 4, edge[1])]), "market": (1, [(0, 0, 1, 2)])}
    sheets = {"Book": [*rows, *[[]] * 3, ["merged"]], "Market": MARKET, "Hid": []}
    write_xlsb(paths["xlsb"], sheets, names, hidden=[3], merged=[(8, 0, 9, 1)])
    return paths


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_book_in_every_kind(written: dict[str, Path], kind: str) -> None:
    """Cells, dates, notes, places and margin are those of the book as typed; names that mean no rectangle are left alone."""
    ranges = read_ranges(written[kind])
    assert ranges.positions == BOOK
    assert ranges.market == MARKET
    assert ranges.notes == ("1 row of the positions on the sheet Book is hidden, and read as well",)
    assert ranges.places["positions"] == ("Book", 1, 1)
    for method in ("SPAN", "DERIBIT"):
        expected = margin(BOOK, MARKET, method)
        assert isinstance(expected, float), expected
        assert margin(ranges.positions, ranges.market, method) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_structure_of_every_kind(written: dict[str, Path], kind: str) -> None:
    """Errors arrive as their texts, texts of digits as texts, and names as what they stand for."""
    book = open_workbook(written[kind])
    scan = book.scan("Book")
    used = scan.used("Book")
    assert used is not None
    rows = book.block("Book", used).rows
    assert [row[8] for row in rows[:4]] == ["Note", "#N/A", True, "0012"]
    assert scan.hidden == {4}
    assert scan.merged == ((9, 1, 10, 2),)
    texts = {name.name: name.text.replace("'", "") for name in book.names}
    assert texts["positions"] == WHOLE
    assert texts["two"].replace(";", ",") == "Book!$A$1:$B$2,Book!$D$1:$E$2"
    assert texts["whole"] in ("Book!$A:$G", "Book!$A$1:$G$1048576")
    assert texts["rows"] in ("Book!$1:$5", "Book!$A$1:$XFD$5")
    assert kind == "xlsb" or "#" in texts["lost"]  # LibreOffice writes #N/A for it into an .xls
    assert kind == "xlsb" or book.hidden_sheets == {"Hid"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_what_it_is(written: dict[str, Path], kind: str, tmp_path: Path) -> None:
    """The content decides, whatever the name says."""
    for suffix in (*KINDS, "csv", "txt"):
        path = tmp_path / f"renamed.{suffix}"
        shutil.copy(written[kind], path)
        assert read_ranges(path).positions == BOOK


def test_a_sheet_owns_names_in_the_binary_kinds(tmp_path: Path) -> None:
    """A name of one sheet, and a table, of an .xlsb."""
    write_xlsb(tmp_path / "own.xlsb", {"Book": BOOK, "Market": MARKET}, {"positions": (0, [(0, 0, 4, 6)])}, owner=0)
    assert read_ranges(tmp_path / "own.xlsb").positions == BOOK
    assert open_workbook(tmp_path / "own.xlsb").names[0].sheet == "Book"
    write_xlsb(tmp_path / "table.xlsb", {"Book": BOOK, "Market": MARKET}, table=("Positions", (0, 0, 4, 6)))
    assert read_ranges(tmp_path / "table.xlsb").positions == BOOK
    write_xlsb(tmp_path / "two.xlsb", {"Book": BOOK}, {"positions": (0, [(0, 0, 2, 6), (3, 0, 4, 6)])})
    with pytest.raises(MarginError, match="2 areas"):
        read_ranges(tmp_path / "two.xlsb")


def in_1904(book: openpyxl.Workbook, _: Any) -> None:
    """Dates count from 1904."""
    book.epoch = CALENDAR_MAC_1904


def test_dates_that_count_from_1904(tmp_path: Path, calc: Calc) -> None:
    """Dates of a workbook of the other system are the days that it shows, in every kind, also where a serial is a plain number."""
    source = write_book(tmp_path / "source.xlsx", in_1904, names={"positions": WHOLE})
    assert read_ranges(source).positions == BOOK
    assert read_ranges(source).market == MARKET
    with calc.open(source) as book:
        for kind in ("xlsx", "xls", "ods"):
            book.save(tmp_path / f"book.{kind}", kind)  # type: ignore[arg-type]
            assert read_ranges(tmp_path / f"book.{kind}").positions == BOOK
    write_xlsb(tmp_path / "book.xlsb", {"Book": BOOK, "Market": MARKET}, {"positions": (0, [(0, 0, 4, 6)])}, from_1904=True)
    assert read_ranges(tmp_path / "book.xlsb").positions == BOOK

    def plain(book: openpyxl.Workbook, sheet: Any) -> None:
        in_1904(book, sheet)
        for cell in sheet["D"][1:]:
            cell.value = (EXPIRY - dt.datetime(1904, 1, 1)).days
            cell.number_format = "General"

    ranges = read_ranges(write_book(tmp_path / "plain.xlsx", plain, names={"positions": WHOLE}))
    assert [row[3] for row in ranges.positions[1:]] == [float((EXPIRY - dt.datetime(1899, 12, 30)).days)] * 4
    assert margin(ranges.positions, ranges.market) == margin(BOOK, MARKET)


def expiries(ranges: Ranges) -> list[dt.datetime]:
    """The days of a book's expiries, whether dates or serials."""
    cells = [row[3] for row in ranges.positions[1:]]
    return [cell if isinstance(cell, dt.datetime) else dt.datetime(1899, 12, 30) + dt.timedelta(days=cell) for cell in cells]


@pytest.mark.parametrize("from_1904", [False, True])
def test_engine_and_saved_values_agree(tmp_path: Path, calc: Calc, from_1904: bool) -> None:
    """Formulas of dates give the same days where LibreOffice has saved their values and where the embedded engine calculates them."""

    def change(book: openpyxl.Workbook, sheet: Any) -> None:
        if from_1904:
            in_1904(book, sheet)
        for cell, formula in (
            ("D2", "=DATE(2026,12,25)"),
            ("D3", "=D5"),
            ("D4", "=INT(Market!C2)+54"),
            ("E2", "=-3/2"),
            ("E3", "=-COUNT(D2:D3)"),
        ):
            sheet[cell] = formula
        for cell in sheet["D"][1:]:
            cell.number_format = "yyyy-mm-dd"

    bare = write_book(tmp_path / "bare.xlsx", change, names={"positions": WHOLE})
    with calc.open(bare) as book:
        book.save(tmp_path / "saved.xlsx", "xlsx")
    calculated, saved = read_ranges(bare), read_ranges(tmp_path / "saved.xlsx")
    assert expiries(calculated) == expiries(saved) == [EXPIRY] * 4
    assert [row[4] for row in calculated.positions[1:]] == [row[4] for row in saved.positions[1:]] == [-1.5, -2.0, 3.25, 0.5]
    assert margin(calculated.positions, calculated.market) == margin(saved.positions, saved.market) == margin(BOOK, MARKET)


def test_zeros_that_libraries_save_are_calculated(tmp_path: Path) -> None:
    """A library that cannot calculate saves 0 for each formula and asks the next program to calculate: here that is the engine."""
    path = write_book(tmp_path / "zeros.xlsx", lambda _, sheet: sheet.__setitem__("E2", "=-3/2"), names={"positions": WHOLE})
    rewrite_part(path, "xl/worksheets/sheet1.xml", r"</f><v\s*/?>(</v>)?", "</f><v>0</v>")
    assert read_ranges(path).positions == BOOK


def test_a_zero_among_values_is_calculated(tmp_path: Path) -> None:
    """Where the library was told some values, the others are its zeros all the same."""

    def change(_: Any, sheet: Any) -> None:
        sheet["E2"], sheet["E3"] = "=-3/2", "=-4/2"

    path = write_book(tmp_path / "zeros.xlsx", change, names={"positions": WHOLE})
    rewrite_part(path, "xl/worksheets/sheet1.xml", r"-3/2</f><v\s*/?>(</v>)?", "-3/2</f><v>0</v>")
    rewrite_part(path, "xl/worksheets/sheet1.xml", r"-4/2</f><v\s*/?>(</v>)?", "-4/2</f><v>-2</v>")
    assert read_ranges(path).positions == BOOK


def test_the_engine_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A formula that says of no value at all is calculated, and the standard output stays that of the command."""
    path = write_book(tmp_path / "bare.xlsx", lambda _, sheet: sheet.__setitem__("E2", "=-3/2"), names={"positions": WHOLE})
    rewrite_part(path, "xl/worksheets/sheet1.xml", r"</f><v\s*/?>(</v>)?", "</f>")
    assert read_ranges(path).positions == BOOK
    assert capfd.readouterr() == ("", "")


def test_formulas_without_values_in_other_kinds(tmp_path: Path, calc: Calc) -> None:
    """The engine opens .xlsx alone: elsewhere a formula without a value is refused by its cell."""
    source = write_book(tmp_path / "source.xlsx", lambda _, sheet: sheet.__setitem__("E2", "=-3/2"), names={"positions": WHOLE})
    path = tmp_path / "book.ods"
    with calc.open(source) as book:
        book.save(path, "ods")
    assert read_ranges(path).positions == BOOK
    rewrite_part(path, "content.xml", r'(table:formula="of:=-3/2")[^>]*><text:p>-1.5</text:p>', 'table:formula="of:=-3/2">')
    with pytest.raises(MarginError, match="Book!E2 holds a formula without a saved value"):
        read_ranges(path)


def by_xlsxwriter(path: Path) -> Path:
    """The book as another library writes it: texts stored once for the whole workbook."""
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "d-mmm-yy hh:mm"})
        for title, rows in (("Positions", BOOK), ("Market", MARKET)):
            sheet = book.add_worksheet(title)
            for y, row in enumerate(rows):
                for x, cell in enumerate(row):
                    if isinstance(cell, dt.datetime):
                        sheet.write_datetime(y, x, cell, day)
                    else:
                        sheet.write(y, x, cell)
    return path


def test_texts_that_are_stored_once(tmp_path: Path) -> None:
    """Shared texts are read; an empty one is blank; one in runs of looks is one text; one that is not there is refused."""
    path = by_xlsxwriter(tmp_path / "book.xlsx")
    assert read_ranges(path).positions == BOOK
    assert read_ranges(path).market == MARKET
    rewrite_part(path, "xl/sharedStrings.xml", 'uniqueCount="[0-9]+"', 'uniqueCount="4000000000"')  # no room is made for as many
    assert read_ranges(path).positions == BOOK
    runs = "<si><r><t xml:space='preserve'>Desk </t></r><r><rPr><b/></rPr><t>1</t></r></si>"
    rewrite_part(path, "xl/sharedStrings.xml", "<si><t>Desk 1</t></si>", runs)
    assert read_ranges(path).positions == BOOK
    rewrite_part(path, "xl/sharedStrings.xml", "<si><t>Desk 2</t></si>", "<si><t/></si>")
    assert [row[6] for row in read_ranges(path).positions[1:]] == ["Desk 1", "Desk 1", None, None]
    rewrite_part(path, "xl/sharedStrings.xml", "<si><t/></si>", "<si><x>Desk 2</x></si>")
    with pytest.raises(MarginError, match="Positions!G4 holds a value that cannot be read"):
        read_ranges(path)
    rewrite_part(path, "xl/sharedStrings.xml", "<si><x>Desk 2</x></si>", "")
    with pytest.raises(MarginError):
        read_ranges(path)


def test_elements_with_a_prefix(tmp_path: Path) -> None:
    """Some libraries write every element of a sheet with a prefix."""
    path = by_xlsxwriter(tmp_path / "book.xlsx")
    rewrite_part(path, "xl/worksheets/sheet1.xml", "<(?=[a-z])", "<x:")
    rewrite_part(path, "xl/worksheets/sheet1.xml", "</(?=[a-z])", "</x:")
    rewrite_part(path, "xl/worksheets/sheet1.xml", " xmlns=", " xmlns:x=")
    assert read_ranges(path).positions == BOOK
