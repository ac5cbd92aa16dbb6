"""The feed end to end: the template in a real LibreOffice, and the file itself, fed from a stand-in of the venue."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from feed_help import Hands, stay_here
from venue_stub import Fault, VenueStub

from xlmargin.errors import MarginError
from xlmargin.feed import Connection, Desk, Keys
from xlmargin.feed.sheets import BUSY, ExcelSheets, FileSheets, LibreOfficeSheets
from xlmargin.libreoffice import Calc, Workbook

pytest.importorskip("ccxt")

TEMPLATE = ROOT / "workbook" / "xlmargin.xlsx"
STATUS, TIME = "L2", "L3"


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket to anywhere else fails the test."""
    stay_here(monkeypatch)


@pytest.fixture
def stub() -> Iterator[VenueStub]:
    """The venues."""
    with VenueStub() as running:
        yield running


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The template with the two cells in which a feed says how it is."""
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName

    path = tmp_path / "desk.xlsx"
    workbook = openpyxl.load_workbook(TEMPLATE)
    for name, cell in (("feed_status", STATUS), ("feed_time", TIME)):
        if name not in workbook.defined_names:
            workbook.defined_names[name] = DefinedName(name, attr_text=f"Market!${cell[0]}${cell[1]}")
    workbook.save(path)
    return path


def _sheet(open_book: Workbook, name: str) -> list[list[Any]]:
    return open_book.get(*open_book.names()[name])


def test_a_document_in_libreoffice_follows_the_venue(calc: Calc, stub: VenueStub, book: Path) -> None:
    """The market follows every tick and the risk array moves; no cell of the positions changes; faults are marked, and end."""
    hands, said = Hands(stub), []
    with calc.open(book) as document:
        positions, formulas = _sheet(document, "positions"), document.formulas("Positions")
        seen: list[tuple[Any, ...]] = []
        desk = Desk(LibreOfficeSheets(book, calc.pipe), "deribit", Connection("deribit", stub.url).call, interval=0.01,
                    say=said.append, clock=hands.clock)

        def watched(line: str) -> None:
            said.append(line)
            market, risk = _sheet(document, "market"), _sheet(document, "risk_array")
            seen.append((market, risk[1:17], _sheet(document, "initial_margin")[0][0], _sheet(document, "feed_status")[0][0],
                         _sheet(document, "feed_time")[0][0]))
            hands.on(5.0)
            stub.spot["BTC"] += 2_500.0
            if len(seen) == 2:
                stub.faults = [Fault("half")]
            if len(seen) == 4:
                desk.feed.stop()

        desk._say = watched
        desk.feed.wait = lambda seconds: hands.on(max(seconds, 0.0)) or False  # type: ignore[func-returns-value, method-assign]
        assert desk.run()
        first, second, stale, again = seen
        assert first[0][1][:2] == ["BTC", 71_234.5]
        assert second[0][1][1] == 73_734.5
        assert stale[0] == second[0]
        assert stale[3].startswith("STALE for ")
        assert again[0][1][1] == 78_734.5
        for one, other in ((first, second), (second, again)):
            assert one[1] != other[1]
            assert one[2] != other[2]
            assert other[4] > one[4]
        assert stale[1:3] == second[1:3]
        assert [row[3].split(" from")[0] for row in (first, second, again)] == ["live"] * 3
        assert _sheet(document, "positions") == positions
        assert document.formulas("Positions") == formulas
        assert _sheet(document, "feed_status")[0][0].startswith("feed stopped; last good 2026-06-01 ")
        assert "STALE" in said[2]


def test_the_margin_in_the_sheet_is_that_of_the_tick(calc: Calc, stub: VenueStub, book: Path) -> None:
    """After a refresh the sheet's margin is what PM_MARGIN gives for the same positions and the feed's own table."""
    import udfs

    with calc.open(book) as document:
        desk = Desk(LibreOfficeSheets(book, calc.pipe), "deribit", Connection("deribit", stub.url).call, say=lambda line: None,
                    clock=Hands(stub).clock)
        assert desk.run(once=True)
        table = desk.feed.latest()
        assert table is not None
        expected = udfs.PM_MARGIN(_sheet(document, "positions"), table.rows, "SPAN", _sheet(document, "parameters"))
        assert _sheet(document, "initial_margin")[0][0] == pytest.approx(expected, rel=1e-12)


def test_positions_follow_the_venue(calc: Calc, stub: VenueStub, book: Path) -> None:
    """With --positions the venue's rows come and go by instrument; the desk's own rows and columns stay."""
    stub.private["/api/v2/private/get_positions"] = {"jsonrpc": "2.0", "result": [
        {"instrument_name": "BTC-1JUL26-75000-C", "direction": "sell", "size": -2.0},
        {"instrument_name": "BTC-1JUL26-60000-P", "direction": "buy", "size": 1.5}]}
    keys = Keys("key-of-the-test", "secret-of-the-test")
    with calc.open(book) as document:
        sheet, area = document.names()["positions"]
        before = document.get(sheet, area)
        heads = before[0]
        typed = [None] * len(heads)
        typed[heads.index("Instrument")], typed[heads.index("Quantity")] = "BTC-1JUL26-75000-C", 9.0
        typed[heads.index("Account")], typed[heads.index("Side")] = "Mine", "buy"
        used = sum(any(cell is not None for cell in row) for row in before)
        document.set(sheet, area, [*before[:used], typed, *before[used + 1:]])
        own = [row for row in before[1:used] if row[heads.index("Instrument")] is None]
        said: list[str] = []
        desk = Desk(LibreOfficeSheets(book, calc.pipe), "deribit", Connection("deribit", stub.url, keys).call, positions=True,
                    say=said.append, clock=Hands(stub).clock)
        assert desk.run(once=True), said
        after = document.get(sheet, area)
        assert [row for row in after[1:] if row[heads.index("Instrument")] is None][:len(own)] == own
        held = {row[heads.index("Instrument")]: row for row in after[1:] if row[heads.index("Instrument")]}
        assert {name: row[heads.index("Quantity")] for name, row in held.items()} == {
            "BTC-1JUL26-75000-C": -2.0, "BTC-1JUL26-60000-P": 1.5}  # the sample's Deribit future is not held there: it goes
        assert held["BTC-1JUL26-75000-C"][heads.index("Account")] == "Mine"
        assert held["BTC-1JUL26-75000-C"][heads.index("Side")] is None
        assert not any("secret-of-the-test" in line or "key-of-the-test" in line for line in said)


def test_a_document_that_is_not_open_is_told(calc: Calc, tmp_path: Path) -> None:
    """A workbook that LibreOffice has not open, and a pipe on which nobody listens, are one line each."""
    with pytest.raises(MarginError) as raised:
        LibreOfficeSheets(tmp_path / "other.xlsx", calc.pipe)
    assert "other.xlsx is not open there; open are " in str(raised.value)
    with pytest.raises(MarginError) as raised:
        LibreOfficeSheets(tmp_path / "other.xlsx", "nobody")
    assert "no LibreOffice listens on the pipe nobody" in str(raised.value)


def test_the_file_itself_is_fed(stub: VenueStub, book: Path) -> None:
    """With no program in between the file gets the market and its recalculated margin; a program that has it open is waited for."""
    lock = book.parent / f".~lock.{book.name}#"
    lock.touch()
    hands, said = Hands(stub), []

    def desk() -> Desk:
        return Desk(FileSheets(book), "deribit", Connection("deribit", stub.url).call, interval=0.3, say=said.append,
                    clock=hands.clock._replace(monotonic=__import__("time").monotonic))

    before = book.read_bytes()
    assert not desk().run(once=True)
    assert said == ["nothing written: desk.xlsx is open in a program: close it there, or feed that program"]
    assert book.read_bytes() == before
    lock.unlink()
    margin = FileSheets(book).read("initial_margin")
    positions = FileSheets(book).read("positions")
    assert desk().run(once=True)
    after = FileSheets(book)
    assert after.read("market")[1][:2] == ["BTC", 71_234.5]
    assert after.read("positions") == positions
    assert after.read("initial_margin") != margin
    assert after.read("feed_status")[0][0].startswith("live from deribit at 2026-06-01 09:00:00")
    assert sorted(path.name for path in book.parent.iterdir()) == [book.name]


def test_formulas_are_not_written_over(book: Path, stub: VenueStub) -> None:
    """A formula in the market range stops the feed before it begins."""
    import openpyxl

    workbook = openpyxl.load_workbook(book)
    workbook["Market"]["D8"] = "=1+1"
    workbook.save(book)
    with pytest.raises(MarginError) as raised:
        Desk(FileSheets(book), "deribit", Connection("deribit", stub.url).call)
    assert str(raised.value) == ("D8 in the range market holds a formula, which the feed would write over: type a value there, "
                                 "or move the formula")
