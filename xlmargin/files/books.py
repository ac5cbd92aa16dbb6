"""Books in files: the ranges of a workbook, of CSV files, of a saved option chain."""

from __future__ import annotations

import csv
import math
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from xlmargin.errors import MOST_BYTES, MarginError, existing_file
from xlmargin.sheet.cells import is_blank
from xlmargin.sheet.columns import Header
from xlmargin.sheet.registry import FUNCTIONS

Grid = list[list[Any]]
CHAIN = {"instrumentname", "currency", "markiv", "underlyingprice", "indexprice", "timestamp"}  # Deribit's chain as CSV
# a formula cell without a value; one whose value is the empty text says so by t="str"
UNCALCULATED = re.compile(
    rb"""<(?:\w+:)?c\b(?![^>]*\st=)[^>]*><(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)"""
    rb"""(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>"""
)


class Place(NamedTuple):
    """The place of a range in a workbook: its sheet, and the row and column of its first cell, counted from 1."""

    sheet: str
    row: int
    column: int


class Ranges(NamedTuple):
    """The ranges of a book as raw cells; None where a file has none."""

    positions: Grid
    market: Grid | None
    parameters: Grid | None
    method: str | None
    history: Grid | None = None
    notes: tuple[str, ...] = ()
    places: Mapping[str, Place] = MappingProxyType({})
    balances: Grid | None = None


def read_ranges(
    path: Path,
    market: Path | None = None,
    parameters: Path | None = None,
    venue: str | None = None,
    instruments: Path | None = None,
    history: Path | None = None,
) -> Ranges:
    """The ranges of a workbook (.xlsx, .xlsm), of CSV files, or of a venue's own answer (.json).

    Args:
        path: workbook, CSV file of positions, or JSON file of a venue's positions answer
        market, parameters, history: CSV files that replace the ranges of `path`
        venue: whose answer the JSON file is
        instruments: JSON file of that venue's instruments, where positions count contracts

    Raises:
        MarginError: a file is missing or unreadable, or a workbook has no positions
    """
    existing_file(path, most=MOST_BYTES)
    if path.suffix.lower() == ".json":
        book = _answer(path, venue, instruments, priced=market is None)
    elif venue is not None or instruments is not None:
        raise MarginError(f"{path} is no JSON file: --venue and --instruments go with a venue's own answer")
    else:
        book = _workbook(path) if path.suffix.lower() in (".xlsx", ".xlsm") else Ranges(read_csv(path), None, None, None)
    if market is not None:
        book = book._replace(market=as_market(read_csv(market)))
    if parameters is not None:
        book = book._replace(parameters=read_csv(parameters))
    if history is not None:
        book = book._replace(history=read_csv(history))
    return book


def _answer(path: Path, venue: str | None, instruments: Path | None, *, priced: bool) -> Ranges:
    """The ranges of a venue's own answer; where a market is also given, prices come from there."""
    from xlmargin.venues import KNOWN_VENUES, read_answer

    if venue is None:
        raise MarginError(f"{path} is a venue's answer: say whose it is with --venue {', '.join(KNOWN_VENUES)}")
    answer = read_answer(path, venue, instruments, priced=priced)
    return Ranges(answer.positions, answer.market, None, None, notes=answer.notes)


def read_csv(path: Path) -> Grid:
    """The cells of a CSV file, numbers as numbers; commas, semicolons and tabs are distinguished by the header row.

    Raises:
        MarginError: the file is missing, or not text
    """
    try:
        text = existing_file(path, most=MOST_BYTES).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MarginError(f"{path} is not a text file in UTF-8 (byte {error.start}): save it as CSV UTF-8") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return [[csv_cell(cell) for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter)]
    except csv.Error as error:
        raise MarginError(f"{path} cannot be read as CSV: {error}") from None


def csv_cell(text: str) -> Any:
    """A CSV cell: a plain number as a float, everything else unchanged."""
    stripped = text.strip()
    if not stripped or not (stripped[0].isdigit() or stripped[0] in "+-.") or "_" in stripped:
        return stripped
    try:
        value = float(stripped)
    except ValueError:
        return stripped
    return value if math.isfinite(value) else stripped


def cell_of(ranges: Ranges, row: float | str, heading: str) -> str:
    """The cell of the workbook that a fault of PM_CHECK means (`Positions!F6`), "" where the ranges come from elsewhere.

    Args:
        row: as PM_CHECK shows it: 6, or `market row 6`
        heading: of the column, "" where the whole row is meant
    """
    from openpyxl.utils import get_column_letter

    name, number = ("market", str(row).split()[-1]) if isinstance(row, str) else ("positions", str(int(row)))
    place, cells = ranges.places.get(name), ranges.market if name == "market" else ranges.positions
    if place is None or cells is None or not number.isdigit():
        return ""
    header = next(n for n, line in enumerate(cells) if not all(map(is_blank, line)))
    column = Header(cells[header]).find(heading) or 0
    return f"{place.sheet}!{get_column_letter(place.column + column)}{place.row + header + int(number) - 1}"


def with_parameter(rows: Grid, name: str, value: str) -> Grid:
    """A parameters range with one more row, in the columns that the range has."""
    header, width = Header(rows[0], "parameters"), len(rows[0])
    named = "Parameter" in header
    extra: list[Any] = [None] * width
    extra[header.column("Parameter") if named else width - 2] = name
    extra[header.column("Value") if named else width - 1] = value
    return [*rows, extra]


def as_market(rows: Grid) -> Grid:
    """A market range, from one or from a Deribit chain with its vols in percent."""
    at = Header(rows[0] if rows else ()).columns(CHAIN)
    if len(at) < len(CHAIN):
        return rows
    market: Grid = [["Underlying", "Spot", "Instrument", "Forward", "IV", "As of"]]
    for n, row in enumerate(rows[1:], 2):
        if all(is_blank(cell) for cell in row):
            continue
        vol = row[at["markiv"]]
        if not (isinstance(vol, float) or is_blank(vol)):
            raise MarginError(f"chain row {n}: mark_iv must be a number, not {vol!r}")
        market.append(
            [
                row[at["currency"]],
                row[at["indexprice"]],
                row[at["instrumentname"]],
                row[at["underlyingprice"]],
                vol / 100.0 if isinstance(vol, float) else None,
                row[at["timestamp"]],
            ]
        )
    return market


def named_cells(path: Path) -> dict[str, tuple[str, str]]:
    """Sheet and area of every name that a workbook defines.

    Raises:
        MarginError: it cannot be read
    """
    names = _opened(path, values=False).defined_names
    return {name: (sheet, area.replace("$", "")) for name, defined in names.items() for sheet, area in list(defined.destinations)[:1]}


def _opened(path: Path, *, values: bool) -> Any:
    """A workbook with its formulas, or with the values that they had when it was saved."""
    import openpyxl

    try:
        return openpyxl.load_workbook(path, data_only=values)
    except (OSError, KeyError, ValueError, TypeError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
        raise MarginError(f"{path} cannot be read as a workbook: {error}") from None


def _workbook(path: Path) -> Ranges:
    """The ranges of a workbook by their names, else by their sheets."""
    values = _opened(path, values=True)
    engine = _calculated(path)
    places: dict[str, Place] = {}
    positions = _range(values, engine, "positions", ("quantity",), places)
    if positions is None:
        raise MarginError(f"{path} has no positions: name the range `positions`, or call its sheet Positions")
    method = _range(values, engine, "method", (), places)
    return Ranges(
        positions,
        _range(values, engine, "market", ("underlying",), places),
        _range(values, engine, "parameters", ("parameter", "scenario"), places),
        str(method[0][0]) if method and not is_blank(method[0][0]) else None,
        _range(values, engine, "history", ("date",), places),
        places=places,
        balances=_range(values, engine, "balances", ("currency",), places),
    )


def _calculated(path: Path) -> Any:
    """The workbook in the embedded engine if the program that saved it has left formulas without values, else None."""
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        if not any(UNCALCULATED.search(archive.read(name)) for name in sheets):
            return None
    from xlmargin.engine import Workbook

    return Workbook(path, {name: function.call for name, function in FUNCTIONS.items()})


def _range(values: Any, engine: Any, name: str, headings: tuple[str, ...], places: dict[str, Place]) -> Grid | None:
    """The cells of a defined name, else those of the sheet of that name from the row on that holds one of the headings.

    Their places in the workbook go into `places`.
    """
    from openpyxl.utils.cell import range_boundaries

    for known, defined in values.defined_names.items():
        if known.lower() == name:
            sheet, area = next(iter(defined.destinations), (None, ""))
            if sheet not in values.sheetnames:
                raise MarginError(
                    f"the name {known} stands for {defined.attr_text}, which is no range of a sheet: mend it in the list of names"
                )
            left, top, _, _ = range_boundaries(area.replace("$", ""))
            places[name] = Place(values[sheet].title, top, left)
            return _trimmed(_area(values[sheet], engine, area.replace("$", "")))
    for sheet in values.worksheets:
        if sheet.title.lower() == name and headings:
            rows = _area(sheet, engine, sheet.dimensions)
            for start, row in enumerate(rows):
                if any(heading in Header(row) for heading in headings):
                    left, top, _, _ = range_boundaries(sheet.dimensions)
                    places[name] = Place(sheet.title, top + start, left)
                    return _trimmed(rows[start:])
    return None


def _area(sheet: Any, engine: Any, area: str) -> Grid:
    """The cells of an area as they were saved, or as the engine has calculated them."""
    if engine is not None:
        return [list(row) for row in engine.values(sheet.title, area)]
    cells = sheet[area]
    return [[cell.value for cell in row] for row in cells] if isinstance(cells, tuple) else [[cells.value]]


def _trimmed(rows: Sequence[Sequence[Any]]) -> Grid | None:
    """Rows without the blank ones at the end; None where nothing is left."""
    kept = [list(row) for row in rows]
    while kept and all(is_blank(cell) for cell in kept[-1]):
        kept.pop()
    return kept or None
