"""The positions range: headings, cells, sides and rows mean what the contract says."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any

import numpy as np
import pytest
from range_books import AS_OF, CALL_NAME, MARKET, ask, checked, margin, option

import udfs  # noqa: F401  (fills the registry)
from xlmargin.sheet.cells import without_blank_end
from xlmargin.sheet.ranges.remembered import read_book

# ---------------------------------------------------------------- headings and rows


@pytest.mark.parametrize(
    "spell",
    [str.upper, str.lower, lambda h: f" {h} ", lambda h: "_".join(h), lambda h: f"{h} %", lambda h: f"{h[0]} {h[1:]}", lambda h: f"{h}\n"],
)
def test_headings_are_matched_without_case_spaces_underscores_and_percent(spell: Any) -> None:
    """A heading in any of these spellings is the same heading."""
    positions = option()
    assert margin([[spell(heading) for heading in positions[0]], positions[1]], MARKET) == margin(positions, MARKET)
    assert margin(positions, [[spell(heading) for heading in MARKET[0]], *MARKET[1:]]) == margin(positions, MARKET)


def test_columns_come_in_any_order_and_unknown_ones_are_ignored() -> None:
    """Order of columns is free; what stands under an unknown heading does not matter, but a note names it."""
    header, row = option()
    meant = margin([header, row], MARKET)
    assert type(meant) is float
    assert margin([header[::-1], row[::-1]], MARKET) == meant
    more, cells = ["P&L", None, -0.01, "P&L"], ["#N/A", None, decimal.Decimal(1), []]
    assert margin([[*header, *more], [*row, *cells]], MARKET) == meant
    notes = checked([[*header, *more], [*row, *cells]], MARKET)
    assert [note[:3] for note in notes if note[0] != "OK"] == [
        [1.0, name, f"note: the heading {name} is not known: its column is left out"] for name in ("P&L", "-0.01")
    ]


def test_blank_rows_are_skipped_and_rows_keep_their_numbers() -> None:
    """Blank rows may stand anywhere; a message counts the sheet's rows from the header row as 1."""
    header, row = option()
    positions = [[None] * 6, header, [""] * 6, row, [], ["  "], [None, 0], [*row[:4], "ten", 0.5]]
    assert margin(positions[:5], MARKET) == margin([header, row], MARKET)
    positions[6] = [None]
    assert margin(positions, MARKET) == "#PM! row 7: Quantity must be a number, not 'ten'"
    assert checked(positions, MARKET) == [[7.0, "Quantity", "Quantity must be a number, not 'ten'", "type a number"]]


def test_a_row_that_says_nothing_under_a_known_heading_is_blank() -> None:
    """A comment, or a formula that fills IV with 0 further down, makes no position."""
    header, row = option(Comment="mine")
    assert margin([header, row, [None] * 6 + ["total"], [None] * 5 + [0.0, None]], MARKET) == margin([header, row], MARKET)


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_blank_rows_at_the_end_are_cut_first(blank: Any) -> None:
    """Whole columns cost little more than their filled rows, and mean the same; a row below a gap still counts."""
    header, row = option()
    tall = [header, row, *([blank] * len(row) for _ in range(3_000))]
    assert margin(tall, MARKET) == margin(tuple(map(tuple, tall)), MARKET) == margin([header, row], MARKET)
    assert len(without_blank_end(tall)) == 2
    below = [*tall, [*row[:-2], "ten", 0.5], *([None] * len(row) for _ in range(2_000))]
    assert len(without_blank_end(below)) == 3_003
    assert margin(below, MARKET) == "#PM! row 3003: Quantity must be a number, not 'ten'"
    assert ask("PM_PRICE", [["call"], ["put"]], 100.0, 100.0, 0.5, 0.2, [[None], [None]]) == ask(
        "PM_PRICE", [["call"], ["put"]], 100.0, 100.0, 0.5, 0.2
    )


def test_ranges_come_as_lists_tuples_and_arrays() -> None:
    """The same cells mean the same in any container."""
    positions = option()
    meant = margin(positions, MARKET)
    assert margin(tuple(map(tuple, positions)), tuple(map(tuple, MARKET))) == meant
    assert margin(np.array(positions, dtype=object), np.array(MARKET, dtype=object)) == meant


@pytest.mark.parametrize(
    ("positions", "line"),
    [
        ([], "the positions range is empty: select its header row and the rows below it"),
        (None, "the positions range is empty: select its header row and the rows below it"),
        ([[None, ""]], "the positions range is empty: select its header row and the rows below it"),
        (
            [["Instrument", "Weight"], ["BTC-PERPETUAL", 1.0]],
            "positions row 1: no column Quantity: add it (the headings found are: Instrument, Weight)",
        ),
        (
            [["Quantity", "quantity ", "Instrument"], [1.0, 1.0, "BTC-PERPETUAL"]],
            "positions row 1: the heading Quantity stands twice: remove one of the two columns",
        ),
        (
            [["Coin", "Quantity"], ["BTC", 1.0]],
            "positions row 1: no column says what each row holds: add Instrument, or Underlying and Type with Strike and Expiry "
            "(the headings found are: Coin, Quantity)",
        ),
    ],
)
def test_headings_that_cannot_be_read(positions: Any, line: str) -> None:
    """A range without the headings that it needs says which, and PM_CHECK says the same of row 1."""
    assert margin(positions, MARKET) == f"#PM! {line}"
    assert checked(positions, MARKET)[0][0::2] == [1.0, line]


# ---------------------------------------------------------------- cells


@pytest.mark.parametrize("blank", [None, "", "   ", 0, 0.0, -0.0])
def test_zero_is_blank_where_it_cannot_be_meant(blank: Any) -> None:
    """0 counts as blank in IV, Price, Forward, Multiplier and a position's Spot, as None and "" do everywhere."""
    assert margin(option(Price=blank, Forward=blank, Multiplier=blank, Spot=blank), MARKET) == margin(option(), MARKET)
    market = [["Underlying", "Spot", "IV", "Forward", "As of"], ["BTC", 65_000.0, 0.5, blank, AS_OF]]
    assert margin(option(IV=blank), market) == margin(option(), MARKET)
    assert margin(option(), [[*row, blank] for row in MARKET]) == margin(option(), MARKET)


def test_zero_is_a_number_everywhere_else() -> None:
    """A quantity of 0 is a flat row; a strike or a market spot of 0 is told."""
    assert margin(option(Quantity=0.0), MARKET) == 0.0
    assert margin(option(Strike=0.0), MARKET) == "#PM! row 2: Strike must be above 0, not 0"
    assert margin(option(), [["Underlying", "Spot"], ["BTC", 0]]) == "#PM! market row 2: Spot must be above 0, not 0"


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("ten", "Quantity must be a number, not 'ten'"),
        ("12", "Quantity must be a number, not the text '12'"),
        ("1,000", "Quantity must be a number, not the text '1,000'"),
        ("55%", "Quantity must be a number, not the text '55%'"),
        (True, "Quantity must be a number, not TRUE"),
        (dt.datetime(2025, 6, 27), "Quantity must be a number, not the date 2025-06-27"),
        (math.nan, "Quantity must be a finite number below 1e15, not nan"),
        (math.inf, "Quantity must be a finite number below 1e15, not inf"),
        (1e300, "Quantity must be a finite number below 1e15, not 1e+300"),
        (None, "Quantity must be given"),
        (
            decimal.Decimal("0.0312"),
            "Quantity is formatted as currency, which rounds it to 4 decimals before it is read: format the cell as General",
        ),
        (-2146826246, "Quantity holds the error #N/A: mend the formula in that cell"),
        (-2146826243, "Quantity holds the error #SPILL!: mend the formula in that cell"),
        (-2146826240, "Quantity holds the error #UNKNOWN!: mend the formula in that cell"),
        (-2146826250, "Quantity holds the error value: mend the formula in that cell"),
        ("#DIV/0!", "Quantity holds the error #DIV/0!: mend the formula in that cell"),
        ("#BEZUG!", "Quantity holds the error #BEZUG!: mend the formula in that cell"),
        ({"type": "Error", "basicValue": "#REF!"}, "Quantity holds the error #REF!: mend the formula in that cell"),
        ([1.0], "Quantity must be a number, not '[1.0]'"),
    ],
)
def test_cells_that_are_no_numbers_are_told(cell: Any, line: str) -> None:
    """Each kind of cell that a spreadsheet can hand over in the place of a number has its own words."""
    assert margin(option(Quantity=cell), MARKET) == f"#PM! row 2: {line}"
    assert [row[:2] for row in checked(option(Quantity=cell), MARKET)] == [[2.0, "Quantity"]]


def test_numbers_of_any_type_are_numbers() -> None:
    """Ints are numbers, and so is a float that happens to equal an error code."""
    assert margin(option(Strike=70_000, Quantity=2), MARKET) == margin(option(Quantity=2.0), MARKET)
    assert margin([["Instrument", "Quantity"], ["BTC-PERPETUAL", -2146826246.0]], MARKET) > 1e12


@pytest.mark.parametrize(
    ("heading", "cell", "line"),
    [
        ("Type", "straddle", "Type must be one of spot, future, perp, call, put, not 'straddle'"),
        ("Type", None, "Type must be given"),
        ("Underlying", "", "Underlying must be given"),
        ("Strike", None, "Strike must be given"),
        ("Strike", -5.0, "Strike must be above 0, not -5"),
        ("Expiry", None, "Expiry must be given"),
        ("Expiry", "soon", "Expiry must be a date such as 2025-06-27 or 27JUN25, not the text 'soon'"),
        (
            "Expiry",
            "06/07/25",
            "Expiry must be a date such as 2025-06-27 or 27JUN25, not the text '06/07/25', which may be 2025-07-06 (day first) or "
            "2025-06-07 (month first) or 2006-07-25 (year first)",
        ),
        ("Expiry", 12.0, "Expiry must be a date such as 2025-06-27 or 27JUN25, not 12"),
        (
            "Expiry",
            decimal.Decimal("45835"),
            "Expiry is formatted as currency, which rounds it to 4 decimals before it is read: format the cell as General",
        ),
        ("Expiry", -2146826246, "Expiry holds the error #N/A: mend the formula in that cell"),
        ("IV", 55.0, "IV must be a fraction (0.55 is 55 %), not 55"),
        ("IV", -0.5, "IV must be above 0, not -0.5"),
        ("Spot", -1.0, "Spot must be above 0, not -1"),
        ("Multiplier", "x", "Multiplier must be a number, not 'x'"),
        ("Entry", "x", "Entry must be a number, not 'x'"),
        ("Account", True, "Account must be text, not TRUE"),
        (
            "Venue",
            "mtgox",
            "Venue 'mtgox' is not known: type deribit, okx, bybit, binance, derive, paradex, thalex, hyperliquid, kraken, cme, gate, "
            "bit or aevo",
        ),
        ("Settlement", "gold", "Settlement must be one of inverse, linear, not 'gold'"),
        ("Exercise", "bermudan", "Exercise must be one of european, american, not 'bermudan'"),
        ("Order", "perhaps", "Order must be one of yes, no, not 'perhaps'"),
    ],
)
def test_each_column_says_what_it_takes(heading: str, cell: Any, line: str) -> None:
    """A cell that its column cannot take is told by that column's own words."""
    assert margin(option(**{heading: cell}), MARKET) == f"#PM! row 2: {line}"


def test_without_spot_the_row_and_the_cure_are_named() -> None:
    """With neither a market range nor a Spot column the answer names the row and how to mend it."""
    cure = "fill a Spot column in the positions, or give a market range with a row for BTC"
    assert margin(option(Expiry="27JUN45")) == f"#PM! row 2: no Spot for BTC: {cure}"
    assert margin(option(), [MARKET[0], ["ETH", 3_200.0, AS_OF]]) == f"#PM! row 2: no Spot for BTC: {cure}"


def test_columns_must_agree_with_the_instrument() -> None:
    """A column that repeats what the Instrument says must say the same, and is read even where it is not needed."""
    same = {"Instrument": CALL_NAME, "Underlying": "btc", "Type": "C", "Strike": 70_000.0, "Expiry": dt.date(2025, 6, 27)}
    assert margin(option(**same), MARKET) == margin(option(Settlement="inverse"), MARKET)
    for heading, cell, meant in (
        ("Underlying", "ETH", "BTC"),
        ("Type", "put", "call"),
        ("Strike", 60_000.0, "70,000"),
        ("Expiry", "28JUN25", "2025-06-27 08:00 UTC"),
    ):
        shown = "60,000" if heading == "Strike" else repr(cell)
        assert margin(option(**(same | {heading: cell})), MARKET) == (
            f"#PM! row 2: {heading} {shown} contradicts the Instrument, which has {meant}: clear one of the two cells"
        )
    lonely = [["Instrument", "Quantity", "Strike", "IV"], [CALL_NAME, 1.0, "70k", 0.5]]
    assert margin(lonely, MARKET) == "#PM! row 2: Strike must be a number, not '70k'"


# ---------------------------------------------------------------- side


@pytest.mark.parametrize(
    ("quantity", "side", "signed"),
    [
        (2.0, "buy", 2.0),
        (2.0, "LONG", 2.0),
        (2.0, "B", 2.0),
        (2.0, "sell", -2.0),
        (2.0, "Short", -2.0),
        (2.0, "s", -2.0),
        (-2.0, "sell", -2.0),
        (-2.0, None, -2.0),
        (2.0, "", 2.0),
        (0.0, "sell", 0.0),
    ],
)
def test_side_turns_a_positive_quantity(quantity: float, side: Any, signed: float) -> None:
    """Sell makes a positive quantity short; a signed quantity may repeat its sign, or stand alone."""
    assert read_book(option(Quantity=quantity, Side=side), MARKET).quantity.tolist() == [signed]


def test_a_negative_quantity_with_buy_is_a_fault() -> None:
    """Buy cannot mean a short position."""
    assert margin(option(Quantity=-2.0, Side="buy"), MARKET) == (
        "#PM! row 2: Side buy contradicts the Quantity -2: make the quantity positive, or the side sell"
    )


# ---------------------------------------------------------------- rows together


def test_rows_of_one_instrument_are_netted() -> None:
    """Two rows of a contract and account count as their sum, also where their vols differ; tables keep a line per row."""
    header, row = option()
    short, long = [*row[:4], -3.0, 0.5], [*row[:4], 2.0, 0.5]
    assert margin([header, short, long], MARKET) == pytest.approx(margin([header, [*row[:4], -1.0, 0.5]], MARKET), rel=1e-12)
    assert margin([header, long, [*row[:4], -2.0, 0.5]], MARKET) == 0.0
    minimum = [["short_option_minimum", 100.0], ["price_scan_range", 0.0], ["vol_scan_range", 0.0], ["look_ahead_days", 0.0]]
    assert margin([header, long, [*row[:4], -2.0, 0.6]], MARKET, None, minimum) == 0.0
    assert [line[0] for line in ask("PM_GREEKS", [header, short, long], MARKET)[1:]] == [2.0, 3.0, "Total"]


def test_each_account_is_margined_on_its_own() -> None:
    """Accounts do not net against one another: the answer is the sum of what each would be alone, the unnamed too."""
    header, row = option(Account="A")
    rows = [row, [*row[:4], -1.0, 0.5, "B"], [*row[:4], -2.0, 0.5, 7.0], [*row[:4], 0.5, 0.5, None]]
    alone = [margin([header, one_row], MARKET) for one_row in rows]
    assert margin([header, *rows], MARKET) == pytest.approx(sum(alone), rel=1e-12)
    labels = [line[1] for line in ask("PM_EXPLAIN", [header, *rows], MARKET) if line[0] == 1.0]
    assert {"Account 7", "Account A", "Account B", "Account (blank)"} <= set(labels)


@pytest.mark.parametrize("word", ["yes", "Y", True, "TRUE", "open"])
def test_an_order_is_not_a_position(word: Any) -> None:
    """A row marked Order stays out of a method without a rule for orders, which the statement and PM_CHECK say."""
    header, row = option(Order=None)
    rows = [header, row, [*row[:4], -5.0, 0.5, word]]
    assert margin(rows, MARKET) == margin([header, row], MARKET)
    assert checked(rows, MARKET)[1][:3] == [
        3.0,
        "Order",
        "note: this open order is not a position: methods without a rule for orders leave it out",
    ]
    assert [line[4] for line in ask("PM_EXPLAIN", rows, MARKET) if line[1] == "Open orders"] == ["not modelled"]


ARRAY = [100.0, 200.0, -300.0, 400.0, 500.0, -600.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 650.0, -16.0]


@pytest.mark.parametrize(
    "headings", [list(range(1, 17)), [float(n) for n in range(1, 17)], [str(n) for n in range(1, 17)], [f"{n} " for n in range(1, 17)]]
)
def test_own_risk_arrays_replace_the_model(headings: list[Any]) -> None:
    """Columns 1 … 16 are the loss of one long unit in each scenario; such a row needs no vol."""
    header, row = option(IV=None)
    rows = [[*header, *headings], [*row[:4], 2.0, None, *ARRAY]]
    assert margin(rows, MARKET, None, [["initial_ratio", 1.0]]) == 2 * 650.0
    assert [line[5] for line in ask("PM_RISK_ARRAY", rows, MARKET)[1:]] == [-2.0 * loss for loss in ARRAY]
    rows[1][4] = -1.0
    assert margin(rows, MARKET, None, [["initial_ratio", 1.0], ["short_option_minimum", 0.0]]) == 600.0


def test_an_own_risk_array_is_whole() -> None:
    """A risk array with a hole is told by its column, one that cannot be read too; it serves SPAN's scenarios alone."""
    header, row = option(IV=None)
    header = [*header, *range(1, 17)]
    assert margin([header, [*row, *ARRAY[:15], None]], MARKET) == (
        "#PM! row 2: 16 must be given: a risk array has all sixteen numbers or none"
    )
    assert margin([header, [*row, *ARRAY[:15], "x"]], MARKET) == "#PM! row 2: 16 must be a number, not 'x'"
    assert margin([header[:-1], [*row, *ARRAY[:15]]], MARKET).startswith("#PM! row 2: 16 must be given")
    assert "own sixteen numbers, which serve SPAN alone" in ask("PM_SCENARIO_PNL", [header, [*row, *ARRAY]], -0.1, 0.0, None, MARKET)


def test_multiplier_scales_the_quantity() -> None:
    """Quantity × Multiplier is the position in units of the underlying."""
    assert margin(option(Quantity=5.0, Multiplier=0.2), MARKET) == margin(option(Quantity=1.0), MARKET)


def test_a_book_of_a_header_alone_is_flat() -> None:
    """A header row without positions is a book without positions: its margin is 0."""
    for name in ("PM_MARGIN", "PM_MAINTENANCE", "PM_SCANNING_RISK"):
        assert ask(name, [["Instrument", "Quantity"], [None, None]], MARKET) == 0.0
    assert checked([["Instrument", "Quantity"]], MARKET) == [["OK", "", "no fault found", ""]]


def test_check_tells_every_fault_of_a_row() -> None:
    """A row whose quantity cannot be read still says that its spot and its vol are missing."""
    rows = checked([["Underlying", "Type", "Strike", "DTE", "Quantity"], ["BTC", "call", 70_000.0, 30.0, "ten"]])
    assert [(row[0], row[1]) for row in rows] == [(2.0, "Quantity"), (2.0, "Spot"), (2.0, "IV")]
