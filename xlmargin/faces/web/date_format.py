"""Dates and times of number formats: the parts of a serial number put in their places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

Token = tuple[str, str]

_EPOCH = datetime(1899, 12, 30)
_LAST = 2_958_466  # the serial number of the day after 9999-12-31
_SECONDS = 86_400
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HASHES = "##########"


class _Instant(NamedTuple):
    """A moment, and the whole seconds since the epoch that it was rounded to, with the fraction left over."""

    when: datetime
    seconds: int
    fraction: float


def moment(serial: float) -> datetime:
    """The day and time of a serial number, to the second."""
    return _EPOCH + timedelta(seconds=round(serial * _SECONDS))


def mark_minutes(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """The tokens of a format, each `m` next to hours or seconds as minutes, all others as months."""
    marked = list(tokens)
    dates = [n for n, (kind, _) in enumerate(marked) if kind == "date"]
    for place, n in enumerate(dates):
        text = marked[n][1]
        if text not in ("m", "mm"):
            continue
        before = marked[dates[place - 1]][1] if place else ""
        after = marked[dates[place + 1]][1] if place + 1 < len(dates) else ""
        if before.strip("[]")[:1] == "h" or after.strip("[]")[:1] == "s":
            marked[n] = "date", "n" * len(text)
    return tuple(marked)


def date_text(serial: float, tokens: Sequence[Token]) -> str:
    """A serial number by the tokens of a date format; hashes where the calendar of a sheet has no such day."""
    if not 0 <= serial < _LAST:
        return _HASHES
    decimals = max((len(text.partition(".")[2]) for kind, text in tokens if kind == "date"), default=0)
    total = round(serial * _SECONDS, decimals)
    if not decimals:
        total = int(serial * _SECONDS + 0.5)
    seconds = int(total)
    instant = _Instant(_EPOCH + timedelta(seconds=seconds), seconds, total - seconds)
    halves = any(kind == "half" for kind, _ in tokens)
    return "".join(_piece(kind, text, instant, halves) for kind, text in tokens)


def _piece(kind: str, text: str, instant: _Instant, halves: bool) -> str:
    when = instant.when
    if kind == "half":
        mark = "AM" if when.hour < 12 else "PM"
        return mark if len(text) > 3 else mark[0]
    if kind != "date":
        return text
    if text.startswith("["):
        elapsed = instant.seconds // {"h": 3600, "m": 60, "s": 1}[text[1]]
        return f"{elapsed:0{len(text) - 2}d}"
    if text[0] == "s":
        whole, _, zeros = text.partition(".")
        tail = f"{instant.fraction:.{len(zeros)}f}"[1:] if zeros else ""
        return f"{when.second:0{len(whole)}d}{tail}"
    hour = (when.hour + 11) % 12 + 1 if halves else when.hour
    return _calendar(text, when) if text[0] in "ymd" else f"{hour if text[0] == 'h' else when.minute:0{len(text)}d}"


def _calendar(text: str, when: datetime) -> str:
    letter, size = text[0], len(text)
    if letter == "y":
        return f"{when.year:04d}" if size > 2 else f"{when.year % 100:02d}"
    number, names = (when.month, _MONTHS) if letter == "m" else (when.day, _DAYS)
    name = names[when.month - 1] if letter == "m" else names[when.weekday()]
    if size <= 2:
        return f"{number:0{size}d}"
    return name[0] if size == 5 else (name[:3] if size == 3 else name)


_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$")


def serial_of(text: str) -> float | None:
    """The serial number of a date written as 2026-12-25 or 2026-12-25 08:00; None where it is none."""
    found = _ISO.match(text)
    if not found:
        return None
    try:
        when = datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    return (when - _EPOCH).total_seconds() / _SECONDS
