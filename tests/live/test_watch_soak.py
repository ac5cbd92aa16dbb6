"""Thousands of ticks of a venue with faults: no tick lost, no reading twice, no alert repeated, no growth of memory."""

from __future__ import annotations

import gc
import math
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import missing
from venue_stub import Fault, VenueStub, utc
from watch_help import rows, sound, written

from xlmargin.live.feed import Clock, Connection, Feed, venue_module
from xlmargin.live.feed import connect as feed_connect
from xlmargin.live.watch import Delivery, Files, Hook, Reading, Record, Watch, WatchedFiles, watch_rules

pytest.importorskip("ccxt")

TICKS = 3_000
WARM = 1_000  # ticks after which every cache has its size
GROWN = 12_000_000  # bytes: a leak of 6 kB a tick; a tick's answer alone has more
FAULTS = ("status", "half", "cut", "close", "change")


def _resident() -> int:
    """Bytes of memory that this process holds."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        missing("memory is read from /proc")
    import resource

    return int(statm.read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


class Quiet:
    """A screen that counts."""

    def __init__(self) -> None:
        self.shown = self.alerts = 0

    def show(self, reading: Reading, count: int) -> None:
        """Count it."""
        self.shown += 1

    def say(self, line: str) -> None:
        """Count the alerts."""
        self.alerts += line.startswith("ALERT ")

    def close(self) -> None:
        """Nothing is held."""


class Wave:
    """A venue whose spot rises and falls, and that fails one time in ten and now and then a dozen times in a row."""

    def __init__(self, stub: VenueStub, connection: Connection) -> None:
        self.stub, self.connection = stub, connection
        self.chance = random.Random(20261121)
        self.count = self.warm = 0
        self.end: Callable[[], None]

    def quotes(self, needs: Any) -> Any:
        """The next answer."""
        self.count += 1
        n, stub = self.count, self.stub
        stub.spot["BTC"] = 68_000.0 + 11_000.0 * math.sin(n / 40.0) + 500.0 * math.sin(n / 3.0)
        stub.asked.clear()
        fails = self.chance.random() < 0.1 or n % 500 > 487
        stub.faults = [Fault(self.chance.choice(FAULTS), change=_emptied)] if fails else []
        if n == WARM:
            gc.collect()
            self.warm = _resident()
        if n > TICKS:
            self.end()
        return venue_module("deribit").quotes(self.connection.call, needs)


def _emptied(answer: Any) -> Any:
    """A chain without rows."""
    return {**answer, "result": []}


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Venue, feed and watch share one interpreter here: an answer passes between their threads many times."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_a_soak_of_thousands_of_ticks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way from the venue's HTTP answers to SQLite and a hook, as fast as it goes, every tenth answer faulty."""
    monkeypatch.setattr(feed_connect, "FEWEST_SECONDS_APART", 0.0)
    began = time.monotonic()
    with VenueStub(listed={("BTC", utc(2026, 7, 1, 8)): [60_000.0, 75_000.0]}) as stub:
        connection = Connection("deribit", stub.url, limit=1.0)
        wave = Wave(stub, connection)
        record = Record(tmp_path / "book.watch.sqlite", ["list"], 1_000)
        taken: list[int] = []
        hook = Hook("list", lambda content: taken.append(content["sequence"]))
        rules = watch_rules(0.0)
        delivery = Delivery(record, [hook], rules, print)
        inputs = WatchedFiles(Files(written(tmp_path / "book.csv"), 6_500.0))
        watch = Watch(
            inputs,
            record,
            screen := Quiet(),
            rules=rules,
            alarmed=delivery,
            feed=Feed(wave.quotes, lambda: watch.needs(), interval=1e-6, clock=Clock(wall=stub.now)),
        )
        wave.end = watch.stop
        watch.run()
        assert delivery.close(10.0)
        gc.collect()
        grown = _resident() - wave.warm
        connection.close()
        record.close()
    ticks, readings, alerts = sound(record.path)
    raised = [number for (number,) in rows(record.path, "SELECT DISTINCT reading FROM alerts ORDER BY reading")]
    faulty = rows(record.path, "SELECT COUNT(*) FROM ticks WHERE NOT fresh")[0][0]
    print(
        f"{ticks} ticks, {faulty} faulty, {readings} readings, {alerts} alerts, {grown / 1e6:+.1f} MB, {time.monotonic() - began:.0f} s",
        file=sys.stderr,
    )
    assert ticks == TICKS
    assert faulty > 200
    assert screen.shown == readings > 50
    assert screen.alerts == len(raised) > 5
    assert taken == raised
    assert grown < GROWN
