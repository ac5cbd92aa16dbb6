"""PM_CHECK beside a range: one column, a line for each of its rows."""

from __future__ import annotations

from typing import Any

import pytest
from range_books import MARKET, Grid, ask

import udfs  # noqa: F401  (fills the registry)

BOOK: Grid = [
    ["Instrument", "Quantity", "IV"],
    ["BTC-27JUN25-70000-C", "ten", -0.5],
    [None, None, None],
    ["BTC-PERPETUAL", 1.0, None],
    ["BTC-27JUN25-75000-C", 1.0, 4.5],
    [None, None, None],
    [None, None, None],
]


def by_row(positions: Grid, market: Any, place: str) -> dict[int, str]:
    """What the table says of each row of a range."""
    found: dict[int, list[str]] = {}
    for row, _, problem, _ in ask("PM_CHECK", positions, market)[1:]:
        name, _, number = str(row).rpartition(" row ") if isinstance(row, str) else ("", "", row)
        if name == place and number != "OK":
            found.setdefault(int(float(number)), []).append(problem)
    return {row: "; ".join(problems) for row, problems in found.items()}


@pytest.mark.parametrize("above", [0, 2])
@pytest.mark.parametrize("word", ["positions", "Positions ", "MARKET"])
def test_each_row_has_its_line(word: str, above: int) -> None:
    """The words are those of the table, in their order, and the answer is as long as the range with its blank rows."""
    market = [*MARKET[:2], ["DOGE", -1.0, *[None] * (len(MARKET[0]) - 2)], [None] * len(MARKET[0])]
    blank: Grid = [[None] * 3] * above
    positions = [*blank, *BOOK]
    answer = ask("PM_CHECK", positions, market, word)
    told, shift = (by_row(positions, market, "market"), 0) if word == "MARKET" else (by_row(positions, market, ""), above)
    assert told
    assert len(answer) == len(market if word == "MARKET" else positions)
    assert answer == [["Finding"], *([told.get(n - shift, "")] for n in range(2, len(answer) + 1))]


def test_several_findings_of_a_row_stand_in_one_line() -> None:
    """The quantity and the vol of the first row are both at fault."""
    line = ask("PM_CHECK", BOOK, MARKET, "positions")[1][0]
    assert line == "IV must be above 0, not -0.5; Quantity must be a number, not 'ten'"


def test_a_clean_book_has_blank_lines() -> None:
    """Nothing found is a blank text on every row."""
    assert ask("PM_CHECK", [BOOK[0], BOOK[3], BOOK[2]], MARKET, "positions") == [["Finding"], [""], [""]]


@pytest.mark.parametrize(
    ("market", "beside", "line"),
    [
        (MARKET, "history", "beside must be positions or market, not 'history'"),
        (None, "market", "beside market there is nothing: give the market range"),
    ],
)
def test_what_it_may_stand_beside(market: Any, beside: str, line: str) -> None:
    """Another word, or a range that is not there, is told."""
    assert ask("PM_CHECK", BOOK, market, beside) == f"#PM! {line}"


def test_a_fault_of_the_header_belongs_to_no_row() -> None:
    """A range that cannot be read has no finding beside its rows; the table tells it."""
    assert ask("PM_CHECK", [["Instrument"], ["BTC-PERPETUAL"]], MARKET, "positions") == [["Finding"], [""]]
