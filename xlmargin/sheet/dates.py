"""Columns of dates and times, in every form that a cell can have."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from types import NoneType
from typing import Any

import numpy as np

from xlmargin.book.contracts import date_readings, expiry_from_text, instant, order_of_dates, serial_instant, show_instant
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cells import Trouble, is_blank, plain_number, show, unreadable

FIRST, LAST = (dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp() for year in (2000, 2100))  # no date outside them is plausible
UNITS_A_SECOND = (1.0, 1e3, 1e6, 1e9)  # programs and venues count in seconds, milli-, micro- or nanoseconds
ROUNDED = re.compile(r"\d(?:[.,]\d{1,8})?E\+?(?:09|9|1\d)$", re.I)
HOW = "type a date, ISO text (2025-06-27), 27JUN25 or 28-Aug-25"


def instants(cells: Sequence[Any], rows: Sequence[int], heading: str, faults: Faults, hour: int) -> Floats:
    """One column of dates as seconds since 1970 UTC; NaN where blank or at fault.

    A text with several readings (`03/04/2026`) is read in the order in which the other texts of the column must be.

    Args:
        cells: dates, times, Excel serials, numbers yyyymmdd, counts since 1970 or texts, (P,)
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
    missing = [i for i in np.flatnonzero(np.isnan(result)).tolist() if not is_blank(cells[i])]
    order = order_of_dates({cell for cell in cells if isinstance(cell, str)}) if missing else ""
    for i in missing:
        if order and (value := _instant(cells[i], hour, order)) is not None:
            result[i] = value
        else:
            problem, fix = unreadable(cells[i]) or _no_date(cells[i], hour)
            faults.add(rows[i], heading, f"{heading} {problem}", fix)
    return result


def counted_instant(count: float) -> float | None:
    """Seconds since 1970 UTC of a count since then in any usual unit, such as 1750924800000; None where it is no plausible time."""
    return next((count / unit for unit in UNITS_A_SECOND if FIRST <= count / unit < LAST), None)


def is_rounded(text: str) -> bool:
    """Whether a text may be a count since 1970 of which a spreadsheet kept the first digits alone, such as 1.75E+12."""
    return ROUNDED.match(text.strip()) is not None


def _no_date(cell: Any, hour: int) -> Trouble:
    """The fault of a cell that is no date, or more than one."""
    read = date_readings(cell, hour) if isinstance(cell, str) else {}
    days = " or ".join(f"{show_instant(at)[:10]} ({order})" for order, at in read.items())
    either = f", which may be {days}" if len(read) > 1 else ""
    return f"must be a date such as 2025-06-27 or 27JUN25, not {'the text ' * isinstance(cell, str)}{show(cell)}{either}", HOW


def _are_what_they_equal(column: Sequence[Any]) -> bool:
    """Whether equal cells have the same meaning; dates with a zone may be equal at different hours."""
    kinds = set(map(type, column))
    return kinds <= {float, int, str, NoneType, dt.datetime} and (
        dt.datetime not in kinds or not any(type(cell) is dt.datetime and cell.tzinfo for cell in column)
    )


def _instant(cell: Any, hour: int, order: str = "") -> float | None:
    """Seconds since 1970 of one cell, or None where it is no plausible date, or has two readings and no order is given."""
    if isinstance(cell, str):
        value = expiry_from_text(cell, hour, order)
    elif isinstance(cell, dt.datetime) and cell.time() != dt.time():
        value = (cell if cell.tzinfo else cell.replace(tzinfo=dt.UTC)).timestamp()
    elif isinstance(cell, dt.date):  # a date cell arrives as midnight
        value = instant(cell.year, cell.month, cell.day, hour)
    else:
        number = plain_number(cell)
        value = None if number is None else serial_instant(number, hour) or counted_instant(number)
    return value if value is not None and FIRST <= value < LAST else None
