"""Parquet files as ranges: the same book as in any other kind of file, or one line that says why not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from range_books import margin
from written_books import BOOK, HEAD, MARKET, ROWS

from xlmargin.errors import MarginError
from xlmargin.files.books import read_ranges

Change = Callable[[pd.DataFrame], pd.DataFrame]


def frame() -> pd.DataFrame:
    """The book as a frame."""
    return pd.DataFrame(ROWS, columns=HEAD)


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book,
        lambda book: book.set_index("Underlying"),
        lambda book: book.astype({"Underlying": "category", "Account": "category"}),
        lambda book: book.assign(Quantity=[Decimal(str(cell)) for cell in book["Quantity"]]),
        lambda book: book.assign(Quantity=book["Quantity"].astype("float32")),
        lambda book: book.assign(Expiry=book["Expiry"].dt.date),
        lambda book: book.assign(Expiry=book["Expiry"].astype("datetime64[ns]")),
    ],
)
@pytest.mark.parametrize("name", ["book.parquet", "book.csv"])
def test_the_same_book_in_parquet(tmp_path: Path, change: Change, name: str) -> None:
    """Whatever the types of its columns, and whatever the file is called."""
    change(frame()).to_parquet(tmp_path / name)
    pd.DataFrame(MARKET[1:], columns=MARKET[0]).to_parquet(tmp_path / "market.parquet")
    ranges = read_ranges(tmp_path / name, market=tmp_path / "market.parquet")
    assert margin(ranges.positions, ranges.market) == margin(BOOK, MARKET)


def test_a_history_in_parquet(tmp_path: Path) -> None:
    """Days in the index of a frame are those of the history."""
    days = pd.date_range("2026-10-01", periods=3)
    frame().to_parquet(tmp_path / "book.parquet")
    pd.DataFrame({"BTC": [70_000.0, 71_000.0, 69_000.0]}, index=days).to_parquet(tmp_path / "history.parquet")
    history = read_ranges(tmp_path / "book.parquet", history=tmp_path / "history.parquet").history
    assert history is not None
    assert [list(row) for row in history[:2]] == [["Date", "BTC"], [dt.datetime(2026, 10, 1), 70_000.0]]


def test_what_is_refused(tmp_path: Path) -> None:
    """A file that breaks off, one without rows, and a small one that stands for more rows than any book has."""
    path = tmp_path / "book.parquet"
    frame().to_parquet(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MarginError, match="cannot be read as Parquet"):
        read_ranges(path)
    frame().iloc[:0].to_parquet(path)
    with pytest.raises(MarginError, match="no row below"):
        read_ranges(path)
    pq.write_table(pa.table({"Quantity": pa.repeat(1.0, 11_000_000)}), path)
    with pytest.raises(MarginError, match="11,000,000 rows"):
        read_ranges(path)
