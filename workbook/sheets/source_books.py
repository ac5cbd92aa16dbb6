"""The sheet of inputs to the source's tables: declared methods and parameters, the source's figures, and the small books."""

from __future__ import annotations

from typing import Any

from .. import source_data as data
from ..layout import SOURCE_BOOKS, SOURCE_TABLES, Area
from ..parts import AMOUNT, FACTOR, Desk, put

HEADINGS = ("Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Spot", "Account")
UNITS = ("coin", "", "USD", "days", "coins, + long", "fraction", "USD", "an account each: not netted")
FORMATS = ("", "", "#,##0.####", "0.##", "#,##0.00#####", FACTOR, "#,##0.00", "")
LEFT, GAP = 1, 2  # the column where everything begins; title row and blank row around a block
NET_DEBIT = "PM_LINE(book_calendar,line_net_option_value,,source_portfolio,source_portfolio_parameters)"
OPTIONS = ("call", "put")
PATHS = {"net_option_value": "Net option value", "total": "Total requirement", "btc": "BTC", "eth": "ETH"}


def _stack(row: int, sizes: dict[str, tuple[int, int]]) -> tuple[dict[str, Area], int]:
    """Areas below each other, a title row above and a blank row below each; the row after the last."""
    areas = {}
    for key, (rows, columns) in sizes.items():
        areas[key] = Area(SOURCE_BOOKS, row + 1, LEFT, rows, columns)
        row += rows + GAP
    return areas, row


_SETTINGS, _row = _stack(
    4,
    {
        "coins": (len(data.COINS) + 1, 3),
        "methods": (len(data.METHODS) + 2, 2),
        **{key: (len(rows) + 1, 3) for key, rows in data.PARAMETERS.items()},
        "paths": (len(PATHS) + 1, 2),
        "figures": (sum(one.least is not None for one in data.FIGURES) + 1, 5),
    },
)
FIGURES = _SETTINGS["figures"]
_UNITS_ROW = _row + 1
_SPLIT = {block.key for block in data.BLOCKS if any(leg.account for leg in block.legs)}  # those with accounts
_BOOKS, _END = _stack(_row + GAP, {block.key: (len(block.legs) + 1, len(HEADINGS) - (block.key not in _SPLIT)) for block in data.BLOCKS})
_STATED = [one for one in data.FIGURES if one.least is not None]


def area(key: str) -> Area:
    """A book with its header row."""
    return _BOOKS[key]


def figure(key: str) -> tuple[data.Figure, Area]:
    """A figure of the source, and the row of its band and the reason; words alone have no row."""
    found = next(one for one in data.FIGURES if one.key == key)
    return found, FIGURES.part(row=1 + _STATED.index(found), rows=1) if found in _STATED else FIGURES


def names() -> dict[str, str]:
    """The defined names: the books (with and without their accounts), methods, parameters, paths of a statement."""
    found = {f"book_{key}": book.part(columns=len(HEADINGS) - 1).ref for key, book in _BOOKS.items()}
    found |= {f"apart_{key}": book.ref for key, book in _BOOKS.items() if key in _SPLIT}
    found["book_covered_call"] = _BOOKS["portfolio"].part(rows=3, columns=len(HEADINGS) - 1).ref
    methods, paths = _SETTINGS["methods"], _SETTINGS["paths"]
    for n, key in enumerate(data.METHODS, 1):
        found[f"source_{key}"] = methods.far(n, 1)
        found[f"source_{key}_parameters"] = _SETTINGS[key].part(columns=2).ref
    found["source_about"] = methods.far(len(data.METHODS) + 1, 1)
    return found | {f"line_{key}": paths.far(n, 1) for n, key in enumerate(PATHS, 1)}


def source_books(desk: Desk) -> None:
    """All inputs of the sheet Source tables."""
    sheet = desk.sheet(
        SOURCE_BOOKS,
        "Source books",
        "What the sheet Source tables calculates from: change an input here and every figure there follows. "
        "Nothing here belongs to the book of the sheet Positions.",
        "input",
        checked=False,
        widths={"B:B": 24, "C:C": 16, "D:D": 14, "E:E": 10, "F:F": 13, "G:G": 10, "H:H": 13, "I:I": 34},
    )
    sheet.write_url("B3", f"internal:'{SOURCE_TABLES}'!A1", desk.style("link"), "to the tables")
    _settings(desk, sheet)
    _figures(desk, sheet)
    for c, (unit, pattern) in enumerate(zip(UNITS, FORMATS)):
        side = {"align": "right", "indent": 1} if pattern else {}
        sheet.write_string(_UNITS_ROW, LEFT + c, unit, desk.style("unit", **side))
    sheet.set_row(_UNITS_ROW, 26)
    for block in data.BLOCKS:
        _book(desk, sheet, block)
    sheet.print_area(0, 0, _END - 1, LEFT + len(HEADINGS) - 1)


def _title(desk: Desk, sheet: Any, where: Area, text: str) -> None:
    """The line above an area."""
    sheet.write_string(where.row - 1, where.column, text, desk.style("section"))
    for column in range(1, len(HEADINGS)):
        sheet.write_blank(where.row - 1, where.column + column, None, desk.style("section"))


def _settings(desk: Desk, sheet: Any) -> None:
    """Coins, methods and the declared parameter sets."""
    coins, methods, paths = (_SETTINGS[key] for key in ("coins", "methods", "paths"))
    _title(desk, sheet, coins, "Coins: spot as the source states it; it states no vol, so vols are declared here")
    desk.header(sheet, coins, ("Coin", "Spot, USD", "Vol, fraction"), formats=("", AMOUNT, AMOUNT))
    desk.inputs(sheet, coins.body, [(coin, *values) for coin, values in data.COINS.items()], ("", "#,##0.00", FACTOR))
    _title(desk, sheet, methods, "Methods of the columns")
    desk.header(sheet, methods, ("Column", "Method"))
    rows: list[tuple[str, str | float]] = [(f"{key} margin", method) for key, method in data.METHODS.items()]
    _pairs(desk, sheet, methods, [*rows, ("A figure with ~, ±", data.ABOUT_FIGURE)])
    put(sheet, methods.row + methods.rows - 1, LEFT + 1, data.ABOUT_FIGURE, desk.style("input", num_format="0%", align="left"))
    for key, parameters in data.PARAMETERS.items():
        where = _SETTINGS[key]
        _title(desk, sheet, where, f"Parameters of {key} margin")
        desk.header(sheet, where, ("Parameter", "Value", "Unit"))
        desk.inputs(sheet, where.body.part(columns=2), parameters, ("", ""))
        for r, (_, _, unit) in enumerate(parameters, 1):
            sheet.write_string(where.row + r, where.column + 2, unit, desk.style("unit", text_wrap=False, indent=1))
    _title(desk, sheet, paths, "Lines of the statement that the tables read")
    desk.header(sheet, paths, ("Line", "Path"))
    _pairs(desk, sheet, paths, [(path, path) for path in PATHS.values()])


def _pairs(desk: Desk, sheet: Any, where: Area, rows: list[tuple[str, str | float]]) -> None:
    """Labels with an input each."""
    for r, (label, value) in enumerate(rows, 1):
        sheet.write_string(where.row + r, where.column, label, desk.style("label"))
        put(sheet, where.row + r, where.column + 1, value, desk.style("input", align="left"))


def _figures(desk: Desk, sheet: Any) -> None:
    """The band of every figure that the source states, and why it is not reproduced where it is not."""
    _title(desk, sheet, FIGURES, "The source's figures, and the reason that is given for one that is not reproduced")
    desk.header(sheet, FIGURES, ("Figure", "From", "To", "±", "Reason"), formats=("", AMOUNT, AMOUNT, AMOUNT, ""))
    for column in range(FIGURES.columns, len(HEADINGS)):
        sheet.write_blank(FIGURES.row, LEFT + column, None, desk.style("header"))
    for r, one in enumerate(_STATED, 1):
        row, pattern = FIGURES.row + r, "0%" if one.key.endswith("gain") else "#,##0.00"
        sheet.write_string(row, LEFT, one.key.replace("_", " "), desk.style("label"))
        put(sheet, row, LEFT + 1, one.least, desk.style("input", num_format=pattern))
        to, about = (FIGURES.bare(r, c) for c in (2, 3))
        if isinstance(one.most, str):
            desk.formula(sheet, to, f"={NET_DEBIT}", "calculation", num_format=pattern)
        else:
            put(sheet, row, LEFT + 2, one.most, desk.style("input", num_format=pattern))
        if one.about:
            desk.formula(sheet, about, "=source_about", "calculation", num_format="0%")
        else:
            put(sheet, row, LEFT + 3, 0.0, desk.style("input", num_format="0%"))
        sheet.write_string(row, LEFT + 4, one.reason, desk.style("text", indent=1))


def _book(desk: Desk, sheet: Any, block: data.BookBlock) -> None:
    """One block: its title, its header and its rows."""
    where = _BOOKS[block.key]
    _title(desk, sheet, where, block.title)
    desk.header(sheet, where, HEADINGS[: where.columns], formats=FORMATS[: where.columns])
    for r, leg in enumerate(block.legs, 1):
        row = where.part(row=r, rows=1)
        if isinstance(leg, data.RepeatedRow):
            _repeated(desk, sheet, row, leg)
        else:
            _typed(desk, sheet, row, leg)
        if block.key in _SPLIT:
            put(sheet, row.row, row.column + len(HEADINGS) - 1, leg.account, desk.style("input"))


def _typed(desk: Desk, sheet: Any, row: Area, leg: data.BookRow) -> None:
    """A row of inputs; spot and vol are those declared for its coin."""
    for c, value in enumerate((leg.coin, leg.kind, leg.strike, leg.days, leg.quantity)):
        look = {"num_format": FORMATS[c]} if FORMATS[c] else {}
        put(sheet, row.row, row.column + c, value, desk.style("input", **look))
    coin = list(data.COINS).index(leg.coin) + 1
    for heading, column in (("IV", 2), ("Spot", 1)):
        if heading == "Spot" or leg.kind in OPTIONS:
            _points(desk, sheet, row, HEADINGS.index(heading), _SETTINGS["coins"].cell(coin, column))


def _repeated(desk: Desk, sheet: Any, row: Area, leg: data.RepeatedRow) -> None:
    """A row of references to the row that it repeats; a blank cell stays blank, where a plain reference would show 0."""
    origin = next(block for block in data.BLOCKS if block.key == leg.block).legs[leg.row]
    assert isinstance(origin, data.BookRow)
    blank = set() if origin.kind in OPTIONS else {"Strike", "IV"}
    for c, heading in enumerate(HEADINGS[:-1]):
        if heading not in blank:
            _points(desk, sheet, row, c, _BOOKS[leg.block].cell(leg.row + 1, c))


def _points(desk: Desk, sheet: Any, row: Area, column: int, source: str) -> None:
    """A cell that shows another one of the sheet."""
    look = {"num_format": FORMATS[column]} if FORMATS[column] else {}
    desk.formula(sheet, row.bare(0, column), f"={source}", "calculation", **look)
