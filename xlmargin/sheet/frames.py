"""The ranges that Python programs hold, as rows of cells: frames, series, arrays, mappings and records.

In a table with named columns NaN, NaT and NA mean that nothing is there, and a Decimal is the number that it says. No outside
library is imported here: a frame brings what reads it.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections import deque
from collections.abc import Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any

from xlmargin.errors import MarginError

Rows = list[Sequence[Any]]

PLAIN = {float, int, str, bool, type(None)}

OF_OTHERS = ("to_dicts", "to_pylist", "to_list")  # how the tables and columns of other libraries, such as Polars and Arrow, list themselves

# the headings under which the keys and values of a mapping are read, by the argument that it is given for
PAIRS = {
    "parameters": ("Parameter", "Value"),
    "balances": ("Currency", "Amount"),
    "equity": ("Currency", "Amount"),
    "account": ("Field", "Value"),
    "market": ("Underlying", "Spot"),
}


def rows_of(raw: Any, name: str) -> Any:
    """A range as rows of cells; what is no range of Python's own is returned unchanged.

    Args:
        raw: a frame or a series of pandas or another library, an array, a mapping, or a list (or whatever can be listed) of
            records, of arrays or of cells
        name: of the argument; the index of a series, or the keys of a mapping of single values, are read as it says

    Raises:
        MarginError: the range has no meaning as this argument
    """
    if hasattr(raw, "columns") and hasattr(raw, "itertuples"):
        return _frame(raw, name)
    if hasattr(raw, "index") and hasattr(raw, "to_frame"):
        return _series(raw, name)
    if hasattr(raw, "tolist"):
        return _array(raw)
    for own in OF_OTHERS:
        if callable(listed := getattr(raw, own, None)):
            return rows_of(listed(), name)
    if isinstance(raw, Mapping) and not is_cell(raw):
        return _mapping(raw, name)
    if isinstance(raw, (list, tuple)):
        if all(isinstance(item, Mapping) for item in raw) and not any(map(is_cell, raw)):
            return _records(raw)
        return [_array(item) if getattr(item, "ndim", 0) else item for item in raw]
    if isinstance(raw, (Iterator, KeysView, ValuesView, range, deque)):
        return rows_of(list(raw), name)
    return raw


def is_cell(cell: Mapping[Any, Any]) -> bool:
    """Whether a mapping is one cell as JavaScript passes it: a data type, or an error."""
    return "basicValue" in cell or cell.get("type") == "Error"


def _frame(frame: Any, name: str) -> Rows:
    """The columns of a frame below their names; of its index, the levels that have a name, and the days of a history."""
    if frame.columns.nlevels > 1:
        raise MarginError(
            f"{name or 'range'} row 1: the columns have {frame.columns.nlevels} levels: keep one, such as with droplevel(0, axis=1)"
        )
    headings, levels = frame.columns.tolist(), frame.index.to_frame(index=False)
    kept = {heading: n for n, heading in enumerate(frame.index.names) if heading is not None}
    if name == "history" and "date" not in map(_folded, headings) and _has_days(frame.index):
        kept = {"Date": 0}
    columns = [*(levels.iloc[:, n] for n in kept.values()), *(frame.iloc[:, n] for n in range(len(headings)))]
    return _headed([*kept, *headings], list(map(_column, columns)))


def _has_days(index: Any) -> bool:
    """Whether an index of one level is one of days or moments."""
    return index.nlevels == 1 and (index.dtype.kind == "M" or (len(index) > 0 and all(isinstance(_own(day), dt.date) for day in index)))


def _folded(heading: Any) -> str:
    return str(heading).strip().lower()


def _series(series: Any, name: str) -> Rows:
    """A series as index and value where the argument has such pairs, the closes of one underlying, else a column of cells."""
    if name in PAIRS:
        return _headed(PAIRS[name], [series.index.tolist(), _column(series)])
    if name == "history":
        return _frame(series.to_frame(), name)
    return [[cell] for cell in _column(series)]


def _column(series: Any) -> list[Any]:
    """The cells of one column of pandas, None where nothing is there."""
    if series.dtype.kind == "M" and not hasattr(series.dtype, "tz"):
        return list(_array(series.to_numpy()))
    cells = series.astype(object).to_numpy(copy=True)
    if series.dtype == object:
        return list(map(_own, cells))
    cells[series.isna().to_numpy()] = None
    return cells.tolist() if set(map(type, cells)) <= PLAIN else list(map(_own, cells))


def _own(cell: Any) -> Any:
    """A cell of a table with named columns: a Decimal as a number, a moment or day of pandas as Python's, NaN and NaT as None."""
    if isinstance(cell, decimal.Decimal):
        cell = math.nan if cell.is_nan() else float(cell)  # a NaN that signals has no float
    if getattr(cell, "freqstr", "") == "D" and hasattr(cell, "to_timestamp"):  # a period of a day
        cell = cell.to_timestamp()
    if isinstance(cell, dt.datetime) and hasattr(cell, "to_pydatetime"):
        return cell.to_pydatetime(warn=False) if cell == cell else None
    return None if isinstance(cell, float) and cell != cell else cell


def _array(array: Any) -> Any:
    """The cells of an array; those of a structured one below the names of its fields."""
    kind = getattr(getattr(array, "dtype", None), "kind", "O")
    if kind == "V" and array.dtype.names:
        return _headed(array.dtype.names, [list(map(_own, _array(array[field]))) for field in array.dtype.names])
    return in_microseconds(array).tolist()


def in_microseconds(array: Any) -> Any:
    """An array in whose moments and spans Python's own have a place: nanoseconds would be listed as bare numbers."""
    kind = getattr(getattr(array, "dtype", None), "kind", "O")
    return array.astype(f"{kind}8[us]") if kind in "mM" else array


def _mapping(raw: Mapping[Any, Any], name: str) -> Rows:
    """A mapping of columns as a table, with a single value beside them in every row; one of single values as the pairs of its argument.

    Single values under the headings of those pairs are one row of a table.
    """
    wide = [_array(cells) if hasattr(cells, "tolist") else cells for cells in raw.values()]
    lengths = sorted({len(cells) for cells in wide if isinstance(cells, (list, tuple))})
    if len(lengths) > 1:
        raise MarginError(f"{name or 'range'} row 1: columns have {lengths[0]} and {lengths[-1]} values: give columns of one length")
    if lengths:
        columns = [cells if isinstance(cells, (list, tuple)) else [cells] * lengths[0] for cells in wide]
        return _headed(list(raw), [list(map(_own, cells)) for cells in columns])
    if PAIRS.get(name, ("",))[0].lower() in map(_folded, raw):
        return _records([raw])
    if name not in PAIRS:
        raise MarginError(f"{name or 'range'} row 1: a mapping of single values is no table: give a list of values for each heading")
    return _headed(PAIRS[name], [list(raw), list(map(_own, raw.values()))])


def _records(records: Sequence[Mapping[Any, Any]]) -> Rows:
    """Records below their keys, in the order in which they first occur; a key that a record lacks is blank."""
    headings = list(dict.fromkeys(key for record in records for key in record))
    return [headings, *([_own(record.get(heading)) for heading in headings] for record in records)]


def _headed(headings: Sequence[Any], columns: Sequence[Sequence[Any]]) -> Rows:
    """Rows of columns below their headings."""
    return [list(headings), *map(list, zip(*columns))]
