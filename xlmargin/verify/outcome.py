"""What a replayed case came to."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Outcome"]


class Outcome(NamedTuple):
    """One case: what it is, whether every number matches, and the first that does not."""

    name: str
    matches: bool
    text: str
