"""The text of a cell: its value as the cell's number format shows it."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import groupby

from xlmargin.faces.web.date_format import date_text, mark_minutes

_TOKEN = re.compile(
    r"""(?:"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<space>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]|(?P<general>General)
    |(?P<half>AM/PM|A/P)|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?)|(?P<exponent>E[+-])|(?P<digit>[0\#?])|(?P<other>.))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[0-9.]+(?:E[+-]?[0-9]+)?)$", re.IGNORECASE)
_COMPARE = {"<=": operator.le, ">=": operator.ge, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "=": operator.eq}
_COLOURS = {
    "black": "#000000",
    "blue": "#0000FF",
    "cyan": "#00FFFF",
    "green": "#008000",
    "magenta": "#FF00FF",
    "red": "#FF0000",
    "white": "#FFFFFF",
    "yellow": "#FFFF00",
}
_FIGURE_SPACE = "\u2007"  # as wide as a digit
_DIGITS = 15  # significant digits that a sheet shows of a number
_GENERAL_DIGITS, _GENERAL_LEAST, _GENERAL_MOST = 10, 1e-4, 1e11  # beyond these General turns to powers of ten
_DENOMINATORS = 10  # of a fraction with one digit below the line: less than this; with two, its square

Token = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """The display of a cell: its text, and the colour that the format asks for ("" where it asks for none)."""

    text: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a format, between semicolons: its tokens, its condition and its colour."""

    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None = None
    colour: str = ""

    def has(self, kind: str) -> bool:
        """Whether a token of this kind is in it."""
        return any(name == kind for name, _ in self.tokens)

    def holds(self, number: float) -> bool:
        """Whether its own condition, if any, is met."""
        return self.condition is None or bool(_COMPARE[self.condition[0]](number, self.condition[1]))


def formatted(value: float | str | bool | None, code: str) -> Shown:
    """A value as a number format shows it.

    Parameters: value, of a cell (a date is its serial number); code, the format as Excel writes it.
    Returns: the text, a colour of the format, and hashes where no such date exists.
    """
    sections = _sections(code)
    if value is None or value == "":
        return Shown("")
    if isinstance(value, bool):
        return Shown(str(value).upper())
    if isinstance(value, str):
        return _text(value, sections)
    number = float(value)
    section, signed = _chosen(sections, number)
    if section is None:
        return Shown("#" * _GENERAL_DIGITS)
    if section.has("date"):
        return Shown(date_text(number, section.tokens), section.colour)
    text, zero = _number(abs(number), section)
    return Shown(("-" if signed and number < 0 and not zero else "") + text, section.colour)


def is_date_format(code: str) -> bool:
    """Whether a format shows a number as a date or a time."""
    return _sections(code)[0].has("date")


@lru_cache(maxsize=1000)
def _sections(code: str) -> tuple[Section, ...]:
    parts: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(code or "General"):
        kind, text = match.lastgroup or "other", match[0]
        if kind == "other" and text == ";":
            parts.append([])
        else:
            parts[-1].append((kind, text))
    return tuple(_section(part) for part in parts)


def _section(raw: list[Token]) -> Section:
    tokens: list[Token] = []
    condition, colour = None, ""
    for kind, text in raw:
        inside = text[1:-1] if kind == "bracket" else ""
        if kind == "bracket" and (found := _CONDITION.match(inside)):
            condition = found[1], float(found[2])
        elif kind == "bracket" and inside.lower() in _COLOURS:
            colour = _COLOURS[inside.lower()]
        elif kind == "bracket" and inside.startswith("$"):
            tokens.append(("literal", inside[1:].partition("-")[0]))
        elif kind == "bracket" and inside and set(inside.lower()) <= set("hms") and len(set(inside.lower())) == 1:
            tokens.append(("date", f"[{inside.lower()}]"))
        elif kind in ("quoted", "escaped"):
            tokens.append(("literal", text.strip('"') if kind == "quoted" else text[1:]))
        elif kind == "space":
            tokens.append(("literal", " "))
        elif kind not in ("bracket", "fill"):
            tokens.append((kind, text.lower() if kind == "date" else text))
    if not any(kind == "date" for kind, _ in tokens):
        tokens = [("literal", text) if kind == "half" else (kind, text) for kind, text in tokens]
    return Section(mark_minutes(tokens), condition, colour)


def _chosen(sections: tuple[Section, ...], number: float) -> tuple[Section | None, bool]:
    """The section for a number, and whether it needs a minus sign of ours."""
    numeric = sections[:3]
    if len(sections) == 1 and numeric[0].condition is None:
        return numeric[0], True
    if any(section.condition for section in numeric):
        fits = next((s for s in numeric if s.condition and s.holds(number)), None)
        return fits or next((s for s in numeric if not s.condition), None), True
    if number < 0 and len(numeric) > 1:
        return numeric[1], False
    return (numeric[2] if number == 0 and len(numeric) > 2 else numeric[0]), False


def _text(value: str, sections: tuple[Section, ...]) -> Shown:
    own = sections[3] if len(sections) > 3 else next((s for s in sections if ("other", "@") in s.tokens), None)
    if own is None:
        return Shown(value)
    return Shown("".join(value if token == ("other", "@") else token[1] for token in own.tokens), own.colour)


def _number(number: float, section: Section) -> tuple[str, bool]:
    """A number that is not negative by a section, and whether it is rounded to nothing: then it has no sign."""
    if section.has("general"):
        return "".join(_general(number) if kind == "general" else text for kind, text in section.tokens), number == 0
    if ("other", "@") in section.tokens:
        return "".join(_general(number) if text == "@" else text for _, text in section.tokens), number == 0
    tokens, exact = _scaled(section.tokens, _decimal(number))
    if section.has("exponent"):
        return _scientific(tokens, exact), number == 0
    if ("other", "/") in tokens and section.has("digit"):
        text = _fraction(tokens, exact)
        return text, not any(digit in text.partition("/")[0] for digit in "123456789")
    point = tokens.index(("other", ".")) if ("other", ".") in tokens else len(tokens)
    rounded = _rounded(exact, sum(kind == "digit" for kind, _ in tokens[point:]))
    return _plain(tokens, exact), section.has("digit") and not Decimal(rounded)


def _decimal(number: float) -> Decimal:
    """The number as its fifteen significant digits, which a sheet shows and rounds."""
    return Decimal(f"{number:.{_DIGITS - 1}e}")


def _general(number: float) -> str:
    exact = _decimal(number)
    if number == 0 or _GENERAL_LEAST <= number < _GENERAL_MOST:
        decimals = max(_GENERAL_DIGITS - max(exact.adjusted() + 1, 1) + (number < 1), 0)
        return _stripped(_rounded(exact, decimals))
    power = exact.adjusted()
    mantissa = _rounded(exact.scaleb(-power), 5)
    if mantissa.startswith("10"):
        mantissa, power = "1", power + 1
    return f"{_stripped(mantissa)}E{'-' if power < 0 else '+'}{abs(power):02d}"


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rounded(exact: Decimal, decimals: int) -> str:
    if exact.adjusted() + decimals > 27:  # more digits than the context holds: these are whole numbers
        return f"{exact:f}" + ("." + "0" * decimals if decimals else "")
    return f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"


def _scaled(tokens: tuple[Token, ...], exact: Decimal) -> tuple[list[Token], Decimal]:
    """The number after percent signs and scaling commas; the tokens without the commas that only scale."""
    exact = exact.scaleb(2 * tokens.count(("other", "%")))
    kept: list[Token] = []
    for n, token in enumerate(tokens):
        before = any(kind == "digit" for kind, _ in tokens[:n])
        after = next((t for t in tokens[n + 1 :] if t != ("other", ",")), ("", ""))
        if token == ("other", ",") and before and after[0] != "digit":
            exact = exact.scaleb(-3)
        else:
            kept.append(token)
    return kept, exact


def _plain(tokens: list[Token], exact: Decimal) -> str:
    point = tokens.index(("other", ".")) if ("other", ".") in tokens else len(tokens)
    decimals = sum(kind == "digit" for kind, _ in tokens[point:])
    whole, _, part = _rounded(exact, decimals).partition(".")
    grouped = ("other", ",") in tokens[:point]
    return _whole(tokens[:point], whole, grouped) + _part(tokens[point:], part)


def _whole(tokens: list[Token], digits: str, grouped: bool) -> str:
    """The digits before the point put into their places, from the right; the first place takes all that are left."""
    digits = digits.lstrip("0")
    places = [n for n, (kind, _) in enumerate(tokens) if kind == "digit"]
    out: list[str] = []
    done = 0
    for n in range(len(tokens) - 1, -1, -1):
        kind, text = tokens[n]
        if kind != "digit":
            out.append("" if (kind, text) == ("other", ",") and grouped else text)
            continue
        take = digits[::-1][done:] if n == places[0] else digits[::-1][done : done + 1]
        for digit in take or {"0": "0", "?": _FIGURE_SPACE, "#": ""}[text]:
            if grouped and done and done % 3 == 0 and digit != _FIGURE_SPACE:
                out.append(",")
            out.append(digit)
            done += 1
    return "".join(reversed(out)) if places else "".join(text for _, text in tokens)


def _part(tokens: list[Token], digits: str) -> str:
    """The digits behind the point; zeros at the end go where the format has # or ?."""
    out, n = [], 0
    last = len(digits.rstrip("0"))
    places = [text for kind, text in tokens if kind == "digit"]
    bare = bool(places) and not last and set(places) == {"#"}  # nothing follows the point: then it goes as well
    for kind, text in tokens:
        if kind != "digit":
            out.append("" if bare and (kind, text) == ("other", ".") else text)
            continue
        out.append(digits[n] if n < last or text == "0" else {"?": _FIGURE_SPACE, "#": ""}[text])
        n += 1
    return "".join(out)


def _scientific(tokens: list[Token], exact: Decimal) -> str:
    at = next(n for n, (kind, _) in enumerate(tokens) if kind == "exponent")
    head, tail = tokens[:at], tokens[at + 1 :]
    point = head.index(("other", ".")) if ("other", ".") in head else len(head)
    step = max(sum(kind == "digit" for kind, _ in head[:point]), 1)
    power = exact.adjusted() // step * step if exact else 0
    decimals = sum(kind == "digit" for kind, _ in head[point:])
    if Decimal(_rounded(exact.scaleb(-power), decimals)) >= Decimal(10) ** step:
        power += step
    sign = "-" if power < 0 else ("+" if tokens[at][1].endswith("+") else "")
    return _plain(head, exact.scaleb(-power)) + "E" + sign + _whole(tail, str(abs(power)), False)


def _fraction(tokens: list[Token], exact: Decimal) -> str:
    """Whole number, numerator and denominator: runs of places, the last two around the line."""
    slash = tokens.index(("other", "/"))
    runs = [[n for n, _ in group] for is_digit, group in groupby(enumerate(tokens), lambda t: t[1][0] == "digit") if is_digit]
    above = [run for run in runs if run[-1] < slash]
    below = next((run for run in runs if run[0] > slash), [])
    fixed = "".join(text for _, text in tokens[slash + 1 :]).strip()
    whole = int(exact) if len(above) > 1 else 0
    rest = float(exact - whole)
    denominator = int(fixed) if fixed.isdigit() and int(fixed) else _denominator(rest, _DENOMINATORS ** len(below))
    numerator = math.floor(rest * denominator + 0.5)
    if len(above) > 1 and numerator == denominator:
        whole, numerator = whole + 1, 0
    width = len(above[-1]) if above else 1
    if len(above) > 1 and numerator == 0:
        return f"{whole} {_FIGURE_SPACE * width} {_FIGURE_SPACE * len(below)}"
    front = (f"{whole} " if whole else " ") if len(above) > 1 else ""
    padded = str(denominator) if fixed.isdigit() else str(denominator).ljust(len(below), _FIGURE_SPACE)
    return front + str(numerator).rjust(width, _FIGURE_SPACE) + "/" + padded


def _denominator(rest: float, most: int) -> int:
    from fractions import Fraction

    return Fraction(rest).limit_denominator(max(most - 1, 1)).denominator
