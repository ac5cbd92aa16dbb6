"""A workbook that is calculated here, with our functions in it: open, edit, read.

The engine underneath (IronCalc) knows no functions but its own. Every call to one of ours is therefore cut
out of its formula and replaced by the cells of a hidden sheet; after the engine has calculated, the arguments
are read, the functions called and their answers put there, until no argument changes any more. The workbook
is never saved from here: the engine's writer loses tables, charts, validations (see `xlmargin.engine.patch`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xlmargin.engine.arguments import Reader
from xlmargin.engine.calls import Cell, Formula, Function, FunctionCall, Placement, rows_of
from xlmargin.engine.formula import CellArea, address, display, map_operands, parse_area, plain_name, quoted, table_area
from xlmargin.engine.package import Package, StoredFormula, open_zip
from xlmargin.engine.prepared import EPOCHS, compared_by_formulas, count_from_1900, readable, shows_a_day
from xlmargin.engine.rewriter import Rewriter
from xlmargin.errors import MarginError

_log = logging.getLogger(__name__)

#: More rounds than any sensible chain of dependent calls; more means a circle.
_ROUNDS = 100
#: From this round on, look for arguments that change by themselves (NOW, RAND); so often are their calls then repeated.
_PATIENCE = 3


class Workbook:
    """An .xlsx workbook, calculated by the embedded engine and our functions.

    Parameters: path, the file, which is only read; functions, by name (any case): each takes raw cells (a
    rectangle as a list of rows, an empty cell as None, an error value as its text), answers a value or rows.
    Raises: MarginError when the file cannot be opened.
    """

    def __init__(self, path: str | Path, functions: Mapping[str, Function]) -> None:
        self._model, self._from_1904 = _load(path)
        self._names = [str(sheet["name"]) for sheet in self._model.get_worksheets_properties()]
        self._index = {name.lower(): number for number, name in enumerate(self._names)}
        self._functions = {plain_name(name): function for name, function in functions.items()}
        self._formulas: dict[tuple[int, int, int], Formula] = {}
        self._placements: dict[tuple[int, int, int], Placement] = {}
        self._extents: dict[tuple[int, int, int], tuple[int, int]] | None = None  # until the next calculation
        self._calls = 0
        self._steered = False  # whether an edit since the last calculation may change what formulas pass to calls
        with open_zip(path) as archive:
            package = Package(archive)
            self._tables = package.tables()
            parts = [name for name in package.sheets if name.lower() in self._index]
            stored = {name: package.contents(name) for name in parts}
        self._rewriter = Rewriter(self._model, self._names, self._functions, self._tables)
        self._reader = Reader(self._model, self._rewriter, self._formulas, self._placements)
        for sheet, (_, texts) in stored.items():
            for (row, column), text in texts.items():  # the engine does not read these
                self._rewriter.write(self._index[sheet.lower()], row, column, text)
        self._model.evaluate()  # shows which formulas the engine could not read
        for sheet, (formulas, _) in stored.items():
            for (row, column), formula in formulas.items():
                self._adopt(self._index[sheet.lower()], row, column, formula)
        self.recalculate()

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of the sheets, in their order."""
        return tuple(self._names)

    @property
    def calls(self) -> int:
        """The count of calls to our functions so far."""
        return self._calls

    def get(self, sheet: str, cell: str) -> Cell:
        """The value of a cell: number (a date is its serial counted from 1900), text (an error value too), bool, or None."""
        value: Cell = self._model.get_cell_value(*self._locate(sheet, cell))
        return value

    def values(self, sheet: str, area: str) -> list[list[Cell]]:
        """The values of a rectangle such as `A1:F20`, row by row."""
        found = parse_area(area, sheet)
        if found is None:
            raise MarginError(f"{area!r} is no range; write it like A1:F20.")
        self._number(found.sheet)
        return [list(row) for row in self._reader.area(found)]

    def formula(self, sheet: str, cell: str) -> str | None:
        """The formula of a cell as it was typed, with `=`; None for a cell without one."""
        found = self._formulas.get(self._locate(sheet, cell))
        return display(found.text) if found else None

    def stored(self) -> bytes:
        """The workbook with its present values, in the engine's own form."""
        return bytes(self._model.to_bytes())

    def formula_cells(self, sheet: str) -> list[str]:
        """The cells of a sheet that hold a formula, row by row."""
        number = self._number(sheet)
        return [address(row, column) for s, row, column in sorted(self._formulas) if s == number]

    def offset(self, sheet: str, cell: str) -> float:
        """How many days the file's own number of a cell lies below the value here: a date of a workbook that counts from 1904."""
        if not self._from_1904:
            return 0.0
        return EPOCHS if shows_a_day(self._model.get_cell_style(*self._locate(sheet, cell))["num_fmt"]) else 0.0

    def spills(self, sheet: str) -> dict[str, tuple[int, int]]:
        """The dynamic array formulas of a sheet by their cell, with the rows and columns they fill now."""
        number = self._number(sheet)
        if self._extents is None:  # of all sheets at once: the engine can only be asked by a calculation of the whole workbook
            anchors = [key for key, formula in self._formulas.items() if formula.dynamic]
            self._extents = dict(zip(anchors, self._reader.extents(anchors), strict=True))
        return {address(row, column): extent for (s, row, column), extent in self._extents.items() if s == number}

    def set(self, sheet: str, cell: str, value: Cell) -> int:
        """Put a value into a cell and recalculate; text starting with `=` is a formula, None empties it.

        Returns: the number of calls to our functions that were made.
        """
        return self.set_many([(sheet, cell, value)])

    def set_many(self, edits: Iterable[tuple[str, str, Cell]]) -> int:
        """Put values, given as (sheet, cell, value), and recalculate once; a mistake changes nothing.

        Returns: the number of calls to our functions that were made.
        Raises: MarginError for an unknown sheet, no cell, an infinite number, or part of a fixed array.
        """
        arrays = ((key[0], formula) for key, formula in self._formulas.items() if not formula.dynamic)
        fixed = [(number, formula.area) for number, formula in arrays if formula.area]
        located = [(self._editable(sheet, cell, fixed), value) for sheet, cell, value in edits]
        for _, value in located:
            if isinstance(value, float) and rows_of(value) == [["#NUM!"]]:
                raise MarginError(f"A cell cannot hold the number {value}; give a finite one.")
        for where, value in located:
            self._write(where, value)
        return self.recalculate()

    def recalculate(self) -> int:
        """Calculate until nothing changes; returns the number of calls to our functions that were made.

        Raises: MarginError when calls depend on each other in a circle.
        """
        before, passes, self._extents = self._calls, 0, None
        restless: list[FunctionCall] = []
        self._make(self._early())
        self._steered = False
        for count in range(_ROUNDS):
            self._evaluate()
            changed = self._changed()
            if count >= _PATIENCE:
                restless += self._restless([call for call in changed if call not in restless])
            ready = [call for call in changed if call not in restless]
            if not ready:
                # all others are right now: the restless ones are made again, often enough for a chain of a few
                if not changed or passes == _PATIENCE:
                    return self._calls - before
                passes, ready = passes + 1, changed
            # a call that waits for another's first answer can wait while there is anything else to do
            ready = [call for call in ready if not self._reader.waiting(call)] or ready
            self._make(ready)
        names = ", ".join(sorted({call.name for call in changed}))
        raise MarginError(
            f"The calls of {names} depend on each other in a circle; let no PM function read cells that depend on its own answer."
        )

    def _early(self) -> Iterator[FunctionCall]:
        """The calls to make before the engine calculates, so that most edits need it only once, at the end.

        They read typed cells; where they read formulas too, these have probably kept their values, and the calls are made again where
        not. An edit of a formula or of a cell that is an argument by itself (such as the method) may well steer those formulas.
        """
        for call in self._rewriter.calls:
            guess = call.seen is not None and not self._steered
            if self._reader.known(call, guess=guess) and self._reader.signature(call) != call.seen:
                yield call

    def _make(self, calls: Iterable[FunctionCall]) -> None:
        """Make calls, and show the formulas that use an answer where it is now."""
        moved = [call for call in calls if self._answer(call)]
        for placement in {placement: None for call in moved for placement in call.users}:
            self._rewriter.enter(placement)

    def _evaluate(self) -> None:
        self._model.evaluate()
        while self._reader.forget():  # a calculated argument that needs more room has moved
            self._model.evaluate()

    def _changed(self) -> list[FunctionCall]:
        return [call for call in self._rewriter.calls if self._reader.signature(call) != call.seen]

    def _restless(self, calls: list[FunctionCall]) -> list[FunctionCall]:
        """The calls whose arguments change by themselves, although nothing was put anywhere."""
        if not calls:
            return []
        before = {call: self._reader.signature(call) for call in calls}
        self._evaluate()
        return [call for call in calls if self._reader.signature(call) != before[call]]

    def _answer(self, call: FunctionCall) -> bool:
        """Make a call and keep the answer; returns whether its size or place is another now."""
        call.seen = self._reader.signature(call)
        arguments = self._reader.arguments(call)
        self._calls += 1
        try:
            answer = self._functions[call.name](*arguments)
        except Exception:  # as in any spreadsheet, one bad call must not take the whole workbook down
            _log.warning("%s failed", call.name, exc_info=True)
            answer = "#VALUE!"
        return self._rewriter.keep(call, answer)

    def _adopt(self, sheet: int, row: int, column: int, stored: StoredFormula) -> None:
        dynamic = stored.area is not None and stored.dynamic
        self._formulas[sheet, row, column] = Formula(stored.text, stored.area, dynamic)
        unread = self._model.get_cell_value(sheet, row, column) == "#ERROR!"
        if not unread and not self._rewriter.mentions(stored.text):
            return
        # the engine's own text is taken where it has one: it has @ where Excel means one cell of a range
        text = self._model.get_cell_formula(sheet, row, column)
        if unread or not text:
            text = self._without_tables(display(stored.text), row)
        self._place(sheet, row, column, text, stored.area, dynamic)

    def _place(self, sheet: int, row: int, column: int, text: str, area: CellArea | None, dynamic: bool) -> None:
        size = None
        if area and not dynamic:
            size = area.last_row - area.first_row + 1, area.last_column - area.first_column + 1
        where = sheet, row, column
        self._placements[where] = self._rewriter.add(text.removeprefix("="), where, area is not None, size)

    def _without_tables(self, text: str, row: int) -> str:
        def plain(operand: str) -> str:
            area = table_area(operand, self._tables, row)
            return area.text() if area else operand

        return map_operands(text, plain)

    def _write(self, where: tuple[int, int, int], value: Cell) -> None:
        sheet, row, column = where
        self._remove_formula(where)
        self._steered |= self._reader.touched(self._names[sheet], row, column)
        if isinstance(value, str) and value.startswith("=") and len(value) > 1:
            area = CellArea(self._names[sheet], row, column, row, column)
            self._formulas[where] = Formula(value[1:], area, dynamic=True)
            self._steered = True
            self._reader.formulas_changed()
            self._place(sheet, row, column, self._without_tables(value, row), area, dynamic=True)
        else:
            self._rewriter.write(sheet, row, column, value)

    def _remove_formula(self, where: tuple[int, int, int]) -> None:
        formula = self._formulas.pop(where, None)
        placement = self._placements.pop(where, None)
        if placement:
            self._rewriter.remove(placement)
        if formula:
            # the engine keeps the other cells of an array whose first cell is overwritten: empty it first
            area = formula.area if formula.area and not formula.dynamic else None
            last = (area.last_row, area.last_column) if area else where[1:]
            self._model.range_clear_contents(*where, *last)
            self._steered = True
            self._reader.formulas_changed()

    def _editable(self, sheet: str, cell: str, fixed: list[tuple[int, CellArea]]) -> tuple[int, int, int]:
        where = number, row, column = self._locate(sheet, cell)
        for owner, area in fixed:
            if owner == number and area.covers(row, column) and where not in self._formulas:
                anchor = address(area.first_row, area.first_column)
                raise MarginError(f"{sheet}!{cell} is part of the array formula in {anchor}; change that.")
        return where

    def _locate(self, sheet: str, cell: str) -> tuple[int, int, int]:
        area = parse_area(cell, sheet)
        if area is None or not area.cell or "!" in cell:
            raise MarginError(f"{cell!r} is no cell; write it like B7.")
        return self._number(sheet), area.first_row, area.first_column

    def _number(self, sheet: str) -> int:
        if sheet.lower() not in self._index:
            known = ", ".join(quoted(name) for name in self._names)
            raise MarginError(f"There is no sheet {sheet!r} in this workbook; its sheets are {known}.")
        return self._index[sheet.lower()]


def _load(path: str | Path) -> tuple[Any, bool]:
    """The engine's model of a workbook, its dates counted from 1900, and whether the file's own count from 1904."""
    from ironcalc import load_from_xlsx  # late: a compiled module that only this file needs

    with open_zip(path) as archive:
        package = Package(archive)
        try:
            with readable(path, archive, package) as opened:
                model = compared_by_formulas(load_from_xlsx(opened))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a fault inside the engine does not come as an Exception
            raise MarginError(f"{path}: the embedded engine cannot open this workbook ({error}).") from error
        if package.from_1904:
            count_from_1900(model)
        return model, package.from_1904
