"""The functions as Excel calls them: xlwings' own Windows code on a stand-in for pywin32, fact by fact."""

from __future__ import annotations

import datetime as dt
import inspect
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from excel.protocol import MISSING, Cells, ErrorValue
from excel.session import Session, in_cells, kinds, running

import udfs
from xlmargin.faces.excel.wrapper import LONGEST_HELP, UDF_MODULE, wrapper_modules
from xlmargin.sheet.registry import ERROR, FUNCTIONS, Argument

AS_OF = dt.datetime(2026, 6, 1, 8)
HEADINGS = ("Instrument", "Underlying", "Type", "Strike", "Expiry", "Quantity", "IV", "Price")
POSITIONS = Cells(
    (
        HEADINGS,
        ("BTC-26JUN26-70000-P", None, None, None, None, -2, 0.55, None),
        (None, "BTC", "call", 90_000, dt.date(2026, 9, 25), 1.5, 0.5, None),
        (None, None, None, None, None, None, None, None),
        ("ETH-PERPETUAL", None, None, None, None, -4, None, None),
    )
)
MARKET = Cells((("Underlying", "Spot", "As of"), ("BTC", 75_000, AS_OF), ("ETH", 3_500, None)))
CLOSES = Cells(
    (
        ("Date", "BTC", "ETH"),
        *((dt.date(2025, 1, 1) + dt.timedelta(days=day), 70_000 + 900 * math.sin(day), 3_400 + 60 * math.cos(day)) for day in range(120)),
    )
)
INSTRUMENTS = Cells((HEADINGS, ("BTC-26JUN26-80000-C", None, None, None, None, 2, 0.5, None)))
NUMBERS = Cells(((-0.1,), (0.0,), (0.1,)))
BLANK = Cells(((None, None), (None, None), (None, None)))
ONE_BLANK = Cells(((None,),))
SAMPLES: dict[str, Any] = {
    "positions": POSITIONS,
    "market": MARKET,
    "history": CLOSES,
    "price_moves": NUMBERS,
    "vol_moves": NUMBERS,
    "price_move": -0.1,
    "vol_move": 0.2,
    "path": "BTC/Scanning risk",
    "kind": "call",
    "forward": 70_000.0,
    "strike": 72_000.0,
    "years": 0.25,
    "vol": 0.6,
    "price": 8_000.0,
    "pnl": Cells(((-1.0,), (2.0,), (-3.0,))),
    "var": Cells(((1.5,), (1.5,), (1.5,))),
    "trades": POSITIONS,
    "instruments": INSTRUMENTS,
    "positions_before": POSITIONS,
    "market_before": MARKET,
    "equity": 50_000.0,
    "account": Cells((("Field", "Value"), ("Equity", 150_000.0))),
    "method": "SPAN",
}


@pytest.fixture(scope="module")
def excel() -> Iterator[Session]:
    """A running stand-in."""
    with running() as session:
        yield session


def spoken(value: Any) -> Any:
    """An argument as Python code would give it."""
    if value == MISSING:
        return None
    return [list(row) for row in value.rows] if isinstance(value, Cells) else value


def changed(row: int, column: int, value: Any) -> Cells:
    """The positions with another value in one cell."""
    rows = [list(each) for each in POSITIONS.rows]
    rows[row][column] = value
    return Cells(tuple(map(tuple, rows)))


def arguments(function: str) -> list[Any]:
    """Sample arguments: those that must be given, and of the others the market and the history."""
    given = FUNCTIONS[function].arguments
    return [SAMPLES[each.name] if not each.optional or each.name in ("market", "history") else MISSING for each in given]


def rest(function: str, *first: Any) -> list[Any]:
    """Arguments with the others left out, as the wrapper passes them."""
    return [*first, *[MISSING] * (len(FUNCTIONS[function].arguments) - len(first))]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_answers_through_com_as_in_python(excel: Session, name: str) -> None:
    """The same ranges give the same cells, of the three types that a cell can hold, and no mistake."""
    given = arguments(name)
    answer = excel.call(name, *given)
    assert (answer.raised, answer.said) == ("", "")
    assert kinds(answer.variant) <= {"VT_R8", "VT_BSTR", "VT_BOOL"}
    plainly = FUNCTIONS[name].call(*map(spoken, given))
    assert in_cells(excel.cells(name, *given)) == in_cells(plainly)
    assert not str(in_cells(plainly)[0][0]).startswith(ERROR)


def test_the_classic_import_writes_every_function(excel: Session) -> None:
    """Import Functions of the xlwings add-in finds all of them in the module udfs, with help that Excel takes."""
    done = excel.imported(UDF_MODULE)
    assert not done.fallback
    for name, function in FUNCTIONS.items():
        signature = ", ".join(f"Optional {each.name}" if each.optional else each.name for each in function.arguments)
        assert f"Function {name}({signature})" in done.vba
    options = {macro.partition("!")[2]: said for macro, said in done.options}
    assert set(options) == set(FUNCTIONS)
    for name, said in options.items():
        assert said["Category"] == "xlmargin"
        assert said["Description"] == FUNCTIONS[name].summary
        assert (said["ArgumentDescriptions"] or []) == [each.help for each in FUNCTIONS[name].arguments]


def test_the_classic_import_without_trust_goes_through_the_add_in(excel: Session) -> None:
    """Where access to the VBA project is not trusted, xlwings hands the same module to its add-in's macro."""
    done = excel.imported(UDF_MODULE, trusted=False)
    assert done.fallback
    assert done.vba == excel.imported(UDF_MODULE).vba


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_help_is_no_longer_than_excel_shows(name: str) -> None:
    """255 characters for a function and for each argument: nothing is cut off."""
    function = FUNCTIONS[name]
    texts = [function.summary, *(each.help for each in function.arguments)]
    assert [text for text in texts if not 0 < len(text) <= LONGEST_HELP] == []


@pytest.mark.parametrize("word", ["type", "Date", "option", "next", "end", "name", "_hidden", "a-b", "err", "PM_MARGIN "])
def test_names_that_vba_cannot_have_are_refused(word: str) -> None:
    """A reserved word, a leading line or a name that the wrapper uses itself stops the build, not Excel."""
    wrong = replace(FUNCTIONS["PM_MARGIN"], arguments=(Argument(word, "help", False),))
    with pytest.raises(ValueError, match="is no name that VBA takes"):
        wrapper_modules({"PM_MARGIN": wrong})


@pytest.mark.parametrize("name", ["PM16", "VAR1", "xlm7"])
def test_a_function_cannot_be_named_like_a_cell(name: str) -> None:
    """Excel would take it for a reference."""
    with pytest.raises(ValueError, match="is the name of a cell"):
        wrapper_modules({name: replace(FUNCTIONS["PM_VERSION"], name=name)})


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_carry_no_type_hints(name: str) -> None:
    """Xlwings reads hints as conversions, and Optional, Literal and unions break at the call."""
    assert inspect.get_annotations(inspect.unwrap(getattr(udfs, name))) == {}


@pytest.mark.parametrize("sign", ["$#,##0.00", "#,##0.00 €", "£0.00"])
def test_a_currency_cell_is_told_with_row_and_column(excel: Session, sign: str) -> None:
    """Such a cell arrives rounded to four decimals: no number is better than that one."""
    small = replace(changed(1, 5, 0.0312345678), formats=((1, 5, sign),))
    text = excel.cells("PM_MARGIN", *rest("PM_MARGIN", small, MARKET))
    assert text.startswith(f"{ERROR}row 2: Quantity is formatted as currency")
    table = excel.cells("PM_CHECK", small, MARKET)
    assert [row[:2] for row in table[1:]] == [[2.0, "Quantity"]]
    assert "4 decimals" in table[1][2]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (2000, "#NULL!"),
        (2007, "#DIV/0!"),
        (2015, "#VALUE!"),
        (2023, "#REF!"),
        (2029, "#NAME?"),
        (2036, "#NUM!"),
        (2042, "#N/A"),
        (2043, "#GETTING_DATA"),
        (2045, "#SPILL!"),
        (2046, "#CONNECT!"),
        (2047, "#BLOCKED!"),
        (2048, "#UNKNOWN!"),
        (2049, "#FIELD!"),
        (2050, "#CALC!"),
    ],
)
@pytest.mark.parametrize("column", [0, 5, 6])
def test_error_values_are_told_by_name(excel: Session, code: int, shown: str, column: int) -> None:
    """They arrive as large negative integers, the newer ones too, and are never a number, a name or a blank."""
    faulty = changed(4 if column == 0 else 1, column, ErrorValue(code))
    text = excel.cells("PM_MARGIN", *rest("PM_MARGIN", faulty, MARKET))
    row = 5 if column == 0 else 2
    assert text.startswith(f"{ERROR}row {row}: {HEADINGS[column]} holds the error {shown}")


def test_dates_arrive_with_a_time_zone(excel: Session) -> None:
    """A date cell is a pywintypes time in UTC; with a serial number in its place the answer is the same."""
    serial = (dt.datetime(2026, 9, 25) - dt.datetime(1899, 12, 30)).days
    by_date = excel.cells("PM_MARGIN", *rest("PM_MARGIN", POSITIONS, MARKET))
    assert by_date == excel.cells("PM_MARGIN", *rest("PM_MARGIN", changed(2, 4, float(serial)), MARKET))
    assert by_date == FUNCTIONS["PM_MARGIN"].call(spoken(POSITIONS), spoken(MARKET))


def test_a_missing_argument_a_blank_cell_and_an_empty_text_are_the_same(excel: Session) -> None:
    """A blank cell arrives as None and not as the default: it counts as left out all the same."""
    left_out = excel.cells("PM_MARGIN", POSITIONS, MARKET, MISSING, MISSING, MISSING)
    for blank in (ONE_BLANK, "", Cells((("  ",),))):
        assert excel.cells("PM_MARGIN", POSITIONS, MARKET, blank, blank, blank) == left_out
    assert excel.cells("PM_MARGIN", POSITIONS, MARKET, "SPAN", BLANK, BLANK) == left_out


def test_one_cell_arrives_as_a_value_and_one_row_as_a_tuple_of_one(excel: Session) -> None:
    """A range of one cell or one row is read like any other: as a method, as moves, as a book that says what it lacks."""
    in_a_cell = excel.cells("PM_MARGIN", *rest("PM_MARGIN", POSITIONS, MARKET, Cells((("TIMS",),))))
    assert in_a_cell == excel.cells("PM_MARGIN", *rest("PM_MARGIN", POSITIONS, MARKET, "TIMS"))
    column, row, one = (
        excel.cells("PM_PNL_GRID", POSITIONS, moves, 0.0, MISSING, MARKET)
        for moves in (NUMBERS, Cells(((-0.1, 0.0, 0.1),)), Cells(((-0.1,),)))
    )
    assert column == row
    assert one == column[:2]
    for book in (Cells((HEADINGS,)), Cells((("Quantity",),)), Cells((("BTC", 1.0),))):
        answer = excel.call("PM_MARGIN", *rest("PM_MARGIN", book, MARKET))
        assert answer.raised == answer.said == ""


def test_a_table_of_one_row_comes_back_flat(excel: Session) -> None:
    """Xlwings turns it into a row, which Excel lays out along the row; nothing is lost."""
    flat = excel.cells(
        "PM_PRICE",
        "call",
        Cells(((70_000.0, 71_000.0),)),
        Cells(((70_000.0, 70_000.0),)),
        Cells(((0.1, 0.1),)),
        Cells(((0.5, 0.5),)),
        MISSING,
    )
    plainly = FUNCTIONS["PM_PRICE"].call("call", [[70_000.0, 71_000.0]], [[70_000.0, 70_000.0]], [[0.1, 0.1]], [[0.5, 0.5]])
    assert in_cells(flat) == in_cells(plainly)


@pytest.mark.parametrize("name", sorted(name for name, function in FUNCTIONS.items() if function.arguments))
@pytest.mark.parametrize("empty", [BLANK, ONE_BLANK, Cells((("", ""), ("", "")))])
def test_empty_ranges_during_a_recalculation_are_answered_quietly(excel: Session, name: str, empty: Cells) -> None:
    """Excel first calls a function with ranges that are not calculated yet: one line or an answer, nothing printed or logged."""
    answer = excel.call(name, *[empty if not each.optional else MISSING for each in FUNCTIONS[name].arguments])
    assert (answer.raised, answer.said) == ("", "")
    first = in_cells(excel.cells(name, *[empty if not each.optional else MISSING for each in FUNCTIONS[name].arguments]))[0][0]
    assert "\n" not in str(first)
    if FUNCTIONS[name].arguments[0].name == "positions" and FUNCTIONS[name].returns == "number":
        assert first.startswith(ERROR)


ABSURD = [1e300, -1e300, 1e-300, 0.0, True, "ten", "1,000", ErrorValue(2042), dt.datetime(1900, 1, 1), "=", "#PM! no", "\x00"]


@pytest.mark.parametrize("value", ABSURD, ids=repr)
@pytest.mark.parametrize("column", [3, 5, 6])
def test_no_answer_is_a_nan_an_infinity_or_a_type_that_cells_lack(excel: Session, value: Any, column: int) -> None:
    """NaN would become an empty text and a sum would skip it: whatever stands in a cell, that never comes back."""
    for name in ("PM_MARGIN", "PM_RISK_ARRAY", "PM_GREEKS", "PM_EXPLAIN", "PM_CHECK"):
        answer = excel.call(name, *rest(name, changed(2, column, value), MARKET))
        assert answer.raised == ""
        assert kinds(answer.variant) <= {"VT_R8", "VT_BSTR", "VT_BOOL"}
        for row in in_cells(excel.cells(name, *rest(name, changed(2, column, value), MARKET))):
            assert all(math.isfinite(cell) for cell in row if isinstance(cell, float))
