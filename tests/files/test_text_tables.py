"""Text tables in the dialects in which people save them: one book, one margin; what has two readings has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from range_books import ask

from xlmargin.errors import MarginError
from xlmargin.files.books import read_ranges
from xlmargin.files.texts import table_in

BOOK = (
    ("Account", "Instrument", "Quantity", "IV", "Spot", "Note"),
    ("007", "BTC-25DEC26-70000-P", -1.5, 0.5, 69_500.0, "a, b"),
    ("7", "BTC-PERPETUAL", -1_500.0, None, 69_500.0, 'so "called"; |'),
    ("1e5", "BTC-25DEC26-1000000-C", 0.125, 1.0125, 69_500.0, ""),
)
MARKET = "Underlying,Spot,As of\nBTC,69500,2026-11-27\n"


def number(value: float, decimal: str, group: str) -> str:
    """A number with a decimal mark, and a mark between thousands."""
    return f"{value:,}".removesuffix(".0").translate({ord(","): group, ord("."): decimal})


def written(delimiter: str, decimal: str, group: str, end: str = "\n", *, quoted: bool = False) -> str:
    """The book as text."""
    lines = []
    for row in BOOK:
        cells = ["" if cell is None else number(cell, decimal, group) if isinstance(cell, float) else str(cell) for cell in row]
        lines.append(delimiter.join(quote(cell, delimiter, always=quoted) for cell in cells))
    return end.join(lines) + end


def quote(cell: str, delimiter: str, *, always: bool) -> str:
    """A cell in quotes where it needs them."""
    return '"' + cell.replace('"', '""') + '"' if always or delimiter in cell or '"' in cell else cell


US = written(",", ".", "")
DIALECTS = {
    "commas": US,
    "every cell quoted": written(",", ".", "", quoted=True),
    "thousands in quotes": written(",", ".", ","),
    "German": written(";", ",", "."),
    "French": written(";", ",", "\u202f"),
    "French with wide spaces": written(";", ",", "\u00a0"),
    "Swiss": written(";", ".", "'"),
    "Swiss with round apostrophes": written(";", ".", "’"),
    "decimal commas in quotes": written(",", ",", "."),
    "tabs": written("\t", ".", ","),
    "tabs and decimal commas": written("\t", ",", "."),
    "vertical bars": written("|", ".", ""),
    "Windows": written(";", ",", ".", "\r\n"),
    "old Macintosh": written(",", ".", "", "\r"),
    "named delimiter": "sep=;\n" + written(";", ",", "."),
    "named delimiter in quotes": '"sep=;"\r\n' + written(";", ",", ".", "\r\n"),
    "titles": "Positions as of 26 Nov 2026,,,,,\n\nAll accounts\n" + US,
    "blank lines": "\n" + US.replace("\n", "\n\n") + ",,,,,\n \n",
    "blank cells at the end": US.replace("\n", ",,\n"),
    "blank cells left out": US.replace(",\n", "\n"),
    "minus sign": US.replace(",-", ",\u2212"),
    "dash": US.replace(",-", ",\u2013"),
    "hyphen": US.replace(",-", ",\u2010"),
    "parentheses": US.replace(",-1.5,", ",(1.5),").replace(",-1500,", ",(1500),"),
    "percent": US.replace(",0.5,", ",50.00%,").replace(",1.0125,", ",101.25 %,"),
    "percent by comma": written(";", ",", ".").replace(";0,5;", ";50,00 %;"),
    "dollars": US.replace(",69500,", ',"$69,500.00",'),
    "dollars behind": written(";", ",", ".").replace(";69.500;", ";69.500,00 $;"),
    "codes": US.replace(",69500,", ",USD 69500,"),
    "plus": US.replace(",0.125,", ",+0.125,"),
    "Excel's own number": US.replace(",0.125,", ",1.25E-01,"),
    "apostrophes that keep texts": US.replace("\n007,", "\n'007,"),
    "formulas that keep texts": US.replace("\n007,", '\n="007",').replace("\n7,", '\n"=""7""",'),
    "other names": US.replace("Quantity,IV", "Qty,Implied Vol"),
    "marks that are not seen": US.replace("Quantity", "\u200bQuantity").replace(",-1.5,", ",\u200e-1.5,"),
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


@pytest.fixture(scope="module")
def margin() -> dict[str, float]:
    """The margins of the book by account, from typed cells."""
    rows = ask("PM_ACCOUNTS", [list(row) for row in BOOK], [["Underlying", "Spot", "As of"], ["BTC", 69_500.0, "2026-11-27"]])
    return {row[0]: row[1] for row in rows[1:]}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_book_has_one_margin_in_every_dialect(tmp_path: Path, margin: dict[str, float], dialect: str) -> None:
    """To the last digit, account by account."""
    (tmp_path / "book.csv").write_bytes(DIALECTS[dialect].encode())
    (tmp_path / "market.csv").write_text(MARKET, encoding="utf-8")
    ranges = read_ranges(tmp_path / "book.csv", tmp_path / "market.csv")
    found = ask("PM_ACCOUNTS", ranges.positions, ranges.market)
    assert {row[0]: row[1] for row in found[1:]} == margin
    assert len(margin) == 4  # three accounts and the total


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_are_told(encoding: str) -> None:
    """Also UTF-16 without its mark; what is not UTF-8 is told."""
    table = table_in(US.replace("a, b", "Zürich").encode(encoding), "book.csv")
    assert table.rows[1][-1] == "Zürich"
    assert [note[:11] for note in table.notes] == ([] if encoding.startswith("utf-8") else [f"read as {encoding[:6].upper()}"[:11]])


def test_the_windows_encoding_is_told() -> None:
    """A file of an old program: letters, a euro, a dash for minus, a space that does not break."""
    text = "Account;Quantity;Price\nZürich €;\u20131,5;69\u00a0500,00\n"
    table = table_in(text.encode("cp1252"), "book.csv")
    assert table.rows[1:] == [["Zürich €", -1.5, 69_500.0]]
    assert table.notes[0] == "read as Windows-1252"


def test_what_was_decided_is_told(tmp_path: Path) -> None:
    """A line for the delimiter that is named, the titles, the decimal comma, the marks between thousands; none for a plain file."""
    (tmp_path / "b.csv").write_text("sep=;\nBook\nInstrument;Quantity;Spot\nBTC-PERPETUAL;-1,5;69.500\n", encoding="utf-8")
    (tmp_path / "m.csv").write_text(MARKET, encoding="utf-8")
    assert read_ranges(tmp_path / "b.csv", tmp_path / "m.csv").notes == (
        "b.csv: sep=; in line 1",
        "b.csv: 1 title line skipped, the header is in line 3",
        "b.csv: decimal comma: '-1,5' is -1.5",
        "b.csv: marks between thousands: '69.500' is 69,500",
    )
    assert table_in(US.encode(), "book.csv").notes == ()


HEAD = "Instrument{0}Quantity{0}Spot\nBTC-PERPETUAL{0}"
READ: list[tuple[str, list[Any]]] = [
    (HEAD.format(";") + "0,55;69.500", [0.55, 69_500.0]),
    (HEAD.format(";") + "0.55;1.000", [0.55, 1.0]),
    (HEAD.format(";") + "0.125;1.125", [0.125, 1.125]),
    (HEAD.format(";") + "1.000.000;1.125", [1_000_000.0, 1_125.0]),
    (HEAD.format(";") + "1234.567;1.125", [1_234.567, 1.125]),
    (HEAD.format(";") + "1.5E3;1.125", [1_500.0, 1.125]),
    (HEAD.format(",") + "1.125;", ["1.125;", ""]),
    (HEAD.format(",") + "1.125,69.500", [1.125, 69.5]),
    (HEAD.format(",") + '0.55,"69,500"', [0.55, 69_500.0]),
    (HEAD.format(",") + '"0,55","69,500"', [0.55, 69.5]),
    (HEAD.format("\t") + "1 234 567\t1.5", [1_234_567.0, 1.5]),
    (HEAD.format(",") + "1 23,1", ["1 23", 1.0]),
    (HEAD.format(",") + "1.2.3,1", ["1.2.3", 1.0]),
    (HEAD.format(",") + "--1,1", ["--1", 1.0]),
    (HEAD.format(",") + "(-1),1", ["(-1)", 1.0]),
    (HEAD.format(",") + "5%,$5", ["5%", 5.0]),
    (HEAD.format(",") + "$5,5%", ["$5", "5%"]),
    (HEAD.format(",") + "1_000,٣", ["1_000", "٣"]),
    (HEAD.format(",") + "1e999,nan", ["1e999", "nan"]),
    (HEAD.format(",") + "1-,0x10", ["1-", "0x10"]),
    (HEAD.format(",") + '"1,00,000","1,23,45,678.5"', [100_000.0, 12_345_678.5]),  # lakhs and crores
    (HEAD.format(",") + '"1,50,0","12,34.5"', ["1,50,0", "12,34.5"]),
    (HEAD.format(",") + "1,€5", [1.0, "€5"]),  # an amount of another currency is none of the account's
]


@pytest.mark.parametrize(("text", "cells"), READ)
def test_a_number_is_read_by_what_the_whole_file_says(text: str, cells: list[Any]) -> None:
    """A number with one reading decides for the others; what is no number stays a text, which the range refuses."""
    assert table_in(text.encode(), "book.csv").rows[1][1:] == cells


def test_names_stay_what_they_are() -> None:
    """Accounts 12, 12.0 and 012 are three, whatever their column is called; their points say nothing about the numbers."""
    text = "Acct;Instrument;Note;Quantity\n12;1e5;1.205;1,5\n12.0;007;;1.000\n012;1.5;x;2\n"
    assert table_in(text.encode(), "book.csv").rows[1:] == [
        ["12", "1e5", "1.205", 1.5],
        ["12.0", "007", "", 1_000.0],
        ["012", "1.5", "x", 2.0],
    ]


def test_dates_of_digits_and_serials() -> None:
    """A serial and a number yyyymmdd are numbers; other dates stay texts, and say nothing about the decimal mark."""
    text = "Instrument;Quantity;Expiry\nA;1,5;46387\nB;1;20261225\nC;1;25.12.2026\nD;1;01.06.2026\nE;1;261225\n"
    assert [row[2] for row in table_in(text.encode(), "book.csv").rows[1:]] == [
        46_387.0,
        20_261_225.0,
        "25.12.2026",
        "01.06.2026",
        "261225",
    ]


REFUSED: list[tuple[bytes | str, str]] = [
    ("Instrument,Quantity\nA,-2\nB,-1,500\n", "row 3 (line 3) has 3 cells and the header 2: put a number that holds a comma in quotes"),
    ("T\n\nInstrument,Quantity\n\nB,-1,500\n", "row 3 (line 5) has 3 cells and the header 2"),
    ("Instrument;Quantity\nA;69.500\n", "row 2, column 2: '69.500' has two readings, 69.5 and 69,500"),
    ("Instrument|Quantity\nA|-1.000\n", "'-1.000' has two readings, -1 and -1,000"),
    ("Instrument\tQuantity\nA\t1,500\n", "'1,500' has two readings, 1.5 and 1,500"),
    ('Instrument,Quantity\nA,"1,500"\n', "'1,500' has two readings, 1.5 and 1,500"),
    ('Instrument,Quantity,Spot\nA,"1,500",1.125\n', "has two readings"),
    (
        "Instrument;Quantity;IV\nA;1,5;0.55\n",
        "has a decimal point in '0.55' (row 2, column 3) and a decimal comma in '1,5' (row 2, column 2)",
    ),
    ('Instrument,Quantity\n"A,1\nB,2\n', "line 2: a quote is never closed"),
    ('Instrument,Quantity\n"A,1\nB,2\n"C",3\n', "line 4: there is text after a closing quote"),
    ('Instrument,Quantity\n"A" ,1\n', "line 2: there is text after a closing quote"),
    ('Instrument,Quantity\nA, "1,500"\n', "line 2: a quote stands within a cell"),
    ('Instrument,Quantity\nA",1\n', "line 2: a quote stands within a cell"),
    ('Instrument,Quantity\n="A,1",1\n', "line 2: a quote stands within a cell"),
    ('Instrument,Quantity,Note\nA,1,"\nB,2,"\n', "row 2 (line 2) has a cell in quotes that holds whole lines"),
    ("Instrument,,Quantity\nA,5,1\n", "row 2 (line 2) has '5' in column 2, which has no heading"),
    ("Instrument,Quantity\n", "holds a heading (line 1) and no row below it"),
    ("Instrument,Quantity\n\n , \n", "holds a heading (line 1) and no row below it"),
    ("A,5\nInstrument,Quantity\nB,1\n", "line 1 stands above the header (line 2) and looks like a row"),
    ("sep=^\nInstrument^Quantity\nA^1\n", "line 1: sep=^ names no delimiter"),
    ("", "is empty"),
    (" \n,,\n", "is empty"),
    (b"Instrument,Quantity\nA,1\0\n", "is not a text file in UTF-8 or UTF-16"),
    (b"Instrument,Quantity\nA\x07,1\n", "line 2 holds the control character 0x07"),
    (b"Instrument,Quantity\nZ\xc3\xbcrich\xff,1\n", "is not a text file in UTF-8"),
    (b"Instrument,Quantity\nZ\x81rich,1\n", "is not a text file in UTF-8 or Windows-1252"),
    (b"\xff\xfeI", "is no whole text in UTF-16"),
    (b"PK\x03\x04 Quantity", "is no text file but a workbook"),
    (b"PAR1", "is no text file but a Parquet file"),
    ("Instrument,Quantity\n" + '"' + "A" * 200_000 + '",1\n', "line 2: a cell has more than 131,072 characters"),
]


@pytest.mark.parametrize(("text", "problem"), REFUSED, ids=[problem[:40] for _, problem in REFUSED])
def test_what_has_no_one_reading_is_refused(text: bytes | str, problem: str) -> None:
    """One line that names the file, the row or the line, and the mend."""
    with pytest.raises(MarginError) as told:
        table_in(text if isinstance(text, bytes) else text.encode(), "book.csv", ("Quantity",))
    assert str(told.value).startswith("book.csv ")
    assert problem in str(told.value)
    assert "\n" not in str(told.value)


def test_two_delimiters_that_divide_alike_are_refused() -> None:
    """A table without a heading that is known says which of two it is by a first line."""
    with pytest.raises(MarginError, match="by commas or by semicolons: say which by a first line sep=, or sep=;"):
        table_in(b"price_scan_range;0,15\n", "p.csv")
    assert table_in(b"sep=;\nprice_scan_range;0,15\n", "p.csv").rows == [["price_scan_range", 0.15]]


def test_parameters_need_no_header() -> None:
    """Their first row is read as the others are, and a header alone changes nothing."""
    assert table_in(b"price_scan_range,15%\nvol_shift,relative\n", "p.csv").rows == [["price_scan_range", 0.15], ["vol_shift", "relative"]]
    assert table_in(b"Parameter,Value\n", "p.csv").rows == [["Parameter", "Value"]]


@pytest.mark.parametrize(
    ("case", "book", "right"),
    [
        ("files-05-dot-thousands-in-a-semicolon-file", "ok.csv", 76_450.0),
        ("files-05-dot-thousands-in-a-semicolon-file", "book.csv", "two readings"),
        ("files-01-ragged-row-unquoted-thousands", "book.csv", "row 3 (line 3) has 3 cells and the header 2"),
        ("files-25-decimal-comma-csv", "sep.csv", 7_700.0),
        ("files-25-decimal-comma-csv", "title.csv", 7_700.0),
    ],
)
def test_files_that_users_sent(shared: Path, case: str, book: str, right: float | str) -> None:
    """The margin that is right (11 % of the spot a perpetual), or the line that says why there is none."""
    try:
        found = ask("PM_MARGIN", read_ranges(shared / "cases" / case / book).positions)
    except MarginError as error:
        found = str(error)
    assert found == pytest.approx(right) if isinstance(right, float) else right in str(found)
