"""Cuts our calls out of formulas and keeps their answers on a hidden sheet of the engine."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xlmargin.engine.calls import Argument, Blocks, CallResult, Cell, Computed, FunctionCall, Placement, Slot, is_table, rows_of
from xlmargin.engine.formula import (
    ERROR_CODES,
    Constant,
    TableArea,
    find_calls,
    map_operands,
    parse_area,
    parse_constant,
    quoted,
    table_area,
)

#: The content of a call's cell before its first answer: an error, so that its dependents are seen to wait.
PENDING = "#CALC!"

_OWN_PLACE = re.compile(r"\b(ROW|COLUMN)\(\s*\)", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[^\W\d][\w.\\?]*")


class Rewriter:
    """The calls of a workbook and the hidden cells that hold their results.

    Parameters: model, the engine's workbook; sheets, its sheet names; names, upper-case names of our
    functions; tables, the workbook's tables by lower-case name.
    """

    def __init__(self, model: Any, sheets: Sequence[str], names: Collection[str], tables: Mapping[str, TableArea]) -> None:
        self._model = model
        self._sheets = list(sheets)
        self._lower = [sheet.lower() for sheet in sheets]
        self._functions = names
        self._tables = tables
        self._mention = re.compile(rf"(?:{'|'.join(map(re.escape, names)) or '(?!)'})\(", re.IGNORECASE)
        names_defined = model.get_defined_name_list()
        self._defined = {(item["scope"], item["name"].lower()): item["formula"] for item in names_defined}
        self._known: dict[tuple[str, tuple[object, ...]], FunctionCall] = {}
        self._computed: dict[str, Computed] = {}
        self._formulas: dict[Placement, None] = {}
        self._live: list[FunctionCall] | None = None
        self._blocks = Blocks()
        self._hidden = self._new_sheet("_pm")
        self.inputs = self._new_sheet("_pm_in")
        self._input_row = 1

    def _new_sheet(self, name: str) -> int:
        """Add a hidden sheet; that makes the engine read every formula again, so not every call gets one."""
        while name.lower() in self._lower:
            name += "_"
        self._model.add_sheet(name)
        self._sheets.append(name)
        self._lower.append(name.lower())
        return len(self._sheets) - 1

    @property
    def calls(self) -> list[FunctionCall]:
        """The calls that a formula of the workbook needs now, each after those it takes arguments from."""
        if self._live is None:
            found: dict[FunctionCall, None] = {}
            for placement in self._formulas:
                _collect(placement, found)
            self._live = list(found)
        return self._live

    def mentions(self, text: str) -> bool:
        """Whether a formula may call one of our functions (a quick look; text in quotes counts too)."""
        return self._mention.search(text) is not None

    def number(self, sheet: str) -> int:
        """The engine's number of a sheet."""
        return self._lower.index(sheet.lower())

    def name(self, number: int) -> str:
        """The name of a sheet by the engine's number, hidden ones too."""
        return self._sheets[number]

    @property
    def free_row(self) -> int:
        """The first row of the sheet of calculated arguments below all of them and the free row under the last."""
        return self._input_row + 1

    def add(self, text: str, where: tuple[int, int, int], table: bool, size: tuple[int, int] | None) -> Placement:
        """Put a formula with calls into its cell.

        Parameters: text, without `=`; where, sheet, row and column; table, whether the cell may show a whole
        table (an array formula) or only its first cell; size, height and width of a fixed array formula.
        """
        placement = self._placement(text, where, where, table, size)
        self._formulas[placement] = None
        self._live = None
        self.enter(placement)
        return placement

    def remove(self, placement: Placement) -> None:
        """Forget a formula; calls that no other formula needs are not made any more."""
        del self._formulas[placement]
        self._live = None
        for call in placement.calls():
            call.users.pop(placement, None)

    def enter(self, placement: Placement) -> None:
        """Give the engine the formula with the cells that hold the answers now."""
        where = placement.sheet, placement.row, placement.column
        text = placement.text(self._sheets[self._hidden])
        if placement.size:
            height, width = placement.size
            # the engine refuses to write over an array formula: the whole array is emptied first
            self._model.range_clear_contents(*where, where[1] + height - 1, where[2] + width - 1)
            self._model.set_user_array_formula(*where, width, height, text)
        else:
            self._model.clear_cell_contents(*where)
            self._model.set_user_input(*where, text)

    def keep(self, call: FunctionCall, answer: object) -> bool:
        """Write an answer to the hidden sheet; returns whether its size or place is another now."""
        rows, old, block = rows_of(answer), call.rows, call.block
        call.scalar = not is_table(answer)
        if len(rows) > block.capacity:
            self._clear(block.row, len(old), 1, len(old[0]))
            self._blocks.give_back(block)
            call.block, old = self._blocks.take(len(rows)), []
        elif len(rows) < len(old):
            self._clear(block.row + len(rows), len(old) - len(rows), 1, len(old[0]))
        if old and len(rows[0]) < len(old[0]):
            self._clear(block.row, len(rows), len(rows[0]) + 1, len(old[0]))
        for i, row in enumerate(rows):
            before = old[i] if i < len(old) else []
            for j, value in enumerate(row):
                if j >= len(before) or before[j] != value or type(before[j]) is not type(value):
                    self.write(self._hidden, call.block.row + i, j + 1, value)
        moved = block != call.block or (len(call.rows), len(call.rows[0])) != (len(rows), len(rows[0]))
        call.rows = rows
        return moved

    def write(self, sheet: int, row: int, column: int, value: Cell) -> None:
        """Put a value into a cell of the engine; an error value's text becomes the error value."""
        where = sheet, row, column
        if value is None:
            self._model.clear_cell_contents(*where)
        elif isinstance(value, bool):
            self._model.update_cell_with_bool(*where, value)
        elif isinstance(value, str):
            write = self._model.set_user_input if value in ERROR_CODES else self._model.update_cell_with_text
            write(*where, value)
        else:
            self._model.update_cell_with_number(*where, float(value))

    def isolate(self, placement: Placement) -> None:
        """Move a calculated argument that fills several cells to a sheet of its own."""
        self._model.clear_cell_contents(placement.sheet, placement.row, placement.column)
        placement.sheet, placement.row, placement.column = self._new_sheet("_pm_in"), 1, 1
        self.enter(placement)

    def _clear(self, top: int, height: int, left: int, right: int) -> None:
        self._model.range_clear_contents(self._hidden, top, left, top + height - 1, right)

    def _placement(
        self, text: str, cell: tuple[int, int, int], asking: tuple[int, int, int], table: bool, size: tuple[int, int] | None = None
    ) -> Placement:
        parts: list[str | Slot] = []
        position = 0
        for found in find_calls(text, self._functions):
            before, one = text[position : found.start], not table and not found.inside
            call = self._call(found.name, found.arguments, asking)
            # @ before an answer means its first cell; the engine would take it for a cell in the same row
            parts += [before.removesuffix("@"), Slot(call, one or before.endswith("@"))]
            position = found.end
        placement = Placement(*cell, (*parts, text[position:]), size)
        for call in placement.calls():
            call.users[placement] = None
        return placement

    def _call(self, name: str, texts: tuple[str, ...], asking: tuple[int, int, int]) -> FunctionCall:
        arguments = tuple(self._argument(text, asking) for text in texts)
        # TRUE and 1 are equal in Python but not the same argument
        key = name, tuple((type(a.value), a.value) if isinstance(a, Constant) else a for a in arguments)
        if key not in self._known:
            block = self._blocks.take(1)
            self._known[key] = FunctionCall(name, arguments, block, rows=[[PENDING]])
            self.write(self._hidden, block.row, 1, PENDING)
        return self._known[key]

    def _argument(self, text: str, asking: tuple[int, int, int]) -> Argument:
        constant = Constant(text) if text in ERROR_CODES else parse_constant(text)
        if constant:
            return constant
        inner = find_calls(text, self._functions)
        if len(inner) == 1 and inner[0].end - inner[0].start == len(text):
            return CallResult(self._call(inner[0].name, inner[0].arguments, asking))
        area = parse_area(text, self._sheets[asking[0]]) or table_area(text, self._tables, asking[1])
        if area:
            return area if area.sheet.lower() in self._lower else Constant("#REF!")
        definition = self._definition(text, asking[0])
        return self._argument(definition, asking) if definition else self._compute(text, asking)

    def _definition(self, text: str, sheet: int) -> str | None:
        if not _IDENTIFIER.fullmatch(text):
            return None
        found = self._defined.get((sheet, text.lower()), self._defined.get((None, text.lower())))
        return found.removeprefix("=") if found else None

    def _compute(self, text: str, asking: tuple[int, int, int]) -> Computed:
        moved = self._at_home_anywhere(text, asking)
        if moved not in self._computed:
            # an empty cell that a function passes on would show as 0: keep it blank (the engine's ISBLANK
            # does not go through arrays, its = does)
            formula = f'LET(pm_arg,{moved},IF(pm_arg="","",pm_arg))'
            cell = self.inputs, self._input_row, 1
            self._input_row += 2  # a free row below shows whether the argument fills more than one
            placement = self._placement(formula, cell, asking, table=True)
            self._computed[moved] = Computed(placement)
            self.enter(placement)
        return self._computed[moved]

    def _at_home_anywhere(self, text: str, asking: tuple[int, int, int]) -> str:
        """A formula that means the same elsewhere: references with their sheet, its own row and column."""
        sheet, row, column = asking

        def settled(operand: str) -> str:
            area = table_area(operand, self._tables, row)
            if area:
                return area.text()
            if "!" not in operand and parse_area(operand, ""):
                return f"{quoted(self._sheets[sheet])}!{operand}"
            if (sheet, operand.lower()) in self._defined:
                return f"({self._defined[sheet, operand.lower()].removeprefix('=')})"
            return operand

        place = {"ROW": str(row), "COLUMN": str(column)}
        return _OWN_PLACE.sub(lambda m: place[m[1].upper()], map_operands(text, settled))


def _collect(placement: Placement, found: dict[FunctionCall, None]) -> None:
    for call in placement.calls():
        _collect_call(call, found)


def _collect_call(call: FunctionCall, found: dict[FunctionCall, None]) -> None:
    for argument in call.arguments:
        if isinstance(argument, CallResult):
            _collect_call(argument.call, found)
        elif isinstance(argument, Computed):
            _collect(argument.placement, found)
    found.setdefault(call)
