"""Python: the functions of the registry under their lower-case names, with frames as ranges and answers, and mistakes as exceptions."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

import udfs
from xlmargin.errors import Fault, MarginError, failure
from xlmargin.files.books import read_ranges
from xlmargin.files.histories import read_history_file
from xlmargin.files.markets import read_market_file
from xlmargin.files.ranges import for_each_method, for_method
from xlmargin.files.texts import read_table
from xlmargin.sheet.cells import unpacked
from xlmargin.sheet.checks import all_faults
from xlmargin.sheet.registry import ERROR, FUNCTIONS, Cell, Cells, Function

assert udfs  # fills the registry

Answer = Callable[..., Any]

RETURNS: dict[str, Any] = {"number": float, "table": "DataFrame", "text": str}
COLUMN = "one cell or a column"  # how the help of an argument that may be a column ends
FROM_BOOK = ("market", "parameters", "method", "history", "balances")  # what a book's file gives where the call gives none


@cache
def offered() -> dict[str, Any]:
    """What `import xlmargin` offers by name: the functions, and the mistakes that they raise."""
    return {**{name.removeprefix("PM_").lower(): door(function) for name, function in FUNCTIONS.items()}, "MarginError": MarginError}


def door(function: Function) -> Answer:
    """One function of the registry as a function for Python."""
    name = function.name.removeprefix("PM_").lower()
    signature = _signature(function)

    def answer(*args: Any, **named: Any) -> Any:
        try:
            given = signature.bind(*args, **named).arguments
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        cells = _cells(given, signature)
        try:
            result = function.answer(**cells)
        except MarginError as error:
            raise MarginError(str(error), _all_faults(error, cells)) from None
        except Exception as error:
            raise MarginError(failure(f"xlmargin.{name}", error)) from error
        return _answered(result, function)

    answer.__name__ = answer.__qualname__ = name
    answer.__module__ = "xlmargin"
    answer.__doc__ = _help(function)
    answer.__signature__ = signature  # type: ignore[attr-defined]
    return answer


def _signature(function: Function) -> inspect.Signature:
    """The arguments of the registry, those that may be left out as None."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    arguments = [
        inspect.Parameter(item.name, kind, default=None if item.optional else inspect.Parameter.empty) for item in function.arguments
    ]
    wide = any(item.help.endswith(COLUMN) for item in function.arguments)
    return inspect.Signature(arguments, return_annotation="float | NDArray[float64]" if wide else RETURNS[function.returns])


def _help(function: Function) -> str:
    """The help of a function: what it answers, its arguments, and what it raises."""
    arguments = ["", "Args:", *(f"    {item.name}: {item.help}" for item in function.arguments)] if function.arguments else []
    mistake = "MarginError: a mistake; its `faults` are the row, column, problem and fix of each"
    return "\n".join([function.summary, *arguments, "", "Raises:", f"    {mistake}", ""])


# ---- ranges


def _cells(given: dict[str, Any], signature: inspect.Signature) -> dict[str, Any]:
    """The arguments as cells: files read, and ranges of Python's own kinds unpacked once."""
    cells = dict(given)
    for name, raw in given.items():
        if isinstance(raw, PathLike) or (isinstance(raw, str) and name.startswith(("positions", "market"))):
            cells[name] = _file(name, Path(raw), cells, signature)
    return {name: unpacked(raw, name) for name, raw in cells.items()}


def _file(name: str, path: Path, cells: dict[str, Any], signature: inspect.Signature) -> Any:
    """The range in a file; a file of positions also gives what its book holds beside them and the call leaves out."""
    role = name.removesuffix("_before")
    if role in ("market", "history"):
        found = read_history_file(path) if role == "history" else read_market_file(path)
        _warn(found.notes)
        return found.rows
    if role != "positions":
        table = read_table(path, role if role == "parameters" else "")
        _warn(f"{path.name}: {note}" for note in table.notes)
        return table.rows
    method = cells.get("method")
    chosen = isinstance(method, str) and cells.get("parameters") is None
    ranges = for_method(read_ranges(path), method if chosen else None)
    if "methods" in signature.parameters and cells.get("parameters") is None:
        ranges = for_each_method(ranges)
    _warn(ranges.notes)
    for other in FROM_BOOK if name == "positions" else ():
        if other in signature.parameters and cells.get(other) is None:
            cells[other] = getattr(ranges, other)
    return ranges.positions


def _warn(notes: Iterable[str]) -> None:
    """Warn of what a reader has decided about a file, or leaves out, at the line that called the function."""
    for note in notes:
        warnings.warn(note, stacklevel=5)


# ---- mistakes


def _all_faults(error: MarginError, cells: dict[str, Any]) -> Sequence[Fault]:
    """Every fault of the book where the mistake is one of them, else those that the mistake carries."""
    if "positions" in cells:
        found, _ = all_faults(cells["positions"], cells.get("market"))
        if any(str(error) in (fault.line, fault.problem) for fault in found):
            return found
    return error.faults


# ---- answers


def _answered(result: Cells, function: Function) -> Any:
    """An answer as Python has it: a number, a text, a frame; the numbers of columns of arguments as an array."""
    if not isinstance(result, list):
        return result
    return _frame(result) if function.returns == "table" else _numbers([cell for row in result for cell in row])


def _numbers(cells: Sequence[Cell]) -> Any:
    """The numbers of columns of arguments, (N,).

    Raises:
        MarginError: some rows have no number
    """
    import numpy as np

    texts = [(n, cell.removeprefix(f"{ERROR}row {n}: ").rstrip(".")) for n, cell in enumerate(cells, 1) if isinstance(cell, str)]
    faults = [Fault(n, "", text, "mend this row, or leave it out") for n, text in texts]
    if faults:
        raise MarginError(f"{faults[0].place}: {faults[0].problem}", faults)
    return np.array(cells, np.float64)


def _frame(rows: list[list[Cell]]) -> Any:
    """A table as a frame: its first row are the names of the columns, a column of numbers is float64 with NaN for blanks."""
    try:
        import pandas
    except ImportError:
        raise ImportError("a table is answered as a DataFrame, which needs pandas: pip install pandas") from None
    header, *body = rows
    columns = list(zip(*body)) or [()] * len(header)
    frame = pandas.DataFrame({n: _column(cells) for n, cells in enumerate(columns)})
    frame.columns = pandas.Index(header)
    return frame


def _column(cells: Sequence[Cell]) -> list[Any]:
    filled = [cell for cell in cells if cell != ""]
    if filled and set(map(type, filled)) == {float}:
        return [float("nan") if cell == "" else cell for cell in cells]
    return list(cells)
