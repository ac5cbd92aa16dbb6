"""The closing line of an answer about a book: what it rests on, and what was left out of it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import show_instant
from xlmargin.errors import Fault
from xlmargin.files.books import cell_of
from xlmargin.files.ranges import Ranges
from xlmargin.methods import method_name, method_named
from xlmargin.sheet.checks import OTHER_VOL, all_faults
from xlmargin.sheet.ranges.remembered import gives_time, read_book

LEFT_OUT = re.compile(r"(.*\S) (?:is|are) left out$")  # how a reader's note on rows that it leaves out ends
MOST_COINS = 12  # whose spots stand in the line
MOST_DOUBTS = 10  # notes on cells that are printed one by one


@dataclass(frozen=True, slots=True)
class Basis:
    """What an answer about a book rests on.

    Attributes:
        file: name of the book's file
        rows, accounts: how many there are
        as_of: valuation time, seconds since 1970 UTC
        now: whether that is the machine's clock, since the market gives none
        spots: the distinct spots of each underlying, ascending [account currency]
        left_out: what of the file does not count, in words
        notes: notes on cells, which do not stop a calculation
    """

    file: str
    rows: int
    accounts: int
    as_of: float
    now: bool
    spots: dict[str, list[float]]
    left_out: tuple[str, ...]
    notes: tuple[Fault, ...]

    def doubts(self, ranges: Ranges) -> list[str]:
        """The notes on cells that may be wrong, each with its cell: those on vols that the market gives are not among them.

        Args:
            ranges: those of the book
        """
        doubts = [note for note in self.notes if note.fix != OTHER_VOL]
        told = [
            f"{cell_of(ranges, note.place if note.where else note.row, note.column) or note.place}: {note.problem}: {note.fix}"
            for note in doubts
        ]
        return told if len(told) <= MOST_DOUBTS else [*told[:MOST_DOUBTS], f"and {_count(len(told) - MOST_DOUBTS, 'note')} like these"]

    @property
    def keys(self) -> dict[str, Any]:
        """The same for machines; a spot is a list where rows differ in it."""
        return {
            "rows": self.rows,
            "accounts": self.accounts,
            "valuation_time": dt.datetime.fromtimestamp(self.as_of, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "spots": {name: each[0] if len(each) == 1 else each for name, each in self.spots.items()},
            "left_out": list(self.left_out),
            "notes": [note.line for note in self.notes],
        }

    @property
    def line(self) -> str:
        """The same in one line."""
        time = f"valued {show_instant(self.as_of)}" + " (now, since the market gives no As of)" * self.now
        spots = [
            f"{name} {' to '.join(f'{spot:,.10g}' for spot in dict.fromkeys((each[0], each[-1])))}" for name, each in self.spots.items()
        ]
        if len(spots) > MOST_COINS:
            spots[MOST_COINS:] = [f"and {len(spots) - MOST_COINS:,} more underlyings"]
        parts = [f"{self.file}: {', '.join([_count(self.rows, 'row'), _count(self.accounts, 'account'), time, *spots])}"]
        if self.left_out:
            parts.append(f"left out: {', '.join(self.left_out)}")
        if self.notes:
            parts.append(f"{_count(len(self.notes), 'note')}: xlmargin check {self.file}")
        return "; ".join(parts)


def basis(path: Path, ranges: Ranges, method: str = "") -> Basis:
    """What an answer about a book without a fault rests on.

    Args:
        path: the book's file
        ranges: its ranges
        method: the method of the answer, one of the known ones; "" of an answer without one
    """
    book = read_book(ranges.positions, ranges.market, priced=False)
    _, notes = all_faults(ranges.positions, ranges.market)
    orders = 0 if method and method_named(method_name(method)).margins_orders else int(book.order.sum())
    told = [match[1] for note in ranges.notes if (match := LEFT_OUT.match(note))]
    return Basis(
        file=path.name,
        rows=len(book.row),
        accounts=len(book.accounts),
        as_of=book.as_of,
        now=not gives_time(ranges.market),
        spots=_spots(book),
        left_out=(*([_count(orders, "open order")] if orders else []), *told),
        notes=tuple(note for note in notes if note.column != "Order"),
    )


def _spots(book: Book) -> dict[str, list[float]]:
    """The distinct spots of each underlying."""
    held = book.instruments
    return {name: np.unique(held.spot[held.underlying == u]).tolist() for u, name in enumerate(held.underlyings)}


def faulty_line(path: Path, faults: int) -> str:
    """The closing line of a book that has faults."""
    return f"{path.name}: {_count(faults, 'fault')}; no number comes of it before {'it is' if faults == 1 else 'they are'} mended"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
