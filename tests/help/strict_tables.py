"""Every strict reading of a text table, letter by letter: what the reader of text tables may answer, found in another way."""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

NUMBERS = {"quantity", "spot", "iv"}
NAMES = {"account", "instrument", "note"}
SPACES = "".join(map(chr, [0x20, 0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]))
UNSEEN = "".join(map(chr, [*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]))
Cells = tuple[tuple[str | float, ...], ...]


def readings(data: bytes) -> dict[tuple[str, str], Cells]:
    """The rows of a table with numbers below its header, by every delimiter and decimal mark by which it has no fault."""
    text = _text(data)
    found: dict[tuple[str, str], Cells] = {}
    if text is None:
        return found
    said = re.match("sep=(.)[,;|\t ]*(\r\n|\r|\n|$)", text, re.I)
    for delimiter in filter(text.__contains__, said[1] if said else ",;\t|"):
        rows = _rows(text[said.end() :] if said else text, delimiter)
        for decimal in ".," if rows else "":
            cells = _typed(rows or [], decimal)
            if cells and any(isinstance(cell, float) for row in cells for cell in row):
                found[delimiter, decimal] = cells
    return found


@lru_cache(maxsize=4096)
def folded(heading: str) -> str:
    """A heading without case, and without the marks that do not count."""
    return re.sub(r"[\s_%.'−-]", "", "".join(letter for letter in heading if unicodedata.category(letter) != "Cf")).lower()


def _text(data: bytes) -> str | None:
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    if 0 in data:
        return _decoded(data, "utf-16-be" if data[0::2].count(0) else "utf-16-le")
    return _decoded(data, "utf-8") or _decoded(data, "cp1252")


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _rows(text: str, delimiter: str) -> list[list[str]] | None:
    """Header and rows, or None where quotes or widths are at fault or nothing is called Quantity."""
    try:
        records = list(_records(text, delimiter))
    except ValueError:
        return None
    heads = [n for n, row in enumerate(records) if any(folded(cell) == "quantity" for cell in row)]
    if not heads:
        return None
    table = [[cell.strip().strip(UNSEEN).strip().removeprefix("'").strip() for cell in row] for row in records[heads[0] :]]
    if len(table[0]) == 1:
        return None  # nothing says what divides it
    width = max(n for n, cell in enumerate(table[0], 1) if cell)
    rows = [row for row in table if any(row)]
    if any(any(row[width:]) or any(cell and not head for cell, head in zip(row, table[0])) for row in rows):
        return None
    return [[*row[:width], *[""] * (width - len(row))] for row in rows]


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    """Records, where a quote is only at the ends of a cell or doubled within it."""
    row, cell, at, state = list[str](), "", 0, "start"
    while at < len(text):
        letter = text[at]
        at += 1
        if state == "quoted":
            if letter != '"':
                cell += letter
            elif text[at : at + 1] == '"':
                cell, at = cell + '"', at + 1
            else:
                state = "closed"
        elif letter == delimiter:
            row, cell, state = [*row, cell], "", "start"
        elif letter in "\r\n":
            if letter == "\r" and text[at : at + 1] == "\n":
                at += 1
            yield [*row, cell]
            row, cell, state = [], "", "start"
        elif letter == '"' and state == "plain" and cell == "=":  # ="007" keeps a text
            cell, mark, _ = text[at:].partition('"')
            at, state = at + len(cell) + 1, "closed"
            if not mark or any(edge in cell for edge in (delimiter, "\r", "\n")):
                raise ValueError
        elif state == "closed" or (letter == '"' and state == "plain"):
            raise ValueError
        elif letter == '"':
            state = "quoted"
        else:
            cell, state = cell + letter, "plain"
    if state == "quoted":
        raise ValueError
    yield [*row, cell]


def _typed(rows: list[list[str]], decimal: str) -> Cells | None:
    """The rows with their numbers by a decimal mark, or None where a number can only have the other."""
    keys, found = list(map(folded, rows[0])), list[tuple[str | float, ...]]()
    for row in rows[1:]:
        cells = list[str | float]()
        for key, cell in zip(keys, row):
            value = _number(cell, decimal) if key in NUMBERS else None
            if key in NUMBERS and value is None and _number(cell, "," if decimal == "." else ".") is not None:
                return None
            percent = cell.endswith("%")
            cells.append(cell if value is None or (percent and key != "iv") else value)
        found.append(tuple(cell for key, cell in zip(keys, cells) if key in NUMBERS | NAMES))
    return tuple(found)


def _number(cell: str, decimal: str) -> float | None:
    """The number of a cell by a decimal mark, digits between marks of thousands in threes."""
    text = re.sub("[−–]", "-", cell.removesuffix("%").rstrip(SPACES))
    match = re.fullmatch(rf"([+-]?)([0-9][0-9.,'{SPACES}]*|[.,][0-9]+)([eE][+-]?[0-9]+)?", text)
    if match is None or len(cell) > 40 or (cell.endswith("%") and match[3]):
        return None
    whole, _, part = match[2].partition(decimal)
    groups = re.split(f"[{SPACES}]", whole) if any(space in whole for space in SPACES) else re.split("[.,']", whole)
    if len({letter for letter in whole if not letter.isdigit()} - set(SPACES)) + any(space in whole for space in SPACES) > 1:
        return None
    if not re.fullmatch("[0-9]*", part) or not all(re.fullmatch("[0-9]*", group) for group in groups) or not (whole or part):
        return None
    lakhs = decimal == "." and re.fullmatch("[1-9][0-9]?(,[0-9][0-9])+,[0-9]{3}", whole)
    if (
        not (lakhs and not match[3])
        and len(groups) > 1
        and (groups[0].startswith("0") or not 1 <= len(groups[0]) <= 3 or {len(group) for group in groups[1:]} != {3} or match[3])
    ):
        return None
    value = float(f"{match[1]}{''.join(groups)}.{part or 0}{match[3] or ('e-2' if cell.endswith('%') else '')}")
    return value if abs(value) < math.inf else None
