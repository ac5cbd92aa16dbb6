"""Finding a text on all sheets: what the server finds, and the box that goes from hit to hit."""

from __future__ import annotations

from typing import Any

import openpyxl
import pytest
from web_page import READY, go, page_browser, page_file, page_opened, page_server, settled, show  # noqa: F401  (fixtures)

from xlmargin.errors import MarginError
from xlmargin.faces.web import Server, Session, contents


@pytest.fixture
def session(tmp_path: Any) -> Session:
    """A workbook of three sheets, one of them hidden."""
    book = openpyxl.Workbook()
    first, second, third = book.active, book.create_sheet("Second"), book.create_sheet("Third")
    first["B3"], first["A9"] = "Perpetual", "a perp"
    second["C2"], second["C3"] = 1234.5678, "PERPs"
    second["C2"].number_format = "#,##0.0"
    third["A1"], third.sheet_state = "perp", "hidden"
    book.save(tmp_path / "three.xlsx")
    return Session(tmp_path / "three.xlsx", {})


def test_hits_are_those_of_all_sheets_in_sight(session: Session) -> None:
    """In any case, in reading order; numbers as they are shown and as they are; edits count at once; the hidden sheet does not."""
    assert session.find("perp") == [[0, 3, 2], [0, 9, 1], [1, 3, 3]]
    assert session.find("1,234.6") == session.find("1234.5678") == [[1, 2, 3]]
    assert session.find("  ") == session.find("nowhere") == []
    session.edit(1, [(1, 1, "Nowhere yet")])
    assert session.find("nowhere") == [[1, 1, 1]]


def test_too_many_hits_are_refused(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a longer text is asked for."""
    monkeypatch.setattr(contents, "_MOST_HITS", 2)
    with pytest.raises(MarginError, match="More than 2 cells show 'perp': type more"):
        session.find("perp")


def test_the_box_goes_from_hit_to_hit_over_sheets(page: Any, server: Server) -> None:
    """Ctrl+F, a text, Enter and Shift+Enter: hits are counted, each shown on its sheet, also one that was never drawn; Esc leaves."""
    show(page, "Positions")
    go(page, "O31")  # a note, which no answer repeats
    page.keyboard.type("needle in a note")
    page.keyboard.press("Enter")
    settled(page)
    server.session.edit([frame.name for frame in server.session._frames].index("Limits"), [(500, 11, "a Needle far down")])
    page.keyboard.press("ArrowUp")  # hits are counted from the active cell on
    page.keyboard.press("Control+f")
    page.keyboard.type("needle")
    page.wait_for_selector("#hits:text-is('1 of 2')")
    settled(page)
    first = page.input_value("#place")
    page.keyboard.press("Enter")
    page.wait_for_selector("#hits:text-is('2 of 2')")
    page.wait_for_selector("#tabs button:text-is('Limits')[aria-selected=true]")
    page.wait_for_selector(f"{READY} .cell[data-at=K500]")
    assert page.input_value("#place") == "K500"
    assert page.evaluate("() => document.activeElement.id") == "find"
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector("#tabs button:text-is('Positions')[aria-selected=true]")
    page.wait_for_selector("#hits:text-is('1 of 2')")
    settled(page)
    assert page.input_value("#place") == first
    page.fill("#find", "no such text")
    page.wait_for_selector("#hits:text-is('Found nowhere')")
    page.keyboard.press("Escape")
    assert page.is_hidden("#finding")
    assert page.evaluate("() => document.activeElement.id") == "grid"
    for _ in range(2):
        page.keyboard.press("Control+z")
        settled(page)
    assert server.session.find("needle") == []
