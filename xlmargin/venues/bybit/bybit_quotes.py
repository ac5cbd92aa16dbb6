"""Bybit: option tickers hold markIv as a fraction, underlyingPrice as forward and indexPrice as spot."""

from __future__ import annotations

import math
from typing import Any

from xlmargin.venues.fed import Call, Held, Watched
from xlmargin.venues.quotes import ChainKeys, Gathered, Needs, NotListed, Quotes, positive, rows_of
from xlmargin.venues.theirs import Theirs

MILLISECONDS = 1e-3
HELD = (
    {"category": "option"},
    {"category": "linear", "settleCoin": "USDT"},
    {"category": "linear", "settleCoin": "USDC"},
    {"category": "inverse"},
)
PAGE = "200"
KEYS = ChainKeys(
    name="symbol",
    forward="underlyingPrice",
    vol=("markIv", "markPriceIv"),
    price=("markPrice",),
    indexes=("indexPrice",),
    times=("time", "ts"),
    chain="/v5/market/tickers?category=option",
)


def quotes(call: Call, needs: Needs) -> Quotes:
    """Spots, forwards and vols: one call for each coin's options, one for a perpetual's index, one for all futures."""
    found = Gathered("bybit")
    for coin in needs.underlyings:
        optional = coin in needs.with_options()
        parameters = {"category": "option", "baseCoin": coin} if optional else {"category": "linear", "symbol": f"{coin}USDT"}
        try:
            answer = call("public_get_v5_market_tickers", parameters)
        except NotListed:
            found.unlisted.add(coin)
            continue
        rows = rows_of(answer, "result", "list")
        spot = next((value for row in rows if (value := positive(row.get("indexPrice"))) > 0.0), math.nan)
        found.index(coin, spot, positive(answer.get("time")) * MILLISECONDS)
        if optional:
            found.smiles(KEYS.marks(rows), [coin])
    if listed := sorted(needs.dated - found.unlisted):
        rows = rows_of(call("public_get_v5_market_tickers", {"category": "linear"}), "result", "list")
        found.smiles(KEYS.marks(rows), listed)
    return found.quotes()


def watched(coin: str) -> Watched:
    """The ticker of the perpetual, which holds the index."""
    return Watched(f"{coin}USDT")


def held(call: Call) -> Held:
    """Positions of every category, page by page."""
    rows: list[dict[str, Any]] = []
    moment = math.nan
    for parameters in HELD:
        page = ""
        while True:
            answer = call("private_get_v5_position_list", {**parameters, "limit": PAGE, **({"cursor": page} if page else {})})
            rows += rows_of(answer, "result", "list")
            moment = positive(answer.get("time"))
            following = str(answer["result"].get("nextPageCursor") or "")
            if following in ("", page):
                break
            page = following
    time = {} if math.isnan(moment) else {"time": int(moment)}
    return Held({"retCode": 0, "result": {"list": rows}, **time})


def theirs(call: Call) -> list[Theirs]:
    """Margins of the unified account in USD."""
    return theirs_of(call("private_get_v5_account_wallet_balance", {"accountType": "UNIFIED"}))


def theirs_of(answer: Any) -> list[Theirs]:
    """Margins in an answer of account/wallet-balance, or an event of the wallet stream."""
    streamed = isinstance(answer, dict) and "data" in answer
    rows = rows_of(answer, "data") if streamed else rows_of(answer, "result", "list")
    moment = positive(answer.get("creationTime") if streamed else answer.get("time")) * MILLISECONDS
    keys = "totalInitialMargin", "totalMaintenanceMargin"
    return [
        Theirs.of(row, *keys, venue="bybit", account=str(row.get("accountType") or ""), currency="USD", time=moment, method="BYBIT")
        for row in rows
    ]
