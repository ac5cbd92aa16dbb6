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

from xlmargin.batch.text_stream import Below, TextStream
from xlmargin.errors import Faults, MarginError, existing_file
from xlmargin.files.dialects.encodings import decoded
from xlmargin.files.dialects.numerals import Dialect, bare
from xlmargin.files.dialects.records import offset_of, whole_rows, width_of
from xlmargin.files.sought import SOUGHT
from xlmargin.files.texts import TOO_WIDE, dialect_from, layout, too_wide, unnamed_cell
from xlmargin.sheet.columns import Header, must_be_understood
from xlmargin.sheet.headings import POSITIONS, heading_key
from xlmargin.sheet.ranges.exports import delta_is_greek, vague_size
from xlmargin.sheet.ranges.positions import HEADINGS, read_positions

ACCOUNT, QUANTITY, USD_SIZE, ENTRY = "Account", "Quantity", "USD size", "Entry"
MISFIT = "#misfit"  # column that says how a row contradicts the header, blank where it does not; a name that no heading can be
PLAIN = (ACCOUNT, QUANTITY, USD_SIZE, ENTRY)  # columns that hold a value of its own on almost every row
BLOCK_ROWS = 250_000
BLOCK_BYTES = 16_000_000
FIRST_BYTES = 250_000  # of a CSV file, by which its dialect is decided and its length guessed
MARKED = r"^\s*['=]|[^ -~]"  # of names that may not be what they seem


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
        size: the heading of the quantities as it stands in the file, which may leave open whether USD are counted
        width: number of the file's columns
        rows: number of rows, of a CSV file an estimate
        pieces: parts that can be read separately
        below: where the rows of a CSV file are, and how they are written; None for Parquet
        unnamed: columns without a heading
        notes: what was decided about a CSV file, a line each
    """

    path: Path
    columns: tuple[tuple[str, int], ...]
    size: str
    width: int
    rows: int
    pieces: tuple[FilePart, ...]
    below: Below | None = None
    unnamed: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def dialect(self) -> Dialect | None:
        """How the cells of a CSV file are read, which are texts; None for Parquet."""
        return None if self.below is None else self.below.dialect


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
        if QUANTITY not in header and USD_SIZE not in header:
            header.fail("a batch needs the heading Quantity, in units × Multiplier: write it in the place of another count")
        must_be_understood(header, HEADINGS, POSITIONS, faults)
        faults.stop()
    except MarginError as error:
        raise MarginError(f"{path}: {error}") from None
    at = header.columns(HEADINGS)
    if delta_is_greek(header):
        at.pop("Delta")
    shown = {heading: f"{heading} %" if heading_key(heading) in header.percent else heading for heading in at}
    return tuple(sorted(((shown[heading], i) for heading, i in at.items()), key=itemgetter(1)))


def _size_heading(headings: list[str]) -> str:
    """The heading of the quantities as it stands, if it leaves open what they count, else Quantity."""
    return vague_size(Header(headings, names=POSITIONS)) or QUANTITY


def _open_parquet(path: Path, pieces: int) -> Source:
    pa, parquet = arrow(""), arrow("parquet")
    try:
        meta = parquet.read_metadata(path)
        headings = list(parquet.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise MarginError(f"{path} cannot be read as Parquet: {error}") from None
    if not meta.num_rows:
        raise MarginError(f"{path} holds headings and no row below them: add the rows, or check which file was written")
    ends = np.cumsum([meta.row_group(n).num_rows for n in range(meta.num_row_groups)], dtype=np.int64).tolist()
    cuts = sorted({round(n * len(ends) / max(pieces, 1)) for n in range(pieces + 1)})
    parts = tuple(FilePart(first, last, ends[first - 1] if first else 0) for first, last in pairwise(cuts))
    return Source(path, _columns(headings, path), _size_heading(headings), len(headings), meta.num_rows, parts)


def _open_csv(path: Path) -> Source:
    """Decide how a CSV file is written by its beginning, as the reader of text tables does."""
    size, name = path.stat().st_size, str(path)
    with path.open("rb") as opened:
        start = opened.read(FIRST_BYTES)
    whole = size <= len(start)
    file = decoded(start, name, whole=whole)
    found = layout(file if whole else file._replace(text=whole_rows(file.text)), name, SOUGHT["positions"].heads)
    headings = [bare(cell) for cell in found.records[0].cells[: found.width]]
    columns = _columns(headings, path)
    dialect = dialect_from(found, name)
    first = found.records[1].line
    place = file.mark + len(file.text[: offset_of(file.text, first)].encode(file.encoding))
    rows = round(len(found.records) * size / max(len(start), 1))
    below = Below(place, first, found.width, file.encoding, dialect)
    return Source(
        path, columns, _size_heading(headings), found.width, rows, (FilePart(0, 1, 0),), below, tuple(found.unnamed), tuple(found.notes)
    )


def blocks(source: Source, piece: FilePart) -> Iterator[RowBlock]:
    """The rows of a piece, in blocks of bounded size.

    Raises:
        MarginError: the file cannot be read, or a column holds values that no cell can
    """
    pa = arrow("")
    try:
        yield from (_csv_blocks if source.below else _parquet_blocks)(source, piece)
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
    """Blocks of texts; lines with more or fewer cells than the header come last."""
    assert source.below is not None
    odd: list[tuple[int, str]] = []
    position = 1
    with TextStream(source.path, source.below) as file, _csv_reader(file, source.below, odd) as reader:
        for batch in reader:
            rows = np.arange(position, position + batch.num_rows + len(odd))
            rows = rows[~np.isin(rows, [number for number, _ in odd])][: batch.num_rows]
            position = int(rows[-1]) + 1 if len(rows) else position
            yield _texts(source, rows + 1, batch)
    if odd:
        lines = [next(csv.reader([line], delimiter=source.below.dialect.delimiter)) for _, line in odd]
        yield _texts(source, np.array([number + 1 for number, _ in odd]), _as_batch(lines, source.width), _misfits(source, odd, lines))


def _csv_reader(file: TextStream, below: Below, odd: list[tuple[int, str]]) -> Any:
    pa, reader = arrow(""), arrow("csv")

    def keep(row: Any) -> str:
        odd.append((row.number, row.text))
        return "skip"

    names = [f"f{n}" for n in range(below.width)]
    return reader.open_csv(
        file,
        reader.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names),
        reader.ParseOptions(delimiter=below.dialect.delimiter, invalid_row_handler=keep, ignore_empty_lines=False, newlines_in_values=True),
        reader.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def _as_batch(lines: list[list[str]], width: int) -> Any:
    pa = arrow("")
    full = [(line + [""] * width)[:width] for line in lines]
    return pa.record_batch([pa.array(list(cells), pa.string()) for cells in zip(*full)], [f"f{n}" for n in range(width)])


def _misfits(source: Source, odd: list[tuple[int, str]], lines: list[list[str]]) -> list[str | None]:
    """The fault of each line that has more cells than the header, None where the others are blank or it has fewer.

    Raises:
        MarginError: such a line may have its account in another column than it seems
    """
    found = [too_wide(width, source.width) if (width := width_of(line)) > source.width else None for line in lines]
    if dict(source.columns).get(ACCOUNT, 0):
        for (number, _), fault in zip(odd, found):
            if fault is not None:
                raise MarginError(f"{source.path} row {number + 1} {fault}, and its account cannot be told: {TOO_WIDE}")
    return found


def _texts(source: Source, rows: NDArray[np.int64], batch: Any, misfits: list[str | None] | None = None) -> RowBlock:
    """The known columns of a block; texts that repeat as a dictionary."""
    pa = arrow("")
    for n in source.unnamed:
        _must_be_blank(source, rows, batch.column(n), n)
    columns = [batch.column(i) if heading in PLAIN else batch.column(i).dictionary_encode() for heading, i in source.columns]
    columns = [_bare(column) if heading == ACCOUNT else column for column, (heading, _) in zip(columns, source.columns)]
    faults = pa.array(misfits, pa.string()) if misfits else pa.nulls(len(rows), pa.string())
    return RowBlock(rows, pa.table([*columns, faults], [*(heading for heading, _ in source.columns), MISFIT]))


def _bare(column: Any) -> Any:
    """Names without the marks by which spreadsheets keep a text; the few that may have one are looked at."""
    pa, compute = arrow(""), arrow("compute")
    if not compute.any(compute.match_substring_regex(column, MARKED), min_count=0).as_py():
        return column
    known = column.dictionary_encode()
    return pa.array([bare(cell) for cell in known.dictionary.to_pylist()], pa.string()).take(known.indices)


def _must_be_blank(source: Source, rows: NDArray[np.int64], column: Any, at: int) -> None:
    compute = arrow("compute")
    filled = np.flatnonzero(compute.not_equal(compute.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False))
    if len(filled):
        raise MarginError(f"{source.path} row {rows[filled[0]]} {unnamed_cell(column[int(filled[0])].as_py(), at)}")
