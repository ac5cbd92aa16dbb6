"""The sheets of the past: the history, and the losses of the book under its moves."""

from __future__ import annotations

from typing import Any

from .. import charts
from ..layout import HISTORY_HEADINGS, VAR, Area
from ..parts import AMOUNT, COUNT, MOVE, Desk
from ..tables import is_number

CLOSES = "#,##0.00"
AS_BESIDE = '0;0;0;"as beside"'  # of a text: the price moves of several coins, already in Description
MEASURE = "positions,history,var_confidence,var_horizon,market"
TABLE = "PM_RISK_ARRAY(positions,market,var_method,var_parameters,history)"
MOST_CONFIDENCE, LEAST_CONFIDENCE, LONGEST, SHORTEST = 0.99999, 0.5, 250, 0.01
PRINTED_DAYS = 60  # the first of them
ROUNDING = 1e-9  # as the method counts its tail
TAIL_CHECKS = 4  # the last ones of the sheet Checks


def history(desk: Desk) -> None:
    """Daily closes, to type or paste over the sample."""
    area = desk.layout.history
    sheet = desk.part(
        area,
        "History",
        f"{desk.content.said('SAMPLE closes from a random generator, not market data. ')}Paste your own, oldest first; every coin "
        "needs a column; BTC IV (fractions) adds moves of the vol.",
        widths={"V:V": 2, "W:W": 16, "X:AC": 16},
    )
    units = ("one row per day", "USD", "USD", "USD", "free", "free", "free")
    formats = ("yyyy-mm-dd", *[CLOSES] * 3, *["#,##0.00##"] * (area.columns - 4))
    desk.header(sheet, area, HISTORY_HEADINGS, units, formats, tall=False)  # a row of the settings is there
    for c, heading in enumerate(HISTORY_HEADINGS):
        if not heading:
            sheet.write_blank(area.row, area.column + c, None, desk.style("input", bold=True))
    free = (None,) * HISTORY_HEADINGS.count("")
    desk.inputs(sheet, area.body, [(*row, *free) for row in desk.content.history], formats)


def value_at_risk(desk: Desk) -> None:
    """VaR and expected shortfall of the book, their days, and the distribution of these."""
    at, area = desk.layout, desk.layout.past
    sheet = desk.sheet(
        VAR,
        "Value at risk",
        "The book of the sheet Positions under every move of the history on the right; every position is repriced.",
        "output",
        widths={"B:B": 30, "C:C": 14, "D:D": 48, "E:E": 11, "F:G": 9.5, "H:N": 11.5, "O:O": 14, "P:P": 2, "Q:R": 14, "S:U": 12},
    )
    _settings(desk, sheet)
    _results(desk, sheet)
    _worst_days(desk, sheet)
    _bins(desk, sheet)
    sheet.insert_chart(at.bins.row, 4, charts.loss_bars(desk), {"object_position": 3, "x_offset": 8})
    sheet.write_string(area.row - 1, 1, "The book under each past move, oldest first", desk.style("section"))
    coins = area.columns - 5
    formats = ["", "", MOVE, MOVE, "0.00_ ", *[AMOUNT] * coins]
    desk.units(sheet, area, ("", "", "fraction", "fraction", "of the P&L", *["USD"] * coins), coins=5)
    desk.reserved(sheet, area, TABLE, formats, "Scenario")
    _several_moves(desk, sheet)
    _marked(desk, sheet)
    desk.signpost(sheet, "E3", at.history, "History →")
    main = Area(VAR, 0, 0, area.row + PRINTED_DAYS + 1, area.column + area.columns)
    desk.print_parts(sheet, main, Area(VAR, at.history.row - 3, at.history.column, PRINTED_DAYS + 4, at.history.columns))


def _settings(desk: Desk, sheet: Any) -> None:
    """The range that the method takes as its parameters, and the method of the table."""
    area, method = desk.layout.var_parameters, desk.layout.var_method
    desk.header(sheet, area, ("Parameter", "Value"), formats=("", "General"))
    sheet.write_string(area.row, area.column + 2, "Unit", desk.style("header", indent=1))
    units = ("fraction: 0.99 is all but the worst 1 % of days", "days over which a move is taken")
    limits = ((LEAST_CONFIDENCE, MOST_CONFIDENCE), (SHORTEST, LONGEST))
    for r, (name, value, unit, (least, most)) in enumerate(zip(("confidence", "horizon_days"), (0.99, 1.0), units, limits), 1):
        row = area.row + r
        sheet.write_string(row, area.column, name, desk.style("label"))
        desk.inputs(sheet, area.part(row=r, column=1, rows=1), [[value]], ["General"])
        sheet.write_string(row, area.column + 2, unit, desk.style("note", indent=1))
        sheet.data_validation(
            area.cell(r, 1),
            {
                "validate": "decimal",
                "criteria": "between",
                "minimum": least,
                "maximum": most,
                "error_type": "stop",
                "error_title": name,
                "error_message": f"A number from {least} to {most}.",
            },
        )
    sheet.write_string(method.row, method.column - 1, "method", desk.style("label"))
    sheet.write_string(method.row, method.column, "VAR", desk.style("calculation", align="right"))
    sheet.write_number(method.row + 1, method.column, ROUNDING, desk.style("calculation", align="right", num_format="0E+00"))
    sheet.write_string(method.row + 1, method.column - 1, "rounding of a count", desk.style("label"))
    for r, unit in enumerate(("of the table below; see the sheet Checks", "of days: 10 × (1 − 0.9) is 1 day")):
        sheet.write_string(method.row + r, method.column + 1, unit, desk.style("note", indent=1))


def _results(desk: Desk, sheet: Any) -> None:
    """The headline numbers, each with its unit, and the two checks next to them."""
    at, area = desk.layout, desk.layout.tail
    days = at.past_total.body.near
    desk.header(sheet, area, ("Result", "Answer", "Unit, or how"), formats=("", AMOUNT, ""))
    moves, rounding = area.cell(3, 1), at.var_method.cell(1, 0)
    first = at.checks.rows - TAIL_CHECKS
    direct, beyond = (at.checks.far(first + n, 4) for n in (0, 1))
    rows = (
        ("Value at risk", f"=PM_VAR({MEASURE})", AMOUNT, "USD, a loss is positive", "headline"),
        ("Expected shortfall", f"=PM_ES({MEASURE})", AMOUNT, "USD, the mean loss of the days in the tail", "headline"),
        ("Moves of the history", f"=COUNT({days})", "0", "days, or periods of the horizon", "output"),
        (
            "Moves in the tail",
            f'=IF({moves}=0,"",MAX(1,INT({moves}*(1-var_confidence)+{rounding})))',
            "0",
            "the whole part of moves × (1 − confidence), at least 1",
            "output",
        ),
        (
            "Expected shortfall over VaR",
            '=IF(AND(ISNUMBER(value_at_risk),ISNUMBER(expected_shortfall)),IF(value_at_risk>0,expected_shortfall/value_at_risk,""),"")',
            "0.00",
            "times",
            "output",
        ),
        ("VaR equals PM_MARGIN", f"={direct}", "General", "of the method VAR, same settings: sheet Checks", "calculation"),
        ("Expected shortfall at least VaR", f"={beyond}", "General", "sheet Checks", "calculation"),
    )
    for r, (label, formula, pattern, unit, style) in enumerate(rows, 1):
        sheet.write_string(area.row + r, area.column, label, desk.style("label", bold=style == "headline"))
        side = {} if style == "headline" else {"align": "right"}  # a message in the place of a number begins on the left
        desk.formula(sheet, area.bare(r, 1), formula, style, num_format=pattern, **side)
        sheet.write_string(area.row + r, area.column + 2, unit, desk.style("note", indent=1))
        if style == "headline":
            sheet.set_row(area.row + r, 21)
    desk.verdicts(sheet, area.body_column(1).near)


def _worst_days(desk: Desk, sheet: Any) -> None:
    """The days with the largest losses, and the moves that made them."""
    at, area = desk.layout, desk.layout.worst_days
    desk.header(sheet, area, ("Worst days", "Profit or loss", "Moves of the day"), formats=("", AMOUNT, ""))
    days = at.past_total.body.near
    for r in range(1, area.rows):
        day, loss, moves = (area.bare(r, c) for c in range(3))
        place = f"MATCH({loss},{days},0)"
        desk.formula(sheet, loss, f'=IFERROR(SMALL({days},ROW()-ROW({area.cell(0, 0)})),"")', "calculation", num_format=AMOUNT)
        for cell, column in ((day, 0), (moves, 1)):
            found = f'=IFERROR(INDEX({at.past.body_column(column).near},{place}),"")'
            desk.formula(sheet, cell, found, "calculation", indent=1 if column else 0)
    desk.losses(sheet, area.body_column(1), unless=f'{area.body.bare(0, 1)}=""')


def _bins(desk: Desk, sheet: Any) -> None:
    """The histogram: equal bins from the worst day to the best, the days of the tail counted separately.

    A blank row is a text, and a text is never at most a number.
    """
    area, days = desk.layout.bins, desk.layout.past_total.body.near
    desk.drawn(area, desk.layout.past_total, above=2)
    desk.header(sheet, area, ("From", "To", "Days", "within VaR", "beyond VaR"), formats=(AMOUNT, AMOUNT, COUNT, COUNT, COUNT))
    start, to, every, within, beyond = (area.body_column(c) for c in range(5))
    place, past, low, high = f"(ROW({to.near})-ROW({area.cell(0, 0)}))", f"TRANSPOSE({days})", f"MIN({days})", f"MAX({days})"
    bound = f"{low}+({high}-{low})*{{place}}/ROWS({to.near})"
    mine = f"(({past}<={to.near})-({past}<={start.near})*({place}>1))"  # the first bin holds the worst day itself
    whole, tail = (f"MMULT({mine}{more},ROW({days})^0)" for more in ("*1", f"*({past}<=tolerance-value_at_risk)"))
    some, known = f'=IF(COUNT({days})=0,"",', f'=IF(COUNT({days})*ISNUMBER(value_at_risk)=0,"",'
    desk.array(sheet, to, f"{some}IF({place}=ROWS({to.near}),{high},{bound.format(place=place)}))", "calculation", [AMOUNT])
    desk.array(sheet, start, f"{some}{bound.format(place=f'({place}-1)')})", "calculation", [AMOUNT])
    desk.array(sheet, every, f"{some}{whole})", "calculation", align="center")
    desk.array(sheet, beyond, f"{known}{tail})", "calculation", align="center")
    desk.array(sheet, within, f"{known}{every.near}-{beyond.near})", "calculation", align="center")


def _several_moves(desk: Desk, sheet: Any) -> None:
    """A word in the place of a text of several price moves, which Description has already; blank rows stay blank."""
    moves = desk.layout.past.body_column(2)
    one = moves.bare(0, 0)
    there = f"ISTEXT({one}),LEN({one})>0"
    tail = f'$B{moves.row + 1}="in the tail"'
    for told, look in ((f"AND({there},{tail})", "worst"), (f"AND({there})", "level")):  # programs take the first one that holds
        shown = desk.style.condition(look, num_format=AS_BESIDE)
        sheet.conditional_format(moves.near, {"type": "formula", "criteria": f"={told}", "format": shown})


def _marked(desk: Desk, sheet: Any) -> None:
    """Columns next to the table: the total once more for the formulas above, and a mark on the days in the tail."""
    area, total = desk.layout.past, desk.layout.past_total
    head = area.part(rows=1).near
    sheet.write_string(area.row, 1, "Mark", desk.style("header"))
    sheet.write_string(total.row - 1, total.column, "for the formulas", desk.style("unit"))
    desk.header(sheet, total, ("Total",), formats=(AMOUNT,))
    every = f'=IFERROR(INDEX({area.body.near},0,MATCH("Total",{head},0)),"")'
    desk.array(sheet, total.body, every, "calculation", [AMOUNT])
    days = total.body.near
    inside = f'IF({is_number(days)},IF({days}<=tolerance-value_at_risk,"in the tail",""),"")'
    desk.array(sheet, Area(VAR, area.row + 1, 1, area.rows - 1, 1), f'=IF(ISNUMBER(value_at_risk),{inside},"")', "fail")
    whole = Area(VAR, area.row + 1, 1, area.rows - 1, area.columns + 1)
    sheet.conditional_format(
        whole.near,
        {
            "type": "formula",
            "criteria": f'=AND($B{area.row + 2}="in the tail",B{area.row + 2}<>"")',
            "format": desk.style.condition("worst"),
        },
    )
    desk.losses(sheet, area.body.part(column=5), unless=f'$B{area.row + 2}="in the tail"')
