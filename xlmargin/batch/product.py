"""Accounts × instruments by instruments × scenarios: sparse products, and an exact worst loss that screens first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.pricing.arrays import Floats, Ints

Singles = NDArray[np.float32]

BLOCK = 1_000_000  # numbers of a block of accounts × scenarios
BITS = 16
DIGIT = (1 << BITS) - 1
RANK = 50  # of the screen: where candidates and products together cost least on two underlyings
SEED = 9
HALF_UNIT = 2.0**-24  # of single precision
CROWD = 0.02  # share of the scenarios above which candidates are not worth being picked one by one


class Worst(NamedTuple):
    """The worst scenario of each account: its loss, at least 0, and its number (A,)."""

    loss: Floats
    scenario: Ints


def order_of(key: Ints) -> Ints:
    """The stable order of whole numbers from 0 on, sixteen bits at a time, which takes no comparisons (N,)."""
    order = np.argsort((key & DIGIT).astype(np.uint16), kind="stable")
    for shift in range(BITS, int(key.max(initial=0)).bit_length(), BITS):
        digit = ((key[order] >> shift) & DIGIT).astype(np.uint16)
        order = order[np.argsort(digit, kind="stable")]
    return order


def sparse(account: Ints, instrument: Ints, units: Floats, shape: tuple[int, int]) -> Any:
    """Units per account and instrument as a sparse matrix (A, K); rows of one instrument are adjacent and add up.

    Args:
        account: ascending (N,)
        instrument: of each position (N,)
        units: signed (N,)

    Returns:
        CSR matrix, its pointers from the order of the accounts
    """
    from scipy.sparse import csr_array

    return csr_array((units, instrument, np.searchsorted(account, np.arange(shape[0] + 1))), shape=shape)


def _accounts(units: Any, here: slice) -> Any:
    """Consecutive accounts of a CSR matrix, not copied."""
    pointers = units.indptr[here.start : here.stop + 1]
    held = slice(pointers[0], pointers[-1])
    return type(units)((units.data[held], units.indices[held], pointers - pointers[0]), shape=(here.stop - here.start, units.shape[1]))


def worst_loss(units: Any, array: Floats) -> Worst:
    """The worst scenario of every account by the whole product, in blocks of bounded size.

    Args:
        units: net units of accounts in instruments, CSR (A, K)
        array: profit and loss per unit (K, S)
    """
    count = units.shape[0]
    loss, scenario = np.zeros(count), np.zeros(count, np.int64)
    step = max(1, BLOCK // max(array.shape[1], 1))
    for start in range(0, count if array.shape[1] else 0, step):
        here = slice(start, min(start + step, count))
        pnl = _accounts(units, here) @ array
        scenario[here] = pnl.argmin(axis=1)
        loss[here] = np.maximum(-pnl[np.arange(pnl.shape[0]), scenario[here]], 0.0)
    return Worst(loss, scenario)


class LossScreen:
    """A risk array that finds worst losses exactly without the whole product.

    A product of low rank in single precision comes within a proven bound of every profit and loss; only the scenarios
    that may be the worst one within twice that bound are summed up in double precision.

    Attributes:
        array: profit and loss per unit (K, S)

    Source: Halko, Martinsson, Tropp, Finding structure with randomness, 2011, algorithm 4.4.
    """

    def __init__(self, array: Floats, rank: int = RANK) -> None:
        self.array = array
        wide = min(rank, *array.shape)
        sample = array @ np.random.default_rng(SEED).standard_normal((array.shape[1], wide))
        basis = np.linalg.qr(array @ (array.T @ sample))[0]
        self.left: Floats = basis
        self.right: Singles = (basis.T @ array).astype(np.float32)
        self.residual: Floats = _residual(array, basis, self.right)
        self.reach: Floats = np.abs(self.right).max(axis=1).astype(np.float64)
        # rounding of the single-precision operand, of each product and of their sum
        self.rounding = (wide + 2) * HALF_UNIT / (1.0 - (wide + 2) * HALF_UNIT)

    def worst_loss(self, units: Any) -> Worst:
        """The worst scenario of every account, CSR (A, K), as exact as the whole product."""
        count = units.shape[0]
        loss, scenario = np.zeros(count), np.zeros(count, np.int64)
        step = max(1, BLOCK // self.array.shape[1])
        for start in range(0, count, step):
            here = slice(start, min(start + step, count))
            loss[here], scenario[here] = self._block(_accounts(units, here))
        return Worst(loss, scenario)

    def _block(self, units: Any) -> Worst:
        close = units @ self.left
        bound = np.abs(units) @ self.residual + self.rounding * (np.abs(close) @ self.reach)
        near = close.astype(np.float32) @ self.right
        limit = near.min(axis=1).astype(np.float64) + 2.0 * bound
        found = np.flatnonzero(near <= np.nextafter(limit.astype(np.float32), np.float32(np.inf))[:, None])
        if len(found) > CROWD * near.size:
            return worst_loss(units, self.array)
        account, scenario = np.divmod(found, near.shape[1])
        pnl = _picked(units, self.array, account, scenario)
        order = np.lexsort((scenario, pnl, account))
        first = order[np.searchsorted(account[order], np.arange(units.shape[0]))]
        return Worst(np.maximum(-pnl[first], 0.0), scenario[first])


def _residual(array: Floats, left: Floats, right: Singles) -> Floats:
    """Largest distance of each instrument's row from the product that replaces it (K,)."""
    result = np.empty(len(array))
    step = max(1, BLOCK // array.shape[1])
    whole = right.astype(np.float64)
    for start in range(0, len(array), step):
        here = slice(start, start + step)
        result[here] = np.abs(array[here] - left[here] @ whole).max(axis=1, initial=0.0)
    return result


def _picked(units: Any, array: Floats, account: Ints, scenario: Ints) -> Floats:
    """Profit and loss of chosen accounts in chosen scenarios, in double precision (N,)."""
    lengths = np.diff(units.indptr)[account]
    ends = np.cumsum(lengths)
    starts = ends - lengths
    at = np.repeat(units.indptr[account] - starts, lengths) + np.arange(ends[-1] if len(ends) else 0)
    parts = units.data[at] * array[units.indices[at], np.repeat(scenario, lengths)]
    result = np.zeros(len(account))
    held = lengths > 0
    result[held] = np.add.reduceat(parts, starts[held]) if len(parts) else 0.0
    return result
