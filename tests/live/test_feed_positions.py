"""The rows of a positions range that follow a venue's own positions."""

from __future__ import annotations

from typing import Any

import pytest

from xlmargin.errors import MarginError
from xlmargin.live.feed.positions import with_positions
from xlmargin.venues import RawAnswer, answer_of

ROWS = [
    {"symbol": "BTCUSD", "side": "Buy", "size": "1800", "avgPrice": "80000", "markPrice": "90000"},
    {"symbol": "BTCUSD", "side": "Sell", "size": "900", "avgPrice": "85000", "markPrice": "90000"},
    {"symbol": "ETHUSDT", "side": "Buy", "size": "2", "avgPrice": "3000", "markPrice": "3100"},
]


def fed(before: list[list[Any]], rows: list[dict[str, str]] = ROWS) -> list[list[Any]]:
    """A range after the venue's answer."""
    answer = answer_of(RawAnswer({"retCode": 0, "result": {"list": rows}}, "bybit's positions"), "bybit", priced=False, whole=True)
    return with_positions(before, answer, "bybit")


def test_a_size_in_usd_is_written_as_coins_where_the_sheet_has_no_column_for_it() -> None:
    """1,800 USD long and 900 short at 90,000; the long and short leg are one row without a price of entry."""
    before = [["Instrument", "Venue", "Quantity", "Entry"], *([None] * 4 for _ in range(3))]
    assert fed(before)[1:] == [["BTCUSD", "bybit", pytest.approx(0.01), None], ["ETHUSDT", "bybit", 2.0, 3_000.0], [None] * 4]


def test_a_size_in_usd_goes_into_its_own_column() -> None:
    """A row has one of the two amounts, whatever stood there before."""
    before = [["Instrument", "Venue", "Quantity", "USD size"], ["BTCUSD", "bybit", 5.0, None], ["ETHUSDT", "bybit", None, 7.0], [None] * 4]
    assert fed(before)[1:3] == [["BTCUSD", "bybit", None, 900.0], ["ETHUSDT", "bybit", 2.0, None]]


def test_a_size_in_usd_without_a_mark_is_told() -> None:
    """Without a mark there are no coins of it, nor a guess."""
    before = [["Instrument", "Venue", "Quantity", "Entry"], [None] * 4]
    with pytest.raises(MarginError, match="BTCUSD is sized in USD, and the answer has no mark"):
        fed(before, [{key: value for key, value in ROWS[0].items() if key != "markPrice"}])
