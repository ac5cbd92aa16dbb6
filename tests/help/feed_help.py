"""Helpers of the tests of the feed: a clock that is set by hand, a stub's feed."""

from __future__ import annotations

from typing import Any

from venue_stub import VenueStub

from xlmargin.live.feed import Clock, Connection, Feed, Needs, venue_module


class Hands:
    """Clocks set by hand; the venue's runs with ours until one of them is set."""

    def __init__(self, stub: VenueStub) -> None:
        self.wall = stub.now()
        self.venue, self.elapsed = self.wall, 0.0
        stub.now = lambda: self.venue

    def on(self, seconds: float) -> None:
        """Let time pass."""
        self.wall, self.venue, self.elapsed = self.wall + seconds, self.venue + seconds, self.elapsed + seconds

    @property
    def clock(self) -> Clock:
        """The clock of a feed."""
        return Clock(lambda: self.wall, lambda: self.elapsed)


def feed_of(stub: VenueStub, needs: Needs, hands: Hands, venue: str = "deribit", limit: float = 2.0, **more: Any) -> Feed:
    """A feed of the stub."""
    connection = Connection(venue, stub.url, limit=limit)
    return Feed(lambda wanted: venue_module(venue).quotes(connection.call, wanted), lambda: needs, clock=hands.clock, **more)
