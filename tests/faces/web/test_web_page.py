"""The page in a real Chromium: the template edited by keyboard, pasted into, undone, saved, always equal to the engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from web_page import (  # noqa: F401  (fixtures)
    CALLS,
    CLIPBOARD,
    READY,
    go,
    page_browser,
    page_file,
    page_opened,
    page_server,
    settled,
    show,
    text,
)

from xlmargin.engine import Workbook
from xlmargin.faces.web import Server
from xlmargin.files.workbooks import named_cells

STYLE = "c => { const s = getComputedStyle(c); return [s.backgroundColor, s.color, s.fontWeight]; }"


def number(page: Any, cell: str) -> float:
    """The number that a cell in sight shows."""
    return float(text(page, cell).replace(",", ""))


def quantity(server: Server, file: Path) -> str:
    """The cell of the first option's quantity."""
    sheet, area = named_cells(file)["positions"]
    rows = server.session._book.values(sheet, area)
    found = re.match(r"\$?([A-Z]+)\$?(\d+)", area)
    assert found
    column = rows[0].index("Quantity") + openpyxl.utils.column_index_from_string(found[1])
    row = next(n for n, line in enumerate(rows) if line[rows[0].index("Type")] == "call") + int(found[2])
    return f"{openpyxl.utils.get_column_letter(column)}{row}"


def test_every_sheet_shows_what_the_engine_holds(page: Any, server: Server, file: Path) -> None:
    """All tabs in the workbook's order; each number in sight is the engine's, rounded as its format says."""
    book = server.session._book
    assert [tab.inner_text() for tab in page.query_selector_all("#tabs button")] == list(book.sheets)
    seen = 0
    for sheet in book.sheets:
        show(page, sheet)
        cells = page.eval_on_selector_all(".cell.number[data-at]", "found => found.map(c => [c.dataset.at, c.innerText])")
        for cell, shown in cells:
            value = book.get(sheet, cell)
            if re.fullmatch(r"-?[\d,]+\.\d\d ?", shown):
                assert float(shown.replace(",", "")) == pytest.approx(value, abs=0.005000001)
                seen += 1
    assert seen > 100


def test_the_sheet_looks_as_its_workbook_says(page: Any) -> None:
    """Fonts, fills, widths, frozen rows and the colours of conditions come from the file."""
    show(page, "Positions")
    style = page.eval_on_selector(".cell[data-at=D7]", STYLE)
    assert style == ["rgb(31, 42, 68)", "rgb(255, 255, 255)", "700"]
    go(page, "D35")
    assert text(page, "D7") == "Underlying"  # frozen above, wherever one scrolls
    show(page, "Risk array")
    go(page, "T18")  # the P&L grid on the right
    settled(page)
    shades = "found => found.map(c => getComputedStyle(c).backgroundColor)"
    fills = page.eval_on_selector_all(", ".join(f".cell[data-at=T{row}]" for row in range(8, 29)), shades)
    assert len(set(fills)) > 10
    show(page, "Summary")
    assert page.eval_on_selector(".cell[data-at=C3]", "c => getComputedStyle(c).color") == "rgb(0, 90, 140)"


def test_an_edit_by_keyboard_moves_margin_risk_array_and_charts(page: Any, server: Server, file: Path) -> None:
    """Type and Enter: the margin follows, the risk array flashes, the chart is drawn anew, all as the engine has it."""
    show(page, "Summary")
    margin, drawn = text(page, "C7"), page.inner_html(".chart svg")
    show(page, "Risk array")
    show(page, "Positions")
    cell = quantity(server, file)
    go(page, cell)
    page.keyboard.type("-3.5")
    page.keyboard.press("Enter")
    settled(page)
    assert text(page, cell) == "-3.50"
    assert page.query_selector(f".cell.flash[data-at={cell}]")
    assert page.input_value("#place") == cell[0] + str(int(cell[1:]) + 1)
    show(page, "Risk array")
    assert len(page.query_selector_all(".cell.flash")) > 20
    assert page.query_selector(".chart.flash")
    show(page, "Summary")
    assert text(page, "C7") != margin
    assert number(page, "C7") == pytest.approx(Workbook.get(server.session._book, "Summary", "C7"), abs=0.005000001)
    assert page.inner_html(".chart svg") != drawn
    page.keyboard.press("Control+z")
    settled(page)
    show(page, "Summary")
    assert text(page, "C7") == margin
    page.keyboard.press("Control+y")
    settled(page)
    assert server.session._book.get("Positions", cell) == -3.5


def test_keys_move_and_edit_as_in_a_sheet(page: Any, server: Server) -> None:
    """Arrows, Enter, Home, End, pages, Ctrl with arrows, F2, Escape, Delete and selections."""
    show(page, "Positions")
    go(page, "H12")
    at: list[str] = []
    for keys in (
        "ArrowRight",
        "Enter",
        "Shift+Enter",
        "ArrowUp",
        "Home",
        "Control+ArrowDown",
        "Control+Home",
        "PageDown",
        "PageUp",
        "Shift+ArrowDown",
    ):
        page.keyboard.press(keys)
        at.append(page.input_value("#place"))
    assert at[:6] == ["I12", "I13", "I12", "I11", "D11", "D15"]
    assert at[6:9] == ["D8", at[7], "D8"]
    assert int(at[7][1:]) > 20
    assert at[9] == "D8:D9"
    go(page, "H12")
    old = server.session._book.get("Positions", "H12")
    page.keyboard.press("F2")
    page.keyboard.press("End")
    page.keyboard.type("9")
    page.keyboard.press("Escape")
    settled(page)
    assert server.session._book.get("Positions", "H12") == old
    page.keyboard.press("Delete")
    settled(page)
    assert (server.session._book.get("Positions", "H12"), text(page, "H12")) == (None, "")
    page.keyboard.press("Control+z")
    settled(page)
    assert server.session._book.get("Positions", "H12") == old


def test_formulas_are_shown_and_cannot_be_typed_over(page: Any, server: Server) -> None:
    """The line above shows the formula with its PM_ name; typing is answered in the status line."""
    show(page, "Summary")
    go(page, "C7")
    assert page.input_value("#content").startswith("=PM_MARGIN(")
    page.keyboard.type("5")
    assert "calculated by a formula" in page.inner_text("#status")
    assert page.query_selector(".editor") is None
    assert server.session.refusal(server.session._frames[1], 7, 3) != ""


def test_a_block_of_positions_is_pasted_and_taken_back(page: Any, server: Server) -> None:
    """Rows copied from another spreadsheet go in as one edit; a wrong one says so beside itself; one undo takes all back."""
    show(page, "Positions")
    book = server.session._book
    before = book.values("Positions", "C8:R37")
    go(page, "D20")
    block = "BTC\tcall\t80,000\t2026-07-31\t-2\r\nETH\tput\t3000\t2026-07-31\tmany\r\n"
    page.evaluate(CLIPBOARD, ["paste", block])
    settled(page)
    assert book.values("Positions", "D20:H21") == [["BTC", "call", 80000.0, 46234.0, -2.0], ["ETH", "put", 3000.0, 46234.0, "many"]]
    assert (text(page, "G20"), text(page, "H21")) == ("2026-07-31", "many")
    assert text(page, "B21") == "FAULT"
    show(page, "Summary")
    assert text(page, "C7").startswith("#PM! ")
    show(page, "Positions")
    go(page, "D20:H20")
    copied = page.evaluate(CLIPBOARD, ["copy", ""])
    assert copied == "BTC\tcall\t80000\t2026-07-31\t-2"
    page.keyboard.press("Control+z")
    settled(page)
    assert book.values("Positions", "C8:R37") == before


def test_a_list_of_the_workbook_is_chosen_from(page: Any, server: Server) -> None:
    """The allowed words of an input open beside it, by key or mouse."""
    show(page, "Positions")
    go(page, "E25")
    page.keyboard.press("Alt+ArrowDown")
    assert [item.inner_text() for item in page.query_selector_all(".choices li")] == ["spot", "future", "perp", "call", "put"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    settled(page)
    assert text(page, "E25") == "future"
    page.click(".drop")
    page.click(".choices li:text-is('put')")
    settled(page)
    assert server.session._book.get("Positions", "E25") == "put"
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    settled(page)
    assert server.session._book.get("Positions", "E25") is None


def test_links_lead_to_their_sheets(page: Any) -> None:
    """The why of a headline is one click away."""
    show(page, "Summary")
    page.click(".cell[data-at=F7]")
    page.wait_for_selector("#tabs button:text-is('Statement')[aria-selected=true]")


def test_a_long_sheet_draws_what_is_in_sight(page: Any) -> None:
    """Hundreds of lines are scrolled through with a few rows drawn at a time."""
    show(page, "VaR")
    go(page, "X260")
    settled(page)
    assert text(page, "X260") != ""
    assert page.query_selector(".cell[data-at=X20]") is None
    assert len(page.query_selector_all(".cell")) < 2_000
    go(page, "X7")
    assert text(page, "X7") == "BTC"


def test_another_tab_follows_and_hostile_text_is_only_text(page: Any, browser: Any, server: Server) -> None:
    """What one page edits the other shows; markup in a cell is shown as it was typed."""
    show(page, "Positions")
    other = browser.new_page()
    other.goto(server.url)
    other.wait_for_selector(f"{READY} .cell")
    show(other, "Positions")
    go(other, "O30")
    other.keyboard.type("<img src=x onerror=document.title='bad'>")
    other.keyboard.press("Enter")
    settled(other)
    page.wait_for_selector(".cell[data-at=O30] >> text=<img")
    other.keyboard.press("Control+z")
    settled(other)
    assert page.query_selector("#grid img") is None
    assert page.title() != "bad"
    other.close()


def test_without_the_key_the_page_says_where_to_look(browser: Any, server: Server) -> None:
    """The bare address shows what to open instead, and nothing of the workbook."""
    cookies = browser.cookies()
    browser.clear_cookies()
    bare = browser.new_page()
    bare.goto(server.url.partition("?")[0])
    bare.wait_for_selector("#ended:not([hidden])")
    assert "address that the terminal shows" in bare.inner_text("#ended")
    assert bare.query_selector(".cell") is None
    bare.close()
    browser.add_cookies(cookies)


def test_saving_puts_the_edits_into_the_file(page: Any, server: Server, file: Path) -> None:
    """Ctrl+S: the file read again holds the edit and the values of every formula, as a fresh engine calculates them."""
    show(page, "Positions")
    cell = quantity(server, file)
    go(page, cell)
    page.keyboard.type("-2.25")
    page.keyboard.press("Control+s")
    settled(page)
    page.wait_for_selector("#status:text('Saved in')")
    assert page.is_hidden("#dirty")
    read = openpyxl.load_workbook(file, data_only=True)
    assert read["Positions"][cell].value == -2.25
    fresh = Workbook(file, CALLS)
    assert read["Summary"]["C7"].value == pytest.approx(fresh.get("Summary", "C7"))
    show(page, "Summary")
    assert number(page, "C7") == pytest.approx(read["Summary"]["C7"].value, abs=0.005000001)
