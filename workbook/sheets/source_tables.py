"""The sheet of the source's two tables and claims: calculated values next to its figures, and a verdict on each."""

from __future__ import annotations

from typing import Any

from .. import charts
from ..layout import SOURCE_BOOKS, SOURCE_TABLES, Area
from ..parts import AMOUNT, Desk
from ..source_data import OUTSIDE
from .source_books import HEADINGS, area, figure

SHARE, COUNTED = "0.0%_ ", "#,##0.####_ "
COLUMNS = 12  # label, quantity, three numbers, three of the source's, three verdicts, rule
STRATEGIES = Area(SOURCE_TABLES, 8, 1, 5, COLUMNS)
PORTFOLIO = Area(SOURCE_TABLES, 19, 1, 6, COLUMNS)
TOTALS = Area(SOURCE_TABLES, 25, 1, 4, COLUMNS)
CLAIMS = Area(SOURCE_TABLES, 34, 1, 9, COLUMNS)
CHART_ROW = CLAIMS.row + CLAIMS.rows + 2
LOW, HIGH, TALL = 16, 30, 58  # points of a row whose texts take one, two, four lines

STRATEGY_ROWS = (  # key of the book, label, whether RULES or the standard margin answers, the rule in words
    ("put_spread", "Short put spread: −P70k +P69k", "rules", "RULES: maximum loss"),
    ("condor", "Iron condor: −C72k +C73k −P68k +P67k", "rules", "RULES: maximum loss, one side alone can lose"),
    (
        "calendar",
        "Long calendar: −C70k front, +C70k back",
        "standard",
        "DERIBIT_SM: short leg at 15 % and its mark, and the long leg's premium. Cboe's rules ask the net debit.",
    ),
    (
        "straddle",
        "Delta-neutral straddle: −C70k −P70k, long futures",
        "standard",
        "DERIBIT_SM: options at 15 % and their marks, future at 2 %. It hedges the net delta: a whole one is worse.",
    ),
)
NOTES = (
    "The source calls its figures illustrative and leaves out vols, most days to expiry, scan ranges and how spot counts. "
    f"The set declared on the sheet {SOURCE_BOOKS} is a fit: it was searched for so that bands and totals come out together.",
    "Rules-based figures are the cash a rule takes: requirement and premium of long options. Portfolio margin is SPAN-style "
    "scanning risk with spot in use, without net option value: with it the put spread takes nearly what its rule takes.",
)
SAME_TOTAL = (
    "The total agrees although its parts do not: the naked call is higher and the puts are cheaper than in the source. With "
    "the whole spot in the stress the portfolio margin is far higher: a covered call is no low risk to a stress test."
)
CASH = "Cash needed"  # the column of PM_COMPARE


def source_tables(desk: Desk) -> None:
    """Both tables, the claims, and the picture of the first table."""
    sheet = desk.sheet(
        SOURCE_TABLES,
        "Source tables",
        "The source document's tables and claims, calculated by the installed methods beside its own figures.",
        "output",
        checked=False,
        widths={"B:B": 40, "C:C": 9, "D:F": 14, "G:I": 18, "J:L": 29, "M:M": 46},
    )
    sheet.write_url("B3", f"internal:'{SOURCE_BOOKS}'!A1", desk.style("link"), "inputs: Source books")
    for r, note in enumerate(NOTES):
        sheet.write_string(3 + r, 1, note, desk.style("text"))
    _strategies(desk, sheet)
    _portfolio(desk, sheet)
    _claims(desk, sheet)
    sheet.insert_chart(CHART_ROW, 1, charts.strategy_bars(desk, STRATEGIES), {"object_position": 3})
    for table in (STRATEGIES, PORTFOLIO, TOTALS, CLAIMS):
        for word, style in (("not", "fail"), ("reproduced", "pass"), ("shown", "pass")):
            sheet.conditional_format(
                table.part(column=8, columns=3).near,
                {"type": "text", "criteria": "begins with", "value": word, "format": desk.style.condition(style)},
            )
    sheet.print_area(0, 0, CHART_ROW + 22, COLUMNS)


def _cash(book: str) -> str:
    """The cash that the standard margin takes: requirement, and premium of long options, as in PM_COMPARE.

    Headings are joined with nothing: LibreOffice finds a text that a function returned in a table only after that.
    """
    return (
        f"=_xlfn.LET(_xlpm.t,PM_COMPARE({book},,source_standard,source_standard_parameters),"
        f'IFERROR(INDEX(_xlpm.t,2,MATCH("{CASH}",INDEX(_xlpm.t,1,0)&"",0)),_xlpm.t))'
    )


def _rules(book: str) -> str:
    return f"=PM_MARGIN({book},,source_rules,source_rules_parameters)"


def _margin(book: str) -> str:
    return f"=PM_MARGIN({book},,source_portfolio,source_portfolio_parameters)"


def _write(desk: Desk, sheet: Any, cell: str, formula: str, style: str = "output", pattern: str = AMOUNT) -> None:
    """One formula; a table is looked into as an array formula, which every program evaluates alike."""
    where = cell.replace("$", "")
    if "PM_COMPARE" in formula:
        look = desk.style(style, num_format=pattern, valign="top")
        sheet.write_dynamic_array_formula(f"{where}:{where}", formula, look, "")
    else:
        desk.formula(sheet, where, formula, style, num_format=pattern, valign="top")


def _heading(desk: Desk, sheet: Any, table: Area, title: str, headings: tuple[str, ...], units: tuple[str, ...], numbers: int = 5) -> None:
    """Title, units and header of a table whose first columns after the label are numbers."""
    for column in range(COLUMNS):
        sheet.write_blank(table.row - 2, 1 + column, None, desk.style("section"))
    sheet.write_string(table.row - 2, 1, title, desk.style("section"))
    formats = ("", *[AMOUNT] * (numbers - 1), *[""] * (COLUMNS - numbers))
    desk.header(sheet, table, headings, units, formats)
    sheet.set_row(table.row - 1, 16)
    sheet.set_row(table.row, 32)


def _label(desk: Desk, sheet: Any, table: Area, row: int, label: str, rule: str, height: int = HIGH) -> None:
    """The texts of a row."""
    sheet.set_row(table.row + row, height)
    sheet.write_string(table.row + row, 1, label, desk.style("label", bold=True, valign="top", text_wrap=True))
    sheet.write_string(table.row + row, COLUMNS, rule, desk.style("note", valign="top", text_wrap=True))


def _beside(desk: Desk, sheet: Any, table: Area, row: int, key: str, column: int, value: int) -> None:
    """The source's words in a column, and three columns on the verdict on the number in column `value`."""
    found, band = figure(key)
    wrapped = {"valign": "top", "text_wrap": True, "indent": 1}
    sheet.write_string(table.row + row, 1 + column, found.says, desk.style("text", **wrapped))
    verdict = table.bare(row, column + 3)
    if found.least is None:
        sheet.write_string(verdict, "in words only", desk.style("note", **wrapped))
        return
    low, high, about, reason = (band.far(0, c) for c in (1, 2, 3, 4))
    x = table.bare(row, value)
    desk.formula(
        sheet,
        verdict,
        f"=IF(ISNUMBER({x}),IF(AND({x}>={low}*(1-{about})-tolerance,{x}<={high}*(1+{about})+tolerance),"
        f'"reproduced","not reproduced: "&{reason}),"not calculated")',
        "calculation",
        **wrapped,
    )


def _legs(book: str) -> str:
    return f"=COUNT({area(book).body_column(HEADINGS.index('Quantity')).ref})"


def _saving(apart: str, together: str) -> str:
    return f'=IF(AND(ISNUMBER({apart}),ISNUMBER({together})),1-{together}/{apart},"")'


def _strategies(desk: Desk, sheet: Any) -> None:
    """The four strategies."""
    table = STRATEGIES
    said = _source("Rules-based", "Portfolio", "Gain")
    headings = ("Strategy", "Legs", "Rules-based", "Portfolio margin", "Gain", *said, "Rule")
    _heading(desk, sheet, table, "Table 1: strategies, BTC at 70,000", headings, ("", "", "USD", "USD", "share"))
    for r, (book, label, rule, words) in enumerate(STRATEGY_ROWS, 1):
        _label(desk, sheet, table, r, label, words)
        rules, portfolio = table.cell(r, 2), table.cell(r, 3)
        _write(desk, sheet, table.cell(r, 1), _legs(book), "calculation", COUNTED)
        _write(desk, sheet, rules, _cash(f"book_{book}") if rule == "standard" else _rules(f"book_{book}"))
        _write(desk, sheet, portfolio, _margin(f"book_{book}"))
        _write(desk, sheet, table.cell(r, 4), _saving(rules, portfolio), pattern=SHARE)
        for n, column in enumerate(("rules", "portfolio", "gain")):
            _beside(desk, sheet, table, r, f"{book} {column}", 5 + n, 2 + n)
    total = "PM_LINE(book_put_spread,line_total,,source_portfolio,source_portfolio_parameters)"
    below = (("Net debit of the calendar", figure("calendar portfolio")[1].far(0, 2)), ("Put spread with net option value", total))
    for r, (label, formula) in enumerate(below, table.rows):
        sheet.write_string(table.row + r, 1, label, desk.style("label"))
        _write(desk, sheet, table.cell(r, 3), f"={formula}", "calculation")


def _source(*columns: str) -> tuple[str, ...]:
    """Headings of the source's columns, then of the verdicts on them."""
    return (*(f"Source: {column.lower()}" for column in columns), *(f"Verdict: {column.lower()}" for column in columns))


def _portfolio(desk: Desk, sheet: Any) -> None:
    """The five lines of the portfolio and their totals by coin."""
    table, whole = PORTFOLIO, area("portfolio")
    headings = (
        "Position",
        "Quantity",
        "Notional",
        "Rules-based",
        "Portfolio contribution",
        *_source("Notional", "Rules-based", "Portfolio"),
        "Rule",
    )
    units = ("", "coins", "USD", "USD", "USD")
    _heading(desk, sheet, table, "Table 2: a portfolio of BTC and ETH, BTC at 70,000 and ETH at 3,500", headings, units)
    quantity, spot = HEADINGS.index("Quantity"), HEADINGS.index("Spot")
    rows = (  # key, label, row of the whole book, rules-based, the rule in words
        ("btc_spot", "Long BTC spot", 1, "", "held as collateral: no requirement"),
        ("naked_call", "Short BTC 75k call, 30 days", 2, _cash("book_naked_call"), "DERIBIT_SM: at least 10 % and the mark"),
        ("eth_spot", "Long ETH spot", 3, "", "held as collateral: no requirement"),
        ("eth_puts", "Long ETH 3k puts, 60 days", 4, _cash("book_eth_puts"), "DERIBIT_SM: premium in full"),
        ("eth_condor", "Short ETH iron condor 3.8k/3.9k, 3.2k/3.1k", 5, _rules("book_eth_condor"), "RULES: maximum loss"),
    )
    for r, (key, label, row, rules, words) in enumerate(rows, 1):
        _label(desk, sheet, table, r, label, words, TALL if figure(f"{key} rules")[0].reason != OUTSIDE else HIGH)
        held, price = whole.far(row, quantity), whole.far(row, spot)
        _write(desk, sheet, table.cell(r, 1), f"=ABS({held})", "calculation", COUNTED)
        _write(desk, sheet, table.cell(r, 2), f"=ABS({held})*{price}", "calculation")
        if rules:
            _write(desk, sheet, table.cell(r, 3), rules)
        else:
            sheet.write_string(table.row + r, 4, "collateral", desk.style("note", valign="top", align="right", indent=1))
        coin = "BTC" if row <= 2 else "ETH"
        sheet.write_string(table.row + r, 5, f"netted in {coin}", desk.style("note", valign="top", align="right", indent=1))
        for n, column in enumerate(("notional", "rules", "portfolio")):
            _beside(desk, sheet, table, r, f"{key} {column}", 5 + n, 2 + n)
    _totals(desk, sheet)


def _totals(desk: Desk, sheet: Any) -> None:
    """By coin and in all, and the saving."""
    sums = TOTALS
    first = PORTFOLIO.body
    for r, (coin, rows) in enumerate((("BTC", (0, 2)), ("ETH", (2, 3)))):
        part = first.part(row=rows[0], rows=rows[1])
        _label(desk, sheet, sums, r, coin, "the coin's line of the portfolio's statement", LOW)
        _write(desk, sheet, sums.cell(r, 3), f"=SUM({part.part(column=3, columns=1).near})")
        call = f"PM_LINE(book_portfolio,line_{coin.lower()},,source_portfolio,source_portfolio_parameters)"
        _write(desk, sheet, sums.cell(r, 4), f"={call}")
    _label(desk, sheet, sums, 2, "Total", "rules-based: sum of the lines; portfolio: the whole book at once", LOW)
    _label(desk, sheet, sums, 3, "Saving", "1 less the portfolio's total over the rules' total", LOW)
    rules, portfolio, saving = sums.cell(2, 3), sums.cell(2, 4), sums.cell(3, 4)
    lines = first.part(column=3, columns=1).near
    _write(desk, sheet, rules, f'=IF(COUNT({lines})=COUNTA({lines})-2,SUM({lines}),"not calculated")')
    _write(desk, sheet, portfolio, _margin("book_portfolio"))
    _write(desk, sheet, saving, _saving(rules, portfolio), pattern=SHARE)
    for row, column, key in ((2, 6, "rules"), (2, 7, "portfolio"), (3, 7, "gain")):
        _beside(desk, sheet, sums, row, f"total {key}", column, 4 if key == "gain" else column - 3)
    sheet.write_string(sums.row + sums.rows, 1, SAME_TOTAL, desk.style("text"))


def _claims(desk: Desk, sheet: Any) -> None:
    """The source's claims in words, with numbers: the margins of the books separately, and together."""
    table = CLAIMS
    headings = (
        "Claim", "Legs", "Apart", "Together", "Reduction", "Freed", "", "",
        "Verdict", "", "", "What is compared",
    )  # fmt: skip
    _heading(desk, sheet, table, "The source's other claims, in numbers", headings, ("", "", "USD", "USD", "share", "USD"), 6)
    cash = area("cash_put")
    strike, puts = (cash.far(1, HEADINGS.index(heading)) for heading in ("Strike", "Quantity"))
    alone = [table.cell(r, 2) for r in (1, 2)]
    covered = PORTFOLIO.cell(2, 3)
    rows = (  # label, book of the legs, separate, together, compared quantity
        ("Lead example: long C70k alone", "lead_call", _margin("book_lead_call"), "", "the option on its own"),
        ("Lead example: short future alone", "lead_future", _margin("book_lead_future"), "", "the future on its own"),
        ("Lead example: both together", "lead", f"=SUM({alone[0]}:{alone[1]})", _margin("book_lead"), "apart, or in one account"),
        ("Lead example: with half a future", "lead_half", _margin("apart_lead_half"), _margin("book_lead_half"), "the same"),
        ("Covered call: spot and short C75k", "", f"={covered}", _margin("book_covered_call"), "naked call rule, or spot seen"),
        ("Cash-secured put: −P65k", "cash_put", f"=-{puts}*{strike}", _margin("book_cash_put"), "strike in cash, or the risk"),
        (
            "Short gamma 10 days, long vega 60 days",
            "gamma_vega",
            _margin("apart_gamma_vega"),
            _margin("book_gamma_vega"),
            "each tenor in an account of its own, or one account",
        ),
        (
            "Term structure of 48 legs",
            "term",
            _margin("apart_term"),
            _margin("book_term"),
            "each leg in an account of its own, or one account",
        ),
    )
    for r, (label, book, apart, together, words) in enumerate(rows, 1):
        _label(desk, sheet, table, r, label, words, LOW)
        left, right = table.cell(r, 2), table.cell(r, 3)
        legs = _legs(book) if book else "=ROWS(book_covered_call)-1"
        _write(desk, sheet, table.cell(r, 1), legs, "calculation", COUNTED)
        _write(desk, sheet, left, apart)
        if together:
            gain = table.cell(r, 4)
            _write(desk, sheet, right, together)
            _write(desk, sheet, gain, _saving(left, right), pattern=SHARE)
            _write(desk, sheet, table.cell(r, 5), f'=IF(ISNUMBER({gain}),{left}-{right},"")')
            verdict = f'=IF(ISNUMBER({gain}),IF({gain}>0,"shown","not shown: together is not less"),"not calculated")'
            desk.formula(sheet, table.bare(r, 8), verdict, "calculation", valign="top", indent=1)
