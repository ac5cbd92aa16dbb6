"""The margins received from venues, kept in a SQLite file next to the workbook."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.venues.theirs import Theirs

TABLE = """CREATE TABLE IF NOT EXISTS theirs (seen REAL NOT NULL, venue TEXT NOT NULL, account TEXT NOT NULL,
currency TEXT NOT NULL, initial REAL NOT NULL, maintenance REAL NOT NULL, time REAL, method TEXT NOT NULL,
lines TEXT NOT NULL)"""


def store_of(workbook: Path) -> Path:
    """The file in which the margins for a workbook are kept."""
    return workbook.with_name(f"{workbook.stem}.theirs.sqlite")


def keep(path: Path, rows: Iterable[Theirs], seen: float | None = None) -> None:
    """Add one answer's rows, all or none.

    Args:
        seen: when they were received, seconds since 1970 UTC; now where left out

    Raises:
        MarginError: the file cannot be written
    """
    moment = time.time() if seen is None else seen
    try:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(TABLE)
            database.executemany(
                "INSERT INTO theirs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(moment, *row[:5], None if math.isnan(row.time) else row.time, row.method, json.dumps(dict(row.lines))) for row in rows],
            )
    except sqlite3.Error as error:
        raise MarginError(f"{path} cannot be written: {error}") from None


def kept(path: Path, venue: str) -> list[Theirs]:
    """The rows of the last answer of a venue, none where none was kept."""
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute(
                "SELECT venue, account, currency, initial, maintenance, time, method, lines FROM theirs WHERE venue = ? "
                "AND seen = (SELECT MAX(seen) FROM theirs WHERE venue = ?) ORDER BY rowid",
                (venue, venue),
            ).fetchall()
    except sqlite3.Error as error:
        raise MarginError(f"{path} cannot be read: {error}") from None
    return [Theirs(*(*row[:5], math.nan if row[5] is None else row[5], row[6], json.loads(row[7]))) for row in rows]
