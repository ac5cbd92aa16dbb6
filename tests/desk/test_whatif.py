"""PM_WHATIF against PM_MARGIN of the two books, where trades go, and the faults of its ranges."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from desk_books import ACCOUNT, ANSWERING, FEW, HEADER, QUANTITY, Row, Rows, asked, books, close, margin, option
from hypothesis import given, settings
from test_laws import MARKET

from udfs import PM_GREEKS, PM_MAINTENANCE, PM_MARGIN, PM_SCANNING_RISK, PM_WHATIF

BOOK: Rows = [option("BTC", "put", 1.0, 10.0, -2.0), option("ETH", "call", 1.1, 30.0, -20.0)]
TRADES: Rows = [
    option("BTC", "put", 0.9, 10.0, 2.0),
    ["SOL", "future", None, 30.0, -40.0, None, None],
    option("BTC", "put", 1.0, 10.0, 1.0),
]


def table(rows: Rows, trades: Rows, name: str) -> dict[str, Row]:
    """Before, after and change by measure."""
    market, method, parameters = asked(name)
    answer = PM_WHATIF([HEADER, *rows], [HEADER, *trades], market, method, parameters)
    assert isinstance(answer, list), answer
    assert answer[0] == ["Measure", "Before", "After", "Change"]
    return {row[0]: row[1:] for row in answer[1:]}


def delta(rows: Rows, coin: str) -> float:
    """Net delta of a coin as PM_GREEKS has it, 0 where it is not held."""
    found = PM_GREEKS([HEADER, *rows], MARKET)
    return next((row[6] for row in found if row[:2] == ["Total", coin]), 0.0)


def agrees(rows: Rows, trades: Rows, name: str) -> None:
    """Every measure is what the functions say of the two books."""
    found, (market, method, parameters) = table(rows, trades, name), asked(name)
    expected: dict[str, list[Any]] = {}
    for label, function in (("Initial margin", PM_MARGIN), ("Maintenance margin", PM_MAINTENANCE), ("Scanning risk", PM_SCANNING_RISK)):
        expected[label] = [function([HEADER, *some], market, method, parameters) for some in (rows, [*rows, *trades])]
    if isinstance(expected["Scanning risk"][0], str):
        assert "has no scenarios" in expected.pop("Scanning risk")[0]
    for coin in sorted({row[0] for row in (*rows, *trades)}):
        expected[f"Net delta {coin}"] = [delta(rows, coin), delta([*rows, *trades], coin)]
    assert list(found) == list(expected)
    for label, (before, after) in expected.items():
        assert found[label] == [close(before), close(after), close(after - before, before)]


@pytest.mark.parametrize("name", ANSWERING)
def test_it_agrees_with_the_functions(name: str) -> None:
    """Of every method: a trade in a new coin, one that closes, one that hedges; no scanning risk without scenarios."""
    agrees(BOOK, TRADES, name)


@pytest.mark.parametrize("name", FEW)
@settings(max_examples=5)
@given(rows=books(), trades=books())
def test_it_agrees_on_any_book(name: str, rows: Rows, trades: Rows) -> None:
    """The same on books and trades made at random."""
    agrees(rows, trades, name)


def test_closing_everything_leaves_nothing() -> None:
    """The opposite of every row takes margins and deltas to 0; a header without trades changes nothing."""
    closing = [[*row[:QUANTITY], -row[QUANTITY], *row[QUANTITY + 1 :]] for row in BOOK]
    assert all(row[1] == pytest.approx(0.0, abs=1e-9) for row in table(BOOK, closing, "SPAN").values())
    assert all(row[2] == 0.0 for row in table(BOOK, [], "SPAN").values())


def test_accounts_are_margined_apart() -> None:
    """A trade goes to its own account; without one to the only account of the book, and not to all of several."""
    rows, hedge = [[*row[:ACCOUNT], "a"] for row in BOOK], TRADES[0]
    same, other = ([*hedge[:ACCOUNT], label] for label in ("a", "b"))
    assert table(rows, [hedge], "SPAN") == table(rows, [same], "SPAN")
    assert table(rows, [other], "SPAN")["Initial margin"][1] == close(margin([*rows, other], "SPAN"))
    assert table(rows, [same], "SPAN")["Initial margin"][1] < table(rows, [other], "SPAN")["Initial margin"][1]
    assert PM_WHATIF([HEADER, *rows, other], [HEADER, hedge], MARKET) == (
        "#PM! trades row 2: no Account where the positions have several: type one of a, b"
    )
    assert table([*BOOK, other], [hedge], "SPAN")["Initial margin"][1] == close(margin([*BOOK, other, hedge], "SPAN"))


def test_a_trade_with_its_own_market_changes_no_other_row() -> None:
    """Spot and IV of a trade hold for that row alone: the book before is margined as ever, by every method."""
    trades = [[*HEADER, "Spot"], [*TRADES[0][:5], 0.9, None, 60_000.0]]
    for name in FEW:
        market, method, parameters = asked(name)
        found = PM_WHATIF([HEADER, *BOOK], trades, market, method, parameters)
        assert found[1][1] == close(margin(BOOK, name))
        assert found[1][2] == close(PM_MARGIN([[*HEADER, "Spot"], *([*row, None] for row in BOOK), trades[1]], market, method, parameters))


def test_a_parameter_may_be_for_a_coin_that_is_only_traded() -> None:
    """It counts after the trades, and is no mistake before them."""
    found = PM_WHATIF([HEADER, *BOOK], [HEADER, TRADES[1]], MARKET, "SPAN", [["SOL.price_scan_range", 0.5]])
    assert found[1][3] == close(40.0 * 0.5 * 150.0 * math.exp(-0.01 * 30.0 / 365.0))  # units × range × forward


def test_a_delta_that_is_not_known_is_left_out() -> None:
    """RULES answers for an option whose price has no vol; its net delta is not known and has no row."""
    rows = [["Underlying", "Type", "Strike", "DTE", "Quantity", "Price"], ["BTC", "call", 60_000.0, 10.0, -1.0, 9_000.0]]
    trades = [["Underlying", "Type", "Quantity"], ["ETH", "perp", 1.0]]
    assert [row[0] for row in PM_WHATIF(rows, trades, MARKET, "RULES")[1:]] == ["Initial margin", "Maintenance margin", "Net delta ETH"]


@pytest.mark.parametrize(
    ("trades", "message"),
    [
        (None, "#PM! the trades range is empty: select its header row and the rows below it"),
        ([["Instrument"], ["BTC-PERPETUAL"]], "#PM! trades row 1: no column Quantity: add it (the headings found are: Instrument)"),
        ([["Quantity"], [1.0]], "#PM! trades row 1: no column says what each row holds: "),
        (
            [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0], ["BTC-PERPETUAL", "ten"]],
            "#PM! trades row 3: Quantity must be a number, not 'ten'",
        ),
        ([["Instrument", "Quantity"], ["XRP-PERPETUAL", 1.0]], "#PM! trades row 2: no Spot for XRP: fill a Spot column"),
        (
            [["Underlying", "Type", "Strike", "DTE", "Quantity"], ["BTC", "call", 70_000.0, 9.0, 1.0]],
            "#PM! trades row 2: no IV for this option: give IV or Price on the row",
        ),
        ([["Instrument", "Quantity"], ["BTC-27JUN25-70000-C", 1.0]], "#PM! trades row 2: Expiry 2025-06-27 08:00 UTC is not after"),
        (
            [["Instrument", "Quantity", "Order"], ["BTC-PERPETUAL", 1.0, "yes"]],
            "#PM! trades row 2: a trade of a what-if counts as done and cannot be an open order: clear Order",
        ),
    ],
)
def test_faults_of_trades_are_told_by_their_row(trades: Any, message: str) -> None:
    """Each names the range, the row and the cure."""
    assert PM_WHATIF([HEADER, *BOOK], trades, MARKET).startswith(message)


def test_faults_of_the_other_ranges_keep_their_names() -> None:
    """Faults of the positions come first and as in PM_MARGIN; those of the market name it; a method's own name the trade."""
    trades = [HEADER, *TRADES]
    assert PM_WHATIF([HEADER, [*BOOK[0][:4], "x", 0.5, None]], trades, MARKET) == ("#PM! row 2: Quantity must be a number, not 'x'")
    assert PM_WHATIF([HEADER, *BOOK], trades, [["Underlying", "Spot"], ["BTC", "x"]]).startswith("#PM! market row 2: Spot must")
    assert PM_WHATIF([HEADER, *BOOK], [HEADER, [*TRADES[0][:5], None, None]], MARKET, "DERIBIT_SM").startswith(
        "#PM! trades row 2: no mark for "
    )


def test_the_valuation_time_is_one() -> None:
    """Both books are valued at the market's As of."""
    market = [["Underlying", "Spot", "IV", "As of"], ["BTC", 70_000.0, 0.5, dt.datetime(2025, 6, 1)]]
    trades = [["Instrument", "Quantity"], ["BTC-27JUN25-70000-C", 1.0]]
    rows = [["Instrument", "Quantity"], ["BTC-27JUN25-70000-P", -1.0]]
    assert PM_WHATIF(rows, trades, market)[1][2] == close(PM_MARGIN([*rows, trades[1]], market))
