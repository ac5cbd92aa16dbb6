"""What `xlmargin new` starts a desk with: each method's own values, and no sample where the desk's own book stands or none is wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import udfs  # noqa: F401  (fills the registry)
from xlmargin.engine import Workbook
from xlmargin.faces import template
from xlmargin.faces.template import build_template
from xlmargin.sheet.registry import FUNCTIONS

CALLS: dict[str, Callable[..., Any]] = {name: function.call for name, function in FUNCTIONS.items()}
AREAS = template._builder("layout")
ROWS, SPOT, COINS = 20, 3_000.0, 10.0
OWN_RANGE = 0.14  # SPAN's own scan range of ETH, above its 99 % one-day move since 2021, 13.4 %; 3 ranges at 33 % are less
TYPED = ("positions", "market", "parameter_input", "own_scenarios", "trades", "balances", "limits", "positions_before", "market_before")


def live(path: Path, kind: str) -> Workbook:
    """A workbook of a kind, calculated."""
    build_template(path, ROWS, kind)
    return Workbook(path, CALLS)


def typed_over(book: Workbook, area: Any, headings: tuple[str, ...], row: dict[str, Any]) -> None:
    """Clear an area below its headings, and type one row into it."""
    cells = [(r, c) for r in range(1, area.rows) for c in range(area.columns)]
    book.set_many([(area.sheet, area.cell(r, c).replace("$", ""), row.get(headings[c]) if r == 1 else None) for r, c in cells])


def typed_eth(book: Workbook) -> None:
    """Ten ETH futures in place of the positions and quotes."""
    at = AREAS.Layout(ROWS)
    future = {"Underlying": "ETH", "Type": "future", "Expiry": 46_500.0, "Quantity": COINS, "Account": "Mine"}
    typed_over(book, at.positions, AREAS.POSITION_HEADINGS, future)
    typed_over(book, at.market, AREAS.MARKET_HEADINGS, {"Underlying": "ETH", "Spot": SPOT, "As of": 46_300.0})


def numbers(book: Workbook) -> list[Any]:
    """Initial margin, maintenance margin and scanning risk of the sheet Summary."""
    return [row[0] for row in book.values("Summary", "C7:C9")]


def test_an_own_book_in_a_new_workbook_has_the_methods_own_margin(tmp_path: Path) -> None:
    """Nothing fitted moves it, no number of the sample is left, and Summary tells where the sample still stands."""
    book = live(tmp_path / "desk.xlsx", "new")
    sample = numbers(book)
    assert book.get("Summary", "B5") == "Sample data on · Positions · Market · Parameters (scenarios) · Account · What-if · Move · VaR"
    typed_eth(book)
    assert numbers(book) == pytest.approx([OWN_RANGE * COINS * SPOT] * 3)
    assert not set(sample) & set(numbers(book))
    assert book.get("Summary", "B5") == "Sample data on · Parameters (scenarios) · Account · What-if · Move · VaR"


def test_the_demonstration_names_its_fitted_set(tmp_path: Path) -> None:
    """On Summary while its rows stand, and on the sheet of the parameters."""
    book = live(tmp_path / "desk.xlsx", "demo")
    assert "Parameters (the fitted demonstration set)" in str(book.get("Summary", "B5"))
    assert "fitted demonstration set" in str(book.get("Parameters", "B2"))
    at = AREAS.Layout(ROWS).parameter_input
    typed_over(book, at, ("Method", "Underlying", "Parameter", "Value"), {})
    assert "fitted" not in str(book.get("Summary", "B5"))
    assert "Parameters (scenarios)" in str(book.get("Summary", "B5"))
    typed_over(book, AREAS.Layout(ROWS).own_scenarios, ("Scenario", "Underlying", "Price move", "Vol move", "Days", "Weight"), {})
    assert "Parameters" not in str(book.get("Summary", "B5"))


def test_one_row_of_a_sample_is_told(tmp_path: Path) -> None:
    """A sample that is partly typed over still counts, also when only its quantity of 0.02 BTC stands."""
    book = live(tmp_path / "desk.xlsx", "new")
    at = AREAS.Layout(ROWS)
    typed_over(book, at.limits, ("Limit on", "Coin", "Limit"), {})
    book.set("Account", at.balances.cell(1, 1).replace("$", ""), 9_999.0)
    assert "Account" in str(book.get("Summary", "B5"))
    book.set("Account", at.balances.cell(2, 1).replace("$", ""), 0.03)
    assert "Account" not in str(book.get("Summary", "B5"))


def test_an_empty_workbook_has_no_sample(tmp_path: Path) -> None:
    """No cell of an input area is filled; nothing fails; one line says that no position is typed; a book typed in is margined."""
    book, at = live(tmp_path / "desk.xlsx", "empty"), AREAS.Layout(ROWS)
    cells = openpyxl.load_workbook(tmp_path / "desk.xlsx")
    for name in (*TYPED, "history"):
        area = getattr(at, name).body
        assert [cell.value for row in cells[area.sheet][area.near] for cell in row if cell.value not in (None, "")] == [], name
    assert "Source tables" not in cells.sheetnames
    assert book.get("Summary", "C3") == "no positions yet"
    assert str(book.get("Summary", "B4")).startswith("No position is typed yet")
    assert "FAIL" not in {row[0] for row in book.values("Checks", "F7:F44")}
    typed_eth(book)
    assert numbers(book) == pytest.approx([OWN_RANGE * COINS * SPOT] * 3)
    assert (book.get("Summary", "C3"), book.get("Summary", "B4")) == ("PASS", "")


def test_without_the_functions_summary_says_so(tmp_path: Path) -> None:
    """Where every call is an error, one cell tells how the file is opened so that they answer."""
    build_template(tmp_path / "desk.xlsx", ROWS)
    book = Workbook(tmp_path / "desk.xlsx", {})
    assert str(book.get("Summary", "B4")).startswith("The functions of xlmargin are not loaded here: open this file with  xlmargin open")
