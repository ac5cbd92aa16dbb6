"""The source document's tables and claims in the workbook: every figure, every verdict, and what an input changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from built import built_file, live_workbook  # noqa: F401  (fixtures)

import udfs
from xlmargin.engine import Workbook
from xlmargin.sheet.registry import FUNCTIONS

assert udfs  # fills the registry

CALLS: dict[str, Callable[..., Any]] = {name: function.call for name, function in FUNCTIONS.items()}
SHEET, CENT = "Source tables", 0.005
# expected values: the regression vectors SEED-1 to SEED-7 of the demonstration set, an independent calculation
STRATEGIES = {
    "put spread": (10, 1_000.0, 488.13),
    "condor": (11, 1_000.0, 255.46),
    "calendar": (12, 17_427.58, 1_602.14),
    "straddle": (13, 29_079.27, 3_689.04),
}
LINES = {"naked call": (22, 70_000.0, 9_112.20), "puts": (24, 7_000.0, 293.84), "condor": (25, 3_500.0, 100.0)}


def named(file: Path, name: str) -> tuple[str, str]:
    """Sheet and cell of a defined name."""
    ((sheet, cell),) = openpyxl.load_workbook(file).defined_names[name].destinations
    return sheet, cell.replace("$", "")


def row_of(book: Workbook, sheet: str, column: str, label: str) -> int:
    """The row of a label."""
    labels = [row[0] for row in book.values(sheet, f"{column}1:{column}220")]
    return labels.index(label) + 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_comes_to_the_documented_figures(live: Workbook, strategy: str) -> None:
    """Rules-based, portfolio and gain of the first table."""
    row, rules, portfolio = STRATEGIES[strategy]
    assert live.get(SHEET, f"D{row}") == pytest.approx(rules, abs=CENT)
    assert live.get(SHEET, f"E{row}") == pytest.approx(portfolio, abs=CENT)
    assert live.get(SHEET, f"F{row}") == pytest.approx(1 - portfolio / rules, abs=1e-5)


def test_two_lines_more_say_what_the_first_table_leaves_out(live: Workbook) -> None:
    """SEED-3: the debit is 2,306.56; SEED-1: the put spread takes 970.07 with its net option value."""
    assert [live.get(SHEET, cell) for cell in ("E14", "E15")] == pytest.approx([2_306.56, 970.07], abs=CENT)


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_portfolio_comes_to_the_documented_figures(live: Workbook, line: str) -> None:
    """Notional and rules-based margin of the second table."""
    row, notional, rules = LINES[line]
    assert live.get(SHEET, f"D{row}") == notional
    assert live.get(SHEET, f"E{row}") == pytest.approx(rules, abs=CENT)


def test_the_portfolio_comes_to_the_documented_totals(live: Workbook) -> None:
    """SEED-5 to SEED-7: contributions of the coins, both totals, the saving."""
    assert [live.get(SHEET, f"F{row}") for row in (26, 27, 28)] == pytest.approx([2_078.23, 132.46, 2_210.68], abs=CENT)
    assert live.get(SHEET, "E28") == pytest.approx(9_506.04, abs=CENT)
    assert live.get(SHEET, "F29") == pytest.approx(0.7674, abs=5e-5)


def test_every_verdict_says_what_holds(live: Workbook) -> None:
    """All stated figures are reproduced but the split of the rules-based total; its two verdicts give the reason."""
    verdicts = [str(cell) for row in live.values(SHEET, "J10:L29") for cell in row if cell not in (None, "")]
    told = [text for text in verdicts if text not in ("reproduced", "in words only") and not text.startswith("Verdict")]
    assert [text.split(";")[0] for text in told] == [
        "not reproduced: 8,000 is 10 % and a mark of 1,000, a vol of 34.1 %",
        "not reproduced: two such puts cost 1,500 only at a vol of 191 %",
    ]
    assert verdicts.count("reproduced") == 18


def test_the_lead_example_comes_to_the_documented_numbers(live: Workbook) -> None:
    """3,523.42 and 7,700.00 alone, 3,334.88 together, 70.3 % less; 1,049.18 with half a future."""
    assert [live.get(SHEET, f"D{row}") for row in (36, 37)] == pytest.approx([3_523.42, 7_700.0], abs=CENT)
    assert [live.get(SHEET, f"E{row}") for row in (38, 39)] == pytest.approx([3_334.88, 1_049.18], abs=CENT)
    assert live.get(SHEET, "F38") == pytest.approx(0.703, abs=5e-4)
    assert live.get(SHEET, "G38") == pytest.approx(3_523.42 + 7_700.0 - 3_334.88, abs=3 * CENT)


def test_the_other_claims_are_shown_by_less_margin_together(live: Workbook) -> None:
    """Covered call, cash-secured put, short gamma with long vega, and 48 legs net against the sum of the legs."""
    assert [live.get(SHEET, f"J{row}") for row in range(38, 44)] == ["shown"] * 6
    assert live.get(SHEET, "C43") == 48.0
    assert live.get(SHEET, "E40") == pytest.approx(2_078.23, abs=CENT)
    assert live.get(SHEET, "D41") == 65_000.0


def test_legs_in_accounts_of_their_own_are_the_sum_of_the_legs(live: Workbook) -> None:
    """The column Apart of the term structure is what 48 books of one leg come to."""
    top = row_of(live, "Source books", "B", "Term structure: six expiries, four strikes, calls and puts") + 1
    header, *legs = live.values("Source books", f"B{top}:H{top + 48}")
    first = row_of(live, "Source books", "B", "Parameters of portfolio margin") + 1
    parameters = live.values("Source books", f"B{first}:C{first + 6}")
    alone = [CALLS["PM_MARGIN"]([header, leg], None, "SPAN", parameters) for leg in legs]
    assert live.get(SHEET, "D43") == pytest.approx(sum(alone), rel=1e-12)


def test_another_vol_changes_the_verdict(live: Workbook) -> None:
    """The source's own mark of the naked call needs a vol of 34.07 %: with it, the line is reproduced and the total is not."""
    live.set("Source books", "D7", 0.340747)
    assert live.get(SHEET, "E22") == pytest.approx(8_000.0, abs=0.01)
    assert live.get(SHEET, "K22") == "reproduced"
    assert str(live.get(SHEET, "K28")).startswith("not reproduced: outside the source's band")


def test_a_method_that_is_not_there_leaves_no_figure(live: Workbook, built: Path) -> None:
    """The message stands in the cell, the total is not added up from what remains, and nothing is called reproduced."""
    live.set(*named(built, "source_standard"), "NOSUCH")
    assert str(live.get(SHEET, "E22")).startswith("#PM! no method 'NOSUCH'")
    assert [live.get(SHEET, cell) for cell in ("E28", "F29", "K22", "K28", "L29")] == [
        "not calculated",
        "",
        "not calculated",
        "not calculated",
        "not calculated",
    ]


def test_the_live_book_does_not_move_the_source_tables(live: Workbook) -> None:
    """Nothing on the sheet Positions is part of them."""
    before = live.values(SHEET, "B9:M43")
    live.set("Positions", "H9", -5.0)
    live.set("Market", "D8", 60_000.0)
    assert live.values(SHEET, "B9:M43") == before
