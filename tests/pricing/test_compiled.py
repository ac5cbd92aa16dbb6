"""The compiled kernel, against 50-digit arithmetic and the kernel in numpy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import missing
from hypothesis import given, settings
from hypothesis import strategies as st
from test_grid import BOUND, assert_fifty_digits, largest_error, options, scan

from xlmargin.pricing import grid

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compiled() -> Any:
    """The compiled kernel, where numba is installed."""
    try:
        from xlmargin.pricing import compiled as module
    except ImportError:
        missing("numba is not installed")
    return module


def test_matches_fifty_digits_at_extremes(compiled: Any) -> None:
    """The compiled kernel, far from the money too."""
    assert_fifty_digits(compiled.call_grid)


@pytest.mark.parametrize(("count", "scenarios"), [(0, 16), (3, 0), (1, 1), (3, 16), (1537, 16), (7, 2000)])
@pytest.mark.parametrize("shifted", [False, True])
def test_equals_the_kernel_in_numpy(compiled: Any, count: int, scenarios: int, shifted: bool) -> None:
    """Whatever the shape, with absolute shifts, floors and tenors or without, both kernels agree to 1e-14 of max(F, K)."""
    terms, shocks = options(max(count, 1)), scan(max(scenarios, 1))
    if shifted:
        width = len(shocks["price"])
        shocks["absolute"], shocks["floor"] = np.linspace(-1.0, 1.0, width), np.linspace(-0.1, 0.3, width)
    tenor = np.random.default_rng(2).uniform(0.0, 2.0, count) if shifted else None
    terms, shocks = tuple(column[:count] for column in terms), {name: column[:scenarios] for name, column in shocks.items()}
    found, expected = (kernel(*terms, **shocks, tenor=tenor) for kernel in (compiled.call_grid, grid.call_grid))
    assert found.shape == expected.shape == (count, scenarios)
    if found.size:
        assert largest_error(found, expected, terms, shocks) <= BOUND


def test_limits_are_exactly_intrinsic(compiled: Any) -> None:
    """No time, no vol, a price of 0, deep in and far out: max(F - K, 0) to the last bit."""
    forward, strike = np.array([100.0, 100.0, 100.0, 1e6, 1e-6, 0.0]), np.array([90.0, 110.0, 100.0, 1.0, 1.0, 1.0])
    price = np.array([1.0, 0.0, 0.9, 1.1, 7.0, 1.0 / 3.0])
    intrinsic = np.maximum(forward[:, None] * price - strike[:, None], 0.0)
    still, some = np.zeros(6), np.full(6, 0.5)
    assert (compiled.call_grid(forward, strike, still, some, price, still, still, still) == intrinsic).all()
    assert (compiled.call_grid(forward, strike, some, still, price, still, still, still) == intrinsic).all()
    assert (compiled.call_grid(forward, strike, some, some, price, still - 2.0, still, still) == intrinsic).all()


@settings(max_examples=200)
@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.floats(0.0, 3.0), st.floats(0.0, 10.0), st.floats(0.0, 3.0), st.floats(-2.0, 9.0))
def test_never_below_intrinsic_nor_above_the_forward(
    compiled: Any, forward: float, strike: float, root_years: float, vol: float, price: float, relative: float
) -> None:
    """A call is worth at least max(F - K, 0) and at most F, and what the kernel in numpy says, for any input."""
    columns = [np.array([value]) for value in (forward, strike, root_years, vol, price, relative, 0.0, 0.0)]
    value = compiled.call_grid(*columns).item()
    assert max(forward * price - strike, 0.0) <= value <= forward * price * (1.0 + 1e-14) + 1e-14 * strike
    assert abs(value - grid.call_grid(*columns).item()) <= BOUND * max(forward, forward * price, strike)


def test_it_is_chosen_by_name_or_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLMARGIN_KERNEL decides; where it says nothing, grids of 50 million cells are compiled if numba is there."""
    for word, cells, expected in (("numba", 1, True), ("NumPy", 10**9, False), ("", 49_999_999, False), ("", 50_000_000, True)):
        monkeypatch.setenv("XLMARGIN_KERNEL", word)
        monkeypatch.setattr(grid, "find_spec", lambda name: name)
        assert grid._compiled(cells) is expected
    monkeypatch.setattr(grid, "find_spec", lambda name: None)
    assert grid._compiled(10**9) is False


def test_a_margin_by_either_kernel_is_the_same(compiled: Any) -> None:
    """PM_MARGIN with XLMARGIN_KERNEL=numba is PM_MARGIN, and without it numba is never loaded."""
    code = (
        "import sys, udfs; print(udfs.PM_MARGIN([['Underlying', 'Type', 'Strike', 'DTE', 'Quantity', 'IV', 'Spot'], "
        "['BTC', 'C', 70000.0, 30.0, -1.0, 0.5, 65000.0]]), 'numba' in sys.modules, 'scipy.stats' in sys.modules)"
    )
    answers = []
    for word in ("", "numba"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={"XLMARGIN_KERNEL": word, "PATH": "", "HOME": str(Path.home())},
        )
        answers.append(done.stdout.split())
    assert [answer[1:] for answer in answers] == [["False", "False"], ["True", "False"]]
    assert float(answers[0][0]) == pytest.approx(float(answers[1][0]), abs=1e-13 * 70_000.0)
