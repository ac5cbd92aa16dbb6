"""The ranges of a book that comes from files: raw cells, and their places in a workbook."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from xlmargin.methods import method_name, rules_of
from xlmargin.sheet.columns import Header
from xlmargin.sheet.ranges.parameters import parameter_name, scenario_cells

Grid = list[list[Any]]


class Place(NamedTuple):
    """The place of a range in a workbook: its sheet, and the row and column of its first cell, counted from 1."""

    sheet: str
    row: int
    column: int


class NotedRows(NamedTuple):
    """The cells of one range from a file, None where there is none, and notes on what was decided about it."""

    rows: Grid | None
    notes: tuple[str, ...] = ()


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


def for_method(ranges: Ranges, method: str | None) -> Ranges:
    """The ranges of a book for a method, the book's own where none is named.

    The parameters of a workbook are those of its chosen method: another one takes its own values, and that is noted. Where a
    column Method says whose each row is, they stay, and so does a scenario table beside them.
    """
    own, headed = ranges.method, _headed(ranges)
    each = headed is not None and "Method" in headed[1]
    if method is None or own is None or ranges.parameters is None or each or own.strip().upper() == method.strip().upper():
        return ranges._replace(method=method or own)
    note = f"the workbook's parameters are those of {own}: {method.upper()} takes its own values here; give others beside it"
    table = scenario_cells(ranges.parameters) if headed else None
    return ranges._replace(method=method, parameters=None if table is None else list(map(list, table)), notes=(*ranges.notes, note))


def for_each_method(ranges: Ranges) -> Ranges:
    """The ranges of a book for several methods: parameters that a workbook chose its method for move no other one."""
    own, headed = ranges.method, _headed(ranges)
    if own is None or headed is None or "Method" in headed[1]:
        return ranges
    (header_row, *rows), header = headed
    at, known = header.column("Parameter"), rules_of(method_name(own), 0.0).names
    whose = [own if parameter_name(row[at]) in known else None for row in rows]
    return ranges._replace(parameters=[["Method", *header_row], *([name, *row] for name, row in zip(whose, rows))])


def _headed(ranges: Ranges) -> tuple[Grid, Header] | None:
    """The parameters from their header row on, and that header; None where there is none."""
    rows = ranges.parameters or []
    found = ((rows[n:], header) for n, row in enumerate(rows) if "Parameter" in (header := Header(row)))
    return next(found, None)
