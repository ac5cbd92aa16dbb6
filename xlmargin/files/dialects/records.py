"""Text as records of cells: strict quotes, and the delimiter by which the lines of a file are alike."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.errors import MarginError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
QUOTE, EQUALS = ord('"'), ord("=")
FIRST = 200_000  # characters by which the delimiter is chosen
MOST_TITLES = 100  # lines that are not blank, among which the header is looked for
LONGEST_CELL = 131_072  # characters, as in the csv module
_SEPARATOR = re.compile(r'("?)sep=(.)\1[,;|\t ]*(\r\n?|\n|$)', re.I)
_BREAK = re.compile(rb"\r\n?|\n")


def width_of(cells: Sequence[str]) -> int:
    """Number of cells up to the last that holds something."""
    return next((n for n in range(len(cells), 0, -1) if cells[n - 1].strip()), 0)


class TextRecord(NamedTuple):
    """The cells of a record, and the line of the file on which it begins."""

    line: int
    cells: list[str]

    @property
    def blank(self) -> bool:
        """Whether no cell holds anything."""
        return not any(map(str.strip, self.cells))

    @property
    def width(self) -> int:
        """Number of cells up to the last that holds something."""
        return width_of(self.cells)


class Separator(NamedTuple):
    """A first line `sep=;`: the delimiter it names, and its length; "" and 0 where there is none."""

    delimiter: str
    length: int


def separator(text: str, name: str) -> Separator:
    """The line by which Excel is told the delimiter.

    Raises:
        MarginError: it names none that a table is divided by
    """
    match = _SEPARATOR.match(text)
    if not match:
        return Separator("", 0)
    if match[2] not in DELIMITERS:
        raise MarginError(f"{name} line 1: sep={match[2]} names no delimiter: it must be a comma, a semicolon, a tab or |")
    return Separator(match[2], match.end())


class Misquoted(NamedTuple):
    """A quote that stands where none may: its offset, and the fault with its mend."""

    at: int
    problem: str


def misquoted(data: NDArray[np.uint8], delimiter: str, whole: bool = True) -> Misquoted | None:
    """The first quote of a text that neither begins nor ends a cell, nor is doubled within a quoted one; None where all are sound.

    Args:
        data: the text in UTF-8
        delimiter: between cells
        whole: whether the text ends here, or goes on
    """
    at = np.flatnonzero(data == QUOTE)
    if not len(at):
        return None
    edge = np.zeros(256, np.bool_)
    edge[[ord(delimiter), ord("\n"), ord("\r")]] = True
    opening, closing = at[0::2], at[1::2]
    before = data[np.maximum(opening - 1, 0)]
    first = (opening == 0) | edge[before]
    first[1:] |= opening[1:] == closing[: len(opening) - 1] + 1  # doubled: what closes and opens again
    _excuse_equals(data, opening, closing, edge, first)
    last = np.ones(len(closing), np.bool_)
    inside = closing + 1 < len(data)
    last[inside] = edge[data[closing[inside] + 1]] | (data[closing[inside] + 1] == QUOTE)
    wrong = [*opening[~first][:1].tolist(), *(closing[~last][:1] + 1).tolist()]
    if wrong and min(wrong) in closing + 1:
        return Misquoted(min(wrong), "there is text after a closing quote: double the quotes within a cell, or close the one before")
    if wrong:
        return Misquoted(
            min(wrong), "a quote stands within a cell that does not begin with one: quote the whole cell, and double the quotes in it"
        )
    if whole and len(opening) > len(closing):
        return Misquoted(int(opening[-1]), "a quote is never closed: close it, or remove it")
    return None


def _excuse_equals(
    data: NDArray[np.uint8], opening: NDArray[np.intp], closing: NDArray[np.intp], edge: NDArray[np.bool_], first: NDArray[np.bool_]
) -> None:
    """Accept `="007"`, by which spreadsheets keep a text, where nothing within its quotes divides cells."""
    for n in np.flatnonzero(~first & (data[np.maximum(opening - 1, 0)] == EQUALS) & (opening > 0)).tolist():
        start = int(opening[n]) - 1
        if (start == 0 or edge[data[start - 1]]) and n < len(closing) and not edge[data[opening[n] : closing[n]]].any():
            first[n] = True


def broken(data: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """The spans between quotes that run over the end of a line, in a text whose quotes are sound."""
    at, ends = np.flatnonzero(data == QUOTE), np.flatnonzero((data == ord("\n")) | (data == ord("\r")))
    closing = at[1::2]
    opening = at[0::2][: len(closing)]
    over = np.searchsorted(ends, opening) != np.searchsorted(ends, closing)
    return list(zip(opening[over].tolist(), closing[over].tolist()))


def breaks_in(data: bytes) -> int:
    """Number of line ends of a text."""
    return len(_BREAK.findall(data)) if b"\r" in data else data.count(b"\n")


def offset_of(text: str, line: int) -> int:
    """Where a line begins, counted from 1, in characters."""
    return next(islice(re.finditer("\r\n?|\n", text), line - 2, None)).end() if line > 1 else 0


def whole_rows(text: str) -> str:
    """The beginning of a text down to the last line end that is not between quotes."""
    end = len(text)
    while (end := max(text.rfind("\n", 0, end), text.rfind("\r", 0, end))) >= 0 and text.count('"', 0, end) % 2:
        pass
    return text[: end + 1] or text


def records(text: str, delimiter: str, name: str, line: int = 1) -> list[TextRecord]:
    """Every record of a text.

    Args:
        text: without its `sep=` line
        delimiter: between cells
        name: of the file in messages
        line: number of the first line

    Raises:
        MarginError: a quote stands where none may, or a cell is too long
    """
    data = text.encode()
    if fault := misquoted(np.frombuffer(data, np.uint8), delimiter):
        raise MarginError(f"{name} line {line + breaks_in(data[: fault.at])}: {fault.problem}")
    return _split(text, delimiter, name, line)


def _split(text: str, delimiter: str, name: str, line: int) -> list[TextRecord]:
    reader, found, before = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), list[TextRecord](), 0
    try:
        for cells in reader:
            found.append(TextRecord(line + before, cells))
            before = reader.line_num
    except csv.Error:
        raise MarginError(
            f"{name} line {line + before}: a cell has more than {LONGEST_CELL:,} characters: a quote may be missing or too many"
        ) from None
    return found


def chosen_delimiter(text: str, name: str, is_header: Callable[[Sequence[str]], bool]) -> str:
    """The delimiter of a text: the one by which it has a header that is looked for, else by which its lines are most alike.

    Args:
        text: without its `sep=` line
        name: of the file in messages
        is_header: whether a record holds a heading that is looked for

    Raises:
        MarginError: two delimiters divide the lines equally well
    """
    start = text if len(text) <= FIRST else whole_rows(text[:FIRST])
    scores: dict[str, tuple[bool, float]] = {}
    for delimiter in DELIMITERS:
        if delimiter in start and (score := _score(start, delimiter, name, is_header)):
            scores[delimiter] = score
    best = [delimiter for delimiter, score in scores.items() if score == max(scores.values())]
    if len(best) > 1:
        one, other = best[:2]
        raise MarginError(
            f"{name} can be divided by {DELIMITERS[one]} or by {DELIMITERS[other]}: say which by a first line sep={one} or sep={other}"
        )
    return best[0] if best else ","


def _score(text: str, delimiter: str, name: str, is_header: Callable[[Sequence[str]], bool]) -> tuple[bool, float] | None:
    """Whether a delimiter gives a header, and the share of lines that are as wide as the first; None where it divides nothing."""
    filled = [record for record in _split(text, delimiter, name, 1) if not record.blank]
    header = next((n for n, record in enumerate(filled[:MOST_TITLES]) if is_header(record.cells)), None)
    table = filled[header or 0 :]
    if not table or len(table[0].cells) < 2:
        return None
    alike = sum(len(record.cells) == len(table[0].cells) for record in table)
    return header is not None, alike / len(table)
