"""Standard margin: every position separately, short options by rates of the underlying, futures by a rate of their value.

The venues' formulas are built from lines over the positions of one kind, so that the line that explains a position is
the calculation of its margin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, PERPETUAL, PUT, SPOT
from xlmargin.errors import MarginError
from xlmargin.margin.netting import total_by
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import (
    TOTAL,
    Line,
    above,
    given,
    largest,
    less,
    not_modelled,
    over_book,
    parameter,
    quotient,
    times,
    total,
    weakest_of,
)
from xlmargin.margin.valuation import Case, Margin
from xlmargin.pricing.arrays import Floats, Ints

NO_VALUE = "none: a long option is paid in full and a short one's mark is part of its margin, so this mode credits no option value"


class Pair(NamedTuple):
    """Initial and maintenance margin of positions, one number each (N,)."""

    initial: Line
    maintenance: Line


@dataclass(frozen=True)
class Holdings:
    """The net position of each account in each contract (N,).

    Attributes:
        book: the book whose rows are netted; open orders are left out
        account, instrument: index of each holding's account and instrument
        units: signed, + long
        of_row: holding of each counted row
        rows: index of each counted row
        entry: average entry price of the rows on the side of the net position, the mark where a row has none
        mark: per unit [account currency]
    """

    book: Book
    account: Ints
    instrument: Ints
    units: Floats
    of_row: Ints
    rows: Ints
    entry: Floats
    mark: Floats

    def side(self, label: str, chosen: Ints, sign: Floats) -> Line:
        """Size of chosen holdings as the sum of their rows, those of the opposite side negative."""

        def parts(n: int) -> tuple[Line, ...]:
            return tuple(
                given(
                    f"Row {self.book.row[p]}: {self.book.names[p]}",
                    self.book.units[p] * sign[n],
                    "units of the underlying, + on the side of the net position",
                    source=f"positions row {self.book.row[p]}",
                )
                for p in self.rows[self.of_row == chosen[n]].tolist()
            )

        return Line(label, np.abs(self.units[chosen]), TOTAL, parts, below="")


def known_marks(case: Case) -> Floats:
    """Mark of each instrument per unit (K,).

    Raises:
        MarginError: an option has neither a price nor a vol to find one from
    """
    book, instruments = case.book, case.held
    unknown = instruments.is_option & np.isnan(instruments.price) & np.isnan(instruments.vol)
    for p in np.flatnonzero(unknown[book.instrument]).tolist():
        raise MarginError(f"row {book.row[p]}: no mark for {book.names[p]}: give Price or IV on the row, or a vol in the market range")
    return case.marks


def holdings_of(case: Case) -> Holdings:
    """Net each account's rows by contract.

    Raises:
        MarginError: an option has neither a price nor a vol to find one from
    """
    book, instruments = case.book, case.held
    marks, rows = known_marks(case), np.flatnonzero(~book.order)
    keys, of_row = book.pairs(rows)
    account, k = np.divmod(keys, max(1, len(instruments)))
    units, mark = total_by(of_row, book.units[rows], len(keys)), marks[k]
    same_side = np.where(book.units[rows] * units[of_row] > 0.0, np.abs(book.units[rows]), 0.0)
    paid = np.where(np.isfinite(book.entry[rows]), book.entry[rows], mark[of_row])
    weight = total_by(of_row, same_side, len(keys))
    entry = np.divide(total_by(of_row, same_side * paid, len(keys)), weight, out=mark.copy(), where=weight > 0.0)
    return Holdings(book, account, k, units, of_row, rows, entry, mark)


@dataclass(frozen=True)
class Legs:
    """Positions of one kind in one underlying, the arguments of a venue's formulas (N,).

    Attributes:
        rules: the venue's numbers
        held: all holdings of the book
        chosen: indices of these positions among them
        coin: name of the underlying
        kind: CALL, PUT, or PERPETUAL for futures and perpetuals
        inverse: settled in the coin
    """

    rules: Rules
    held: Holdings
    chosen: Ints
    coin: str
    kind: int
    inverse: bool

    def _each(self, name: str) -> Floats:
        values: Floats = getattr(self.held.book.instruments, name)[self.held.instrument[self.chosen]]
        return values

    def rate(self, label: str, name: str) -> Line:
        """A number of the rulebook."""
        return parameter(self.rules, label, name, self.coin)

    @cached_property
    def size(self) -> Line:
        """Units of each net position, without sign."""
        label = "Size" if self.kind == PERPETUAL else "Short units" if self.held.units[self.chosen[0]] < 0.0 else "Units"
        return self.held.side(label, self.chosen, np.sign(self.held.units[self.chosen]))

    @cached_property
    def index(self) -> Line:
        """Spot of the underlying."""
        return given("Index", self._each("spot"), "spot of the underlying")

    @cached_property
    def forward(self) -> Line:
        """Forward of each position's expiry."""
        return given("Forward", self._each("forward"), "forward of the option's expiry")

    @cached_property
    def price(self) -> Line:
        """The price that an option's rates apply to; coin-settled options always use their forward."""
        if self.inverse or self.rules.word("underlying_price", self.coin) == "forward":
            return self.forward
        return self.index

    @cached_property
    def mark(self) -> Line:
        """Mark of each contract."""
        return given("Mark", self.held.mark[self.chosen], "Price of the row, else the model's value")

    @cached_property
    def entry(self) -> Line:
        """Average entry price of each position."""
        return given("Average entry price", self.held.entry[self.chosen], "column Entry, the mark where it is blank")

    def share_of(self, label: str, name: str, whole: Line) -> Line:
        """A rate of an amount."""
        return times(label, (self.rate("Rate", name), whole))

    @cached_property
    def out_of_the_money(self) -> Line:
        """The amount by which each option is out of the money, at least 0."""
        strike = given("Strike", self._each("strike"), "of the contract")
        ends = (strike, self.price) if self.kind == CALL else (self.price, strike)
        return largest("Out of the money", (less("Distance", ends), given("Nothing", 0.0, "in the money")))


Per = Callable[[Legs], Pair]


def underlying_part(legs: Legs, minimum: Line) -> Line:
    """The rate of the underlying less the out-of-the-money amount, at least a minimum; per unit."""
    reduced = less("Less out of the money", (legs.share_of("Rate of underlying", "initial_rate", legs.price), legs.out_of_the_money))
    return largest("Underlying part", (reduced, minimum))


def maintenance_of(legs: Legs) -> Line:
    """Maintenance margin per unit: a rate of the underlying, of a put at least the same rate of its mark, plus the mark."""
    part = legs.share_of("Rate of underlying", "maintenance_rate", legs.price)
    if legs.kind == PUT:
        part = largest("Underlying part", (part, legs.share_of("Rate of mark", "maintenance_rate", legs.mark)))
    return total("Maintenance per unit", (part, legs.mark))


def short_option(legs: Legs) -> Pair:
    """The formula that most venues share, per unit: max(rate × U − OTM, minimum × U) + mark; a put at least its maintenance."""
    minimum = legs.share_of("Minimum", "initial_minimum", legs.price)
    initial, maintenance = total("Initial per unit", (underlying_part(legs, minimum), legs.mark)), maintenance_of(legs)
    if legs.kind == PUT:
        initial = largest("Initial per unit, at least maintenance", (initial, maintenance))
    return Pair(initial, maintenance)


def future(legs: Legs) -> Pair:
    """A rate of the value of futures and perpetuals that grows with their size; amounts in the coin are converted at spot."""
    price = legs.index if legs.inverse else legs.mark

    def margin(word: str) -> Line:
        name = f"future_{word}_rate"
        if legs.rules.is_unset(name, legs.coin):
            raise MarginError(
                f"{legs.coin}: no margin rate of futures and perpetuals is known for {legs.rules.meta.name}, "
                f"{legs.rules.get(name, legs.coin).source}: give the parameter {name}, or leave them out"
            )
        grown = times("Growth with size", (legs.rate("Per unit", f"future_{word}_slope"), above(legs.size)))
        return times(word, (legs.size, price, total("Rate", (legs.rate("Base rate", name), grown))))

    return Pair(margin("initial"), margin("maintenance"))


def _option_margin(legs: Legs, per: Per) -> Pair:
    """Short options: size × margin per unit; amounts in the coin are converted at spot."""
    factors = (quotient("Spot over forward", (legs.index, legs.forward), "coin amounts count at spot"),) * legs.inverse
    return Pair(*(times(line.label, (legs.size, line, *factors)) for line in per(legs)))


def _groups(case: Case, held: Holdings, u: int) -> list[Legs]:
    """The holdings of one underlying that need margin, by kind and settlement."""
    instruments = case.held
    kind, inverse = instruments.kind[held.instrument], instruments.inverse[held.instrument]
    mine = instruments.underlying[held.instrument] == u
    option = kind >= CALL
    wanted = {
        CALL: (kind == CALL) & (held.units < 0.0),
        PUT: (kind == PUT) & (held.units < 0.0),
        PERPETUAL: ~option & (kind != SPOT) & (held.units != 0.0),
    }
    found = [
        Legs(case.rules, held, np.flatnonzero(mine & mask & (inverse == coin)), instruments.underlyings[u], what, coin)
        for what, mask in wanted.items()
        for coin in (False, True)
    ]
    return [legs for legs in found if len(legs.chosen)]


def named(held: Holdings, n: int, line: Line, at: int) -> Line:
    """One holding's part of a line over positions, under the contract's name."""
    return replace(line.book(at), label=held.book.instruments.name(int(held.instrument[n])))


def _unmargined(held: Holdings, n: int) -> Line:
    """A line of 0 for a holding that needs no margin, with the reason."""
    instruments, k, units = held.book.instruments, int(held.instrument[n]), held.units[n]
    if instruments.kind[k] == SPOT and units < 0.0:
        return not_modelled(instruments.name(k), "borrowed coins: the venue's rules of borrowing are not modelled")
    if units == 0.0:
        return given(instruments.name(k), 0.0, "the rows of this contract net to nothing")
    why = "spot is collateral and needs no margin" if instruments.kind[k] == SPOT else "long option: paid in full, no margin"
    return given(instruments.name(k), 0.0, why)


def _underlying(case: Case, held: Holdings, u: int, margins: list[tuple[Legs, Line]]) -> Line:
    """Margin of one underlying in each book, down to contracts and rows."""
    instruments = case.held
    amounts = np.zeros(len(held.units))
    where: dict[int, tuple[Line, int]] = {}
    for legs, line in margins:
        amounts[legs.chosen] = line.value
        where |= {n: (line, at) for at, n in enumerate(legs.chosen.tolist())}

    def contracts(a: int) -> tuple[Line, ...]:
        mine = np.flatnonzero((held.account == a) & (instruments.underlying[held.instrument] == u))
        return tuple(named(held, n, *where[n]) if n in where else _unmargined(held, n) for n in mine.tolist())

    chosen = instruments.underlying[held.instrument] == u
    value = total_by(held.account[chosen], amounts[chosen], len(case.book.accounts))
    lines = (line for _, line in margins)
    return Line(instruments.underlyings[u], value, TOTAL, contracts, "each contract on its own", below=weakest_of(lines))


LISTED = {"option": ("initial_rate", "maintenance_rate"), "future": ("future_initial_rate",)}  # what every coin must have a row of


def _refuse_unlisted(case: Case) -> None:
    """Refuse options and futures of a coin that the venue does not list, long ones too; spot is collateral and needs no row.

    Raises:
        MarginError: naming the coin and those listed
    """
    held = case.held
    option = held.is_option
    for kind, chosen in (("option", option), ("future", ~option & (held.kind != SPOT))):
        for u in np.unique(held.underlying[chosen]).tolist():
            for name in LISTED[kind]:
                case.rules.get(name, held.underlyings[u])


def margin_by(
    option: Per = short_option, futures: Per = future, more: Callable[[Case, Holdings], tuple[Line, ...]] | None = None
) -> Callable[[Case], Margin]:
    """The requirement of a venue: the sum over contracts, with no offset between them, at the rates of its parameter file.

    Args:
        option: the venue's margin per unit of short options, where it is not the formula that most venues share
        futures: the venue's margin of futures and perpetuals
        more: further lines of the venue's statement

    Returns:
        from a case to its margin, requirement + required; no option value is credited; it raises MarginError where an
        option has no mark, or the venue does not list a coin
    """

    def requirement(case: Case) -> Margin:
        """Margin of each contract separately."""
        _refuse_unlisted(case)
        held = holdings_of(case)
        pairs = [
            [(legs, futures(legs) if legs.kind == PERPETUAL else _option_margin(legs, option)) for legs in _groups(case, held, u)]
            for u in range(len(case.names))
        ]
        credited = given("Option value credited", 0.0, NO_VALUE)

        def sheet(label: str, which: int) -> Line:
            coins = [_underlying(case, held, u, [(legs, pair[which]) for legs, pair in found]) for u, found in enumerate(pairs)]
            return over_book(label, coins)

        return Margin(
            sheet("Initial margin", 0), sheet("Maintenance margin", 1), lambda: (credited, *(more(case, held) if more else ())), credited
        )

    return requirement
