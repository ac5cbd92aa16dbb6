"""Live quotes, positions and margins of four venues, against a stand-in on this machine that knows the truth."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from venue_stub import Fault, VenueStub, utc

from xlmargin.errors import MarginError
from xlmargin.live.feed import FED_VENUES, ApiKeys, Connection, VenueError, find_keys, needs_of, redacted, venue_module
from xlmargin.venues import RawAnswer, answer_of

pytest.importorskip("ccxt")

POSITIONS = [
    ["Underlying", "Type", "Strike", "Expiry", "Quantity", "Settlement"],
    ["BTC", "call", 75_000.0, "2026-07-01", -1.0, "inverse"],
    ["ETH", "put", 3_000.0, "2026-07-31", 2.0, "inverse"],
    ["SOL", "future", None, "2026-08-28", 200.0, ""],
    ["AAPL", "spot", None, None, 2.0, ""],
]
KEYS = ApiKeys("AKey0123456789", "Secret+/abcdef==", "pass phrase")


@pytest.mark.parametrize("venue", FED_VENUES)
def test_every_quote_has_its_unit(venue: str, stub: VenueStub) -> None:
    """Spots, forwards and vols come out as the market has them, whatever the venue's units; the unknown is told."""
    quotes = venue_module(venue).quotes(Connection(venue, stub.url).call, needs_of(POSITIONS))
    assert quotes.spot == stub.spot
    assert quotes.unlisted == {"AAPL"}
    assert quotes.time == pytest.approx(stub.now(), abs=1e-3)
    seen = set()
    for coin, expiry, strike, forward, vol in zip(quotes.underlying, quotes.expiry, quotes.strike, quotes.forward, quotes.vol):
        assert forward == pytest.approx(stub.forward(coin, expiry), rel=1e-9)
        if not math.isnan(strike):
            assert vol == pytest.approx(stub.vol(coin, expiry, strike), rel=1e-12)
            seen.add((coin, expiry, strike))
    assert seen == {option[:3] for option in stub.options()}
    assert "SOL" in quotes.underlying  # the future's own forward


def test_deribit_asks_the_other_chain_for_what_the_first_lacks(stub: VenueStub) -> None:
    """Linear options by columns find their vols in the coin-settled chain where the USDC chain does not list them."""
    linear = [POSITIONS[0], ["BTC", "call", 75_000.0, "2026-07-01", -1.0, "linear"]]
    quotes = venue_module("deribit").quotes(Connection("deribit", stub.url).call, needs_of(linear))
    assert ("BTC", utc(2026, 7, 1, 8), 75_000.0) in zip(quotes.underlying, quotes.expiry, quotes.strike)
    assert len(stub.asked) == 2


HELD = {
    "deribit": (
        {
            "/api/v2/private/get_positions": {
                "jsonrpc": "2.0",
                "result": [
                    {"instrument_name": "BTC-PERPETUAL", "direction": "buy", "size": 50.0, "mark_price": 7476.65, "index_price": 7466.79},
                    {"instrument_name": "BTC-1JUL26-75000-C", "direction": "sell", "size": -2.0},
                ],
            }
        },
        {"BTC-PERPETUAL": 0.006687487, "BTC-1JUL26-75000-C": -2.0},
    ),
    "okx": (
        {
            "/api/v5/account/positions": {
                "code": "0",
                "data": [{"instId": "BTC-USDT-SWAP", "instType": "SWAP", "posSide": "net", "pos": "-10", "markPx": "70000"}],
            }
        },
        {"BTC-USDT-SWAP": -0.1},
    ),
    "bybit": (
        {
            "/v5/position/list": {
                "retCode": 0,
                "time": 1780304400000,
                "result": {"list": [{"symbol": "BTCUSDT", "side": "Sell", "size": "0.125", "markPrice": "70000"}], "nextPageCursor": ""},
            }
        },
        {"BTCUSDT": -0.5},
    ),  # the stub gives the same page for each of the four categories
    "binance": (
        {
            "/eapi/v1/position": [{"symbol": "BTC-260701-75000-C", "side": "SHORT", "quantity": "-0.3"}],
            "/fapi/v2/positionRisk": [{"symbol": "BTCUSDT", "positionAmt": "0.001", "markPrice": "51000.0"}],
            "/dapi/v1/positionRisk": [{"symbol": "BTCUSD_PERP", "positionAmt": "5", "markPrice": "50000"}],
        },
        {"BTC-260701-75000-C": -0.3, "BTCUSDT": 0.001, "BTCUSD_PERP": 0.01},
    ),
}


@pytest.mark.parametrize("venue", FED_VENUES)
def test_positions_are_read_in_units_of_the_underlying(venue: str, stub: VenueStub) -> None:
    """Signed requests fetch the positions, which the readers of saved answers then read: contracts and USD become coins."""
    answers, expected = HELD[venue]
    stub.private |= answers
    held = venue_module(venue).held(Connection(venue, stub.url, KEYS).call)
    answer = answer_of(
        RawAnswer(held.positions, "answer"),
        venue,
        None if held.instruments is None else RawAnswer(held.instruments, "answer"),
        priced=False,
        whole=True,
    )
    amounts: dict[str, float] = {}
    for row in answer.positions[1:]:
        coins, usd, mark = row[2:5]
        amounts[row[0]] = amounts.get(row[0], 0.0) + (usd / mark if coins is None else coins)
    assert amounts == pytest.approx(expected, rel=1e-6)


def test_okx_knows_its_contracts_by_their_index() -> None:
    """A contract settled in money has the index of the coin-settled one; 50 contracts of 0.01 BTC."""
    asked = []

    def call(method: str, parameters: dict[str, str] | None = None) -> dict[str, Any]:
        asked.append((method, parameters))
        if parameters is None:
            name = {"instId": "BTC-USD_UM_XPERP-310404", "instType": "FUTURES", "posSide": "net", "pos": "50", "markPx": "70000"}
            return {"code": "0", "data": [name]}
        return {"code": "0", "data": [{"instId": "BTC-USD_UM_XPERP-310404", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC"}]}

    held = venue_module("okx").held(call)
    assert asked[1] == ("public_get_public_instruments", {"instType": "FUTURES", "uly": "BTC-USD"})
    answer = answer_of(RawAnswer(held.positions, "answer"), "okx", RawAnswer(held.instruments, "answer"), whole=True)
    assert answer.positions[1][:3] == ["BTC-USD_UM_XPERP-310404", "okx", 0.5]


@pytest.mark.parametrize(
    ("venue", "file", "expected"),
    [
        ("deribit", "deribit__http_get_account_summaries", [("BTC", 1.24669592, 0.8857841), ("ETH", 0.000402, 0.0)]),
        ("deribit", "deribit__http_get_account_summaries_cross_margin", [("USD", 0.806292412, 0.2671726792)]),
        ("deribit", "deribit__docs__get_account_summary", [("BTC", 1.24669592, 0.8857841)]),
        ("okx", "okx__http_get_account_balance", [("USDT", 0.0, 0.0)]),
        ("bybit", "bybit__ws_account_wallet", [("USD", 127.8573161, 12.78573161)]),
        ("binance", "binance__docs__eapi_marginAccount_0", [("USDT", 3115.1463087, 0.0)]),
        ("binance", "binance__futures__http_json__account_info_v2", [("USDT", 0.0, 0.0)]),
    ],
)
def test_margins_of_recorded_answers(venue: str, file: str, expected: list[Any], shared: Path) -> None:
    """The venue's own margins are read from answers as recorded; the numbers stand in those files."""
    answer = json.loads((shared / "data/api_samples" / f"{file}.json").read_text())
    rows = venue_module(venue).theirs_of(answer)
    assert [(row.currency, row.initial, row.maintenance) for row in rows] == expected


def _echo(_: Any) -> Any:
    """An error of any of the venues that repeats what it was sent."""
    text = f"bad key {KEYS.key} {KEYS.secret} {KEYS.password} at https://x.y/z?signature=1"
    return {"error": {"code": 13009, "message": text}, "code": "50113", "msg": text, "retCode": 10003, "retMsg": text}


SECRETS = (KEYS.key, KEYS.secret, KEYS.password, "Secret%2B%2Fabcdef%3D%3D", "sig=", "signature=")


@pytest.mark.parametrize("venue", FED_VENUES)
@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500, times=99),
        Fault("status", status=429, times=99),
        Fault("close", times=99),
        Fault("half", times=99),
        Fault("change", change=_echo, times=99),
    ],
    ids=lambda f: f.kind,
)
def test_no_secret_leaves(
    venue: str, fault: Fault, stub: VenueStub, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong with a signed request, nothing of the keys is in the error, its causes, the log or the output."""
    caplog.set_level("DEBUG")
    stub.private |= HELD[venue][0]
    stub.faults = [fault]
    connection = Connection(venue, stub.url, KEYS)
    with pytest.raises(VenueError) as raised:
        venue_module(venue).held(connection.call)
    error: BaseException | None = raised.value
    texts = [repr(connection.keys), str(KEYS), caplog.text, *capfd.readouterr()]
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    texts += [address for address in stub.asked if "?" in address]
    assert not [(secret, text) for secret in SECRETS for text in texts if secret in text]


def test_keys_come_from_the_environment_and_go_nowhere() -> None:
    """Both parts of a key must be there; keys are not pickled, printed or left in a text."""
    found = find_keys("deribit", {"XLMARGIN_DERIBIT_KEY": "abc", "XLMARGIN_DERIBIT_SECRET": "def"})
    assert (found.key, found.secret, repr(found)) == ("abc", "def", "Keys(…)")
    with pytest.raises(MarginError) as raised:
        find_keys("okx", {"XLMARGIN_OKX_KEY": "abc"})
    assert str(raised.value) == (
        "XLMARGIN_OKX_SECRET is missing: set both XLMARGIN_OKX_KEY and XLMARGIN_OKX_SECRET to a read-only key of okx"
    )
    with pytest.raises(TypeError):
        pickle.dumps(found)
    assert redacted("GET https://x.y/z?signature=1 with def and Bearer tok", found) == "GET https://x.y/z with … and …"


def test_a_limit_of_the_rate_is_understood(stub: VenueStub) -> None:
    """429 with Retry-After is an error that says for how long to wait."""
    stub.faults = [Fault("status", status=429)]
    with pytest.raises(VenueError) as raised:
        venue_module("deribit").quotes(Connection("deribit", stub.url).call, needs_of(POSITIONS))
    assert raised.value.wait == 7.0
    assert str(raised.value) == "deribit limits the rate of calls, it asks for 7 s"


def test_an_unknown_venue_is_told() -> None:
    """A name that is no venue of the feed is answered with those that are."""
    with pytest.raises(MarginError) as raised:
        venue_module("kraken")
    assert str(raised.value) == "no live data from 'kraken': --venue is one of deribit, okx, bybit, binance"
