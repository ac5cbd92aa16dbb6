"""A venue's prices as they move, over ccxt.pro's WebSockets: they wake a feed, whose answers still come whole over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import threading
from collections.abc import Callable
from typing import Any

from xlmargin.live.feed.connect import LONGEST, exchange_of
from xlmargin.live.feed.loop import LONGEST_PAUSE, Streamed
from xlmargin.venues.fed import venue_module
from xlmargin.venues.quotes import positive

SILENCE = 30.0  # seconds without any price after which a socket counts as dead: indexes of coins that trade move each second
FIRST_PAUSE = 0.5  # seconds before a new connection
GOODBYE = 0.5  # seconds that a venue has to answer the end of a connection
JOIN = 3.0  # seconds for the thread to end
APART = 0.31  # seconds between subscriptions: Deribit, the strictest, allows 3.3 a second


class Stream:
    """A subscription of underlyings' prices in a thread of its own, renewed as long as it is not closed.

    No message is kept: of each underlying the last price alone, and a change of it calls the feed.

    Attributes:
        venue: deribit, okx, bybit or binance
        url: a testnet, proxy or test server in the place of the venue's own address; http is read as ws, https as wss
        silence: seconds without a price after which the connection is made anew
        first_pause: seconds before the first new connection; they double from failure to failure
    """

    def __init__(self, venue: str, url: str = "", *, silence: float = SILENCE, first_pause: float = FIRST_PAUSE) -> None:
        """Prepare; nothing is connected yet.

        Raises:
            MarginError: the venue is not known
        """
        self._module, self._venue, self._url = venue_module(venue), venue.strip().lower(), url
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
        """Its state: the reason why no prices come, "" while they do, and the count of unreadable messages."""
        return Streamed(self._problem, self._ignored)

    def close(self) -> None:
        """End the connection and the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._tell(self._task.cancel, thread)
            thread.join(JOIN)

    def _tell(self, do: Callable[[], object], thread: threading.Thread | None = None) -> None:
        """Run a call in the thread, where it still runs."""
        if thread or self._thread:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                self._loop.call_soon_threadsafe(do)

    def _run(self) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        except Exception as error:  # a feed without its stream still makes requests at its interval, and reports it
            self._problem = f"it ended: {type(error).__name__}: {error}"[:LONGEST]
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _live(self) -> None:
        """One connection after another, with growing pauses between those that brought no price."""
        from ccxt import pro  # takes a second, for which the first answer over HTTP does not wait here

        failures = 0
        while True:
            exchange = exchange_of(pro, self._venue, self._url)
            self._guard(exchange, pro.NetworkError("what it sent is no message"))
            try:
                await self._connected(exchange)
            except TimeoutError:
                reason = f"{self._venue} sent no price for {self._silence:g} s"
            except ExceptionGroup as ended:
                error = ended.exceptions[0]
                text = " ".join(str(error).split()) or type(error).__name__
                reason = f"{self._venue} {'cannot be reached' if self._problem else 'broke off'}: {text}"
            finally:
                await _close(exchange)
            failures = failures + 1 if self._problem else 1
            self._problem = reason[:LONGEST]
            await asyncio.sleep(self._pause(failures))

    def _pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, no two streams the same."""
        return random.uniform(0.5, 1.0) * min(self._first_pause * 2.0 ** min(failures - 1, 32), LONGEST_PAUSE)

    def _guard(self, exchange: Any, broken: Exception) -> None:
        """Let no odd message end the reading unheard: ccxt reads no further after an error in a callback."""
        read = exchange.handle_message

        def tolerant(client: Any, message: Any) -> None:
            try:
                read(client, message)
            except Exception:  # raised by a reader on half a message, or on the refusal of a subscription
                self._ignored += 1

        def lost(_: object, context: dict[str, Any]) -> None:
            if "handle" in context:  # a callback: text that cannot be decoded
                for client in exchange.clients.values():
                    client.reject(broken)

        exchange.handle_message = tolerant
        self._loop.set_exception_handler(lost)

    async def _connected(self, exchange: Any) -> None:
        """Subscribe to the wanted prices, also to those wanted later, and receive them.

        Raises:
            TimeoutError: no price came for too long
            ExceptionGroup: the connection ended
        """
        asked: list[str] = []
        async with asyncio.timeout(self._silence) as limit, asyncio.TaskGroup() as hearing:
            while True:
                self._changed.clear()
                for coin in [known for known in self._wanted if known not in asked]:  # another may come meanwhile
                    asked.append(coin)
                    exchange.set_markets([self._market(known) for known in asked])  # those of the venue are thousands
                    hearing.create_task(self._hear(exchange, coin, limit))
                    await asyncio.sleep(APART)
                await self._changed.wait()

    def _market(self, coin: str) -> dict[str, Any]:
        """The market of an underlying as ccxt knows one, under the name of the coin."""
        name = self._module.watched(coin).market
        kind = {"type": "swap", "swap": True, "spot": False, "contract": True, "linear": True}
        return {"id": name, "lowercaseId": name.lower(), "symbol": coin, "base": coin, "quote": "USD", **kind}

    async def _hear(self, exchange: Any, coin: str, limit: asyncio.Timeout) -> None:
        """Take the prices of an underlying.

        Raises:
            BaseError: of ccxt: the connection ended
        """
        from ccxt import ExchangeError

        watched, refusals = self._module.watched(coin), 0
        while True:
            try:
                ticker = await getattr(exchange, watched.method)([coin], dict(watched.parameters))
            except ExchangeError:  # some venues refuse the subscription of one coin, and ccxt that of all with it
                refusals += 1
                await asyncio.sleep(self._pause(refusals))
                continue
            refusals = 0
            # of many that came at once ccxt returns the first and keeps the last
            price = positive(exchange.tickers.get(coin, {}).get("indexPrice"))
            self._ignored += not ticker or math.isnan(price)
            if math.isfinite(price) and not limit.expired():
                limit.reschedule(self._loop.time() + self._silence)
                self._take(coin, price)

    def _take(self, coin: str, price: float) -> None:
        """Take one price [USD]."""
        self._problem = ""
        if coin in self._wanted and self._prices.get(coin) != price:
            self._prices = {known: self._prices[known] for known in self._wanted if known in self._prices} | {coin: price}
            self._moved()


async def _close(exchange: Any) -> None:
    """Close the open connections; a venue that does not confirm the close is not waited for."""
    for client in list(exchange.clients.values()):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await client.close()
    await exchange.close()
