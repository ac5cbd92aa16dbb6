"""The answers of PM_CONTRIBUTION, PM_WHATIF, PM_MOVE and PM_HEDGE: raw cells in, a table out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book, make_book
from xlmargin.book.contracts import show_instant
from xlmargin.book.market import Market
from xlmargin.book.positions import Positions
from xlmargin.desk.contribution import contributions, notional
from xlmargin.desk.hedge.hedge import Hedge, Limits, find_hedge, hedge_rules
from xlmargin.desk.hedge.hedge_desk import HedgeDesk, Trades
from xlmargin.desk.move import as_before, by_account, move, path
from xlmargin.desk.whatif import into_accounts, joined, measures
from xlmargin.errors import Fault, Faults, MarginError
from xlmargin.margin.valuation import Case
from xlmargin.methods import margin_of, method_name, method_named
from xlmargin.sheet.answers.margins import case_asked, case_for, vols_needed
from xlmargin.sheet.cells import given, one_text
from xlmargin.sheet.checks import keep_rows
from xlmargin.sheet.ranges.history import history_until
from xlmargin.sheet.ranges.instruments import Tradable, read_instruments
from xlmargin.sheet.ranges.market import read_market
from xlmargin.sheet.ranges.parameters import told_overrides
from xlmargin.sheet.ranges.positions import read_positions
from xlmargin.sheet.tables import Rows

TRADES, INSTRUMENTS, POSITIONS_BEFORE, MARKET_BEFORE = "trades", "instruments", "positions_before", "market_before"
NONE = "none"
SAME_MARGIN = 1e-7  # relative difference up to which two margins of one book are the same
ROW = re.compile(r"row (\d+): ")


def contribution(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The contribution of each position row to the margin."""
    case = case_asked(positions, market, method, parameters, history)
    found, book = contributions(case), case.book
    told = " (open order)" if method_named(case.rules.meta.name).margins_orders else " (open order, not counted)"
    names = [name + told * order for name, order in zip(book.names, book.order.tolist())]
    rows: Rows = [["Row", "Instrument", "Notional", "Standalone", "Contribution", "Incremental"]]
    rows.extend(
        [float(row), name, *line]
        for row, name, line in zip(
            book.row.tolist(), names, np.column_stack([notional(book), found.standalone, found.contribution, found.incremental]).tolist()
        )
    )
    return rows


def what_if(positions: Any, trades: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
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
        _stop(_numbered([*faults.faults, *(book.unpriced if vols_needed(name, parameters) else ())], TRADES, above))
        try:
            case = case_for(book, name, parameters, history, beside=beside)
            return case, measures(case, beside)
        except MarginError as error:
            raise _placed(error, TRADES, above) from None

    both = joined(typed, new, above)
    (_, before), (_, after) = (asked(rows, both.underlyings) for rows in (typed, both))
    table: Rows = [["Measure", "Before", "After", "Change"]]
    for label in before | after:
        first, then = before.get(label, 0.0), after.get(label, 0.0)  # a book without positions has no scenarios
        if np.isfinite(first) and np.isfinite(then):
            table.append([label, first, then, then - first])
    return table


def margin_move(positions: Any, market: Any, positions_before: Any, market_before: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The change of a margin by its causes."""
    name, now = method_name(one_text(method, "method", "SPAN")), time.time()
    priced = vols_needed(name, parameters)
    rows, rows_before = _positions(positions, ""), _positions(positions_before, POSITIONS_BEFORE)
    known, known_before = _market(market, "market", now), _market(market_before, MARKET_BEFORE, now)
    if known_before.as_of > known.as_of:
        undated = known_before.as_of == now  # a range without an As of counts as of this moment
        stands = "it has no As of and counts as of now, later" if undated else f"its As of {show_instant(known_before.as_of)} is later"
        cure = "type its As of" if undated else "mend one of the two, or swap the ranges"
        raise MarginError(f"{MARKET_BEFORE}: {stands} than the market's, {show_instant(known.as_of)}: {cure}")
    after, before = _book(rows, known, "", priced), _book(rows_before, known_before, POSITIONS_BEFORE, priced)
    match = as_before(after, before, (_dated(rows, after), _dated(rows_before, before)))
    faults = Faults()
    old = make_book(rows, known_before, faults)
    lacking = {row for row, k in zip(old.row.tolist(), old.instrument.tolist()) if match[k] < 0}
    _stop(
        fault._replace(problem=f"{fault.problem} in {MARKET_BEFORE}, where this trade is valued first")
        for fault in (*faults.faults, *(old.unpriced if priced else ()))
        if fault.row in lacking
    )
    beside = (*after.instruments.underlyings, *before.instruments.underlyings)

    def margined(book: Book) -> Case:
        past = history_until(history, book.as_of) if book.as_of < known.as_of and given(history) else history
        return case_for(book, name, parameters, past, beside=beside)

    try:
        start = by_account(margined(before))
    except MarginError as error:
        raise _placed(error, POSITIONS_BEFORE, 0) from None
    table: Rows = [["Cause", "Amount"]]
    table.extend([cause, amount] for cause, amount in move(start, path(before, after, old, match), margined).items())
    return table


def hedge(positions: Any, instruments: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The trades that lower a margin most."""
    asked = _Hedging(positions, instruments, market, method, parameters, history)
    before, desk = asked.margin({}), asked.desk()
    limits = Limits.of(hedge_rules(desk.book.as_of, told_overrides(parameters)))
    found = find_hedge(desk, limits)
    after = asked.margin(_quantities(found))
    if abs(after - found.margin[-1]) > SAME_MARGIN * max(abs(after), 1.0):  # the instruments traded change the others' market
        found = find_hedge(HedgeDesk(desk.case, desk.trades, apart=True), limits)
        after = asked.margin(_quantities(found))
    return _hedge_table(asked.offered, found, before, after)


def _quantities(found: Hedge) -> dict[int, float]:
    """Quantity of each trade made, by the index of its instrument."""
    return dict(zip(found.order, found.quantity.tolist()))


class _Hedging:
    """The ranges of a hedge: the positions, and the instruments to trade with them."""

    def __init__(self, positions: Any, instruments: Any, market: Any, method: Any, parameters: Any, history: Any) -> None:
        self.name = method_name(one_text(method, "method", "SPAN"))
        self.typed, self.parameters, self.history = _positions(positions, ""), parameters, history
        faults = Faults(INSTRUMENTS)
        offered = read_instruments(instruments, faults)
        self.offered = replace(offered, positions=into_accounts(offered.positions, self.typed, faults))
        faults.stop()
        if not len(self.offered.positions.row):
            raise MarginError(f"the {INSTRUMENTS} range has no rows: list what may be traded below its header")
        self.known = _market(market, "market", time.time())
        self.above = int(self.typed.row.max(initial=0))

    def case(self, traded: Positions, *, held: bool = True) -> Case:
        """The book with some trades under the method.

        Args:
            held: the trades are positions of the book; otherwise only their instruments are
        """
        faults = Faults()
        book = make_book(joined(self.typed, traded, self.above), self.known, faults)
        missing = book.unpriced if vols_needed(self.name, self.parameters) else ()
        _stop(_numbered([*faults.faults, *missing], INSTRUMENTS, self.above))
        if not held:
            count = len(self.typed.row)
            book = replace(
                book,
                names=book.names[:count],
                **{name: getattr(book, name)[:count] for name in ("quantity", "instrument", "account", "row", "order", "entry")},
            )
        try:
            return case_for(book, self.name, self.parameters, self.history, beside=self.offered.positions.underlyings)
        except MarginError as error:
            raise _placed(error, INSTRUMENTS, self.above) from None

    def margin(self, quantities: dict[int, float]) -> float:
        """Initial margin of the book with some of the instruments traded, as if they were among its rows."""
        traded = np.zeros(len(self.offered.positions.row), np.bool_)
        traded[list(quantities)] = True
        rows = keep_rows(self.offered.positions, traded)
        size = np.array([quantities[j] for j in np.flatnonzero(traded).tolist()], np.float64)
        return float(margin_of(self.case(replace(rows, quantity=size))).initial.value.sum())

    def desk(self) -> HedgeDesk:
        """The book, and the instruments that may be traded."""
        offered = self.offered.positions
        case = self.case(offered, held=False)
        book = make_book(joined(self.typed, offered, self.above), self.known, Faults())
        count = len(self.typed.row)
        more = self.offered
        return HedgeDesk(
            case,
            Trades(book.instrument[count:], book.account[count:], more.lot, more.cost, more.limit, more.buys, more.sells, book.row[count:]),
        )


def _hedge_table(offered: Tradable, found: Hedge, before: float, after: float) -> Rows:
    """The trades in their order, and the total."""
    rows: Rows = [["Row", "Instrument", "Quantity", "Cost", "Margin after", "Saving", "Saving per cost"]]
    costs = np.abs(found.quantity) * offered.cost[found.order]
    steps = [before, *found.margin[1:-1], after] if found.order else [before]
    for n, (j, quantity) in enumerate(_quantities(found).items()):
        rows.append(
            [float(offered.positions.row[j]), offered.positions.names[j], quantity, *_worth(float(costs[n]), steps[n + 1], steps[n])]
        )
    if not found.order:
        rows.append([NONE, "no trade among these lowers the margin by more than it costs", 0.0, *_worth(0.0, before, before)])
    return [*rows, ["Total", found.how, "", *_worth(float(costs.sum()), steps[-1], before)]]


def _worth(cost: float, after: float, before: float) -> list[float | str | bool]:
    """Cost, margin after, saving, and saving per cost; the last is blank where the cost is 0."""
    return [cost, after, before - after, (before - after) / cost if cost else ""]


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


def _numbered(faults: Iterable[Fault], where: str, above: int) -> list[Fault]:
    """Faults of a joined book, those of the second range's rows under their own numbers, the positions' first."""
    found = sorted(faults, key=lambda fault: fault.row)
    return [fault._replace(row=fault.row - above, where=where) if fault.row > above else fault for fault in found]


def _stop(faults: Iterable[Fault]) -> None:
    """Raise the first fault, if there is one."""
    for fault in faults:
        raise MarginError(fault.line)


def _placed(error: MarginError, where: str, above: int) -> MarginError:
    """A method's message about a row, under the name and the row number of its range."""
    found = ROW.match(str(error))
    if found is None or int(found[1]) <= above:
        return error
    return MarginError(f"{where} row {int(found[1]) - above}: {str(error)[found.end() :]}")
