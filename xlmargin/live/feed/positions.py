"""A venue's positions put into the rows of a positions range, the desk's own columns and other venues' rows left alone."""

from __future__ import annotations

from collections.abc import Sequence

from xlmargin.book.contracts import venue_of
from xlmargin.errors import MarginError
from xlmargin.live.feed.market_table import Row
from xlmargin.sheet.cells import is_blank
from xlmargin.sheet.columns import Header
from xlmargin.sheet.headings import POSITIONS
from xlmargin.sheet.layouts import must_hold
from xlmargin.venues import Answer

WRITTEN = ("Instrument", "Venue", "Quantity", "USD size", "Entry")  # columns that a venue's answer knows better than any market
AMOUNTS = ("Quantity", "USD size")  # of which a row has one
YES = ("yes", "y", "true", "order", "open")


def with_positions(before: Sequence[Row], answer: Answer, venue: str) -> list[Row]:
    """A positions range with a venue's rows brought up to date.

    A row of that venue keeps its place and its other columns as long as the instrument is held; new ones follow below,
    closed ones go. Rows that name no instrument, or another venue, or are open orders, are the desk's own and stay as they are.

    Args:
        before: the present range, header first
        answer: positions as `xlmargin.venues` reads them

    Raises:
        MarginError: a column is missing, or the rows do not fit
    """
    header = Header(before[0], "positions", POSITIONS)
    for heading in WRITTEN[:3]:
        header.column(heading)
    at, ordered, side, width = header.columns(WRITTEN), header.find("Order"), header.find("Side"), len(header.keys)
    head, *rows = answer.positions
    held = _by_instrument(head, rows if "USD size" in at else [_in_coins(head, row) for row in rows])
    result = [list(before[0])]
    seen = set()
    for row in before[1:]:
        if all(map(is_blank, row)):
            continue
        name = "" if is_blank(row[at["Instrument"]]) else str(row[at["Instrument"]])
        owner = "deribit" if is_blank(row[at["Venue"]]) else venue_of(str(row[at["Venue"]]))
        order = ordered is not None and str(row[ordered] or "").strip().lower() in YES
        if not name or owner != venue or order:
            result.append(list(row))
        elif name in held and name not in seen:
            seen.add(name)
            fresh = _filled(list(row), at, head, held[name])
            if side is not None:
                fresh[side] = None  # the quantity has its sign
            result.append(fresh)
    result += [_filled([None] * width, at, head, row) for name, row in held.items() if name not in seen]
    must_hold(before, len(result) - 1, "positions")
    return result + [[None] * width for _ in range(len(before) - len(result))]


def _by_instrument(head: Row, rows: Sequence[Row]) -> dict[str, Row]:
    """One row for each instrument: a long and a short leg of one are held as their sum, which has no price of entry."""
    name, entry, *amounts = (head.index(heading) for heading in ("Instrument", "Entry", *AMOUNTS))
    held: dict[str, Row] = {}
    for row in rows:
        if row[name] in held:
            row = list(row)
            for amount in amounts:
                row[amount] = held[row[name]][amount] if row[amount] is None else row[amount] + (held[row[name]][amount] or 0.0)
            row[entry] = None
        held[row[name]] = row
    return {instrument: row for instrument, row in held.items() if any(row[amount] for amount in amounts)}


def _in_coins(head: Row, row: Row) -> Row:
    """A row whose size in USD is its coins at the mark.

    Raises:
        MarginError: it has no mark
    """
    usd, mark, quantity = (head.index(heading) for heading in ("USD size", "Price", "Quantity"))
    if row[usd] is None:
        return row
    if row[mark] is None:
        raise MarginError(f"{row[head.index('Instrument')]} is sized in USD, and the answer has no mark to find its coins by")
    return [row[usd] / row[mark] if n == quantity else None if n == usd else cell for n, cell in enumerate(row)]


def _filled(cells: Row, at: dict[str, int], head: Row, row: Row) -> Row:
    """A row with the venue's values for it."""
    for heading, column in at.items():
        cells[column] = row[head.index(heading)]
    return cells
