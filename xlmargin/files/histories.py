"""Histories in files: several rows a day become one, the price at the end of each UTC day; long steps are told."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlmargin.book.contracts import DAY
from xlmargin.errors import Faults, MarginError
from xlmargin.files.ranges import Grid, NotedRows
from xlmargin.files.texts import read_table
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.past import long_steps
from xlmargin.sheet.cells import header_at, is_blank_row
from xlmargin.sheet.columns import Header
from xlmargin.sheet.dates import instants
from xlmargin.sheet.headings import HISTORY

ENDS = 60.0  # seconds by which the last day may end before the usual time of day, and still be over
ZONE = re.compile(r"\d\d:\d\d.*(Z|UTC|[+-]\d\d(:?\d\d)?)$", re.I)
CLOCK = re.compile(r"\d\d:\d\d")


def read_history_file(path: Path) -> NotedRows:
    """The history of a CSV file.

    Raises:
        MarginError: it is missing, or no text, or as `daily`
    """
    table = read_table(path, "history")
    found = daily(table.rows, path.name)
    return found._replace(notes=(*(f"{path.name}: {note}" for note in table.notes), *found.notes))


def daily(table: Grid, name: str) -> NotedRows:
    """A history with one row a day; what is no history is left as it is, for its reader to refuse.

    Of several rows of a UTC day the last counts, where midnight closes the day before. Rows that do not count become blank, so
    that every row keeps its number.

    Args:
        table: cells with the header first
        name: of the table in messages

    Raises:
        MarginError: several rows a day, of which some have a time or a zone and some have none
    """
    top = header_at(table)
    column = Header(table[top], names=HISTORY).find("Date") if top < len(table) else None
    if column is None:
        return NotedRows(table)
    at = [n for n in range(top + 1, len(table)) if not is_blank_row(table[n])]
    cells = [table[n][column] if column < len(table[n]) else None for n in at]
    faults = Faults()
    dates = instants(cells, at, "Date", faults, 0)
    if len(at) < 2 or not np.isfinite(dates).all() or (np.diff(dates) <= 0.0).any():
        return NotedRows(table)
    several = (np.diff(np.floor(dates / DAY)) == 0.0).any()
    if not several:
        return NotedRows(table, _holes(dates, name))
    _must_have_times(cells, [n + 1 for n in at], name)
    _must_have_one_zone(cells, [n + 1 for n in at], name)
    return _ends_of_days(table, column, at, dates, name)


def _ends_of_days(table: Grid, column: int, at: Sequence[int], dates: Floats, name: str) -> NotedRows:
    """The last row of each UTC day, dated by the day; a last day that is not over is left out."""
    day = np.ceil(dates / DAY) - 1.0
    last = np.flatnonzero(np.append(np.diff(day) > 0.0, True))
    time = dates[last] - day[last] * DAY
    unfinished = len(last) > 1 and time[-1] < np.median(time[:-1]) - ENDS
    kept = last[:-1] if unfinished else last
    rows: Grid = [list(row) for row in table]
    for i in set(range(len(at))) - set(kept.tolist()):
        rows[at[i]] = [None] * len(table[at[i]])
    for i in kept.tolist():
        rows[at[i]][column] = _iso(day[i])
    left = f"; {_iso(day[last[-1]])} is not over and does not count" if unfinished else ""
    told = f"{name}: {len(at):,} rows of {len(last):,} UTC days: the last of each day counts, midnight as the end of the day before{left}"
    return NotedRows(rows, (told, *_holes(day[kept] * DAY, name)))


def _must_have_times(cells: Sequence[Any], rows: Sequence[int], name: str) -> None:
    """Refuse closes of days among rows with times: a day alone would count as its beginning, and not as its end.

    A day alone between two times is midnight, as R writes it.
    """
    alone = [isinstance(cell, str) and not CLOCK.search(cell) for cell in cells]
    n = next((n for n in range(1, len(alone)) if alone[n - 1] and alone[n]), 0)
    if n:
        raise MarginError(
            f"{name} has several rows a day, and rows {rows[n - 1]} and {rows[n]} are days without a time, of which it is not clear "
            "whether the close is that of the day's end: give one row a day, or every row its time"
        )


def _must_have_one_zone(cells: Sequence[Any], rows: Sequence[int], name: str) -> None:
    """Refuse times of which some have a zone and some have none: which of them are of one day is not clear."""
    with_zone = [_has_zone(cell) for cell in cells]
    for given in (True, False):
        if given not in with_zone:
            return
    first, other = (rows[with_zone.index(given)] for given in (True, False))
    raise MarginError(
        f"{name} has several rows a day, and the time of row {first} has a zone where that of row {other} has none: "
        "write every time with its zone, or all of them in UTC"
    )


def _has_zone(cell: Any) -> bool | None:
    """Whether a time has a zone; None for a date alone, or a serial number."""
    if isinstance(cell, dt.datetime):
        return cell.tzinfo is not None
    return bool(ZONE.search(cell.strip())) if isinstance(cell, str) and CLOCK.search(cell) else None


def _holes(dates: Floats, name: str) -> tuple[str, ...]:
    """The note on steps of more than a few days, each of which counts as one day."""
    long = long_steps(dates)
    return (f"{name}: {long}: the move over each counts as that of one day",) if long else ()


def _iso(day: float) -> str:
    return dt.datetime.fromtimestamp(day * DAY, dt.UTC).strftime("%Y-%m-%d")
