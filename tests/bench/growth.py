"""Cost against rows, scenarios and accounts, with the slope of a straight line through the logarithms, and the memory."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tests.bench.report import Table, on_one_core
from tests.bench.sheet import MARKET, sheet
from tests.bench.structure import SPOT, market_of, positions_of
from xlmargin.book.book import make_book
from xlmargin.errors import Faults
from xlmargin.live import Live
from xlmargin.margin import valued
from xlmargin.scenarios.scenarios import dense
from xlmargin.sheet.answers import asked
from xlmargin.sheet.registry import FUNCTIONS

ROWS = (100, 1_000, 10_000, 100_000, 1_000_000)
CELLS = (100, 1_000, 10_000, 100_000)
SCENARIOS = (16, 64, 250, 500, 1_000, 2_000)
ACCOUNTS = (1, 10, 100, 1_000, 10_000)
INSTRUMENTS, MANY = 2_000, 100_000
FEW, BRIEF = 3, 0.05  # rounds, and seconds below which a size is tried again
SHEETS = 60  # different sheets, of which only the latest are remembered


def tables() -> Iterator[Table]:
    """Four sizes that grow, then the memory of sheets that come one after another."""
    with on_one_core():
        yield _grown("rows of arrays", ROWS, lambda rows: _look(rows, 16, 1), f"{INSTRUMENTS:,} instruments, 16 scenarios, 1 account")
        yield _grown("rows of a sheet", CELLS, _sheet, "cells to PM_MARGIN, nothing remembered")
        yield _grown("scenarios", SCENARIOS, lambda count: _look(10_000, count, 1), "10,000 rows, 2,000 instruments, 1 account")
        yield _grown("accounts", ACCOUNTS, lambda count: _look(MANY, 16, count), f"{MANY:,} rows, 16 scenarios")
        yield _memory()


def _look(rows: int, scenarios: int, accounts: int) -> Callable[[], Any]:
    """A first look at a book of arrays."""
    positions = positions_of(rows, min(rows, INSTRUMENTS), accounts)
    moves = dense(("BTC",), np.linspace(-0.3, 0.3, scenarios), np.zeros(1), 1.0)

    def run() -> None:
        valued.forget()
        Live(make_book(positions, market_of(SPOT), Faults()), moves)

    return run


def _sheet(rows: int) -> Callable[[], Any]:
    """A first look at a sheet."""
    cells = sheet(rows)

    def run() -> None:
        asked.forget()
        FUNCTIONS["PM_MARGIN"].call(cells, MARKET)

    return run


def _grown(what: str, sizes: Sequence[int], of_size: Callable[[int], Callable[[], Any]], about: str) -> Table:
    """One thing that grows: time, memory at its peak, and the slope over the larger half of the sizes and over all."""
    rows, spent = [], []
    for size in sizes:
        run = of_size(size)
        run()
        spent.append(_least(run))
        rows.append([f"{size:,}", f"{1e3 * spent[-1]:.2f}", f"{1e6 * spent[-1] / size:.3f}", f"{_peak(run) / 1e6:.1f}"])
    slope, late = (float(np.polyfit(np.log(sizes[n:]), np.log(spent[n:]), 1)[0]) for n in (0, len(sizes) // 2))
    return Table(
        f"growth with {what} ({about})",
        (what, "ms", "µs each", "peak MB"),
        rows,
        [f"slope in logarithms: {slope:.2f} over all sizes, {late:.2f} over the larger ones"],
    )


def _least(run: Callable[[], Any]) -> float:
    """The least seconds of this process that a run takes."""
    found: list[float] = []
    while len(found) < FEW or (sum(found) < BRIEF and len(found) < 10 * FEW):
        gc.collect()
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return min(found)


def _peak(run: Callable[[], Any]) -> int:
    """Bytes that a run holds at most, beyond what was held before."""
    gc.collect()
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _memory() -> Table:
    """What is still held after many different sheets, which is bounded, and after forgetting them."""
    asked.forget()
    gc.collect()
    tracemalloc.start()
    rows = []
    cells = [list(row) for row in sheet(CELLS[1])]
    for n in range(1, SHEETS + 1):
        cells[1][3] = 0.5 + n / 1_000.0
        FUNCTIONS["PM_MARGIN"].call(cells, MARKET)
        if n % (SHEETS // 4) == 0:
            gc.collect()
            rows.append([f"{n} sheets of {CELLS[1]:,} rows", f"{tracemalloc.get_traced_memory()[0] / 1e6:.1f}"])
    asked.forget()
    gc.collect()
    rows.append(["all of them forgotten", f"{tracemalloc.get_traced_memory()[0] / 1e6:.1f}"])
    tracemalloc.stop()
    return Table("memory of what is remembered", ("after", "MB"), rows)
