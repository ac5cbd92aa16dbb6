"""The distinct rows of a table, found without sorting and without a Python loop over its rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["distinct"]

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: multiplying by it spreads neighbours far apart
FOLD = np.uint64(29)
ROOM = 2  # slots per row, at least: few rows share one by chance
ROUNDS = 32


def distinct(columns: Sequence[NDArray[np.generic]]) -> tuple[Ints, Ints]:
    """Index of the distinct row behind each row, and where each distinct row stands first.

    Rows are the same where all their columns are, bit by bit as floats: NaN equals NaN, and −0 equals 0.

    Parameters
    ----------
    columns: numbers or booleans, each (P,)

    Returns
    -------
    index (P,), numbered in the order in which they first appear, and first rows (K,)
    """
    count = len(columns[0])
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    told = [column for column in columns if not _is_one(column)]  # what is the same everywhere tells nothing apart
    words = [(column.astype(np.float64) + 0.0).view(np.uint64) for column in told]
    mixed = np.full(count, ODD)
    for word in words:
        mixed = (mixed ^ word) * ODD
        mixed ^= mixed >> FOLD
    same = _first_alike(mixed, words)
    leads = same == np.arange(count)
    return (np.cumsum(leads) - 1)[same], np.flatnonzero(leads)


def _is_one(column: NDArray[np.generic]) -> bool:
    """Whether a column holds one value all through, bit by bit."""
    bits = column.view(f"u{column.dtype.itemsize}") if column.flags.c_contiguous else column
    return bool((bits == bits[0]).all())


def _first_alike(mixed: Words, words: list[Words]) -> Ints:
    """The first row that is like each row (P,); rows that fall into one slot by chance are tried again with another."""
    count = len(mixed)
    bits = np.uint64(64 - (2 * ROOM * count - 1).bit_length())
    result, left = np.empty(count, np.int64), np.arange(count)
    slots = np.empty(4 * ROOM * count, np.int64)
    turn = mixed
    for _ in range(ROUNDS):
        slot = (turn >> bits).astype(np.int64)
        slots[slot[::-1]] = left[::-1]  # of rows in one slot the first is written last, and stays
        lead = slots[slot]
        alike = np.ones(len(left), np.bool_)
        for word in words:
            alike &= word[lead] == word[left]
        result[left[alike]] = lead[alike]
        left = left[~alike]
        if not len(left):
            return result
        turn = turn[~alike] * ODD + ODD
        turn ^= turn >> FOLD
    return _one_by_one(result, left, words)


def _one_by_one(result: Ints, left: Ints, words: list[Words]) -> Ints:
    """The rows that no turn has parted, by a dictionary."""
    seen: dict[bytes, int] = {}
    for row in left.tolist():
        result[row] = seen.setdefault(b"".join(word[row].tobytes() for word in words), row)
    return result
