"""One workbook and one venue: the requests, the writes after each answer, and the status messages."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.live.feed.loop import Clock, Feed, Prices, Tick, show_second
from xlmargin.live.feed.market_table import Row, serial
from xlmargin.live.feed.positions import with_positions
from xlmargin.live.feed.sheets import Sheets
from xlmargin.sheet.layouts import laid_out
from xlmargin.venues import Answer, RawAnswer, answer_of
from xlmargin.venues.fed import Call, venue_module
from xlmargin.venues.quotes import Needs, Quotes, needs_of
from xlmargin.venues.theirs import Theirs

MARKET, POSITIONS, FEED_TIME, FEED_STATUS, THEIRS = "market", "positions", "feed_time", "feed_status", "theirs"
# The value under each heading of the range `theirs`
TOLD: dict[str, Callable[[Theirs], Any]] = {
    "account": lambda row: row.account,
    "currency": lambda row: row.currency,
    "initial": lambda row: row.initial,
    "maintenance": lambda row: row.maintenance,
    "venue": lambda row: row.venue,
    "time": lambda row: serial(row.time) if row.time == row.time else None,
}
LOOK_AGAIN = 0.2  # seconds between looks at a program whose cell is being edited
Grid = list[Row]


class FeedDesk:
    """Feeds one workbook from one venue until it is stopped.

    Attributes:
        sheets: the sheets to write to
        venue: deribit, okx, bybit or binance
        call: the venue's methods, a `Connection.call`
        interval: seconds; with a stream the longest time without a refresh
        positions: whether the positions range follows the venue's own positions; needs keys
        keep: receives the venue's own margins after each answer; None where they are not asked for; needs keys
        say: shows one line
        stream: prices that wake the feed
        least: seconds between two refreshes that a stream must leave
    """

    def __init__(
        self,
        sheets: Sheets,
        venue: str,
        call: Call,
        *,
        interval: float = 5.0,
        positions: bool = False,
        keep: Callable[[list[Theirs]], None] | None = None,
        say: Callable[[str], None] = print,
        stream: Prices | None = None,
        least: float = 1.0,
        clock: Clock = Clock(),  # noqa: B008  (it holds nothing)
    ) -> None:
        """Look at the workbook.

        Raises:
            MarginError: it has no market or positions range, or there are formulas where values will be written
        """
        self.sheets, self._venue, self._call, self._say = sheets, venue, call, say
        self._module = venue_module(venue)
        self._positions, self._keep = positions, keep
        self._held: Answer | None = None
        self._theirs: list[Theirs] = []
        self._names = sheets.names()
        for name in (MARKET, POSITIONS):
            if name not in self._names:
                raise MarginError(f"the workbook has no range {name}: name its cells so, header first")
            if (name == MARKET or positions) and (formulas := sheets.formulas(name)):
                raise MarginError(
                    f"{formulas[0]} in the range {name} holds a formula, which the feed would write over: "
                    "type a value there, or move the formula"
                )
        self.feed = Feed(
            self._quotes,
            self._needs,
            interval=interval,
            before=lambda: sheets.read(MARKET),
            most_rows=len(sheets.read(MARKET)) - 1,
            stream=stream,
            least=least,
            clock=clock,
        )
        self._clock = clock

    def _needs(self) -> Needs:
        """The needs of the book; with the venue's positions where they are followed."""
        rows = self.sheets.read(POSITIONS)
        if self._positions:
            held = self._module.held(self._call)
            place = f"{self._venue}'s positions"
            self._held = answer_of(
                RawAnswer(held.positions, place),
                self._venue,
                None if held.instruments is None else RawAnswer(held.instruments, place),
                priced=False,
                whole=True,
            )
            rows = with_positions(rows, self._held, self._venue)
        return needs_of(rows)

    def _quotes(self, needs: Needs) -> Quotes:
        """The venue's quotes, and its own margins where they are kept."""
        quotes = self._module.quotes(self._call, needs)
        if self._keep is not None:
            self._theirs = self._module.theirs(self._call)
        return quotes

    def run(self, *, once: bool = False) -> bool:
        """Feed until stopped; True when the last attempt brought fresh data."""
        fresh = False
        try:
            with contextlib.closing(self.feed.ticks()) as ticks:
                for tick in ticks:
                    fresh = self._deliver(tick) and tick.fresh
                    if once:
                        self.feed.stop()
            if not once:
                self._farewell()
        finally:
            self.sheets.close()
        return fresh

    def _deliver(self, tick: Tick) -> bool:
        """Write a tick; one that cannot be written before the next is due is dropped for that one."""
        limit = self._clock.monotonic() + tick.pause
        while reason := self.sheets.waits_for():
            if self._clock.monotonic() >= limit or self.feed.wait(LOOK_AGAIN):
                self._say(f"nothing written: {reason}")
                return False
        try:
            self.sheets.write(self._ranges(tick))
        except MarginError as error:
            self._say(f"nothing written: {error}")
            return False
        if tick.fresh and self._keep is not None:
            self._keep(self._theirs)
        self._say(f"{time.strftime('%H:%M:%S', time.gmtime(self._clock.wall()))} {tick.status}")
        return True

    def _ranges(self, tick: Tick) -> Mapping[str, Grid]:
        """The cells to write: the positions that changed, the whole market, then time and status."""
        ranges: dict[str, Grid] = {}
        if tick.fresh and tick.table is not None:
            if self._held is not None:
                before = self.sheets.read(POSITIONS)  # its present cells: people type while a venue answers
                rows = with_positions(before, self._held, self._venue)
                if rows != before:
                    ranges[POSITIONS] = rows
            ranges[MARKET] = tick.table.laid_out(self.sheets.read(MARKET))
            if self._keep is not None and THEIRS in self._names:
                ranges[THEIRS] = laid_out(self.sheets.read(THEIRS), self._theirs, TOLD, THEIRS)
        if FEED_TIME in self._names and tick.table is not None:
            ranges[FEED_TIME] = [[serial(tick.table.as_of)]]
        if FEED_STATUS in self._names:
            ranges[FEED_STATUS] = [[tick.status]]
        return ranges

    def _farewell(self) -> None:
        """Say that nothing more will come, in the sheet too, as far as it still can be said there."""
        table = self.feed.latest()
        if FEED_STATUS in self._names and table is not None and not self.sheets.waits_for():
            try:
                self.sheets.write({FEED_STATUS: [[f"feed stopped; last good {show_second(table.as_of)}"]]})
            except MarginError as error:
                self._say(str(error))
        self._say("stopped")
