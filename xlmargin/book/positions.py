"""The position rows as typed columns, which of them are one instrument, and the one market of a contract in each account.

The rows of one contract in one account are one position, whatever market they carry, so the contract has one market there:
of each of the cells Spot, Forward, IV, Price, Delta and 1 … 16 the mean of the distinct values that its rows give. A blank
cell says nothing: if one row gives Price and another IV, the contract has both; if one gives a Spot and another none, it has
that Spot, not the market range's; yet a row that could not be priced alone is a fault as ever. Cells that do not concern a
contract say nothing either: IV of all but options, Forward of spot and of futures and perpetuals that have a Price. Open
orders are no positions and have no say, and no account has one in another's market. So neither the order of the rows
matters, nor their signs, nor over how many rows a position is split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL, SPOT
from xlmargin.pricing.arrays import Bools, Floats, Ints

SCENARIO_COUNT = 16  # columns 1 … 16 of a desk's own risk array
CELLS = {"spot": "Spot", "price": "Price", "forward": "Forward", "vol": "IV", "delta": "Delta"}  # of a row's own market

Words = NDArray[np.uint64]
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: multiplying by it spreads neighbours far apart
FOLD = np.uint64(29)
ROOM = 2  # slots per row, at least: not many rows share one by chance
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
        quantity: signed, + long [units of the underlying / multiplier]
        multiplier: units of the underlying per unit of quantity
        spot, forward, vol, price: given on the row, else NaN
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
    quantity: Floats
    multiplier: Floats
    spot: Floats
    forward: Floats
    vol: Floats
    price: Floats
    inverse: Bools
    accounts: tuple[str, ...]
    account: Ints
    order: Bools
    entry: Floats
    american: Bools
    delta: Floats
    array: Floats
    names: Sequence[str]


class Mixed(NamedTuple):
    """Rows of contracts that differ in a cell, blanks too: its heading, the rows' positions (n,), and what counts (n,)."""

    heading: str
    at: Ints
    mean: Floats


class Keys(NamedTuple):
    """Which rows of the positions hold the same: found once for as long as only amounts and the market change.

    Attributes:
        instrument: index of each row's instrument (P,)
        first: row that holds each instrument first (K,)
        agreed: cells of each instrument by name, where rows of one contract differ; nothing where none do
        mixed: those rows
    """

    instrument: Ints
    first: Ints
    agreed: dict[str, Floats]
    mixed: tuple[Mixed, ...]


def keys_of(positions: Positions) -> Keys:
    """The distinct instruments of positions; an account holds a contract in one of them, whatever its rows carry."""
    instrument, first, contract = told_apart(positions)
    if len(first) == int(contract.max(initial=-1)) + 1:  # no contract has two markets
        return Keys(instrument, first, {}, ())
    group, differ = differing(positions.account, contract[instrument], instrument, positions.order)
    if not differ.any():  # accounts differ, but none within itself
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
    """What counts of a cell of each row, where the rows of a group agree on the mean of their values (P,)."""
    mean, number = mean_of_distinct(group, cells, count)
    blank = np.bincount(group[np.isnan(cells)], minlength=count) > 0
    at = np.flatnonzero((number + blank > 1)[group] & (number > 0)[group])
    return mean[group], [Mixed(heading, at, mean[group[at]])] if len(at) else []


def told_apart(positions: Positions) -> tuple[Ints, Ints, Ints]:
    """What the rows hold and at which market, as they stand.

    Returns:
        index of each row's contract and market (P,), the row that holds each first (K,), and its contract (K,)
    """
    terms, own = _terms(positions), positions.array.T if np.isfinite(positions.array).any() else ()
    index, first = distinct((*terms, *(getattr(positions, name) for name in CELLS), *own))
    return index, first, distinct([column[first] for column in terms])[0]


def differing(account: Ints, contract: Ints, market: Ints, order: Bools) -> tuple[Ints, Bools]:
    """The position that each row belongs to, and whether its rows carry several markets (P,), (P,)."""
    group, first = distinct((account, contract, order))
    pairs = distinct((group, market))[1]
    return group, (np.bincount(group[pairs], minlength=len(first)) > 1)[group]


def _terms(positions: Positions) -> tuple[NDArray[Any], ...]:
    """What makes a contract, as columns (P,)."""
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
    """Index of the distinct row behind each row, and where each distinct row stands first.

    Rows are the same where all their columns are, bit by bit as floats: NaN equals NaN, and −0 equals 0.

    Args:
        columns: numbers or booleans, each (P,)

    Returns:
        index (P,), numbered in the order in which they first appear, and first rows (K,)
    """
    count = len(columns[0])
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    with np.errstate(over="ignore"):  # words of 64 bits turn over, which is what mixes them
        return _numbered(_first_alike(*_mixed(columns)))


def mean_of_distinct(group: Ints, values: Floats, count: int) -> tuple[Floats, Ints]:
    """Mean of the distinct values of each group: no order of the values changes it, and no value that comes twice.

    Args:
        group: of each value, from 0 (N,)
        values: NaN says nothing (N,)
        count: of groups

    Returns:
        means, NaN of a group without a value, and how many distinct values each group has, (count,) both
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
    """One word for each row that is the same for rows that are the same (P,), and the columns that differ as words."""
    told = [column for column in columns if not _is_one(column)]  # what is the same everywhere tells nothing apart
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
    """Numbers in the order of first appearance (P,), and the first rows (K,), of the first row that each row is like."""
    leads = same == np.arange(len(same))
    return (np.cumsum(leads) - 1)[same], np.flatnonzero(leads)


def _is_one(column: NDArray[np.generic]) -> bool:
    """Whether a column holds one value all through, bit by bit."""
    bits = column.view(f"u{column.dtype.itemsize}") if column.flags.c_contiguous else column
    return bool((bits == bits[0]).all())


def _first_alike(mixed: Words, words: list[Words]) -> Ints:
    """The first row that is like each row (P,); rows that fall into one slot by chance are tried again with another."""
    count = len(mixed)
    width = (ROOM * count - 1).bit_length()
    bits = np.uint64(64 - width)
    result, left = np.empty(count, np.int64), np.arange(count)
    slots = np.empty(1 << width, np.int32 if count < 2**31 else np.int64)
    turn = mixed
    for _ in range(ROUNDS):
        slot = (turn >> bits).astype(np.int64)
        slots[slot[::-1]] = left[::-1]  # of rows in one slot the first is written last, and stays
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
    """The rows that no turn has parted, by a dictionary."""
    seen: dict[bytes, int] = {}
    for row in left.tolist():
        result[row] = seen.setdefault(b"".join(word[row].tobytes() for word in words), row)
    return result
