"""Market ranges in files: our own, and the chains that venues and data vendors publish, known by what they hold."""

from __future__ import annotations

import re
from pathlib import Path

from xlmargin.errors import MOST_BYTES, MarginError, existing_file
from xlmargin.files.ranges import Grid, NotedRows
from xlmargin.files.texts import read_table
from xlmargin.sheet.cells import from_header
from xlmargin.sheet.columns import Header
from xlmargin.sheet.headings import MARKET
from xlmargin.sheet.ranges.market import HEADINGS

IS_JSON = re.compile(rb"\xef?\xbb?\xbf?\s*(\{|\[\s*[\[{])")
HEAD = 4096  # bytes of a file by which JSON is known


def is_json(path: Path) -> bool:
    """Whether a file is JSON, by its name or its first bytes.

    Raises:
        MarginError: it is missing or too large
    """
    with existing_file(path, most=MOST_BYTES).open("rb") as file:
        return path.suffix.lower() == ".json" or IS_JSON.match(file.read(HEAD)) is not None


def read_market_file(path: Path) -> NotedRows:
    """The market range of a file: our own as CSV, or quotes that a venue or a vendor gives, as JSON or CSV.

    Raises:
        MarginError: it is missing or unreadable, its shape is not known, or its quotes contradict each other
    """
    if is_json(path):
        return _of_json(path)
    table = read_table(path, "market")
    found = market_of(table.rows, str(path))
    return found._replace(notes=(*(f"{path.name}: {note}" for note in table.notes), *found.notes))


def _of_json(path: Path) -> NotedRows:
    from xlmargin.methods.json_shape import read_json
    from xlmargin.venues.chain_answers import rows_of_answer
    from xlmargin.venues.saved_chains import Told, saved_market

    told = Told(str(path))
    return NotedRows(saved_market(rows_of_answer(read_json(path), told), told), tuple(told.lines))


def market_of(table: Grid, file: str) -> NotedRows:
    """A market range from the cells of a table: our own as it is, a chain by its columns.

    Args:
        table: cells with the header first
        file: name of the table in messages

    Raises:
        MarginError: as `read_market_file`
    """
    rows = from_header(table)
    header, named = Header(rows[0] if rows else ()), Header(rows[0] if rows else (), names=MARKET)
    if not rows or "Spot" in header or "IV" in header:  # our own headings, which no chain has
        return NotedRows(table)
    from xlmargin.files import chain_tables
    from xlmargin.venues.saved_chains import READABLE, Told, saved_market

    source = chain_tables.source_of(header)
    if source is None and not any(heading in named for heading in HEADINGS):
        raise MarginError(f"{file} holds no quotes that are known (its headings are: {', '.join(header.shown)}): {READABLE}")
    if source is None:
        return NotedRows(table)
    told = Told(file)
    return NotedRows(saved_market(source(chain_tables.numbered(table), header, told), told), tuple(told.lines))
