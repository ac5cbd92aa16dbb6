"""Read-only keys of a venue from the environment or the system keyring, and their removal from every text."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from xlmargin.errors import MarginError

PARTS = ("KEY", "SECRET", "PASSWORD")
HIDDEN = "…"
# The signature of a request: the query of an address, an Authorization header
_SIGNED = re.compile(r"((?:https?:/)?/[^\s?'\"]+)\?[^\s'\"]*|(?i:\b(?:bearer|basic|deri-hmac-sha256)\b)\s+[^\s'\"]+")


@dataclass(frozen=True, slots=True, repr=False)
class ApiKeys:
    """The keys of one venue; they never show in a text.

    Attributes:
        key, secret: as the venue gave them, "" where there are none
        password: the passphrase that OKX asks for, else ""
    """

    key: str = ""
    secret: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Keys(…)" if self else "Keys()"

    def __bool__(self) -> bool:
        return bool(self.key and self.secret)

    def __reduce__(self) -> str:
        raise TypeError("keys are not written anywhere")


NO_KEYS = ApiKeys()


def find_keys(venue: str, environment: Mapping[str, str] = os.environ) -> ApiKeys:
    """The keys XLMARGIN_<VENUE>_KEY, _SECRET (and _PASSWORD) of the environment, else those of the system keyring.

    In the keyring they are the passwords of the service `xlmargin <venue>` under the names key, secret and password.

    Raises:
        MarginError: one of the two is missing
    """
    names = [f"XLMARGIN_{venue.upper()}_{part}" for part in PARTS]
    found = [environment.get(name, "").strip() for name in names]
    if not any(found[:2]):
        found = [_from_keyring(venue, part.lower()) for part in PARTS]
    if bool(found[0]) != bool(found[1]):
        lost = names[1] if found[0] else names[0]
        raise MarginError(f"{lost} is missing: set both {names[0]} and {names[1]} to a read-only key of {venue}")
    return ApiKeys(*found)


def _from_keyring(venue: str, part: str) -> str:
    """A password of the system keyring, "" where there is none, or no keyring."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return ""
    try:
        return (keyring.get_password(f"xlmargin {venue}", part) or "").strip()
    except (KeyringError, RuntimeError):  # no keyring on this machine, or a locked one
        return ""


def redacted(text: str, keys: ApiKeys = NO_KEYS) -> str:
    """A text on one line without keys, and without the signed part of an address."""
    secrets = {part for part in (keys.key, keys.secret, keys.password) if part}
    for secret in sorted(secrets | {quote(part, safe="") for part in secrets}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return " ".join(_SIGNED.sub(lambda found: found[1] or HIDDEN, text).split())
