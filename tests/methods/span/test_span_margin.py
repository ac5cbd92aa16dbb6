"""Books margined from a clearing house's file: the same as from its arrays typed into a sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import span_samples as samples

from udfs import PM_EXPLAIN, PM_LINE, PM_MARGIN
from xlmargin.cli import main

MARKET = [
    ["Underlying", "Spot", "As of"],
    ["SB", 22.64, "2010-03-02"],
    ["TF", 700.0, None],
    ["RF", 600.0, None],
    ["NIFTY", 24_050.35, None],
]
HEADER = ["Underlying", "Type", "Strike", "Expiry", "Quantity"]
SUGAR = [HEADER, ["SB", "F", None, "2010-05-31", -1.0], ["SB", "P", 23.25, "2010-05-31", -1.0], ["SB", "C", 24.25, "2010-05-31", 4.0]]
RUSSELL = [HEADER, ["TF", "C", 700.0, "2010-06-18", 100.0], ["RF", "C", 600.0, "2010-06-18", -80.0]]


@pytest.fixture(params=["spn", "pa2"])
def span_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The published sugar and Russell contracts in either format."""
    path = tmp_path / f"sample.{request.param}"
    items = [*samples.SUGAR, *samples.RUSSELL]
    path.write_bytes(samples.markup(items, org="ICUS", date="20100302") if request.param == "spn" else samples.positional(items))
    return path


def typed(book: list[list[Any]], arrays: list[tuple[float, ...]], deltas: list[float]) -> list[list[Any]]:
    """A book with its arrays and deltas typed into the sheet."""
    return [[*HEADER, "Delta", *range(1, 17)], *[[*row, delta, *array] for row, array, delta in zip(book[1:], arrays, deltas)]]


def test_sugar_book(span_file: Path) -> None:
    """ICE's sugar book (SPAN-01) scans to 2,099 in scenario 14, from either format and from typed arrays."""
    parameters = [["span_file", str(span_file)]]
    assert PM_LINE(SUGAR, "SB/Scanning risk", MARKET, "SPAN", parameters) == 2_099.0
    sheet = typed(SUGAR, [samples.SUGAR_FUTURE, samples.SUGAR_PUT, samples.SUGAR_CALL], [1.0, -0.5319, 0.3752])
    assert PM_LINE(sheet, "SB/Scanning risk", MARKET) == 2_099.0


def test_russell_book_with_the_file_s_credit(tmp_path: Path) -> None:
    """SPAN-03 from an XML file that carries the arrays, the deltas and the 80 % credit: 157,596."""
    path = tmp_path / "russell.spn"
    path.write_bytes(samples.markup(samples.RUSSELL, org="ICUS", date="20100302"))
    assert round(PM_MARGIN(RUSSELL, MARKET, "SPAN", [["span_file", str(path)]])) == 157_596
    sheet = typed(
        RUSSELL, [tuple(value / 100 for value in samples.TF_CALL), tuple(-value / 80 for value in samples.RF_CALL)], [0.5661, 0.8754]
    )
    by_hand = PM_MARGIN(sheet, MARKET, "SPAN", [["inter_commodity_spreads", "80%: TF A 1, RF B 1"]])
    assert PM_MARGIN(RUSSELL, MARKET, "SPAN", [["span_file", str(path)]]) == pytest.approx(by_hand, rel=1e-12)


def test_nifty_future(tmp_path: Path) -> None:
    """SPAN-05: the NIFTY future's worst scenario is 2,244.36 a unit, 168,327 a lot of 75."""
    path = tmp_path / "nsccl.spn"
    path.write_bytes(samples.markup(samples.NIFTY))
    book = [HEADER, ["NIFTY", "F", None, "2026-06-30", 75.0]]
    market = [["Underlying", "Spot", "As of"], ["NIFTY", 24_050.35, "2026-06-25"]]
    assert PM_LINE(book, "NIFTY/Scanning risk", market, "SPAN", [["span_file", str(path)]]) == pytest.approx(168_327.0)


def test_statement_names_the_file(span_file: Path) -> None:
    """Charges that come from the file say so."""
    rows = PM_EXPLAIN(SUGAR, MARKET, "SPAN", [["span_file", str(span_file)], ["short_option_minimum", 10.0]])
    assert not isinstance(rows, str)
    assert any("own risk array" in str(row[3]) for row in rows)


def test_instrument_that_the_file_lacks(span_file: Path) -> None:
    """An instrument without a contract in the file is one clear line."""
    book = [HEADER, ["SB", "C", 99.0, "2010-05-31", 1.0]]
    answer = PM_MARGIN(book, MARKET, "SPAN", [["span_file", str(span_file)]])
    assert answer == f"#PM! {span_file.name} has no contract SB call 201005 99: check the product, the period and the strike"


def test_missing_file() -> None:
    """A path to nowhere is one clear line."""
    answer = PM_MARGIN(SUGAR, MARKET, "SPAN", [["span_file", "/nowhere/x.spn"]])
    assert answer == "#PM! there is no file /nowhere/x.spn: give the whole path of a SPAN file"


def test_command_line(span_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`xlmargin margin BOOK --method SPAN --span-file FILE` gives the same margin."""
    book, market = tmp_path / "book.csv", tmp_path / "market.csv"
    book.write_text("\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in SUGAR))
    market.write_text("\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in MARKET[:2]))
    assert main(["margin", str(book), "--market", str(market), "--method", "SPAN", "--span-file", str(span_file)]) == 0
    assert "2,099.00" in capsys.readouterr().out
