"""Printing a sheet: every row that shows something is on paper, and the page is as it was afterwards."""

from __future__ import annotations

from typing import Any

from web_page import page_browser, page_file, page_opened, page_server, settled, show  # noqa: F401  (fixtures)

_ROWS = "() => [...document.querySelectorAll('#grid [role=rowheader]')].filter(row => row.checkVisibility()).map(row => row.innerText)"


def test_a_long_sheet_is_printed_whole(page: Any) -> None:
    """For paper the page has the first and the last row of a sheet of which a few rows were drawn, and none of the buttons.

    The browser's own events and media are asked, not its file: a browser without a screen may write that for ever.
    """
    show(page, "VaR")
    drawn, rows = len(page.query_selector_all("#grid .cell")), page.evaluate(_ROWS)
    page.emulate_media(media="print")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    printed = page.evaluate(_ROWS)
    assert {str(row) for row in range(5, 268)} <= set(printed)
    assert len(rows) < 100
    assert page.get_by_text("Download a copy").is_hidden()
    page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    settled(page)
    assert len(page.query_selector_all("#grid .cell")) == drawn
    assert page.get_by_text("Download a copy").is_visible()
