"""Checks of the desk's sheets: shares that add up, tables that fit their areas, no cells typed outside the ranges of the functions."""

from __future__ import annotations

from ..layout import OTHER_METHODS, Area
from ..parts import AMOUNT, COUNT, Desk

# as in checks.py: check, number format, one side, other side, comparison, verdict
Check = tuple[str, str, str, str, str, str]
BOTH = "AND(ISNUMBER({a}),ISNUMBER({b}))"
EQUAL = f'IF({BOTH},IF(ABS({{a}}-{{b}})<=tolerance,"PASS","FAIL"),"FAIL")'
FREE = "the last reserved row is free"
BELOW = 2_000  # rows checked below an area, where pasted rows beyond its end begin


def desk_checks(desk: Desk) -> list[Check]:
    """Every check of these sheets; the first is that of the sheet Move, which shows it."""
    return [*_sums(desk), *_fits(desk), *_outside(desk)]


def _sums(desk: Desk) -> list[Check]:
    at = desk.layout
    ends, shares, block = at.move_ends, at.contributions.body_column(4), at.block(0)
    unless = 'IF(AND(ISNUMBER(initial_margin),ISNUMBER({x})=FALSE),"n/a",'
    total = f'=IF(COUNT({shares.ref})=0,"none",SUM({shares.ref}))'
    then, causes, moves = ends.far(0, 1), ends.far(1, 1), at.move.body_column(1).ref
    now = f'=IF(ISNUMBER({then}),IF(COUNT({moves})=0,"none",{then}+{causes}),"none")'
    close = "within the tolerance"
    return [
        (
            "Then, and the causes, come to the margin now",
            AMOUNT,
            now,
            "=initial_margin",
            f"{close}; n/a: no earlier book, or no margin of it",
            f"={unless.replace('{x}', '{a}')}{EQUAL})",
        ),
        (
            "Contributions add up to the initial margin",
            AMOUNT,
            total,
            "=initial_margin",
            f"{close}; n/a: off, or not of this method",
            f"={unless.replace('{x}', '{a}')}{EQUAL})",
        ),
        (
            "The what-if begins with the initial margin",
            AMOUNT,
            f"={block.far(1, 1)}",
            "=initial_margin",
            f"{close}; n/a: a fault of the trades",
            f"={unless.replace('{x}', '{a}')}{EQUAL})",
        ),
        (
            "The account's status has the initial margin",
            AMOUNT,
            f"={at.status.far(2, 1)}",
            "=initial_margin",
            f"{close}; n/a: a fault of the balances",
            f"={unless.replace('{x}', '{a}')}{EQUAL})",
        ),
    ]


def _fits(desk: Desk) -> list[Check]:
    at = desk.layout
    tables = [
        ("The table of contributions fits its area", [at.contributions], 0),
        ("The table of greeks fits its area", [at.greeks], 0),
        ("The what-if tables fit their areas", [at.block(n) for n in range(OTHER_METHODS + 1)], 0),
        ("The liquidation table fits its area", [at.liquidation], 0),
        ("The table of accounts fits its area", [at.accounts], 0),
        ("The rules of the rulebook fit their area", [at.qualify], 0),
        ("The list of methods fits its area", [at.methods], 0),
    ]
    found = []
    for label, areas, column in tables:
        used = "+".join(f'SUMPRODUCT(({area.body_column(column).ref}<>"")*1)' for area in areas)
        size = "+".join(f"ROWS({area.body_column(column).ref})" for area in areas)
        last = "AND(" + ",".join(f'{area.far(area.rows - 1, column)}=""' for area in areas) + ")"
        found.append((label, COUNT, f"={used}", f"={size}", FREE, f'=IF({last},"PASS","FAIL")'))
    return found


def _outside(desk: Desk) -> list[Check]:
    """Checks that the cells next to an input area, outside its name, are blank."""
    at = desk.layout
    places: list[tuple[str, list[tuple[Area, int, int]]]] = [  # an area, rows below it, columns on its right
        ("Positions", [(at.positions, BELOW, 1)]),
        ("Market", [(at.market, BELOW, 1)]),
        ("Parameters", [(at.parameter_input, BELOW, 0), (at.own_scenarios, BELOW, 1)]),
        ("the moves of the P&L grid", [(at.price_moves, BELOW, 0), (at.vol_moves, BELOW, 0)]),
        ("History", [(at.history, BELOW, 3)]),
        ("What-if", [(at.trades, 1, 1)]),
        ("Account", [(at.balances, 2, 1), (at.limits, 2, 0)]),
        ("the earlier book and market", [(at.positions_before, BELOW, 1), (at.market_before, BELOW, 1)]),
        ("the readings", [(at.monitor, BELOW, 1)]),
        ("the venue's margins", [(at.theirs, 1, 1)]),
    ]
    found = []
    for sheet, areas in places:
        cells = []
        for area, rows, columns in areas:
            cells.append(Area(area.sheet, area.row + area.rows, area.column, rows, area.columns).ref)
            if columns:
                cells.append(Area(area.sheet, area.row, area.column + area.columns, area.rows, columns).ref)
        counted = "+".join(f"COUNTA({cell})" for cell in cells)
        words = "cells filled below and on the right of the area: none"
        label = f"Nothing is typed outside the area of {sheet}"
        found.append((label, COUNT, f"={counted}", "=0", words, '=IF({a}={b},"PASS","FAIL")'))
    return found
