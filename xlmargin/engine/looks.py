"""The look of the cells now: the workbook's styles with its conditional formats applied by the embedded engine."""

from __future__ import annotations

from typing import Any, NamedTuple

from xlmargin.engine.host import Workbook


class Look(NamedTuple):
    """The look of one cell: the engine's style, and a data bar or icon of a conditional format (None without)."""

    style: dict[str, Any]
    bar: dict[str, Any] | None
    icon: dict[str, Any] | None


class Looks:
    """The looks of a calculated workbook at one moment; `refresh` after it has changed.

    The engine applies conditional formats when it opens a workbook of its other kind, so a copy is taken; it is
    not calculated again.
    """

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._index = {name: number for number, name in enumerate(book.sheets)}
        self.refresh()

    def refresh(self) -> None:
        """Read the present look of the workbook."""
        from ironcalc import UserModel  # late: a compiled module

        self._model: Any = UserModel.from_bytes(self._book.stored())

    def at(self, sheet: str, row: int, column: int) -> Look:
        """The look of a cell, by row and column counted from 1."""
        found = self._model.get_extended_cell_style(self._index[sheet], row, column)
        return Look(found["style"], found.get("data_bar"), found.get("icon"))

    def ranges(self, sheet: str) -> list[str]:
        """The ranges of a sheet that have conditional formats, as written: areas with blanks between them."""
        return [str(rule["range"]) for rule in self._model.get_conditional_formatting_list(self._index[sheet])]
