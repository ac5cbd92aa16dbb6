"""The sheets to type in: positions, market, parameters, scenarios."""

from __future__ import annotations

from typing import Any

from xlmargin.sheet.tables import FINDING

from .. import sample
from ..layout import MARKET, MARKET_HEADINGS, PARAMETERS, POSITION_HEADINGS, POSITIONS, Area
from ..parts import FACTOR, Desk
from ..tables import as_table
from .content import FITTED

POSITION_UNITS = (
    "a venue's own name; or the next four columns",
    "coin",
    "spot, future, perp, call, put",
    "USD",
    "a date is 08:00 UTC",
    "coins, + long, − short",
    "buy, sell; blank: by sign",
    "fraction: 0.55 is 55 %",
    "USD per coin",
    "USD, for this row",
    "coins per contract",
    "linear, inverse",
    "text",
    "blank: Deribit",
    "USD per coin",
    "yes: not yet a position",
)
POSITION_FORMATS = (
    "",
    "",
    "",
    "#,##0.####",
    "yyyy-mm-dd",
    "#,##0.00######",
    "",
    FACTOR,
    "#,##0.00######",
    "#,##0.00######",
    "0.########",
    "",
    "",
    "",
    "#,##0.00######",
    "",
)
MOST_COINS, HIGHEST_VOL = 1e12, 20.0
NO_FEED = "no feed"
FITTED_ROWS = (
    f"Illustrative: the rows of SPAN are {FITTED}, searched for so that published examples come out, not a clearing house's. "
    "Delete a row to use the method's own value."
)
OWN_VALUES = "Without a row below, every parameter has the method's own value; type a row to use another."
PRINTED, PRINTED_QUOTES = 40, 26  # rows, which are one page
PERCENT = "+0%;-0%;0%"
CHOICES = {
    "Type": ("spot", "future", "perp", "call", "put"),
    "Side": ("buy", "sell"),
    "Settlement": ("linear", "inverse"),
    "Order": ("yes", "no"),
}
MARKET_UNITS = (
    "coin",
    "USD",
    "blank: the coin's own row",
    "a point of the smile",
    "USD at that expiry",
    "fraction: 0.55 is 55 %",
    "fraction a year",
    "UTC; blank everywhere: now",
)
MARKET_FORMATS = ("", "#,##0.00######", "yyyy-mm-dd", "#,##0.####", "#,##0.00######", FACTOR, FACTOR, "yyyy-mm-dd hh:mm")


def positions(desk: Desk) -> None:
    """The book, with the findings of PM_CHECK next to each row."""
    area = desk.layout.positions
    sheet = desk.sheet(
        POSITIONS,
        "Positions",
        f"Type or paste the book{desk.content.said(' over the sample')}. Blank rows are skipped; columns may "
        "stay blank; the name positions covers the header and every reserved row.",
        "input",
        widths={
            "B:B": 13,
            "C:C": 22,
            "D:D": 11,
            "E:E": 9,
            "F:F": 11,
            "G:G": 12,
            "H:H": 12,
            "I:I": 9,
            "J:L": 11,
            "M:M": 10,
            "N:N": 11,
            "O:P": 10,
            "Q:R": 10,
            "S:S": 2,
            "T:T": 70,
        },
    )
    desk.header(sheet, area, POSITION_HEADINGS, POSITION_UNITS, POSITION_FORMATS)
    desk.inputs(sheet, area.body, desk.content.positions, POSITION_FORMATS)
    _position_rules(desk, sheet)
    _findings(desk, sheet, area, column=19)
    sheet.freeze_panes(area.row + 1, 3)
    sheet.autofilter(area.row, area.column, area.row + area.rows - 1, area.column + area.columns - 1)
    sheet.repeat_rows(area.row - 1, area.row)
    sheet.print_area(0, 0, min(area.row + area.rows - 1, area.row + PRINTED), 17)


def _position_rules(desk: Desk, sheet: Any) -> None:
    """Warnings on cells of the book while they are typed."""
    for heading, words in CHOICES.items():
        _choice(sheet, desk.layout.position(heading), words)
    sheet.data_validation(
        desk.layout.position("Quantity").near,
        {
            "validate": "decimal",
            "criteria": "between",
            "minimum": -MOST_COINS,
            "maximum": MOST_COINS,
            "error_type": "warning",
            "error_title": "Quantity",
            "error_message": "A number: + long, − short, in coins (contracts × Multiplier).",
        },
    )
    sheet.data_validation(
        desk.layout.position("IV").near,
        {
            "validate": "decimal",
            "criteria": "between",
            "minimum": 0,
            "maximum": HIGHEST_VOL,
            "error_type": "warning",
            "error_title": "IV",
            "error_message": "A fraction: 0.55 is 55 %.",
        },
    )


def market(desk: Desk) -> None:
    """Spots, curves and smiles, with the findings of PM_CHECK on each row."""
    area = desk.layout.market
    sheet = desk.sheet(
        MARKET,
        "Market",
        "A row without Expiry is the coin's own; with Expiry its forward and vol; with Strike a point of its smile. "
        + desk.content.said("The sample is made up, and its As of fixed."),
        "input",
        widths={"B:B": 13, "C:C": 13, "D:D": 13, "E:E": 14, "F:G": 13, "H:I": 11, "J:J": 18, "K:K": 2, "L:L": 70},
    )
    desk.header(sheet, area, MARKET_HEADINGS, MARKET_UNITS, MARKET_FORMATS)
    desk.inputs(sheet, area.body, desk.content.market, MARKET_FORMATS)
    _findings(desk, sheet, area, column=11)
    _feed(desk, sheet)
    sheet.freeze_panes(area.row + 1, 3)
    sheet.repeat_rows(area.row - 1, area.row)
    sheet.print_area(0, 0, area.row + PRINTED_QUOTES, 9)


def _feed(desk: Desk, sheet: Any) -> None:
    """The time and the status of the last fetch of the market, both written by `xlmargin feed`."""
    area = desk.layout.feed
    for c, (label, value, pattern) in enumerate((("Feed time", None, "yyyy-mm-dd hh:mm:ss"), ("Feed status", NO_FEED, ""))):
        cell = area.part(column=2 * c, columns=1)
        sheet.write_string(cell.row, cell.column - 1, label, desk.style("label", align="right", indent=1))
        desk.inputs(sheet, cell, [[value]], [pattern])


def _findings(desk: Desk, sheet: Any, area: Area, column: int) -> None:
    """One word on the left and the finding on the right of each row: both outside the range that the functions read."""
    sheet.write_string(area.row, 1, "Check", desk.style("header"))
    beside = Area(area.sheet, area.row, column, area.rows, 1)
    call = f'PM_CHECK(positions,market,"{area.sheet.lower()}")'
    desk.array(sheet, beside, as_table(beside, call), "calculation")
    sheet.conditional_format(beside.part(rows=1).near, {"type": "no_blanks", "format": desk.style.condition("header")})
    said, known = beside.body.near, f'{beside.cell(0, 0)}="{FINDING}"'
    filled = f'MMULT(IFERROR({area.body.near}<>"",TRUE)*1,TRANSPOSE(COLUMN({area.part(rows=1).near})^0))'
    word = f'IF({said}="","OK",IF(IFERROR(FIND("note: ",{said}),0)=1,"note","FAULT"))'
    desk.array(
        sheet, Area(area.sheet, area.row + 1, 1, area.rows - 1, 1), f'=IF({filled}=0,"",IF({known},{word},"unknown"))', "calculation"
    )
    for word in ("FAULT", "unknown"):
        rule = {"type": "cell", "criteria": "==", "value": f'"{word}"', "format": desk.style.condition("fail")}
        sheet.conditional_format(f"B{area.row + 2}:B{area.row + area.rows}", rule)


def _choice(sheet: Any, area: Area, words: tuple[str, ...]) -> None:
    """A list to choose from that only warns: the functions read any common spelling."""
    sheet.data_validation(
        area.near,
        {
            "validate": "list",
            "source": list(words),
            "error_type": "warning",
            "error_title": "Not in the list",
            "error_message": "PM_CHECK will say whether this spelling is understood.",
        },
    )


def parameters(desk: Desk) -> None:
    """The method, switches, and the parameters of every method that are not its own."""
    layout = desk.layout
    sheet = desk.sheet(
        PARAMETERS,
        "Parameters",
        FITTED_ROWS if desk.content.parameters else OWN_VALUES,
        "input",
        widths={"B:B": 30, "C:C": 16, "D:D": 20, "E:E": 12, "F:F": 28, "G:G": 2, "H:H": 20, "I:I": 13, "J:M": 11, "N:N": 2, "O:Q": 13},
    )
    desk.section(sheet, layout.settings.row - 1, 1, "Settings", 2)
    settings: list[tuple[str, Any, str, str]] = [
        ("Method", sample.METHOD, "", "one of the list; the sheet Checks says what each models"),
        ("Methods to compare", None, "", "comma list; blank: every method that can answer"),
        ("Tolerance of the checks", sample.TOLERANCE, "0.000", "USD"),
        ("Contributions", "auto", "", "on, off; auto: off where the slow method meets many rows"),
        ("Liquidation prices", "auto", "", "on, off; auto: off for the slow method"),
        ("Many rows are more than", sample.MANY_ROWS, "0", "position rows, for Contributions on auto"),
        ("Rounding of a share", sample.ROUNDING, "0E+00", "of the margin: what is smaller counts as nothing"),
        ("Slow method", sample.SLOW_METHOD, "", "it pairs legs, anew for each row and each price, which takes seconds"),
    ]
    for r, (label, value, pattern, unit) in enumerate(settings):
        row = layout.settings.row + r
        sheet.write_string(row, 1, label, desk.style("label"))
        desk.inputs(sheet, layout.settings.part(row=r, rows=1), [[value]], [pattern])
        sheet.write_string(row, 3, unit, desk.style("note", indent=1))
    sheet.data_validation(
        layout.settings.cell(0, 0),
        {
            "validate": "list",
            "source": "=method_names",
            "ignore_blank": False,
            "error_type": "stop",
            "error_title": "Method",
            "error_message": "Choose one of the list: the sheet Checks says what each models.",
        },
    )
    _choice(sheet, layout.settings.part(row=3, rows=2), ("auto", "on", "off"))
    _switched(desk, sheet)
    _typed_parameters(desk, sheet)
    desk.signpost(sheet, "E3", layout.own_scenarios, "Scenarios →")
    desk.signpost(sheet, "F3", layout.price_moves, "Moves of the P&L grid →", above=4)
    sheet.fit_to_pages(1, 1)


def _switched(desk: Desk, sheet: Any) -> None:
    """The method of contributions and of liquidation prices: the chosen one, or none.

    They depend on typed cells alone: with answers still of the method before, a long book would be paired.
    """
    area, quantity = desk.layout.switched, desk.layout.position("Quantity").ref
    for r, (label, wanted, rule) in enumerate(
        (
            ("Contributions: method", "contributions_wanted", f"AND(method=slow_method,COUNT({quantity})>most_rows_at_once)"),
            ("Liquidation: method", "liquidation_wanted", "method=slow_method"),
        )
    ):
        sheet.write_string(area.row + r, 1, label, desk.style("label"))
        formula = f'=IF(OR({wanted}="off",AND({wanted}<>"on",{rule})),"off",method)'
        desk.formula(sheet, area.bare(r, 0), formula, "calculation")
        sheet.write_string(area.row + r, 3, "calculated from the switches above", desk.style("note", indent=1))


def _typed_parameters(desk: Desk, sheet: Any) -> None:
    """The rows of the range that every function takes: its further columns are the scenarios of the desk."""
    given = desk.layout.parameter_input
    desk.section(sheet, given.row - 3, 1, "Parameters by method", 5)
    sheet.write_string(given.row - 1, 1, "blank: every method that knows it", desk.style("unit"))
    desk.header(sheet, given, ("Method", "Underlying", "Parameter", "Value"), formats=("", "", "", "General"))
    sheet.write_string(given.row, 5, "Unit", desk.style("header", indent=1))
    desk.inputs(sheet, given.body, [line[:4] for line in desk.content.parameters], ("", "", "", "General"))
    for r in range(given.rows - 1):
        unit = desk.content.parameters[r][4] if r < len(desk.content.parameters) else ""
        sheet.write_string(given.row + 1 + r, 5, unit, desk.style("unit", valign="vcenter", indent=1))


def scenarios(desk: Desk) -> None:
    """The desk's own stress scenarios, and the moves of the P&L grid."""
    layout = desk.layout
    sheet = desk.part(
        layout.own_scenarios,
        "Scenarios of the method STRESS",
        f"{desk.content.said('A sample, made up. ')}Rows of one name are one scenario.",
        {},
    )
    formats = ("", "", PERCENT, PERCENT, "General", "0.00")
    headings = ("Scenario", "Underlying", "Price move", "Vol move", "Days", "Weight")
    desk.header(
        sheet,
        layout.own_scenarios,
        headings,
        ("name", "coin; blank: all", "fraction of price", "fraction of vol", "days that pass", "share of the P&L"),
        formats,
    )
    desk.inputs(sheet, layout.own_scenarios.body, desk.content.scenarios, formats)
    columns: list[tuple[str, str, Area, list[float], str]] = [
        ("Price moves", "fraction of price", layout.price_moves, sample.PRICE_MOVES, PERCENT),
        ("Vol moves", "fraction of vol", layout.vol_moves, sample.VOL_MOVES, PERCENT),
        ("Days", "days that pass", layout.grid_days, [sample.GRID_DAYS], "General"),
    ]
    for heading, unit, area, values, pattern in columns:
        desk.header(sheet, Area(PARAMETERS, area.row - 1, area.column, 1, 1), (heading,), (unit,), (pattern,))
        desk.inputs(sheet, area, [[value] for value in values], (pattern,))
    moves = layout.price_moves
    desk.section(sheet, moves.row - 4, moves.column, "Moves of the P&L grid", 3)
