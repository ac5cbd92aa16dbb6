"""The record layouts of the expanded positional SPAN format: one table per record, columns counted from 1.

Every position is that of CME's "Risk Parameter File Layouts for the Positional Formats" (the page that each table names),
and of the record widths of an independent parser built to the same pages; decimals are the digits after V in their pictures.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Holds = Literal["text", "number", "locator"]
MOST_DECIMALS = 14  # the widest price has fourteen digits


class Field(NamedTuple):
    """One field: name, first column counted from 1, columns, what it holds, implied decimals of a number."""

    name: str
    start: int
    length: int
    holds: Holds = "text"
    decimals: int = 0

    @property
    def columns(self) -> slice:
        """Where the field is in a line."""
        return slice(self.start - 1, self.start - 1 + self.length)


class RecordLayout(NamedTuple):
    """One record: id, page of the source, fewest columns that hold what is needed, fields."""

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
    """What is wrong with a line that ends before the columns that are needed."""
    return (
        f"the {record.id} record has {len(line)} columns and needs {record.least}: the file is cut off or of another "
        "format; download it again"
    )


def number(name: str, start: int, length: int, decimals: int = 0) -> Field:
    """An unsigned number with implied decimals."""
    return Field(name, start, length, "number", decimals)


def locator(name: str, start: int, length: int) -> Field:
    """A small whole number that may begin with a minus sign."""
    return Field(name, start, length, "locator")


def repeated(count: int, start: int, *parts: tuple[str, int, Holds, int]) -> tuple[Field, ...]:
    """A group of fields that comes `count` times in a row; names get the number, an empty name is filler."""
    fields, column = [], start
    for n in range(1, count + 1):
        for name, length, holds, decimals in parts:
            if name:
                fields.append(Field(f"{name}{n}", column, length, holds, decimals))
            column += length
    return tuple(fields)


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


HEADER = RecordLayout(
    "0",
    "Type 0 - Expanded",
    17,
    (
        Field("clearing_org", 3, 6),
        Field("date", 9, 8),
        Field("settlement", 17, 1),
        Field("file_format", 36, 2),
        Field("limits_option_value", 39, 1),
    ),
)

COMBINED = RecordLayout(
    "2",
    "Type 2 - Expanded",
    35,
    (
        Field("exchange", 3, 3),
        Field("combined", 7, 6),
        number("exponent", 13, 1),
        Field("currency", 14, 3),
        Field("style", 18, 1),
        Field("limits_option_value", 19, 1),
        *repeated(
            6,
            23,
            ("product", 10, "text", 0),
            ("family", 3, "text", 0),
            ("decimals", 1, "number", 0),
            ("sign", 1, "text", 0),
            ("", 1, "text", 0),
        ),
    ),
)

INTRA = RecordLayout(
    "3",
    "Type 3 - Expanded",
    10,
    (
        Field("combined", 3, 6),
        Field("method", 9, 2),
        *repeated(4, 11, ("tier", 2, "number", 0), ("start", 6, "text", 0), ("end", 6, "text", 0)),
        number("member", 69, 4, 3),
        number("hedger", 73, 4, 3),
        number("speculator", 77, 4, 3),
        *repeated(4, 81, ("start_day", 2, "text", 0), ("end_day", 2, "text", 0)),
    ),
)

DELIVERY = RecordLayout(
    "4",
    "Type 4 - Expanded",
    10,
    (
        Field("combined", 3, 6),
        Field("method", 9, 2),
        number("minimum", 63, 7),
        number("member", 70, 3, 2),
        number("hedger", 73, 3, 2),
        number("speculator", 76, 3, 2),
        Field("minimum_method", 79, 1),
    ),
)

DELIVERY_TABLE = RecordLayout(
    "4 method 10",
    "Type 4 - Expanded, delivery charge method 10",
    34,
    (
        *repeated(2, 13, ("number", 2, "number", 0), ("month", 6, "text", 0), ("consumed", 7, "number", 0), ("outright", 7, "number", 0)),
        Field("day1", 57, 2),
        Field("day2", 59, 2),
    ),
)

DELIVERY_BASIS = RecordLayout(
    "4 method 11", "Type 4 - Expanded, delivery charge method 11", 27, (Field("product", 11, 10), number("rate", 21, 7))
)

INTER = RecordLayout(
    "6",
    "Type 6 - Expanded",
    52,
    (
        number("priority", 6, 4),
        number("rate", 10, 7, 4),
        *repeated(
            4,
            17,
            ("exchange", 3, "text", 0),
            ("required", 1, "text", 0),
            ("combined", 6, "text", 0),
            ("ratio", 7, "number", 4),
            ("side", 1, "text", 0),
        ),
        Field("method", 89, 2),
        Field("target_required", 94, 1),
        Field("target", 95, 6),
        Field("credit", 101, 1),
        *repeated(4, 102, ("tier", 2, "number", 0)),
        number("target_ratio", 111, 7, 4),
        Field("separate", 122, 1),
        *repeated(4, 123, ("leg_rate", 7, "number", 4)),
    ),
)

CALCULATION = RecordLayout(
    "B",
    "Type B - Expanded",
    91,
    (
        Field("exchange", 3, 3),
        Field("product", 6, 10),
        Field("family", 16, 3),
        Field("month", 19, 6),
        Field("day", 25, 2),
        Field("option_month", 28, 6),
        Field("option_day", 34, 2),
        number("vol_range", 45, 8, 6),
        number("price_range", 53, 5),
        number("look_ahead", 80, 6, 6),
        number("delta_scaling", 86, 6, 4),
        Field("expiry", 92, 8),
        number("value_factor", 129, 14, 7),
        number("value_exponent", 143, 2),
        Field("value_exponent_sign", 145, 1),
        number("vol_exponent", 149, 2),
        Field("vol_exponent_sign", 151, 1),
        number("price_exponent", 166, 2),
        Field("price_exponent_sign", 168, 1),
    ),
)

TIER_SPREAD = RecordLayout(
    "C",
    "Type C - Expanded",
    28,
    (
        Field("combined", 3, 6),
        Field("method", 9, 2),
        number("priority", 11, 2),
        number("charge", 15, 7),
        *repeated(8, 22, ("leg", 2, "number", 0), ("tier", 2, "number", 0), ("ratio", 2, "number", 0), ("side", 1, "text", 0)),
    ),
)

SERIES_SPREAD = RecordLayout(
    "E",
    "Type E - Standard and Expanded",
    34,
    (
        Field("combined", 3, 6),
        number("priority", 9, 5),
        number("charge", 14, 7),
        *repeated(4, 21, ("month", 4, "text", 0), ("day", 3, "text", 0), ("ratio", 6, "number", 4), ("side", 1, "text", 0)),
    ),
)

PRICE = RecordLayout(
    "P",
    "Type P - Standard and Expanded",
    55,
    (
        Field("exchange", 3, 3),
        Field("product", 6, 10),
        Field("family", 16, 3),
        locator("price_decimals", 34, 3),
        locator("strike_decimals", 37, 3),
        number("value_factor", 42, 14, 7),
        Field("currency", 66, 3),
        Field("value_exponent_sign", 73, 1),
        number("value_exponent", 74, 2),
        Field("valuation", 117, 5),
    ),
)

TIERS = RecordLayout(
    "S",
    "Type S - Expanded and Paris Expanded",
    10,
    (
        Field("combined", 3, 6),
        Field("method", 9, 2),
        number("count", 11, 2),
        *repeated(5, 13, ("tier", 2, "number", 0), ("start", 6, "text", 0), ("end", 6, "text", 0)),
        Field("wfpr", 83, 1),
        *repeated(5, 84, ("start_day", 2, "text", 0), ("end_day", 2, "text", 0)),
        *repeated(5, 104, ("minimum", 7, "number", 0)),
    ),
)

CURRENCY = RecordLayout("T", "Type T - Standard and Expanded", 20, (Field("from", 3, 3), Field("to", 7, 3), number("rate", 11, 10, 6)))

# Columns 3–54 name the contract in all four risk array records; 3–46 the series, that is all but the strike.
KEY = (Field("series", 3, 44), number("strike", 48, 7))
SERIES_KEY = (
    Field("exchange", 3, 3),
    Field("product", 6, 10),
    Field("underlying", 16, 10),
    Field("family", 26, 3),
    Field("right", 29, 1),
    Field("month", 30, 6),
    Field("day", 36, 2),
    Field("option_month", 39, 6),
    Field("option_day", 45, 2),
)


def _first(record: str, width: int) -> RecordLayout:
    """Scenarios 1 to 9 in values of `width` digits, then the settlement price in high precision."""
    end = 55 + 9 * (width + 1)
    return RecordLayout(
        record,
        "Type 8 - Expanded, first physical record",
        end - 1,
        (
            *KEY,
            *repeated(9, 55, ("value", width, "number", 0), ("sign", 1, "text", 0)),
            number("exact_price", end, 14),
            Field("exact", end + 14, 1),
        ),
    )


def _second(record: str, width: int) -> RecordLayout:
    """Scenarios 10 to 16 in values of `width` digits, then delta, vol, price and their signs."""
    end = 55 + 7 * (width + 1)
    return RecordLayout(
        record,
        "Type 8 - Expanded, second physical record",
        end + 20,
        (
            *KEY,
            *repeated(7, 55, ("value", width, "number", 0), ("sign", 1, "text", 0)),
            number("delta", end, 5, 4),
            Field("delta_sign", end + 5, 1),
            number("vol", end + 6, 8, 6),
            number("price", end + 14, 7),
            Field("price_sign", end + 21, 1),
            Field("strike_sign", end + 22, 1),
            number("vol_exponent", end + 38, 2),
            Field("vol_exponent_sign", end + 40, 1),
            number("value_factor", end + 41, 14, 7),
            number("value_exponent", end + 55, 2),
            Field("value_exponent_sign", end + 57, 1),
        ),
    )


ARRAY_RECORDS = {"81": _first("81", 5), "82": _second("82", 5), "83": _first("83", 8), "84": _second("84", 8)}
RECORDS = {
    record.id: record
    for record in (HEADER, COMBINED, INTRA, DELIVERY, INTER, CALCULATION, TIER_SPREAD, SERIES_SPREAD, PRICE, TIERS, CURRENCY)
}
