"""The distinct rows of a table, found without a Python loop over its rows, and means over distinct values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlmargin.pricing.arrays import Floats, Ints

Words = NDArray[np.uint64]

ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: multiplying by it spreads neighbours far apart
FOLD = np.uint64(29)
ROOM = 2  # slots per row, at least: not many rows share one by chance
ROUNDS = 32


def distinct(columns: Sequence[NDArray[np.generic]]) -> tuple[Ints, Ints]:
    """Index of the distinct row behind each row, and where each distinct row stands first.

    Rows are the same where all their columns are, bit by bit as floats: NaN equals NaN, and −0 equals 0.

    Args:
        columns: numbers or booleans, each (P,)

    Returns:
        index (P,), numbered in the order in which they first appear, and first rows (K,)
    """
    count = len(columns[0])
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    with np.errstate(over="ignore"):  # words of 64 bits turn over, which is what mixes them
        return _numbered(_first_alike(*_mixed(columns)))


def mean_of_distinct(group: Ints, values: Floats, count: int) -> tuple[Floats, Ints]:
    """Mean of the distinct values of each group: no order of the values changes it, and no value that comes twice.

    Args:
        group: of each value, from 0 (N,)
        values: NaN says nothing (N,)
        count: of groups

    Returns:
        means, NaN of a group without a value, and how many distinct values each group has, (count,) both
    """
    told = np.flatnonzero(np.isfinite(values))
    order = told[np.lexsort((values[told], group[told]))]
    of, value = group[order], values[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(of) != 0) | (value[1:] != value[:-1])
    number = np.bincount(of[new], minlength=count)
    total = np.asarray(np.bincount(of[new], value[new], count), np.float64)
    return np.divide(total, number, out=np.full(count, np.nan), where=number > 0), number.astype(np.int64)


def _mixed(columns: Sequence[NDArray[np.generic]]) -> tuple[Words, list[Words]]:
    """One word for each row that is the same for rows that are the same (P,), and the columns that differ as words."""
    told = [column for column in columns if not _is_one(column)]  # what is the same everywhere tells nothing apart
    words = [np.add(column, 0.0, dtype=np.float64).view(np.uint64) for column in told]
    turned = np.empty(len(columns[0]), np.uint64)
    mixed, factor = np.full(len(columns[0]), ODD), int(ODD)
    for word in words:
        mixed += np.multiply(word, np.uint64(factor), out=turned)
        factor = (factor * int(ODD) + 2) % 2**64
    mixed ^= mixed >> FOLD
    mixed *= ODD
    return mixed, words


def _numbered(same: Ints) -> tuple[Ints, Ints]:
    """Numbers in the order of first appearance (P,), and the first rows (K,), of the first row that each row is like."""
    leads = same == np.arange(len(same))
    return (np.cumsum(leads) - 1)[same], np.flatnonzero(leads)


def _is_one(column: NDArray[np.generic]) -> bool:
    """Whether a column holds one value all through, bit by bit."""
    bits = column.view(f"u{column.dtype.itemsize}") if column.flags.c_contiguous else column
    return bool((bits == bits[0]).all())


def _first_alike(mixed: Words, words: list[Words]) -> Ints:
    """The first row that is like each row (P,); rows that fall into one slot by chance are tried again with another."""
    count = len(mixed)
    width = (ROOM * count - 1).bit_length()
    bits = np.uint64(64 - width)
    result, left = np.empty(count, np.int64), np.arange(count)
    slots = np.empty(1 << width, np.int32 if count < 2**31 else np.int64)
    turn = mixed
    for _ in range(ROUNDS):
        slot = (turn >> bits).astype(np.int64)
        slots[slot[::-1]] = left[::-1]  # of rows in one slot the first is written last, and stays
        lead = slots[slot]
        alike = np.ones(len(left), np.bool_)
        for word in words:
            alike &= word[lead] == (word if len(left) == count else word[left])
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
