"""Mistakes that a user can mend: one exception, and the faults of a range as data."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MOST_BYTES = 200_000_000  # of a file of one book


class MarginError(Exception):
    """A mistake that a user can mend; the message names the fault, its place and its cure.

    Attributes:
        faults: the faults of the ranges as data, where the mistake lies in their cells; the message is that of the first by row
    """

    def __init__(self, message: str = "", faults: Iterable[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class MethodError(MarginError):
    """A mistake in a method's own files, which no other book would mend."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that a misspelt one is most like; "" where none is known."""
    from difflib import SequenceMatcher  # a misspelt name is rare, and every start would pay for it

    return max(known, key=lambda each: SequenceMatcher(None, name.lower(), each.lower()).ratio(), default="")


def failure(what: str, error: Exception) -> str:
    """Why something gives no answer: the mistake that a person can mend, or the fault in the code that nobody thought of."""
    if isinstance(error, MarginError):
        return str(error)
    return f"{what} failed on these cells ({type(error).__name__}: {error}): please report it"


def named_file(name: str) -> Path:
    """The path that a cell names; `~` is the user's folder, and that of an unknown user is left unchanged."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def existing_file(path: Path, mend: str = "check the name and the folder", most: int | None = None) -> Path:
    """The path of a file that a user has named, checked to exist.

    Args:
        path: its name
        mend: advice of the message where there is no such file
        most: largest size [bytes]

    Raises:
        MarginError: there is no such file, or it is too large
    """
    try:
        there = path.is_file()
    except OSError:  # a name that no file can have, such as one that is far too long
        there = False
    if not there:
        raise MarginError(f"there is no file {path}: {mend}")
    if most is not None and path.stat().st_size > most:
        raise MarginError(f"{path} has more than {most // 1_000_000} MB: give the file of one book alone")
    return path


class Fault(NamedTuple):
    """One fault, or one note, on one cell of a range.

    Attributes:
        row: row counted from the range's header row as 1
        column: heading of the column, or "" where the whole row is meant
        problem: the fault in words, beginning with the heading
        fix: the cure in words
        where: name of the range, "" for the positions
    """

    row: int
    column: str
    problem: str
    fix: str
    where: str = ""

    @property
    def place(self) -> str:
        """The row in words: `row 7` or `market row 7`."""
        return f"{self.where} row {self.row}".strip()

    @property
    def line(self) -> str:
        """One line: place, fault and cure; a fault with `must be` already names its cure."""
        if f"{self.column} must be" in self.problem:
            return f"{self.place}: {self.problem}"
        return f"{self.place}: {self.problem}: {self.fix}"


class Faults:
    """The faults and the notes on a range, collected while it is read."""

    def __init__(self, where: str = "") -> None:
        self.where = where
        self.faults: list[Fault] = []
        self.notes: list[Fault] = []

    def add(self, row: int, column: str, problem: str, fix: str) -> None:
        """Record a fault: no number may come from a range that has one."""
        self.faults.append(Fault(row, column, problem, fix, self.where))

    def note(self, row: int, column: str, problem: str, fix: str) -> None:
        """Record a note, which does not stop a calculation."""
        self.notes.append(Fault(row, column, problem, fix, self.where))

    def rows(self) -> set[int]:
        """Rows that have at least one fault."""
        return {fault.row for fault in self.faults}

    def stop(self, more: Iterable[Fault] = ()) -> None:
        """Raise the first fault by row, if there is one.

        Raises:
            MarginError: naming the row and the column, with every fault as data
        """
        found = sorted([*self.faults, *more], key=lambda fault: fault.row)
        if found:
            raise MarginError(found[0].line, found)
