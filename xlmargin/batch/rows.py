"""Rows of many accounts: every distinct row as read by the sheet's own reader, and the account of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from xlmargin.batch.product import order_of
from xlmargin.batch.scatter import ROW, labels
from xlmargin.batch.source import ACCOUNT, ENTRY, MISFIT, QUANTITY, USD_SIZE, arrow
from xlmargin.book.book import make_book
from xlmargin.book.market import Market
from xlmargin.book.positions import Positions, differing, keys_of, told_apart
from xlmargin.errors import Fault, Faults
from xlmargin.files.dialects.meanings import columns_of
from xlmargin.files.dialects.numerals import COMMA, POINT, Dialect
from xlmargin.files.texts import TOO_WIDE
from xlmargin.pricing.arrays import Bools, Floats, Ints
from xlmargin.sheet.cells import LARGEST, error_text, is_blank, plain_number
from xlmargin.sheet.checks import keep_rows
from xlmargin.sheet.ranges.positions import read_positions

SIGNS = (None, -1.0, 0.0, 1.0, "?")  # placeholders of a row's quantity while distinct rows are read
BLANK, UNREADABLE = 0, 4
WHOLE_FORM = "^[-+]?[0-9]+$"
COMMA_FORM = r"^[-+]?([0-9]+|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?$"
MOST_CODES = 1 << 40


class Wrong(NamedTuple):
    """A fault of an account, "" where it holds for every method."""

    account: str
    method: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of accounts that have no fault, sorted by account (P,).

    Attributes:
        accounts: labels, sorted (A,)
        account: index of each row's account, ascending (P,)
        row: row of the file, counted from the header as 1 (P,)
        quantity: signed; an amount of USD where the distinct row says so (P,)
        entry: entry price, NaN where there is none (P,)
        like: distinct row that each row is like but for account, size and entry (P,)
        distinct: the distinct rows (D,)
        unpriced: faults of distinct rows without a vol, by distinct row, for methods that need one
        wrong: faults of the accounts that are left out
        left_out: those accounts
    """

    accounts: list[str]
    account: Ints
    row: Ints
    quantity: Floats
    entry: Floats
    like: Ints
    distinct: Positions
    unpriced: dict[int, Fault]
    wrong: list[Wrong]
    left_out: tuple[str, ...]

    def without(self, gone: Bools) -> Rows:
        """The rows of the other accounts, (A,)."""
        kept = ~gone[self.account]
        number = np.cumsum(~gone) - 1
        columns = {name: getattr(self, name)[kept] for name in ("row", "quantity", "entry", "like")}
        accounts = [name for name, out in zip(self.accounts, gone) if not out]
        return replace(self, accounts=accounts, account=number[self.account[kept]], **columns)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as codes of its distinct cells (P,); the last cell is the blank."""

    codes: Ints
    cells: list[Any]

    @property
    def blank(self) -> Bools:
        """Whether each cell of the column is blank (P,)."""
        return np.array([is_blank(cell) for cell in self.cells], np.bool_)[self.codes]


def _column(table: Any, heading: str, dialect: Dialect | None) -> _Column:
    """Codes and cells of a column; cells of a CSV file as the reader of such files gives them."""
    pa = arrow("")
    whole = table.column(heading).combine_chunks()
    if not pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_encode()
    cells = whole.dictionary.to_pylist()
    codes = whole.indices.fill_null(len(cells)).to_numpy(zero_copy_only=False).astype(np.int64)
    return _Column(codes, [*_cells(cells, heading, dialect), None])


def _cells(cells: list[Any], heading: str, dialect: Dialect | None) -> list[Any]:
    """The cells of a column; texts of a CSV file as its reader gives them."""
    if dialect is None:
        return cells
    (column,) = columns_of([heading])
    return [column.cell(cell, dialect) if isinstance(cell, str) else cell for cell in cells]


def _numbers(table: Any, heading: str, dialect: Dialect | None) -> tuple[Floats, Bools]:
    """A column of numbers (P,), NaN where blank or unreadable, and where it is unreadable."""
    pa, compute = arrow(""), arrow("compute")
    column = table.column(heading)
    if pa.types.is_floating(column.type):
        values = column.to_numpy().astype(np.float64)
        return values, np.abs(values) > LARGEST
    if dialect is not None:
        trimmed = compute.utf8_trim_whitespace(column)
        filled = compute.if_else(compute.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
        try:
            values = _plain(filled, dialect).cast(pa.float64()).to_numpy()
        except pa.ArrowInvalid:
            values = np.array([np.inf])
        if not np.isinf(values).any() and not (np.isnan(values) & filled.is_valid().to_numpy()).any():
            return values, np.abs(values) > LARGEST
    known = _column(table, heading, dialect)
    read = [None if isinstance(cell, (str, bool)) else plain_number(cell) for cell in known.cells]
    values = np.array([np.nan if value is None else value for value in read])[known.codes]
    return values, np.isnan(values) & ~known.blank


def _plain(texts: Any, dialect: Dialect) -> Any:
    """Numbers as Arrow casts them, with a decimal point and nothing between thousands.

    Raises:
        ArrowInvalid: one of them needs a closer look
    """
    pa, compute = arrow(""), arrow("compute")
    if dialect.decimal == POINT or (not dialect.decimal and dialect.delimiter == COMMA):
        return texts
    form = COMMA_FORM if dialect.decimal == COMMA else WHOLE_FORM
    if not compute.all(compute.match_substring_regex(texts, form), min_count=0).as_py():
        raise pa.ArrowInvalid("marks between thousands, or none that decides")
    return compute.replace_substring(compute.replace_substring(texts, POINT, ""), COMMA, POINT)


def read_rows(table: Any, dialect: Dialect | None, market: Market, size_heading: str = QUANTITY) -> Rows:
    """Read the rows of a shard.

    Args:
        table: known headings as columns, and the rows' numbers
        dialect: of a CSV file, whose cells are texts; None where cells have types
        market: market by which the rows are priced
        size_heading: of the quantities, as it stands in the file

    Returns:
        the rows of accounts without a fault, and the faults of the others
    """
    rows = table.column(ROW).to_numpy()
    headings = [name for name in table.column_names if name not in (ROW, MISFIT, ACCOUNT, QUANTITY, USD_SIZE, ENTRY)]
    amounts = [heading for heading in (QUANTITY, USD_SIZE) if heading in table.column_names]
    entry, no_entry = _optional(table, ENTRY, dialect)
    names = labels(table.column(ACCOUNT)) if ACCOUNT in table.column_names else None
    accounts, account = _accounts(names, len(rows))
    size = np.zeros(len(rows))
    columns = [_column(table, heading, dialect) for heading in headings]
    for heading in amounts:
        amount, unreadable = _numbers(table, heading, dialect)
        size += np.nan_to_num(np.abs(amount))  # a row that has both is a fault
        signs = np.where(np.isnan(amount), BLANK, np.nan_to_num(np.sign(amount)) + 2).astype(np.int64)
        signs[unreadable] = UNREADABLE
        columns.append(_Column(signs, list(SIGNS)))
    like, first = _distinct(columns)
    shown = [size_heading if heading == QUANTITY else heading for heading in (*headings, *amounts)]
    raw = [shown, *([column.cells[column.codes[p]] for column in columns] for p in first.tolist())]
    found = _read(raw, market)
    account_error = np.array([error_text(name) is not None for name in accounts], np.bool_)[account]
    said = np.isfinite(entry) | no_entry | (np.array([name != "" for name in accounts], np.bool_)[account])
    wide = table.column(MISFIT).is_valid().to_numpy() if MISFIT in table.column_names else np.zeros(len(rows), np.bool_)
    bad = np.where(found.blank[like], said, found.bad[like]) | no_entry | account_error | wide
    counted = ~found.blank[like] | bad
    chosen = np.flatnonzero(bad)
    told = _told(table, chosen, dialect, market, size_heading)
    told += _of_the_range(found, rows[chosen], like[chosen], {fault.row for fault in told})
    at = dict(zip(rows[chosen].tolist(), account[chosen].tolist()))
    wrong = sorted((Wrong(accounts[at[fault.row]], "", fault) for fault in told), key=lambda wrong: (wrong.account, wrong.fault.row))
    gone = np.zeros(len(accounts), np.bool_)
    gone[account[bad]] = True
    there = np.zeros(len(accounts), np.bool_)
    there[account[counted]] = True
    left_out = tuple(name for name, out in zip(accounts, gone) if out)
    whole = Rows(accounts, account, rows, size, entry, found.at[like], found.kept, found.unpriced, wrong, left_out)
    kept = _sorted(whole, np.flatnonzero(counted & ~gone[account])).without(gone | ~there)
    return _agreed(kept, market)


def lone(positions: Positions) -> Positions:
    """Rows that cannot affect each other's market, whatever their accounts: each is put into an account of its own."""
    count = len(positions.row)
    return replace(positions, account=np.arange(count), accounts=("",) * count)


def _agreed(rows: Rows, market: Market) -> Rows:
    """The rows of one contract in one account in the one market that they have there, as further distinct rows."""
    known, like, count = rows.distinct, rows.like.copy(), len(rows.distinct.row)
    instrument, first, contract = told_apart(known)
    if len(first) == int(contract.max(initial=-1)) + 1:
        return rows
    at = np.flatnonzero(differing(rows.account, contract[instrument[like]], instrument[like], known.order[like])[1])
    if not len(at):
        return rows
    keys = keys_of(replace(_taken(known, like[at], {}), account=rows.account[at]))
    more = _taken(known, like[at][keys.first], keys.agreed)
    like[at] = count + keys.instrument
    columns: dict[str, Any] = {
        field.name: np.concatenate([getattr(known, field.name), getattr(more, field.name)])
        for field in fields(Positions)
        if isinstance(getattr(known, field.name), np.ndarray)
    }
    unpriced = make_book(lone(replace(more, row=np.arange(len(more.row)))), market, Faults()).unpriced
    return replace(
        rows,
        like=like,
        distinct=replace(known, **columns, names=[*known.names, *more.names]),
        unpriced=rows.unpriced | {count + fault.row: fault for fault in reversed(unpriced)},
    )


def _taken(positions: Positions, at: Ints, cells: dict[str, Floats]) -> Positions:
    """Some of the rows in this order, with other cells."""
    columns = {field.name: getattr(positions, field.name) for field in fields(Positions)}
    taken: dict[str, Any] = {name: column[at] for name, column in columns.items() if isinstance(column, np.ndarray)}
    return replace(positions, **(taken | cells), names=[positions.names[p] for p in at.tolist()])


def _sorted(rows: Rows, chosen: Ints) -> Rows:
    """The rows that count, with their signs, by account and, within one, in the order of the file."""
    if np.any(np.diff(rows.row[chosen]) < 0):  # odd lines of a CSV file come last
        chosen = chosen[np.argsort(rows.row[chosen])]
    chosen = chosen[order_of(rows.account[chosen])]
    columns = {name: getattr(rows, name)[chosen] for name in ("account", "row", "entry", "like")}
    return replace(rows, **columns, quantity=rows.quantity[chosen] * rows.distinct.quantity[columns["like"]])


def _optional(table: Any, heading: str, dialect: Dialect | None) -> tuple[Floats, Bools]:
    if heading in table.column_names:
        return _numbers(table, heading, dialect)
    return np.full(table.num_rows, np.nan), np.zeros(table.num_rows, np.bool_)


def _accounts(names: Any, count: int) -> tuple[list[str], Ints]:
    """Distinct labels, sorted, and the index of each row's among them."""
    if names is None:
        return [""], np.zeros(count, np.int64)
    known = names.combine_chunks().dictionary_encode()
    words = known.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    return [words[n] for n in order], rank[known.indices.to_numpy()]


def _distinct(columns: Sequence[_Column]) -> tuple[Ints, Ints]:
    """Index of the distinct row behind each row, and the first position of each distinct row."""
    key = np.zeros(len(columns[-1].codes), np.int64)
    span = 1
    for column in columns:
        key, span = key * len(column.cells) + column.codes, span * len(column.cells)
        if span > MOST_CODES:
            key = _factor(key)
            span = int(key.max(initial=0)) + 1
    like = _factor(key)
    first = np.empty(int(like.max(initial=-1)) + 1, np.int64)
    first[like[::-1]] = np.arange(len(like))[::-1]
    return like, first


def _factor(key: Ints) -> Ints:
    """Codes of whole numbers in the order in which they first appear, by a hash table (P,)."""
    codes = arrow("").array(key).dictionary_encode().indices.to_numpy()
    return np.asarray(codes, np.int64)


class _Read(NamedTuple):
    """The state of the distinct rows as they were given: blank, bad, or at a place among those kept."""

    blank: Bools
    bad: Bools
    at: Ints
    kept: Positions
    unpriced: dict[int, Fault]
    faults: list[Fault]


def _read(raw: list[list[Any]], market: Market) -> _Read:
    """The distinct rows by the sheet's own reader, and which of them have a fault."""
    count, found, later = len(raw) - 1, Faults(), Faults()
    typed = read_positions(raw, found)
    where = typed.row - 2
    blank, bad = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    blank[where] = False
    bad[[row - 2 for row in found.rows()]] = True
    readable = keep_rows(typed, ~bad[where])
    make_book(lone(readable), market, later)
    bad[[row - 2 for row in later.rows()]] = True
    blank[bad] = False  # rows that repeat the header, and totals, are not typed
    kept = keep_rows(typed, ~bad[where])
    at = np.full(count, -1, np.int64)
    at[kept.row - 2] = np.arange(len(kept.row))
    unpriced = {int(at[fault.row - 2]): fault for fault in reversed(make_book(lone(kept), market, Faults()).unpriced)}
    return _Read(blank, bad, at, kept, unpriced, [*found.faults, *later.faults])


def _told(table: Any, chosen: Ints, dialect: Dialect | None, market: Market, size_heading: str) -> list[Fault]:
    """Every fault of rows that have one, in the words of the sheet."""
    if not len(chosen):
        return []
    pa = arrow("")
    part = table.take(pa.array(chosen))
    headings = [name for name in table.column_names if name not in (ROW, MISFIT)]
    cells = [_cells(part.column(heading).to_pylist(), heading, dialect) for heading in headings]
    found, later = Faults(), Faults()
    for n, problem in enumerate(part.column(MISFIT).to_pylist() if MISFIT in part.column_names else (), 2):
        if problem is not None:
            found.add(n, "", f"the row {problem}", TOO_WIDE)
    shown = [size_heading if heading == QUANTITY else heading for heading in headings]
    typed = read_positions([shown, *map(list, zip(*cells))], found)
    unread = found.rows()
    sound = np.array([row not in unread for row in typed.row.tolist()], np.bool_)
    make_book(lone(keep_rows(typed, sound)), market, later)
    rows = part.column(ROW).to_numpy()
    faults = dict.fromkeys([*found.faults, *later.faults])
    return [fault._replace(row=int(rows[fault.row - 2])) for fault in faults if fault.row > 1]


def _of_the_range(found: _Read, rows: Ints, like: Ints, told: set[int]) -> list[Fault]:
    """The faults of rows that have none by themselves, as of a column with fractions and percents.

    Args:
        found: the distinct rows
        rows: the rows with a fault, counted from the header row as 1 (P,)
        like: their distinct rows (P,)
        told: the rows of which a fault is told
    """
    known = {fault.row - 2: fault for fault in reversed(found.faults)}
    return [known[d]._replace(row=row) for row, d in zip(rows.tolist(), like.tolist()) if row not in told and d in known]
