"""Parameters, a desk's own scenarios and single cells."""

from __future__ import annotations

import decimal
from typing import Any

import pytest
from range_books import MARKET, Grid, ask, margin, option

import udfs  # noqa: F401  (fills the registry)
from xlmargin.methods import known_methods

# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    "parameters",
    [
        [["price_scan_range", 0.3]],
        [["Parameter", "Value"], ["price_scan_range", 0.3]],
        ["price_scan_range", 0.3],
        [[" Value", "PARAMETER", "Note"], [0.3, "Price Scan Range", "mine"]],
        [[None, None], ["Parameter", "Value"], [None, None], ["price_scan_range", 0.3], ["", None]],
        [["BTC", "price_scan_range", 0.3]],
        [["Underlying", "Parameter", "Value"], [None, "price_scan_range", 0.3], ["ETH", "price_scan_range", 0.9]],
        [["BTC.price_scan_range", 0.3]],
        [["price_scan_range", 0.1], ["btc.price_scan_range", 0.3]],
        [["SPAN", "BTC", "price_scan_range", 0.3]],
        [["Method", "Underlying", "Parameter", "Value"], ["span", None, "price_scan_range", 0.3], ["CME", None, "price_scan_range", 0.9]],
        [["Value", "Method", "Parameter"], [0.3, None, "price_scan_range"], [0.9, "DERIBIT", "price_range"]],
        [["All", None, "price_scan_range", 0.9], ["SPAN", None, "price_scan_range", 0.3]],
        [["SPAN", None, "price_scan_range", 0.3], [None, None, "price_scan_range", 0.9]],
        [["DERIBIT", None, "no such thing", 0.9], [None, "BTC", "price_scan_range", 0.3]],
    ],
)
def test_parameters_in_every_form(parameters: Any) -> None:
    """Two to four columns, with or without a header, in any order under one; an own value of an underlying or a method beats all's."""
    book = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0]]
    array = ask("PM_RISK_ARRAY", book, MARKET, "SPAN", parameters)
    assert max(row[2] for row in array[1:15]) == pytest.approx(0.3)


SHAPE = "the range must have two columns Parameter, Value, three Underlying, Parameter, Value or four Method, Underlying, Parameter, Value"


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        (
            [["price_scan_range", 0.1], ["Price scan range", 0.2]],
            "parameters row 2: price_scan_range is given twice: remove one of the two rows",
        ),
        ([["Parameter", "Value"], ["price_scan_range", "15%"]], "parameters row 2: price_scan_range must be a number, not '15%'"),
        (
            [["price_scan_range", 15.0]],
            "parameters row 1: price_scan_range must be a fraction between 0 and 2 (0.11 is 11 %), not 15: divide it by 100, "
            "or set price_range_kind to amount",
        ),
        ([["price_scan_range", -0.1]], "parameters row 1: price_scan_range must be from 0 to 2 fraction of price, or amount, not -0.1"),
        (
            [["Parameter", "Value"], ["vol_shift", "sideways"]],
            "parameters row 2: vol_shift must be one of relative, absolute, not 'sideways'",
        ),
        ([["price_scan_range", True]], "parameters row 1: price_scan_range must be a number, not TRUE"),
        (
            [["price_scan_range", decimal.Decimal("0.1")]],
            "parameters row 1: price_scan_range is formatted as currency, which rounds it to 4 decimals before it is read: "
            "format the cell as General",
        ),
        ([["price_scan_range", -2146826246]], "parameters row 1: Value holds the error #N/A: mend the formula in that cell"),
        (
            [["Parameter", "Value"], ["price_scan_range", None]],
            "parameters row 2: price_scan_range has no value: type one, or clear the row",
        ),
        ([["Parameter", "Value"], [None, 0.5]], "parameters row 2: Parameter must be a name, not 'None'"),
        ([[None, None], ["Parameter", "Value"], [5.0, 0.5]], "parameters row 2: Parameter must be a name, not 5"),
        ([[True, "price_scan_range", 0.1]], "parameters row 1: Underlying must be text, not TRUE"),
        ([["a", "b", "c", "d", "e"]], f"parameters row 1: {SHAPE}, not 5"),
        (
            [["SPAN", None, "price_scan_range", 0.1], [None, None, "price_scan_range", 0.2], ["span", None, "price_scan_range", 0.3]],
            "parameters row 3: price_scan_range is given twice: remove one of the two rows",
        ),
        ([["SPANN", None, "price_scan_range", 0.1]], f"parameters row 1: no method 'SPANN': the methods are {', '.join(known_methods())}"),
        ([[7.0, None, "price_scan_range", 0.1]], "parameters row 1: Method must be text, not 7"),
        (0.5, f"parameters row 1: {SHAPE}, not 1"),
    ],
)
def test_parameters_that_cannot_be_read(parameters: Any, line: str) -> None:
    """A parameter that is given twice, does not fit or cannot be read is told with its row."""
    assert margin(option(), MARKET, "SPAN", parameters) == f"#PM! {line}"


def test_an_unknown_parameter_lists_the_known_ones() -> None:
    """PM_MARGIN asks its own method, PM_COMPARE all that it compares."""
    known = ", ".join(dict.fromkeys(row[1] for row in ask("PM_PARAMETERS", "SPAN")[1:]))
    parameters = [["Parameter", "Value"], ["scan_range", 0.1]]
    assert margin(option(), MARKET, "span", parameters) == (f"#PM! parameters row 2: SPAN has no parameter 'scan_range': it knows {known}")
    assert ask("PM_COMPARE", option(), MARKET, "SPAN", parameters) == (
        f"#PM! parameters row 2: no method here has a parameter 'scan_range': they know {known}"
    )


NAMED = ["Method", "Underlying", "Parameter", "Value"]


def test_a_row_counts_for_its_own_method_alone() -> None:
    """SPAN's rows move no CME, DERIBIT's no BYBIT, though each knows the name; alone, and side by side."""
    book = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0]]
    rows = [NAMED, ["SPAN", None, "price_scan_range", 0.3], ["DERIBIT", "BTC", "price_range", 0.4]]
    for method, other, name, value in (("SPAN", "CME", "price_scan_range", 0.3), ("DERIBIT", "BYBIT", "price_range", 0.4)):
        own, others = (margin(book, MARKET, each) for each in (method, other))
        assert margin(book, MARKET, method, rows) == margin(book, MARKET, method, [[name, value]]) != own
        assert margin(book, MARKET, other, rows) == others != margin(book, MARKET, other, [[name, value]])
        compared = ask("PM_COMPARE", book, MARKET, f"{method}, {other}", rows)
        assert [line[1] for line in compared[1:]] == [margin(book, MARKET, method, rows), others]


def test_a_comparison_does_not_fail_on_a_parameter_of_a_third_method() -> None:
    """It is an error only where no method that there is knows it, or not the one that its row names."""
    plain = ask("PM_COMPARE", option(), MARKET, "SPAN, CME")
    for third in (["DERIBIT", None, "price_range", 0.4], [None, None, "price_range", 0.4], ["DERIBIT", None, "price_range", "x"]):
        assert ask("PM_COMPARE", option(), MARKET, "SPAN, CME", [NAMED, third]) == plain
    for method, who in (("DERIBIT", "DERIBIT has no"), (None, "no method here has a")):
        line = f"#PM! parameters row 2: {who} parameter 'price_scan_range_x': "
        assert ask("PM_COMPARE", option(), MARKET, "SPAN, CME", [NAMED, [method, None, "price_scan_range_x", 0.4]]).startswith(line)


def test_isolated_margin_takes_the_rows_of_its_venue() -> None:
    """A perpetual of 1 BTC under a rate of 50 % of its price, where the row names the venue's standard margin."""
    book, rate = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0]], ["DERIBIT_SM", None, "future_initial_rate", 0.5]
    slope = ["DERIBIT_SM", None, "future_initial_slope", 0.0]
    assert margin(book, MARKET, "ISOLATED", [NAMED, rate, slope]) == pytest.approx(0.5 * 65_000.0)
    assert margin(book, MARKET, "ISOLATED", [NAMED, ["OKX_SM", *rate[1:]]]) == margin(book, MARKET, "ISOLATED")


@pytest.mark.parametrize("blank", [None, "", " ", [[None]], [["", None], [" ", None]]])
def test_a_blank_optional_argument_counts_as_left_out(blank: Any) -> None:
    """None, "" and ranges of blank cells in the place of method and parameters mean the default."""
    method = blank if not isinstance(blank, list) or len(blank) == 1 else None
    assert margin(option(), MARKET, method, blank, blank) == margin(option(), MARKET)


# ---------------------------------------------------------------- a desk's own scenarios

PERPETUALS: Grid = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0], ["ETH-PERPETUAL", -10.0]]


@pytest.mark.parametrize(
    ("rows", "meant"),
    [
        ([["down", None, -0.1, None, None, None]], 6_500.0 - 3_200.0),
        ([["down", "", -0.1, 0.2, 0.0, 0.5]], 0.5 * (6_500.0 - 3_200.0)),
        ([["down", "BTC", -0.1, None, None, None]], 6_500.0),
        ([["split", "BTC", -0.1, 0, 0, None], ["split", "ETH", 0.2, 0, 0, None]], 6_500.0 + 6_400.0),
        ([["split", "btc", -0.1, 0, 0, None], ["split", None, 0.2, 0, 0, None]], 6_500.0 + 6_400.0),
        ([["up", None, 0.1, 0, 0, 1], ["down", None, -0.2, 0, 0, 1], [None] * 6, [1.0, None, -0.3, 0, 0, 1]], 0.3 * 33_000.0),
        ([["up", None, 0.1, 0, 0, 1]], 0.0),
    ],
)
def test_stress_takes_a_scenario_table(rows: Grid, meant: float) -> None:
    """STRESS is the worst loss over the desk's own scenarios; a blank Underlying is all, one not named does not move."""
    table = [["Scenario", "Underlying", "Price move", "Vol move", "Days", "Weight"], *rows]
    assert margin(PERPETUALS, MARKET, "STRESS", table) == pytest.approx(meant, rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([], "parameters row 1: the scenario table has no rows: fill at least one scenario"),
        ([["a", None, -1.5]], "parameters row 2: Price move must be at least −1 (the price falls to 0), not -1.5"),
        ([["a", None, "-10%"]], "parameters row 2: Price move must be a number, not the text '-10%'"),
        ([["a", None, -0.1], [None, None, -0.2]], "parameters row 3: Scenario must be given"),
        (
            [["a", None, -0.1], ["a", "", -0.2]],
            "parameters row 3: scenario 'a' has two rows for all underlyings: remove one, or give it another name",
        ),
    ],
)
def test_scenario_tables_that_cannot_be_read(rows: Grid, line: str) -> None:
    """A scenario table's faults are told with their row of the parameters range."""
    assert margin(PERPETUALS, MARKET, "STRESS", [["Scenario", "Underlying", "Price move"], *rows]) == f"#PM! {line}"


def test_stress_without_a_table_says_what_to_give() -> None:
    """STRESS has no scenarios of its own."""
    answer = margin(PERPETUALS, MARKET, "STRESS")
    assert answer.startswith("#PM! STRESS needs your own scenarios: give as parameters a range")


# ---------------------------------------------------------------- single cells


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("x", 0.0), "price_move must be a number, not 'x'"),
        ((None, 0.0), "price_move is missing: give a fraction of at least −1"),
        ((-1.5, 0.0), "price_move must be a fraction of at least −1, not -1.5"),
        ((0.1, [[0.1, 0.2]]), "vol_move must be one cell, not a range of 2 cells"),
        ((0.1, "10%"), "vol_move must be a number, not the text '10%'"),
        ((0.1, 0.1, -1.0), "days must be a number of days of at least 0, not -1"),
    ],
)
def test_single_cells_that_cannot_be_read(arguments: tuple[Any, ...], line: str) -> None:
    """An argument of one cell names itself."""
    assert ask("PM_SCENARIO_PNL", PERPETUALS, *arguments, *[None] * (3 - len(arguments)), MARKET) == f"#PM! {line}"


def test_a_cell_as_a_range_of_one_is_that_cell() -> None:
    """Faces that hand every argument over as a matrix mean the one cell in it."""
    assert ask("PM_SCENARIO_PNL", PERPETUALS, [[-0.1]], [[0.0]], [[""]], MARKET) == pytest.approx(-3_300.0)
    assert margin(PERPETUALS, MARKET, [["span"]]) == margin(PERPETUALS, MARKET)
    assert margin(PERPETUALS, MARKET, 5.0) == "#PM! method must be a text, not 5"
    assert margin(PERPETUALS, MARKET, "#N/A") == "#PM! method holds the error #N/A: mend the formula in that cell"
