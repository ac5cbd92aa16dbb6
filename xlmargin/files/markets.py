"""Market ranges in files: our own, and the chains that venues and data vendors publish."""

from __future__ import annotations

from xlmargin.errors import MarginError
from xlmargin.files.ranges import Grid
from xlmargin.sheet.cells import is_blank
from xlmargin.sheet.columns import Header

CHAIN = {"instrumentname", "currency", "markiv", "underlyingprice", "indexprice", "timestamp"}  # Deribit's chain as CSV


def as_market(rows: Grid) -> Grid:
    """A market range, from one or from a Deribit chain with its vols in percent."""
    at = Header(rows[0] if rows else ()).columns(CHAIN)
    if len(at) < len(CHAIN):
        return rows
    market: Grid = [["Underlying", "Spot", "Instrument", "Forward", "IV", "As of"]]
    for n, row in enumerate(rows[1:], 2):
        if all(is_blank(cell) for cell in row):
            continue
        vol = row[at["markiv"]]
        if not (isinstance(vol, float) or is_blank(vol)):
            raise MarginError(f"chain row {n}: mark_iv must be a number, not {vol!r}")
        market.append(
            [
                row[at["currency"]],
                row[at["indexprice"]],
                row[at["instrumentname"]],
                row[at["underlyingprice"]],
                vol / 100.0 if isinstance(vol, float) else None,
                row[at["timestamp"]],
            ]
        )
    return market
