"""Rows to shards by account: every row of an account is in one shard, wherever it is in the file."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from typing import Any

import numpy as np

from xlmargin.batch.plan import Plan
from xlmargin.batch.product import order_of
from xlmargin.batch.source import ACCOUNT, RowBlock, arrow, blocks
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Ints
from xlmargin.sheet.cells import show
from xlmargin.sheet.columns import texts

ROW = "#row"  # column of the rows' numbers in the file, a name that no heading can be


def scatter(plan: Plan, piece: int) -> int:
    """Write the rows of a piece of the file to its shards.

    Returns:
        number of rows; the folder of the piece appears at once when all of them are written
    """
    target, count = plan.scattered(piece), 0
    folder = tempfile.mkdtemp(prefix="rows-", suffix=".new", dir=plan.folder)
    for block in blocks(plan.source, plan.source.pieces[piece]):
        count += len(block.rows)
        _append(plan, folder, block)
    if target.is_dir():  # another worker that was given up for lost has been here
        shutil.rmtree(folder)
    else:
        os.replace(folder, target)
    return count


def _append(plan: Plan, folder: str, block: RowBlock) -> None:
    """Append a block's rows to the shards of their accounts: a stream each, one file open at a time for there may be many."""
    pa = arrow("")
    table = block.table.append_column(ROW, pa.array(block.rows, pa.int64()))
    shard = _shards(block.table, plan.shards)
    order = order_of(shard)
    sorted_, starts = table.take(pa.array(order)), np.searchsorted(shard[order], np.arange(plan.shards + 1))
    for n in np.flatnonzero(np.diff(starts)).tolist():
        with (
            open(os.path.join(folder, plan.shard(0, n).name), "ab") as file,
            pa.ipc.new_stream(file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream,
        ):
            stream.write_table(sorted_.slice(starts[n], starts[n + 1] - starts[n]))


def _shards(table: Any, count: int) -> Ints:
    """Shard of each row: the same for the same account on every machine."""
    if ACCOUNT not in table.column_names or count == 1:
        return np.zeros(table.num_rows, np.int64)
    known = labels(table.column(ACCOUNT)).combine_chunks().dictionary_encode()
    of_label = np.array([zlib.crc32(label.encode()) % count for label in known.dictionary.to_pylist()], np.int64)
    return of_label[known.indices.to_numpy()] if len(of_label) else np.zeros(table.num_rows, np.int64)


def labels(column: Any) -> Any:
    """Accounts as texts: a blank is "", a number the text of its digits."""
    pa, compute = arrow(""), arrow("compute")
    if not pa.types.is_string(column.type):
        known = column.combine_chunks().dictionary_encode()
        cells = known.dictionary.to_pylist()
        found = Faults()
        read = texts(cells, range(len(cells)), ACCOUNT, found, digits=True)
        wrong = found.rows()
        words = pa.array([show(cell) if n in wrong else word for n, (cell, word) in enumerate(zip(cells, read))], pa.string())
        column = pa.chunked_array([words.take(known.indices)])
    return compute.fill_null(compute.utf8_trim_whitespace(column), "")


def read_shard(plan: Plan, shard: int) -> Any | None:
    """All rows of a shard as an Arrow table, None where it has none."""
    pa = arrow("")
    found = []
    for piece in range(len(plan.source.pieces)):
        path = plan.shard(piece, shard)
        if path.is_file():
            with pa.OSFile(str(path)) as file:
                while file.tell() < file.size():
                    found.append(pa.ipc.open_stream(file).read_all())
    return pa.concat_tables(found).unify_dictionaries() if found else None
