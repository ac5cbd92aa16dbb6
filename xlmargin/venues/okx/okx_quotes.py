"""OKX: opt-summary holds markVol as a fraction and fwdPx of each expiry; positions count contracts."""

from __future__ import annotations

import math
from typing import Any

from xlmargin.venues.fed import Call, Held, Watched
from xlmargin.venues.quotes import Mark, Needs, NotListed, Point, Quotes, VenueError, positive, rows_of, smile
from xlmargin.venues.theirs import Theirs, signed_number

MILLISECONDS = 1e-3


def quotes(call: Call, needs: Needs) -> Quotes:
    """Spots, forwards and vols: one call for each coin's index, one for its options, one for its futures.

    Raises:
        VenueError: an answer is missing or cut off
    """
    spot: dict[str, float] = {}
    points: list[Point] = []
    times, unlisted = [], set()
    for coin in needs.underlyings:
        family = f"{coin}-USD"
        try:
            index = rows_of(call("public_get_market_index_tickers", {"instId": family}), "data")
        except NotListed:
            unlisted.add(coin)
            continue
        if not index or math.isnan(positive(index[0].get("idxPx"))):
            raise VenueError(f"half an answer: no index price of {coin}")
        spot[coin] = positive(index[0]["idxPx"])
        times.append(positive(index[0].get("ts")) * MILLISECONDS)
        if coin in needs.with_options():
            rows = rows_of(call("public_get_public_opt_summary", {"uly": family}), "data")
            points += smile(
                [Mark(str(row.get("instId")), positive(row.get("fwdPx")), positive(row.get("markVol"))) for row in rows], "okx", [coin]
            )
        if coin in needs.dated:
            rows = rows_of(call("public_get_public_mark_price", {"instType": "FUTURES", "uly": family}), "data")
            points += smile([Mark(str(row.get("instId")), math.nan, math.nan, positive(row.get("markPx"))) for row in rows], "okx", [coin])
    told = [moment for moment in times if math.isfinite(moment)]
    return Quotes.of("okx", max(told, default=math.nan), spot, points, frozenset(unlisted))


def watched(coin: str) -> Watched:
    """The ticker of the index."""
    return Watched(f"{coin}-USD", parameters={"channel": "index-tickers"})


def held(call: Call) -> Held:
    """Positions, and the instruments that say how much a contract is."""
    positions = call("private_get_account_positions")
    kinds = {(str(row.get("instType")), "-".join(str(row.get("instId")).split("-")[:2])) for row in rows_of(positions, "data")}
    instruments: list[dict[str, Any]] = []
    for kind, family in sorted(kinds):
        if kind in ("SWAP", "FUTURES", "OPTION"):
            instruments += rows_of(call("public_get_public_instruments", {"instType": kind, "uly": family}), "data")
    return Held(positions, {"code": "0", "data": instruments})


def theirs(call: Call) -> list[Theirs]:
    """Margins of the account in USD."""
    return theirs_of(call("private_get_account_balance"))


def theirs_of(answer: Any) -> list[Theirs]:
    """Margins in an answer of account/balance; an account of a mode without one margin has them by currency."""
    rows = []
    for account in rows_of(answer, "data"):
        moment = positive(account.get("uTime")) * MILLISECONDS
        if account.get("imr") not in (None, ""):
            rows.append(Theirs("okx", "", "USD", signed_number(account, "imr"), signed_number(account, "mmr"), moment, "OKX"))
            continue
        rows += [
            Theirs("okx", "", str(detail.get("ccy")), signed_number(detail, "imr"), signed_number(detail, "mmr"), moment, "OKX")
            for detail in rows_of(account, "details")
            if detail.get("imr") not in (None, "")
        ]
    return rows
