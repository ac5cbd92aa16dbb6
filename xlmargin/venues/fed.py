"""The venues of live data: one module each says which answers to ask for and in which units they stand."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, cast

from xlmargin.errors import MarginError
from xlmargin.venues.quotes import Needs, Quotes
from xlmargin.venues.theirs import Theirs

FED_VENUES = ("deribit", "okx", "bybit", "binance")
Call = Callable[..., Any]


class Held(NamedTuple):
    """A venue's positions answer, and its instruments answer where positions count contracts."""

    positions: Any
    instruments: Any = None


class Priced(NamedTuple):
    """The price of an underlying in a message of a stream [USD]; NaN where what stands there is none."""

    underlying: str
    price: float


class VenueModule(Protocol):
    """What each venue's module does; `call` is a method's name and parameters in, the answer out.

    STREAM is the address of its public WebSocket; PING is what a client says there to be kept, "" where the venue asks.
    """

    STREAM: str
    PING: str

    def quotes(self, call: Call, needs: Needs) -> Quotes:
        """Spots, forwards and vols."""

    def held(self, call: Call) -> Held:
        """Positions, as xlmargin.venues reads them; needs read-only keys."""

    def theirs(self, call: Call) -> list[Theirs]:
        """The venue's own margins; needs read-only keys."""

    def theirs_of(self, answer: Any) -> list[Theirs]:
        """The venue's own margins in a saved account answer."""

    def subscription(self, underlyings: Sequence[str]) -> list[dict[str, Any]]:
        """What to send to a WebSocket for some underlyings' prices; apart where one that is not listed would spoil all."""

    def price_of(self, message: Any) -> Priced | None:
        """The price in a decoded message, None in one of another kind; half a message raises what Python does."""


def venue_module(name: str) -> VenueModule:
    """The module of a venue.

    Raises:
        MarginError: there is none; the text lists those that there are
    """
    if name.strip().lower() not in FED_VENUES:
        raise MarginError(f"no live data from {name!r}: --venue is one of {', '.join(FED_VENUES)}")
    venue = name.strip().lower()
    return cast(VenueModule, importlib.import_module(f"{__package__}.{venue}.{venue}_quotes"))
