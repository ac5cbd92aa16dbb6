"""Text tables that were damaged: each is read as a strict reading of it says, or refused, and nothing else happens."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from strict_tables import NAMES, NUMBERS, Cells, folded, readings

from xlmargin.errors import MarginError
from xlmargin.files.texts import TextTable, table_in

TABLES = 100  # of an example
EXAMPLES = 200
NAMED = ("BTC-27JUN25-70000-C", "ETH-PERPETUAL", "007", "1e5", "12.0", "1.205", "a, b", 'say "x"', "x;y", "é", "")
BYTES = [bytes([n]) for n in b",;|\t\"'.-+%e0159 \n\r\0\x81\xe4\xff"] + [b"\r\n", b'""', "−".encode(), "\u00a0".encode(), b"sep=;\n"]


def _numeral(draw: random.Random, decimal: str, group: str) -> str:
    value, places = draw.choice([0.55, 1.125, 70_000.0, 1_500.0, -2.0, 69_500.0, 1_234_567.891]), draw.choice([0, 1, 2, 3])
    text = f"{value:,.{places}f}" if draw.random() < 0.5 else f"{value:.{places}f}"
    return text.translate({ord(","): group, ord("."): decimal})


def _table(draw: random.Random) -> bytes:
    """A table in a dialect drawn at random."""
    delimiter, (decimal, group) = draw.choice(",;\t|"), draw.choice([".,", ",.", ", ", ".'", ",\u202f"])
    heads = draw.sample(["Instrument", "Spot", "IV", "Account", "Note"], draw.randint(1, 5))
    heads.insert(draw.randint(0, len(heads)), "Quantity")
    rows = [heads]
    for _ in range(draw.randint(1, 4)):
        rows.append([_numeral(draw, decimal, group) if head.lower() in NUMBERS else draw.choice(NAMED) for head in heads])
        if draw.random() < 0.1:
            rows[-1] = [f"{cell}%" if head == "IV" else cell for head, cell in zip(heads, rows[-1])]
    always = draw.random() < 0.2
    end = draw.choice(["\n", "\r\n", "\r"])
    lines = [delimiter.join(_quoted(cell, delimiter, always=always) for cell in row) for row in rows]
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        lines.insert(draw.randint(0, len(lines)), draw.choice(["", "Positions", delimiter * 2]))
    text = ("sep=" + delimiter + end if draw.random() < 0.05 else "") + end.join(lines) + end
    return text.encode(draw.choice(["utf-8"] * 6 + ["utf-8-sig", "utf-16"]))


def _quoted(cell: str, delimiter: str, *, always: bool) -> str:
    return '"' + cell.replace('"', '""') + '"' if always or any(mark in cell for mark in (delimiter, '"', "\n")) else cell


def _insert(draw: random.Random, data: bytes, at: int) -> bytes:
    return data[:at] + draw.choice(BYTES) + data[at:]


def _remove(draw: random.Random, data: bytes, at: int) -> bytes:
    return data[:at] + data[at + draw.choice([1, 1, 1, 2, 7]) :]


def _replace(draw: random.Random, data: bytes, at: int) -> bytes:
    return data[:at] + draw.choice(BYTES) + data[at + 1 :]


def _again(draw: random.Random, data: bytes, at: int) -> bytes:
    return data[:at] + data[max(0, at - draw.randint(1, 30)) :]


def _swap(draw: random.Random, data: bytes, at: int) -> bytes:
    one, other = draw.sample([b",", b";", b".", b"\t", b'"', b"\n"], 2)
    return data[:at] + data[at:].replace(one, other)


DAMAGES: Sequence[Callable[[random.Random, bytes, int], bytes]] = (_insert, _remove, _replace, _replace, _again, _swap)


def _damaged(draw: random.Random, data: bytes) -> bytes:
    for _ in range(draw.choice([0, 1, 1, 1, 2, 3])):
        data = draw.choice(DAMAGES)(draw, data, draw.randint(0, len(data)))
    return data


def _cells(table: TextTable) -> Cells:
    keys = list(map(folded, table.rows[0]))
    return tuple(
        tuple(cell for key, cell in zip(keys, row) if key in NUMBERS | NAMES) for row in table.rows[1:] if any(cell != "" for cell in row)
    )


def numbers(cells: Cells) -> tuple[float, ...]:
    """The numbers of a table in their order."""
    return tuple(cell for row in cells for cell in row if isinstance(cell, float))


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 2**64))
def test_a_damaged_table_is_read_as_it_stands_or_refused(number: int) -> None:
    """No exception but a refusal; the cells are those of the one strict reading, or of that with points in a table divided by commas."""
    draw = random.Random(number)
    for _ in range(TABLES):
        data = _damaged(draw, _table(draw))
        try:
            table = table_in(data, "book.csv", ("Quantity",))
        except MarginError:
            continue
        cells = _cells(table)
        if len(table.rows[0]) == 1 or "quantity" not in map(folded, table.rows[0]) or not any(float in map(type, row) for row in cells):
            continue  # the positions range refuses it
        known = readings(data)
        assert cells in known.values(), (data, table, known)
        if len({numbers(each) for each in known.values()}) > 1:
            assert known.get((",", ".")) == cells, (data, table, known)
            assert {delimiter for delimiter, _ in known} == {","}, (data, known)
