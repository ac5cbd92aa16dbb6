"""The sheets on single rows: their contributions to the margin, in words and as bars, and their greeks."""

from __future__ import annotations

from typing import Any

from .. import desk_charts
from ..layout import CHECKS, CONTRIBUTIONS, LIMITS, STATEMENT, Area
from ..parts import AMOUNT, COUNT, Desk
from ..styles import TITLE_LINE
from ..tables import is_number

CALL = "PM_CONTRIBUTION(positions,market,contribution_method,parameters,history)"
OFF = "off: see the switches on the sheet Parameters"
HEADINGS = ("Row", "Instrument", "Notional", "Standalone", "Contribution", "Incremental")
UNITS = ("of Positions", "", "USD", "USD, the row alone", "USD, adds up to the margin", "USD, saved without the row")
TWO = '"#,##0.00"'
MISSING = "without it the margin would be "
SIZE = "#,##0.0#####_ ;-#,##0.0#####_ "
ROUNDINGS = (("Rounding of a share", 0.001, "0.001 is 0.1 %"), ("Rounding of an amount", 0.01, "USD, in the words below"))
PRINTED = 35  # rows, which are one page


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
    for c, unit in enumerate((*UNITS, "  which leg is a hedge", "")):
        sheet.write_string(
            area.row - 1, area.column + c, unit, desk.style("unit", align="left" if c in (1, 6) else "center" if c == 0 else "right")
        )
    sheet.set_row(area.row - 1, 28)
    call = f'IF(contribution_method="off","{OFF}",{CALL})'
    desk.reserved(sheet, area, call, [COUNT, "", *[AMOUNT] * 4], HEADINGS[0])
    for c, heading in enumerate(("Role", "In words")):
        sheet.write_string(roles.row, roles.column + c, heading, desk.style("header", indent=1))
    _words(desk, sheet)
    sheet.conditional_format(
        roles.body_column(0).near, {"type": "text", "criteria": "containing", "value": "hedge", "format": desk.style.condition("hedge")}
    )
    desk.losses(sheet, area.body.part(column=4), unless="FALSE")
    greeks = desk.layout.greeks
    main = Area(CONTRIBUTIONS, 0, 0, area.row + PRINTED + 1, roles.column + roles.columns)
    desk.print_parts(sheet, main, Area(CONTRIBUTIONS, greeks.row - 3, greeks.column, PRINTED + 4, greeks.columns))
    desk.signpost(sheet, "E3", desk.layout.greeks, "Greeks →")
    sheet.repeat_rows(area.row - 1, area.row)


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
    for row, (label, value, note) in enumerate(ROUNDINGS, 9):
        sheet.write_string(row, 1, label, desk.style("label", bold=True))
        sheet.write_number(row, 2, value, desk.style("calculation", align="left"))
        sheet.write_string(row, 3, note, desk.style("note"))
    sheet.write_url("D5", f"internal:'{STATEMENT}'!A1", desk.style("link"), "why: Statement")
    sheet.write_url("D6", f"internal:'{CHECKS}'!A1", desk.style("link"), "they add up: Checks")
    sheet.write_string("D9", "USD: a smaller change is rounding", desk.style("note"))


def _words(desk: Desk, sheet: Any) -> None:
    """Whether a row is a hedge, in one word and in a sentence: the words of `xlmargin.desk.contribution.in_words`.

    Numbers are rounded before they become text: the embedded engine's TEXT rounds small ones wrongly, and its ROUND does not go
    through arrays.
    """
    area, roles = desk.layout.contributions, desk.layout.roles
    name, share, saved = (area.body_column(c).near for c in (1, 4, 5))
    least = "$C$9"

    def rounded(number: str, cell: str, pattern: str) -> str:
        return f"TEXT(INT({number}/{cell}+1/2)*{cell},{pattern})"

    part = rounded(f"IF({is_number(share)},{share},0)/initial_margin", "$C$10", '"+0.0%;-0.0%"')
    of = f'IF(ABS(initial_margin)>{least},", "&{part}&" of the margin","")'
    amounts = (f"IF({is_number(saved)},{sign}{saved},0)" for sign in ("-", ""))
    needed, lower = (f'"{MISSING}"&{rounded(amount, "$C$11", TWO)}&" {word}"' for amount, word in zip(amounts, ("higher", "lower")))
    cases = (
        ('"adds, hedges the rest"', f'{name}&" adds to the margin"&{of}&", yet hedges the rest: "&{needed}'),
        ('"hedge"', f'{name}&" is a hedge: "&{needed}'),
        ('"hedges in part"', f'{name}&" hedges in part: its share lowers the margin"&{of}&", but "&{lower}'),
        ('"adds"', f'{name}&" adds to the margin: "&{lower}&{of}'),
        ('"hedge by its share"', f'{name}&" is a hedge by its share"&{of}&", but {MISSING}the same"'),
        ('"neutral"', f'{name}&" is neutral: {MISSING}the same"&IF({share}>{least},{of},"")'),
    )
    for n in range(roles.columns):
        a, b, c, d, e, f = (case[n] for case in cases)
        text = (
            f"IF({saved}<-{least},IF({share}>{least},{a},{b}),IF({saved}>{least},IF({share}<-{least},{c},{d}),"
            f"IF({share}<-{least},{e},{f})))"
        )
        desk.array(sheet, roles.body_column(n), f'=IF(ISNUMBER({least}),IF({is_number(share)},{text},""),"")', "calculation", indent=1)


def greeks(desk: Desk) -> None:
    """Greeks of every row, and of every coin."""
    area = desk.layout.greeks
    sheet = desk.part(
        area,
        "Greeks",
        "Mark, value and greeks of every row of the sheet Positions; below them the total of each coin. "
        "The sheet Limits holds them against limits.",
        widths={"J:J": 2, "K:K": 13, "L:L": 26, "M:T": 15, "U:U": 2, "V:V": 13},
    )
    units = ("of Positions", "", "coins", "USD per coin", "USD", "USD", "coins", "coins per USD", "USD per vol point", "USD a day")
    for c, unit in enumerate(units):
        sheet.write_string(area.row - 1, area.column + c, unit, desk.style("unit", align="center" if c == 0 else "right"))
    formats = [COUNT, "", SIZE, AMOUNT, AMOUNT, AMOUNT, SIZE, "#,##0.000000_ ;-#,##0.000000_ ", AMOUNT, AMOUNT]
    desk.reserved(sheet, area, "PM_GREEKS(positions,market)", formats, "Row", message=area.bare(-3, 1), lined=True)
    sheet.write_url(area.row - 3, area.column + 4, f"internal:'{LIMITS}'!A1", desk.style("link", **TITLE_LINE), "against limits: Limits")
    first = area.body.bare(0, 0)
    sheet.conditional_format(
        area.body.near, {"type": "formula", "criteria": f'=${first}="Total"', "format": desk.style.condition("chosen")}
    )


def sizes(desk: Desk) -> None:
    """The columns behind the bars of contributions: the rows in order of size, hedges in a separate column.

    Of two rows of one size the earlier comes first: the later counts as smaller by a rounding.
    """
    at = desk.layout
    sheet = desk.drawn(at.top_bars, at.sizes, widths={"W:W": 2, "X:X": 8, "Y:Y": 30, "Z:Z": 8, "AA:AA": 18, "AB:AB": 28})
    desk.header(sheet, at.sizes, ("Size",), formats=(AMOUNT,))
    share, place = at.contributions.body_column(4).ref, f"(ROW({at.sizes.body.near})-ROW({at.sizes.cell(0, 0)}))"
    size = f'IF({share}=0,"",-ABS({share})*(1-share_rounding*{place}))'
    desk.array(sheet, at.sizes.body, f'=IF({is_number(share)},{size},"")', "calculation", [AMOUNT])
    _top(desk, sheet)


def _top(desk: Desk, sheet: Any) -> None:
    at, area = desk.layout, desk.layout.top_bars
    headings = ("No", "Row", "Place", "adds to the margin", "hedges the rest, or lowers it")
    desk.header(sheet, area, headings, formats=(COUNT, "", COUNT, AMOUNT, AMOUNT))
    size = at.sizes.body.near
    names, shares, roles = (at.contributions.body_column(1).ref, at.contributions.body_column(4).ref, at.roles.body_column(0).ref)
    for r in range(1, area.rows):
        number, label, place, adds, hedges = (area.bare(r, c) for c in range(5))
        sheet.write_number(number, r, desk.style("calculation", align="center"))
        found = f'=IF(COUNT({size})<{number},"",MATCH(SMALL({size},{number}),{size},0))'
        desk.formula(sheet, place, found, "calculation", align="center")
        desk.formula(sheet, label, f'=IF({place}="","",INDEX({names},{place})&"")', "calculation")
        hedge = f'ISNUMBER(FIND("hedge",INDEX({roles},{place})))'
        for cell, wanted in ((adds, "FALSE"), (hedges, "TRUE")):
            desk.formula(
                sheet, cell, f'=IF({place}="","",IF({hedge}={wanted},INDEX({shares},{place}),""))', "calculation", num_format=AMOUNT
            )
