"""The ranges of a book that comes from files: raw cells, and their places in a workbook."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Grid = list[list[Any]]


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
