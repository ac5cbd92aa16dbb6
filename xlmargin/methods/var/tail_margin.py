"""The margin by a tail of losses over a history: value at risk and expected shortfall as statements."""

from __future__ import annotations

from functools import partial

import numpy as np

from xlmargin.book.market import YEAR
from xlmargin.margin.statement import Line, above, given, largest, least_of, quotient, sum_of, times, total
from xlmargin.margin.valuation import Case, Margin
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.past import Past
from xlmargin.scenarios.tails import components, tail_count, tail_value, worst_window


def tail_margin(case: Case, *, mean: bool) -> Margin:
    """The margin by a tail of losses: its smallest loss, or its mean.

    Args:
        mean: the mean of the tail (expected shortfall), else its smallest loss (value at risk)
    """
    rules, moves = case.rules, case.scenarios
    assert isinstance(moves, Past)
    losses = -case.pnl.sum(axis=2)
    tail = partial(_tail, case, losses, mean)
    body = tail(f"{rules.meta.name} of the last moves" if moves.recent < len(moves) else rules.meta.name, np.arange(moves.recent))
    if not rules.is_unset("stress_weight"):
        weight, stressed = rules.number("stress_weight"), _stressed(case, losses, mean)
        source = rules.get("stress_weight").source
        body = total(
            "With stressed observations",
            (
                times("Recent", (given("1 − stress_weight", 1.0 - weight, "parameter stress_weight", source=source), body)),
                times("Stressed", (given("stress_weight", weight, "parameter stress_weight", source=source), stressed)),
            ),
        )
    if not rules.is_unset("floor_years"):
        body = largest("Not below the long past", (body, tail("Floor by floor_years", _long(case))))
    if not rules.is_unset("buffer"):
        body = times(
            "With buffer", (body, given("1 + buffer", 1.0 + rules.number("buffer"), "parameter buffer", source=rules.get("buffer").source))
        )
    initial = total("Initial margin", (body,))
    value = case.option_value()
    return Margin(
        initial, total("Maintenance margin", (above(initial),)), lambda: (_worst_days(case, losses), _components(case, mean), value), value
    )


def _tail(case: Case, losses: Floats, mean: bool, label: str, at: Ints) -> Line:
    """The measure over some of the scenarios, the same for every book (S',)."""
    return _tail_by_book(case, losses, mean, label, np.tile(at, (len(losses), 1)))


def _tail_by_book(case: Case, losses: Floats, mean: bool, label: str, at: Ints) -> Line:
    """The measure over some of the scenarios of each book (A, S'), at least 0; its parts are the losses of its tail."""
    moves, confidence, horizon = case.scenarios, case.rules.number("confidence"), case.rules.number("horizon_days")
    assert isinstance(moves, Past)
    mine = np.take_along_axis(losses, at, axis=1)
    count = tail_count(at.shape[1], confidence)
    order = np.take_along_axis(at, np.argsort(-mine, axis=1, kind="stable")[:, :count], axis=1)
    value = tail_value(mine, count, mean=False) if not mean else np.take_along_axis(losses, order, axis=1).sum(axis=1)
    words = f"the {count} worst of {at.shape[1]} moves, {confidence:.6g} over {horizon:g} days"
    if moves.rests_on and at[0, 0] < moves.recent:
        words += f"; {moves.rests_on}"

    def days(a: int) -> tuple[Line, ...]:
        return tuple(_day(case, losses, s, full=mean or n == count - 1) for n, s in enumerate(order[a].tolist()))

    if mean:
        measure = quotient(
            "Mean of the tail",
            (
                sum_of("Sum of the tail", value, days, words),
                given("Losses in the tail", float(count), "k = max(1, floor(n (1 − confidence)))"),
            ),
        )
    else:
        measure = least_of("Smallest of the tail", value, days, words)
    return largest(label, (measure, given("Least", 0.0, "a book that gains even then needs nothing")))


def _day(case: Case, losses: Floats, s: int, *, full: bool) -> Line:
    """The book's loss under the moves of one day, down to the sheet rows where `full`."""
    label = f"{case.scenarios.names[s]}: {case.scenarios.descriptions[s]}"
    if not full:
        return given(label, losses[:, s], "loss of the book under these moves")
    return sum_of(
        label,
        losses[:, s],
        lambda a: tuple(
            sum_of(name, -case.pnl[:, s, u], lambda b, u=u: case.loss_rows(case.some(u), s, b))  # type: ignore[misc]
            for u, name in enumerate(case.names)
        ),
    )


def _stressed(case: Case, losses: Floats, mean: bool) -> Line:
    """The measure over the worst window of the whole past, for each book its own."""
    moves, rules = case.scenarios, case.rules
    assert isinstance(moves, Past)
    whole = losses[:, moves.recent :]
    width = min(int(rules.number("stress_days")), whole.shape[1])
    first = worst_window(whole, width, rules.number("confidence"), mean=mean)
    at = moves.recent + first[:, None] + np.arange(width)
    return _tail_by_book(case, losses, mean, f"Worst {width} moves in a row", at)


def _long(case: Case) -> Ints:
    """The plain moves of the last floor_years."""
    moves = case.scenarios
    assert isinstance(moves, Past)
    ends = np.array(moves.ends[moves.recent :])
    since = ends[-1] - case.rules.number("floor_years") * YEAR
    return np.asarray(moves.recent + np.flatnonzero(ends > since), np.int64)


def _worst_days(case: Case, losses: Floats) -> Line:
    """The worst of the recent moves with their dates, the worst first."""
    moves = case.scenarios
    assert isinstance(moves, Past)
    count = min(int(case.rules.number("worst_days")), moves.recent)
    order = np.argsort(-losses[:, : moves.recent], axis=1, kind="stable")[:, :count]
    return sum_of(
        "Worst days",
        np.take_along_axis(losses, order, axis=1).sum(axis=1),
        lambda a: tuple(_day(case, losses, s, full=False) for s in order[a].tolist()),
        "the worst first",
    )


def _components(case: Case, mean: bool) -> Line:
    """The measure over the recent moves by position row: the parts add up to it."""
    moves, book = case.scenarios, case.book
    assert isinstance(moves, Past)
    confidence = case.rules.number("confidence")
    whole = tail_value(-case.pnl[:, : moves.recent].sum(axis=2), tail_count(moves.recent, confidence), mean=mean)

    def rows(a: int) -> tuple[Line, ...]:
        mine = np.flatnonzero((book.account == a) & ~book.order)
        k = book.instrument[mine]
        units = book.units[mine] * case.share[a, k]
        found = components(-units[:, None] * case.array[k, : moves.recent], confidence, mean=mean)
        return tuple(
            given(
                f"Row {book.row[p]}: {book.names[p]}",
                float(found.component[i]),
                f"marginal {found.component[i] / units[i] if units[i] else 0.0:,.6g} per unit, incremental "
                f"{found.incremental[i]:,.2f}, alone {found.standalone[i]:,.2f}",
                source=f"positions row {book.row[p]}",
            )
            for i, p in enumerate(mine.tolist())
        )

    return sum_of("Components", whole, rows, f"what each row is of {case.rules.meta.name} over the last moves, before any floor")
