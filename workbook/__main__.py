"""`python -m workbook` writes the workbook that is kept beside this builder again."""

from __future__ import annotations

from pathlib import Path

from .build import build

if __name__ == "__main__":
    build(Path(__file__).with_name("xlmargin.xlsx"))
