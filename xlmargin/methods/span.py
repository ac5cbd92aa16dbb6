"""SPAN-style margin: sixteen scenarios per underlying, the worst loss, a short option minimum.

Source: ICE Clear US, SPAN Margin System v1.0, 2015; CME clearing advisory 99-65 for the short option minimum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlmargin.book import Book
from xlmargin.case import Case, Margin
from xlmargin.names import CALL, PUT, SPOT
from xlmargin.risk_array import black_deltas
from xlmargin.rules import NOT_SET, Rules
from xlmargin.scenarios import Scenarios, span16
from xlmargin.statement import Line, above, given, largest, less, not_modelled, times, total, worst

__all__ = ["requirement", "scenarios", "share"]

Floats = NDArray[np.float64]


def scenarios(names: tuple[str, ...], rules: Rules, _: Scenarios | None = None) -> Scenarios:
    """The sixteen scenarios with each underlying's own scan ranges."""

    def each(name: str) -> Floats:
        return np.array([rules.number(name, underlying) for underlying in names])

    kind = rules.word("vol_shift")
    return span16(names, each("price_scan_range"), each("vol_scan_range"), "relative" if kind == "relative" else "absolute",
                  each("extreme_multiple"), each("extreme_cover"), rules.number("look_ahead_days"))


def share(book: Book, rules: Rules) -> Floats:
    """Part of each account's position that is stressed: 1, but for spot under its treatment, (A, K).

    Spot in use counts up to the opposite Black delta of the underlying's derivatives at mark.
    """
    instruments, units = book.instruments, book.by_instrument(book.units)
    result = np.ones(units.shape)
    for u, name in enumerate(instruments.underlyings):
        treatment = rules.word("spot_treatment", name)
        spot = (instruments.kind == SPOT) & (instruments.underlying == u)
        if treatment == "full" or not spot.any():
            continue
        held, used = units[:, spot].sum(axis=1), np.zeros(len(units))
        if treatment == "in_use":
            derivative = (instruments.underlying == u) & ~spot
            delta = units[:, derivative] @ black_deltas(instruments)[derivative]
            used = np.minimum(np.abs(held), np.maximum(-np.sign(held) * delta, 0.0))
        result[:, spot] = np.divide(used, np.abs(held), out=np.zeros_like(used), where=held != 0.0)[:, None]
    return result


def requirement(case: Case) -> Margin:
    """Initial and maintenance requirement, net option value and their difference.

    Returns
    -------
    requirements + required; the net option value is + where options are held long
    """
    rules, book = case.rules, case.book
    risk = total("SPAN risk", [_underlying(case, u) for u in range(len(book.instruments.underlyings))]
                 or [given("No positions", 0.0, "the book is flat")])
    initial = times("Initial margin", (risk, _parameter(rules, "Initial ratio", "initial_ratio")))
    value = case.option_value()
    after = less("Total requirement", (above(initial), above(value)), "initial margin less net option value")
    return Margin(initial, total("Maintenance margin", (above(risk),)), (value, after), value)


def _parameter(rules: Rules, label: str, name: str, underlying: str = "") -> Line:
    """A number of the rulebook as a line."""
    value = rules.get(name, underlying)
    return given(label, float(value.value), f"parameter {name} [{value.unit}]", status=value.status, source=value.source)


def _underlying(case: Case, u: int) -> Line:
    """Risk of one underlying: scanning risk, at least the short option minimum."""
    name = case.book.instruments.underlyings[u]
    scanning = worst("Scanning risk", case.losses(u))
    return largest(name, (scanning, _short_option_minimum(case, u)))


def _short_option_minimum(case: Case, u: int) -> Line:
    """Rate per short option unit, on all short options or on the larger of short calls and short puts."""
    name, rules = case.book.instruments.underlyings[u], case.rules
    rate = rules.get("short_option_minimum", name)
    if rate.value == NOT_SET:
        return not_modelled("Short option minimum", f"parameter short_option_minimum is not set: {rate.source}",
                            status=NOT_SET)
    calls, puts = (given(label, _short_units(case, u, kind), "net short contracts of the rows")
                   for label, kind in (("Short calls", CALL), ("Short puts", PUT)))
    maximum = rules.word("short_option_method", name) == "max"
    count = (largest if maximum else total)("Short option units", (calls, puts))
    return times("Short option minimum", (count, _parameter(rules, "Rate per unit", "short_option_minimum", name)))


def _short_units(case: Case, u: int, kind: int) -> Floats:
    """Units of net short options of one kind in each book (A,)."""
    book, instruments = case.book, case.book.instruments
    net = book.by_contract(book.units)
    first = np.unique(instruments.contract, return_index=True)[1]
    mine = (instruments.underlying[first] == u) & (instruments.kind[first] == kind)
    short: Floats = -np.minimum(net[:, mine], 0.0).sum(axis=1)
    return short
