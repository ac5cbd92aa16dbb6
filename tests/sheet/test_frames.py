"""Ranges as Python programs hold them: whatever holds the cells, the answer is the one of the plain lists."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pytest
from range_books import ask

import xlmargin as xm
from xlmargin.sheet.cells import without_blank_end

Grid = list[list[Any]]
Kind = Callable[[Grid], Any]

EXPIRY, AS_OF = dt.datetime(2025, 6, 27, 8), dt.datetime(2025, 6, 1, 12, 30)
MARKET: Grid = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, AS_OF], ["ETH", 3_200.0, None]]
POSITIONS: Grid = [
    ["Underlying", "Type", "Strike", "Expiry", "IV", "Quantity", "Account"],
    ["BTC", "put", 60_000.0, EXPIRY, 0.6, -2.0, "a"],
    ["BTC", "call", 70_000.0, EXPIRY, 0.5, 1.0, "b"],
    ["ETH", "perp", None, None, None, 3.0, "a"],
]


def frame(rows: Grid) -> pd.DataFrame:
    """The rows as a frame: what is missing is NaN, None or NaT, as pandas chooses."""
    return pd.DataFrame(rows[1:], columns=rows[0])


def structured(rows: Grid) -> Any:
    """The rows as an array of records with dates in days, one text column of a fixed width."""
    kinds = ["U3", "U4", "f8", "M8[ns]", "f8", "f8", "U1"]
    return np.array([tuple(row) for row in rows[1:]], np.dtype(list(zip(rows[0], kinds))))


class Coin(StrEnum):
    """Names of coins as some programs hold them."""

    BTC = "BTC"
    ETH = "ETH"


KINDS: dict[str, Kind] = {
    "frame": frame,
    "frame of nullable columns": lambda rows: frame(rows).convert_dtypes(),
    "frame of categories": lambda rows: frame(rows).astype({"Underlying": "category", "Type": "category", "Account": "category"}),
    "frame of objects": lambda rows: frame(rows).astype(object),
    "frame with another index": lambda rows: frame(rows).set_axis([7, 7, 9]),
    "frame with its index as a column": lambda rows: frame(rows).set_index("Underlying"),
    "frame with two levels of rows": lambda rows: frame(rows).set_index(["Account", "Underlying"]),
    "frame of moments in seconds": lambda rows: frame(rows).astype({"Expiry": "datetime64[s]"}),
    "frame of moments with a zone": lambda rows: frame(rows).assign(Expiry=frame(rows)["Expiry"].dt.tz_localize("UTC")),
    "frame of moments in another zone": lambda rows: frame(rows).assign(
        Expiry=frame(rows)["Expiry"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    ),
    "frame of dates": lambda rows: frame(rows).assign(Expiry=[EXPIRY.date(), EXPIRY.date(), None]),
    "frame of decimals": lambda rows: frame(rows).assign(Quantity=[Decimal("-2"), Decimal("1"), Decimal("3")]),
    "frame of whole numbers": lambda rows: frame(rows).astype({"Quantity": "int64"}),
    "frame of single precision": lambda rows: frame(rows).astype({"Strike": "float32", "Quantity": "float32"}),
    "frame of Arrow's columns": lambda rows: frame(rows).convert_dtypes(dtype_backend="pyarrow"),
    "records": lambda rows: frame(rows).to_dict("records"),
    "records that lack what is blank": lambda rows: [
        {key: cell for key, cell in zip(rows[0], row) if cell is not None} for row in rows[1:]
    ],
    "mapping of lists": lambda rows: frame(rows).to_dict("list"),
    "mapping of series": lambda rows: frame(rows).to_dict("series"),
    "mapping of arrays": lambda rows: {name: column.to_numpy() for name, column in frame(rows).items()},
    "records of an array": structured,
    "record array": lambda rows: frame(rows).to_records(index=False),
    "array of objects": lambda rows: np.array(rows, object),
    "list of arrays": lambda rows: [np.array(row, object) for row in rows],
    "table of Arrow": lambda rows: pytest.importorskip("pyarrow").Table.from_pandas(frame(rows)),
    "frame of periods of a day": lambda rows: frame(rows).assign(Expiry=frame(rows)["Expiry"].dt.to_period("D")),
    "tuple of tuples": lambda rows: tuple(map(tuple, rows)),
    "lists with scalars of NumPy": lambda rows: [
        [np.str_("Underlying"), *rows[0][1:]],
        [np.str_("BTC"), "put", np.int64(60_000), np.datetime64(EXPIRY, "ns"), np.float64(0.6), np.float32(-2.0), "a"],
        [Coin.BTC, "call", np.float32(70_000.0), np.datetime64(EXPIRY), 0.5, np.int8(1), "b"],
        [Coin.ETH, "perp", None, np.datetime64("NaT"), None, np.uint16(3), "a"],
    ],
    "lists with what pandas calls missing": lambda rows: [
        *rows[:2],
        [*rows[2][:3], pd.Timestamp(EXPIRY), *rows[2][4:]],
        ["ETH", "perp", pd.NA, pd.NaT, pd.NA, 3.0, "a"],
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_range_answers_as_the_lists_do(kind: str) -> None:
    """A margin, and the account and the contract of each row."""
    made = KINDS[kind](POSITIONS)
    for name in ("PM_MARGIN", "PM_GREEKS", "PM_ACCOUNTS"):
        expected = ask(name, POSITIONS, MARKET)
        assert not isinstance(expected, str)
        assert ask(name, made, MARKET) == expected


@pytest.mark.parametrize("market", [frame(MARKET), frame(MARKET).set_index("Underlying"), frame(MARKET).to_dict("list")])
def test_a_market_may_be_a_frame(market: Any) -> None:
    """Spots and the valuation time."""
    assert ask("PM_MARGIN", frame(POSITIONS), market) == ask("PM_MARGIN", POSITIONS, MARKET)


def test_a_mapping_of_spots_is_a_market() -> None:
    """The shortest market that there is; Series of spots, too."""
    positions = [["Underlying", "Type", "Quantity"], ["BTC", "perp", 1.0], ["ETH", "perp", -1.0]]
    expected = ask("PM_MARGIN", positions, [row[:2] for row in MARKET])
    for market in ({"BTC": 65_000, "ETH": 3_200.0}, pd.Series({"BTC": 65_000.0, "ETH": 3_200.0}), {"BTC": np.float64(65e3), "ETH": 3200}):
        assert ask("PM_MARGIN", positions, market) == expected


def test_what_can_be_listed_once_is_a_range() -> None:
    """An iterator of rows or of records, and the numbers of a range of Python's."""
    expected = ask("PM_MARGIN", POSITIONS, MARKET)
    records = frame(POSITIONS).to_dict("records")
    for made in (iter(POSITIONS), (record for record in records), dict(enumerate(records)).values()):
        assert xm.margin(made, MARKET) == expected
    assert ask("PM_PRICE", "call", 70_000.0, range(60_000, 62_000, 1_000), 0.1, 0.5) == ask(
        "PM_PRICE", "call", 70_000.0, [60_000.0, 61_000.0], 0.1, 0.5
    )


def test_single_values_stand_in_every_row_or_are_the_one_row() -> None:
    """As pandas reads a mapping of lists and single values; under the headings of a market single values are its one row."""
    expected = ask("PM_MARGIN", POSITIONS[:3], MARKET[:2])
    assert expected > 0.0
    for made in ({"Underlying": "BTC", "Spot": 65_000.0, "As of": AS_OF}, {"Underlying": ["BTC"], "Spot": 65_000.0, "As of": [AS_OF]}):
        assert ask("PM_MARGIN", POSITIONS[:3], made) == expected
    book = {"Instrument": "BTC-PERPETUAL", "Quantity": [1.0, 2.0]}
    assert ask("PM_MARGIN", book, MARKET) == ask("PM_MARGIN", [["Instrument", "Quantity"], ["BTC-PERPETUAL", 3.0]], MARKET)


def test_parameters_balances_and_accounts_may_be_mappings() -> None:
    """Keys and values stand under the headings that the argument has."""
    own = [["Parameter", "Value"], ["price_scan_range", 0.3], ["vol_shift", "absolute"]]
    expected = ask("PM_MARGIN", POSITIONS, MARKET, None, own)
    assert expected != ask("PM_MARGIN", POSITIONS, MARKET)
    for given in (dict(own[1:]), pd.Series(dict(own[1:])), frame(own), [dict(zip(own[0], row)) for row in own[1:]]):
        assert ask("PM_MARGIN", POSITIONS, MARKET, None, given) == expected
    cash = [["Currency", "Amount"], ["USD", 50_000.0], ["BTC", 1.5]]
    for given in (dict(cash[1:]), pd.Series(dict(cash[1:])), frame(cash), {"USD": Decimal(50_000), "BTC": np.float32(1.5)}):
        assert ask("PM_STATUS", POSITIONS, given, MARKET) == ask("PM_STATUS", POSITIONS, cash, MARKET)
        assert ask("PM_ACCOUNTS", POSITIONS, MARKET, given) == ask("PM_ACCOUNTS", POSITIONS, MARKET, cash)
    facts = [["Field", "Value"], ["Equity", 6e6], ["Intraday monitoring", True]]
    assert ask("PM_QUALIFY", dict(facts[1:])) == ask("PM_QUALIFY", facts)


def test_the_days_of_a_history_may_be_its_index() -> None:
    """As data vendors give closes: an index of dates, whatever its name, with or without a zone."""
    days = pd.date_range("2025-01-01", periods=150)
    closes = 60_000.0 * np.exp(0.02 * np.sin(np.arange(150.0) ** 2))
    rows = [["Date", "BTC"], *([day.to_pydatetime(), close] for day, close in zip(days, closes.tolist()))]
    book = [POSITIONS[0], *POSITIONS[1:3]]
    expected = ask("PM_VAR", book, rows, 0.99, 1, MARKET)
    assert expected > 0.0
    for index in (days, days.rename("when"), days.rename("Date"), days.tz_localize("UTC"), days.to_period("D"), pd.Index(days.date)):
        past = pd.DataFrame({"BTC": closes}, index=index)
        assert ask("PM_VAR", book, past, 0.99, 1, MARKET) == expected
        assert ask("PM_VAR", book, past["BTC"], 0.99, 1, MARKET) == expected
    assert ask("PM_VAR", book, frame(rows), 0.99, 1, MARKET) == expected


def test_columns_of_numbers_may_be_series_arrays_or_lists() -> None:
    """An index says nothing there."""
    prices, strikes = [4_000.0, 3_000.0], [70_000.0, 72_000.0]
    expected = ask("PM_IV", "call", [[price] for price in prices], 70_000.0, [[strike] for strike in strikes], 0.1)
    assert len(expected) == 2
    assert ask("PM_IV", "call", pd.Series(prices, index=[5, 5]), 70_000.0, pd.Series(strikes), 0.1) == expected
    assert [row[0] for row in expected] == ask("PM_IV", "call", np.array(prices), 70_000.0, np.array(strikes), 0.1)[0]
    gains, held = pd.Series([1.0, -3.0, 2.0], name="pnl"), np.array([2.0, 2.0, 2.0])
    assert ask("PM_BACKTEST", gains, held) == ask("PM_BACKTEST", gains.tolist(), held.tolist())


@pytest.mark.parametrize("cell", [math.nan, np.float64("nan"), np.float32("nan")])
def test_nan_in_a_list_or_an_array_of_numbers_is_told(cell: Any) -> None:
    """There it is the result of a calculation that failed; in a table with named columns nothing is there."""
    listed = [POSITIONS[0], [*POSITIONS[1][:4], cell, *POSITIONS[1][5:]]]
    assert ask("PM_MARGIN", listed, MARKET) == "#PM! row 2: IV must be a finite number below 1e15, not nan"
    assert ask("PM_MARGIN", frame(POSITIONS).assign(IV=cell), MARKET).startswith("#PM! row 2: no IV for this option")
    assert ask("PM_IV", "call", np.array([cell, 1.0]), 70_000.0, 70_000.0, 0.1).startswith("#PM! row 1: price must be a finite number")


@pytest.mark.parametrize("column", [pd.to_timedelta([10, 10, 10], unit="D"), [dt.timedelta(10)] * 3, np.array([10] * 3, "m8[ns]")])
def test_a_span_of_time_is_never_read_as_a_number(column: Any) -> None:
    """Nanoseconds would be a plausible number of units."""
    for made in (frame(POSITIONS).assign(Quantity=column), frame(POSITIONS).assign(Quantity=column).to_records(index=False)):
        assert ask("PM_MARGIN", made, MARKET).startswith("#PM! row 2: Quantity must be a number, not ")
    assert ask("PM_PRICE", "call", 70_000.0, 70_000.0, np.array([10], "m8[ns]"), 0.5).startswith("#PM! row 1: years must be a number")


def test_what_has_no_meaning_is_told() -> None:
    """Two levels of columns, columns of two lengths, a mapping of single values where a table is wanted, a heading twice."""
    wide = pd.concat({"x": frame(POSITIONS)}, axis=1)
    assert ask("PM_MARGIN", wide, MARKET).startswith("#PM! positions row 1: the columns have 2 levels: keep one")
    assert "columns have 1 and 2 values" in ask("PM_MARGIN", {"Underlying": ["BTC"], "Quantity": [1.0, 2.0]}, MARKET)
    assert "give a list of values for each heading" in ask("PM_MARGIN", {"Underlying": "BTC", "Quantity": 1.0}, MARKET)
    twice = pd.concat([frame(POSITIONS), frame(POSITIONS)[["Quantity"]]], axis=1)
    assert ask("PM_MARGIN", twice, MARKET) == "#PM! positions row 1: the heading Quantity stands twice: remove one of the two columns"
    both = frame(POSITIONS).set_index("Quantity", drop=False)
    assert ask("PM_MARGIN", both, MARKET) == "#PM! positions row 1: the heading Quantity stands twice: remove one of the two columns"


class Right(Enum):
    """A kind of option that is no text."""

    PUT = "put"


ODD: list[Any] = [
    *(pd.NaT, pd.NA, math.nan, math.inf, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), np.datetime64("NaT"), 10**400, ...),
    *(pd.Period("2026-01", "M"), pd.Interval(0, 1), pd.Timedelta(days=3), pd.Timestamp.max, pd.Timestamp.min, pd.offsets.Day(1)),
    *(np.timedelta64(5, "D"), np.datetime64("300000-01-01"), np.datetime64("2026-12"), np.longdouble(1.5), np.complex64(1), np.void(b"a")),
    *(np.array([1, 2]), np.array([]), np.uint64(2**63), np.ma.masked, pd.Series([1]), pd.DataFrame({"a": [1]}), pd.Index(["a"])),
    *(
        [1],
        {"a": 1},
        {1},
        (1, 2),
        b"x",
        1 + 2j,
        object(),
        range(3),
        Right.PUT,
        dt.time(3),
        type,
        pd.Timestamp("2026-12-25", tz="Asia/Tokyo"),
    ),
]


@pytest.mark.parametrize("batch", range(4))
def test_no_cell_that_python_can_hold_ends_in_a_report_of_a_bug(batch: int) -> None:
    """One or two odd cells in a book of any form, and odd things as whole arguments: a number, or a line about the cell."""
    draw = random.Random(batch)
    forms: list[Callable[[dict[str, list[Any]]], Any]] = [
        lambda d: pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in d.items()}),
        dict,
    ]
    forms += [lambda d: [dict(zip(d, row)) for row in zip(*d.values())], lambda d: [list(d), *map(list, zip(*d.values()))]]
    for _ in range(40):
        book = dict(zip(POSITIONS[0], map(list, zip(*POSITIONS[1:]))))
        for _ in range(draw.choice((1, 2))):
            book[draw.choice(POSITIONS[0])][draw.randrange(3)] = draw.choice(ODD)
        for form in forms:
            made = form(book)
            answers = [
                ask("PM_MARGIN", made, MARKET),
                ask("PM_CHECK", made, MARKET),
                ask("PM_STATUS", made, {"USD": draw.choice(ODD)}, MARKET),
            ]
            answers += [ask("PM_MARGIN", POSITIONS, draw.choice(ODD), None, {"price_scan_range": draw.choice(ODD)})]
            answers += [ask("PM_PRICE", "call", draw.choice(ODD), pd.Series([1.0, 2.0]), 0.1, 0.5)]
            assert not [answer for answer in answers if isinstance(answer, str) and "please report" in answer]


def test_a_frame_is_not_changed_and_its_next_state_is_read() -> None:
    """An edit in place gives another answer, as a new frame would."""
    book = frame(POSITIONS)
    before = book.copy(deep=True)
    first = ask("PM_MARGIN", book, MARKET)
    pd.testing.assert_frame_equal(book, before)
    book.loc[0, "Quantity"] = -4.0
    assert (
        ask("PM_MARGIN", book, MARKET) == ask("PM_MARGIN", [POSITIONS[0], [*POSITIONS[1][:5], -4.0, "a"], *POSITIONS[2:]], MARKET) != first
    )


def test_blank_rows_at_the_end_are_cut_below_a_cell_without_a_truth_of_its_own() -> None:
    """Such a cell cannot be compared with a blank one."""
    rows: list[list[Any]] = [["Name", "Note"], [pd.NA, pd.NA], *([None, None] for _ in range(9))]
    assert without_blank_end(rows) == rows[:2]
