"""Isolated: the sum over rows of a venue's standard margin, each row as if it were an account of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xlmargin.book import Book
from xlmargin.case import Case, Margin
from xlmargin.methods import case_of, margin_of, rules_of
from xlmargin.standard import sums
from xlmargin.statement import TOTAL, Line, given, total

__all__ = ["NEEDS_VOL", "requirement"]

NEEDS_VOL = False


def requirement(case: Case) -> Margin:
    """The venue's margin of every row alone: rows of one contract are not netted, long against short neither.

    Returns
    -------
    requirement + required

    Raises
    ------
    MarginError: an option has no mark
    """
    book = case.book
    venue = rules_of(case.rules.word("venue"), book.as_of)
    if not len(book.quantity):
        nothing = given("No positions", 0.0, "the book is flat")
        return Margin(total("Initial margin", (nothing,)), total("Maintenance margin", (nothing,)), lambda: (), nothing)
    alone = replace(book, accounts=tuple(f"row {row}" for row in book.row), account=np.arange(len(book.quantity)))
    margin = margin_of(case_of(alone, venue))
    initial, maintenance, value = (_summed(book, line, venue.meta.title) for line in (
        margin.initial, margin.maintenance, margin.option_value))
    return Margin(initial, maintenance, lambda: (value,), value)


def _summed(book: Book, line: Line, title: str) -> Line:
    """A line of every row as one of every account."""
    def rows(a: int) -> tuple[Line, ...]:
        mine = np.flatnonzero((book.account == a) & ~book.order).tolist()
        return tuple(replace(line.book(p), label=f"Row {book.row[p]}: {book.names[p]}") for p in mine)

    value = sums(book.account, np.broadcast_to(line.value, len(book.quantity)), len(book.accounts))
    return Line(line.label, value, TOTAL, rows, f"{title} of each row alone")
