"""The sheets of the live account: its readings over time, and a venue's own margins next to ours."""

from __future__ import annotations

from typing import Any

from .. import desk_charts
from ..layout import LIMITS, READING_HEADINGS, THEIRS_HEADINGS
from ..parts import AMOUNT, COUNT, Desk
from ..tables import is_number

TIME = "yyyy-mm-dd hh:mm:ss"
READING_UNITS = ("UTC", "USD", "USD", "USD", "of equity", "USD", "")
READING_FORMATS = (TIME, AMOUNT, AMOUNT, AMOUNT, "0.0%_ ", AMOUNT, "")
THEIRS_UNITS = ("", "the venue's name of it", "of the amounts", "in that currency", "in that currency", "UTC")
THEIRS_FORMATS = ("", "", "", AMOUNT, AMOUNT, TIME)
OUR_HEADINGS = ("Our account", "Ours: initial", "Difference", "Ours: maintenance", "Difference", "Largest", "Alarm")


def monitor(desk: Desk) -> None:
    """The account now, and the readings that were recorded, with their picture."""
    at, now, past = desk.layout, desk.layout.reading, desk.layout.monitor
    sheet = desk.part(
        now,
        "The account now, and over time",
        "xlmargin watch writes a reading below at each change of the market; the latest 500 are kept here, all of them in its own file.",
        widths={"J:J": 2, "K:K": 22, "L:M": 18, "N:N": 22, "O:Q": 18},
    )
    sheet.write_string(now.row - 3, now.column + 3, "Feed", desk.style("label", align="right", indent=1))
    desk.formula(sheet, now.bare(-3, 4), '=feed_status&""', "output")
    for c in (5, 6):
        sheet.write_blank(now.row - 3, now.column + c, None, desk.style("output"))
    desk.header(sheet, now, READING_HEADINGS, READING_UNITS, READING_FORMATS, tall=False)  # rows of the limits are there
    rows = (1, 2, 3, 6, 4, 7)  # of the status, in the order of the headings
    values = [at.valuation_time, *(f'=IFERROR(IF({at.status.far(0, 0)}="Measure",{at.status.far(r, 1)},""),"")' for r in rows)]
    for c, (formula, pattern) in enumerate(zip(values, READING_FORMATS)):
        desk.formula(sheet, now.bare(1, c), formula, "output", num_format=pattern or "General")
    note = f'=IF(COUNT({past.body_column(0).near})=0,"no reading yet: xlmargin watch writes them below","")'
    desk.formula(sheet, now.bare(2, 0), note, "note")
    sheet.insert_chart(now.row + 3, now.column, desk_charts.readings(desk), {"object_position": 3})
    desk.header(sheet, past, READING_HEADINGS, READING_UNITS, READING_FORMATS, tall=False)
    desk.inputs(sheet, past.body, [], READING_FORMATS)
    _frame(desk, sheet)


def _frame(desk: Desk, sheet: Any) -> None:
    """The points of now, and unseen ones around: without these a picture of one reading would have an axis of years.

    Every time is a number, and every value a number or #N/A: a picture counts its points instead where one is a text.
    """
    area, now = desk.layout.reading_frame, desk.layout.reading
    desk.header(sheet, area, READING_HEADINGS[:4], formats=(TIME, *[AMOUNT] * 3))
    time, past = now.far(1, 0), desk.layout.monitor.body_column(0).ref
    drawn = area.cell(3, 0)
    days = (
        f"IF(COUNT({past})=0,MAX({drawn}-1,0),MIN({past}))",
        f"IF(COUNT({past})=0,{drawn}+1,MAX({past}))",
        f"IF(ISNUMBER({time}),{time},MAX({past}))",
    )
    for r, day in enumerate(days, 1):
        at, *values = (area.bare(r, c) for c in range(area.columns))
        desk.formula(sheet, at, f"={day}", "calculation", num_format=TIME)
        for c, value in enumerate(values, 1):
            amount = now.far(1, c)
            known = f"AND(ISNUMBER({amount}),{drawn}>0)"
            desk.formula(sheet, value, f"=IF({known},{amount},NA())", "calculation", num_format=AMOUNT)


def reconcile(desk: Desk) -> None:
    """The venue's own margins, ours next to them, and an alarm where they differ."""
    theirs, ours = desk.layout.theirs, desk.layout.ours
    sheet = desk.part(
        theirs,
        "A venue's own margins",
        "xlmargin feed --margins writes them here; ours stand below. Ours is the account of that name on the sheet Limits; with no "
        "name, the total. xlmargin reconcile finds the first line that differs.",
        {},
        above=4,
    )
    sheet.write_string(ours.row - 2, ours.column, "Ours", desk.style("section"))
    desk.header(sheet, theirs, THEIRS_HEADINGS, THEIRS_UNITS, THEIRS_FORMATS)
    desk.inputs(sheet, theirs.body, [], THEIRS_FORMATS)
    units = ("found on Limits", *["in their currency"] * 4, "of the larger", "")
    desk.header(sheet, ours, OUR_HEADINGS, units, ("", *[AMOUNT] * 4, "0.0%", ""))
    for r in range(1, ours.rows):
        _beside(desk, sheet, r)
    _differences(desk, sheet)
    verdicts = ours.body_column(6)
    for word, style in (("ALARM", "fail"), ("no account", "fail"), ("OK", "pass")):
        rule = {"type": "text", "criteria": "begins with", "value": word, "format": desk.style.condition(style)}
        sheet.conditional_format(verdicts.near, rule)
    sheet.write_string(ours.row - 2, 3, "Alarms", desk.style("label", align="right", indent=1))
    desk.formula(sheet, ours.bare(-2, 3), f'=COUNTIF({verdicts.near},"ALARM")', "output", num_format=COUNT)
    note = f'=IF(COUNTA({theirs.body.near})=0,"nothing of a venue stored yet: xlmargin feed --margins writes it","")'
    desk.formula(sheet, theirs.bare(-2, 0), note, "note")
    words = "A venue that margins each coin apart gives no name: call the Account of that coin's positions by the coin."
    sheet.write_string(ours.row - 3, ours.column, words, desk.style("note"))
    sheet.write_url(ours.row - 2, 5, f"internal:'{LIMITS}'!A1", desk.style("link", indent=1), "why: Limits")


def _beside(desk: Desk, sheet: Any, r: int) -> None:
    """Our margins of one row of the venue's, in its currency."""
    at, theirs, ours, accounts = desk.layout, desk.layout.theirs, desk.layout.ours, desk.layout.accounts
    account, currency, initial = (theirs.bare(r, c) for c in (1, 2, 3))
    name, own, held = (ours.bare(r, c) for c in (0, 1, 3))
    names = accounts.body_column(0).ref
    coinwise = f'IF(COUNTIF({names},{currency})*({currency}<>"")>0,{currency}&"","Total")'
    asked = f'IF({account}="",{coinwise},{account}&"")'
    desk.formula(sheet, name, f'=IF({initial}="","",IF(COUNTIF({names},{asked})=0,"no account",{asked}))', "calculation")
    coin = at.market.body_column(0).ref
    spot = f"INDEX({at.market.body_column(1).ref},MATCH({currency},{coin},0))"
    unit = f'IF(OR({currency}="",{currency}="USD",{currency}="USDC",{currency}="USDT"),1,{spot})'
    for cell, column in ((own, 3), (held, 4)):
        found = f"INDEX({accounts.body_column(column).ref},MATCH({name},{names},0))/{unit}"
        desk.formula(
            sheet, cell, f'=IF({name}="","",IFERROR({found},"none"))', "calculation", bold=True, num_format="#,##0.00####_ ;-#,##0.00####_ "
        )


def _differences(desk: Desk, sheet: Any) -> None:
    """Ours less theirs, the larger of the two differences as a share of the margin, and the alarm."""
    theirs, ours = desk.layout.theirs, desk.layout.ours
    name, own, off, held, gap, largest = (ours.body_column(c).near for c in range(6))
    shares = []
    for column, mine, told in ((2, own, theirs.body_column(3).near), (4, held, theirs.body_column(4).near)):
        both = f'=IF({is_number(mine)}*{is_number(told)},{mine}-{told},"")'
        desk.array(sheet, ours.body_column(column), both, "calculation", ["#,##0.00####_ ;-#,##0.00####_ "])
        shares.append(f"IF({mine}={told},0,ABS({mine}-{told})/IF(ABS({mine})>ABS({told}),ABS({mine}),ABS({told})))")
    larger = f"IF({shares[0]}>{shares[1]},{shares[0]},{shares[1]})"
    desk.array(sheet, ours.body_column(5), f'=IF({is_number(off)}*{is_number(gap)},{larger},"")', "calculation", ["0.0%_ "])
    verdict = f'IF({is_number(largest)},IF({largest}>reconcile_tolerance,"ALARM","OK"),"no account or spot")'
    desk.array(sheet, ours.body_column(6), f'=IF({name}="","",{verdict})', "calculation", indent=1)
