"""The commands contribution, whatif, hedge and move: the functions' tables from files, words about hedges, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_cli import FAULT, FAULTY, POSITIONS, SPREAD, write

from udfs import PM_CONTRIBUTION, PM_HEDGE, PM_MOVE, PM_WHATIF
from xlmargin.cli import main

TRADES = [["Underlying", "Type", "Strike", "DTE", "IV", "Spot", "Quantity"], ["BTC", "put", 69000.0, 10.0, 0.5, 70000.0, -1.0]]
LISTED = [[*TRADES[0], "Lot", "Cost"], [*TRADES[1][:-1], 2.0, 0.5, 3.0]]
BEFORE = [POSITIONS[0], [*POSITIONS[1][:5], 71000.0, -1.0], [*POSITIONS[2][:5], 71000.0, 1.0]]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A put spread, a trade, and the spread at another spot, as CSV."""
    ranges: dict[str, list[list[Any]]] = {
        "book": POSITIONS,
        "trades": TRADES,
        "before": BEFORE,
        "faulty": FAULTY,
        "listed": LISTED,
        "wrong": [FAULTY[0], LISTED[1][:7], *FAULTY[2:]],
    }
    return {name: str(write(tmp_path / f"{name}.csv", rows)) for name, rows in ranges.items()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["contribution", "book"], lambda: PM_CONTRIBUTION(POSITIONS)),
        (["contribution", "book", "--method", "TIMS"], lambda: PM_CONTRIBUTION(POSITIONS, None, "TIMS")),
        (["whatif", "book", "trades"], lambda: PM_WHATIF(POSITIONS, TRADES)),
        (["hedge", "book", "listed"], lambda: PM_HEDGE(POSITIONS, LISTED)),
        (["hedge", "book", "listed", "--method", "DERIBIT"], lambda: PM_HEDGE(POSITIONS, LISTED, None, "DERIBIT")),
        (["move", "book", "before"], lambda: PM_MOVE(POSITIONS, None, BEFORE, None)),
    ],
)
def test_the_tables_are_those_of_the_functions(
    words: list[str], expected: Any, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` gives what the function gives."""
    assert main([*(files.get(word, word) for word in words), "--json"]) == 0
    for found, row in zip(json.loads(capsys.readouterr().out), expected(), strict=True):
        assert found == [pytest.approx(cell) if isinstance(cell, float) else cell for cell in row]


def test_words_say_which_row_is_a_hedge(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Below the table, a sentence for each row."""
    assert main(["contribution", files["book"]]) == 0
    *_, short, long = capsys.readouterr().out.splitlines()
    assert short.startswith("Row 2, BTC-10D-70000-P, adds to the margin, +")
    assert "yet hedges the rest: without it the margin would be " in short
    assert long.startswith("Row 3, BTC-10D-69000-P, is a hedge: without it the margin would be ")
    rows = PM_CONTRIBUTION(POSITIONS)
    assert f"{-rows[2][5]:,.2f} higher" in long
    assert rows[1][4] + rows[2][4] == pytest.approx(SPREAD, abs=0.005)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["contribution", "faulty"], ""),
        (["whatif", "book", "faulty"], "trades "),
        (["hedge", "book", "wrong"], "instruments "),
        (["move", "book", "faulty"], "positions_before "),
    ],
)
def test_a_fault_ends_with_its_place_and_code_1(
    words: list[str], place: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The fault of each file is told under the name of its range."""
    assert main([files.get(word, word) for word in words]) == 1
    assert capsys.readouterr().err.strip() == f"#PM! {place}{FAULT}"


def test_a_missing_file_is_misuse(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of trades that is not there ends with code 2."""
    assert main(["whatif", files["book"], str(tmp_path / "none.csv")]) == 2
    assert "there is no file" in capsys.readouterr().err
