"""The report of a backtest: a summary, every day's margin and loss, and a chart of each book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from .styles import COLOURS, STYLES

Rows = Sequence[Sequence[Any]]
FORMATS = {
    "Average margin": "#,##0",
    "Expected": "0.0",
    "Covered": "0.0%",
    "Kupiec p": "0.000",
    "Independence p": "0.000",
    "Worst loss / margin": "0.00",
    "Peak / trough": "0.0",
    "Largest 5-day rise": "0%",
}
LINES = (COLOURS["header fill"], COLOURS["loss"], COLOURS["gain"], COLOURS["tab calculation"], COLOURS["tab input"], COLOURS["input"])
NAME_LENGTH = 31  # of a sheet


def write(path: str | Path, summary: Rows, books: Mapping[str, Rows], note: str) -> None:
    """Write the report.

    Args:
        summary: header and rows
        books: per book a table `Date`, `P&L`, one column per method with its margin
        note: the way that the report was made
    """
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as file:
        styles = {name: file.add_format(STYLES[name]) for name in ("title", "header", "note", "text")}
        numbers = {name: file.add_format({**STYLES["text"], "num_format": code}) for name, code in FORMATS.items()}
        _summary(file.add_worksheet("Summary"), summary, note, styles, numbers)
        for book, rows in books.items():
            _book(file, book[:NAME_LENGTH], rows, styles)


def _summary(sheet: Any, rows: Rows, note: str, styles: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
    sheet.write(0, 0, "Backtest", styles["title"])
    sheet.write(1, 0, note, styles["note"])
    for c, heading in enumerate(rows[0]):
        sheet.write(3, c, heading, styles["header"])
        for r, row in enumerate(rows[1:], 4):
            sheet.write(r, c, row[c], numbers.get(heading, styles["text"]))
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, len(rows[0]) - 1, 13)
    sheet.freeze_panes(4, 2)


def _book(file: Any, name: str, rows: Rows, styles: Mapping[str, Any]) -> None:
    """One book: its table, and a chart of the daily result against the margin below it."""
    sheet = file.add_worksheet(name)
    amount = file.add_format({**STYLES["text"], "num_format": "#,##0"})
    for c, heading in enumerate(rows[0]):
        sheet.write(0, c, heading, styles["header"])
    for r, row in enumerate(rows[1:], 1):
        sheet.write_row(r, 0, row, amount)
    count, last = len(rows[0]), len(rows) - 1
    chart = file.add_chart({"type": "column"})
    chart.add_series(
        {
            "name": [name, 0, 1],
            "categories": [name, 1, 0, last, 0],
            "values": [name, 1, 1, last, 1],
            "fill": {"color": COLOURS["tab calculation"]},
            "gap": 20,
        }
    )
    lines = file.add_chart({"type": "line"})
    for c in range(2, count):
        sheet.write(0, count + c, f"−{rows[0][c]}", styles["header"])
        for r, row in enumerate(rows[1:], 1):
            sheet.write_number(r, count + c, -row[c], amount)
        lines.add_series(
            {
                "name": [name, 0, count + c],
                "categories": [name, 1, 0, last, 0],
                "values": [name, 1, count + c, last, count + c],
                "line": {"color": LINES[(c - 2) % len(LINES)], "width": 1.5},
            }
        )
    chart.combine(lines)
    chart.set_title({"name": f"{name}: next day's result and the margin against it", "name_font": {"size": 12}})
    chart.set_x_axis({"label_position": "low", "interval_unit": max(1, last // 8), "num_font": {"size": 9}})
    chart.set_y_axis({"num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": COLOURS["line"]}}})
    chart.set_size({"width": 900, "height": 420})
    chart.set_legend({"position": "bottom"})
    sheet.insert_chart(1, 2 * count + 1, chart)
    sheet.set_column(0, 2 * count, 12)
