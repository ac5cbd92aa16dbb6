"""Paradex cross margin: each market on its own, a position together with its open orders, and spot balances in full.

Source: the venue's engine, paradex_py.margin.cross_margin; docs.paradex.trade, Margin requirements and Cross Margin Requirement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from xlmargin.book.contracts import CALL, PERPETUAL, PUT, SPOT
from xlmargin.margin import lines
from xlmargin.margin.netting import total_by
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
    smallest,
    sum_of,
    times,
    total,
)
from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods.paradex.balances import spot_balances
from xlmargin.methods.paradex.markets import saved  # noqa: F401 - a hook of this method
from xlmargin.methods.paradex.orders import Orders, orders_of
from xlmargin.methods.standard.standard import known_marks
from xlmargin.pricing.arrays import Floats, Ints

NEEDS_VOL = False
MARGINS_ORDERS = True
_LONG, _SHORT, _EITHER = 1, -1, 2  # sides of a market
_NOTHING = given("Nothing", 0.0, "at least 0")
_UNITS, _MARK = "units of the underlying", "Price of the row, else the model's value"
_SPREADS = "since 2026-09-15 options of one expiry may need less together; not in the venue's engine, its figures were not found"


def requirement(case: Case) -> Margin:
    """The sum over markets; maintenance counts positions alone, initial margin the larger side that orders could lead to.

    Returns:
        requirements + required; options count at mark in the account's equity, so a long option needs its own value

    Raises:
        MarginError: an option has no mark, a coin has no rates, or an order is one of spot
    """
    markets = _Markets.of(case)
    opened, held = (markets.legs(orders=orders) for orders in (True, False))
    spot = spot_balances(case, markets.orders)
    initial = total(
        "Initial margin",
        (
            markets.over("Net margin", [(legs, legs.initial) for legs in opened]),
            markets.over("Fee provision", [(legs, legs.fee) for legs in opened]),
            markets.open_loss(),
            spot,
        ),
    )
    maintenance = total(
        "Maintenance margin",
        (
            markets.over("Net margin for maintenance", [(legs, legs.maintenance) for legs in held]),
            markets.over("Fee provision for maintenance", [(legs, legs.fee) for legs in held]),
            above(spot),
        ),
    )
    spreads = (not_modelled("Option spread margin", _SPREADS),) * bool(case.held.is_option.any())
    return lines.margin(case, initial, maintenance, *spreads, credited=False)


class _Markets(NamedTuple):
    """What each account has in each contract, positions and orders, N of them; spot is no market.

    Attributes:
        mark: of each instrument (K,)
        account, instrument: index of each (N,)
        units: net position, + long (N,)
        buys, sells: sizes of open orders (N,)
        loss: what the orders lose at once where they are filled at their limits [account currency] (N,)
    """

    case: Case
    orders: Orders
    mark: Floats
    account: Ints
    instrument: Ints
    units: Floats
    buys: Floats
    sells: Floats
    loss: Floats

    @classmethod
    def of(cls, case: Case) -> _Markets:
        """The markets of a book."""
        mark, orders = known_marks(case), orders_of(case)
        gap = np.sign(orders.units) * (orders.limit - mark[orders.instrument])
        lost = np.abs(orders.units) * np.maximum(gap, 0.0)
        shape = case.units.shape
        loss = total_by(orders.account * shape[1] + orders.instrument, lost, shape[0] * shape[1]).reshape(shape)
        used = ((case.units != 0.0) | (orders.buys > 0.0) | (orders.sells > 0.0)) & (case.held.kind != SPOT)
        account, instrument = np.nonzero(used)
        return cls(case, orders, mark, account, instrument, *(each[used] for each in (case.units, orders.buys, orders.sells, loss)))

    def legs(self, *, orders: bool) -> list[_Legs]:
        """The markets by underlying, kind and side, those with orders apart; without orders the positions alone."""
        held, k = self.case.held, self.instrument
        kind, side = np.where(held.is_option, held.kind, PERPETUAL)[k], np.sign(self.units)
        if orders:
            side = np.where((self.buys > 0.0) | (self.sells > 0.0), _EITHER, side)
        found: list[_Legs] = []
        for u in range(len(self.case.names)):
            for what in (CALL, PUT, PERPETUAL):
                mine = (held.underlying[k] == u) & (kind == what)
                for way in (_LONG, _SHORT, *((_EITHER,) if orders else ())):
                    chosen = np.flatnonzero(mine & (side == way))
                    found += [_Legs(self, chosen, u, what, way)] if len(chosen) else []
        return found

    def over(self, label: str, parts: list[tuple[_Legs, Line]]) -> Line:
        """The sum of one line of every market, by underlying and contract."""
        coins: dict[int, list[tuple[_Legs, Line]]] = {}
        for legs, line in parts:
            coins.setdefault(legs.u, []).append((legs, line))
        return over_book(label, [self._coin(u, found) for u, found in coins.items()], "each market on its own")

    def _coin(self, u: int, found: list[tuple[_Legs, Line]]) -> Line:
        """The markets of one underlying in each book."""

        def contracts(a: int) -> tuple[Line, ...]:
            return tuple(legs.market(line, at) for legs, line in found for at in np.flatnonzero(self.account[legs.chosen] == a).tolist())

        amounts = np.zeros(len(self.case.book.accounts))
        for legs, line in found:
            amounts += total_by(self.account[legs.chosen], line.value * np.ones(len(legs.chosen)), len(amounts))
        return sum_of(self.case.names[u], amounts, contracts)

    def open_loss(self) -> Line:
        """What orders lose at once where they are filled at limits worse than the mark."""
        accounts = len(self.case.book.accounts)

        def rows(a: int) -> tuple[Line, ...]:
            return tuple(self._order(n) for n in np.flatnonzero(self.orders.account == a).tolist())

        if not len(self.orders.rows):
            return given("Open loss", 0.0, "no open orders")
        return sum_of("Open loss", total_by(self.account, self.loss, accounts), rows, "of open orders worse than the mark")

    def _order(self, n: int) -> Line:
        """The open loss of one order."""
        book, orders = self.case.book, self.orders
        row, units = int(orders.rows[n]), float(orders.units[n])
        source = f"positions row {book.row[row]}"
        limit = given("Limit", float(orders.limit[n]), "column Entry, the mark where it is blank", source=source)
        mark = given("Mark", float(self.mark[orders.instrument[n]]), _MARK)
        gap = largest("Worse than the mark", (less("Gap", (limit, mark) if units > 0.0 else (mark, limit)), _NOTHING))
        return times(f"Row {book.row[row]}: {book.names[row]}", (given("Size", abs(units), _UNITS, source=source), gap), source=source)


@dataclass(frozen=True)
class _Legs:
    """The markets of one kind of contract in one underlying (n,), and their margins as lines.

    Attributes:
        chosen: their indices among all markets (n,)
        kind: CALL, PUT, or PERPETUAL for futures and perpetuals
        side: positions that are long or short, or positions with orders, which could become either
    """

    markets: _Markets
    chosen: Ints
    u: int
    kind: int
    side: int

    def market(self, line: Line, at: int) -> Line:
        """One market's part of a line under the contract's name."""
        return replace(line.book(at), label=self.markets.case.held.name(int(self.markets.instrument[self.chosen[at]])))

    def _rate(self, label: str, name: str) -> Line:
        """A rate of the rulebook, which must have a number."""
        rules, coin = self.markets.case.rules, self.markets.case.names[self.u]
        rules.number(name, coin)
        return parameter(rules, label, name, coin)

    def _share(self, label: str, name: str, whole: Line) -> Line:
        return times(label, (self._rate("Rate", name), whole))

    def _held(self, name: str) -> Floats:
        """A number of the instrument of each market (n,)."""
        values: Floats = getattr(self.markets.case.held, name)[self.markets.instrument[self.chosen]]
        return values

    # ---- sizes

    def _positions(self, label: str, sign: int) -> Line:
        """The net position of each market as the sum of its sheet rows, those of the opposite side negative."""
        book, markets = self.markets.case.book, self.markets

        def rows(n: int) -> tuple[Line, ...]:
            at = self.chosen[n]
            mine = (book.account == markets.account[at]) & (book.instrument == markets.instrument[at]) & ~book.order
            return tuple(self._row(p, sign * float(book.units[p])) for p in np.flatnonzero(mine).tolist())

        return Line(label, sign * markets.units[self.chosen], TOTAL, rows)

    def _orders(self, label: str, sign: int) -> Line:
        """The open orders of one side of each market as the sum of their sheet rows."""
        orders, markets = self.markets.orders, self.markets

        def rows(n: int) -> tuple[Line, ...]:
            at = self.chosen[n]
            mine = (orders.account == markets.account[at]) & (orders.instrument == markets.instrument[at]) & (orders.units * sign > 0.0)
            return tuple(self._row(int(orders.rows[each]), sign * float(orders.units[each])) for each in np.flatnonzero(mine).tolist())

        return Line(label, (markets.buys if sign == _LONG else markets.sells)[self.chosen], TOTAL, rows)

    def _row(self, p: int, size: float) -> Line:
        book = self.markets.case.book
        return given(f"Row {book.row[p]}: {book.names[p]}", size, _UNITS, source=f"positions row {book.row[p]}")

    @cached_property
    def bought(self) -> Line:
        """What would be held if every buy order were filled, at least 0."""
        both = self._orders("Buy orders", _LONG), self._positions("Position", _LONG)
        return largest("Buy open size", (total("Buy orders and position", both), _NOTHING))

    @cached_property
    def sold(self) -> Line:
        """What would be owed if every sell order were filled, at least 0."""
        both = self._orders("Sell orders", _SHORT), self._positions("Position sold", _SHORT)
        return largest("Sell open size", (total("Sell orders and position", both), _NOTHING))

    @cached_property
    def size(self) -> Line:
        """Size of the position, of positions with orders the larger that they could become."""
        if self.side == _EITHER:
            return largest("Open size", (self.bought, self.sold))
        return self._positions("Size", self.side)

    # ---- margins

    @cached_property
    def mark(self) -> Line:
        """Mark of each contract."""
        return given("Mark", self.markets.mark[self.markets.instrument[self.chosen]], _MARK)

    @cached_property
    def spot(self) -> Line:
        """Spot of the underlying."""
        return given("Spot", self._held("spot"), "spot of the underlying")

    @cached_property
    def initial(self) -> Line:
        """Initial margin of each market without its provisions: the dearer of the two sides."""
        if self.kind == PERPETUAL:
            return times("Net margin", (self.size, self.mark, self._rate("Rate", "future_initial_rate")))
        if self.side != _EITHER:
            return times("Net margin", (self.size, self._option("initial", self.side)))
        sides = ("Bought", self.bought, _LONG), ("Sold", self.sold, _SHORT)
        return largest("Net margin", [times(label, (size, self._option("initial", side))) for label, size, side in sides])

    @cached_property
    def maintenance(self) -> Line:
        """Maintenance margin of each position without its provision."""
        if self.kind == PERPETUAL:
            rates = self._rate("Initial rate", "future_initial_rate"), self._rate("Maintenance ratio", "future_maintenance_ratio")
            return times("Net margin", (self.size, self.mark, *rates))
        return times("Net margin", (self.size, self._option("maintenance", self.side)))

    def _option(self, stage: str, side: int) -> Line:
        """Margin of an option per unit.

        A long one needs its premium, at most a rate of spot; a short one a rate of spot less the amount by which it is out of the
        money, its mark not added, and a put at most a cap.
        """
        if side == _LONG:
            parts = self._share("Premium", f"{stage}_premium", self.mark), self._share("Of spot", f"{stage}_long_itm", self.spot)
            return smallest("Long per unit", parts)
        strike = given("Strike", self._held("strike"), "of the contract")
        ends = (strike, self.spot) if self.kind == CALL else (self.spot, strike)
        out = largest("Out of the money", (less("Distance", ends), given("Nothing", 0.0, "in the money")))
        reduced = less("Less out of the money", (self._share("Of spot", f"{stage}_short_itm", self.spot), out))
        found = largest("Short per unit", (reduced, self._share("Minimum", f"{stage}_short_otm", self.spot)))
        return found if self.kind == CALL else smallest("At most the cap", (found, self._share("Cap", f"{stage}_put_cap", self.spot)))

    @cached_property
    def fee(self) -> Line:
        """Provision for the fees of trading the size: a rate of its value, of options of spot and at most a share of the mark."""
        rules, coin = self.markets.case.rules, self.markets.case.names[self.u]
        if rules.is_unset("fee_rate", coin):
            return parameter(rules, "Fee provision", "fee_rate", coin)
        if self.kind == PERPETUAL:
            return times("Fee provision", (self.size, self._share("Fee per unit", "fee_rate", self.mark)))
        parts = self._share("Of spot", "fee_rate", self.spot), self._share("Of the mark", "fee_cap", self.mark)
        return times("Fee provision", (self.size, smallest("Fee per unit", parts)))
