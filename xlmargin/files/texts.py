"""Tables in text files: one reader of delimiters, quotes, numbers and headings for every CSV file that a user gives."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from xlmargin.errors import MOST_BYTES, MarginError, existing_file
from xlmargin.files.ranges import Grid


def read_csv(path: Path) -> Grid:
    """The cells of a CSV file, numbers as numbers; commas, semicolons and tabs are distinguished by the header row.

    Raises:
        MarginError: the file is missing, or not text
    """
    try:
        text = existing_file(path, most=MOST_BYTES).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MarginError(f"{path} is not a text file in UTF-8 (byte {error.start}): save it as CSV UTF-8") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return [[csv_cell(cell) for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter)]
    except csv.Error as error:
        raise MarginError(f"{path} cannot be read as CSV: {error}") from None


def csv_cell(text: str) -> Any:
    """A CSV cell: a plain number as a float, everything else unchanged."""
    stripped = text.strip()
    if not stripped or not (stripped[0].isdigit() or stripped[0] in "+-.") or "_" in stripped:
        return stripped
    try:
        value = float(stripped)
    except ValueError:
        return stripped
    return value if math.isfinite(value) else stripped
