"""What PM_CONTRIBUTION, PM_WHATIF and PM_MOVE answer: raw cells in, a table out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.asked import case_asked, case_for, vols_needed
from xlmargin.book import Book, Positions, make_book
from xlmargin.case import Case
from xlmargin.cells import one_text
from xlmargin.contribution import contributions, notional
from xlmargin.errors import Fault, Faults, MarginError
from xlmargin.market import Market
from xlmargin.methods import method_name
from xlmargin.move import as_before, by_account, move, path
from xlmargin.names import show_instant
from xlmargin.ranges.market import read_market
from xlmargin.ranges.positions import read_positions
from xlmargin.tables import Rows
from xlmargin.whatif import into_accounts, joined, measures

__all__ = ["contribution", "margin_move", "what_if"]

TRADES, POSITIONS_BEFORE, MARKET_BEFORE = "trades", "positions_before", "market_before"
ROW = re.compile(r"row (\d+): ")


def contribution(positions: Any, market: Any, method: Any, parameters: Any) -> Rows:
    """What each position row is of the margin."""
    case = case_asked(positions, market, method, parameters, None)
    found, book = contributions(case), case.book
    names = [f"{name} (open order, not counted)" if order else name for name, order in zip(book.names, book.order.tolist())]
    rows: Rows = [["Row", "Instrument", "Notional", "Standalone", "Contribution", "Incremental"]]
    rows.extend([float(row), name, *line] for row, name, line in zip(book.row.tolist(), names, np.column_stack(
        [notional(book), found.standalone, found.contribution, found.incremental]).tolist()))
    return rows


def what_if(positions: Any, trades: Any, market: Any, method: Any, parameters: Any) -> Rows:
    """A book before and after hypothetical trades."""
    name = method_name(one_text(method, "method", "SPAN"))
    typed, added = _positions(positions, ""), Faults(TRADES)
    new = into_accounts(read_positions(trades, added), typed, added)
    added.stop()
    known = _market(market, "market", None)
    above = int(typed.row.max(initial=0))

    def asked(rows: Positions, beside: tuple[str, ...]) -> tuple[Case, dict[str, float]]:
        faults = Faults()
        book = make_book(rows, known, faults)
        _stop(_from_trades([*faults.faults, *(book.unpriced if vols_needed(name, parameters) else ())], above))
        try:
            case = case_for(book, name, parameters, None, beside=beside)
            return case, measures(case, beside)
        except MarginError as error:
            raise _placed(error, TRADES, above) from None

    both = joined(typed, new, above)
    (_, before), (_, after) = (asked(rows, both.underlyings) for rows in (typed, both))
    table: Rows = [["Measure", "Before", "After", "Change"]]
    table.extend([label, before[label], value, value - before[label]] for label, value in after.items()
                 if np.isfinite(value) and np.isfinite(before[label]))
    return table


def margin_move(positions: Any, market: Any, positions_before: Any, market_before: Any, method: Any, parameters: Any) -> Rows:
    """The change of a margin by its causes."""
    name, now = method_name(one_text(method, "method", "SPAN")), time.time()
    priced = vols_needed(name, parameters)
    rows, rows_before = _positions(positions, ""), _positions(positions_before, POSITIONS_BEFORE)
    known, known_before = _market(market, "market", now), _market(market_before, MARKET_BEFORE, now)
    if known_before.as_of > known.as_of:
        raise MarginError(f"{MARKET_BEFORE}: its As of {show_instant(known_before.as_of)} is later than the market's, "
                          f"{show_instant(known.as_of)}: mend one of the two, or swap the ranges")
    after, before = _book(rows, known, "", priced), _book(rows_before, known_before, POSITIONS_BEFORE, priced)
    match = as_before(after, before, (_dated(rows, after), _dated(rows_before, before)))
    faults = Faults()
    old = make_book(rows, known_before, faults)
    lacking = {row for row, k in zip(old.row.tolist(), old.instrument.tolist()) if match[k] < 0}
    _stop(fault._replace(problem=f"{fault.problem} in {MARKET_BEFORE}, where this trade is valued first") for fault in
          (*faults.faults, *(old.unpriced if priced else ())) if fault.row in lacking)
    beside = (*after.instruments.underlyings, *before.instruments.underlyings)

    def margined(book: Book) -> Case:
        return case_for(book, name, parameters, None, beside=beside)

    try:
        start = by_account(margined(before))
    except MarginError as error:
        raise _placed(error, POSITIONS_BEFORE, 0) from None
    table: Rows = [["Cause", "Amount"]]
    table.extend([cause, amount] for cause, amount in move(start, path(before, after, old, match), margined).items())
    return table


def _positions(raw: Any, where: str) -> Positions:
    """A positions range without faults."""
    faults = Faults(where)
    typed = read_positions(raw, faults)
    faults.stop()
    return typed


def _market(raw: Any, where: str, now: float | None) -> Market:
    """A market range without faults."""
    faults = Faults(where)
    known = read_market(raw, faults, now)
    faults.stop()
    return known


def _book(rows: Positions, known: Market, where: str, priced: bool) -> Book:
    """The book of a positions range of any name."""
    faults = Faults(where)
    book = make_book(rows, known, faults)
    faults.stop(fault._replace(where=where) for fault in (book.unpriced if priced else ()))
    return book


def _dated(rows: Positions, book: Book) -> NDArray[np.float64]:
    """Years that the rows of each instrument give as DTE, NaN where they give none (K,)."""
    years = np.full(len(book.instruments), np.nan)
    years[book.instrument] = rows.years
    return years


def _from_trades(faults: Iterable[Fault], above: int) -> list[Fault]:
    """Faults of a joined book, those of the trades' rows under their own numbers, the positions' first."""
    found = sorted(faults, key=lambda fault: fault.row)
    return [fault._replace(row=fault.row - above, where=TRADES) if fault.row > above else fault for fault in found]


def _stop(faults: Iterable[Fault]) -> None:
    """Raise the first fault, if there is one."""
    for fault in faults:
        raise MarginError(fault.line)


def _placed(error: MarginError, where: str, above: int) -> MarginError:
    """A mistake that a method tells of a row, under the name and the row number of its range."""
    found = ROW.match(str(error))
    if found is None or int(found[1]) <= above:
        return error
    return MarginError(f"{where} row {int(found[1]) - above}: {str(error)[found.end():]}")
