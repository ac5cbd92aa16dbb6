"""Caches of ranges: the latest positions, markets and books by the content of their cells."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from operator import attrgetter
from types import NoneType
from typing import Any

import numpy as np

from xlmargin.book.book import Book, in_coins, make_book
from xlmargin.book.market import Market
from xlmargin.book.positions import Keys, Positions, keys_of
from xlmargin.errors import Fault, Faults
from xlmargin.memory import Recent, Same
from xlmargin.sheet.cells import given, grid, header_at, is_blank, plain_rows, raw_rows
from xlmargin.sheet.columns import Header, Table
from xlmargin.sheet.headings import POSITIONS, heading_key
from xlmargin.sheet.ranges.market import market_given
from xlmargin.sheet.ranges.positions import AMOUNTS, read_positions, read_quantities

SHEETS = 16  # ranges of each kind that are remembered
MOST_BYTES = 256_000_000
AMOUNT_KEYS = tuple(heading_key(heading) for heading in AMOUNTS)

Fingerprint = tuple[bytes, ...]

WRITTEN = (dt.date, dt.time, decimal.Decimal)  # these pickle completely as their class and their value
_ZONE, _FOLD = attrgetter("tzinfo"), attrgetter("fold")
_FIELDS = attrgetter("year", "month", "day", "hour", "minute", "second", "microsecond", "fold")
RAGGED = b"ragged"  # no column begins so: its bytes begin with the protocol or with the mark of dates


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """A positions range without a fault.

    Attributes:
        mark: its cells as bytes, empty where some have no bytes of their own and the range cannot be remembered
        positions: the positions read from them
        contracts: the rows of each instrument, shared by sheets that differ only in their amounts
        top: blank rows above the header
        at: index of the column of each heading of AMOUNTS, where the range has it; empty where the range has no columns
        notes: on its headings and cells
    """

    mark: Fingerprint
    positions: Positions
    contracts: Keys
    top: int
    at: dict[str, int]
    notes: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Quotes:
    """A market range without a fault: its cells as bytes, its market, with a valuation time of NaN where it gives none, and notes."""

    mark: Fingerprint
    market: Market
    notes: tuple[Fault, ...]


def _weight(sheet: _Sheet) -> int:
    """Bytes of a sheet, its names left out."""
    arrays = (getattr(sheet.positions, field.name) for field in fields(Positions))
    return sum(map(len, sheet.mark)) + sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


_sheets: Recent[_Sheet] = Recent(SHEETS, MOST_BYTES, _weight)
_UNQUOTED = _Quotes((b"",), Market.empty(math.nan), ())  # the market of a blank range
_quotes: Recent[_Quotes] = Recent(SHEETS)
_books: Recent[Book] = Recent(SHEETS)
_priced: Recent[Book] = Recent(SHEETS)  # any book of the same contracts in the same market at the same time


def read_book(positions: Any, market: Any, *, priced: bool = True) -> Book:
    """The book of two ranges; the same object for the same cells at the same valuation time.

    Args:
        positions, market: raw cells; the market may be blank
        priced: options need a vol

    Returns:
        the book, whose arrays cannot be written to

    Raises:
        MarginError: the first fault by row
    """
    sheet, quotes = _read_sheet(positions), _read_quotes(market)
    market_now = quotes.market.dated()
    key, shared = ((Same(each), Same(quotes), market_now.as_of) for each in (sheet, sheet.contracts))
    book, other = _books.get(key), _priced.get(shared)
    if book is None and other is not None:
        quantity = in_coins(sheet.positions.quantity, sheet.positions.in_usd, other.instrument, other.instruments)
        quantity.flags.writeable = False
        book = _books.put(key, replace(other, quantity=quantity))
    if book is None:
        faults = Faults()
        book = make_book(sheet.positions, market_now, faults, sheet.contracts)
        if faults.faults:
            faults.stop(book.unpriced if priced else ())
        _fix(book)
        if sheet.mark and quotes.mark:
            _books.put(key, _priced.put(shared, book))
    if priced:
        Faults().stop(book.unpriced)
    return book


def range_notes(positions: Any, market: Any) -> list[Fault]:
    """Notes on the headings and cells of two ranges without a fault, such as a column that is left out.

    Args:
        positions, market: raw cells; the market may be blank
    """
    return [*_read_sheet(positions).notes, *_read_quotes(market).notes]


def positions_of(positions: Any) -> Positions:
    """The typed rows of a positions range without a fault, as `read_book` reads them.

    Raises:
        MarginError: the first fault by row
    """
    return _read_sheet(positions).positions


def market_of(market: Any) -> Market:
    """The market of a range without a fault, as `read_book` reads it; its valuation time is NaN where it gives none.

    Raises:
        MarginError: the first fault by row
    """
    return _read_quotes(market).market


def gives_time(market: Any) -> bool:
    """Whether a market range without a fault has a valuation time of its own; without one the machine's clock counts."""
    return math.isfinite(market_of(market).as_of)


def _fix(holder: Any) -> None:
    """Make every array of a dataclass read-only, since it is shared."""
    for field in fields(holder):
        value = getattr(holder, field.name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        elif is_dataclass(value):
            _fix(value)


def _read_quotes(raw: Any) -> _Quotes:
    """The market range, read where it is new and not blank."""
    if not given(raw):
        return _UNQUOTED
    mark = fingerprint(raw)
    found = None if mark is None else _quotes.get(mark)
    if found is not None:
        return found
    faults = Faults("market")
    market = market_given(raw, faults)
    faults.stop()
    _fix(market)
    read = _Quotes(mark or (), market, tuple(faults.notes))
    return read if mark is None else _quotes.put(mark, read)


def _read_sheet(raw: Any) -> _Sheet:
    """The positions range; only its new parts are read."""
    mark = fingerprint(raw)
    found = None if mark is None else _sheets.get(mark)
    if found is not None:
        return found
    edited = None if mark is None else _edited(raw, mark)
    if edited is not None:
        return _sheets.put(mark, edited)
    faults = Faults()
    positions = read_positions(raw, faults)
    faults.stop()
    _fix(positions)
    rows = grid(raw)
    top = header_at(rows)
    at = Header(() if mark is None or is_ragged(mark) else rows[top], names=POSITIONS).columns(AMOUNT_KEYS)
    sheet = _Sheet(mark or (), positions, keys_of(positions), top, at, tuple(faults.notes))
    return sheet if mark is None else _sheets.put(mark, sheet)


def _edited(raw: Any, mark: Fingerprint) -> _Sheet | None:
    """The sheet where only amounts differ from a remembered one, None where more differs.

    Raises:
        MarginError: an amount is at fault, which is then the only fault, since the remembered sheet has none
    """
    base = None if is_ragged(mark) else _sheets.latest(lambda sheet: _same_contracts(sheet, mark))
    if base is None:
        return None
    rows = raw_rows(raw)
    top = header_at(rows)
    chosen = (base.positions.row - 2).tolist()
    below = rows[base.top + 1 :]
    keys = Header(rows[top], names=POSITIONS).keys
    if top != base.top or any(keys[i] != key for key, i in base.at.items()):
        return None
    columns = {key: list(plain_rows([[row[i] for row in below]])[0]) for key, i in base.at.items()}
    if len(chosen) != len(below):
        if not _blank_elsewhere(columns.values(), chosen, len(below)):
            return None
        columns = {key: [column[n] for n in chosen] for key, column in columns.items()}
    cells = Table(Header(()), columns, base.positions.row.tolist())
    faults = Faults()
    quantity, in_usd = read_quantities(cells, base.positions, faults)
    faults.stop()
    positions = replace(base.positions, quantity=quantity, in_usd=in_usd)
    _fix(positions)
    return replace(base, mark=mark, positions=positions)


def _same_contracts(sheet: _Sheet, mark: Fingerprint) -> bool:
    """Whether two ranges differ only in the columns of amounts; the first entry is the number of rows."""
    amounts = {i + 1 for i in sheet.at.values()}
    return len(sheet.mark) == len(mark) and all(i in amounts or old == new for i, (old, new) in enumerate(zip(sheet.mark, mark)))


def _blank_elsewhere(columns: Any, chosen: Sequence[int], count: int) -> bool:
    """Whether the rows left out as blank still have no amount: a row with one is not blank, and a fault."""
    left_out = sorted(set(range(count)) - set(chosen))
    return all(is_blank(column[n]) for column in columns for n in left_out)


# ---- the cells of a range as bytes, equal only where every cell has the same type and value


class _Other(Exception):
    """A cell of a type that the pickler does not accept."""


class _Writer(pickle.Pickler):
    """A pickler of plain cells, without a memo, so that equal cells give equal bytes whether or not they are one object."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.fast = True

    def reducer_override(self, cell: Any) -> Any:
        """Called for every object that is not a builtin, classes included; a subclass is never accepted."""
        if type(cell) in WRITTEN or any(cell is kind for kind in WRITTEN):  # a cell need not be comparable with a class
            return NotImplemented
        raise _Other


def fingerprint(raw: Any) -> Fingerprint | None:
    """Bytes that differ for any two ranges that differ in the type or the value of one cell.

    1, 1.0 and TRUE differ; so do 0.0 and −0.0, and equal instants of two time zones. Two NaN of the same bits are the same.

    Args:
        raw: cells as any face passes them

    Returns:
        the number of rows, then one entry per column (rows of different lengths are one entry together); None where a cell is of
        an unknown type, so that the range must be read anew
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
    """Whether the rows of the range have different lengths, so that the bytes are not column by column."""
    return RAGGED in mark[1:2] or len(mark) == 1


def _written(cells: Any) -> bytes:
    file = io.BytesIO()
    _Writer(file).dump(cells)
    return file.getvalue()


def _column(cells: Sequence[Any]) -> bytes:
    """One column as bytes."""
    try:
        return _written(cells)
    except _Other:  # most likely dates
        pass
    kinds = set(map(type, cells))
    if kinds & {list, tuple, dict}:
        raise _Other
    others = kinds - {str, NoneType}
    if len(others) != 1 or not all(issubclass(kind, dt.datetime) for kind in others):
        return b"mixed" + _written([_parts(cell) if isinstance(cell, dt.datetime) else cell for cell in cells])
    try:
        dates = cells[1:]  # usually the first is a heading, and the only cell that is no date
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


def _few(cells: Sequence[Any], bare: Sequence[Any]) -> bytes:
    """A column of dates of one kind and zone, with texts and blanks: each distinct date once, with its positions.

    Args:
        bare: the same without their zone, so that they are equal only where they are the same: two hours of different days may
            be equal in their zone, which is also slow to query
    """
    first = dict(zip(bare, cells))
    place = {key: n for n, key in enumerate(first)}
    distinct = [_parts(cell) if isinstance(cell, dt.datetime) else cell for cell in first.values()]
    return _written((distinct, tuple(map(place.__getitem__, bare))))


def _parts(cell: dt.datetime) -> tuple[Any, ...]:
    """A date as its kind, its fields and its distance from UTC, which is all that readers use of it."""
    kind = type(cell)
    return kind.__module__, kind.__qualname__, *_FIELDS(cell), str(cell.utcoffset()) if cell.tzinfo else ""
