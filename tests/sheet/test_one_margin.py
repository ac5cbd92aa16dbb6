"""How far one margin of two rows travels through the code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from forgetting import forget

import udfs

MOST_MODULES = 20  # of which a reader must know something to follow one margin from the cells to the number
BOOK: list[list[Any]] = [
    ["Underlying", "Type", "Strike", "DTE", "IV", "Spot", "Quantity"],
    ["BTC", "put", 70_000.0, 10.0, 0.5, 70_000.0, -1.0],
    ["BTC", "put", 69_000.0, 10.0, 0.5, 70_000.0, 1.0],
]


@contextmanager
def entered() -> Iterator[set[str]]:
    """The modules of the project whose code is run meanwhile."""
    names: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        name = str(frame.f_globals.get("__name__", ""))
        if event == "call" and name.partition(".")[0] in ("udfs", "xlmargin"):
            names.add(name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield names
    finally:
        sys.setprofile(before)


def test_one_margin_passes_few_modules() -> None:
    """A short put spread worked out from nothing, when everything is imported and no range or risk array is remembered."""
    udfs.PM_MARGIN([row[:] for row in BOOK])  # imports, and what is read from files once
    forget()
    with entered() as names:
        found = udfs.PM_MARGIN(BOOK)
    assert isinstance(found, float)
    assert 0.0 < found < 1_000.0  # the spread loses at most its width
    assert len(names) <= MOST_MODULES, "\n".join(sorted(names))
