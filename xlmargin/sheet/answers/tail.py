"""The answers of PM_VAR, PM_ES and PM_BACKTEST: raw cells in, a number or a table out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xlmargin.desk.coverage import Coverage, coverage
from xlmargin.errors import Faults, MarginError
from xlmargin.margin.parameters import of_method
from xlmargin.margin.valuation import Given
from xlmargin.methods import case_of, margin_of, method_named, rules_of
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cells import error_text, given, grid, is_blank, one_number
from xlmargin.sheet.columns import numbers
from xlmargin.sheet.ranges.history import read_history
from xlmargin.sheet.ranges.overrides import method_overrides
from xlmargin.sheet.ranges.parameters import read_overrides
from xlmargin.sheet.ranges.remembered import read_book
from xlmargin.sheet.tables import Rows

LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.5, 0.99999
SHORTEST, LONGEST = 0.01, 250.0  # days of a horizon
CONFIDENCE = f"a fraction from {LEAST_CONFIDENCE:g} to {MOST_CONFIDENCE:g}, such as 0.99"


def value_at_risk(
    positions: Any, history: Any, confidence: Any, horizon_days: Any, market: Any, parameters: Any, *, method: str = "VAR"
) -> float:
    """Value at risk, or another measure that takes the same arguments."""
    chosen: list[list[str | float]] = [["Parameter", "Value"]]
    for name, raw, accept, must in (
        ("confidence", confidence, _is_confidence, CONFIDENCE),
        ("horizon_days", horizon_days, _is_horizon, f"a number of days from {SHORTEST:g} to {LONGEST:g}"),
    ):
        value = one_number(raw, name, math.nan, accept=accept, must=must)
        chosen += [[name, value]] if math.isfinite(value) else []
    book = read_book(positions, market, priced=method_named(method).needs_vol)
    told = of_method(method_overrides(method, parameters), method)
    overrides = [*(item._replace(row=0) for item in read_overrides(chosen if len(chosen) > 1 else None)), *told]
    for item in told:
        if any(item.name == name for name, _ in chosen[1:]):
            raise MarginError(f"parameters row {item.row}: {item.name} is also given as an argument: give it once")
    past = read_history(history, book.instruments.underlyings, book.as_of) if given(history) else None
    return float(margin_of(case_of(book, rules_of(method, book.as_of, overrides), Given(history=past))).initial.value.sum())


def _is_confidence(value: float) -> bool:
    return LEAST_CONFIDENCE <= value <= MOST_CONFIDENCE


def _is_horizon(value: float) -> bool:
    return SHORTEST <= value <= LONGEST


def backtest(pnl: Any, var: Any, confidence: Any) -> Rows:
    """Coverage of a column of margins against the column of profits and losses that followed."""
    level = one_number(confidence, "confidence", 0.99, accept=_is_confidence, must=CONFIDENCE)
    gains, margins = _series(pnl, "pnl"), _series(var, "var")
    if len(gains) != len(margins):
        raise MarginError(f"pnl has {len(gains)} numbers where var has {len(margins)}: give columns of the same days")
    if (margins < 0.0).any():
        raise MarginError(
            f"var row {int(np.argmax(margins < 0.0)) + 1}: var must be at least 0, not "
            f"{margins[np.argmax(margins < 0.0)]:g}: a VaR is the loss as a positive number"
        )
    return _coverage_table(coverage(gains, margins, level))


def _series(raw: Any, name: str) -> Floats:
    """A column or row of numbers, a heading above it left out."""
    cells = [cell for row in grid(raw) for cell in row]
    headed = bool(cells) and isinstance(cells[0], str) and not is_blank(cells[0]) and error_text(cells[0]) is None
    while cells and is_blank(cells[-1]):
        cells.pop()
    first = 2 if headed else 1
    rows = list(range(first, len(cells) + 1))
    if not rows:
        raise MarginError(f"{name} is empty: give a column of numbers, one a day")
    faults = Faults(name)
    values = numbers(cells[first - 1 :], rows, name, faults)
    for i in np.flatnonzero(np.isnan(values)).tolist():
        if rows[i] not in faults.rows():
            faults.add(rows[i], name, f"{name} is blank", "fill it, or leave the day out of both columns")
    faults.stop()
    return values


def _coverage_table(found: Coverage) -> Rows:
    """Exceptions and their tests, `Measure, Value`."""
    (kupiec, kupiec_p), (alone, alone_p), (joint, joint_p) = found.kupiec, found.independence, found.conditional
    return [
        ["Measure", "Value"],
        ["Observations", float(found.observations)],
        ["Exceptions", float(found.exceptions)],
        ["Expected", found.expected],
        ["Kupiec LR", kupiec],
        ["Kupiec p-value", kupiec_p],
        ["Christoffersen independence LR", alone],
        ["Christoffersen independence p-value", alone_p],
        ["Christoffersen conditional coverage LR", joint],
        ["Christoffersen conditional coverage p-value", joint_p],
        ["Basel zone", found.zone],
    ]
