"""Prices, greeks and American options on random contracts, against QuantLib.

Known difference: our American options are a tree's, QuantLib's a finite-difference grid's, so they agree to a ten-thousandth
of the larger of spot and strike (what the tree promises), not to the digit.
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
    """Worth the same within a ten-thousandth of the larger of spot and strike, with the same delta, and gamma within 1.5 %."""
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
    delta, gamma = (float(each[0]) for each in american.slopes(*ours))
    assert delta == pytest.approx(option.delta(), abs=2e-3)
    assert gamma == pytest.approx(option.gamma(), rel=0.015, abs=2e-3 / spot)
