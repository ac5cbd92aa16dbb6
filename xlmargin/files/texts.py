"""Tables in text files: one reader of encodings, delimiters, quotes, numbers and headings for every CSV file that a user gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from xlmargin.errors import MOST_BYTES, MarginError, existing_file
from xlmargin.files.containers.opened import is_workbook
from xlmargin.files.dialects.encodings import SHOWN, UTF_8, Decoded, decoded
from xlmargin.files.dialects.meanings import HEADERS, WHATEVER, TextColumn, columns_of, headings_in
from xlmargin.files.dialects.numerals import COMMA, POINT, Dialect, Written, bare, dialect_of, numeral
from xlmargin.files.dialects.records import MOST_TITLES, TextRecord, chosen_delimiter, records, separator, width_of
from xlmargin.files.parquets import MAGIC, read_parquet
from xlmargin.files.ranges import Grid
from xlmargin.files.sought import SOUGHT
from xlmargin.files.workbooks import read_range

TOO_WIDE = "put a number that holds a comma in quotes, or write it without one (-1500)"


class TextTable(NamedTuple):
    """A table of a text file.

    Attributes:
        rows: header first, all of its width; blank lines stay, so that rows are counted as the file shows them
        notes: what was decided about the file, a line each
        line: line of the header
    """

    rows: Grid
    notes: tuple[str, ...]
    line: int


class TextLayout(NamedTuple):
    """How the beginning of a text file lies before its rows.

    Attributes:
        delimiter: between cells
        records: from the header on
        headed: whether the first of them holds a heading that is looked for
        notes: what was decided, a line each
    """

    delimiter: str
    records: list[TextRecord]
    headed: bool
    notes: list[str]

    @property
    def width(self) -> int:
        """Number of columns: up to the last heading."""
        return self.records[0].width

    @property
    def unnamed(self) -> list[int]:
        """Columns without a heading."""
        return [n for n, cell in enumerate(self.records[0].cells[: self.width]) if self.headed and not bare(cell)]

    @property
    def columns(self) -> list[TextColumn]:
        """How each column is read."""
        return columns_of(self.records[0].cells[: self.width]) if self.headed else [WHATEVER] * self.width


def read_csv(path: Path) -> Grid:
    """The cells of a text table, numbers as numbers.

    Raises:
        MarginError: as of `read_table`
    """
    return read_table(path).rows


def read_table(path: Path, name: str = "") -> TextTable:
    """The table of a text file, of a Parquet file, or of a workbook with such a range.

    Args:
        path: a file of cells between commas, semicolons, tabs or vertical bars
        name: of the range, one of SOUGHT; "" of any other table, for which a workbook is asked for its balances

    Raises:
        MarginError: the file is missing, no text, or does not say beyond doubt which cells it holds
    """
    if is_workbook(existing_file(path, most=MOST_BYTES)):
        return TextTable(*read_range(path, name or "balances"), 1)
    data = path.read_bytes()
    if data.startswith(MAGIC):
        return TextTable(read_parquet(path), (), 1)
    return table_in(data, str(path), SOUGHT[name].heads if name else HEADERS)


def table_in(data: bytes, name: str, headings: Sequence[str] = HEADERS) -> TextTable:
    """The table that the bytes of a text file hold.

    Args:
        data: of the file
        name: of the file in messages
        headings: the header is the first line that holds one of them, else the first that is not blank

    Raises:
        MarginError: as of `read_table`
    """
    found = layout(decoded(data, name), name, headings)
    if not found.headed and "Parameter" not in headings:  # the reader of the range says which headings it needs
        return TextTable([[bare(cell) for cell in record.cells] for record in found.records], tuple(found.notes), found.records[0].line)
    _must_fit(found, name)
    cells, columns = _rows(found, name), found.columns
    numbers = list(_written(cells[found.headed :], columns, 1 + found.headed))
    dialect = dialect_of(numbers, found.delimiter, name)
    rows = _typed(cells[found.headed :], columns, dialect)
    header: Grid = [[bare(cell) for cell in cells[0]]] if found.headed else []
    return TextTable([*header, *rows], (*found.notes, *_numbers_told(numbers, dialect)), found.records[0].line)


def _typed(rows: Sequence[Sequence[str]], columns: Sequence[TextColumn], dialect: Dialect) -> Grid:
    """Cells as their columns hold them; texts that repeat are read once."""
    typed = []
    for column, cells in zip(columns, zip(*rows)):
        known = {cell: column.cell(cell, dialect) for cell in set(cells)}
        typed.append([known[cell] for cell in cells])
    return [list(row) for row in zip(*typed)]


def dialect_from(found: TextLayout, name: str) -> Dialect:
    """The dialect of a file of which only the beginning has been read; whether its rows fit the header is not looked at.

    Args:
        found: where the table begins, and its first rows
        name: of the file in messages

    Raises:
        MarginError: as of `read_table`
    """
    numbers = list(_written(_rows(found, name)[found.headed :], found.columns, 1 + found.headed))
    return dialect_of(numbers, found.delimiter, name)


def layout(file: Decoded, name: str, headings: Sequence[str] = HEADERS) -> TextLayout:
    """Where the table of a text begins, and what divides its cells.

    Args:
        file: its text, or the beginning of it
        name: of the file in messages
        headings: that are looked for

    Raises:
        MarginError: the text holds nothing, its quotes are unsound, or a row stands above the header
    """

    def is_header(cells: Sequence[str]) -> bool:
        header = headings_in(cells)
        return any(heading in header for heading in headings)

    said = separator(file.text, name)
    body = file.text[said.length :]
    delimiter = said.delimiter or chosen_delimiter(body, name, is_header)
    found = records(body, delimiter, name, 1 + bool(said.delimiter))
    filled = [n for n, record in enumerate(found) if not record.blank]
    if not filled:
        raise MarginError(f"{name} is empty: it needs a header row and the rows below it")
    at = next((n for n in filled[:MOST_TITLES] if is_header(found[n].cells)), None)
    start = next((n for n in filled if len(found[n].cells) > 1), filled[0]) if at is None else at
    above = [found[n] for n in filled if n < start]
    for record in above:
        _must_be_title(record, found[start], name)
    notes = [f"read as {SHOWN[file.encoding]}"] if file.encoding != UTF_8 else []
    if said.delimiter:
        notes.append(f"sep={delimiter} in line 1")
    if above:
        notes.append(f"{len(above)} title line{'s' * (len(above) > 1)} skipped, the header is in line {found[start].line}")
    return TextLayout(delimiter, found[start:], is_header(found[start].cells), notes)


def _must_be_title(record: TextRecord, header: TextRecord, name: str) -> None:
    """Refuse a line above the header that may be a row of the table: one with a number where the table has numbers."""
    columns = columns_of(header.cells)
    if any(column.number and numeral(bare(cell)) for column, cell in zip(columns, record.cells)):
        raise MarginError(
            f"{name} line {record.line} stands above the header (line {header.line}) and looks like a row: put it below, or remove it"
        )


def _rows(found: TextLayout, name: str) -> list[list[str]]:
    """The header and the rows down to the last that holds something, all as wide as the header.

    Raises:
        MarginError: there is no row
    """
    header, width = found.records[0], found.width
    last = max(n for n, record in enumerate(found.records) if not record.blank)
    if last == 0 and found.headed and "Parameter" not in headings_in(header.cells):
        raise MarginError(f"{name} holds a heading (line {header.line}) and no row below it: add the rows, or check which file was saved")
    return [[*record.cells[:width], *[""] * (width - len(record.cells))] for record in found.records[: last + 1]]


def _must_fit(found: TextLayout, name: str) -> None:
    """Refuse a row that contradicts the header."""
    for n, record in enumerate(found.records, 1):
        if fault := _misfit(record.cells, found):
            raise MarginError(f"{name} row {n} (line {record.line}) {fault}")


def _misfit(cells: Sequence[str], found: TextLayout) -> str:
    """How the cells of a row contradict the header, "" where they do not."""
    if (last := width_of(cells)) > found.width:
        return f"{too_wide(last, found.width)}: {TOO_WIDE}"
    for n in found.unnamed:
        if n < len(cells) and cells[n].strip():
            return unnamed_cell(cells[n], n)
    for cell in cells:
        if ("\n" in cell or "\r" in cell) and cell.count(found.delimiter) >= max(1, found.width - 1):
            return "has a cell in quotes that holds whole lines of the table: a quote is missing or too many"
    return ""


def too_wide(cells: int, width: int) -> str:
    """The fault of a row with more cells than the header."""
    return f"has {cells} cells and the header {width}"


def unnamed_cell(cell: str, at: int) -> str:
    """The fault of a row with a cell in a column without a heading, counted from 0."""
    return f"has {cell.strip()!r} in column {at + 1}, which has no heading: name the column, or remove it"


def _written(rows: Sequence[Sequence[str]], columns: Sequence[TextColumn], first: int) -> Iterator[Written]:
    """The numbers of the columns that tell the decimal mark, each text once.

    Args:
        rows: below the header
        columns: how each is read
        first: number of the first row
    """
    seen = set[str]()
    for at, (column, cells) in enumerate(zip(columns, zip(*rows))):
        for n, cell in enumerate(cells) if column.number else ():
            if cell not in seen:
                seen.add(cell)
                if found := numeral(bare(cell)):
                    yield Written(bare(cell), f"row {n + first}, column {at + 1}", found)


def _numbers_told(cells: Sequence[Written], dialect: Dialect) -> Iterator[str]:
    """How numbers were read where that is not plain: the decimal comma, marks between thousands."""
    comma = next((cell for cell in cells if cell.numeral.decides == COMMA), None)
    if comma is not None:
        yield f"decimal comma: {comma.text!r} is {comma.numeral.comma:,.10g}"
    group = POINT if dialect.decimal == COMMA else COMMA
    grouped = next((cell for cell in cells if group in cell.text), None)
    if grouped is not None:
        yield f"marks between thousands: {grouped.text!r} is {dialect.value(grouped.numeral, grouped.text) or 0.0:,.10g}"
