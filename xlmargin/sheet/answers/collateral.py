"""Balances as positions: where a rulebook lends and borrows them, they stand in the book as rows of spot."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

from xlmargin.book.book import Book, make_book
from xlmargin.book.contracts import SPOT
from xlmargin.book.positions import Positions
from xlmargin.desk.account import Balances
from xlmargin.desk.whatif import into_accounts, joined
from xlmargin.errors import Faults, MarginError
from xlmargin.sheet.ranges.positions import read_positions
from xlmargin.sheet.ranges.remembered import market_of, positions_of

HEADER: list[Any] = ["Underlying", "Type", "Quantity", "Spot", "Account"]


def with_balances(
    positions: Any, market: Any, balances: Balances, spot: Callable[[str], float], method: str, kept: Collection[str] | None = None
) -> Book:
    """The book of two ranges with each balance as a row of spot, negative where it is borrowed; one that is typed as spot too counts once.

    Args:
        positions, market: raw cells
        spot: price of a currency, NaN of one that counts at 1 [USD]
        method: name of the rulebook
        kept: the accounts whose balances count; all where left out

    Raises:
        MarginError: a balance has a haircut, which is the rulebook's own matter, its account is not known, or it stands among the
            positions at another amount
    """
    typed = positions_of(positions)
    rows, known = [HEADER], _typed_too(typed, balances, method)
    columns = zip(balances.row.tolist(), balances.currency, balances.amount.tolist(), balances.haircut.tolist(), balances.account)
    for row, name, amount, haircut, account in columns:
        if haircut:
            raise MarginError(f"balances row {row}: {method} counts each coin by its own rules: clear Haircut")
        price = spot(name)
        if amount and (kept is None or account in kept) and (name, _label(account, typed)) not in known:
            rows.append([name, "spot", amount, 1.0 if math.isnan(price) else price, account])
    faults = Faults("balances")
    if len(rows) > 1:
        added = into_accounts(read_positions(rows, faults), typed, faults)
        faults.stop()
        typed = joined(typed, added, int(typed.row.max(initial=1)))
    faults = Faults()
    book = make_book(typed, market_of(market).dated(), faults)
    faults.stop(book.unpriced)
    return book


def _typed_too(typed: Positions, balances: Balances, method: str) -> set[tuple[str, str]]:
    """Coins and accounts of balances that are typed among the positions as spot too: the same coins, which count once.

    Raises:
        MarginError: at another amount, so that neither can be told to be the right one
    """
    spot = typed.kind == SPOT
    held: dict[tuple[str, str], float] = {}
    owned: dict[tuple[str, str], float] = {}
    for u, a, units in zip(typed.underlying[spot], typed.account[spot], (typed.quantity * typed.multiplier)[spot].tolist()):
        key = typed.underlyings[u], typed.accounts[a]
        held[key] = held.get(key, 0.0) + units
    for name, account, amount in zip(balances.currency, balances.account, balances.amount.tolist()):
        key = name, _label(account, typed)
        owned[key] = owned.get(key, 0.0) + amount
    both = {key for key, units in held.items() if units} & owned.keys()
    for key in sorted(both):
        if not math.isclose(held[key], owned[key], rel_tol=1e-9):
            raise MarginError(
                f"balances: {key[0]} is {owned[key]:,.10g} here and {held[key]:,.10g} as spot among the positions, which {method} counts "
                "as one account's balances: mend the one that is wrong, or leave one out"
            )
    return both


def _label(account: str, typed: Positions) -> str:
    """The account of a balance: its own, else the only one of the positions."""
    return account or (typed.accounts[0] if len(typed.accounts) == 1 else "")
