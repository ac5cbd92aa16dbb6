"""A real chain through the feed: the margin from its table is the margin from the saved chain."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from feed_help import Hands, feed_of
from venue_stub import Fault, VenueStub

import udfs
from xlmargin.book.contracts import expiry_from_text
from xlmargin.files.books import read_ranges
from xlmargin.files.texts import read_csv
from xlmargin.live.feed import needs_of

pytest.importorskip("ccxt")

CHAIN = "data/chains/deribit_20260204T213308Z_crash_before.csv"
LEGS = ROOT / "tests/data/forty_legs.csv"


def _summary(row: dict[str, str]) -> dict[str, Any]:
    """A row of a saved chain as the venue's book summary."""
    numbers = {key: float(row[key]) if row[key] else None for key in ("underlying_price", "mark_price", "mark_iv")}
    return {
        "instrument_name": row["instrument_name"],
        "underlying_index": row["underlying_name"],
        "estimated_delivery_price": float(row["index_price"]),
        **numbers,
    }


@pytest.mark.parametrize("rows", [3_000, 300])
def test_a_real_chain_gives_the_margin_of_its_file(rows: int, shared: Path) -> None:
    """Forty legs on a chain of 4 February 2026: the feed's table, whole or cut to 300 rows, margins them as the file does."""
    with open(shared / CHAIN, encoding="utf-8", newline="") as file:
        chain = list(csv.DictReader(file))
    moment = expiry_from_text(chain[0]["timestamp"], 0)
    assert moment is not None

    def real(answer: Any) -> Any:
        coin = answer["result"][0]["instrument_name"].split("-")[0] if answer["result"] else ""
        return {"result": [_summary(row) for row in chain if row["currency"] == coin], "usOut": int(moment * 1e6)}

    book = read_ranges(LEGS, market=shared / CHAIN)
    with VenueStub(now=lambda: moment) as stub:
        stub.faults = [Fault("change", "get_book_summary", 99, change=real)]
        tick = feed_of(stub, needs_of(read_csv(LEGS)), Hands(stub), limit=10.0, most_rows=rows).once()
    assert tick.fresh, tick.problem
    assert tick.table is not None
    assert len(tick.table.rows) <= rows + 1
    for method in ("SPAN", "DERIBIT", "RULES"):
        assert udfs.PM_MARGIN(book.positions, tick.table.rows, method) == pytest.approx(
            udfs.PM_MARGIN(book.positions, book.market, method), rel=1e-9
        )
