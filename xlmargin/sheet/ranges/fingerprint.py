"""The cells of a range as bytes, equal only where every cell has the same type and value."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import pickle
from collections.abc import Sequence
from operator import attrgetter
from types import NoneType
from typing import Any

from xlmargin.sheet.cells import raw_rows

Fingerprint = tuple[bytes, ...]

WRITTEN = (dt.date, dt.time, decimal.Decimal)  # these pickle as their class and their value, which is all there is to them
SPAN = ("year", "month", "day", "hour", "minute", "second", "microsecond", "fold")


RAGGED = b"ragged"  # no column begins like this: what is written begins with the protocol, or says that dates are in it


class _Other(Exception):
    """A cell whose type does not pass by itself."""


class _Writer(pickle.Pickler):
    """A pickler of plain cells: without a memo, so that equal cells are written alike whether or not they are one object."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.fast = True

    def reducer_override(self, cell: Any) -> Any:
        """Called for whatever is not a builtin, the classes themselves among it; a subclass never passes."""
        if type(cell) in WRITTEN or cell in WRITTEN:
            return NotImplemented
        raise _Other


def fingerprint(raw: Any) -> Fingerprint | None:
    """Bytes that tell any two ranges apart that differ in the type or the value of one cell.

    1, 1.0 and TRUE differ; so do 0.0 and −0.0, and equal instants of two time zones. Two NaN of the same bits are the same.

    Args:
        raw: cells as any face hands them over

    Returns:
        the number of rows, then one entry per column (rows of different lengths are one entry together); None where a cell is of
        a type that is not known here, so that the range must be read anew
    """
    rows = raw_rows(raw)
    count = str(len(rows)).encode()
    try:
        columns = list(zip(*rows, strict=True)) if rows else []
    except ValueError:  # rows of different lengths
        columns = []
    try:
        return (count, *map(_column, columns)) if columns else (count, RAGGED, _written([list(row) for row in rows]))
    except (_Other, pickle.PicklingError, TypeError, ValueError, RecursionError):
        return None


def is_ragged(mark: Fingerprint) -> bool:
    """Whether the rows of the range have different lengths, so that the bytes do not stand column by column."""
    return RAGGED in mark[1:2] or len(mark) == 1


def _written(cells: Any) -> bytes:
    file = io.BytesIO()
    _Writer(file).dump(cells)
    return file.getvalue()


def _column(cells: Sequence[Any]) -> bytes:
    """One column as bytes."""
    try:
        return _written(cells)
    except _Other:  # dates, in all likelihood
        pass
    kinds = set(map(type, cells))
    if kinds & {list, tuple, dict}:
        raise _Other
    others = kinds - {str, NoneType}
    if len(others) != 1 or not all(issubclass(kind, dt.datetime) for kind in others):
        return b"mixed" + _written([_parts(cell) if isinstance(cell, dt.datetime) else cell for cell in cells])
    try:
        dates = cells[1:]  # mostly the first is a heading, and the only one that is no date
        zoned = any(map(_ZONE, dates))
    except AttributeError:
        dates = [cell for cell in cells if type(cell) in others]
        zoned = any(map(_ZONE, dates))
    if not (zoned or getattr(cells[0], "tzinfo", None)):
        return b"dates" + _few(cells, cells)
    dates = [cell for cell in cells if type(cell) in others]
    if any(map(_FOLD, dates)) or len(set(map(id, map(_ZONE, dates)))) > 1:
        return b"zones" + _written([_parts(cell) if isinstance(cell, dt.datetime) else cell for cell in cells])
    return b"dates" + _few(cells, [cell.replace(tzinfo=None) if isinstance(cell, dt.datetime) else cell for cell in cells])


_ZONE, _FOLD = attrgetter("tzinfo"), attrgetter("fold")


def _few(cells: Sequence[Any], bare: Sequence[Any]) -> bytes:
    """A column of dates of one kind and zone, with texts and blanks between them: each distinct date once, and where it stands.

    Args:
        bare: the same without their zone, so that they are equal only where they are the same: two hours of different days may
            be equal in their zone, which is slow to ask besides
    """
    first = dict(zip(bare, cells))
    place = {key: n for n, key in enumerate(first)}
    distinct = [_parts(cell) if isinstance(cell, dt.datetime) else cell for cell in first.values()]
    return _written((distinct, tuple(map(place.__getitem__, bare))))


_FIELDS = attrgetter(*SPAN)


def _parts(cell: dt.datetime) -> tuple[Any, ...]:
    """A date as its kind, its fields and its distance from UTC, which is all that readers see of it."""
    kind = type(cell)
    return kind.__module__, kind.__qualname__, *_FIELDS(cell), str(cell.utcoffset()) if cell.tzinfo else ""
