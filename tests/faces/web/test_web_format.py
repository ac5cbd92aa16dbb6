"""What a cell shows: number formats as LibreOffice shows them, and typed texts as values."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
import xlsxwriter
from calc import Calc
from conftest import TEMPLATE
from hypothesis import given
from hypothesis import strategies as st

from xlmargin.errors import MarginError
from xlmargin.faces.web.number_format import formatted
from xlmargin.faces.web.typed import editing_text, typed_value

NUMBERS = (0.0, 1.0, -1.0, 0.5, 1234567.891, -1234.5, 0.1234, -0.004, 75000.0, 46204.5, 46174.333333333336, 0.00000123, 2.5, 999999.995)
COMMON = (
    "General",
    "0",
    "0.00",
    "#,##0",
    "#,##0.00",
    "0%",
    "0.00%",
    "0.00E+00",
    "0E+00",
    "##0.0E+0",
    "# ?/?",
    "# ??/??",
    "#,##0;(#,##0)",
    "#,##0.00;[Red](#,##0.00)",
    '"x"0.0"y"',
    "000-00",
    "0.0,",
    '0.0,,"M"',
    '[>=1000]0.0,"k";0',
    "[$€-407] #,##0.00",
    ";;;",
    '0;-0;"nil"',
    "0.0???",
    "@",
    '0.00;-0.00;0.00;"text: "@',
    "$#,##0.00",
)
DATES = (
    "yyyy-mm-dd",
    "d-mmm-yy",
    "d mmmm yyyy",
    "dddd, mmm d",
    "h:mm:ss AM/PM",
    "h:mm",
    "m/d/yyyy h:mm",
    "mm:ss",
    "[h]:mm:ss",
    "hh:mm:ss.00",
    "[mm]:ss",
    "yy/m/d",
)
MOMENTS = (1000.0, 46204.5, 46174.333333333336, 44620.999988425926, 73050.75, 61.0)
TEXTS = ("", "desk", "a,b")
# where Excel and LibreOffice go different ways, Excel's is taken: eleven characters in the format General, a minus kept
OWN_WAYS = {(code, value) for code in ("General", "@") for value in (46174.333333333336, 0.00000123)} | {
    ('[>=1000]0.0,"k";0', value) for value in NUMBERS if value < 0
}


def template_formats() -> list[str]:
    """The number formats of the shipped workbook's cells."""
    book = openpyxl.load_workbook(TEMPLATE)
    return sorted({cell.number_format for sheet in book for row in sheet.iter_rows() for cell in row})


def shown_by_libreoffice(calc: Calc, folder: Path, pairs: list[tuple[Any, str]]) -> list[str]:
    """The texts of cells, read from the file that LibreOffice saves: there a cell's text stands beside its value."""
    source, saved = folder / "formats.xlsx", folder / "formats.ods"
    with xlsxwriter.Workbook(source) as book:
        sheet = book.add_worksheet()
        sheet.set_column(0, 0, 60)
        formats = {code: book.add_format({"num_format": code}) for _, code in pairs}
        for row, (value, code) in enumerate(pairs):
            if isinstance(value, str):
                sheet.write_string(row, 0, value, formats[code])
            else:
                sheet.write_number(row, 0, value, formats[code])
            sheet.write_string(row, 1, "end")
    with calc.open(source) as opened:
        opened.save(saved, "ods")
    root = ElementTree.fromstring(zipfile.ZipFile(saved).read("content.xml"))
    text, table = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}", "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
    texts: list[str] = []
    for row in root.iter(f"{table}table-row"):
        cell = next(row.iter(f"{table}table-cell"))
        parts = [flat(paragraph, text) for paragraph in cell.iter(f"{text}p")]
        texts += ["\n".join(parts)] * int(row.get(f"{table}number-rows-repeated", "1"))
    return texts[: len(pairs)]


def flat(paragraph: ElementTree.Element, text: str) -> str:
    """A paragraph's text with its spaces, which the format counts in elements."""
    out = paragraph.text or ""
    for part in paragraph:
        out += " " * int(part.get(f"{text}c", "1")) if part.tag == f"{text}s" else flat(part, text)
        out += part.tail or ""
    return out


def test_template_and_common_formats_are_shown_as_libreoffice_shows_them(calc: Calc, tmp_path: Path) -> None:
    """Every number format of the template, and the common ones, over numbers, dates and texts."""
    codes = dict.fromkeys([*template_formats(), *COMMON])
    pairs: list[tuple[Any, str]] = []
    for code in codes:
        values = MOMENTS if code.startswith(("yyyy", "d", "h")) else (*NUMBERS, *TEXTS)
        pairs += [(value, code) for value in values]
    pairs += [(value, code) for code in DATES for value in MOMENTS]
    theirs = shown_by_libreoffice(calc, tmp_path, pairs)
    assert len(theirs) == len(pairs) > 700
    ours = [formatted(value, code).text for value, code in pairs]
    differ = [
        (code, value, a, b) for (value, code), a, b in zip(pairs, ours, theirs) if a != b and (code, value) not in OWN_WAYS and b != "#FMT"
    ]  # its word for hours that it cannot count
    assert not differ, "\n".join(map(str, differ))


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (46174.333333333336, "General", "46174.33333"),
        (0.00000123, "General", "1.23E-06"),
        (1 / 3, "General", "0.3333333333"),
        (123456789012.0, "General", "1.23457E+11"),
        (-5.0, '[>=1000]0.0,"k";0', "-5"),
        (-1.0, "yyyy-mm-dd", "##########"),
        (3e6, "yyyy-mm-dd", "##########"),
        (True, "0.00", "TRUE"),
        (None, "0.00", ""),
    ],
)
def test_excels_own_ways(value: Any, code: str, text: str) -> None:
    """General fits eleven characters, dates beyond the calendar are hashes, as Excel shows them."""
    assert formatted(value, code).text == text


def test_a_format_names_a_colour() -> None:
    """The colour in brackets belongs to its part of the format."""
    assert formatted(-2.0, "#,##0;[Red](#,##0)") == formatted(-2.0, "#,##0;[red](#,##0)")
    assert formatted(-2.0, "#,##0;[Red](#,##0)").colour == "#FF0000"
    assert formatted(2.0, "#,##0;[Red](#,##0)").colour == ""


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(alphabet='0#?.,%E+-;[]hmsdy@"_*/ Gax', max_size=12))
def test_any_format_gives_a_text(value: float, code: str) -> None:
    """Whatever a file holds as a number format, a cell shows something and nothing fails."""
    assert isinstance(formatted(value, code).text, str)


@pytest.mark.parametrize(
    ("text", "code", "value"),
    [
        ("12", "General", 12.0),
        ("-1,234.5", "General", -1234.5),
        ("1e3", "0", 1000.0),
        (" 7 ", "0", 7.0),
        ("+2", "0", 2.0),
        ("5%", "0%", 0.05),
        ("$95,000.00", "General", 95000.0),
        ("-$1,250", "General", -1250.0),
        ("$ -1,250.5", "0.00", -1250.5),
        ("US$ 3", "0", 3.0),
        ("€2.5", "0", "€2.5"),
        ("95,000", "0", 95000.0),
        ("12.5%", "General", 0.125),
        ("(1,000)", "General", -1000.0),
        ("($12.50)", "0.00", -12.5),
        ("(5%)", "0%", -0.05),
        ("\N{MINUS SIGN}7", "0", -7.0),
        ("(-5)", "0", "(-5)"),
        ("--5", "0", "--5"),
        ("-$-5", "0", "-$-5"),
        ("()", "0", "()"),
        ("$", "0", "$"),
        ("$95,00", "0", "$95,00"),
        ("(note)", "0", "(note)"),
        ("$95,000.00", "@", "$95,000.00"),
        ("'$5", "0", "$5"),
        ("12,34", "General", "12,34"),
        ("1.2.3", "General", "1.2.3"),
        (".", "0", "."),
        ("e5", "0", "e5"),
        ("true", "General", True),
        ("2026-12-25", "yyyy-mm-dd", 46381.0),
        ("2026-12-25 08:00", "yyyy-mm-dd hh:mm", 46381 + 1 / 3),
        ("2026-12-25", "General", "2026-12-25"),
        ("2026-13-25", "yyyy-mm-dd", "2026-13-25"),
        ("", "0", None),
        ("  ", "0", None),
        ("'12", "0", "12"),
        ("BTC-27MAR26-80000-C", "General", "BTC-27MAR26-80000-C"),
        ("007", "@", "007"),
        ("nan", "0", "nan"),
        ("inf", "0", "inf"),
        ("=", "0", "="),
    ],
)
def test_typed_texts_become_values(text: str, code: str, value: Any) -> None:
    """Numbers, shares and truth values are read; dates where the cell shows dates; all else stays text."""
    found = typed_value(text, code)
    assert type(found) is type(value)
    assert found == (pytest.approx(value, abs=1e-9) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("=1+1", "Formulas are written in Excel or LibreOffice"),
        ("1e999", "larger than a cell can hold"),
        ("x" * 32_768, "at most 32,767 characters"),
    ],
)
def test_what_a_cell_cannot_take_is_refused(text: str, told: str) -> None:
    """Formulas, endless numbers and texts are refused with their reason."""
    with pytest.raises(MarginError) as caught:
        typed_value(text, "General")
    assert told in str(caught.value)


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8).filter(lambda text: bool(text.strip())),
    ),
    st.sampled_from(["General", "0.00", "0%", "#,##0.00_ ;-#,##0.00_ "]),
)
def test_editing_a_cell_without_a_change_keeps_its_value(value: Any, code: str) -> None:
    """The text that is edited, typed again, is the same value of the same kind."""
    again = typed_value(editing_text(value, code), code)
    if isinstance(value, float):
        assert again == pytest.approx(value, rel=1e-12, abs=1e-13 if code == "0%" else 0)
    else:
        assert again == value
        assert type(again) is type(value)
