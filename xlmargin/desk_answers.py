"""What PM_CONTRIBUTION, PM_WHATIF and PM_MOVE answer: raw cells in, a table out."""

from __future__ import annotations

from typing import Any

from xlmargin.asked import case_asked
from xlmargin.contribution import contributions, notional
from xlmargin.tables import Rows

__all__ = ["contribution"]


def contribution(positions: Any, market: Any, method: Any, parameters: Any) -> Rows:
    """What each position row is of the margin."""
    case = case_asked(positions, market, method, parameters, None)
    found, book = contributions(case), case.book
    rows: Rows = [["Row", "Instrument", "Notional", "Standalone", "Contribution", "Incremental"]]
    for p, (row, name) in enumerate(zip(book.row.tolist(), book.names)):
        shown = f"{name} (open order, not counted)" if book.order[p] else name
        rows.append([float(row), shown, float(notional(book)[p]), float(found.standalone[p]), float(found.contribution[p]),
                     float(found.incremental[p])])
    return rows
