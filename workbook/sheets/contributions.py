"""The sheets on single rows: their contributions to the margin, in words and as bars, and their greeks."""

from __future__ import annotations

from typing import Any

from .. import desk_charts
from ..layout import CHECKS, CONTRIBUTIONS, GREEKS, LIMITS, STATEMENT
from ..parts import AMOUNT, COUNT, Desk

CALL = "PM_CONTRIBUTION(positions,market,contribution_method,parameters)"
OFF = "off: see the switches on the sheet Parameters"
HEADINGS = ("Row", "Instrument", "Notional", "Standalone", "Contribution", "Incremental")
UNITS = ("of Positions", "", "USD", "USD, the row alone", "USD, adds up to the margin", "USD, saved without the row")
TWO = '"#,##0.00"'
MISSING = "without it the margin would be "
SIZE = "#,##0.0#####_ ;-#,##0.0#####_ "
SHARE_DECIMALS = 3
PRINTED, PRINTED_GREEKS = 35, 40  # rows, which are one page


def contributions(desk: Desk) -> None:
    """The margin allocated to the rows of the book: those that add to it, and those that hedge the rest."""
    area, roles = desk.layout.contributions, desk.layout.roles
    sheet = desk.sheet(
        CONTRIBUTIONS,
        "Contributions",
        "What each row of the sheet Positions is of the margin: alone, as its share of the whole, and what would be saved "
        "without it. Contributions add up to the margin.",
        "output",
        widths={"B:B": 24, "C:C": 26, "D:G": 17, "H:H": 24, "I:I": 104},
    )
    _headlines(desk, sheet)
    sheet.insert_chart(11, 1, desk_charts.top_bars(desk), {"object_position": 3})
    for c, unit in enumerate((*UNITS, "which leg is a hedge", "")):
        sheet.write_string(
            area.row - 1, area.column + c, unit, desk.style("unit", align="left" if c in (1, 6) else "center" if c == 0 else "right")
        )
    sheet.set_row(area.row - 1, 28)
    call = f'IF(contribution_method="off","{OFF}",{CALL})'
    desk.reserved(sheet, area, call, [COUNT, "", *[AMOUNT] * 4], HEADINGS[0])
    for c, heading in enumerate(("Role", "In words")):
        sheet.write_string(roles.row, roles.column + c, heading, desk.style("header", indent=1))
    for r in range(1, area.rows):
        _words(desk, sheet, r)
    sheet.conditional_format(
        roles.body_column(0).near, {"type": "text", "criteria": "containing", "value": "hedge", "format": desk.style.condition("hedge")}
    )
    desk.losses(sheet, area.body.part(column=4), unless="FALSE")
    sheet.repeat_rows(area.row - 1, area.row)
    sheet.print_area(0, 0, area.row + PRINTED, roles.column + 1)


def _headlines(desk: Desk, sheet: Any) -> None:
    """The margin, the sum of the shares, the row that adds most and the one that saves most."""
    at = desk.layout
    names, share, saved = (at.contributions.body_column(c).near for c in (1, 4, 5))

    def row_of(column: str, which: str) -> str:
        return f'=IF(COUNT({column})=0,"",INDEX({names},MATCH({which}({column}),{column},0))&"")'

    lines = (
        ("Initial margin", "=initial_margin", AMOUNT),
        ("Sum of contributions", f"=SUM({share})", AMOUNT),
        ("Adds most", row_of(share, "MAX"), "General"),
        ("Saves most", row_of(saved, "MIN"), "General"),
        ("Counts as nothing", '=IF(ISNUMBER(initial_margin),share_rounding*MAX(ABS(initial_margin),1),"")', "0.0E+00"),
    )
    for r, (label, formula, pattern) in enumerate(lines):
        sheet.write_string(4 + r, 1, label, desk.style("label", bold=True))
        style = "output" if r < len(lines) - 1 else "calculation"
        desk.formula(sheet, f"C{5 + r}", formula, style, num_format=pattern, align="left")
    sheet.write_string("B10", "Decimals of a share", desk.style("label", bold=True))
    sheet.write_number("C10", SHARE_DECIMALS, desk.style("calculation", align="left"))
    sheet.write_string("D10", "0.001 is 0.1 %", desk.style("note"))
    sheet.write_url("D5", f"internal:'{STATEMENT}'!A1", desk.style("link"), "why: Statement")
    sheet.write_url("D6", f"internal:'{CHECKS}'!A1", desk.style("link"), "they add up: Checks")
    sheet.write_string("D9", "USD: a smaller change is rounding", desk.style("note"))


def _words(desk: Desk, sheet: Any, r: int) -> None:
    """Whether a row is a hedge, in one word and in a sentence: the words of `xlmargin.desk.contribution.in_words`.

    Numbers are rounded before they become text: the embedded engine's TEXT rounds small ones wrongly.
    """
    area = desk.layout.contributions
    name, share, saved, role, words = (area.cell(r, c).replace("$", "") for c in (1, 4, 5, 6, 7))
    least = "$C$9"
    of = f'IF(ABS(initial_margin)>{least},", "&TEXT(ROUND({share}/initial_margin,$C$10),"+0.0%;-0.0%")&" of the margin","")'
    needed, lower = (f'"{MISSING}"&TEXT(ROUND({sign}{saved},2),{TWO})&" {word}"' for sign, word in (("-", "higher"), ("", "lower")))
    cases = (
        ('"adds, hedges the rest"', f'{name}&" adds to the margin"&{of}&", yet hedges the rest: "&{needed}'),
        ('"hedge"', f'{name}&" is a hedge: "&{needed}'),
        ('"hedges in part"', f'{name}&" hedges in part: its share lowers the margin"&{of}&", but "&{lower}'),
        ('"adds"', f'{name}&" adds to the margin: "&{lower}&{of}'),
        ('"hedge by its share"', f'{name}&" is a hedge by its share"&{of}&", but {MISSING}the same"'),
        ('"neutral"', f'{name}&" is neutral: {MISSING}the same"&IF({share}>{least},{of},"")'),
    )
    for n, cell in enumerate((role, words)):
        a, b, c, d, e, f = (case[n] for case in cases)
        text = (
            f"IF({saved}<-{least},IF({share}>{least},{a},{b}),IF({saved}>{least},IF({share}<-{least},{c},{d}),"
            f"IF({share}<-{least},{e},{f})))"
        )
        known = f"AND(ISNUMBER({share}),ISNUMBER({least}))"
        desk.formula(sheet, cell, f'=IF({known},{text},"")', "calculation", indent=1)


def greeks(desk: Desk) -> None:
    """Greeks of every row, and of every coin."""
    area = desk.layout.greeks
    sheet = desk.sheet(
        GREEKS,
        "Greeks",
        "Mark, value and greeks of every row of the sheet Positions; below them the total of each coin. "
        "The sheet Limits holds them against limits.",
        "output",
        widths={"B:B": 13, "C:C": 26, "D:K": 15},
    )
    units = ("of Positions", "", "coins", "USD per coin", "USD", "USD", "coins", "coins per USD", "USD per vol point", "USD a day")
    for c, unit in enumerate(units):
        sheet.write_string(area.row - 1, area.column + c, unit, desk.style("unit", align="center" if c == 0 else "right"))
    sheet.set_row(area.row - 1, 28)
    formats = [COUNT, "", SIZE, AMOUNT, AMOUNT, AMOUNT, SIZE, "#,##0.000000_ ;-#,##0.000000_ ", AMOUNT, AMOUNT]
    desk.reserved(sheet, area, "PM_GREEKS(positions,market)", formats, "Row")
    sheet.write_url("E3", f"internal:'{LIMITS}'!A1", desk.style("link"), "against limits: Limits")
    first = area.body.cell(0, 0).replace("$", "")
    sheet.conditional_format(
        area.body.near, {"type": "formula", "criteria": f'=${first}="Total"', "format": desk.style.condition("chosen")}
    )
    sheet.freeze_panes(area.row + 1, 3)
    sheet.repeat_rows(area.row - 1, area.row)
    sheet.print_area(0, 0, area.row + PRINTED_GREEKS, area.column + area.columns - 1)


def sizes(desk: Desk, sheet: Any) -> None:
    """The columns behind the bars of contributions: the rows in order of size, hedges in a separate column.

    Of two rows of one size the earlier comes first: the later counts as smaller by a rounding.
    """
    at = desk.layout
    desk.header(sheet, at.sizes, ("Size",), formats=(AMOUNT,))
    for r in range(1, at.sizes.rows):
        share, cell = at.contributions.loose(r, 4), at.sizes.cell(r, 0).replace("$", "")
        place = f"ROW({cell})-ROW({at.sizes.cell(0, 0)})"
        desk.formula(
            sheet,
            cell,
            f'=IF(ISNUMBER({share}),IF({share}=0,"",-ABS({share})*(1-share_rounding*({place}))),"")',
            "calculation",
            num_format=AMOUNT,
        )
    _top(desk, sheet)


def _top(desk: Desk, sheet: Any) -> None:
    at, area = desk.layout, desk.layout.top_bars
    headings = ("No", "Row", "Place", "adds to the margin", "hedges the rest, or lowers it")
    desk.header(sheet, area, headings, formats=(COUNT, "", COUNT, AMOUNT, AMOUNT))
    size = at.sizes.body.near
    names, shares, roles = (at.contributions.body_column(1).ref, at.contributions.body_column(4).ref, at.roles.body_column(0).ref)
    for r in range(1, area.rows):
        number, label, place, adds, hedges = (area.cell(r, c).replace("$", "") for c in range(5))
        sheet.write_number(number, r, desk.style("calculation", align="center"))
        found = f'=IF(COUNT({size})<{number},"",MATCH(SMALL({size},{number}),{size},0))'
        desk.formula(sheet, place, found, "calculation", align="center")
        desk.formula(sheet, label, f'=IF({place}="","",INDEX({names},{place})&"")', "calculation")
        hedge = f'ISNUMBER(FIND("hedge",INDEX({roles},{place})))'
        for cell, wanted in ((adds, "FALSE"), (hedges, "TRUE")):
            desk.formula(
                sheet, cell, f'=IF({place}="","",IF({hedge}={wanted},INDEX({shares},{place}),""))', "calculation", num_format=AMOUNT
            )
