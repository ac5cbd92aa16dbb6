"""The look of the cells now: the workbook's styles with its conditional formats applied by the embedded engine."""

from __future__ import annotations

from typing import Any, NamedTuple

from xlmargin.engine.host import Workbook

_COMPARED = {"Equal": "=", "NotEqual": "<>"}


class Look(NamedTuple):
    """The look of one cell: the engine's style, and a data bar or icon of a conditional format (None without)."""

    style: dict[str, Any]
    bar: dict[str, Any] | None
    icon: dict[str, Any] | None


class Looks:
    """The looks of a calculated workbook at one moment; `refresh` after it has changed.

    The engine applies conditional formats in a workbook of its other kind, so a copy is taken. There it compares
    cells with numbers only: rules that ask whether a cell equals something are therefore put as formulas.
    """

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._index = {name: number for number, name in enumerate(book.sheets)}
        self.refresh()

    def refresh(self) -> None:
        """Read the present look of the workbook."""
        from ironcalc import UserModel  # late: a compiled module

        self._model: Any = UserModel.from_bytes(self._book.stored())
        self._model.pause_evaluation()
        changed = sum(self._as_formulas(number) for number in self._index.values())
        self._model.resume_evaluation()
        if changed:
            self._model.evaluate()

    def at(self, sheet: str, row: int, column: int) -> Look:
        """The look of a cell, by row and column counted from 1."""
        found = self._model.get_extended_cell_style(self._index[sheet], row, column)
        return Look(found["style"], found.get("data_bar"), found.get("icon"))

    def ranges(self, sheet: str) -> list[str]:
        """The ranges of a sheet that have conditional formats, as written: areas with blanks between them."""
        return [str(rule["range"]) for rule in self._model.get_conditional_formatting_list(self._index[sheet])]

    def _as_formulas(self, sheet: int) -> int:
        count = 0
        for rule in self._model.get_conditional_formatting_list(sheet):
            condition = rule["cf_rule"]
            sign = _COMPARED.get(condition.get("operator", ""))
            if condition["type"] == "CellIs" and sign:
                first = rule["range"].replace(",", " ").split()[0].partition(":")[0]
                formula = {
                    "type": "Formula",
                    "formula": f"={first}{sign}{condition['formula']}",
                    "stop_if_true": condition["stop_if_true"],
                    "format": self._model.get_dxf_for_conditional_formatting(sheet, rule["index"]),
                }
                self._model.update_conditional_formatting(sheet, rule["index"], rule["range"], formula)
                count += 1
        return count
