"""The instruments range: the instruments that a hedge may trade, as positions, each with its lot, cost and limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.positions import Positions
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cells import show
from xlmargin.sheet.columns import table
from xlmargin.sheet.headings import POSITIONS
from xlmargin.sheet.ranges.positions import HEADINGS, SIDES, ZERO_IS_BLANK, read_positions

OWN = ("Quantity", "Side", "Order")  # headings of positions that have another meaning here, or none


@dataclass(frozen=True, slots=True)
class Tradable:
    """The instruments that a hedge may trade, as typed columns (J,).

    Attributes:
        positions: the instruments, one long unit of quantity each
        lot: quantities are multiples of it, NaN where any quantity goes
        cost: of trading one unit of quantity, either way [account currency]
        limit: the largest quantity either way, NaN where none is given
        buys, sells: the directions in which it may be traded
    """

    positions: Positions
    lot: Floats
    cost: Floats
    limit: Floats
    buys: NDArray[np.bool_]
    sells: NDArray[np.bool_]


def read_instruments(raw: Any, faults: Faults) -> Tradable:
    """Read the instruments range.

    Args:
        raw: rows of cells with the header first: the headings of positions, of which Quantity is the largest size either way
            and Side the only direction, and Lot and Cost; all of these may be left out
        faults: receives every fault of every cell; its `where` names the range

    Raises:
        MarginError: the range has no header, or lacks the headings without which no row can be read
    """
    cells = table(raw, faults, (*HEADINGS, "Lot", "Cost"), zero_is_blank=(*ZERO_IS_BLANK, "Lot", "Cost"), names=POSITIONS)
    lot, cost, limit = (
        _not_negative(cells.numbers(heading, faults), heading, cells.rows, faults) for heading in ("Lot", "Cost", "Quantity")
    )
    side = np.array(cells.choices("Side", SIDES, faults), np.str_)
    headings = [heading for heading in HEADINGS if heading not in OWN and cells.has(heading)]
    rows: list[list[Any]] = [[None] * (len(headings) + 1) for _ in range(max(cells.rows, default=1))]
    rows[0] = [*headings, "Quantity"]
    for row, *given in zip(cells.rows, *map(cells.column, headings)):
        rows[row - 1] = [*given, 1.0]
    return Tradable(
        read_positions(rows, faults), np.where(lot > 0.0, lot, np.nan), np.nan_to_num(cost), limit, side != "sell", side != "buy"
    )


def _not_negative(values: Floats, heading: str, rows: list[int], faults: Faults) -> Floats:
    """A column of numbers that must not be negative."""
    for i in np.flatnonzero(values < 0.0).tolist():
        fix = "type the size alone; Side says buy or sell" if heading == "Quantity" else "type a positive number"
        faults.add(rows[i], heading, f"{heading} must be at least 0, not {show(float(values[i]))}: {fix}", fix)
    return values
