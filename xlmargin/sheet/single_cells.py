"""Arguments that are one cell: a number or a text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.sheet.cell_errors import error_text
from xlmargin.sheet.cells import grid, is_blank, not_a_number, plain_number, show


def _one_cell(raw: Any, name: str) -> Any:
    cells = [cell for row in grid(raw) for cell in row]
    if len(cells) != 1:
        raise MarginError(f"{name} must be one cell, not a range of {len(cells)} cells")
    return cells[0]


def one_number(
    raw: Any, name: str, default: float | None = None, *, accept: Callable[[float], bool] = math.isfinite, must: str = "a finite number"
) -> float:
    """One number given as an argument; a blank counts as left out.

    Raises:
        MarginError: the argument is missing, not a number or not acceptable
    """
    cell = _one_cell(raw, name)
    if is_blank(cell):
        if default is None:
            raise MarginError(f"{name} is missing: give {must}")
        return default
    value = plain_number(cell)
    if value is None:
        raise MarginError(f"{name} {not_a_number(cell)[0]}")
    if not accept(value):
        raise MarginError(f"{name} must be {must}, not {show(value)}")
    return value


def one_text(raw: Any, name: str, default: str | None = None) -> str:
    """One text given as an argument; a blank counts as left out.

    Raises:
        MarginError: the argument is missing or not a text
    """
    cell = _one_cell(raw, name)
    if is_blank(cell):
        if default is None:
            raise MarginError(f"{name} is missing: give a text")
        return default
    error = error_text(cell)
    if error:
        raise MarginError(f"{name} holds the error {error}: mend the formula in that cell")
    if not isinstance(cell, str):
        raise MarginError(f"{name} must be a text, not {show(cell)}")
    return cell.strip()
