"""The history range: a date, one column of closes per underlying, and vols where a desk has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xlmargin.book.contracts import DAY, PERPETUAL, SPOT, parse_instrument, show_instant
from xlmargin.errors import Faults, MarginError
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.past import VOL_DAYS, History
from xlmargin.sheet import plausible
from xlmargin.sheet.cells import from_header, show
from xlmargin.sheet.columns import Header, Table, table
from xlmargin.sheet.dates import instants
from xlmargin.sheet.headings import HISTORY, heading_key

WIDEST = 1.5  # days of the median step of daily closes, weekends left out or not
MIDNIGHT = 0


def read_history(raw: Any, underlyings: tuple[str, ...], as_of: float) -> History:
    """Read the columns of a history that a book needs.

    Rows before the first on which every one of them has a value are left out; a blank after it is a fault.

    Args:
        raw: `Date`, one column per underlying (`BTC`, `BTC close` or `BTC-USD`), and optionally `BTC IV`, or `BTC IV 7`, `BTC IV 30`
            by days of tenor; vols are fractions
        underlyings: those of the book (U,)
        as_of: valuation time, seconds since 1970 UTC; no row may be of a later day

    Raises:
        MarginError: a column is missing, the rows are no daily closes, or the first fault by row: dates out of order, twice
            or after the valuation, closes not positive, blanks
    """
    head = Header(next(iter(from_header(raw)), ()), names=HISTORY)
    closes = [_close_heading(name, head) for name in underlyings]
    vols = [(u, days, heading) for u, name in enumerate(underlyings) for days, heading in _vol_headings(name, head)]
    faults = Faults("history")
    cells = table(raw, faults, ["Date", *closes, *(heading for _, _, heading in vols)], needed=("Date",), names=HISTORY)
    for name, heading in zip(underlyings, closes):
        if not cells.has(heading):
            cells.header.lack(name, mend=f"name the column of its closes {name}, or add it")
    dates = _dates(cells, as_of, faults)
    columns = [(heading, cells.numbers(heading, faults)) for heading in (*closes, *(heading for _, _, heading in vols))]
    bad = faults.rows()
    first = _first_row(columns, len(cells))
    for n, (heading, values) in enumerate(columns):
        _sound(cells, heading, values, first, n >= len(closes), faults, bad)
    faults.stop()
    _must_be_daily(dates[first:], cells.rows[first:])
    whole = _history(dates, underlyings, [values for _, values in columns], vols)
    return whole if not first else replace(whole, dates=dates[first:], closes=whole.closes[first:], vols=whole.vols[first:], whole=whole)


def _close_heading(name: str, head: Header) -> str:
    """The heading of an underlying's closes in the range: its name, with `close`, or its pair with the dollar, such as BTC-USD.

    Raises:
        MarginError: two columns have them
    """
    found = [heading for heading in (name, f"{name} close") if heading in head] or [text for text in head.shown if _is_pair(text, name)]
    if len(found) > 1:
        raise MarginError(f"history row 1: the columns {' and '.join(found)} both hold the closes of {name}: remove one of them")
    return next(iter(found), name)


def _is_pair(heading: str, name: str) -> bool:
    """Whether a heading is the spot or the perpetual of an underlying, as data vendors and venues name it."""
    contract = parse_instrument(heading, "deribit")
    return contract is not None and contract.underlying == name and contract.kind in (SPOT, PERPETUAL)


def _vol_headings(name: str, head: Header) -> list[tuple[float, str]]:
    """Tenor and heading of each column of an underlying's vols."""
    pattern = re.compile(re.escape(heading_key(name)) + r"iv(\d*)(d|days)?$")
    found = [
        (float(match[1]) if match[1] else VOL_DAYS, heading) for heading in head.shown if (match := pattern.match(heading_key(heading)))
    ]
    for days in {days for days, _ in found if sum(days == other for other, _ in found) > 1}:
        raise MarginError(f"history row 1: {name} has two columns of {days:g}-day vols: remove one of them")
    return found


def history_until(raw: Any, as_of: float) -> list[Sequence[Any]]:
    """The rows of a history up to the day of an earlier valuation, which knew no later one; rows without a date stay, and are told.

    Args:
        as_of: that valuation time, seconds since 1970 UTC
    """
    rows = from_header(raw)
    at = Header(rows[0] if rows else (), names=HISTORY).find("Date")
    if at is None:
        return rows
    cells = [row[at] if at < len(row) else None for row in rows[1:]]
    dates = instants(cells, range(2, len(rows) + 1), "Date", Faults("history"), MIDNIGHT)
    return [rows[0], *(row for row, date in zip(rows[1:], dates.tolist()) if not date // DAY > as_of // DAY)]


def _dates(cells: Table, as_of: float, faults: Faults) -> Floats:
    """The dates (N,), which must be given, ascending, one a UTC day and none after that of the valuation."""
    dates = cells.dates("Date", faults, MIDNIGHT)
    bad = faults.rows()
    for i in np.flatnonzero(np.isnan(dates)).tolist():
        if cells.rows[i] not in bad:
            faults.add(cells.rows[i], "Date", "Date must be given", "type the day of these closes")
    days = np.floor(dates / DAY)
    for i in np.flatnonzero(days > as_of // DAY).tolist():
        problem = f"Date {show_instant(float(dates[i]))[:10]} is after the valuation time, {show_instant(as_of)}"
        faults.add(cells.rows[i], "Date", problem, "remove the row, or mend the date or As of")
    for i in np.flatnonzero((days[1:] == days[:-1]) & (dates[1:] > dates[:-1])).tolist():
        problem = f"Date {show_instant(float(dates[i + 1]))} is the second of its UTC day, after {show_instant(float(dates[i]))}"
        faults.add(cells.rows[i + 1], "Date", problem, "give one row a day, such as the last of each")
    for i in np.flatnonzero(dates[1:] <= dates[:-1]).tolist():
        faults.add(
            cells.rows[i + 1],
            "Date",
            f"Date {show_instant(float(dates[i + 1]))[:10]} is not after the row above, {show_instant(float(dates[i]))[:10]}",
            "sort the history by date, oldest first, one row a day",
        )
    return dates


def _must_be_daily(dates: Floats, rows: list[int]) -> None:
    """Refuse weekly or monthly closes, whose moves are no moves of a day.

    Raises:
        MarginError: the median step is longer than WIDEST days
    """
    step = float(np.median(np.diff(dates))) / DAY if len(dates) > 1 else 0.0
    if step > WIDEST:
        raise MarginError(
            f"history rows {rows[0]} to {rows[-1]}: the closes lie {step:.3g} days apart (the median step), and a move from row to row "
            "counts as that of one day: give daily closes, one row a day"
        )


def _first_row(columns: list[tuple[str, Floats]], count: int) -> int:
    """The first row on which every column has a value."""
    there = np.ones(count, np.bool_)
    for _, values in columns:
        there &= np.isfinite(values)
    return int(np.argmax(there)) if there.any() else 0


def _sound(cells: Table, heading: str, values: Floats, first: int, vol: bool, faults: Faults, bad: set[int]) -> None:
    """Record the faults of one column: blanks, values that are not positive, vols in percent."""
    for i in np.flatnonzero(~(values > 0.0)).tolist():
        if cells.rows[i] in bad or (i < first and np.isnan(values[i])):
            continue
        if np.isnan(values[i]):
            faults.add(cells.rows[i], heading, f"{heading} is blank", "fill it, or remove the row")
        else:
            faults.add(cells.rows[i], heading, f"{heading} must be above 0, not {show(float(values[i]))}", "mend it")
    if vol:
        plausible.must_be_fractions(values, cells.rows, heading, faults, most=plausible.HIGHEST_VOL, example="0.55 is 55 %")


def _history(dates: Floats, underlyings: tuple[str, ...], columns: list[Floats], vols: list[tuple[int, float, str]]) -> History:
    """The columns as arrays."""
    count = len(underlyings)
    days = sorted({tenor for _, tenor, _ in vols})
    surface = np.full((len(dates), len(days), count), np.nan)
    for (u, tenor, _), values in zip(vols, columns[count:]):
        surface[:, days.index(tenor), u] = values
    closes = np.column_stack(columns[:count]) if count else np.empty((len(dates), 0))
    return History(dates, underlyings, closes, np.array(days), surface)
