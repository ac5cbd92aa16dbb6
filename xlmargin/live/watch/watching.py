"""The watch: records every tick, computes the newest, shows the reading, raises its alerts."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from typing import NamedTuple, Protocol

from xlmargin.desk.account import account_rules
from xlmargin.errors import MarginError
from xlmargin.live.feed import Feed, MarketTable, Needs, Tick, needs_of
from xlmargin.live.watch.alerts import Levels, watch_rules
from xlmargin.live.watch.inputs import Snapshot, WatchedFiles
from xlmargin.live.watch.reading import Figures, Reading, figures_of
from xlmargin.live.watch.record import Record
from xlmargin.live.watch.screen import Screen, told
from xlmargin.margin.parameters import Rules

POLL = 0.25  # seconds between looks at the files
JOIN = 12.0  # seconds for a venue's answer under way to end
STANDS = "the last good book stands"


class Follower(Protocol):
    """An object that is notified of a new reading, and takes it from the record."""

    def wake(self) -> None:
        """Notify of one."""


class _Arrival(NamedTuple):
    """A tick that was recorded: its number, and the feed's last answer, with when it came and whether it is this one."""

    sequence: int
    feed: Tick | None
    at: float
    own: bool


class _Computed(NamedTuple):
    """The result of a book on a market: the book that was margined, its numbers or None, and why not the newest, else ""."""

    book: Snapshot
    figures: Figures | None
    problem: str


class Watch:
    """Watches one book until it is stopped.

    A tick is an answer of the feed, good or bad, or a change of the files. Every tick is recorded when it comes; the newest
    is computed, and its reading says how many ticks it took over that came while another was computed. Nothing is queued.
    """

    def __init__(
        self,
        inputs: WatchedFiles,
        record: Record,
        screen: Screen,
        *,
        feed: Feed | None = None,
        interval: float = 5.0,
        rules: Rules | None = None,
        alarmed: Follower | None = None,
        followers: tuple[Follower, ...] = (),
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            feed: None to watch the files alone
            interval: seconds after which a book that cannot be margined is reported again, where there is no feed
            rules: the parameters of a watch
            alarmed: notified of new alerts
            followers: notified of new readings
        """
        self._inputs, self._record, self._screen, self._feed = inputs, record, screen, feed
        self._interval, self._alarmed, self._followers = interval, alarmed, followers
        self._rules = watch_rules(time.time()) if rules is None else rules
        self._warning_usage = account_rules(time.time()).number("warning_usage")
        self._newest: _Arrival | None = None
        self._mutex = threading.Lock()
        self._done = self._count = 0
        self._good: Snapshot | None = None  # the last book that could be margined
        self._bad_since = math.nan  # when the newest one first could not be
        self._memo: tuple[Snapshot, MarketTable, Figures] | None = None
        self._started = self._looked = self._arrived = time.monotonic()
        self._stopped = False
        self._streamed: str | None = None  # the reason why there is no stream of prices, as last reported
        self._noted: tuple[str, ...] = ()  # what was last told of the files: what stands in, what is left out
        self._failure: BaseException | None = None
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()  # may be put to by a signal handler; an Event may not

    def needs(self) -> Needs:
        """The needs that the feed must meet: of the newest book, and of the last good one while that replaces it.

        Raises:
            MarginError: neither can be read
        """
        newest = needs_of(self._inputs.snapshot.ranges.positions)
        if self._good is None or self._good is self._inputs.snapshot:
            return newest
        return both_needs(newest, needs_of(self._good.ranges.positions))

    def stop(self) -> None:
        """End `run`; may be called from another thread or a signal handler."""
        self._stopped = True
        if self._feed is not None:
            self._feed.stop()
        self._woken.put(None)

    def run(self, *, once: bool = False) -> bool:
        """Watch until stopped; True when the last reading is of current data and without a fault.

        Args:
            once: end after one reading
        """
        good = False
        follower = threading.Thread(target=self._follow, args=(once,), daemon=True, name="feed")
        if self._feed is None:
            self._arrive("file")
        else:
            follower.start()
        try:
            while not self._stopped:
                if self._failure is not None:
                    raise self._failure
                self._look()
                arrival = self._newest
                if arrival is None or arrival.sequence == self._done:
                    with contextlib.suppress(queue.Empty):
                        self._woken.get(timeout=POLL)
                    continue
                good = self._read(arrival)
                self._done = arrival.sequence
                if once:
                    break
        finally:
            self.stop()
            if self._feed is not None:
                follower.join(JOIN)
        return good

    def _follow(self, once: bool) -> None:
        """Record the ticks of the feed, in a thread of its own."""
        assert self._feed is not None
        try:
            with contextlib.closing(self._feed.ticks()) as ticks:
                for tick in ticks:
                    if self._stopped:
                        return
                    self._tell_stream(tick)
                    self._arrive("feed", tick)
                    if once:
                        return
        except BaseException as error:  # reported where the watch runs
            self._failure = error
            self._woken.put(None)

    def _tell_stream(self, tick: Tick) -> None:
        """Say where the stream of prices begins, ends and why; without it the feed still asks at its interval."""
        problem = None if tick.stream is None else tick.stream.problem
        if tick.stream is not None and problem != self._streamed:
            self._screen.say(f"stream: {tick.stream.text}")
        self._streamed = problem

    def _arrive(self, source: str, tick: Tick | None = None) -> None:
        """Record a tick, and let the newest one be computed."""
        now = time.monotonic()
        with self._mutex:
            fresh, problem = (not self._inputs.problem, self._inputs.problem) if tick is None else (tick.fresh, tick.problem)
            sequence, failed = self._record.arrive(time.time(), source, fresh=fresh, problem=problem)
            before = self._newest
            if tick is not None:
                self._newest = _Arrival(sequence, tick, now, True)
            else:
                self._newest = _Arrival(sequence, before and before.feed, before.at if before else now, False)
            self._arrived = now
        if failed:
            self._screen.say(f"NOT RECORDED YET: {failed}")
        if self._woken.empty():
            self._woken.put(None)

    def _look(self) -> None:
        """A tick for files that have changed, and at the interval for a book that cannot be margined."""
        now = time.monotonic()
        if now - self._looked < POLL:
            return
        self._looked = now
        changed = self._inputs.look()
        overdue = self._feed is None and not math.isnan(self._bad_since) and now - self._arrived >= self._interval
        if changed or overdue:
            self._arrive("file")

    def _read(self, arrival: _Arrival) -> bool:
        """Compute, record and show a reading; whether it is of current data and without a fault."""
        now, wall = time.monotonic(), time.time()
        table = None if arrival.feed is None else arrival.feed.table
        found = self._computed(table, wall)
        bad = found.figures is None or bool(found.problem)
        self._bad_since = math.nan if not bad else now if math.isnan(self._bad_since) else self._bad_since
        problems, age = [found.problem] if found.problem else [], 0.0 if not bad else now - self._bad_since
        if arrival.feed is not None:
            passed = 0.0 if arrival.own else now - arrival.at
            age = max(age, min(arrival.feed.age + passed, now - self._started))
            problems += [arrival.feed.problem] if arrival.feed.problem else []
        self._tell_notes(found.book)
        figures = found.figures
        if figures is not None:
            self._warning_usage = figures.warning_usage
            problems += [figures.problem] if figures.problem else []
        self._keep(
            Reading(
                arrival.sequence,
                wall,
                found.book.digest,
                found.book.method,
                math.nan if table is None else table.as_of,
                age,
                figures,
                "; ".join(dict.fromkeys(problems)),
            )
        )
        return not problems

    def _tell_notes(self, book: Snapshot) -> None:
        """Say what stands in for what in the files, and what is left out of them, when it is new."""
        if book.ranges.notes != self._noted:
            for note in book.ranges.notes:
                self._screen.say(f"note: {note}")
        self._noted = book.ranges.notes

    def _keep(self, reading: Reading) -> None:
        """Record a reading with its alerts, and show both."""
        levels = Levels(self._warning_usage, self._rules.number("rearm_below"), self._rules.number("stale_after"))
        raised: tuple[str, ...] = ()
        try:
            raised = self._record.add(reading, levels, told)
        except MarginError as error:
            self._screen.say(f"NOT RECORDED: {error}")
        self._count += 1
        if raised:
            self._screen.say(f"ALERT {told(reading, raised)}")
            if self._alarmed is not None:
                self._alarmed.wake()
        self._screen.show(reading, self._count)
        for follower in self._followers:
            follower.wake()

    def _computed(self, table: MarketTable | None, wall: float) -> _Computed:
        """The numbers of the newest book; where it has none, those of the last good one."""
        newest, problem = self._inputs.snapshot, self._inputs.problem
        if self._feed is not None and table is None:
            return _Computed(newest, None, "no data yet")
        try:
            figures = self._figures(newest, table, wall)
        except MarginError as error:
            problem = problem or str(error)
            if self._good is None or self._good is newest:
                return _Computed(newest, None, problem)
            try:
                return _Computed(self._good, self._figures(self._good, table, wall), f"{problem}; {STANDS}")
            except MarginError:
                return _Computed(newest, None, problem)
        self._good = newest
        return _Computed(newest, figures, problem and f"{problem}; {STANDS}")

    def _figures(self, book: Snapshot, table: MarketTable | None, wall: float) -> Figures:
        """The numbers of a book; those of the last reading where it was of the same book and answer of the feed."""
        if table is None:
            return figures_of(book, book.ranges.market, wall)
        if self._memo is None or self._memo[0] is not book or self._memo[1] is not table:
            self._memo = book, table, figures_of(book, table.rows, table.as_of)
        return self._memo[2]


def both_needs(one: Needs, other: Needs) -> Needs:
    """The needs of two books together."""
    return Needs(
        tuple(sorted({*one.underlyings, *other.underlyings})),
        one.options | other.options,
        one.dated | other.dated,
        one.coin_settled | other.coin_settled,
    )
