"""The sheet of checks: each in words, the master check over them, and the findings of PM_CHECK."""

from __future__ import annotations

from ..layout import CHECKS, Area
from ..parts import AMOUNT, COUNT, Desk
from ..tables import hides_coins, hides_scenarios
from .desk_checks import desk_checks

# a line: check, number format, one side, other side, comparison, verdict; {a} and {b} are the two sides
Check = tuple[str, str, str, str, str, str]
SAME = 'IF(ABS({a}-{b})<=tolerance,"PASS","FAIL")'
BOTH = "AND(ISNUMBER({a}),ISNUMBER({b}))"
EQUAL = f'=IF({BOTH},{SAME},"FAIL")'
MORE = '=IF({a}>{b},"PASS","FAIL")'
# a message is a text, or in the workbook with macros an error: no number in either
IF_SCENARIOS = 'IF(AND(ISNUMBER(initial_margin),ISNUMBER(scanning_risk)=FALSE),"n/a",'  # n/a under a rulebook without scenarios
IF_PAST = 'IF(AND(ISNUMBER(initial_margin),ISNUMBER(value_at_risk)=FALSE),"n/a",'  # no history, or not of every coin
FREE = "the last reserved row is free"
PRINTED_FINDINGS = 40  # rows
NO_BOOK = f"'{CHECKS}'!$D$4"  # a line while no position is typed: nothing can be checked then, and nothing fails
NOTHING_TYPED = "No position is typed yet: type or paste the book into the sheet Positions, its spots into the sheet Market."


def checks(desk: Desk) -> None:
    """Every check in words, the master check over them, and the findings of PM_CHECK."""
    area, table = desk.layout.checks, desk.layout.check_table
    sheet = desk.sheet(
        CHECKS,
        "Checks",
        "The master check passes when no line below fails. Figures of a workbook that fails are not to be used.",
        "calculation",
        checked=False,
        widths={"B:B": 54, "C:C": 30, "D:D": 44, "E:E": 66, "F:F": 44, "G:H": 12, "I:I": 44},
    )
    sheet.write_string("B4", "Master check", desk.style("label", bold=True))
    results = area.body_column(4)
    passed = f'COUNTIF({results.near},"PASS")+COUNTIF({results.near},"n/a")=ROWS({results.near})'
    desk.formula(sheet, "C4", f'=IF({passed},IF({NO_BOOK}="","PASS","no positions yet"),"FAIL")', "headline")
    typed = desk.layout.positions.body.ref
    desk.formula(sheet, "D4", f'=IF(COUNTA({typed})=0,"{NOTHING_TYPED}","")', "message")
    desk.verdicts(sheet, "C4")
    desk.header(sheet, area, ("Check", "One side", "Other side", "How", "Result"))
    lines = (*_of_inputs(desk), *_of_margin(desk), *_of_tables(desk), *desk_checks(desk), *_of_tail(desk))
    for r, (label, pattern, one, other, how, verdict) in zip(range(1, area.rows), lines, strict=True):
        left, right = area.cell(r, 1), area.cell(r, 2)
        sheet.write_string(area.row + r, 1, label, desk.style("label"))
        for c, formula in ((1, one), (2, other)):
            desk.formula(sheet, area.bare(r, c), formula, "calculation", num_format=pattern, align="left")
        sheet.write_string(area.row + r, 4, how, desk.style("note"))
        result = verdict.removeprefix("=").replace("{a}", left).replace("{b}", right)
        desk.formula(sheet, area.bare(r, 4), f'=IF($D$4="",{result},"n/a")', "calculation")
    desk.verdicts(sheet, results.near)
    desk.section(sheet, table.row - 2, 1, "What PM_CHECK found", table.columns)
    sheet.write_string(table.row - 1, 1, "rows counted from the header of the range as 1", desk.style("note"))
    desk.reserved(sheet, table, "PM_CHECK(positions,market)", [COUNT, "", "", ""], "Row", message=f"C{table.row - 1}", lined=True)
    desk.signpost(sheet, "B3", table, "What PM_CHECK found ↓", above=2)
    desk.signpost(sheet, "C3", desk.layout.methods, "Methods ↓")
    desk.signpost(sheet, "D3", desk.layout.about, "About this workbook ↓", above=0)
    lists = (desk.layout.methods, 3, desk.layout.known + 4), (desk.layout.about, 0, desk.layout.about.rows), (table, 2, PRINTED_FINDINGS)
    parts = [Area(CHECKS, part.row - above, 1, rows, 8) for part, above, rows in lists]
    desk.print_parts(sheet, Area(CHECKS, 0, 0, area.row + area.rows, 6), *parts)


def _of_inputs(desk: Desk) -> list[Check]:
    at = desk.layout
    found, quantity, spot = at.check_table, at.position("Quantity").ref, at.market.body_column(1).ref
    clean = '=IF({a}="OK","PASS","FAIL")'
    return [
        ("Positions and market have no fault", COUNT, f"={found.far(1, 0)}", f"={found.far(1, 2)}", "PM_CHECK answers OK", clean),
        ("The book has positions", COUNT, f"=COUNT({quantity})", "=0", "more quantities than none", MORE),
        ("The market has spots", COUNT, f"=COUNT({spot})", "=0", "more spots than none", MORE),
        (
            "A method is chosen",
            "",
            '=IF(method="","none",method)',
            "=COUNTIF(method_names,method)",
            "one of the list below",
            '=IF({b}>0,"PASS","FAIL")',
        ),
    ]


def _of_margin(desk: Desk) -> list[Check]:
    at, risk = desk.layout, desk.layout.risk
    worst = Area(risk.sheet, risk.row - 2, risk.column + 5, 1, risk.columns - 5).ref
    in_part = f"OR({_several(desk)},{hides_coins(risk)},{hides_scenarios(risk)})"
    numbers = f'=IF({BOTH},"PASS","FAIL")'
    scanned = f'={IF_SCENARIOS}IF({BOTH},IF({in_part},IF({{a}}<={{b}}+tolerance,"PASS","FAIL"),{SAME}),"FAIL"))'
    compared = f'=IF({{a}}="not compared","n/a",IF({BOTH},{SAME},"FAIL"))'
    methods, initial = (at.comparison.body_column(c).ref for c in (0, 1))
    in_table = f'=IFERROR(INDEX({initial},MATCH(method,{methods},0)),"not compared")'
    close = "within the tolerance"
    return [
        ("Both margins are numbers", AMOUNT, "=initial_margin", "=maintenance_margin", "neither is a message", numbers),
        ("The statement begins with the initial margin", AMOUNT, f"={at.statement.far(1, 2)}", "=initial_margin", close, EQUAL),
        (
            "Scanning risk is the sum of the worst losses by coin",
            AMOUNT,
            f"=SUM({worst})",
            "=scanning_risk",
            "equal; with several accounts, coins or scenarios not shown, at least the sum",
            scanned,
        ),
        ("The comparison shows the same initial margin", AMOUNT, in_table, "=initial_margin", close, compared),
    ]


def _several(desk: Desk) -> str:
    """The condition that the book has more than one account."""
    account, quantity = desk.layout.position("Account"), desk.layout.position("Quantity").ref
    return f'SUMPRODUCT(({quantity}<>"")*({account.ref}<>{account.far(0, 0)}))>0'


def _of_tables(desk: Desk) -> list[Check]:
    at, risk, grid = desk.layout, desk.layout.risk, desk.layout.grid
    lines, methods = at.statement.body_column(2).ref, at.comparison.body_column(1).ref

    def free(last: str) -> str:
        return f'=IF({last}="","PASS","FAIL")'

    total = f'=IFERROR(MATCH("Total",{risk.part(rows=1).ref},0),"no Total")'
    shown = f'={IF_SCENARIOS}IF(AND(ISNUMBER({{a}}),{risk.far(risk.rows - 1, 0)}=""),"PASS","FAIL"))'
    price, vol = grid.body_column(0).ref, grid.part(rows=1, column=1).ref
    still = f'=IFERROR(INDEX({grid.body.part(column=1).ref},MATCH(0,{price},0),MATCH(0,{vol},0)),"no such cell")'
    none = '=IF(OR({a}="no such cell",{b}>0),"n/a",IF(ISNUMBER({a}),IF(ABS({a})<=tolerance,"PASS","FAIL"),"FAIL"))'
    return [
        (
            "The statement fits its area, or says what it leaves out",
            COUNT,
            f"=COUNT({lines})",
            f"=ROWS({lines})",
            FREE,
            free(at.statement.far(at.statement.rows - 1, 1)),
        ),
        (
            "The risk array fits its area, or says what it leaves out",
            COUNT,
            total,
            f"=COLUMNS({risk.ref})",
            f"it shows its Total, and {FREE}",
            shown,
        ),
        (
            "The comparison fits its area",
            COUNT,
            f"=COUNT({methods})",
            f"=ROWS({methods})",
            FREE,
            free(at.comparison.far(at.comparison.rows - 1, 0)),
        ),
        (
            "The list of faults fits its area",
            COUNT,
            f'=SUMPRODUCT(({at.check_table.body_column(0).ref}<>"")*1)',
            f"=ROWS({at.check_table.body_column(0).ref})",
            FREE,
            free(at.check_table.far(at.check_table.rows - 1, 0)),
        ),
        ("No move, no gain", AMOUNT, still, "=grid_days", "the P&L grid is 0 where nothing moves and no day passes", none),
    ]


def _of_tail(desk: Desk) -> list[Check]:
    at, several = desk.layout, _several(desk)
    same, table = "VaR and PM_MARGIN of the method VAR", "VaR and its table"
    direct = "=PM_MARGIN(positions,market,var_method,var_parameters,history)"
    more = f'={IF_PAST}IF({BOTH},IF({{a}}>={{b}}-tolerance,"PASS","FAIL"),"FAIL"))'
    counted = at.bins.part(row=1, column=3).ref
    moves = f"=COUNT({at.past_total.body.ref})"
    shown = f'={IF_PAST}IF(AND({{a}}>0,{{a}}={{b}},{at.past.far(at.past.rows - 1, 0)}=""),"PASS","FAIL"))'
    return [
        (f"{same} are equal", AMOUNT, "=value_at_risk", direct, "within the tolerance", f"={IF_PAST}{EQUAL[1:]})"),
        ("Expected shortfall is at least VaR", AMOUNT, "=expected_shortfall", "=value_at_risk", "not less", more),
        (
            f"{table} agree: the last day of the tail",
            AMOUNT,
            f'=IFERROR(MAX(0,-SMALL({at.past_total.body.ref},{at.tail.far(4, 1)})),"no such day")',
            "=value_at_risk",
            "the loss of the last day in the tail is VaR; n/a: several accounts",
            f'={IF_PAST}IF({several},"n/a",{EQUAL[1:]}))',
        ),
        ("The histogram counts every move", COUNT, moves, f"=SUM({counted})", f"equal, and {FREE}", shown),
    ]
