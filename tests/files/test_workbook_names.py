"""Names, tables and sheets of a workbook: each gives the whole book, or says in one line what it stands for and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.table import Table
from written_books import BOOK, MARKET, WHOLE, Change, write_book

from xlmargin.errors import MarginError
from xlmargin.files.books import cell_of, read_ranges
from xlmargin.files.ranges import Place
from xlmargin.files.workbooks import named_cells


def told(path: Path) -> str:
    """The one line of a workbook that is refused."""
    with pytest.raises(MarginError) as refused:
        read_ranges(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def with_table(area: str, name: str = "Positions", totals: int = 0) -> Change:
    """A table over the book, with a row of totals below it where one is asked for."""

    def change(_: Any, sheet: Any) -> None:
        table = Table(displayName=name, ref=area)
        table.totalsRowCount = totals or None
        if totals:
            sheet["A6"], sheet["E6"] = "Total", 0.25
        sheet.add_table(table)

    return change


@pytest.mark.parametrize("text", [WHOLE, "Book!$A:$G", "Book!$1:$5", "'Book'!A1:G5", "book!$A$1:$G$50", "Alias"])
def test_a_name_gives_the_whole_book(tmp_path: Path, text: str) -> None:
    """Rectangles, whole columns and rows, a name of a name; cells that are blank beyond the book do not count."""
    ranges = read_ranges(write_book(tmp_path / "book.xlsx", names={"Positions": text, "Alias": WHOLE}))
    assert ranges.positions == BOOK
    assert ranges.notes == ()
    assert ranges.places["positions"] == Place("Book", 1, 1)
    assert cell_of(ranges, 3, "Strike") == "Book!C3"
    assert cell_of(ranges, 3, "Venue") == "Book!3:3"
    exported = ranges._replace(positions=[["Symbol", "Put/Call", "Pos", "Lot Size"], [""] * 4])
    cells = {"Instrument": "A2", "Type": "B2", "Quantity": "C2", "Multiplier": "D2"}
    assert {heading: cell_of(exported, 2, heading) for heading in cells} == {heading: f"Book!{cell}" for heading, cell in cells.items()}


@pytest.mark.parametrize(
    ("title", "text"),
    [("Bob's book", "'Bob''s book'!$A$1:$G$5"), ("a b", "'a b'!$A$1:$G$5"), ("Größe 1", "'Größe 1'!$A:$G"), ("x!y", "'x!y'!$A:$G")],
)
def test_a_sheet_whose_title_is_quoted(tmp_path: Path, title: str, text: str) -> None:
    """Apostrophes, spaces, letters of any language and exclamation marks in a sheet's title."""
    ranges = read_ranges(write_book(tmp_path / "book.xlsx", title=title, names={"positions": text}))
    assert ranges.positions == BOOK
    assert cell_of(ranges, 3, "Strike") == text.rpartition("!")[0] + "!C3"  # as it is typed in a formula


@pytest.mark.parametrize("title", ["Positions", "POSITIONS", "positions ", "  Positions"])
def test_a_sheet_called_positions(tmp_path: Path, title: str) -> None:
    """Without a name the sheet of the title counts, outer spaces and case left aside, from its header row on."""

    def below_a_title(_: Any, sheet: Any) -> None:
        sheet.insert_rows(1, 2)
        sheet["A1"] = "Position of the desk"

    assert read_ranges(write_book(tmp_path / "book.xlsx", title=title)).positions == BOOK
    ranges = read_ranges(write_book(tmp_path / "lower.xlsx", below_a_title, title=title))
    assert ranges.positions == BOOK
    assert cell_of(ranges, 2, "Quantity") == (f"{title}!E4" if title == title.strip() else f"'{title}'!E4")


@pytest.mark.parametrize("name", ["Positions", "positions", "POSITIONS"])
def test_a_table_called_positions(tmp_path: Path, name: str) -> None:
    """The table's rows count, its row of totals does not."""
    assert read_ranges(write_book(tmp_path / "book.xlsx", with_table("A1:G5", name))).positions == BOOK
    assert read_ranges(write_book(tmp_path / "total.xlsx", with_table("A1:G6", name, totals=1))).positions == BOOK


@pytest.mark.parametrize(
    "text", ["tbl", "tbl[]", "tbl[#All]", "tbl[#Data]", "tbl[[#All],[Underlying]:[Account]]", "tbl[[Underlying]:[Account]]", "TBL[#all]"]
)
def test_a_name_of_a_table(tmp_path: Path, text: str) -> None:
    """Whichever of its rows the name means, the table is read with its headings and without its totals."""
    path = write_book(tmp_path / "book.xlsx", with_table("A1:G6", "tbl", totals=1), names={"positions": text})
    assert read_ranges(path).positions == BOOK


def test_a_table_without_its_headings_shown(tmp_path: Path) -> None:
    """Headings that the sheet does not show come from the table itself; faults still name the right cells."""

    def change(_: Any, sheet: Any) -> None:
        table = Table(displayName="Positions", ref="A1:G5")
        table._initialise_columns()
        for column, heading in zip(table.tableColumns, BOOK[0]):
            column.name = heading
        table.ref, table.headerRowCount, table.autoFilter = "A2:G5", 0, None
        sheet.add_table(table)
        for cell in sheet[1]:
            cell.value = None

    ranges = read_ranges(write_book(tmp_path / "book.xlsx", change))
    assert ranges.positions == BOOK
    assert cell_of(ranges, 3, "Strike") == "Book!C3"


def test_a_name_that_belongs_to_a_sheet(tmp_path: Path) -> None:
    """One is taken; one of the workbook goes before it; two without one of the workbook are refused by their sheets."""

    def one(_: Any, sheet: Any) -> None:
        sheet.defined_names["positions"] = DefinedName("positions", attr_text=WHOLE)

    def two(book: Any, sheet: Any) -> None:
        one(book, sheet)
        book["Market"].defined_names["Positions"] = DefinedName("Positions", attr_text="Market!$A$1:$C$2")

    assert read_ranges(write_book(tmp_path / "one.xlsx", one)).positions == BOOK
    assert "is defined 2 times (Book, Market)" in told(write_book(tmp_path / "two.xlsx", two))
    assert read_ranges(write_book(tmp_path / "three.xlsx", two, names={"positions": WHOLE})).positions == BOOK


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Book!$A$1:$G$3,Book!$A$4:$G$5", "2 areas"),
        ("(Book!$A$1:$G$3,'Market'!$A$1:$C$2,Book!$A$5)", "3 areas"),
        ("#REF!", "has been deleted"),
        ("Book!#REF!", "has been deleted"),
        ("5", "a constant"),
        ('"SPAN"', "a constant"),
        ("{1,2;3,4}", "a constant"),
        ("OFFSET(Book!$A$1,0,0,COUNTA(Book!$A:$A),7)", "a formula"),
        ('INDIRECT("Book!A1:G5")', "a formula"),
        ("Book:Market!$A$1:$G$5", "a formula"),
        ("[1]Book!$A$1:$G$5", "in another workbook"),
        ("'C:\\desk\\[book.xlsx]Book'!$A$1:$G$5", "in another workbook"),
        ("$A$1:$G$5", "on no sheet"),
        ("Gone!$A$1:$G$5", "is no worksheet"),
        ("positions", "a formula"),
        ("tbl[#Totals]", "rows of a table without"),
        ("tbl[#Headers]", "rows of a table without"),
        ("tbl[Price]", "columns that it does not have"),
    ],
)
def test_a_name_that_stands_for_no_rectangle(tmp_path: Path, text: str, meaning: str) -> None:
    """It is refused with what it stands for; the sheet called Positions is not taken in its place, and other names are left alone."""
    path = write_book(tmp_path / "book.xlsx", with_table("A1:G6", "tbl", totals=1), names={"positions": text, "fine": WHOLE})
    message = told(path)
    assert meaning in message
    assert "positions" in message
    assert named_cells(path) == {"fine": ("Book", "A1:G5"), "market": ("Market", "A1:C2")}  # by its sheet
    other = write_book(tmp_path / "other.xlsx", with_table("A1:G6", "tbl", totals=1), names={"unrelated": text, "positions": WHOLE})
    assert read_ranges(other).positions == BOOK


@pytest.mark.parametrize(
    ("text", "block", "where"),
    [
        ("Book!$A$1:$G$3", "Book!A1:G5", "row 4"),
        ("Book!$A$1:$G$4", "Book!A1:G5", "row 5"),
        ("Book!$1:$4", "Book!A1:G5", "row 5"),
        ("Book!$A$1:$F$5", "Book!A1:G5", "column G"),
        ("Book!$A:$E", "Book!A1:G5", "column F"),
        ("Book!$B$1:$G$5", "Book!A1:G5", "column A"),
        ("Book!$A$1", "Book!A1:G5", "row 2"),
        ("Book!$A$1:$G$1", "Book!A1:G5", "row 2"),
        ("Book!$A$2:$G$5", "Book!A1:G5", "row 1"),
    ],
)
def test_a_name_that_stops_inside_the_block(tmp_path: Path, text: str, block: str, where: str) -> None:
    """Rows or columns that mean something and stand right beside the name are never left out; both addresses are told."""
    message = told(write_book(tmp_path / "book.xlsx", names={"positions": text}))
    assert block in message
    assert where in message
    assert text.replace("$", "") in message


def test_a_row_typed_below_reserved_rows(tmp_path: Path) -> None:
    """Blank rows within the name do not hide the row that was typed right below it."""

    def change(_: Any, sheet: Any) -> None:
        sheet["A11"], sheet["E11"] = "ETH", 2

    assert "row 11" in told(write_book(tmp_path / "book.xlsx", change, names={"positions": "Book!$A$1:$G$10"}))
    assert "row 7" in told(write_book(tmp_path / "table.xlsx", _typed_below_totals))


def _typed_below_totals(book: Any, sheet: Any) -> None:
    with_table("A1:G6", totals=1)(book, sheet)
    sheet["A7"], sheet["E7"] = "ETH", 2


def test_what_may_stand_beside_a_name(tmp_path: Path) -> None:
    """A row of totals, notes, the desk's own formulas, and anything behind a blank row or column."""

    def change(_: Any, sheet: Any) -> None:
        sheet["A6"], sheet["E6"] = "Total", "=SUM(E2:E5)"
        sheet["A8"], sheet["B8"], sheet["E8"] = "closed", "call", 3
        sheet["H1"], sheet["H2"] = "P&L", "=E2*2"
        sheet["J1"], sheet["J2"] = "Side", "sell"

    ranges = read_ranges(write_book(tmp_path / "book.xlsx", change, names={"positions": WHOLE}))
    assert ranges.positions == BOOK
    assert ranges.notes == ()

    def noted(_: Any, sheet: Any) -> None:
        sheet["A6"] = "prices of Deribit"
        sheet["H1"], sheet["H2"] = "Comment", "roll it"

    below, beside = read_ranges(write_book(tmp_path / "noted.xlsx", noted, names={"positions": WHOLE})).notes
    assert "Book!A6 ('prices of Deribit')" in below
    assert "column H ('Comment')" in beside


def test_hidden_rows_are_read_and_told(tmp_path: Path) -> None:
    """A filter changes no margin; hidden rows and a hidden sheet are told."""

    def change(_: Any, sheet: Any) -> None:
        sheet.row_dimensions[3].hidden = sheet.row_dimensions[4].hidden = sheet.row_dimensions[40].hidden = True
        sheet.sheet_state = "hidden"

    path = write_book(tmp_path / "book.xlsx", change, title="Positions")
    ranges = read_ranges(path)
    assert ranges.positions == BOOK
    assert ranges.notes == (
        "the sheet Positions is hidden, and read as the positions",
        "2 rows of the positions on the sheet Positions are hidden, and read as well",
    )


@pytest.mark.parametrize("area", ["G2:G3", "A1:B1", "E5:F5"])
def test_merged_cells_are_refused(tmp_path: Path, area: str) -> None:
    """Only the first of merged cells holds the value: an account merged over two rows would be blank in the second."""
    message = told(write_book(tmp_path / "book.xlsx", lambda _, sheet: sheet.merge_cells(area), names={"positions": WHOLE}))
    assert f"Book!{area} in the positions is merged" in message


def test_merged_cells_elsewhere_do_no_harm(tmp_path: Path) -> None:
    """A merged title above the header row, which a name may take in, and merged blank cells."""

    def change(_: Any, sheet: Any) -> None:
        sheet.insert_rows(1)
        sheet["A1"] = "Book of the desk"
        sheet.merge_cells("A1:G1")
        sheet.merge_cells("A9:B10")

    assert read_ranges(write_book(tmp_path / "book.xlsx", change, title="Positions")).positions == BOOK
    named = read_ranges(write_book(tmp_path / "named.xlsx", change, names={"positions": "Book!$A$1:$G$6"}))
    assert named.positions == BOOK
    assert named.notes == ("1 row above the header of the positions (row 2 of the sheet Book) is not read",)
    assert cell_of(named, 3, "Strike") == "Book!C4"


def test_a_row_above_the_header(tmp_path: Path) -> None:
    """What looks like a row of the range and stands above its header would be left out."""

    def change(_: Any, sheet: Any) -> None:
        sheet.insert_rows(1)
        sheet["A1"], sheet["E1"] = "ETH", 2.0

    def dated(book: Any, _: Any) -> None:
        book["Market"].insert_rows(1)
        book["Market"]["A1"], book["Market"]["B1"] = "As of", 46327

    assert "Market!A1 ('As of') stands above" in told(write_book(tmp_path / "dated.xlsx", dated, title="Positions"))
    assert "row 1 of the sheet Positions stands above" in told(write_book(tmp_path / "book.xlsx", change, title="Positions"))


def test_a_sheet_that_stands_alone(tmp_path: Path) -> None:
    """The only sheet of a workbook is its book, as a CSV file is; of several the title decides."""
    path = write_book(tmp_path / "alone.xlsx", lambda book, _: book.remove(book["Market"]), title="Sheet1")
    ranges = read_ranges(path)
    assert ranges.positions == BOOK
    assert ranges.notes == ("the sheet Sheet1 is read as the positions: it is the only one",)
    assert "its sheets are Book, Market" in told(write_book(tmp_path / "two.xlsx"))
    market = write_book(tmp_path / "market.xlsx", lambda book, sheet: book.remove(sheet))
    assert "has no positions" in told(market)


def test_a_workbook_in_the_place_of_a_text_file(tmp_path: Path) -> None:
    """A market of another workbook, by its name, its title, or as the only sheet; none where it has none."""

    def only_quotes(book: Any, sheet: Any) -> None:
        book.remove(sheet)
        book["Market"].title = "Quotes"

    book = write_book(tmp_path / "book.xlsx", names={"positions": WHOLE})
    alone = write_book(tmp_path / "alone.xlsx", only_quotes)
    assert read_ranges(book, market=book).market == MARKET
    assert read_ranges(book, market=alone).market == MARKET
    assert "the sheet Quotes is read as the market" in read_ranges(book, market=alone).notes[0]
    bare = write_book(tmp_path / "bare.xlsx", lambda book, _: book.remove(book["Market"]), title="Positions")
    with pytest.raises(MarginError, match="has no market: name the range `market`"):
        read_ranges(book, market=bare)


def test_sheets_and_names_that_give_nothing(tmp_path: Path) -> None:
    """A name of blank cells, a sheet without the headings, two sheets of one title: each is told by its name."""
    assert "the name positions (Book!J1:K5) is blank" in told(write_book(tmp_path / "a.xlsx", names={"positions": "Book!$J$1:$K$5"}))

    def headless(_: Any, sheet: Any) -> None:
        sheet.delete_rows(1)

    assert "has no row with the heading Quantity" in told(write_book(tmp_path / "b.xlsx", headless, title="Positions"))
    twice = write_book(tmp_path / "c.xlsx", lambda book, _: book.create_sheet("positions "), title="Positions")
    assert "the sheets 'Positions' and 'positions ' both give the positions" in told(twice)
    assert "has no positions" in told(write_book(tmp_path / "d.xlsx"))
    method = write_book(tmp_path / "e.xlsx", names={"positions": WHOLE, "method": "Book!$A$1:$A$2"})
    assert "the name method stands for several filled cells" in told(method)
