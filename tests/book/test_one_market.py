"""Rows of one contract are one position at one market: which cells count, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from udfs import PM_CHECK, PM_EXPLAIN, PM_GREEKS, PM_LINE, PM_MARGIN, PM_SCENARIO_PNL

Row = list[Any]

MARKET = [["Underlying", "Spot", "IV"], ["BTC", 70_000.0, 0.6]]
HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Price", "Spot", "Forward"]
PERP = ["BTC", "perp", None, None]
CALL = ["BTC", "C", 80_000.0, 30]


def pnl(rows: list[Row], market: Any = MARKET) -> Any:
    """What a book gains when every price falls by a tenth."""
    return PM_SCENARIO_PNL([HEADER, *rows], -0.1, 0.0, None, market)


@pytest.mark.parametrize(
    ("first", "second", "price"),
    [
        ([None, 70_000.0, None, None], [None, 72_000.0, None, None], 71_000.0),
        ([None, None, 70_000.0, None], [None, None, 72_000.0, None], 71_000.0),
        ([None, None, 71_000.0, None], [None, None, None, None], 71_000.0),  # a blank says nothing
        ([None, 71_000.0, None, None], [None, None, 65_000.0, 66_000.0], 71_000.0),  # a Price is the mark
        ([0.5, None, None, None], [0.9, None, None, None], 70_000.0),  # a perpetual has no vol
    ],
)
def test_market_of_a_perpetual(first: Row, second: Row, price: float) -> None:
    """Three long and one short are two at the mean of the distinct values, whatever the sizes."""
    rows = [[*PERP, 3.0, *first], [*PERP, -1.0, *second]]
    assert pnl(rows) == pytest.approx(-0.1 * 2.0 * price, rel=1e-12)
    assert pnl([*rows, [*PERP, 1.0, *first]]) == pytest.approx(-0.1 * 3.0 * price, rel=1e-12)


def test_market_of_an_option() -> None:
    """One row gives the vol and another the mark: the option has both; vols count once each."""
    priced = PM_GREEKS([HEADER, [*CALL, 1.0, 0.5, None, None, None], [*CALL, -3.0, None, 2_000.0, None, None]], MARKET)
    assert [row[3] for row in priced[1:3]] == [2_000.0, 2_000.0]
    assert priced[1][6] == pytest.approx(PM_GREEKS([HEADER, [*CALL, 1.0, 0.5, None, None, None]], MARKET)[1][6], rel=1e-12)
    three = [[*CALL, 1.0, vol, None, None, None] for vol in (0.4, 0.4, 0.7)]
    assert pnl(three) == pytest.approx(pnl([[*CALL, 3.0, 0.55, None, None, None]]), rel=1e-12)


def test_orders_and_other_accounts_have_no_say() -> None:
    """An open order, or a row of another account, changes no market."""
    rows = [[*PERP, 1.0, None, 71_000.0, None, None, "", "a"]]
    others = [[*PERP, 1.0, None, 90_000.0, None, None, "yes", "a"], [*PERP, -1.0, None, 60_000.0, None, None, "", "b"]]
    book = [[*HEADER, "Order", "Account"], *rows, *others]
    assert PM_SCENARIO_PNL(book, -0.1, 0.0, None, MARKET) == pytest.approx(-7_100.0 + 6_000.0, rel=1e-12)


def test_spot_of_an_underlying_is_the_mean_of_what_is_held() -> None:
    """Contracts at 60,000, 60,000 and 80,000 see 70,000 together; a contract that nets to nothing has no say."""
    rows = [
        [*CALL, -1.0, 0.6, None, 60_000.0, None],
        ["BTC", "P", 50_000.0, 30, -1.0, 0.6, None, 60_000.0, None],
        [*PERP, 1.0, None, None, 80_000.0, None],
        ["BTC", "F", None, 30, 1.0, None, None, 90_000.0, None],
        ["BTC", "F", None, 30, -1.0, None, None, 95_000.0, None],
    ]
    for book in (rows, rows[::-1]):
        statement = PM_EXPLAIN([HEADER, *book], MARKET, "BINANCE")
        assert {row[2] for row in statement if row[1] == "Spot"} == {70_000.0}


def test_scan_range_is_of_the_mean_of_the_prices_held() -> None:
    """The scan range of a spread between coins does not depend on which row stands first."""
    market = [*MARKET, ["ETH", 3_500.0, 0.7]]
    rows = [
        [*PERP, 1.0, None, 70_000.0, None, None],
        ["BTC", "F", None, 30, 1.0, None, 72_000.0, None, None],
        ["ETH", "perp", None, None, -30.0, None, None, None, None],
    ]
    setting = [["inter_commodity_spreads", "50 %: BTC A 1, ETH B 20"], ["wfpr_method", "scan_range"], ["price_scan_range", 0.1]]
    for book in (rows, rows[::-1]):
        credit = PM_LINE([HEADER, *book], "BTC/Inter-commodity credit", market, "SPAN", setting)
        assert credit == pytest.approx(-1.5 * 0.5 * 7_100.0, rel=1e-12)  # 30 ETH make one spread and a half


def test_check_tells_what_counts() -> None:
    """Rows that differ in a cell are told, with the value that counts; it is no fault."""
    rows = [[*PERP, 5.0, 0.5, None, 70_100.0, None], [*PERP, -5.0, None, None, 70_500.0, None]]
    found = PM_CHECK([HEADER, *rows], MARKET)[1:]
    assert found[0][0] == "OK"
    assert [(row[0], row[1]) for row in found[1:]] == [(2.0, "Spot"), (3.0, "Spot")]
    assert all("BTC-PERPETUAL" in row[2] and "70,300 counts" in row[2] for row in found[1:])
    assert PM_MARGIN([HEADER, *rows], MARKET, "DERIVE") == 0.0


def test_a_row_that_has_no_price_is_a_fault_beside_one_that_has() -> None:
    """What another row of the contract says is no cure for a spot or a vol that is missing."""
    rows = [[*CALL, 1.0, 0.5, None, 70_000.0, None], [*CALL, -1.0, 0.5, None, None, None]]
    assert PM_MARGIN([HEADER, *rows]).startswith("#PM! row 3: no Spot for BTC")
    rows = [[*CALL, 1.0, 0.5, None, 70_000.0, None], [*CALL, -1.0, None, None, 70_000.0, None]]
    assert PM_MARGIN([HEADER, *rows]).startswith("#PM! row 3: no IV")
