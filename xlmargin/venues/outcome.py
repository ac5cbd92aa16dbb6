"""What a replayed case came to."""

from __future__ import annotations

from typing import Any, NamedTuple

RELATIVE, ABSOLUTE = 1e-12, 1e-14  # what the rounding of double-precision sums may come to


class Outcome(NamedTuple):
    """One case: what it is, whether every number matches, and the first that does not."""

    name: str
    matches: bool
    text: str


class Comparison:
    """Our numbers of one case against a venue's, one by one."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0
        self.off: list[str] = []
        self.notes: list[str] = []

    def number(self, label: str, ours: float, theirs: Any, tolerance: float = ABSOLUTE) -> None:
        """Compare one number; a text of a number counts as one.

        Args:
            tolerance: absolute, beside what rounding comes to
        """
        try:
            printed = float(theirs)
        except (TypeError, ValueError):
            self.off.append(f"{label}: ours {ours:.12g}, theirs {theirs!r} is no number")
            return
        self.count += 1
        if not abs(ours - printed) <= tolerance + RELATIVE * max(abs(ours), abs(printed)):
            self.off.append(f"{label}: ours {ours:.12g}, theirs {printed:.12g}")

    def word(self, label: str, ours: str, theirs: Any) -> None:
        """Compare one word."""
        self.count += 1
        if ours != theirs:
            self.off.append(f"{label}: ours {ours}, theirs {theirs}")

    def note(self, text: str) -> None:
        """Say what of the case was not compared; the same once."""
        if text not in self.notes:
            self.notes.append(text)

    def outcome(self) -> Outcome:
        """The case as one line: the first numbers that differ, or how many match, and what was left out."""
        rest = "".join(f"; {note}" for note in self.notes)
        if self.off:
            more = f" and {len(self.off) - 1} more" if len(self.off) > 1 else ""
            return Outcome(self.name, False, f"{self.off[0]}{more}{rest}")
        return Outcome(self.name, True, f"{self.count} numbers match{rest}")
