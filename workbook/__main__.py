"""`python -m workbook` rewrites the workbook that is kept next to this builder."""

from __future__ import annotations

from pathlib import Path

import udfs  # noqa: F401  (fills the registry)
from xlmargin.engine import recalculated
from xlmargin.sheet.registry import FUNCTIONS

from .build import build

if __name__ == "__main__":
    path = Path(__file__).with_name("xlmargin.xlsx")
    build(path)
    recalculated(path, path, {name: function.call for name, function in FUNCTIONS.items()})
