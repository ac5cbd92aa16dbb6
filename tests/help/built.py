"""A workbook as it was built, and calculated, for the tests of its sheets."""

from __future__ import annotations

from pathlib import Path

import pytest

import udfs
from xlmargin.engine import Workbook
from xlmargin.faces.template import build_template
from xlmargin.sheet.registry import FUNCTIONS

assert udfs  # fills the registry


@pytest.fixture(scope="module", name="built")
def built_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of few rows, as it is before anything has calculated it."""
    path = tmp_path_factory.mktemp("built") / "desk.xlsx"
    build_template(path, rows=20)
    return path


@pytest.fixture(name="live")
def live_workbook(built: Path) -> Workbook:
    """The workbook, calculated by the embedded engine."""
    return Workbook(built, {name: function.call for name, function in FUNCTIONS.items()})
