"""The readings on the sheet Limits: the last readings written into the range `monitor` of an open workbook, in one write per refresh."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.live.feed.market_table import serial
from xlmargin.live.feed.sheets import Sheets
from xlmargin.live.watch.record import Record
from xlmargin.sheet.layouts import laid_out

MONITOR = "monitor"
#: The value under each heading of the range; its Headroom is to the initial margin, as its unit says.
KNOWN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "time": lambda row: serial(row["time"]),
    "equity": lambda row: row["equity"],
    "initialmargin": lambda row: row["initial"],
    "maintenancemargin": lambda row: row["maintenance"],
    "usage": lambda row: row["usage"],
    "headroom": lambda row: row["excess"],
    "status": lambda row: row["status"] or "NO READING",
}
LOOK_AGAIN = 2.0  # seconds between tries while a program is busy or gone
FAREWELL = 5.0  # seconds that the last write may take at the end


class Monitor:
    """Writes the last readings in a thread of its own: a program that is busy delays the sheet, never the watch."""

    def __init__(self, opened: Callable[[], Sheets], record: Record, say: Callable[[str], None]) -> None:
        """Look at the workbook.

        Args:
            opened: reaches the workbook; called in the thread that writes, because Excel answers the thread that asked first

        Raises:
            MarginError: the workbook cannot be reached, or has no range `monitor`
        """
        self._record, self._say = record, say
        self._new = threading.Event()
        self._ended = False
        self._said = ""
        found: queue.SimpleQueue[MarginError | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._begin, args=(opened, found), daemon=True, name="monitor sheet")
        self._thread.start()
        if (problem := found.get()) is not None:
            raise problem

    def _begin(self, opened: Callable[[], Sheets], found: queue.SimpleQueue[MarginError | None]) -> None:
        """Reach the workbook, say whether it has the range, and serve it."""
        if sys.platform == "win32":
            import pythoncom  # comes with xlwings; each thread that speaks to Excel begins so

            pythoncom.CoInitialize()
        try:
            self._sheets = opened()
        except MarginError as error:
            found.put(error)
            return
        try:
            there = MONITOR in self._sheets.names()
            found.put(
                None
                if there
                else MarginError(
                    f"the workbook has no range {MONITOR}: name cells so, with the headings Time, Equity, Initial margin, "
                    "Maintenance margin, Usage, Headroom, Status first"
                )
            )
            if there:
                self._serve()
        except MarginError as error:
            found.put(error)
        finally:
            self._sheets.close()

    def wake(self) -> None:
        """Notify of a new reading."""
        self._new.set()

    def close(self) -> None:
        """Write the new values, and close the workbook."""
        self._ended = True
        self._new.set()
        self._thread.join(FAREWELL)

    def _serve(self) -> None:
        """Write whenever there is something new, as often as the program allows."""
        while not self._ended:
            self._new.wait(LOOK_AGAIN if self._said else None)
            self._new.clear()
            self._tell(self._written())

    def _written(self) -> str:
        """Write; the reason of a failure, else ""."""
        try:
            if reason := self._sheets.waits_for():
                return reason
            before = self._sheets.read(MONITOR)
            self._sheets.write({MONITOR: laid_out(before, self._record.last(len(before) - 1), KNOWN, MONITOR)})
        except MarginError as error:
            return str(error)
        return ""

    def _tell(self, problem: str) -> None:
        """Report an error once, not at every try."""
        if problem and problem != self._said:
            self._say(f"the sheet waits: {problem}")
        self._said = problem
