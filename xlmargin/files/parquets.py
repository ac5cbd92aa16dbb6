"""Tables in Parquet files, read as the frames that they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.files.ranges import Grid
from xlmargin.sheet.frames import rows_of

MAGIC = b"PAR1"  # with which each begins
MOST_CELLS = 10_000_000  # a small file may say of one cell that it stands a billion times


def parquet_module(path: Path) -> Any:
    """The reader of a Parquet file; raises MarginError when pyarrow is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise MarginError(f"{path.name} is a Parquet file, which needs pyarrow: pip install 'xlmargin[history]'") from None
    return pyarrow.parquet


def read_parquet(path: Path) -> Grid:
    """The cells of a Parquet file below its headings; of an index, the levels that have a name, and days.

    Raises:
        MarginError: pyarrow is not installed, or the file is damaged or too large
    """
    parquet = parquet_module(path)
    import pyarrow

    try:
        meta = parquet.read_metadata(path)
        cells = meta.num_rows * meta.num_columns
        if cells > MOST_CELLS:
            raise MarginError(f"{path} holds {meta.num_rows:,} rows, more than one book has: margin it with xlmargin batch")
        frame = parquet.read_table(path).to_pandas()
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise MarginError(f"{path} cannot be read as Parquet ({' '.join(str(error).split())[:120]}): write it again") from None
    if not len(frame):
        raise MarginError(f"{path} holds headings and no row below them: add the rows, or check which file was written")
    rows: Grid = rows_of(frame, "history")
    return rows
