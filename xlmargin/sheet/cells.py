"""Cells as any face passes them: blank, a number, a text, a date or an error; and arguments that are one cell."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from numbers import Real
from types import NoneType
from typing import Any

from xlmargin.errors import MarginError

Trouble = tuple[str, str]  # the fault of a cell, and its cure

LOOKS_NUMERIC = re.compile(r"[-+(]?[$€£]?\s*[\d.,'\s]*\d[\d.,'\s]*([eE][-+]?\d+)?\s*[%)]?$")
OTHER_CURRENCY = re.compile(r"[€£¥]|\b(EUR|GBP|JPY|CHF)\b")
LARGEST = 1e15
INVISIBLE = "Cf"  # category of the characters without a shape
BLOCK = 1024  # rows of a range that are compared at once
LONGEST = 40  # characters: no plausible number, date or name has more
CURRENCY = "is formatted as currency, which rounds it to 4 decimals before it is read", "format the cell as General"

# Excel passes errors over COM as these integers (SCODE values of CVErr); every true number arrives as a float.
ERROR_CODES = {
    -2146826288: "#NULL!",
    -2146826281: "#DIV/0!",
    -2146826273: "#VALUE!",
    -2146826265: "#REF!",
    -2146826259: "#NAME?",
    -2146826252: "#NUM!",
    -2146826246: "#N/A",
    -2146826245: "#GETTING_DATA",
    -2146826243: "#SPILL!",
    -2146826242: "#CONNECT!",
    -2146826241: "#BLOCKED!",
    -2146826240: "#UNKNOWN!",
    -2146826239: "#FIELD!",
    -2146826238: "#CALC!",
}
FIRST_ERROR, LAST_ERROR = -2146826288, -2146826238
# #REF! and its kin in any language (#BEZUG!, #¿NOMBRE?), the errors that end otherwise, and our own
ERROR_TEXT = re.compile(r"#(\S+[!?]|N/A|NV|N/D|GETTING_DATA|INVALID_DATASOURCE|PM! .*)$", re.S)

# classes of what is missing, which are not there to import everywhere: JavaScript's null in Pyodide 0.28 and later, pandas' own
MISSING = ("JsNull", "NAType", "NaTType")
USUAL = {float, int, str, bool, NoneType, dt.datetime}
OF_SHEETS = USUAL | {list, tuple, dt.date, decimal.Decimal}


def is_blank(cell: Any) -> bool:
    """None, an empty text and a text of spaces are blank on every face."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def is_blank_row(row: Iterable[Any]) -> bool:
    """Whether every cell of a row is blank."""
    return all(map(is_blank, row))


def header_at(rows: Sequence[Sequence[Any]]) -> int:
    """The place of the header, which is the first row that is not blank; the number of rows where there is none."""
    return next((n for n, row in enumerate(rows) if not is_blank_row(row)), len(rows))


def from_header(raw: Any) -> list[Sequence[Any]]:
    """The rows of any raw range from its header on."""
    rows = grid(raw)
    return rows[header_at(rows) :]


def visible(text: str) -> str:
    """A text without the characters that have no shape: zero-width ones, soft hyphens, marks of direction and of byte order."""
    return text if text.isascii() else "".join(mark for mark in text if unicodedata.category(mark) != INVISIBLE)


def show(cell: Any) -> str:
    """A cell as messages quote it: short, and texts in quotes."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) or (isinstance(cell, int) and abs(cell) <= LARGEST):
        return f"{cell:,.10g}"
    if isinstance(cell, (dt.datetime, dt.date)):
        return f"the date {cell:%Y-%m-%d}"
    text = " ".join(str(cell).split())
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


def error_text(cell: Any) -> str | None:
    """The error value of a cell (`#N/A`), or None where it has none."""
    if isinstance(cell, str):
        text = visible(cell).strip()
        return text if text.startswith("#") and ERROR_TEXT.match(text) else None
    if isinstance(cell, int) and not isinstance(cell, bool) and FIRST_ERROR <= cell <= LAST_ERROR:
        return ERROR_CODES.get(cell, "value")
    if isinstance(cell, Mapping) and cell.get("type") == "Error":
        return str(cell.get("basicValue", "value"))
    return None


def plain_number(cell: Any) -> float | None:
    """The number in a cell, or None where the cell must be examined further."""
    # numbers of NumPy are real to Python: this module runs where there is no NumPy, too
    if isinstance(cell, bool) or not isinstance(cell, (int, float, Real)):
        return None
    if isinstance(cell, int) and (FIRST_ERROR <= cell <= LAST_ERROR or abs(cell) > LARGEST):
        return None
    value = float(cell)
    return value if abs(value) <= LARGEST else None


def unreadable(cell: Any) -> Trouble | None:
    """The fault of a cell that cannot be read as any type: an error value, a currency format; None for any other."""
    error = error_text(cell)
    if error:
        return f"holds the error {error}", "mend the formula in that cell"
    return CURRENCY if isinstance(cell, decimal.Decimal) else None


def not_a_number(cell: Any) -> Trouble:
    """The fault of a cell that should contain a number, and its cure."""
    if trouble := unreadable(cell):
        return trouble
    if isinstance(cell, str) and OTHER_CURRENCY.search(cell) and any(map(str.isdigit, cell)):
        return f"must be an amount of USD, the account currency, not {show(cell)}", "give it in USD"
    if isinstance(cell, str) and len(cell) <= LONGEST and LOOKS_NUMERIC.match(cell.strip()):
        return f"must be a number, not the text {show(cell)}", "the cell holds text: retype it as a number"
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return f"must be a finite number below 1e15, not {show(cell)}", "type a sensible number"
    return f"must be a number, not {show(cell)}", "type a number"


# ---- ranges as rows of cells


def grid(raw: Any) -> list[Sequence[Any]]:
    """Any raw argument as rows of plain cells: a scalar is one cell, a flat list is one row, arrays are unpacked."""
    return plain_rows(raw_rows(raw))


def unpacked(raw: Any, name: str = "") -> Any:
    """A range of Python's own kinds as rows of cells: a frame, an array, a mapping, records; any other argument unchanged.

    Args:
        name: of the argument, which says what a mapping of single values means
    """
    kind = type(raw)
    if kind in USUAL or (kind in (list, tuple) and set(map(type, raw)) <= OF_SHEETS):
        return raw
    from xlmargin.sheet.frames import rows_of  # no spreadsheet passes any of these

    return rows_of(raw, name)


def raw_rows(raw: Any) -> list[Sequence[Any]]:
    """Any raw argument as rows of unchanged cells: a scalar is one cell, a flat list is one row, arrays are unpacked."""
    if type(raw) in (list, tuple) and set(map(type, raw)) <= {list, tuple}:
        return list(raw)
    raw = unpacked(raw)
    if not isinstance(raw, (list, tuple)):
        return [[raw]]
    if not any(isinstance(row, (list, tuple)) for row in raw):
        return [raw]
    return [row if isinstance(row, (list, tuple)) else [row] for row in raw]


def without_blank_end(raw: Any) -> Any:
    """A range of several columns without the blank rows at its end, most of a whole column's million; anything else as it is.

    A range of one column keeps its length: functions of columns compare it.
    """
    if type(raw) not in (list, tuple) or not raw or type(raw[-1]) not in (list, tuple) or len(raw[-1]) < 2:
        return raw
    end, last = len(raw), raw[-1]
    if not is_blank_row(last):
        return raw
    block = BLOCK
    while block:  # compared where they lie, many rows at a time, then fewer
        while end > block and _all_alike(raw[end - block : end], last):
            end -= block
        block //= 4
    while end > 1 and type(raw[end - 1]) in (list, tuple) and is_blank_row(raw[end - 1]):
        end -= 1
    return raw[:end]


def _all_alike(rows: Sequence[Any], row: Any) -> bool:
    try:
        return rows.count(row) == len(rows)
    except (TypeError, ValueError):  # cells without a truth of their own, such as pandas' NA
        return False


def plain_rows(rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
    """Rows of cells without the wrappings of JavaScript, NumPy and pandas.

    A null, NA and NaT are blank, a data type (a formatted number, a date with its format, a stock) is its basic value, a
    scalar of NumPy is Python's; an error remains the mapping that it comes as, because messages name it.

    Args:
        rows: cells by row

    Returns:
        the same rows where there is nothing to unwrap
    """
    if set(map(type, chain.from_iterable(rows))) <= USUAL:
        return rows
    return [[_plain(cell) for cell in row] for row in rows]


def _plain(cell: Any) -> Any:
    kind = type(cell)
    if kind.__name__ in MISSING:
        return None
    if kind.__module__ == "numpy" and getattr(cell, "ndim", 1) == 0:
        from xlmargin.sheet.frames import in_microseconds  # no spreadsheet passes a scalar of NumPy

        return in_microseconds(cell).item()
    if isinstance(cell, Mapping) and cell.get("type") != "Error" and "basicValue" in cell:
        value = cell["basicValue"]
        # a data type without a plain value, such as a picture, counts as an error
        return {"type": "Error", "basicValue": value} if cell.get("basicType") == "Error" else value
    return cell


def given(raw: Any) -> bool:
    """Whether an optional range was given: a blank cell, or a range of blank cells, counts as left out."""
    return any(not is_blank(cell) for row in raw_rows(raw) for cell in plain_rows([row])[0])


# ---- arguments that are one cell


def _one_cell(raw: Any, name: str) -> Any:
    cells = [cell for row in grid(raw) for cell in row]
    if len(cells) != 1:
        raise MarginError(f"{name} must be one cell, not a range of {len(cells)} cells")
    return cells[0]


def one_number(
    raw: Any, name: str, default: float | None = None, *, accept: Callable[[float], bool] = math.isfinite, must: str = "a finite number"
) -> float:
    """One number given as an argument; a blank counts as left out.

    Raises:
        MarginError: the argument is missing, not a number or not acceptable
    """
    cell = _one_cell(raw, name)
    if is_blank(cell):
        if default is None:
            raise MarginError(f"{name} is missing: give {must}")
        return default
    value = plain_number(cell)
    if value is None:
        raise MarginError(f"{name} {not_a_number(cell)[0]}")
    if not accept(value):
        raise MarginError(f"{name} must be {must}, not {show(value)}")
    return value


def one_text(raw: Any, name: str, default: str | None = None) -> str:
    """One text given as an argument; a blank counts as left out.

    Raises:
        MarginError: the argument is missing or not a text
    """
    cell = _one_cell(raw, name)
    if is_blank(cell):
        if default is None:
            raise MarginError(f"{name} is missing: give a text")
        return default
    error = error_text(cell)
    if error:
        raise MarginError(f"{name} holds the error {error}: mend the formula in that cell")
    if not isinstance(cell, str):
        raise MarginError(f"{name} must be a text, not {show(cell)}")
    return cell.strip()
