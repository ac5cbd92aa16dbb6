"""Tables on the terminal: columns as wide as their widest cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def print_table(rows: Sequence[Sequence[Any]]) -> None:
    """Print the cells of an answer: whole numbers as such, others with two decimals, numbers to the right."""
    print_aligned([list(map(_shown, row)) for row in rows], [[isinstance(cell, float) for cell in row] for row in rows])


def _shown(cell: Any) -> str:
    return f"{cell:,.{0 if cell.is_integer() else 2}f}" if isinstance(cell, float) else str(cell)


def print_aligned(cells: Sequence[Sequence[str]], right: Sequence[Sequence[bool]]) -> None:
    """Print texts in columns.

    Args:
        right: whether each is set to the right
    """
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row, sides in zip(cells, right):
        line = (cell.rjust(width) if side else cell.ljust(width) for cell, width, side in zip(row, widths, sides))
        print("  ".join(line).rstrip())
