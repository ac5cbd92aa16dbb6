"""The first sheet: purpose and use of the workbook, and the programs in which it has been tried."""

from __future__ import annotations

from typing import Any

from ..layout import ABOUT
from ..parts import Desk

WHAT = (
    "Portfolio margin of a book of crypto options, futures, perpetuals and spot, by the method you choose, with every "
    "figure traced down to the row it comes from.",
    "It calculates with the functions whose names begin with PM_. Excel has them through xlwings (xlmargin new),",
    "LibreOffice through its add-in (xlmargin install --libreoffice; without it cells show #NAME?); xlmargin open needs neither.",
)
HOW = (
    ("1", "Positions", "Type or paste the book. Instruments by a venue's own name, or by Underlying, Type, Strike, Expiry."),
    ("2", "Market", "Spots, forwards and vols. Clear As of to value at the present time."),
    ("3", "Parameters", "Choose the method; change its parameters, or clear them for the method's own."),
    ("4", "Scenarios", "The desk's own stress scenarios, and the moves of the P&L grid."),
    ("5", "Summary", "Read the headline numbers, each with the master check beside it and its reason one click away."),
    ("6", "Statement", "Follow a number down to the rows of Positions."),
    ("7", "Contributions", "What each row adds to the margin, and which leg is a hedge; Greeks has the greeks of each row."),
    ("8", "What-if", "Type trades: margins and deltas before and after, by several methods."),
    ("9", "Move", "Why the margin moved since the book and market of the sheet Yesterday."),
    ("10", "VaR", "Value at risk and expected shortfall of the book under the moves of the sheet History."),
    ("11", "Limits", "Status, limits with their headroom, liquidation prices; balances and limits stand on Account."),
    ("12", "Monitor", "The account now and over time; Reconcile holds a venue's own margins against ours."),
    ("13", "Source tables", "The source document's tables and claims beside its figures; their inputs stand on Source books."),
    ("14", "Checks", "Look here first when the master check fails: every fault is listed with its cure."),
)
SAMPLE = (
    "Positions, prices, vols, history and scenarios in this file are a sample, made up. No market data is in it.",
    "The parameters are illustrative: a demonstration set (price scan range 11 %, vol scan range 25 %, extreme move 2 × at "
    "35 %, one day ahead,",
    "spot in use) with which BTC comes to 2,078.23 and ETH to 132.46. No clearing house's figures.",
)
TRIED = (
    "Recalculated, every cell, in LibreOffice 25.2 and in the embedded engine of xlmargin.",
    "Not opened in Excel by those who made it: formulas keep to what Excel 2021 and 365 document. Tables of variable "
    "length need dynamic arrays.",
    "Rows: insert them inside a yellow area and its name grows; beyond what the tables hold, Checks fails and says which.",
    "A workbook with more rows: xlmargin new FOLDER --rows N. What is typed below an area fails Checks too.",
    "A function that cannot answer says so in one line that begins with #PM!, and the master check fails.",
    "Printing: long tables print their first rows alone, Statement its first 200 lines; set the print area to print more.",
)


COLOURS = (
    ("input", "to type in"),
    ("calculation", "calculated"),
    ("output", "a result"),
    ("unit", "units, above their column"),
    ("header", "headings"),
    ("fail", "FAIL, a loss, the worst"),
    ("pass", "PASS"),
    ("link", "a link to another sheet"),
    ("message", "a message: what is wrong, where, and how to mend it"),
)


def about(desk: Desk) -> None:
    """Purpose, use, version, sample, tried programs, and the meaning of the colours."""
    sheet = desk.sheet(ABOUT, "xlmargin", "Portfolio margin of crypto options books", "output", widths={"B:B": 16, "C:C": 18, "D:D": 120})
    sheet.write_string("B4", "Version", desk.style("label", bold=True))
    desk.formula(sheet, "C4", "=PM_VERSION()", "output")
    row = _lines(desk, sheet, 5, "What it is", WHAT)
    row = _section(desk, sheet, row, "How it is used")
    for number, page, text in HOW:
        sheet.write_string(row, 1, number, desk.style("text", align="right", indent=1))
        sheet.write_url(row, 2, f"internal:'{page}'!A1", desk.style("link"), page)
        sheet.write_string(row, 3, text, desk.style("text"))
        row += 1
    row = _lines(desk, sheet, row + 1, "Sample data", SAMPLE)
    row = _lines(desk, sheet, row, "What it has been tried in", TRIED)
    row = _section(desk, sheet, row, "How to read the colours")
    for style, text in COLOURS:
        sheet.write_string(row, 2, style, desk.style(style))
        sheet.write_string(row, 3, text, desk.style("text", indent=1))
        row += 1


def _section(desk: Desk, sheet: Any, row: int, title: str) -> int:
    """A heading with a line under it across the sheet; the next row."""
    sheet.write_string(row, 1, title, desk.style("section"))
    for column in (2, 3):
        sheet.write_blank(row, column, None, desk.style("section"))
    return row + 1


def _lines(desk: Desk, sheet: Any, row: int, title: str, texts: tuple[str, ...]) -> int:
    """A section of texts; the row after the blank one that follows it."""
    row = _section(desk, sheet, row, title)
    for text in texts:
        sheet.write_string(row, 1, text, desk.style("text"))
        row += 1
    return row + 1
