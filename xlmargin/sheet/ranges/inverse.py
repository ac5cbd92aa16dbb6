"""The columns of contracts that are settled in their coin: marks in coin, and amounts in USD."""

from __future__ import annotations

import numpy as np

from xlmargin.book.contracts import FUTURE, PERPETUAL
from xlmargin.book.positions import Positions
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Bools, Floats
from xlmargin.sheet.cells import show
from xlmargin.sheet.columns import Table, blanks


def marks(cells: Table, in_coin: Bools, price: Floats, coin_price: Floats, mark: Floats, faults: Faults) -> tuple[Floats, Floats]:
    """The marks of the rows in the account currency and in coin, both (P,), NaN where not given.

    Args:
        cells: the positions range
        in_coin: mask of the inverse options (P,)
        price: column Price [account currency] (P,)
        coin_price: column Coin price [coin] (P,)
        mark: column Mark price, which is what a venue prints: the Coin price of an inverse option, the Price of all others (P,)
        faults: receives every fault of every cell
    """
    for i in np.flatnonzero(np.isfinite(coin_price) & ~in_coin).tolist():
        faults.add(
            cells.rows[i],
            "Coin price",
            "Coin price is the mark of an option that is settled in its coin, which this row does not hold",
            "type the mark in the account currency as Price, or Settlement inverse",
        )
    own = np.where(in_coin, coin_price, price)
    for i in np.flatnonzero(np.isfinite(mark) & np.isfinite(own) & (mark != own)).tolist():
        problem = f"Mark price {show(float(mark[i]))} differs from the {'Coin price' if in_coin[i] else 'Price'} {show(float(own[i]))}"
        faults.add(cells.rows[i], "Mark price", problem, "clear one of the two cells")
    own = np.where(np.isnan(mark), own, mark)
    return np.where(in_coin, price, own), np.where(in_coin, own, np.nan)


def must_be_usd(cells: Table, held: Positions, in_usd: Bools, faults: Faults) -> None:
    """Require that an amount in USD is that of an inverse future or perpetual, and stands alone.

    Args:
        cells: the columns of the amounts
        held: the rows, whose quantities do not count
        in_usd: rows that give a USD size (P,)
        faults: receives every fault of every cell
    """
    unknown = {fault.row for fault in faults.faults if fault.column in ("Instrument", "Type")}
    for i in np.flatnonzero(in_usd & ~(held.inverse & np.isin(held.kind, (FUTURE, PERPETUAL)))).tolist():
        if cells.rows[i] not in unknown:
            problem = "USD size is the amount of an inverse future or perpetual, which this row does not hold"
            faults.add(cells.rows[i], "USD size", problem, "type its units as Quantity, or Settlement inverse")
    for heading, beside in (("Quantity", ~blanks(cells.column("Quantity"))), ("Multiplier", held.multiplier != 1.0)):
        for i in np.flatnonzero(in_usd & beside).tolist():
            faults.add(cells.rows[i], "USD size", f"USD size stands beside a {heading}", "clear one of the two cells")
