"""Small books and the questions that the tests of ranges ask of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import udfs  # noqa: F401  (fills the registry)
from xlmargin.book.book import Book
from xlmargin.sheet.ranges.remembered import read_book
from xlmargin.sheet.registry import FUNCTIONS

Grid = list[list[Any]]

AS_OF = dt.datetime(2025, 6, 1)
JUNE = dt.datetime(2025, 6, 27, 8, tzinfo=dt.UTC).timestamp()
YEAR = 365 * 86_400.0
MARKET: Grid = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, AS_OF], ["ETH", 3_200.0, None]]
CALL_NAME = "BTC-27JUN25-70000-C"


def ask(name: str, *arguments: Any) -> Any:
    """The answer of a function to raw cells."""
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
    """A positions range of one option row: a 70,000 call of BTC with the given columns added or replaced."""
    row = {"Underlying": "BTC", "Type": "call", "Strike": 70_000.0, "Expiry": "27JUN25", "Quantity": 1.0, "IV": 0.5}
    row |= columns
    return [list(row), list(row.values())]


def one(positions: Any, market: Any = MARKET) -> Any:
    """The only instrument of a book, as a tuple of its columns' values."""
    book: Book = read_book(positions, market)
    assert len(book.instruments) == 1
    return book.instruments
