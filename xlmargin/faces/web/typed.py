"""The value of a cell from typed or pasted text, and a value as the text that is edited."""

from __future__ import annotations

import math
import re

from xlmargin.errors import MarginError
from xlmargin.faces.web.date_format import moment, serial_of
from xlmargin.faces.web.number_format import is_date_format

Cell = float | str | bool | None

_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d{1,3})?$")
_COIN = re.compile(r"(?:US)?\$\s*")  # in front of an amount; other coins stay text: a sheet counts in dollars
_LONGEST = 32_767  # characters that a cell holds


def typed_value(text: str, code: str) -> Cell:
    """The value of a typed text: number, percentage, date in a cell that shows dates, TRUE or FALSE, else text.

    Parameters: text as typed, where ' in front means text; code, the number format of the cell.
    Raises: MarginError for a formula, or a text longer than a cell holds.
    """
    if len(text) > _LONGEST:
        raise MarginError(f"A cell holds at most {_LONGEST:,} characters, not {len(text):,}.")
    if text.startswith("'"):
        return text[1:] or None
    bare = text.strip()
    if not bare:
        return None
    if bare.startswith("=") and len(bare) > 1:
        raise MarginError("Formulas are written in Excel or LibreOffice; here a cell takes a value (put ' in front for text).")
    if code.strip() == "@":
        return text
    if bare.upper() in ("TRUE", "FALSE"):
        return bare.upper() == "TRUE"
    if (value := _number(bare)) is not None:
        return value
    if is_date_format(code) and (serial := serial_of(bare)) is not None:
        return serial
    return text


def _number(bare: str) -> float | None:
    """The number of a text, also as sheets and statements print it: 1,234.50, 5%, $95,000.00 and (1,000)."""
    below = bare.startswith("(") and bare.endswith(")")
    inner = bare[1:-1].strip() if below else bare
    sign = inner[:1] if inner[:1] in ("+", "-", "\N{MINUS SIGN}") else ""
    amount = inner[len(sign) :].lstrip() if sign else inner
    coin = _COIN.match(amount)
    amount = amount[coin.end() :] if coin else amount
    percent = amount.endswith("%")
    number = amount.removesuffix("%").rstrip()
    signs = bool(below) + bool(sign) + (number[:1] in ("+", "-"))
    if signs > 1 or not _NUMBER.match(number) or not any(c.isdigit() for c in number.lower().partition("e")[0]):
        return None
    value = float(number.replace(",", ""))
    if value == math.inf or value == -math.inf:
        raise MarginError(f"{bare} is larger than a cell can hold.")
    value = -value if below or sign in ("-", "\N{MINUS SIGN}") else value
    return value / 100 if percent else value


def editing_text(value: Cell, code: str) -> str:
    """A value as it is shown for editing: every digit of a number, dates as dates, percentages with their sign."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return "'" + value if value.startswith(("=", "'")) or isinstance(_reads_as(value), (float, bool)) else value
    if is_date_format(code) and value >= 0:
        when = moment(value)
        return f"{when:%Y-%m-%d %H:%M:%S}".removesuffix(":00").removesuffix(" 00:00")
    if code.rstrip("_ ").endswith("%") and math.isfinite(value * 100):
        return _digits(round(value * 100, 12)) + "%"
    return _digits(value)


def _reads_as(value: str) -> Cell:
    """The value of a text if it were typed again into a cell that does not show dates."""
    return typed_value(value, "General") if len(value) <= _LONGEST else value


def _digits(value: float) -> str:
    text = f"{value:.15g}"
    return text if float(text) == value else repr(value)
