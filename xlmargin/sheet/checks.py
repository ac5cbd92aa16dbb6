"""All faults and notes of the ranges at once."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from xlmargin.book import market as quotes
from xlmargin.book.book import Book, make_book
from xlmargin.book.contracts import show_instant
from xlmargin.book.market import Market
from xlmargin.book.positions import Positions
from xlmargin.errors import Fault, Faults, MarginError
from xlmargin.sheet.plausible import notes_on
from xlmargin.sheet.ranges.market import read_market
from xlmargin.sheet.ranges.positions import read_positions
from xlmargin.sheet.ranges.remembered import market_of, positions_of, range_notes, read_book

OTHER_VOL = "give IV or Price on the row to use another"  # the cure in every note on a vol that the market gives
CONTRACT_COLUMNS = ("", "Instrument", "Underlying", "Type", "Strike", "Expiry", "DTE", "Venue")  # without them: no contract
MARKET_COLUMNS = ("Spot", "Forward", "IV", "Price", "Coin price", "Mark price")  # a fault in one of them may be why another has no value


def all_faults(positions: Any, market: Any) -> tuple[list[Fault], list[Fault]]:
    """Every fault of two ranges, and the notes on rows that have none."""
    try:
        book = read_book(positions, market)  # without a fault, the book of the other cells
        told = notes_on(positions_of(positions), book, market_of(market))
        return [], _in_order([*range_notes(positions, market), *_notes(book), *told])
    except MarginError:
        pass
    rows, quotes_ = Faults(), Faults("market")
    typed, known = _attempt(positions, market, rows, quotes_)
    notes = list[Fault]()
    if typed is not None and known is not None:
        unread, unpriced = (
            {fault.row for fault in rows.faults if fault.column in columns} for columns in (CONTRACT_COLUMNS, MARKET_COLUMNS)
        )
        later = Faults()
        kept = keep_rows(typed, np.array([row not in unread for row in typed.row.tolist()], np.bool_))
        book = make_book(kept, known, later)
        rows.faults += [
            fault
            for fault in (*later.faults, *book.unpriced)
            if _certain(fault, quotes_) and not (fault.row in unpriced and fault.column in MARKET_COLUMNS)
        ]
        bad = rows.rows()
        notes = [] if quotes_.faults else [note for note in (*_notes(book), *notes_on(kept, book, known)) if note.row not in bad]
        notes = _in_order([*notes, *(note for note in quotes_.notes if note.row not in quotes_.rows())])
    # a dict, since the order of a set differs between processes: each fault once, in the order found within a row
    each = [sorted(dict.fromkeys(found.faults), key=lambda fault: fault.row) for found in (rows, quotes_)]
    return [*each[0], *each[1]], _in_order([*rows.notes, *notes])


def _in_order(notes: list[Fault]) -> list[Fault]:
    """Each note once, by row, those on the positions first."""
    return sorted(dict.fromkeys(notes), key=lambda note: (note.where, note.row))


def _certain(fault: Fault, quotes_: Faults) -> bool:
    """Whether a fault of a row does not follow from a fault of the market, such as a missing spot or vol."""
    return not quotes_.faults or (fault.column == "Expiry" and all(other.column != "As of" for other in quotes_.faults))


def _attempt(positions: Any, market: Any, rows: Faults, quotes_: Faults) -> tuple[Positions | None, Market | None]:
    """Both ranges as far as they can be read; a range that cannot be read at all is a fault of its header row."""
    typed = known = None
    try:
        typed = read_positions(positions, rows)
    except MarginError as error:
        rows.add(1, "", str(error), "mend the header row of the positions range")
    try:
        known = read_market(market, quotes_)
    except MarginError as error:
        quotes_.add(1, "", str(error), "mend the header row of the market range")
    return typed, known


def keep_rows(positions: Positions, mask: Any) -> Positions:
    """The rows of a mask; names of underlyings that no row uses any more are left out."""
    columns = {field.name: getattr(positions, field.name) for field in fields(positions)}
    kept = {name: column[mask] for name, column in columns.items() if isinstance(column, np.ndarray)}
    used = np.unique(kept["underlying"])
    kept["underlying"] = np.searchsorted(used, kept["underlying"])
    names = tuple(name for name, there in zip(positions.names, mask) if there)
    return replace(positions, **kept, names=names, underlyings=tuple(positions.underlyings[u] for u in used))


def _notes(book: Book) -> list[Fault]:
    """Notes on values that a book takes from outside its rows, and on rows that do not count."""
    held, found = book.instruments, Faults()
    found.notes += book.noted
    for heading, at, mean in book.mixed:
        for p, value in zip(at.tolist(), mean.tolist()):
            told = f"rows of {book.names[p]} in this account differ in {heading}"
            problem = f"{told}: for all of them {value:,.10g} counts, the mean of the values given"
            found.note(int(book.row[p]), heading, problem, "they are one position: give them one market")
    expiry = {float(when): show_instant(float(when)) for when in np.unique(held.expiry)}
    for p in np.flatnonzero(book.order | (held.vol_origin != quotes.AT_STRIKE)[book.instrument]).tolist():
        row, k = int(book.row[p]), int(book.instrument[p])
        _vol_note(found, row, float(held.vol[k]), int(held.vol_origin[k]), expiry.get(float(held.expiry[k]), ""))
        if book.order[p]:
            found.note(
                row,
                "Order",
                "this open order is not a position: methods without a rule for orders leave it out",
                "clear Order to count it as a position",
            )
    return found.notes


def _vol_note(found: Faults, row: int, vol: float, origin: int, expiry: str) -> None:
    """Note the origin of a vol that is neither the row's own nor the market's at the same strike."""
    if origin == quotes.ON_SMILE:
        found.note(row, "IV", f"IV {vol:.4f} was read off the market's smile of {expiry}, which has no vol at that strike", OTHER_VOL)
    elif origin == quotes.BY_EXPIRY:
        found.note(row, "IV", f"IV {vol:.4f} is the market's vol of the expiry {expiry}", OTHER_VOL)
    elif origin == quotes.BY_UNDERLYING:
        found.note(row, "IV", f"IV {vol:.4f} is the market's vol of the underlying", OTHER_VOL)
