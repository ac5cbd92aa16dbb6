"""The record of a watch: every tick, reading, alert and waiting message in one SQLite file, each exactly once."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from xlmargin.errors import MarginError
from xlmargin.live.watch.alerts import RANKS, AlertBasis, Levels, step
from xlmargin.live.watch.reading import Reading

TABLES = """
CREATE TABLE IF NOT EXISTS ticks (sequence INTEGER PRIMARY KEY, time REAL NOT NULL, source TEXT NOT NULL,
    fresh INTEGER NOT NULL, problem TEXT NOT NULL, reading INTEGER);
CREATE INDEX IF NOT EXISTS open_ticks ON ticks (sequence) WHERE reading IS NULL;
CREATE TABLE IF NOT EXISTS readings (sequence INTEGER PRIMARY KEY, time REAL NOT NULL, book TEXT NOT NULL,
    method TEXT NOT NULL, market_time REAL, age REAL, equity REAL, initial REAL, maintenance REAL, usage, headroom REAL,
    excess REAL, status TEXT, nearest TEXT, nearest_price REAL, nearest_move REAL, liquidation TEXT NOT NULL,
    error TEXT NOT NULL, coalesced INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS standing (kind TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS alerts (reading INTEGER NOT NULL, kind TEXT NOT NULL, time REAL NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (reading, kind));
CREATE TABLE IF NOT EXISTS waiting (hook TEXT NOT NULL, reading INTEGER NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (hook, reading));
CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL);
"""
_COLUMNS = """sequence time book method market_time age equity initial maintenance usage headroom excess status
    nearest nearest_price nearest_move liquidation error coalesced"""
#: The columns of a reading in the file, in their order.
COLUMNS = tuple(_COLUMNS.split())
MOST_OPEN = 10_000  # ticks held in memory while the file cannot be written
PATIENCE = 10.0  # seconds to wait for another program that reads or writes the file


class Message(NamedTuple):
    """The message that a hook has to deliver: the reading that raised it, and its content."""

    reading: int
    content: dict[str, Any]


def record_of(book: Path) -> Path:
    """The file in which the readings of a book are recorded."""
    return book.with_name(f"{book.stem}.watch.sqlite")


class Record:
    """One watch's file; its methods may be called from any thread.

    A tick is in the file before it is computed. A reading takes over every tick that no reading has taken yet: its own,
    those that came while another was computed, and those of a watch that was ended between the two.
    """

    def __init__(self, path: Path, hooks: Sequence[str] = (), most_waiting: int = 1) -> None:
        """Open the file, or make it.

        Args:
            hooks: names of the hooks to which alerts go
            most_waiting: messages of one hook that wait at most

        Raises:
            MarginError: it cannot be written, or another watch writes to it
        """
        self.path, self._hooks, self._most = path, tuple(hooks), most_waiting
        self._mutex = threading.Lock()
        self._open: list[tuple[int, float, str, bool, str]] = []
        self._alone = _claimed(path)
        try:
            self._database = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")  # a reading that was shown survives a loss of power, too
            self._database.executescript(TABLES)
            self._database.execute("INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)", (uuid.uuid4().hex,))
            self.identity: str = self._database.execute("SELECT id FROM identity").fetchone()[0]
            self._last: int = self._database.execute("SELECT COALESCE(MAX(sequence), 0) FROM ticks").fetchone()[0]
        except sqlite3.Error as error:
            self._alone.close()
            raise MarginError(f"{path} cannot be written: {error}") from None

    @contextmanager
    def _step(self) -> Iterator[sqlite3.Connection]:
        """One step of the record: all of it is in the file, or nothing.

        Raises:
            MarginError: the file cannot be written
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise MarginError(f"{self.path} cannot be written: {error}") from None

    def arrive(self, time: float, source: str, *, fresh: bool = True, problem: str = "") -> tuple[int, str]:
        """Record that a tick came.

        A file that cannot be written just now gets the tick with the next one; as long as it cannot, they wait in memory.

        Args:
            source: feed or file

        Returns:
            the tick's number, and why it is not in the file yet, else ""
        """
        with self._mutex:
            self._last += 1
            self._open = [*self._open, (self._last, time, source, fresh, problem)][-MOST_OPEN:]
            try:
                self._bring()
            except MarginError as error:
                return self._last, str(error)
            return self._last, ""

    def _bring(self) -> None:
        """Bring the ticks that wait in memory into the file."""
        with self._step() as database:
            database.executemany("INSERT OR IGNORE INTO ticks (sequence, time, source, fresh, problem) VALUES (?, ?, ?, ?, ?)", self._open)
        self._open = []

    def add(self, reading: Reading, levels: Levels, tell: Callable[[Reading, Sequence[str]], str]) -> tuple[str, ...]:
        """Record a reading, the alerts that it raises, and a message of them for each hook, in one step.

        Args:
            tell: returns the text of some kinds of alerts

        Returns:
            the kinds raised, the gravest first; none where the reading was recorded before

        Raises:
            MarginError: the file cannot be written; nothing is recorded then
        """
        with self._mutex:
            if self._open:
                self._bring()
            with self._step() as database:
                if database.execute("SELECT 1 FROM readings WHERE sequence = ?", (reading.sequence,)).fetchone():
                    return ()
                taken = database.execute(
                    "UPDATE ticks SET reading = ? WHERE reading IS NULL AND sequence <= ?", (reading.sequence, reading.sequence)
                ).rowcount
                marks = ", ".join("?" * len(COLUMNS))
                database.execute(f"INSERT INTO readings ({', '.join(COLUMNS)}) VALUES ({marks})", _row(reading, taken - 1))
                return self._alert(database, reading, levels, tell)

    def _alert(
        self, database: sqlite3.Connection, reading: Reading, levels: Levels, tell: Callable[[Reading, Sequence[str]], str]
    ) -> tuple[str, ...]:
        """Take the alerts one step on."""
        before = {kind for (kind,) in database.execute("SELECT kind FROM standing")}
        found = reading.figures
        outcome = None if found is None else AlertBasis(found.equity, found.initial, found.maintenance, found.status)
        standing, raised = step(before, outcome, reading.age, levels)
        if standing != before:
            database.execute("DELETE FROM standing")
            database.executemany("INSERT INTO standing VALUES (?)", [(kind,) for kind in sorted(standing)])
        if raised:
            text = tell(reading, raised)
            database.executemany(
                "INSERT INTO alerts VALUES (?, ?, ?, ?)", [(reading.sequence, kind, reading.time, text) for kind in raised]
            )
            message = json.dumps(
                {"id": f"{self.identity}-{reading.sequence}", "alerts": raised, "text": text, **_named(_row(reading, 0))},
                ensure_ascii=False,
            )
            for hook in self._hooks:
                database.execute("INSERT INTO waiting VALUES (?, ?, ?)", (hook, reading.sequence, message))
                database.execute(
                    "DELETE FROM waiting WHERE hook = ? AND reading NOT IN (SELECT reading FROM waiting "
                    "WHERE hook = ? ORDER BY reading DESC LIMIT ?)",
                    (hook, hook, self._most),
                )
        return raised

    def waiting(self, hook: str) -> Message | None:
        """The oldest message that a hook has to deliver; None where there is none."""
        rows = self._ask("SELECT reading, message FROM waiting WHERE hook = ? ORDER BY reading LIMIT 1", hook)
        return Message(rows[0][0], json.loads(rows[0][1])) if rows else None

    def delivered(self, hook: str, reading: int) -> None:
        """Forget a message that was delivered."""
        with self._mutex, self._step() as database:
            database.execute("DELETE FROM waiting WHERE hook = ? AND reading = ?", (hook, reading))

    def last(self, count: int) -> list[dict[str, Any]]:
        """The last readings, the oldest first."""
        rows = self._ask(f"SELECT {', '.join(COLUMNS)} FROM readings ORDER BY sequence DESC LIMIT ?", count)
        return [_named(row) for row in reversed(rows)]

    def _ask(self, question: str, *given: Any) -> list[Any]:
        with self._mutex:
            try:
                return self._database.execute(question, given).fetchall()
            except sqlite3.Error as error:
                raise MarginError(f"{self.path} cannot be read: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        with self._mutex:
            self._database.close()
            self._alone.close()


def _claimed(path: Path) -> sqlite3.Connection:
    """A lock that says that this watch writes to the file; the system takes it away when the process ends in any way."""
    beside = path.with_name(f"{path.name}.lock")
    try:
        lock = sqlite3.connect(beside, timeout=0.0, check_same_thread=False, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        reason = "another watch records there: end it, or give this one its own --record" if "locked" in str(error) else error
        raise MarginError(f"{path} cannot be written: {reason}") from None
    return lock


def _row(reading: Reading, coalesced: int) -> tuple[Any, ...]:
    """A reading as the columns of the file."""
    found = reading.figures
    head = (reading.sequence, reading.time, reading.book, reading.method, _known(reading.market_time), _known(reading.age))
    if found is None:
        return *head, *([None] * (COLUMNS.index("liquidation") - len(head))), "[]", reading.error, coalesced
    assert found.status in RANKS
    first = found.first
    prices = [[item.underlying, _known(item.price), _known(item.move)] for item in found.nearest]
    return (
        *head,
        found.equity,
        found.initial,
        found.maintenance,
        found.usage,
        found.headroom,
        found.excess,
        found.status,
        *((None, None, None) if first is None else first),
        json.dumps(prices),
        reading.error,
        coalesced,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _named(row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(COLUMNS, row))
