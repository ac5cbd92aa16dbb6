"""RULES: the maximum loss of each strategy that is recognised is what it loses at expiry at the worst of all prices."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from udfs import PM_LINE, PM_MARGIN, PM_PAIRS

HEADER = ["Underlying", "Type", "Strike", "DTE", "Price", "Quantity"]
SPOT, FAR = 100.0, 1_000.0
MARKET = [["Underlying", "Spot"], ["X", SPOT]]
EQUITY = [["profile", "cboe_equity"]]
LOSS = [*EQUITY, ["basis", "maximum_loss"]]
SHARE_RATE = 0.5  # Regulation T, of long stock; short stock needs its price besides
PRICES = np.arange(0.0, FAR + 0.5, 0.5)  # every strike below is one of them
LEG = re.compile(r"([+-][\d.e-]+) (?:X-(\w+)-(\d+)-([CP])|(stock))")
EXPIRIES = {"7DEC26": 10.0, "6JAN27": 40.0}  # ten and forty days from the valuation time of the random books
BOOKS, LEGS = 150, 8


def option(kind: str, strike: float, price: float, quantity: float, days: float = 30.0) -> list[Any]:
    """A row of one option."""
    return ["X", kind, strike, days, price, quantity]


# each structure, a unit of it, and the debit or, of the last, the width: computed by hand
STRUCTURES = {
    "long call": ([option("C", 100, 4, 1)], 4.0),
    "long call of eighteen months": ([option("C", 100, 12, 1, 540)], 12.0),
    "bull call spread": ([option("C", 100, 4, 1), option("C", 110, 1, -1)], 3.0),
    "bear put spread": ([option("P", 100, 4, 1), option("P", 90, 1.5, -1)], 2.5),
    "long straddle": ([option("C", 100, 4, 1), option("P", 100, 3.5, 1)], 7.5),
    "long butterfly": ([option("C", 95, 7, 1), option("C", 100, 4, -2), option("C", 105, 2, 1)], 1.0),
    "butterfly of unequal wings": ([option("C", 95, 7, 1), option("C", 100, 4, -2), option("C", 110, 1.5, 1)], 5.0),
    "its wing narrower than the debit": ([option("C", 95, 7, 1), option("C", 100, 3, -2), option("C", 105.5, 2, 1)], 3.0),
    "long calendar": ([option("C", 100, 4, -1), option("C", 100, 7, 1, 90)], 3.0),
    "protective put": ([["X", "stock", None, None, None, 1.0], option("P", 95, 2, 1)], 100 + 2 - 95.0),
    "collar": ([["X", "stock", None, None, None, 1.0], option("P", 95, 2, 1), option("C", 105, 1.5, -1)], 100 + 2 - 1.5 - 95),
    "ratio spread": ([option("C", 100, 4, 1), option("C", 110, 1, -2)], 3.0 + (1.0 + 0.2 * 100 - 10)),
    "long box": (
        [option("C", 95, 7, 1), option("P", 95, 2, -1), option("C", 105, 2, -1), option("P", 105, 7.2, 1)],
        7 - 2 - 2 + 7.2 - 10.0,
    ),
    "short put spread": ([option("P", 100, 4, -1), option("P", 90, 1.5, 1)], 10.0),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures_by_hand(name: str) -> None:
    """A debit structure can lose its debit; premiums neither add to nor lower a width, which is what the manual prints (REG-28)."""
    rows, expected = STRUCTURES[name]
    assert PM_MARGIN([HEADER, *rows], MARKET, "RULES", LOSS) == pytest.approx(expected, rel=1e-12)
    assert PM_LINE([HEADER, *rows], "Maximum loss", MARKET, "RULES", EQUITY) == pytest.approx(expected, rel=1e-12)


def test_coins_are_collateral() -> None:
    """In the profile crypto a coin is held fully paid and loses nothing here: a put on it costs its premium, a call sold nothing."""
    coin = ["X", "spot", None, None, None, 1.0]
    for rows, expected in (([coin], 0.0), ([coin, option("P", 95, 2, 1)], 2.0), ([coin, option("C", 105, 1.5, -1)], 0.0)):
        assert PM_MARGIN([HEADER, *rows], MARKET, "RULES", [["basis", "maximum_loss"]]) == pytest.approx(expected)


def book(random: np.random.Generator) -> list[list[Any]]:
    """Options of two expiries at prices with some time value, and sometimes stock."""
    rows = []
    for _ in range(random.integers(1, LEGS + 1)):
        kind, strike, days = str(random.choice(["C", "P"])), float(random.integers(14, 26) * 5), float(random.choice([10.0, 40.0]))
        inside = max(SPOT - strike if kind == "C" else strike - SPOT, 0.0)
        price = round(inside + 5.0 * days / 40.0 * 0.5 ** (abs(strike - SPOT) / 10.0), 3)
        rows.append(option(kind, strike, price, float(random.choice([-3, -2, -1, 1, 2, 3])), days))
    if random.random() < 0.5:
        rows.append(["X", "stock", None, None, None, float(random.choice([-2, 2]))])
    return rows


def lost(legs: list[tuple[float, str, float, float]]) -> float:
    """What legs lose at the worst price, premiums left out, or their debit; infinite where the loss still grows at the highest price.

    Args:
        legs: ratio, kind, strike and price of each
    """
    value = np.zeros(len(PRICES))
    for ratio, kind, strike, _ in legs:
        value += ratio * (PRICES if kind == "stock" else np.maximum(PRICES - strike if kind == "C" else strike - PRICES, 0.0))
    if value[-1] < value[-2] - 1e-9:
        return np.inf
    cost = sum(ratio * price for ratio, _, _, price in legs)
    return max(0.0, -float(value.min()), cost - max(float(value.min()), 0.0))


@pytest.mark.parametrize("seed", range(BOOKS))
def test_every_strategy_against_all_prices(seed: int) -> None:
    """Each row of PM_PAIRS against the payoffs of its own legs; without an end to the loss it is the requirement."""
    rows = book(np.random.default_rng(seed))
    price = {(kind, strike, days): price for _, kind, strike, days, price, _ in rows}
    as_of = [["Underlying", "Spot", "As of"], ["X", SPOT, "2026-11-27"]]
    head, *found = PM_PAIRS([HEADER, *rows], as_of, EQUITY)
    for row in (dict(zip(head, each)) for each in found):
        legs = [
            (float(ratio), *(("stock", 0.0, SPOT) if share else (kind, float(strike), price[kind, float(strike), EXPIRIES[expiry]])))
            for ratio, expiry, strike, kind, share in LEG.findall(row["Legs"])
        ]
        stock = sum(ratio for ratio, kind, _, _ in legs if kind == "stock")
        expected = lost(legs)
        if stock and np.isfinite(expected):
            options = sum(ratio * each for ratio, kind, _, each in legs if kind != "stock")
            expected = min(expected, SPOT * (SHARE_RATE if stock > 0 else 1.0 + SHARE_RATE) + max(options, 0.0))
        if row["Strategy"] in ("Short put", "Long stock", "Short stock") or not np.isfinite(expected):
            expected = min(expected, row["Requirement"] / row["Units"])
        assert row["Maximum loss"] == pytest.approx(expected * row["Units"], rel=1e-9, abs=1e-9), row
    assert PM_MARGIN([HEADER, *rows], as_of, "RULES", LOSS) == pytest.approx(sum(row[-1] for row in found), rel=1e-9, abs=1e-9)
