"""Many accounts: the worst loss of each against group-by engines, the exact screen, and whole batches by workers."""

from __future__ import annotations

import io
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.bench.report import Table, turns
from xlmargin.batch.plan import Inputs
from xlmargin.batch.product import LossScreen, order_of, sparse, worst_loss
from xlmargin.batch.run import Settings, run_batch
from xlmargin.batch.source import arrow
from xlmargin.pricing.grid import call_grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Run = Callable[[], Floats]

ACCOUNTS, POSITIONS, INSTRUMENTS = 20_000, 50, 2_000
SCENARIOS = 16
SCREENED = (500, 2_000)
ROUNDS = 5
BATCH_ACCOUNTS = 40_000
WORKERS = (1, 2, 4)
SUM_GOALS = "goals: DuckDB at least 5 x ours, Polars 10 x, pandas 15 x"
SCREEN_GOAL = "goal: the screen at least 5 x faster than the whole product at 2,000 scenarios"


class Held(NamedTuple):
    """Positions sorted by account (N,)."""

    account: Ints
    instrument: Ints
    units: Floats

    @classmethod
    def sample(cls) -> Held:
        """The same positions on every run."""
        random, count = np.random.default_rng(76), ACCOUNTS * POSITIONS
        return cls(np.repeat(np.arange(ACCOUNTS), POSITIONS), random.integers(0, INSTRUMENTS, count), random.normal(0.0, 3.0, count))


def risk_of(scenarios: int) -> Floats:
    """The profit and loss of options on two coins that move together, (INSTRUMENTS, scenarios)."""
    random = np.random.default_rng(77)
    days = random.choice([1.0, 7.0, 30.0, 90.0, 180.0, 365.0], INSTRUMENTS)
    forward = np.where(np.arange(INSTRUMENTS) < INSTRUMENTS // 2, 65_000.0, 3_200.0)
    vol, root = random.uniform(0.4, 0.9, INSTRUMENTS), np.sqrt(days / 365.0)
    strike = forward * np.exp(random.normal(0.0, 1.2, INSTRUMENTS) * vol * root)
    first = random.normal(0.0, 0.08, scenarios)
    second = 0.8 * first + random.normal(0.0, 0.05, scenarios)
    shift, none = random.normal(0.0, 0.15, scenarios + 1), np.zeros(scenarios + 1)
    shift[0] = 0.0
    values = [
        call_grid(forward[part], strike[part], root[part], vol[part], np.exp(np.append(0.0, move)), shift, none, none)
        for part, move in ((slice(INSTRUMENTS // 2), first), (slice(INSTRUMENTS // 2, None), second))
    ]
    whole = np.vstack(values)
    return whole[:, 1:] - whole[:, :1]


def ours(held: Held, risk: Floats) -> Run:
    """The worst loss of every account by our code, from sorted columns."""
    return lambda: worst_loss(sparse(*held, (ACCOUNTS, INSTRUMENTS)), risk).loss


def ours_unsorted(held: Held, risk: Floats) -> Run:
    """The same from rows in any order."""
    order = np.random.default_rng(78).permutation(len(held.account))
    mixed = Held(held.account[order], held.instrument[order], held.units[order])

    def run() -> Floats:
        back = order_of(mixed.account)
        sorted_ = sparse(mixed.account[back], mixed.instrument[back], mixed.units[back], (ACCOUNTS, INSTRUMENTS))
        return worst_loss(sorted_, risk).loss

    return run


def duckdb(held: Held, risk: Floats) -> Run:
    """The worst loss as SQL on one thread."""
    connection = import_module("duckdb").connect(config={"threads": 1})
    pa = arrow("")
    connection.register("given_positions", pa.table(held._asdict()))
    connection.register("given_risk", pa.table({"instrument": np.arange(len(risk)), **_columns(risk)}))
    connection.execute("create table positions as from given_positions; create table risk as from given_risk")
    least = ", ".join(f"sum(units * s{n})" for n in range(risk.shape[1]))
    text = f"select account, greatest(-least({least}), 0) as loss from positions join risk using (instrument) group by account"

    def run() -> Floats:
        found = connection.execute(text).fetchnumpy()
        loss = np.zeros(ACCOUNTS)
        loss[found["account"]] = found["loss"]
        return loss

    return run


def polars(held: Held, risk: Floats) -> Run:
    """The worst loss by Polars' lazy engine; its threads are set before it is imported."""
    pl = import_module("polars")
    positions = pl.DataFrame(held._asdict())
    table = pl.DataFrame({"instrument": np.arange(len(risk)), **_columns(risk)})
    sums = [(pl.col("units") * pl.col(f"s{n}")).sum().alias(f"s{n}") for n in range(risk.shape[1])]

    def run() -> Floats:
        pnl = positions.lazy().join(table.lazy(), on="instrument").group_by("account").agg(sums)
        found = pnl.select("account", loss=-pl.min_horizontal(pl.exclude("account"))).collect()
        loss = np.zeros(ACCOUNTS)
        loss[found["account"].to_numpy()] = np.maximum(found["loss"].to_numpy(), 0.0)
        return loss

    return run


def pandas(held: Held, risk: Floats) -> Run:
    """The worst loss by a merge and a group-by."""
    pd = import_module("pandas")
    positions = pd.DataFrame(held._asdict())
    table = pd.DataFrame({"instrument": np.arange(len(risk)), **_columns(risk)})
    names = list(_columns(risk))

    def run() -> Floats:
        joined = positions.merge(table, on="instrument")
        pnl = joined[names].mul(joined["units"], axis=0).groupby(joined["account"]).sum()
        loss = -pnl.min(axis=1).reindex(range(ACCOUNTS), fill_value=0.0).to_numpy()
        return np.asarray(np.maximum(loss, 0.0), np.float64)

    return run


def _columns(risk: Floats) -> dict[str, Floats]:
    return {f"s{n}": np.ascontiguousarray(risk[:, n]) for n in range(risk.shape[1])}


PEERS: tuple[tuple[str, Callable[[Held, Floats], Run]], ...] = (
    ("xlmargin, sparse product", ours),
    ("xlmargin, rows in any order", ours_unsorted),
    ("DuckDB", duckdb),
    ("Polars", polars),
    ("pandas merge and groupby", pandas),
)


def tables() -> Iterator[Table]:
    """Whole batches by workers, sums against group-by engines, the exact screen against the whole product."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    yield _batches()
    held = Held.sample()
    yield _sums(held)
    units = sparse(*held, (ACCOUNTS, INSTRUMENTS))
    units.sum_duplicates()
    for scenarios in SCREENED:
        yield _compared(_both(units, risk_of(scenarios)), scenarios, [SCREEN_GOAL])


def _compared(ready: dict[str, Run], scenarios: int, notes: Sequence[str]) -> Table:
    """Time per position and scenario, its ratio to the first variant's, and the largest difference from it."""
    answers = {name: run() for name, run in ready.items()}
    taken = turns(ready, ROUNDS, time.perf_counter, lambda: None)
    first, *_ = ready
    cells, rows = ACCOUNTS * POSITIONS * scenarios, []
    for name, spent in taken.items():
        ratio = statistics.median(own / other for own, other in zip(spent, taken[first]))
        differs = np.abs(answers[name] - answers[first]).max() / answers[first].max()
        rows.append([name, f"{1e9 * statistics.median(spent) / cells:.2f}", f"{ratio:.2f}", f"{differs:.1e}"])
    return Table(
        f"{ACCOUNTS:,} accounts of {POSITIONS} positions in {scenarios:,} scenarios, one thread, risk array given",
        ("variant", "ns each", "x the first", "largest difference"),
        rows,
        notes,
    )


def _sums(held: Held) -> Table:
    """Our sum against those of group-by engines."""
    risk, ready, missing = risk_of(SCENARIOS), dict[str, Run](), list[str]()
    for name, prepare in PEERS:
        try:
            ready[name] = prepare(held, risk)
        except ImportError as cause:
            missing.append(f"{name}: not installed ({cause})")
    return _compared(ready, SCENARIOS, [*missing, SUM_GOALS])


def _both(units: Any, risk: Floats) -> dict[str, Run]:
    ready = LossScreen(risk)
    return {
        "exact screen": lambda: ready.worst_loss(units).loss,
        "exact screen and its preparation": lambda: LossScreen(risk).worst_loss(units).loss,
        "whole product": lambda: worst_loss(units, risk).loss,
    }


def _batches() -> Table:
    """Whole batches of SPAN from Parquet to Parquet, by workers: rows a second, processor time, memory."""
    random, rows = np.random.default_rng(79), BATCH_ACCOUNTS * POSITIONS
    names = np.array(
        [
            f"{coin}-{day}-{strike}-{kind}"
            for coin, low in (("BTC", 40_000), ("ETH", 2_000))
            for day in ("27JUN25", "25JUL25", "26SEP25")
            for strike in range(low, 2 * low, low // 80)
            for kind in "CP"
        ]
    )
    told = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "positions.parquet"
        arrow("parquet").write_table(
            arrow("").table(
                {
                    "Account": random.integers(0, BATCH_ACCOUNTS, rows),
                    "Instrument": names[random.integers(0, len(names), rows)],
                    "Quantity": random.normal(0.0, 3.0, rows).round(2),
                }
            ),
            file,
            row_group_size=100_000,
        )
        for workers in WORKERS:  # each from a separate process, whose memory has nothing of other sections
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                seconds, processor, memory = alone.submit(_batch, file, workers).result()
            told.append([str(workers), f"{seconds:.1f}", f"{rows / seconds:,.0f}", f"{processor:.1f}", f"{memory / 1e6:.0f}"])
    return Table(
        f"{rows:,} rows, {BATCH_ACCOUNTS:,} accounts, SPAN, Parquet to Parquet; load of the machine {_load()}",
        ("workers", "seconds", "rows/s", "CPU s", "MB each"),
        told,
    )


def _batch(file: Path, workers: int) -> tuple[float, float, int]:
    """Seconds, seconds of processors, and the memory of a worker at its peak [bytes]."""
    market = [["Underlying", "Spot", "IV", "As of"], ["BTC", 65_000.0, 0.55, "2025-06-01"], ["ETH", 3_200.0, 0.7, None]]
    before, start = _processor(), time.perf_counter()
    done = run_batch(file, Inputs(("SPAN",), market, None, None), Settings(file.with_name("margins.parquet"), workers), io.StringIO())
    return time.perf_counter() - start, _processor() - before, done.memory


def _processor() -> float:
    """Processor seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else "unknown"
