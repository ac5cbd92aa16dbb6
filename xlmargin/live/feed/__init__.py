"""Live data: a venue's quotes, positions and margins, whole or not at all, into a workbook or to any caller."""

from __future__ import annotations

from xlmargin.live.feed.connect import Connection
from xlmargin.live.feed.desk import FeedDesk
from xlmargin.live.feed.keys import ApiKeys, find_keys, redacted
from xlmargin.live.feed.loop import Clock, Feed, Tick
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
    "Quotes",
    "Stream",
    "Theirs",
    "Tick",
    "VenueError",
    "find_keys",
    "needs_of",
    "our_margins",
    "reconcile",
    "redacted",
    "venue_module",
]
