"""A venue's HTTP interface through ccxt: one call at a time, none longer than its limit, no secret in any error."""

from __future__ import annotations

import contextlib
import email.utils
import logging
import re
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.live.feed.keys import NO_KEYS, ApiKeys, redacted
from xlmargin.venues.quotes import NotListed, VenueError

LONGEST = 160  # characters of a venue's text that a message quotes
FEWEST_SECONDS_APART = 0.1  # between two calls: every venue here allows more
_UNKNOWN = re.compile(r'"code":\s*-32602\b')  # Deribit's invalid parameters, which ccxt has no class for
_HOST = re.compile(r"^\w+://[^/]+")


class Connection:
    """A venue, reached through ccxt's own methods, whose answers come back as they are.

    Attributes:
        venue: a venue that ccxt knows by this name
        url: a testnet, proxy or test server in the place of the venue's own address
        keys: read-only keys, for private data
        limit: seconds that one call may take in all
    """

    def __init__(self, venue: str, url: str = "", keys: ApiKeys = NO_KEYS, limit: float = 10.0) -> None:
        self.venue, self.keys, self.limit = venue, keys, limit
        self._sockets: list[socket.socket] = []
        self._last = -FEWEST_SECONDS_APART
        self._late = self._ended = False
        self._exchange = self._made(url)

    def _made(self, url: str) -> Any:
        ccxt = _ccxt()
        below = logging.getLogger("urllib3.connectionpool")
        if not any(isinstance(known, _Unsigned) for known in below.filters):
            below.addFilter(_Unsigned())
        secrets = {"apiKey": self.keys.key, "secret": self.keys.secret, "password": self.keys.password}
        exchange = exchange_of(ccxt, self.venue, url, {"timeout": int(self.limit * 1000), **secrets})
        for prefix in ("http://", "https://"):
            exchange.session.mount(prefix, _adapter(self._sockets))
        return exchange

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> Any:
        """One call of a method that ccxt has for an address of the venue.

        Returns:
            the answer as decoded JSON

        Raises:
            NotListed: the venue does not know the requested item
            VenueError: no answer, half an answer, an error of the venue, or a limit of its rate; without any secret
        """
        if self._ended:
            raise VenueError("the feed was stopped")
        time.sleep(max(0.0, self._last + FEWEST_SECONDS_APART - time.monotonic()))
        self._last = time.monotonic()
        self._sockets.clear()
        self._late = False
        watch = threading.Timer(self.limit, self._hang_up)
        watch.daemon = True
        watch.start()
        try:
            answer, problem = getattr(self._exchange, method)(parameters or {}), None
        except Exception as error:  # ccxt has many, and lets through some of the libraries it is built on
            answer, problem = None, self._problem(error)
        finally:
            watch.cancel()
        if problem is not None:  # raised here, so that no chain of causes holds a signed request
            raise problem
        if not isinstance(answer, (dict, list)):
            raise VenueError(f"{self.venue} sent half an answer: it is no JSON")
        return answer

    def _hang_up(self) -> None:
        """End a call that takes too long, however slowly its answer still drips."""
        self._late = True
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def _problem(self, error: Exception) -> VenueError:
        """The error in one line without secrets."""
        ccxt = _ccxt()
        text = redacted(str(error), self.keys)[:LONGEST] or type(error).__name__
        if isinstance(error, (ccxt.BadSymbol, ccxt.BadRequest)) or _UNKNOWN.search(str(error)):
            return NotListed(f"{self.venue} does not list it: {text}")
        if isinstance(error, (ccxt.RateLimitExceeded, ccxt.DDoSProtection)):
            wait = self._retry_after()
            asked = f", it asks for {wait:g} s" if wait else ""
            return VenueError(f"{self.venue} limits the rate of calls{asked}", wait)
        if isinstance(error, (ccxt.AuthenticationError, ccxt.PermissionDenied)):
            return VenueError(f"{self.venue} refuses the keys: check that they are valid and may read ({text})")
        if self._late or isinstance(error, ccxt.RequestTimeout):
            return VenueError(f"{self.venue} did not answer within {self.limit:g} s")
        if isinstance(error, ccxt.NetworkError):
            return VenueError(f"{self.venue} cannot be reached: {text}")
        return VenueError(f"{self.venue} answered with an error: {text}")

    def _retry_after(self) -> float:
        """Seconds that the venue asks for, given as a number or as a date."""
        headers = self._exchange.last_response_headers or {}
        text = str(headers.get("Retry-After", "")).strip()
        if text.replace(".", "", 1).isdigit():
            return float(text)
        with contextlib.suppress(ValueError, TypeError):
            return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
        return 0.0

    def end(self) -> None:
        """End the call under way, and let no other begin; may be called from a signal handler."""
        self._ended = True
        self._hang_up()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._exchange.session.close()


def exchange_of(library: Any, venue: str, url: str, settings: Mapping[str, Any] = {}) -> Any:
    """A venue as ccxt, or ccxt.pro, speaks to it.

    Args:
        library: ccxt or ccxt.pro
        venue: a class of it
        url: a testnet, proxy or test server in the place of the venue's own hosts; http is read as ws, https as wss
        settings: of the class
    """
    # ccxt spaces its calls by the wall clock and would sleep through a clock set back: we do it by the monotonic one
    exchange = getattr(library, venue)({"enableRateLimit": False, **settings})
    exchange.logger = logging.Logger("unheard", logging.CRITICAL)  # ccxt writes requests with their keys to its own
    if url:
        exchange.urls["api"] = _rehosted(exchange.urls["api"], url.rstrip("/"))
    return exchange


def _rehosted(address: Any, url: str) -> Any:
    """An address, or a table of them, with another host."""
    if isinstance(address, dict):
        return {name: _rehosted(known, url) for name, known in address.items()}
    host = re.sub("^http", "ws", url) if str(address).startswith("ws") else url
    return _HOST.sub(host, address) if isinstance(address, str) else address


def _ccxt() -> Any:
    """The library that speaks to the venues."""
    try:
        import ccxt
    except ImportError:
        raise MarginError("live data needs ccxt: pip install 'xlmargin[live]'") from None
    return ccxt


class _Unsigned(logging.Filter):
    """Removes the signed part of an address from the log of the library underneath."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record and let it pass."""
        record.msg, record.args = redacted(record.getMessage()), ()
        return True


def _adapter(sockets: list[socket.socket]) -> Any:
    """A transport of requests that says which sockets it uses, so that a call can be ended from outside."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    def noted(connection: type[Any]) -> type[Any]:
        class Noted(connection):  # type: ignore[misc]
            def request(self, *arguments: Any, **named: Any) -> Any:
                if self.sock is None:
                    self.connect()
                sockets.append(self.sock)
                return super().request(*arguments, **named)

        return Noted

    class Plain(HTTPConnectionPool):  # type: ignore[misc]
        ConnectionCls = noted(HTTPConnection)

    class Encrypted(HTTPSConnectionPool):  # type: ignore[misc]
        ConnectionCls = noted(HTTPSConnection)

    class Adapter(HTTPAdapter):  # type: ignore[misc]
        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
            super().init_poolmanager(*arguments, **named)
            self.poolmanager.pool_classes_by_scheme = {"http": Plain, "https": Encrypted}

    return Adapter()
