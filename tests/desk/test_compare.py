"""PM_COMPARE's reference: every position in isolation unless the parameter says otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from range_books import MARKET, Grid, ask

import udfs  # noqa: F401  (fills the registry)

BOOK = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0], ["BTC-27JUN25", -1.0]]
LONG = BOOK[:2]
PARAMETERS: Grid = [
    ["Method", "Parameter", "Value"],
    ["SPAN", "price_scan_range", 0.3],
    ["SPAN", "initial_ratio", 1.0],
    ["DERIBIT_SM", "future_initial_rate", 0.5],
    ["DERIBIT_SM", "future_initial_slope", 0.0],
]


def compared(book: Grid, methods: str | None, *parameters: Any) -> dict[str, list[Any]]:
    """PM_COMPARE by method."""
    head, *rows = ask("PM_COMPARE", book, MARKET, methods, [*PARAMETERS, *parameters])
    assert head[4:6] == ["Against reference", "Saving"]
    return {row[0]: row for row in rows}


def test_methods_are_held_against_every_position_in_isolation() -> None:
    """A coin at 65,000: half of it alone, 30 % under SPAN; with one short beside it twice that alone, and nothing net."""
    assert compared(LONG, "SPAN")["SPAN"][1:6:3] == pytest.approx([19_500.0, 19_500.0 - 32_500.0])
    assert compared(LONG, "SPAN")["SPAN"][5] == pytest.approx(0.4)
    found = compared(BOOK, "SPAN, ISOLATED")
    assert found["ISOLATED"][1] == pytest.approx(65_000.0)
    assert found["SPAN"][4:6] == pytest.approx([-65_000.0, 1.0])
    assert found["ISOLATED"][4:6] == [0.0, 0.0]


def test_the_reference_is_a_parameter() -> None:
    """Compared itself or not; where it is none, or a row gives it to a method, that is told."""
    reference = [None, "reference", "span"]
    for methods in ("SPAN, ISOLATED", "ISOLATED"):
        assert compared(LONG, methods, reference)["ISOLATED"][4:6] == pytest.approx([13_000.0, 1.0 - 32_500.0 / 19_500.0])
    for row, line in (
        ([None, "reference", "SPANN"], "reference: no method 'SPANN': "),
        (["SPAN", "reference", "CME"], "SPAN has no parameter "),
    ):
        answer = ask("PM_COMPARE", LONG, MARKET, "SPAN", [*PARAMETERS, row])
        assert answer.startswith(f"#PM! parameters row 6: {line}")


def test_a_reference_without_an_answer_leaves_two_columns_blank_and_says_why() -> None:
    """STRESS has no scenarios of its own; every other column is as ever."""
    plain, blank = (compared(LONG, "SPAN", *more)["SPAN"] for more in ((), ([None, "reference", "STRESS"],)))
    assert blank[:4] == plain[:4]
    assert blank[4:6] == ["", ""]
    assert blank[7].startswith("nothing to hold it against: STRESS needs your own scenarios: ")
    assert blank[7].endswith(plain[7])
