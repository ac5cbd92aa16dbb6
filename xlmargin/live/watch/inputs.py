"""The files of a watched book: checked for changes, read whole or not at all, the last good book kept."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.files.books import read_ranges
from xlmargin.files.ranges import Grid, Ranges
from xlmargin.files.texts import read_csv

DIGITS = 16  # of the digest that names a book: enough to distinguish all states of one desk's book
AGAIN = 2.0  # seconds until a file that could not be read is tried again, though it looks unchanged
State = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a book.

    Attributes:
        book: workbook, CSV file of positions, or a venue's answer (.json)
        equity: a number, a CSV file of balances, or None for the workbook's own range `balances`
        market, parameters: CSV files that replace the ranges of the book
        method: None for the book's own
        venue: whose answer a JSON file is
    """

    book: Path
    equity: float | Path | None = None
    market: Path | None = None
    parameters: Path | None = None
    method: str | None = None
    venue: str | None = None

    def paths(self) -> tuple[Path, ...]:
        """All files to read."""
        balances = self.equity if isinstance(self.equity, Path) else None
        return tuple(path for path in (self.book, balances, self.market, self.parameters) if path is not None)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A book as it was in its files at one moment: raw cells, and a digest that names it."""

    ranges: Ranges
    equity: float | Grid
    digest: str

    @property
    def method(self) -> str:
        """The method's name, upper case."""
        return (self.ranges.method or "SPAN").upper()


class WatchedFiles:
    """The files of a book, read again when they have changed and come to rest."""

    def __init__(self, files: Files) -> None:
        """Read them.

        Raises:
            MarginError: a file is missing or unreadable, or the equity is not given
        """
        self._files = files
        self._taken = self._pending = self._state()
        self.snapshot = self._read()
        self.problem = ""
        self._tried = time.monotonic()

    def look(self) -> bool:
        """Whether the book is another one than at the last look, or can no longer be read, or again.

        A change counts once the files look the same twice: one that is still being written is left for the next look.
        """
        state = self._state()
        if state == self._taken and not (self.problem and time.monotonic() - self._tried >= AGAIN):
            return False
        if state != self._pending:
            self._pending = state
            return False
        before = self.snapshot.digest, self.problem
        self._tried = time.monotonic()
        try:
            found = self._read()
        except Exception as error:  # a file half written makes its readers fail in any way
            told = str(error) if isinstance(error, MarginError) else f"{self._files.book} cannot be read: {type(error).__name__}: {error}"
            self.problem = " ".join(told.split())
        else:
            if self._state() != state:
                return False
            self.snapshot, self.problem = found, ""
        self._taken = state
        return (self.snapshot.digest, self.problem) != before

    def _state(self) -> State:
        return tuple(map(_stamp, self._files.paths()))

    def _read(self) -> Snapshot:
        files = self._files
        digest = hashlib.sha256(repr((files.method, files.equity)).encode())
        for path in files.paths():
            if path.is_file():
                digest.update(path.read_bytes())
        ranges = read_ranges(files.book, files.market, files.parameters, files.venue if files.book.suffix.lower() == ".json" else None)
        equity: Any = read_csv(files.equity) if isinstance(files.equity, Path) else files.equity
        if equity is None:
            equity = ranges.balances
        if equity is None:
            raise MarginError(
                f"{files.book} says nothing of the equity: give --equity a number or a CSV file of balances, or "
                "name a range of the workbook `balances`"
            )
        return Snapshot(ranges._replace(method=files.method or ranges.method), equity, digest.hexdigest()[:DIGITS])


def _stamp(path: Path) -> tuple[int, int] | None:
    """The time at which a file was last written, and its size; None while it is missing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
