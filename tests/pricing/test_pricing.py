"""The exact Black-76 prices and greeks, against 50-digit arithmetic, Hull's examples and the laws of options."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlmargin.pricing import black
from xlmargin.pricing.grid import cdf_in_place

MINUTE = 1.0 / (365.0 * 24.0 * 60.0)
FORWARDS = st.floats(1e-3, 1e6)
MONEYNESS = st.floats(0.01, 100.0)
YEARS = st.floats(0.0, 5.0)
VOLS = st.floats(0.0, 5.0)


def exact_price(is_call: bool, forward: float, strike: float, years: float, vol: float) -> mpmath.mpf:
    """The undiscounted Black (1976) formula in 50 digits, or as many more as mpmath asks for when it differentiates."""
    with mpmath.workdps(max(50, mpmath.mp.dps)):
        f, k, s = mpmath.mpf(forward), mpmath.mpf(strike), mpmath.mpf(vol) * mpmath.sqrt(mpmath.mpf(years))
        sign = 1 if is_call else -1
        d1 = mpmath.log(f / k) / s + s / 2

        def cdf(x: mpmath.mpf) -> mpmath.mpf:
            return mpmath.erfc(-x / mpmath.sqrt(2)) / 2

        return sign * (f * cdf(sign * d1) - k * cdf(sign * (d1 - s)))


def extreme_options(count: int) -> dict[str, NDArray[np.float64]]:
    """Out-of-the-money options: K/F 0.01 to 100, a minute to 5 years, vol 1 % to 500 %, up to 21 deviations out."""
    random = np.random.default_rng(1976)
    years = np.exp(random.uniform(np.log(MINUTE), np.log(5.0), count))
    vol = np.exp(random.uniform(np.log(0.01), np.log(5.0), count))
    forward = random.uniform(10.0, 1000.0, count)
    wide = random.uniform(np.log(0.01), np.log(100.0), count)
    near = np.clip(random.uniform(-21.0, 21.0, count) * vol * np.sqrt(years), np.log(0.01), np.log(100.0))
    strike = forward * np.exp(np.where(random.random(count) < 0.7, near, wide))
    return {"is_call": strike > forward, "forward": forward, "strike": strike, "years": years, "vol": vol}


def test_price_matches_fifty_digits_at_extremes() -> None:
    """An out-of-the-money price above 1e-100 F is exact to 1e-10 of itself (the bound of performance.md, 8)."""
    options = extreme_options(1500)
    prices = black.price(**options)
    compared = 0
    for price, is_call, forward, *rest in zip(prices.tolist(), *(c.tolist() for c in options.values()), strict=True):
        exact = exact_price(is_call, forward, *rest)
        if exact > 1e-100 * forward:
            compared += 1
            assert abs(price - exact) <= 1e-10 * exact
    assert compared > 1000


def test_in_the_money_price_is_intrinsic_plus_the_other_side() -> None:
    """In the money the error stays below 1e-15 of the larger of forward and strike (performance.md, 3: 6.8e-16)."""
    options = extreme_options(300)
    options["is_call"] = ~options["is_call"]
    prices = black.price(**options)
    for price, *row in zip(prices.tolist(), *(c.tolist() for c in options.values()), strict=True):
        assert abs(price - exact_price(*row)) <= 1e-15 * max(row[1], row[2])


def test_a_bit_beside_the_money_loses_no_digits() -> None:
    """Where log(F / K) is 1e-9, as after rounding a forward, the price keeps its relative accuracy."""
    price = float(black.price(True, 100.0, 100.0000001, MINUTE, 0.01))
    assert abs(price / exact_price(True, 100.0, 100.0000001, MINUTE, 0.01) - 1) < 1e-12


def test_hull_call_and_put() -> None:
    """Hull, example 15.6: S 42, K 40, r 10 %, vol 20 %, half a year: 4.76 and 0.81 (PRC-01, 4.7594 and 0.8086)."""
    forward = 42.0 * np.exp(0.10 * 0.5)
    call, put = black.price([True, False], forward, 40.0, 0.5, 0.20, 0.10)
    assert call == pytest.approx(4.7594, abs=5e-5)
    assert put == pytest.approx(0.8086, abs=5e-5)


def test_hull_futures_put() -> None:
    """Hull, example 18.7: F 20, K 20, r 9 %, vol 25 %, four months: 1.12 (PRC-02, 1.1166)."""
    assert float(black.price(False, 20.0, 20.0, 4.0 / 12.0, 0.25, 0.09)) == pytest.approx(1.1166, abs=5e-5)


def test_hull_greeks() -> None:
    """Hull, chapter 19: S 49, K 50, r 5 %, vol 20 %, 20 weeks, as greeks to spot (PRC-03).

    With F = S exp(rT): delta to spot is exp(rT) times ours, gamma exp(2rT) times, vega is the same, and theta with spot
    held is ours less r F times our delta, since the forward then falls by r F a year.
    """
    rate, years = 0.05, 0.3846
    growth = np.exp(rate * years)
    terms = (True, 49.0 * growth, 50.0, years, 0.20, rate)
    greeks = black.greeks(*terms)
    assert float(black.price(*terms)) == pytest.approx(2.4005, abs=5e-5)
    assert greeks.delta * growth == pytest.approx(0.5216, abs=5e-5)
    assert greeks.gamma * growth**2 == pytest.approx(0.06555, abs=5e-6)
    assert float(greeks.vega) == pytest.approx(12.105, abs=1e-3)
    assert greeks.theta - rate * 49.0 * growth * greeks.delta == pytest.approx(-4.3054, abs=5e-4)


def test_hull_index_option() -> None:
    """Hull, example 17.1: S 930, K 900, r 8 %, q 3 %, vol 20 %, two months: 51.83 (PRC-04)."""
    years = 2.0 / 12.0
    forward = 930.0 * np.exp((0.08 - 0.03) * years)
    assert float(black.price(True, forward, 900.0, years, 0.20, 0.08)) == pytest.approx(51.83, abs=5e-3)


@pytest.mark.parametrize("is_call", [True, False])
def test_greeks_are_derivatives_of_the_price(is_call: bool) -> None:
    """Delta, gamma, vega and theta are the derivatives of the discounted formula, taken by mpmath in 50 digits."""
    forward, strike, years, vol, rate = 100.0, 110.0, 0.4, 0.6, 0.03
    greeks = black.greeks(is_call, forward, strike, years, vol, rate)

    def value(f: mpmath.mpf, t: mpmath.mpf, v: mpmath.mpf) -> mpmath.mpf:
        return mpmath.exp(-mpmath.mpf(rate) * t) * exact_price(is_call, f, strike, t, v)

    with mpmath.workdps(50):
        expected = {
            "delta": mpmath.diff(lambda f: value(f, years, vol), forward),
            "gamma": mpmath.diff(lambda f: value(f, years, vol), forward, 2),
            "vega": mpmath.diff(lambda v: value(forward, years, v), vol),
            "theta": -mpmath.diff(lambda t: value(forward, t, vol), years),
        }
    for name, derivative in expected.items():
        assert float(getattr(greeks, name)) == pytest.approx(float(derivative), rel=1e-12), name


@pytest.mark.parametrize(("years", "vol"), [(0.0, 0.5), (0.5, 0.0), (0.0, 0.0)])
def test_limits_without_time_or_vol(years: float, vol: float) -> None:
    """Without time or vol a price is the intrinsic value, delta that of the payoff, one half of it at the money."""
    forward = np.array([90.0, 100.0, 110.0])
    assert black.price(True, forward, 100.0, years, vol).tolist() == [0.0, 0.0, 10.0]
    assert black.price(False, forward, 100.0, years, vol).tolist() == [10.0, 0.0, 0.0]
    assert black.black_delta(True, forward, 100.0, years, vol).tolist() == [0.0, 0.5, 1.0]
    assert black.black_delta(False, forward, 100.0, years, vol).tolist() == [-1.0, -0.5, 0.0]
    greeks = black.greeks(True, forward, 100.0, years, vol)
    assert greeks.delta.tolist() == [0.0, 0.5, 1.0]
    assert greeks.gamma.tolist() == [0.0, 0.0, 0.0]
    assert greeks.theta.tolist() == [0.0, 0.0, 0.0]
    assert greeks.vega[[0, 2]].tolist() == [0.0, 0.0]


def test_limits_of_prices() -> None:
    """A forward of 0 makes a put worth its strike, a strike of 0 a call its forward, endless vol a call its forward."""
    assert black.price([True, False], 0.0, 100.0, 1.0, 0.5).tolist() == [0.0, 100.0]
    assert black.price([True, False], 100.0, 0.0, 1.0, 0.5).tolist() == [100.0, 0.0]
    assert black.price([True, False], 100.0, 90.0, 5.0, 1000.0).tolist() == [100.0, 90.0]


def test_vector_equals_scalar() -> None:
    """A column gives bit for bit what each of its rows gives alone, as a 0-d array."""
    options = extreme_options(200)
    rows = list(zip(*options.values(), strict=True))
    for function in (black.price, black.black_delta):
        alone = [function(*row) for row in rows]
        assert all(isinstance(value, np.ndarray) and value.shape == () for value in alone)
        assert function(**options).tolist() == [float(value) for value in alone]
    column = black.greeks(**options, rate=0.05)
    for number, row in enumerate(rows):
        assert [float(g) for g in black.greeks(*row, 0.05)] == [float(g[number]) for g in column]


@given(FORWARDS, MONEYNESS, YEARS, VOLS, st.floats(-0.1, 0.2))
def test_parity_and_bounds(forward: float, moneyness: float, years: float, vol: float, rate: float) -> None:
    """Call less put is the discounted forward less strike, and neither leaves its bounds."""
    strike = forward * moneyness
    call, put = black.price([True, False], forward, strike, years, vol, rate)
    discount = np.exp(-rate * years)
    scale = discount * max(forward, strike)
    assert call - put == pytest.approx(discount * (forward - strike), abs=1e-15 * scale)
    assert discount * max(forward - strike, 0.0) <= call <= discount * forward * (1.0 + 1e-15)
    assert discount * max(strike - forward, 0.0) <= put <= discount * strike * (1.0 + 1e-15)


@given(FORWARDS, MONEYNESS, YEARS, VOLS)
def test_doubling_the_prices_doubles_the_value(forward: float, moneyness: float, years: float, vol: float) -> None:
    """Prices are of the first degree in forward and strike; delta does not depend on their unit."""
    one = black.price(True, forward, forward * moneyness, years, vol)
    two = black.price(True, 2.0 * forward, 2.0 * forward * moneyness, years, vol)
    assert float(two) == pytest.approx(2.0 * float(one), rel=1e-12)


@given(FORWARDS, MONEYNESS, YEARS, VOLS)
def test_delta_of_call_less_put_is_one(forward: float, moneyness: float, years: float, vol: float) -> None:
    """The Black deltas of a call and the put of its strike are one apart."""
    call, put = black.black_delta([True, False], forward, forward * moneyness, years, vol)
    assert call - put == pytest.approx(1.0, abs=1e-15)


def test_tabulated_cdf() -> None:
    """The table is within 3e-15 of the 50-digit cdf, increases, and is exactly 0 and 1 far out and at infinity."""
    x = np.concatenate([np.linspace(-9.0, 9.0, 4001), np.random.default_rng(1).uniform(-9.0, 9.0, 2000)])
    found = x.copy()
    cdf_in_place(found, np.empty_like(x), np.empty_like(x), np.empty(x.shape, dtype=np.int64))
    exact = [float(mpmath.ncdf(value)) for value in x.tolist()]
    assert np.abs(found - exact).max() <= 3e-15
    ends = np.array([-np.inf, -1e300, -8.75, 0.0, 8.75, 1e300, np.inf])
    cdf_in_place(ends, np.empty(7), np.empty(7), np.empty(7, dtype=np.int64))
    assert ends.tolist() == [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]
