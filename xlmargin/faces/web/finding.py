"""The cells of all sheets that show a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.faces.web.contents import Contents

_MOST_HITS = 20_000


def hits(text: str, sheets: Iterable[tuple[int, Contents]], revision: int) -> list[list[int]]:
    """The cells that show a text, or hold it as it is edited, in any case, as [sheet, row, column] in reading order.

    Parameters: sheets, each with its number; revision of the workbook that is looked through.
    Raises: MarginError for more cells than a reader goes through.
    """
    wanted, found = text.strip().casefold(), []
    if not wanted:
        return []
    for number, contents in sheets:
        contents.refresh(revision)
        found += [[number, *cell[:2]] for cell in sorted(contents.filled()) if _shows(cell, wanted)]
        if len(found) > _MOST_HITS:
            raise MarginError(f"More than {_MOST_HITS:,} cells show {text.strip()!r}: type more of what you look for.")
    return found


def _shows(cell: list[Any], wanted: str) -> bool:
    return any(wanted in str(part).casefold() for part in (cell[2], *cell[5:]))
