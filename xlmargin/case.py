"""A book under the scenarios of one rulebook, and the margin that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book import Book
from xlmargin.history import History
from xlmargin.recent import fixed
from xlmargin.risk_array import marks, pnl_by_underlying
from xlmargin.rules import Rules
from xlmargin.scenarios import Scenarios
from xlmargin.statement import Line, given, not_modelled, times, weighted

__all__ = ["NOTHING_GIVEN", "Case", "Given", "Margin"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Margin:
    """What a method answers for A books.

    Parameters
    ----------
    initial, maintenance: the requirements, + required
    more: further lines of the statement, made when asked for
    option_value: value of options that the method credits against its requirement
    """

    initial: Line
    maintenance: Line
    more: Callable[[], tuple[Line, ...]]
    option_value: Line


class Given(NamedTuple):
    """What a desk gives a method beside the book and the parameters.

    Parameters
    ----------
    table: its own scenarios, for a method that takes them
    history: past closes and vols of the book's underlyings, for a method that reads them
    book: the book itself, for a method whose scenarios follow from its market
    """

    table: Scenarios | None = None
    history: History | None = None
    book: Book | None = None


NOTHING_GIVEN = Given()


@dataclass(frozen=True)
class Case:
    """A book under the scenarios of its rulebook.

    Parameters
    ----------
    scenarios: S scenarios, none for a rulebook without
    array: risk array of the book's instruments, gains positive (K, S)
    share: part of each account's position in each instrument that the scenarios act on (A, K)
    own_pnl: profit and loss (A, S, U) of a rulebook whose scenarios do not add up over positions, None of all others
    """

    book: Book
    rules: Rules
    scenarios: Scenarios
    array: Floats
    share: Floats
    own_pnl: Callable[[Case], Floats] | None = None

    def net_contracts(self, chosen: NDArray[np.bool_]) -> Floats:
        """Net units of each contract among the chosen instruments (K,), whatever market its rows carry (A, n)."""
        first = np.unique(self.book.instruments.contract, return_index=True)[1]
        return self.book.by_contract(self.book.units)[:, chosen[first]]

    @cached_property
    def units(self) -> Floats:
        """Net units of the underlying per account and instrument, open orders left out (A, K)."""
        return fixed(self.book.by_instrument(self.book.units))

    @cached_property
    def marks(self) -> Floats:
        """Mark of each instrument per unit (K,)."""
        return fixed(marks(self.book.instruments))

    @cached_property
    def pnl(self) -> Floats:
        """Profit and loss per account, scenario and underlying, (A, S, U)."""
        if self.own_pnl is not None:
            return fixed(self.own_pnl(self))
        return fixed(pnl_by_underlying(self.book.instruments, self.array, self.units * self.share))

    def losses(self, u: int, among: NDArray[np.bool_] | None = None) -> list[Line]:
        """The loss of one underlying in each scenario, down to the sheet row: S lines, losses positive.

        Parameters
        ----------
        among: the instruments that count (K,), all of the underlying's where left out
        """
        mine = self.book.instruments.underlying == u
        mine = mine if among is None else mine & among
        chosen = np.flatnonzero(mine)
        labels = [f"Scenario {name}: {text}" for name, text in zip(self.scenarios.names, self.scenarios.descriptions)]
        return weighted(labels, (self.units * self.share)[:, chosen], -self.array[chosen],
                        lambda s, a: self.loss_rows(mine, s, a), "quantity × loss per unit of each row")

    def loss_rows(self, chosen: NDArray[np.bool_], s: int, a: int) -> tuple[Line, ...]:
        """The loss of every row of the chosen instruments (K,) and one account in one scenario."""
        book = self.book
        mine = np.flatnonzero((book.account == a) & chosen[book.instrument] & ~book.order)
        return tuple(self._row(p, s, float(self.share[a, book.instrument[p]])) for p in mine.tolist())

    def _row(self, p: int, s: int, share: float) -> Line:
        """Quantity × loss per unit of one sheet row."""
        book, k = self.book, int(self.book.instrument[p])
        place = f"positions row {book.row[p]}"
        how = "units of the underlying" if share == 1.0 else f"units of the underlying, {share:.6g} of the position in use"
        return times(f"Row {book.row[p]}: {book.names[p]}", (
            given("Quantity", book.units[p] * share, how, source=place),
            given("Loss per unit", -self.array[k, s], self._valued(k, s), source=place)), source=place)

    def _valued(self, k: int, s: int) -> str:
        """How the loss per unit of an instrument in a scenario was found, with its numbers."""
        instruments, scenarios = self.book.instruments, self.scenarios
        u = int(instruments.underlying[k])
        if scenarios.how:
            return self._own_way(k, s)
        if scenarios.own_arrays and instruments.has_array[k]:
            return "the instrument's own risk array"
        weight = scenarios.weight[s, u]
        tail = "" if weight == 1.0 else f", weight {weight:g}"
        if not instruments.is_option[k]:
            return f"price {instruments.level[k]:,.10g} × move {scenarios.price[s, u]:+.6g}{tail}"
        move = f"price {scenarios.price[s, u]:+.6g}, vol {scenarios.vol_kind} {scenarios.vol[s, u]:+.6g}"
        return (f"Black-76 before less after, forward {instruments.forward[k]:,.10g}, vol {instruments.vol[k]:.6g}, "
                f"{instruments.years[k] * 365:.6g} days: {move}, {scenarios.days[s]:g} days on{tail}")

    def _own_way(self, k: int, s: int) -> str:
        """How a venue's own valuation found the loss per unit of an instrument, with its numbers."""
        instruments, scenarios = self.book.instruments, self.scenarios
        move = scenarios.price[s, instruments.underlying[k]]
        text = f"{scenarios.how}: spot {instruments.spot[k]:,.10g}, move {move:+.6g}, {scenarios.descriptions[s]}"
        if not instruments.is_option[k]:
            return f"{text}, price {instruments.level[k]:,.10g}"
        return (f"{text}, Black-76 before less after, forward {instruments.forward[k]:,.10g}, vol {instruments.vol[k]:.6g}, "
                f"{instruments.years[k] * 365:.6g} days")

    def option_value(self, u: int | None = None) -> Line:
        """Net option value, of one underlying or of all: long options at mark less short ones, per book."""
        book, instruments = self.book, self.book.instruments
        counted = instruments.is_option & (True if u is None else instruments.underlying == u)
        option = np.flatnonzero(counted & (self.units != 0.0).any(axis=0))
        for k in option[np.isnan(self.marks[option])].tolist():
            return not_modelled("Net option value", f"not known: {instruments.name(k)} has neither Price nor IV")

        def rows(_: int, a: int) -> tuple[Line, ...]:
            mine = np.flatnonzero((book.account == a) & counted[book.instrument] & ~book.order)
            return tuple(times(f"Row {book.row[p]}: {book.names[p]}", (
                given("Quantity", book.units[p], "units of the underlying", source=f"positions row {book.row[p]}"),
                given("Mark", self.marks[book.instrument[p]], "mark per unit", source=f"positions row {book.row[p]}")),
                source=f"positions row {book.row[p]}") for p in mine.tolist())

        return weighted(["Net option value"], self.units[:, option], self.marks[option, None], rows,
                        "quantity × mark of each option row")[0]
