"""The sheets to read: risk array, P&L grid, comparison, statement."""

from __future__ import annotations

from typing import Any

from .. import charts
from ..layout import COMPARISON, RISK, STATEMENT, Area, Layout
from ..parts import AMOUNT, COUNT, MOVE, Desk
from ..tables import by_coins, by_levels, hides_coins, hides_scenarios, is_number

CASE = "positions,market,method,parameters,history"
WHY = "why: Statement"
STATEMENT_LEVELS, PRINTED_LINES = 9, 200
PRINTED_SCENARIOS = 26
PROFILE_ROWS = 24  # of the picture below the P&L grid
NOTE_HEIGHT = 42  # points of a row whose note takes three lines


def worst_scenario(at: Layout) -> str:
    """The name of the worst scenario, as a formula; where nothing moves the book there is none."""
    totals, worst = at.scenario_bars.body_column(2).ref, at.worst_bars.far(1, 1)
    return f'IF(AND(COUNT({totals})>0,MIN({totals})=0,MAX({totals})=0),"none",{worst})'


def risk_array(desk: Desk) -> None:
    """Profit and loss in every scenario by coin, the worst one marked."""
    area = desk.layout.risk
    sheet = desk.sheet(
        RISK,
        "Risk array",
        "Profit and loss of the book in every scenario of the method, by coin; gains are "
        "positive, after weights. Scanning risk is the sum of the worst losses of each coin.",
        "output",
        widths={"B:B": 16, "C:C": 12, "D:D": 32, "E:G": 11.5, "H:P": 11.5},
    )
    for r, (label, formula, pattern) in enumerate(
        (
            ("Initial margin", "=initial_margin", AMOUNT),
            ("Scanning risk", "=scanning_risk", AMOUNT),
            ("Worst scenario", f"={worst_scenario(desk.layout)}", "General"),
        )
    ):
        sheet.write_string(4 + r, 1, label, desk.style("label", bold=True))
        desk.formula(sheet, f"C{5 + r}", formula, "output", num_format=pattern, align="left")
        sheet.write_blank(4 + r, 3, None, desk.style("output"))
    sheet.write_url("E5", f"internal:'{STATEMENT}'!A1", desk.style("link"), WHY)
    desk.signpost(sheet, "E3", desk.layout.grid, "P&L grid →")
    sheet.insert_chart(8, 1, charts.scenario_bars(desk, wide=True), {"object_position": 3})
    formats = [COUNT, "", MOVE, MOVE, "0.00_ ", *[AMOUNT] * (area.columns - 5)]
    desk.units(sheet, area, ("", "", "fraction", "fraction", "of the P&L", *["USD"] * (area.columns - 5)), coins=5)
    more = area.cell(0, area.columns - 2)
    milder = f"INDEX({area.body_column(1).near},COUNT({desk.layout.scenario_bars.body_column(2).ref})+1)"
    hidden = (
        f'IF({hides_coins(area)},{more}&" are in the total, not shown: the risk array in an empty sheet shows them. ","")'
        f'&IF({hides_scenarios(area)},{milder},"")'
    )
    desk.reserved(sheet, area, f"PM_RISK_ARRAY({CASE})", formats, "Scenario", lay=by_coins, cut=hidden)
    desk.losses(sheet, area.body.part(column=5), unless=f'$B{area.row + 2}="worst"')
    _worst_by_coin(desk, sheet)
    _mark_worst(desk, sheet)
    sheet.repeat_rows(area.row)
    main = Area(RISK, 0, 0, area.row + PRINTED_SCENARIOS + 1, area.column + area.columns)
    grid = desk.layout.grid
    table = Area(RISK, grid.row - 3, grid.column, grid.rows + 3, grid.columns)
    picture = Area(RISK, grid.row + grid.rows + 1, grid.column, PROFILE_ROWS, grid.columns)
    desk.print_parts(sheet, main, table, picture)


def _worst_by_coin(desk: Desk, sheet: Any) -> None:
    """The row above the risk array: the terms of the scanning risk."""
    area, headings = desk.layout.risk, desk.layout.risk.part(rows=1)
    sheet.write_string(area.row - 2, 1, "Worst loss by coin", desk.style("label", bold=True))
    for c in range(5, area.columns):
        top, down = headings.bare(0, c), area.body_column(c).near.replace("$", "")
        desk.formula(
            sheet,
            area.bare(-2, c),
            f'=IF(OR({top}="",{top}="Total",COUNT({down})=0),"",MAX(0,-MIN({down})))',
            "calculation",
            num_format=AMOUNT,
        )
    worst = Area(RISK, area.row - 2, area.column + 5, 1, area.columns - 5)
    first = worst.bare(0, 0)
    sheet.conditional_format(worst.near, {"type": "formula", "criteria": f"=LEN({first})>0", "format": desk.style.condition("chosen")})


def _mark_worst(desk: Desk, sheet: Any) -> None:
    """Mark the scenario with the worst total by a word next to it and a colour."""
    area, totals = desk.layout.risk, desk.layout.scenario_bars.body_column(2)
    sheet.write_string(area.row, 1, "Mark", desk.style("header"))
    least, most = f"MIN({totals.ref})", f"MAX({totals.ref})"
    one = f"({totals.ref}={least})*(({least}<{most})+(COUNT({totals.ref})=1)>0)"  # of equal ones, as of no book, none is the worst
    worst = f'=IF({is_number(totals.ref)},IF({one},"worst",""),"")'
    desk.array(sheet, Area(RISK, area.row + 1, 1, area.rows - 1, 1), worst, "fail")
    whole = Area(RISK, area.row + 1, 1, area.rows - 1, area.columns + 1)
    sheet.conditional_format(
        whole.near,
        {"type": "formula", "criteria": f'=AND($B{area.row + 2}="worst",B{area.row + 2}<>"")', "format": desk.style.condition("worst")},
    )


def pnl_grid(desk: Desk) -> None:
    """Profit and loss by price move and vol move, as a heat map and as a profile."""
    area = desk.layout.grid
    sheet = desk.part(
        area,
        "P&L grid",
        "Price moves down, vol moves across, spot in full; the moves are typed on the sheet Parameters.",
        widths={"Q:R": 2, "S:S": 22, "T:X": 14, "Y:Y": 2},
    )
    sheet.write_string(area.row - 1, area.column, "price down, vol across", desk.style("unit"))
    sheet.write_string(area.row - 1, area.column + 1, "USD", desk.style("unit", align="right"))
    desk.reserved(
        sheet,
        area,
        "PM_PNL_GRID(positions,grid_price_moves,grid_vol_moves,grid_days,market)",
        ["+0%_ ;-0%_ ;0%_ ", *[AMOUNT] * (area.columns - 1)],
        "Price move / Vol move",
        message=area.bare(-3, 1),
        lined=True,
    )
    for c in range(1, area.columns):  # the header row is the vol moves themselves
        sheet.write_blank(
            area.row, area.column + c, None, desk.style("calculation", num_format='"vol "+0%_ ;"vol "-0%_ ;"vol "0%_ ', align="right")
        )
    sheet.conditional_format(
        area.body.part(column=1).near,
        {
            "type": "3_color_scale",
            "min_color": "#FCD5B4",
            "mid_color": "#FFFFFF",
            "max_color": "#CFE3F3",
            "mid_type": "num",
            "mid_value": 0,
        },
    )
    sheet.insert_chart(area.row + area.rows + 1, area.column, charts.profile(desk, wide=True), {"object_position": 3})


def comparison(desk: Desk) -> None:
    """The same book under every method, each with its status."""
    area = desk.layout.comparison
    sheet = desk.sheet(
        COMPARISON,
        "Comparison",
        "The same book under every method that can answer. Status says what a figure rests "
        "on: verified, published, estimate or illustrative. All are held against ISOLATED, or the parameter reference.",
        "output",
        widths={"B:B": 22, "C:C": 22, "D:D": 16, "E:E": 18, "F:F": 19, "G:G": 20, "H:H": 15, "I:I": 84},
    )
    desk.units(sheet, area, ("", "USD", "USD", "USD", "USD over reference", "of reference"))
    sheet.set_row(area.row - 1, 26)
    desk.reserved(
        sheet, area, "PM_COMPARE(positions,market,compare_methods,parameters,history)", ["", *[AMOUNT] * 4, "0.0%_ ", "", ""], "Method"
    )
    for r in range(1, area.rows):
        sheet.set_row(area.row + r, NOTE_HEIGHT)
        sheet.write_blank(area.row + r, area.column + area.columns - 1, None, desk.style("calculation", text_wrap=True))
    first = area.body.bare(0, 0)
    state = area.body.bare(0, 6)
    sheet.conditional_format(
        area.body_column(6).near,
        {"type": "formula", "criteria": f'=OR({state}="estimate",{state}="illustrative")', "format": desk.style.condition("loss")},
    )
    sheet.conditional_format(
        area.body.near, {"type": "formula", "criteria": f'=${first}="RULES"', "format": desk.style.condition("reference")}
    )
    sheet.conditional_format(area.body.near, {"type": "formula", "criteria": f"=${first}=method", "format": desk.style.condition("chosen")})
    sheet.insert_chart(4, 1, charts.method_bars(desk), {"object_position": 3})
    desk.signpost(sheet, "E3", desk.layout.theirs, "a venue's own margins ↓", above=4)
    theirs, ours = desk.layout.theirs, desk.layout.ours
    main = Area(COMPARISON, 0, 0, area.row + desk.layout.known + 1, area.column + area.columns)
    desk.print_parts(sheet, main, Area(COMPARISON, theirs.row - 4, 1, ours.row + ours.rows - theirs.row + 4, area.columns))


def statement(desk: Desk) -> None:
    """Every number of the margin with the lines it follows from, indented by level."""
    area = desk.layout.statement
    sheet = desk.sheet(
        STATEMENT,
        "Statement",
        "Every line follows from the lines one level below it, down to the row of the sheet Positions (its header is row 1).",
        "output",
        widths={"B:B": 16, "C:C": 52, "D:D": 18, "E:E": 88, "F:F": 13, "G:G": 58},
    )
    sheet.insert_chart(4, 1, charts.waterfall(desk), {"object_position": 3})
    desk.units(sheet, area, ("", "", "USD"))
    shown, labels = area.body_column(0).near, area.body_column(1).near
    word = f'INDEX({labels},COUNT({shown})+1)&""'
    desk.reserved(sheet, area, f"PM_EXPLAIN({CASE})", [COUNT, "", AMOUNT, "", "", ""], "Level", lay=by_levels, cut=word)
    levels, lines = area.body.bare(0, 0), area.body_column(1)
    for level in range(1, STATEMENT_LEVELS):
        sheet.conditional_format(
            lines.near,
            {
                "type": "formula",
                "criteria": f"=${levels}={level}",
                "format": desk.style.condition("level", num_format=f'"{"    " * level}"@'),
            },
        )
    sheet.conditional_format(
        area.body.near, {"type": "formula", "criteria": f"=AND(ISNUMBER(${levels}),${levels}=0)", "format": desk.style.condition("chosen")}
    )
    desk.losses(sheet, area.body_column(2), unless=f"${levels}=0")
    sheet.repeat_rows(area.row)
    sheet.print_area(0, 0, area.row + PRINTED_LINES, area.column + area.columns - 1)
