"""A book of 500 rows in files: what a workbook of 26 sheets costs beyond a CSV file, against the start of the command."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xlsxwriter

from tests.bench.report import Table, on_one_core, turns
from tests.bench.sheet import MARKET, sheet

ROWS, SHEETS, ROUNDS = 500, 26, 5
START = "the command starts (xlmargin --help)"


def tables() -> Iterator[Table]:
    """One table."""
    with on_one_core(), tempfile.TemporaryDirectory() as folder:
        yield _compared(Path(folder))


def _compared(folder: Path) -> Table:
    """CPU seconds of whole commands, in turn."""
    rows: list[Any] = [[_plain(cell) for cell in row] for row in sheet(ROWS)]
    market: list[Any] = [[_plain(cell) for cell in row] for row in MARKET]
    write_csv(folder / "book.csv", rows)
    write_csv(folder / "market.csv", market)
    _write_workbook(folder / "book.xlsx", rows, market)
    runs: dict[str, Callable[[], Any]] = {
        START: command("--help"),
        "margin of a CSV file": command("margin", folder / "book.csv", "--market", folder / "market.csv"),
        f"margin of a workbook of {SHEETS} sheets": command("margin", folder / "book.xlsx"),
    }
    middle = {name: float(np.median(spent)) for name, spent in turns(runs, ROUNDS, clock=child_seconds).items()}
    return Table(
        f"{ROWS} rows in files, CPU of the whole command, one core",
        ("what runs", "s", "x the start"),
        [[name, f"{spent:.2f}", f"{spent / middle[START]:.2f}"] for name, spent in middle.items()],
    )


def _plain(cell: Any) -> Any:
    """A cell as a person types it: dates as texts."""
    return cell.isoformat() if hasattr(cell, "isoformat") else cell


def write_csv(path: Path, rows: list[Any]) -> None:
    """Cells as a person types them."""
    path.write_text("\n".join(",".join("" if cell is None else str(_plain(cell)) for cell in row) for row in rows), encoding="utf-8")


def _write_workbook(path: Path, rows: list[Any], market: list[Any]) -> None:
    """The two ranges among many other sheets of as many rows."""
    with xlsxwriter.Workbook(path) as book:
        for title, cells in (("Positions", rows), ("Market", market), *((f"Sheet {n}", rows) for n in range(SHEETS - 2))):
            target = book.add_worksheet(title)
            for n, row in enumerate(cells):
                target.write_row(n, 0, row)


def command(*arguments: object, folder: Path | None = None) -> Callable[[], Any]:
    """A run of the command in a process of its own, in a folder where one is given."""
    line = [sys.executable, "-c", "from xlmargin.cli import main; raise SystemExit(main())", *map(str, arguments)]
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}  # this code, whatever the folder
    return lambda: subprocess.run(line, check=True, capture_output=True, cwd=folder, env=here)


def child_seconds() -> float:
    """CPU seconds of the processes that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
