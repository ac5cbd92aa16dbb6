"""Spot balances: coins other than the venue's cash are charged their whole value and offset nothing."""

from __future__ import annotations

import numpy as np

from xlmargin.book.contracts import PERPETUAL, SPOT
from xlmargin.margin import lines
from xlmargin.margin.statement import Line, given, parameter, times
from xlmargin.margin.valuation import Case
from xlmargin.methods.paradex.orders import Orders

CASH = "USDC"


def spot_balances(case: Case, orders: Orders) -> Line:
    """The charge of each coin's balance, at the mark of the account's perpetual in it, at spot without one."""
    traded = (case.units != 0.0) | (orders.buys > 0.0) | (orders.sells > 0.0)

    def balance(case: Case, u: int) -> Line:
        """The charge of one coin."""
        name = case.names[u]
        if name == CASH:
            return given(name, 0.0, "the venue's cash")
        amount = np.abs(case.units[:, case.some(u, (SPOT,))].sum(axis=1))
        perpetual = np.where(case.some(u, (PERPETUAL,)), np.arange(len(case.held)), -1)
        of_account = np.where(traded, perpetual, -1).max(axis=1, initial=-1)
        price = np.where(of_account >= 0, case.marks[of_account], case.book.spot[:, u])
        return times(
            name,
            (
                given("Balance", amount, "coins, net"),
                given("Price", np.where(amount > 0.0, price, 0.0), "mark of the account's perpetual, else spot"),
                parameter(case.rules, "Share charged", "spot_charge", name),
            ),
        )

    return lines.by_underlying(case, "Spot balances", balance, "no offset against positions")
