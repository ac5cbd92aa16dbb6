"""Values written back into workbook files: the right cells, and no other byte."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
import xlsxwriter

from xlmargin.engine import Workbook, patch, recalculated
from xlmargin.engine.calls import Cell
from xlmargin.errors import MarginError

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "PM_GROW": lambda n: [[float(i), f"row {i}"] for i in range(int(n))],
    "PM_ECHO": lambda value: value,
    "PM_COUNT": lambda table: sum(value is not None for row in table for value in row),
}


def template(path: Path, rows: int = 3) -> None:
    """A workbook with a chart, table, validation, conditional format, comment, protection, and arrays."""
    with xlsxwriter.Workbook(path) as book:
        sheet, other, third = (book.add_worksheet(name) for name in ("A & B's", "Other", "Plain"))
        bold = book.add_format({"bold": True, "num_format": "0.00"})
        sheet.write("A1", rows)
        sheet.write("A2", "text & <more>")
        sheet.write_dynamic_array_formula(2, 2, 2 + rows - 1, 3, "=PM_GROW($A$1)", bold, "")
        sheet.write("C200", "below")
        sheet.conditional_format("C3:C20", {"type": "data_bar"})
        sheet.data_validation("A1", {"validate": "integer", "criteria": ">", "value": 0})
        sheet.write_comment("A1", "how many")
        sheet.protect()
        other.add_table("A1:B3", {"name": "tbl", "columns": [{"header": "Qty"}, {"header": "IV"}], "data": [[1, 2]]})
        other.write_array_formula("D1:E2", "{=PM_GROW('A & B''s'!A1)}", None, "")
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "='A & B''s'!$C$3:$C$20"})
        other.insert_chart("H1", chart)
        for row, text in enumerate(ECHOED):
            other.write_formula(row, 6, f'=PM_ECHO("{text}")', None, "")
        other.write_formula("G20", "=PM_ECHO('A & B''s'!A2)&PM_COUNT(tbl[#All])", None, "")
        other.write_formula("G21", "=1/0", None, "")
        other.write_formula("G22", "=PM_COUNT(A1:B3)>2", None, "")
        third.write("A1", "untouched")


ECHOED = [" lead", "a & <b> 'c'", "two\nlines", "12", "_x0041_ bell", "#PM! row 3: é", ""]


def parts(path: Path) -> dict[str, bytes]:
    """The parts of a file by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def cells(xml: bytes) -> dict[str, bytes]:
    """The cell elements of a sheet by address."""
    found = re.finditer(rb'<c r="([A-Z]+[0-9]+)"[^>]*?(?:/>|>.*?</c>)', xml, re.DOTALL)
    return {match[1].decode(): match.group() for match in found}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The template as a file."""
    path = tmp_path / "book.xlsx"
    template(path)
    return path


def test_values_are_written_and_nothing_else(book: Path, tmp_path: Path) -> None:
    """Every formula cell and array member has its value; all other parts and cells are the same bytes."""
    report = recalculated(book, tmp_path / "out.xlsx", FUNCTIONS)
    before, after = parts(book), parts(tmp_path / "out.xlsx")
    assert list(before) == list(after)
    assert {name for name in before if before[name] != after[name]} == {f"xl/worksheets/sheet{n}.xml" for n in (1, 2)}
    assert report.cells == 6 + 4 + len(ECHOED) + 3
    assert report.calls == 1 + len(ECHOED) + 2  # both PM_COUNT mean the same cells
    assert report.errors == (("Other", "G6", "#PM! row 3: é"), ("Other", "G21", "#DIV/0!"))
    read = openpyxl.load_workbook(tmp_path / "out.xlsx", data_only=True)
    sheet, other = read["A & B's"], read["Other"]
    assert [[c.value for c in row] for row in sheet["C3:D5"]] == [[0, "row 0"], [1, "row 1"], [2, "row 2"]]
    assert [[c.value for c in row] for row in other["D1:E2"]] == [[0, "row 0"], [1, "row 1"]]
    assert [other.cell(row, 7).value for row in range(1, 5)] == ECHOED[:4]
    assert (other["G20"].value, other["G21"].value, other["G22"].value) == ("text & <more>4", "#DIV/0!", True)
    assert b'<c r="G5" t="str">' in after["xl/worksheets/sheet2.xml"]
    assert b"<v>_x005F_x0041_ bell</v>" in after["xl/worksheets/sheet2.xml"]
    assert b'<v xml:space="preserve"> lead</v>' in after["xl/worksheets/sheet2.xml"]
    assert b'<c r="G21" t="e"><f>1/0</f><v>#DIV/0!</v></c>' in after["xl/worksheets/sheet2.xml"]
    old, new = cells(before["xl/worksheets/sheet1.xml"]), cells(after["xl/worksheets/sheet1.xml"])
    assert {a for a in old if old[a] != new[a]} == {"C3", "D3", "D4", "D5", "C4", "C5"}
    assert new["C3"] == b'<c r="C3" s="1" cm="1"><f t="array" ref="C3:D5">PM_GROW($A$1)</f><v>0</v></c>'
    again = recalculated(tmp_path / "out.xlsx", tmp_path / "out.xlsx", FUNCTIONS)
    assert again.cells == report.cells
    assert parts(tmp_path / "out.xlsx") == after


@pytest.mark.parametrize("rows", [1, 2, 40, 250])
def test_spills_of_another_size(book: Path, tmp_path: Path, rows: int) -> None:
    """A longer table gets its cells, rows and reference; a shorter one leaves no stale cell."""
    for count in (rows, 5):  # there and back
        recalculated(book, book, FUNCTIONS, [("A & B's", "A1", count)])
        xml = parts(book)["xl/worksheets/sheet1.xml"]
        sheet = openpyxl.load_workbook(book, data_only=True)["A & B's"]
        blocked = count > 197  # C200 is in the way
        shown = [[c.value for c in row] for row in sheet[f"C3:D{count + 3}"]]
        expected = [["#VALUE!", None]] if blocked else [[i, f"row {i}"] for i in range(count)]
        assert shown[: len(expected)] == expected
        assert sheet["C200"].value == "below"
        assert sheet["A1"].value == count
        assert {tuple(row) for row in shown[len(expected) :]} <= {(None, None), ("below", None)}
        ref = "C3" if blocked else f"C3:D{count + 2}"
        assert f'cm="1"{chr(32) + chr(116) + chr(61) if blocked else ""}'.encode() in xml
        assert f'<f t="array" ref="{ref}">'.encode() in xml
        assert_in_order(xml)


def assert_in_order(xml: bytes) -> None:
    """Rows ascend, cells ascend within rows and lie in their spans, and the dimension covers all of them."""
    root = ElementTree.fromstring(xml)
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    numbers = [int(row.attrib["r"]) for row in root.iterfind(".//m:row", space)]
    assert numbers == sorted(set(numbers))
    last = 0
    for row in root.iterfind(".//m:row", space):
        places = [openpyxl.utils.cell.coordinate_from_string(c.attrib["r"]) for c in row]
        columns = [openpyxl.utils.column_index_from_string(letters) for letters, _ in places]
        assert columns == sorted(set(columns))
        assert {number for _, number in places} <= {int(row.attrib["r"])}
        if columns and "spans" in row.attrib:
            first, end = map(int, row.attrib["spans"].split(":"))
            assert first <= columns[0]
            assert columns[-1] <= end
        last = max(last, *columns, 0)
    dimension = root.find("m:dimension", space)
    assert dimension is not None
    _, _, right, bottom = openpyxl.utils.range_boundaries(dimension.attrib["ref"])
    assert right >= last
    assert bottom >= numbers[-1]


def test_inputs_are_written(book: Path, tmp_path: Path) -> None:
    """Edited inputs keep their format and may be new cells in new rows of a sheet without any."""
    edits: list[tuple[str, str, Cell]] = [("A & B's", "A2", " <x> "), ("plain", "C4", 2.5)]
    edits += [("Plain", "B4", True), ("Plain", "A1", None)]
    recalculated(book, tmp_path / "out.xlsx", FUNCTIONS, edits)
    read = openpyxl.load_workbook(tmp_path / "out.xlsx", data_only=True)
    plain = read["Plain"]
    assert (read["A & B's"]["A2"].value, read["Other"]["G20"].value) == (" <x> ", " <x> 4")
    assert (plain["A1"].value, plain["B4"].value, plain["C4"].value) == (None, True, 2.5)
    assert_in_order(parts(tmp_path / "out.xlsx")["xl/worksheets/sheet3.xml"])
    assert Workbook(tmp_path / "out.xlsx", FUNCTIONS).get("A & B's", "A2") == " <x> "


def test_refusals(book: Path, tmp_path: Path) -> None:
    """Formulas and table headings are not overwritten in a file, and nothing is written then."""
    with pytest.raises(MarginError, match=r"Other!G21: only a value can be put into a file, and not over a formula"):
        recalculated(book, tmp_path / "out.xlsx", FUNCTIONS, [("Other", "G21", 1)])
    with pytest.raises(MarginError, match=r"Other!A1 is a heading of the table tbl; rename it in a spreadsheet program\."):
        recalculated(book, tmp_path / "out.xlsx", FUNCTIONS, [("Other", "A1", "x")])
    with pytest.raises(MarginError, match=r"it cannot be written .*; close it where it is open\."):
        recalculated(book, tmp_path / "none" / "out.xlsx", FUNCTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["book.xlsx"]


SHEET = """<?xml version="1.0" encoding="UTF-8"?>
<!-- > kept --><x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<x:sheetData><x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c>
<x:c r="B1" s="0" t='n' ><x:f t="shared" ref="B1:B3" si="0"
>PM_ECHO(A1)&amp;"&lt;"</x:f><x:v>9</x:v></x:c></x:row>
<x:row><x:c><x:v>2</x:v></x:c><x:c><x:f t="shared" si="0"/></x:c>
<x:c t="inlineStr"><x:is><x:t>in</x:t></x:is></x:c></x:row>
<x:row r="3" ht="20"/>
<x:row r="5"><x:c r="B5" vm="1" t="e">
<x:f t="array" ref="B5" xml:space="preserve"> PM_GROW(A2+1)</x:f><x:v>#VALUE!</x:v></x:c></x:row>
</x:sheetData><x:pageMargins left="1" right="1" top="1" bottom="1" header="0" footer="0"/></x:worksheet>"""


def rewritten(path: Path, sheet: str, part: str = "odd/first.xml") -> None:
    """Put the XML of a sheet into an .xlsx file under another part name."""
    content = parts(path)
    content.pop("xl/worksheets/sheet1.xml", None)
    content[f"xl/{part}"] = sheet.encode()
    for name in ("xl/_rels/workbook.xml.rels", "[Content_Types].xml"):
        content[name] = content[name].replace(b"worksheets/sheet1.xml", part.encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def test_unusual_xml(tmp_path: Path) -> None:
    """Prefixes, shared formulas, cells without addresses, empty rows and odd quotes survive."""
    path = tmp_path / "odd.xlsx"
    with xlsxwriter.Workbook(path) as file:
        file.add_worksheet("S")
    rewritten(path, SHEET)
    values: dict[str, Any] = {"B1": "1<", "B2": "2<", "B5": 0.0, "C5": "row 0", "B6": 1.0, "C6": "row 1", "B3": 7.0}

    class Book:
        sheets = ("S",)

        def get(self, sheet: str, cell: str) -> Any:
            return values.get(cell)

        def offset(self, sheet: str, cell: str) -> float:
            return 0.0

        def spills(self, sheet: str) -> dict[str, tuple[int, int]]:
            return {"B5": (2, 2)}

    assert patch(path, path, Book(), [("S", "B3")]) == 7
    new = parts(path)["xl/odd/first.xml"].decode()
    changes = [
        ("t='n' >", 't="str">'),
        ("<x:v>9</x:v>", "<x:v>1&lt;</x:v>"),
        ('<x:c><x:f t="shared" si="0"/></x:c>', '<x:c t="str"><x:f t="shared" si="0"/><x:v>2&lt;</x:v></x:c>'),
        ('ht="20"/>', 'ht="20"><x:c r="B3"><x:v>7</x:v></x:c></x:row>'),
        (' vm="1" t="e">\n', ">"),
        ('ref="B5"', 'ref="B5:C6"'),
        ("#VALUE!</x:v></x:c>", '0</x:v></x:c><x:c r="C5" t="str"><x:v>row 0</x:v></x:c>'),
    ]
    expected = SHEET
    for old, changed in changes:
        assert expected.count(old) == 1
        expected = expected.replace(old, changed)
    new_row = '<x:row r="6"><x:c r="B6"><x:v>1</x:v></x:c><x:c r="C6" t="str"><x:v>row 1</x:v></x:c></x:row>'
    assert new == expected.replace("</x:sheetData>", new_row + "</x:sheetData>")


def test_shared_formulas_are_calculated(tmp_path: Path) -> None:
    """A shared formula of a file calls the function once for each of its cells."""
    path = tmp_path / "odd.xlsx"
    with xlsxwriter.Workbook(path) as file:
        file.add_worksheet("S")
    plain = re.sub(r"(</?)x:|xmlns:x", lambda m: m[1] or "xmlns", SHEET)
    plain = plain.replace("<row><c><v>", '<row r="2"><c r="A2"><v>').replace('</c><c><f t="shared"', '</c><c r="B2"><f t="shared"')
    plain = plain.replace('<c t="inlineStr">', '<c r="C2" t="inlineStr">')
    rewritten(path, plain, "worksheets/first.xml")
    book = Workbook(path, FUNCTIONS)
    assert [book.formula("S", cell) for cell in ("B1", "B2")] == ['=PM_ECHO(A1)&"<"', '=PM_ECHO(A2)&"<"']
    assert [book.get("S", cell) for cell in ("B1", "B2", "C2")] == ["1<", "2<", "in"]


def test_engine_faults_are_told(tmp_path: Path) -> None:
    """A workbook that the engine breaks down on (a sheet in an unusual folder) is a clear message."""
    path = tmp_path / "odd.xlsx"
    with xlsxwriter.Workbook(path) as file:
        file.add_worksheet("S")
    rewritten(path, SHEET.replace("x:", ""))
    with pytest.raises(MarginError, match=r"the embedded engine cannot open this workbook \(.*\)\."):
        Workbook(path, FUNCTIONS)


def test_long_texts_and_large_sheets(tmp_path: Path) -> None:
    """A text longer than a cell can hold is cut, and numbers keep all their digits."""
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as file:
        sheet = file.add_worksheet("S")
        for row, formula in enumerate(("=PM_ECHO(1/3)", "=PM_ECHO(1E+300)", "=PM_ECHO(-0.1)", "=PM_LONG()", "=PM_BELL()")):
            sheet.write_formula(row, 0, formula, None, "")
    recalculated(path, path, {**FUNCTIONS, "PM_LONG": lambda: "x" * 40_000, "PM_BELL": lambda: "a\x07\r\n_x0041_"})
    read = openpyxl.load_workbook(path, data_only=True)["S"]
    assert [read.cell(row, 1).value for row in (1, 2, 3)] == [1 / 3, 1e300, -0.1]
    assert len(read["A4"].value) == 32_767
    xml = parts(path)["xl/worksheets/sheet1.xml"]
    assert b'<v xml:space="preserve">a_x0007__x000D_\n_x005F_x0041_</v>' in xml
