"""`xlmargin feed` as a desk runs it: another process, a real LibreOffice, keys in the environment, Ctrl+C at the end."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from venue_stub import Fault, VenueStub

from xlmargin.cli import main
from xlmargin.faces.libreoffice import Calc

pytest.importorskip("ccxt")

KEY, SECRET = "the-key-of-a-desk", "the-secret-of-a-desk"
EXPIRY = dt.datetime.now(dt.UTC).replace(hour=8, minute=0, second=0, microsecond=0) + dt.timedelta(days=30)


@pytest.fixture
def stub() -> Iterator[VenueStub]:
    """A venue of today, with positions."""
    with VenueStub(now=time.time, listed={("BTC", EXPIRY.timestamp()): [60_000.0, 70_000.0, 80_000.0]}) as running:
        running.private["/api/v2/private/get_positions"] = {
            "jsonrpc": "2.0",
            "result": [{"instrument_name": _name(70_000), "direction": "sell", "size": -1.0}],
        }
        running.private["/api/v2/private/get_account_summaries"] = {
            "jsonrpc": "2.0",
            "result": {
                "summaries": [{"currency": "BTC", "margin_model": "segregated_pm", "initial_margin": 0.5, "maintenance_margin": 0.4}]
            },
        }
        yield running


def _name(strike: int) -> str:
    return f"BTC-{EXPIRY.strftime('%d%b%y').upper().lstrip('0')}-{strike}-C"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A workbook with one option and a market that knows nothing."""
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName

    path = tmp_path / "desk.xlsx"
    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    sheet.title = "Desk"
    sheet.append(
        [
            "Instrument",
            "Quantity",
            "Venue",
            "",
            "Underlying",
            "Spot",
            "Expiry",
            "Strike",
            "Forward",
            "IV",
            "As of",
            "",
            "=PM_MARGIN(positions,market)",
        ]
    )
    sheet.append([_name(80_000), 2.0, "deribit"])
    for name, area in {"positions": "$A$1:$C$9", "market": "$E$1:$K$30", "margin": "$M$1", "feed_status": "$M$2"}.items():
        workbook.defined_names[name] = DefinedName(name, attr_text=f"Desk!{area}")
    workbook.save(path)
    return path


def _started(*arguments: str) -> subprocess.Popen[str]:
    code = "import sys; from xlmargin.cli import main; sys.exit(main())"
    keys = {"XLMARGIN_DERIBIT_KEY": KEY, "XLMARGIN_DERIBIT_SECRET": SECRET, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=os.environ | keys, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_feed_runs_until_it_is_ended(ending: signal.Signals, calc: Calc, stub: VenueStub, book: Path) -> None:
    """Lines of progress, a sheet that moves, a fault survived, no secret anywhere, a clean end that the sheet tells."""
    stub.faults = []
    with calc.open(book) as document:
        place = document.place("margin")
        assert place is not None
        running = _started(
            "feed", str(book), "--libreoffice", calc.pipe, "--url", stub.url, "--interval", "0.2", "--positions", "--margins"
        )
        assert running.stdout is not None
        lines, margins = [], []
        for n in range(4):
            lines.append(running.stdout.readline())
            margins.append(document.get(*place)[0][0])
            stub.spot["BTC"] += 1_000.0
            if n == 1:
                stub.faults = [Fault("half", "get_book_summary")]
        running.send_signal(ending)
        rest, errors = running.communicate(timeout=30)
        assert (running.returncode, errors) == (0, "")
        assert rest.endswith("stopped\n")
        states = [line.split(" ", 1)[1].split(" ")[0] for line in lines]
        assert "STALE" in states
        assert states.count("live") >= 2
        assert all(isinstance(margin, float) for margin in margins)
        assert len(set(margins)) >= 2
        assert document.get("Desk", "A2:B2") == [[_name(70_000), -1.0]]
        assert document.get("Desk", "M2")[0][0].startswith("feed stopped; last good ")
        texts = [*lines, rest, errors, str(document.get("Desk", "A1:M30"))]
    kept = (book.parent / "desk.theirs.sqlite").read_bytes()
    assert not [part for part in (KEY, SECRET) if any(part in text for text in texts) or part.encode() in kept]


def test_once_says_how_it_went(calc: Calc, stub: VenueStub, book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--once ends with 0 after fresh data and with 1 without."""
    options = ["feed", str(book), "--libreoffice", calc.pipe, "--url", stub.url, "--once"]
    with calc.open(book) as document:
        assert main(options) == 0
        assert document.get("Desk", "E2:F2") == [["BTC", stub.spot["BTC"]]]
        stub.faults = [Fault("status", times=99)]
        assert main(options) == 1
    assert "live from deribit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--venue", "kraken"], "no live data from 'kraken'"),
        (["--interval", "0"], "--interval must be above 0 seconds, not 0"),
        (["--positions", "--venue", "bybit"], "need read-only keys: set XLMARGIN_BYBIT_KEY and XLMARGIN_BYBIT_SECRET"),
        (["--libreoffice", "nobody"], "no LibreOffice listens on the pipe nobody"),
        (["--excel"], "no Excel answers here"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: list[str], said: str, book: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Misuse ends with 2 and says how to mend it."""
    for name in list(os.environ):
        if name.startswith("XLMARGIN_"):
            monkeypatch.delenv(name)
    assert main(["feed", str(book), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_broken_workbook_is_told_in_a_line(tmp_path: Path, stub: VenueStub, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no workbook but is called one ends in one line, as with every other command."""
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"no archive")
    assert main(["feed", str(broken), "--file", "--once", "--url", stub.url]) == 2
    assert capsys.readouterr().err.startswith(f"#PM! {broken} cannot be read as a workbook")
