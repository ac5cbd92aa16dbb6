"""The numbers of a rulebook: one parameter file per method, each value with unit, source and the day it holds from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from xlmargin.errors import MarginError

DEFAULT = "default"  # the section of a parameter file that holds for every underlying without its own
NOT_SET = "not set"  # the value of a charge for which nobody publishes a figure
TOP = "meta"


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
        value: a number, a word of `choices`, or NOT_SET
        unit: what the number counts
        source: document, or who gave it
        status: verified, published, estimate, illustrative, not set or given
        checked: day on which the source was read
        since: day from which the value holds
        choices: words that the value may be; empty for a number
        text: the value is a text of its own form
        whole_book: one value for all underlyings
        least, most: bounds of a number
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
    least: float = 0.0
    most: float = 1e15
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
        """The value that holds: given for the underlying, given for all, the file's for it, the file's default."""
        for source in (self.given, self.parameters):
            for key in ((underlying, name), ("", name)):
                if key in source:
                    return source[key]
        raise KeyError(name)

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

    def listing(self) -> list[Parameter]:
        """Every value that holds, given ones in the place of the file's."""
        merged = {**self.parameters, **self.given}
        return [merged[key] for key in sorted(merged, key=lambda key: (self.names.index(key[1]), key[0]))]

    def override(self, overrides: Sequence[Override], *, skip_unknown: bool = False) -> Rules:
        """These rules with values given beside the positions.

        Raises:
            MarginError: a value is given twice, has an unknown name or does not fit
        """
        given: dict[tuple[str, str], Parameter] = {}
        for item in overrides:
            if item.name not in self.names:
                if skip_unknown:
                    continue
                raise MarginError(
                    f"parameters row {item.row}: {self.meta.name} has no parameter {item.name!r}: it knows {', '.join(self.names)}"
                )
            key = item.underlying, item.name
            if key in given:
                raise MarginError(f"parameters row {item.row}: {item.name} is given twice: remove one of the two rows")
            known = self.get(item.name, item.underlying)
            if known.whole_book and item.underlying:
                raise MarginError(f"parameters row {item.row}: {item.name} is one for the whole book: clear its Underlying")
            given[key] = _checked(known, item)
        return replace(self, given=given)

    def beneath(self, overrides: Sequence[Override], source: str) -> Rules:
        """These rules with a file's values under those given beside the positions."""
        from_file = replace(self, given={}).override(overrides).given
        sourced = {key: replace(value, source=source, status=self.meta.status) for key, value in from_file.items()}
        return replace(self, given={**sourced, **self.given})


def _checked(known: Parameter, item: Override) -> Parameter:
    """A given value in the place of a known one, if it fits."""
    value, place = item.value, f"parameters row {item.row}: {item.name}"
    if known.choices:
        word = str(value).strip().lower().replace(" ", "_").replace("-", "_")
        if word not in known.choices:
            raise MarginError(f"{place} must be one of {', '.join(known.choices)}, not {value!r}")
        value = word
    elif known.text:
        value = str(value)
    elif isinstance(value, str):
        raise MarginError(f"{place} must be a number, not {value!r}")
    elif not known.least <= value <= known.most:
        raise MarginError(f"{place} must be from {known.least:g} to {known.most:g} {known.unit}, not {value:g}")
    return replace(known, underlying=item.underlying, value=value, source=f"parameters row {item.row}", status="given")


@cache
def _file(path: Path) -> dict[str, Any]:
    import tomllib  # late: most of what a cold start would wait for here

    with path.open("rb") as file:
        return tomllib.load(file)


def read_rules(path: Path, as_of: float) -> Rules:
    """The rulebook of a parameter file as it stood at the valuation time; before its first day, its first values.

    Args:
        path: TOML file with a section [meta] and lists [[UNDERLYING.parameter]], the general ones under [[default.…]]
        as_of: valuation time, seconds since 1970 UTC
    """
    data = _file(path)
    about = data[TOP]
    meta = Meta(
        path.stem.upper(),
        about["title"],
        about["scope"],
        about["evidence"],
        about["not_modelled"],
        about["status"],
        about["checked"],
        about["source"],
        tuple(about["laws"]),
    )
    day = dt.datetime.fromtimestamp(as_of, dt.UTC).date()
    parameters = {}
    for section, entries in data.items():
        if section == TOP:
            continue
        underlying = "" if section == DEFAULT else section
        for name, versions in entries.items():
            holding = [version for version in versions if version["from"] <= day] or versions[:1]
            parameters[underlying, name] = _parameter(underlying, name, holding[-1], meta)
    return Rules(meta, parameters)


def _parameter(underlying: str, name: str, entry: Mapping[str, Any], meta: Meta) -> Parameter:
    value = entry["value"]
    return Parameter(
        underlying,
        name,
        value if isinstance(value, str) else float(value),
        entry["unit"],
        entry.get("source", meta.source),
        entry.get("status", meta.status),
        entry.get("checked", meta.checked),
        entry["from"],
        tuple(entry.get("choices", ())),
        float(entry.get("least", 0.0)),
        float(entry.get("most", 1e15)),
        bool(entry.get("text", False)),
        bool(entry.get("whole_book", False)),
    )
