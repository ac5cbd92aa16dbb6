"""The venues of live data: one module each gives the requests to make and the units of their answers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
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


class Watched(NamedTuple):
    """The market whose streamed ticker holds the index of an underlying.

    Attributes:
        market: its name at the venue
        method: of ccxt.pro, which watches it
        parameters: of the method
    """

    market: str
    method: str = "watch_tickers"
    parameters: Mapping[str, str] = {}


class VenueModule(Protocol):
    """The functions of each venue's module; `call` is a method's name and parameters in, the answer out."""

    def quotes(self, call: Call, needs: Needs) -> Quotes:
        """Spots, forwards and vols; raises VenueError where an answer is missing or cut off."""

    def held(self, call: Call) -> Held:
        """Positions, as xlmargin.venues reads them; needs read-only keys."""

    def theirs(self, call: Call) -> list[Theirs]:
        """The venue's own margins; needs read-only keys."""

    def theirs_of(self, answer: Any) -> list[Theirs]:
        """The venue's own margins in a saved account answer."""

    def watched(self, coin: str) -> Watched:
        """The address of the stream of an underlying's price."""


def venue_module(name: str) -> VenueModule:
    """The module of a venue.

    Raises:
        MarginError: there is none; the text lists those that there are
    """
    if name.strip().lower() not in FED_VENUES:
        raise MarginError(f"no live data from {name!r}: --venue is one of {', '.join(FED_VENUES)}")
    venue = name.strip().lower()
    return cast(VenueModule, importlib.import_module(f"{__package__}.{venue}.{venue}_quotes"))
