"""Blocks as they come from another sheet or a statement: with their headings, with printed amounts, with too many rows."""

from __future__ import annotations

from typing import Any

import pytest
from web_page import CLIPBOARD, go, page_browser, page_file, page_opened, page_server, settled, show  # noqa: F401  (fixtures)

from xlmargin.faces.web import Server

PRINTED = "btc\tcall\t$95,000.00\t2026-07-31\t(1,000)\nETH\tput\t3,000\t2026-07-31\t12.5%\n"
READ = [["btc", "call", 95000.0, 46234.0, -1000.0], ["ETH", "put", 3000.0, 46234.0, 0.125]]


def undone(page: Any) -> None:
    """Take the last edit back."""
    page.keyboard.press("Control+z")
    settled(page)


@pytest.mark.parametrize(("at", "first"), [("D20", 20), ("D7", 8)])
def test_headings_stay_out_of_the_table(page: Any, server: Server, at: str, first: int) -> None:
    """A first row that repeats the table's headings, in any case, is left out: below them and on them; amounts are numbers."""
    show(page, "Positions")
    book = server.session._book
    before = book.values("Positions", "C8:R37")
    headings = "\t".join(str(cell) for cell in book.values("Positions", "D7:H7")[0])
    go(page, at)
    page.evaluate(CLIPBOARD, ["paste", f"{headings.upper()}\n{PRINTED}"])
    settled(page)
    assert book.values("Positions", f"D{first}:H{first + 1}") == READ
    assert page.input_value("#place") == f"D{first}:H{first + 1}"
    undone(page)
    assert book.values("Positions", "C8:R37") == before


def test_other_first_rows_are_pasted_as_they_are(page: Any, server: Server) -> None:
    """One heading that differs makes it a row like others: on locked cells it is refused with its reason."""
    show(page, "Positions")
    book = server.session._book
    headings = "\t".join(str(cell) for cell in book.values("Positions", "D7:G7")[0]) + "\tLots"
    go(page, "D20")
    page.evaluate(CLIPBOARD, ["paste", f"{headings}\n{PRINTED}"])
    settled(page)
    assert book.get("Positions", "H20") == "Lots"
    undone(page)
    go(page, "D7")
    page.evaluate(CLIPBOARD, ["paste", f"{headings}\n{PRINTED}"])
    settled(page)
    assert "D7" in page.inner_text("#status")


def test_more_rows_than_fit_are_asked_about(page: Any, server: Server) -> None:
    """30 rows are kept: the page says how many fit and how to get more, and pastes those only when told to."""
    show(page, "Positions")
    book = server.session._book
    before, asked = book.values("Positions", "C8:R37"), []
    block = "\n".join(f"BTC\tcall\t{80_000 + n}" for n in range(12)) + "\n\n"
    go(page, "D30")
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.evaluate(CLIPBOARD, ["paste", block])
    settled(page)
    assert "12 rows; 8 fit from row 30 to 37" in asked[0]
    assert "`xlmargin new FOLDER --rows 34`" in page.inner_text("#status")
    assert page.inner_text("#status").startswith("Nothing was pasted")
    assert book.values("Positions", "C8:R37") == before
    page.once("dialog", lambda dialog: dialog.accept())
    page.evaluate(CLIPBOARD, ["paste", block])
    settled(page)
    assert [row[0] for row in book.values("Positions", "F30:F37")] == [80_000.0 + n for n in range(8)]
    undone(page)
    assert book.values("Positions", "C8:R37") == before
