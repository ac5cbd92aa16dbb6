"""Workbooks as cells: named ranges, sheets, and formulas that the program which saved the file has left without a value."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.files.ranges import Grid, Place, Ranges
from xlmargin.sheet.cells import is_blank
from xlmargin.sheet.columns import Header
from xlmargin.sheet.registry import FUNCTIONS

# a formula cell without a value; one whose value is the empty text says so by t="str"
UNCALCULATED = re.compile(
    rb"""<(?:\w+:)?c\b(?![^>]*\st=)[^>]*><(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)"""
    rb"""(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>"""
)


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


def read_workbook(path: Path) -> Ranges:
    """The ranges of a workbook by their names, else by their sheets.

    Raises:
        MarginError: it cannot be read, or has no positions
    """
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
