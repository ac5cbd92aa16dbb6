"""A stub of four venues on this machine: their answers in the recorded shapes, and faults on demand."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from venue_socket import Streams

from xlmargin.pricing.black import price

YEAR = 365 * 86_400.0


def utc(*moment: int) -> float:
    """Seconds since 1970 of a time in UTC."""
    return dt.datetime(*moment, tzinfo=dt.UTC).timestamp()  # type: ignore[misc, arg-type]


def _listed() -> dict[tuple[str, float], list[float]]:
    """Expiries and strikes that every venue of the stub lists."""
    front, back, quarter = utc(2026, 7, 1, 8), utc(2026, 7, 31, 8), utc(2026, 8, 28, 8)
    btc = [50_000.0 + 5_000 * n for n in range(11)]
    eth = [2_500.0 + 100 * n for n in range(21)]
    return {("BTC", front): btc, ("BTC", back): btc, ("BTC", quarter): btc, ("ETH", front): eth, ("ETH", back): eth}


@dataclass
class Fault:
    """The fault of the next `times` requests whose path contains `where`.

    Attributes:
        kind: silent, drip, close, cut, half, status or change
        status: of the answer; 429 comes with Retry-After
        change: of the decoded answer
    """

    kind: str
    where: str = ""
    times: int = 1
    status: int = 500
    change: Callable[[Any], Any] | None = None


@dataclass
class VenueStub:
    """The market of all four venues and its server; a context manager.

    Attributes:
        spot: USD
        carry: forward = spot × exp(carry × years)
        level: vol at the money
        now: the venues' clock, seconds since 1970 UTC
    """

    spot: dict[str, float] = field(default_factory=lambda: {"BTC": 71_234.5, "ETH": 3_456.75, "SOL": 161.25})
    carry: float = 0.05
    level: float = 0.55
    now: Callable[[], float] = lambda: utc(2026, 6, 1, 9)
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    listed: dict[tuple[str, float], list[float]] = field(default_factory=_listed)
    private: dict[str, Any] = field(default_factory=dict)
    streams: Streams = field(default_factory=Streams)

    def forward(self, coin: str, expiry: float) -> float:
        """Forward of an expiry [USD]."""
        return self.spot[coin] * math.exp(self.carry * (expiry - utc(2026, 6, 1)) / YEAR)

    def vol(self, coin: str, expiry: float, strike: float) -> float:
        """Vol of a strike, a smile [fraction]."""
        return self.level + 0.2 * math.log(strike / self.spot[coin]) ** 2

    def options(self) -> Iterator[tuple[str, float, float, str]]:
        """Every listed option: coin, expiry, strike, C or P."""
        return ((coin, expiry, strike, kind) for (coin, expiry), strikes in self.listed.items() for strike in strikes for kind in "CP")

    def mark(self, coin: str, expiry: float, strike: float, kind: str) -> float:
        """Premium, undiscounted [USD]."""
        years = (expiry - utc(2026, 6, 1, 9)) / YEAR
        return float(price(kind == "C", self.forward(coin, expiry), strike, years, self.vol(coin, expiry, strike)))

    def __enter__(self) -> VenueStub:
        """Serve on a free port of this machine."""
        stub = self
        self.ended = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes, the second of which would wait for 40 ms

            def do_GET(self) -> None:
                stub.handle(self)

            do_POST = do_GET

            def log_message(self, *arguments: Any) -> None:
                """Log no requests."""

        class Server(ThreadingHTTPServer):
            daemon_threads, block_on_close = True, False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Ignore clients that hang up, as some tests do on purpose."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        """End the server and every answer under way."""
        self.ended.set()
        self.streams.drop()
        self.server.shutdown()
        self.server.server_close()

    def move(self, coin: str, level: float) -> None:
        """Set a new price and send it to all its subscribers."""
        self.spot[coin] = level
        self.streams.tell(coin, level, self.now())

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request, or fail it as asked."""
        address = urlparse(request.path)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            self.streams.serve(request, self.spot, self.now)
            return
        self.asked.append(address.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        status, content = self.answer(address.path, query, request)
        fault = next((fault for fault in self.faults if fault.times and fault.where in address.path), None)
        body = json.dumps(content).encode()
        if fault is not None:
            fault.times -= 1
            if fault.kind == "change" and fault.change is not None:
                body = json.dumps(fault.change(content)).encode()
            elif fault.kind == "half":
                body = body[: len(body) // 2]
            elif fault.kind == "status":
                status, body = fault.status, b'{"message": "not now"}'
            else:
                self.fail(request, fault.kind, body)
                return
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        if status == 429:
            request.send_header("Retry-After", "7")
        request.end_headers()
        request.wfile.write(body)

    def fail(self, request: BaseHTTPRequestHandler, kind: str, body: bytes) -> None:
        """No answer, a slow one, or one that breaks off."""
        request.close_connection = True
        if kind == "silent":
            self.ended.wait(60)
        elif kind in ("cut", "drip"):
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            if kind == "cut":
                request.wfile.write(body[: len(body) // 2])
            with contextlib.suppress(OSError):
                for n in range(len(body) if kind == "drip" else 0):
                    request.wfile.write(body[n : n + 1])
                    if self.ended.wait(0.02):
                        break
        request.connection.close()

    def answer(self, path: str, query: dict[str, str], request: BaseHTTPRequestHandler) -> tuple[int, Any]:
        """Status and content, by path."""
        known = {**DERIBIT, **OKX, **BYBIT, **BINANCE}
        if path in PRIVATE:
            signed = any(request.headers.get(name) for name in PRIVATE_HEADERS)
            return (200, self.private[path]) if signed and path in self.private else (401, {"code": 401, "msg": "no key"})
        return (200, known[path](self, query)) if path in known else (404, {"code": 404, "msg": f"no {path}"})


def _day(expiry: float, form: str) -> str:
    return dt.datetime.fromtimestamp(expiry, dt.UTC).strftime(form).upper().lstrip("0")


def deribit_summary(stub: VenueStub, query: dict[str, str]) -> Any:
    """public/get_book_summary_by_currency, fields as in recorded chains; vols in percent, coin-settled marks in coin."""
    rows: list[dict[str, Any]] = []
    for coin, expiry, strike, kind in stub.options() if query["kind"] == "option" else ():
        if coin == query["currency"]:
            forward = stub.forward(coin, expiry)
            rows.append(
                {
                    "instrument_name": f"{coin}-{_day(expiry, '%d%b%y')}-{strike:g}-{kind}",
                    "underlying_price": forward,
                    "underlying_index": "SYN",
                    "estimated_delivery_price": stub.spot[coin],
                    "interest_rate": 0.0,
                    "mark_iv": 100.0 * stub.vol(coin, expiry, strike),
                    "mark_price": stub.mark(coin, expiry, strike, kind) / forward,
                    "bid_price": None,
                    "ask_price": None,
                    "open_interest": 0.0,
                    "volume": 0.0,
                    "creation_timestamp": int(stub.now() * 1e3),
                }
            )
    if query["kind"] == "future" and query["currency"] == "USDC":
        expiry = utc(2026, 8, 28, 8)
        rows.append(
            {"instrument_name": "SOL_USDC-28AUG26", "mark_price": stub.forward("SOL", expiry), "estimated_delivery_price": stub.spot["SOL"]}
        )
    return {"jsonrpc": "2.0", "result": rows, "usIn": int(stub.now() * 1e6) - 9, "usOut": int(stub.now() * 1e6), "usDiff": 9}


def deribit_index(stub: VenueStub, query: dict[str, str]) -> Any:
    """public/get_index_price; BTC and ETH in USD, SOL in USDC."""
    known = {"btc_usd": "BTC", "eth_usd": "ETH", "sol_usdc": "SOL"}
    if query["index_name"] not in known:
        return {
            "jsonrpc": "2.0",
            "error": {"code": -32602, "message": "Invalid params", "data": {"reason": "unknown index", "param": "index_name"}},
        }
    price = stub.spot[known[query["index_name"]]]
    return {"jsonrpc": "2.0", "result": {"index_price": price, "estimated_delivery_price": price}, "usOut": int(stub.now() * 1e6)}


DERIBIT = {"/api/v2/public/get_book_summary_by_currency": deribit_summary, "/api/v2/public/get_index_price": deribit_index}


def okx_index(stub: VenueStub, query: dict[str, str]) -> Any:
    """market/index-tickers."""
    coin = query["instId"].split("-")[0]
    if coin not in stub.spot:
        return {"code": "51001", "msg": "Instrument ID doesn't exist.", "data": []}
    return {"code": "0", "msg": "", "data": [{"instId": query["instId"], "idxPx": str(stub.spot[coin]), "ts": str(int(stub.now() * 1e3))}]}


def okx_summary(stub: VenueStub, query: dict[str, str]) -> Any:
    """public/opt-summary, keys as in the recorded answer; vols are fractions."""
    rows = [
        {
            "instType": "OPTION",
            "instId": f"{query['uly']}-{_day(expiry, '%y%m%d')}-{strike:g}-{kind}",
            "uly": query["uly"],
            "bidVol": "0.45",
            "askVol": "0.46",
            "markVol": str(stub.vol(coin, expiry, strike)),
            "fwdPx": str(stub.forward(coin, expiry)),
            "ts": str(int(stub.now() * 1e3)),
        }
        for coin, expiry, strike, kind in stub.options()
        if query["uly"] == f"{coin}-USD"
    ]
    return {"code": "0", "msg": "", "data": rows}


def okx_marks(stub: VenueStub, query: dict[str, str]) -> Any:
    """public/mark-price of dated futures."""
    coin = query["uly"].split("-")[0]
    price = stub.forward(coin, utc(2026, 8, 28, 8))
    return {"code": "0", "msg": "", "data": [{"instType": "FUTURES", "instId": f"{coin}-USD-260828", "markPx": str(price)}]}


def okx_instruments(stub: VenueStub, query: dict[str, str]) -> Any:
    """public/instruments: the size of a contract."""
    return {
        "code": "0",
        "msg": "",
        "data": [{"instId": "BTC-USDT-SWAP", "instType": "SWAP", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC"}],
    }


OKX = {
    "/api/v5/market/index-tickers": okx_index,
    "/api/v5/public/opt-summary": okx_summary,
    "/api/v5/public/mark-price": okx_marks,
    "/api/v5/public/instruments": okx_instruments,
}


def bybit_tickers(stub: VenueStub, query: dict[str, str]) -> Any:
    """v5/market/tickers; vols are fractions."""
    head = {"retCode": 0, "retMsg": "OK", "time": int(stub.now() * 1e3)}
    if query["category"] == "option":
        rows = [
            {
                "symbol": f"{coin}-{_day(expiry, '%d%b%y')}-{strike:g}-{kind}-USDT",
                "markIv": str(stub.vol(coin, expiry, strike)),
                "underlyingPrice": str(stub.forward(coin, expiry)),
                "indexPrice": str(stub.spot[coin]),
                "markPrice": str(stub.mark(coin, expiry, strike, kind)),
            }
            for coin, expiry, strike, kind in stub.options()
            if coin == query["baseCoin"]
        ]
    elif "symbol" in query:
        coin = query["symbol"].removesuffix("USDT")
        if coin not in stub.spot:
            return {"retCode": 10001, "retMsg": "params error: symbol invalid", "result": {}, "time": head["time"]}
        rows = [{"symbol": query["symbol"], "indexPrice": str(stub.spot[coin]), "markPrice": str(stub.spot[coin] * 1.0001)}]
    else:
        rows = [{"symbol": "SOL-28AUG26", "indexPrice": str(stub.spot["SOL"]), "markPrice": str(stub.forward("SOL", utc(2026, 8, 28, 8)))}]
    return {**head, "result": {"category": query["category"], "list": rows}}


BYBIT = {"/v5/market/tickers": bybit_tickers}


def binance_index(stub: VenueStub, query: dict[str, str]) -> Any:
    """Eapi index."""
    return {"time": int(stub.now() * 1e3), "indexPrice": str(stub.spot[query["underlying"].removesuffix("USDT")])}


def binance_marks(stub: VenueStub, query: dict[str, str]) -> Any:
    """Eapi mark: vols are fractions, no forward."""
    return [
        {
            "symbol": f"{coin}-{_day(expiry, '%y%m%d')}-{strike:g}-{kind}",
            "bidIV": "0.5",
            "askIV": "0.6",
            "delta": "0.5",
            "markPrice": str(stub.mark(coin, expiry, strike, kind)),
            "markIV": str(stub.vol(coin, expiry, strike)),
            "riskFreeInterest": "0.1",
        }
        for coin, expiry, strike, kind in stub.options()
    ]


def binance_futures(stub: VenueStub, query: dict[str, str]) -> Any:
    """Fapi premiumIndex, of one symbol or of all."""
    if "symbol" in query:
        coin = query["symbol"].removesuffix("USDT")
        if coin not in stub.spot:
            return {"code": -1121, "msg": "Invalid symbol."}
        return {
            "symbol": query["symbol"],
            "markPrice": str(stub.spot[coin] * 1.0001),
            "indexPrice": str(stub.spot[coin]),
            "time": int(stub.now() * 1e3),
        }
    return [{"symbol": "SOLUSDT_260828", "markPrice": str(stub.forward("SOL", utc(2026, 8, 28, 8)))}]


BINANCE = {
    "/eapi/v1/index": binance_index,
    "/eapi/v1/mark": binance_marks,
    "/fapi/v1/premiumIndex": binance_futures,
    "/dapi/v1/exchangeInfo": lambda stub, query: {"symbols": [{"symbol": "BTCUSD_PERP", "contractSize": 100}]},
}

PRIVATE = (
    "/api/v2/private/get_positions",
    "/api/v2/private/get_account_summaries",
    "/api/v5/account/positions",
    "/api/v5/account/balance",
    "/v5/position/list",
    "/v5/account/wallet-balance",
    "/eapi/v1/position",
    "/eapi/v1/marginAccount",
    "/fapi/v2/positionRisk",
    "/fapi/v2/account",
    "/dapi/v1/positionRisk",
)
PRIVATE_HEADERS = ("Authorization", "OK-ACCESS-SIGN", "X-BAPI-SIGN", "X-MBX-APIKEY")
