"""The workbook for Excel that several tests read, built once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from xlmargin.faces import template
from xlmargin.faces.excel.book import write_excel_workbook

ROWS, DAYS = 60, 270


def small_history(patch: pytest.MonkeyPatch) -> None:
    """Keep fewer days free: the tests need none of the others."""
    patch.setattr(template._builder("layout"), "HISTORY_ROWS", DAYS)


def small_desk(factory: pytest.TempPathFactory) -> Path:
    """A workbook of sixty rows with a short history."""
    return _built(factory.getbasetemp())


@cache
def _built(folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        small_history(patch)
        return write_excel_workbook(folder / "excel-desk.xlsm", ROWS)
