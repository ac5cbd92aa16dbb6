"""The record layouts of the expanded positional SPAN format, which layout.toml lists: columns are counted from 1."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any, Literal, NamedTuple

Holds = Literal["text", "number", "locator"]
MOST_DECIMALS = 14  # the widest price has fourteen digits


class Field(NamedTuple):
    """One field: name, first column counted from 1, columns, type of its content, implied decimals of a number."""

    name: str
    start: int
    length: int
    holds: Holds = "text"
    decimals: int = 0

    @property
    def columns(self) -> slice:
        """The slice of the field in a line."""
        return slice(self.start - 1, self.start - 1 + self.length)


class RecordLayout(NamedTuple):
    """One record: id, page of the source, fewest columns that hold the needed fields, fields."""

    id: str
    source: str
    least: int
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)

    def place(self, field: Field) -> str:
        """A field as messages name it: `strike of the 81 record (columns 48–54)`."""
        return f"{field.name} of the {self.id} record (columns {field.start}–{field.start + field.length - 1})"


def too_short(record: RecordLayout, line: bytes) -> str:
    """The message on a line that ends before the columns that are needed."""
    return (
        f"the {record.id} record has {len(line)} columns and needs {record.least}: the file is cut off or of another "
        "format; download it again"
    )


def parse_field(field: Field, line: str) -> str | float:
    """A field's text without blanks, or its number, NaN where it is blank or beyond the end of the line.

    Raises:
        ValueError: the columns hold something else than a number
    """
    text = line[field.columns].strip()
    if field.holds == "text":
        return text
    if not text:
        return math.nan
    digits = text[1:] if field.holds == "locator" and text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()) or (field.holds == "locator" and int(digits) > MOST_DECIMALS):
        raise ValueError(text)
    return float(int(text) / 10**field.decimals)


def _fields(listed: list[Any]) -> tuple[Field, ...]:
    """The fields of a record, with those of its groups one by one."""
    fields: list[Field] = []
    for item in listed:
        if isinstance(item, list):
            fields.append(Field(*item))
            continue
        column = item["from"]
        for n in range(1, item["times"] + 1):
            for name, length, *more in item["fields"]:
                if name:
                    fields.append(Field(f"{name}{n}", column, length, *more))
                column += length
    return tuple(fields)


def _layouts() -> dict[str, RecordLayout]:
    listed = tomllib.loads(Path(__file__).with_name("layout.toml").read_text(encoding="utf-8"))
    return {name: RecordLayout(name, each["source"], each["least"], _fields(each["fields"])) for name, each in listed.items()}


LAYOUTS = _layouts()
DELIVERY_TABLE, SERIES_KEY = LAYOUTS["4 method 10"], LAYOUTS["series"].fields
RECORDS = {name: layout for name, layout in LAYOUTS.items() if len(name) == 1}
ARRAY_RECORDS = {name: layout for name, layout in LAYOUTS.items() if name.startswith("8")}
