"""Results become cells: statements, parameters, greeks, faults as tables with their header first."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import SPOT
from xlmargin.errors import Fault
from xlmargin.margin.parameter import Parameter
from xlmargin.margin.parameter_file import Meta
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import CERTAINTY, Line, entries, weakest
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.greeks import sensitivities
from xlmargin.scenarios.risk_array import marks
from xlmargin.scenarios.scenarios import IN_WORDS, Scenarios, amount, percent
from xlmargin.sheet.registry import Cell, Sound

FINDING = "Finding"  # heading of what is found on each row of a range
REQUIREMENTS = 2  # the first lines of a statement: initial and maintenance margin

if TYPE_CHECKING:
    from xlmargin.methods.rules.table import Strategy


Rows = list[list[Cell]]

POINT, DAY = 0.01, 1.0 / 365.0  # vega is shown per vol point, theta per day


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Pause garbage collection while tens of thousands of rows are made: it would find none and take a third of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def statement_table(roots: Sequence[Line], meta: Meta) -> Rows:
    """`Level, Line, Amount, Rule, Status, Source`: every line of a statement, a line before its parts."""
    rows: Rows = [["Level", "Line", "Amount", "Rule", "Status", "Source"]]
    for n, root in enumerate(roots):
        start = len(rows)
        own = root.status if n >= REQUIREMENTS and root.status else meta.status  # a further line may rest on more than the margin does
        with _no_garbage():
            rows += entries(root)
        left_out = root.status if root.status not in ("", *CERTAINTY) else ""
        shown = {str(row[4]) for row in rows[start:]}
        rows[start][4:] = left_out or weakest(own, root.below or "", *shown), root.source or meta.source
    amounts = np.fromiter(map(itemgetter(2), rows[1:]), np.float64)
    return Sound(rows) if np.isfinite(amounts).all() else rows


def risk_array_table(scenarios: Scenarios, pnl: Floats) -> Rows:
    """`Scenario, Description, Price move, Vol move, Weight`, one column of P&L per underlying, `Total`; gains +.

    Args:
        pnl: profit and loss per scenario and underlying, after weights (S, U)
    """
    rows: Rows = [["Scenario", "Description", "Price move", "Vol move", "Weight", *scenarios.underlyings, "Total"]]
    for s, line in enumerate(pnl.tolist()):
        rows.append(
            [
                *_scenario(scenarios, s),
                _shared(scenarios, scenarios.price[s], IN_WORDS[scenarios.price_kind]),
                _shared(scenarios, scenarios.vol[s]),
                _shared(scenarios, scenarios.weight[s], _share),
                *line,
                sum(line, 0.0),
            ]
        )
    return rows


def _scenario(scenarios: Scenarios, s: int) -> list[Cell]:
    name = scenarios.names[s]
    return [float(name) if name.isdigit() else name, scenarios.descriptions[s]]


def _shared(scenarios: Scenarios, values: Floats, words: Callable[[float], str] = percent) -> Cell:
    """One number where all underlyings share it, else that of each in words; amounts are in words, since cells show fractions."""
    if len(values) == 0:
        return 0.0
    if np.all(values == values[0]):
        return words(float(values[0])) if words is amount else float(values[0])
    return "; ".join(f"{name} {words(value)}" for name, value in zip(scenarios.underlyings, values.tolist()))


def _share(weight: float) -> str:
    """The share of a result that counts in words; 0 is a scenario that the underlying does not have."""
    return percent(weight) if weight else "none"


def scenario_table(scenarios: Scenarios) -> Rows:
    """`Scenario, Description, Underlying, Price move, Vol move, Days, Weight`: one row per scenario and underlying that has it."""
    rows: Rows = [["Scenario", "Description", "Underlying", "Price move", "Vol move", "Days", "Weight"]]
    for s in range(len(scenarios)):
        for u in np.flatnonzero(scenarios.weight[s]).tolist():
            name = scenarios.underlyings[u]
            rows.append(
                [
                    *_scenario(scenarios, s),
                    name,
                    _shared(scenarios, scenarios.price[s, u : u + 1], IN_WORDS[scenarios.price_kind]),
                    float(scenarios.vol[s, u]),
                    float(scenarios.days[s]),
                    float(scenarios.weight[s, u]),
                ]
            )
    return rows


def pnl_grid(price_moves: Floats, vol_moves: Floats, pnl: Floats) -> Rows:
    """P&L by price move (rows) and vol move (columns); the first row and column are the moves."""
    rows: Rows = [["Price move / Vol move", *vol_moves.tolist()]]
    rows.extend([move, *line] for move, line in zip(price_moves.tolist(), pnl.tolist()))
    return rows


def parameters_table(parameters: Sequence[Parameter]) -> Rows:
    """`Underlying, Parameter, Value, Unit, Status, Source, Since, Checked`; a blank underlying means all without their own."""
    rows: Rows = [["Underlying", "Parameter", "Value", "Unit", "Status", "Source", "Since", "Checked"]]
    rows.extend(
        [item.underlying, item.name, item.value, item.unit, item.status, item.source, item.since.isoformat(), item.checked.isoformat()]
        for item in parameters
    )
    return rows


def methods_table(methods: Sequence[Rules], refused: Mapping[str, str]) -> Rows:
    """`Method, Title, Scope, Evidence, Not modelled, Status, Checked, Source`.

    Args:
        refused: reasons why methods are not available, by name
    """
    rows: Rows = [["Method", "Title", "Scope", "Evidence", "Not modelled", "Status", "Checked", "Source"]]
    rows.extend(
        [meta.name, meta.title, meta.scope, rules.evidence, meta.missing, meta.status, meta.checked.isoformat(), meta.source]
        for rules in methods
        for meta in (rules.meta,)
    )
    rows.extend([name, "", "", "", why, "refused", "", ""] for name, why in refused.items())
    return rows


def checks(faults: Sequence[Fault], notes: Sequence[Fault]) -> Rows:
    """`Row, Column, Problem, Fix`: every fault, or one row OK; then the notes."""
    rows: Rows = [["Row", "Column", "Problem", "Fix"]]
    told = [[fault.place if fault.where else float(fault.row), fault.column, said, fault.fix] for fault, said in _said(faults, notes)]
    rows.extend(told[: len(faults)])
    if not faults:
        rows.append(["OK", "", "no fault found", ""])
    rows.extend(told[len(faults) :])
    return rows


def checks_beside(faults: Sequence[Fault], notes: Sequence[Fault], where: str, blank: int, count: int) -> Rows:
    """One column headed FINDING: the problems of each row of a range, "" where it has none; those of the header row are left out.

    Args:
        where: name of the range in faults, "" for the positions
        blank: rows above the range's header
        count: rows of the range, which are those of the answer
    """
    found: dict[int, list[str]] = {}
    for fault, said in _said(faults, notes):
        if fault.where == where and fault.row > 1:
            found.setdefault(blank + fault.row, []).append(said)
    rows: Rows = [[FINDING]]
    rows.extend(["; ".join(found.get(n, ()))] for n in range(2, count + 1))
    return rows


def _said(faults: Sequence[Fault], notes: Sequence[Fault]) -> list[tuple[Fault, str]]:
    """Each fault and then each note with its problem in words."""
    return [*((fault, fault.problem) for fault in faults), *((note, f"note: {note.problem}") for note in notes)]


def pairs(found: Sequence[tuple[str, str, Strategy, str]]) -> Rows:
    """`Account, Underlying, Strategy, Legs, Units, Requirement, Maintenance, Proceeds, Cash call, Maximum loss`.

    Args:
        found: account, underlying, strategy and its legs in words; amounts of the table are for all units
    """
    rows: Rows = [
        ["Account", "Underlying", "Strategy", "Legs", "Units", "Requirement", "Maintenance", "Proceeds", "Cash call", "Maximum loss"]
    ]
    for account, underlying, strategy, legs in found:
        need, sold = strategy.units * strategy.requirement, strategy.units * strategy.proceeds
        rows.append(
            [
                account,
                underlying,
                strategy.name,
                legs,
                strategy.units,
                need,
                strategy.units * strategy.maintenance,
                sold,
                need - sold,
                strategy.units * strategy.maximum,
            ]
        )
    return rows


def greeks(book: Book) -> Rows:
    """`Row, Instrument, Quantity, Mark, Value, Notional, Delta, Gamma, Vega, Theta` per row, and a total per underlying.

    Amounts are those of the position. Value: quantity × mark of options and spot; profit since Entry of futures and
    perpetuals, 0 without one. Notional: units × spot, × own price for futures. Delta and Gamma: to the contract's own
    forward. Vega: per vol point (0.01). Theta: per day.
    """
    held, k = book.instruments, book.instrument
    mark, option = marks(held), held.is_option
    table = sensitivities(held) * np.array([1.0, 1.0, POINT, DAY])
    units = book.units
    cost = np.where(np.isnan(book.entry), mark[k], book.entry)
    value = units * np.where(option[k] | (held.kind[k] == SPOT), mark[k], mark[k] - cost)
    notional = np.abs(units) * np.where(option, held.spot, held.level)[k]
    amounts = np.column_stack([value, notional, units[:, None] * table[k]])
    rows: Rows = [["Row", "Instrument", "Quantity", "Mark", "Value", "Notional", "Delta", "Gamma", "Vega", "Theta"]]
    names = list(book.names)
    for p in np.flatnonzero(book.order).tolist():
        names[p] += " (open order, not counted)"
    rows.extend(map(list, zip(book.row.astype(np.float64).tolist(), names, book.quantity.tolist(), mark[k].tolist(), *amounts.T.tolist())))
    for u, name in enumerate(held.underlyings):
        rows.append(["Total", name, "", "", *amounts[held.underlying[k] == u].sum(axis=0).tolist()])
    finite = np.isfinite(amounts).all() and np.isfinite(amounts.sum()) and np.isfinite([book.quantity, mark[k]]).all()
    return Sound(rows) if finite else rows
