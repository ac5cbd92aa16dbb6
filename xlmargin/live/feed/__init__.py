"""Live data: a venue's quotes, positions and margins, whole or not at all, into a workbook or to whoever asks."""

from __future__ import annotations

from collections.abc import Callable

from xlmargin.live.feed.connect import Connection
from xlmargin.live.feed.desk import FeedDesk
from xlmargin.live.feed.keys import ApiKeys, find_keys, redacted
from xlmargin.live.feed.loop import Clock, Feed, Prices, Streamed, Tick
from xlmargin.live.feed.market_table import MarketTable
from xlmargin.live.feed.reconcile import our_margins, reconcile
from xlmargin.live.feed.stream import Stream
from xlmargin.venues.fed import FED_VENUES, venue_module
from xlmargin.venues.quotes import Needs, Quotes, VenueError, needs_of
from xlmargin.venues.theirs import Theirs

__all__ = [
    "FED_VENUES",
    "ApiKeys",
    "Clock",
    "Connection",
    "Feed",
    "FeedDesk",
    "MarketTable",
    "Needs",
    "Prices",
    "Quotes",
    "Stream",
    "Streamed",
    "Theirs",
    "Tick",
    "VenueError",
    "find_keys",
    "needs_of",
    "our_margins",
    "reconcile",
    "redacted",
    "venue_feed",
    "venue_module",
]


def venue_feed(
    venue: str, needs: Callable[[], Needs], *, interval: float = 5.0, url: str = "", stream: bool = False, least: float = 1.0
) -> Feed:
    """A feed of a venue's public quotes for whoever wants Market ranges without a workbook to write to.

    Args:
        venue: deribit, okx, bybit or binance
        needs: what the book needs now, such as `lambda: needs_of(positions)`; called before every attempt
        interval: seconds; with a stream the longest time without an answer
        url: a testnet, proxy or stand-in in the place of the venue's own address
        stream: whether prices streamed by the venue wake the feed at once
        least: seconds between two answers that a stream must leave

    Raises:
        MarginError: the venue is not known, or ccxt is not installed
    """
    module = venue_module(venue)
    connection = Connection(venue.strip().lower(), url)
    return Feed(
        lambda wanted: module.quotes(connection.call, wanted),
        needs,
        interval=interval,
        stream=Stream(connection.venue, url) if stream else None,
        least=least,
    )
