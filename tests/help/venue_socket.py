"""The WebSocket side of the stand-in for the venues: their prices in the shapes of their documentation, and faults."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
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
GARBAGE = (
    "",
    "{",
    '{"method": "subscription", "params": {"channel": "deribit_price_index.btc_usd"}}',
    "7",
    "null",
    "\x00",
    '{"method": "subscription", "params": {"data": {"index_name": "btc_usd", "price": NaN}}}',
    '{"method": "subscription", "params": {"data": {"index_name": 7, "price": "1"}}}',
    "[" * 100_000,
)


def message(venue: str, coin: str, level: float, moment: float) -> dict[str, Any]:
    """A venue's message of a price; moment: seconds since 1970 UTC."""
    stamp = int(moment * 1e3)
    if venue == "deribit":
        name = f"{coin.lower()}_{'usd' if coin in ('BTC', 'ETH') else 'usdc'}"
        return {
            "jsonrpc": "2.0",
            "method": "subscription",
            "params": {"channel": f"deribit_price_index.{name}", "data": {"timestamp": stamp, "price": level, "index_name": name}},
        }
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


def answered(venue: str, request: dict[str, Any]) -> tuple[list[str], Any]:
    """The coins that a message subscribes to, and the venue's answer to it."""
    if venue == "deribit":
        channels = request.get("params", {}).get("channels", [])
        coins = [channel.split(".")[1].split("_")[0].upper() for channel in channels]
        return coins, {"jsonrpc": "2.0", "id": request["id"], "result": channels or {"version": "1.2.26"}}
    if venue == "okx":
        return ([row["instId"].split("-")[0] for row in request["args"]], {"event": "subscribe", "arg": request["args"][0], "connId": "a"})
    if venue == "bybit":
        return (
            [topic.removeprefix("tickers.").removesuffix("USDT") for topic in request.get("args", [])],
            {"success": True, "ret_msg": "", "conn_id": "a", "op": request["op"]},
        )
    return [name.split("usdt@")[0].upper() for name in request["params"]], {"result": None, "id": request["id"]}


class _Socket:
    """One connection; its methods may be called from any thread."""

    def __init__(self, request: BaseHTTPRequestHandler, venue: str, fault: str) -> None:
        self.request, self.venue, self.fault = request, venue, fault
        self.coins: set[str] = set()
        self._mutex = threading.Lock()

    def send(self, content: str | bytes, opcode: int = TEXT) -> None:
        """One frame, or what the fault makes of it."""
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
        """Opcode and content of what comes, to the end."""
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
        faults: of the next connections: refuse, silent, close, cut, garbage or slow; "" for none
    """

    faults: list[str] = field(default_factory=list)
    connections: int = 0
    subscribed: list[tuple[str, str]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    pongs: int = 0
    open: list[_Socket] = field(default_factory=list)

    def serve(self, request: BaseHTTPRequestHandler, spot: Mapping[str, float], now: Callable[[], float]) -> None:
        """One connection to its end."""
        self.connections += 1
        request.close_connection = True
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "refuse" or request.path not in VENUES:
            request.send_error(503)
            return
        key = request.headers["Sec-WebSocket-Key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        request.wfile.write(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        socket = _Socket(request, VENUES[request.path], fault)
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
        coins, told = answered(socket.venue, json.loads(text))
        socket.send(json.dumps(told))
        self.subscribed += [(socket.venue, coin) for coin in coins]
        if socket.fault == "garbage":
            for wrong in GARBAGE:
                socket.send(wrong)
        if socket.fault == "close":
            return False
        for coin in coins:
            socket.coins.add(coin)
            socket.send(json.dumps(message(socket.venue, coin, spot[coin], now())))
        return socket.fault != "cut"

    def tell(self, coin: str, level: float, moment: float) -> None:
        """A price to all who subscribed to it."""
        for socket in list(self.open):
            if coin in socket.coins:
                socket.send(json.dumps(message(socket.venue, coin, level, moment)))

    def ping(self) -> None:
        """A ping to all."""
        for socket in list(self.open):
            socket.send("are you there", PING)

    def drop(self) -> None:
        """Break all connections off."""
        for socket in list(self.open):
            with contextlib.suppress(OSError):
                socket.request.connection.shutdown(2)
