"""What each function answers: raw cells in, a number, a text or a table out."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin import __version__
from xlmargin.desk.compare import compare_rows, no_answer
from xlmargin.errors import Faults, MarginError
from xlmargin.margin.method import Method
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import find
from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods import known_methods, method_name, method_named, refused_methods, rules_of
from xlmargin.methods import scenarios_of as scenarios_of_rules
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.risk_array import risk_array
from xlmargin.scenarios.scenarios import dense
from xlmargin.sheet import tables
from xlmargin.sheet.answers.asked import ARRAYS, case_asked, case_for, case_with_scenarios, known_somewhere, margin_for, statement_roots
from xlmargin.sheet.cells import grid, is_blank, numbers
from xlmargin.sheet.checks import all_faults, read_book
from xlmargin.sheet.ranges.market import given
from xlmargin.sheet.ranges.parameters import is_scenario_table, read_overrides
from xlmargin.sheet.registry import ERROR
from xlmargin.sheet.single_cells import one_number, one_text
from xlmargin.sheet.tables import Rows


def margin(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> float:
    """Initial margin of all accounts."""
    return float(margin_for(case_asked(positions, market, method, parameters, history)).initial.value.sum())


def maintenance(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> float:
    """Maintenance margin of all accounts."""
    return float(margin_for(case_asked(positions, market, method, parameters, history)).maintenance.value.sum())


def scanning_risk(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> float:
    """Sum over accounts and underlyings of the worst scenario loss, floored at 0."""
    case = case_with_scenarios(positions, market, method, parameters, history)
    return float(np.maximum(-case.pnl.min(axis=1, initial=0.0), 0.0).sum())


def risk_array_of(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The risk array of the whole book by underlying."""
    case = case_with_scenarios(positions, market, method, parameters, history)
    return tables.risk_array_table(case.scenarios, case.pnl.sum(axis=0))


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


def compare(positions: Any, market: Any, methods: Any, parameters: Any, history: Any) -> Rows:
    """The requirements of several methods side by side."""
    asked = [str(cell) for row in grid(methods) for cell in row if not is_blank(cell)]
    names = [method_name(part) for text in asked for part in text.split(",") if part.strip()]
    overrides = [] if is_scenario_table(parameters) else read_overrides(parameters)
    refused = refused_methods(names)
    methods = {name: method_named(name) for name in names or known_methods() if name not in refused}
    if not names:
        methods = {name: method for name, method in methods.items() if _has_its_range(method, parameters, history)}
    arrays = any(item.name == ARRAYS for item in overrides)
    book = read_book(positions, market, priced=all(method.needs_vol for method in methods.values()) and not arrays)
    if methods:
        known_somewhere(overrides, [rules_of(name, book.as_of) for name in methods])

    def answer(name: str) -> tuple[Case, Margin]:
        method = method_named(name)
        if method.needs_vol and book.unpriced and not (arrays and ARRAYS in rules_of(name, book.as_of).names):
            raise MarginError(book.unpriced[0].line)
        case = case_for(book, name, parameters if method.takes_table or overrides else None, history, skip_unknown=True)
        return case, margin_for(case)

    rows = compare_rows(dict.fromkeys(names) or methods, answer, only_answers=not names)
    return rows if names else [*rows, *(no_answer(name, why) for name, why in refused.items())]


def _has_its_range(method: Method, parameters: Any, history: Any) -> bool:
    """Whether what a method cannot do without was given: its scenario table, its history."""
    return (not method.takes_table or is_scenario_table(parameters)) and (not method.takes_history or given(history))


def explain(positions: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The statement of a margin, down to the sheet rows."""
    case = case_asked(positions, market, method, parameters, history)
    return tables.statement_table(statement_roots(case, margin_for(case)), case.rules.meta)


def line(positions: Any, path: Any, market: Any, method: Any, parameters: Any, history: Any) -> float:
    """One line of the statement."""
    wanted = one_text(path, "path")
    case = case_asked(positions, market, method, parameters, history)
    return find(statement_roots(case, margin_for(case)), wanted).amount


def pairs(positions: Any, market: Any, parameters: Any) -> Rows:
    """The strategies of the cheapest pairing under RULES."""
    from xlmargin.methods.rules.cheapest import paired, shown

    case = case_asked(positions, market, "RULES", parameters, None)
    return tables.pairs(
        [
            (case.book.accounts[item.account], case.book.instruments.underlyings[item.underlying], strategy, shown(item.legs, strategy))
            for item in paired(case)
            for strategy in item.strategies
        ]
    )


def greeks(positions: Any, market: Any) -> Rows:
    """Marks, values and sensitivities per row, and totals per underlying."""
    return tables.greeks(read_book(positions, market))


def price(kind: Any, forward: Any, strike: Any, years: Any, vol: Any, rate: Any) -> float | Rows:
    """Black-76 prices of calls and puts, discounted at the rate."""
    from xlmargin.pricing import black

    is_call, terms, shape = _columns(kind, {"forward": forward, "strike": strike, "years": years, "vol": vol, "rate": rate})
    return _shaped(black.price(is_call, *terms), shape)


def implied_vol(kind: Any, price: Any, forward: Any, strike: Any, years: Any, rate: Any) -> float | Rows:
    """Black-76 implied vols of calls and puts; in a column, a price without one says why in its own cell."""
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
    """What no price or vol can be made of."""
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


def check(positions: Any, market: Any) -> Rows:
    """Every fault of the ranges at once."""
    return tables.checks(*all_faults(positions, market))


def scenarios_of(method: Any) -> Rows:
    """The scenarios of a method, for the underlyings with their own parameters and for any other."""
    return tables.scenario_table(scenarios_of_rules(_rules_today(method)))


def parameters_of(method: Any) -> Rows:
    """The parameters of a method as they stand today."""
    return tables.parameters_table(_rules_today(method).listing())


def _rules_today(method: Any) -> Rules:
    """The rulebook that a cell names, as it stands today."""
    return rules_of(method_name(one_text(method, "method", "SPAN")), time.time())


def methods() -> Rows:
    """Every method with its scope, its evidence and its status."""
    return tables.methods_table([_rules_today(name).meta for name in known_methods()], refused_methods())


def version() -> str:
    """The version of these functions."""
    return f"xlmargin {__version__}"
