"""The picture of the statement: how the initial margin adds up, line by line, at the first level with more than one line."""

from __future__ import annotations

from typing import Any

from .layout import LEVELS, Area
from .parts import AMOUNT, COUNT, Desk
from .tables import as_table


def waterfall_data(desk: Desk) -> None:
    """The columns that the waterfall draws.

    Lines of one level of the statement add up to the initial margin only where every rule between is a sum. Of the levels
    that do, the first with more than one line that is not 0 is drawn, else the first.
    """
    at, widths = desk.layout, {"H:H": 2, "I:I": 40, "J:L": 13, "M:M": 40, "N:R": 13}
    sheet = desk.drawn(at.levels, at.steps, at.waterfall, widths=widths)
    _levels(desk, sheet)
    _steps(desk, sheet)
    _bars(desk, sheet)


def _block(desk: Desk) -> tuple[Area, str, str]:
    """The statement below its headings, its levels, and the condition that a line belongs to the initial margin."""
    body = desk.layout.statement.body
    levels = body.part(columns=1)
    return body, levels.ref, f"(ROW({levels.ref})-ROW({levels.far(0, 0)})<{desk.layout.levels.cell(LEVELS + 1, 1)})"


def _levels(desk: Desk, sheet: Any) -> None:
    """For each level: its lines, their sum, and its rank in the choice; below, the chosen level."""
    area, (body, levels, inside) = desk.layout.levels, _block(desk)
    amounts = body.part(column=2, columns=1).ref
    desk.header(sheet, area, ("Level", "Lines", "Sum", "Choice"), formats=(COUNT, COUNT, AMOUNT, COUNT))
    every = area.part(row=1, rows=LEVELS, columns=1).near
    for r in range(1, LEVELS + 1):
        level, lines, total, choice = (area.bare(r, c) for c in range(4))
        sheet.write_number(level, r, desk.style("calculation", align="center"))
        mine = f"({levels}={level})*{inside}"
        desk.formula(sheet, lines, f"=SUMPRODUCT({mine}*({amounts}<>0))", "calculation", align="center")
        desk.formula(sheet, total, f"=SUMPRODUCT({mine},{amounts})", "calculation", num_format=AMOUNT)
        desk.formula(
            sheet,
            choice,
            f'=IFERROR(IF(ABS({total}-initial_margin)<=tolerance,{level}+IF({lines}>1,0,ROWS({every})),""),"")',
            "calculation",
            align="center",
        )
    rest = body.part(row=1, columns=1)
    choices = area.part(row=1, rows=LEVELS, column=3, columns=1).near
    for r, label, formula in (
        (LEVELS + 1, "Lines", f"=IFERROR(MATCH(0,{rest.ref},0),ROWS({levels}))"),
        (LEVELS + 2, "Level", f"=IF(COUNT({choices})=0,1,INDEX({every},MATCH(MIN({choices}),{choices},0)))"),
    ):
        sheet.write_string(area.row + r, area.column, label, desk.style("label"))
        desk.formula(sheet, area.bare(r, 1), formula, "calculation", align="center")


def _steps(desk: Desk, sheet: Any) -> None:
    """The lines of the chosen level that are not 0, with their amounts."""
    area, (body, levels, inside) = desk.layout.steps, _block(desk)
    lines, amounts = body.part(column=1, columns=2).ref, body.part(column=2, columns=1).ref
    desk.header(sheet, area, ("Line", "Amount"), formats=("", AMOUNT))
    wanted = f"({levels}={desk.layout.levels.cell(LEVELS + 2, 1)})*{inside}*({amounts}<>0)"
    call = f'IFERROR(_xlfn._xlws.FILTER({lines},{wanted}),"")'
    desk.array(sheet, area.body, as_table(area.body, call), "calculation", ("", AMOUNT))


def _bars(desk: Desk, sheet: Any) -> None:
    """The margin itself, then each step from the end of the one before: its base, and its rise or fall."""
    area, steps = desk.layout.waterfall, desk.layout.steps
    headings = ("No", "Line", "Reached", "below", "adds", "takes off", "initial margin")
    desk.header(sheet, area, headings, formats=(COUNT, "", *[AMOUNT] * 5))
    for r in range(1, area.rows):
        number, line, reached, below, adds, takes, total = (area.bare(r, c) for c in range(7))
        before = area.bare(r - 1, 2)
        label, amount = (steps.bare(r - 1, c) for c in range(2))
        if r == 1:  # the heading of the steps is next to it
            label, amount, there = '"Initial margin"', "0", "ISNUMBER(initial_margin)"
        elif r < area.rows - 1:
            there = f"ISNUMBER({amount})"
        else:
            label, amount = '"further lines"', f"(initial_margin-{before})"
            there = f"IFERROR(ABS(initial_margin-{before})>tolerance,FALSE)"
        sheet.write_number(number, r, desk.style("calculation", align="center"))
        for cell, formula in (
            (line, label),
            (reached, "0" if r == 1 else f"N({before})+N({amount})"),
            (below, f"MIN(N({before}),{reached})"),
            (adds, f"MAX({amount},0)"),
            (takes, f"MAX(-{amount},0)"),
            (total, "initial_margin" if r == 1 else '""'),
        ):
            style = {} if cell == line else {"num_format": AMOUNT}
            otherwise = before if cell == reached and r > 1 else '""'
            desk.formula(sheet, cell, f"=IF({there},{formula},{otherwise})", "calculation", **style)
