"""Sums that follow edits and ticks are those that a first look would give; distinct rows are those of a dictionary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from range_books import MARKET

from xlmargin import distinct, live
from xlmargin.answers import asked
from xlmargin.book import Book
from xlmargin.checks import read_book
from xlmargin.live import Live
from xlmargin.methods import case_of, known_methods, method_named, rules_of
from xlmargin.valued import signature, version_of

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Account"]
ROUNDING = 1e-9  # of 65,000 USD a unit: a sum of a few products differs by its rounding alone
ROWS: list[list[Any]] = [
    HEADER,
    *(
        [coin, kind, strike * level, days, float(n + 1) * (-1.0) ** n, 0.4 + n / 50.0, account]
        for n, (coin, level) in enumerate((("BTC", 65_000.0), ("ETH", 3_200.0)) * 4)
        for kind, strike, days in (("call", 1.1, 20), ("put", 0.9, 50))
        for account in ("x", "y")
    ),
    ["BTC", "perp", None, None, -1.5, None, "x"],
]


def book_of(spot: float = 65_000.0) -> Book:
    """The book in a market."""
    return read_book(ROWS, [MARKET[0], ["BTC", spot, MARKET[1][2]], MARKET[2]])


def scenarios_of(book: Book) -> Any:
    """SPAN's sixteen scenarios for the book."""
    return case_of(book, rules_of("SPAN", book.as_of)).scenarios


def test_a_first_look_is_the_case() -> None:
    """The sums are those of the case of a method that reads the general risk array."""
    book = book_of()
    case = case_of(book, rules_of("SPAN", book.as_of))
    np.testing.assert_allclose(Live(book, case.scenarios).pnl, case.pnl, rtol=0.0, atol=ROUNDING)
    worst = np.maximum(-case.pnl.min(axis=1), 0.0).sum(axis=1)
    np.testing.assert_allclose(Live(book, case.scenarios).worst, worst, rtol=0.0, atol=ROUNDING)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(["edit", "hold", "tick"]), st.integers(0, len(ROWS) - 2), st.floats(-50.0, 50.0)), max_size=12),
    st.sampled_from([3, 1_000]),
)
def test_any_sequence_equals_a_first_look(steps: list[tuple[str, int, float]], edits: int) -> None:
    """Edits of one row, other quantities and other markets, in any order, leave the sums that a new book has."""
    before, live.EDITS = live.EDITS, edits
    try:
        book, spot = book_of(), 65_000.0
        running = Live(book, scenarios_of(book))
        units = book.units.copy()
        for what, row, amount in steps:
            if what == "edit":
                units[row] = amount
                running.edit(row, amount)
            elif what == "hold":
                units = np.roll(units, row) + amount
                running.hold(units)
            else:
                spot = 65_000.0 + 100.0 * amount
                running.tick(book_of(spot).instruments)
            fresh = Live(book_of(spot), running.scenarios)
            fresh.hold(units)
            np.testing.assert_allclose(running.pnl, fresh.pnl, rtol=0.0, atol=ROUNDING * 65.0)
            assert (running.units == units).all()
    finally:
        live.EDITS = before


def test_an_edit_values_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an edit nor other quantities call the pricing; another market does, once."""
    book = book_of()
    running, calls = Live(book, scenarios_of(book)), []
    value = live.risk_array
    monkeypatch.setattr(live, "risk_array", lambda *terms: calls.append(1) or value(*terms))
    running.edit(3, 2.0)
    running.hold(book.units * 2.0)
    assert calls == []
    asked.forget()
    running.tick(book_of(66_000.0).instruments)
    running.tick(book_of(66_000.0).instruments)
    assert calls == [1]


@pytest.mark.parametrize("method", [name for name in known_methods() if method_named(name).array_of_instruments])
def test_arrays_that_are_said_to_follow_from_instruments_do(method: str) -> None:
    """A method whose risk array is kept while quantities change gives the same one whoever holds how much."""
    dates = [
        [f"2025-{month:02d}-{day:02d}", 60_000.0 + 97.0 * ((day * month) % 13), 3_000.0 + 5.0 * ((day + month) % 17)]
        for month in (3, 4, 5)
        for day in range(1, 29)
    ]
    history = [["Date", "BTC", "ETH"], *dates]
    arrays = []
    for factor in (1.0, -3.0):
        asked.forget()
        rows = [HEADER, *([*row[:4], row[4] * factor, *row[5:]] for row in ROWS[1:])]
        arrays.append(asked.case_for(read_book(rows, MARKET), method, None, history).array)
    assert np.isfinite(arrays[0]).all()
    assert (arrays[0] == arrays[1]).all()


def test_versions_follow_every_input() -> None:
    """Another bit of any column of the instruments, or of the scenarios, is another version."""
    book = book_of()
    scenarios = scenarios_of(book)
    calls: list[int] = []

    def value() -> Any:
        calls.append(1)
        return np.full((len(book.instruments), len(scenarios)), float(len(calls)))

    asked.forget()
    assert version_of("test", book.instruments, scenarios, value) is version_of("test", book.instruments, scenarios, value)
    seen = {signature(book.instruments)}
    for name in ("strike", "years", "spot", "forward", "vol", "rate", "delta", "american"):
        column = getattr(book.instruments, name).copy()
        column[0] = ~column[0] if column.dtype == bool else np.nextafter(np.nan_to_num(column[0]), np.inf)
        seen.add(
            signature(
                type(book.instruments)(
                    **{field: column if field == name else getattr(book.instruments, field) for field in book.instruments.__slots__}
                )
            )
        )
    assert len(seen) == 9
    assert len({signature(thing) for thing in (1, 1.0, True, "1", (1,), -0.0, 0.0)}) == 7
    with pytest.raises(TypeError, match="no signature of a object"):
        signature(object())


@settings(max_examples=60)
@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, float("nan"), 2.0**60, 1e-300])] * 3, st.booleans()), max_size=60),
    st.sampled_from([0, 1, 32]),
)
def test_distinct_rows(rows: list[tuple[float, ...]], rounds: int) -> None:
    """Rows are told apart as a dictionary of their values would, NaN equal to NaN, however many of them collide."""
    before, distinct.ROUNDS = distinct.ROUNDS, rounds
    try:
        columns = [np.array(column) for column in zip(*rows)] or [np.empty(0)]
        where, first = distinct.distinct(columns)
    finally:
        distinct.ROUNDS = before
    index: dict[str, int] = {}
    expected = [index.setdefault(repr([value + 0.0 for value in row]), len(index)) for row in rows]
    assert where.tolist() == expected
    assert first.tolist() == [expected.index(n) for n in range(len(index))]
