"""The feed: requests a venue at an interval, keeps the last whole answer, and reports its age."""

from __future__ import annotations

import contextlib
import math
import queue
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from xlmargin.errors import MarginError
from xlmargin.live.feed.market_table import MarketTable, Missing, Row, market_table
from xlmargin.venues.quotes import Needs, Quotes, VenueError

LONGEST_PAUSE = 60.0  # seconds between attempts, however often they fail
LONGEST_ASKED = 900.0  # seconds for which a venue is left alone when it asks for it
MOST_SKEW = 600.0  # seconds by which our clock and the venue's may differ before neither is believed
TOLD_SKEW = 5.0  # seconds of difference that are reported


class Clock(NamedTuple):
    """The clocks of a feed: stamps come from the wall clock, intervals from a monotonic one."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


class Streamed(NamedTuple):
    """The state of a stream of prices: the reason why none come, "" while they do, and the count of unreadable messages."""

    problem: str
    ignored: int

    @property
    def text(self) -> str:
        """A few words for people."""
        odd = f", {self.ignored:,} messages of it not understood" if self.ignored else ""
        return (f"polling, no stream: {self.problem}" if self.problem else "streamed") + odd


class Prices(Protocol):
    """A stream of prices that wakes a feed."""

    def start(self, moved: Callable[[], None]) -> None:
        """Begin; `moved` may be called from any thread whenever a price has changed."""

    def follow(self, underlyings: tuple[str, ...]) -> None:
        """Which underlyings' prices are wanted from now on."""

    def told(self) -> Streamed:
        """Its state."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The outcome of one attempt.

    Attributes:
        table: the last whole Market range, None as long as there was none
        fresh: whether this attempt brought it
        problem: the reason of a failure, "" when fresh
        age: seconds since the table was received, infinite where there is none
        pause: seconds until the next attempt
        stream: the state of the stream of prices, None where there is none
    """

    table: MarketTable | None
    fresh: bool
    problem: str
    age: float
    pause: float
    stream: Streamed | None = None

    @property
    def status(self) -> str:
        """One line for people: live with its time, or stale with its reason."""
        streamed = [] if self.stream is None else [self.stream.text]
        if self.table is None:
            return "; ".join([f"no data yet: {self.problem}", *streamed])
        moment, told = show_second(self.table.as_of), "; ".join([*self.table.notes, *streamed])
        if self.fresh:
            return f"live from {self.table.source} at {moment}" + (f" ({told})" if told else "")
        return "; ".join([f"STALE for {self.age:.0f} s, last good {moment}: {self.problem}", *streamed])


def show_second(seconds: float) -> str:
    """An instant to the second, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


class Feed:
    """A venue's quotes as whole Market ranges, one at a time, the newest only.

    Nothing is queued: an attempt begins when the consumer asks for it, and intervals that were missed are skipped. However
    many prices a stream brings, one attempt follows.
    """

    def __init__(
        self,
        quotes: Callable[[Needs], Quotes],
        needs: Callable[[], Needs],
        *,
        interval: float = 5.0,
        before: Callable[[], list[Row] | None] = lambda: None,
        most_rows: int = 300,
        stream: Prices | None = None,
        least: float = 1.0,
        clock: Clock = Clock(),  # noqa: B008  (it holds nothing)
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            quotes: asks the venue
            needs: the present needs of the book; called before every attempt
            interval: seconds from attempt to attempt; with a stream the longest that there may be
            before: the present Market range, for rates and for coins that the venue does not list
            most_rows: rows below its header
            stream: begins the next attempt as soon as a price has changed; not after an attempt that failed
            least: seconds from attempt to attempt that a stream must leave; the interval where that is shorter
        """
        if not (math.isfinite(interval) and interval > 0.0):
            raise MarginError(f"the interval must be above 0 seconds, not {interval:g}")
        if not (math.isfinite(least) and least > 0.0):
            raise MarginError(f"the least time between two refreshes must be above 0 seconds, not {least:g}")
        self._quotes, self._needs, self._before = quotes, needs, before
        self.interval, self._most_rows, self._clock = interval, most_rows, clock
        self._missing = Missing()
        self._table: MarketTable | None = None
        self._received = -math.inf
        self._failures = 0
        self._stopped = self._moved = False
        self._stream, self._least = stream, min(least, interval)
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()  # may be put to by a signal handler; an Event may not

    def latest(self) -> MarketTable | None:
        """The last whole Market range, None as long as there was none."""
        return self._table

    def stop(self) -> None:
        """End `ticks`; may be called from another thread or a signal handler."""
        self._stopped = True
        self._woken.put(None)

    def moved(self) -> None:
        """Let the next attempt begin as soon as it may; from any thread."""
        if not self._moved:  # one waking per attempt, however many prices come
            self._moved = True
            self._woken.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait, but no longer than until a price moves; True when the feed was stopped meanwhile."""
        if not self._stopped and seconds > 0.0:
            with contextlib.suppress(queue.Empty):
                self._woken.get(timeout=seconds)
        return self._stopped

    def once(self) -> Tick:
        """One attempt; a venue that fails, or a book that cannot be read just now, is a tick that is not fresh."""
        problem, asked = "", 0.0
        try:
            needs = self._needs()
            if self._stream is not None:
                self._stream.follow(needs.underlyings)
            table = self._read(needs)
        except MarginError as error:
            problem, asked = str(error), error.wait if isinstance(error, VenueError) else 0.0
        now, streamed = self._clock.monotonic(), None if self._stream is None else self._stream.told()
        if not problem:
            self._table, self._received, self._failures = table, now, 0
            return Tick(table, True, "", 0.0, self.interval, streamed)
        self._failures += 1
        longest = max(self.interval, LONGEST_PAUSE)
        pause = random.uniform(0.5, 1.0) * min(self.interval * 2.0 ** min(self._failures, 32), longest)
        return Tick(self._table, False, problem, now - self._received, max(pause, min(asked, LONGEST_ASKED)), streamed)

    def _read(self, needs: Needs) -> MarketTable:
        """A whole answer as a table.

        Raises:
            VenueError: the venue failed, or its answer is not whole, or its time cannot be
        """
        try:
            quotes = self._quotes(needs)
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # raised by a reader on an answer of another shape
            raise VenueError(f"half an answer: {type(error).__name__}: {error}") from None
        now = self._clock.wall()
        if math.isnan(quotes.time):
            quotes = replace(quotes, time=now)
        skew = quotes.time - now
        if abs(skew) > MOST_SKEW:
            raise VenueError(
                f"{quotes.source}'s clock says {show_second(quotes.time)}, this computer's {show_second(now)}: one of them is wrong"
            )
        if self._table is not None and quotes.time < self._table.as_of:
            raise VenueError(f"the answer is of {show_second(quotes.time)}, before the last good one: time went back")
        self._missing.check(quotes, needs)
        table = market_table(quotes, needs, self._before(), self._most_rows)
        if abs(skew) > TOLD_SKEW:
            table = replace(table, notes=(*table.notes, f"the venue's clock and this computer's differ by {skew:+.0f} s"))
        return table

    def ticks(self) -> Generator[Tick, None, None]:
        """A tick per interval until `stop`: fresh ones with a new table, others with the last good one and its age."""
        if self._stream is not None:
            self._stream.start(self.moved)
        try:
            due = self._clock.monotonic()
            while not self._stopped:
                self._moved, began = False, self._clock.monotonic()
                tick = self.once()
                yield tick
                now = self._clock.monotonic()
                # an interval that has passed already is skipped, never made up for
                due = max(due + self.interval, now) if tick.fresh else now + tick.pause
                if self._rest(began + self._least if tick.fresh else due, due):
                    due = self._clock.monotonic()
        finally:
            if self._stream is not None:
                self._stream.close()

    def _rest(self, soonest: float, due: float) -> bool:
        """Wait until an attempt is due, or may begin and a price has moved; whether it begins before its time.

        Args:
            soonest, due: by the monotonic clock [s]
        """
        while not self._stopped:
            until = min(soonest, due) if self._moved else due
            if (left := until - self._clock.monotonic()) <= 0.0:
                return until < due
            self.wait(left)
        return False
