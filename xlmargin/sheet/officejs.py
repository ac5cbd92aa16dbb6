"""Cells as Excel's JavaScript interface hands them over (macOS, the web), made the cells that every face knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

NULL = "JsNull"  # the class of JavaScript's null in Pyodide 0.28 and later; it cannot be imported anywhere else
USUAL = {float, int, str, bool, type(None), dt.datetime}


def plain_rows(rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
    """Rows of cells without the wrappings of JavaScript.

    A null is blank, a data type (a formatted number, a date with its format, a stock) is its basic value; an error stays
    the mapping it comes as, because messages name it.

    Args:
        rows: cells by row

    Returns:
        the same rows where there is nothing to unwrap
    """
    if set(map(type, chain.from_iterable(rows))) <= USUAL:
        return rows
    return [[_plain(cell) for cell in row] for row in rows]


def _plain(cell: Any) -> Any:
    if type(cell).__name__ == NULL:
        return None
    if isinstance(cell, Mapping) and cell.get("type") != "Error" and "basicValue" in cell:
        value = cell["basicValue"]
        # a data type without a plain value, such as a picture, stands for an error
        return {"type": "Error", "basicValue": value} if cell.get("basicType") == "Error" else value
    return cell
