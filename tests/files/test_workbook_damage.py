"""Workbooks that are damaged, locked, packed too tightly or full of far cells: one line, little time, and never a part of the rows."""

from __future__ import annotations

import io
import re
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calc import Calc
from written_books import BOOK, WHOLE, rewrite_part, write_book

from xlmargin.errors import MarginError
from xlmargin.files.books import read_ranges

SHEET = "xl/worksheets/sheet1.xml"
LINKS = "xl/_rels/workbook.xml.rels"
SHARED = (
    b'<Relationship Id="rIdX" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" '
    b'Target="sharedStrings.xml"/></Relationships>'
)
FAR = ("XFD1048576", "A1048576", "XFD1", "H900000")


def told(path: Path) -> str:
    """The one line of a workbook that is refused."""
    with pytest.raises(MarginError) as refused:
        read_ranges(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The book with its name."""
    return write_book(tmp_path / "book.xlsx", names={"positions": WHOLE})


# ---- far cells and bombs


@pytest.mark.parametrize("cell", FAR)
def test_a_far_cell_costs_nothing(tmp_path: Path, cell: str) -> None:
    """Outside a name it does not matter; where the whole sheet counts, it is read within its blank rows or refused by its address."""

    def change(_: Any, sheet: Any) -> None:
        sheet[cell] = 1

    started = time.process_time()
    assert read_ranges(write_book(tmp_path / "named.xlsx", change, names={"positions": WHOLE})).positions == BOOK
    path = write_book(tmp_path / "sheet.xlsx", change, title="Positions")
    if cell == "XFD1":
        assert [row[:7] for row in read_ranges(path).positions] == BOOK
    else:
        message = told(path)
        assert cell in message
        assert "name the range" in message
    blank = write_book(tmp_path / "blank.xlsx", lambda _, sheet: sheet.__setitem__(cell, " "), title="Positions")
    assert read_ranges(blank).positions == BOOK
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_a_far_cell_in_other_kinds(tmp_path: Path, calc: Calc, kind: str) -> None:
    """The same in an .xls; of an .ods every sheet is read at once, so that the far cell is to go."""

    def change(_: Any, sheet: Any) -> None:
        sheet["IV65536"] = 1

    source, path = write_book(tmp_path / "source.xlsx", change, names={"positions": WHOLE}), tmp_path / f"far.{kind}"
    with calc.open(source) as opened:
        opened.save(path, kind)  # type: ignore[arg-type]
    if kind == "xls":
        assert read_ranges(path).positions == BOOK
    else:
        assert "IV65536" in told(path)


BOMB = """
import resource, sys
from pathlib import Path
from xlmargin.errors import MarginError
from xlmargin.files.workbooks import read_workbook
before = resource.getrusage(resource.RUSAGE_SELF)
try:
    print(len(read_workbook(Path(sys.argv[1])).positions))
except MarginError as error:
    print(error)
after = resource.getrusage(resource.RUSAGE_SELF)
# the kernel's other measure, ru_maxrss, begins with what the process that started this one had
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, int(peak.split()[1]) / 1024)
"""


@pytest.mark.parametrize(
    ("part", "fill"), [(SHEET, b"<!--" + b" " * 1_000), ("xl/sharedStrings.xml", b"<si><t>a</t></si>"), ("xl/workbook.xml", b" ")]
)
def test_a_bomb_costs_nothing(book: Path, part: str, fill: bytes) -> None:
    """A part of a gigabyte in a file of a megabyte is refused before it is unpacked: in under a second and 300 MB."""
    with zipfile.ZipFile(book) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[LINKS] = contents[LINKS].replace(b"</Relationships>", SHARED)
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            if name != part:
                archive.writestr(name, content)
        with archive.open(part, "w", force_zip64=True) as file:
            for _ in range(400):
                file.write((fill * (1_000_000 // len(fill) + 1))[:1_000_000])
    done = subprocess.run([sys.executable, "-c", BOMB, str(book)], capture_output=True, text=True, check=True).stdout.splitlines()
    seconds, megabytes = map(float, done[-1].split())
    assert "unpacks to more than" in done[0]
    assert seconds < 1.0
    assert megabytes < 300.0


def test_many_parts(tmp_path: Path) -> None:
    """A directory of very many parts is refused."""
    with zipfile.ZipFile(tmp_path / "many.xlsx", "w") as archive:
        for n in range(10_001):
            archive.writestr(f"xl/{n}", b"")
    assert "more than 10,000 parts" in told(tmp_path / "many.xlsx")


# ---- what a file is


def test_zip_methods_and_passwords(shared: Path) -> None:
    """Deflate64, a zip password, and Excel's own password are told by name."""
    folder = shared / "cases" / "files-17-zip-methods-that-python-lacks"
    assert "Deflate64" in told(folder / "deflate64.xlsx")
    assert "password" in told(folder / "encrypted.xlsx")


def test_an_encrypted_workbook(tmp_path: Path) -> None:
    """Excel puts an encrypted workbook into a compound file."""
    path = tmp_path / "locked.xlsx"
    path.write_bytes(compound({"EncryptionInfo": b"x" * 5_000, "EncryptedPackage": b"y" * 5_000}))
    assert "has a password" in told(path)
    path.write_bytes(compound({"WordDocument": b"x" * 5_000}))
    assert "holds no workbook" in told(path)


def test_an_old_workbook_with_a_password(tmp_path: Path, calc: Calc) -> None:
    """An .xls says in a record that the rest is encrypted."""
    path = tmp_path / "locked.xls"
    with calc.open(write_book(tmp_path / "source.xlsx")) as opened:
        opened.save(path, "xls")
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack("<HHHH", 0x809, 16, 0x600, 5)) + 20  # the record after the first
    data[at : at + 2] = struct.pack("<H", 0x2F)
    path.write_bytes(data)
    assert "has a password" in told(path)


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file of streams that are longer than 4096 bytes."""
    free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    chains, body, entries = [table, end], b"", []
    for name, content in streams.items():
        count, first = -(-len(content) // 512), len(chains)
        chains += [*range(first + 1, first + count), end]
        body += content.ljust(512 * count, b"\0")
        entries.append(_entry(name, 2, first, len(content)))
    root = _entry("Root Entry", 5, end, 0, child=1)
    names = [_linked(entry, n + 2 if n + 1 < len(entries) else free) for n, entry in enumerate(entries)]
    directory = (root + b"".join(names)).ljust(512, b"\0")
    allocation = struct.pack("<128I", *chains, *[free] * (128 - len(chains)))
    head = (
        bytes.fromhex("d0cf11e0a1b11ae1")
        + bytes(16)
        + struct.pack("<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, end, 0, end, 0, 0)
    )
    return head.ljust(512, b"\xff") + allocation + directory + body


def _entry(name: str, kind: int, first: int, length: int, child: int = 0xFFFFFFFF) -> bytes:
    raw = (name + "\0").encode("utf-16-le")
    return raw.ljust(64, b"\0") + struct.pack("<HBBIII16x4x16xIQ", len(raw), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child, first, length)


def _linked(entry: bytes, right: int) -> bytes:
    return entry[:72] + struct.pack("<I", right) + entry[76:]


@pytest.mark.parametrize(
    ("name", "content", "meaning"),
    [
        ("a.xls", b"<html><table><tr><td>Underlying</td></tr></table></html>", "a web page or XML"),
        ("a.xls", b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "a web page or XML"),
        ("a.xls", b"\x09\x08\x10\x00\x00\x05\x05\x00", "of an Excel before 1997"),
        ("a.xlsx", b"Underlying,Type\nBTC,spot\n", "cannot be read as a workbook"),
        ("a.xlsx", b"%PDF-1.7", "a PDF file"),
        ("a.csv", b"\n<HTML><table><tr><td>Quantity</td></tr></table></HTML>", "a web page or XML"),
        ("a.xls", "<html><table><tr><td>Quantity</td></tr></table>".encode("utf-16"), "a web page or XML"),
        ("a.xls", b"MIME-Version: 1.0\nX-Document-Type: Workbook\n", "a web page or XML"),
        ("a.xlsx", b"", "empty"),
        ("a.xlsx", b"PK\x03\x04 broken off", "cannot be read as a workbook"),
        ("a.xls", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "cannot be read as a workbook"),
        ("a.ods", b"no archive", "cannot be read as a workbook"),
    ],
)
def test_what_is_no_workbook(tmp_path: Path, name: str, content: bytes, meaning: str) -> None:
    """A file that is called a workbook and is none says what it is."""
    path = tmp_path / name
    path.write_bytes(content)
    assert meaning in told(path)


def test_text_that_is_called_xls(tmp_path: Path) -> None:
    """Many programs export tables as text under that name: it is read as text."""
    path = tmp_path / "export.xls"
    path.write_text("Underlying\tType\tQuantity\tSpot\nBTC\tspot\t1.5\t70000\n", encoding="utf-8")
    assert read_ranges(path).positions == [["Underlying", "Type", "Quantity", "Spot"], ["BTC", "spot", 1.5, 70_000.0]]


def test_strict_open_xml(shared: Path) -> None:
    """The strict dialect of Open XML is read."""
    ranges = read_ranges(shared / "cases" / "files-19-strict-open-xml-workbook" / "book.xlsx")
    assert [row[:2] for row in ranges.positions] == [
        ["Instrument", "Quantity"],
        ["BTC-25DEC26-70000-P", -1.0],
        ["BTC-25DEC26-60000-P", -5.0],
    ]


@pytest.mark.parametrize(
    "case", ["13-positions-named-as-a-table/book", "13-positions-named-as-a-table/bare", "23-table-or-sheet-scoped-name/table"]
)
def test_public_cases_of_tables(shared: Path, case: str) -> None:
    """A name of a table, and a table of the name."""
    assert len(read_ranges(shared / "cases" / f"files-{case}.xlsx").positions) == 3


# ---- damage within the parts


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r'r="3"', 'r="2"'),  # two rows of one number
        (r'r="A3"', 'r="A2"'),
        (r'r="A3"', 'r="B3"'),
        (r'r="A3"', 'r="a3"'),
        (r"<row r=\"3\"", '<rox r="3"'),
        (r"</row><row r=\"4\".*?>", ""),  # cells of two rows in one
        (r't="n"><v>60000</v>', 't="zz"><v>60000</v>'),
        (r"<v>60000</v>", "<v>6oooo</v>"),
        (r"<v>60000</v>", "<v><![CDATA[60000]]></v>"),
        (r't="n"><v>60000</v>', 't="s"><v>60000</v>'),  # beyond the shared texts
        (r"</sheetData>.*", ""),
        (r"<sheetData>.*</sheetData>", ""),
        (r"<row r=\"5\".*", ""),
        (r"</sheetData>", "<row/>" * 1_048_576 + "</sheetData>"),  # more rows than a sheet has
        (r"</row></sheetData>", "<c/>" * 16_384 + "</row></sheetData>"),
        (r"<worksheet ", "<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet "),
    ],
)
def test_damage_in_a_sheet(book: Path, pattern: str, replacement: str) -> None:
    """Rows out of order, cells of unknown kinds, parts that break off: refused, never read in part."""
    told(rewrite_part(book, SHEET, pattern, replacement))


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"<v>60000</v>", "<v>60000</v><!-- <row r='9'> -->"),
        (r' r="[A-G]?[1-4]"', ""),  # cells and rows that count on
        (r'r="C2"', 'r="C2" s="99"'),  # a style that is not there
        (r'<row r="1"[^>]*>', '<row r="1" spans="1:99" hidden="0">'),
        (r'<c r="D2".*?</c>', '<c r="D2" t="d"><v>2026-12-25T00:00:00.000Z</v></c>'),
        (r"</sheetData>", '<row r="7"/><row r="8"><c r="A8" s="1"/></row></sheetData>'),
    ],
)
def test_what_is_odd_but_whole(book: Path, pattern: str, replacement: str) -> None:
    """Comments, cells without addresses, styles that are not there, blank rows: the whole book is read."""
    assert read_ranges(rewrite_part(book, SHEET, pattern, replacement)).positions == BOOK


@pytest.mark.parametrize("error", ["#DIV/0!", "#SPILL!", "#GETTING_DATA", "#BUSY!", "#ERROR!"])
def test_error_cells_arrive_as_errors(book: Path, error: str) -> None:
    """An error is never blank, and one that only newer programs know does no harm to the other cells."""
    rewrite_part(book, SHEET, r't="n"><v>60000</v>', f't="e"><v>{error}</v>')
    read = read_ranges(book).positions
    assert read[2][2] == error
    assert read[1::2] == BOOK[1::2]


def in_one_folder(name: str) -> str:
    """The name of a part of a workbook that has no folder of its own."""
    return name.removeprefix("xl/")


@pytest.mark.parametrize(
    ("called", "pattern", "replacement"),
    [
        (lambda name: name.replace("/", "\\"), "$", ""),
        (lambda name: f"/{name}", "$", ""),
        (lambda name: name.replace("sheet1", "Sheet1").replace("styles", "Styles"), "$", ""),
        (str, 'Target="/?(xl/)?', 'Target="./'),
        (str, 'Target="/?(xl/)?', 'Target="../xl/'),
        (str, 'Target="/?(xl/)?worksheets/', 'Target="worksheets\\'),
        (in_one_folder, 'Target="/?(xl/)?', 'Target="/'),
    ],
)
def test_how_parts_are_called(book: Path, called: Callable[[str], str], pattern: str, replacement: str) -> None:
    """Other separators, a leading one, other case, other folders: programs open all of them."""
    with zipfile.ZipFile(book) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    links = contents["xl/_rels/workbook.xml.rels"].decode()
    contents["xl/_rels/workbook.xml.rels"] = re.sub(pattern, lambda _: replacement, links).encode()
    if called is in_one_folder:
        contents["_rels/.rels"] = contents["_rels/.rels"].replace(b"xl/", b"")
    with zipfile.ZipFile(book, "w") as archive:
        for name, content in contents.items():
            archive.writestr(called(name), content)
    assert read_ranges(book).positions == BOOK


def test_parts_that_are_missing(book: Path) -> None:
    """Without its sheet, its workbook or its directory of parts a file is refused; without what it does not need it is read."""
    with zipfile.ZipFile(book) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for missing in contents:
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, "w") as archive:
            for name, content in contents.items():
                if name != missing:
                    archive.writestr(name, content)
        book.write_bytes(copy.getvalue())
        if missing.startswith(("docProps", "xl/theme")):
            assert read_ranges(book).positions == BOOK
        else:
            told(book)
