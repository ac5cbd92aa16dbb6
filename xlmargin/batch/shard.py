"""One shard of a batch: its rows in, its margins and faults out, as two Parquet files."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xlmargin.batch.accounts import Margins, margins
from xlmargin.batch.plan import Inputs, Plan
from xlmargin.batch.rows import Rows, Wrong, read_rows
from xlmargin.batch.scatter import read_shard
from xlmargin.batch.source import arrow
from xlmargin.book.market import Market
from xlmargin.errors import Faults
from xlmargin.sheet.ranges.market import read_market

MARGINS = ("Account", "Method", "Initial", "Maintenance", "Scanning risk", "Worst scenario", "Positions", "Status")
ERRORS = ("Account", "Method", "Row", "Column", "Problem", "Fix")
OK, ERROR = "OK", "ERROR"
NOTE = b"xlmargin"  # of a shard's file: the content of the shard


class Done(NamedTuple):
    """The content of a shard: accounts, rows of the file, underlyings."""

    accounts: int
    rows: int
    underlyings: tuple[str, ...]


def market_of(inputs: Inputs) -> Market:
    """The market range at the one valuation time of the batch.

    Raises:
        MarginError: the first fault of the range
    """
    faults = Faults("market")
    market = read_market(inputs.market, faults)
    faults.stop()
    return replace(market, as_of=inputs.as_of) if math.isfinite(inputs.as_of) else market


def margin_shard(plan: Plan, shard: int) -> int:
    """Margin the accounts of a shard by every method and write the results.

    Returns:
        peak memory of the worker [bytes]
    """
    table, market = read_shard(plan, shard), market_of(plan.inputs)
    if table is None:
        _write(plan.errors(shard), _errors([]))
        _write(plan.result(shard), _margins([]), Done(0, 0, ()))
        return peak_memory()
    rows = read_rows(table, plan.source.dialect, market, plan.source.size)
    count = table.num_rows
    del table
    found, wrong = [], list(rows.wrong)
    for name in plan.inputs.methods:
        answer = margins(rows, market, name, plan.inputs, plan.cells)
        found.append(_columns(rows, name, answer))
        wrong += answer.wrong
    _write(plan.errors(shard), _errors(wrong))
    _write(plan.result(shard), _margins(found), Done(len(rows.accounts) + len(rows.left_out), count, rows.distinct.underlyings))
    return peak_memory()


def _columns(rows: Rows, name: str, answer: Margins) -> list[Any]:
    """The columns of MARGINS for one method, accounts with faults last."""
    out = list(rows.left_out)
    blank = [np.full(len(out), np.nan)]
    positions = np.bincount(rows.account, minlength=len(rows.accounts)).astype(np.int64)
    status = [*(ERROR if bad else OK for bad in answer.failed.tolist()), *[ERROR] * len(out)]
    numbers = [np.concatenate([column, *blank]) for column in (answer.initial, answer.maintenance, answer.scanning)]
    return [
        [*rows.accounts, *out],
        [name] * len(status),
        *numbers,
        [*answer.worst, *[""] * len(out)],
        np.concatenate([positions, np.zeros(len(out), np.int64)]),
        status,
    ]


def _margins(found: list[list[Any]]) -> Any:
    """The table of margins, by account and then in the order of the methods."""
    pa = arrow("")
    kinds = (pa.string(), pa.string(), pa.float64(), pa.float64(), pa.float64(), pa.string(), pa.int64(), pa.string())
    tables = [
        pa.table([pa.array(column, kind, from_pandas=True) for column, kind in zip(columns, kinds)], list(MARGINS)) for columns in found
    ]
    empty = pa.table([pa.array([], kind) for kind in kinds], list(MARGINS))
    return by_account(pa.concat_tables([empty, *tables]))


def by_account(table: Any) -> Any:
    """A table sorted by account; rows of one account keep their order."""
    pa = arrow("")
    place = pa.array(np.arange(table.num_rows))
    order = arrow("compute").sort_indices(
        pa.table([table.column("Account"), place], ["Account", "place"]), [("Account", "ascending"), ("place", "ascending")]
    )
    return table.take(order)


def _errors(wrong: list[Wrong]) -> Any:
    """The table of faults."""
    pa = arrow("")
    rows = [(item.account, item.method, item.fault.row, item.fault.column, item.fault.problem, item.fault.fix) for item in wrong]
    kinds = (pa.string(), pa.string(), pa.int64(), pa.string(), pa.string(), pa.string())
    columns = list(zip(*rows)) or [()] * len(kinds)
    return by_account(pa.table([pa.array(column, kind) for column, kind in zip(columns, kinds)], list(ERRORS)))


def done(path: Path) -> Done:
    """The content of a finished shard, as its file says."""
    kept = json.loads(arrow("parquet").read_schema(path).metadata[NOTE])
    return Done(kept["accounts"], kept["rows"], tuple(kept["underlyings"]))


def _write(path: Path, table: Any, held: Done | None = None) -> None:
    """Write a Parquet file that is there either whole or not at all."""
    if held is not None:
        table = table.replace_schema_metadata({NOTE: json.dumps(held._asdict())})
    handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".new", dir=path.parent)
    os.close(handle)
    arrow("parquet").write_table(table, name)
    os.replace(name, path)


def peak_memory() -> int:
    """The most memory that this process has held [bytes], 0 where the system does not say."""
    with contextlib.suppress(OSError, StopIteration):  # Linux: of this program alone; below, it counts the one that started it
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
