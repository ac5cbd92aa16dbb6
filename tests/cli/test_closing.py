"""The line that ends margin, check and status: what the numbers rest on, and what does not count."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import openpyxl
import pytest

from xlmargin.cli import main
from xlmargin.sheet.ranges import remembered

HEAD = "Underlying,Type,Strike,Expiry,IV,Spot,Quantity,Order,Account"
SPREAD = ["BTC,put,70000,2025-06-27,0.5,70000,-1,,a", "BTC,put,69000,2025-06-27,0.5,70000,1,,b"]
ORDER = "ETH,perp,,,,3500,1,yes,b"
MARKET = ["Underlying,Spot,As of", "BTC,70000,2025-06-01T12:30:00", "ETH,3500,"]
TIME = "valued 2025-06-01 12:30 UTC"


def write(path: Path, lines: list[str]) -> Path:
    """A text file of some lines."""
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def last(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit code of a command, and the last line that it printed."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("command", [("margin",), ("check",), ("status", "--equity", "50000")])
def test_the_line_says_what_an_answer_rests_on(command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File, rows, accounts, valuation time, spots; an open order is left out."""
    name, *more = command
    market = write(tmp_path / "market.csv", MARKET)
    book = write(tmp_path / "book.csv", [HEAD, *SPREAD, ORDER])
    told = f"book.csv: 3 rows, 2 accounts, {TIME}, BTC 70,000, ETH 3,500; left out: 1 open order"
    assert last(capsys, name, book, *more, "--market", market) == (0, told)
    one = write(tmp_path / "one.csv", [HEAD, SPREAD[0]])
    assert last(capsys, name, one, *more, "--market", market) == (0, f"one.csv: 1 row, 1 account, {TIME}, BTC 70,000")


def test_without_a_valuation_time_it_is_now(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And it says so, since the same book has another margin tomorrow."""
    monkeypatch.setattr("time.time", lambda: dt.datetime(2025, 6, 1, 12, 30, tzinfo=dt.UTC).timestamp())
    code, told = last(capsys, "margin", write(tmp_path / "book.csv", [HEAD, *SPREAD]))
    assert (code, told) == (0, f"book.csv: 2 rows, 2 accounts, {TIME} (now, since the market gives no As of), BTC 70,000")


def test_many_underlyings_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twelve spots in the line; for machines every one."""
    coins = [f"C{n:02}" for n in range(15)]
    book = write(tmp_path / "book.csv", [HEAD, *(f"{coin},perp,,,,{100 + n},1,," for n, coin in enumerate(coins))])
    assert last(capsys, "margin", book)[1].endswith(", C11 111, and 3 more underlyings")
    assert list(json.loads(last(capsys, "margin", book, "--json")[1])["spots"]) == coins


def test_spots_that_differ_are_a_span(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The least and the largest; for machines every one."""
    rows = [HEAD, SPREAD[0], SPREAD[1].replace(",70000,", ",70100.5,"), "BTC,perp,,,,70050,1,,a"]
    book, market = write(tmp_path / "book.csv", rows), write(tmp_path / "market.csv", MARKET[:2])
    assert last(capsys, "margin", book, "--market", market)[1].endswith("BTC 70,000 to 70,100.5")
    found = json.loads(last(capsys, "margin", book, "--market", market, "--json")[1])
    assert found["spots"] == {"BTC": [70_000.0, 70_050.0, 70_100.5]}


def test_machines_get_the_same_as_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the numbers, whose names stand as before."""
    market = write(tmp_path / "market.csv", [*MARKET[:2], "ETH,3500,"])
    book = write(tmp_path / "book.csv", [HEAD, *SPREAD, ORDER])
    found = json.loads(last(capsys, "margin", book, "--market", market, "--json")[1])
    assert list(found)[:5] == ["method", "initial_margin", "maintenance_margin", "scanning_risk", "status"]
    assert {key: found[key] for key in list(found)[5:]} == {
        "rows": 3,
        "accounts": 2,
        "valuation_time": "2025-06-01T12:30:00Z",
        "spots": {"BTC": 70_000.0, "ETH": 3_500.0},
        "left_out": ["1 open order"],
        "notes": [],
    }


def test_notes_are_counted_and_the_command_that_shows_them_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A vol that comes from the underlying is a note; an open order, which is left out, is told once."""
    bare = [HEAD, SPREAD[0].replace(",0.5,", ",,"), ORDER]
    market = write(tmp_path / "market.csv", ["Underlying,Spot,IV,As of", "BTC,70000,0.55,2025-06-01T12:30:00"])
    code, told = last(capsys, "margin", write(tmp_path / "book.csv", bare), "--market", market)
    assert code == 0
    assert told.endswith("; left out: 1 open order; 1 note: xlmargin check book.csv")
    found = json.loads(last(capsys, "margin", tmp_path / "book.csv", "--market", market, "--json")[1])
    assert found["notes"] == ["row 2: IV 0.5500 is the market's vol of the underlying: give IV or Price on the row to use another"]


def test_what_may_be_wrong_is_printed_with_its_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two rows of one contract with two vols: a note each, and no number of rows floods the terminal."""
    market = write(tmp_path / "market.csv", MARKET)
    book = write(tmp_path / "book.csv", [HEAD, SPREAD[0], SPREAD[0].replace(",0.5,", ",0.6,")])
    assert main(["margin", str(book), "--market", str(market)]) == 0
    told = capsys.readouterr()
    start = "rows of BTC-27JUN25-70000-P in this account differ in IV: for all of them 0.55 counts, the mean of the values given: "
    assert told.err.splitlines() == [f"note: row {row}: {start}they are one position: give them one market" for row in (2, 3)]
    assert told.out.splitlines()[-1].endswith("; 2 notes: xlmargin check book.csv")
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Positions"
    rows = [["BTC", "put", 70_000.0, "2025-06-27", vol, 70_000.0, -1.0, None, "a"] for vol in (0.5, 0.6) * 8]
    for line in [["Our book"], HEAD.split(","), *rows]:
        sheet.append(line)
    made.save(tmp_path / "book.xlsx")
    assert main(["margin", str(tmp_path / "book.xlsx"), "--market", str(market)]) == 0
    title, *notes = capsys.readouterr().err.splitlines()
    assert title == "note: 1 row above the header of the positions (row 2 of the sheet Positions) is not read"
    assert notes[0].startswith("note: Positions!E3: rows of BTC-27JUN25-70000-P")
    assert notes[-1] == "note: and 6 notes like these"
    assert len(notes) == 11


def test_what_a_reader_leaves_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Closed positions of a venue's answer."""
    position = {"kind": "future", "index_price": 70_000.0, "mark_price": 70_000.0, "average_price": 70_000.0}
    result = [
        {**position, "instrument_name": "BTC-PERPETUAL", "size": 70_000.0, "size_currency": 1.0, "direction": "buy"},
        {**position, "instrument_name": "ETH-PERPETUAL", "size": 0.0, "size_currency": 0.0, "direction": "zero"},
    ]
    answer = write(tmp_path / "positions.json", [json.dumps({"result": result})])
    assert "; left out: 1 closed position" in last(capsys, "margin", answer, "--venue", "deribit")[1]


def test_a_book_with_faults_ends_with_their_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No number stands beside them."""
    faulty = write(tmp_path / "book.csv", [HEAD, SPREAD[0].replace("put", "putt"), SPREAD[1].replace(",1,", ",one,")])
    market = write(tmp_path / "market.csv", MARKET)
    assert last(capsys, "check", faulty, "--market", market) == (1, "book.csv: 2 faults; no number comes of it before they are mended")


def test_what_gives_the_time_is_the_market_alone() -> None:
    """A blank market, and one without As of, leave it to the clock."""
    assert not remembered.gives_time(None)
    assert not remembered.gives_time([["Underlying", "Spot"], ["BTC", 70_000.0]])
    assert remembered.gives_time([["Underlying", "Spot", "As of"], ["BTC", 70_000.0, "2025-06-01"]])


def test_a_note_on_a_cell_of_a_workbook_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column that does not count is named with its cell, and the exit code is that of a book without faults."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Positions"
    for row in (["Instrument", "Quantity", "Spot", "Trader"], ["BTC-PERPETUAL", 1, 70_000, "Ann"]):
        sheet.append(row)
    made.save(tmp_path / "book.xlsx")
    capsys.readouterr()
    assert main(["check", str(tmp_path / "book.xlsx")]) == 0
    assert "Positions!D1: note: " in capsys.readouterr().out
