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
from xlmargin.book.distinct import distinct, mean_of_distinct
from xlmargin.pricing.arrays import Bools, Floats, Ints

SCENARIO_COUNT = 16  # columns 1 … 16 of a desk's own risk array
CELLS = {"spot": "Spot", "price": "Price", "forward": "Forward", "vol": "IV", "delta": "Delta"}  # of a row's own market


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
