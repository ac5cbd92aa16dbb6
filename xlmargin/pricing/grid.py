"""Black-76 call prices of many options under many scenarios: the kernel of the margin path, its normal cdf from a table."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.pricing.arrays import Floats

TILE = 24576  # cells of one tile: few calls, and buffers that stay in the cache
SCENARIOS_PER_TILE = 64
COMPILED_FROM = 50_000_000  # cells: numpy prices about as many while numba is loaded and compiled
SMALLEST = 1e-100  # replaces a total vol of 0: d is then +-infinity in effect, without dividing by 0

NODES_PER_UNIT = 1024
REACH = 8.75  # beyond it the cdf is 0 or 1 to double precision

# Adding this number leaves a float whose last bit is worth 1 / NODES_PER_UNIT: the sum is rounded to the
# nearest node, and the integer behind its bits counts nodes.
_ROUNDER = 1.5 * 2.0**52 / NODES_PER_UNIT
_NODES_BELOW_ZERO = round(REACH * NODES_PER_UNIT)
_FIRST_NODE = int(np.float64(_ROUNDER).view(np.int64)) - _NODES_BELOW_ZERO


class _Options(NamedTuple):
    """Options of one tile, each (k,)."""

    forward: Floats
    strike: Floats
    moneyness: Floats
    root_years: Floats
    vol: Floats
    tenor: Floats | None


class _Scenarios(NamedTuple):
    """Scenarios of one tile, each a column (s, 1)."""

    price: Floats
    log_price: Floats
    growth: Floats
    relative: Floats
    absolute: Floats
    floor: Floats


class _Scratch:
    """Flat buffers from which every tile takes contiguous views of its own shape."""

    def __init__(self, cells: int) -> None:
        self._floats = np.empty((4, 2 * cells))
        self._index = np.empty(2 * cells, dtype=np.int64)

    def cut(self, scenarios: int, options: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Four (2, s, k) views: d1 and d2 stacked, two for the cdf, one for the tile itself."""
        shape = (2, scenarios, options)
        first, second, third, fourth = (row[: 2 * scenarios * options].reshape(shape) for row in self._floats)
        return first, second, third, fourth

    def index(self, scenarios: int, options: int) -> NDArray[np.int64]:
        """A (2, s, k) view of integers."""
        return self._index[: 2 * scenarios * options].reshape(2, scenarios, options)


def call_grid(
    forward: Floats,
    strike: Floats,
    root_years: Floats,
    vol: Floats,
    price: Floats,
    relative: Floats,
    absolute: Floats,
    floor: Floats,
    tenor: Floats | None = None,
) -> Floats:
    """Undiscounted Black-76 call prices of K options under S scenarios.

    The shocked vol is the larger of floor and vol (1 + relative tenor) + absolute tenor, and never below 0.
    No price is below its intrinsic value, which it meets exactly where no time or vol is left.

    Args:
        forward, strike: (K,) [price], positive or 0
        root_years: (K,) square root of the years to expiry [year ** 0.5], positive or 0
        vol: (K,) [per year ** 0.5], positive or 0
        price: (S,) factor on the forward, positive or 0
        relative: (S,) change of vol as a fraction of itself
        absolute: (S,) change of vol in vol
        floor: (S,) lowest shocked vol
        tenor: (K,) weight of the vol changes by expiry; all 1 when left out

    Returns:
        (K, S) [price], C-contiguous, never negative

    Note:
        The error is below 1e-14 of the larger of forward and strike. The environment variable XLMARGIN_KERNEL chooses `numpy` or
        `numba`; where it is neither, numba prices grids that are large enough to pay for compiling it, if it is installed.
    """
    if _compiled(len(forward) * len(price)):
        from xlmargin.pricing import compiled

        return compiled.call_grid(forward, strike, root_years, vol, price, relative, absolute, floor, tenor)
    tiny = 1e-300  # a price of 0 has no logarithm; this one is priced as exactly worthless
    options = _Options(forward, strike, np.log(np.maximum(forward, tiny) / np.maximum(strike, tiny)), root_years, vol, tenor)
    columns = (price, np.log(np.maximum(price, tiny)), 1.0 + relative, relative, absolute, floor)
    scenarios = _Scenarios(*(column[:, None] for column in columns))
    grid = np.empty((len(forward), len(price)))
    height = max(1, min(len(price), SCENARIOS_PER_TILE))
    width = max(1, min(len(forward), TILE // height))
    scratch = _Scratch(height * width)
    for across in _blocks(len(price), height):
        part = _Scenarios(*(column[across] for column in scenarios))
        for along in _blocks(len(forward), width):
            rows = _Options(*(None if row is None else row[along] for row in options))  # type: ignore[arg-type]
            _price_tile(rows, part, scratch, grid[along, across])
    return grid


def _compiled(cells: int) -> bool:
    """Whether the compiled kernel is to be used for so many cells."""
    chosen = os.environ.get("XLMARGIN_KERNEL", "").strip().lower()
    return chosen == "numba" or (chosen != "numpy" and cells >= COMPILED_FROM and find_spec("numba") is not None)


def _blocks(length: int, longest: int) -> Iterator[slice]:
    """Cut a length into as few blocks as possible, as equal as possible."""
    count = -(-length // longest)
    for number in range(count):
        yield slice(length * number // count, length * (number + 1) // count)


def _price_tile(options: _Options, scenarios: _Scenarios, scratch: _Scratch, out: Floats) -> None:
    """Write the call prices of a tile into out, (k, s)."""
    shape = (len(scenarios.price), len(options.forward))
    d, node, offset, spare = scratch.cut(*shape)
    half = spare[0]
    if _separable(options, scenarios):
        _separable_d(options, scenarios, d[0], half)
    else:
        _shocked_d(options, scenarios, d[0], half)
    np.subtract(d[0], half, out=d[1])
    np.add(d[0], half, out=d[0])
    cdf_in_place(d, node, offset, scratch.index(*shape))
    forward, value = spare[0], d[0]
    np.multiply(scenarios.price, options.forward, out=forward)
    np.multiply(d[0], forward, out=d[0])
    np.multiply(d[1], options.strike, out=d[1])
    np.subtract(d[0], d[1], out=value)
    np.subtract(forward, options.strike, out=forward)
    np.maximum(value, forward, out=value)
    np.maximum(value, 0.0, out=value)
    np.copyto(out, value.T)


def _separable(options: _Options, scenarios: _Scenarios) -> bool:
    """Whether every shocked vol of the tile is a number of the option times a number of the scenario."""
    if options.tenor is not None or scenarios.absolute.any():
        return False
    lowest = options.vol.min() * scenarios.growth
    return bool((lowest >= np.maximum(scenarios.floor, 0.0)).all())


def _separable_d(options: _Options, scenarios: _Scenarios, middle: Floats, half: Floats) -> None:
    """Fill (d1 + d2) / 2 and (d1 - d2) / 2 without a division per cell."""
    total = np.maximum(options.vol * options.root_years, SMALLEST)
    growth = np.maximum(scenarios.growth, SMALLEST)
    np.add(options.moneyness, scenarios.log_price, out=middle)
    np.multiply(middle, 1.0 / total, out=middle)
    np.multiply(middle, 1.0 / growth, out=middle)
    np.multiply(0.5 * total, growth, out=half)


def _shocked_d(options: _Options, scenarios: _Scenarios, middle: Floats, half: Floats) -> None:
    """Fill (d1 + d2) / 2 and (d1 - d2) / 2 where the shocked vol is not a plain product."""
    if options.tenor is None:
        np.multiply(options.vol, scenarios.growth, out=half)
        np.add(half, scenarios.absolute, out=half)
    else:
        np.multiply(scenarios.relative, options.tenor, out=half)
        np.add(half, 1.0, out=half)
        np.multiply(half, options.vol, out=half)
        np.multiply(scenarios.absolute, options.tenor, out=middle)
        np.add(half, middle, out=half)
    np.maximum(half, np.maximum(scenarios.floor, 0.0), out=half)
    np.multiply(half, options.root_years, out=half)
    np.maximum(half, SMALLEST, out=half)
    np.add(options.moneyness, scenarios.log_price, out=middle)
    np.divide(middle, half, out=middle)
    np.multiply(half, 0.5, out=half)


@functools.cache
def _table() -> tuple[Floats, Floats]:
    """The cdf and a sixth of the density at every node, the ends exactly 0 and 1 with slope 0."""
    count = _NODES_BELOW_ZERO
    lower = [0.5 * math.erfc(node / NODES_PER_UNIT * math.sqrt(0.5)) for node in range(count, -1, -1)]
    lower[0] = 0.0
    cdf = np.array(lower + [1.0 - value for value in lower[-2::-1]])
    nodes = np.arange(-count, count + 1) / NODES_PER_UNIT
    sixth = np.exp(-0.5 * nodes * nodes) / (6.0 * math.sqrt(2.0 * math.pi))
    sixth[0] = sixth[-1] = 0.0
    return cdf, sixth


def cdf_in_place(x: Floats, node: Floats, offset: Floats, index: NDArray[np.int64]) -> None:
    """Replace x by the normal cdf of x, exactly 0 or 1 beyond 8.75 in size.

    A cubic Taylor series about the nearest of the nodes k / 1024; the error is below 3e-15.

    Args:
        x: any shape; finite or infinite, overwritten by the result
        node, offset, index: scratch of the shape of x, C-contiguous, overwritten
    """
    cdf, sixth = _table()
    np.clip(x, -REACH, REACH, out=x)
    np.add(x, _ROUNDER, out=node)
    np.subtract(node.view(np.int64), _FIRST_NODE, out=index)
    np.subtract(node, _ROUNDER, out=node)
    np.subtract(x, node, out=offset)
    # phi (h - a h^2 / 2 + (a^2 - 1) h^3 / 6) with t = a h is  phi / 6 * h ((t - 3/2)^2 - h^2 + 15/4)
    np.multiply(node, offset, out=node)
    np.subtract(node, 1.5, out=node)
    np.multiply(node, node, out=node)
    np.multiply(offset, offset, out=x)
    np.subtract(node, x, out=node)
    np.add(node, 3.75, out=node)
    np.multiply(node, offset, out=node)
    np.take(sixth, index, out=offset, mode="clip")
    np.multiply(node, offset, out=node)
    np.take(cdf, index, out=x, mode="clip")
    np.add(x, node, out=x)
