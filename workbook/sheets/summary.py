"""The first sheet to read: the headlines, each with its reasons one click away, its alarms, and two pictures."""

from __future__ import annotations

from typing import Any

from .. import charts
from ..layout import CHECKS, COMPARISON, CONTRIBUTIONS, LIMITS, MARKET, POSITIONS, RISK, STATEMENT, SUMMARY, WHAT_IF, Area
from ..parts import AMOUNT, COUNT, Desk
from ..tables import as_table, placed
from .about import sample_note, version
from .checks import NO_BOOK
from .drawn import reference
from .outputs import CASE, WHY, worst_scenario

# a line: label, formula, number format, unit, the sheet with the reason, the text of its link, the words of its alarm or ""
Line = tuple[str, str, str, str, str, str, str]
METHOD = "Method"
UNSUITED = 'IF(COUNTIF(method_names,method)=0,"choose a method of the list on the sheet Parameters","")'
NOT_LOADED = (
    "The functions of xlmargin are not loaded here: open this file with  xlmargin open,  in LibreOffice after  "
    "xlmargin install --libreoffice,  or in Excel the file that  xlmargin new  writes for Excel."
)
SPOT = (
    "Spot: the bars count it as the method does (SPAN by its parameter spot_treatment, the others in full unless their rulebook "
    "says otherwise); the profile counts it in full."
)
STATUS_ROWS = {"Equity": 1, "Headroom": 4, "Usage": 6}  # of PM_STATUS
DEAREST = 3


def summary(desk: Desk) -> None:
    """The headline numbers with alarms and reasons, coins and dearest rows, and two pictures."""
    lines = desk.layout.headlines
    sheet = desk.sheet(
        SUMMARY,
        "Summary",
        "Portfolio margin of the sheet Positions by the method chosen on the sheet Parameters.",
        "output",
        widths={"B:B": 34, "C:C": 36, "D:D": 20, "E:E": 14, "F:F": 24, "G:G": 18, "H:H": 14, "I:I": 60},
    )
    # the version is the one cell that fails by itself where there are no functions
    desk.formula(sheet, "B4", f'=IFERROR(IF({version(desk).far(0, 0)}="","",{NO_BOOK}&""),"{NOT_LOADED}")', "message")
    if stands := sample_note(desk):
        desk.formula(sheet, "B5", stands, "message")
    headings = ("Headline", "Answer", "Unit", "Master check", "Why", "What adds to it", "Before a trade", "Message, alarm")
    desk.header(sheet, lines, headings, formats=["", AMOUNT, *[""] * 6])
    for r, line in enumerate(_headlines(desk), 1):
        _line(desk, sheet, [lines.bare(r, c) for c in range(lines.columns)], line)
        sheet.set_row(lines.row + r, 19)
    desk.verdicts(sheet, lines.body_column(3).near)
    _alarms(desk, sheet)
    _coins(desk, sheet)
    _dearest(desk, sheet)
    below = desk.layout.net.row + desk.layout.net.rows + 1
    sheet.write_string(below - 1, 1, SPOT, desk.style("note"))
    sheet.insert_chart(below, 1, charts.scenario_bars(desk), {"x_offset": 2, "object_position": 3})
    sheet.insert_chart(below, 4, charts.profile(desk), {"x_offset": 2, "object_position": 3})
    sheet.print_area(0, 0, below + 26, lines.column + lines.columns - 1)


def _line(desk: Desk, sheet: Any, cell: list[str], line: Line) -> None:
    """One headline: answer, master check, the three links, and its message or alarm."""
    label, formula, pattern, unit, page, why, alarm = line
    if label.startswith("="):
        desk.formula(sheet, cell[0], label, "label", bold=True)
    else:
        sheet.write_string(cell[0], label, desk.style("label", bold=True))
    words = {"align": "right"} if pattern == "General" else {}  # a message in the place of a number begins on the left
    desk.formula(sheet, cell[1], formula, "headline", num_format=pattern, **words)
    sheet.write_string(cell[2], unit, desk.style("unit", valign="vcenter", indent=1))
    desk.formula(sheet, cell[3], "=master_check", "calculation")
    sheet.write_url(cell[4], f"internal:'{page}'!A1", desk.style("link"), why)
    sheet.write_url(cell[5], f"internal:'{CONTRIBUTIONS}'!A1", desk.style("link"), "Contributions")
    sheet.write_url(cell[6], f"internal:'{WHAT_IF}'!A1", desk.style("link"), "What-if")
    said = alarm.replace("{x}", cell[1]) if alarm else '""'
    if label == METHOD:
        desk.formula(sheet, cell[7], f"={UNSUITED}", "message")
    else:
        fault = placed(cell[1], desk.layout)
        desk.message(sheet, cell[7], cell[1], f'IF(ISNUMBER(FIND("#PM!",{cell[1]})),{fault},{said})')


def _headlines(desk: Desk) -> list[Line]:
    at = desk.layout
    total, chosen = at.scenario_bars.body_column(2).ref, at.comparison
    saving = f"INDEX({chosen.body_column(5).ref},MATCH(method,{chosen.body_column(0).ref},0))"
    state = at.statement.far(1, 4)  # of this number: a fitted parameter makes a published method illustrative
    over = f"COUNT({at.limit_bars.body_column(3).ref})"
    funds = {name: f'=IF(ISNUMBER(equity),{at.status.far(row, 1)},"no equity")' for name, row in STATUS_ROWS.items()}
    not_ok = 'IF(AND(ISNUMBER(equity),{x}<>"OK"),"ALARM: account "&{x},"")'
    return [
        ("Initial margin", f"=PM_MARGIN({CASE})", AMOUNT, "USD", STATEMENT, WHY, ""),
        ("Maintenance margin", f"=PM_MAINTENANCE({CASE})", AMOUNT, "USD", STATEMENT, WHY, ""),
        ("Scanning risk", f"=PM_SCANNING_RISK({CASE})", AMOUNT, "USD", RISK, "why: Risk array", ""),
        ("Worst scenario of the whole book", f"={worst_scenario(at)}", "General", "", RISK, "why: Risk array", ""),
        ("Its profit or loss", f'=IF(COUNT({total})=0,"none",MIN({total}))', AMOUNT, "USD", RISK, "why: Risk array", ""),
        ("Equity", funds["Equity"], AMOUNT, "USD", LIMITS, "why: Limits", ""),
        ("Usage", funds["Usage"], "0.0%_ ", "initial over equity", LIMITS, "why: Limits", _beyond("{x}>1", "more margin than equity")),
        ("Headroom", funds["Headroom"], AMOUNT, "USD, equity less initial", LIMITS, "why: Limits", _beyond("{x}<0", "no headroom")),
        ("Account", '=IF(ISNUMBER(equity),account_status&"","no equity")', "General", "", LIMITS, "why: Limits", not_ok),
        (
            "Limits exceeded",
            f'=IF(ISNUMBER(initial_margin),{over},"not known")',
            "0",
            "limits",
            LIMITS,
            "why: Limits",
            _beyond("{x}>0", "a limit is exceeded"),
        ),
        ("Nearest liquidation", f"={_nearest(at.liquidation)}", "General", "one coin moving alone", LIMITS, "why: Limits", ""),
        (
            f'="Saving against "&{reference(at)}',
            f'=IFERROR(IF(ISNUMBER({saving}),{saving},"none"),"none")',
            "0.0%_ ",
            "of the reference",
            COMPARISON,
            "why: Comparison",
            "",
        ),
        (METHOD, '=method&""', "General", "", CHECKS, "what it models: Checks", ""),
        ("Its status", f'={state}&""', "General", "what it rests on", STATEMENT, "line by line: Statement", ""),
        ("Valuation time", at.valuation_time, "yyyy-mm-dd hh:mm", "UTC", MARKET, "As of: Market", ""),
        ("Rows of the book", f"=COUNT({at.position('Quantity').ref})", "0", "positions", POSITIONS, "the book: Positions", ""),
    ]


def _beyond(condition: str, words: str) -> str:
    """The words of an alarm, where a headline is a number and beyond what is allowed."""
    return f'IF(ISNUMBER({{x}}),IF({condition},"ALARM: {words}",""),"")'


def _nearest(area: Area) -> str:
    """The coin whose move alone liquidates first, with its price and move."""
    coins, low, down, high, up = (area.body_column(c).ref for c in range(5))

    def told(move: str, moves: str, prices: str) -> str:
        row = f"MATCH({move},{moves},0)"
        return f'INDEX({coins},{row})&" at "&TEXT(INDEX({prices},{row}),"#,##0.00")&" ("&TEXT({move},"+0.0%;-0.0%")&")"'

    falls, rises = told(f"MAX({down})", down, low), told(f"MIN({up})", up, high)
    first = f"AND(COUNT({down})>0,OR(COUNT({up})=0,-MAX({down})<=MIN({up})))"
    none = f'IF(IFERROR({area.far(0, 0)}="Underlying",FALSE),"none","not known: Limits")'
    return f"IF(COUNT({down})+COUNT({up})=0,{none},IF({first},{falls},{rises}))"


def _alarms(desk: Desk, sheet: Any) -> None:
    """Every alarm in one line at the top, and its headline in white on red: words, place and colours."""
    lines = desk.layout.headlines
    told, first = lines.body_column(7), lines.body_column(7).bare(0, 0)
    count = f'COUNTIF({told.near},"ALARM*")'
    below = f'IF({count}=0,"",{count}&IF({count}=1," alarm"," alarms")&" below")'
    master = 'IF(C3="FAIL","ALARM: the master check fails","")'
    words = f'={master}&IF((C3="FAIL")*({count}>0)," · ","")&{below}'
    desk.formula(sheet, "F3", words, "message")
    alarm = desk.style.condition("alarm")
    sheet.conditional_format("F3", {"type": "formula", "criteria": "=LEN(F3)>0", "format": alarm})
    for column in (1, 7):
        sheet.conditional_format(
            lines.body_column(column).near, {"type": "formula", "criteria": f'=LEFT(${first},5)="ALARM"', "format": alarm}
        )
    answer = lines.body_column(1).bare(0, 0)
    sheet.conditional_format(
        lines.body_column(1).near,
        {"type": "formula", "criteria": f'=OR(ISERROR({answer}),ISNUMBER(FIND("#PM!",{answer})))', "format": desk.style.condition("fail")},
    )


def _coins(desk: Desk, sheet: Any) -> None:
    """Net delta and vega by coin, from the totals of the greeks."""
    area, greeks = desk.layout.net, desk.layout.greeks
    desk.header(sheet, area, ("Coin", "Net delta", "Net vega"), formats=("", AMOUNT, AMOUNT))
    sheet.write_string(area.row - 1, area.column + 1, "coins", desk.style("unit", align="right"))
    sheet.write_string(area.row - 1, area.column + 2, "USD per vol point", desk.style("unit", align="right"))
    total = f'{greeks.body_column(0).ref}="Total"'
    for c, (column, pattern) in enumerate(((1, ""), (6, "#,##0.0000_ ;-#,##0.0000_ "), (8, AMOUNT))):
        cells = area.body_column(c)
        found = f'IFERROR(_xlfn._xlws.FILTER({greeks.body_column(column).ref},{total}),"")'
        desk.array(sheet, cells, as_table(cells, found), "calculation", [pattern])


def _dearest(desk: Desk, sheet: Any) -> None:
    """The rows that add most to the margin."""
    area, (names, shares) = desk.layout.dearest, (desk.layout.contributions.body_column(c).ref for c in (1, 4))
    desk.header(sheet, area, ("No", "Contribution", "Dearest rows", ""), formats=(COUNT, AMOUNT, "", ""))
    sheet.write_string(area.row - 1, area.column + 1, "USD", desk.style("unit", align="right"))
    for r in range(1, DEAREST + 1):
        name, amount = (area.bare(r, c) for c in (2, 1))
        largest = f"LARGE({shares},{area.cell(r, 0)}*1)"
        sheet.write_string(area.row + r, area.column, str(r), desk.style("calculation", align="center"))
        desk.formula(sheet, amount, f'=IFERROR(IF({largest}>0,{largest},""),"")', "calculation", num_format=AMOUNT)
        none = '"none: see Contributions"' if r == 1 else '""'
        desk.formula(sheet, name, f'=IF({amount}="",{none},INDEX({names},MATCH({amount},{shares},0))&"")', "calculation", indent=1)
