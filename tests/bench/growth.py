"""Cost against rows, scenarios and accounts, with the slope of a straight line through the logarithms, and the memory."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import udfs  # noqa: F401  (fills the registry)
from tests.bench.report import Table, on_one_core
from tests.bench.sheet import MARKET, sheet
from tests.help.forgetting import forget
from xlmargin.sheet.registry import FUNCTIONS

CELLS = (100, 1_000, 10_000, 100_000)
SCENARIOS = (16, 64, 250, 500, 1_000, 2_000)
ACCOUNTS = (1, 10, 100, 1_000, 10_000)
FEW, MANY = 1_000, 20_000  # rows of the sheet whose scenarios, and whose accounts, grow
ROUNDS, BRIEF = 3, 0.05  # rounds, and seconds below which a size is tried again
SHEETS = 60  # different sheets, of which only the latest are remembered
ACCOUNT = 4  # column


def tables() -> Iterator[Table]:
    """Three sizes that grow, then the memory of sheets that come one after another."""
    with on_one_core():
        yield _grown("rows of a sheet", CELLS, lambda rows: _look(sheet(rows)), "cells to PM_MARGIN, nothing remembered")
        yield _grown("scenarios", SCENARIOS, _stressed, f"STRESS, {FEW:,} rows")
        yield _grown("accounts", ACCOUNTS, _held, f"{MANY:,} rows, 16 scenarios")
        yield _memory()


def _look(cells: Any, *asked_for: Any) -> Callable[[], Any]:
    """A first look at a sheet."""

    def run() -> None:
        forget()
        assert isinstance(FUNCTIONS["PM_MARGIN"].call(cells, MARKET, *asked_for), float)

    return run


def _stressed(scenarios: int) -> Callable[[], Any]:
    """A first look at a sheet under so many scenarios of the desk's own."""
    moves = np.linspace(-0.3, 0.3, scenarios).tolist()
    table = [["Scenario", "Price move", "Vol move", "Days"], *([f"s{n}", move, 0.1, 1] for n, move in enumerate(moves))]
    return _look(sheet(FEW), "STRESS", table)


def _held(accounts: int) -> Callable[[], Any]:
    """A first look at a sheet whose rows belong to so many accounts."""
    head, *rows = sheet(MANY)
    return _look([head, *([*row[:ACCOUNT], f"account {n % accounts}", *row[ACCOUNT + 1 :]] for n, row in enumerate(rows))])


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
    while len(found) < ROUNDS or (sum(found) < BRIEF and len(found) < 10 * ROUNDS):
        gc.collect()
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return min(found)


def _peak(run: Callable[[], Any]) -> int:
    """Peak of the bytes that a run allocates, beyond those allocated before."""
    gc.collect()
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _memory() -> Table:
    """Memory still allocated after many different sheets, which is bounded, and after forgetting them."""
    forget()
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
    forget()
    gc.collect()
    rows.append(["all of them forgotten", f"{tracemalloc.get_traced_memory()[0] / 1e6:.1f}"])
    tracemalloc.stop()
    return Table("memory of what is remembered", ("after", "MB"), rows)
