"""Net amounts of books in groups of instruments that share some terms, such as contract, expiry or strike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.positions import distinct
from xlmargin.pricing.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Net:
    """Net amounts of A books in G groups, long and short netted inside each group.

    Attributes:
        amount: + long (A, G)
        first: the first instrument of each group, which has its terms (G,)
    """

    amount: Floats
    first: Ints

    @property
    def long(self) -> Floats:
        """Sum over the groups that are long (A,)."""
        return np.asarray(np.maximum(self.amount, 0.0).sum(axis=1), np.float64)

    @property
    def short(self) -> Floats:
        """Sum over the groups that are short, without sign (A,)."""
        return np.asarray(np.maximum(-self.amount, 0.0).sum(axis=1), np.float64)

    @property
    def gross(self) -> Floats:
        """Sum over all groups, long and short alike (A,)."""
        return np.asarray(np.abs(self.amount).sum(axis=1), np.float64)

    @property
    def opposite(self) -> Floats:
        """The smaller of the long and the short groups' sums, the matched amount (A,)."""
        return np.minimum(self.long, self.short)


def net_by(amounts: Floats, terms: Sequence[NDArray[np.generic]]) -> Net:
    """Net the amounts of instruments that share all terms, in the order of the terms, the first term first.

    Args:
        amounts: + long (A, K)
        terms: numbers or booleans of each instrument, NaN equal to NaN, each (K,)
    """
    index, first = distinct(terms)
    order = np.lexsort([column[first] for column in reversed(terms)])
    if len(first) == len(index):  # no two share their terms, as most contracts do: nothing is added
        return Net(amounts[:, first[order]], first[order])
    return Net(sums(amounts, np.argsort(order)[index], len(first)), first[order])


def total_by(group: Ints, amounts: Floats, count: int) -> Floats:
    """Sums of the amounts (N,) that share a group, floats even without amounts (count,)."""
    return np.asarray(np.bincount(group, amounts, count), np.float64)


def sums(amounts: Floats, group: Ints, count: int) -> Floats:
    """Sum over the members of each group (A, G).

    Args:
        amounts: (A, K)
        group: index of the group of each (K,)
        count: number of groups; one without members sums to 0
    """
    cell = np.arange(len(amounts))[:, None] * count + group
    return total_by(cell.ravel(), amounts.ravel(), len(amounts) * count).reshape(len(amounts), count)
