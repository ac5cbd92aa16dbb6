"""A range with a header row as columns by heading: numbers, texts, choices and dates, with every fault named by row and column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import NoneType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xlmargin.errors import Faults, MarginError
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cells import LARGEST, Trouble, error_text, from_header, is_blank, not_a_number, plain_number, show, unreadable, visible
from xlmargin.sheet.dates import instants
from xlmargin.sheet.headings import PLAIN, Names, heading_key, says_percent
from xlmargin.sheet.unknown import refusal

# by the end of a heading: the largest fraction and the least percent that a column under a heading with % holds
PERCENT = {"iv": (4.0, 5.0), "rate": (0.25, 1.0), "haircut": (1.0, 1.0), "move": (1.0, 1.0)}
# how a sum of rows begins
TOTAL = re.compile(r"\s*(grand\s+|sub[\s-]?)?(totals?|sum|summe|gesamt\w*|totale|somme|suma|итого|合计|合計|小计|总计)\b", re.IGNORECASE)


# ---- header rows


@lru_cache(maxsize=64)
def _keys_of(headings: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(heading_key, headings))


class Header:
    """A header row.

    Attributes:
        keys: its headings as `heading_key` folds them, in order; another name of a heading is that heading's key
        texts: its headings as messages show them
        shown: those that are not blank
        percent: the keys of vols, rates and other fractions whose headings say percent
        name: name of the range in messages
    """

    def __init__(self, cells: Iterable[Any], name: str = "", names: Mapping[str, str] = PLAIN) -> None:
        row = list(cells)
        keys = [heading_key(cell if isinstance(cell, (str, int, float, NoneType)) else str(cell)) for cell in row]
        self.keys, self.name = [names.get(key, key) for key in keys], name
        self.texts = [" ".join(str(cell).split()) if key else "" for cell, key in zip(row, keys)]
        self.shown = [text for text in self.texts if text]
        self.percent = frozenset(key for key, text in zip(self.keys, self.texts) if key.endswith(tuple(PERCENT)) and says_percent(text))

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
                shown = [text for text, other in zip(self.texts, self.keys) if other == key]
                if len(set(map(heading_key, shown))) == 1:
                    raise MarginError(f"{self.name} row 1: the heading {heading} stands twice: remove one of the two columns")
                told = " and ".join(dict.fromkeys(shown))
                raise MarginError(f"{self.name} row 1: {told} mean the same, {heading}: remove or rename all but one of these columns")


# ---- columns of cells


def _fractions(values: Floats, rows: Sequence[int], heading: str, faults: Faults) -> Floats:
    """A column under a heading that says percent: fractions, as a cell shown in percent holds, or numbers in percent.

    Args:
        values: the column, NaN where blank (P,)
    """
    least, most = next(bounds for ending, bounds in PERCENT.items() if heading_key(heading).endswith(ending))
    size = np.abs(values[np.isfinite(values) & (values != 0.0)])
    if (size <= least).all():
        return values
    if (size >= most).all():
        return values / 100.0
    for i in np.flatnonzero((np.abs(values) > least) | (np.abs(values) < most) & (values != 0.0)).tolist():
        problem = f"{heading} {show(float(values[i]))} stands under a heading in percent, and the column has fractions and percents"
        faults.add(rows[i], heading, problem, f"name the heading {heading} and give fractions (0.05 is 5 %)")
        break
    return values


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
    return visible(cell).strip() if isinstance(cell, str) else (f"must be text, not {show(cell)}", "type a text")


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
        meant = known.get(re.sub(r"[\s_-]+", "", visible(cell)).lower()) if isinstance(cell, str) else None
        words = ", ".join(dict.fromkeys(known.values()))
        return meant or unreadable(cell) or (f"must be one of {words}, not {show(cell)}", f"type one of {words}")

    return _read_each(cells, rows, heading, faults, word)


# ---- ranges


class Table:
    """A range with a header row: columns by heading, blank rows left out, each row with its number in the sheet."""

    def __init__(self, header: Header, columns: dict[str, list[Any]], rows: list[int]) -> None:
        self.header, self._columns, self.rows = header, columns, rows

    def __len__(self) -> int:
        return len(self.rows)

    def replaced(self, columns: Mapping[str, list[Any]]) -> Table:
        """The range with these columns in place of its own, by heading."""
        return Table(self.header, self._columns | {heading_key(name): cells for name, cells in columns.items()}, self.rows)

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
        values = numbers(cells, self.rows, heading, faults, zero_is_blank=zero_is_blank)
        return _fractions(values, self.rows, heading, faults) if heading_key(heading) in self.header.percent else values

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
    raw: Any, faults: Faults, known: Sequence[str], needed: Sequence[str] = (), zero_is_blank: Sequence[str] = (), names: Names = PLAIN
) -> Table:
    """Read a range with a header row into columns.

    Args:
        raw: rows of cells as any face passes them
        faults: receives cells without a heading, and headings that are not understood but could change the number; a note
            names the other columns that are left out; its `where` names the range
        known: every accepted heading; each may occur only once, and a row without a value under any of them is blank
        needed: headings without which the range cannot be read
        zero_is_blank: headings under which 0 is blank
        names: other names of the headings

    Raises:
        MarginError: the range is empty, a heading is missing or occurs twice
    """
    rows, name = from_header(raw), faults.where or "positions"
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
    width, padded = len(keys), rows[1:]
    if set(map(len, rows)) != {width}:
        _must_end_with_header(rows, width, faults)
        padded = [row if len(row) == width else (*row[:width], *[None] * (width - len(row))) for row in padded]
    columns = list(map(list, zip(*padded))) or [[] for _ in keys]
    _judge_unread(header, columns, known, names, faults)
    strange = _no_rows(rows[0], padded, header, faults) if keys[0] in understood else set()
    filled = [n for n in range(len(padded)) if n not in strange]
    if strange or not any(not zero and _is_full(columns[i]) for i, zero in at):
        filled = [n for n in filled if _says_something(padded[n], at)]
        columns = columns if len(filled) == len(padded) else [[column[n] for n in filled] for column in columns]
    return Table(header, {key: columns[i] for i, key in enumerate(keys) if key in understood}, [n + 2 for n in filled])


def _no_rows(first: Sequence[Any], padded: Sequence[Sequence[Any]], header: Header, faults: Faults) -> set[int]:
    """Record the rows that repeat the header, as files put together of several do, and totals and lines of text below a table.

    Args:
        first: the header row
        padded: the rows below it, as wide as it

    Returns:
        their numbers, counted from 0
    """
    found, keys = set[int](), set(header.keys) - {""}
    begin = [row[0] for row in padded]
    likely = {cell for cell in set(filter(_is_text, begin)) if cell == first[0] or TOTAL.match(cell) or " " in cell.strip()}
    for n in (n for n, cell in enumerate(begin) if _is_text(cell) and cell in likely):
        row, count = padded[n], _count(padded[n])
        if count > 1 and keys.issuperset(heading_key(cell) for cell in row if not is_blank(cell)):
            faults.add(n + 2, "", "the row repeats the headings", "remove it, or give the tables below each header as files of their own")
            found.add(n)
        elif count < len(keys) and (count == 1 or TOTAL.match(begin[n])):
            what = "stands alone in its row" if count == 1 else "begins a total, which is no row of the table"
            faults.add(n + 2, "", f"{show(begin[n])} {what}", "remove the row" + ", or fill it" * (count == 1))
            found.add(n)
    return found


def _is_text(cell: Any) -> bool:
    return type(cell) is str


def _count(row: Sequence[Any]) -> int:
    """Number of cells that are not blank."""
    return sum(not is_blank(cell) for cell in row)


def _judge_unread(header: Header, columns: list[list[Any]], known: Sequence[str], names: Names, faults: Faults) -> None:
    """Judge the headings of filled columns that are not understood, and record the cells without a heading."""
    understood = _keys_of(tuple(known))
    filled = []
    for text, key, cells in zip(header.texts, header.keys, columns):
        first = None if key in understood else next((n for n, cell in enumerate(cells) if not is_blank(cell)), None)
        if first is not None and key:
            filled.append(text)
        elif first is not None and cells not in (list(range(len(cells))), list(range(1, len(cells) + 1))):  # numbers of the rows
            problem = f"{show(cells[first])} stands in a column without a heading"
            faults.add(first + 2, "", problem, "give the column a heading, or clear it")
    if filled and names.closed:
        must_be_understood(Header(filled, header.name, names), known, names, faults)


def must_be_understood(header: Header, known: Sequence[str], names: Names, faults: Faults) -> None:
    """Record the headings that are not understood: as faults where they could change the number, else as notes.

    Args:
        header: headings of filled columns
        known: the headings that are understood
        names: their other names
        faults: receives the headings
    """
    understood = _keys_of(tuple(known))
    for text in dict.fromkeys(text for text, key in zip(header.texts, header.keys) if key and key not in understood):
        if trouble := refusal(text, (*known, *names.written)):
            faults.add(1, text, *trouble)
        else:
            faults.note(1, text, f"the heading {text} is not known: its column is left out", "rename it if it should count")


def _must_end_with_header(rows: Sequence[Sequence[Any]], width: int, faults: Faults) -> None:
    """Record the rows that have filled cells right of the last heading."""
    for n, row in enumerate(rows, 1):
        if len(row) > width and (more := [cell for cell in row[width:] if not is_blank(cell)]):
            faults.add(n, "", f"{show(more[0])} stands right of the last heading", "give its column a heading, or clear the cell")


def _is_full(cells: Sequence[Any]) -> bool:
    """Whether a column surely has no blank cell, by a quick test."""
    kinds = set(map(type, cells))
    return kinds <= {float, int, bool, str} and (
        str not in kinds or not blanks(cells if kinds == {str} else [cell for cell in cells if type(cell) is str]).any()
    )


def _says_something(row: Sequence[Any], at: Sequence[tuple[int, bool]]) -> bool:
    """Whether a row has a cell that is not blank in one of these columns, each given with whether 0 is blank there."""
    return any(not is_blank(row[i]) and not (zero and type(row[i]) in (int, float) and row[i] == 0) for i, zero in at)
