"""Marks in coin and amounts in USD: the columns Coin price, Mark price and USD size."""

from __future__ import annotations

import math
from typing import Any

import pytest

import udfs

MARKET = [["Underlying", "Spot", "Expiry", "Forward", "As of"], ["BTC", 70_000.0, None, None, "2026-11-27"]]
WITH_FORWARD = [*MARKET, ["BTC", None, "2027-09-24", 73_500.0, None]]
OPTION, PERPETUAL, LINEAR = "BTC-24SEP27-100000-C", "BTC-PERPETUAL", "BTC_USDC-24SEP27-100000-C"
NOT_USD = "USD size is the amount of an inverse future or perpetual, which this row does not hold"
NOT_COIN = "Coin price is the mark of an option that is settled in its coin, which this row does not hold"


def book(headings: str, *rows: list[Any]) -> list[list[Any]]:
    """A positions range whose headings are separated by commas."""
    return [headings.split(", "), *rows]


def faults(positions: list[list[Any]], market: Any = WITH_FORWARD) -> list[tuple[float, str, str]]:
    """Row, column and problem of every fault."""
    return [(row, column, problem) for row, column, problem, _ in udfs.PM_CHECK(positions, market)[1:] if row != "OK"]


def mark(positions: list[list[Any]], market: Any = WITH_FORWARD) -> float:
    """The mark of the first row as PM_GREEKS shows it."""
    return float(udfs.PM_GREEKS(positions, market)[1][3])


@pytest.mark.parametrize("heading", ["Coin price", "mark_price", "markPx", "Mark (BTC)"])
def test_a_coin_price_counts_at_the_forward_of_its_expiry(heading: str) -> None:
    """0.0769 coins at a forward of 73,500 are 5,652.15; the row's own forward comes first, and spot carried at the rate last."""
    assert mark(book(f"Instrument, Quantity, {heading}", [OPTION, -10.0, 0.0769])) == pytest.approx(5_652.15, abs=1e-9)
    assert mark(book(f"Instrument, Quantity, {heading}, Forward", [OPTION, -10.0, 0.0769, 75_000.0])) == pytest.approx(5_767.5, abs=1e-9)
    rate = [["Underlying", "Spot", "Rate", "As of"], ["BTC", 70_000.0, 0.05, "2026-11-27T08:00:00Z"]]
    carried = 0.0769 * 70_000.0 * math.exp(0.05 * 301 / 365)
    assert mark(book(f"Instrument, Quantity, {heading}", [OPTION, -10.0, 0.0769]), rate) == pytest.approx(carried, rel=1e-12)


@pytest.mark.parametrize("method", ["RULES", "DERIBIT_SM", "OKX_SM"])
def test_a_short_call_marked_in_coin_needs_what_its_dollars_need(method: str) -> None:
    """Ten calls at 0.0555 coins and spot 70,000: 0.15 of spot and the mark of 3,885 each, less nothing out of the money."""
    row = book(
        "Underlying, Type, Settlement, Strike, DTE, IV, Coin price, Quantity", ["BTC", "C", "inverse", 7e4, 36.5, 0.5, 0.0555, -10.0]
    )
    assert udfs.PM_MARGIN(row, MARKET, method) == pytest.approx(143_850.0, abs=1e-6)


def test_a_coin_price_belongs_to_inverse_options_alone() -> None:
    """A venue's mark_price is in coin for inverse options and in the account currency for everything else."""
    rows = [[OPTION, 1.0, 0.0769], [LINEAR, 1.0, 5_652.15], [PERPETUAL, 1.0, 70_100.0], ["BTC-24SEP27", 1.0, 73_400.0]]
    assert faults(book("Instrument, Quantity, mark_price", *rows)) == []
    marks = [row[3] for row in udfs.PM_GREEKS(book("Instrument, Quantity, mark_price", *rows), WITH_FORWARD)[1:5]]
    assert marks == pytest.approx([5_652.15, 5_652.15, 70_100.0, 73_400.0], abs=1e-9)
    assert faults(book("Instrument, Quantity, Coin price", *rows)) == [(float(row), "Coin price", NOT_COIN) for row in (3, 4, 5)]
    typed = book("Underlying, Type, Strike, Expiry, Settlement, Quantity, Coin price", ["BTC", "C", 1e5, "24SEP27", "linear", 1.0, 0.0769])
    assert faults(typed)[0] == (2.0, "Coin price", NOT_COIN)


def test_two_marks_of_one_row_must_agree_within_a_tick() -> None:
    """0.077 coins are 7.35 above 5,652.15, less than the step of 0.0005; 0.0775 is a step and more away."""
    assert faults(book("Instrument, Quantity, Price, Coin price", [OPTION, 1.0, 5_652.15, 0.077])) == []
    found = faults(book("Instrument, Quantity, Price, Coin price", [OPTION, 1.0, 5_652.15, 0.0775]))
    assert found == [(2.0, "Coin price", "Coin price 0.0775 contradicts the Price 5,652.15, which is 0.0769 at the forward 73,500")]
    two = book("Instrument, Quantity, Price, Coin price", [OPTION, 1.0, 5_652.15, None], [OPTION, 1.0, None, 0.0775])
    assert [row for row, column, _ in faults(two) if column == "Coin price"] == [2.0, 3.0]
    found = faults(book("Instrument, Quantity, Price, Mark price", [LINEAR, 1.0, 5_652.15, 5_600.0]))
    assert found == [(2.0, "Mark price", "Mark price 5,600 differs from the Price 5,652.15")]


def test_a_size_in_usd_is_its_coins_at_the_price_of_the_contract() -> None:
    """140,000 USD are 2 coins at 70,000, and 4 / 3 at 105,000; Side gives the sign."""

    def quantity(headings: str, *row: Any) -> float:
        return float(udfs.PM_GREEKS(book(headings, list(row)), WITH_FORWARD)[1][2])

    assert quantity("Instrument, USD size", PERPETUAL, 140_000.0) == 2.0
    assert quantity("Instrument, USD size, Price", PERPETUAL, -140_000.0, 105_000.0) == pytest.approx(-4.0 / 3.0, rel=1e-15)
    assert quantity("Instrument, USD size, Side", PERPETUAL, 140_000.0, "sell") == -2.0
    assert quantity("Instrument, USD size, Forward", PERPETUAL, 140_000.0, 105_000.0) == pytest.approx(4.0 / 3.0, rel=1e-15)
    assert quantity("Instrument, USD size", "BTC-24SEP27", 147_000.0) == 2.0
    assert quantity("Instrument, Quantity, USD size", PERPETUAL, None, 140_000.0) == 2.0
    assert quantity("Underlying, Type, Settlement, USD size", "BTC", "perp", "inverse", 140_000.0) == 2.0


def test_a_size_in_usd_is_refused_where_it_has_no_meaning() -> None:
    """Beside a Quantity or a Multiplier, and on every row but inverse futures and perpetuals."""
    rows = [[PERPETUAL, 1.0, 7e4, None], [PERPETUAL, None, 7e4, 10.0], ["BTCUSDT", None, 7e4, None], [PERPETUAL, None, None, None]]
    assert faults(book("Instrument, Quantity, USD size, Multiplier", *rows)) == [
        (2.0, "USD size", "USD size stands beside a Quantity"),
        (3.0, "USD size", "USD size stands beside a Multiplier"),
        (4.0, "USD size", NOT_USD),
        (5.0, "Quantity", "Quantity must be given"),
    ]
    assert faults(book("Instrument, USD size, Price", [OPTION, 7e4, 5_652.15])) == [(2.0, "USD size", NOT_USD)]
    assert "no column Quantity" in str(udfs.PM_MARGIN(book("Instrument", [PERPETUAL]), MARKET))
    assert faults(book("Instrument, USD size, Side", [PERPETUAL, -7e4, "buy"])) == [
        (2.0, "Side", "Side buy contradicts the USD size -70,000")
    ]


def test_an_edited_size_in_usd_counts_at_once() -> None:
    """A range whose amounts alone change is not read anew as a whole; a size may move from one column to the other."""
    start = book("Instrument, Quantity, USD size", [PERPETUAL, None, 70_000.0], [OPTION.replace("C", "P"), None, None])[:2]
    assert udfs.PM_MARGIN(start, MARKET) == pytest.approx(udfs.PM_MARGIN(book("Instrument, Quantity", [PERPETUAL, 1.0]), MARKET), rel=1e-15)
    once = udfs.PM_MARGIN(start, MARKET)
    for cells, times in (([None, 140_000.0], 2.0), ([3.0, None], 3.0), ([None, -350_000.0], 5.0)):
        assert udfs.PM_MARGIN([start[0], [PERPETUAL, *cells]], MARKET) == pytest.approx(times * once, rel=1e-15)
    assert "stands beside a Quantity" in str(udfs.PM_MARGIN([start[0], [PERPETUAL, 1.0, 70_000.0]], MARKET))
