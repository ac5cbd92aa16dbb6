"""A range with a header row as columns by heading: numbers, texts, choices and dates, with every fault named by row and column."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import NoneType
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import date_readings, expiry_from_text, instant, order_of_dates, serial_instant, show_instant
from xlmargin.errors import Faults, MarginError
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cells import LARGEST, Trouble, error_text, grid, is_blank, not_a_number, plain_number, show, unreadable
from xlmargin.sheet.headings import PLAIN, Names, heading_key

Item = TypeVar("Item")

FIRST, LAST = (dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp() for year in (2000, 2100))  # no date outside them is plausible
HOW = "type a date, ISO text (2025-06-27), 27JUN25 or 28-Aug-25"


# ---- header rows


@lru_cache(maxsize=64)
def _keys_of(headings: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(heading_key, headings))


class Header:
    """A header row.

    Attributes:
        keys: its headings as `heading_key` folds them, in order; another name of a heading is that heading's key
        shown: its headings as messages show them, blank ones left out
        name: name of the range in messages
    """

    def __init__(self, cells: Iterable[Any], name: str = "", names: Names = PLAIN) -> None:
        row = list(cells)
        keys = [heading_key(cell if isinstance(cell, (str, int, float, NoneType)) else str(cell)) for cell in row]
        self.keys, self.name = [names.get(key, key) for key in keys], name
        self._shown = [" ".join(str(cell).split()) if key else "" for cell, key in zip(row, keys)]
        self.shown = [text for text in self._shown if text]

    def __contains__(self, heading: str) -> bool:
        return heading_key(heading) in self.keys

    def find(self, heading: str) -> int | None:
        """Column of a heading, counted from 0; None where there is none."""
        return self.keys.index(heading_key(heading)) if heading in self else None

    def column(self, heading: str) -> int:
        """Column of a required heading, counted from 0.

        Raises:
            MarginError: it is missing
        """
        return self.keys.index(heading_key(heading)) if heading in self else self.lack(heading)

    def columns(self, headings: Iterable[str]) -> dict[str, int]:
        """Columns of those headings that the header has."""
        return {heading: self.keys.index(heading_key(heading)) for heading in headings if heading in self}

    def record(self, row: Sequence[Any]) -> dict[str, Any]:
        """The cells of a row by their folded headings."""
        return dict(zip(self.keys, row))

    def lack(self, *headings: str, mend: str = "add it") -> NoReturn:
        """Raise an error that names missing headings."""
        self.fail(f"no column {', '.join(headings)}: {mend}")

    def fail(self, problem: str) -> NoReturn:
        """Raise an error about the headings that lists those of the range."""
        raise MarginError(f"{self.name} row 1: {problem} (the headings found are: {', '.join(self.shown)})")

    def must_be_single(self, headings: Iterable[str]) -> None:
        """Refuse a header in which one of these headings occurs twice, or beside another name of it.

        Raises:
            MarginError: naming the first that occurs twice
        """
        twice = {key for key in self.keys if self.keys.count(key) > 1} if len(set(self.keys)) < len(self.keys) else ()
        for heading in headings if twice else ():
            if (key := heading_key(heading)) in twice:
                shown = [text for text, other in zip(self._shown, self.keys) if other == key]
                if len(set(map(heading_key, shown))) == 1:
                    raise MarginError(f"{self.name} row 1: the heading {heading} stands twice: remove one of the two columns")
                told = " and ".join(dict.fromkeys(shown))
                raise MarginError(f"{self.name} row 1: {told} mean the same, {heading}: remove or rename all but one of these columns")


# ---- columns of cells


def blanks(cells: Sequence[Any]) -> NDArray[np.bool_]:
    """A mask of the blank cells (P,); texts that repeat are examined once."""
    if set(map(type, cells)) <= {str, NoneType}:
        return np.array(list(map({cell: is_blank(cell) for cell in set(cells)}.__getitem__, cells)), np.bool_)
    return np.array(list(map(is_blank, cells)), np.bool_)


def numbers(cells: Sequence[Any], rows: Sequence[int], heading: str, faults: Faults, *, zero_is_blank: bool = False) -> Floats:
    """One column of numbers; NaN where the cell is blank or at fault.

    Args:
        cells: the column, (P,)
        rows: row number of each cell, (P,)
        heading: the column's name in messages
        faults: receives the cells that are not numbers
        zero_is_blank: 0 is blank, since spreadsheets pass the empty cells of formulas as 0

    Returns:
        values (P,)
    """
    if set(map(type, cells)) <= {float, NoneType}:
        values = np.array(cells, dtype=np.float64)  # None becomes NaN
    else:
        values = np.array([cell if type(cell) is float else _soft_number(cell) for cell in cells], dtype=np.float64)
    suspect = ~(np.abs(values) <= LARGEST)
    if suspect.any():
        values[suspect] = np.nan
        for i in np.flatnonzero(suspect).tolist():
            if not is_blank(cells[i]):
                problem, fix = not_a_number(cells[i])
                faults.add(rows[i], heading, f"{heading} {problem}", fix)
    if zero_is_blank:
        values[values == 0.0] = np.nan
    return values


def _soft_number(cell: Any) -> float:
    value = None if cell is None or isinstance(cell, str) else plain_number(cell)
    return math.nan if value is None else value


def _read_each(cells: Sequence[Any], rows: Sequence[int], heading: str, faults: Faults, read: Callable[[Any], str | Trouble]) -> list[str]:
    """One column read cell by cell, texts that repeat only once; "" where blank or at fault."""
    if set(map(type, cells)) <= {str, NoneType}:
        found = list(map({cell: read(cell) for cell in set(cells)}.__getitem__, cells))
    else:
        found = [read(cell) for cell in cells]
    if tuple not in set(map(type, found)):
        return found  # type: ignore[return-value]
    for row, answer in zip(rows, found):
        if isinstance(answer, tuple):
            faults.add(row, heading, f"{heading} {answer[0]}", answer[1])
    return [answer if isinstance(answer, str) else "" for answer in found]


def texts(cells: Sequence[Any], rows: Sequence[int], heading: str, faults: Faults, *, digits: bool = False) -> list[str]:
    """One column of texts, stripped; "" where blank or at fault; with `digits`, whole numbers are read as texts."""
    return _read_each(cells, rows, heading, faults, _label if digits else _text)


def _text(cell: Any) -> str | Trouble:
    if is_blank(cell):
        return ""
    if trouble := unreadable(cell):
        return trouble
    return cell.strip() if isinstance(cell, str) else (f"must be text, not {show(cell)}", "type a text")


def _label(cell: Any) -> str | Trouble:
    """A text, or a number that serves as one, such as an account's."""
    value = None if is_blank(cell) or isinstance(cell, str) else plain_number(cell)
    if value is None:
        return _text(cell)
    return str(int(value)) if value.is_integer() else repr(value)


def choices(cells: Sequence[Any], rows: Sequence[int], heading: str, known: Mapping[str, str], faults: Faults) -> list[str]:
    """One column of words of a fixed set, in any case; "" where blank or at fault.

    Args:
        known: the word of every spelling in lower case without spaces
    """

    def word(cell: Any) -> str | Trouble:
        if is_blank(cell):
            return ""
        meant = known.get(re.sub(r"[\s_-]+", "", cell).lower()) if isinstance(cell, str) else None
        words = ", ".join(dict.fromkeys(known.values()))
        return meant or unreadable(cell) or (f"must be one of {words}, not {show(cell)}", f"type one of {words}")

    return _read_each(cells, rows, heading, faults, word)


def instants(cells: Sequence[Any], rows: Sequence[int], heading: str, faults: Faults, hour: int) -> Floats:
    """One column of dates as seconds since 1970 UTC; NaN where blank or at fault.

    A text with several readings (`03/04/2026`) is read in the order in which the other texts of the column must be.

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
    missing = [i for i in np.flatnonzero(np.isnan(result)).tolist() if not is_blank(cells[i])]
    order = order_of_dates({cell for cell in cells if isinstance(cell, str)}) if missing else ""
    for i in missing:
        if order and (value := _instant(cells[i], hour, order)) is not None:
            result[i] = value
        else:
            problem, fix = unreadable(cells[i]) or _no_date(cells[i], hour)
            faults.add(rows[i], heading, f"{heading} {problem}", fix)
    return result


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
        value = None if number is None else serial_instant(number, hour)
    return value if value is not None and FIRST <= value < LAST else None


# ---- ranges


class Table:
    """A range with a header row: columns by heading, blank rows left out, each row with its number in the sheet."""

    def __init__(self, header: Header, columns: dict[str, list[Any]], rows: list[int]) -> None:
        self.header, self._columns, self.rows = header, columns, rows

    def __len__(self) -> int:
        return len(self.rows)

    def has(self, *headings: str) -> bool:
        """Whether the range has one of these columns."""
        return not self._columns.keys().isdisjoint(map(heading_key, headings))

    def column(self, heading: str) -> list[Any]:
        """The cells of a column, (P,), all blank where the range has no such column."""
        cells = self._columns.get(heading_key(heading))
        return [None] * len(self.rows) if cells is None else cells

    def numbers(self, heading: str, faults: Faults, *, zero_is_blank: bool = False) -> Floats:
        """A column of numbers (P,); NaN where blank or at fault."""
        cells = self._columns.get(heading_key(heading))
        if cells is None:
            return np.full(len(self.rows), np.nan)
        return numbers(cells, self.rows, heading, faults, zero_is_blank=zero_is_blank)

    def texts(self, heading: str, faults: Faults, *, digits: bool = False) -> list[str]:
        """A column of texts (P,); "" where blank or at fault; with `digits`, numbers serve as texts."""
        cells = self._columns.get(heading_key(heading))
        return [""] * len(self.rows) if cells is None else texts(cells, self.rows, heading, faults, digits=digits)

    def choices(self, heading: str, known: Mapping[str, str], faults: Faults) -> list[str]:
        """A column of words of a fixed set (P,); "" where blank or at fault."""
        cells = self._columns.get(heading_key(heading))
        return [""] * len(self.rows) if cells is None else choices(cells, self.rows, heading, known, faults)

    def dates(self, heading: str, faults: Faults, hour: int) -> Floats:
        """A column of dates as seconds since 1970 UTC (P,), one without a time at an hour UTC; NaN where blank or at fault."""
        cells = self._columns.get(heading_key(heading))
        return np.full(len(self.rows), np.nan) if cells is None else instants(cells, self.rows, heading, faults, hour)


def table(
    raw: Any, name: str, needed: Sequence[str] = (), known: Sequence[str] = (), zero_is_blank: Sequence[str] = (), names: Names = PLAIN
) -> Table:
    """Read a range with a header row into columns.

    Args:
        raw: rows of cells as any face passes them
        name: name of the range in messages
        needed: headings without which the range cannot be read
        known: every accepted heading; each may occur only once, and a row without a value under any of them is blank
        zero_is_blank: headings under which 0 is blank
        names: other names of the headings

    Raises:
        MarginError: the range is empty, a heading is missing or occurs twice
    """
    rows = from_header(grid(raw))
    if not rows:
        raise MarginError(f"the {name} range is empty: select its header row and the rows below it")
    for cell in rows[0]:
        if error := error_text(cell):
            raise MarginError(f"{name} row 1: a heading holds the error {error}: mend the formula in that cell")
    header = Header(rows[0], name, names)
    header.must_be_single(known)
    for heading in needed:
        header.column(heading)
    keys = header.keys
    understood, zeros = _keys_of(tuple(known)), _keys_of(tuple(zero_is_blank))
    at = [(i, key in zeros) for i, key in enumerate(keys) if key in understood]
    width = len(keys)
    padded = (
        rows[1:]
        if set(map(len, rows)) == {width}
        else [row if len(row) == width else (*row[:width], *[None] * (width - len(row))) for row in rows[1:]]
    )
    columns = list(map(list, zip(*padded))) or [[] for _ in keys]
    filled = list(range(len(padded)))
    if not any(not zero and _is_full(columns[i]) for i, zero in at):
        filled = [n for n in filled if _says_something(padded[n], at)]
        columns = columns if len(filled) == len(padded) else [[column[n] for n in filled] for column in columns]
    return Table(header, {key: columns[i] for i, key in enumerate(keys) if key in understood}, [n + 2 for n in filled])


def _is_full(cells: Sequence[Any]) -> bool:
    """Whether a column surely has no blank cell, by a quick test."""
    kinds = set(map(type, cells))
    return kinds <= {float, int, bool, str} and (
        str not in kinds or not blanks(cells if kinds == {str} else [cell for cell in cells if type(cell) is str]).any()
    )


def _says_something(row: Sequence[Any], at: Sequence[tuple[int, bool]]) -> bool:
    """Whether a row has a cell that is not blank in one of these columns, each given with whether 0 is blank there."""
    return any(not is_blank(row[i]) and not (zero and type(row[i]) in (int, float) and row[i] == 0) for i, zero in at)


def from_header(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """The rows from the header on, which is the first one that is not blank."""
    for i, row in enumerate(rows):
        if not all(is_blank(cell) for cell in row):
            return rows[i:]
    return []


def must_hold(before: Sequence[Any], count: int, name: str) -> None:
    """Refuse a range that is too short for its rows.

    Args:
        before: the present range, header first
        count: rows needed below the header

    Raises:
        MarginError: it is too short
    """
    if count > len(before) - 1:
        raise MarginError(f"the range {name} has {len(before) - 1} rows below its header and needs {count}: make it longer")


def laid_out(
    before: Sequence[Sequence[Any]], items: Sequence[Item], known: Mapping[str, Callable[[Item], Any]], name: str
) -> list[list[Any]]:
    """A range written anew: its own headings, a row per item, blank rows to its end.

    Args:
        before: the present range, header first
        items: from the first row on
        known: the content of a cell under each folded heading; other columns stay blank
        name: name of the range in messages

    Raises:
        MarginError: it is too short
    """
    must_hold(before, len(items), name)
    keys = Header(before[0]).keys
    rows = [[known[key](item) if key in known else None for key in keys] for item in items]
    return [list(before[0]), *rows, *([None] * len(keys) for _ in range(len(before) - 1 - len(rows)))]
