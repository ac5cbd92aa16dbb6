"""The recorded readings as a CSV file, also while a watch writes more of them."""

from __future__ import annotations

import csv
import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.live.watch.record import COLUMNS

TIMES = ("time", "market_time")


def export(record: Path, path: Path) -> int:
    """Write every reading of a record, the oldest first, times in UTC; an existing file is replaced.

    Returns:
        the count of readings

    Raises:
        MarginError: there is no record, or the file cannot be written
    """
    if not record.is_file():
        raise MarginError(f"there is no record {record}: run xlmargin watch first, or give the one of its --record")
    count = 0
    try:
        with closing(sqlite3.connect(f"{record.absolute().as_uri()}?mode=rw", uri=True)) as database:
            database.execute("PRAGMA query_only=ON")
            rows = database.execute(f"SELECT {', '.join(COLUMNS)} FROM readings ORDER BY sequence")
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                for row in rows:
                    writer.writerow(_shown(name, cell) for name, cell in zip(COLUMNS, row))
                    count += 1
    except (sqlite3.Error, OSError) as error:
        raise MarginError(f"the readings of {record} cannot be written to {path}: {error}") from None
    return count


def _shown(name: str, cell: Any) -> Any:
    """A time as text, everything else unchanged."""
    if name in TIMES and cell is not None:
        return dt.datetime.fromtimestamp(cell, dt.UTC).isoformat(timespec="milliseconds")
    return cell
