"""Workbooks that tests write: one small book on a sheet, changed as each test likes, and read back."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.workbook.defined_name import DefinedName

Grid = list[list[Any]]
Change = Callable[[openpyxl.Workbook, Any], None]

EXPIRY = dt.datetime(2026, 12, 25)
HEAD = ["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV", "Account"]
ROWS: Grid = [
    ["BTC", "call", 75_000.0, EXPIRY, -1.5, 0.55, "Desk 1"],
    ["BTC", "put", 60_000.0, EXPIRY, -2.0, 0.6, "Desk 1"],
    ["BTC", "call", 80_000.0, EXPIRY, 3.25, 0.52, "Desk 2"],
    ["BTC", "future", None, EXPIRY, 0.5, None, "Desk 2"],
]
BOOK: Grid = [HEAD, *ROWS]
MARKET: Grid = [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, dt.datetime(2026, 11, 1, 8)]]
WHOLE = "Book!$A$1:$G$5"


def write_book(path: Path, change: Change | None = None, *, title: str = "Book", names: Mapping[str, str] | None = None) -> Path:
    """Write the book to an .xlsx file, after a change of the workbook and of the sheet of the positions."""
    book = openpyxl.Workbook()
    sheet, market = book.active, book.create_sheet("Market")
    sheet.title = title
    for rows, target in ((BOOK, sheet), (MARKET, market)):
        for row in rows:
            target.append(row)
    if change is not None:
        change(book, sheet)
    for name, text in (names or {}).items():
        book.defined_names[name] = DefinedName(name, attr_text=text)
    book.save(path)
    return path


def rewrite_part(path: Path, part: str, pattern: str, replacement: str) -> Path:
    """Replace what fits a pattern in one part of a zip file; it must be there."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    text, count = re.subn(pattern, lambda _: replacement, contents[part].decode(), flags=re.S)
    assert count > 0, (pattern, contents[part][:3000])
    contents[part] = text.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path
