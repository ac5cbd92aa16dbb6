"""Accounts margined one by one, where the rows of one would change the margin of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xlmargin.book.book import Book
from xlmargin.margin.statement import TOTAL, Line, weakest_of
from xlmargin.margin.valuation import Margin
from xlmargin.pricing.arrays import Ints
from xlmargin.scenarios.blocks import picked


def some_rows(book: Book, at: Ints) -> Book:
    """A book of some of the rows alone; its instruments are in the order in which the rows name them."""
    kept, first, where = np.unique(book.instrument[at], return_index=True, return_inverse=True)
    order = np.argsort(first)
    held = picked(book.instruments, kept[order])
    used, underlying = np.unique(held.underlying, return_inverse=True)
    labels, account = np.unique(book.account[at], return_inverse=True)
    held = replace(held, underlyings=tuple(held.underlyings[u] for u in used), underlying=underlying)
    rows = set(book.row[at].tolist())
    return Book(
        held,
        book.quantity[at],
        np.argsort(order)[where],
        tuple(book.accounts[a] for a in labels) or ("",),
        account,
        book.row[at],
        book.order[at],
        book.entry[at],
        [book.names[p] for p in at.tolist()],
        book.as_of,
        tuple(fault for fault in book.unpriced if fault.row in rows),
    )


def by_account(book: Book) -> list[Book]:
    """The book of each account alone (A,); that of an account without rows is empty."""
    return [replace(some_rows(book, np.flatnonzero(book.account == a)), accounts=(name,)) for a, name in enumerate(book.accounts)]


def together(margins: Sequence[Margin]) -> Margin:
    """The margins of accounts as one margin over all of them.

    Args:
        margins: each of one account (A,)
    """
    return Margin(
        _line([each.initial for each in margins]),
        _line([each.maintenance for each in margins]),
        lambda: _lines([each.more() for each in margins]),
        _line([each.option_value for each in margins]),
    )


def _lines(each: Sequence[Sequence[Line]]) -> tuple[Line, ...]:
    """Lines joined by their labels; an account without such a line has no part in it."""
    labels = dict.fromkeys(line.label for lines in each for line in lines)
    return tuple(
        _line(
            [
                next((line for line in lines if line.label == label), Line(label, np.zeros(1), TOTAL, lambda _: (), below=""))
                for lines in each
            ]
        )
        for label in labels
    )


def _line(each: Sequence[Line]) -> Line:
    """One line for all accounts from their parts; where their rules differ, from each account's own line."""
    first, value = each[0], np.array([line.amount for line in each])
    if all((line.rule, line.detail, line.status, line.source) == (first.rule, first.detail, first.status, first.source) for line in each):
        return replace(first, value=value, parts=lambda a: each[a].book(0).parts(0), shared=False, below=weakest_of(each))
    return Line(first.label, value, TOTAL, lambda a: (each[a].book(0),), below=weakest_of(each))
