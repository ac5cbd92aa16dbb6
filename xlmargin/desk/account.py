"""An account with its balances: the value that each counts for, and the status of the account against its margin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xlmargin.errors import Faults, MarginError
from xlmargin.margin.parameters import Override, Rules, read_rules
from xlmargin.pricing.arrays import Floats, Ints

FILE = Path(__file__).with_name("account.toml")
MONEY = "USD"  # the currency of every amount of a margin
NO_EQUITY = "no equity"  # the usage of an account that has a margin and nothing to meet it with


@dataclass(frozen=True, slots=True)
class Balances:
    """The balances range as typed columns (N,).

    Attributes:
        row: row in the sheet, counted from the header as 1
        currency: upper case
        amount: signed, debts − [units of the currency]
        haircut: fraction that a positive amount does not count for
        account: label, "" where none is given
        by_account: the range names the account of each balance
    """

    row: Ints
    currency: Sequence[str]
    amount: Floats
    haircut: Floats
    account: Sequence[str]
    by_account: bool


class AccountAsset(NamedTuple):
    """The assets of an account other than its positions.

    Attributes:
        equity: value of all of it [USD]
        coins: amount of each coin that moves with its price, after haircuts, by name [units of the coin]
    """

    equity: float
    coins: dict[str, float]


class Standing(NamedTuple):
    """An account against its margin: the measures of PM_STATUS in their order; usage is NO_EQUITY where it has none."""

    equity: float
    initial: float
    maintenance: float
    excess: float
    withdrawable: float
    usage: float | str
    status: str


def account_rules(as_of: float, overrides: Sequence[Override] = ()) -> Rules:
    """The account's own parameters, with those of the overrides that are about them."""
    rules = read_rules(FILE, as_of)
    return rules.override(overrides, skip_unknown=True)


def venue_methods(rules: Rules, known: Sequence[str]) -> dict[str, str]:
    """The method of each venue, by the venue's lower-case name.

    Args:
        known: the existing methods

    Raises:
        MarginError: the text has another form, or names a method that is not known
    """
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, rules.word("venue_methods").split(";"))):
        venue, _, method = part.partition(" ")
        method = method.strip().upper()
        if method not in known:
            raise MarginError(
                f"venue_methods must be venues and methods with semicolons between them, such as deribit "
                f"DERIBIT_SM; okx OKX, not {part!r}: the methods are {', '.join(known)}"
            )
        found[venue.lower()] = method
    return found


def worth(balances: Balances, spot: Callable[[str], float], rules: Rules) -> tuple[Floats, Floats]:
    """The value of each balance, and the amount of a coin that it counts as, (N,) each.

    A positive amount counts for 1 − haircut of its value. A debt counts in full: a haircut protects the lender and
    never makes a debt smaller.

    Args:
        spot: price of a currency, NaN where none is given [USD]

    Returns:
        values [USD]; amounts that move with a price [units of the currency], 0 of a currency that counts at 1

    Raises:
        MarginError: a currency has no spot, naming it
    """
    at_one = {name.strip().upper() for name in rules.word("counted_at_one").split(",")}
    faults = Faults("balances")
    counted = balances.amount * np.where(balances.amount > 0.0, 1.0 - balances.haircut, 1.0)
    price = {name: 1.0 if name == MONEY else spot(name) for name in dict.fromkeys(balances.currency)}
    moves = {name for name, value in price.items() if name != MONEY and math.isfinite(value)}
    for name, value in price.items():
        if math.isnan(value) and name in at_one:
            price[name] = 1.0
    for row, name in zip(balances.row.tolist(), balances.currency):
        if math.isnan(price[name]):
            faults.add(row, "Currency", f"Currency {name} has no spot", f"give a market range with a row for {name}")
    faults.stop()
    values = counted * np.array([price[name] for name in balances.currency], np.float64)
    return values, np.where([name in moves for name in balances.currency], counted, 0.0)


def equity_of(balances: Balances, values: Floats, coins: Floats) -> AccountAsset:
    """The whole of some balances: their value, and the coins that move."""
    held: dict[str, float] = {}
    for name, amount in zip(balances.currency, coins.tolist()):
        if amount:
            held[name] = held.get(name, 0.0) + amount
    return AccountAsset(float(values.sum()), held)


def standing(equity: float, initial: float, maintenance: float, warning_usage: float) -> Standing:
    """The status of an account: LIQUIDATION below maintenance, MARGIN CALL below initial, WARNING from the usage on, else OK.

    Excess is equity less initial margin, − for a shortfall; the withdrawable amount is the excess, at least 0.
    """
    excess = equity - initial
    usage: float | str = 0.0 if initial == 0.0 else initial / equity if equity > 0.0 else NO_EQUITY
    if isinstance(usage, float) and not math.isfinite(usage):
        usage = NO_EQUITY
    if equity < maintenance:
        status = "LIQUIDATION"
    elif equity < initial:
        status = "MARGIN CALL"
    else:
        status = "WARNING" if isinstance(usage, float) and usage >= warning_usage else "OK"
    return Standing(equity, initial, maintenance, excess, max(0.0, excess), usage, status)
