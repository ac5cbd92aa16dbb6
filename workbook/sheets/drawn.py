"""The columns that pictures draw beside the answers they come from: scenarios and methods in order of size, the P&L profile."""

from __future__ import annotations

from typing import Any

from ..layout import Area, Layout
from ..parts import AMOUNT, COUNT, Desk
from ..tables import is_number

DESCENDING, ASCENDING = ">", "<"  # what ranks before a value
SCENARIO_WIDTHS: dict[str, float] = {
    "Z:Z": 8,
    "AA:AA": 36,
    "AB:AC": 16,
    "AD:AD": 2,
    "AE:AE": 8,
    "AF:AF": 36,
    "AG:AH": 13,
    "AI:AI": 2,
    "AJ:AO": 12,
}
METHOD_WIDTHS: dict[str, float] = {"J:K": 2, "L:L": 8, "M:M": 34, "N:O": 13, "P:P": 2, "Q:Q": 8, "R:R": 34, "S:U": 22}
SOFT = 'OR(ISNUMBER(FIND("(estimate",{label})),ISNUMBER(FIND("(illustrative",{label})))'  # labels of less certain methods


def scenarios(desk: Desk) -> None:
    """The scenarios in order of their result, and the P&L grid, as the pictures of the sheet Risk array draw them."""
    at, risk = desk.layout, desk.layout.risk
    sheet = desk.drawn(at.worst_bars, at.scenario_bars, at.profile, widths=SCENARIO_WIDTHS)
    total = f'MATCH("Total",{risk.part(rows=1).ref},0)'

    name, description = risk.body_column(0).ref, risk.body_column(1).ref
    label = f'IF({name}="","",{name}&"  "&{description})'
    value = f'IFERROR(INDEX({risk.body.ref},0,{total}),"")'
    _ranked(desk, sheet, at.scenario_bars, ("No", "Scenario", "Total", "Rank"), ASCENDING, label, value)
    _drawn(desk, sheet, at.scenario_bars, at.worst_bars, ("worst scenario", "other scenarios"), "{k}=1")
    _profile(desk, sheet)


def methods(desk: Desk) -> None:
    """The methods in order of their margins, as the picture of the sheet Comparison draws them."""
    at, compare = desk.layout, desk.layout.comparison
    sheet = desk.drawn(at.method_bars, at.ranked_bars, widths=METHOD_WIDTHS)

    name, initial, status = (compare.body_column(c).ref for c in (0, 1, 6))
    label = f'IF({name}="","",{name}&" ("&{status}&IF({name}={reference(at)},", reference","")&")")'
    value = f'IF({initial}="","",{initial})'
    _ranked(desk, sheet, at.method_bars, ("No", "Method", "Initial", "Rank"), DESCENDING, label, value)
    series = ("chosen method", "published or verified", "estimate or illustrative")
    _drawn(desk, sheet, at.method_bars, at.ranked_bars, series, 'IFERROR(FIND(method&" (",{label}),0)=1', SOFT)


def reference(at: Layout) -> str:
    """The name of the method that the others are held against, as a formula."""
    typed = at.parameter_input
    return f'IFERROR(INDEX({typed.body_column(3).ref},MATCH("reference",{typed.body_column(2).ref},0)),"ISOLATED")'


def _ranked(desk: Desk, sheet: Any, area: Area, headings: tuple[str, ...], better: str, label: str, value: str) -> None:
    """A table with the rank of each of its values; equal values rank in their order in the table."""
    desk.header(sheet, area, headings, formats=(COUNT, "", AMOUNT, COUNT))
    for r in range(1, area.rows):
        sheet.write_number(area.row + r, area.column, r, desk.style("calculation", align="center"))
    numbers, values = (area.body_column(c).near for c in (0, 2))
    desk.array(sheet, area.body_column(1), f"={label}", "calculation")
    desk.array(sheet, area.body_column(2), f"={value}", "calculation", [AMOUNT])
    other = f"TRANSPOSE({values})"
    before = f"(({other}{better}{values})+({other}={values})*(TRANSPOSE({numbers})<{numbers}))*{is_number(other)}"
    desk.array(sheet, area.body_column(3), f'=IF({is_number(values)},1+MMULT({before},{numbers}^0),"")', "calculation", align="center")


def _drawn(desk: Desk, sheet: Any, ranked: Area, area: Area, series: tuple[str, ...], mark: str, second: str = "") -> None:
    """The ranked values in order, a column for each kind: those that the picture marks, the others, a second kind of these.

    The label of the last one gives the number of those that the picture leaves out.
    """
    desk.header(sheet, area, ("No", "Label", *series), formats=(COUNT, "", *[AMOUNT] * len(series)))
    place, every = f"MATCH({{k}},{ranked.body_column(3).near},0)", f"COUNT({ranked.body_column(2).near})"
    rows = f"ROWS({area.body_column(0).near})"
    for r in range(1, area.rows):
        k, label, *cells = (area.bare(r, c) for c in range(area.columns))
        found = place.replace("{k}", k)
        sheet.write_number(k, r, desk.style("calculation", align="center"))
        more = f'IF(({k}={rows})*({every}>{k}),", then "&{every}-{k}&" more","")'
        desk.formula(sheet, label, f'=IFERROR(INDEX({ranked.body_column(1).near},{found})&{more},"")', "calculation")
        marked, soft = (text.replace("{k}", k).replace("{label}", label) for text in (mark, second))
        value = f"INDEX({ranked.body_column(2).near},{found})"
        choices = [f'{value},""', f'"",{value}']
        if soft:
            choices = [f'{value},""', f'"",IF({soft},"",{value})', f'"",IF({soft},{value},"")']
        for cell, choice in zip(cells, choices):
            desk.formula(sheet, cell, f'=IFERROR(IF({marked},{choice}),"")', "calculation", num_format=AMOUNT)


def _profile(desk: Desk, sheet: Any) -> None:
    """The P&L grid with #N/A where it is blank, since a picture leaves #N/A out but would draw text as 0.

    Price moves are numbers on every row: with a text among them a picture would count its points instead.
    """
    area, grid = desk.layout.profile, desk.layout.grid
    sheet.write_string(area.row, area.column, "Price move", desk.style("header"))
    for c in range(1, area.columns):
        there = grid.loose(0, c)
        desk.formula(sheet, area.bare(0, c), f'=IF(ISNUMBER({there}),"vol "&TEXT({there},"+0%;-0%;0%"),"")', "header")
    for column, columns, pattern, otherwise in ((0, 1, "+0%_ ;-0%_ ;0%_ ", "0"), (1, area.columns - 1, AMOUNT, "NA()")):
        here, shown = (block.body.part(column=column, columns=columns) for block in (area, grid))
        desk.array(sheet, here, f"=IF({is_number(shown.ref)},{shown.ref},{otherwise})", "calculation", [pattern] * columns)
