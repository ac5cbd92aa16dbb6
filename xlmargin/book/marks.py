"""The marks of options as venues print them: coin prices and ticks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Floats

# Least step of the price of an inverse option [coin], and from which price on it is the larger one: Deribit's since 6 July 2023
# (support.deribit.com, article 25944779257373), which OKX's coin-settled options follow.
COIN_TICK, LARGE_COIN_TICK, LARGE_FROM = 0.0001, 0.0005, 0.005


def coin_ticks(price: Floats) -> Floats:
    """The least step of prices of inverse options [coin], of the shape of the prices [coin]."""
    return np.where(price > LARGE_FROM, LARGE_COIN_TICK, COIN_TICK)


def in_account_currency(pick: dict[str, Any], coin: Floats, rows: Callable[[int], list[int]], faults: Faults) -> Floats:
    """Mark of each instrument in the account currency: its Price, else its Coin price at the forward of its expiry (K,).

    Args:
        pick: columns of the instruments, each (K,)
        coin: Coin price of each, NaN where none is given (K,)
        rows: the sheet rows of an instrument
        faults: receives rows whose two marks differ by more than a tick
    """
    price, forward = pick["price"], pick["forward"]
    own = price / forward
    for k in np.flatnonzero(np.abs(own - coin) > coin_ticks(coin)).tolist():
        problem = (
            f"Coin price {coin[k]:,.10g} contradicts the Price {price[k]:,.10g}, which is {own[k]:,.6g} at the forward {forward[k]:,.10g}"
        )
        for row in rows(k):
            faults.add(row, "Coin price", problem, "clear one of the two cells")
    result: Floats = np.where(np.isfinite(price), price, coin * forward)
    return result
