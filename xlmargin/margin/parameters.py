"""The numbers of a rulebook: one parameter file per method, each value with unit, bounds, source and the day it holds from.

A file has a section for each parameter whose underlyings differ, with what its values share above and a line per underlying
below, the general one being `default`; `[default]` and `[book]` hold a line for each parameter that has one value:

    [meta]                  # what the method is; `from` and `status` hold for every value that does not say otherwise
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

A number has a least and a most, a word its choices, any other text `text = true`. A value that changed is a list of rows, oldest
first. A source is a key of [sources], such a key with a detail after it, or a text that no other value shares.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from xlmargin.errors import MarginError

DEFAULT = "default"  # holds for every underlying without its own
NOT_SET = "not set"  # the value of a charge for which nobody publishes a figure
REFUSED = "refused"  # the default of a parameter whose rulebook lists its underlyings
META, SOURCES, BOOK = "meta", "sources", "book"
SHARED = ("from", "status", "source", "checked")  # what a file or a section may say once for all its values
HEAD = (*SHARED, "unit", "least", "most", "otherwise", "choices", "text")  # what one parameter may say once
MOST_DAYS = 256  # rulebooks of different files and days that are kept


class Otherwise(NamedTuple):
    """Bounds of a number that hold in the place of its own where another parameter is a certain word."""

    name: str
    word: str
    least: float
    most: float


class Override(NamedTuple):
    """A value given beside the positions: underlying "" means all of them."""

    underlying: str
    name: str
    value: float | str
    row: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number or word of a rulebook.

    Attributes:
        underlying: whose value it is, "" for every underlying without its own
        name: as people type it
        value: a number, a word of `choices`, NOT_SET or REFUSED
        unit: what the number counts
        source: document, or who gave it
        status: verified, published, estimate, illustrative, not set or given
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


@dataclass(frozen=True, slots=True)
class Meta:
    """What a parameter file says of its method."""

    name: str
    title: str
    scope: str
    evidence: str
    missing: str
    status: str
    checked: dt.date
    source: str
    laws: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The values of one rulebook that hold on one day, with what was given in their stead.

    Attributes:
        meta: what the method is
        parameters: the file's values by (underlying, name)
        given: values given beside the positions by (underlying, name)
    """

    meta: Meta
    parameters: Mapping[tuple[str, str], Parameter]
    given: Mapping[tuple[str, str], Parameter] = field(default_factory=dict)

    def get(self, name: str, underlying: str = "") -> Parameter:
        """The value that holds: given for the underlying, given for all, the file's for it, the file's default.

        Raises:
            MarginError: the rulebook does not list the underlying
        """
        found = self._known(name, underlying)
        if found.value == REFUSED:
            listed = ", ".join(each for each in self.underlyings if (each, name) in self.parameters)
            raise MarginError(
                f"{self.meta.name} does not list {underlying or 'every underlying'}: its {name} is for {listed}; "
                f"take {underlying or 'others'} out of the book, or give {name} beside the positions"
            )
        return found

    def _known(self, name: str, underlying: str) -> Parameter:
        for source in (self.given, self.parameters):
            for key in ((underlying, name), ("", name)):
                if key in source:
                    return source[key]
        raise KeyError(name)

    @property
    def lists_underlyings(self) -> bool:
        """Whether an underlying without values of its own is refused."""
        return any(value.value == REFUSED and key not in self.given for key, value in self.parameters.items())

    def bounds(self, known: Parameter) -> tuple[float, float]:
        """The least and the most that a number may be."""
        other = known.otherwise
        if other is not None and self.word(other.name, known.underlying) == other.word:
            return other.least, other.most
        return known.least, known.most

    def number(self, name: str, underlying: str = "") -> float:
        """A value that must be a number."""
        value = self.get(name, underlying).value
        assert isinstance(value, float), name
        return value

    def is_unset(self, name: str, underlying: str = "") -> bool:
        """Whether nobody gave a figure."""
        return self.get(name, underlying).value == NOT_SET

    def word(self, name: str, underlying: str = "") -> str:
        """A value that is a word."""
        return str(self.get(name, underlying).value)

    @property
    def names(self) -> list[str]:
        """Every parameter's name, in the file's order."""
        return list(dict.fromkeys(name for _, name in self.parameters))

    @property
    def underlyings(self) -> list[str]:
        """Every underlying with a value of its own."""
        return sorted({underlying for underlying, _ in (*self.parameters, *self.given) if underlying})

    def listing(self) -> list[Parameter]:
        """Every value that holds, given ones in the place of the file's."""
        merged = {**self.parameters, **self.given}
        return [merged[key] for key in sorted(merged, key=lambda key: (self.names.index(key[1]), key[0]))]

    def override(self, overrides: Sequence[Override], *, skip_unknown: bool = False, where: str = "") -> Rules:
        """These rules with values given beside the positions.

        Args:
            skip_unknown: leave out names that are not of this rulebook
            where: what the values are of, where they are not rows of the parameters range

        Raises:
            MarginError: a value is given twice, has an unknown name or does not fit
        """
        given: dict[tuple[str, str], Parameter] = {}
        for item in overrides:
            place = where or f"parameters row {item.row}"
            if item.name not in self.names:
                if skip_unknown:
                    continue
                raise MarginError(f"{place}: {self.meta.name} has no parameter {item.name!r}: it knows {', '.join(self.names)}")
            key = item.underlying, item.name
            if key in given:
                raise MarginError(f"{place}: {item.name} is given twice: remove one of the two rows")
            known = self._known(item.name, item.underlying)
            if known.whole_book and item.underlying:
                raise MarginError(f"{place}: {item.name} is one for the whole book: clear its Underlying")
            value = _fitting(known, item.value, f"{place}: {item.name}")
            given[key] = replace(known, underlying=item.underlying, value=value, source=place, status="given")
        found = replace(self, given=given)
        for each in given.values():  # after all are known: bounds may hang on another of them
            fault = _outside(each, *found.bounds(each))
            if fault:
                raise MarginError(f"{each.source}: {each.name} {fault}")
        return found

    def beneath(self, overrides: Sequence[Override], source: str) -> Rules:
        """These rules with a file's values under those given beside the positions."""
        from_file = replace(self, given={}).override(overrides, where=source).given
        sourced = {key: replace(value, status=self.meta.status) for key, value in from_file.items()}
        return replace(self, given={**sourced, **self.given})


def _fitting(known: Parameter, value: float | str, place: str) -> float | str:
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


def _outside(known: Parameter, least: float, most: float) -> str:
    """What is wrong with a number outside its bounds and how to mend it; "" where it is inside, or no number."""
    value = known.value
    if isinstance(value, str) or least <= value <= most:
        return ""
    if value >= 2.0 and value > most and least <= value / 100.0 <= most and re.search(r"fraction|share|vol", known.unit):
        other = known.otherwise
        more = f", or set {other.name} to {other.word}" if other is not None and most == known.most else ""
        return f"must be a fraction between {least:g} and {most:g} (0.11 is 11 %), not {value:g}: divide it by 100{more}"
    return f"must be from {least:g} to {most:g} {known.unit}, not {value:g}"


class ParameterFile:
    """A parameter file as its sections: what it is about, its sources, and the rest.

    Raises:
        MarginError: it is no TOML file
    """

    def __init__(self, path: Path) -> None:
        import tomllib  # late: most of what a cold start would wait for here

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
        """A source in full: the text that its first word is the key of, with what follows; else the text itself.

        Raises:
            MarginError: a word alone is no key
        """
        key = re.split(r"\W", text, maxsplit=1)[0]
        if key in self.sources:
            return self.sources[key] + text[len(key) :]
        if key == text and text != self.about["source"]:
            raise self.fault(place, f"{text!r} is no key of [{SOURCES}]: the keys are {', '.join(self.sources)}")
        return text

    def meta(self) -> Meta:
        """What the file says of its method.

        Raises:
            MarginError: it leaves something out
        """
        keys = ("title", "scope", "evidence", "not_modelled", "status", "checked", "source", "laws")
        missing = [key for key in keys if key not in self.about]
        if missing:
            raise self.fault(f" [{META}]", f"lacks {', '.join(missing)}")
        title, scope, evidence, left_out, status, checked, source, laws = (self.about[key] for key in keys)
        source = self.source(source, f" [{META}]")
        return Meta(self.path.stem.upper(), title, scope, evidence, left_out, status, checked, source, tuple(laws))

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
                entry["status"],
                entry["checked"],
                dt.date.fromisoformat(str(entry["from"])),
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
            _fitting(found, found.value, f"{self.path.name}{place}")
        fault = _outside(found, found.least, found.most)
        if fault:
            raise self.fault(place, fault)
        return found


@cache
def _read(path: Path) -> tuple[Meta, dict[tuple[str, str], tuple[Parameter, ...]]]:
    file = ParameterFile(path)
    return file.meta(), file.values()


@lru_cache(MOST_DAYS)
def _rules_on(path: Path, day: dt.date) -> Rules:
    meta, values = _read(path)
    holding = {key: ([row for row in rows if row.since <= day] or rows[:1])[-1] for key, rows in values.items()}
    return Rules(meta, holding)


def read_rules(path: Path, as_of: float) -> Rules:
    """The rulebook of a parameter file as it stood at the valuation time; before its first day, its first values.

    Args:
        path: TOML file of the form that this module describes
        as_of: valuation time, seconds since 1970 UTC

    Raises:
        MarginError: the file has a mistake
    """
    return _rules_on(path, dt.datetime.fromtimestamp(as_of, dt.UTC).date())
