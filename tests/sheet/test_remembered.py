"""What is remembered between two calls never shows: every answer is the one that nothing remembered would give."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from forgetting import forget
from hypothesis import given, settings
from hypothesis import strategies as st
from range_books import MARKET, Grid, ask

from xlmargin.book import market as book_market
from xlmargin.memory import Recent
from xlmargin.sheet.answers import margins
from xlmargin.sheet.ranges import remembered
from xlmargin.sheet.ranges.remembered import read_book

FUNCTIONS = ("PM_MARGIN", "PM_SCANNING_RISK", "PM_RISK_ARRAY", "PM_EXPLAIN", "PM_GREEKS", "PM_CHECK", "PM_MAINTENANCE")
TWO_RANGES = ("PM_GREEKS", "PM_CHECK")
STORES = [(remembered, name) for name in ("_sheets", "_quotes", "_books", "_priced")] + [
    (margins, "_cases"),
    (margins, "_margins"),
    (import_module("xlmargin.methods"), "_arrays"),  # on the package the name is a function
]
HEADER = ["Instrument", "Quantity", "Side", "IV", "Account", "Expiry", "Note"]
DAY, NEXT = dt.datetime(2025, 6, 27), dt.datetime(2025, 6, 28)
CET = dt.timezone(dt.timedelta(hours=2))
SHEET: Grid = [
    HEADER,
    ["BTC-27JUN25-70000-C", 1.0, None, 0.5, "a", DAY, None],
    ["BTC-27JUN25-60000-P", -2.0, None, 0.6, "a", None, None],
    ["ETH-PERPETUAL", 3.0, "sell", None, "b", None, None],
    [None, None, None, None, None, None, "not a row"],
    ["BTC-27JUN25-70000-C", 1.0, "buy", 0.5, "b", None, None],
]
CELLS = [
    1,
    1.0,
    True,
    False,
    "1",
    None,
    "",
    " ",
    0,
    0.0,
    -0.0,
    -1.0,
    2.5,
    float("nan"),
    float("inf"),
    Decimal(1),
    "#N/A",
    -2146826246,
    "buy",
    "sell",
    DAY,
    NEXT,
    DAY.replace(tzinfo=dt.UTC),
    DAY.replace(hour=2, tzinfo=CET),
    DAY.date(),
    np.float64(1.0),
    np.int64(1),
    {"type": "Error", "basicValue": "#N/A"},
    [1.0],
    "BTC-27JUN25-70000-C",
    "Quantity",
]
PARAMETERS: list[Any] = [
    None,
    [["price_scan_range", 0.2]],
    [["price_scan_range", 0.2], ["initial_ratio", 1]],
    [["price_scan_range", True]],
    [["price_scan_range", 1]],
    [["nonsense", 1.0]],
]
MARKETS: list[Any] = [
    MARKET,
    [*MARKET[:1], ["BTC", 66_000.0, MARKET[1][2]], MARKET[2]],
    None,
    [["Underlying"], ["BTC"]],
    [["Underlying", "Spot", "As of", "Rate"], ["BTC", 65_000.0, dt.datetime(2025, 6, 2), 1], ["ETH", 3e3, None, 0]],
]


@contextmanager
def nothing_remembered() -> Iterator[None]:
    """Every store keeps nothing, and what was kept before comes back after."""
    before = [getattr(module, name) for module, name in STORES]
    for module, name in STORES:
        setattr(module, name, Recent(0))
    try:
        yield
    finally:
        for (module, name), store in zip(STORES, before):
            setattr(module, name, store)


def answers(sheet: Any, market: Any, method: Any, parameters: Any) -> list[str]:
    """Every function's answer, written so that types and signs of zero count."""
    beside = {name: (market,) if name in TWO_RANGES else (market, method, parameters) for name in FUNCTIONS}
    return [repr(ask(name, sheet, *beside[name])) for name in FUNCTIONS]


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, int, int, Any]:
    """One edit: what is done, at which row and column, with which cell."""
    what = draw(
        st.sampled_from(
            [
                "cell",
                "cell",
                "quantity",
                "quantity",
                "undo",
                "swap",
                "blank row above",
                "drop row",
                "form",
                "market",
                "parameters",
                "method",
                "short row",
            ]
        )
    )
    return what, draw(st.integers(0, 8)), draw(st.integers(0, len(HEADER) - 1)), draw(st.sampled_from(CELLS))


def edited(sheet: Grid, what: str, row: int, column: int, cell: Any) -> None:
    """Do one edit in place."""
    at = row % len(sheet) if sheet else 0
    if what == "cell" and column < len(sheet[at]):
        sheet[at][column] = cell
    elif what == "quantity" and len(sheet[at]) > 2:
        sheet[at][1 + column % 2] = cell
    elif what == "swap":
        sheet[at], sheet[-1] = sheet[-1], sheet[at]
    elif what == "blank row above":
        sheet.insert(0, [None] * len(HEADER))
    elif what == "drop row" and len(sheet) > 2:
        del sheet[at]
    elif what == "short row":
        sheet[at] = sheet[at][: max(1, column)]


@settings(max_examples=25)
@given(st.lists(edits(), min_size=1, max_size=12))
def test_a_sequence_of_edits_answers_like_a_first_look(steps: list[tuple[str, int, int, Any]]) -> None:
    """Whatever is edited, undone, mutated in place or handed over as tuples, the answers are those of a fresh process."""
    forget()
    sheet, market, method, parameters = [list(row) for row in SHEET], MARKET, "SPAN", None
    history = [[list(row) for row in sheet]]
    for what, row, column, cell in steps:
        edited(sheet, what, row, column, cell)
        if what == "undo":
            sheet = [list(each) for each in history[row % len(history)]]
        market = MARKETS[row % len(MARKETS)] if what == "market" else market
        parameters = PARAMETERS[row % len(PARAMETERS)] if what == "parameters" else parameters
        method = ("SPAN", "OKX", "DERIBIT", "STRESS", "DERIBIT_SM", "DERIVE")[row % 6] if what == "method" else method
        history.append([list(each) for each in sheet])
        raw = tuple(map(tuple, sheet)) if what == "form" else sheet
        with nothing_remembered():
            fresh = answers(raw, market, method, parameters)
        assert answers(raw, market, method, parameters) == fresh
        assert answers(raw, market, method, parameters) == fresh


@pytest.mark.parametrize("column", [1, 3])
def test_cells_that_python_holds_equal_are_told_apart(column: int) -> None:
    """1, 1.0, TRUE and Decimal(1) are four cells, and so are 0.0 and −0.0: none answers for another."""
    sheets = []
    for cell in CELLS:
        sheets.append([list(row) for row in SHEET])
        sheets[-1][1][column] = cell
    with nothing_remembered():
        fresh = [repr(ask("PM_MARGIN", sheet, MARKET)) for sheet in sheets]
    forget()
    for pair in itertools.permutations(range(len(CELLS)), 2):
        for n in pair:
            assert repr(ask("PM_MARGIN", sheets[n], MARKET)) == fresh[n]


def test_equal_instants_of_two_zones_are_two_cells() -> None:
    """Midnight UTC is a date, 02:00 in Paris is an hour, though Python holds them equal."""
    books = []
    for cell in (DAY.replace(tzinfo=dt.UTC), DAY.replace(hour=2, tzinfo=CET)):
        rows = [["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV"], ["BTC", "call", 70_000.0, cell, 1.0, 0.5]]
        books.append(read_book(rows, MARKET))
    assert books[0].instruments.expiry[0] - books[1].instruments.expiry[0] == 8 * 3600.0


def test_the_same_cells_are_the_same_book() -> None:
    """Fresh copies of a range, as tuples or lists, are one book; another quantity is another book of the same instruments."""
    book = read_book(SHEET, MARKET)
    assert read_book(tuple(map(tuple, SHEET)), [list(row) for row in MARKET]) is book
    other = [list(row) for row in SHEET]
    other[1][1] = 7.0
    changed = read_book(other, MARKET)
    assert changed is not book
    assert changed.instruments is book.instruments
    assert changed.quantity[0] == 7.0
    assert book.quantity[0] == 1.0


def test_what_is_shared_cannot_be_written_to() -> None:
    """Somebody who would change a remembered book in place is told so at once."""
    book = read_book(SHEET, MARKET)
    case = margins.case_for(book, "SPAN", None, None)
    for array in (book.quantity, book.instruments.vol, case.array, case.units, case.pnl, case.marks):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0


def test_a_table_belongs_to_who_asked_for_it() -> None:
    """Writing into an answer changes no later answer."""
    for name in ("PM_EXPLAIN", "PM_GREEKS", "PM_RISK_ARRAY", "PM_CHECK"):
        table = ask(name, SHEET, MARKET)
        before = repr(table)
        table[1][1] = "written over"
        assert repr(ask(name, SHEET, MARKET)) == before


def test_the_clock_goes_on_without_an_as_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without As of a remembered sheet is valued now: an option loses time value from one second to a later one."""
    sheet = [["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV", "Spot"], ["BTC", "call", 70_000.0, "27JUN25", 1.0, 0.5, 65_000.0]]
    values = []
    for now in (1_748_736_000.0, 1_748_736_000.9, 1_748_736_001.0, 1_748_822_400.0):
        monkeypatch.setattr(book_market.time, "time", lambda now=now: now)
        values.append(ask("PM_GREEKS", sheet)[1][4])
        with nothing_remembered():
            assert ask("PM_GREEKS", sheet)[1][4] == values[-1]
    assert values[0] == values[1] > values[2] > values[3]


def test_threads_see_their_own_sheet() -> None:
    """Sheets that are asked for at the same time do not answer for each other."""
    sheets = [[SHEET[0], [*SHEET[1][:1], float(n % 5), *SHEET[1][2:]], *SHEET[2 : 4 + n % 2]] for n in range(40)]
    with nothing_remembered():
        alone = [ask("PM_MARGIN", sheet, MARKET) for sheet in sheets]
    forget()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda sheet: ask("PM_MARGIN", sheet, MARKET), sheets)) == alone


def test_memory_is_bounded() -> None:
    """However many sheets come, only the latest few are kept, and heavy ones only as far as they fit together."""
    forget()
    for n in range(40):
        ask("PM_MARGIN", [HEADER, ["BTC-27JUN25-70000-C", 1.0, None, 0.5 + n / 100.0, "a", None, None]], MARKET)
    assert [len(getattr(module, name)) for module, name in STORES] == [16, 1, 16, 16, 16, 16, 32]
    few: Recent[bytes] = Recent(10, 100, len)
    for n in range(20):
        few.put(n, bytes(40))
    assert (len(few), few.bytes, few.get(19), few.get(17)) == (2, 80, bytes(40), None)
    few.put("too heavy", bytes(101))
    assert (len(few), few.get("too heavy")) == (2, None)


def test_faults_are_told_again() -> None:
    """A sheet with a fault is never remembered as one without, nor the other way round."""
    wrong = [list(row) for row in SHEET]
    wrong[1][1] = "many"
    for _ in range(2):
        assert ask("PM_MARGIN", SHEET, MARKET) > 0.0
        assert ask("PM_MARGIN", wrong, MARKET) == "#PM! row 2: Quantity must be a number, not 'many'"
        assert [row[0] for row in ask("PM_CHECK", wrong, MARKET)[1:] if not row[2].startswith("note:")] == [2.0]
