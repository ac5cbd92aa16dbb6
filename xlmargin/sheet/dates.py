"""Columns of dates and times, in every form that a cell can have."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import NoneType
from typing import Any

import numpy as np

from xlmargin.book.contracts import expiry_from_text, instant, serial_instant
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cells import is_blank, plain_number, show, unreadable

FIRST, LAST = (dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp() for year in (2000, 2100))  # no date outside them is plausible
HOW = "type a date, ISO text (2025-06-27), 27JUN25 or 28-Aug-25"


def instants(cells: Sequence[Any], rows: Sequence[int], heading: str, faults: Faults, hour: int) -> Floats:
    """One column of dates as seconds since 1970 UTC; NaN where blank or at fault.

    Args:
        cells: dates, times, Excel serials, numbers yyyymmdd or texts, (P,)
        rows: row number of each cell, (P,)
        heading: the column's name in messages
        faults: receives the cells that are not dates
        hour: hour UTC of a date without a time

    Returns:
        seconds since 1970 UTC (P,)
    """
    if _are_what_they_equal(cells):
        found = list(map({cell: _instant(cell, hour) for cell in set(cells)}.__getitem__, cells))
    else:
        found = [_instant(cell, hour) for cell in cells]
    result = np.array(found, dtype=np.float64)  # None becomes NaN
    for i in np.flatnonzero(np.isnan(result)).tolist():
        if not is_blank(cells[i]):
            problem, fix = unreadable(cells[i]) or (f"must be a date such as 2025-06-27 or 27JUN25, not {_shown(cells[i])}", HOW)
            faults.add(rows[i], heading, f"{heading} {problem}", fix)
    return result


def _are_what_they_equal(column: Sequence[Any]) -> bool:
    """Whether equal cells have the same meaning; dates with a zone may be equal at different hours."""
    kinds = set(map(type, column))
    return kinds <= {float, int, str, NoneType, dt.datetime} and (
        dt.datetime not in kinds or not any(type(cell) is dt.datetime and cell.tzinfo for cell in column)
    )


def _shown(cell: Any) -> str:
    return f"the text {show(cell)}" if isinstance(cell, str) else show(cell)


def _instant(cell: Any, hour: int) -> float | None:
    """Seconds since 1970 of one cell, or None where it is no plausible date."""
    value = _any_instant(cell, hour)
    return value if value is not None and FIRST <= value < LAST else None


def _any_instant(cell: Any, hour: int) -> float | None:
    """Seconds since 1970 of one cell, or None where it is no date."""
    if isinstance(cell, dt.datetime):
        if (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0):
            return instant(cell.year, cell.month, cell.day, hour)  # a date cell arrives as midnight
        return (cell if cell.tzinfo else cell.replace(tzinfo=dt.UTC)).timestamp()
    if isinstance(cell, dt.date):
        return instant(cell.year, cell.month, cell.day, hour)
    if isinstance(cell, str):
        return expiry_from_text(cell, hour)
    number = plain_number(cell)
    return None if number is None else serial_instant(number, hour)
