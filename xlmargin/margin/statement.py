"""The statement of a margin: lines that carry their rule and parts, so that the explanation is the calculation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.margin.parameter import NOT_SET
from xlmargin.margin.parameters import Rules
from xlmargin.pricing.arrays import Floats

Parts = Callable[[int], Sequence["Line"]]
Entry = list[str | float]  # level, label, amount, rule, status, source


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule by which a line follows from its parts.

    Attributes:
        text: the rule in words
        compute: from the parts' values (N, A) to the line's (A,); None for a number that was given
        binding_only: only the part that decides is explained further
        by_row: its parts are the rows of the sheet, possibly thousands
    """

    text: str
    compute: Callable[[Floats], Floats] | None
    binding_only: bool = False
    by_row: bool = False

    def line(self, label: str, parts: Sequence[Line], detail: str = "", *, status: str = "", source: str = "") -> Line:
        """The line computed from its parts, which carry the same books or one number for all of them."""
        fixed = tuple(parts)
        assert self.compute is not None
        assert fixed
        stacked = np.stack(np.broadcast_arrays(*(part.value for part in fixed)))
        return Line(label, self.compute(stacked), self, lambda _: fixed, detail, status, source, shared=True, below=weakest_of(fixed))


CERTAINTY = ("verified", "published", "estimate", "illustrative", "closing", "superseded")  # statuses, the weakest last
NOT_MODELLED = "not modelled"  # status of a part that does not count here
AS_ABOVE = "as above: "  # how a line begins that the statement has already explained

GIVEN = Rule("given", None)
TOTAL = Rule("sum of the lines below", lambda parts: parts.sum(axis=0))
BY_ROW = Rule(TOTAL.text, TOTAL.compute, by_row=True)
LESS = Rule("the first line below less the others", lambda parts: parts[0] - parts[1:].sum(axis=0))
TIMES = Rule("product of the lines below", lambda parts: np.prod(parts, axis=0))
QUOTIENT = Rule(
    "the first line below over the second, 0 over nothing",
    lambda parts: np.divide(parts[0], parts[1], out=np.zeros_like(parts[0]), where=parts[1] != 0.0),
)
LARGEST = Rule("largest of the lines below", lambda parts: parts.max(axis=0))
SMALLEST = Rule("smallest of the lines below", lambda parts: parts.min(axis=0))
WORST = Rule("largest loss of the scenarios below, at least 0", lambda parts: np.maximum(parts.max(axis=0), 0.0), True)


@dataclass(frozen=True, slots=True)
class Line:
    """A number for each of A books, with the lines from which it is computed.

    Attributes:
        label: the name of the number
        value: one number per book (A,) [account currency unless the label names another unit]
        rule: the rule by which it follows from its parts
        parts: the lines from which it is computed, for the book at an index
        detail: the origin of a given number, in words, or more about the rule
        status: a status of a parameter file, or given; "" where the method's own holds
        source: document, parameter file or sheet row
        shared: the parts carry the same books as the line, so that the rule applies to all of them at once
        below: the weakest status of all lines below, "" where they have none of their own; None where the parts, which are made
            only on access, have to be asked
    """

    label: str
    value: Floats
    rule: Rule
    parts: Parts
    detail: str = ""
    status: str = ""
    source: str = ""
    shared: bool = False
    below: str | None = None

    @property
    def weakest(self) -> str | None:
        """The weakest status of the line and all below it, None where the parts have to be asked."""
        return None if self.below is None else weakest(self.status, self.below)

    def book(self, a: int) -> Line:
        """The same line for one book alone; its parts are cut the same way."""
        value = self.value if len(self.value) == 1 else self.value[a : a + 1]

        def cut(_: int) -> Sequence[Line]:
            parts = self.parts(a)
            return parts if isinstance(parts, Products) else tuple(part.book(a) for part in parts)

        return replace(self, value=value, parts=cut)

    @property
    def amount(self) -> float:
        """The number of a line of one book."""
        return float(self.value[0])

    @property
    def how(self) -> str:
        """The rule in words, in the form for a sheet."""
        if self.rule is GIVEN:
            return self.detail or self.rule.text
        return f"{self.rule.text}: {self.detail}" if self.detail else self.rule.text


def given(label: str, value: Floats | float, detail: str, *, status: str = "", source: str = "") -> Line:
    """A number that is not computed from other lines: a parameter, a quantity, a price."""
    return Line(label, np.atleast_1d(np.asarray(value, np.float64)), GIVEN, lambda _: (), detail, status, source, below="")


def weakest_of(parts: Iterable[Line]) -> str | None:
    """The weakest status of lines and all below them, None where one has to be asked."""
    found = [part.weakest for part in parts]
    return None if None in found else weakest(*filter(None, found))


def not_modelled(label: str, why: str, *, status: str = NOT_MODELLED, source: str = "") -> Line:
    """A part of a rulebook that is not modelled: a line of 0 that says so, never a silent zero."""
    return given(label, 0.0, why, status=status, source=source)


def parameter(rules: Rules, label: str, name: str, underlying: str = "") -> Line:
    """A number of the rulebook; where it has no value, a line of 0 that says so."""
    value = rules.get(name, underlying)
    if rules.is_unset(name, underlying):
        status = NOT_SET if value.status == NOT_SET else NOT_MODELLED
        return not_modelled(label, f"parameter {name} is not set: {value.source}", status=status)
    return given(label, float(value.value), f"parameter {name} [{value.unit}]", status=value.status, source=value.source)


def multiple(rules: Rules, label: str, risk: Line, name: str) -> Line:
    """A multiple of the risk; one that is not set is refused, since the margin would be 0."""
    rules.number(name)
    return times(label, (risk, parameter(rules, name.replace("_", " ").capitalize(), name)))


def above(line: Line) -> Line:
    """A line that the statement has already explained above."""
    return replace(line, rule=GIVEN, parts=lambda _: (), detail=f"{AS_ABOVE}{line.label}")


# Makers of lines: `total("Margin", (line, line))` applies a rule to parts and gives the line.
total, less, times, quotient = TOTAL.line, LESS.line, TIMES.line, QUOTIENT.line
largest, smallest, worst = LARGEST.line, SMALLEST.line, WORST.line


def over_book(label: str, parts: Sequence[Line], detail: str = "") -> Line:
    """The sum over the parts of a book; a flat book has one part, which says so."""
    return total(label, tuple(parts) or (given("No positions", 0.0, "the book is flat"),), detail)


@dataclass(frozen=True, slots=True)
class Products(Sequence[Line]):
    """Lines of one book, each the product of two given numbers; each of the thousands is made only on access.

    Attributes:
        labels: names of the products (N,)
        names: names of the two factors
        values: the two factors of each product, twice (N,)
        details: the origins of the two factors, in words, twice (N,)
        sources: sheet row of each product (N,)
    """

    labels: Sequence[str]
    names: tuple[str, str]
    values: tuple[Floats, Floats]
    details: tuple[Sequence[str], Sequence[str]]
    sources: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, at: int) -> Line: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Line]: ...
    def __getitem__(self, at: int | slice) -> Line | Sequence[Line]:
        if isinstance(at, slice):
            return [self[n] for n in range(*at.indices(len(self)))]
        source = self.sources[at]
        return times(
            self.labels[at],
            [given(name, values[at], details[at], source=source) for name, values, details in zip(self.names, self.values, self.details)],
            source=source,
        )

    def entries(self, level: int) -> list[Entry]:
        """Level, label, amount, rule, status and source of every line and its two parts, as `walk` would give them."""
        top, below, products = float(level), float(level + 1), self.values[0] * self.values[1]
        result: list[Entry] = [[]] * (3 * len(self))
        result[::3] = [
            [top, label, amount, TIMES.text, "", source] for label, amount, source in zip(self.labels, products.tolist(), self.sources)
        ]
        for n, (name, values, details) in enumerate(zip(self.names, self.values, self.details), 1):
            result[n::3] = [
                [below, name, value, how or GIVEN.text, "", source] for value, how, source in zip(values.tolist(), details, self.sources)
            ]
        return result


def weighted(
    labels: Sequence[str], weights: Floats, each: Floats, rows: Callable[[int, int], Sequence[Line]], detail: str = ""
) -> list[Line]:
    """Sums of many products as one matrix product; the products become lines only on access.

    Args:
        labels: one per line (S,)
        weights: units held in each book (A, K)
        each: amount per unit in each line (K, S)
        rows: the products of line s in book a, as lines that add up to line s
    """
    values = weights @ each
    return [
        Line(label, values[:, s], BY_ROW, lambda a, s=s: rows(s, a), detail, below="")  # type: ignore[misc]
        for s, label in enumerate(labels)
    ]


def sum_of(label: str, value: Floats, parts: Parts, detail: str = "") -> Line:
    """The sum of parts that differ from book to book and become lines only on access."""
    return Line(label, value, TOTAL, parts, detail)


def least_of(label: str, value: Floats, parts: Parts, detail: str = "") -> Line:
    """The smallest of parts that differ from book to book and become lines only on access."""
    return Line(label, value, SMALLEST, parts, detail)


def over_accounts(line: Line, accounts: Sequence[str]) -> Line:
    """One line for all accounts: each is margined separately, and the margins add up."""
    if len(accounts) == 1:
        return line.book(0)
    parts = tuple(replace(line.book(a), label=f"Account {name or '(blank)'}") for a, name in enumerate(accounts))
    return total(line.label, parts, "each account on its own", status=line.status, source=line.source)


def walk(line: Line, level: int = 0, *, rows: bool = True) -> Iterator[tuple[int, Line]]:
    """Every line of a statement of one book with its level, a line before its parts.

    Args:
        rows: also the lines of sheet rows
    """
    for depth, found in _steps(line, level, rows=rows):
        if isinstance(found, Line):
            yield depth, found
        else:
            for product in found:
                yield depth, product
                yield from ((depth + 1, part) for part in product.parts(0))


def _steps(line: Line, level: int, *, rows: bool) -> Iterator[tuple[int, Line | Products]]:
    """The same, with products left together."""
    yield level, line
    if line.rule.by_row and not rows:
        return
    parts = line.parts(0)
    if isinstance(parts, Products):
        yield level + 1, parts
        return
    deciding = max(parts, key=lambda part: part.amount, default=None)
    for part in parts:
        if line.rule.binding_only and part is not deciding:
            yield level + 1, part
        else:
            yield from _steps(part, level + 1, rows=rows)


def entries(line: Line) -> list[Entry]:
    """Level, label, amount, rule, status and source of every line of a statement of one book, in the order of `walk`."""
    result: list[Entry] = []
    for level, found in _steps(line, 0, rows=True):
        result += (
            [[float(level), found.label, found.amount, found.how, found.status, found.source]]
            if isinstance(found, Line)
            else found.entries(level)
        )
    return result


def weakest(*statuses: str) -> str:
    """The status of a whole: that of its weakest part; a part that is given or left out weakens nothing, "" where none is left."""
    return max((status for status in statuses if status in CERTAINTY), key=CERTAINTY.index, default="")


def status_of(line: Line, otherwise: str) -> str:
    """The status of a whole, over all its books: that of its weakest line.

    Args:
        otherwise: the status of lines that have none of their own
    """
    return weakest(otherwise, _asked(line))


def _asked(line: Line) -> str:
    """The weakest status of a line and all below it; only parts of which it is not known are made, and are made once for all books."""
    if line.weakest is not None:
        return line.weakest
    if line.rule.by_row:
        return line.status
    if line.rule.binding_only:
        return weakest(*(_decided(line.book(a)) for a in range(len(line.value))))
    books = range(1 if line.shared else len(line.value))
    return weakest(line.status, *(_asked(part) for a in books for part in line.parts(a)))


def _decided(line: Line) -> str:
    """The weakest status of a line of one book and of the part that decides."""
    parts = line.parts(0)
    return weakest(line.status, *(part.status for part in parts), _asked(max(parts, key=lambda part: part.amount)))


ROW = "row "  # prefix of the labels of sheet rows
SHOWN = 4  # levels of a statement that a message about an unknown path lists


def find(roots: Sequence[Line], path: str) -> Line:
    """The line at a path: labels from the top down, in any case; labels that are not needed may be left out.

    Raises:
        MarginError: no line has that path, or several have
    """
    wanted = _plain(path)
    if not wanted:
        raise MarginError("the path is empty: name a line of the statement, such as BTC/Scanning risk")
    trail: list[str] = []
    shown: list[str] = []
    found: list[tuple[int, str, Line]] = []
    for root in roots:
        for level, line in walk(root, rows=ROW in wanted):
            trail[level:] = [line.label]
            if level <= SHOWN:
                shown.append("/".join(trail))
            if _names(wanted, trail):
                found.append((level, "/".join(trail), line))
    if not found:
        raise MarginError(f"no line {path!r} in this statement: it has {', '.join(dict.fromkeys(shown[:12]))} …")
    top = [hit for hit in found if hit[0] == min(level for level, _, _ in found)]
    if len({hit[1] for hit in top}) > 1:
        raise MarginError(f"several lines match {path!r}: name one of {', '.join(hit[1] for hit in top[:6])}")
    return top[0][2]


def _plain(text: str) -> str:
    """A path or label in lower case without spaces around its slashes."""
    return "/".join(part.strip() for part in text.lower().split("/")).strip("/")


def _names(wanted: str, trail: Sequence[str]) -> bool:
    """Whether a path names the last label of a trail; labels may contain slashes."""
    *above_it, last = (_plain(label) for label in trail)
    if not (wanted == last or wanted.endswith("/" + last)):
        return False
    rest = wanted[: -len(last)]
    for label in reversed(above_it):
        rest = rest.removesuffix(label + "/")
    return rest == ""
