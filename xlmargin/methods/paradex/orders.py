"""The open orders of a book: what each would add to a position, and the price at which it would."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import SPOT
from xlmargin.book.positions import distinct
from xlmargin.errors import MarginError
from xlmargin.margin.netting import total_by
from xlmargin.margin.valuation import Case
from xlmargin.pricing.arrays import Floats, Ints


class Orders(NamedTuple):
    """The open orders of A accounts in K instruments, O of them.

    Attributes:
        rows: index of each order's row in the book (O,)
        account: index of each order's account (O,)
        instrument: that of the account's position in the same contract where it has one, else the row's own (O,)
        units: signed, + buys [units of the underlying] (O,)
        limit: the cell Entry of the row, the mark where it is blank [account currency per unit] (O,)
        buys, sells: sizes of all orders to buy and to sell, both positive [units of the underlying] (A, K)
    """

    rows: Ints
    account: Ints
    instrument: Ints
    units: Floats
    limit: Floats
    buys: Floats
    sells: Floats

    def none(self) -> Orders:
        """No orders of the same accounts and instruments, for what positions need alone."""
        empty, nothing = np.empty(0, np.int64), np.zeros_like(self.buys)
        return Orders(empty, empty, empty, np.empty(0), np.empty(0), nothing, nothing)


def orders_of(case: Case) -> Orders:
    """The rows of a book that are open orders.

    Raises:
        MarginError: an order is one of spot, for which Paradex's engine has no margin
    """
    book, held = case.book, case.held
    rows = np.flatnonzero(book.order)
    for p in rows[held.kind[book.instrument[rows]] == SPOT].tolist():
        raise MarginError(
            f"row {book.row[p]}: {book.names[p]} is an open order of spot, for which Paradex's engine has no margin: take the row out"
        )
    account, instrument = book.account[rows], _instruments(book, rows)
    units = book.quantity[rows] * held.multiplier[instrument]
    limit = np.where(np.isfinite(book.entry[rows]), book.entry[rows], case.marks[instrument])
    shape = len(book.accounts), len(held)
    at = account * shape[1] + instrument
    buys, sells = (total_by(at, np.maximum(side, 0.0), shape[0] * shape[1]).reshape(shape) for side in (units, -units))
    return Orders(rows, account, instrument, units, limit, buys, sells)


def _instruments(book: Book, rows: Ints) -> Ints:
    """The instrument of each of some rows: where the account holds the contract, the one held, whose market counts (N,)."""
    held, instrument = book.instruments, book.instrument
    if not len(rows):
        return instrument[rows]
    terms = (held.underlying, held.kind, held.strike, held.expiry, held.multiplier, held.inverse, held.american)
    contract = distinct(terms)[0]
    key = book.account * (int(contract.max()) + 1) + contract[instrument]
    positions = np.flatnonzero(~book.order)
    of_key = np.full(int(key.max()) + 1, -1, np.int64)
    of_key[key[positions]] = instrument[positions]
    found = of_key[key[rows]]
    return np.where(found >= 0, found, instrument[rows])
