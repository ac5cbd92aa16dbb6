"""One number or word of a rulebook, its bounds, and the message for a value outside them."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from xlmargin.errors import MarginError

NOT_SET = "not set"  # the value of a charge for which no figure is published
REFUSED = "refused"  # the default of a parameter whose rulebook lists its underlyings
PER_CENT = 100.0


class Otherwise(NamedTuple):
    """Bounds of a number that hold in the place of its own where another parameter is a certain word."""

    name: str
    word: str
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number or word of a rulebook.

    Attributes:
        underlying: whose value it is, "" for every underlying without its own
        name: as people type it
        value: a number, a word of `choices`, NOT_SET or REFUSED
        unit: of the number
        source: document, or the person who gave it
        status: certainty of the value, one of a parameter file's STATUSES, or given
        checked: day on which the source was read
        since: day from which the value holds
        choices: words that the value may be; empty for a number
        least, most: bounds of a number, which a percent typed as a whole number exceeds
        otherwise: bounds in their place where another parameter says so
        text: the value is a text of its own form
        whole_book: one value for all underlyings
    """

    underlying: str
    name: str
    value: float | str
    unit: str
    source: str
    status: str
    checked: dt.date
    since: dt.date
    choices: tuple[str, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    otherwise: Otherwise | None = None
    text: bool = False
    whole_book: bool = False


def fitting(known: Parameter, value: float | str, place: str) -> float | str:
    """A given value as the parameter's kind: a number, one of its words, or a text."""
    if known.choices:
        word = str(value).strip().lower().replace(" ", "_").replace("-", "_")
        if word not in known.choices:
            raise MarginError(f"{place} must be one of {', '.join(known.choices)}, not {value!r}")
        return word
    if known.text:
        return str(value)
    if isinstance(value, str):
        raise MarginError(f"{place} must be a number, not {value!r}")
    return value


def outside(known: Parameter, least: float, most: float) -> str:
    """The message on a number outside its bounds and its cure; "" where it is inside, or no number."""
    value = known.value
    if isinstance(value, str) or least <= value <= most:
        return ""
    too_large = value > most and value >= min(2.0, 2.0 * most)  # less is as likely a fraction that is too large
    if too_large and least <= value / PER_CENT <= most and re.search(r"fraction|share|vol", known.unit):
        other = known.otherwise
        more = f", or set {other.name} to {other.word}" if other is not None and most == known.most else ""
        return f"must be a fraction between {least:g} and {most:g} (0.11 is 11 %), not {value:g}: divide it by 100{more}"
    return f"must be from {least:g} to {most:g} {known.unit}, not {value:g}"
