"""Books in files: the ranges of a workbook, of CSV files, of a saved option chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.files.containers.opened import is_workbook
from xlmargin.files.histories import daily, read_history_file
from xlmargin.files.markets import is_json, read_market_file
from xlmargin.files.ranges import Grid, NotedRows, Ranges
from xlmargin.files.texts import read_table
from xlmargin.files.workbooks import read_workbook
from xlmargin.sheet.cells import header_at, is_blank_row
from xlmargin.sheet.columns import Header
from xlmargin.sheet.headings import MARKET, POSITIONS
from xlmargin.sheet.ranges.exports import FED_BY

NO_BOOK = Ranges([], None, None, None)


def read_ranges(
    path: Path,
    market: Path | None = None,
    parameters: Path | None = None,
    venue: str | None = None,
    instruments: Path | None = None,
    history: Path | None = None,
) -> Ranges:
    """The ranges of a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods, whatever its name says), of CSV files, or of a venue's own answer (JSON).

    Args:
        path: workbook, CSV file of positions, or JSON file of a venue's positions answer
        market: a market range as CSV, or a chain that `read_market_file` knows, which replaces that of `path`
        parameters, history: CSV files that replace the ranges of `path`
        venue: whose answer the JSON file is
        instruments: JSON file of that venue's instruments, where positions count contracts

    Raises:
        MarginError: a file is missing or unreadable, or a workbook has no positions
    """
    answered = is_json(path)
    quotes = NotedRows(None) if market is None else read_market_file(market)
    if answered:
        book = _answer(path, venue, instruments, quotes.rows)
    elif venue is not None or instruments is not None:
        raise MarginError(f"{path} is no JSON file: --venue and --instruments go with a venue's own answer")
    else:
        book = read_workbook(path) if is_workbook(path) else _with_text(NO_BOOK, "positions", path)
        if sum(not is_blank_row(row) for row in book.positions) == 1:
            raise MarginError(f"{path}: the positions have a heading and no row: type them below it, or check what the name covers")
    if market is not None:
        book = book._replace(market=quotes.rows, notes=(*book.notes, *quotes.notes))
    if parameters is not None:
        book = _with_text(book, "parameters", parameters)
    if history is not None or book.history is not None:
        past = daily(book.history or [], "the history") if history is None else read_history_file(history)
        book = book._replace(history=past.rows, notes=(*book.notes, *past.notes))
    return book


def _with_text(book: Ranges, name: str, path: Path) -> Ranges:
    """A book with a range of a text file in place of its own, and what was decided about that file among its notes."""
    table = read_table(path, name)
    changed: dict[str, Any] = {name: table.rows, "notes": (*book.notes, *(f"{path.name}: {note}" for note in table.notes))}
    return book._replace(**changed)


def _answer(path: Path, venue: str | None, instruments: Path | None, quotes: Grid | None) -> Ranges:
    """The ranges of a venue's own answer; where a market is also given, spots, forwards and vols come from there."""
    from xlmargin.venues import of_one_moment, read_answer

    answer = read_answer(path, venue, instruments, priced=quotes is None)
    if quotes is not None:
        answer = of_one_moment(answer, quotes)
    return Ranges(answer.positions, answer.market, None, None, notes=answer.notes)


def cell_of(ranges: Ranges, row: float | str, heading: str) -> str:
    """The cell of the workbook that a fault of PM_CHECK means (`Positions!F6`, `'My book'!F6`), "" where the ranges come from elsewhere.

    Args:
        row: as PM_CHECK shows it: 6, or `market row 6`
        heading: of the column; where the range has none that it may come from, or it is "", the whole row is meant (`Positions!6:6`)
    """
    from xlmargin.files.names import written_cell

    name, number = ("market", str(row).split()[-1]) if isinstance(row, str) else ("positions", str(int(row)))
    place, cells = ranges.places.get(name), ranges.market if name == "market" else ranges.positions
    if place is None or cells is None or not number.isdigit():
        return ""
    header = header_at(cells)
    names = MARKET if name == "market" else POSITIONS
    found = Header(cells[header], names=names)
    column = next((at for key in (heading, *FED_BY.get(heading, ())) if (at := found.find(key)) is not None), None)
    return written_cell(place.sheet, place.row + header + int(number) - 1, None if column is None else place.column + column)


def with_parameter(rows: Grid, name: str, value: str) -> Grid:
    """A parameters range with one more row, in the columns that the range has."""
    header, width = Header(rows[0], "parameters"), len(rows[0])
    named = "Parameter" in header
    extra: list[Any] = [None] * width
    extra[header.column("Parameter") if named else width - 2] = name
    extra[header.column("Value") if named else width - 1] = value
    return [*rows, extra]
