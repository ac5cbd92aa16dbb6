"""A feed survives what venues, networks and clocks do: last good values stay, marked stale, and it recovers by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from feed_help import Hands, feed_of
from venue_stub import Fault, VenueStub, utc

from xlmargin.errors import Faults, MarginError
from xlmargin.live.feed import Feed, Quotes, needs_of
from xlmargin.live.feed.market_table import PATIENCE
from xlmargin.sheet.ranges.market import read_market

pytest.importorskip("ccxt")

POSITIONS = [
    ["Underlying", "Type", "Strike", "Expiry", "Quantity", "Settlement"],
    ["BTC", "call", 75_000.0, "2026-07-01", -1.0, "inverse"],
    ["BTC", "put", 60_000.0, "2026-07-31", 2.0, "inverse"],
    ["SOL", "future", None, "2026-08-28", 200.0, ""],
]
NEEDS = needs_of(POSITIONS)
SUMMARY = "get_book_summary"


def _rows(change: Callable[[dict[str, Any]], Any]) -> Callable[[Any], Any]:
    """A change of every row of a summary; a row changed to None goes."""
    return lambda answer: {**answer, "result": [kept for row in answer["result"] if (kept := change(row)) is not None]}


def _held_only(row: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**row, **values} if "75000" in row["instrument_name"] else row


FAULTS = {
    "an error of the server": (Fault("status", status=500), "500"),
    "a limit of the rate": (Fault("status", status=429), "it asks for 7 s"),
    "no answer": (Fault("silent"), "did not answer within 0.5 s"),
    "an answer that drips": (Fault("drip", SUMMARY), "did not answer within 0.5 s"),
    "a closed connection": (Fault("close"), "cannot be reached"),
    "a connection lost on the way": (Fault("cut"), "cannot be reached"),
    "half the JSON": (Fault("half"), "half an answer: it is no JSON"),
    "an empty chain": (Fault("change", SUMMARY, change=_rows(lambda row: None)), "no vols of BTC"),
    "rows that are none": (Fault("change", SUMMARY, change=lambda answer: {**answer, "result": [1, 2]}), "result[0] must be an object"),
    "another shape": (Fault("change", "index_price", 2, change=lambda answer: {**answer, "result": [7]}), "AttributeError"),
    "no rows": (Fault("change", SUMMARY, change=lambda answer: {"usOut": 1}), "half an answer: the answer lacks 'result'"),
    "a vol that is missing": (
        Fault("change", SUMMARY, change=_rows(lambda row: _held_only(row, mark_iv=None))),
        "no vol of BTC 2026-07-01 08:00 UTC 75000",
    ),
    "a vol that is no number": (Fault("change", SUMMARY, change=_rows(lambda row: _held_only(row, mark_iv="n/a"))), "no vol of"),
    "a number that JSON does not know": (
        Fault("change", SUMMARY, change=_rows(lambda row: _held_only(row, mark_iv=math.nan))),
        "it is no JSON",
    ),
    "no index": (Fault("change", "index_price", 2, change=lambda answer: {**answer, "result": {}}), "no index price of SOL"),
    "a clock a day ahead": (
        Fault("change", change=lambda answer: {**answer, "usOut": answer["usOut"] + 86_400_000_000}),
        "one of them is wrong",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_last_good_values_stay_and_the_feed_recovers(name: str, stub: VenueStub) -> None:
    """After any fault the last whole table is kept as it was, marked stale with its age, and the next answer counts again."""
    fault, expected = FAULTS[name]
    hands = Hands(stub)
    feed = feed_of(stub, NEEDS, hands, limit=0.5)
    first = feed.once()
    assert first.fresh, first.problem
    assert first.status == "live from deribit at 2026-06-01 09:00:00 UTC"
    stub.spot["BTC"] += 1_000.0
    stub.faults = [Fault(fault.kind, fault.where, fault.times, fault.status, fault.change)]
    hands.on(35.0)
    second = feed.once()
    assert not second.fresh
    assert expected in second.problem
    assert second.table is first.table is feed.latest()
    assert second.status.startswith("STALE for 35 s, last good 2026-06-01 09:00:00 UTC: ")
    assert second.pause >= (7.0 if "rate" in name else 5.0)
    hands.on(5.0)
    third = feed.once()
    assert third.fresh, third.problem
    assert third.table is not None
    assert third.table.rows[1][1] == stub.spot["BTC"]


def test_no_data_yet_is_said(stub: VenueStub) -> None:
    """A feed that never had an answer has no table and says why."""
    stub.faults = [Fault("status", status=503)]
    tick = feed_of(stub, NEEDS, Hands(stub)).once()
    assert tick.table is None
    assert math.isinf(tick.age)
    assert tick.status.startswith("no data yet: deribit cannot be reached")


def test_a_vol_that_stays_away_is_gone(stub: VenueStub) -> None:
    """A held option without a vol in one answer is half an answer; after some in a row the rest counts without it."""
    hands = Hands(stub)
    feed = feed_of(stub, NEEDS, hands)
    assert feed.once().fresh
    stub.faults = [Fault("change", SUMMARY, 99, change=_rows(lambda row: _held_only(row, mark_iv=0)))]
    outcomes = []
    for _ in range(PATIENCE + 2):
        hands.on(5.0)
        outcomes.append(feed.once().fresh)
    assert outcomes == [False] * PATIENCE + [True, True]


def test_pauses_grow_with_jitter_up_to_a_minute(stub: VenueStub) -> None:
    """Attempts that fail come ever later, not in step with others, never more than a minute apart."""
    stub.faults = [Fault("status", times=99)]
    feed = feed_of(stub, NEEDS, Hands(stub), interval=5.0)
    pauses = [feed.once().pause for _ in range(8)]
    for n, pause in enumerate(pauses, 1):
        assert 0.5 * min(5.0 * 2**n, 60.0) <= pause <= min(5.0 * 2**n, 60.0)
    assert len(set(pauses)) == len(pauses)


def test_as_of_never_goes_back(stub: VenueStub) -> None:
    """An answer that is older than the last good one is refused."""
    hands = Hands(stub)
    feed = feed_of(stub, NEEDS, hands)
    hands.on(100.0)
    assert feed.once().fresh
    hands.venue -= 30.0
    tick = feed.once()
    assert tick.problem == "the answer is of 2026-06-01 09:01:10 UTC, before the last good one: time went back"
    hands.on(31.0)
    assert feed.once().fresh


def test_this_computers_clock_may_jump(stub: VenueStub) -> None:
    """A wall clock that is set neither changes the age of a quote nor, by some minutes, stops the feed; it is told."""
    hands = Hands(stub)
    feed = feed_of(stub, NEEDS, hands)
    assert feed.once().fresh
    hands.wall -= 3600.0
    hands.on(20.0)
    stale = feed.once()
    assert stale.age == 20.0
    assert "deribit's clock says 2026-06-01 09:00:20 UTC, this computer's 2026-06-01 08:00:20 UTC" in stale.problem
    hands.wall += 3600.0 - 60.0
    fresh = feed.once()
    assert fresh.fresh
    assert fresh.status.endswith("(the venue's clock and this computer's differ by +60 s)")


def test_missed_intervals_are_skipped() -> None:
    """A consumer that is slow gets the newest quotes next, once: nothing is made up for."""
    elapsed, asked = [0.0], []

    def quotes(_: Any) -> Quotes:
        asked.append(elapsed[0])
        return Quotes.of("deribit", utc(2026, 6, 1) + elapsed[0], {"SOL": 150.0}, [])

    class Waiting(Feed):
        def wait(self, seconds: float) -> bool:
            elapsed[0] += max(seconds, 0.0)
            return False

    spot = needs_of([["Underlying", "Type", "Quantity"], ["SOL", "spot", 1.0]])
    feed = Waiting(
        quotes,
        lambda: spot,
        interval=5.0,
        clock=Hands(VenueStub()).clock._replace(wall=lambda: utc(2026, 6, 1) + elapsed[0], monotonic=lambda: elapsed[0]),
    )
    for n, tick in enumerate(feed.ticks()):
        assert tick.fresh
        elapsed[0] += 23.0 if n == 1 else 1.0  # what is done with the second one takes long
        if n == 4:
            feed.stop()
    assert asked == [0.0, 5.0, 28.0, 33.0, 38.0]


def test_every_table_is_a_market_range(stub: VenueStub) -> None:
    """What a feed yields is read without a fault, and holds what the stub's market says, for every need of the book."""
    hands = Hands(stub)
    table = feed_of(stub, NEEDS, hands).once().table
    assert table is not None
    faults = Faults()
    market = read_market(table.rows, faults)
    assert faults.faults == []
    assert market.as_of == pytest.approx(hands.wall, abs=1e-3)
    assert dict(zip(market.underlyings, market.spot)) == {"BTC": stub.spot["BTC"], "SOL": stub.spot["SOL"]}
    for i in range(len(market.nodes.expiry)):
        coin, expiry = market.underlyings[market.nodes.underlying[i]], float(market.nodes.expiry[i])
        assert market.nodes.forward[i] == pytest.approx(stub.forward(coin, expiry), rel=1e-12)
        if math.isfinite(market.nodes.strike[i]):
            assert market.nodes.vol[i] == pytest.approx(stub.vol(coin, expiry, float(market.nodes.strike[i])), rel=1e-12)


def test_a_short_market_range_keeps_what_is_held(stub: VenueStub) -> None:
    """Where a smile does not fit, the strikes held stay; where not even they fit, nothing is given."""
    hands = Hands(stub)
    table = feed_of(stub, NEEDS, hands, most_rows=8).once().table
    assert table is not None
    assert len(table.rows) == 9
    assert {75_000.0, 60_000.0} <= {row[3] for row in table.rows}
    tick = feed_of(stub, NEEDS, hands, most_rows=3).once()
    assert tick.problem == "the Market range holds 3 rows, too few for the strikes held: make it longer"


def test_rates_and_foreign_coins_are_taken_over(stub: VenueStub) -> None:
    """A rate typed beside a coin stays; a coin that the venue does not list keeps its rows, valued at the new time."""
    before = [["Underlying", "Spot", "Rate", "As of", "Expiry"], ["BTC", 1.0, 0.03, 46_000.0, None], ["AAPL", 250.0, None, None, None]]
    needs = needs_of([*POSITIONS, ["AAPL", "spot", None, None, 5.0, ""]])
    tick = feed_of(stub, needs, Hands(stub), before=lambda: before).once()
    assert tick.table is not None
    by_name = {row[0]: row for row in tick.table.rows if row[2] is None}
    assert by_name["BTC"][6] == 0.03
    assert by_name["AAPL"][1] == 250.0
    assert tick.status.endswith("(AAPL is not quoted by deribit: its rows stay as they were)")
    with pytest.raises(MarginError) as raised:
        tick.table.laid_out(before)
    assert (
        str(raised.value)
        == "market row 1: no column Strike, Forward, IV: add it (the headings found are: Underlying, Spot, Rate, As of, Expiry)"
    )
