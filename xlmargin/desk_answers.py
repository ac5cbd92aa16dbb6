"""What PM_CONTRIBUTION, PM_WHATIF and PM_MOVE answer: raw cells in, a table out."""

from __future__ import annotations

from typing import Any

import numpy as np

from xlmargin.asked import case_asked
from xlmargin.contribution import contributions, notional
from xlmargin.tables import Rows

__all__ = ["contribution"]


def contribution(positions: Any, market: Any, method: Any, parameters: Any) -> Rows:
    """What each position row is of the margin."""
    case = case_asked(positions, market, method, parameters, None)
    found, book = contributions(case), case.book
    names = [f"{name} (open order, not counted)" if order else name for name, order in zip(book.names, book.order.tolist())]
    rows: Rows = [["Row", "Instrument", "Notional", "Standalone", "Contribution", "Incremental"]]
    rows.extend([float(row), name, *line] for row, name, line in zip(book.row.tolist(), names, np.column_stack(
        [notional(book), found.standalone, found.contribution, found.incremental]).tolist()))
    return rows
