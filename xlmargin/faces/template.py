"""The desk's workbook: built with a number of rows and a content, and calculated."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from xlmargin.engine import Workbook, patch
from xlmargin.engine.formula import address, display
from xlmargin.engine.package import Package, open_zip
from xlmargin.errors import MarginError

BUILDER = "xlmargin_workbook"


def build_template(path: str | Path, rows: int = 500, kind: str = "demo") -> None:
    """Write a desk's workbook, without calculated values.

    Args:
        path: the file to write, .xlsx
        rows: position rows to keep free
        kind: what is typed in it: demo (the sample with its fitted parameters, and the source's tables), new (the sample under
            the method's own values), empty

    Raises:
        MarginError: too few or too many rows, or the file cannot be written
    """
    _build(path, rows, None, kind)


def build_macro_template(path: str | Path, rows: int, kind: str, settings: Sequence[tuple[str, str]], restart: str, category: str) -> None:
    """Write a desk's workbook for Excel on Windows, ready for the macros.

    Args:
        path: the file to write, .xlsm
        rows: position rows to keep free
        kind: as of build_template
        settings: keys and values of the sheet that xlwings reads
        restart: the macro behind the button
        category: of the functions in Excel's wizard

    Raises:
        MarginError: too few or too many rows, or the file cannot be written
    """
    _build(path, rows, _builder("excel").Macros(settings, restart, category), kind)


def _build(path: str | Path, rows: int, macros: Any, kind: str) -> None:
    try:
        _builder("build").build(path, rows, macros, kind)
    except ValueError as error:
        raise MarginError(str(error)) from error
    except OSError as error:
        raise MarginError(f"{path} cannot be written ({error.strerror}): close it, or choose another folder") from error


def calculate(path: Path, functions: Mapping[str, Callable[..., Any]]) -> Workbook:
    """Put the values into a workbook that was just built, and say what is being done.

    Returns:
        the calculated workbook, for another like it

    Raises:
        MarginError: the file cannot be read or written
    """
    progress(f"{path.name}: calculating …")
    book = Workbook(path, functions)
    progress(f"{path.name}: writing its values …")
    patch(path, path, book)
    return book


def calculate_like(path: Path, book: Workbook) -> None:
    """Put the values into a workbook that was just built from those of one that differs from it in a few formulas alone.

    Args:
        path: the workbook to write; its typed cells are those of the other
        book: the other, whose own file is written: it gets the formulas of this one

    Raises:
        MarginError: a file cannot be read or written
    """
    progress(f"{path.name}: calculating …")
    book.set_many(_other_formulas(path, book))
    progress(f"{path.name}: writing its values …")
    patch(path, path, book)


def _other_formulas(path: Path, book: Workbook) -> list[tuple[str, str, str]]:
    """The formulas of a file that are not those of a workbook, as (sheet, cell, formula)."""
    with open_zip(path) as archive:
        package = Package(archive)
        formulas = ((sheet, package.contents(sheet)[0].items()) for sheet in package.sheets)
        cells = [(sheet, address(*place), display(stored.text)) for sheet, found in formulas for place, stored in found]
    return [(sheet, cell, text) for sheet, cell, text in cells if sheet not in book.sheets or book.formula(sheet, cell) != text]


def progress(text: str) -> None:
    """Say what is being done, apart from the answer: a workbook takes seconds."""
    print(text, file=sys.stderr, flush=True)


def write_backtest(path: str | Path, summary: Sequence[Sequence[Any]], books: Mapping[str, Sequence[Sequence[Any]]], note: str) -> None:
    """Write the report of a backtest: its summary, and a table and a chart per book.

    Raises:
        MarginError: the file cannot be written
    """
    try:
        _builder("backtest_report").write(path, summary, books, note)
    except OSError as error:
        raise MarginError(f"{path} cannot be written ({error.strerror}): close it, or choose another folder") from error


def _folder() -> Path:
    """The builder's folder: inside the installed package, else next to it in the project."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "workbook", package.parent / "workbook"):
        if (folder / "build.py").is_file():
            return folder
    raise MarginError("the folder workbook is missing: install xlmargin again")


def _builder(module: str) -> ModuleType:
    """A module of the builder, loaded as a package of its own wherever its folder is."""
    if BUILDER not in sys.modules:
        folder = _folder()
        spec = importlib.util.spec_from_file_location(BUILDER, folder / "__init__.py", submodule_search_locations=[str(folder)])
        assert spec is not None
        assert spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules[BUILDER] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{BUILDER}.{module}")
