"""The numbers of a rulebook that hold on one day, with the values given in their place."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from xlmargin.errors import MarginError, MethodError, nearest
from xlmargin.margin.parameter import NOT_SET, REFUSED, Parameter, fitting, outside
from xlmargin.margin.parameter_file import ENDED, Meta, ParameterFile

CONFIRMED = ("verified", "published")  # statuses of what the venue itself says
MOST_DAYS = 256  # rulebooks of different files and days that are kept


class Override(NamedTuple):
    """A value given with the positions: underlying "" means all of them, method "" every one that knows the name."""

    underlying: str
    name: str
    value: float | str
    row: int
    method: str = ""


def of_method(overrides: Sequence[Override], method: str) -> list[Override]:
    """The rows that count for a method: its own, and those of every method that none of its own replaces."""
    own = {(item.underlying, item.name) for item in overrides if item.method == method}
    return [item for item in overrides if item.method == method or not (item.method or (item.underlying, item.name) in own)]


def for_methods(overrides: Sequence[Override], aside: Collection[str]) -> list[Override]:
    """The overrides that are meant for methods: all but those that name none and stand for a parameter that is no method's."""
    return [item for item in overrides if item.method or item.name not in aside]


@dataclass(frozen=True, slots=True)
class Rules:
    """The values of one rulebook that hold on one day, with the values given in their place.

    Attributes:
        meta: description of the method
        parameters: the file's values by (underlying, name)
        given: values given with the positions by (underlying, name)
        seen: where whoever asks wants to know: the status of every value read, by (underlying asked, status)
        others: rows of other methods, for a method that margins by the rules of another
    """

    meta: Meta
    parameters: Mapping[tuple[str, str], Parameter]
    given: Mapping[tuple[str, str], Parameter] = field(default_factory=dict)
    seen: set[tuple[str, str]] | None = field(default=None, compare=False)
    others: Sequence[Override] = ()

    def get(self, name: str, underlying: str = "") -> Parameter:
        """The value that holds: given for the underlying, given for all, the file's for it, the file's default.

        Raises:
            MethodError: the rulebook has no such parameter
            MarginError: it does not list the underlying
        """
        found = self._known(name, underlying)
        if found.value == REFUSED:
            listed = ", ".join(each for each in self.underlyings if (each, name) in self.parameters)
            raise MarginError(
                f"{self.meta.name} does not list {underlying or 'every underlying'}: its {name} is for {listed}; "
                f"take {underlying or 'others'} out of the book, or give {name} beside the positions"
            )
        if self.seen is not None:
            self.seen.add((underlying, found.status))
        return found

    def _known(self, name: str, underlying: str) -> Parameter:
        for source in (self.given, self.parameters):
            for key in ((underlying, name), ("", name)):
                if key in source:
                    return source[key]
        raise MethodError(
            f"{self.meta.name} has no parameter {name!r}: the nearest is {nearest(name, self.names) or 'none'}; "
            f"mend the name, or give {self.meta.name.lower()}.toml a line for it"
        )

    def lists(self, name: str, underlying: str) -> bool:
        """Whether the rulebook has a value of a parameter for an underlying, were it that no figure is set."""
        return self._known(name, underlying).value != REFUSED

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
        """A value that must be a number.

        Raises:
            MarginError: it is a word, or no figure is given
        """
        value = self.get(name, underlying).value
        if isinstance(value, str):
            whose = f"{name} of {underlying}" if underlying else name
            raise MarginError(f"{self.meta.name} needs a number for {whose}, which is {value}: give {name} beside the positions")
        return value

    def is_unset(self, name: str, underlying: str = "") -> bool:
        """Whether no figure is given."""
        return self.get(name, underlying).value == NOT_SET

    def word(self, name: str, underlying: str = "") -> str:
        """A value that is a word."""
        return str(self.get(name, underlying).value)

    def ended(self, underlyings: Sequence[str]) -> str:
        """Which values of some underlyings hold no longer, since when and by what source, in words; "" where all are in force."""
        known = [self._known(name, underlying) for name in self.names for underlying in underlyings]
        found = [value for value in known if value.status in ENDED]
        if not found:
            return ""
        names, coins = (", ".join(dict.fromkeys(words)) for words in zip(*((value.name, value.underlying) for value in found)))
        return f"{found[0].status} since {found[0].since}: {names}{' of ' if coins else ''}{coins}: {found[0].source}"

    @property
    def numbers(self) -> str:
        """Since when the newest of the rulebook's numbers hold, on whose word most of these, and how many hold no longer or are estimates.

        Words of a choice are no numbers; those that are no more than ours give the day only where there are no others.
        """
        known = [value for value in self.parameters.values() if value.status != NOT_SET and value.value != REFUSED and not value.choices]
        if not known:
            return "no parameters"
        theirs = [value for value in known if value.status in CONFIRMED]
        day = max(value.since for value in theirs or known)
        source, _ = Counter(value.source for value in theirs or known if value.since == day).most_common(1)[0]
        ended = min((value.since for value in known if value.status in ENDED), default=None)
        over = "" if ended is None else f"; superseded in part since {ended}"
        weaker = f"; {len(known) - len(theirs)} of {len(known)} are no more than estimates" if len(theirs) < len(known) else ""
        return f"parameters of {day.isoformat()} from {source}{over or weaker}"

    @property
    def evidence(self) -> str:
        """What confirms the formula, and apart from it where the numbers come from."""
        count = self.meta.answers
        formula = f"formula verified on {count} answer{'s' if count > 1 else ''}" if count else "formula"
        return f"{formula}: {self.meta.evidence}; {self.numbers}"

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
        """These rules with values given in addition to the positions; rows of another method are left to it.

        Args:
            skip_unknown: leave out names that are not of this rulebook
            where: the source of the values, where they are not rows of the parameters range

        Raises:
            MarginError: a value is given twice, has an unknown name or does not fit
        """
        given: dict[tuple[str, str], Parameter] = {}
        for item in of_method(overrides, self.meta.name):
            place = where or f"parameters row {item.row}"
            if item.name not in self.names:
                if skip_unknown:
                    continue
                raise MarginError(f"{place}: {self.meta.name} has no parameter {item.name!r}: it knows {', '.join(self.names) or 'none'}")
            key = item.underlying, item.name
            if key in given:
                raise MarginError(f"{place}: {item.name} is given twice: remove one of the two rows")
            known = self._known(item.name, item.underlying)
            if known.whole_book and item.underlying:
                raise MarginError(f"{place}: {item.name} is one for the whole book: clear its Underlying")
            value = fitting(known, item.value, f"{place}: {item.name}")
            given[key] = replace(known, underlying=item.underlying, value=value, source=place, status="given")
        found = replace(self, given=given, others=tuple(item for item in overrides if item.method not in ("", self.meta.name)))
        for each in given.values():  # after all are known: bounds may hang on another of them
            fault = outside(each, *found.bounds(each))
            if fault:
                raise MarginError(f"{each.source}: {each.name} {fault}")
        return found

    def beneath(self, overrides: Sequence[Override], source: str) -> Rules:
        """These rules with a file's values under those given with the positions, for one underlying or for all."""
        from_file = replace(self, given={}).override(overrides, where=source).given
        kept = {key: value for key, value in from_file.items() if ("", key[1]) not in self.given}
        sourced = {key: replace(value, status=self.meta.status) for key, value in kept.items()}
        return replace(self, given={**sourced, **self.given})


@cache
def _read(path: Path) -> tuple[Meta, dict[tuple[str, str], tuple[Parameter, ...]]]:
    file = ParameterFile(path)
    return file.meta(), file.values()


@lru_cache(MOST_DAYS)
def _rules_on(path: Path, day: dt.date) -> Rules:
    meta, values = _read(path)
    return Rules(meta.on(day), {key: _holding(rows, day) for key, rows in values.items()})


def _holding(rows: Sequence[Parameter], day: dt.date) -> Parameter:
    """The row of a value that holds on a day; before its first day the first, of which nobody says that it held then."""
    found = ([row for row in rows if row.since <= day] or rows[:1])[-1]
    if found.since > day and found.status in CONFIRMED:
        return replace(found, status="estimate", source=f"{found.source}; taken for days before {found.since.isoformat()} too")
    return found


def read_rules(path: Path, as_of: float) -> Rules:
    """The rulebook of a parameter file as it was at the valuation time; before its first day, its first values as estimates.

    Args:
        path: TOML file of the form that `ParameterFile` describes
        as_of: valuation time, seconds since 1970 UTC

    Raises:
        MarginError: the file has a mistake
    """
    return _rules_on(path, dt.datetime.fromtimestamp(as_of, dt.UTC).date())
