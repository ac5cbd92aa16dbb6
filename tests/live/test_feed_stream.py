"""Streamed prices wake a feed at once, many of them once; without them it asks at its interval and says so."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from venue_socket import ODD, message
from venue_stub import Fault, VenueStub

from xlmargin.live.feed import FED_VENUES, Clock, Connection, Feed, Needs, Stream, Tick, needs_of, venue_module
from xlmargin.live.feed.connect import exchange_of

pytest.importorskip("ccxt")

NEEDS = needs_of(
    [["Underlying", "Type", "Strike", "Expiry", "Quantity", "Settlement"], ["BTC", "call", 75_000.0, "2026-07-01", -1.0, "inverse"]]
)


def _until(done: Callable[[], Any]) -> None:
    """Wait for what another thread does."""
    limit = time.monotonic() + 20.0
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.005)


@contextlib.contextmanager
def _running(
    stub: VenueStub, interval: float = 60.0, needs: Callable[[], Needs] = lambda: NEEDS, least: float = 0.02, **more: Any
) -> Iterator[list[Tick]]:
    """A feed of the stub in a thread of its own; the list grows with its ticks."""
    connection = Connection("deribit", stub.url, limit=5.0)
    feed = Feed(
        lambda wanted: venue_module("deribit").quotes(connection.call, wanted),
        needs,
        interval=interval,
        least=least,
        stream=Stream("deribit", stub.url, **{"first_pause": 0.02} | more),
        clock=Clock(wall=stub.now),
    )
    ticks: list[Tick] = []
    running = threading.Thread(target=lambda: ticks.extend(feed.ticks()))
    running.start()
    try:
        yield ticks
    finally:
        feed.stop()
        running.join(10.0)
        assert not running.is_alive()
        assert not [known for known in threading.enumerate() if known.name == "stream"]


def _spot(tick: Tick) -> float:
    """The spot of BTC in a tick's table."""
    assert tick.table is not None
    rows = tick.table.rows
    return float(rows[1][rows[0].index("Spot")])


@pytest.mark.parametrize("venue", FED_VENUES)
def test_prices_of_each_venue_come(venue: str, stub: VenueStub) -> None:
    """Subscribed in the venue's own words; each new price calls once, the same price again does not."""
    calls: list[None] = []
    stream = Stream(venue, stub.url)
    stream.follow(("BTC", "SOL"))
    stream.start(lambda: calls.append(None))
    try:
        _until(lambda: len(calls) == 2)
        assert set(stub.streams.subscribed) == {(venue, "BTC"), (venue, "SOL")}
        for level in (71_300.0, 71_300.0, 71_400.0):
            stub.move("BTC", level)
        _until(lambda: len(calls) == 4)
        stub.move("SOL", 162.0)
        _until(lambda: len(calls) == 5)
        assert stream.told() == ("", 0)
    finally:
        stream.close()
    assert stub.streams.connections == (2 if venue == "binance" else 1)  # there ccxt opens a socket per coin


@pytest.mark.parametrize("venue", FED_VENUES)
def test_a_coin_that_is_not_listed_spoils_no_other(venue: str, stub: VenueStub) -> None:
    """The venue refuses its subscription; the prices of the others come on the connection that there is."""
    calls: list[None] = []
    stream = Stream(venue, stub.url, first_pause=0.02)
    stream.follow(("XYZ", "BTC"))
    stream.start(lambda: calls.append(None))
    try:
        _until(lambda: calls)
        stub.move("BTC", 71_300.0)
        _until(lambda: len(calls) == 2)
        assert stream.told() == ("", 1 if venue == "deribit" else 0)  # where ccxt's reader raises at a refusal
        assert set(stub.streams.subscribed) == {(venue, "BTC")}
    finally:
        stream.close()


def test_a_recorded_message_is_read(shared: Path) -> None:
    """The stub's message of Deribit has the keys of the recorded one."""
    recorded = json.loads((shared / "data" / "api_samples" / "deribit__ws_ticker.json").read_text())
    ours = message("deribit", "BTC", 1.0, 1.0)
    assert recorded.keys() == ours.keys()
    assert recorded["params"].keys() == ours["params"].keys()
    assert recorded["params"]["channel"] == ours["params"]["channel"]
    assert recorded["params"]["data"].keys() == ours["params"]["data"].keys()


def test_a_price_refreshes_at_once(stub: VenueStub) -> None:
    """A whole new answer a moment after the message, a minute before the interval ends."""
    with _running(stub) as ticks:
        _until(lambda: stub.streams.subscribed and ticks and ticks[-1].stream == ("", 0))
        stub.move("BTC", 71_999.0)
        _until(lambda: _spot(ticks[-1]) == 71_999.0)
        assert ticks[-1].fresh
        assert ticks[-1].status.endswith("(streamed)")


def test_a_burst_makes_few_refreshes(stub: VenueStub) -> None:
    """A thousand prices: at most one refresh per least interval, and the last price is in the last of them."""
    with _running(stub, least=0.5) as ticks:
        _until(lambda: ticks and ticks[-1].stream == ("", 0))
        before, began = len(ticks), time.monotonic()
        for n in range(1_000):
            stub.move("BTC", 72_000.0 + n)
            time.sleep(0.001)
        _until(lambda: _spot(ticks[-1]) == 72_999.0)
        assert len(ticks) - before <= (time.monotonic() - began) / 0.5 + 2


def test_a_venue_that_fails_is_not_asked_sooner(stub: VenueStub) -> None:
    """A failed answer is waited out however many prices come meanwhile."""
    with _running(stub) as ticks:
        _until(lambda: ticks and ticks[-1].stream == ("", 0))
        stub.faults = [Fault("status", "book_summary")]
        stub.move("BTC", 72_000.0)
        _until(lambda: not ticks[-1].fresh)
        asked, count = len(stub.asked), len(ticks)
        for n in range(50):
            stub.move("BTC", 73_000.0 + n)
        _until(lambda: stub.streams.open)
        time.sleep(0.3)
        assert (len(stub.asked), len(ticks)) == (asked, count)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("silent", "deribit sent no price for 0.2 s"),
        ("close", "deribit cannot be reached: Connection closed by remote server"),
        ("cut", "deribit cannot be reached: Connection closed by remote server"),
        ("garbage", "deribit cannot be reached: what it sent is no message"),
        ("refuse", "deribit cannot be reached: 503"),
    ],
)
def test_without_prices_the_interval_goes_on(fault: str, told: str, stub: VenueStub) -> None:
    """Fresh answers all the while; the status says why they are polled, and later that they are streamed again."""
    stub.streams.faults = [fault] * 5
    with _running(stub, 0.05, silence=0.2 if fault == "silent" else 30.0) as ticks:
        _until(lambda: any(f"no stream: {told}" in tick.status for tick in ticks))
        _until(lambda: ticks[-1].status.endswith("(streamed)"))
        assert all(tick.fresh for tick in ticks)
        assert stub.streams.connections >= 6


def test_a_venue_that_is_gone_is_told_and_not_waited_for(stub: VenueStub) -> None:
    """Nothing listens any more: the status says so, and the end comes at once."""
    stub.__exit__()
    stream = Stream("deribit", stub.url, first_pause=0.02)
    stream.follow(("BTC",))
    stream.start(lambda: None)
    _until(lambda: stream.told().problem.startswith("deribit cannot be reached: Cannot connect to host 127.0.0.1"))
    began = time.monotonic()
    stream.close()
    assert time.monotonic() - began < 2.0
    assert not [known for known in threading.enumerate() if known.name == "stream"]


def test_prices_keep_a_connection(stub: VenueStub) -> None:
    """The limit of silence counts from the last price, not from the beginning."""
    with _running(stub, silence=1.5) as ticks:
        _until(lambda: ticks and ticks[-1].stream == ("", 0))
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            stub.move("BTC", 71_000.0 + time.monotonic() % 100.0)
            time.sleep(0.02)
        assert stub.streams.connections == 1


def test_odd_messages_are_counted_and_ignored(stub: VenueStub) -> None:
    """They neither end a connection nor reach a table; the status counts them."""
    stub.streams.faults = ["odd"]
    with _running(stub, 0.05) as ticks:
        _until(lambda: ticks and ticks[-1].stream is not None and ticks[-1].stream.problem == "")
        _until(lambda: f"streamed, {len(ODD)} messages of it not understood" in ticks[-1].status)
        assert stub.streams.connections == 1
        assert all(_spot(tick) == 71_234.5 for tick in ticks)


def test_a_slow_socket_is_heard(stub: VenueStub) -> None:
    """Frames that come byte by byte are put together."""
    stub.streams.faults = ["slow"]
    with _running(stub) as ticks:
        _until(lambda: ticks and ticks[-1].stream == ("", 0))
        stub.move("BTC", 71_888.0)
        _until(lambda: _spot(ticks[-1]) == 71_888.0)


def test_a_flood_takes_no_memory(stub: VenueStub) -> None:
    """After twenty thousand prices that nobody takes, one waking waits, not twenty thousand."""
    feed = Feed(lambda needs: pytest.fail("asked"), lambda: NEEDS, stream=Stream("deribit", stub.url))
    for _ in range(20_000):
        feed.moved()
    assert feed._woken.qsize() == 1


def test_pings_are_answered_and_new_coins_subscribed(stub: VenueStub) -> None:
    """On the connection that there is."""
    wanted = [NEEDS]
    with _running(stub, 0.05, lambda: wanted[-1]) as ticks:
        _until(lambda: ticks and ticks[-1].stream == ("", 0))
        stub.streams.ping()
        _until(lambda: stub.streams.pongs == 1)
        wanted.append(Needs(("BTC", "ETH"), NEEDS.options, NEEDS.dated, NEEDS.coin_settled))
        _until(lambda: ("deribit", "ETH") in stub.streams.subscribed)
        assert stub.streams.connections == 1
        assert stub.streams.subscribed.count(("deribit", "BTC")) == 1


def test_a_clock_that_jumps_does_not_end_the_stream(stub: VenueStub) -> None:
    """While the clocks disagree the last good table stays; afterwards prices wake the feed as before."""
    jump = [0.0]
    now = stub.now
    stub.now = lambda: now() + jump[0]
    with _running(stub, 0.2) as ticks:
        _until(lambda: ticks and ticks[-1].stream == ("", 0))
        jump[0] = -86_400.0
        stub.move("BTC", 72_000.0)
        _until(lambda: not ticks[-1].fresh)
        assert "time went back" in ticks[-1].status or "one of them is wrong" in ticks[-1].status
        jump[0] = 0.0
        stub.move("BTC", 73_000.0)
        _until(lambda: ticks[-1].fresh and _spot(ticks[-1]) == 73_000.0)
        assert stub.streams.connections == 1


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("", "wss://www.deribit.com/ws/api/v2"),
        ("https://test.deribit.com/", "wss://test.deribit.com/ws/api/v2"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws/api/v2"),
    ],
)
def test_the_address_follows_the_url(url: str, address: str) -> None:
    """A testnet or a stand-in is streamed from as well as asked."""
    from ccxt import pro

    assert exchange_of(pro, "deribit", url).urls["api"]["ws"] == address
