"""Profit and loss of many accounts that follows edits and ticks: only what an edit touches is worked out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book, Instruments
from xlmargin.margin.valued import version_of
from xlmargin.scenarios.risk_array import risk_array
from xlmargin.scenarios.scenarios import Scenarios

if TYPE_CHECKING:
    from scipy.sparse import csr_array


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EDITS = 1_000  # after so many the sums are made anew, so that their rounding never adds up


class Live:
    """A book under scenarios whose quantities and market change.

    Instruments are valued once per market and scenarios; an edit of quantities values nothing, and an edit of one row is added to
    the sums of its account.

    Attributes:
        book: P rows of A accounts in K instruments of U underlyings; open orders do not count
        scenarios: S scenarios

    Raises:
        MarginError: an option cannot be valued
    """

    def __init__(self, book: Book, scenarios: Scenarios) -> None:
        self.instruments, self.scenarios = book.instruments, scenarios
        self._accounts = len(book.accounts)
        self._instrument = book.instrument
        self._sum = book.account * len(book.instruments.underlyings) + book.instruments.underlying[book.instrument]
        self._units = np.array(book.units)
        self._held = self._holdings()
        self._value()

    def _holdings(self) -> csr_array:
        """One row for each account and underlying, its entries the sheet rows; sorted once, which accounts mostly are."""
        from scipy.sparse import csr_array

        sums = self._accounts * len(self.instruments.underlyings)
        self._order = np.argsort(self._sum, kind="stable")
        ends = np.concatenate([[0], np.cumsum(np.bincount(self._sum, minlength=sums))])
        shape = sums, len(self.instruments)
        return csr_array((self._units[self._order], self._instrument[self._order], ends), shape=shape)

    def _value(self) -> None:
        """Value the instruments, where they have no version yet, and every sum."""
        self.array = version_of((), self.instruments, self.scenarios, lambda: risk_array(self.instruments, self.scenarios))
        self._add_up()

    def _add_up(self) -> None:
        """Every sum from nothing."""
        self._held.data = self._units[self._order]
        self._pnl: Floats = self._held @ self.array
        self._edits = 0

    @property
    def units(self) -> Floats:
        """Units of the underlying in each row, (P,)."""
        return self._units.copy()

    @property
    def pnl(self) -> Floats:
        """Profit and loss per account, scenario and underlying, gains positive (A, S, U)."""
        shape = self._accounts, len(self.instruments.underlyings), len(self.scenarios)
        view = self._pnl.reshape(shape).transpose(0, 2, 1)
        view.flags.writeable = False
        return view

    @property
    def worst(self) -> Floats:
        """Sum over underlyings of the largest scenario loss, at least 0, per account (A,)."""
        losses: Floats = np.maximum(-self._pnl.min(axis=1, initial=0.0), 0.0).reshape(self._accounts, -1).sum(axis=1)
        return losses

    def hold(self, units: Floats) -> None:
        """Take other quantities for every row.

        Args:
            units: signed, in units of the underlying, 0 for open orders (P,)
        """
        self._units = np.array(units, np.float64)
        self._add_up()

    def edit(self, row: int, units: float) -> None:
        """Take another quantity for one row.

        Args:
            row: index of the row
            units: signed, in units of the underlying
        """
        change, self._units[row] = units - self._units[row], units
        self._edits += 1
        if self._edits >= EDITS:
            self._add_up()
        else:
            self._pnl[self._sum[row]] += change * self.array[self._instrument[row]]

    def tick(self, instruments: Instruments) -> None:
        """Take another market or another valuation time.

        Args:
            instruments: the same contracts in the same order, in their new market (K,)
        """
        assert len(instruments) == len(self.instruments)
        assert np.array_equal(instruments.underlying, self.instruments.underlying)
        self.instruments = instruments
        self._value()
