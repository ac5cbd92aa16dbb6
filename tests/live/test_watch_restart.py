"""A watch that is killed at any point loses no tick, repeats no alert, and delivers each one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from watch_help import rows, sound, written

from xlmargin.errors import MarginError
from xlmargin.live.watch import Record

PLACES = (
    "before a tick is recorded",
    "after a tick was recorded",
    "while computing",
    "before a reading is recorded",
    "within the step of a reading",
    "after a reading was recorded",
    "before a delivery",
    "after a delivery",
)


def _child(folder: Path, ticks: int, place: str = "nowhere", call: int = 1) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests/help/watch_child.py"), str(folder), str(ticks), place, str(call)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/help")])},
    )


def _delivered(folder: Path) -> list[int]:
    path = folder / "delivered.txt"
    return [int(line) for line in path.read_text(encoding="utf-8").split()] if path.exists() else []


@pytest.mark.parametrize("place", PLACES)
def test_killed_anywhere_nothing_is_lost_and_nothing_repeated(place: str, tmp_path: Path) -> None:
    """After the kill the file is sound, and after the next run too; only a delivery under way may come twice."""
    written(tmp_path / "book.csv")
    record = tmp_path / "book.watch.sqlite"
    call = 1 if "delivery" in place else 6
    assert _child(tmp_path, 400, place, call).wait(60) == -signal.SIGKILL
    before, _, _ = sound(record)
    assert _child(tmp_path, 60).wait(60) == 0
    ticks, readings, alerts = sound(record)
    assert ticks >= before + 60
    assert readings
    assert alerts
    raised = [number for (number,) in rows(record, "SELECT DISTINCT reading FROM alerts ORDER BY reading")]
    told = _delivered(tmp_path)
    assert sorted(set(told)) == raised
    twice = len(told) - len(raised)  # the one under way at the kill, wherever it fell
    assert twice == 1 if place == "after a delivery" else twice <= 1
    assert rows(record, "SELECT * FROM waiting") == []


def test_killed_again_and_again(tmp_path: Path) -> None:
    """From outside, at moments that nobody chose."""
    written(tmp_path / "book.csv")
    record = tmp_path / "book.watch.sqlite"
    moments = random.Random(8)
    ticks = 0
    for _ in range(3):
        running = _child(tmp_path, 1_000_000)
        limit = time.monotonic() + 30.0
        while (
            not record.exists()
            or not rows(record, "SELECT name FROM sqlite_master WHERE name = 'ticks'")
            or rows(record, "SELECT COUNT(*) FROM ticks")[0][0] <= ticks
        ):
            assert time.monotonic() < limit
            time.sleep(0.02)
        time.sleep(moments.uniform(0.0, 0.3))
        running.kill()
        running.wait()
        found, _, _ = sound(record)
        assert found > ticks
        ticks = found
    assert _child(tmp_path, 20).wait(60) == 0
    sound(record)
    assert set(_delivered(tmp_path)) == {number for (number,) in rows(record, "SELECT reading FROM alerts")}


def test_one_watch_at_a_time_writes_to_a_record(tmp_path: Path) -> None:
    """A second one is told; after the first has let go, it may."""
    first = Record(tmp_path / "book.watch.sqlite")
    with pytest.raises(MarginError, match="another watch records there: end it, or give this one its own --record"):
        Record(tmp_path / "book.watch.sqlite")
    first.close()
    Record(tmp_path / "book.watch.sqlite").close()
    with pytest.raises(MarginError, match="cannot be written"):
        Record(tmp_path / "no folder" / "book.watch.sqlite")
