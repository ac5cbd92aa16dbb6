"""The sheets of changes: hypothetical trades under several methods, and the causes of a margin move since an earlier time."""

from __future__ import annotations

from typing import Any

from .. import desk_charts, sample
from ..layout import CAUSES, CHECKS, MARKET_HEADINGS, MOVE_CHECK, MOVE_SHEET, OTHER_METHODS, POSITION_HEADINGS, STATEMENT, WHAT_IF, Area
from ..parts import AMOUNT, Desk
from .inputs import MARKET_FORMATS, MARKET_UNITS, POSITION_FORMATS, POSITION_UNITS

MEASURES = ("Initial margin", "Maintenance margin")
SIDES = ("before", "after", "change")
PRINTED, PRINTED_BEFORE = 14, 30  # rows: of the table of a method, which has one for each coin; of the earlier book


def what_if(desk: Desk) -> None:
    """Trades to type, and the margins before and after them by several methods."""
    at, area = desk.layout, desk.layout.what_if
    sheet = desk.sheet(
        WHAT_IF,
        "What-if",
        "The book with the trades typed below, before they are done: each margin and net delta before, after and the change, "
        "by the chosen method and by three more.",
        "output",
        widths={"B:B": 13, "C:C": 24, "D:F": 13, "G:G": 20, "H:J": 13, "K:K": 20, "L:N": 13, "O:O": 20, "P:R": 13},
    )
    headings = ("Method", *(f"{words} {side}" for words in ("Initial", "Maintenance") for side in SIDES), "Message")
    units = ("the first is the chosen one", *["USD"] * 6, "")
    desk.header(sheet, area, headings, units, ("", *[AMOUNT] * 6, ""))
    sheet.set_row(area.row, 30)
    for n in range(OTHER_METHODS + 1):
        _method(desk, sheet, n)
    others = area.part(row=2, columns=1)
    desk.inputs(sheet, others, [[name] for name in sample.WHATIF_METHODS], [""])
    sheet.data_validation(others.near, {"validate": "list", "source": "=method_names", "error_type": "warning"})
    sheet.write_url("E3", f"internal:'{STATEMENT}'!A1", desk.style("link"), "why: Statement")
    desk.losses(sheet, area.body.part(column=1, columns=6), unless="FALSE")
    sheet.insert_chart(area.row + area.rows + 1, 2, desk_charts.before_and_after(desk), {"object_position": 3})
    desk.section(sheet, at.trades.row - 2, 2, "Trades to try" + desk.content.said(": type over the sample"), at.trades.columns)
    desk.header(sheet, at.trades, POSITION_HEADINGS, POSITION_UNITS, POSITION_FORMATS)
    desk.inputs(sheet, at.trades.body, desk.content.trades, POSITION_FORMATS)
    sheet.print_area(0, 0, at.blocks.row + PRINTED, at.trades.column + at.trades.columns - 1)


def _method(desk: Desk, sheet: Any, n: int) -> None:
    """The table of one method, and its line above."""
    area, block = desk.layout.what_if, desk.layout.block(n)
    line = [area.bare(n + 1, c) for c in range(area.columns)]
    if n == 0:
        desk.formula(sheet, line[0], "=method", "calculation", bold=True)
    call = f"PM_WHATIF(positions,trades,market,{'method' if n == 0 else f'whatif_method_{n}'},parameters,history)"
    title = f"{block.cell(-2, 0)}".replace("$", "")
    desk.formula(sheet, title, f'={line[0]}&""', "section")
    for c in range(1, block.columns):
        sheet.write_blank(block.row - 2, block.column + c, None, desk.style("section"))
    for c, unit in enumerate(("", "USD, deltas in coins", "USD, deltas in coins", "USD, deltas in coins")):
        sheet.write_string(block.row - 1, block.column + c, unit, desk.style("unit", align="right", text_wrap=False))
    desk.reserved(sheet, block, call, ["", *[AMOUNT] * 3], "Measure", message=line[7])
    for r in range(1, block.rows):
        sheet.write_blank(block.row + r, block.column, None, desk.style("calculation", indent=1))
    names = block.body_column(0).near
    for c, (measure, side) in enumerate(((measure, side) for measure in MEASURES for side in range(3)), 1):
        found = f'INDEX({block.body_column(side + 1).near},MATCH("{measure}",{names},0))'
        desk.formula(sheet, line[c], f'=IFERROR({found},"")', "output", num_format=AMOUNT)


def yesterday(desk: Desk) -> None:
    """The book and the market of an earlier time, to paste."""
    at = desk.layout
    sheet = desk.part(
        at.positions_before,
        "The book of an earlier time",
        f"{desk.content.said('SAMPLE. ')}Paste it as values from the sheet Positions, and its market beside it.",
        widths={"I:J": 2, "K:K": 22, "L:Z": 11, "AA:AA": 2, "AB:AC": 12, "AD:AD": 14, "AE:AH": 11, "AI:AI": 18},
    )
    desk.part(at.market_before, "The market of that time", "From the sheet Market, as values; As of must be given.", {})
    for area, headings, units, formats, lines in (
        (at.positions_before, POSITION_HEADINGS, POSITION_UNITS, POSITION_FORMATS, desk.content.positions_before),
        (at.market_before, MARKET_HEADINGS, MARKET_UNITS, MARKET_FORMATS, desk.content.market_before),
    ):
        desk.header(sheet, area, headings, units, formats)
        desk.inputs(sheet, area.body, lines, formats)


def move(desk: Desk) -> None:
    """The change of the margin by cause; the causes add up to it."""
    area, ends = desk.layout.move, desk.layout.move_ends
    sheet = desk.sheet(
        MOVE_SHEET,
        "Why did the margin move",
        "From the earlier book and market on the right to those of now, one cause after the other; the causes add up to the change.",
        "output",
        widths={"B:B": 34, "C:C": 18, "D:D": 50, "E:H": 14},
    )
    sheet.write_string(area.row - 1, area.column + 1, "USD", desk.style("unit", align="right"))
    desk.reserved(sheet, area, "PM_MOVE(positions,market,positions_before,market_before,method,parameters,history)", ["", AMOUNT], "Cause")
    desk.losses(sheet, area.body_column(1), unless="FALSE")
    rows = (
        ("Initial margin then", "=PM_MARGIN(positions_before,market_before,method,parameters,history)", "of the book on the right"),
        ("Causes together", f"=SUM({area.body_column(1).near})", "the sum of the table above"),
        ("Initial margin now", "=initial_margin", ""),
        ("They add up", f"={desk.layout.checks.far(MOVE_CHECK, 4)}", ""),
    )
    for r, (label, formula, note) in enumerate(rows):
        sheet.write_string(ends.row + r, 1, label, desk.style("label", bold=True))
        desk.formula(sheet, ends.bare(r, 1), formula, "output", num_format=AMOUNT, align="right")
        if note:
            sheet.write_string(ends.row + r, 3, note, desk.style("note", indent=1))
    desk.verdicts(sheet, ends.cell(3, 1))
    sheet.write_url(ends.row + 3, 3, f"internal:'{CHECKS}'!A1", desk.style("link", indent=1), "why: Checks")
    desk.signpost(sheet, "E3", desk.layout.positions_before, "the earlier book →")
    desk.signpost(sheet, "G3", desk.layout.market_before, "its market →")
    sheet.insert_chart(ends.row + ends.rows + 1, 1, desk_charts.move_bars(desk), {"object_position": 3})
    book, market = desk.layout.positions_before, desk.layout.market_before
    earlier = [Area(MOVE_SHEET, one.row - 3, one.column, min(one.rows, PRINTED_BEFORE) + 3, one.columns) for one in (book, market)]
    desk.print_parts(sheet, Area(MOVE_SHEET, 0, 0, desk.layout.move_bars.row - 3, 8), *earlier)


def move_data(desk: Desk) -> None:
    """The columns behind the bars: the earlier margin, each cause from the end of the one before, the present margin."""
    area, causes, ends = desk.layout.move_bars, desk.layout.move, desk.layout.move_ends
    sheet = desk.drawn(area)
    desk.header(sheet, area, ("Cause", "Reached", "below", "adds", "takes off", "margin"), formats=("", *[AMOUNT] * 5))
    then, now = ends.far(0, 1), ends.far(2, 1)
    for r in range(1, area.rows):
        label, reached, below, adds, takes, total = (area.bare(r, c) for c in range(6))
        before = area.bare(r - 1, 1)
        if r in (1, CAUSES + 2):
            value = then if r == 1 else now
            texts = ('"then"' if r == 1 else '"now"', value, '""', '""', '""', value)
            known = f"ISNUMBER({value})"
        else:
            amount = causes.loose(r - 1, 1)
            known = f"AND(ISNUMBER({amount}),ISNUMBER({before}))"
            texts = (
                causes.loose(r - 1, 0),
                f"{before}+{amount}",
                f"MIN({before},{reached})",
                f"MAX({amount},0)",
                f"MAX(-{amount},0)",
                '""',
            )
        for cell, text in zip((label, reached, below, adds, takes, total), texts):
            more = {} if cell == label else {"num_format": AMOUNT}
            desk.formula(sheet, cell, f'=IF({known},{text},"")', "calculation", **more)
