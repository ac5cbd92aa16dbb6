"""Deribit: book summaries hold mark_iv in percent and the forward of each expiry; accounts count in their currency."""

from __future__ import annotations

import math
from typing import Any

from xlmargin.book.contracts import COIN_SETTLED
from xlmargin.venues.fed import Call, Held, Watched
from xlmargin.venues.quotes import ChainKeys, Needs, NotListed, Option, Point, Quotes, VenueError, positive, rows_of, smile
from xlmargin.venues.theirs import Theirs, signed_number

MICROSECONDS, MILLISECONDS = 1e-6, 1e-3
INDEXES = ("usd", "usdc", "usdt")  # quote currencies of a coin's index, best first
KEYS = ChainKeys(
    name="instrument_name",
    forward="underlying_price",
    vol=("mark_iv",),
    price=("mark_price",),
    indexes=("index_price", "estimated_delivery_price"),
    times=("creation_timestamp", "timestamp"),
    chain="public/get_book_summary_by_currency?kind=option",
    percent=True,
)


def quotes(call: Call, needs: Needs) -> Quotes:
    """Spots, forwards and vols: one call per currency of the options held, one per coin without options."""
    asked = _Asked(call)
    spot: dict[str, float] = {}
    points: list[Point] = []
    unlisted = set()
    for coin in needs.underlyings:
        if coin in needs.with_options():
            spot[coin], smiles = _options(asked, coin, needs)
            points += smiles
        else:
            spot[coin] = asked.index(coin)
        if math.isnan(spot[coin]):
            unlisted.add(coin)
        elif coin in needs.dated:
            rows = asked.summary(coin if coin in COIN_SETTLED else "USDC", "future")
            points += smile(KEYS.marks(rows), "deribit", [coin])
    known = {coin: value for coin, value in spot.items() if coin not in unlisted}
    return Quotes.of("deribit", asked.time, known, points, frozenset(unlisted))


def _options(asked: _Asked, coin: str, needs: Needs) -> tuple[float, list[Point]]:
    """The index of a coin and its smiles.

    Those of the chain that settles as the options held do come first; the other chain adds options that are held and missing there.
    """
    chains = [coin, "USDC"] if coin in COIN_SETTLED else ["USDC"]
    if coin not in needs.coin_settled:
        chains.reverse()
    held = {option for option in needs.options if option[0] == coin}
    found: dict[Option, Point] = {}
    index = math.nan
    for currency in chains:
        rows = [row for row in asked.summary(currency, "option") if str(row.get("instrument_name")).startswith((f"{coin}-", f"{coin}_"))]
        found = {point[:3]: point for point in smile(KEYS.marks(rows), "deribit", [coin])} | found
        if math.isnan(index):
            index = next((value for row in rows if (value := positive(row.get("estimated_delivery_price"))) > 0.0), math.nan)
        if held <= found.keys():
            break
    return index if math.isfinite(index) else asked.index(coin), list(found.values())


class _Asked:
    """The requests of one refresh: nothing twice, and the latest time that the venue gave."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._summaries: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.time = math.nan

    def _answer(self, method: str, **parameters: str) -> Any:
        answer = self._call(method, parameters)
        moment = positive(answer.get("usOut")) * MICROSECONDS if isinstance(answer, dict) else math.nan
        self.time = moment if math.isnan(self.time) else max(self.time, moment)
        return answer

    def summary(self, currency: str, kind: str) -> list[dict[str, Any]]:
        """All contracts of one kind."""
        if (currency, kind) not in self._summaries:
            answer = self._answer("public_get_get_book_summary_by_currency", currency=currency, kind=kind)
            self._summaries[currency, kind] = rows_of(answer, "result")
        return self._summaries[currency, kind]

    def index(self, coin: str) -> float:
        """The index of a coin, NaN where the venue has none."""
        for quoted in INDEXES:
            try:
                answer = self._answer("public_get_get_index_price", index_name=f"{coin.lower()}_{quoted}")
            except NotListed:
                continue
            value = positive((answer.get("result") or {}).get("index_price"))
            if math.isnan(value):
                raise VenueError(f"half an answer: no index price of {coin}")
            return value
        return math.nan


def watched(coin: str) -> Watched:
    """The ticker of the perpetual, which holds the index."""
    return Watched(f"{coin}-PERPETUAL" if coin in COIN_SETTLED else f"{coin}_USDC-PERPETUAL")


def held(call: Call) -> Held:
    """Positions in every currency."""
    return Held(call("private_get_get_positions", {"currency": "any"}))


def theirs(call: Call) -> list[Theirs]:
    """Margins of the account, a row per currency in which it has any."""
    return theirs_of(call("private_get_get_account_summaries", {"extended": "true"}))


def theirs_of(answer: Any) -> list[Theirs]:
    """Margins in an answer of get_account_summary, get_account_summaries, simulate_portfolio or pme/simulate.

    With cross margin the account counts as one, in USD.
    """
    result = answer.get("result", answer) if isinstance(answer, dict) else answer
    if not isinstance(result, dict):
        raise VenueError("half an answer: no key 'result'")
    moment = positive(answer.get("usOut")) * MICROSECONDS
    if "margins" in result:
        return _simulated(result)
    account = str(result.get("system_name") or result.get("username") or "")
    rows = rows_of(result, "summaries") if "summaries" in result else [result]
    crossed = [row for row in rows if row.get("cross_collateral_enabled") and "total_initial_margin_usd" in row]
    told: dict[str, Any] = {"venue": "deribit", "account": account, "time": moment}
    if crossed:
        keys = "total_initial_margin_usd", "total_maintenance_margin_usd"
        return [Theirs.of(crossed[0], *keys, currency="USD", method=_method(crossed[0]), **told)]
    return [
        Theirs.of(row, "initial_margin", "maintenance_margin", currency=str(row.get("currency", "")).upper(), method=_method(row), **told)
        for row in rows
    ]


# The values that pme/simulate gives of a margin, in the order of its calculation, by the labels of our statement's lines
DETAILS = {
    "worst_case": "Worst case",
    "roll_shock": "Roll shock",
    "delta_shock": "Delta shock",
    "correlation_contingency": "Correlation contingency",
}
PARTS = {
    "risk_matrix_margin": "Risk matrix margin",
    "spot_margin": "Spot margin",
    "mmp_margin": "Market maker protection margin",
    "open_orders_margin": "Open orders margin",
}


def _simulated(result: dict[str, Any]) -> list[Theirs]:
    """Margins of pme/simulate with their parts."""
    general = (result.get("model_params") or {}).get("general") or {}
    moment = positive(general.get("timestamp")) * MILLISECONDS
    rows = []
    for currency, margin in (result["margins"] or {}).items():
        parts = (margin.get("initial_margin_details") or {}) if isinstance(margin, dict) else {}
        details = parts.get("risk_matrix_margin_details") or {}
        lines = {
            label: signed_number(owner, key)
            for owner, known in ((details, DETAILS), (parts, PARTS))
            for key, label in known.items()
            if key in owner
        }
        told: dict[str, Any] = {"venue": "deribit", "currency": str(currency).upper(), "time": moment, "method": "DERIBIT", "lines": lines}
        rows.append(Theirs.of(margin, "initial_margin", "maintenance_margin", **told))
    return rows


def _method(row: dict[str, Any]) -> str:
    """Our method for the margin model of an account."""
    portfolio = str(row.get("margin_model", "")).endswith("pm") or row.get("portfolio_margining_enabled") is True
    return "DERIBIT" if portfolio else "DERIBIT_SM"
