"""Who is let in to a served workbook: the first who comes with a one-time token, and from then on by a cookie."""

from __future__ import annotations

import secrets
import threading

_BYTES = 32  # of a key and of a token


class Entrance:
    """The key of a server and the tokens that are exchanged for it, each once.

    An address with a token is an argument of the browser's process, which everybody on the machine can read: it is
    worth nothing once the browser has come. The key itself is only ever told in a cookie.
    Parameters: port of the server; cookies are kept by host alone, so its name tells open workbooks apart.
    """

    def __init__(self, port: int) -> None:
        self.cookie = f"xlmargin-{port}"
        self._key = secrets.token_urlsafe(_BYTES)
        self._lock = threading.Lock()
        self._tokens: set[str] = set()

    def token(self) -> str:
        """A new token, good for one exchange."""
        made = secrets.token_urlsafe(_BYTES)
        with self._lock:
            self._tokens.add(made)
        return made

    def is_unused(self, token: str) -> bool:
        """Whether a token of ours has not been exchanged yet."""
        with self._lock:
            return token in self._tokens

    def exchanged(self, given: str) -> str:
        """The cookie to set for a token, which is void from now on; "" where it is used or none of ours."""
        with self._lock:
            found = next((token for token in self._tokens if _equal(given, token)), None)
            if found is None:
                return ""
            self._tokens.remove(found)
        return f"{self.cookie}={self._key}; Path=/; HttpOnly; SameSite=Strict"

    def knows(self, cookies: str) -> bool:
        """Whether the header of a request's cookies holds the key."""
        pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
        return any(name == self.cookie and _equal(value, self._key) for name, _, value in pairs)


def _equal(given: str, known: str) -> bool:
    """In a time that tells nothing of how much is right."""
    return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())
