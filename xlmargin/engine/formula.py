"""Formula text parsed: calls to our functions, references, constants and table references."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384

#: Error values a cell can show; the last three are the engine's own (unreadable, not implemented, circular).
_ERRORS = """#NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #N/A #GETTING_DATA #SPILL! #CALC! #FIELD! #BLOCKED! #CONNECT! #UNKNOWN!
    #ERROR! #N/IMPL! #CIRC!"""
ERROR_CODES = frozenset(_ERRORS.split())

_BRACKET = r"\[(?:[^\[\]']|'.|\[(?:[^\[\]']|'.)*\])*\]"
_CELL = r"\$?[A-Za-z]{1,3}\$?[0-9]{1,7}"
_BODY = rf"{_CELL}(?::{_CELL})?|\$?[A-Za-z]{{1,3}}:\$?[A-Za-z]{{1,3}}|\$?[0-9]+:\$?[0-9]+"
_SHEET = r"(?:'(?:[^']|'')*'|[^\W\d][\w.]*)!"
_TOKEN = re.compile(
    rf"""(?P<text>"(?:[^"]|"")*")
    |(?P<error>\#[A-Z][A-Z/_0-9]*[!?]?)
    |(?P<open>[^\W\d][\w.]*\()
    |(?P<operand>(?:{_SHEET})?(?:(?:{_BODY})(?![\w.(\[])|[^\W\d][\w.\\?]*(?:{_BRACKET})?|{_BRACKET}))
    |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_AREA = re.compile(rf"(?P<sheet>{_SHEET})?(?P<body>{_BODY})")
_PLAIN_CELL = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")  # most of the areas by far
_CORNER = re.compile(r"(?P<c_abs>\$?)(?P<c>[A-Za-z]*)(?P<r_abs>\$?)(?P<r>[0-9]*)")
_PREFIX = re.compile(r"^(?:_xlfn\.|_xlws\.|_xlpm\.|_xludf\.|_xll\.|_xldudf_)+", re.IGNORECASE)
_FILE_PREFIX = re.compile(r"\b(?:_xlfn\.|_xlws\.|_xlpm\.)+")


@dataclass(frozen=True, slots=True)
class Call:
    """A call to one of our functions in a formula: `text[start:end]`, and its arguments as text.

    `inside` another function's brackets a whole table is meant, elsewhere its first cell.
    """

    name: str
    arguments: tuple[str, ...]
    start: int
    end: int
    inside: bool


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, TRUE/FALSE or nothing, written into a formula."""

    value: float | str | bool | None


@dataclass(frozen=True, slots=True)
class CellArea:
    """A rectangle of cells, rows and columns counted from 1; `cell` when it was written as a single cell."""

    sheet: str
    first_row: int
    first_column: int
    last_row: int
    last_column: int
    cell: bool = False

    def covers(self, row: int, column: int) -> bool:
        """Whether the cell lies in the rectangle."""
        return self.first_row <= row <= self.last_row and self.first_column <= column <= self.last_column

    def text(self) -> str:
        """The rectangle as an absolute reference with its sheet."""
        first = f"${column_letters(self.first_column)}${self.first_row}"
        last = f"${column_letters(self.last_column)}${self.last_row}"
        return f"{quoted(self.sheet)}!{first}" + ("" if self.cell else f":{last}")


@dataclass(frozen=True, slots=True)
class TableArea:
    """A table of the workbook: its whole rectangle, headings, and number of heading and total rows."""

    name: str
    area: CellArea
    columns: tuple[str, ...]
    heading_rows: int
    total_rows: int


@lru_cache(1 << 10)
def column_letters(number: int) -> str:
    """The letters of a column counted from 1."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@lru_cache(1 << 10)
def column_number(letters: str) -> int:
    """The number of a column by its letters, counted from 1."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def address(row: int, column: int) -> str:
    """The A1 name of a cell, both counted from 1."""
    return f"{column_letters(column)}{row}"


def quoted(sheet: str) -> str:
    """A sheet name in quotes, as written before the exclamation mark."""
    return "'" + sheet.replace("'", "''") + "'"


def plain_name(name: str) -> str:
    """A function name in upper case without the prefixes that files put before some functions."""
    return _PREFIX.sub("", name).upper()


def display(text: str) -> str:
    """A formula of a file as a person types it: with `=`, without the prefixes of newer functions."""
    parts = (m.group() if m["text"] else _FILE_PREFIX.sub("", m.group()) for m in _TOKEN.finditer(text))
    return "=" + "".join(parts).removeprefix("=")


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        yield kind, match.group(), match.start()


@dataclass(slots=True)
class _Frame:
    name: str
    start: int
    cuts: list[int]


def find_calls(text: str, names: Collection[str]) -> list[Call]:
    """Find the outermost calls to some functions in a formula.

    Parameters: text, the formula with or without `=`; names, upper-case function names.
    Returns: the calls from left to right; ask again with an argument for the calls nested in it.
    """
    calls: list[Call] = []
    stack: list[_Frame] = []
    for kind, token, start in _tokens(text):
        if kind == "open" or token in "({":
            name = plain_name(token[:-1]) if kind == "open" else ""
            stack.append(_Frame(name, start, [start + len(token)]))
        elif token == "," and kind == "other" and stack:
            stack[-1].cuts.append(start + 1)
        elif kind == "other" and token in ")}" and stack:
            frame = stack.pop()
            if frame.name in names and not any(outer.name in names for outer in stack):
                calls.append(_call(text, frame, start, any(outer.name for outer in stack)))
    return calls


def _call(text: str, frame: _Frame, close: int, inside: bool) -> Call:
    ends = [cut - 1 for cut in frame.cuts[1:]] + [close]
    arguments = tuple(text[a:b].strip() for a, b in zip(frame.cuts, ends, strict=True))
    if arguments == ("",):
        arguments = ()
    return Call(frame.name, arguments, frame.start, close + 1, inside)


def parse_constant(text: str) -> Constant | None:
    """The constant that an argument is, or None when it has to be read or calculated."""
    stripped = text.strip()
    if not stripped:
        return Constant(None)
    if stripped.upper() in ("TRUE", "FALSE"):
        return Constant(stripped.upper() == "TRUE")
    if re.fullmatch(r'"(?:[^"]|"")*"', stripped):
        return Constant(stripped[1:-1].replace('""', '"'))
    if re.fullmatch(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", stripped):
        return Constant(float(stripped))
    return None


def parse_area(text: str, sheet: str) -> CellArea | None:
    """The rectangle an argument names, or None; whole columns and rows reach to the edge of the sheet.

    Parameters: text, such as `A1`, `$A$1:$B$9`, `'My sheet'!A:C`; sheet, meant where the text names none.
    """
    plain = _PLAIN_CELL.fullmatch(text)
    if plain and (column := column_number(plain[1])) <= MAX_COLUMN and (row := int(plain[2])) <= MAX_ROW:
        return CellArea(sheet, row, column, row, column, True)
    match = _AREA.fullmatch(text.strip())
    if not match:
        return None
    prefix = match["sheet"]
    if prefix:
        sheet = prefix[:-1]
        if sheet.startswith("'"):
            sheet = sheet[1:-1].replace("''", "'")
    first, _, last = match["body"].replace("$", "").partition(":")
    corners = [_CORNER.fullmatch(corner) for corner in (first, last or first)]
    rows = [int(c["r"]) if c and c["r"] else 0 for c in corners]
    columns = [column_number(c["c"]) if c and c["c"] else 0 for c in corners]
    rows = sorted(rows) if rows[0] else [1, MAX_ROW]
    columns = sorted(columns) if columns[0] else [1, MAX_COLUMN]
    if any(c and c["r"] and int(c["r"]) == 0 for c in corners) or rows[1] > MAX_ROW or columns[1] > MAX_COLUMN:
        return None
    return CellArea(sheet, rows[0], columns[0], rows[1], columns[1], not last)


def meet(one: CellArea, other: CellArea) -> bool:
    """Whether two rectangles of one sheet have a cell in common."""
    columns = one.first_column <= other.last_column and other.first_column <= one.last_column
    return columns and one.first_row <= other.last_row and other.first_row <= one.last_row


def map_operands(text: str, change: Callable[[str], str]) -> str:
    """Replace every reference or name in a formula by the result of `change`; the rest is unchanged."""
    return "".join(change(token) if kind == "operand" else token for kind, token, _ in _tokens(text))


def shift(text: str, rows: int, columns: int) -> str:
    """A formula as it reads when copied some rows down and columns to the right: relative references move."""

    def corner(match: re.Match[str]) -> str:
        letters, row = match["c"], match["r"]
        if letters and not match["c_abs"]:
            letters = column_letters(column_number(letters) + columns)
        if row and not match["r_abs"]:
            row = str(int(row) + rows)
        return f"{match['c_abs']}{letters}{match['r_abs']}{row}"

    def moved(operand: str) -> str:
        match = _AREA.fullmatch(operand)
        if not match:
            return operand
        body = ":".join(_CORNER.sub(corner, part, count=1) for part in match["body"].split(":"))
        return (match["sheet"] or "") + body

    return map_operands(text, moved)


def table_area(text: str, tables: Mapping[str, TableArea], row: int) -> CellArea | None:
    """The rectangle of a table reference such as `tbl`, `tbl[#All]`, `tbl[[#Headers],[Qty]:[IV]]`, or None.

    Parameters: text; tables, by lower-case name; row of the asking cell, for `[#This Row]` and `@`.
    """
    match = re.fullmatch(rf"(?P<name>[^\W\d][\w.\\]*)(?P<spec>{_BRACKET})?", text.strip())
    table = tables.get(match["name"].lower()) if match else None
    if not match or table is None:
        return None
    inner = (match["spec"] or "[]")[1:-1].strip()
    names = re.findall(r"\[((?:[^\[\]']|'.)*)\]", inner) or ([inner] if inner else [])
    if inner.startswith("@"):
        names = ["#This Row", *(name.removeprefix("@") for name in names if name != "@")]
    parts = [name.strip().lower() for name in names if name.strip().startswith("#")]
    headings = [re.sub(r"'(.)", r"\1", name).lower() for name in names if not name.strip().startswith("#")]
    span = _table_rows(table, parts, row)
    known = [column.lower() for column in table.columns]
    if span is None or any(heading not in known for heading in headings):
        return None
    columns = sorted(known.index(heading) for heading in headings) or [0, len(known) - 1]
    left = table.area.first_column
    first, last = left + columns[0], left + columns[-1]
    return CellArea(table.area.sheet, span[0], first, span[1], last, span[0] == span[1] and first == last)


def _table_rows(table: TableArea, parts: list[str], row: int) -> tuple[int, int] | None:
    top, bottom = table.area.first_row, table.area.last_row
    data, totals = top + table.heading_rows, bottom - table.total_rows + 1
    spans = {
        "#all": (top, bottom),
        "#headers": (top, data - 1),
        "#data": (data, totals - 1),
        "#totals": (totals, bottom),
        "#this row": (row, row),
    }
    chosen = [spans.get(part, (1, 0)) for part in parts or ["#data"]]
    if any(first > last for first, last in chosen):
        return None
    return min(first for first, _ in chosen), max(last for _, last in chosen)
