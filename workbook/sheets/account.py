"""The sheets on the account: balances, limits and facts to type; status, limits, liquidation and qualification to read."""

from __future__ import annotations

from typing import Any

from .. import desk_charts, sample
from ..layout import ACCOUNT, BALANCE_HEADINGS, CONTRIBUTIONS, LIMITS, Area
from ..parts import AMOUNT, COUNT, FACTOR, MOVE, Desk
from ..tables import is_number

ACCOUNT_CASE = "positions,balances,market,method,parameters,history"
OFF = "off: see the switches on the sheet Parameters"
KINDS = (
    "Margin usage",
    "Initial margin",
    "Maintenance margin",
    "Scanning risk",
    "Delta",
    "Gamma",
    "Vega",
    "Theta",
    "Notional",
    "Concentration",
)
PLAIN = "#,##0.00##_ ;-#,##0.00##_ "
USED = "0%_ "
PRINTED, PRINTED_COINS, PRINTED_READINGS = 24, 8, 12  # rows: accounts, coins, readings
STATUS_ROW = 6  # of the usage in PM_STATUS
LIQUIDATION_UNITS = ("coin", "USD", "fraction of spot", "USD", "fraction of spot")
ACCOUNT_UNITS = ("of Positions", "its venue's, or the chosen", "USD", "USD", "USD", "USD", "of equity", "")


def account(desk: Desk) -> None:
    """Balances, limits, and the facts of the account that a rulebook needs."""
    at = desk.layout
    sheet = desk.sheet(
        ACCOUNT,
        "Account",
        f"{desk.content.said('SAMPLE, to type over. ')}A plain equity is one row of USD; coins count at spot less their haircut and move "
        "with it. The sheet Limits shows what follows.",
        "input",
        widths={"B:B": 28, "C:C": 14, "D:D": 12, "E:E": 14, "F:F": 3, "G:G": 24, "H:H": 14, "I:I": 14, "J:J": 66},
    )
    for area, title, headings, units, formats, rows in (
        (
            at.balances,
            "Balances",
            BALANCE_HEADINGS,
            ("USD, or a coin", "debt −", "fraction: 0.1 is 10 %", "blank: of all"),
            ("", "#,##0.00######", FACTOR, ""),
            desk.content.balances,
        ),
        (
            at.limits,
            "Limits",
            ("Limit on", "Coin", "Limit"),
            ("one of the list", "blank: of all coins", "in the unit on the right"),
            ("", "", PLAIN),
            desk.content.limits,
        ),
    ):
        desk.section(sheet, area.row - 2, area.column, title, area.columns)
        desk.header(sheet, area, headings, units, formats)
        desk.inputs(sheet, area.body, rows, formats)
    _limit_units(desk, sheet)
    _settings(desk, sheet)
    _facts(desk, sheet)
    sheet.fit_to_pages(1, 1)


def _limit_units(desk: Desk, sheet: Any) -> None:
    """The unit of each limit, which follows from the limited quantity."""
    area = desk.layout.limits
    sheet.write_string(area.row, area.column + 3, "Unit", desk.style("header", indent=1))
    kind = area.body_column(0).near
    unit = (
        f'=IF({kind}="","",IF({kind}="Margin usage","of equity: initial margin over equity",IF({kind}="Concentration",'
        f'"of all notional: the coin\'s share",IF({kind}="Delta","coins",IF({kind}="Gamma","coins per USD",'
        f'IF({kind}="Vega","USD per vol point",IF({kind}="Theta","USD a day","USD")))))))'
    )
    beside = Area(ACCOUNT, area.row + 1, area.column + area.columns, area.rows - 1, 1)
    desk.array(sheet, beside, unit, "unit", valign="vcenter", indent=1)
    sheet.data_validation(area.body_column(0).near, {"validate": "list", "source": list(KINDS), "error_type": "stop"})


def _settings(desk: Desk, sheet: Any) -> None:
    area = desk.layout.account_settings
    desk.section(sheet, area.row - 1, 6, "Settings", 2)
    rows = (
        ("Warn from", sample.LIMITS_WARN_FROM, FACTOR, "share of a limit that is used"),
        ("Rulebook", sample.RULEBOOK, "", "FINRA, BYBIT, OKX: who may be margined as a portfolio"),
        ("Tolerance to a venue", sample.RECONCILE_TOLERANCE, FACTOR, "fraction by which a venue's margin may differ from ours"),
    )
    for r, (label, value, pattern, note) in enumerate(rows):
        sheet.write_string(area.row + r, 6, label, desk.style("label"))
        desk.inputs(sheet, area.part(row=r, rows=1), [[value]], [pattern])
        sheet.write_string(area.row + r, 8, note, desk.style("note", indent=1))


def _facts(desk: Desk, sheet: Any) -> None:
    area = desk.layout.account_facts
    desk.section(sheet, area.row - 1, 1, "What a rulebook asks, beside the equity", 2)
    for r, (field, word) in enumerate(desk.content.facts):
        sheet.write_string(area.row + r, 1, field, desk.style("label"))
        desk.inputs(sheet, area.part(row=r, rows=1), [[word]], [""])
        sheet.write_string(area.row + r, 3, "yes or no", desk.style("note", indent=1))
    sheet.data_validation(area.near, {"validate": "list", "source": ["yes", "no"], "error_type": "warning"})


def limits(desk: Desk) -> None:
    """Status of the account, every limit with its headroom, liquidation prices, accounts, qualification."""
    at = desk.layout
    sheet = desk.sheet(
        LIMITS,
        "Limits",
        "The account against its margin and the desk's limits, where it would be liquidated, and whether it may be margined as "
        "a portfolio. Balances and limits stand on the sheet Account.",
        "output",
        widths={"B:B": 40, "C:C": 22, "D:G": 18, "H:H": 26, "I:I": 20},
    )
    status = at.status
    _title(desk, sheet, status, "Status")
    sheet.write_string(status.row - 1, status.column + 1, "USD; usage is of equity", desk.style("unit", align="right"))
    desk.reserved(sheet, status, f"PM_STATUS({ACCOUNT_CASE})", ["", AMOUNT], "Measure", message="B4", align="right")
    usage = desk.style("calculation", num_format="0.0%_ ", align="right")
    sheet.write_blank(status.row + STATUS_ROW, status.column + 1, None, usage)
    sheet.insert_chart(status.row - 2, 3, desk_charts.limit_bars(desk), {"object_position": 3, "x_offset": 12})
    _limit_table(desk, sheet)
    _words(desk, sheet, at.liquidation, "Liquidation: where maintenance first exceeds equity, one coin moving alone", LIQUIDATION_UNITS)
    call = f"PM_LIQUIDATION({ACCOUNT_CASE.replace('method', 'liquidation_method')})"
    shown = f'IF(liquidation_method="off","{OFF}",{call})'
    message = at.liquidation.bare(-3, 3)
    desk.reserved(sheet, at.liquidation, shown, ["", AMOUNT, MOVE, AMOUNT, MOVE], "Underlying", message=message, align="right")
    _words(desk, sheet, at.accounts, "Accounts, each under its own venue's method where one is given", ACCOUNT_UNITS)
    formats = ["", "", AMOUNT, AMOUNT, AMOUNT, AMOUNT, "0.0%_ ", COUNT]
    message = at.accounts.bare(-3, 3)
    desk.reserved(
        sheet, at.accounts, "PM_ACCOUNTS(positions,market,balances,method,parameters,history)", formats, "Account", message=message
    )
    _qualification(desk, sheet)
    desk.signpost(sheet, "E3", at.reading, "over time →")
    desk.signpost(sheet, "F3", at.facts, "rulebook ↓", above=2)
    desk.signpost(sheet, "G3", at.accounts, "accounts ↓", above=2)
    top, past = Area(LIMITS, 0, 0, at.liquidation.row + PRINTED_COINS + 1, 9), at.monitor
    below = Area(LIMITS, at.facts.row - 2, 1, at.accounts.row + PRINTED - at.facts.row + 3, 8)
    over_time = Area(LIMITS, at.reading.row - 3, past.column, past.row + PRINTED_READINGS - at.reading.row + 4, past.columns)
    desk.print_parts(sheet, top, below, over_time)


def _title(desk: Desk, sheet: Any, area: Area, title: str) -> None:
    """The title of a table, with a line under it as wide as the table."""
    desk.section(sheet, area.row - 2, area.column, title, area.columns)


def _words(desk: Desk, sheet: Any, area: Area, title: str, units: tuple[str, ...]) -> None:
    """The title of a table and the units above its columns."""
    _title(desk, sheet, area, title)
    for c, unit in enumerate(units):
        right = c > 1 or (len(units) == len(LIQUIDATION_UNITS) and c == 1)
        sheet.write_string(area.row - 1, area.column + c, unit, desk.style("unit", align="right" if right else "left"))


def _limit_table(desk: Desk, sheet: Any) -> None:
    """Value, limit, headroom and verdict of each limit."""
    at, area = desk.layout, desk.layout.limit_table
    _title(desk, sheet, area, "Limits")
    headings = ("Limit on", "Coin", "Value", "Limit", "Headroom", "Used", "Verdict")
    units = ("", "blank: of all", "as on Account", "as on Account", "as on Account", "of the limit", "")
    desk.header(sheet, area, headings, units, ("", "", AMOUNT, AMOUNT, AMOUNT, AMOUNT, ""))
    sheet.set_row(area.row - 1, 16)
    for c, pattern in ((0, ""), (1, ""), (3, AMOUNT)):
        typed = at.limits.body_column(min(c, 2)).ref
        desk.array(sheet, area.body_column(c), f'=IF({typed}="","",{typed})', "calculation", [pattern])
    values, most = area.body_column(2).near, area.body_column(3).near
    numbers = f"{is_number(values)}*{is_number(most)}"
    desk.array(sheet, area.body_column(4), f'=IF({numbers},{most}-ABS({values}),"")', "calculation", [AMOUNT])
    share = f'IF({most}>0,ABS({values})/{most},IF({values}=0,0,"no limit"))'
    desk.array(sheet, area.body_column(5), f'=IF({numbers},{share},"")', "calculation", [USED])
    for r in range(1, area.rows):
        kind, coin, value, limit, _, used, verdict = (area.bare(r, c) for c in range(7))
        desk.formula(sheet, value, f'=IF({kind}="","",{_value(desk, kind, coin)})', "calculation", bold=True, num_format=AMOUNT)
        known = f"AND(ISNUMBER({value}),ISNUMBER({limit}))"
        words = (
            f'IF(ABS({value})>{limit},"OVER by "&TEXT(ROUND(ABS({value})-{limit},2),"#,##0.00"),IF({used}>=limits_warn_from,'
            f'"WARNING: "&TEXT(ROUND({used},2),"0%")&" used","OK: "&TEXT(ROUND({used},2),"0%")&" used"))'
        )
        unknown = f'IF(ISNUMBER({limit}),"no value: see the messages","no limit: type a number on Account")'
        desk.formula(sheet, verdict, f'=IF({kind}="","",IF({known},{words},{unknown}))', "calculation", indent=1)
    for word, style in (("OVER", "fail"), ("no value", "fail"), ("no limit", "fail"), ("WARNING", "loss"), ("OK", "pass")):
        rule = {"type": "text", "criteria": "begins with", "value": word, "format": desk.style.condition(style)}
        sheet.conditional_format(area.body_column(6).near, rule)
    sheet.write_url(area.row - 2, 7, f"internal:'{CONTRIBUTIONS}'!A1", desk.style("link"), "why: Contributions")


def _value(desk: Desk, kind: str, coin: str) -> str:
    """The limited quantity, from the account's status and the totals of the greeks; a text where it has no value."""
    greeks, status = desk.layout.greeks, desk.layout.status
    rows, names, whole = greeks.body_column(0).ref, greeks.body_column(1).ref, greeks.body.ref
    heads = greeks.part(rows=1).ref
    usage = status.cell(STATUS_ROW, 1)
    mine = f'({rows}="Total")*(({names}={coin})+({coin}="")>0)'

    def total(heading: str, which: str) -> str:
        return f"SUMPRODUCT({which},INDEX({whole},0,MATCH({heading},{heads},0)))"

    notional, every = '"Notional"', f'({rows}="Total")*1'
    share = f"{total(notional, mine)}/{total(notional, every)}"
    choice = f'IFERROR(IF({kind}="Concentration",{share},{total(kind, mine)}),"none")'
    for label, place in (
        ("Scanning risk", "scanning_risk"),
        ("Maintenance margin", "maintenance_margin"),
        ("Initial margin", "initial_margin"),
        ("Margin usage", usage),
    ):
        choice = f'IF({kind}="{label}",{place},{choice})'
    return choice


def _qualification(desk: Desk, sheet: Any) -> None:
    """The facts as the function takes them, with the equity from above, and each rule with its verdict."""
    at = desk.layout
    _title(desk, sheet, at.facts, "The account as the rulebook sees it")
    desk.header(sheet, at.facts, ("Field", "Value"), ("", "USD, or yes and no"), ("", AMOUNT))
    sheet.set_row(at.facts.row - 1, 16)
    lines = [("Equity", "equity"), *((field, at.account_facts.far(r, 0)) for r, (field, _) in enumerate(desk.content.facts))]
    for r, (field, place) in enumerate(lines, 1):
        sheet.write_string(at.facts.row + r, at.facts.column, field, desk.style("label"))
        formula = f'=IF(ISNUMBER({place}),{place},"")' if r == 1 else f'=IF({place}="","",{place})'
        desk.formula(sheet, at.facts.bare(r, 1), formula, "calculation", num_format=AMOUNT, align="right")
    _title(desk, sheet, at.qualify, "Rules of the rulebook")
    desk.formula(sheet, at.qualify.bare(-2, 1), "=rulebook", "output")
    for c in (1, 2):
        sheet.write_string(at.qualify.row - 1, at.qualify.column + c, "USD, or yes", desk.style("unit", align="right"))
    message = at.qualify.bare(-2, 3)
    desk.reserved(
        sheet,
        at.qualify,
        "PM_QUALIFY(qualification,rulebook)",
        ["", AMOUNT, AMOUNT, COUNT],
        "Rule",
        message=message,
        align="right",
        lined=True,
    )
    desk.verdicts(sheet, at.qualify.body_column(3).near)


def limit_data(desk: Desk) -> None:
    """The columns behind the bars of limits: the share used of each."""
    area, table = desk.layout.limit_bars, desk.layout.limit_table
    sheet = desk.drawn(area, desk.layout.reading_frame, widths={"R:R": 2, "S:S": 28, "T:V": 18, "W:W": 2, "X:AA": 20})
    desk.header(sheet, area, ("Limit", "within the limit", "near the limit", "over the limit"), formats=("", *[AMOUNT] * 3))
    kind, coin, used = (table.body_column(c).ref for c in (0, 1, 5))
    desk.array(sheet, area.body_column(0), f'=IF({kind}="","",{kind}&IF({coin}="",""," "&{coin}))', "calculation")
    rules = (f"{used}<limits_warn_from", f"({used}>=limits_warn_from)*({used}<=1)", f"{used}>1")
    for c, rule in enumerate(rules, 1):
        desk.array(sheet, area.body_column(c), f'=IF({is_number(used)},IF({rule},{used},""),"")', "calculation", [USED])
