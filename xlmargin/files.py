"""Books in files: the ranges of a workbook, of CSV files, of a saved option chain."""

from __future__ import annotations

import csv
import math
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xlmargin.cells import heading_key, is_blank
from xlmargin.errors import MarginError
from xlmargin.registry import FUNCTIONS

__all__ = ["Ranges", "named_cells", "read_csv", "read_ranges"]

Grid = list[list[Any]]
CHAIN = {"instrumentname", "currency", "markiv", "underlyingprice", "indexprice", "timestamp"}  # Deribit's chain as CSV
MOST_BYTES = 200_000_000
# a formula cell without a value; one whose value is the empty text says so by t="str"
UNCALCULATED = re.compile(rb"""<(?:\w+:)?c\b(?![^>]*\st=)[^>]*><(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)"""
                          rb"""(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>""")


class Ranges(NamedTuple):
    """The ranges of a book as raw cells; None where a file has none."""

    positions: Grid
    market: Grid | None
    parameters: Grid | None
    method: str | None
    history: Grid | None = None


def read_ranges(path: Path, market: Path | None = None, parameters: Path | None = None,
                history: Path | None = None) -> Ranges:
    """The ranges of a workbook (.xlsx, .xlsm) or of CSV files.

    Parameters
    ----------
    path: workbook, or CSV file of positions
    market, parameters, history: CSV files that stand in for what `path` says

    Raises
    ------
    MarginError: a file is missing or unreadable, or a workbook has no positions
    """
    _must_exist(path)
    book = _workbook(path) if path.suffix.lower() in (".xlsx", ".xlsm") else Ranges(read_csv(path), None, None, None)
    if market is not None:
        book = book._replace(market=_as_market(read_csv(market)))
    if parameters is not None:
        book = book._replace(parameters=read_csv(parameters))
    if history is not None:
        book = book._replace(history=read_csv(history))
    return book


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise MarginError(f"there is no file {path}: check the name and the folder")
    if path.stat().st_size > MOST_BYTES:
        raise MarginError(f"{path} has more than {MOST_BYTES // 1_000_000} MB: give a workbook or CSV file of positions")


def read_csv(path: Path) -> Grid:
    """The cells of a CSV file, numbers as numbers; commas, semicolons and tabs are told apart by the header row.

    Raises
    ------
    MarginError: the file is missing, or not text
    """
    _must_exist(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MarginError(f"{path} is not a text file in UTF-8 (byte {error.start}): save it as CSV UTF-8") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return [[_cell(cell) for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter)]
    except csv.Error as error:
        raise MarginError(f"{path} cannot be read as CSV: {error}") from None


def _cell(text: str) -> Any:
    """A CSV cell: a plain number as a float, everything else as it stands."""
    stripped = text.strip()
    if not stripped or not (stripped[0].isdigit() or stripped[0] in "+-.") or "_" in stripped:
        return stripped
    try:
        value = float(stripped)
    except ValueError:
        return stripped
    return value if math.isfinite(value) else stripped


def _as_market(rows: Grid) -> Grid:
    """A market range, from one or from a Deribit chain with its vols in percent."""
    keys = [heading_key(cell) for cell in rows[0]] if rows else []
    if not set(keys) >= CHAIN:
        return rows
    at = {key: keys.index(key) for key in CHAIN}
    market: Grid = [["Underlying", "Spot", "Instrument", "Forward", "IV", "As of"]]
    for n, row in enumerate(rows[1:], 2):
        if all(is_blank(cell) for cell in row):
            continue
        vol = row[at["markiv"]]
        if not (isinstance(vol, float) or is_blank(vol)):
            raise MarginError(f"chain row {n}: mark_iv must be a number, not {vol!r}")
        market.append([row[at["currency"]], row[at["indexprice"]], row[at["instrumentname"]], row[at["underlyingprice"]],
                       vol / 100.0 if isinstance(vol, float) else None, row[at["timestamp"]]])
    return market


def named_cells(path: Path) -> dict[str, tuple[str, str]]:
    """Sheet and area of every name that a workbook defines."""
    import openpyxl

    names = openpyxl.load_workbook(path).defined_names
    return {name: (sheet, area.replace("$", "")) for name, defined in names.items()
            for sheet, area in list(defined.destinations)[:1]}


def _workbook(path: Path) -> Ranges:
    """The ranges of a workbook by their names, else by their sheets."""
    import openpyxl

    try:
        values = openpyxl.load_workbook(path, data_only=True)
    except (OSError, KeyError, ValueError, TypeError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
        raise MarginError(f"{path} cannot be read as a workbook: {error}") from None
    engine = _calculated(path)
    positions = _range(values, engine, "positions", "quantity")
    if positions is None:
        raise MarginError(f"{path} has no positions: name the range `positions`, or call its sheet Positions")
    method = _range(values, engine, "method", None)
    return Ranges(positions, _range(values, engine, "market", "underlying"), _range(values, engine, "parameters", None),
                  str(method[0][0]) if method and not is_blank(method[0][0]) else None,
                  _range(values, engine, "history", "date"))


def _calculated(path: Path) -> Any:
    """The workbook in the embedded engine if the program that saved it has left formulas without values, else None."""
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        if not any(UNCALCULATED.search(archive.read(name)) for name in sheets):
            return None
    from xlmargin.engine import Workbook

    return Workbook(path, {name: function.call for name, function in FUNCTIONS.items()})


def _range(values: Any, engine: Any, name: str, heading: str | None) -> Grid | None:
    """The cells of a defined name, else those of the sheet of that name from its header row on."""
    for known, defined in values.defined_names.items():
        if known.lower() == name:
            sheet, area = next(iter(defined.destinations), (None, ""))
            if sheet not in values.sheetnames:
                raise MarginError(f"the name {known} stands for {defined.attr_text}, which is no range of a sheet: mend the name")
            return _trimmed(_area(values[sheet], engine, area.replace("$", "")))
    for sheet in values.worksheets:
        if sheet.title.lower() == name and heading is not None:
            rows = _area(sheet, engine, sheet.dimensions)
            start = next((i for i, row in enumerate(rows) if heading in map(heading_key, row)), None)
            return None if start is None else _trimmed(rows[start:])
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
