"""The contribution of each position row to a margin: alone, as its share of the whole, and by the saving without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book
from xlmargin.errors import MarginError
from xlmargin.margin.accounts import some_rows
from xlmargin.margin.slopes import Bumps, slope
from xlmargin.margin.valuation import Case
from xlmargin.methods import apart, case_of, margin_of, method_named, with_book
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.blocks import picked

STEP = 2.0**-14  # of a holding, by which its slope is measured: small against scenarios, large against rounding
CELLS = 2_000_000  # books × instruments of one pass: keeps the memory of a pass below some 100 MB
PER_CELL = 8  # losses by scenario and expiry that need as much as one cell
NOTHING = 1e-12  # of the gross position, that is a net of nothing


@dataclass(frozen=True, slots=True)
class Contributions:
    """The contributions of the position rows to a margin (P,), + where a row adds to it; 0 of open orders beside positions.

    Attributes:
        standalone: margin of the row alone
        contribution: its share; the shares add up to the margin
        incremental: margin less the margin without the row
        margin: of all accounts
    """

    standalone: Floats
    contribution: Floats
    incremental: Floats
    margin: float


def contributions(case: Case) -> Contributions:
    """The margin of a book shared out over its rows.

    The share is Euler's: a row's quantity × the change of its account's margin per unit more of its instrument, found
    by differentiating the statement. So it is the row's own loss in the scenario that binds, × the factors applied to it; scenarios that
    tie share equally, and so do other parts of which the largest counts, such as a short option minimum. Numbers that the
    statement takes as given (short units, spreads formed, net deltas) are measured by moving each holding a little up and
    down. A method without scenarios, such as a pairing of strategies, jumps where a position moves a little: there a
    holding's share is the mean of its margin alone and of the saving without it, by quantity over its rows. What these
    shares leave of the margin (fixed amounts, rates that grow with size, strategies of several legs) goes to the rows of
    the account in proportion to the size of their shares, or where all of these are 0 to their notional. Open orders that the method
    margins stay in every version of the book, so that what they cost is among the rest.

    Args:
        case: a book of A accounts, each margined on its own

    Returns:
        shares in the account currency, + where the row adds to the margin

    Raises:
        MarginError: the method cannot margin a row alone, or the rest without it
    """
    book = case.book
    if case.alone:
        return _of_accounts(book, [contributions(each) for each in case.alone])
    total = _margins(case)
    accounts = _Accounts(case)
    share = book.units * (accounts.slopes() if len(case.scenarios) else accounts.halves(total))
    weight = np.abs(share)
    for a, (held, orders) in enumerate(zip(accounts.rows, accounts.orders)):
        rows = held if len(held) else orders
        left = total[a] - share[rows].sum()
        if len(rows):
            share[rows] += left * _weights(weight[rows], book, rows)
    try:
        if apart(book, case.rules):
            alone, saved = _one_by_one(case)
        else:
            alone, saved = _alone(case), np.where(book.order, 0.0, total[book.account] - accounts.without(total))
    except MarginError as error:
        raise MarginError(f"a row alone, or the rest of the book without it, has no margin: {error}") from None
    return Contributions(alone, share, saved, float(total.sum()))


def _of_accounts(book: Book, each: Sequence[Contributions]) -> Contributions:
    """The contributions of the rows of each account to its margin, in the order of the sheet."""
    found = np.zeros((3, len(book.row)))
    for a, own in enumerate(each):
        found[:, book.account == a] = own.standalone, own.contribution, own.incremental
    standalone, contribution, incremental = found
    return Contributions(standalone, contribution, incremental, sum(own.margin for own in each))


def notional(book: Book) -> Floats:
    """Size of each row without its sign: units × spot, of futures and perpetuals × their own price (P,)."""
    held = book.instruments
    size: Floats = np.abs(book.units) * np.where(held.is_option, held.spot, held.level)[book.instrument]
    return size


def in_words(name: str, contribution: float, incremental: float, margin: float) -> str:
    """One sentence that says whether a row is a hedge.

    Args:
        name: of the row
        contribution, incremental, margin: as in `Contributions`
    """
    least = 1e-9 * max(abs(margin), 1.0)
    share = f", {contribution / margin:+.1%} of the margin" if abs(margin) > least else ""
    if incremental < -least:
        needed = f"without it the margin would be {-incremental:,.2f} higher"
        return (
            f"{name} adds to the margin{share}, yet hedges the rest: {needed}" if contribution > least else (f"{name} is a hedge: {needed}")
        )
    if incremental > least:
        saved = f"without it the margin would be {incremental:,.2f} lower"
        return (
            f"{name} hedges in part: its share lowers the margin{share}, but {saved}"
            if contribution < -least
            else (f"{name} adds to the margin: {saved}{share}")
        )
    if contribution < -least:
        return f"{name} is a hedge by its share{share}, but without it the margin would be the same"
    return f"{name} is neutral: without it the margin would be the same{share if contribution > least else ''}"


def _weights(weight: Floats, book: Book, rows: Ints) -> Floats:
    """Weights by which the rest goes to the rows of an account: the size of their shares, else notional, else equal."""
    for each in (weight, notional(book)[rows], np.ones(len(rows))):
        if each.sum() > 0.0:
            return np.asarray(each / each.sum(), np.float64)
    raise AssertionError("an account without rows has nothing to share")


def _margins(case: Case) -> Floats:
    """Initial margin of each account (A,)."""
    return np.broadcast_to(margin_of(case).initial.value, (len(case.book.accounts),))


class _Names(Sequence[str]):
    """Names of the rows of versions of a book, looked up only when one is asked for."""

    def __init__(self, names: Sequence[str], at: Ints) -> None:
        self._names, self._at = names, at

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[str]: ...
    def __getitem__(self, i: int | slice) -> str | Sequence[str]:
        return _Names(self._names, self._at[i]) if isinstance(i, slice) else self._names[int(self._at[i])]


def _rows_of(book: Book, at: Ints, version: Ints, count: int, quantity: Floats) -> Book:
    """A book whose accounts are versions of another: row `at` of it with a quantity in each version (N,)."""
    return Book(
        book.instruments,
        quantity,
        book.instrument[at],
        tuple(map(str, range(count))),
        version,
        book.row[at],
        book.order[at],
        book.entry[at],
        _Names(book.names, at),
        book.as_of,
        book.unpriced,
    )


def _batches(sizes: Sequence[int], width: int) -> Iterator[list[tuple[int, slice]]]:
    """Runs of the items of each account, so many that books × width stays below CELLS."""
    room = left = max(CELLS // max(width, 1), 1)
    batch: list[tuple[int, slice]] = []
    for a, size in enumerate(sizes):
        start = 0
        while start < size:
            stop = min(start + left, size)
            batch.append((a, slice(start, stop)))
            left -= stop - start
            start = stop
            if not left:
                yield batch
                batch, left = [], room
    if batch:
        yield batch


class _Accounts:
    """The accounts of a book, margined in versions many of which are the accounts of one pass."""

    def __init__(self, case: Case) -> None:
        self.case, self.book = case, case.book
        margined = case.book.order & method_named(case.rules.meta.name).margins_orders
        self.rows, self.orders = (self._by_account(np.flatnonzero(mask)) for mask in (~case.book.order, margined))
        expiries = len(np.unique(np.column_stack([case.book.instruments.underlying, case.book.instruments.years]), axis=0))
        self.width = max(len(case.book.instruments), max(map(len, self.rows), default=0), len(case.scenarios) * expiries // PER_CELL)

    def _by_account(self, rows: Ints) -> list[Ints]:
        """Some rows of the book, those of each account."""
        order = rows[np.argsort(self.book.account[rows], kind="stable")]
        ends = np.searchsorted(self.book.account[order], np.arange(len(self.book.accounts) + 1))
        return [order[start:stop] for start, stop in pairwise(ends)]

    def versions(self, blocks: Sequence[tuple[Ints, Floats]], *, orders: bool = True) -> Case:
        """One pass over versions of accounts.

        Args:
            blocks: rows of one account (n,), and the factor of each in each version (V, n), 0 without it
            orders: with the open orders of the account that the method margins
        """
        at: list[NDArray[Any]] = []
        version: list[NDArray[Any]] = []
        quantity: list[NDArray[Any]] = []
        count = 0
        for positions, factors in blocks:
            more = self.orders[int(self.book.account[positions[0]])] if orders else positions[:0]
            rows, factor = np.append(positions, more), np.hstack([factors, np.ones((len(factors), len(more)))])
            where, which = np.nonzero(factor == 0.0)
            gone = where * len(rows) + which  # of all versions × rows, one after the other
            columns = (
                np.tile(rows, len(factor)),
                np.repeat(np.arange(count, count + len(factor)), len(rows)),
                (self.book.quantity[rows] * factor).ravel(),
            )
            for kept, column in zip((at, version, quantity), columns):
                kept.append(np.delete(column, gone) if len(gone) else column)
            count += len(factor)
        return with_book(
            self.case, _rows_of(self.book, np.concatenate(at), np.concatenate(version), count, np.concatenate(quantity)), self.case.array
        )

    def slopes(self) -> Floats:
        """The change of the account's margin per unit more of each row's instrument (P,)."""
        result = np.zeros(len(self.book.row))
        held = [np.unique(self.book.instrument[rows]) for rows in self.rows]
        for batch in _batches(list(map(len, held)), 2 * self.width):
            blocks, bumps, count = [], [], 0
            for a, some in batch:
                factor, step = self._bumped(self.rows[a], held[a][some])
                many = len(step)
                blocks.append((self.rows[a], factor))
                bumps.append((np.full(many, count), count + 1 + np.arange(many), count + 1 + many + np.arange(many), step))
                count += len(factor)
            base, up, down, step = (np.concatenate(column) for column in zip(*bumps))
            found = slope(margin_of(self.versions(blocks)).initial, Bumps(base, up, down, step))
            done = 0
            for a, some in batch:
                mine = held[a][some]
                at = np.minimum(np.searchsorted(mine, self.book.instrument[self.rows[a]]), len(mine) - 1)
                there = mine[at] == self.book.instrument[self.rows[a]]
                result[self.rows[a][there]] = found[done + at[there]]
                done += len(mine)
        return result

    def _bumped(self, rows: Ints, instruments: Ints) -> tuple[Floats, Floats]:
        """Factors of the rows as they are and with more and less of each instrument (1 + 2H, n), and the step (H,) [units].

        Where the rows of an instrument net to nothing, its largest row alone is moved.
        """
        units = self.book.units[rows]
        mine = self.book.instrument[rows] == instruments[:, None]
        gross = mine * np.abs(units)
        flat = np.flatnonzero(np.abs(mine @ units) <= NOTHING * gross.sum(axis=1))
        mine[flat] &= np.arange(len(rows)) == gross[flat].argmax(axis=1)[:, None]
        factor = np.vstack([np.ones((1, len(rows))), 1.0 + STEP * mine, 1.0 - STEP * mine])
        return factor, 2.0 * STEP * (mine @ units)

    def margins(self, groups: Sequence[Ints], *, only: bool) -> list[Floats]:
        """Margins of each account without each group of its rows, or with that group only.

        Args:
            groups: of each account, the group of each of its rows, from 0 (n,)
        """
        counts = [int(group.max(initial=-1)) + 1 for group in groups]
        found = [np.zeros(count) for count in counts]
        for batch in _batches(counts, self.width):
            masks = [groups[a] == np.arange(some.start, some.stop)[:, None] for a, some in batch]
            margins = _margins(
                self.versions(
                    [(self.rows[a], (mask if only else ~mask).astype(np.float64)) for (a, _), mask in zip(batch, masks)], orders=not only
                )
            )
            for a, some in batch:
                found[a][some], margins = np.split(margins, [some.stop - some.start])
        return found

    @cached_property
    def without_rows(self) -> list[Floats]:
        """Margin of each account without each of its rows."""
        return self.margins([np.arange(len(rows)) for rows in self.rows], only=False)

    def halves(self, total: Floats) -> Floats:
        """Mean of the margin of each row's holding alone and of the saving without it, per unit of the holding (P,)."""
        groups = [np.unique(self.book.instrument[rows], return_inverse=True)[1] for rows in self.rows]
        single = all(np.array_equal(np.sort(group), np.arange(len(group))) for group in groups)
        without = (
            [rows[np.argsort(group)] for rows, group in zip(self.without_rows, groups)] if single else self.margins(groups, only=False)
        )
        result = np.zeros(len(self.book.row))
        for a, (alone, rest) in enumerate(zip(self.margins(groups, only=True), without)):
            units = self.book.units[self.rows[a]]
            net, gross = (np.bincount(groups[a], each, len(alone)) for each in (units, np.abs(units)))
            half, held = (alone + total[a] - rest) / 2.0, np.abs(net) > NOTHING * gross
            result[self.rows[a]] = np.divide(half, net, out=np.zeros(len(net)), where=held)[groups[a]]
        return result

    def without(self, total: Floats) -> Floats:
        """Margin of each row's account without the row, of open orders the account's as it is (P,)."""
        result = np.array(total)[self.book.account]
        there = np.bincount(self.book.account, minlength=len(total))
        for rows, margins in zip(self.rows, self.without_rows):
            result[rows] = margins
        last = ~self.book.order & (there[self.book.account] == 1) & (len(total) > 1)
        result[last] = 0.0  # the account is no more
        return result


def _alone(case: Case) -> Floats:
    """Margin of each row on its own, 0 of open orders (P,)."""
    book, held = case.book, case.book.instruments
    result = np.zeros(len(book.row))
    one_each = np.unique(held.underlying, return_index=True)[1]  # every underlying stays known to the method
    rows = np.flatnonzero(~book.order)
    width = max(1, int(np.sqrt(CELLS)))
    for start in range(0, len(rows), width):
        at = rows[start : start + width]
        kept, where = np.unique(np.concatenate([one_each, book.instrument[at]]), return_inverse=True)
        some = replace(
            _rows_of(book, at, np.arange(len(at)), len(at), book.quantity[at]),
            instruments=picked(held, kept),
            instrument=where[len(one_each) :],
        )
        result[at] = _margins(with_book(case, some, case.array[kept]))
    return result


def _one_by_one(case: Case) -> tuple[Floats, Floats]:
    """Margin of each row alone, and of all accounts less that without the row, each from a book of its own (P,)."""
    every, total = np.arange(len(case.book.row)), _margins(case).sum()
    result = np.zeros((2, len(every)))
    for p in np.flatnonzero(~case.book.order).tolist():
        alone, rest = (_margins(case_of(some_rows(case.book, at), case.rules)).sum() for at in (every[p : p + 1], np.delete(every, p)))
        result[:, p] = alone, total - rest
    return result[0], result[1]
