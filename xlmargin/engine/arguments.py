"""Reads the arguments of our calls from the engine, each rectangle once per calculation."""

from __future__ import annotations

import marshal
from collections.abc import Collection, Mapping
from typing import Any

from xlmargin.engine.calls import Argument, CallResult, Cell, Computed, Formula, FunctionCall, Placement
from xlmargin.engine.formula import MAX_COLUMN, MAX_ROW, CellArea, Constant, address, meet, quoted
from xlmargin.engine.rewriter import PENDING, Rewriter

Value = Cell | list[list[Cell]]


class Reader:
    """The values the engine holds, as arguments.

    Parameters: model, the engine's workbook; rewriter, which knows the sheets and calls; formulas, the
    formula cells of the workbook by sheet number, row and column; placements, those with calls cut out (both
    kept up to date by the owner).
    """

    def __init__(
        self, model: Any, rewriter: Rewriter, formulas: Mapping[tuple[int, int, int], Formula], placements: Collection[tuple[int, int, int]]
    ) -> None:
        self._model = model
        self._rewriter = rewriter
        self._formulas = formulas
        self._placements = placements
        self._areas: dict[CellArea, list[list[Cell]]] = {}
        self._packed: dict[CellArea, bytes] = {}
        # per sheet: the rectangles that formulas can fill, and what is known of others by them
        self._reached: dict[int, list[CellArea]] = {}
        self._constant: dict[CellArea, bool] = {}

    def area(self, area: CellArea) -> list[list[Cell]]:
        """The values of a rectangle; whole columns and rows end with the used part of the sheet."""
        if area not in self._areas:
            sheet, get = self._rewriter.number(area.sheet), self._model.get_cell_value
            last_row, last_column = area.last_row, area.last_column
            if last_row == MAX_ROW or last_column == MAX_COLUMN:
                _, used_row, _, used_column = self._model.get_sheet_dimensions(sheet)
                last_row = max(min(last_row, used_row), area.first_row)
                last_column = max(min(last_column, used_column), area.first_column)
            columns = range(area.first_column, last_column + 1)
            self._areas[area] = [[get(sheet, row, column) for column in columns] for row in range(area.first_row, last_row + 1)]
        return self._areas[area]

    def arguments(self, call: FunctionCall) -> list[Value]:
        """The arguments of a call as its function takes them."""
        return [self._value(argument) for argument in call.arguments]

    def signature(self, call: FunctionCall) -> bytes:
        """Bytes that are the same exactly when the arguments are the same in value and type."""
        return b"".join(self._bytes(argument) for argument in call.arguments)

    def known(self, call: FunctionCall, *, guess: bool) -> bool:
        """Whether the arguments are known before the engine calculates: typed cells, and as a guess the last values of formulas."""
        return all(
            self.known(argument.call, guess=guess)
            if isinstance(argument, CallResult)
            else isinstance(argument, Constant) or (isinstance(argument, CellArea) and (guess or self._is_constant(argument)))
            for argument in call.arguments
        )

    def waiting(self, call: FunctionCall) -> bool:
        """Whether an argument depends on a call that has not been answered yet."""
        if all(other.seen is not None for other in self._rewriter.calls):
            return False
        values = self.arguments(call)
        return any(PENDING in row for v in values for row in (v if isinstance(v, list) else [[v]]))

    def touched(self, sheet: str, row: int, column: int) -> bool:
        """Say that a cell was edited; returns whether it was read by itself, not in a rectangle alone."""
        found = [a for a in self._areas if a.sheet.lower() == sheet.lower() and a.covers(row, column)]
        for area in found:
            self._drop(area)
        return any(area.cell for area in found)

    def formulas_changed(self) -> None:
        """Say that a formula came or went."""
        self._reached.clear()
        self._constant.clear()
        self._areas.clear()
        self._packed.clear()

    def forget(self) -> bool:
        """Drop values that a calculation may have changed; returns whether a calculated argument needed to move."""
        for area in [area for area in self._areas if not self._is_constant(area)]:
            self._drop(area)
        crowded = [
            argument.placement
            for call in self._rewriter.calls
            for argument in call.arguments
            if isinstance(argument, Computed) and self._crowded(argument.placement)
        ]
        for placement in dict.fromkeys(crowded):
            self._rewriter.isolate(placement)
        return bool(crowded)

    def extents(self, anchors: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
        """Rows and columns that dynamic array formulas, given by sheet number, row and column, fill now."""
        if not anchors:
            return []
        scratch, top = self._rewriter.inputs, self._rewriter.free_row
        lines = range(top, top + len(anchors))
        for line, (sheet, row, column) in zip(lines, anchors, strict=True):
            reference = f"{quoted(self._rewriter.name(sheet))}!{address(row, column)}#"
            self._model.set_user_input(scratch, line, 1, f"=ROWS({reference})")
            self._model.set_user_input(scratch, line, 2, f"=COLUMNS({reference})")
        self._model.evaluate()
        found = [[self._model.get_cell_value(scratch, line, c) for c in (1, 2)] for line in lines]
        self._model.range_clear_contents(scratch, top, 1, lines[-1], 2)
        # a formula that shows an error, #SPILL! too, fills its own cell only
        return [(1, 1) if isinstance(h, str) or isinstance(w, str) else (int(h), int(w)) for h, w in found]

    def _drop(self, area: CellArea) -> None:
        self._areas.pop(area, None)
        self._packed.pop(area, None)

    def _is_constant(self, area: CellArea) -> bool:
        """Whether no formula can reach a rectangle."""
        if not self._reached:
            for (sheet, row, column), formula in self._formulas.items():
                fixed = formula.area or CellArea("", row, column, row, column)
                if formula.dynamic or (formula.area is None and (sheet, row, column) in self._placements):
                    fixed = CellArea("", row, column, MAX_ROW, MAX_COLUMN)  # it may fill cells to its right and below
                self._reached.setdefault(sheet, []).append(fixed)
        if area not in self._constant:
            self._constant[area] = not any(meet(area, other) for other in self._reached.get(self._rewriter.number(area.sheet), ()))
        return self._constant[area]

    def _crowded(self, placement: Placement) -> bool:
        sheet, row = placement.sheet, placement.row
        if sheet != self._rewriter.inputs:
            return False
        get = self._model.get_cell_value
        return get(sheet, row, 1) == "#SPILL!" or get(sheet, row + 1, 1) is not None

    def _value(self, argument: Argument) -> Value:
        if isinstance(argument, Constant):
            return argument.value
        if isinstance(argument, CallResult):
            return argument.call.value()
        if isinstance(argument, Computed):
            return self._spilled(argument.placement)
        rows = self.area(argument)
        return rows[0][0] if argument.cell else rows

    def _bytes(self, argument: Argument) -> bytes:
        # version 2 of the format: later ones depend on how often an object is referred to
        if not isinstance(argument, CellArea):
            return marshal.dumps(self._value(argument), 2)
        if argument not in self._packed:
            self._packed[argument] = marshal.dumps(self._value(argument), 2)
        return self._packed[argument]

    def _spilled(self, placement: Placement) -> Value:
        """The value or rectangle that a formula fills from its cell on; a spilled cell is never empty."""
        get, sheet, top = self._model.get_cell_value, placement.sheet, placement.row
        width = 1
        while width < MAX_COLUMN and get(sheet, top, width + 1) is not None:
            width += 1
        rows = [[get(sheet, top, column) for column in range(1, width + 1)]]
        while sheet != self._rewriter.inputs and get(sheet, top + len(rows), 1) is not None:
            rows.append([get(sheet, top + len(rows), column) for column in range(1, width + 1)])
        return rows[0][0] if len(rows) == width == 1 else rows
