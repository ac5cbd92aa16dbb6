"""The calls to our functions in a workbook: their arguments, and where their results are kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TypeGuard

from xlmargin.engine.formula import MAX_COLUMN, MAX_ROW, CellArea, Constant, column_letters, quoted
from xlmargin.errors import MarginError

#: The content of a cell; dates are serial numbers, an error value is its text, an empty cell is None.
Cell = float | str | bool | None
#: A function of ours: raw cells and rectangles of cells in, one value or a rectangle of values out.
Function = Callable[..., object]


@dataclass(slots=True)
class Formula:
    """A formula of the workbook: its text as typed, and its rectangle and kind if it is an array formula."""

    text: str
    area: CellArea | None
    dynamic: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Rows reserved for one result on the hidden sheet."""

    row: int
    capacity: int


class Blocks:
    """Hands out rows of the hidden sheet; a returned block is handed out again."""

    SMALLEST = 8

    def __init__(self) -> None:
        self._next = 1
        self._free: dict[int, list[Block]] = {}

    def take(self, rows: int) -> Block:
        """A block of at least so many rows."""
        capacity = max(self.SMALLEST, 1 << (rows - 1).bit_length())
        if free := self._free.get(capacity):
            return free.pop()
        if self._next + capacity - 1 > MAX_ROW:
            raise MarginError(f"The results of the PM functions need more than {MAX_ROW} rows together; ask for fewer or smaller tables.")
        block = Block(self._next, capacity)
        self._next += capacity
        return block

    def give_back(self, block: Block) -> None:
        """A block whose cells have been emptied."""
        self._free.setdefault(block.capacity, []).append(block)


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a call in a formula; `first` where only the first cell of its answer is meant."""

    call: FunctionCall
    first: bool


@dataclass(slots=True, eq=False)
class Placement:
    """A formula with our calls cut out, and its cell in the engine.

    `size` is the height and width of a fixed (CSE) array formula, None for any other.
    """

    sheet: int
    row: int
    column: int
    parts: tuple[str | Slot, ...]
    size: tuple[int, int] | None = None

    def calls(self) -> Iterator[FunctionCall]:
        """The calls of this formula."""
        return (part.call for part in self.parts if isinstance(part, Slot))

    def text(self, hidden: str) -> str:
        """The formula the engine gets: each call replaced by the cells that hold its answer."""
        return "=" + "".join(part if isinstance(part, str) else part.call.reference(hidden, part.first) for part in self.parts)


@dataclass(frozen=True, slots=True)
class CallResult:
    """An argument that is the answer of another call."""

    call: FunctionCall


@dataclass(frozen=True, slots=True)
class Computed:
    """An argument that the engine has to calculate in a cell of its own."""

    placement: Placement


Argument = Constant | CellArea | CallResult | Computed


@dataclass(slots=True, eq=False)
class FunctionCall:
    """One distinct call: function, arguments, the last arguments seen, the answer and where it is kept."""

    name: str
    arguments: tuple[Argument, ...]
    block: Block
    users: dict[Placement, None] = field(default_factory=dict)
    seen: bytes | None = None
    rows: list[list[Cell]] = field(default_factory=lambda: [[None]])
    scalar: bool = True

    def value(self) -> Cell | list[list[Cell]]:
        """The answer as another function gets it."""
        return self.rows[0][0] if self.scalar else self.rows

    def reference(self, hidden: str, first: bool = False) -> str:
        """The cells of the answer as an absolute reference."""
        top, height, width = self.block.row, len(self.rows), len(self.rows[0])
        start = f"{quoted(hidden)}!$A${top}"
        if first or height == width == 1:
            return start
        return f"{start}:${column_letters(width)}${top + height - 1}"


def is_table(answer: object) -> TypeGuard[Sequence[object]]:
    """Whether an answer is a rectangle of cells, not a single value."""
    return isinstance(answer, Sequence) and not isinstance(answer, str)


def rows_of(answer: object) -> list[list[Cell]]:
    """An answer as a full rectangle: missing cells become "", numbers a cell cannot hold #NUM!."""
    if not is_table(answer):
        return [[_cell(answer)]]
    table = [list(row) if is_table(row) else [row] for row in answer]
    width = min(max((len(row) for row in table), default=0), MAX_COLUMN)
    if not width:
        return [[""]]
    return [[_cell(value) for value in row[:width]] + [""] * (width - len(row)) for row in table]


def _cell(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else "#NUM!"
    return str(value)
