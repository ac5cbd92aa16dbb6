"""Spot balances: coins other than the venue's cash are charged their whole value and offset nothing."""

from __future__ import annotations

import numpy as np

from xlmargin.book.contracts import PERPETUAL, SPOT
from xlmargin.margin import lines
from xlmargin.margin.statement import Line, given, parameter, times
from xlmargin.margin.valuation import Case
from xlmargin.methods.paradex.orders import Orders
from xlmargin.pricing.arrays import Floats

CASH = "USDC"


def spot_balances(case: Case, orders: Orders) -> Line:
    """The charge of each coin's balance: at the mark of the account's perpetual in it, else its own Price, else spot."""
    traded = (case.units != 0.0) | (orders.buys > 0.0) | (orders.sells > 0.0)

    def price(u: int, kind: int) -> Floats:
        """The mark that the account's rows of a kind give, NaN where it has none (A,)."""
        of_kind = np.where(case.some(u, (kind,)), np.arange(len(case.held)), -1)
        found = np.where(traded, of_kind, -1).max(axis=1, initial=-1)
        given_marks = np.where(case.held.kind == PERPETUAL, case.marks, case.held.price)
        return np.where(found >= 0, given_marks[found], np.nan)

    def balance(case: Case, u: int) -> Line:
        """The charge of one coin."""
        name = case.names[u]
        if name == CASH:
            return given(name, 0.0, "the venue's cash")
        amount = np.abs(case.units[:, case.some(u, (SPOT,))].sum(axis=1))
        mark, own = price(u, PERPETUAL), price(u, SPOT)
        mark = np.where(np.isfinite(mark), mark, np.where(np.isfinite(own), own, case.book.spot[:, u]))
        return times(
            name,
            (
                given("Balance", amount, "coins, net"),
                given("Price", np.where(amount > 0.0, mark, 0.0), "mark of the account's perpetual, else Price of the row, else spot"),
                parameter(case.rules, "Share charged", "spot_charge", name),
            ),
        )

    return lines.by_underlying(case, "Spot balances", balance, "no offset against positions")
