"""The feed end to end: the template in a real LibreOffice, and the file itself, fed from a stand-in of the venue."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from calc import Calc, CalcBook
from conftest import ROOT
from feed_help import Hands
from venue_stub import Fault, VenueStub

from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice.locate import clean_environment
from xlmargin.live.feed import ApiKeys, Connection, FeedDesk
from xlmargin.live.feed.sheets import BUSY, ExcelSheets, FileSheets, LibreOfficeSheets
from xlmargin.live.feed.store import keep, kept, store_of

pytest.importorskip("ccxt")

TEMPLATE = ROOT / "workbook" / "xlmargin.xlsx"
STATUS, TIME = "L2", "L3"


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


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A workbook of two ranges, a margin and the cells in which a feed says how it is."""
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName

    path = tmp_path / "small.xlsx"
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "Desk"
    for y, row in enumerate(
        [
            ["Instrument", "Quantity", "Side", "Account", "Venue", "Note"],
            ["BTC-1JUL26-75000-C", 9.0, "buy", "Mine", None, "of the desk"],
            ["BTC-31JUL26-60000-P", 3.0, None, "Mine", "deribit", "closed meanwhile"],
            ["ETH-USDT-SWAP", 4.0, None, "Other", "okx", None],
        ],
        1,
    ):
        for x, cell in enumerate(row, 1):
            sheet.cell(y, x, cell)
    for x, heading in enumerate(("Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "Rate", "As of", "Remark"), 8):
        sheet.cell(1, x, heading)
    sheet["P2"] = "typed by hand"
    sheet["R1"] = "=PM_MARGIN(positions,market)"
    for name, area in {
        "positions": "$A$1:$F$20",
        "market": "$H$1:$P$120",
        "feed_status": "$R$3",
        "feed_time": "$R$4",
        "initial_margin": "$R$1",
        "theirs": "$T$1:$X$4",
    }.items():
        workbook.defined_names[name] = DefinedName(name, attr_text=f"Desk!{area}")
    for x, heading in enumerate(("Venue", "Currency", "Initial", "Maintenance", "Time"), 20):
        sheet.cell(1, x, heading)
    workbook.save(path)
    return path


def _sheet(open_book: CalcBook, name: str) -> list[list[Any]]:
    place = open_book.place(name)
    assert place is not None
    return open_book.get(*place)


def test_a_document_in_libreoffice_follows_the_venue(calc: Calc, stub: VenueStub, book: Path) -> None:
    """The market follows every tick and the risk array moves; no cell of the positions changes; faults are marked, and end."""
    hands, said = Hands(stub), []
    with calc.open(book) as document:
        positions, formulas = _sheet(document, "positions"), document.formulas("Positions")
        seen: list[tuple[Any, ...]] = []

        def watched(line: str) -> None:
            said.append(line)
            if line == "stopped":
                return
            market, risk = _sheet(document, "market"), _sheet(document, "risk_array")
            seen.append(
                (
                    market,
                    risk[1:17],
                    _sheet(document, "initial_margin")[0][0],
                    _sheet(document, "feed_status")[0][0],
                    _sheet(document, "feed_time")[0][0],
                )
            )
            hands.on(5.0)
            stub.spot["BTC"] += 2_500.0
            if len(seen) == 2:
                stub.faults = [Fault("half")]
            if len(seen) == 4:
                desk.feed.stop()

        desk = FeedDesk(
            LibreOfficeSheets(book, calc.pipe),
            "deribit",
            Connection("deribit", stub.url).call,
            interval=0.01,
            say=watched,
            clock=hands.clock,
        )
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


def test_the_margin_in_the_sheet_is_that_of_the_tick(calc: Calc, stub: VenueStub, small: Path) -> None:
    """After a refresh the sheet's margin is what PM_MARGIN gives for the same positions and the feed's own table."""
    import udfs

    with calc.open(small) as document:
        desk = FeedDesk(
            LibreOfficeSheets(small, calc.pipe),
            "deribit",
            Connection("deribit", stub.url).call,
            say=lambda line: None,
            clock=Hands(stub).clock,
        )
        assert desk.run(once=True)
        table = desk.feed.latest()
        assert table is not None
        expected = udfs.PM_MARGIN(_sheet(document, "positions"), table.rows)
        assert _sheet(document, "initial_margin")[0][0] == pytest.approx(expected, rel=1e-12)
        assert _sheet(document, "market")[1][8] == "typed by hand"


def test_positions_and_margins_follow_the_venue(calc: Calc, stub: VenueStub, small: Path) -> None:
    """The venue's rows come and go by instrument, the desk's own rows and columns stay; its margins are kept."""
    stub.private["/api/v2/private/get_positions"] = {
        "jsonrpc": "2.0",
        "result": [
            {"instrument_name": "BTC-1JUL26-75000-C", "direction": "sell", "size": -2.0, "average_price": 0.05},
            {"instrument_name": "BTC-1JUL26-60000-P", "direction": "buy", "size": 1.5},
        ],
    }
    stub.private["/api/v2/private/get_account_summaries"] = {
        "jsonrpc": "2.0",
        "usOut": int(stub.now() * 1e6),
        "result": {"summaries": [{"currency": "BTC", "margin_model": "segregated_pm", "initial_margin": 0.75, "maintenance_margin": 0.6}]},
    }
    keys = ApiKeys("key-of-the-test", "secret-of-the-test")
    said: list[str] = []
    store = store_of(small)
    with calc.open(small) as document:
        desk = FeedDesk(
            LibreOfficeSheets(small, calc.pipe),
            "deribit",
            Connection("deribit", stub.url, keys).call,
            positions=True,
            keep=lambda rows: keep(store, rows),
            say=said.append,
            clock=Hands(stub).clock,
        )
        assert desk.run(once=True), said
        assert _sheet(document, "positions")[1:5] == [
            ["BTC-1JUL26-75000-C", -2.0, None, "Mine", "deribit", "of the desk"],
            ["ETH-USDT-SWAP", 4.0, None, "Other", "okx", None],
            ["BTC-1JUL26-60000-P", 1.5, None, None, "deribit", None],
            [None] * 6,
        ]
        assert _sheet(document, "theirs")[1][:4] == ["deribit", "BTC", 0.75, 0.6]
        assert isinstance(_sheet(document, "initial_margin")[0][0], float)
    assert [(row.currency, row.initial, row.method) for row in kept(store, "deribit")] == [("BTC", 0.75, "DERIBIT")]
    for secret in (b"key-of-the-test", b"secret-of-the-test"):
        assert secret not in store.read_bytes() + "".join(said).encode()


def test_half_of_a_private_answer_writes_nothing(calc: Calc, stub: VenueStub, small: Path) -> None:
    """Where positions are followed, their failure leaves market and positions as they were."""
    said: list[str] = []
    with calc.open(small) as document:
        before = _sheet(document, "positions"), _sheet(document, "market")
        desk = FeedDesk(
            LibreOfficeSheets(small, calc.pipe),
            "deribit",
            Connection("deribit", stub.url, ApiKeys("a-key-that", "is-refused")).call,
            positions=True,
            say=said.append,
            clock=Hands(stub).clock,
        )
        assert not desk.run(once=True)
        assert (_sheet(document, "positions"), _sheet(document, "market")) == before
        assert _sheet(document, "feed_status")[0][0].startswith("no data yet: deribit refuses the keys")


def test_a_cell_being_edited_is_not_disturbed(calc: Calc, stub: VenueStub, small: Path) -> None:
    """While a person types into a cell of LibreOffice the market is written, and what was typed is entered whole."""
    typing = subprocess.Popen(
        [calc.installation.python, ROOT / "tests/help/typing_in_calc.py", calc.pipe, small],
        env=clean_environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert typing.stdin is not None
    assert typing.stdout is not None
    try:
        assert typing.stdout.readline() == "''\n"
        sheets = LibreOfficeSheets(small, calc.pipe)
        said: list[str] = []
        assert FeedDesk(sheets, "deribit", Connection("deribit", stub.url).call, say=said.append, clock=Hands(stub).clock).run(once=True), (
            said
        )
        assert LibreOfficeSheets(small, calc.pipe).read("market")[1][:2] == ["BTC", stub.spot["BTC"]]
        print(file=typing.stdin, flush=True)
        assert typing.stdout.readline() == "'75'\n"
    finally:
        typing.communicate()


def test_a_document_that_is_not_open_is_told(calc: Calc, tmp_path: Path) -> None:
    """A workbook that LibreOffice has not open, and a pipe on which nobody listens, are one line each."""
    with pytest.raises(MarginError) as raised:
        LibreOfficeSheets(tmp_path / "other.xlsx", calc.pipe)
    assert "other.xlsx is not open there; open are " in str(raised.value)
    with pytest.raises(MarginError) as raised:
        LibreOfficeSheets(tmp_path / "other.xlsx", "nobody")
    assert "no LibreOffice listens on the pipe nobody" in str(raised.value)


def test_the_file_itself_is_fed(stub: VenueStub, small: Path) -> None:
    """With no program in between the file gets market and recalculated margin; a program that has it open is waited for."""
    lock = small.parent / f".~lock.{small.name}#"
    lock.touch()
    hands, said = Hands(stub), []

    def desk() -> FeedDesk:
        return FeedDesk(
            FileSheets(small),
            "deribit",
            Connection("deribit", stub.url).call,
            interval=0.3,
            say=said.append,
            clock=hands.clock._replace(monotonic=time.monotonic),
        )

    before = small.read_bytes()
    assert not desk().run(once=True)
    assert said == ["nothing written: small.xlsx is open in a program: close it there, or feed that program"]
    assert small.read_bytes() == before
    lock.unlink()
    assert FileSheets(small).read("initial_margin") == [[None]]
    positions = FileSheets(small).read("positions")
    assert desk().run(once=True)
    after = FileSheets(small)
    assert after.read("market")[1][:2] == ["BTC", 71_234.5]
    assert after.read("positions") == positions
    assert after.read("initial_margin")[0][0] > 0.0
    assert after.read("feed_status")[0][0].startswith("live from deribit at 2026-06-01 09:00:00")
    assert sorted(path.name for path in small.parent.iterdir()) == [small.name]


def test_formulas_are_not_written_over(small: Path, stub: VenueStub) -> None:
    """A formula in the market range stops the feed before it begins."""
    import openpyxl

    workbook = openpyxl.load_workbook(small)
    workbook["Desk"]["I8"] = "=1+1"
    workbook.save(small)
    with pytest.raises(MarginError) as raised:
        FeedDesk(FileSheets(small), "deribit", Connection("deribit", stub.url).call)
    assert str(raised.value) == (
        "I8 in the range market holds a formula, which the feed would write over: type a value there, or move the formula"
    )


class _Names(dict):  # type: ignore[type-arg]
    """xlwings' Names: by name, and as a list of Name."""

    def __iter__(self) -> Any:
        return iter(self.values())


def test_excel_is_waited_for_and_written_to_in_one_piece(stub: VenueStub) -> None:
    """A Book as xlwings documents it (names, refers_to_range, app.api.Ready): one write per range, none while a cell is edited.

    No Excel was at hand: this holds our side of that interface only.
    """
    writes: list[tuple[str, Any]] = []
    ready = [False, False, True, True]

    class Range:
        def __init__(self, name: str, value: Any) -> None:
            self.__dict__.update(name=name, cells=value, formula=tuple(map(tuple, value)))

        def options(self, ndim: int) -> Any:
            assert ndim == 2
            return self

        def __getattr__(self, name: str) -> Any:
            if name == "value":
                return self.cells
            raise AttributeError(name)

        def __setattr__(self, name: str, value: Any) -> None:
            assert name == "value"
            writes.append((self.name, value))
            self.__dict__["cells"] = value

    class Api:
        Interactive = True

        @property
        def Ready(self) -> bool:
            if not ready:
                raise OSError("call was rejected by callee")
            return ready.pop(0)

    positions = [["Instrument", "Quantity"], ["BTC-1JUL26-75000-C", -1.0]]
    market = [["Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "Rate", "As of"], *([None] * 8 for _ in range(60))]
    ranges = {"positions": positions, "market": market, "feed_status": [[None]]}
    names = _Names({name: SimpleNamespace(name=name, refers_to_range=Range(name, cells)) for name, cells in ranges.items()})
    sheets = ExcelSheets(SimpleNamespace(names=names, app=SimpleNamespace(api=Api())))
    said: list[str] = []
    desk = FeedDesk(sheets, "deribit", Connection("deribit", stub.url).call, say=said.append, clock=Hands(stub).clock)
    assert desk.run(once=True)
    assert [name for name, _ in writes] == ["market", "feed_status"]
    assert len(writes[0][1]) == len(market)
    assert writes[0][1][1][:2] == ["BTC", stub.spot["BTC"]]
    ready.clear()
    assert sheets.waits_for() == BUSY


def test_names_that_are_not_needed_are_left_alone(small: Path) -> None:
    """A name of a column of a table, as a list for a validation has it, is no range of the feed and no fault."""
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName

    book = openpyxl.load_workbook(small)
    known = FileSheets(small).names()
    for name, text in (("coins", "tblCoins[Coin]"), ("lost", "#REF!"), ("two", "Desk!$A$1,Desk!$B$2")):
        book.defined_names[name] = DefinedName(name, attr_text=text)
    book.save(small)
    assert FileSheets(small).names() == known >= {"positions", "market"}
    assert FileSheets(small).read("market")[0][0] == "Underlying"
