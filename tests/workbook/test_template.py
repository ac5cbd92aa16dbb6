"""The shipped workbook: built the same every time, within the rules of the house, calculated right, loud when wrong."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from built import live_workbook  # noqa: F401  (fixtures)
from calc import Calc
from conftest import TEMPLATE
from openpyxl.formula import Tokenizer
from openpyxl.workbook import Workbook as Book

import udfs
from xlmargin.engine import Workbook
from xlmargin.errors import MarginError
from xlmargin.faces import template
from xlmargin.faces.template import build_template
from xlmargin.sheet.registry import FUNCTIONS

assert udfs  # fills the registry

# Excel 2021, LibreOffice 25.2 and the embedded engine agree on these
COMMON = {
    "ABS",
    "AND",
    "COLUMN",
    "COLUMNS",
    "COUNT",
    "COUNTA",
    "COUNTIF",
    "FILTER",
    "FIND",
    "IF",
    "IFERROR",
    "INDEX",
    "INT",
    "ISNUMBER",
    "ISTEXT",
    "LARGE",
    "LEN",
    "LET",
    "MATCH",
    "MAX",
    "MID",
    "MIN",
    "MMULT",
    "N",
    "NA",
    "OR",
    "ROUND",
    "ROW",
    "ROWS",
    "SMALL",
    "SUBSTITUTE",
    "SUM",
    "SUMPRODUCT",
    "TEXT",
    "TRANSPOSE",
    "VALUE",
}
BESIDE = ('"positions"', '"market"')
VOLATILE = {"NOW", "TODAY", "RAND", "RANDBETWEEN", "OFFSET", "INDIRECT", "INFO", "CELL"}
HIDDEN = re.compile(rb'<(?:row|col)\b[^>]*\bhidden="1"|<sheet\b[^>]*\bstate="')


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of fifty rows, as it is before anything has calculated it."""
    path = tmp_path_factory.mktemp("template") / "desk.xlsx"
    build_template(path, rows=50)
    return path


@pytest.fixture(scope="module")
def read(built: Path) -> Book:
    """Its cells and names."""
    return openpyxl.load_workbook(built)


def formulas(book: Book) -> Iterator[tuple[str, str, str]]:
    """Sheet, cell and text of every formula."""
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    yield sheet.title, cell.coordinate, getattr(cell.value, "text", cell.value)


def words(book: Workbook) -> dict[str, Any]:
    """The result of each check by its name."""
    return {str(row[0]): row[4] for row in book.values("Checks", "B7:F44")}


def headlines(book: Workbook) -> dict[str, Any]:
    """The answer of each headline by its label."""
    return {str(row[0]): row[1] for row in book.values("Summary", "B7:C22")}


def test_two_builds_are_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """The file depends on nothing but the builder: no clock, no order of a set."""
    again = tmp_path / "again.xlsx"
    build_template(again, rows=50)
    assert again.read_bytes() == built.read_bytes()


def test_the_shipped_workbook_is_what_the_builder_writes(tmp_path: Path) -> None:
    """Values may have been calculated since; formulas, inputs and names are the builder's."""
    build_template(tmp_path / "fresh.xlsx")
    fresh, shipped = (openpyxl.load_workbook(path) for path in (tmp_path / "fresh.xlsx", TEMPLATE))
    assert list(formulas(fresh)) == list(formulas(shipped))
    assert {name: item.attr_text for name, item in fresh.defined_names.items()} == {
        name: item.attr_text for name, item in shipped.defined_names.items()
    }


def test_no_merged_cells_hidden_rows_links_or_volatile_functions(built: Path, read: Book) -> None:
    """What makes a model hard to audit is not in it."""
    with zipfile.ZipFile(built) as parts:
        assert not [name for name in parts.namelist() if "externalLink" in name or "vbaProject" in name]
        for name in parts.namelist():
            assert not HIDDEN.search(parts.read(name)), name
            assert b"<mergeCell" not in parts.read(name), name
    for sheet, cell, text in formulas(read):
        assert not set(re.findall(r"([A-Z.]+)\(", text)) & VOLATILE, (sheet, cell)
        assert "[" not in text, (sheet, cell)


def test_formulas_keep_to_what_every_program_knows(read: Book) -> None:
    """Functions from the common subset, PM_ functions of names alone, and of the two ranges that PM_CHECK answers beside."""
    for sheet, cell, text in formulas(read):
        for token in Tokenizer(text).items:
            name = token.value.rstrip("(").removeprefix("_xlfn.").removeprefix("_xlws.")
            if token.type == "FUNC" and token.subtype == "OPEN":
                assert name in COMMON or name in FUNCTIONS, (sheet, cell, name)
            if token.type == "OPERAND" and token.subtype == "NUMBER":
                assert token.value in ("0", "1", "2"), (sheet, cell, text)
        for arguments in re.findall(r"PM_[A-Z_]+\(([^()]*)\)", text):
            for argument in filter(None, arguments.split(",")):
                assert argument in read.defined_names or argument in BESIDE, (sheet, cell, argument)


def test_names_stand_for_cells_of_the_workbook(read: Book) -> None:
    """Every name leads to its sheet; the ranges begin with their headings, and units stand outside them."""
    for name, item in read.defined_names.items():
        ((sheet, _),) = item.destinations
        assert sheet in read.sheetnames, name
    assert read.defined_names["positions"].attr_text == "'Positions'!$C$7:$R$57"
    assert [read["Positions"][f"{column}7"].value for column in "CDH"] == ["Instrument", "Underlying", "Quantity"]
    assert [read["Market"][f"{column}7"].value for column in "CDJ"] == ["Underlying", "Spot", "As of"]


def test_a_formula_has_no_value_before_it_is_calculated(built: Path) -> None:
    """A program that does not calculate shows nothing, and never a margin of zero."""
    values = openpyxl.load_workbook(built, data_only=True)
    for sheet, cell, _ in formulas(openpyxl.load_workbook(built)):
        assert values[sheet][cell].value is None, (sheet, cell)
    assert values["Statement"]["D31"].value is None


def luminance(colour: str) -> float:
    """Relative luminance of a colour: WCAG 2.1, definition of relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


def test_text_is_readable_on_its_ground() -> None:
    """Contrast of at least 4.5 to 1: WCAG 2.1, success criterion 1.4.3."""
    styles = template._builder("styles")
    looks = [*styles.STYLES.items(), *styles.CONDITIONS.items()]
    pairs = {(look.get("font_color", "1A1A1A"), look.get("bg_color", "FFFFFF")) for _, look in looks}
    pairs |= {(styles.COLOURS["ink"], styles.COLOURS[fill]) for fill in ("low", "high")}  # amounts on the heat map
    pairs |= {(styles.COLOURS["loss"], styles.COLOURS["output fill"])}  # losses of the chosen line
    for text, ground in pairs:
        dark, light = sorted((luminance(text), luminance(ground)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_the_sample_comes_to_the_documented_numbers(live: Workbook) -> None:
    """BTC 2,078.23 and ETH 132.46 of the demonstration set; 200 SOL of basis, 2.25 wide, at 11 % are 49.50."""
    assert [live.get("Risk array", f"{column}30") for column in "HIJ"] == pytest.approx([2078.23, 132.46, 49.50], abs=0.005)
    assert live.get("Summary", "C7") == pytest.approx(2078.23 + 132.46 + 49.50, abs=0.01)
    assert set(words(live).values()) == {"PASS"}
    assert live.get("Checks", "C4") == "PASS"
    assert live.get("Risk array", "B43") == "worst"
    assert headlines(live)["Worst scenario of the whole book"] == "11  price up 3/3, vol up"


def test_no_cell_of_the_sample_holds_an_error_or_a_message(live: Workbook) -> None:
    """What a reader opens first is clean."""
    for sheet in live.sheets:
        for cell in live.formula_cells(sheet):
            value = live.get(sheet, cell)
            assert not (isinstance(value, str) and value.startswith("#")), (sheet, cell, value)


def test_a_fault_is_told_where_it_is_and_stops_the_headlines(live: Workbook) -> None:
    """Row, message and master check: nothing is left that looks like an answer."""
    live.set("Positions", "H9", "ten")
    message = "#PM! row 3: Quantity must be a number, not 'ten'"
    placed = f"{message} (sheet Positions row 9)"
    assert (live.get("Positions", "B9"), live.get("Positions", "T9")) == ("FAULT", "Quantity must be a number, not 'ten'")
    assert headlines(live)["Initial margin"] == message
    assert live.get("Summary", "I7") == live.get("Statement", "B4") == placed
    assert live.get("Checks", "C4") == live.get("Summary", "E7") == "FAIL"
    assert words(live)["Positions and market have no fault"] == "FAIL"
    live.set("Positions", "H9", -1.0)
    assert live.get("Checks", "C4") == "PASS"


def test_a_fault_of_the_market_is_told_on_its_row(live: Workbook) -> None:
    """The market's rows are counted on their own, and the headline names the row of that sheet."""
    live.set("Market", "H13", 50.0)
    assert live.get("Market", "B13") == "FAULT"
    assert "IV must be a fraction" in str(live.get("Market", "L13"))
    assert live.get("Positions", "B9") == "OK"
    assert str(live.get("Summary", "I7")).endswith("(sheet Market row 13)")


@pytest.mark.parametrize(("row", "typed"), [(8, {}), (17, {}), (57, {"D": "BTC", "E": "spot"})])
def test_the_row_of_the_sheet_follows_the_row_of_the_range(live: Workbook, row: int, typed: dict[str, str]) -> None:
    """One digit or two, the first row or the last: the number on the left of the sheet's window."""
    live.set_many([("Positions", f"{column}{row}", value) for column, value in {**typed, "H": "many"}.items()])
    assert live.get("Summary", "I7") == f"#PM! row {row - 6}: Quantity must be a number, not 'many' (sheet Positions row {row})"


def test_the_method_of_own_scenarios_takes_the_scenario_table(live: Workbook) -> None:
    """One choice in one cell: the table beside the parameters is in use, and the margin its worst loss, that of a crash.

    The put of 3,000 gains there; the spot, 0.4 of 70,000 and of 3,500, loses most.
    """
    live.set("Parameters", "C7", "STRESS")
    table = [row[:5] for row in live.values("Parameters", "H22:M27")]
    assert [row[0] for row in table] == [live.get("Risk array", f"C{row}") for row in range(33, 39)]
    assert table[0][:2] == ["Crash", None]
    assert headlines(live)["Worst scenario of the whole book"] == "Crash  price −40 %, vol +80 %"
    totals = [live.get("Risk array", f"K{row}") for row in range(33, 39)]
    assert live.get("Summary", "C7") == pytest.approx(-min(totals))
    live.set("Parameters", "J22", 0.0)  # without its price move the crash is none
    assert str(headlines(live)["Worst scenario of the whole book"]).startswith("BTC alone falls  BTC −25 %, vol +40 %")
    assert live.get("Checks", "C4") == "PASS"


def test_value_at_risk_follows_its_settings_and_its_table(live: Workbook) -> None:
    """Hull's order statistic: of 260 moves at 95 % the 13th worst, whose mean loss with those before it is the shortfall."""
    live.set("VaR", "C7", 0.95)
    totals = sorted(row[0] for row in live.values("VaR", "O30:O289"))
    assert live.get("VaR", "C16") == 13.0
    assert live.get("VaR", "C13") == pytest.approx(-totals[12], abs=1e-9)
    assert live.get("VaR", "C14") == pytest.approx(-sum(totals[:13]) / 13, abs=1e-9)
    assert [row[1] for row in live.values("VaR", "B22:C26")] == totals[:5]
    bins = live.values("VaR", "S7:U31")
    assert [sum(row[n] for row in bins) for n in range(3)] == [260.0, 247.0, 13.0]
    assert live.get("Checks", "C4") == "PASS"


def test_without_a_history_value_at_risk_says_so_and_the_margin_stands(live: Workbook) -> None:
    """No number, no failure of figures that do not need a past."""
    assert live.get("VaR", "W7") == "Date"
    live.set_many([("VaR", f"{column}{row}", None) for column in "WXYZ" for row in range(8, 270)])
    assert "#PM!" in str(live.get("VaR", "C13"))
    assert "#PM!" in str(live.get("VaR", "B4"))
    assert live.get("VaR", "C15") == 0.0
    assert list(words(live).values())[-4:] == ["n/a"] * 4
    assert live.get("Checks", "C4") == "PASS"


def test_several_accounts_are_not_netted(live: Workbook) -> None:
    """The scanning risk of two accounts is at least the worst of the sum, and the check says so."""
    live.set("Positions", "O17", "Desk 2")  # the perpetual that hedges the future
    worst, scanned = live.get("Checks", "C13"), live.get("Checks", "D13")
    assert isinstance(worst, float)
    assert isinstance(scanned, float)
    assert worst < scanned
    assert live.get("Checks", "C4") == "PASS"


@pytest.mark.parametrize("chosen", [None, "Foo"])
def test_a_method_that_these_sheets_cannot_show_is_no_pass(live: Workbook, chosen: str | None) -> None:
    """Left blank or unknown: the master check fails, and the line of the method says what to choose."""
    live.set("Parameters", "C7", chosen)
    assert words(live)["A method is chosen"] == "FAIL"
    assert live.get("Checks", "C4") == "FAIL"
    assert headlines(live)["Method"] == (chosen or "")
    assert live.get("Summary", "B19") == "Method"
    assert "choose a method" in str(live.get("Summary", "I19"))


@pytest.mark.parametrize("chosen", ["VAR", "ES"])
def test_the_methods_of_the_past_take_the_history(live: Workbook, chosen: str) -> None:
    """Of 260 moves at 99 % two are in the tail: VAR is the second worst day and ES the mean of both; the worst one is shown.

    The risk array has no room for so many days: it keeps the worst and says how many it leaves out.
    """
    totals = sorted(row[0] for row in live.values("VaR", "O30:O289"))
    live.set("Parameters", "C7", chosen)
    margin = -totals[1] if chosen == "VAR" else -(totals[0] + totals[1]) / 2
    assert [headlines(live)[label] for label in ("Initial margin", "Maintenance margin")] == pytest.approx([margin] * 2)
    assert headlines(live)["Its profit or loss"] == pytest.approx(totals[0])
    assert str(headlines(live)["Worst scenario of the whole book"]).startswith(str(live.get("VaR", "B22"))[:10])
    shown = sorted(row[0] for row in live.values("Risk array", "K33:K92") if isinstance(row[0], float))
    assert shown == pytest.approx(totals[: len(shown)])
    assert len(shown) > 50
    assert live.get("Risk array", "B4") == f"{260 - len(shown)} scenarios with less bad totals are left out here"
    assert live.get("Checks", "C4") == "PASS"
    assert "FAIL" not in words(live).values()


def test_a_book_that_cannot_be_read_keeps_no_limit(live: Workbook) -> None:
    """How many limits are exceeded is not known then, which is not none."""
    live.set("Positions", "H9", "ten")
    assert headlines(live)["Limits exceeded"] == "not known"


def test_a_book_of_nothing_does_not_pass(live: Workbook) -> None:
    """An empty sheet is not a margin of zero that passes."""
    live.set_many([("Positions", f"{column}{row}", None) for column in "CDEFGHJO" for row in range(8, 18)])
    assert set(words(live).values()) == {"n/a"}
    assert live.get("Checks", "C4") == live.get("Summary", "C3") == "no positions yet"
    assert str(live.get("Summary", "B4")).startswith("No position is typed yet")


def test_libreoffice_and_the_embedded_engine_agree(built: Path, live: Workbook, calc: Calc) -> None:
    """Two programs, one workbook: every headline, check and table."""
    areas = {
        "Summary": "B3:I32",
        "Checks": "B4:I260",
        "Risk array": "B5:AO95",
        "Comparison": "B5:U125",
        "Statement": "B5:R180",
        "Parameters": "B6:Q48",
        "Account": "B6:J40",
        "Positions": "B7:T60",
        "Market": "B3:L60",
        "Source tables": "B9:M43",
        "Source books": "B5:I190",
        "VaR": "B4:AC320",
        "Contributions": "B5:AB90",
        "What-if": "C7:R90",
        "Move": "B4:AI60",
        "Limits": "B3:Y300",
    }
    with calc.open(built) as book:
        book.calculate()
        for sheet, area in areas.items():
            theirs = [cell if cell not in (None, "") else None for row in book.get(sheet, area) for cell in row]
            ours = [cell if cell not in (None, "") else None for row in live.values(sheet, area) for cell in row]
            assert [type(cell) for cell in theirs] == [type(cell) for cell in ours], sheet
            for one, other in zip(theirs, ours):
                assert one == (pytest.approx(other, rel=1e-12, abs=1e-9) if isinstance(other, float) else other), sheet


@pytest.mark.parametrize(("rows", "said"), [(5, "rows must be from 10, which the sample needs"), (10**6, "to 20,000, not 1000000")])
def test_a_number_of_rows_that_cannot_be_is_told(rows: int, said: str, tmp_path: Path) -> None:
    """Too few for the sample, too many for a sheet."""
    with pytest.raises(MarginError) as told:
        build_template(tmp_path / "desk.xlsx", rows)
    assert said in str(told.value)
    assert not (tmp_path / "desk.xlsx").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The path stands in the message, with what to do."""
    with pytest.raises(MarginError) as told:
        build_template(tmp_path / "nowhere" / "desk.xlsx")
    assert "cannot be written" in str(told.value)
    assert "choose another folder" in str(told.value)
