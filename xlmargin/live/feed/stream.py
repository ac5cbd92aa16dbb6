"""A venue's prices as they move, over a WebSocket: they wake a feed, whose answers still come whole over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xlmargin.errors import MarginError
from xlmargin.live.feed.loop import Streamed
from xlmargin.venues.fed import venue_module
from xlmargin.venues.quotes import VenueError

if TYPE_CHECKING:
    import aiohttp


SILENCE = 30.0  # seconds without any price after which a socket counts as dead: indexes of coins that trade move each second
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds before a new connection
CONNECTING = 10.0  # seconds for a connection to come about
GOODBYE = 0.5  # seconds that a venue has to answer the end of a connection
JOIN = 3.0  # seconds for the thread to end
APART = 0.31  # seconds between subscriptions: Deribit, the strictest, allows 3.3 a second
KEEPALIVE = 15.0  # seconds between our pings: OKX hangs up after 30 without one, Bybit asks for one every 20
MOST_BYTES = 1 << 20  # of one message
PONG = "pong"  # OKX answers a ping in plain text
LONGEST = 160  # characters of an error that a message quotes
_HOST = re.compile(r"^\w+://[^/]+")


class Stream:
    """A subscription of underlyings' prices in a thread of its own, renewed as long as it is not closed.

    No message is kept: of each underlying the last price alone, and a change of it calls the feed.

    Attributes:
        venue: deribit, okx, bybit or binance
        url: a testnet, proxy or stand-in in the place of the venue's own address; http stands for ws, https for wss
        silence: seconds without a price after which the connection is made anew
        first_pause: seconds before the first new connection; they double from failure to failure
    """

    def __init__(self, venue: str, url: str = "", *, silence: float = SILENCE, first_pause: float = FIRST_PAUSE) -> None:
        """Prepare; nothing is connected yet.

        Raises:
            MarginError: the venue is not known, or aiohttp is not installed
        """
        try:
            import aiohttp  # noqa: F401
        except ImportError:
            raise MarginError("a stream needs aiohttp: pip install 'xlmargin[live]'") from None
        self._module, self._venue = venue_module(venue), venue.strip().lower()
        self._address = self._module.STREAM
        if url:
            self._address = _HOST.sub(re.sub("^http", "ws", url.rstrip("/")), self._address)
        self._silence, self._first_pause = silence, first_pause
        self._wanted: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        self._prices: dict[str, float] = {}
        self._problem, self._ignored = "not yet connected", 0
        self._moved: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None

    def start(self, moved: Callable[[], None]) -> None:
        """Begin in a thread; `moved` is called there whenever a price has changed."""
        self._moved = moved
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._live())
        self._thread = threading.Thread(target=self._run, daemon=True, name="stream")
        self._thread.start()

    def follow(self, underlyings: tuple[str, ...]) -> None:
        """Which underlyings' prices are wanted from now on."""
        if underlyings != self._wanted:
            self._wanted = underlyings
            self._tell(self._changed.set)

    def told(self) -> Streamed:
        """How it is: why no prices come, "" while they do, and how many messages could not be read."""
        return Streamed(self._problem, self._ignored)

    def close(self) -> None:
        """End the connection and the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._tell(self._task.cancel, thread)
            thread.join(JOIN)

    def _tell(self, do: Callable[[], object], thread: threading.Thread | None = None) -> None:
        """Have something done in the thread, where it still runs."""
        if thread or self._thread:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                self._loop.call_soon_threadsafe(do)

    def _run(self) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        except Exception as error:  # a feed without its stream still asks at its interval, and says so
            self._problem = f"it ended: {type(error).__name__}: {error}"[:LONGEST]
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _live(self) -> None:
        """One connection after another, with growing pauses between those that brought no price."""
        import aiohttp

        failures = 0
        timeouts = aiohttp.ClientTimeout(total=None, sock_connect=CONNECTING, connect=CONNECTING)
        async with aiohttp.ClientSession(timeout=timeouts) as session:
            while True:
                try:
                    await self._connected(session)
                except TimeoutError:
                    reason = f"{self._venue} did not answer within {CONNECTING:g} s"
                except (aiohttp.ClientError, OSError) as error:
                    reason = f"{self._venue} cannot be reached: {' '.join(str(error).split()) or type(error).__name__}"
                except VenueError as error:
                    reason = str(error)
                failures = failures + 1 if self._problem else 1
                self._problem = reason[:LONGEST]
                pause = min(self._first_pause * 2.0 ** min(failures - 1, 32), LONGEST_PAUSE)
                await asyncio.sleep(random.uniform(0.5, 1.0) * pause)

    async def _connected(self, session: aiohttp.ClientSession) -> None:
        """Hear one connection to its end.

        Raises:
            VenueError: it ended, or no price came for too long
        """
        import aiohttp

        goodbye = aiohttp.ClientWSTimeout(ws_close=GOODBYE)
        secure = await asyncio.to_thread(_certificates) if self._address.startswith("wss") else True
        async with asyncio.timeout(CONNECTING):
            socket = await session.ws_connect(self._address, timeout=goodbye, max_msg_size=MOST_BYTES, ssl=secure)
        async with socket:  # which answers the venue's pings
            asking = asyncio.ensure_future(self._ask(socket))
            try:
                await self._hear(socket)
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    async def _ask(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Subscribe to what is wanted, and to what comes to be; ping between."""
        asked: set[str] = set()
        while True:
            self._changed.clear()
            wanted = self._wanted  # as it is now: another may come while this one is asked for
            for message in self._module.subscription([coin for coin in wanted if coin not in asked]):
                await socket.send_json(message)
                await asyncio.sleep(APART)
            asked.update(wanted)
            try:
                async with asyncio.timeout(KEEPALIVE):
                    await self._changed.wait()
            except TimeoutError:
                if self._module.PING:
                    await socket.send_str(self._module.PING)

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take messages until there are no more."""
        import aiohttp

        try:
            async with asyncio.timeout(self._silence) as limit:
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.ERROR:
                        raise VenueError(f"{self._venue} sent what is no message")
                    if self._take(message.data):
                        limit.reschedule(self._loop.time() + self._silence)
        except TimeoutError:
            raise VenueError(f"{self._venue} sent no price for {self._silence:g} s") from None
        raise VenueError(f"{self._venue} closed it")

    def _take(self, text: Any) -> bool:
        """Take one message; whether it brought a price."""
        if text == PONG:
            return False
        try:
            found = self._module.price_of(json.loads(text))
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError):  # what half a message makes of a reader
            self._ignored += 1
            return False
        if found is None:
            return False
        coin, price = found
        if math.isnan(price):
            self._ignored += 1
            return False
        self._problem = ""
        if coin in self._wanted and self._prices.get(coin) != price:
            self._prices = {known: self._prices[known] for known in self._wanted if known in self._prices} | {coin: price}
            self._moved()
        return True


def _certificates() -> Any:
    """The authorities that the HTTP side trusts, which on some systems are more than Python finds by itself."""
    import ssl

    from requests.certs import where

    return ssl.create_default_context(cafile=where())
