"""A sheet of 5,000 rows: ten functions on one range, an edit, and the cost of reading and writing cells."""

from __future__ import annotations

import datetime as dt
import gc
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

import udfs  # noqa: F401  (fills the registry)
from tests.bench.report import Table, on_one_core, turns
from tests.help.forgetting import forget
from xlmargin.book.market import YEAR
from xlmargin.errors import Faults
from xlmargin.sheet.ranges.positions import read_positions
from xlmargin.sheet.ranges.remembered import fingerprint
from xlmargin.sheet.registry import FUNCTIONS

Floats = NDArray[np.float64]
Row = tuple[Any, ...]

ROWS, INSTRUMENTS = 5_000, 2_000
FEW, SHEET_ROWS = 2, 1_048_576  # filled rows, and all of a sheet's
WHOLE = ("PM_MARGIN", "PM_SCANNING_RISK", "PM_CHECK")
ROUNDS, STARTS = 9, 7
SPOTS = {"BTC": 65_000.0, "ETH": 3_200.0}
TEN = (
    "PM_MARGIN",
    "PM_MAINTENANCE",
    "PM_SCANNING_RISK",
    "PM_RISK_ARRAY",
    "PM_GREEKS",
    "PM_CHECK",
    "PM_EXPLAIN",
    "PM_MARGIN",
    "PM_SCANNING_RISK",
    "PM_RISK_ARRAY",
)
HEADER = ("Instrument", "Quantity", "Side", "IV", "Account", "Expiry", "Type", "Strike", "Underlying", "Price")
MARKET = (("Underlying", "Spot", "As of"), ("BTC", 65_000.0, dt.datetime(2026, 11, 1)), ("ETH", 3_200.0, None))
NAIVE_PRICES = 17
GOALS = (
    "goals: ten functions at most 3 x the first; an edited quantity at most 1 x seventeen naive prices; reading in the "
    "order of np.array(dtype=object); import udfs at most 1.1 x import xlwings",
)


def sheet(rows: int, instruments: int = INSTRUMENTS) -> tuple[Row, ...]:
    """A positions range of ten columns as a spreadsheet passes it, the same on every run."""
    random = np.random.default_rng(76)
    expiries = [dt.datetime(2026, 11, 27, 8) + dt.timedelta(days=28 * n) for n in range(8)]
    contracts = []
    for n in range(instruments):
        coin, kind, expiry = ("BTC", "ETH")[n % 2], ("C", "P")[n // 2 % 2], expiries[n // 4 % 8]
        strike = float(round(SPOTS[coin] * (0.5 + n / instruments)))
        contracts.append((coin, kind, expiry, strike, 0.4 + n % 37 / 100.0))
    result: list[Row] = [HEADER]
    for n, quantity in zip(random.integers(0, instruments, rows).tolist(), np.round(random.normal(0.0, 3.0, rows), 1).tolist()):
        coin, kind, expiry, strike, vol = contracts[n]
        result.append(
            (
                f"{coin}-{expiry:%d%b%y}-{strike:g}-{kind}".upper(),
                quantity,
                None,
                vol,
                "desk",
                expiry,
                "call" if kind == "C" else "put",
                strike,
                coin,
                None,
            )
        )
    return tuple(result)


def fresh(cells: Any) -> Any:
    """The same cells as new objects, as a spreadsheet passes them at every call."""
    return pickle.loads(pickle.dumps(cells))


def naive(cells: Any) -> Floats:
    """The profit of seventeen scenarios from the lists of a sheet without a fault: to arrays, Black's formula, summed."""
    ndtr = import_module("scipy.special").ndtr
    rows = cells[1:]
    forward = np.array([SPOTS[row[8]] for row in rows])
    strike, vol, quantity = (np.array([row[n] for row in rows]) for n in (7, 3, 1))
    years = np.array([(row[5] - MARKET[1][2]).total_seconds() for row in rows]) / YEAR
    put = np.array([row[6] == "put" for row in rows])
    moved = forward[:, None] * np.linspace(0.85, 1.15, NAIVE_PRICES)
    total = vol[:, None] * np.linspace(1.25, 0.75, NAIVE_PRICES) * np.sqrt(years)[:, None]
    d1 = np.log(moved / strike[:, None]) / total + 0.5 * total
    call = moved * ndtr(d1) - strike[:, None] * ndtr(d1 - total)
    return np.asarray(quantity @ np.where(put[:, None], call - moved + strike[:, None], call))


def tables() -> Iterator[Table]:
    """Functions, then the cost of a start."""
    with on_one_core():
        yield _functions()
        yield _whole_columns()
        yield _starts()


def _whole_columns() -> Table:
    """Whole columns as an argument: functions of a few rows above a sheet's worth of blank ones."""
    cells = [list(row) for row in sheet(FEW)] + [[None] * len(HEADER) for _ in range(SHEET_ROWS - FEW)]
    runs = {
        "touching each row once": lambda: sum(map(len, cells)),
        **{f"{name}, remembered": lambda name=name: FUNCTIONS[name].call(cells, MARKET) for name in WHOLE},
    }
    taken = {name: float(np.median(spent)) for name, spent in turns(runs, ROUNDS, before=gc.collect).items()}
    touch = taken["touching each row once"]
    rows = [[name, f"{1e3 * spent:.2f}", f"{spent / touch:.2f}"] for name, spent in taken.items()]
    notes = ["goal: a function at most 2 x touching each row once"]
    return Table(f"{FEW} rows above {SHEET_ROWS:,} blank ones, whole columns", ("what", "ms", "x touching"), rows, notes)


def _functions() -> Table:
    """Ten functions, an edit, reading and writing."""
    cells = sheet(ROWS)
    handed: list[Any] = [None]

    def hand() -> None:
        handed[0] = fresh(cells)
        forget()
        gc.collect()

    def call(*names: str) -> Callable[[], Any]:
        def run() -> None:
            for name in names:
                FUNCTIONS[name].call(handed[0], MARKET)

        return run

    runs = {
        "PM_MARGIN, a first look": call(TEN[0]),
        "ten functions, the first among them": call(*TEN),
        "np.array(cells, dtype=object)": lambda: np.array(handed[0], dtype=object),
        "cells to bytes that tell them apart": lambda: fingerprint(handed[0]),
        "cells to checked columns": lambda: read_positions(handed[0], Faults()),
    }
    hand()
    call(*TEN)()  # imports on first use are not measured
    taken = turns(runs, ROUNDS, before=hand)
    taken |= _edits(cells)
    middle = {name: float(np.median(spent)) for name, spent in taken.items()}
    first = middle["PM_MARGIN, a first look"]
    rows = [[name, f"{1e3 * spent:.2f}", f"{spent / first:.2f}"] for name, spent in middle.items()]
    ten = float(np.median(np.divide(taken["ten functions, the first among them"], taken["PM_MARGIN, a first look"])))
    edit, seventeen = middle["PM_SCANNING_RISK, one quantity edited"], middle[NAIVE]
    return Table(
        f"{ROWS:,} rows of {len(HEADER)} columns, {INSTRUMENTS:,} instruments, new cells at every call, one core",
        ("what", "ms", "x PM_MARGIN"),
        rows,
        [f"ten functions: {ten:.2f} x the first; an edited quantity: {edit / seventeen:.2f} x seventeen naive prices", *GOALS],
    )


NAIVE = f"lists to {NAIVE_PRICES} naive prices (numpy + ndtr)"


def _edits(cells: tuple[Row, ...]) -> dict[str, list[float]]:
    """One quantity after another edited, against a naive sheet."""
    edited, turn, given = [list(row) for row in cells], iter(range(1, ROWS)), [None]
    FUNCTIONS["PM_SCANNING_RISK"].call(cells, MARKET)

    def edit() -> None:
        edited[next(turn)][1] = 7.5
        given[0] = fresh(edited)
        gc.collect()

    return turns(
        {
            "PM_SCANNING_RISK, one quantity edited": lambda: FUNCTIONS["PM_SCANNING_RISK"].call(given[0], MARKET),
            NAIVE: lambda: naive(given[0]),
        },
        ROUNDS,
        before=edit,
    )


def _starts() -> Table:
    """The cost of importing the functions, each time in a new process."""
    codes = {"import xlwings": "import xlwings", "import xlwings, udfs": "import xlwings, udfs", "import udfs": "import udfs"}

    def start(code: str) -> float:
        timed = f"import time; t = time.process_time(); {code}; print(time.process_time() - t)"
        return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)

    try:
        spent = {name: [start(code) for _ in range(STARTS)] for name, code in codes.items()}
    except subprocess.CalledProcessError:
        return Table("imports", ("what", "ms", "x import xlwings"), [["xlwings is not installed", "", ""]])
    alone = float(np.median(spent["import xlwings"]))
    return Table(
        "imports, each in a process of its own",
        ("what", "ms", "x import xlwings"),
        [[name, f"{1e3 * float(np.median(each)):.0f}", f"{float(np.median(each)) / alone:.2f}"] for name, each in spent.items()],
    )
