"""What the tests of the feed share: sockets that stay on this machine, a clock that is set by hand, a stub's feed."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from venue_stub import VenueStub

from xlmargin.feed import Clock, Connection, Feed, Needs, venue_module

__all__ = ["Hands", "feed_of", "stay_here"]


def stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket to any other machine fails the test."""
    connect = socket.socket.connect

    def loopback(self: socket.socket, address: Any) -> Any:
        assert self.family == socket.AF_UNIX or address[0] == "127.0.0.1", f"a test wanted to reach {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", loopback)


class Hands:
    """Clocks set by hand; the venue's runs with ours until somebody sets one of them."""

    def __init__(self, stub: VenueStub) -> None:
        self.wall = stub.now()
        self.venue, self.elapsed = self.wall, 0.0
        stub.now = lambda: self.venue

    def on(self, seconds: float) -> None:
        """Let time pass."""
        self.wall, self.venue, self.elapsed = self.wall + seconds, self.venue + seconds, self.elapsed + seconds

    @property
    def clock(self) -> Clock:
        """For a feed."""
        return Clock(lambda: self.wall, lambda: self.elapsed)


def feed_of(stub: VenueStub, needs: Needs, hands: Hands, venue: str = "deribit", limit: float = 2.0, **more: Any) -> Feed:
    """A feed of the stub."""
    connection = Connection(venue, stub.url, limit=limit)
    return Feed(lambda wanted: venue_module(venue).quotes(connection.call, wanted), lambda: needs, clock=hands.clock, **more)
