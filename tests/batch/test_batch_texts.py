"""Batches of CSV files in every dialect: decided by the beginning, checked as the rest streams."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_files import MARKET, batch, faults
from range_books import ask

from xlmargin.errors import MarginError
from xlmargin.files.texts import read_table

PLAIN = "Account,Instrument,Quantity\n007,BTC-PERPETUAL,-1.5\n7,BTC-PERPETUAL,-1500\n7.0,ETH-PERPETUAL,0.125\n"
WRITTEN = {
    "German": PLAIN.replace(",", ";").replace(".", ",").replace("7,0", "7.0").replace("1500", "1.500").encode(),
    "Swiss": PLAIN.replace(",", ";").replace("1500", "1'500").encode(),
    "tabs in UTF-16": PLAIN.replace(",", "\t").encode("utf-16"),
    "Windows-1252": PLAIN.replace(",-", ",\u2013").encode("cp1252"),
    "old Macintosh": PLAIN.replace("\n", "\r").encode(),
    "titles": ("sep=,\nPositions\n\n" + PLAIN).encode(),
    "quotes": b'"Account","Instrument","Quantity"\n"=""007""","BTC-PERPETUAL","-1.5"\n"7","BTC-PERPETUAL","-1,500"\n'
    + b"'7.0,ETH-PERPETUAL,+0.125\n",
}


@pytest.mark.parametrize("size", [120, 16_000_000])
@pytest.mark.parametrize("dialect", WRITTEN)
def test_a_file_in_any_dialect_gives_the_same_margins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: str, size: int) -> None:
    """By the reader of text tables, to the last digit, also where a file is read in small blocks; accounts keep their zeros."""
    (tmp_path / "plain.csv").write_text(PLAIN, encoding="utf-8")
    (tmp_path / "in.csv").write_bytes(WRITTEN[dialect])
    right = batch(tmp_path / "plain.csv", tmp_path / "plain.out.csv")
    monkeypatch.setattr("xlmargin.batch.source.BLOCK_BYTES", size)
    assert batch(tmp_path / "in.csv", tmp_path / "out.csv") == right
    assert [row["Account"] for row in right] == ["007", "7", "7.0"]


GERMAN = "Account;Instrument;Quantity\n" + "a;BTC-PERPETUAL;-1,5\n" * 20
LATER = [
    (GERMAN + "b;BTC-PERPETUAL;1.5\n", "Quantity must be a number, not the text '1.5'"),
    (GERMAN.replace("1,5", "15") + "b;BTC-PERPETUAL;1.500\n", "Quantity must be a number, not the text '1.500'"),
    (GERMAN.replace("1,5", "15") + "b;BTC-PERPETUAL;1,5\n", "Quantity must be a number, not the text '1,5'"),
    (GERMAN + "b;BTC-PERPETUAL;1;5\n", "the row has 4 cells and the header 3"),
]


@pytest.mark.parametrize(("text", "problem"), LATER)
def test_a_cell_that_contradicts_the_beginning_leaves_out_its_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    """What the first part of a file says of its numbers holds for the rest; what does not agree has no margin."""
    monkeypatch.setattr("xlmargin.batch.source.FIRST_BYTES", 100)
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    assert [(row["Account"], row["Status"]) for row in batch(tmp_path / "in.csv", tmp_path / "out.csv")] == [("a", "OK"), ("b", "ERROR")]
    assert [(row["Row"], row["Problem"]) for row in faults(tmp_path / "out.csv")] == [("22", problem)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'b;"BTC-PERPETUAL;1\n', "line 22: a quote is never closed"),
        (b'b;BTC"-PERPETUAL;1\n', "line 22: a quote stands within a cell"),
        (b'b;"BTC"-PERPETUAL;1\n', "line 22: there is text after a closing quote"),
        (b'b;"BTC-PERPETUAL;1\nb;BTC-PERPETUAL";1\n', "line 22 has a cell in quotes that holds whole lines"),
        (b"b;BTC\x00-PERPETUAL;1\n", "line 22 holds a control character"),
        (b"b\xff;BTC-PERPETUAL;1\n", "holds what is no text in utf-8"),
    ],
)
@pytest.mark.parametrize("size", [150, 16_000_000])
def test_a_damage_after_the_beginning_stops_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes, problem: str, size: int
) -> None:
    """The file is checked as it streams, by its lines."""
    monkeypatch.setattr("xlmargin.batch.source.FIRST_BYTES", 100)
    monkeypatch.setattr("xlmargin.batch.source.BLOCK_BYTES", size)
    (tmp_path / "in.csv").write_bytes(GERMAN.encode() + line + b"c;BTC-PERPETUAL;1\n")
    with pytest.raises(MarginError) as told:
        batch(tmp_path / "in.csv", tmp_path / "out.csv")
    assert problem in str(told.value)


@pytest.mark.parametrize(
    ("text", "row", "problem"),
    [
        (
            "Account,Instrument,Size\na,BTC_USDC-PERPETUAL,1\nb,BTC-PERPETUAL,1\n",
            "3",
            "Size of an inverse future or perpetual may be coins",
        ),
        ("Instrument,Quantity,IV %\nBTC-26SEP25-65000-P,-1,55\nBTC-26SEP25-60000-P,-1,0.6\n", "2", "the column has fractions and percents"),
        ("Instrument,Quantity\nBTC-PERPETUAL,1\nInstrument,Quantity\nETH-PERPETUAL,1\n", "3", "the row repeats the headings"),
        ("Instrument,IV,Quantity\nBTC-PERPETUAL,0.5,1\nTotal,,1\n", "3", "'Total' begins a total"),
        ("Instrument,IV,Quantity\nBTC-PERPETUAL,0.5,1\nMade by a program,,\n", "3", "'Made by a program' stands alone in its row"),
        ("Instrument,Quantity,Price\nBTC_USDC-26SEP25-65000-P,1,€5\n", "2", "Price must be an amount of USD"),
    ],
)
def test_the_faults_of_a_sheet_are_those_of_a_batch(tmp_path: Path, text: str, row: str, problem: str) -> None:
    """Also those that a row has only among the others: no account is left out without a word, and none is margined."""
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    found = batch(tmp_path / "in.csv", tmp_path / "out.csv")
    assert found[-1]["Status"] == "ERROR"
    told = faults(tmp_path / "out.csv")
    assert told[0]["Row"] == row
    assert problem in told[0]["Problem"]
    single = str(ask("PM_MARGIN", read_table(tmp_path / "in.csv", "positions").rows, MARKET))
    assert single.startswith(f"#PM! row {row}: ")
    assert problem in single


@pytest.mark.parametrize("heading", ["Amount", "Size", "positionAmt"])
def test_a_size_counts_where_it_has_one_meaning(tmp_path: Path, heading: str) -> None:
    """Of a linear contract a size is its coins, under whichever heading."""
    for name, text in (("plain", "Quantity"), ("in", heading)):
        (tmp_path / f"{name}.csv").write_text(f"Instrument,{text},Index Price\nBTC_USDC-PERPETUAL,-1.5,65000\n", encoding="utf-8")
    plain, found = (batch(tmp_path / f"{name}.csv", tmp_path / f"{name}.out.csv") for name in ("plain", "in"))
    assert found == plain
    assert found[0]["Initial"] == ask("PM_MARGIN", read_table(tmp_path / "in.csv", "positions").rows, MARKET)
