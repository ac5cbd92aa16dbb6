"""One parameters range for every method of a workbook: values, a scenario table beside them, and what functions know."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from range_books import MARKET, Grid, ask, margin

import udfs  # noqa: F401  (fills the registry)
import xlmargin as xm
from xlmargin.cli import main

HEADINGS = ["Method", "Underlying", "Parameter", "Value", "Unit", None]
SCENARIOS = ["Scenario", "Underlying", "Price move", "Vol move", "Days", "Weight"]
VALUES: Grid = [
    ["SPAN", None, "price_scan_range", 0.2, "fraction", None],
    [None, None, "warning_usage", 0.4, "fraction", None],
    [None, None, "reference", "SPAN", "method", None],
    ["TIMS", "BTC", "price_range_down", 0.3, "fraction", None],
]
MOVES: Grid = [["down", None, -0.1, None, None, None], [None] * 6, ["up", "BTC", 0.3, 0.0, 0.0, 0.5]]
BOOK: Grid = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0]]


def beside(values: Grid, moves: Grid, headings: list[Any] = HEADINGS) -> Grid:
    """Values and scenarios in one range, the shorter of them with blank rows at its end."""
    count = max(len(values), len(moves))
    left, right = ([*rows, *[[None] * 6] * (count - len(rows))] for rows in (values, moves))
    return [[*headings, *SCENARIOS], *([*a, *b] for a, b in zip(left, right))]


BOTH = beside(VALUES, MOVES)


@pytest.mark.parametrize("method", ["SPAN", "TIMS", "RULES", "DERIBIT", "STRESS"])
def test_each_method_finds_its_own_part(method: str) -> None:
    """A method answers from the one range as from its own part of it alone."""
    alone = [SCENARIOS, *MOVES] if method == "STRESS" else [HEADINGS, *(row for row in VALUES if row[0] == method)]
    assert margin(BOOK, MARKET, method, BOTH) == margin(BOOK, MARKET, method, alone)
    assert margin(BOOK, MARKET, method, [[None] * 12, *BOTH]) == margin(BOOK, MARKET, method, alone)


def test_the_comparison_answers_stress_from_the_same_range() -> None:
    """The worst of the two scenarios by hand: a tenth of the price down; without a filled scenario STRESS stays away."""
    spot = MARKET[1][MARKET[0].index("Spot")]
    rows = {row[0]: row for row in ask("PM_COMPARE", BOOK, MARKET, None, BOTH)[1:]}
    assert rows["STRESS"][1] == pytest.approx(0.1 * spot)
    assert rows["SPAN"][4] == 0.0  # the reference is SPAN
    assert rows["SPAN"][1] == margin(BOOK, MARKET, "SPAN", BOTH)
    for empty in (beside(VALUES, []), [row[:6] for row in BOTH]):
        assert ask("PM_COMPARE", BOOK, MARKET, None, empty) == [
            row for row in ask("PM_COMPARE", BOOK, MARKET, None, BOTH) if row[0] != "STRESS"
        ]


def test_a_blank_scenario_table_is_no_fault_of_the_others() -> None:
    """STRESS alone says that it has no rows, and how to mend that."""
    empty = beside(VALUES, [])
    assert margin(BOOK, MARKET, "SPAN", empty) == margin(BOOK, MARKET, "SPAN", BOTH)
    line = "#PM! parameters row 1: the scenario table has no rows: fill at least one scenario"
    assert margin(BOOK, MARKET, "STRESS", empty) == line


@pytest.mark.parametrize(
    ("values", "moves", "method", "line"),
    [
        (VALUES, [[None] * 6, ["a", None, -1.5, None, None, None]], "STRESS", "parameters row 3: Price move must be at least −1"),
        ([[None] * 6, ["SPAN", None, "nothing", 1.0, None, None]], MOVES, "SPAN", "parameters row 3: SPAN has no parameter 'nothing'"),
        (
            [["STRESS", None, "nothing", 1.0, None, None]],
            MOVES,
            "STRESS",
            "parameters row 2: STRESS has no parameter 'nothing': it knows n",
        ),
        ([[None, None, "nothing", 1.0, None, None]], MOVES, "STRESS", "parameters row 2: no method here has a parameter 'nothing'"),
        ([["SPAN", None, "price_scan_range", None, None, None]], MOVES, "SPAN", "parameters row 2: price_scan_range has no value"),
    ],
)
def test_faults_are_told_with_the_row_of_the_range(values: Grid, moves: Grid, method: str, line: str) -> None:
    """Both parts count their rows from the one header."""
    assert margin(BOOK, MARKET, method, beside(values, moves)).startswith(f"#PM! {line}")


@pytest.mark.parametrize("method", ["SPAN", "RULES", "STRESS"])
def test_parameters_of_functions_pass_in_silence_elsewhere(method: str) -> None:
    """What the comparison, the status and the hedge know disturbs no cell that asks for one method."""
    known = {"reference": "SPAN", "warning_usage": 0.5, "hedge_trades": 2.0}
    rows: Grid = [[None, None, name, value, None, None] for name, value in known.items()]
    given = beside(rows, MOVES)
    assert margin(BOOK, MARKET, method, given) == margin(BOOK, MARKET, method, beside([], MOVES))
    assert ask("PM_STATUS", BOOK, 1e6, MARKET, method, given)[-1] == ["Status", "OK"]
    for function in ("PM_CONTRIBUTION", "PM_EXPLAIN"):
        assert not isinstance(ask(function, BOOK, MARKET, method, given), str)
    assert not isinstance(ask("PM_WHATIF", BOOK, BOOK, MARKET, method, given), str)
    assert not isinstance(ask("PM_ACCOUNTS", BOOK, MARKET, None, method, given), str)
    assert not isinstance(ask("PM_PAIRS", BOOK, MARKET, beside(rows, [])), str)


def _written(path: Path, rows: Grid) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["" if cell is None else cell for cell in row] for row in rows])
    return path


@pytest.mark.parametrize("method", ["SPAN", "STRESS"])
def test_files_hold_the_same_range(tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str) -> None:
    """A CSV file, and a workbook's name, are read like the cells: by the command line and by `xm`."""
    from openpyxl import Workbook
    from openpyxl.workbook.defined_name import DefinedName

    expected = margin(BOOK, MARKET, method, BOTH)
    files = {name: _written(tmp_path / f"{name}.csv", rows) for name, rows in (("book", BOOK), ("market", MARKET), ("parameters", BOTH))}
    assert xm.margin(files["book"], files["market"], method, files["parameters"]) == expected
    book = Workbook()
    for name, rows in (("positions", BOOK), ("market", MARKET), ("parameters", BOTH)):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        area = f"{name}!$A$1:${sheet.cell(len(rows), len(rows[0])).coordinate.rstrip('0123456789')}${len(rows)}"
        book.defined_names[name] = DefinedName(name, attr_text=area)
    book.save(tmp_path / "desk.xlsx")
    assert xm.margin(tmp_path / "desk.xlsx", method=method) == expected
    assert main(["margin", str(tmp_path / "desk.xlsx"), "--method", method, "--json"]) == 0
    assert str(expected) in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "desk.xlsx"), "--json"]) == 0
    assert '"STRESS"' in capsys.readouterr().out


def test_a_frame_of_pandas_counts_the_second_underlying(tmp_path: Path) -> None:
    """`read_csv` of pandas names it `Underlying.1`."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(_written(tmp_path / "parameters.csv", BOTH))
    assert xm.margin(BOOK, MARKET, "STRESS", frame) == margin(BOOK, MARKET, "STRESS", BOTH)
