"""Prices, greeks and American options on random contracts, against QuantLib.

Known difference: our American prices are a tree's, QuantLib's a finite-difference grid's, so they agree to a ten-thousandth
of the larger of spot and strike (what the tree promises), not to the digit; our American greeks follow from the exercise boundary.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from udfs import PM_IV, PM_PRICE
from xlmargin.pricing import american
from xlmargin.pricing.black import greeks

ql = pytest.importorskip("QuantLib", reason="the peer QuantLib is not installed: pip install '.[peers]'")

TODAY = (27, 11, 2026)
YIELD = 0.04  # of the underlying


def contracts(seed: int, count: int) -> list[tuple[bool, float, float, int, float, float]]:
    """Call or put, spot, strike, days, vol and rate of random options near enough the money to be worth something."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        spot, vol, days = float(random.uniform(20, 90_000)), float(random.uniform(0.1, 1.5)), int(random.integers(2, 700))
        strike = spot * math.exp(float(random.uniform(-1.5, 1.5)) * vol * math.sqrt(days / 365))
        found.append((bool(random.integers(2)), spot, strike, days, vol, float(random.uniform(0.0, 0.12))))
    return found


@pytest.mark.parametrize("contract", contracts(seed=1, count=60))
def test_european_options(contract: tuple[bool, float, float, int, float, float]) -> None:
    """Price, implied vol and greeks of Black-76 to ten digits."""
    call, forward, strike, days, vol, rate = contract
    years = days / 365
    discount, deviation = math.exp(-rate * years), vol * math.sqrt(years)
    theirs = ql.BlackCalculator(ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike), forward, deviation, discount)
    found = PM_PRICE("call" if call else "put", forward, strike, years, vol, rate)
    assert found == pytest.approx(theirs.value(), rel=1e-10, abs=1e-12 * forward)
    assert PM_IV("call" if call else "put", theirs.value(), forward, strike, years, rate) == pytest.approx(vol, rel=1e-7)
    ours = greeks(call, forward, strike, years, vol, rate)
    assert float(ours.delta) == pytest.approx(theirs.deltaForward(), rel=1e-10)
    assert float(ours.gamma) == pytest.approx(theirs.gammaForward(), rel=1e-9)
    assert float(ours.vega) == pytest.approx(theirs.vega(years), rel=1e-10)


@pytest.mark.parametrize("contract", contracts(seed=2, count=25))
def test_american_options(contract: tuple[bool, float, float, int, float, float]) -> None:
    """Worth the same within a ten-thousandth of the larger of spot and strike."""
    call, spot, strike, days, vol, rate = contract
    today = ql.Date(*TODAY)
    ql.Settings.instance().evaluationDate = today
    count, still = ql.Actual365Fixed(), ql.NullCalendar()
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, each, count)) for each in (YIELD, rate)]
    vols = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, still, vol, count))
    process = ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(spot)), *curves, vols)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike)
    option = ql.VanillaOption(payoff, ql.AmericanExercise(today, today + days))
    option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, 400, 800))
    ours = [np.array([each]) for each in (call, spot, strike, days / 365, vol, rate, YIELD)]
    assert float(american.price(*ours)[0]) == pytest.approx(option.NPV(), abs=1e-4 * max(spot, strike))


# kind, days, vol, rate, yield: low and high vols, rates above, at and below the yield, short and long
GRIDS = [
    ("put", 365, 0.20, 0.06, 0.00),
    ("put", 730, 0.15, 0.08, 0.00),
    ("put", 30, 0.60, 0.05, 0.02),
    ("put", 180, 0.40, 0.03, 0.07),
    ("put", 90, 0.25, 0.05, 0.05),
    ("call", 365, 0.20, 0.02, 0.08),
    ("call", 90, 0.90, 0.05, 0.12),
    ("call", 14, 0.35, 0.01, 0.04),
    ("call", 365, 0.30, 0.06, 0.03),
    ("call", 180, 0.50, 0.05, 0.00),
]
SPREAD = (-1.2, -0.7, -0.35, 0.0, 0.35, 0.8, 1.3)  # standard deviations of the spot from the strike of 100
NAMES = ("delta", "gamma", "vega", "theta")


@pytest.mark.parametrize("contract", GRIDS, ids=str)
def test_greeks_of_american_options_over_a_grid_of_spots(contract: tuple[str, int, float, float, float]) -> None:
    """Delta, gamma, vega and theta within 1 % of finite differences, but next to the price of exercise, which their grid blurs."""
    kind, days, vol, rate, carry = contract
    call, years = kind == "call", days / 365
    today = ql.Date(*TODAY)
    ql.Settings.instance().evaluationDate = today
    count, spot, quoted = ql.Actual365Fixed(), ql.SimpleQuote(100.0), ql.SimpleQuote(vol)
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, each, count)) for each in (carry, rate)]
    vols = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(quoted), count))
    process = ql.BlackScholesMertonProcess(ql.QuoteHandle(spot), *curves, vols)
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, 100.0), ql.AmericanExercise(today, today + days)
    )
    option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, 800, 1600))
    theirs = []
    spots = [100.0 * math.exp(each * vol * math.sqrt(years)) for each in SPREAD]
    for each in spots:
        spot.setValue(each)
        quoted.setValue(vol)
        now = option.delta(), option.gamma(), option.theta(), option.NPV()
        sides = []
        for moved in (vol + 0.004, vol - 0.004):
            quoted.setValue(moved)
            sides.append(option.NPV())
        inner = max(each - 100.0, 0.0) if call else max(100.0 - each, 0.0)
        theirs.append((*now[:2], (sides[0] - sides[1]) / 0.008, now[2], now[3] - inner > 0.003 * each))
    ours = american.greeks(call, np.array(spots), 100.0, years, vol, rate, carry)
    columns = np.array(theirs)
    held = columns[:, 4] == 1.0
    assert held.sum() >= 4
    for name, own, column in zip(NAMES, ours, columns.T):
        floor = 2e-4 * np.abs(column).max()
        assert own[held] == pytest.approx(column[held], rel=0.01, abs=floor), name
    assert ours.delta[~held] == pytest.approx(columns[~held, 0], abs=0.02)
