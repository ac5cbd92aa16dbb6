"""Columns of dates as any face hands them over become instants."""

from __future__ import annotations

import datetime as dt
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import expiry_from_text, instant, serial_instant
from xlmargin.errors import Faults
from xlmargin.sheet.cells import Table, is_blank, plain_number, show, unreadable

FIRST, LAST = (dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp() for year in (2000, 2100))  # else no date a desk means
HOW = "type a date, ISO text (2025-06-27), 27JUN25 or 28-Aug-25"


def instants(cells: Table, heading: str, faults: Faults, hour: int) -> NDArray[np.float64]:
    """One column of dates as seconds since 1970 UTC; NaN where blank or at fault.

    Args:
        cells: range whose column holds dates, times, Excel serials, numbers yyyymmdd or texts, (P,)
        hour: hour UTC that a date without a time means

    Returns:
        seconds since 1970 UTC (P,)
    """
    if not cells.has(heading):
        return np.full(len(cells), np.nan)
    column = cells.column(heading)
    if _are_what_they_equal(column):
        found = list(map({cell: _instant(cell, hour) for cell in set(column)}.__getitem__, column))
    else:
        found = [_instant(cell, hour) for cell in column]
    result = np.array(found, dtype=np.float64)  # None becomes NaN
    for i in np.flatnonzero(np.isnan(result)).tolist():
        if not is_blank(column[i]):
            problem, fix = unreadable(column[i]) or (f"must be a date such as 2025-06-27 or 27JUN25, not {_shown(column[i])}", HOW)
            faults.add(cells.rows[i], heading, f"{heading} {problem}", fix)
    return result


def _are_what_they_equal(column: list[Any]) -> bool:
    """Whether cells that are equal mean the same; dates with a zone may be equal and lie at different hours."""
    kinds = set(map(type, column))
    return kinds <= {float, int, str, NoneType, dt.datetime} and (
        dt.datetime not in kinds or not any(type(cell) is dt.datetime and cell.tzinfo for cell in column)
    )


def _shown(cell: Any) -> str:
    return f"the text {show(cell)}" if isinstance(cell, str) else show(cell)


def _instant(cell: Any, hour: int) -> float | None:
    """Seconds since 1970 of one cell, or None where it is no date that a desk means."""
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
