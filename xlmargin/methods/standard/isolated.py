"""Isolated: the sum over positions of a venue's standard margin, each as if it were an account of its own."""

from __future__ import annotations

from xlmargin import methods
from xlmargin.book.book import Book
from xlmargin.margin.parameters import Rules
from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods import case_of, margin_of, rules_of

NEEDS_VOL = False


def apart(book: Book, rules: Rules) -> bool:
    """As the venue that it stands for."""
    return methods.apart(book, rules_of(rules.word("venue"), book.as_of))


def requirement(case: Case) -> Margin:
    """The venue's standard margin of every position alone; rows of one contract and account are one position.

    Returns:
        requirement + required

    Raises:
        MarginError: an option has no mark
    """
    venue = rules_of(case.rules.word("venue"), case.book.as_of)
    return margin_of(case_of(case.book, venue))
