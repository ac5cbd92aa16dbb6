"""A parameter file and its keys: one file per method, each value with unit, bounds, source and the day it holds from.

A file has a section for each parameter whose underlyings differ, with the shared keys of its values above and a line per underlying
below, the general one being `default`; `[default]` and `[book]` hold a line for each parameter that has one value:

    [meta]                  # describes the method; `from` and `status` hold for every value that does not say otherwise
    answers = 26            # of the venue or its engine that confirm the formula; left out where none does
    ended = { status = "superseded", from = 2026-08-05, source = "the notice" }  # only where the rulebook holds no longer
    [sources]
    docs = "docs.example/margin, read 2026-11-27"
    [price_range]
    unit = "fraction of index"
    least = 0.005
    most = 1
    BTC = { value = 0.16, from = 2026-04-06, source = "docs, table 1" }
    default = "refused"     # a coin that the rulebook does not list
    [default]
    vol_up = { value = 0.4, unit = "fraction of vol", least = 0, most = 5, source = "docs" }
    [book]                  # one value for the whole book
    order = { value = "cme", choices = ["cme", "kdpw"], source = "docs" }

A number has a least and a most, which must refuse a hundred times the value unless the unit begins with the counted thing, such as
USD or days; a word has its choices, any other text `text = true`. A value that changed is a list of rows, oldest first. A source is
a key of [sources], such a key with a detail after it, or a text of several words that no other value shares.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from xlmargin.errors import MarginError
from xlmargin.margin.parameter import NOT_SET, PER_CENT, REFUSED, Otherwise, Parameter, fitting, outside

DEFAULT = "default"  # holds for every underlying without its own
META, SOURCES, BOOK = "meta", "sources", "book"
SHARED = ("from", "status", "source", "checked")  # keys that a file or a section may give once for all its values
HEAD = (*SHARED, "unit", "least", "most", "otherwise", "choices", "text")  # keys of one parameter
STATUSES = ("verified", "published", "estimate", "illustrative", "superseded", "closing", "not set", "not modelled")
ENDED = ("superseded", "closing")  # of a whole rulebook from a day on
LAWS = ("order", "split", "doubling", "flat", "subadditive", "adds up")  # of a margin, each tried on random books
COUNTED = re.compile(  # units of numbers that are no fractions, whose hundredfold may be as good
    r"USD|account currency|hours|days|months|years|seconds|messages|trades|margins|rows|moves|contracts|coins|drawn|any whole|steps|"
    r"equidistant"
)


class Ended(NamedTuple):
    """The end of a rulebook: superseded or closing, since when, by what."""

    status: str
    since: dt.date
    source: str


@dataclass(frozen=True, slots=True)
class Meta:
    """The description of a method in its parameter file.

    Attributes:
        answers: number of the venue's own answers, or of its engine's, that confirm the formula
        ended: the status that the whole rulebook has from a day on, and why; None while it is in force
    """

    name: str
    title: str
    scope: str
    evidence: str
    missing: str
    status: str
    checked: dt.date
    source: str
    laws: tuple[str, ...]
    answers: int = 0
    ended: Ended | None = None

    @property
    def end(self) -> str:
        """Since when the rulebook holds no longer, and by what, in words; "" while it is in force."""
        ended = self.ended
        return f"{ended.status} since {ended.since}: {ended.source}" if ended is not None and ended.status == self.status else ""

    def on(self, day: dt.date) -> Meta:
        """The description as it is on a day: from the end of the rulebook on, its status says so."""
        return replace(self, status=self.ended.status) if self.ended is not None and self.ended.since <= day else self


class ParameterFile:
    """A parameter file as its sections: its description, its sources, and the rest.

    Raises:
        MarginError: it is no TOML file
    """

    def __init__(self, path: Path) -> None:
        import tomllib  # late: it would take most of the time of a cold start here

        self.path = path
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise self.fault("", str(error)) from None
        self.about: dict[str, Any] = data.pop(META, {})
        self.sources: dict[str, str] = data.pop(SOURCES, {})
        self.sections: dict[str, Any] = data

    def fault(self, place: str, text: str) -> MarginError:
        """A mistake of the file, with its name, the section and the key."""
        return MarginError(f"{self.path.name}{place}: {text}")

    def source(self, text: str, place: str) -> str:
        """A source in full: the text of the key that is its first word, with the detail after it; else the text itself.

        Raises:
            MarginError: a word alone is no key
        """
        key = re.split(r"\W", text, maxsplit=1)[0]
        if key in self.sources:
            return self.sources[key] + text[len(key) :]
        if key == text:
            raise self.fault(place, f"{text!r} is no key of [{SOURCES}]: the keys are {', '.join(self.sources) or 'none'}")
        return text

    def one_of(self, known: tuple[str, ...], word: Any, what: str, place: str) -> str:
        """A word of a closed list.

        Raises:
            MarginError: it is none of them
        """
        if word not in known:
            raise self.fault(place, f"has the {what} {word!r}, which is none of {', '.join(known)}")
        return str(word)

    def day(self, key: str, value: Any, place: str) -> dt.date:
        """A day, as a date or as a text.

        Raises:
            MarginError: it is neither
        """
        try:
            return dt.date.fromisoformat(str(value))
        except ValueError as error:
            raise self.fault(place, f"{key} cannot be read: {error}") from None

    def meta(self) -> Meta:
        """The description of the method in the file.

        Raises:
            MarginError: it leaves something out
        """
        keys, place = ("title", "scope", "evidence", "not_modelled", "status", "checked", "source", "laws"), f" [{META}]"
        self._keys(self.about, keys, ("from", "answers", "ended"), place)
        title, scope, evidence, left_out, status, checked, source, laws = (self.about[key] for key in keys)
        answers = self.about.get("answers", 0)
        if not isinstance(answers, int) or answers < 0:
            raise self.fault(f"{place} answers", f"must be a whole number of answers, not {answers!r}")
        return Meta(
            self.path.stem.upper(),
            title,
            scope,
            evidence,
            left_out,
            self.one_of(STATUSES, status, "status", f"{place} status"),
            self.day("checked", checked, place),
            self.source(source, f"{place} source"),
            tuple(self.one_of(LAWS, law, "law", f"{place} laws") for law in laws),
            answers,
            self._ended(place),
        )

    def _keys(self, row: Mapping[str, Any], needed: tuple[str, ...], others: tuple[str, ...], place: str) -> None:
        """Require the keys of a row.

        Raises:
            MarginError: one is missing, or is none of them
        """
        missing = [key for key in needed if key not in row]
        if missing:
            raise self.fault(place, f"lacks {', '.join(missing)}")
        unknown = [key for key in row if key not in (*needed, *others)]
        if unknown:
            raise self.fault(place, f"has no key {unknown[0]!r}: the keys are {', '.join((*needed, *others))}")

    def _ended(self, place: str) -> Ended | None:
        """The end of the rulebook, where the file tells one."""
        if "ended" not in self.about:
            return None
        row, place = self.about["ended"], f"{place} ended"
        if not isinstance(row, dict):
            raise self.fault(place, 'must be written as { status = "closing", from = 2026-05-01, source = "the notice" }')
        self._keys(row, ("status", "from", "source"), (), place)
        status = self.one_of(ENDED, row["status"], "status", place)
        return Ended(status, self.day("from", row["from"], place), self.source(row["source"], place))

    def values(self) -> dict[tuple[str, str], tuple[Parameter, ...]]:
        """Every value by (underlying, name), of several days the oldest first.

        Raises:
            MarginError: a value lacks something or does not fit, naming its section and key
        """
        found: dict[tuple[str, str], tuple[Parameter, ...]] = {}
        for section, lines in self.sections.items():
            if not isinstance(lines, dict):
                raise self.fault(f" {section}", "belongs below the head of a section")
            alone = section in (DEFAULT, BOOK)  # a line is a parameter, not an underlying
            keys = SHARED if alone else HEAD
            head = {**self.about, **{key: lines[key] for key in keys if key in lines}}
            for key, value in lines.items():
                if key in keys:
                    continue
                place = f" [{section}] {key}"
                if not alone and key != DEFAULT and key != key.upper():
                    raise self.fault(place, f"is neither an underlying in capitals nor one of {', '.join(HEAD)}")
                own = ("", key) if alone else ("" if key == DEFAULT else key, section)
                if own in found:
                    raise self.fault(place, "is given twice")
                rows = [self._parameter(own, {**head, **row}, place, section) for row in self._rows(value, place)]
                found[own] = tuple(sorted(rows, key=lambda row: row.since))
        return found

    def _rows(self, value: Any, place: str) -> Iterator[dict[str, Any]]:
        """The rows of a value; one may be the number or the word alone."""
        for row in value if isinstance(value, list) else [value]:
            named = row if isinstance(row, dict) else {"value": row}
            unknown = [key for key in named if key not in (*HEAD, "value")]
            if unknown:
                raise self.fault(place, f"has no key {unknown[0]!r}: the keys are value, {', '.join(HEAD)}")
            yield named

    def _parameter(self, own: tuple[str, str], entry: Mapping[str, Any], place: str, section: str) -> Parameter:
        """One value with all that it shares with others."""
        choices, text = tuple(entry.get("choices", ())), bool(entry.get("text", False))
        number = not (choices or text)
        needed = ("value", "from", *(() if choices else ("unit",)), *(("least", "most") if number else ()))
        missing = [key for key in needed if key not in entry]
        if missing:
            raise self.fault(place, f"lacks {', '.join(missing)}")
        value = entry["value"]
        try:
            found = Parameter(
                *own,
                value if isinstance(value, str) else float(value),
                entry.get("unit", "word"),
                self.source(entry["source"], place),
                self.one_of(STATUSES, entry["status"], "status", place),
                self.day("checked", entry["checked"], place),
                self.day("from", entry["from"], place),
                choices,
                float(entry["least"]) if number else -math.inf,
                float(entry["most"]) if number else math.inf,
                Otherwise(**entry["otherwise"]) if "otherwise" in entry else None,
                text,
                section == BOOK,
            )
        except (TypeError, ValueError) as error:
            raise self.fault(place, f"cannot be read: {error}") from None
        if value != NOT_SET and not (value == REFUSED and not own[0] and section not in (DEFAULT, BOOK)):
            fitting(found, found.value, f"{self.path.name}{place}")
        fault = outside(found, found.least, found.most) or (_wide(found) if number else "")
        if fault:
            raise self.fault(place, fault)
        return found


def _wide(found: Parameter) -> str:
    """The message on bounds that let a percent pass as a whole number; "" where they refuse it, or the unit counts things."""
    percent = PER_CENT * (found.value if isinstance(found.value, float) else 1.0)
    if not percent or COUNTED.match(found.unit) or not found.least <= percent <= found.most:
        return ""
    return (
        f"has bounds from {found.least:g} to {found.most:g} that take {percent:g} for {percent / PER_CENT:g}: narrow them, "
        "or begin the unit with what it counts, such as USD or days"
    )
