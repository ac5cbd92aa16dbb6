"""Files of positions as columns: row groups of Parquet and blocks of CSV, read as a stream."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.errors import Faults, MarginError, existing_file
from xlmargin.sheet.columns import Header, must_be_understood
from xlmargin.sheet.headings import POSITIONS, heading_key
from xlmargin.sheet.ranges.positions import HEADINGS, read_positions

ACCOUNT, QUANTITY, USD_SIZE, ENTRY = "Account", "Quantity", "USD size", "Entry"
PLAIN = (ACCOUNT, QUANTITY, USD_SIZE, ENTRY)  # columns that hold a value of its own on almost every row
BLOCK_ROWS = 250_000
BLOCK_BYTES = 16_000_000
FIRST_LINES = 1_000_000  # bytes from which the length of a CSV file is guessed


class FilePart(NamedTuple):
    """A part of the file that is read by itself: its row groups from and to, and the rows before it."""

    first: int
    last: int
    before: int


class RowBlock(NamedTuple):
    """Rows of the file as columns: their numbers, counted from the header row as 1, and an Arrow table of known headings."""

    rows: NDArray[np.int64]
    table: Any


@dataclass(frozen=True, slots=True)
class Source:
    """A file of positions.

    Attributes:
        path: .parquet or .csv
        columns: place of each known heading among the file's columns
        width: number of the file's columns
        rows: number of rows, of a CSV file an estimate
        pieces: parts that can be read separately
        skip: lines of a CSV file down to its header row
        delimiter: of a CSV file; "" for Parquet
    """

    path: Path
    columns: tuple[tuple[str, int], ...]
    width: int
    rows: int
    pieces: tuple[FilePart, ...]
    skip: int = 0
    delimiter: str = ""

    @property
    def text(self) -> bool:
        """Whether every cell is text that must still be read, as in CSV."""
        return bool(self.delimiter)


def arrow(name: str) -> Any:
    """A module of pyarrow.

    Raises:
        MarginError: it is not installed
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError:
        raise MarginError("a batch needs pyarrow: pip install 'xlmargin[batch]'") from None
    return getattr(pyarrow, name) if name else pyarrow


def open_source(path: Path, pieces: int) -> Source:
    """Look at a file's header and size.

    Args:
        pieces: parts into which reading is divided at most

    Raises:
        MarginError: the file is missing, unreadable, or its header lacks a heading that the positions range must have
    """
    existing_file(path)
    if path.suffix.lower() == ".parquet":
        return _open_parquet(path, pieces)
    if path.suffix.lower() == ".csv":
        return _open_csv(path)
    raise MarginError(f"{path} is neither Parquet nor CSV: give a file that ends in .parquet or .csv")


def _columns(headings: list[str], path: Path) -> tuple[tuple[str, int], ...]:
    """Place of each known heading; the mandatory ones are checked by the reader of the positions range.

    A heading that says percent keeps its `%`, by which the reader knows it.

    Raises:
        MarginError: a heading is missing, stands twice, or is not known and could change the number
    """
    header, faults = Header(headings, "positions", POSITIONS), Faults()
    try:
        read_positions([headings], faults)
        if QUANTITY not in header:
            header.fail("a batch needs the heading Quantity, in units × Multiplier: write it in the place of another count")
        must_be_understood(header, HEADINGS, POSITIONS, faults)
        faults.stop()
    except MarginError as error:
        raise MarginError(f"{path}: {error}") from None
    at = header.columns(HEADINGS)
    shown = {heading: f"{heading} %" if heading_key(heading) in header.percent else heading for heading in at}
    return tuple(sorted(((shown[heading], i) for heading, i in at.items()), key=itemgetter(1)))


def _open_parquet(path: Path, pieces: int) -> Source:
    pa, parquet = arrow(""), arrow("parquet")
    try:
        meta = parquet.read_metadata(path)
        headings = list(parquet.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise MarginError(f"{path} cannot be read as Parquet: {error}") from None
    ends = np.cumsum([meta.row_group(n).num_rows for n in range(meta.num_row_groups)], dtype=np.int64).tolist()
    cuts = sorted({round(n * len(ends) / max(pieces, 1)) for n in range(pieces + 1)})
    parts = tuple(FilePart(first, last, ends[first - 1] if first else 0) for first, last in pairwise(cuts))
    return Source(path, _columns(headings, path), len(headings), meta.num_rows, parts)


def _open_csv(path: Path) -> Source:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(FIRST_LINES)
    try:
        lines = start.decode("utf-8-sig", errors="ignore" if size > len(start) else "strict").splitlines()
    except UnicodeDecodeError as error:
        raise MarginError(f"{path} is not a text file in UTF-8 (byte {error.start}): save it as CSV UTF-8") from None
    skip = next((n for n, line in enumerate(lines) if line.strip(',;\t "')), None)
    if skip is None:
        raise MarginError(f"{path} is empty: it needs a header row and the positions below it")
    delimiter = max(",;\t", key=lines[skip].count)
    headings = next(csv.reader([lines[skip]], delimiter=delimiter))
    rows = round(len(lines) * size / max(len(start), 1))
    return Source(path, _columns(headings, path), len(headings), rows, (FilePart(0, 1, 0),), skip + 1, delimiter)


def blocks(source: Source, piece: FilePart) -> Iterator[RowBlock]:
    """The rows of a piece, in blocks of bounded size.

    Raises:
        MarginError: the file cannot be read, or a column holds values that no cell can
    """
    pa = arrow("")
    try:
        yield from (_csv_blocks if source.text else _parquet_blocks)(source, piece)
    except (pa.ArrowException, OSError) as error:
        raise MarginError(f"{source.path} cannot be read: {error}") from None


def _parquet_blocks(source: Source, piece: FilePart) -> Iterator[RowBlock]:
    pa, parquet = arrow(""), arrow("parquet")
    schema = parquet.read_schema(source.path)
    names = [schema.names[i] for _, i in source.columns]
    words = [
        schema.names[i]
        for heading, i in source.columns
        if heading not in PLAIN and (pa.types.is_string(schema.types[i]) or pa.types.is_large_string(schema.types[i]))
    ]
    before = piece.before
    with parquet.ParquetFile(source.path, read_dictionary=words) as file:
        for batch in file.iter_batches(BLOCK_ROWS, range(piece.first, piece.last), names, use_threads=False):
            rows = np.arange(before + 2, before + 2 + batch.num_rows)
            before += batch.num_rows
            columns = [_plain(batch.column(names.index(schema.names[i])), heading) for heading, i in source.columns]
            yield RowBlock(rows, pa.table(columns, [heading for heading, _ in source.columns]))


def _plain(column: Any, heading: str) -> Any:
    """A column of Parquet as numbers, texts, dates or booleans, whatever its width; texts that repeat as a dictionary."""
    pa, compute = arrow(""), arrow("compute")
    types, kind = pa.types, column.type
    if types.is_dictionary(kind) and (heading in PLAIN or not _is_text(kind.value_type)):
        column, kind = column.dictionary_decode(), kind.value_type
    if types.is_integer(kind) and heading == ACCOUNT:
        return column.cast(pa.string())
    if types.is_integer(kind) or types.is_decimal(kind) or types.is_floating(kind):
        values = column.cast(pa.float64(), safe=False)
        return compute.if_else(compute.is_nan(values), pa.scalar(None, pa.float64()), values)  # NaN is a blank in columns
    if types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    if types.is_null(kind) or _is_text(kind):
        return column.cast(pa.string())
    if types.is_dictionary(kind):
        return column.cast(pa.dictionary(pa.int32(), pa.string()))
    if types.is_date(kind) or types.is_boolean(kind):
        return column
    raise MarginError(f"the column {heading} holds {kind}: give numbers, texts or dates")


def _is_text(kind: Any) -> bool:
    types = arrow("types")
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _csv_blocks(source: Source, _: FilePart) -> Iterator[RowBlock]:
    """Blocks of texts; lines with more or fewer cells than the header come last, cut or filled up as a sheet does."""
    odd: list[tuple[int, str]] = []
    position = 1
    with _csv_reader(source, odd) as reader:
        for batch in reader:
            rows = np.arange(position, position + batch.num_rows + len(odd))
            rows = rows[~np.isin(rows, [number for number, _ in odd])][: batch.num_rows]
            position = int(rows[-1]) + 1 if len(rows) else position
            yield _texts(source, rows + 1, batch)
    if odd:
        lines = [next(csv.reader([line], delimiter=source.delimiter)) for _, line in odd]
        yield _texts(source, np.array([number + 1 for number, _ in odd]), _as_batch(lines, source.width))


def _csv_reader(source: Source, odd: list[tuple[int, str]]) -> Any:
    pa, reader = arrow(""), arrow("csv")

    def keep(row: Any) -> str:
        odd.append((row.number - source.skip, row.text))
        return "skip"

    names = [f"f{n}" for n in range(source.width)]
    return reader.open_csv(
        source.path,
        reader.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, skip_rows=source.skip, column_names=names),
        reader.ParseOptions(delimiter=source.delimiter, invalid_row_handler=keep, ignore_empty_lines=False, newlines_in_values=True),
        reader.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def _as_batch(lines: list[list[str]], width: int) -> Any:
    pa = arrow("")
    full = [(line + [""] * width)[:width] for line in lines]
    return pa.record_batch([pa.array(list(cells), pa.string()) for cells in zip(*full)], [f"f{n}" for n in range(width)])


def _texts(source: Source, rows: NDArray[np.int64], batch: Any) -> RowBlock:
    """The known columns of a block; texts that repeat as a dictionary."""
    pa = arrow("")
    columns = [batch.column(i) if heading in PLAIN else batch.column(i).dictionary_encode() for heading, i in source.columns]
    return RowBlock(rows, pa.table(columns, [heading for heading, _ in source.columns]))
