"""The workbook for Excel on Windows: the template with the wrapper and the settings of this installation in it."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType

from xlmargin.engine import Workbook
from xlmargin.faces.excel.donor import read_donor
from xlmargin.faces.excel.project import add_project
from xlmargin.faces.excel.settings import package_folders, this_interpreter, workbook_settings
from xlmargin.faces.excel.wrapper import MESSAGE, RESTART, wrapper_modules
from xlmargin.faces.template import build_macro_template, calculate, calculate_like, progress
from xlmargin.sheet.registry import CATEGORY, ERROR, FUNCTIONS


def _message(cell: object) -> str:
    """The answer of the wrapper's function where mistakes are texts."""
    return cell if isinstance(cell, str) and cell.startswith(ERROR) else ""


#: The functions that this workbook alone calls, by name, as they answer without Excel.
MACRO_FUNCTIONS = MappingProxyType({MESSAGE: _message})


def write_excel_workbook(path: Path, rows: int, kind: str = "demo", plain: Workbook | None = None) -> Path:
    """Write the workbook for Excel, already calculated.

    Args:
        path: the file to write, .xlsm
        rows: rows reserved for positions
        kind: what is typed in it, as of build_template
        plain: the calculated workbook without macros of the same rows and kind, with MACRO_FUNCTIONS, where there is one

    Raises:
        MarginError: xlwings is missing or not whole, or the file cannot be written
    """
    import udfs  # noqa: F401  (fills the registry)

    modules = *wrapper_modules(FUNCTIONS), *read_donor()
    source, installed = package_folders()
    settings = workbook_settings(this_interpreter(os.environ), source, [installed])
    progress(f"{path.name}: building …")
    build_macro_template(path, rows, kind, settings, RESTART, CATEGORY)
    add_project(path, modules)
    if plain:
        calculate_like(path, plain)
    else:
        calculate(path, {name: function.call for name, function in FUNCTIONS.items()} | MACRO_FUNCTIONS)
    return path
