"""The benchmark runs, and what it compares gives the same numbers; no time is asserted."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from tests.bench import __main__ as command
from tests.bench import batch as batches
from tests.bench import growth, kernel, report, structure
from tests.bench import sheet as sheets
from xlmargin.book.book import make_book
from xlmargin.errors import Faults
from xlmargin.live import Live
from xlmargin.sheet.registry import FUNCTIONS

SMALL: dict[Any, dict[str, Any]] = {
    kernel: {"OPTIONS": 1_000, "ROUNDS": 1},
    structure: {"ROWS": 500, "INSTRUMENTS": 50, "ACCOUNTS": 7, "ROUNDS": 2, "EDITS": 5},
    sheets: {"ROWS": 60, "INSTRUMENTS": 20, "ROUNDS": 2, "STARTS": 1},
    growth: {
        "ROWS": (10, 30, 90, 270),
        "CELLS": (10, 20, 40, 80),
        "SCENARIOS": (2, 4, 8, 16),
        "ACCOUNTS": (1, 2, 3, 4),
        "MANY": 100,
        "SHEETS": 4,
        "FEW": 1,
        "BRIEF": 0.0,
    },
    batches: {"ACCOUNTS": 60, "INSTRUMENTS": 40, "SCREENED": (20,), "ROUNDS": 1, "BATCH_ACCOUNTS": 20, "WORKERS": (1,)},
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes that take no time, in a process that keeps its cores."""
    for module, sizes in SMALL.items():
        if hasattr(module, "on_one_core"):
            monkeypatch.setattr(module, "on_one_core", contextlib.nullcontext)
        for name, size in sizes.items():
            monkeypatch.setattr(module, name, size)


@pytest.mark.parametrize("section", SMALL, ids=lambda module: module.__name__)
def test_every_section_gives_whole_tables(section: Any) -> None:
    """Each table has as many cells in a row as it has headings, and can be shown in both forms."""
    tables = list(section.tables())
    assert tables
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.heads)}
        shown = report.show(table, markdown=True).splitlines()
        assert shown[2].count("|") == shown[3].count("|") == len(table.heads) + 1
        assert table.rows[-1][0] in report.show(table, markdown=False)


def test_the_process_keeps_its_subnormal_numbers() -> None:
    """The compiled floor is loaded beside everything else, and changes none of its arithmetic."""
    list(kernel.tables())
    assert np.nextafter(0.0, 1.0) * np.array([1.0])[0] > 0.0


def test_naive_and_live_sums_agree() -> None:
    """What the structure section compares is the same profit and loss, to 1e-12 of the price."""
    positions, scenarios = structure.positions_of(300, 40, 5), structure.scan()
    live = Live(make_book(positions, structure.market_of(structure.SPOT), Faults()), scenarios)
    naive = structure.naive(positions, scenarios, ndtr)
    assert np.abs(live.pnl[:, :, 0] - naive).max() <= 1e-12 * structure.SPOT


def test_the_sheet_has_no_fault() -> None:
    """The sheet that is timed is one that PM_CHECK finds nothing wrong with, and its ten functions answer."""
    cells = sheets.sheet(60, 20)
    assert FUNCTIONS["PM_CHECK"].call(cells, sheets.MARKET)[1][0] == "OK"
    for name in sheets.TEN:
        assert not str(FUNCTIONS[name].call(cells, sheets.MARKET)).startswith("#PM!")


def test_sections_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A section that is named runs alone; an unknown one is answered with those that there are."""
    monkeypatch.setattr(sys, "argv", ["bench", "structure", "--markdown"])
    command.main()
    assert capsys.readouterr().out.startswith("**500 rows of 50 instruments")
    monkeypatch.setattr(sys, "argv", ["bench", "nonsense"])
    with pytest.raises(SystemExit):
        command.main()
    assert "no section nonsense: there are growth, structure, sheet, kernel, batch" in capsys.readouterr().err
