"""Helpers of the tests of the watch: a feed without a venue, a book, the record read back and checked against its laws."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from xlmargin.live.feed import Feed, Needs, Quotes
from xlmargin.venues.quotes import Point

NOW, EXPIRY = 1_780_304_400.0, 1_782_892_800.0  # 2026-06-01 09:00 and 2026-07-01 08:00, UTC
STRIKES = [50_000.0 + 5_000.0 * n for n in range(9)]
BOOK = "Instrument,Quantity\nBTC-1JUL26-75000-C,-1\nBTC-1JUL26-60000-P,-1\n"
ORDER = ("WARNING", "MARGIN CALL", "LIQUIDATION")


def written(path: Path, text: str = BOOK) -> Path:
    """A CSV file of positions."""
    path.write_text(text, encoding="utf-8")
    return path


def feed_at(spot: Callable[[], float], needs: Callable[[], Needs], interval: float = 1e-6) -> Feed:
    """A feed of one coin's smile; `spot` is called at each attempt and may raise as a venue does."""

    def quotes(_: Needs) -> Quotes:
        level = spot()
        points = [Point("BTC", EXPIRY, strike, level, 0.55) for strike in STRIKES]
        return Quotes.of("deribit", NOW, {"BTC": level}, points)

    from xlmargin.live.feed import Clock

    return Feed(quotes, needs, interval=interval, clock=Clock(wall=lambda: NOW))


def rows(path: Path, question: str) -> list[tuple[Any, ...]]:
    """The rows of a query on the record's file."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(question).fetchall()


def reference(readings: Sequence[tuple[Any, ...]], warning: float, below: float, stale_after: float) -> list[tuple[int, str]]:
    """The alerts of a path of readings, by a plain automaton of one flag per threshold.

    Args:
        readings: sequence, equity, initial, maintenance, status, age; None where there are no numbers
    """
    flags = dict.fromkeys(("warning", "margin call", "liquidation", "stale"), False)
    raised = []
    for sequence, equity, initial, maintenance, status, age in readings:
        for kind, most, margin in (("warning", warning, initial), ("margin call", 1.0, initial), ("liquidation", 1.0, maintenance)):
            if status is None:
                continue
            beyond = status in ORDER[ORDER.index(kind.upper()) :]
            if beyond and not flags[kind]:
                raised.append((sequence, kind))
            if beyond:
                flags[kind] = True
            elif margin == 0.0 or (equity > 0.0 and margin / equity <= most - below):
                flags[kind] = False
        old = age is None or age >= stale_after
        if old and not flags["stale"]:
            raised.append((sequence, "stale"))
        flags["stale"] = old
    return sorted(raised)


def sound(path: Path, warning: float = 0.8, below: float = 0.05, stale_after: float = 60.0) -> tuple[int, int, int]:
    """Check a record against its laws; returns the numbers of ticks, readings and alerts.

    No number of a tick is missing or repeated; each tick belongs to the first reading from it on, each reading counts its
    ticks; the alerts are those of the reference automaton.
    """
    ticks = rows(path, "SELECT sequence, reading FROM ticks ORDER BY sequence")
    readings = rows(path, "SELECT sequence, equity, initial, maintenance, status, age, coalesced FROM readings ORDER BY sequence")
    assert [tick[0] for tick in ticks] == list(range(1, len(ticks) + 1))
    numbers = [row[0] for row in readings]
    taken: dict[int, int] = {}
    for sequence, reading in ticks:
        assert reading == next((number for number in numbers if number >= sequence), None)
        taken[reading] = taken.get(reading, 0) + 1
    assert {row[0]: row[6] + 1 for row in readings} == {number: count for number, count in taken.items() if number is not None}
    alerts = rows(path, "SELECT reading, kind FROM alerts ORDER BY reading, kind")
    assert alerts == reference([row[:6] for row in readings], warning, below, stale_after)
    return len(ticks), len(readings), len(alerts)
