"""Printing a sheet: every row that shows something is on paper, and the page is as it was afterwards."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from web_page import page_browser, page_file, page_opened, page_server, settled, show  # noqa: F401  (fixtures)


def test_a_long_sheet_is_printed_whole(page: Any, tmp_path: Path) -> None:
    """The first and the last row of a sheet of which a few rows were drawn, and none of the buttons."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext, of poppler-utils, is not installed: it reads what was printed")
    show(page, "History")
    drawn = len(page.query_selector_all("#grid .cell"))
    rows = page.evaluate("() => document.querySelectorAll('#grid [role=rowheader]').length")
    page.pdf(path=tmp_path / "sheet.pdf", prefer_css_page_size=True)
    printed = subprocess.run(["pdftotext", "-layout", tmp_path / "sheet.pdf", "-"], capture_output=True, text=True, check=True).stdout
    starts = {line.split()[0] for line in printed.splitlines() if line.split()}
    assert {str(row) for row in range(5, 260)} <= starts
    assert rows < 100
    assert "Download a copy" not in printed
    settled(page)
    assert len(page.query_selector_all("#grid .cell")) == drawn
