"""Balances as positions: where a rulebook lends and borrows them, they stand in the book as rows of spot."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

from xlmargin.book.book import Book, make_book
from xlmargin.desk.account import Balances
from xlmargin.desk.whatif import into_accounts, joined
from xlmargin.errors import Faults, MarginError
from xlmargin.sheet.ranges.positions import read_positions
from xlmargin.sheet.ranges.remembered import market_of, positions_of

HEADER = ["Underlying", "Type", "Quantity", "Spot", "Account"]


def with_balances(
    positions: Any, market: Any, balances: Balances, spot: Callable[[str], float], method: str, kept: Collection[str] | None = None
) -> Book:
    """The book of two ranges with each balance as a row of spot, negative where it is borrowed.

    Args:
        positions, market: raw cells
        spot: price of a currency, NaN of one that counts at 1 [USD]
        method: name of the rulebook
        kept: the accounts whose balances count; all where left out

    Raises:
        MarginError: a balance has a haircut, which is the rulebook's own matter, or its account is not known
    """
    rows: list[list[Any]] = [HEADER]
    columns = zip(balances.row.tolist(), balances.currency, balances.amount.tolist(), balances.haircut.tolist(), balances.account)
    for row, name, amount, haircut, account in columns:
        if haircut:
            raise MarginError(f"balances row {row}: {method} counts each coin by its own rules: clear Haircut")
        price = spot(name)
        if amount and (kept is None or account in kept):
            rows.append([name, "spot", amount, 1.0 if math.isnan(price) else price, account])
    typed, faults = positions_of(positions), Faults("balances")
    if len(rows) > 1:
        added = into_accounts(read_positions(rows, faults), typed, faults)
        faults.stop()
        typed = joined(typed, added, int(typed.row.max(initial=1)))
    faults = Faults()
    book = make_book(typed, market_of(market).dated(), faults)
    faults.stop(book.unpriced)
    return book
