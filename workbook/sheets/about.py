"""The first sheet: purpose and use of the workbook, and the programs in which it has been tried."""

from __future__ import annotations

from typing import Any

from xlmargin.sheet.answers import margins

from ..layout import SOURCE_TABLES, Area
from ..parts import Desk
from .content import FITTED, samples

WHAT = (
    "Portfolio margin of a book of crypto options, futures, perpetuals and spot, by the method you choose, with every "
    "figure traced down to the row it comes from.",
    "It calculates with the functions whose names begin with PM_. Excel has them through xlwings (xlmargin new),",
    "LibreOffice through its add-in (xlmargin install --libreoffice; without it cells show #NAME?); xlmargin open needs neither.",
)
HOW = (
    ("Positions", "Type or paste the book. Instruments by a venue's own name, or by Underlying, Type, Strike, Expiry."),
    ("Market", "Spots, forwards and vols. Clear As of to value at the present time."),
    ("Parameters", "Choose the method; change its parameters, or clear them for the method's own; the desk's scenarios stand beside them."),
    ("Summary", "Read the headline numbers, each with the master check beside it and its reason one click away."),
    ("Statement", "Follow a number down to the rows of Positions."),
    ("Contributions", "What each row adds to the margin, and which leg is a hedge; beside it the greeks of each row."),
    ("What-if", "Type trades: margins and deltas before and after, by several methods."),
    ("Move", "Why the margin moved since the earlier book and market pasted beside it."),
    ("VaR", "Value at risk and expected shortfall of the book under the moves of the history beside it."),
    ("Limits", "Status, limits with their headroom, liquidation prices, the account over time; balances and limits are typed on Account."),
    ("Comparison", "The book under every method; below it a venue's own margins against ours."),
    ("Source tables", "The source document's tables and claims beside its figures; their inputs stand on Source books."),
    ("Checks", "Look here first when the master check fails: every fault is listed with its cure."),
)
SAMPLE = (
    "A sample, made up, stands where the list below says so: no market data is in it. Type your own over it; xlmargin new FOLDER "
    "--empty writes a workbook without one.",
)
FITTED_SET = (
    f"The parameters of the sample are {FITTED} of SPAN, illustrative (price scan range 11 %, vol scan range 25 %, extreme move 2 × at "
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
    "Printing: each part of a sheet on pages of its own; long tables their first rows alone: set the print area to print more.",
)


LINE, LINES = 13, 4  # points of a line; lines that a method has room for at least
EVIDENCE, MISSING = 62, 40  # letters that a line of these columns has at least
STANDS, OWN = "sample", "your own, or empty"
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


def methods(desk: Desk) -> None:
    """The methods of the installed version: the scope of each, and the parts not modelled."""
    area = desk.layout.methods
    sheet = desk.part(area, "Methods", "What each covers, what it rests on, and what it leaves out, in the installed version.", {})
    desk.reserved(sheet, area, "PM_METHODS()", [""] * 8, "Method", message=area.bare(-3, 1), lined=True)
    told = margins.methods()[1:]
    lines = [max(len(str(line[3])) // EVIDENCE, len(str(line[4])) // MISSING) + 1 for line in told]
    for r in range(1, area.rows):
        sheet.set_row(area.row + r, LINE * max([LINES, *lines[r - 1 : r]]))
        for c in range(area.columns):
            sheet.write_blank(area.row + r, area.column + c, None, desk.style("calculation", text_wrap=True, valign="top"))


def version(desk: Desk) -> Area:
    """The cell with the version of the functions."""
    return desk.layout.about.part(row=2, column=1, rows=1, columns=1)


def about(desk: Desk) -> None:
    """Purpose, use, version, sample, tried programs, and the meaning of the colours."""
    area = desk.layout.about
    sheet = desk.book.get_worksheet_by_name(area.sheet)
    sheet.write_string(area.row, 1, "About this workbook", desk.style("title"))
    sheet.write_string(area.row + 2, 1, "Version of xlmargin", desk.style("label", bold=True))
    desk.formula(sheet, version(desk).bare(0, 0), "=PM_VERSION()", "output")
    row = _lines(desk, sheet, area.row + 5, "What it is", WHAT)
    if desk.content.positions:
        row = _samples(desk, sheet, row)
    row = _section(desk, sheet, row, "How it is used")
    pages = [(page, text) for page, text in HOW if desk.content.sources or page != SOURCE_TABLES]
    for page, text in pages:
        sheet.write_url(row, 1, f"internal:'{page}'!A1", desk.style("link"), page)
        sheet.write_string(row, 2, text, desk.style("text"))
        row += 1
    row = _lines(desk, sheet, row + 1, "What it has been tried in", TRIED)
    row = _section(desk, sheet, row, "How to read the colours")
    for style, text in COLOURS:
        sheet.write_string(row, 1, style, desk.style(style, locked=True))
        sheet.write_string(row, 2, text, desk.style("text", indent=1))
        row += 1


def _said(desk: Desk) -> tuple[str, ...]:
    return (*SAMPLE, *(FITTED_SET if desk.content.parameters else ()))


def _stands(desk: Desk) -> tuple[Area, list[tuple[str, str, str]]]:
    """The cells that say where a sample stands, and for each its sheet, the part of it and the condition."""
    found = samples(desk.content, desk.layout)
    first = desk.layout.about
    return Area(first.sheet, first.row + 5 + len(WHAT) + 2 + 1 + len(_said(desk)), 2, len(found), 1), found


def _samples(desk: Desk, sheet: Any, row: int) -> int:
    """The section of the sample: what it is, and for each sheet whether a row of it still stands; the row after it."""
    _lines(desk, sheet, row, "Sample data", _said(desk))
    area, found = _stands(desk)
    for r, (page, part, condition) in enumerate(found):
        sheet.write_url(area.row + r, 1, f"internal:'{page}'!A1", desk.style("link"), page + part)
        desk.formula(sheet, area.bare(r, 0), f'=IF({condition},"{STANDS}","{OWN}")', "calculation")
    return area.row + area.rows + 1


def sample_note(desk: Desk) -> str:
    """The formula of the line that says on which sheets a sample stands; no formula in a workbook without one."""
    area, found = _stands(desk)
    words = "&".join(f'IF({area.far(r, 0)}="{STANDS}"," · {page}{part}","")' for r, (page, part, _) in enumerate(found))
    return f'=IF(COUNTIF({area.ref},"{STANDS}")=0,"","Sample data on"&{words})' if found else ""


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
