"""The builder of the workbook, which writes the same bytes every time."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import xlsxwriter

from . import waterfall
from .excel import Macros, add_macros, macro_enabled
from .layout import Layout
from .parts import Desk
from .sheets import (
    about,
    account,
    checks,
    contributions,
    drawn,
    inputs,
    monitor,
    outputs,
    source_books,
    source_tables,
    summary,
    tail,
    what_if,
)
from .sheets.content import DEMO, KINDS
from .styles import Styles

MOST_ROWS = 20_000  # beyond that a sheet is slow to edit: a file of positions is read by the command line
CREATED = dt.datetime(2026, 1, 1)  # part of the file: the same workbook must give the same bytes
SOURCES = (source_tables.source_tables, source_books.source_books)  # in the demonstration alone
PAGES = (  # a further part of a sheet stands after it
    summary.summary,
    inputs.positions,
    inputs.market,
    inputs.parameters,
    inputs.scenarios,
    account.account,
    outputs.risk_array,
    outputs.pnl_grid,
    drawn.scenarios,
    outputs.comparison,
    drawn.methods,
    monitor.reconcile,
    outputs.statement,
    waterfall.waterfall_data,
    contributions.contributions,
    contributions.greeks,
    contributions.sizes,
    what_if.what_if,
    what_if.move,
    what_if.yesterday,
    what_if.move_data,
    account.limits,
    account.limit_data,
    monitor.monitor,
    tail.value_at_risk,
    tail.history,
    *SOURCES,
    checks.checks,
    about.methods,
    about.about,
)


def build(path: str | Path, rows: int = 500, macros: Macros | None = None, kind: str = "demo") -> None:
    """Write the workbook.

    Args:
        path: the file to write: .xlsx, or .xlsm with macros
        rows: position rows to keep free
        macros: for Excel on Windows
        kind: one of KINDS: what is typed in it

    Raises:
        OSError: the file cannot be written
        ValueError: fewer rows than the sample has, or too many for a sheet
    """
    if not len(DEMO.positions) <= rows <= MOST_ROWS:
        raise ValueError(f"rows must be from {len(DEMO.positions)}, which the sample needs, to {MOST_ROWS:,}, not {rows}")
    layout, content = Layout(rows), KINDS[kind]
    contents = io.BytesIO()
    with xlsxwriter.Workbook(contents, {"in_memory": True, "strings_to_urls": False}) as book:
        book.set_properties({"title": "xlmargin", "subject": "Portfolio margin", "created": CREATED})
        book.set_calc_mode("auto")
        desk = Desk(book, Styles(book), layout, content, macros is not None)
        for page in PAGES:
            if content.sources or page not in SOURCES:
                page(desk)
        for name, ref in (layout.names | (source_books.names() if content.sources else {})).items():
            book.define_name(name, f"={ref}")
        book.get_worksheet_by_name("Summary").activate()
        if macros:
            add_macros(desk, macros)
    written = contents.getvalue()
    Path(path).write_bytes(macro_enabled(written, macros.category) if macros else written)
