"""The kernel of the margin path, against 50-digit arithmetic and the exact prices of the cells."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlmargin.pricing import black, grid
from xlmargin.pricing.grid import call_grid

Floats = NDArray[np.float64]
BOUND = 1e-14  # of max(F, K): performance.md, goal 8
FACTORS = st.floats(0.0, 3.0)


def options(count: int, seed: int = 16) -> tuple[Floats, Floats, Floats, Floats]:
    """Forward, strike, root of years and vol: K/F 0.01 to 100, a minute to 5 years, vol 1 % to 500 %."""
    random = np.random.default_rng(seed)
    years = np.exp(random.uniform(np.log(1.0 / 525_600.0), np.log(5.0), count))
    vol = np.exp(random.uniform(np.log(0.01), np.log(5.0), count))
    forward = random.uniform(10.0, 1000.0, count)
    near = random.normal(0.0, 3.0, count) * vol * np.sqrt(years)
    wide = random.uniform(np.log(0.01), np.log(100.0), count)
    strike = forward * np.exp(np.where(random.random(count) < 0.7, np.clip(near, np.log(0.01), np.log(100.0)), wide))
    return forward, strike, np.sqrt(years), vol


def scan(count: int, seed: int = 5) -> dict[str, Floats]:
    """Scenarios without an absolute shift or a floor, the first of them without a shock."""
    random = np.random.default_rng(seed)
    price, relative = random.uniform(0.5, 1.5, count), random.uniform(-0.5, 0.5, count)
    price[0], relative[0] = 1.0, 0.0
    return {"price": price, "relative": relative, "absolute": np.zeros(count), "floor": np.zeros(count)}


def by_cells(terms: tuple[Floats, ...], shocks: dict[str, Floats], tenor: Floats | None = None) -> Floats:
    """The same prices by the exact function of the cells."""
    forward, strike, root_years, vol = (column[:, None] for column in terms)
    weight = np.ones_like(forward) if tenor is None else tenor[:, None]
    shocked = vol * (1.0 + shocks["relative"] * weight) + shocks["absolute"] * weight
    shocked = np.maximum(np.maximum(shocked, shocks["floor"]), 0.0)
    return black.price(True, forward * shocks["price"], strike, root_years**2, shocked)


def largest_error(found: Floats, expected: Floats, terms: tuple[Floats, ...], shocks: dict[str, Floats]) -> float:
    """The largest difference over the larger of shocked forward and strike."""
    scale = np.maximum(terms[0][:, None] * np.maximum(shocks["price"], 1.0), terms[1][:, None])
    return float((np.abs(found - expected) / scale).max())


def assert_fifty_digits(call: Callable[..., NDArray[np.float64]]) -> None:
    """Every cell is within 1e-14 of max(F, K) of Black's formula in 50 digits."""
    terms, shocks = options(120), scan(6)
    found = call(*terms, **shocks)
    for row, forward, strike, root_years, vol in zip(found.tolist(), *(c.tolist() for c in terms), strict=True):
        for value, factor, relative in zip(row, shocks["price"].tolist(), shocks["relative"].tolist(), strict=True):
            with mpmath.workdps(50):
                f, s = mpmath.mpf(forward) * factor, mpmath.mpf(vol) * (1 + mpmath.mpf(relative)) * root_years
                d1 = mpmath.log(f / strike) / s + s / 2
                exact = f * mpmath.ncdf(d1) - strike * mpmath.ncdf(d1 - s)
                assert abs(value - exact) <= BOUND * max(forward, f, strike)


def test_matches_fifty_digits_at_extremes() -> None:
    """The kernel in NumPy, far from the money too."""
    assert_fifty_digits(call_grid)


@pytest.mark.parametrize(("count", "scenarios"), [(1, 1), (3, 16), (1537, 16), (400, 93), (7, 2000)])
def test_every_shape_of_tile(count: int, scenarios: int) -> None:
    """Whatever the numbers of options and scenarios, each cell is that of its option and scenario."""
    terms, shocks = options(count), scan(scenarios)
    found = call_grid(*terms, **shocks)
    assert found.shape == (count, scenarios)
    assert found.flags.c_contiguous
    assert found.dtype == np.float64
    assert largest_error(found, by_cells(terms, shocks), terms, shocks) <= BOUND


@pytest.mark.parametrize("has_tenor", [False, True])
def test_absolute_shifts_floors_and_tenors(has_tenor: bool) -> None:
    """The shocked vol is max(floor, vol (1 + relative tenor) + absolute tenor), and never below 0."""
    terms, shocks = options(500), scan(16)
    shocks["absolute"] = np.linspace(-1.0, 1.0, 16)
    shocks["floor"] = np.linspace(0.0, 0.3, 16)
    tenor = np.random.default_rng(2).uniform(0.0, 2.0, 500) if has_tenor else None
    found = call_grid(*terms, **shocks, tenor=tenor)
    assert largest_error(found, by_cells(terms, shocks, tenor), terms, shocks) <= BOUND


def test_tenor_of_one_changes_nothing_but_rounding() -> None:
    """Tenor weights of 1 are what a missing tenor means."""
    terms, shocks = options(500), scan(16)
    with_weights = call_grid(*terms, **shocks, tenor=np.ones(500))
    assert largest_error(with_weights, call_grid(*terms, **shocks), terms, shocks) <= BOUND


def test_limits_are_exactly_intrinsic() -> None:
    """No time, no vol, a price of 0, a vol shocked away, deep in and far out: max(F - K, 0) to the last bit."""
    forward = np.array([100.0, 100.0, 100.0, 1e6, 1e-6, 0.0])
    strike = np.array([90.0, 110.0, 100.0, 1.0, 1.0, 1.0])
    price = np.array([1.0, 0.0, 0.9, 1.1, 7.0, 1.0 / 3.0])
    intrinsic = np.maximum(forward[:, None] * price - strike[:, None], 0.0)
    still, some = np.zeros(6), np.full(6, 0.5)
    assert (call_grid(forward, strike, still, some, price, still, still, still) == intrinsic).all()
    assert (call_grid(forward, strike, some, still, price, still, still, still) == intrinsic).all()
    assert (call_grid(forward, strike, some, some, price, still - 1.0, still, still) == intrinsic).all()
    assert (call_grid(forward, strike, some, some, price, still - 2.0, still, still) == intrinsic).all()
    assert (call_grid(forward, strike, some, some, price, still, still - 1.0, still) == intrinsic).all()
    far = call_grid(forward[3:], strike[3:], some[3:], some[3:], price[[0, 3, 4]], *(still[:3],) * 3)
    assert (far == intrinsic[3:][:, [0, 3, 4]]).all()


def test_no_options_or_no_scenarios() -> None:
    """A book without options, or a scan without scenarios, is an empty grid."""
    shocks = scan(16)
    assert call_grid(*(column[:0] for column in options(1)), **shocks).shape == (0, 16)
    assert call_grid(*options(3), **{name: column[:0] for name, column in shocks.items()}).shape == (3, 0)


def test_order_of_options_and_scenarios_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reordering options or scenarios reorders the grid, and the size of a tile changes no bit of it."""
    terms, shocks = options(300), scan(40)
    found = call_grid(*terms, **shocks)
    back = {name: column[::-1].copy() for name, column in shocks.items()}
    assert (call_grid(*(column[::-1].copy() for column in terms), **back)[::-1, ::-1] == found).all()
    monkeypatch.setattr(grid, "TILE", 128)
    monkeypatch.setattr(grid, "SCENARIOS_PER_TILE", 7)
    assert (call_grid(*terms, **shocks) == found).all()


def test_threads_do_not_share_scratch() -> None:
    """Grids computed at the same time are those computed one after the other."""
    books = [(options(2000, seed), scan(16, seed)) for seed in range(8)]
    alone = [call_grid(*terms, **shocks) for terms, shocks in books]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda book: call_grid(*book[0], **book[1]), books))
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.floats(0.0, 3.0), st.floats(0.0, 10.0), FACTORS, st.floats(-2.0, 9.0))
def test_never_below_intrinsic_nor_above_the_forward(
    forward: float, strike: float, root_years: float, vol: float, price: float, relative: float
) -> None:
    """A call is worth at least max(F - K, 0) and at most F, for any input, without a warning."""
    columns = [np.array([value]) for value in (forward, strike, root_years, vol, price, relative, 0.0, 0.0)]
    value = call_grid(*columns).item()
    assert max(forward * price - strike, 0.0) <= value <= forward * price * (1.0 + 1e-14) + 1e-14 * strike
