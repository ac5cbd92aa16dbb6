"""Risk array records of the expanded format (81 with 82, 83 with 84), read as columns rather than line by line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.methods.span.file.layout import ARRAY_RECORDS, Field, RecordLayout, too_short
from xlmargin.methods.span.file.source import SpanContent
from xlmargin.pricing.arrays import Bools, Floats, Ints

Bytes = NDArray[np.uint8]

SECOND = {"81": "82", "83": "84"}
WIDTH = max(item.start + item.length for record in ARRAY_RECORDS.values() for item in record.fields)
ZERO, NINE, BLANK, PLUS, MINUS = b"09 +-"
NAME = slice(2, 54)  # columns 3–54, which name the contract in both records


class RawContracts(NamedTuple):
    """Contracts before their product's decimals are known; whole numbers as floats, NaN where blank.

    Attributes:
        series: columns 3–46 of the record (N,)
        lines: line of the first record (N,)
        array: losses positive (N, 16)
        exact: the price is in high precision and only there (N,)
    """

    series: NDArray[np.bytes_]
    lines: Ints
    strike: Floats
    price: Floats
    exact: Bools
    array: Floats
    delta: Floats
    value_factor: Floats


@dataclass(slots=True)
class RiskArrays:
    """Collects the risk array records of a file; a pair may be split between two blocks."""

    source: SpanContent
    lines: list[int] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    done: list[RawContracts] = field(default_factory=list)

    def add(self, line: int, text: bytes) -> None:
        """Take one record as it comes."""
        self.lines.append(line)
        self.texts.append(text)

    def flush(self, *, last: bool = False) -> None:
        """Turn the records so far into columns; the last one waits for its second half unless the file has ended."""
        count = len(self.texts) - (0 if last else len(self.texts) % 2)
        if last and count % 2:
            self.source.fail(
                self.lines[-1],
                f"the {self.texts[-1][:2].decode()} record has no second record after it: "
                "the file is cut off or damaged; download it again",
            )
        for first, second in SECOND.items():
            chosen = [n for n in range(0, count, 2) if self.texts[n][:2] == first.encode()]
            if chosen:
                self.done.append(self._pairs(ARRAY_RECORDS[first], ARRAY_RECORDS[second], chosen))
        for n in range(0, count, 2):
            if self.texts[n][:2].decode() not in SECOND:
                self.source.fail(
                    self.lines[n],
                    f"a {self.texts[n][:2].decode()} record without its first record before it: the file is damaged; download it again",
                )
        del self.lines[:count], self.texts[:count]

    def result(self) -> RawContracts:
        """All contracts in the order of the file."""
        if not self.done:
            return _no_contracts()
        columns = [np.concatenate(parts) for parts in zip(*self.done)]
        order = np.argsort(columns[1], kind="stable")
        return RawContracts(*(column[order] for column in columns))

    def _pairs(self, first: RecordLayout, second: RecordLayout, chosen: list[int]) -> RawContracts:
        """Contracts whose first records are the chosen ones and whose second records follow at once."""
        lines = np.array([self.lines[n] for n in chosen])
        after = np.array([self.lines[n + 1] for n in chosen])
        one = self._matrix(first, [self.texts[n] for n in chosen], lines)
        two = self._matrix(second, [self.texts[n + 1] for n in chosen], after)
        apart = np.flatnonzero((one[:, NAME] != two[:, NAME]).any(axis=1))
        if len(apart):
            self.source.fail(
                int(after[apart[0]]),
                f"the {second.id} record is of another contract than the {first.id} "
                "record before it: the file is damaged; download it again",
            )
        a, b = _Columns(self.source, first, one, lines), _Columns(self.source, second, two, after)
        array = np.stack(
            [*(a.signed(f"value{n}", f"sign{n}") for n in range(1, 10)), *(b.signed(f"value{n}", f"sign{n}") for n in range(1, 8))], axis=1
        )
        exact = one[:, first.field("exact").start - 1] == ord("Y")
        price = np.where(exact, a.number("exact_price"), b.number("price"))
        price = np.where(b.minus("price_sign"), -price, price)
        strike = np.where(b.minus("strike_sign"), -a.number("strike"), a.number("strike"))
        series = np.ascontiguousarray(one[:, first.field("series").columns]).view("S44")[:, 0]
        return RawContracts(
            series,
            lines,
            strike,
            price,
            exact,
            array,
            b.signed("delta", "delta_sign"),
            b.powered("value_factor", "value_exponent", "value_exponent_sign"),
        )

    def _matrix(self, record: RecordLayout, texts: list[bytes], lines: Ints) -> Bytes:
        """Lines as characters (N, WIDTH), blank beyond their ends."""
        for line, text in zip(lines.tolist(), texts):
            if text[:2].decode("latin-1") != record.id:
                self.source.fail(
                    line,
                    f"a {record.id} record was to follow the record before it, not "
                    f"{text[:2].decode('latin-1')!r}: the file is damaged; download it again",
                )
            if len(text) < record.least:
                self.source.fail(line, too_short(record, text))
        padded = [text.ljust(WIDTH)[:WIDTH] for text in texts]
        return np.frombuffer(b"".join(padded), np.uint8).reshape(len(texts), WIDTH)


class _Columns:
    """Fields of one kind of record as columns."""

    def __init__(self, source: SpanContent, record: RecordLayout, matrix: Bytes, lines: Ints) -> None:
        self._source, self._record, self._matrix, self._lines = source, record, matrix, lines

    def number(self, name: str) -> Floats:
        """A number with its implied decimals, NaN where blank."""
        field = self._record.field(name)
        part = self._matrix[:, field.columns]
        digit = (part >= ZERO) & (part <= NINE)
        runs = digit[:, 0].astype(np.int64) + (digit[:, 1:] & ~digit[:, :-1]).sum(axis=1)
        self._refuse(~(digit | (part == BLANK)).all(axis=1) | (runs > 1), field, "is no number")
        value = np.zeros(len(part), np.int64)
        for column in range(field.length):
            value = np.where(digit[:, column], value * 10 + (part[:, column].astype(np.int64) - ZERO), value)
        return np.where(runs > 0, value / 10**field.decimals, np.nan)

    def minus(self, name: str) -> Bools:
        """Whether a sign is a minus; plus and blank are not."""
        field = self._record.field(name)
        sign = self._matrix[:, field.start - 1]
        self._refuse(~np.isin(sign, (PLUS, MINUS, BLANK)), field, "is no sign")
        return np.asarray(sign == MINUS)

    def signed(self, name: str, sign: str) -> Floats:
        """A number with its sign."""
        value = self.number(name)
        return np.where(self.minus(sign), -value, value) + 0.0  # + 0.0: a printed "0-" is no negative zero

    def powered(self, name: str, exponent: str, sign: str) -> Floats:
        """A number times ten to a signed power, which counts as 0 where blank."""
        power = np.nan_to_num(self.number(exponent))
        return self.number(name) * np.power(10.0, np.where(self.minus(sign), -power, power))

    def _refuse(self, bad: Bools, field: Field, problem: str) -> None:
        if bad.any():
            n = int(np.flatnonzero(bad)[0])
            text = self._matrix[n, field.columns].tobytes().decode("latin-1")
            self._source.fail(int(self._lines[n]), f"{self._record.place(field)} {problem}: {text!r}; download the file again")


def _no_contracts() -> RawContracts:
    none = np.zeros(0)
    return RawContracts(np.zeros(0, "S44"), np.zeros(0, np.int64), none, none, np.zeros(0, np.bool_), np.zeros((0, 16)), none, none)
