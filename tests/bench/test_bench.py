"""The benchmark runs, and its variants give the same numbers; no time is asserted."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np
import pytest

from tests.bench import __main__ as command
from tests.bench import batch as batches
from tests.bench import faces, files, growth, kernel, report, structure
from tests.bench import sheet as sheets
from xlmargin.sheet.registry import FUNCTIONS

SMALL: dict[Any, dict[str, Any]] = {
    kernel: {"OPTIONS": 1_000, "AMERICAN": 50, "ROUNDS": 1},
    structure: {"ROWS": 500, "INSTRUMENTS": 50, "ROUNDS": 2},
    sheets: {"ROWS": 60, "INSTRUMENTS": 20, "SHEET_ROWS": 3_000, "ROUNDS": 2, "STARTS": 1},
    faces: {"ROWS": (10, 20), "ROUNDS": 1},
    files: {"ROWS": 20, "SHEETS": 3, "ROUNDS": 1},
    growth: {
        "CELLS": (10, 20, 40, 80),
        "SCENARIOS": (2, 4, 8, 16),
        "ACCOUNTS": (1, 2, 3, 4),
        "FEW": 50,
        "MANY": 100,
        "SHEETS": 4,
        "ROUNDS": 1,
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
    """Loading the compiled floor changes none of the arithmetic of the process."""
    list(kernel.tables())
    assert np.nextafter(0.0, 1.0) * np.array([1.0])[0] > 0.0


def test_the_sheet_has_no_fault() -> None:
    """PM_CHECK finds no fault in the timed sheet, and its ten functions answer."""
    cells = sheets.sheet(60, 20)
    assert FUNCTIONS["PM_CHECK"].call(cells, sheets.MARKET)[1][0] == "OK"
    for name in sheets.TEN:
        assert not str(FUNCTIONS[name].call(cells, sheets.MARKET)).startswith("#PM!")


def test_sections_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A named section runs alone; the message for an unknown one lists the sections."""
    monkeypatch.setattr(sys, "argv", ["bench", "structure", "--markdown"])
    command.main()
    assert capsys.readouterr().out.startswith("**PM_MARGIN of 500 rows of 50 instruments")
    monkeypatch.setattr(sys, "argv", ["bench", "nonsense"])
    with pytest.raises(SystemExit):
        command.main()
    assert "no section nonsense: there are faces, files, growth, structure, sheet, kernel, batch" in capsys.readouterr().err
