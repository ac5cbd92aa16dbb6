"""Contract periods as the files write them: a month, and perhaps a day or week code."""

from __future__ import annotations

import datetime as dt


def period_of(month: str, day: str = "") -> str:
    """YYYYMM, YYYYMMDD or YYYYMM and a week code; "" where the month is blank or zeros, and no day where that is 00."""
    month, day = month.strip(), day.strip()
    if len(month) == 8 and not day:
        month, day = month[:6], month[6:]
    if not month.strip("0"):
        return ""
    return month + (day if day.strip("0") else "")


def short_month(month: str, day: str) -> str:
    """The period of a month written YYMM, which is of this century; "" where it is blank or zeros."""
    return period_of(f"20{month}", day) if month.strip("0") else ""


def day_of(text: str, period: str) -> str:
    """The expiry YYYYMMDD that a file gives, else the period where that is a day; "" where neither is a date."""
    return next((day for day in (text.strip(), period) if _is_day(day)), "")


def _is_day(text: str) -> bool:
    try:
        return len(text) == 8 and text.isdigit() and bool(dt.datetime.strptime(text, "%Y%m%d"))
    except ValueError:
        return False
