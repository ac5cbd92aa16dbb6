"""The marks of options as venues print them: in coin, and rounded to a tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xlmargin.book.contracts import CALL, COIN_SETTLED
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Bools, Floats, Ints

Columns = dict[str, Any]
RowsOf = Callable[[int], list[int]]  # the sheet rows of an instrument
VolsOf = Callable[[Ints], Floats]  # the market's vols of some instruments, NaN where it has none

# Least steps of option prices. Inverse [coin]: Deribit's since 6 July 2023 (support.deribit.com, article 25944779257373), and
# OKX's. Linear [account currency]: Bybit's answers to instruments-info; other coins' steps are not kept, and count as none.
COIN_TICK, LARGE_COIN_TICK, LARGE_FROM = 0.0001, 0.0005, 0.005
LINEAR_TICKS = {"BTC": 5.0, "ETH": 0.1}

LEAST_FORWARD = 20.0  # below it a price and the same price in coin are too near to be told apart
LEAST_COIN = 1e-6  # no venue prints a price in coin below it
NEAR, CLOSER = np.log(4.0), 3.0  # a mark agrees with a model's within this factor, and this much better than as it was typed
NEAR_VOL, CLOSER_VOL = np.log(2.0), 2.0  # the same of its implied vol
LEAST_VOL, MOST_VOL = 0.15, 3.0  # the usual vols of coins lie between them


def coin_ticks(price: Floats) -> Floats:
    """The least step of prices of inverse options [coin], of the shape of the prices [coin]."""
    return np.where(price > LARGE_FROM, LARGE_COIN_TICK, COIN_TICK)


def ticks(pick: Columns, names: tuple[str, ...]) -> Floats:
    """The least step of each option's price where its venue lists it, 0 where it is not known (N,) [account currency].

    Args:
        pick: columns of the instruments, each (N,)
        names: of the underlyings (U,)
    """
    linear = np.array([LINEAR_TICKS.get(name, 0.0) for name in names])[pick["underlying"]]
    forward = pick["forward"]
    return np.where(pick["inverse"], coin_ticks(pick["price"] / forward) * forward, linear)


def in_account_currency(pick: Columns, coin: Floats, rows: RowsOf, faults: Faults) -> Floats:
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


def not_in_coin(pick: Columns, coin: Floats, rows: RowsOf, faults: Faults) -> Bools:
    """A mask of the options whose Coin price is more than one can be worth in coin (K,), each of them a fault.

    Args:
        pick: columns of the instruments, each (K,)
        coin: Coin price of each, NaN where none is given (K,)
        rows: the sheet rows of an instrument
        faults: receives the rows
    """
    discount = np.exp(np.maximum(-pick["rate"] * pick["years"], 0.0))
    most = np.where(pick["kind"] == CALL, 1.0, pick["strike"] / pick["forward"]) * discount
    result: Bools = coin > most + LARGE_COIN_TICK
    for k in np.flatnonzero(result).tolist():
        problem = f"Coin price {coin[k]:,.10g} is above {most[k]:,.4g}, the most that the option can be worth in coin"
        for row in rows(k):
            faults.add(row, "Coin price", problem, "type a mark in the account currency as Price")
    return result


def typed_in_coin(pick: Columns, names: tuple[str, ...], vols: VolsOf, rows: RowsOf, faults: Faults) -> Bools:
    """A mask of the options whose Price is a mark in coin (K,), each of them a fault.

    It is one where the same number times the forward agrees with the option's vol, and the number as typed does not: with the
    vol of the row, else the market's. Without either, where the number as typed has no vol above 15 %, and times the forward one
    that is usual, or is the intrinsic value. Only prices that can be in coin are looked at: of inverse options and of coins in
    which venues quote premiums, at most 1 for a call, at most strike / forward for a put.

    Args:
        pick: columns of the instruments, each (K,)
        names: of the underlyings (U,)
        vols: the market's vols
        rows: the sheet rows of an instrument
        faults: receives the rows
    """
    result = np.zeros(len(pick["price"]), np.bool_)
    bound = np.maximum(1.0, pick["strike"] / pick["forward"])
    quoted = pick["inverse"] | np.array([name in COIN_SETTLED for name in names], np.bool_)[pick["underlying"]]
    small = quoted & (pick["price"] >= LEAST_COIN) & (pick["price"] <= bound) & (pick["strike"] > 0.0)
    chosen = np.flatnonzero(small & (pick["kind"] >= CALL) & (pick["forward"] >= LEAST_FORWARD) & (pick["years"] > 0.0))
    if not len(chosen):
        return result
    own = {name: pick[name][chosen] for name in ("kind", "price", "forward", "strike", "years", "rate", "vol")}
    vol = np.where(own["vol"] > 0.0, own["vol"], vols(chosen))
    result[chosen] = np.where(np.isnan(vol), _without_vol(own), _with_vol(own, vol))
    known = dict(zip(chosen.tolist(), vol.tolist()))
    for k in np.flatnonzero(result).tolist():
        price, forward = pick["price"][k], pick["forward"][k]
        why = "is usual" if np.isnan(known[k]) else f"agrees with the vol {known[k]:.4g}"
        problem = f"Price {price:,.10g} is a price in coin: {price * forward:,.10g}, which it is at the forward {forward:,.10g}, {why}"
        for row in rows(k):
            faults.add(row, "Price", problem, "give it as Coin price of an inverse option, or times the forward")
    return result


def _with_vol(own: Columns, vol: Floats) -> Bools:
    """Whether a price agrees with a vol if it is in coin, and does not as it is (N,)."""
    from xlmargin.pricing import black

    price, forward = own["price"], own["forward"]
    model = black.price(own["kind"] == CALL, forward, own["strike"], own["years"], np.nan_to_num(vol), own["rate"])
    with np.errstate(divide="ignore"):
        typed, coin = np.abs(np.log(model / price)), np.abs(np.log(model / (price * forward)))
        typed_vol, coin_vol = (np.abs(np.log(each / vol)) for each in _vols(own))
    agrees = (coin <= NEAR) | (np.abs(price * forward - model) <= COIN_TICK * forward)
    by_vol = (coin_vol <= NEAR_VOL) & ~(typed_vol <= np.maximum(NEAR_VOL, CLOSER_VOL * coin_vol))
    result: Bools = (agrees & (CLOSER * coin < typed)) | by_vol
    return result


def _without_vol(own: Columns) -> Bools:
    """Whether a price has no usual vol as it is, and is usual or the intrinsic value if it is in coin (N,)."""
    typed, coin = _vols(own)
    forward = own["forward"]
    intrinsic = np.where(own["kind"] == CALL, 1.0, -1.0) * (forward - own["strike"])
    at_intrinsic = (intrinsic > 0.0) & (np.abs(own["price"] - intrinsic / forward) <= LARGE_COIN_TICK)
    result: Bools = ~(typed >= LEAST_VOL) & ((coin >= LEAST_VOL) & (coin <= MOST_VOL) | at_intrinsic)
    return result


def _vols(own: Columns) -> tuple[Floats, Floats]:
    """The vols of prices as they are, and if they are in coin, both (N,), NaN where there is none."""
    from xlmargin.pricing import implied_vol

    call, price, *terms = (own["kind"] == CALL, *(own[name] for name in ("price", "forward", "strike", "years", "rate")))
    typed, coin = (implied_vol.solve(call, each, *terms)[0] for each in (price, price * own["forward"]))
    return typed, coin
