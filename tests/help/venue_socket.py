"""The WebSocket side of the stub of the venues: their prices in the shapes of their documentation, and faults."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10  # RFC 6455, section 5.2
VENUES = {"/ws/api/v2": "deribit", "/ws/v5/public": "okx", "/v5/public/linear": "bybit", "/market/ws": "binance"}
GARBAGE = ("{", '{"method": "subscription"', '{"params": {"data": {"index_price": NaN}}}', "[" * 100_000, b"\xff\xfe")  # cannot be decoded
ODD = (  # messages of Deribit without a price
    '{"method": "subscription", "params": {"channel": "ticker.BTC-PERPETUAL.100ms"}}',
    '{"method": "subscription", "params": {"channel": "unknown.BTC", "data": {}}}',
    '{"jsonrpc": "2.0", "error": {"code": 11050, "message": "bad_request"}}',
)


def message(venue: str, coin: str, level: float, moment: float) -> dict[str, Any]:
    """A venue's message of a price; moment: seconds since 1970 UTC."""
    stamp = int(moment * 1e3)
    if venue == "deribit":
        name = f"{coin}-PERPETUAL" if coin in ("BTC", "ETH") else f"{coin}_USDC-PERPETUAL"
        row = {
            "timestamp": stamp,
            "state": "open",
            "stats": {"high": None, "low": None, "price_change": None, "volume": 0.0, "volume_usd": 0.0, "volume_notional": 0.0},
            "index_price": level,
            "instrument_name": name,
            "last_price": level * 1.0002,
            "settlement_price": 1.0,
            "min_price": 1.0,
            "max_price": 1e6,
            "open_interest": 0.0,
            "mark_price": level * 1.0001,
            "interest_value": 0.0,
            "best_ask_price": 0.0,
            "best_bid_price": 0.0,
            "estimated_delivery_price": level,
            "best_ask_amount": 0.0,
            "best_bid_amount": 0.0,
            "current_funding": 0.0,
            "funding_8h": 0.0,
        }
        return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": f"ticker.{name}.100ms", "data": row}}
    if venue == "okx":
        row = {"instId": f"{coin}-USD", "idxPx": str(level), "high24h": "0", "low24h": "0", "open24h": "0", "ts": str(stamp)}
        return {"arg": {"channel": "index-tickers", "instId": f"{coin}-USD"}, "data": [row]}
    if venue == "bybit":
        return {
            "topic": f"tickers.{coin}USDT",
            "type": "delta",
            "cs": 1,
            "ts": stamp,
            "data": {"symbol": f"{coin}USDT", "markPrice": str(level * 1.0001), "indexPrice": str(level)},
        }
    return {
        "e": "markPriceUpdate",
        "E": stamp,
        "s": f"{coin}USDT",
        "p": str(level * 1.0001),
        "P": str(level),
        "i": str(level),
        "r": "0.0001",
        "T": stamp,
    }


def asked_for(venue: str, request: dict[str, Any]) -> list[str]:
    """The coins that a message subscribes to."""
    if venue == "deribit":
        return [re.split("[.\\-_]", channel)[1] for channel in request["params"]["channels"]]
    if venue == "okx":
        return [row["instId"].removesuffix("-USD") for row in request["args"] if row["channel"] == "index-tickers"]
    if venue == "bybit":
        return [topic.removeprefix("tickers.").removesuffix("USDT") for topic in request.get("args", [])]
    return [name.removesuffix("usdt@markPrice@1s").upper() for name in request["params"]]


def answer_to(venue: str, request: dict[str, Any]) -> dict[str, Any]:
    """A venue's answer to a subscription."""
    if venue == "deribit":
        return {"jsonrpc": "2.0", "id": request["id"], "result": request["params"]["channels"]}
    if venue == "okx":
        return {"event": "subscribe", "arg": request["args"][0], "connId": "a"}
    if venue == "bybit":
        return {"success": True, "ret_msg": "", "conn_id": "a", "req_id": request["req_id"], "op": request["op"]}
    return {"result": None, "id": request["id"]}


def refusal_of(venue: str, request: dict[str, Any]) -> dict[str, Any]:
    """A venue's answer to a subscription of a coin that it does not list; Binance accepts it."""
    if venue == "deribit":
        error = {"code": -32602, "message": "Invalid params", "data": {"reason": "unknown instrument", "param": "channels"}}
        return {"jsonrpc": "2.0", "id": request["id"], "error": error}
    if venue == "okx":
        text = f"Wrong URL or channel:index-tickers,instId:{request['args'][0]['instId']} doesn't exist."
        return {"event": "error", "code": "60018", "msg": text, "connId": "a"}
    if venue == "bybit":
        text = f"error:handler not found,topic:{request['args'][0]}"
        return {"success": False, "ret_msg": text, "conn_id": "a", "req_id": request["req_id"], "op": request["op"]}
    return answer_to(venue, request)


class _Socket:
    """One connection; its methods may be called from any thread."""

    def __init__(self, request: BaseHTTPRequestHandler, venue: str, fault: str) -> None:
        self.request, self.venue, self.fault = request, venue, fault
        self.coins: set[str] = set()
        self._mutex = threading.Lock()

    def send(self, content: str | bytes, opcode: int = TEXT) -> None:
        """Send one frame, changed by the fault where there is one."""
        body = content.encode() if isinstance(content, str) else content
        length = (
            bytes([len(body)])
            if len(body) < 126
            else struct.pack("!BH", 126, len(body))
            if len(body) < 65_536
            else struct.pack("!BQ", 127, len(body))
        )
        frame = bytes([0x80 | opcode]) + length + body
        if self.fault == "silent":
            return
        with self._mutex, contextlib.suppress(OSError):
            if self.fault == "slow":
                for n in range(len(frame)):
                    self.request.wfile.write(frame[n : n + 1])
                    time.sleep(0.001)
            else:
                self.request.wfile.write(frame[: len(frame) // 2] if self.fault == "cut" and self.coins else frame)

    def frames(self) -> Any:
        """Opcode and content of every incoming frame, to the end."""
        with contextlib.suppress(OSError, struct.error):
            while len(head := self.request.rfile.read(2)) == 2:
                size = head[1] & 127
                if size > 125:
                    (size,) = struct.unpack("!H" if size == 126 else "!Q", self.request.rfile.read(2 if size == 126 else 8))
                mask = self.request.rfile.read(4)
                assert head[1] & 128, "a client masks its frames (RFC 6455, section 5.1)"
                body = self.request.rfile.read(size)
                yield head[0] & 15, bytes(byte ^ mask[n % 4] for n, byte in enumerate(body)).decode("utf-8", "replace")


@dataclass
class Streams:
    """All connections.

    Attributes:
        faults: of the next connections: refuse, silent, close, cut, garbage, odd or slow; "" for none
    """

    faults: list[str] = field(default_factory=list)
    connections: int = 0
    subscribed: list[tuple[str, str]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    pongs: int = 0
    open: list[_Socket] = field(default_factory=list)

    def serve(self, request: BaseHTTPRequestHandler, spot: Mapping[str, float], now: Callable[[], float]) -> None:
        """Serve one connection to its end."""
        self.connections += 1
        request.close_connection = True
        fault = self.faults.pop(0) if self.faults else ""
        venue = next((name for path, name in VENUES.items() if request.path.startswith(path)), "")
        if fault == "refuse" or not venue:
            request.send_error(503)
            return
        key = request.headers["Sec-WebSocket-Key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        request.wfile.write(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        socket = _Socket(request, venue, fault)
        self.open.append(socket)
        try:
            for opcode, text in socket.frames():
                self.pongs += opcode == PONG
                if opcode == CLOSE or (opcode == TEXT and not self.answer(socket, text, spot, now)):
                    break
            socket.send(b"\x03\xe8", CLOSE)  # 1000, a normal end
        finally:
            self.open.remove(socket)

    def answer(self, socket: _Socket, text: str, spot: Mapping[str, float], now: Callable[[], float]) -> bool:
        """Answer one message; False where the fault ends the connection."""
        self.heard.append(text)
        if text == "ping":
            socket.send("pong")
            return True
        request = json.loads(text)
        coins = [coin for coin in asked_for(socket.venue, request) if coin in spot]
        self.subscribed += [(socket.venue, coin) for coin in coins]
        socket.send(json.dumps((answer_to if coins else refusal_of)(socket.venue, request)))
        for wrong in {"garbage": GARBAGE, "odd": ODD}.get(socket.fault, ()):
            socket.send(wrong)
        if socket.fault == "close":
            return False
        for coin in coins:
            socket.coins.add(coin)
            socket.send(json.dumps(message(socket.venue, coin, spot[coin], now())))
        return socket.fault != "cut"

    def tell(self, coin: str, level: float, moment: float) -> None:
        """Send a price to all its subscribers."""
        for socket in list(self.open):
            if coin in socket.coins:
                socket.send(json.dumps(message(socket.venue, coin, level, moment)))

    def ping(self) -> None:
        """Send a ping to all connections."""
        for socket in list(self.open):
            socket.send("are you there", PING)

    def drop(self) -> None:
        """Break all connections off."""
        for socket in list(self.open):
            with contextlib.suppress(OSError):
                socket.request.connection.shutdown(2)
