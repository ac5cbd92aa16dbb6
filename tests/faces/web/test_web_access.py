"""What axe-core finds wrong with the page for people who do not see it, see it badly or use no mouse: nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, missing
from web_page import go, page_browser, page_file, page_opened, page_server, settled, show  # noqa: F401  (fixtures)

FOUND = """() => axe.run(document, { resultTypes: ["violations"] }).then(({ violations, passes }) => [passes.length, violations.map(
    (one) => `${one.impact}: ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" ")}`)])"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The text of axe-core."""
    path = Path(os.environ.get("XLMARGIN_AXE", ROOT / "node_modules/axe-core")) / "axe.min.js"
    if not path.is_file():
        missing(
            f"the npm package axe-core is not there ({path.parent}): bash .ci/axe FOLDER, and its node_modules/axe-core in XLMARGIN_AXE"
        )
    return path.read_text(encoding="utf-8")


def wrong(page: Any, axe: str) -> list[str]:
    """The violations on the page as it is, each with its impact and its first elements."""
    page.evaluate(axe)  # as text: the page's own policy lets no other script in
    passed, found = page.evaluate(FOUND)
    assert passed > 10
    return found


@pytest.mark.parametrize("sheet", ["Summary", "Positions", "Risk array", "Statement", "Checks"])
def test_nothing_is_wrong_on_a_sheet(page: Any, axe: str, sheet: str) -> None:
    """Contrast of every cell in the colours of the workbook, names, roles and what they may hold; scrolled into another pane too."""
    show(page, sheet)
    settled(page)
    assert wrong(page, axe) == []
    go(page, "T60")
    settled(page)
    assert wrong(page, axe) == []


def test_nothing_is_wrong_with_what_opens_over_a_sheet(page: Any, axe: str) -> None:
    """The box that finds, a list to choose from, a cell that is edited, a selection, and a long message."""
    show(page, "Positions")
    page.keyboard.press("Control+f")
    page.keyboard.type("perp")
    page.wait_for_selector("#hits:not(:empty)")
    settled(page)
    assert wrong(page, axe) == []
    page.keyboard.press("Escape")
    go(page, "E8")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("ArrowDown")
    option = "document.getElementById(grid.getAttribute('aria-activedescendant'))"
    told = f"grid => {option}.getAttribute('role') + {option}.ariaSelected"
    assert page.eval_on_selector("#grid", told) == "optiontrue"
    assert wrong(page, axe) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("F2")
    assert page.query_selector(".editor")
    assert wrong(page, axe) == []
    page.keyboard.press("Escape")
    page.click("#keys")
    page.wait_for_selector("#status.told")
    assert wrong(page, axe) == []


def test_nothing_is_wrong_with_the_dialog_of_the_end(page: Any, axe: str) -> None:
    """It is a dialog with a name that has the focus, and nothing behind it can be reached any more."""
    page.route("**/api/quit", lambda route: route.fulfill(json={}))  # the server of the other tests goes on
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#quit")
    page.wait_for_selector("#ended:not([hidden])")
    assert page.evaluate("() => document.activeElement.id") == "ended"
    assert page.get_by_role("alertdialog", name="The server has ended").count() == 1
    assert wrong(page, axe) == []
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") in ("ended", "")
