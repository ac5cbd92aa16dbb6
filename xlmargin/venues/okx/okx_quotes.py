"""OKX: opt-summary holds markVol as a fraction and fwdPx of each expiry; positions count contracts."""

from __future__ import annotations

from typing import Any

from xlmargin.venues.fed import Call, Held, Watched
from xlmargin.venues.quotes import ChainKeys, Gathered, Needs, NotListed, Quotes, positive, rows_of
from xlmargin.venues.theirs import Theirs

MILLISECONDS = 1e-3
KEYS = ChainKeys(
    name="instId",
    forward="fwdPx",
    vol=("markVol",),
    price=("markPx", "last"),
    indexes=("idxPx",),
    times=("ts",),
    chain="/api/v5/public/opt-summary",
)


def quotes(call: Call, needs: Needs) -> Quotes:
    """Spots, forwards and vols: one call for each coin's index, one for its options, one for its futures."""
    found = Gathered("okx")
    for coin in needs.underlyings:
        family = f"{coin}-USD"
        try:
            index = rows_of(call("public_get_market_index_tickers", {"instId": family}), "data")
        except NotListed:
            found.unlisted.add(coin)
            continue
        row = index[0] if index else {}
        found.index(coin, positive(row.get("idxPx")), positive(row.get("ts")) * MILLISECONDS)
        if coin in needs.with_options():
            rows = rows_of(call("public_get_public_opt_summary", {"uly": family}), "data")
            found.smiles(KEYS.marks(rows), [coin])
        if coin in needs.dated:
            rows = rows_of(call("public_get_public_mark_price", {"instType": "FUTURES", "uly": family}), "data")
            found.smiles(KEYS.marks(rows), [coin])
    return found.quotes()


def watched(coin: str) -> Watched:
    """The ticker of the index."""
    return Watched(f"{coin}-USD", parameters={"channel": "index-tickers"})


def held(call: Call) -> Held:
    """Positions, and the instruments that give the size of a contract."""
    positions = call("private_get_account_positions")
    kinds = {(str(row.get("instType")), _underlying(str(row.get("instId")))) for row in rows_of(positions, "data")}
    instruments: list[dict[str, Any]] = []
    for kind, family in sorted(kinds):
        if kind in ("SWAP", "FUTURES", "OPTION"):
            instruments += rows_of(call("public_get_public_instruments", {"instType": kind, "uly": family}), "data")
    return Held(positions, {"code": "0", "data": instruments})


def _underlying(name: str) -> str:
    """The index of a contract: BTC-USD of BTC-USD-SWAP and of BTC-USD_UM-260925 alike."""
    return "-".join(part.split("_")[0] for part in name.split("-")[:2])


def theirs(call: Call) -> list[Theirs]:
    """Margins of the account in USD."""
    return theirs_of(call("private_get_account_balance"))


def theirs_of(answer: Any) -> list[Theirs]:
    """Margins in an answer of account/balance; an account of a mode without one margin has them by currency."""
    rows = []
    for account in rows_of(answer, "data"):
        ours = {"venue": "okx", "time": positive(account.get("uTime")) * MILLISECONDS, "method": "OKX"}
        if _has_margin(account):
            rows.append(Theirs.of(account, "imr", "mmr", currency="USD", **ours))
            continue
        details = filter(_has_margin, rows_of(account, "details"))
        rows += [Theirs.of(detail, "imr", "mmr", currency=str(detail.get("ccy")), **ours) for detail in details]
    return rows


def _has_margin(row: dict[str, Any]) -> bool:
    return row.get("imr") not in (None, "")
