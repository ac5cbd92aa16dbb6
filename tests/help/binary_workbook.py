"""Small workbooks in Excel's binary form (.xlsb), written record by record, since no program here writes that kind."""

from __future__ import annotations

import datetime as dt
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Grid = Sequence[Sequence[Any]]
Area = tuple[int, int, int, int]  # rows and columns of the first and the last cell, counted from 0

TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "application/vnd.ms-excel.sheet.binary.macroEnabled.main"
LINKS = "application/vnd.openxmlformats-package.relationships+xml"
ERRORS = {"#N/A": 42, "#REF!": 23}
DATE_FORMAT = 14  # built in


def record(kind: int, content: bytes = b"") -> bytes:
    """A record: its kind and length in groups of seven bits, and its content."""
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, out = len(content), b""
    while length >= 128:
        out, length = out + bytes([length & 0x7F | 0x80]), length >> 7
    return head + out + bytes([length]) + content


def text(value: str) -> bytes:
    """A text with its length before it."""
    return struct.pack("<I", len(value)) + value.encode("utf-16-le")


def write_xlsb(
    path: Path,
    sheets: Mapping[str, Grid],
    names: Mapping[str, tuple[int, Sequence[Area]]] | None = None,
    *,
    owner: int = 0xFFFFFFFF,
    hidden: Sequence[int] = (),
    merged: Sequence[Area] = (),
    from_1904: bool = False,
    table: tuple[str, Area] | None = None,
) -> None:
    """Write a workbook.

    Args:
        path: of the file
        sheets: cells by title; dates are written as numbers with the format of a date
        names: the place of the sheet and the rectangles of each name
        owner: place of the sheet that the names belong to; the workbook as it is
        hidden: rows of the first sheet, counted from 0
        merged: rectangles of the first sheet
        from_1904: dates count from 1904
        table: name and rectangle of a table of the first sheet
    """
    epoch = dt.datetime(1904, 1, 1) if from_1904 else dt.datetime(1899, 12, 30)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"><Default Extension="bin" ContentType="{MAIN}"/>'
        f'<Default Extension="rels" ContentType="{LINKS}"/></Types>',
        "_rels/.rels": _relations({"officeDocument": ["xl/workbook.bin"]}),
        "xl/_rels/workbook.bin.rels": _relations(
            {"worksheet": [f"worksheets/sheet{n}.bin" for n in range(len(sheets))], "styles": ["styles.bin"]}
        ),
        "xl/workbook.bin": _workbook(list(sheets), names or {}, owner, from_1904),
        "xl/styles.bin": _styles(),
    }
    for n, rows in enumerate(sheets.values()):
        parts[f"xl/worksheets/sheet{n}.bin"] = _sheet(rows, epoch, hidden if n == 0 else (), merged if n == 0 else ())
    if table:
        parts["xl/worksheets/_rels/sheet0.bin.rels"] = _relations({"table": ["../tables/table1.bin"]})
        parts["xl/tables/table1.bin"] = _table(*table, next(iter(sheets.values())))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _relations(targets: Mapping[str, Sequence[str]]) -> str:
    found = [(kind, target) for kind, several in targets.items() for target in several]
    items = "".join(f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}"/>' for n, (kind, target) in enumerate(found))
    return f'<Relationships xmlns="{RELATIONS}">{items}</Relationships>'


def _workbook(titles: Sequence[str], names: Mapping[str, tuple[int, Sequence[Area]]], owner: int, from_1904: bool) -> bytes:
    sheets = b"".join(record(156, struct.pack("<II", 0, n + 1) + text(f"rId{n}") + text(title)) for n, title in enumerate(titles))
    links = struct.pack("<I", len(titles)) + b"".join(struct.pack("<Iii", 0, n, n) for n in range(len(titles)))
    defined = b"".join(record(39, _name(name, sheet, areas, owner)) for name, (sheet, areas) in names.items())
    return b"".join(
        [
            record(131),
            record(153, struct.pack("<II", int(from_1904), 0) + text("")),
            record(143) + sheets + record(144),
            record(353) + record(357) + record(362, links) + record(354),
            defined,
            record(132),
        ]
    )


def _name(name: str, sheet: int, areas: Sequence[Area], owner: int) -> bytes:
    tokens = b"".join(struct.pack("<BHIIHH", 0x3B, sheet, top, bottom, left, right) for top, left, bottom, right in areas)
    tokens += b"\x10" * (len(areas) - 1)
    return struct.pack("<IBI", 0, 0, owner) + text(name) + struct.pack("<I", len(tokens)) + tokens + struct.pack("<II", 0, 0xFFFFFFFF)


def _styles() -> bytes:
    formats = [struct.pack("<HHHHHBBI", 0, number, 0, 0, 0, 0, 0, 0) for number in (0, DATE_FORMAT)]
    return record(278) + record(617, struct.pack("<I", 2)) + b"".join(record(47, each) for each in formats) + record(618) + record(279)


def _sheet(rows: Grid, epoch: dt.datetime, hidden: Sequence[int], merged: Sequence[Area]) -> bytes:
    extent = struct.pack("<4I", 0, max(0, len(rows) - 1), 0, max([len(row) for row in rows] or [1]) - 1)
    out = [record(129), record(148, extent), record(145)]
    for number, row in enumerate(rows):
        out.append(record(0, struct.pack("<IIHBBBI", number, 0, 300, 0, 0x10 if number in hidden else 0, 0, 0)))
        out += [_cell(column, cell, epoch) for column, cell in enumerate(row) if cell is not None]
    out.append(record(146))
    if merged:
        areas = [record(176, struct.pack("<4I", top, bottom, left, right)) for top, left, bottom, right in merged]
        out += [record(177, struct.pack("<I", len(merged))), *areas, record(178)]
    return b"".join([*out, record(130)])


def _cell(column: int, cell: Any, epoch: dt.datetime) -> bytes:
    head = struct.pack("<II", column, int(isinstance(cell, dt.datetime)))
    if isinstance(cell, dt.datetime):
        cell = (cell - epoch) / dt.timedelta(days=1)
    if isinstance(cell, bool):
        return record(4, head + bytes([cell]))
    if isinstance(cell, (int, float)):
        return record(5, head + struct.pack("<d", cell))
    return record(3, head + bytes([ERRORS[cell]])) if cell in ERRORS else record(6, head + text(cell))


def _table(name: str, area: Area, rows: Grid) -> bytes:
    top, left, bottom, right = area
    head = struct.pack("<4I", top, bottom, left, right) + struct.pack("<12I", 0, 1, 1, 0, 0, *[0xFFFFFFFF] * 6, 0)
    columns = [
        record(347, struct.pack("<6I", n + 1, 0, *[0xFFFFFFFF] * 3, 0) + text(str(rows[top][n])) + text(str(rows[top][n])))
        for n in range(left, right + 1)
    ]
    return (
        record(343, head + text(name) + text(name))
        + record(345, struct.pack("<I", len(columns)))
        + b"".join(columns)
        + record(346)
        + record(344)
    )
