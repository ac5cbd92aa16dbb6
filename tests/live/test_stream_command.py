"""`xlmargin feed --stream` and `xlmargin watch --stream` as a desk runs them: other processes, a price, Ctrl+C at the end."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from venue_stub import VenueStub
from watch_help import rows, sound, written

from xlmargin.cli import main

pytest.importorskip("ccxt")

EXPIRY = dt.datetime.now(dt.UTC).replace(hour=8, minute=0, second=0, microsecond=0) + dt.timedelta(days=30)
NAME = f"BTC-{EXPIRY.strftime('%d%b%y').upper().lstrip('0')}-80000-C"


@pytest.fixture
def stub() -> Iterator[VenueStub]:
    """A venue of today."""
    with VenueStub(now=time.time, listed={("BTC", EXPIRY.timestamp()): [60_000.0, 70_000.0, 80_000.0]}) as running:
        yield running


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A workbook with one option and a market that knows nothing."""
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName

    path = tmp_path / "desk.xlsx"
    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    sheet.title = "Desk"
    sheet.append(["Instrument", "Quantity", "Venue", "", "Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "As of"])
    sheet.append([NAME, 2.0, "deribit"])
    for name, area in {"positions": "$A$1:$C$9", "market": "$E$1:$K$30", "feed_status": "$M$2"}.items():
        workbook.defined_names[name] = DefinedName(name, attr_text=f"Desk!{area}")
    workbook.save(path)
    return path


def _started(*arguments: str) -> subprocess.Popen[str]:
    code = "import sys; from xlmargin.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _until(done: Callable[[], Any]) -> None:
    limit = time.monotonic() + 30.0
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.01)


def _cells(book: Path) -> list[Any]:
    """Spot and forward of the market's first row, and the status."""
    import openpyxl

    sheet = openpyxl.load_workbook(book, data_only=True)["Desk"]
    return [sheet["F2"].value, sheet["M2"].value]


def test_one_refresh_with_a_stream(book: Path, stub: VenueStub, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is filled, nothing is waited for, and no thread stays."""
    assert main(["feed", str(book), "--file", "--once", "--stream", "--interval", "600", "--url", stub.url]) == 0
    assert _cells(book)[0] == 71_234.5
    assert "live from deribit at" in capsys.readouterr().out
    assert not [known for known in threading.enumerate() if known.name == "stream"]


def test_a_price_reaches_the_workbook(book: Path, stub: VenueStub) -> None:
    """Minutes before the interval ends; the status in the sheet says that it is streamed; Ctrl+C ends it cleanly."""
    running = _started("feed", str(book), "--file", "--stream", "--least", "0.1", "--interval", "600", "--url", stub.url)
    _until(lambda: stub.streams.open and stub.streams.open[0].coins)
    stub.move("BTC", 72_222.0)
    _until(lambda: _cells(book)[0] == 72_222.0)
    assert _cells(book)[1].endswith("(streamed)")
    running.send_signal(signal.SIGINT)
    printed, errors = running.communicate(timeout=30)
    assert (running.returncode, errors) == (0, "")
    assert printed.endswith("stopped\n")


def test_a_watch_reads_at_every_price(tmp_path: Path, stub: VenueStub) -> None:
    """Each price becomes a reading with its own margin; where the socket breaks off that is said, and the readings go on."""
    book = written(tmp_path / "book.csv", f"Instrument,Quantity\n{NAME},-1\n")
    record = book.with_name("book.watch.sqlite")
    running = _started(
        "watch", str(book), "--equity", "90000", "--venue", "deribit", "--url", stub.url, "--stream", "--least", "0.1", "--interval", "600"
    )
    _until(lambda: stub.streams.open and stub.streams.open[0].coins)
    _until(lambda: rows(record, "SELECT 1 FROM readings"))

    def last() -> float:
        return float(rows(record, "SELECT initial FROM readings ORDER BY sequence DESC LIMIT 1")[0][0])

    margins = [last()]
    for level in (73_000.0, 76_000.0, 79_000.0):
        stub.move("BTC", level)
        _until(lambda: last() > margins[-1])
        margins.append(last())
    stub.streams.drop()
    _until(lambda: stub.streams.connections == 2 and stub.streams.open and stub.streams.open[0].coins)
    stub.move("BTC", 81_000.0)
    _until(lambda: last() > margins[-1])
    running.send_signal(signal.SIGINT)
    printed, errors = running.communicate(timeout=30)
    assert (running.returncode, errors) == (0, "")
    assert "stream: streamed\n" in printed
    sound(record)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["watch", "book.csv", "--stream", "--equity", "1"], "--stream needs the prices of a venue: add --venue"),
        (["watch", "book.csv", "--stream", "--venue", "okx", "--least", "0", "--equity", "1"], "--least must be above 0 seconds"),
    ],
)
def test_what_a_stream_cannot_be_asked_for_is_told(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and exit code 2."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "book.csv")
    assert main(arguments) == 2
    assert told in capsys.readouterr().err
