"""The desk's workbook without a spreadsheet program: what its commands and an edit in it cost, against the start of a command."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import udfs  # noqa: F401  (fills the registry)
from tests.bench.files import child_seconds, command, write_csv
from tests.bench.report import Table, on_one_core, turns
from xlmargin.faces.demo import new_workbook
from xlmargin.faces.web.session import Session
from xlmargin.files.workbooks import NamedRanges, read_workbook
from xlmargin.sheet.columns import Header
from xlmargin.sheet.registry import FUNCTIONS

ROWS, ROUNDS = (50, 500), 3
UNIT = "the machine is looked at (xlmargin doctor)"
CALLS = {name: function.call for name, function in FUNCTIONS.items()}


def tables() -> Iterator[Table]:
    """One table."""
    with on_one_core(), tempfile.TemporaryDirectory() as folder:
        yield _compared(Path(folder))


def _compared(folder: Path) -> Table:
    """CPU seconds of whole commands and of a session's steps, in turn."""
    books = {rows: new_workbook(folder / f"of {rows}", rows, "new") for rows in ROWS}
    largest, fresh = books[ROWS[-1]], itertools.count()
    runs: dict[str, Callable[[], Any]] = {
        UNIT: command("doctor"),
        "demo": lambda: command("demo", folder=_made(folder / f"demo {next(fresh)}"))(),
        f"new --rows {ROWS[-1]}": lambda: command("new", folder / f"new {next(fresh)}", "--rows", ROWS[-1])(),
        "margin of the workbook": command("margin", largest),
        "margin of the same book as CSV": command("margin", *_as_csv(largest, _made(folder / "csv"))),
    }
    for rows, path in books.items():
        session = Session(path, CALLS)
        runs |= {
            f"open, {rows} rows reserved": lambda path=path: Session(path, CALLS),  # type: ignore[misc]
            f"one edit on screen, {rows} rows reserved": _edit(session, path),
            f"save, {rows} rows reserved": session.save,
        }
    spent = turns(runs, ROUNDS, clock=lambda: time.process_time() + child_seconds())
    middle = {name: float(np.median(seconds)) for name, seconds in spent.items()}
    return Table(
        "The desk's workbook, CPU, one core",
        ("what runs", "s", "x doctor"),
        [[name, f"{seconds:.2f}", f"{seconds / middle[UNIT]:.2f}"] for name, seconds in middle.items()],
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _edit(session: Session, path: Path) -> Callable[[], Any]:
    """Another quantity in the first row of positions, until its sheet is shown anew."""
    book = NamedRanges(path)
    area = book.areas["positions"]
    row, column = area.first_row + 1, area.first_column + Header(book.cells("positions")[0], "positions").column("Quantity")
    sheet = next(n for n, found in enumerate(session.book()["sheets"]) if found["name"] == area.sheet)
    session.view(sheet)
    quantities = itertools.count(1_001)

    def run() -> None:
        before = session.state()["revision"]
        assert session.edit(sheet, [(row, column, str(next(quantities)))]) == 1
        assert session.view(sheet, before)["cells"]

    return run


def _as_csv(path: Path, folder: Path) -> list[object]:
    """The book of a workbook in text files, and the arguments that name them."""
    book = read_workbook(path)
    arguments: list[object] = [folder / "positions.csv", "--method", book.method]
    for name in ("positions", "market", "parameters"):
        write_csv(folder / f"{name}.csv", getattr(book, name))
        arguments += [] if name == "positions" else [f"--{name}", folder / f"{name}.csv"]
    return arguments
