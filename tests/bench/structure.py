"""A large sheet of few instruments: a first call, other quantities, an edit of one row, a tick, against recomputing every row."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

from tests.bench.report import Table, on_one_core, turns
from tests.bench.sheet import MARKET, NAIVE_PRICES, fresh, naive, sheet
from tests.help.forgetting import forget
from xlmargin.sheet.registry import FUNCTIONS

ROWS, INSTRUMENTS = 100_000, 2_000
ROUNDS = 5
QUANTITY = 1  # column
NAIVE = f"lists to {NAIVE_PRICES} naive prices of every row (numpy + ndtr)"


def tables() -> Iterator[Table]:
    """One table."""
    with on_one_core():
        yield _compared()


def _compared() -> Table:
    """Every kind of change, each with new cell objects, against a naive recalculation of the same cells."""
    cells, turn = [list(row) for row in sheet(ROWS, INSTRUMENTS)], count(1)
    handed: dict[str, Any] = {}

    def hand() -> None:
        """The sheet after the next edit, and the market after the next tick."""
        n = next(turn)
        cells[n][QUANTITY] = 7.5
        scaled = [cells[0], *([*row[:QUANTITY], row[QUANTITY] * (1.0 + n / 100.0), *row[QUANTITY + 1 :]] for row in cells[1:])]
        spot = [list(row) for row in MARKET]
        spot[1][1] += n
        handed.update(edited=fresh(cells), scaled=fresh(scaled), ticked=spot)
        forget()
        FUNCTIONS["PM_MARGIN"].call(before, MARKET)
        gc.collect()

    def first() -> None:
        forget()
        _answer(handed["edited"], MARKET)

    before = fresh(cells)
    hand()
    runs: dict[str, Callable[[], Any]] = {
        "one row": lambda: _answer(handed["edited"], MARKET),
        "other quantities": lambda: _answer(handed["scaled"], MARKET),
        "market tick": lambda: _answer(handed["edited"], handed["ticked"]),
        "first look": first,
        NAIVE: lambda: naive(handed["edited"]),
    }
    middle = {name: float(np.median(spent)) for name, spent in turns(runs, ROUNDS, before=hand).items()}
    return Table(
        f"PM_MARGIN of {ROWS:,} rows of {INSTRUMENTS:,} instruments, new cells at every call, one core",
        ("what changes", "ms", "x faster than naive"),
        [[name, f"{1e3 * spent:.1f}", f"{middle[NAIVE] / spent:.2f}"] for name, spent in middle.items()],
        ["reading the cells is part of every time; a naive recalculation values every row in every scenario"],
    )


def _answer(cells: Any, market: Any) -> float:
    """The margin of a sheet, which must have no fault."""
    margin = FUNCTIONS["PM_MARGIN"].call(cells, market)
    assert isinstance(margin, float), margin
    return margin
