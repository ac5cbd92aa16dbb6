"""The venues that the rows of a positions range name."""

from __future__ import annotations

from typing import Any

from xlmargin.book.contracts import venue_of
from xlmargin.sheet.cells import from_header, is_blank
from xlmargin.sheet.columns import Header
from xlmargin.sheet.headings import POSITIONS


def read_venues(raw: Any) -> dict[int, str]:
    """The venue of each row that names one, by row number counted from the header row as 1.

    Args:
        raw: a positions range that has been read without a fault
    """
    rows = from_header(raw)
    at = Header(rows[0], names=POSITIONS).find("Venue")
    if at is None:
        return {}
    named = {n: row[at] for n, row in enumerate(rows[1:], 2) if len(row) > at and not is_blank(row[at])}
    return {n: venue for n, cell in named.items() if (venue := venue_of(str(cell))) is not None}


def only_rows(raw: Any, kept: set[int]) -> list[list[Any]]:
    """A range with all other rows blanked, so that the kept rows have the same numbers.

    Args:
        kept: rows that stay, counted from the header row as 1
    """
    return [list(row) if n == 1 or n in kept else [None] * len(row) for n, row in enumerate(from_header(raw), 1)]
