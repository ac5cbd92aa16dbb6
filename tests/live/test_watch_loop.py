"""A watch computes what the functions answer, on every tick and change, and survives what files and disks do."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from watch_help import BOOK, feed_at, rows, sound, written

from xlmargin.errors import MarginError
from xlmargin.files.texts import read_csv
from xlmargin.live.feed import Feed, needs_of
from xlmargin.live.watch import Files, Reading, Record, Watch, WatchedFiles
from xlmargin.live.watch import record as watch_record
from xlmargin.live.watch import watching as watch_loop
from xlmargin.sheet.registry import FUNCTIONS

OWN = "Underlying,Type,Strike,DTE,IV,Spot,Quantity\nBTC,put,70000,10,0.5,70000,{}\nBTC,put,69000,10,0.5,70000,1\n"


class Seen:
    """A screen that keeps what it was shown."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.lines: list[str] = []

    def show(self, reading: Reading, count: int) -> None:
        """Keep it."""
        self.readings.append(reading)

    def say(self, line: str) -> None:
        """Keep it."""
        self.lines.append(line)

    def close(self) -> None:
        """Nothing is held."""


def _until(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30.0
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.01)


@contextmanager
def _running(watch: Watch) -> Iterator[None]:
    """A watch in a thread; whatever ends it too early fails the test."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            watch.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
        assert thread.is_alive() or failed
    finally:
        watch.stop()
        thread.join(30.0)
    assert failed == []


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A short strangle and its balances."""
    balances = written(tmp_path / "balances.csv", "Currency,Amount,Haircut\nUSD,3000,\nBTC,0.05,0.1\n")
    return Files(written(tmp_path / "book.csv"), balances)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """An empty record."""
    made = Record(tmp_path / "book.watch.sqlite")
    yield made
    made.close()


def test_each_reading_is_what_the_functions_answer(files: Files, record: Record, tmp_path: Path) -> None:
    """Every number of the file equals PM_STATUS and PM_LIQUIDATION called by hand on the feed's market."""
    inputs, seen = WatchedFiles(files), Seen()
    positions, balances = read_csv(files.book), read_csv(tmp_path / "balances.csv")
    needs = needs_of(positions)
    for n, spot in enumerate((62_000.0, 70_000.0, 78_000.0), 1):
        feed: Feed = feed_at(partial(float, spot), lambda: needs)
        watch = Watch(inputs, record, seen, feed=feed)
        assert watch.run(once=True)
        table = feed.latest()
        assert table is not None
        status: Any = FUNCTIONS["PM_STATUS"].call(positions, balances, table.rows, None, None)
        prices: Any = FUNCTIONS["PM_LIQUIDATION"].call(positions, balances, table.rows, None, None)
        kept = record.last(1)[0]
        assert [kept[name] for name in ("equity", "initial", "maintenance", "excess", "usage", "status")] == [
            status[m][1] for m in (1, 2, 3, 4, 6, 7)
        ]
        assert kept["headroom"] == status[1][1] - status[3][1]
        _, down, down_move, up, up_move = prices[1]
        sides = [(abs(move), price, move) for price, move in ((down, down_move), (up, up_move)) if isinstance(move, float)]
        assert sides
        assert (kept["nearest"], kept["nearest_price"], kept["nearest_move"]) == ("BTC", *min(sides)[1:])
        assert json.loads(kept["liquidation"]) == [["BTC", *min(sides)[1:]]]
        assert (kept["sequence"], kept["market_time"], kept["age"], kept["error"]) == (n, table.as_of, 0.0, "")


def test_what_came_while_another_was_computed_is_counted(files: Files, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation slower than the feed: the newest tick wins, the others are counted in its reading, none waits."""
    computed = []
    real = watch_loop.figures_of

    def slow(*arguments: Any) -> Any:
        if not computed:
            _until(lambda: len(rows(record.path, "SELECT 1 FROM ticks")) >= 9)
        computed.append(arguments[1][1][1])
        return real(*arguments)

    monkeypatch.setattr(watch_loop, "figures_of", slow)
    level = [60_000.0]

    def spot() -> float:
        level[0] += 100.0
        return level[0]

    watch = Watch(WatchedFiles(files), record, Seen(), feed=(feed := feed_at(spot, lambda: watch.needs(), 0.005)))
    with _running(watch):
        _until(lambda: len(rows(record.path, "SELECT 1 FROM readings")) >= 3)
    assert feed.latest() is not None
    second = rows(record.path, "SELECT coalesced FROM readings ORDER BY sequence")[1][0]
    assert second >= 7
    assert computed == sorted(computed)
    sound(record.path)


def test_a_file_half_written_leaves_the_last_good_book(tmp_path: Path, record: Record) -> None:
    """A cell typed wrong, a file cut off, one that is gone: the last good numbers stay, marked; the next good book counts."""
    book = written(tmp_path / "own.csv", OWN.format(-1))
    seen = Seen()
    watch = Watch(WatchedFiles(Files(book, 1_000.0)), record, seen, interval=0.1)
    with _running(watch):
        _until(lambda: len(seen.readings) == 1)
        good = seen.readings[0]
        assert good.figures is not None
        assert good.error == ""
        written(book, OWN.format("ten"))
        _until(lambda: "Quantity must be a number, not 'ten'; the last good book stands" in seen.readings[-1].error)
        assert seen.readings[-1].book == good.book
        assert seen.readings[-1].figures == good.figures
        book.unlink()
        _until(lambda: "there is no file" in seen.readings[-1].error)
        assert seen.readings[-1].figures == good.figures
        book.write_bytes(b"Underlying,Type\x81")  # no letter of Windows-1252 either
        _until(lambda: "not a text file" in seen.readings[-1].error)
        assert seen.readings[-1].age > 0.0
        written(book, OWN.format(-2))
        _until(lambda: seen.readings[-1].error == "" and seen.readings[-1].book != good.book)
    last = seen.readings[-1].figures
    assert last is not None
    assert last.initial == FUNCTIONS["PM_MARGIN"].call(read_csv(book))
    assert seen.readings[-1].age == 0.0
    sound(record.path)


def test_a_file_that_is_still_being_written_is_left_alone(tmp_path: Path) -> None:
    """Only a file that looks the same twice is read; one saved without a change is no change."""
    book = written(tmp_path / "own.csv", OWN.format(-1))
    inputs = WatchedFiles(Files(book, 1_000.0))
    assert not inputs.look()
    written(book, OWN.format(-1) + "BTC,put,65000")
    assert not inputs.look()
    written(book, OWN.format(-1) + "BTC,put,65000,10,0.5,70000,-1\n")
    assert not inputs.look()
    assert inputs.look()
    assert len(inputs.snapshot.ranges.positions) == 4
    before = inputs.snapshot
    time.sleep(0.01)
    book.touch()
    assert [inputs.look(), inputs.look()] == [False, False]
    assert inputs.snapshot.digest == before.digest


def test_a_book_with_a_new_coin_waits_for_its_market(tmp_path: Path, record: Record) -> None:
    """The old book stands until the feed has brought what the new one needs; the feed is asked for both."""
    book = written(tmp_path / "book.csv")
    asked: list[tuple[str, ...]] = []
    watch: Watch

    def needs() -> Any:
        found = watch.needs()
        asked.append(found.underlyings)
        return found

    watch = Watch(WatchedFiles(Files(book, 9_000.0)), record, seen := Seen(), feed=feed_at(lambda: 66_000.0, needs, 0.05))
    with _running(watch):
        _until(lambda: bool(seen.readings))
        written(book, "Instrument,Quantity\nETH-1JUL26-3000-C,-1\n")
        _until(lambda: ("BTC", "ETH") in asked)  # the stand-in quotes BTC alone: half an answer of what is needed now
        _until(lambda: seen.readings[-1].error != "")
        assert seen.readings[-1].figures == seen.readings[0].figures
        written(book)
        _until(lambda: seen.readings[-1].error == "")
    sound(record.path)


def test_a_record_that_cannot_be_written_just_now_gets_its_ticks_later(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another program holds the file the watch goes on and says so; afterwards no tick is missing."""
    monkeypatch.setattr(watch_record, "PATIENCE", 0.02)
    record = Record(tmp_path / "book.watch.sqlite")
    watch = Watch(WatchedFiles(files), record, seen := Seen(), feed=feed_at(lambda: 66_000.0, lambda: watch.needs(), 0.02))
    with _running(watch):
        _until(lambda: len(seen.readings) >= 2)
        with closing(sqlite3.connect(record.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            shown = len(seen.readings)
            _until(lambda: len(seen.readings) >= shown + 2 and any("NOT RECORDED: " in line for line in seen.lines))
            other.execute("ROLLBACK")
        known = rows(record.path, "SELECT COUNT(*) FROM readings")[0][0]
        _until(lambda: rows(record.path, "SELECT COUNT(*) FROM readings")[0][0] > known + 1)
    assert any("NOT RECORDED YET: " in line for line in seen.lines)
    record.close()
    sound(record.path)


def test_stale_data_are_told_once_and_the_numbers_stay(files: Files, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that fails: each tick is recorded with its reason, the last numbers with their age; one alert."""
    from xlmargin.live.watch import watch_rules
    from xlmargin.margin.parameters import Override

    count = iter(range(1_000_000))

    def spot() -> float:
        if next(count) >= 2:
            raise MarginError("half an answer: the venue broke off")
        return 66_000.0

    rules = watch_rules(0.0).override([Override("", "stale_after", 0.3, 0)])
    watch = Watch(WatchedFiles(files), record, seen := Seen(), feed=feed_at(spot, lambda: watch.needs(), 0.01), rules=rules)
    with _running(watch):
        _until(lambda: seen.readings and seen.readings[-1].age > 0.6)
    assert seen.readings[-1].figures == seen.readings[0].figures
    assert seen.readings[-1].error == "half an answer: the venue broke off"
    assert not math.isnan(seen.readings[-1].market_time)
    assert [line for line in seen.lines if "STALE" in line] == [line for line in seen.lines if line.startswith("ALERT STALE: ")]
    assert sum("STALE" in line for line in seen.lines) == 1
    sound(record.path, stale_after=0.3)


def test_a_book_without_equity_is_told(tmp_path: Path) -> None:
    """A workbook's range `balances` counts; a CSV file has none."""
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName

    with pytest.raises(MarginError, match="says nothing of the equity: give --equity a number"):
        WatchedFiles(Files(written(tmp_path / "book.csv", BOOK)))
    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    sheet.title = "Positions"
    sheet.append(["Underlying", "Type", "Spot", "Quantity", None, "Currency", "Amount"])
    sheet.append(["BTC", "perp", 66_000.0, 1.0, None, "USD", 9_000.0])
    for name, area in (("positions", "$A$1:$D$9"), ("balances", "$F$1:$G$9")):
        workbook.defined_names[name] = DefinedName(name, attr_text=f"Positions!{area}")
    workbook.save(tmp_path / "book.xlsx")
    assert WatchedFiles(Files(tmp_path / "book.xlsx")).snapshot.equity == [["Currency", "Amount"], ["USD", 9_000.0]]
