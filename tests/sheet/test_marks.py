"""Marks of options: prices in coin under Price, and prices a tick below intrinsic."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import udfs
from xlmargin.sheet.checks import all_faults

AS_OF = "2026-11-27T08:00:00Z"
MARKET = [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, AS_OF], ["ETH", 2_000.0, None], ["SOL", 150.0, None]]
HEADINGS = ["Underlying", "Type", "Strike", "DTE", "Settlement", "Quantity", "Price", "IV"]
USERS = ("SPAN", "RULES", "DERIBIT_SM", "OKX_SM")


def black(call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """Black-76 without discounting, by the error function."""
    total = vol * math.sqrt(years)
    above = math.log(forward / strike) / total + total / 2.0
    normal = NormalDist().cdf
    value = forward * normal(above) - strike * normal(above - total)
    return value if call else value - forward + strike


def option(price: float, vol: float | None = None, **other: Any) -> list[list[Any]]:
    """A short BTC call at the money with 28 days to go."""
    row = {
        "Underlying": "BTC",
        "Type": "C",
        "Strike": 7e4,
        "DTE": 28.0,
        "Settlement": "inverse",
        "Quantity": -10.0,
        "Price": price,
        "IV": vol,
    }
    return [HEADINGS, [(row | other)[heading] for heading in HEADINGS]]


def in_coin(positions: list[list[Any]], market: Any = MARKET) -> bool:
    """Whether PM_CHECK says that a price is in coin, and every method too."""
    (first, *_) = udfs.PM_CHECK(positions, market)[1:]
    told = "is a price in coin" in first[2]
    assert all(("is a price in coin" in str(udfs.PM_MARGIN(positions, market, method))) == told for method in USERS)
    return told


@pytest.mark.parametrize("vol", [0.3, 0.5, 0.9, None])
@pytest.mark.parametrize("settlement", ["inverse", None])
def test_a_premium_in_coin_is_no_price(vol: float | None, settlement: str | None) -> None:
    """0.0555 coins are 3,885, a vol of 50 %, and near to it under 30 and 90 %; as dollars they have a vol of nearly nil."""
    assert in_coin(option(0.0555, vol, Settlement=settlement))
    assert not in_coin(option(3_885.0, vol, Settlement=settlement))


def test_the_smile_tells_a_premium_in_coin() -> None:
    """Out of the money the number as typed has a vol of its own; the market's vol says which is meant."""
    years = 28.0 / 365.0
    coin = round(black(True, 7e4, 9e4, years, 0.6) / 7e4, 4)
    market = [["Underlying", "Spot", "IV", "As of"], ["BTC", 70_000.0, 0.6, AS_OF]]
    assert in_coin(option(coin, Strike=9e4), market)
    assert not in_coin(option(coin * 7e4, Strike=9e4), market)
    assert in_coin(option(coin, 0.6, Strike=9e4))
    far = round(black(True, 7e4, 10.5e4, years, 0.6) / 7e4, 4)  # of a skew that is far below the market's one vol
    assert in_coin(option(far, Strike=10.5e4), [["Underlying", "Spot", "IV", "As of"], ["BTC", 70_000.0, 0.9, AS_OF]])


@pytest.mark.parametrize(("kind", "strike"), [("P", 63_000.0), ("C", 77_000.0)])
def test_a_premium_in_coin_without_any_vol(kind: str, strike: float) -> None:
    """Ten percent out of the money 0.0254 dollars have a vol of 9 %, which no coin has; 0.0254 coins have one of 60 %."""
    mark = black(kind == "C", 7e4, strike, 28.0 / 365.0, 0.6)
    assert in_coin(option(round(mark / 7e4, 4), Type=kind, Strike=strike))
    assert not in_coin(option(mark, Type=kind, Strike=strike))
    equity = [["Underlying", "Spot", "As of"], ["SPX", 5_800.0, AS_OF]]
    assert not in_coin(option(0.05, Underlying="SPX", Settlement=None, Strike=6_300.0), equity)


@pytest.mark.parametrize(("kind", "strike", "mark", "most"), [("C", 7e4, 3_500.0, "1"), ("P", 14e4, 2.5, "2")])
def test_a_coin_price_above_all_that_an_option_can_be_worth(kind: str, strike: float, mark: float, most: str) -> None:
    """A call is worth at most its coin, a put at most strike / forward of it: dollars under Coin price."""
    positions = [["Underlying", "Type", "Strike", "DTE", "Settlement", "Quantity", "Coin price", "IV"]]
    positions.append(["BTC", kind, strike, 28.0, "inverse", -1.0, mark, 0.6])
    line = f"#PM! row 2: Coin price {mark:,.10g} is above {most}, the most that the option can be worth in coin"
    assert all(str(udfs.PM_MARGIN(positions, MARKET, method)).startswith(line) for method in USERS)


def test_a_coin_price_below_intrinsic_names_its_own_column() -> None:
    """0.4 coins for the right to pay 35,000 for 70,000."""
    positions = [["Underlying", "Type", "Strike", "DTE", "Settlement", "Quantity", "Coin price"]]
    positions.append(["BTC", "C", 35_000.0, 28.0, "inverse", -1.0, 0.4])
    assert udfs.PM_CHECK(positions, MARKET)[1][1:3] == [
        "Coin price",
        "Coin price has no implied vol, price 28000.0 is below its intrinsic value 35000.0",
    ]


def test_deep_in_the_money_and_dear_puts_in_coin() -> None:
    """A put of twice the forward costs a whole coin."""
    put = black(False, 7e4, 14e4, 28.0 / 365.0, 0.8)
    assert in_coin(option(put / 7e4, 0.8, Type="P", Strike=14e4))
    assert in_coin(option(black(True, 7e4, 3e4, 0.5, 0.8) / 7e4, 0.8, Strike=3e4, DTE=182.5))
    assert in_coin(option(1.0, Type="P", Strike=14e4))  # the intrinsic value, which has no vol


def test_a_cheap_option_is_no_premium_in_coin() -> None:
    """A call of three times the spot with three days to go is worth less than a cent, and 0.5 is what somebody would pay."""
    for vol in (0.6, 2.0, None):
        assert not in_coin(option(0.5, vol, Strike=200_000.0, DTE=3.0))
    assert not in_coin(option(0.05, None, Underlying="SOL", Strike=400.0, DTE=3.0, Settlement=None))


def test_ten_thousand_options_at_their_dollar_marks_raise_no_alarm() -> None:
    """Marks rounded to their ticks, both kinds, an hour to two years, strikes from a fifth to five times the spot."""
    random = np.random.default_rng(20261127)
    count, rows = 10_000, []
    for coin, spot, n in (("BTC", 70_000.0, count // 2), ("ETH", 2_000.0, count // 2)):
        days = np.exp(random.uniform(math.log(1.0 / 24.0), math.log(730.0), n))
        spread = 0.6 * np.sqrt(days / 365.0)
        strike = spot * np.exp(np.clip(random.normal(0.0, 1.5, n) * spread, -1.6, 1.6))
        vol = np.exp(random.uniform(math.log(0.2), math.log(2.0), n))
        for t, k, v, call, inverse, known in zip(
            days.tolist(), strike.tolist(), vol.tolist(), *(random.integers(0, 2, (3, n)).astype(bool).tolist()), strict=True
        ):
            value = black(call, spot, k, t / 365.0, v)
            tick = (0.0001 if value / spot <= 0.005 else 0.0005) * spot if inverse else {"BTC": 5.0, "ETH": 0.1}[coin]
            mark = round(value / tick) * tick
            kind, settled = "C" if call else "P", "inverse" if inverse else None
            rows.append([coin, kind, k, t, settled, 1.0, mark, v * random.uniform(0.9, 1.1) if known else None])
    faults, _ = all_faults([HEADINGS, *rows], MARKET)
    assert [fault for fault in faults if fault.column == "Price"] == []
    typed = [[*row[:6], row[6] / MARKET[1 if row[0] == "BTC" else 2][1], row[7]] for row in rows if row[6] > 0.0 and row[7]]
    found, _ = all_faults([HEADINGS, *typed], MARKET)
    assert sum("is a price in coin" in fault.problem for fault in found) > 0.97 * len(typed)


def test_a_mark_a_tick_below_intrinsic_counts_as_intrinsic() -> None:
    """A call of half the spot is worth 35,000: half a coin, of which a tick is 0.0005; another 0.1 of a tick is a fault."""
    deep = {"Strike": 35_000.0, "DTE": 3.0}
    assert udfs.PM_GREEKS(option(34_965.0, **deep), MARKET)[1][3] == pytest.approx(35_000.0, abs=1e-9)
    assert udfs.PM_MARGIN(option(34_965.0, **deep), MARKET) == pytest.approx(udfs.PM_MARGIN(option(35_000.0, **deep), MARKET), rel=1e-12)
    notes = [problem for _, column, problem, _ in udfs.PM_CHECK(option(34_965.0, **deep), MARKET)[1:] if column == "Price"]
    assert notes == ["note: Price 34,965 is less than a tick below the intrinsic value 35,000, which counts"]
    assert "below its intrinsic value" in str(udfs.PM_MARGIN(option(34_961.5, **deep), MARKET))
    linear = {"Settlement": "linear", **deep}
    assert isinstance(udfs.PM_MARGIN(option(34_995.0, **linear), MARKET), float)
    assert "below its intrinsic value" in str(udfs.PM_MARGIN(option(34_994.0, **linear), MARKET))
    assert "below its intrinsic value" in str(udfs.PM_MARGIN(option(49.9, Underlying="SOL", Strike=100.0, Settlement=None), MARKET))


def test_the_market_gives_a_rounded_mark_its_vol() -> None:
    """Where the market has a vol, the scenarios of a mark below intrinsic are those of that vol."""
    market = [["Underlying", "Spot", "IV", "As of"], ["BTC", 70_000.0, 0.6, AS_OF]]
    deep = {"Strike": 60_000.0, "DTE": 90.0}
    assert udfs.PM_MARGIN(option(9_970.0, **deep), market) == pytest.approx(udfs.PM_MARGIN(option(None, **deep), market), rel=1e-12)


def test_marks_in_coin_of_an_inverse_option_may_lie_a_tick_below() -> None:
    """0.4995 coins of a call that is half a coin in the money."""
    row = [
        ["Underlying", "Type", "Strike", "DTE", "Settlement", "Quantity", "Coin price"],
        ["BTC", "C", 35e3, 3.0, "inverse", -1.0, 0.4995],
    ]
    assert udfs.PM_GREEKS(row, MARKET)[1][3] == pytest.approx(35_000.0, abs=1e-9)
    row[1][-1] = 0.4994
    assert "below its intrinsic value" in str(udfs.PM_MARGIN(row, MARKET))
