"""Cells of any face become clean columns: numbers, texts and choices, with every fault named by row and column."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.errors import Faults, MarginError
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cell_errors import FIRST_ERROR, LAST_ERROR, error_text
from xlmargin.sheet.headings import Header, heading_key
from xlmargin.sheet.officejs import plain_rows

Trouble = tuple[str, str]  # what is wrong with a cell, and how to mend it

LOOKS_NUMERIC = re.compile(r"[-+(]?[$€£]?\s*[\d.,'\s]*\d[\d.,'\s]*([eE][-+]?\d+)?\s*[%)]?$")
LARGEST = 1e15
LONGEST = 40  # characters: no number, date or name that is meant as one has more
CURRENCY = "is formatted as currency, which rounds it to 4 decimals before it is read", "format the cell as General"


def is_blank(cell: Any) -> bool:
    """None, an empty text and a text of spaces are blank on every face."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def blanks(cells: Sequence[Any]) -> NDArray[np.bool_]:
    """Which cells are blank (P,); texts that repeat are looked at once."""
    if set(map(type, cells)) <= {str, NoneType}:
        return np.array(list(map({cell: is_blank(cell) for cell in set(cells)}.__getitem__, cells)), np.bool_)
    return np.array(list(map(is_blank, cells)), np.bool_)


def show(cell: Any) -> str:
    """A cell as a message quotes it: short, and texts in quotes."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) or (isinstance(cell, int) and abs(cell) <= LARGEST):
        return f"{cell:,.10g}"
    if isinstance(cell, (dt.datetime, dt.date)):
        return f"the date {cell:%Y-%m-%d}"
    text = " ".join(str(cell).split())
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


def grid(raw: Any) -> list[Sequence[Any]]:
    """Any raw argument as rows of cells: a scalar is one cell, a flat list is one row, arrays are unpacked."""
    return plain_rows(raw_rows(raw))


def raw_rows(raw: Any) -> list[Sequence[Any]]:
    """Any raw argument as rows, its cells as they come: a scalar is one cell, a flat list is one row, arrays are unpacked."""
    if hasattr(raw, "tolist"):
        raw = raw.tolist()
    if not isinstance(raw, (list, tuple)):
        return [[raw]]
    if set(map(type, raw)) <= {list, tuple}:
        return list(raw)
    if not any(isinstance(row, (list, tuple)) for row in raw):
        return [raw]
    return [row if isinstance(row, (list, tuple)) else [row] for row in raw]


def plain_number(cell: Any) -> float | None:
    """The number in a cell, or None where the cell needs a closer look."""
    if isinstance(cell, bool) or not isinstance(cell, (int, float, np.integer, np.floating)):
        return None
    if isinstance(cell, int) and (FIRST_ERROR <= cell <= LAST_ERROR or abs(cell) > LARGEST):
        return None
    value = float(cell)
    return value if abs(value) <= LARGEST else None


def unreadable(cell: Any) -> Trouble | None:
    """What is wrong with a cell whatever it should hold: an error value, a currency format; None for any other."""
    error = error_text(cell)
    if error:
        return f"holds the error {error}", "mend the formula in that cell"
    return CURRENCY if isinstance(cell, decimal.Decimal) else None


def not_a_number(cell: Any) -> Trouble:
    """What is wrong with a cell that should hold a number, and how to mend it."""
    if trouble := unreadable(cell):
        return trouble
    if isinstance(cell, str) and len(cell) <= LONGEST and LOOKS_NUMERIC.match(cell.strip()):
        return f"must be a number, not the text {show(cell)}", "the cell holds text: retype it as a number"
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return f"must be a finite number below 1e15, not {show(cell)}", "type a sensible number"
    return f"must be a number, not {show(cell)}", "type a number"


def numbers(cells: Sequence[Any], rows: Sequence[int], heading: str, faults: Faults, *, zero_is_blank: bool = False) -> Floats:
    """One column of numbers; NaN where the cell is blank or at fault.

    Args:
        cells: the column, (P,)
        rows: row number of each cell, (P,)
        heading: the column's name in messages
        faults: receives what is not a number
        zero_is_blank: 0 stands for blank, as spreadsheets hand over empty cells of formulas

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
    """One column of texts, stripped; "" where blank or at fault; with `digits`, whole numbers are read as theirs."""
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
        known: every spelling in lower case without spaces, and the word it stands for
    """

    def word(cell: Any) -> str | Trouble:
        if is_blank(cell):
            return ""
        meant = known.get(re.sub(r"[\s_-]+", "", cell).lower()) if isinstance(cell, str) else None
        words = ", ".join(dict.fromkeys(known.values()))
        return meant or unreadable(cell) or (f"must be one of {words}, not {show(cell)}", f"type one of {words}")

    return _read_each(cells, rows, heading, faults, word)


class Table:
    """A range with a header row: columns by heading, blank rows left out, each row with its number in the sheet."""

    def __init__(self, header: Header, columns: dict[str, list[Any]], rows: list[int]) -> None:
        self.header, self._columns, self.rows = header, columns, rows

    def __len__(self) -> int:
        return len(self.rows)

    def has(self, heading: str) -> bool:
        """Whether the range has this column."""
        return heading_key(heading) in self._columns

    def column(self, heading: str) -> list[Any]:
        """The cells of a column, (P,), all blank where the range has no such column."""
        cells = self._columns.get(heading_key(heading))
        return [None] * len(self.rows) if cells is None else cells

    def numbers(self, heading: str, faults: Faults, *, zero_is_blank: bool = False) -> Floats:
        """A column of numbers (P,); NaN where blank or at fault."""
        if not self.has(heading):
            return np.full(len(self.rows), np.nan)
        return numbers(self.column(heading), self.rows, heading, faults, zero_is_blank=zero_is_blank)

    def texts(self, heading: str, faults: Faults, *, digits: bool = False) -> list[str]:
        """A column of texts (P,); "" where blank or at fault; with `digits`, numbers serve as texts."""
        if not self.has(heading):
            return [""] * len(self.rows)
        return texts(self.column(heading), self.rows, heading, faults, digits=digits)

    def choices(self, heading: str, known: Mapping[str, str], faults: Faults) -> list[str]:
        """A column of words of a fixed set (P,); "" where blank or at fault."""
        if not self.has(heading):
            return [""] * len(self.rows)
        return choices(self.column(heading), self.rows, heading, known, faults)


def table(raw: Any, name: str, needed: Sequence[str] = (), known: Sequence[str] = (), zero_is_blank: Sequence[str] = ()) -> Table:
    """Read a range with a header row into columns.

    Args:
        raw: rows of cells as any face hands them over
        name: what messages call the range
        needed: headings without which the range cannot be read
        known: every heading that is understood; one of these may stand only once, and a row without any of them is blank
        zero_is_blank: headings under which 0 stands for blank

    Raises:
        MarginError: the range is empty, a heading is missing or stands twice
    """
    rows = from_header(grid(raw))
    if not rows:
        raise MarginError(f"the {name} range is empty: select its header row and the rows below it")
    for cell in rows[0]:
        if error := error_text(cell):
            raise MarginError(f"{name} row 1: a heading holds the error {error}: mend the formula in that cell")
    header = Header(rows[0], name)
    header.must_be_single(known)
    for heading in needed:
        header.column(heading)
    keys = header.keys
    understood, zeros = ({heading_key(heading) for heading in some} for some in (known, zero_is_blank))
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
    """Whether no cell of a column is blank, where that is quickly told."""
    kinds = set(map(type, cells))
    return kinds <= {float, int, bool, str} and (
        str not in kinds or not blanks(cells if kinds == {str} else [cell for cell in cells if type(cell) is str]).any()
    )


def _says_something(row: Sequence[Any], at: Sequence[tuple[int, bool]]) -> bool:
    """Whether a row has a cell that is not blank at one of these places; True beside a place: 0 is blank there."""
    return any(not is_blank(row[i]) and not (zero and type(row[i]) in (int, float) and row[i] == 0) for i, zero in at)


def from_header(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """The rows from the first one that is not blank: that is the header."""
    for i, row in enumerate(rows):
        if not all(is_blank(cell) for cell in row):
            return rows[i:]
    return []
