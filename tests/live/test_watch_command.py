"""`xlmargin watch` as a desk runs it: lines, a table, a CSV file, readings in a real LibreOffice, Ctrl+C at the end."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calc import Calc
from conftest import ROOT
from venue_stub import Fault, VenueStub
from watch_help import rows, sound, written

from xlmargin.cli import main
from xlmargin.live.feed.market_table import serial
from xlmargin.live.watch import Figures, Nearest, Panel, Reading

OWN = "Underlying,Type,Strike,DTE,IV,Spot,Quantity\nBTC,put,70000,10,0.5,70000,{}\nBTC,put,69000,10,0.5,70000,1\n"
MARGIN = 488.13  # of the README's session
HEADINGS = ["Time", "Equity", "Initial margin", "Maintenance margin", "Usage", "Headroom", "Status"]


def _started(*arguments: str) -> subprocess.Popen[str]:
    code = "import sys; from xlmargin.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, "watch", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _until(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30.0
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The put spread of the README."""
    return written(tmp_path / "book.csv", OWN.format(-1))


def test_a_watch_of_a_file_runs_until_it_is_ended(book: Path) -> None:
    """Plain lines where there is no terminal: one per change of the file, the alert, a clean end, numbers kept after it."""
    running = _started(str(book), "--equity", "1000")
    assert running.stdout is not None
    first = running.stdout.readline()
    assert " OK: equity 1,000.00, initial 488.13, maintenance 488.13, usage 48.8%, headroom 511.87 (to initial 511.87)," in first
    written(book, OWN.format(-2))
    alert, second = running.stdout.readline(), running.stdout.readline()
    assert alert.startswith("ALERT LIQUIDATION, MARGIN CALL, WARNING: equity 1,000.00, initial margin ")
    assert " LIQUIDATION: equity 1,000.00" in second
    assert ", liquidation of BTC at 7" in second
    running.send_signal(signal.SIGINT)
    rest, errors = running.communicate(timeout=30)
    assert (running.returncode, rest, errors) == (0, "", "")
    assert sound(book.with_name("book.watch.sqlite")) == (2, 2, 3)


def test_once_and_the_record_as_csv(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--once ends with 0 after a sound reading, 1 otherwise; --export writes what is there, also under another name."""
    assert main(["watch", str(book), "--equity", "1,000", "--once"]) == 0
    written(book, OWN.format("ten"))
    assert main(["watch", str(book), "--equity", "1000", "--once"]) == 1
    assert "no reading: row 2: Quantity must be a number, not 'ten'" in capsys.readouterr().out
    out = book.with_name("readings.csv")
    assert main(["watch", str(book), "--export", str(out)]) == 0
    assert capsys.readouterr().out == f"2 readings in {out}\n"
    good, bad = csv.DictReader(io.StringIO(out.read_text(encoding="utf-8")))
    assert float(good["initial"]) == pytest.approx(MARGIN, abs=0.005)
    assert (good["status"], good["error"], good["coalesced"], good["time"][-6:]) == ("OK", "", "0", "+00:00")
    assert (bad["equity"], bad["status"]) == ("", "")
    assert "must be a number" in bad["error"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "says nothing of the equity"),
        (["--equity", "nan"], "--equity must be a number or a CSV file of balances, not nan"),
        (["--equity", "1", "--interval", "0"], "--interval must be above 0 seconds, not 0"),
        (["--equity", "1", "--rearm", "0.7"], "--rearm must be from 0 to 0.5 margin as a fraction of equity, not 0.7"),
        (["--equity", "1", "--method", "NONE"], "NONE"),
        (["--equity", "1", "--venue", "kraken"], "no live data from 'kraken'"),
        (["--equity", "1", "--webhook", "token"], "--webhook needs an address"),
        (["--equity", "1", "--command", "'open"], "--command cannot be read"),
        (["--equity", "1", "--sheet", "--libreoffice", "nobody"], "no LibreOffice listens on the pipe nobody"),
        (["--export", "out.csv"], "there is no record"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], said: str, book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Misuse ends with 2 and says how to mend it."""
    assert main(["watch", str(book), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def _workbook(path: Path, *, monitor: bool) -> Path:
    """The put spread, its balances, and a range for twelve readings."""
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName

    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    sheet.title = "Desk"
    for row in csv.reader(io.StringIO(OWN.format(-1))):
        sheet.append([float(cell) if cell[-1:].isdigit() or cell.startswith("-") else cell for cell in row])
    sheet["I1"], sheet["J1"], sheet["I2"], sheet["J2"] = "Currency", "Amount", "USD", 1_000.0
    for x, heading in enumerate([*HEADINGS, "Remark"], 12):
        sheet.cell(1, x, heading)
    names = {"positions": "$A$1:$G$9", "balances": "$I$1:$J$9"} | ({"monitor": "$L$1:$S$13"} if monitor else {})
    for name, area in names.items():
        workbook.defined_names[name] = DefinedName(name, attr_text=f"Desk!{area}")
    workbook.save(path)
    return path


def test_the_monitor_sheet_of_an_open_workbook_follows(calc: Calc, tmp_path: Path) -> None:
    """The last readings stand in the range, the oldest first, as the record has them; older ones leave it."""
    book = _workbook(tmp_path / "desk.xlsx", monitor=True)
    with calc.open(book) as document:
        assert main(["watch", str(book), "--sheet", "--libreoffice", calc.pipe, "--once"]) == 0
        cells = document.get("Desk", "L1:S13")
        assert cells[0] == [*HEADINGS, "Remark"]
        record = book.with_name("desk.watch.sqlite")
        kept = rows(record, "SELECT time, equity, initial, maintenance, usage, excess, status FROM readings")
        assert cells[1][:7] == [serial(kept[0][0]), *kept[0][1:]]
        assert cells[1][2] == pytest.approx(MARGIN, abs=0.005)
        assert cells[2:] == [[None] * 8] * 11
        for _ in range(13):
            assert main(["watch", str(book), "--once"]) == 0
        assert main(["watch", str(book), "--sheet", "--libreoffice", calc.pipe, "--once"]) == 0
        kept = rows(record, "SELECT time FROM readings ORDER BY sequence")
        assert [row[0] for row in document.get("Desk", "L2:L13")] == [serial(moment) for (moment,) in kept[-12:]]


def test_a_workbook_without_the_range_is_told(calc: Calc, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with the name and its headings."""
    book = _workbook(tmp_path / "desk.xlsx", monitor=False)
    with calc.open(book):
        assert main(["watch", str(book), "--sheet", "--libreoffice", calc.pipe, "--once"]) == 2
    assert "the workbook has no range monitor: name cells so, with the headings Time, Equity" in capsys.readouterr().err


def test_the_table_says_in_words_what_its_colours_say() -> None:
    """Drawn by rich: status with a sign and its word, each underlying's nearer liquidation, what is stale and why."""
    rich_console = pytest.importorskip("rich.console")
    console = rich_console.Console(file=io.StringIO(), width=100, record=True, force_terminal=True)
    figures = Figures(
        6_500.0, 5_670.5, 5_100.25, 0.872, "WARNING", 0.8, (Nearest("BTC", 62_345.5, -0.125), Nearest("ETH", float("nan"), float("nan")))
    )
    panel = Panel("book.csv", console)
    panel.show(Reading(1, 1_780_304_400.0, "digest", "SPAN", 1_780_304_399.0, 0.0, figures, ""), 1)
    panel.show(Reading(2, 1_780_304_470.0, "digest", "SPAN", 1_780_304_399.0, 71.0, figures, "no answer"), 2)
    panel.say("ALERT [bold]STALE")
    panel.close()
    text = console.export_text()
    for part in (
        "▲ WARNING",
        "6,500.00",
        "87.2%",
        "1,399.75",
        "829.50",
        "62,345.50",
        "-12.5%",
        "none",
        "STALE for 71 s",
        "no answer",
        "ALERT [bold]STALE",
        "SPAN, reading 2",
    ):
        assert part in text


def test_a_watch_follows_a_venue(tmp_path: Path) -> None:
    """Live quotes through HTTP: the margin moves, a fault is marked, both hooks' alert is one, nothing secret is printed."""
    pytest.importorskip("ccxt")
    expiry = dt.datetime.now(dt.UTC).replace(hour=8, minute=0, second=0, microsecond=0) + dt.timedelta(days=30)
    name = f"BTC-{expiry.strftime('%d%b%y').upper().lstrip('0')}"
    book = written(tmp_path / "book.csv", f"Instrument,Quantity\n{name}-80000-C,-1\n{name}-60000-P,-1\n")
    told = tmp_path / "told.txt"
    code = f"import os; open({str(told)!r}, 'a').write(os.environ['XLMARGIN_ALERTS'] + chr(10))"
    with VenueStub(now=time.time, listed={("BTC", expiry.timestamp()): [60_000.0, 70_000.0, 80_000.0]}) as stub:
        running = _started(
            str(book),
            "--equity",
            "9000",
            "--venue",
            "deribit",
            "--url",
            stub.url,
            "--interval",
            "0.3",
            "--command",
            shlex.join([sys.executable, "-c", code]),
            "--webhook",
            "http://127.0.0.1:1/T0K3N",
        )
        assert running.stdout is not None
        record = book.with_name("book.watch.sqlite")
        _until(lambda: record.exists() and bool(rows(record, "SELECT 1 FROM sqlite_master WHERE name = 'identity'")))
        _until(lambda: bool(rows(record, "SELECT 1 FROM readings WHERE age = 0")))
        stub.faults = [Fault("half", times=3)]
        _until(lambda: bool(rows(record, "SELECT 1 FROM readings WHERE error LIKE '%half an answer%' AND status IS NOT NULL")))
        stub.spot["BTC"] = 90_000.0
        _until(lambda: bool(rows(record, "SELECT 1 FROM alerts")) and told.exists())
        running.send_signal(signal.SIGTERM)
        printed, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (0, "")
    assert "; STALE for " in printed
    assert "not delivered, next try in 1 s: webhook at 127.0.0.1: ConnectionRefusedError" in printed
    assert printed.endswith("alerts for the webhook hook wait for the next watch\n")
    assert "T0K3N" not in printed + record.read_bytes().decode("latin-1")
    assert told.read_text(encoding="utf-8") == "liquidation,margin call,warning\n"
    assert len(rows(record, "SELECT * FROM waiting")) == 1
    sound(record)
