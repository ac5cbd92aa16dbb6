"""The template at work without a spreadsheet program: calculate it, change a position, show the changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain, count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xlmargin.engine import Workbook, patch
from xlmargin.engine.formula import address, parse_area
from xlmargin.errors import MarginError
from xlmargin.faces.template import build_template, calculate, progress
from xlmargin.files.workbooks import named_cells
from xlmargin.sheet.columns import Header
from xlmargin.sheet.registry import FUNCTIONS, Cells

NAME = "xlmargin.xlsx"
DEMO_NAME = "xlmargin-demo"
HEADLINES = (("Initial margin", "initial_margin"), ("Maintenance margin", "maintenance_margin"), ("Scanning risk", "scanning_risk"))


def _functions() -> dict[str, Callable[..., Cells]]:
    """The functions that the embedded engine calls from cells."""
    import udfs  # noqa: F401  (fills the registry)

    return {name: function.call for name, function in FUNCTIONS.items()}


def new_workbook(folder: Path, rows: int, kind: str, name: str = NAME) -> Path:
    """A desk's workbook from the template, already calculated: the file of calculated_workbook."""
    return calculated_workbook(folder, rows, kind, name)[0]


def calculated_workbook(
    folder: Path, rows: int, kind: str, name: str = NAME, macros: Mapping[str, Callable[..., Any]] = MappingProxyType({})
) -> tuple[Path, Workbook]:
    """A desk's workbook from the template, and itself in the engine, whose values serve another like it.

    Args:
        folder: made if it is not there
        rows: rows reserved for positions
        kind: what is typed in it, as of build_template
        macros: functions that the other calls besides ours

    Raises:
        MarginError: the workbook is there already, or the folder cannot be written
    """
    path = folder / name
    if path.exists():
        raise MarginError(f"{path} is there already: choose another folder, or move it away")
    if not 10 <= rows <= 20_000:
        raise MarginError(f"--rows must be from 10 to 20,000, not {rows:,}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        progress(f"{name}: building …")
        build_template(path, rows, kind)
    except OSError as error:
        raise MarginError(f"{path} cannot be written: {error.strerror}") from None
    return path, calculate(path, _functions() | dict(macros))


def run(folder: Path) -> Path:
    """Calculate the template's sample book in the embedded engine, double one position, and print the changes.

    Args:
        folder: folder in which the one workbook is left, under a name that is free: an earlier one may hold edits

    Returns:
        path of the workbook, with its values in place
    """
    path = _free(folder)
    build_template(path)
    print("Calculating the template with its sample book in the embedded spreadsheet engine …")
    book = Workbook(path, _functions())
    places = named_cells(path)
    before = _reading(book, places)
    cell, label, quantity = _first_option(book, places)
    calls = book.set(*cell, 2.0 * quantity)
    after = _reading(book, places)
    print(
        f"Changed one cell of the sheet {cell[0]}, {cell[1]}: {label} from {quantity:g} to {2.0 * quantity:g} "
        f"({calls} function calls recalculated).\n"
    )
    for name, old in before.items():
        print(f"{name:<40} {old:>14,.2f} → {after[name]:>14,.2f}   {after[name] - old:>+14,.2f}")
    patch(path, path, book, [cell])
    print("\nThe workbook with its values, formulas and charts:")
    print(path.resolve())
    return path


def _free(folder: Path) -> Path:
    """The first name of a demonstration's workbook that no file has."""
    names = (f"{DEMO_NAME}{ending}.xlsx" for ending in chain([""], (f"-{n}" for n in count(2))))
    return next(folder / name for name in names if not (folder / name).exists())


def _reading(book: Workbook, places: dict[str, tuple[str, str]]) -> dict[str, float]:
    """The headlines and the risk array's totals as the sheet shows them now."""
    headlines: dict[str, Any] = {label: book.get(*places[name]) for label, name in HEADLINES}
    reading = {label: float(value) for label, value in headlines.items()}
    for row in book.values(*places["risk_array"])[1:]:
        filled = [cell for cell in row if cell not in (None, "")]
        if filled:
            reading[f"{filled[0]:>4g}  {filled[1]}"] = float(filled[-1])
    return reading


def _first_option(book: Workbook, places: dict[str, tuple[str, str]]) -> tuple[tuple[str, str], str, float]:
    """The quantity cell of the first short option of the sample, its instrument, and its value."""
    sheet, area = places["positions"]
    corner = parse_area(area, sheet)
    assert corner is not None  # the template's own
    rows = book.values(sheet, area)
    header = Header(rows[0], "positions")
    quantity, kind = header.column("Quantity"), header.column("Type")
    n = next(n for n, row in enumerate(rows[1:], 1) if row[kind] == "call" and float(row[quantity] or 0.0) < 0.0)
    row = header.record(rows[n])
    label = f"{row['underlying']} {row['strike']:,.0f} {row['type']}"
    return (sheet, address(corner.first_row + n, corner.first_column + quantity)), label, float(rows[n][quantity] or 0.0)
