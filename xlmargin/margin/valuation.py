"""A book under the scenarios of one rulebook, and its margin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book, Instruments
from xlmargin.margin.netting import Net, net_by
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, Products, not_modelled, weakest, weighted, worst
from xlmargin.memory import fixed
from xlmargin.pricing.arrays import Bools, Floats
from xlmargin.scenarios.past import History
from xlmargin.scenarios.risk_array import marks, pnl_by_underlying
from xlmargin.scenarios.scenarios import Scenarios, amount


@dataclass(frozen=True, slots=True)
class Margin:
    """The margin of A books under a method.

    Attributes:
        initial, maintenance: the requirements, + required
        more: further lines of the statement, made on request
        option_value: value of options that the method credits against its requirement
    """

    initial: Line
    maintenance: Line
    more: Callable[[], tuple[Line, ...]]
    option_value: Line


class Given(NamedTuple):
    """The desk's inputs to a method, other than the positions and the parameters.

    Attributes:
        table: the desk's own scenarios, for a method that takes them
        history: past closes and vols of the book's underlyings, for a method that reads them
        book: the book itself, for a method whose scenarios follow from its market
    """

    table: Scenarios | None = None
    history: History | None = None
    book: Book | None = None

    @property
    def spot_alone(self) -> tuple[str, ...]:
        """Coins of which the book holds spot alone: where that is mere collateral, scenarios do not act on them."""
        if self.book is None:
            return ()
        held = self.book.instruments
        return tuple(name for name, more in zip(held.underlyings, held.beyond_spot.tolist()) if not more)


NOTHING_GIVEN = Given()


@dataclass(frozen=True)
class Case:
    """A book under the scenarios of its rulebook.

    Attributes:
        scenarios: S scenarios, none for a rulebook without any
        array: risk array of the book's instruments, gains positive (K, S)
        share: part of each account's position in each instrument that the scenarios act on (A, K)
        own_pnl: profit and loss (A, S, U) of a rulebook whose scenarios do not add up over positions, None of all others
        own_scanning: scanning risk (A,) of a rulebook in which parts of an underlying have their own worst scenarios, None of all others
        statuses: the weakest of the rulebook's values that the scenarios of each underlying were made of, "" of one on which they do
            not act, (U,)
        alone: the case of each account (A,), where the rows of one would change the margin of another; else empty
    """

    book: Book
    rules: Rules
    scenarios: Scenarios
    array: Floats
    share: Floats
    own_pnl: Callable[[Case], Floats] | None = None
    own_scanning: Callable[[Case], Floats] | None = None
    alone: tuple[Case, ...] = ()
    statuses: tuple[str, ...] = ()

    @property
    def held(self) -> Instruments:
        """The instruments of the book (K,)."""
        return self.book.instruments

    @property
    def names(self) -> tuple[str, ...]:
        """The underlyings of the book (U,)."""
        return self.book.instruments.underlyings

    def some(self, u: int | None = None, kinds: Sequence[int] = ()) -> Bools:
        """A mask of the instruments of an underlying and of some kinds; all where left out (K,)."""
        held = self.held
        chosen = np.ones(len(held), np.bool_) if u is None else held.underlying == u
        return chosen & np.isin(held.kind, kinds) if kinds else chosen

    def net(self, chosen: Bools, by: Sequence[str] = (), each: Floats | float = 1.0) -> Net:
        """Net the positions in some instruments that share terms.

        Args:
            chosen: mask of the instruments that count (K,)
            by: attributes of instruments that a group shares, such as days, an expiry (0 of spot and perpetuals), or strike and
                days; without any, each instrument is a group of its own
            each: amount of one long unit of each instrument, such as its delta: (K,), or of each book (A, K)

        Returns:
            groups in the order of their terms, the first term first
        """
        among = np.flatnonzero(chosen)
        amounts = (self.units * each)[:, among]
        if not by:
            return Net(amounts, among)
        net = net_by(amounts, [getattr(self.held, name)[among] for name in by])
        return replace(net, first=among[net.first])

    @cached_property
    def units(self) -> Floats:
        """Net units of the underlying per account and instrument, open orders left out (A, K)."""
        return fixed(self.book.by_instrument(self.book.units))

    @cached_property
    def marks(self) -> Floats:
        """Mark of each instrument per unit (K,)."""
        return fixed(marks(self.held))

    @cached_property
    def summed(self) -> Floats:
        """Position × risk array per account, scenario and underlying, (A, S, U)."""
        return fixed(pnl_by_underlying(self.held, self.array, self.units * self.share))

    @cached_property
    def pnl(self) -> Floats:
        """Profit and loss per account, scenario and underlying after all that the rulebook does to a scenario's result, (A, S, U).

        So the losses are those from which the margin is taken: with one account, and one worst scenario to an underlying, the
        largest of them is the one that drives it.
        """
        if self.alone and all(each.scenarios.names == self.scenarios.names for each in self.alone):
            return fixed(self._pnl_alone())
        return fixed(self.own_pnl(self)) if self.own_pnl is not None else self.summed

    @property
    def scanning(self) -> Floats:
        """Sum of the worst scenario losses, each floored at 0, that the margin of each account is taken from, (A,)."""
        if self.alone:
            return np.concatenate([each.scanning for each in self.alone])
        if self.own_scanning is not None:
            return self.own_scanning(self)
        worst: Floats = np.maximum(-self.pnl.min(axis=1, initial=0.0), 0.0).sum(axis=1)
        return worst

    def _pnl_alone(self) -> Floats:
        """The profit and loss of accounts whose cases are separate, (A, S, U)."""
        result = np.zeros((len(self.alone), len(self.scenarios), len(self.names)))
        for a, each in enumerate(self.alone):
            result[a][:, [self.names.index(name) for name in each.names]] = each.pnl[0]
        return result

    def losses(self, u: int, among: Bools | None = None) -> list[Line]:
        """The loss of one underlying in each scenario, down to the sheet row: S lines, losses positive.

        Args:
            among: the instruments that count (K,), all of the underlying's where left out
        """
        mine = self.some(u) if among is None else self.some(u) & among
        chosen = np.flatnonzero(mine)
        labels = [f"Scenario {name}: {text}" for name, text in zip(self.scenarios.names, self.scenarios.descriptions)]
        return weighted(
            labels,
            (self.units * self.share)[:, chosen],
            -self.array[chosen],
            lambda s, a: self.loss_rows(mine, s, a),
            "quantity × loss per unit of each row",
        )

    def scan(self, u: int, label: str = "Scanning risk") -> Line:
        """The worst weighted loss of one underlying over the scenarios, at least 0."""
        return self.worst(u, self.losses(u), label)

    def worst(self, u: int, losses: Sequence[Line], label: str = "Scanning risk") -> Line:
        """The largest of the losses of one underlying, at least 0, with what its scenarios rest on."""
        return worst(label, losses, status=self.status(u), source=self.rules.ended(self.names[u : u + 1]))

    def status(self, u: int) -> str:
        """The status of what the scenarios of an underlying make of it; "" where it is the method's own."""
        own = self.rules.meta.status
        found = weakest(own, *self.statuses[u : u + 1])
        return "" if found == own else found

    def loss_rows(self, chosen: Bools, s: int, a: int) -> Sequence[Line]:
        """The loss of every row of the chosen instruments (K,) and one account in one scenario."""
        rows, k = self._rows(chosen, a)
        shares = self.share[a, k]
        whole = "units of the underlying"
        how = [whole if share == 1.0 else f"{whole}, {share:.6g} of the position in use" for share in shares.tolist()]
        held = np.unique(k)
        valued = dict(zip(held.tolist(), self._valued(held, s)))
        return self._products(
            rows, "Loss per unit", (self.book.units[rows] * shares, -self.array[k, s]), (how, [valued[each] for each in k.tolist()])
        )

    def _rows(self, chosen: Bools, a: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the chosen instruments (K,) in one account, open orders left out, and the instrument of each."""
        book = self.book
        rows = np.flatnonzero((book.account == a) & chosen[book.instrument] & ~book.order)
        return rows, book.instrument[rows]

    @cached_property
    def _labels(self) -> tuple[list[str], list[str]]:
        """The label and the place of each sheet row, both (P,)."""
        numbers = self.book.row.tolist()
        return (
            [f"Row {number}: {name}" for number, name in zip(numbers, self.book.names)],
            [f"positions row {number}" for number in numbers],
        )

    def _products(
        self, rows: NDArray[np.int64], name: str, values: tuple[Floats, Floats], details: tuple[Sequence[str], Sequence[str]]
    ) -> Products:
        """Quantity times an amount per unit, for each of the rows."""
        labels, sources = (
            self._labels if len(rows) == len(self.book.row) else ([column[p] for p in rows.tolist()] for column in self._labels)
        )
        return Products(labels, ("Quantity", name), values, details, sources)

    def _valued(self, at: NDArray[np.int64], s: int) -> list[str]:
        """The calculation of each instrument's loss per unit in a scenario, in words and numbers."""
        held, scenarios = self.held, self.scenarios
        columns = ((held.level, ",.10g"), (held.forward, ",.10g"), (held.vol, ".6g"), (held.years * 365, ".6g"), (held.spot, ",.10g"))
        numbers = zip(*(_in_words(column[at].tolist(), form) for column, form in columns))
        given = [self.book.array_of[k] if self.book.array_of else "the instrument's own risk array" for k in at.tolist()]
        own = [text if has else "" for text, has in zip(given, held.has_array[at].tolist())]
        each = zip(held.underlying[at].tolist(), held.is_option[at].tolist(), own, numbers)
        if scenarios.how:
            return [self._own_way(u, option, terms, s) for u, option, _, terms in each]
        day, kind = f", {scenarios.days[s]:g} days on", scenarios.vol_kind
        relative = scenarios.price_kind == "relative"
        moves = [f"{move:+.6g}" if relative else amount(move) for move in scenarios.price[s].tolist()]
        shocks = [f"price {move}, vol {kind} {vol:+.6g}" for move, vol in zip(moves, scenarios.vol[s].tolist())]
        tails = ["" if weight == 1.0 else f", weight {weight:g}" for weight in scenarios.weight[s].tolist()]

        def one(u: int, option: bool, own: str, terms: tuple[str, ...]) -> str:
            level, forward, vol, days, _ = terms
            if scenarios.own_arrays and own:
                return own
            if not option:
                return f"price {level}{' × move' if relative else ', move'} {moves[u]}{tails[u]}"
            return f"Black-76 before less after, forward {forward}, vol {vol}, {days} days: {shocks[u]}{day}{tails[u]}"

        return [one(*terms) for terms in each]

    def _own_way(self, u: int, option: bool, terms: tuple[str, ...], s: int) -> str:
        """The calculation of an instrument's loss per unit by a venue's own valuation, in words and numbers."""
        scenarios, (level, forward, vol, days, spot) = self.scenarios, terms
        weight = scenarios.weight[s, u]
        tail = "" if weight == 1.0 else f", weight {weight:g}"
        text = f"{scenarios.how}: spot {spot}, move {scenarios.price[s, u]:+.6g}, {scenarios.descriptions[s]}{tail}"
        if not option:
            return f"{text}, price {level}"
        if scenarios.option_how:
            return f"{text}, {scenarios.option_how}, vol {vol}, {days} days"
        return f"{text}, Black-76 before less after, forward {forward}, vol {vol}, {days} days"

    def option_value(self, u: int | None = None) -> Line:
        """Net option value, of one underlying or of all: long options at mark less short ones, per book."""
        book, counted = self.book, self.some(u) & self.held.is_option
        option = np.flatnonzero(counted & (self.units != 0.0).any(axis=0))
        for k in option[np.isnan(self.marks[option])].tolist():
            return not_modelled("Net option value", f"not known: {self.held.name(k)} has neither Price nor IV")

        def rows(_: int, a: int) -> Sequence[Line]:
            mine, k = self._rows(counted, a)
            details = ["units of the underlying"] * len(mine), ["mark per unit"] * len(mine)
            return self._products(mine, "Mark", (book.units[mine], self.marks[k]), details)

        return weighted(["Net option value"], self.units[:, option], self.marks[option, None], rows, "quantity × mark of each option row")[
            0
        ]


def _in_words(values: Sequence[float], form: str) -> list[str]:
    """Numbers as texts; a number that repeats is formatted once."""
    return list(map({value: format(value, form) for value in set(values)}.__getitem__, values))
