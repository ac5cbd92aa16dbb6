"""The page without a mouse and for a screen reader: roles and names, and the keys that lead from area to area."""

from __future__ import annotations

from typing import Any

from web_page import READY, go, page_browser, page_file, page_opened, page_server, settled, show, text  # noqa: F401  (fixtures)

from xlmargin.faces.web import Server

FOCUS = "() => document.activeElement.id || document.activeElement.className"


def within(page: Any) -> str:
    """The area that holds the focus."""
    return str(page.evaluate("() => document.activeElement.closest('#tools, .entry, #grid, #tabs')?.id"))


def test_the_active_cell_is_told(page: Any) -> None:
    """The grid points at its active cell, which tells row, column, and whether it can be written."""
    show(page, "Positions")
    assert page.get_attribute("#grid", "aria-label") == "Sheet Positions"
    told = "g => { const c = document.getElementById(g.getAttribute('aria-activedescendant')); return [c.getAttribute('role'), "
    told += "c.parentNode.getAttribute('role'), c.parentNode.getAttribute('aria-rowindex'), c.getAttribute('aria-colindex'), "
    told += "c.getAttribute('aria-readonly'), c.textContent]; }"
    go(page, "D7")
    assert page.eval_on_selector("#grid", told) == ["gridcell", "row", "7", "4", "true", "Underlying"]
    go(page, "H12")
    assert page.eval_on_selector("#grid", told)[:5] == ["gridcell", "row", "12", "8", None]
    go(page, "W45")  # empty, and outside of the table
    assert page.eval_on_selector("#grid", told)[1:4] == ["row", "45", "23"]
    assert page.get_attribute("#grid [role=rowheader]:text-is('45')", "role") == "rowheader"
    for sheet in ("Positions", "Summary"):
        show(page, sheet)
        parents = page.eval_on_selector_all("#grid [role=gridcell]", "c => [...new Set(c.map(d => d.parentNode.getAttribute('role')))]")
        assert parents == ["row"]
        outside = "c => c.filter(d => !d.parentNode.matches('[role=rowgroup]')).length"
        assert page.eval_on_selector_all("#grid [role=row]", outside) == 0
        ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
        assert len(ids) == len(set(ids))


def test_keys_lead_out_of_the_grid_and_round_the_page(page: Any, server: Server) -> None:
    """Tab and Shift+Tab pass through, Esc goes to the tabs and back, F6 goes round; while editing they belong to the cell."""
    show(page, "Positions")
    go(page, "H12")
    old = server.session._book.get("Positions", "H12")
    page.keyboard.press("Tab")
    assert within(page) == "tabs"
    assert page.evaluate("() => document.activeElement.textContent") == "Positions"
    page.keyboard.press("Shift+Tab")
    assert within(page) == "grid"
    stops = []
    for _ in range(4):
        page.keyboard.press("Shift+Tab")
        stops.append(page.evaluate(FOCUS))
    assert stops == ["content", "place", "quit", "keys"]  # no trap on the way back to the toolbar
    assert page.input_value("#place") == "H12"
    seen = []
    for _ in range(3):
        page.keyboard.press("F6")
        seen.append(within(page))
    assert seen == ["grid", "tabs", "tools"]
    page.keyboard.press("Shift+F6")
    assert within(page) == "tabs"
    page.keyboard.press("Escape")
    assert within(page) == "grid"
    page.keyboard.press("Escape")
    assert within(page) == "tabs"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#tabs button:text-is('Positions')[aria-selected=false]")
    page.wait_for_selector(READY)
    show(page, "Positions")
    page.keyboard.type("7")
    page.keyboard.press("Escape")
    assert within(page) == "grid"
    page.keyboard.type("7")
    page.keyboard.press("Tab")
    settled(page)
    assert (within(page), page.input_value("#place"), server.session._book.get("Positions", "H12")) == ("grid", "I12", 7.0)
    page.keyboard.press("Control+z")
    settled(page)
    assert server.session._book.get("Positions", "H12") == old


def test_the_line_above_is_edited_from_its_first_letter(page: Any, server: Server) -> None:
    """Focus alone edits nothing; a letter does, Enter takes it, Escape drops it."""
    show(page, "Positions")
    go(page, "O31")
    page.focus("#content")
    assert page.query_selector(".editor") is None
    page.keyboard.type("hedge")
    page.keyboard.press("Enter")
    settled(page)
    assert (text(page, "O31"), page.input_value("#place")) == ("hedge", "O32")
    page.keyboard.press("Control+z")
    settled(page)
    go(page, "O31")
    page.focus("#content")
    page.keyboard.type("no")
    page.keyboard.press("Escape")
    settled(page)
    assert (text(page, "O31"), within(page)) == ("", "grid")


def test_sheets_are_turned_by_keys_that_the_browser_leaves(page: Any) -> None:
    """Ctrl+Shift+PageDown and PageUp go to the next sheet and back."""
    names = [tab.inner_text() for tab in page.query_selector_all("#tabs button")]
    show(page, names[0])
    for key, name in (("PageDown", names[1]), ("PageDown", names[2]), ("PageUp", names[1])):
        page.keyboard.press(f"Control+Shift+{key}")
        page.wait_for_selector(f"#tabs button:text-is('{name}')[aria-selected=true]")
        page.wait_for_selector(READY)
