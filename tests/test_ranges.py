"""The ranges of a sheet: headings, cells, names, dates, markets and parameters mean what the contract says."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any

import numpy as np
import pytest

import udfs  # noqa: F401  (fills the registry)
from xlmargin.book import Book
from xlmargin.checks import read_book
from xlmargin.errors import Faults, MarginError
from xlmargin.names import CALL, FUTURE, PERPETUAL, PUT, SPOT, parse_instrument, show_instant
from xlmargin.ranges.market import read_market
from xlmargin.registry import FUNCTIONS

Grid = list[list[Any]]

AS_OF = dt.datetime(2025, 6, 1)
JUNE = dt.datetime(2025, 6, 27, 8, tzinfo=dt.UTC).timestamp()
YEAR = 365 * 86_400.0
MARKET: Grid = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, AS_OF], ["ETH", 3_200.0, None]]
CALL_NAME = "BTC-27JUN25-70000-C"


def ask(name: str, *arguments: Any) -> Any:
    """What a function answers to raw cells."""
    return FUNCTIONS[name].call(*arguments)


def margin(positions: Any, *more: Any) -> Any:
    """PM_MARGIN."""
    return ask("PM_MARGIN", positions, *more)


def checked(positions: Any, market: Any = None) -> list[list[Any]]:
    """The rows of PM_CHECK below its header."""
    table: list[list[Any]] = ask("PM_CHECK", positions, market)
    assert table[0] == ["Row", "Column", "Problem", "Fix"]
    return table[1:]


def option(**columns: Any) -> Grid:
    """A positions range of one option row: a 70,000 call of BTC with what is given beside or instead."""
    row = {"Underlying": "BTC", "Type": "call", "Strike": 70_000.0, "Expiry": "27JUN25", "Quantity": 1.0, "IV": 0.5}
    row |= columns
    return [list(row), list(row.values())]


def one(positions: Any, market: Any = MARKET) -> Any:
    """The only instrument of a book, as a tuple of its columns' values."""
    book: Book = read_book(positions, market)
    assert len(book.instruments) == 1
    return book.instruments


# ---------------------------------------------------------------- headings and rows


@pytest.mark.parametrize("spell", [str.upper, str.lower, lambda h: f" {h} ", lambda h: "_".join(h), lambda h: f"{h} %",
                                   lambda h: f"{h[0]} {h[1:]}", lambda h: f"{h}\n"])
def test_headings_are_matched_without_case_spaces_underscores_and_percent(spell: Any) -> None:
    """A heading in any of these spellings is the same heading."""
    positions = option()
    assert margin([[spell(heading) for heading in positions[0]], positions[1]], MARKET) == margin(positions, MARKET)
    assert margin(positions, [[spell(heading) for heading in MARKET[0]], *MARKET[1:]]) == margin(positions, MARKET)


def test_columns_come_in_any_order_and_unknown_ones_are_ignored() -> None:
    """Order of columns is free; what stands under an unknown heading, or under none, does not matter."""
    header, row = option()
    meant = margin([header, row], MARKET)
    assert type(meant) is float
    assert margin([header[::-1], row[::-1]], MARKET) == meant
    more, cells = ["P&L", None, -0.01, "P&L"], ["#N/A", -2146826246, decimal.Decimal(1), []]
    assert margin([[*header, *more], [*row, *cells]], MARKET) == meant


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


def test_ranges_come_as_lists_tuples_and_arrays() -> None:
    """The same cells mean the same in any container."""
    positions = option()
    meant = margin(positions, MARKET)
    assert margin(tuple(map(tuple, positions)), tuple(map(tuple, MARKET))) == meant
    assert margin(np.array(positions, dtype=object), np.array(MARKET, dtype=object)) == meant


@pytest.mark.parametrize(("positions", "line"), [
    ([], "the positions range is empty: select its header row and the rows below it"),
    (None, "the positions range is empty: select its header row and the rows below it"),
    ([[None, ""]], "the positions range is empty: select its header row and the rows below it"),
    ([["Instrument", "Size"], ["BTC-PERPETUAL", 1.0]],
     "positions row 1: no column Quantity: add it (the headings found are: Instrument, Size)"),
    ([["Quantity", "quantity ", "Instrument"], [1.0, 1.0, "BTC-PERPETUAL"]],
     "positions row 1: the heading Quantity stands twice: remove one of the two columns"),
    ([["Coin", "Quantity"], ["BTC", 1.0]],
     "positions row 1: no column says what each row holds: add Instrument, or Underlying and Type with Strike and Expiry "
     "(the headings found are: Coin, Quantity)")])
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


@pytest.mark.parametrize(("cell", "line"), [
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
    (decimal.Decimal("0.0312"), "Quantity is formatted as currency, which rounds it to 4 decimals before it is read: "
                                "format the cell as General"),
    (-2146826246, "Quantity holds the error #N/A: mend the formula in that cell"),
    (-2146826243, "Quantity holds the error #SPILL!: mend the formula in that cell"),
    (-2146826240, "Quantity holds the error #UNKNOWN!: mend the formula in that cell"),
    (-2146826250, "Quantity holds the error value: mend the formula in that cell"),
    ("#DIV/0!", "Quantity holds the error #DIV/0!: mend the formula in that cell"),
    ("#BEZUG!", "Quantity holds the error #BEZUG!: mend the formula in that cell"),
    ({"type": "Error", "basicValue": "#REF!"}, "Quantity holds the error #REF!: mend the formula in that cell"),
    ([1.0], "Quantity must be a number, not '[1.0]'")])
def test_cells_that_are_no_numbers_are_told(cell: Any, line: str) -> None:
    """Each kind of cell that a spreadsheet can hand over in the place of a number has its own words."""
    assert margin(option(Quantity=cell), MARKET) == f"#PM! row 2: {line}"
    assert [row[:2] for row in checked(option(Quantity=cell), MARKET)] == [[2.0, "Quantity"]]


def test_numbers_of_any_type_are_numbers() -> None:
    """Ints are numbers, and so is a float that happens to equal an error code."""
    assert margin(option(Strike=70_000, Quantity=2), MARKET) == margin(option(Quantity=2.0), MARKET)
    assert margin([["Instrument", "Quantity"], ["BTC-PERPETUAL", -2146826246.0]], MARKET) > 1e12


@pytest.mark.parametrize(("heading", "cell", "line"), [
    ("Type", "straddle", "Type must be one of spot, future, perp, call, put, not 'straddle'"),
    ("Type", None, "Type must be given"),
    ("Underlying", "", "Underlying must be given"),
    ("Strike", None, "Strike must be given"),
    ("Strike", -5.0, "Strike must be above 0, not -5"),
    ("Expiry", None, "Expiry must be given"),
    ("Expiry", "soon", "Expiry must be a date such as 2025-06-27 or 27JUN25, not the text 'soon'"),
    ("Expiry", "06/07/25", "Expiry must be a date such as 2025-06-27 or 27JUN25, not the text '06/07/25'"),
    ("Expiry", 12.0, "Expiry must be a date such as 2025-06-27 or 27JUN25, not 12"),
    ("Expiry", decimal.Decimal("45835"), "Expiry is formatted as currency, which rounds it to 4 decimals before it is read: "
                                         "format the cell as General"),
    ("Expiry", -2146826246, "Expiry holds the error #N/A: mend the formula in that cell"),
    ("IV", 55.0, "IV must be a fraction (0.55 is 55 %), not 55"),
    ("IV", -0.5, "IV must be above 0, not -0.5"),
    ("Spot", -1.0, "Spot must be above 0, not -1"),
    ("Multiplier", "x", "Multiplier must be a number, not 'x'"),
    ("Entry", "x", "Entry must be a number, not 'x'"),
    ("Account", True, "Account must be text, not TRUE"),
    ("Venue", "mtgox", "Venue 'mtgox' is not known: type deribit, okx, bybit, binance, derive, paradex, thalex, cme, gate, "
                       "bit or aevo"),
    ("Settlement", "gold", "Settlement must be one of inverse, linear, not 'gold'"),
    ("Exercise", "bermudan", "Exercise must be one of european, american, not 'bermudan'"),
    ("Order", "perhaps", "Order must be one of yes, no, not 'perhaps'")])
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
    for heading, cell, meant in (("Underlying", "ETH", "BTC"), ("Type", "put", "call"), ("Strike", 60_000.0, "70,000"),
                                 ("Expiry", "28JUN25", "2025-06-27 08:00 UTC")):
        shown = "60,000" if heading == "Strike" else repr(cell)
        assert margin(option(**(same | {heading: cell})), MARKET) == (
            f"#PM! row 2: {heading} {shown} contradicts the Instrument, which has {meant}: clear one of the two cells")
    lonely = [["Instrument", "Quantity", "Strike", "IV"], [CALL_NAME, 1.0, "70k", 0.5]]
    assert margin(lonely, MARKET) == "#PM! row 2: Strike must be a number, not '70k'"


# ---------------------------------------------------------------- side


@pytest.mark.parametrize(("quantity", "side", "signed"), [
    (2.0, "buy", 2.0), (2.0, "LONG", 2.0), (2.0, "B", 2.0), (2.0, "sell", -2.0), (2.0, "Short", -2.0), (2.0, "s", -2.0),
    (-2.0, "sell", -2.0), (-2.0, None, -2.0), (2.0, "", 2.0), (0.0, "sell", 0.0)])
def test_side_turns_a_positive_quantity(quantity: float, side: Any, signed: float) -> None:
    """Sell makes a positive quantity short; a signed quantity may repeat its sign, or stand alone."""
    assert read_book(option(Quantity=quantity, Side=side), MARKET).quantity.tolist() == [signed]


def test_a_negative_quantity_with_buy_is_a_fault() -> None:
    """Buy cannot mean a short position."""
    assert margin(option(Quantity=-2.0, Side="buy"), MARKET) == (
        "#PM! row 2: Side buy contradicts the Quantity -2: make the quantity positive, or the side sell")


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(("name", "venue", "contract"), [
    ("BTC-27JUN25-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, True)),
    ("btc-27jun25-70000-p", "deribit", ("BTC", PUT, 70_000.0, JUNE, True)),
    ("BTC-27JUN25-70000-C", "bybit", ("BTC", CALL, 70_000.0, JUNE, False)),
    ("BTC_USDC-27JUN25-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, False)),
    ("XRP_USDC-27JUN25-2d5-C", "deribit", ("XRP", CALL, 2.5, JUNE, False)),
    ("BTC-8FEB26-50000-P", "deribit", ("BTC", PUT, 50_000.0, dt.datetime(2026, 2, 8, 8, tzinfo=dt.UTC).timestamp(), True)),
    ("BTC-PERPETUAL", "deribit", ("BTC", PERPETUAL, None, None, True)),
    ("SOL_USDC-PERPETUAL", "deribit", ("SOL", PERPETUAL, None, None, False)),
    ("BTC-27JUN25", "deribit", ("BTC", FUTURE, None, JUNE, True)),
    ("BTC-USD-250627-70000-C", "okx", ("BTC", CALL, 70_000.0, JUNE, True)),
    ("BTC-USD-250627-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, True)),
    ("BTC-USDT-SWAP", "okx", ("BTC", PERPETUAL, None, None, False)),
    ("BTC-USD-SWAP", "okx", ("BTC", PERPETUAL, None, None, True)),
    ("BTC-250627-70000-C", "binance", ("BTC", CALL, 70_000.0, JUNE, False)),
    ("BTC-250627-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, False)),
    ("BTCUSDT", "binance", ("BTC", PERPETUAL, None, None, False)),
    ("BTCUSD", "bybit", ("BTC", PERPETUAL, None, None, True)),
    ("ETH-PERP", "derive", ("ETH", PERPETUAL, None, None, False)),
    ("ETH-PERP", "deribit", ("ETH", PERPETUAL, None, None, False)),
    ("BTC-20250627-70000-C", "derive", ("BTC", CALL, 70_000.0, JUNE, False)),
    ("BTC_USDC", "deribit", ("BTC", SPOT, None, None, False)),
    ("1INCH-27JUN25-0.5-C", "bybit", ("1INCH", CALL, 0.5, JUNE, False))])
def test_instrument_names(name: str, venue: str, contract: tuple[Any, ...]) -> None:
    """Every venue's spelling means its contract, at 08:00 UTC, settled as that venue settles it."""
    found = parse_instrument(name, venue)
    assert found is not None
    assert tuple(None if isinstance(part, float) and math.isnan(part) else part for part in found) == contract
    book = read_book([["Instrument", "Venue", "Quantity", "IV", "Spot"], [name, venue, 1.0, 0.5, 100.0]],
                     [["Underlying", "As of"], [contract[0], AS_OF]])
    assert (book.instruments.kind[0], bool(book.instruments.inverse[0])) == (contract[1], contract[4])
    assert list(book.names) == [name]


@pytest.mark.parametrize("name", ["BTC", "BTC-31JUN25-70000-C", "BTC-27JUN25-0-C", "BTC-27JUN25-70000-X",
                                  "BTC-27JUN25-70000", "27JUN25-70000-C", "BTC-27JUN25-" + "9" * 30 + "-C",
                                  "BTC 27JUN25 70000 C"])
def test_names_that_no_venue_writes(name: str) -> None:
    """A name of no known form is told, with forms that are."""
    shown = repr(name if len(name) <= 40 else name[:37] + "...")
    assert margin([["Instrument", "Quantity", "IV"], [name, 1.0, 0.5]], MARKET) == (
        f"#PM! row 2: Instrument {shown} has no form that is known: write it as the venue does, such as "
        "BTC-27JUN25-70000-C, BTC-PERPETUAL, BTC-USD-240628-70000-C, BTCUSDT")


def test_a_name_that_two_venues_share_follows_the_venue_column() -> None:
    """The same name is coin-settled at Deribit, the default, and linear at Bybit."""
    rows: Grid = [["Instrument", "Venue", "Quantity", "IV"]]
    rows += [[CALL_NAME, venue, 1.0, 0.5] for venue in (None, "Bybit", "OKEx")]
    assert read_book(rows, MARKET).instruments.inverse.tolist() == [True, False]
    assert read_book(rows, MARKET).instrument.tolist() == [0, 1, 1]


@pytest.mark.parametrize(("word", "kind"), [
    ("S", SPOT), ("stock", SPOT), ("cash", SPOT), ("F", FUTURE), ("Futures", FUTURE), ("perp", PERPETUAL),
    ("Perpetual", PERPETUAL), ("C", CALL), ("CALL", CALL), ("Call option", CALL), ("p", PUT), (" put ", PUT)])
def test_types_in_any_common_spelling(word: str, kind: int) -> None:
    """A type may be abbreviated and spelled in any case."""
    assert one(option(Type=word)).kind.tolist() == [kind]


def test_rows_without_an_instrument_are_named_in_deribits_spelling() -> None:
    """Messages and tables call a contract of columns by a venue's name, days standing in for a date."""
    rows = [["Underlying", "Type", "Strike", "Expiry", "DTE", "Quantity", "IV"],
            ["BTC", "C", 70_000.0, "27JUN25", None, 1.0, 0.5],
            ["BTC", "P", 2.5, None, 30.0, 1.0, 0.5], ["ETH", "perp", None, None, None, 1.0, None],
            ["ETH", "F", None, 45835.0, None, 1.0, None], ["ETH", "S", None, None, None, 1.0, None]]
    names = read_book(rows, MARKET).names
    assert list(names) == ["BTC-27JUN25-70000-C", "BTC-30D-2.5-P", "ETH-PERPETUAL", "ETH-27JUN25", "ETH spot"]
    assert names[1:3] == ["BTC-30D-2.5-P", "ETH-PERPETUAL"]
    assert [row[1] for row in ask("PM_GREEKS", rows, MARKET)[1:6]] == list(names)


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(("cell", "instant"), [
    (dt.date(2025, 6, 27), "2025-06-27 08:00 UTC"),
    (dt.datetime(2025, 6, 27), "2025-06-27 08:00 UTC"),
    (dt.datetime(2025, 6, 27, tzinfo=dt.UTC), "2025-06-27 08:00 UTC"),
    (dt.datetime(2025, 6, 27, 16, 30), "2025-06-27 16:30 UTC"),
    (dt.datetime(2025, 6, 27, 16, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2025-06-27 14:30 UTC"),
    (45835.0, "2025-06-27 08:00 UTC"), (45835, "2025-06-27 08:00 UTC"), (45835.75, "2025-06-27 18:00 UTC"),
    (45835 + 1 / 3, "2025-06-27 08:00 UTC"),
    ("2025-06-27", "2025-06-27 08:00 UTC"), ("2025/6/27", "2025-06-27 08:00 UTC"),
    ("2025-06-27T16:30:00", "2025-06-27 16:30 UTC"), ("2025-06-27 16:30", "2025-06-27 16:30 UTC"),
    ("2025-06-27T16:30:00Z", "2025-06-27 16:30 UTC"), ("2025-06-27 16:30 UTC", "2025-06-27 16:30 UTC"),
    ("2025-06-27T16:30:00+02:00", "2025-06-27 14:30 UTC"),
    ("27JUN25", "2025-06-27 08:00 UTC"), ("27jun25", "2025-06-27 08:00 UTC"), (" 27 June 2025 ", "2025-06-27 08:00 UTC"),
    ("28-Aug-25", "2025-08-28 08:00 UTC"), ("8FEB26", "2026-02-08 08:00 UTC"), ("1 Sept 2025", "2025-09-01 08:00 UTC"),
    ("20321217", "2032-12-17 08:00 UTC"), (20321217.0, "2032-12-17 08:00 UTC"), (20321217, "2032-12-17 08:00 UTC"),
    ("250627", "2025-06-27 08:00 UTC")])
def test_expiry_forms(cell: Any, instant: str) -> None:
    """An expiry in any form is its instant; one that is only a date is 08:00 UTC, a time without a zone is UTC."""
    assert show_instant(float(one(option(Expiry=cell)).expiry[0])) == instant


def test_years_are_act_365_to_the_second() -> None:
    """Years to expiry count the seconds from the valuation time over 365 days."""
    market = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, "2025-06-26T20:00:00Z"]]
    assert one(option(), market).years.tolist() == [0.5 / 365]


@pytest.mark.parametrize("kind", ["call", "put", "future"])
def test_days_to_expiry_are_exact(kind: str) -> None:
    """With DTE, years are DTE / 365 exactly, whatever the clock says."""
    assert one(option(Type=kind, Expiry=None, DTE=30.0)).years.tolist() == [30.0 / 365]
    assert margin(option(Expiry=None, DTE=30.0), [["Underlying", "Spot"], ["BTC", 65_000.0]]) == margin(
        option(Expiry=None, DTE=30.0), MARKET)


def test_days_that_no_expiry_has() -> None:
    """Days must lie ahead, and may not contradict an Expiry."""
    assert margin(option(Expiry=None, DTE=0.0), MARKET) == "#PM! row 2: DTE must be above 0, not 0"
    assert margin(option(Expiry=None, DTE=1e6), MARKET) == "#PM! row 2: DTE must be at most 36,500 days, not 1,000,000"
    assert margin(option(DTE=26.0), MARKET) == "#PM! row 2: DTE stands beside an Expiry: clear one of the two cells"
    assert margin(option(Expiry=None, DTE=None), MARKET) == "#PM! row 2: Expiry must be given"


def test_an_expired_row_is_told() -> None:
    """At and after its expiry an option or a future has no margin, and the row is named."""
    market = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, "2025-06-27T08:00:00Z"]]
    line = ("#PM! row 2: Expiry 2025-06-27 08:00 UTC is not after the valuation time 2025-06-27 08:00 UTC: "
            "remove the expired row, or mend As of in the market range")
    assert margin(option(), market) == line
    assert margin([["Instrument", "Quantity"], ["BTC-27JUN25", 1.0]], market) == line
    assert margin(option(Quantity=-1.0), [market[0], ["BTC", 65_000.0, "2025-06-27T07:59:59Z"]]) > 0.0


# ---------------------------------------------------------------- market: time, forwards, vols


def test_as_of_is_one_value_of_the_range() -> None:
    """The valuation time may stand in any row; a date alone is its midnight; two are a fault; without one it is now."""
    def as_of(*cells: Any) -> float:
        faults = Faults("market")
        market = read_market([["Underlying", "Spot", "As of"], *(["BTC", 65_000.0, cell] for cell in cells)], faults)
        faults.stop()
        return market.as_of

    midnight = dt.datetime(2025, 6, 1, tzinfo=dt.UTC).timestamp()
    assert as_of(None, dt.date(2025, 6, 1), "") == midnight
    assert as_of("2025-06-01T12:30:00Z", dt.datetime(2025, 6, 1, 12, 30)) == midnight + 12.5 * 3600.0
    assert abs(as_of(None) - dt.datetime.now(dt.UTC).timestamp()) < 60.0
    with pytest.raises(MarginError) as error:
        as_of(dt.date(2025, 6, 1), None, dt.date(2025, 6, 2))
    assert str(error.value) == ("market row 4: As of 2025-06-02 00:00 UTC differs from 2025-06-01 00:00 UTC above: "
                                "give the range one valuation time")


def chain(*rows: list[Any]) -> Grid:
    """A market range of BTC's own row and more rows `Expiry, Strike, Forward, IV, Rate`."""
    return [["Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "Rate", "As of"],
            ["BTC", 65_000.0, None, None, None, 0.9, 0.03, AS_OF], *(["BTC", None, *row, None] for row in rows)]


def test_forward_is_taken_from_the_row_then_the_market_then_carried() -> None:
    """Forward, first that is there: the row's, the market's for that expiry, Spot · exp(Rate · years)."""
    years = (JUNE - AS_OF.replace(tzinfo=dt.UTC).timestamp()) / YEAR
    market = chain(["27JUN25", None, 66_000.0, None, None], ["27JUN25", 70_000.0, 66_100.0, 0.5, None],
                   ["26DEC25", None, 1.0, None, None])
    assert one(option(Forward=67_000.0), market).forward.tolist() == [67_000.0]
    assert one(option(), market).forward.tolist() == [66_100.0]  # a chain's own forward at that strike
    assert one(option(Strike=71_000.0), chain(["27JUN25", None, 66_000.0, None, None])).forward.tolist() == [66_000.0]
    assert one(option(), chain()).forward.tolist() == [65_000.0 * math.exp(0.03 * years)]
    assert one(option(Spot=50_000.0), chain()).forward.tolist() == [50_000.0 * math.exp(0.03 * years)]
    assert one(option(), chain(["27JUN25", None, None, None, 0.05])).rate.tolist() == [0.05]


def test_spot_of_a_row_holds_for_that_row_alone() -> None:
    """Spot on a row beats the market's, and other rows keep theirs."""
    header, row = option(Spot=50_000.0)
    assert read_book([header, row, [*row[:-1], None]], MARKET).instruments.spot.tolist() == [50_000.0, 65_000.0]


OFF_SMILE = "was read off the market's smile of 2025-06-27 08:00 UTC, which has no vol at that strike"
SMILE = [["27JUN25", 60_000.0, None, 0.60, None], ["27JUN25", 80_000.0, None, 0.80, None]]


@pytest.mark.parametrize(("strike", "rows", "iv", "note"), [
    (60_000.0, SMILE, 0.60, ""),
    (50_000.0, SMILE, 0.60, f"note: IV 0.6000 {OFF_SMILE}"),
    (90_000.0, SMILE, 0.80, f"note: IV 0.8000 {OFF_SMILE}"),
    (70_000.0, [["27JUN25", None, None, 0.7, None], *SMILE],
     math.sqrt(0.36 + 0.28 * math.log(7 / 6) / math.log(8 / 6)),
     f"note: IV 0.7142 {OFF_SMILE}"),
    (70_000.0, [["27JUN25", None, None, 0.7, None], ["26DEC25", 70_000.0, None, 0.2, None]], 0.7,
     "note: IV 0.7000 is the market's vol of the expiry 2025-06-27 08:00 UTC"),
    (70_000.0, [["26DEC25", 70_000.0, None, 0.2, None]], 0.9, "note: IV 0.9000 is the market's vol of the underlying")])
def test_vols_fall_back_from_the_smile_to_the_underlying(strike: float, rows: Grid, iv: float, note: str) -> None:
    """Without IV and Price: the smile at the strike, between strikes in total variance over log-moneyness and flat beyond
    its ends, the expiry, the underlying; PM_CHECK tells each that is not the very strike."""
    positions = option(Strike=strike, IV=None)
    assert one(positions, chain(*rows)).vol.tolist() == pytest.approx([iv], rel=1e-12)
    table = checked(positions, chain(*rows))
    assert table[0] == ["OK", "", "no fault found", ""]
    assert table[1:] == ([[2.0, "IV", note, "give IV or Price on the row to use another"]] if note else [])


def test_vol_of_the_row_comes_first_then_that_of_its_price() -> None:
    """The row's IV beats its Price as the vol, and the Price stays the mark; without IV the Price gives the vol."""
    held = one(option(IV=0.5), chain(*SMILE))
    price = ask("PM_PRICE", "call", float(held.forward[0]), 70_000.0, float(held.years[0]), 0.42, 0.03)
    both = one(option(IV=0.5, Price=price), chain(*SMILE))
    assert (both.vol.tolist(), both.price.tolist()) == ([0.5], [price])
    assert one(option(IV=None, Price=price), chain(*SMILE)).vol.tolist() == pytest.approx([0.42], rel=1e-9)
    assert checked(option(IV=None, Price=price), chain(*SMILE)) == [["OK", "", "no fault found", ""]]


def test_without_any_vol_the_row_is_told() -> None:
    """No vol is an error that names the row, and so is a price below intrinsic value."""
    cure = "give IV or Price on the row, or a vol in the market range"
    assert margin(option(IV=None), MARKET) == f"#PM! row 2: no IV for this option: {cure}"
    assert checked(option(IV=None), MARKET) == [[2.0, "IV", "no IV for this option", cure]]
    line = margin(option(IV=None, Strike=50_000.0, Price=5.0), MARKET)
    assert line.startswith("#PM! row 2: Price has no implied vol, ")
    assert line.endswith(": mend it, or give IV on the row")


def test_a_whole_chain_is_a_market() -> None:
    """A chain names its points by Instrument, calls and puts, with or without columns for what the name says."""
    rows = [["Instrument", "Spot", "Forward", "IV", "As of"], ["BTC-PERPETUAL", 65_000.0, None, None, AS_OF]]
    rows += [[f"BTC-27JUN25-{strike}-{kind}", 65_000.0, 66_000.0, 0.5 + strike / 1e6, None] for strike in (60_000, 70_000)
             for kind in "CP"]
    held = one(option(IV=None), rows)
    assert held.vol.tolist() == pytest.approx([0.57], rel=1e-15)
    assert (held.forward.tolist(), held.spot.tolist()) == ([66_000.0], [65_000.0])
    assert checked(option(IV=None), rows) == [["OK", "", "no fault found", ""]]
    wide = [[*row, coin] for row, coin in zip(rows, ["Underlying", *["BTC"] * 5])]
    assert margin(option(IV=None), wide) == margin(option(IV=None), rows)


@pytest.mark.parametrize(("header", "row", "line"), [
    (["Underlying", "Spot"], [None, 5.0], "market row 3: Underlying must be given"),
    (["Underlying", "Spot"], ["BTC", 64_000.0],
     "market row 3: Spot 64,000 of BTC differs from 65,000 above: give BTC one Spot"),
    (["Underlying", "Spot"], ["ETH", "3,200"], "market row 3: Spot must be a number, not the text '3,200'"),
    (["Underlying", "Spot"], ["ETH", decimal.Decimal(3)],
     "market row 3: Spot is formatted as currency, which rounds it to 4 decimals before it is read: "
     "format the cell as General"),
    (["Underlying", "Spot", "IV"], ["ETH", 3_200.0, 60.0], "market row 3: IV must be a fraction (0.55 is 55 %), not 60"),
    (["Underlying", "Spot", "Rate"], ["ETH", 3_200.0, 5.0], "market row 3: Rate must be a fraction (0.05 is 5 %), not 5"),
    (["Underlying", "Spot", "Strike"], ["ETH", None, 3_000.0], "market row 3: Expiry must be given where a Strike is"),
    (["Underlying", "Spot", "Strike", "Expiry"], ["ETH", None, -1.0, "27JUN25"],
     "market row 3: Strike must be above 0, not -1"),
    (["Underlying", "Spot", "Expiry"], ["ETH", None, "never"],
     "market row 3: Expiry must be a date such as 2025-06-27 or 27JUN25, not the text 'never'"),
    (["Underlying", "Spot", "Instrument"], ["ETH", None, CALL_NAME],
     "market row 3: Underlying 'ETH' contradicts the Instrument, which has BTC: clear one of the two cells"),
    (["Underlying", "Spot", "Instrument", "Strike"], ["BTC", None, CALL_NAME, 5.0],
     "market row 3: Strike 5 contradicts the Instrument, which has 70,000: clear one of the two cells"),
    (["Underlying", "Spot", "Instrument"], ["BTC", None, "BTC option"],
     "market row 3: Instrument 'BTC option' has no form that is known: write it as the venue does, such as "
     "BTC-27JUN25-70000-C"),
    (["Coin", "Spot"], ["BTC", 1.0], "market row 1: no column Underlying: add it (the headings found are: Coin, Spot)")])
def test_market_cells_that_cannot_be_read(header: list[Any], row: list[Any], line: str) -> None:
    """A fault of the market range is told as its own row, by PM_MARGIN and by PM_CHECK."""
    market = [header, ["BTC", 65_000.0, *[None] * (len(header) - 2)], row]
    positions = option(Expiry="27JUN45")
    assert margin(positions, market) == f"#PM! {line}"
    assert checked(positions, market)[0][0] == line.partition(":")[0]


def test_a_blank_market_is_no_market() -> None:
    """A blank cell and a range of blank cells count as left out."""
    positions = option(Expiry=None, DTE=30.0, Spot=65_000.0)
    assert len({margin(positions, blank) for blank in (None, "", " ", [[None]], [["", None], [None, " "]], [])}) == 1


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
        3.0, "Order", "note: this open order is not a position: methods without a rule for orders leave it out"]
    assert [line[4] for line in ask("PM_EXPLAIN", rows, MARKET) if line[1] == "Open orders"] == ["not modelled"]


ARRAY = [100.0, 200.0, -300.0, 400.0, 500.0, -600.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 650.0, -16.0]


@pytest.mark.parametrize("headings", [list(range(1, 17)), [float(n) for n in range(1, 17)], [str(n) for n in range(1, 17)],
                                      [f"{n} " for n in range(1, 17)]])
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
        "#PM! row 2: 16 must be given: a risk array has all sixteen numbers or none")
    assert margin([header, [*row, *ARRAY[:15], "x"]], MARKET) == "#PM! row 2: 16 must be a number, not 'x'"
    assert margin([header[:-1], [*row, *ARRAY[:15]]], MARKET).startswith("#PM! row 2: 16 must be given")
    assert "own sixteen numbers, which serve SPAN alone" in ask(
        "PM_SCENARIO_PNL", [header, [*row, *ARRAY]], -0.1, 0.0, None, MARKET)


def test_multiplier_scales_the_quantity() -> None:
    """Quantity × Multiplier is the position in units of the underlying."""
    assert margin(option(Quantity=5.0, Multiplier=0.2), MARKET) == margin(option(Quantity=1.0), MARKET)


def test_a_book_of_a_header_alone_is_flat() -> None:
    """A header row without positions is a book without positions: its margin is 0."""
    for name in ("PM_MARGIN", "PM_MAINTENANCE", "PM_SCANNING_RISK"):
        assert ask(name, [["Instrument", "Quantity"], [None, None]], MARKET) == 0.0
    assert checked([["Instrument", "Quantity"]], MARKET) == [["OK", "", "no fault found", ""]]


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize("parameters", [
    [["price_scan_range", 0.3]], [["Parameter", "Value"], ["price_scan_range", 0.3]], ["price_scan_range", 0.3],
    [[" Value", "PARAMETER", "Note"], [0.3, "Price Scan Range", "mine"]],
    [[None, None], ["Parameter", "Value"], [None, None], ["price_scan_range", 0.3], ["", None]],
    [["BTC", "price_scan_range", 0.3]],
    [["Underlying", "Parameter", "Value"], [None, "price_scan_range", 0.3], ["ETH", "price_scan_range", 9]],
    [["BTC.price_scan_range", 0.3]], [["price_scan_range", 0.1], ["btc.price_scan_range", 0.3]]])
def test_parameters_in_every_form(parameters: Any) -> None:
    """Two columns or three, with or without a header, in any order under one; an underlying's own value beats all's."""
    book = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0]]
    array = ask("PM_RISK_ARRAY", book, MARKET, "SPAN", parameters)
    assert max(row[2] for row in array[1:15]) == pytest.approx(0.3)


SHAPE = "the range must have two columns Parameter, Value or three Underlying, Parameter, Value"


@pytest.mark.parametrize(("parameters", "line"), [
    ([["price_scan_range", 0.1], ["Price scan range", 0.2]],
     "parameters row 2: price_scan_range is given twice: remove one of the two rows"),
    ([["Parameter", "Value"], ["price_scan_range", "15%"]],
     "parameters row 2: price_scan_range must be a number, not '15%'"),
    ([["price_scan_range", 15.0]], "price_scan_range of BTC must be a fraction (0.11 is 11 %), not 15: divide it by 100, or set "
     "price_range_kind to amount"),
    ([["price_scan_range", -0.1]], "parameters row 1: price_scan_range must be from 0 to 1e+12 fraction of price, or amount, "
     "not -0.1"),
    ([["Parameter", "Value"], ["vol_shift", "sideways"]],
     "parameters row 2: vol_shift must be one of relative, absolute, not 'sideways'"),
    ([["price_scan_range", True]], "parameters row 1: price_scan_range must be a number, not TRUE"),
    ([["price_scan_range", decimal.Decimal("0.1")]],
     "parameters row 1: price_scan_range is formatted as currency, which rounds it to 4 decimals before it is read: "
     "format the cell as General"),
    ([["price_scan_range", -2146826246]], "parameters row 1: Value holds the error #N/A: mend the formula in that cell"),
    ([["Parameter", "Value"], ["price_scan_range", None]],
     "parameters row 2: price_scan_range has no value: type one, or clear the row"),
    ([["Parameter", "Value"], [None, 0.5]], "parameters row 2: Parameter must be a name, not 'None'"),
    ([[None, None], ["Parameter", "Value"], [5.0, 0.5]], "parameters row 2: Parameter must be a name, not 5"),
    ([[True, "price_scan_range", 0.1]], "parameters row 1: Underlying must be text, not TRUE"),
    ([["a", "b", "c", "d"]], f"parameters row 1: {SHAPE}, not 4"),
    (0.5, f"parameters row 1: {SHAPE}, not 1")])
def test_parameters_that_cannot_be_read(parameters: Any, line: str) -> None:
    """A parameter that is given twice, does not fit or cannot be read is told with its row."""
    assert margin(option(), MARKET, "SPAN", parameters) == f"#PM! {line}"


def test_an_unknown_parameter_lists_the_known_ones() -> None:
    """PM_MARGIN asks its own method, PM_COMPARE all that it compares."""
    known = ", ".join(dict.fromkeys(row[1] for row in ask("PM_PARAMETERS", "SPAN")[1:]))
    parameters = [["Parameter", "Value"], ["scan_range", 0.1]]
    assert margin(option(), MARKET, "span", parameters) == (
        f"#PM! parameters row 2: SPAN has no parameter 'scan_range': it knows {known}")
    assert ask("PM_COMPARE", option(), MARKET, "SPAN", parameters) == (
        f"#PM! parameters row 2: no method here has a parameter 'scan_range': they know {known}")


@pytest.mark.parametrize("blank", [None, "", " ", [[None]], [["", None], [" ", None]]])
def test_a_blank_optional_argument_counts_as_left_out(blank: Any) -> None:
    """None, "" and ranges of blank cells in the place of method and parameters mean the default."""
    method = blank if not isinstance(blank, list) or len(blank) == 1 else None
    assert margin(option(), MARKET, method, blank, blank) == margin(option(), MARKET)


# ---------------------------------------------------------------- a desk's own scenarios

PERPETUALS: Grid = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0], ["ETH-PERPETUAL", -10.0]]


@pytest.mark.parametrize(("rows", "meant"), [
    ([["down", None, -0.1, None, None, None]], 6_500.0 - 3_200.0),
    ([["down", "", -0.1, 0.2, 0.0, 0.5]], 0.5 * (6_500.0 - 3_200.0)),
    ([["down", "BTC", -0.1, None, None, None]], 6_500.0),
    ([["split", "BTC", -0.1, 0, 0, None], ["split", "ETH", 0.2, 0, 0, None]], 6_500.0 + 6_400.0),
    ([["split", "btc", -0.1, 0, 0, None], ["split", None, 0.2, 0, 0, None]], 6_500.0 + 6_400.0),
    ([["up", None, 0.1, 0, 0, 1], ["down", None, -0.2, 0, 0, 1], [None] * 6, [1.0, None, -0.3, 0, 0, 1]], 0.3 * 33_000.0),
    ([["up", None, 0.1, 0, 0, 1]], 0.0)])
def test_stress_takes_a_scenario_table(rows: Grid, meant: float) -> None:
    """STRESS is the worst loss over the desk's own scenarios; a blank Underlying is all, one not named does not move."""
    table = [["Scenario", "Underlying", "Price move", "Vol move", "Days", "Weight"], *rows]
    assert margin(PERPETUALS, MARKET, "STRESS", table) == pytest.approx(meant, rel=1e-12)


@pytest.mark.parametrize(("rows", "line"), [
    ([], "parameters row 1: the scenario table has no rows: fill at least one scenario"),
    ([["a", None, -1.5]], "parameters row 2: Price move must be at least −1 (the price falls to 0), not -1.5"),
    ([["a", None, "-10%"]], "parameters row 2: Price move must be a number, not the text '-10%'"),
    ([["a", None, -0.1], [None, None, -0.2]], "parameters row 3: Scenario must be given"),
    ([["a", None, -0.1], ["a", "", -0.2]],
     "parameters row 3: scenario 'a' has two rows for all underlyings: remove one, or give it another name")])
def test_scenario_tables_that_cannot_be_read(rows: Grid, line: str) -> None:
    """A scenario table's faults are told with their row of the parameters range."""
    assert margin(PERPETUALS, MARKET, "STRESS", [["Scenario", "Underlying", "Price move"], *rows]) == f"#PM! {line}"


def test_stress_without_a_table_says_what_to_give() -> None:
    """STRESS has no scenarios of its own."""
    answer = margin(PERPETUALS, MARKET, "STRESS")
    assert answer.startswith("#PM! STRESS needs your own scenarios: give as parameters a range")


# ---------------------------------------------------------------- single cells


@pytest.mark.parametrize(("arguments", "line"), [
    (("x", 0.0), "price_move must be a number, not 'x'"),
    ((None, 0.0), "price_move is missing: give a fraction of at least −1"),
    ((-1.5, 0.0), "price_move must be a fraction of at least −1, not -1.5"),
    ((0.1, [[0.1, 0.2]]), "vol_move must be one cell, not a range of 2 cells"),
    ((0.1, "10%"), "vol_move must be a number, not the text '10%'"),
    ((0.1, 0.1, -1.0), "days must be a number of days of at least 0, not -1")])
def test_single_cells_that_cannot_be_read(arguments: tuple[Any, ...], line: str) -> None:
    """An argument of one cell names itself."""
    assert ask("PM_SCENARIO_PNL", PERPETUALS, *arguments, *[None] * (3 - len(arguments)), MARKET) == f"#PM! {line}"


def test_a_cell_as_a_range_of_one_is_that_cell() -> None:
    """Faces that hand every argument over as a matrix mean the one cell in it."""
    assert ask("PM_SCENARIO_PNL", PERPETUALS, [[-0.1]], [[0.0]], [[""]], MARKET) == pytest.approx(-3_300.0)
    assert margin(PERPETUALS, MARKET, [["span"]]) == margin(PERPETUALS, MARKET)
    assert margin(PERPETUALS, MARKET, 5.0) == "#PM! method must be a text, not 5"
    assert margin(PERPETUALS, MARKET, "#N/A") == "#PM! method holds the error #N/A: mend the formula in that cell"
