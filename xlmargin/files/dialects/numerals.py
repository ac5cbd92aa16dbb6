"""Numbers as people and programs write them, and the decimal mark of a file, from all of its numbers together."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from xlmargin.book.contracts import HYPHENS
from xlmargin.errors import MarginError
from xlmargin.sheet.cells import LONGEST

POINT, COMMA = ".", ","
DOLLAR = "USD"
CURRENCIES = {"$": DOLLAR, "US$": DOLLAR, "USDC": DOLLAR, "USDT": DOLLAR, "€": "EUR", "£": "GBP", "¥": "JPY"} | {
    code: code for code in (DOLLAR, "EUR", "GBP", "JPY", "CHF")
}
# hyphens, dashes and the minus sign; spaces of every width; apostrophes; the full-width per cent
PLAIN = HYPHENS | str.maketrans(
    dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
    | dict.fromkeys("\u2019\u02bc\u2032", "'")
    | {"\uff05": "%", "\uff0b": "+"}
)
UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SIMPLE = re.compile(r"[-+]?[0-9]+$")
_CURRENCY = "|".join(re.escape(name) for name in sorted(CURRENCIES, key=len, reverse=True))
_NUMERAL = re.compile(
    rf"(?P<open>\( *)?(?P<sign>[-+])?(?:(?P<before>{_CURRENCY}) *)?(?P<inner>[-+])?"
    rf"(?P<body>[0-9.,'](?:[0-9.,' ]*[0-9.,'])?(?:[eE][-+]?[0-9]+)?)"
    rf"(?: *(?P<after>{_CURRENCY}))?(?P<percent> *%)?(?P<close> *\))?$"
)


def _pattern(decimal: str, group: str) -> re.Pattern[str]:
    """A number without its sign, in groups of three digits, of Indian lakhs, or in none."""
    mark = re.escape(decimal)
    groups = "|".join(rf"[1-9][0-9]{{0,2}}(?:{each}[0-9]{{3}})+" for each in (re.escape(group), " ", "'"))
    groups += "|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}" if group == COMMA else ""  # lakhs: 1,00,000
    return re.compile(rf"(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)[eE][-+]?[0-9]+$|(?:[0-9]+|{groups})(?:{mark}[0-9]*)?$|{mark}[0-9]+$")


_FORMS = {POINT: _pattern(POINT, COMMA), COMMA: _pattern(COMMA, POINT)}
_GROUPS = {POINT: re.compile("[, ']"), COMMA: re.compile("[. ']")}


class Numeral(NamedTuple):
    """A number in text: its value by a decimal point and by a decimal comma, None where it cannot be so read.

    Attributes:
        percent: it is written in percent, of which the values are fractions
        currency: "" where none is named
    """

    point: float | None
    comma: float | None
    percent: bool
    currency: str

    @property
    def decides(self) -> str:
        """The decimal mark that this number must have, "" where it says nothing or has two readings."""
        return POINT if self.comma is None else COMMA if self.point is None else ""

    @property
    def open(self) -> bool:
        """Whether the number has two readings."""
        return self.point is not None and self.comma is not None and self.point != self.comma


class Dialect(NamedTuple):
    """How the cells of a file are divided, and its numbers written.

    Attributes:
        delimiter: between cells
        decimal: decimal mark, "" as long as no number needs one
    """

    delimiter: str
    decimal: str

    def value(self, found: Numeral, text: str) -> float | None:
        """The value of a number in this file, None where the file does not say which of two it is."""
        if self.decimal == COMMA:
            return found.comma
        if self.decimal == POINT or not found.open or (self.delimiter == COMMA and COMMA not in text):
            return found.point
        return None


def bare(text: str) -> str:
    """A cell without the spaces around it and the marks by which spreadsheets keep a text: `'007`, `="007"`."""
    cell = text.strip().strip(UNSEEN).strip()
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1].replace('""', '"').strip()
    return cell[1:].strip() if cell.startswith("'") else cell


def numeral(cell: str) -> Numeral | None:
    """The number that a bare cell holds, None where it holds something else."""
    if _SIMPLE.match(cell) and len(cell) <= LONGEST:
        value = float(cell)
        return Numeral(value, value, False, "")
    if not 0 < len(cell) <= LONGEST or not (match := _NUMERAL.match(cell.translate(PLAIN))):
        return None
    signs = [match[name] for name in ("sign", "inner") if match[name]]
    money = [match[name] for name in ("before", "after") if match[name]]
    if bool(match["open"]) != bool(match["close"]) or len(signs) + bool(match["open"]) > 1 or len(money) + bool(match["percent"]) > 1:
        return None
    before, behind = "-" if "-" in signs or match["open"] else "", "e-2" if match["percent"] else ""
    point, comma = (_value(match["body"], mark, before, behind) for mark in (POINT, COMMA))
    if point is None and comma is None:
        return None
    return Numeral(point, comma, bool(match["percent"]), CURRENCIES[money[0]] if money else "")


def _value(body: str, decimal: str, before: str, behind: str) -> float | None:
    """The value of digits by a decimal mark with a sign before and a power of ten behind, None where they cannot be so read."""
    if not _FORMS[decimal].match(body) or (behind and "e" in body.lower()):
        return None
    value = float(before + _GROUPS[decimal].sub("", body).replace(decimal, ".") + behind)
    return value if math.isfinite(value) else None


class Written(NamedTuple):
    """A cell with a number, and its place in words."""

    text: str
    place: str
    numeral: Numeral


def dialect_of(cells: Iterable[Written], delimiter: str, name: str) -> Dialect:
    """The dialect of a file, by all of its numbers together.

    A number with one reading decides; one with two follows it. Where none decides, a point is decimal in a table divided by
    commas that has no comma in a number, since a decimal comma could not be written there without quotes.

    Args:
        cells: its numbers
        delimiter: between its cells
        name: of the file in messages

    Raises:
        MarginError: two numbers contradict each other, or a number keeps two readings
    """
    deciding, undecided = dict[str, Written](), dict[str, Written]()
    for cell in cells:
        if mark := cell.numeral.decides:
            deciding.setdefault(mark, cell)
        elif cell.numeral.open:
            undecided.setdefault(POINT if POINT in cell.text else COMMA, cell)
    if len(deciding) > 1:
        point, comma = deciding[POINT], deciding[COMMA]
        raise MarginError(
            f"{name} has a decimal point in {point.text!r} ({point.place}) and a decimal comma in {comma.text!r} ({comma.place}): "
            "write all numbers in one way"
        )
    if deciding or not undecided:
        return Dialect(delimiter, next(iter(deciding), ""))
    if delimiter == COMMA and COMMA not in undecided:
        return Dialect(delimiter, POINT)
    cell = next(iter(undecided.values()))
    one, other = sorted((cell.numeral.point or 0.0, cell.numeral.comma or 0.0), key=abs)
    raise MarginError(
        f"{name} {cell.place}: {cell.text!r} has two readings, {one:,.10g} and {other:,.10g}, and no other number of the file decides: "
        f"write it without a mark between thousands ({other:.10g}), or with other than three decimals ({one:.4f})"
    )
