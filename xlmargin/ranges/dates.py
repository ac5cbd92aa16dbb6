"""Columns of dates as any face hands them over become instants."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.cells import error_text, is_blank, show
from xlmargin.errors import Faults
from xlmargin.names import expiry_from_text, instant, serial_instant

__all__ = ["instants"]

HOW = "type a date, ISO text (2025-06-27), 27JUN25 or 28-Aug-25"


def instants(cells: Sequence[Any], rows: Sequence[int], heading: str, faults: Faults, hour: int) -> NDArray[np.float64]:
    """One column of dates as seconds since 1970 UTC; NaN where blank or at fault.

    Parameters
    ----------
    cells: dates, times, Excel serials, numbers yyyymmdd or texts, (P,)
    hour: hour UTC that a date without a time means

    Returns
    -------
    seconds since 1970 UTC (P,)
    """
    known: dict[Any, float] = {}
    result = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if is_blank(cell):
            continue
        key = (type(cell), cell) if isinstance(cell, (str, float, dt.date)) else None
        if key is not None and key in known:
            result[i] = known[key]
            continue
        value = _instant(cell, hour)
        if value is None:
            error = error_text(cell)
            problem = f"holds the error {error}" if error else f"must be a date, not {_shown(cell)}"
            faults.add(rows[i], heading, f"{heading} {problem}", "mend the formula in that cell" if error else HOW)
        else:
            result[i] = value
            if key is not None:
                known[key] = value
    return result


def _shown(cell: Any) -> str:
    return f"the text {show(cell)}" if isinstance(cell, str) else show(cell)


def _instant(cell: Any, hour: int) -> float | None:
    """Seconds since 1970 of one cell, or None where it is no date."""
    if isinstance(cell, dt.datetime):
        if (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0):
            return instant(cell.year, cell.month, cell.day, hour)  # a date cell arrives as midnight
        return (cell if cell.tzinfo else cell.replace(tzinfo=dt.timezone.utc)).timestamp()
    if isinstance(cell, dt.date):
        return instant(cell.year, cell.month, cell.day, hour)
    if isinstance(cell, str):
        return expiry_from_text(cell, hour)
    if isinstance(cell, (int, float, np.integer, np.floating)) and not isinstance(cell, bool) and math.isfinite(cell):
        return serial_instant(float(cell), hour)
    return None
