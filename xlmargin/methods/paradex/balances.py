"""Spot balances under both of Paradex's margins: charged their whole value, no hedge of anything."""

from __future__ import annotations

import numpy as np

from xlmargin.book.contracts import PERPETUAL, SPOT
from xlmargin.margin import lines
from xlmargin.margin.statement import Line, given, parameter, times
from xlmargin.margin.valuation import Case

CASH = "USDC"


def spot_balances(case: Case) -> Line:
    """The charge on coins other than cash, at the mark of the account's perpetual, at spot without one."""
    return lines.by_underlying(case, "Spot balances", _balance, "no offset against positions")


def _balance(case: Case, u: int) -> Line:
    """The charge on one coin."""
    name, held = case.names[u], case.held
    if name == CASH:
        return given(name, 0.0, "the venue's cash")
    amount = np.abs(case.units[:, case.some(u, (SPOT,))].sum(axis=1))
    perpetual = np.where(case.some(u, (PERPETUAL,)), np.arange(len(held)), -1)
    rows = case.book.by_instrument(np.ones(len(case.book.row)))  # open orders too: the mark is the venue's, held or not
    of_account = np.where(rows > 0.0, perpetual, -1).max(axis=1, initial=-1)
    price = np.where(of_account >= 0, case.marks[of_account], case.book.spot[:, u])
    return times(
        name,
        (
            given("Balance", amount, "coins, net"),
            given("Price", np.where(amount > 0.0, price, 0.0), "mark of the account's perpetual, else spot"),
            parameter(case.rules, "Share charged", "spot_charge", name),
        ),
    )
