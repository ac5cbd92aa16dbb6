"""Answers without a rulebook: prices, vols and values of a book, its profit and loss, and the faults of its ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.errors import Faults, MarginError
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.risk_array import risk_array
from xlmargin.scenarios.scenarios import dense
from xlmargin.sheet import tables
from xlmargin.sheet.cells import given, grid, header_at, is_blank, one_number, one_text, show, without_blank_end
from xlmargin.sheet.checks import all_faults
from xlmargin.sheet.columns import numbers
from xlmargin.sheet.ranges.remembered import read_book
from xlmargin.sheet.registry import ERROR
from xlmargin.sheet.tables import Rows


def scenario_pnl(positions: Any, price_move: Any, vol_move: Any, days: Any, market: Any) -> float:
    """Profit and loss of one relative shock of every underlying."""
    moves = np.array([one_number(price_move, "price_move", accept=_is_move, must="a fraction of at least −1")])
    vols = np.array([one_number(vol_move, "vol_move", accept=_is_move, must="a fraction of at least −1")])
    return float(_grid(positions, moves, vols, days, market)[0, 0])


def pnl_grid(positions: Any, price_moves: Any, vol_moves: Any, days: Any, market: Any) -> Rows:
    """Profit and loss by price move and vol move."""
    moves, vols = _moves(price_moves, "price_moves"), _moves(vol_moves, "vol_moves")
    return tables.pnl_grid(moves, vols, _grid(positions, moves, vols, days, market))


def _is_move(value: float) -> bool:
    return value >= -1.0


def _moves(raw: Any, name: str) -> Floats:
    """A row or a column of moves."""
    cells = [cell for row in grid(raw) for cell in row if not is_blank(cell)]
    if not cells:
        raise MarginError(f"{name} is empty: give a row or a column of fractions, such as −0.1, 0, 0.1")
    return np.array([one_number(cell, name, accept=_is_move, must="a fraction of at least −1") for cell in cells])


def _grid(positions: Any, price_moves: Floats, vol_moves: Floats, days: Any, market: Any) -> Floats:
    """Profit and loss of the whole book, spot in full, (M, N)."""
    ahead = one_number(days, "days", 0.0, accept=lambda value: value >= 0.0, must="a number of days of at least 0")
    book = read_book(positions, market)
    scenarios = dense(book.instruments.underlyings, price_moves, vol_moves, ahead)
    units = book.by_instrument(book.units).sum(axis=0)
    pnl: Floats = units @ risk_array(book.instruments, scenarios)
    return pnl.reshape(len(price_moves), len(vol_moves))


def greeks(positions: Any, market: Any) -> Rows:
    """Marks, values and sensitivities per row, and totals per underlying."""
    return tables.greeks(read_book(positions, market))


def price(kind: Any, forward: Any, strike: Any, years: Any, vol: Any, rate: Any) -> float | Rows:
    """Black-76 prices of calls and puts, discounted at the rate."""
    from xlmargin.pricing import black

    is_call, terms, shape = _columns(kind, {"forward": forward, "strike": strike, "years": years, "vol": vol, "rate": rate})
    return _shaped(black.price(is_call, *terms), shape)


def implied_vol(kind: Any, price: Any, forward: Any, strike: Any, years: Any, rate: Any) -> float | Rows:
    """Black-76 implied vols of calls and puts; in a column, a price without one has the reason in its own cell."""
    from xlmargin.pricing import implied_vol as solver

    is_call, terms, shape = _columns(kind, {"price": price, "forward": forward, "strike": strike, "years": years, "rate": rate})
    found, reason = solver.solve(is_call, *terms)
    why = {
        int(i): solver.reason_text(solver.Reason(reason[i]), bool(is_call[i]), *(float(term[i]) for term in terms))
        for i in np.flatnonzero(reason)
    }
    if why and len(found) == 1:
        raise MarginError(why[0])
    answers = [f"{ERROR}row {i + 1}: {why[i]}" if i in why else float(value) for i, value in enumerate(found)]
    return _shaped(answers, shape)


def _columns(kind: Any, terms: dict[str, Any]) -> tuple[NDArray[np.bool_], list[Floats], tuple[int, bool]]:
    """Arguments that may each be one cell or a column, as columns of one length, and the shape of the answer."""
    cells = {name: [cell for row in grid(raw) for cell in row] for name, raw in {"kind": kind, **terms}.items()}
    count = max(len(column) for column in cells.values())
    for name, column in cells.items():
        if len(column) not in (1, count):
            raise MarginError(f"{name} has {len(column)} cells where another argument has {count}: give one cell or columns of one length")
    full = {name: column if len(column) == count else column * count for name, column in cells.items()}
    words = [one_text(cell, "kind").lower() for cell in full.pop("kind")]
    for i, word in enumerate(words):
        if word not in ("c", "call", "p", "put"):
            raise MarginError(f"row {i + 1}: kind must be call or put, not {word!r}")
    faults, rows = Faults(), list(range(1, count + 1))
    values = {name: numbers(column, rows, name, faults) for name, column in full.items()}
    values["rate"] = np.nan_to_num(values["rate"], nan=0.0)
    _in_bounds(values, faults)
    faults.stop()
    wide = any(len(grid(raw)) == 1 and len(grid(raw)[0]) == count > 1 for raw in (kind, *terms.values()))
    return np.array([word.startswith("c") for word in words], np.bool_), list(values.values()), (count, wide)


def _in_bounds(values: dict[str, Floats], faults: Faults) -> None:
    """Record the arguments out of bounds, which give no price or vol."""
    seen = faults.rows()
    for name, column in values.items():
        positive = name in ("forward", "strike")
        for i in np.flatnonzero(np.isnan(column) | (column <= 0.0 if positive else column < 0.0)):
            if name != "rate" and int(i) + 1 not in seen:
                words = "above 0" if positive else "a number of at least 0"
                faults.add(int(i) + 1, name, f"{name} must be {words}", "mend it")


def _shaped(answers: Any, shape: tuple[int, bool]) -> float | Rows:
    """One answer as a number, several as a column, or as a row where the arguments were rows."""
    count, wide = shape
    values = [value if isinstance(value, str) else float(value) for value in answers]
    if count == 1:
        return values[0]  # type: ignore[return-value]
    return [list(values)] if wide else [[value] for value in values]


def check(positions: Any, market: Any, beside: Any) -> Rows:
    """Every fault of the ranges at once; or, beside one of them, what is found on each of its rows.

    Args:
        positions, market: as long as they were given, with the blank rows at their end
    """
    whole = {"positions": positions, "market": market}
    found = all_faults(*map(without_blank_end, whole.values()))
    name = one_text(beside, "beside", "").lower()
    if not name:
        return tables.checks(*found)
    if name not in whole:
        raise MarginError(f"beside must be {' or '.join(whole)}, not {show(name)}")
    if not given(whole[name]):
        raise MarginError(f"beside {name} there is nothing: give the {name} range")
    rows = grid(whole[name])
    return tables.checks_beside(*found, name.removeprefix("positions"), header_at(rows), len(rows))
