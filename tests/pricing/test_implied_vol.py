"""Implied vols: the way back from a price, its limits, and the texts of prices that have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlmargin.errors import MarginError
from xlmargin.pricing import black
from xlmargin.pricing.implied_vol import Reason, implied_vol, reason_text, solve


def out_of_the_money(count: int, deviations: float, vols: tuple[float, float]) -> dict[str, NDArray[Any]]:
    """Options an hour to five years long, up to so many deviations from the forward."""
    random = np.random.default_rng(2015)
    years = np.exp(random.uniform(np.log(1.0 / 8760.0), np.log(5.0), count))
    vol = np.exp(random.uniform(np.log(vols[0]), np.log(vols[1]), count))
    forward = random.uniform(10.0, 1e5, count)
    moneyness = np.clip(random.uniform(-deviations, deviations, count) * vol * np.sqrt(years), -4.6, 4.6)
    strike = forward * np.exp(moneyness)
    return {"is_call": strike > forward, "forward": forward, "strike": strike, "years": years, "vol": vol}


def round_trip(options: dict[str, NDArray[Any]], rate: float) -> NDArray[np.float64]:
    """The relative error of the vol that is implied by the price of each option."""
    price = black.price(**options, rate=rate)
    terms = {name: column for name, column in options.items() if name != "vol"}
    return np.abs(implied_vol(price=price, rate=rate, **terms) / options["vol"] - 1.0)


@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_round_trip_of_market_quotes(rate: float) -> None:
    """Out-of-the-money quotes within three deviations give their vol back to 1e-12 (performance.md, goal 6)."""
    assert round_trip(out_of_the_money(20_000, 3.0, (0.1, 3.0)), rate).max() <= 1e-12


def test_round_trip_of_extremes() -> None:
    """Up to 30 deviations out, at vols from 1 % to 500 %, the vol comes back to 1e-11, as far as prices tell it."""
    options = out_of_the_money(20_000, 30.0, (0.01, 5.0))
    assert black.price(**options).min() < 1e-150
    assert round_trip(options, 0.0).max() <= 1e-11


def test_a_high_price_close_to_its_bound() -> None:
    """A price 1e-9 below the forward still gives a vol that prices it again to the last bits."""
    price = 100.0 * (1.0 - 1e-9)
    vol = implied_vol(True, price, 100.0, 300.0, 2.0)
    assert float(black.price(True, 100.0, 300.0, 2.0, vol)) == pytest.approx(price, rel=1e-15)


def test_hull_currency_option() -> None:
    """Hull, example 17.2: S 1.60, K 1.60, r 8 %, foreign 11 %, four months, 4.3 cents: 14.1 % (PRC-05, 14.11 %)."""
    years = 4.0 / 12.0
    forward = 1.60 * np.exp((0.08 - 0.11) * years)
    assert float(implied_vol(True, 0.043, forward, 1.60, years, 0.08)) == pytest.approx(0.1411, abs=5e-5)


def test_a_price_equal_to_intrinsic_has_no_vol() -> None:
    """At the intrinsic value the vol is 0, also where discounting rounds that value, and at a price of 0."""
    assert float(implied_vol(True, 10.0, 110.0, 100.0, 1.0)) == 0.0
    assert float(implied_vol(False, 0.0, 110.0, 100.0, 1.0)) == 0.0
    strikes = np.linspace(50.0, 149.0, 100)
    intrinsic = black.price(True, 150.0, strikes, 0.7, 0.0, 0.03)
    assert (implied_vol(True, intrinsic, 150.0, strikes, 0.7, 0.03) == 0.0).all()


def test_vector_equals_scalar() -> None:
    """A column gives bit for bit what each of its rows gives alone, and scalars give a 0-d array."""
    options = out_of_the_money(200, 5.0, (0.05, 3.0))
    terms = [options[name] for name in ("forward", "strike", "years")]
    price = black.price(**options)
    column = implied_vol(options["is_call"], price, *terms)
    alone = [implied_vol(*row) for row in zip(options["is_call"], price, *terms, strict=True)]
    assert all(isinstance(vol, np.ndarray) and vol.shape == () for vol in alone)
    assert column.tolist() == [float(vol) for vol in alone]


def test_in_the_money_equals_out_of_the_money() -> None:
    """The vol of an in-the-money price is that of the other side, within what the time value still tells."""
    call = implied_vol(True, black.price(True, 100.0, 90.0, 0.5, 0.6), 100.0, 90.0, 0.5)
    put = implied_vol(False, black.price(False, 100.0, 90.0, 0.5, 0.6), 100.0, 90.0, 0.5)
    assert float(call) == pytest.approx(float(put), rel=1e-13)


BAD = [
    ((True, 1.0, 12.0, 10.0, 1.0), Reason.BELOW_INTRINSIC, "price 1.0 is below its intrinsic value 2.0."),
    ((True, 100.0, 100.0, 90.0, 1.0), Reason.AT_OR_ABOVE_BOUND, "price 100.0 of a call must be below the discounted forward 100.0."),
    ((False, 91.0, 100.0, 90.0, 1.0), Reason.AT_OR_ABOVE_BOUND, "price 91.0 of a put must be below the discounted strike 90.0."),
    ((True, 5.0, 100.0, 90.0, 0.0), Reason.BAD_INPUT, "there is no time to expiry (years is 0.0), so no vol can be implied."),
    ((True, 5.0, 0.0, 90.0, 1.0), Reason.BAD_INPUT, "forward must be positive, not 0.0."),
    ((True, 5.0, 90.0, -1.0, 1.0), Reason.BAD_INPUT, "strike must be positive, not -1.0."),
    ((True, np.nan, 90.0, 90.0, 1.0), Reason.BAD_INPUT, "price must be a finite number, not nan."),
    ((True, 5.0, 90.0, 90.0, np.inf), Reason.BAD_INPUT, "years must be a finite number, not inf."),
]


@pytest.mark.parametrize(("terms", "reason", "text"), BAD)
def test_a_price_without_a_vol_says_why(terms: tuple[Any, ...], reason: Reason, text: str) -> None:
    """A scalar without an implied vol raises a sentence; the lower function gives its reason and NaN."""
    with pytest.raises(MarginError) as error:
        implied_vol(*terms)
    assert str(error.value) == text
    vol, found = solve(*terms)
    assert np.isnan(vol)
    assert Reason(int(found)) is reason
    assert reason_text(reason, *terms, 0.0) == text


def test_a_column_names_the_first_bad_element() -> None:
    """One bad price does not lose the vols of the others; the raising form names the element."""
    prices = np.array([[5.0, 6.0], [0.5, np.nan]])
    vol, reason = solve(True, prices, 101.0, 100.0, 1.0)
    assert reason.tolist() == [[0, 0], [1, 3]]
    assert np.isfinite(vol).tolist() == [[True, True], [False, False]]
    with pytest.raises(MarginError) as error:
        implied_vol(True, prices, 101.0, 100.0, 1.0)
    assert str(error.value) == "element 3: price 0.5 is below its intrinsic value 1.0."


@given(
    st.booleans(),
    st.floats(1e-3, 1e6),
    st.floats(0.01, 100.0),
    st.floats(1e-6, 5.0),
    st.floats(1e-12, 1.0, exclude_max=True),
    st.floats(-0.05, 0.1),
)
def test_the_implied_vol_gives_the_price_back(
    is_call: bool, forward: float, moneyness: float, years: float, share: float, rate: float
) -> None:
    """Any price between its bounds is met by its vol to rounding, and a dearer option has no lower vol."""
    strike, discount = forward * moneyness, np.exp(-rate * years)
    intrinsic = max(forward - strike if is_call else strike - forward, 0.0)
    bound = forward if is_call else strike
    prices = discount * (intrinsic + np.array([share, 0.999 * share]) * (bound - intrinsic))
    (vol, lower), reason = solve(is_call, prices, forward, strike, years, rate)
    assume(not reason.any())
    again = float(black.price(is_call, forward, strike, years, vol, rate))
    assert again == pytest.approx(prices[0], abs=4e-15 * discount * max(forward, strike))
    assert lower <= vol
