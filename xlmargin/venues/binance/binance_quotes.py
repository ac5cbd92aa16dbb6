"""Binance: option marks hold markIV as a fraction and no forward, which put-call parity of the marks gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from xlmargin.book.contracts import CALL, Contract, parse_instrument
from xlmargin.venues.fed import Call, Held, Watched
from xlmargin.venues.quotes import ChainKeys, Gathered, Mark, Needs, NotListed, Quotes, positive, rows_of
from xlmargin.venues.theirs import Theirs

MILLISECONDS = 1e-3
KEYS = ChainKeys(
    name="symbol", forward="", vol=("markIV",), price=("markPrice",), indexes=("indexPrice",), times=("time",), chain="/eapi/v1/mark"
)


def quotes(call: Call, needs: Needs) -> Quotes:
    """Spots, forwards and vols: one call for all options, one for each coin's index, one for all futures."""
    found = Gathered("binance")
    for coin in needs.underlyings:
        optional = coin in needs.with_options()
        method, key = ("eapipublic_get_index", "underlying") if optional else ("fapipublic_get_premiumindex", "symbol")
        try:
            answer = call(method, {key: f"{coin}USDT"})
        except NotListed:
            found.unlisted.add(coin)
            continue
        row = answer if isinstance(answer, dict) else {}
        found.index(coin, positive(row.get("indexPrice")), positive(row.get("time")) * MILLISECONDS)
    if optional_coins := sorted(set(needs.with_options()) - found.unlisted):
        named = [(parse_instrument(mark.name, "binance"), mark) for mark in KEYS.marks(rows_of(call("eapipublic_get_mark")))]
        options = [(contract, mark) for contract, mark in named if contract is not None and contract.kind >= CALL]
        found.smiles([mark for _, mark in by_parity(options, found.spot)], optional_coins)
    if listed := sorted(needs.dated - found.unlisted):
        rows = rows_of(call("fapipublic_get_premiumindex"))
        found.smiles(KEYS.marks(rows), listed)
    return found.quotes()


def by_parity(marks: Sequence[tuple[Contract, Mark]], spot: Mapping[str, float]) -> list[tuple[Contract, Mark]]:
    """The option rows with forwards F = K + C − P at the strike nearest to spot that has both marks.

    No discounting: marks are prices undiscounted within the resolution of their tick, as everywhere on these venues.

    Args:
        marks: options (N,)
        spot: index of each underlying; without it the strike counts whose call and put are nearest to each other
    """
    pairs: dict[tuple[str, float, float], dict[bool, float]] = {}
    for contract, mark in marks:
        if math.isfinite(mark.price):
            pair = pairs.setdefault((contract.underlying, contract.expiry, contract.strike), {})
            pair[contract.kind == CALL] = mark.price
    forwards: dict[tuple[str, float], tuple[float, float]] = {}
    for (coin, expiry, strike), pair in pairs.items():
        if len(pair) < 2:
            continue
        far = abs(strike - spot[coin]) if coin in spot else abs(pair[True] - pair[False])
        if far < forwards.get((coin, expiry), (math.inf, 0.0))[0]:
            forwards[coin, expiry] = far, strike + pair[True] - pair[False]
    nothing = (0.0, math.nan)
    return [(contract, mark._replace(forward=forwards.get((contract.underlying, contract.expiry), nothing)[1])) for contract, mark in marks]


def watched(coin: str) -> Watched:
    """The mark price of the perpetual, which comes with the index."""
    return Watched(f"{coin}USDT", "watch_mark_prices")


def held(call: Call) -> Held:
    """Positions in options, in futures settled in dollars and in futures settled in coin."""
    rows = [
        *rows_of(call("eapiprivate_get_position")),
        *rows_of(call("fapiprivatev2_get_positionrisk")),
        *rows_of(call("dapiprivate_get_positionrisk")),
    ]
    return Held(rows, call("dapipublic_get_exchangeinfo"))


def theirs(call: Call) -> list[Theirs]:
    """Margins of the options account and of the futures account settled in dollars."""
    return [*theirs_of(call("eapiprivate_get_marginaccount")), *theirs_of(call("fapiprivatev2_get_account"))]


def theirs_of(answer: Any) -> list[Theirs]:
    """Margins in an answer of eapi's marginAccount, or of the futures account."""
    ours = {"venue": "binance", "method": "BINANCE"}
    if isinstance(answer, dict) and "totalInitialMargin" in answer:
        moment = positive(answer.get("updateTime")) * MILLISECONDS
        keys = "totalInitialMargin", "totalMaintMargin"
        return [Theirs.of(answer, *keys, account="futures", currency="USDT", time=moment, **ours)]
    moment = positive(answer.get("time")) * MILLISECONDS if isinstance(answer, dict) else math.nan
    return [
        Theirs.of(row, "initialMargin", "maintMargin", account="options", currency=str(row.get("asset")), time=moment, **ours)
        for row in rows_of(answer, "asset")
    ]
