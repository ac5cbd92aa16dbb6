"""A small workbook in a real Chromium: how it is let in, what it opens on, asks when it is closed, and follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import sync_playwright
from web_desk import Sums, desk_file, desk_server, desk_sums  # noqa: F401  (fixtures)

from xlmargin.engine import recalculated
from xlmargin.faces.web import Server

READY = "#grid[aria-busy=false]:not(.waiting) .cell"


@pytest.fixture
def page(chromium: str, server: Server) -> Iterator[Any]:
    """A page of a browser that knows nothing."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, headless=True, args=["--no-sandbox", "--disable-gpu", "--disable-quic"])
        opened = browser.new_context().new_page()
        opened.set_default_timeout(30_000)
        yield opened
        browser.close()


@pytest.fixture(name="file")
def second_in_front(tmp_path: Path, file: Path) -> Path:
    """The workbook, saved with its second sheet in front."""
    book = openpyxl.load_workbook(file)
    book.active = 1
    book.save(file)
    return file


def test_a_visit(page: Any, server: Server, file: Path) -> None:
    """From the address of one use to the bare one, on the sheet in front; a feed's price appears; closing asks for edits' sake."""
    used = server.url
    page.goto(used)
    page.wait_for_selector(READY)
    assert page.url == f"http://127.0.0.1:{server.server_port}/"
    assert page.evaluate("document.cookie") == ""
    assert page.inner_text("#tabs [aria-selected=true]") == "Second"
    page.goto(used)  # from the history
    page.wait_for_selector(READY)
    stranger = page.context.browser.new_context().new_page()
    assert stranger.goto(used).status == 403
    assert "used already" in stranger.inner_text("body")

    page.click("#tabs button:text-is('In & out')")
    page.wait_for_selector(".cell[data-at=B1] >> text='6'")
    recalculated(file, file, {"PM_SUM": lambda table: sum(row[0] for row in table)}, [("In & out", "A2", 20.0)])
    page.wait_for_selector(".cell[data-at=B1] >> text='24'")

    page.fill("#place", "A1")
    page.press("#place", "Enter")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    page.wait_for_selector(".cell[data-at=B1] >> text='32'")
    recalculated(file, file, {"PM_SUM": lambda table: sum(row[0] for row in table)}, [("In & out", "A2", 30.0)])
    page.wait_for_selector("#status:text('changed by another program')")
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    page.keyboard.press("Control+z")
    page.wait_for_selector(".cell[data-at=B1] >> text='34'")

    book = openpyxl.load_workbook(file)
    book.create_sheet("New", 0)
    book.save(file)
    page.wait_for_selector("#tabs button:text-is('New')")
    page.wait_for_selector(READY)
    assert page.inner_text("#tabs [aria-selected=true]") == "In & out"
    assert page.input_value("#place") != ""
