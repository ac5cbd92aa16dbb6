"""Tables of quotes by their columns: a venue's answer as CSV, the chains of Tardis.dev, the chains of OptionsDX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xlmargin.book.contracts import CALL, LONGEST, PUT, Contract, expiry_from_text
from xlmargin.errors import MarginError
from xlmargin.files.ranges import Grid
from xlmargin.methods.json_shape import Node
from xlmargin.sheet.cells import is_blank_row
from xlmargin.sheet.columns import Header
from xlmargin.venues.chain_answers import VENUES, has_quotes, venue_of_keys
from xlmargin.venues.quotes import ChainKeys
from xlmargin.venues.saved_chains import SavedRow, Told, time_of

TARDIS = ("exchange", "symbol", "timestamp", "mark_iv", "underlying_price")
OPTIONSDX = ("QUOTE_UNIXTIME", "UNDERLYING_LAST", "EXPIRE_DATE", "STRIKE", "C_IV", "P_IV")
NAMED_BY_FILE = re.compile(r"([A-Za-z]{1,6})(?=[_-])")  # spy_eod_202301.txt


class _Line(Node):
    """A row of a table; messages name its row and its column."""

    __slots__ = ()

    def _below(self, key: str) -> str:
        return f"{self.path}: {key}"


class NumberedRow(NamedTuple):
    """The cells of a row, and its number counted from the first row of the file as 1."""

    number: int
    cells: Sequence[Any]


Source = Callable[[Sequence[NumberedRow], Header, Told], list[SavedRow]]


def numbered(table: Grid) -> list[NumberedRow]:
    """The rows below the header, without blank ones."""
    filled = [NumberedRow(n, row) for n, row in enumerate(table, 1) if not is_blank_row(row)]
    return filled[1:]


def source_of(header: Header) -> Source | None:
    """The reader of the source that has these columns, None where it is not known."""
    if all(heading in header for heading in TARDIS):
        return _tardis
    if all(heading in header for heading in OPTIONSDX):
        return _optionsdx
    names = _venue_keys(header)
    venue = venue_of_keys(names)
    return _venue if venue and has_quotes(names, VENUES[venue]) else None


def _venue_keys(header: Header) -> set[str]:
    """The columns that are keys of the answers of any venue."""
    return {key for keys in VENUES.values() for key in _names(keys) if key in header}


def _names(keys: ChainKeys) -> list[str]:
    """The columns of a venue's answer that count."""
    return [key for key in (keys.name, keys.forward, *keys.vol, *keys.price, *keys.indexes, *keys.times) if key]


def _lines(rows: Sequence[NumberedRow], header: Header, names: Sequence[str], told: Told) -> Iterator[_Line]:
    """The rows with the cells of some columns, by the names of the source."""
    at = {name: column for name in names if (column := header.find(name)) is not None}
    for row in rows:
        cells = {name: row.cells[column] if column < len(row.cells) else None for name, column in at.items()}
        yield _Line(cells, f"chain row {row.number}", told.file)


def _venue(rows: Sequence[NumberedRow], header: Header, told: Told) -> list[SavedRow]:
    """A venue's answer, a row per contract."""
    venue = venue_of_keys(_venue_keys(header))
    return [SavedRow(line, VENUES[venue], venue) for line in _lines(rows, header, _names(VENUES[venue]), told)]


def _tardis_keys(*, forward: bool, percent: bool) -> ChainKeys:
    """The columns of Tardis.dev; vols are those of the exchange, and its underlying price is a forward or an index."""
    level = "underlying_price"
    return ChainKeys(
        "symbol",
        level if forward else "",
        ("mark_iv",),
        ("mark_price",),
        () if forward else (level,),
        ("timestamp",),
        "options_chain",
        percent,
    )


EXCHANGES = {
    "deribit": ("deribit", _tardis_keys(forward=True, percent=True)),
    "okex-options": ("okx", _tardis_keys(forward=False, percent=False)),
    "bybit-options": ("bybit", _tardis_keys(forward=True, percent=False)),
    "binance-european-options": ("binance", _tardis_keys(forward=False, percent=False)),
}


def _tardis(rows: Sequence[NumberedRow], header: Header, told: Told) -> list[SavedRow]:
    """Tardis.dev, options_chain: a row per change of a contract's quote, times in microseconds."""
    found = []
    for line in _lines(rows, header, (*TARDIS, "mark_price", "local_timestamp"), told):
        exchange = line.text("exchange").lower()
        if exchange not in EXCHANGES:
            line.fail(f"exchange must be one of {', '.join(EXCHANGES)}, not {exchange!r}: its vols have no unit that is known")
        venue, keys = EXCHANGES[exchange]
        found.append(SavedRow(line, keys, venue, received=time_of(line.cells.get("local_timestamp")) or 0.0))
    if len({row.venue for row in found}) > 1:
        raise MarginError(f"{told.file} holds chains of several exchanges: keep the rows of one")
    return found


def _optionsdx(rows: Sequence[NumberedRow], header: Header, told: Told) -> list[SavedRow]:
    """OptionsDX: a row holds the call and the put of a strike; the underlying is in the name of the file alone."""
    named = NAMED_BY_FILE.match(Path(told.file).name)
    if named is None:
        raise MarginError(
            f"{told.file}: OptionsDX names the underlying in the name of its files alone: keep that name, such as spy_eod_202301.txt"
        )
    underlying = named[1].upper()
    told.say(f"its quotes are those of {underlying}, as its name says")
    found = []
    for line in _lines(rows, header, (*OPTIONSDX, "EXPIRE_UNIX"), told):
        expiry, strike = _expiry(line), line.price("STRIKE")
        if strike is None:
            line.fail("STRIKE is blank: remove the row")
        for kind, vol in ((CALL, "C_IV"), (PUT, "P_IV")):
            keys = ChainKeys("", "", (vol,), (), ("UNDERLYING_LAST",), ("QUOTE_UNIXTIME",), "OptionsDX")
            found.append(SavedRow(line, keys, "", contract=Contract(underlying, kind, strike, expiry, inverse=False)))
    return found


def _expiry(line: Node) -> float:
    """The time at which a row's contracts expire, seconds since 1970 UTC."""
    if line.has("EXPIRE_UNIX"):
        return line.number("EXPIRE_UNIX")
    cell = line.raw("EXPIRE_DATE")
    found = expiry_from_text(cell) if isinstance(cell, str) and len(cell) <= LONGEST else None
    if found is None:
        line.fail(f"EXPIRE_DATE must be a date such as 2023-01-20, not {cell!r}")
    return found
