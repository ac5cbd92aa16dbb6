"""The position rows as typed columns, the rows that are one instrument, and the market of a contract in each account.

The rows of one contract in one account are one position, whatever market they give, so the contract has one market there:
for each of the cells Spot, Forward, IV, Price, Coin price, Delta and 1 … 16 the mean of the distinct values of its rows. A blank
cell does not count: if one row gives Price and another IV, the contract has both; if one gives a Spot and another none, it has
that Spot, not the market range's. But a row that could not be priced alone is still a fault. Cells that do not concern a
contract do not count either: IV of all but options, Forward of spot and of futures and perpetuals that have a Price. Open
orders are not positions and do not count, and no account affects the market of another. So the market depends neither on
the order of the rows, nor on their signs, nor on the number of rows of a position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL, SPOT, instrument_name
from xlmargin.pricing.arrays import Bools, Floats, Ints

SCENARIO_COUNT = 16  # columns 1 … 16 of a desk's own risk array
CELLS = {
    "spot": "Spot",
    "price": "Price",
    "coin_price": "Coin price",
    "forward": "Forward",
    "vol": "IV",
    "delta": "Delta",
}  # a row's market

Words = NDArray[np.uint64]
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: multiplying by it spreads neighbours widely
FOLD = np.uint64(29)
ROOM = 2  # slots per row, at least: few rows share a slot by chance
ROUNDS = 32


@dataclass(frozen=True, slots=True)
class Positions:
    """The position rows as typed columns (P,); NaN where a cell is blank.

    Attributes:
        row: row in the sheet, counted from the header as 1
        underlyings: distinct upper-case names, alphabetical (U,)
        underlying: index into `underlyings`
        kind: SPOT, FUTURE, PERPETUAL, CALL or PUT
        strike: [account currency]
        expiry: seconds since 1970 UTC
        years: given by DTE, else NaN
        days: given by DTE beside a date, which counts and must agree with them, else NaN
        quantity: signed, + long [units of the underlying / multiplier, USD where `in_usd`]
        in_usd: whether the quantity is the amount of USD of an inverse future or perpetual
        multiplier: units of the underlying per unit of quantity
        spot, forward, vol, price: given on the row, else NaN
        coin_price: mark of an inverse option, NaN where none is given [coin per unit]
        inverse: settled in the coin
        accounts: distinct account labels (A,)
        account: index into `accounts`
        order: an open order, not a position
        entry: price at which the position was entered, else NaN
        american: exercised at any time
        delta: own composite delta per long unit, NaN where none is given
        array: own risk array per long unit, losses positive (P, 16), NaN where none is given
        names: instrument as the row names it
    """

    row: Ints
    underlyings: tuple[str, ...]
    underlying: Ints
    kind: Ints
    strike: Floats
    expiry: Floats
    years: Floats
    days: Floats
    quantity: Floats
    in_usd: Bools
    multiplier: Floats
    spot: Floats
    forward: Floats
    vol: Floats
    price: Floats
    coin_price: Floats
    inverse: Bools
    accounts: tuple[str, ...]
    account: Ints
    order: Bools
    entry: Floats
    american: Bools
    delta: Floats
    array: Floats
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class RowNames(Sequence[str]):
    """The instrument names of position rows, each made only on access, since a book may have many rows.

    Attributes:
        typed: the Instrument cell of each row, "" where the row names its contract by columns (P,)
        underlying, kind, strike, expiry: the contract of each row (P,)
        days: days to expiry that the row gives instead of a date, else NaN (P,)
    """

    typed: Sequence[str]
    underlying: Sequence[str]
    kind: Ints
    strike: Floats
    expiry: Floats
    days: Floats

    def __len__(self) -> int:
        return len(self.typed)

    def __iter__(self) -> Iterator[str]:
        return iter([typed or self[p] for p, typed in enumerate(self.typed)])

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [self[p] for p in range(*at.indices(len(self)))]
        return self.typed[at] or instrument_name(
            self.underlying[at], int(self.kind[at]), float(self.strike[at]), float(self.expiry[at]), float(self.days[at])
        )


class Mixed(NamedTuple):
    """Rows of contracts that differ in a cell, blanks too: its heading, the rows' positions (n,), and the values that count (n,)."""

    heading: str
    at: Ints
    mean: Floats


class Keys(NamedTuple):
    """The instruments of position rows, found once for as long as only amounts and the market change.

    Attributes:
        instrument: index of each row's instrument (P,)
        first: first row of each instrument (K,)
        agreed: cells of each instrument by name, where rows of one contract differ; nothing where none do
        mixed: the rows that differ
    """

    instrument: Ints
    first: Ints
    agreed: dict[str, Floats]
    mixed: tuple[Mixed, ...]


def keys_of(positions: Positions) -> Keys:
    """The distinct instruments of positions; an account has one per contract, even where its rows give different markets."""
    instrument, first, contract = told_apart(positions)
    if len(first) == int(contract.max(initial=-1)) + 1:  # no contract has two markets
        return Keys(instrument, first, {}, ())
    group, differ = differing(positions.account, contract[instrument], instrument, positions.order)
    if not differ.any():  # the market differs only from account to account
        return Keys(instrument, first, {}, ())
    count = int(group.max()) + 1
    columns: dict[str, Floats] = {}
    mixed: list[Mixed] = []
    for name, heading in CELLS.items():
        cells = np.where(_silent(name, positions.kind, columns), np.nan, getattr(positions, name))
        columns[name], found = _agreed(heading, group, count, cells)
        mixed += found
    own = positions.array.copy()
    for n in range(own.shape[1]) if np.isfinite(own).any() else ():
        own[:, n], found = _agreed(str(n + 1), group, count, own[:, n])
        mixed += found
    instrument, first = distinct((*_terms(positions), *columns.values(), *own.T))
    agreed = {name: column[first] for name, column in columns.items()} | {"array": own[first]}
    return Keys(instrument, first, agreed, tuple(mixed))


def _silent(name: str, kind: Ints, columns: dict[str, Floats]) -> Bools:
    """Rows that a cell does not concern, given the columns before it (P,)."""
    silent = np.zeros(len(kind), np.bool_)
    if name == "forward":
        silent = (kind == SPOT) | ((kind < CALL) & np.isfinite(columns["price"]))
    elif name == "vol":
        silent = kind < CALL
    return silent


def _agreed(heading: str, group: Ints, count: int, cells: Floats) -> tuple[Floats, list[Mixed]]:
    """The value of a cell that counts for each row, the mean over the rows of its group (P,)."""
    mean, number = mean_of_distinct(group, cells, count)
    blank = np.bincount(group[np.isnan(cells)], minlength=count) > 0
    at = np.flatnonzero((number + blank > 1)[group] & (number > 0)[group])
    return mean[group], [Mixed(heading, at, mean[group[at]])] if len(at) else []


def told_apart(positions: Positions) -> tuple[Ints, Ints, Ints]:
    """The contracts and markets of rows, before rows of one contract are given one market.

    Returns:
        index of each row's contract and market (P,), the first row of each (K,), and its contract (K,)
    """
    terms, own = _terms(positions), positions.array.T if np.isfinite(positions.array).any() else ()
    index, first = distinct((*terms, *(getattr(positions, name) for name in CELLS), *own))
    return index, first, distinct([column[first] for column in terms])[0]


def differing(account: Ints, contract: Ints, market: Ints, order: Bools) -> tuple[Ints, Bools]:
    """The position that each row belongs to, and whether its rows give several markets, both (P,)."""
    group, first = distinct((account, contract, order))
    pairs = distinct((group, market))[1]
    return group, (np.bincount(group[pairs], minlength=len(first)) > 1)[group]


def _terms(positions: Positions) -> tuple[NDArray[Any], ...]:
    """The terms of the contracts as columns (P,)."""
    years = np.where(np.isfinite(positions.years), positions.years, -1.0)
    return (
        positions.underlying,
        positions.kind,
        positions.strike,
        positions.expiry,
        positions.multiplier,
        positions.inverse,
        positions.american,
        years,
    )


# ---- the distinct rows of any table, found without a Python loop over its rows, and means over distinct values


def distinct(columns: Sequence[NDArray[np.generic]]) -> tuple[Ints, Ints]:
    """Index of the distinct row of each row, and the first position of each distinct row.

    Rows are the same where all their columns are, bit by bit as floats: NaN equals NaN, and −0 equals 0.

    Args:
        columns: numbers or booleans, each (P,)

    Returns:
        index (P,), numbered in the order in which they first appear, and first rows (K,)
    """
    count = len(columns[0])
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    with np.errstate(over="ignore"):  # words of 64 bits overflow, which mixes them
        return _numbered(_first_alike(*_mixed(columns)))


def mean_of_distinct(group: Ints, values: Floats, count: int) -> tuple[Floats, Ints]:
    """Mean of the distinct values of each group, independent of the order of the values and of repeated values.

    Args:
        group: of each value, from 0 (N,)
        values: NaN does not count (N,)
        count: number of groups

    Returns:
        means, NaN for a group without a value, and the number of distinct values of each group, both (count,)
    """
    told = np.flatnonzero(np.isfinite(values))
    order = told[np.lexsort((values[told], group[told]))]
    of, value = group[order], values[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(of) != 0) | (value[1:] != value[:-1])
    number = np.bincount(of[new], minlength=count)
    total = np.asarray(np.bincount(of[new], value[new], count), np.float64)
    return np.divide(total, number, out=np.full(count, np.nan), where=number > 0), number.astype(np.int64)


def _mixed(columns: Sequence[NDArray[np.generic]]) -> tuple[Words, list[Words]]:
    """One word per row, equal for equal rows (P,), and the columns that are not constant as words."""
    told = [column for column in columns if not _is_one(column)]  # a constant column distinguishes no rows
    words = [np.add(column, 0.0, dtype=np.float64).view(np.uint64) for column in told]
    turned = np.empty(len(columns[0]), np.uint64)
    mixed, factor = np.full(len(columns[0]), ODD), int(ODD)
    for word in words:
        mixed += np.multiply(word, np.uint64(factor), out=turned)
        factor = (factor * int(ODD) + 2) % 2**64
    mixed ^= mixed >> FOLD
    mixed *= ODD
    return mixed, words


def _numbered(same: Ints) -> tuple[Ints, Ints]:
    """Numbers in the order of first appearance (P,) and first rows (K,), from the first row that equals each row."""
    leads = same == np.arange(len(same))
    return (np.cumsum(leads) - 1)[same], np.flatnonzero(leads)


def _is_one(column: NDArray[np.generic]) -> bool:
    """Whether a column is constant, bit by bit."""
    bits = column.view(f"u{column.dtype.itemsize}") if column.flags.c_contiguous else column
    return bool((bits == bits[0]).all())


def _first_alike(mixed: Words, words: list[Words]) -> Ints:
    """The first row that equals each row (P,); rows that fall into one slot by chance are tried again with another slot."""
    count = len(mixed)
    width = (ROOM * count - 1).bit_length()
    bits = np.uint64(64 - width)
    result, left = np.empty(count, np.int64), np.arange(count)
    slots = np.empty(1 << width, np.int32 if count < 2**31 else np.int64)
    turn = mixed
    for _ in range(ROUNDS):
        slot = (turn >> bits).astype(np.int64)
        slots[slot[::-1]] = left[::-1]  # the first row of a slot is written last, and stays
        lead = slots[slot]
        alike = np.ones(len(left), np.bool_)
        for word in words:
            alike &= word[lead] == (word if len(left) == count else word[left])
        result[left[alike]] = lead[alike]
        left = left[~alike]
        if not len(left):
            return result
        turn = turn[~alike] * ODD + ODD
        turn ^= turn >> FOLD
    return _one_by_one(result, left, words)


def _one_by_one(result: Ints, left: Ints, words: list[Words]) -> Ints:
    """The remaining rows, by a dictionary."""
    seen: dict[bytes, int] = {}
    for row in left.tolist():
        result[row] = seen.setdefault(b"".join(word[row].tobytes() for word in words), row)
    return result
