"""American options: a slow loop, published tables, official margin numbers, bounds and limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmargin.pricing import american, black
from xlmargin.pricing.implied_vol import Reason

SPOT, RATE, YEARS = 97.73, 0.0525, 55 / 365  # PM-01: IBM on the day of the brochure
BROCHURE = (  # is_call, strike, price, vol that a tree of 200 steps gives it
    (True, 100.0, 1.68, 0.1538),
    (False, 95.0, 1.02, 0.1568),
    (True, 105.0, 0.40, 0.1493),
    (False, 100.0, 3.18, 0.1461),
    (True, 95.0, 4.53, 0.1615),
)
EQUITY_ERROR = 1e-5  # of the spot: the documented error

markets = st.tuples(
    st.booleans(),
    st.floats(50.0, 200.0),
    st.floats(50.0, 200.0),
    st.floats(0.0, 2.0),
    st.floats(0.0, 1.5),
    st.floats(-0.05, 0.12),
    st.floats(-0.05, 0.12),
)


def slow_crr(is_call: bool, spot: float, strike: float, years: float, vol: float, rate: float, carry: float, steps: int) -> float:
    """The textbook tree, one option and one node at a time (Cox, Ross, Rubinstein 1979)."""
    dt = years / steps
    up = math.exp(vol * math.sqrt(dt))
    chance = (math.exp((rate - carry) * dt) - 1.0 / up) / (up - 1.0 / up)
    keep, sign = math.exp(-rate * dt), 1.0 if is_call else -1.0
    values = [max(sign * (spot * up ** (2 * j - steps) - strike), 0.0) for j in range(steps + 1)]
    for step in range(steps - 1, -1, -1):
        for j in range(step + 1):
            hold = keep * (chance * values[j + 1] + (1.0 - chance) * values[j])
            values[j] = max(hold, sign * (spot * up ** (2 * j - step) - strike))
    return values[0]


def european(is_call, spot, strike, years, vol, rate, carry):
    """Black-76 on the forward that the rates imply."""
    return black.price(is_call, spot * np.exp((rate - carry) * years), strike, years, vol, rate)


OPTIONS = (
    (False, 100.0, 100.0, 0.5, 0.3, 0.05, 0.0),
    (False, 100.0, 110.0, 1.0, 0.2, 0.06, 0.02),
    (True, 100.0, 95.0, 0.75, 0.4, 0.03, 0.06),
    (True, 100.0, 120.0, 0.25, 0.8, 0.02, 0.05),
    (False, 100.0, 80.0, 0.1, 0.6, 0.04, -0.02),
)


@pytest.mark.parametrize("option", OPTIONS)
def test_agrees_with_slow_tree_of_200_steps(option):
    """The textbook loop of 200 steps is within its own error, 3e-4 of the spot. Source: `slow_crr` above."""
    assert american.price(*option) == pytest.approx(slow_crr(*option, 200), abs=3e-4 * 100.0)


@pytest.mark.parametrize("option", OPTIONS)
def test_agrees_with_converged_slow_tree(option):
    """The mean of two neighbouring long textbook loops, whose errors alternate. Source: `slow_crr` above."""
    slow = 0.5 * (slow_crr(*option, 1000) + slow_crr(*option, 1001))
    assert american.price(*option) == pytest.approx(slow, abs=5e-5 * 100.0)


def test_published_puts():
    """27 puts on a spot of 40 to four digits.

    Source: binomial values of the table that goes back to R. Geske, H. Johnson, The American put option valued
    analytically, Journal of Finance 39 (1984), table I; the digits quoted from memory.
    """
    published = (
        *(0.0062, 0.2000, 0.4328, 0.8522, 1.5798, 1.9904, 5.0000, 5.0883, 5.2670),
        *(0.0774, 0.6975, 1.2198, 1.3099, 2.4825, 3.1696, 5.0597, 5.7056, 6.2436),
        *(0.2466, 1.3460, 2.1549, 1.7681, 3.3874, 4.3526, 5.2868, 6.5099, 7.3830),
    )
    vol, strike, years = np.meshgrid([0.2, 0.3, 0.4], [35.0, 40.0, 45.0], [0.0833, 0.3333, 0.5833], indexing="ij")
    price = american.price(False, 40.0, strike, years, vol, 0.0488, 0.0)
    np.testing.assert_allclose(price.ravel(), published, atol=EQUITY_ERROR * 40.0 + 5e-5)


def test_published_calls():
    """20 calls on a yield to four digits, strike 100, half a year.

    Source: binomial values of N. Ju, Pricing an American option by approximating its early exercise boundary as a
    multipiece exponential function, Review of Financial Studies 11 (1998), the digits quoted from memory.
    """
    published = {
        (0.2, 0.03, 0.07): (0.2194, 1.3864, 4.7825, 11.0978, 20.0004),
        (0.4, 0.03, 0.07): (2.6889, 5.7223, 10.2385, 16.1812, 23.3598),
        (0.3, 0.00, 0.07): (1.0373, 3.1233, 7.0354, 12.9552, 20.7173),
        (0.3, 0.07, 0.03): (1.6644, 4.4947, 9.2504, 15.7975, 23.7061),
    }
    spot = np.array([80.0, 90.0, 100.0, 110.0, 120.0])
    for (vol, rate, carry), expected in published.items():
        price = american.price(True, spot, 100.0, 0.5, vol, rate, carry)
        np.testing.assert_allclose(price, expected, atol=EQUITY_ERROR * 100.0)


@pytest.mark.parametrize(("is_call", "strike", "quoted", "published"), BROCHURE)
def test_vols_of_the_brochure(is_call, strike, quoted, published):
    """The vols of PM-01: theirs come from 200 plain steps, which move the fourth digit by one or two.

    Source: worked-examples.md PM-01. That the difference is their tree's is shown by the slow loop of 200 steps,
    which gives the quoted price at the published vol to the rounding of that vol.
    """
    vol, reason = american.solve(is_call, quoted, SPOT, strike, YEARS, RATE, 0.0)
    assert reason == Reason.OK
    assert vol == pytest.approx(published, abs=1.6e-4)
    per_digit = 5e-5 * 0.4 * SPOT * math.sqrt(YEARS) * 1.05
    assert slow_crr(is_call, SPOT, strike, YEARS, published, RATE, 0.0, 200) == pytest.approx(quoted, abs=per_digit)


@pytest.mark.parametrize(
    ("is_call", "strike", "quoted", "end", "published", "official"),
    [(True, 100.0, 1.68, 0.15, 115_392, 115_429), (False, 100.0, 3.18, -0.15, 137_495, 137_527)],
)
def test_ten_point_losses_of_the_brochure(is_call, strike, quoted, end, published, official):
    """Short 100 contracts of 100: the worst of ten points, at the end of the range.

    Source: worked-examples.md PM-01, the CRR figure and the official one (portfolio margin brochure 2007), 0.15 %.
    """
    moves = np.array([-0.15, -0.12, -0.09, -0.06, -0.03, 0.03, 0.06, 0.09, 0.12, 0.15])
    vol, _ = american.solve(is_call, quoted, SPOT, strike, YEARS, RATE, 0.0)
    loss = 10_000 * (american.price(is_call, SPOT * (1 + moves), strike, YEARS, vol, RATE, 0.0) - quoted)
    assert moves[np.argmax(loss)] == end
    assert loss.max() == pytest.approx(published, rel=1.5e-3)
    assert loss.max() == pytest.approx(official, rel=1.5e-3)


@given(markets)
def test_bounds(market):
    """Never below intrinsic nor European, never above what no vol reaches. Source: no arbitrage."""
    is_call, spot, strike, years, _, rate, carry = market
    price = float(american.price(*market))
    most = spot * math.exp(max(-carry * years, 0.0)) if is_call else strike * math.exp(max(-rate * years, 0.0))
    rounding = 1e-9 * max(spot, strike)
    assert price >= max(spot - strike if is_call else strike - spot, 0.0)
    assert price >= european(*market) - rounding
    assert price <= most + rounding


@given(markets)
def test_a_call_is_a_put_with_roles_changed(market):
    """C(S, K, r, q) = P(K, S, q, r). Source: McDonald and Schroder, Journal of Computational Finance 1 (1998)."""
    is_call, spot, strike, years, vol, rate, carry = market
    other = american.price(not is_call, strike, spot, years, vol, carry, rate)
    assert american.price(*market) == pytest.approx(other, abs=1e-9 * (spot + strike))


@given(markets)
def test_put_call_bounds(market):
    """S exp(-q T) - K <= C - P <= S - K exp(-r T) for rates and yields not below 0. Source: Hull, chapter 11."""
    _, spot, strike, years, vol, rate, carry = market
    rate, carry = abs(rate), abs(carry)
    call, put = (float(american.price(kind, spot, strike, years, vol, rate, carry)) for kind in (True, False))
    slack = 2e-4 * max(spot, strike)  # twice the documented error of wide markets
    assert spot * math.exp(-carry * years) - strike - slack <= call - put
    assert call - put <= spot - strike * math.exp(-rate * years) + slack


@given(markets)
def test_european_where_waiting_is_best(market):
    """Calls without yield, and every option without rate and yield, are worth Black-76 exactly. Source: Merton 1973."""
    is_call, spot, strike, years, vol, rate, _ = market
    plain = american.price(is_call, spot, strike, years, vol, 0.0, 0.0)
    assert plain == pytest.approx(european(is_call, spot, strike, years, vol, 0.0, 0.0), abs=1e-12 * spot)
    call = american.price(True, spot, strike, years, vol, abs(rate), 0.0)
    assert call == pytest.approx(european(True, spot, strike, years, vol, abs(rate), 0.0), abs=1e-12 * (spot + strike))


@given(markets)
def test_delta_bounds(market):
    """The delta has the sign of its kind and no more size than a share with its yield. Source: no arbitrage."""
    is_call, _, _, years, _, _, carry = market
    size = float(american.greeks(*market).delta) * (1.0 if is_call else -1.0)
    assert -1e-9 <= size <= math.exp(max(-carry * years, 0.0)) + 1e-9


@pytest.mark.parametrize("option", OPTIONS)
def test_delta_is_the_slope_of_the_price(option):
    """The central difference over 2 % of the spot, whose own error is about 1e-4. Source: definition."""
    is_call, spot, *rest = option
    up, down = american.price(is_call, np.array([spot * 1.01, spot * 0.99]), *rest)
    assert american.greeks(*option).delta == pytest.approx((up - down) / (0.02 * spot), abs=1e-3)


GAMMAS = {  # by the spot, from QuantLib 1.44's finite differences of 2,000 times and 4,000 prices
    (False, 36.0, 40.0, 1.0, 0.2, 0.06, 0.0): 0.0867236
}


@pytest.mark.parametrize("option", GAMMAS)
def test_gamma_of_a_fine_grid(option):
    """The first American put of Longstaff and Schwartz, whose spot is near the price of exercise."""
    assert american.greeks(*option).gamma == pytest.approx(GAMMAS[option], rel=5e-4)


@pytest.mark.parametrize("is_call", [True, False])
def test_gamma_has_no_noise(is_call):
    """Along spots a tenth of a percent apart it bends as smoothly as the density that it is. Source: definition."""
    spots = np.arange(95.0, 115.0, 0.1) if not is_call else np.arange(85.0, 105.0, 0.1)
    gamma = american.greeks(is_call, spots, 100.0, 0.5, 0.35, 0.05, 0.04).gamma
    assert np.abs(np.diff(gamma, 2)).max() < 2e-4 * gamma.max()
    assert gamma.min() > 0.0


@pytest.mark.parametrize(
    ("option", "price", "delta"),
    [
        ((True, 110.0, 100.0, 0.0, 0.2, 0.05, 0.02), 10.0, 1.0),
        ((False, 110.0, 100.0, 0.0, 0.2, 0.05, 0.02), 0.0, 0.0),
        ((False, 100.0, 100.0, 0.0, 0.2, 0.05, 0.02), 0.0, -0.5),
        ((False, 90.0, 100.0, 1.0, 0.0, 0.05, 0.0), 10.0, -1.0),
        ((True, 100.0, 90.0, 1.0, 0.0, 0.05, 0.0), 100.0 - 90.0 * math.exp(-0.05), 1.0),
        ((True, 100.0, 90.0, 1.0, 0.0, 0.05, 0.1), 10.0, 1.0),
        ((False, 0.0, 100.0, 1.0, 0.2, 0.05, 0.0), 100.0, -1.0),
        ((True, 100.0, 0.0, 1.0, 0.2, 0.05, 0.0), 100.0, 1.0),
        ((True, 100.0, 0.0, 1.0, 0.2, 0.05, 0.1), 100.0, 1.0),
    ],
)
def test_limits(option, price, delta):
    """Without time, vol or a price that can move, the best moment to exercise is certain. Source: by hand."""
    assert american.price(*option) == pytest.approx(price, abs=1e-12)
    assert american.greeks(*option).delta == pytest.approx(delta, abs=1e-12)


def test_without_vol_the_best_moment_may_lie_between():
    """Waiting until r K exp(-r t) = q S exp(-q t), 12.5 years here, is best. Source: by hand."""
    moment = math.log(0.05 * 110.0 / (0.08 * 100.0)) / (0.05 - 0.08)
    best = 110.0 * math.exp(-0.05 * moment) - 100.0 * math.exp(-0.08 * moment)
    at_expiry = 110.0 * math.exp(-0.05 * 20.0) - 100.0 * math.exp(-0.08 * 20.0)
    assert 0.0 < moment < 20.0
    assert best > max(at_expiry, 10.0)
    assert american.price(False, 100.0, 110.0, 20.0, 0.0, 0.05, 0.08) == pytest.approx(best, abs=1e-12)


def test_small_vols_lead_to_none():
    """The price falls to its limit without vol, also where plain Cox-Ross-Rubinstein has no probabilities."""
    vol = np.array([0.0, 1e-9, 1e-5, 1e-3])
    for carry in (0.0, 0.08):
        price = american.price(False, 100.0, 100.5, 1.0, vol, 0.05, carry)
        assert np.all(np.diff(price) >= -1e-9)
        assert price[1] == pytest.approx(price[0], abs=1e-6)


def test_vectors_equal_scalars():
    """A column is its elements, however they share trees, and shapes broadcast. Source: law."""
    rng = np.random.default_rng(5)
    strike, vol = rng.uniform(60.0, 150.0, (40, 1)), rng.uniform(0.1, 1.0, (40, 1))
    is_call, moves = rng.random((40, 1)) < 0.5, np.linspace(-0.15, 0.15, 9)
    price = american.price(is_call, 100.0 * (1.0 + moves), strike, 0.7, vol, 0.04, 0.03)
    assert price.shape == (40, 9)
    for i, j in ((0, 0), (17, 4), (39, 8)):
        terms = (bool(is_call[i, 0]), 100.0 * (1.0 + moves[j]), strike[i, 0], 0.7, vol[i, 0], 0.04, 0.03)
        assert american.price(*terms) == pytest.approx(price[i, j], abs=1e-7)
        assert american.price(*terms).shape == ()
    assert american.price(True, np.array([]), 1.0, 1.0, 0.2, 0.0, 0.0).shape == (0,)


def test_numbers_that_are_none_stay_none():
    """NaN in, NaN out, and the others of the column unharmed. Source: law."""
    price = american.price(False, 100.0, 100.0, 1.0, np.array([np.nan, 0.2]), 0.05, 0.0)
    assert np.isnan(price[0])
    assert price[1] == american.price(False, 100.0, 100.0, 1.0, 0.2, 0.05, 0.0)


@given(markets)
def test_solve_is_the_inverse_of_price(market):
    """The vol found gives the price back; it is 0 where exercise is due at once. Source: law."""
    is_call, spot, strike, years, vol, rate, carry = market
    years = max(years, 0.01)
    quoted = american.price(is_call, spot, strike, years, vol, rate, carry)
    found, reason = american.solve(is_call, quoted, spot, strike, years, rate, carry)
    assert reason == Reason.OK
    back = american.price(is_call, spot, strike, years, found, rate, carry)
    assert back == pytest.approx(float(quoted), abs=1e-9 * max(spot, strike))
    if quoted == american.price(is_call, spot, strike, years, 0.0, rate, carry):
        assert found == 0.0


@pytest.mark.parametrize(
    ("terms", "reason", "text"),
    [
        (
            (False, 9.0, 90.0, 100.0, 1.0, 0.05, 0.0),
            Reason.BELOW_INTRINSIC,
            "price 9.0 of an American put is below its exercise value 10.0.",
        ),
        (
            (False, 100.0, 90.0, 100.0, 1.0, 0.05, 0.0),
            Reason.AT_OR_ABOVE_BOUND,
            "price 100.0 of an American put must be below its bound 100.0.",
        ),
        (
            (True, 90.0, 90.0, 100.0, 1.0, 0.05, 0.0),
            Reason.AT_OR_ABOVE_BOUND,
            "price 90.0 of an American call must be below its bound 90.0.",
        ),
        (
            (True, 9.0, 90.0, 100.0, 0.0, 0.05, 0.0),
            Reason.BAD_INPUT,
            "there is no time to expiry (years is 0.0), so no vol can be implied.",
        ),
        ((True, 9.0, 90.0, -1.0, 1.0, 0.05, 0.0), Reason.BAD_INPUT, "strike must be positive, not -1.0."),
        ((True, 9.0, 90.0, 9.0, 1.0, 0.05, math.inf), Reason.BAD_INPUT, "yield must be a finite number, not inf."),
    ],
)
def test_solve_says_why_not(terms, reason, text):
    """A price without a vol has a reason, and a sentence for it. Source: the Reason codes of implied_vol."""
    vol, found = american.solve(*terms)
    assert np.isnan(vol)
    assert found == reason
    assert american.reason_text(reason, *terms) == text


def test_price_at_intrinsic_has_no_vol():
    """A put that is worth its intrinsic value is due at once, for which no vol is needed. Source: definition."""
    vol, reason = american.solve(False, 10.0, 90.0, 100.0, 1.0, 0.05, 0.0)
    assert (float(vol), int(reason)) == (0.0, Reason.OK)


def test_greeks_in_a_sheet() -> None:
    """PM_GREEKS values American rows by the tree: without rate and yield they equal the European ones, and a deep put moves
    one for one.
    """
    from udfs import PM_GREEKS

    header = ["Underlying", "Type", "Strike", "DTE", "IV", "Spot", "Quantity", "Exercise"]
    row = ["BTC", "put", 100.0, 60.0, 0.5, 95.0, 1.0]
    european, american = (PM_GREEKS([header, [*row, word]])[1] for word in ("european", "american"))
    assert american[6:] == pytest.approx(european[6:], rel=5e-3)
    market = [["Underlying", "Spot", "Rate"], ["XYZ", 20.0, 0.10]]
    deep = PM_GREEKS([[*header[:5], "Quantity", "Exercise"], ["XYZ", "put", 100.0, 365.0, 0.2, 1.0, "american"]], market)[1]
    assert deep[3] == pytest.approx(80.0)
    assert deep[6] * 20.0 * 2.718281828**0.1 == pytest.approx(-20.0, rel=1e-6)
