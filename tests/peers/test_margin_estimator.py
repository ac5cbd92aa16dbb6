"""Random positions under RULES against margin-estimator, where both follow the Cboe Margin Manual.

Known differences, left out of the books or told by the line that is compared: margin-estimator rounds a share's requirement to
cents; it takes 90 days for the nine months of a long option; it pairs the first fit, not the cheapest, and multiplies a strangle
by its quantity twice; of a spread it prints the requirement after the premiums, which is our Cash call.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from udfs import PM_LINE

peer = pytest.importorskip("margin_estimator.margin", reason="the peer margin-estimator is not installed: pip install '.[peers]'")
models = pytest.importorskip("margin_estimator.models", reason="the peer margin-estimator is not installed")

HEADER = ["Underlying", "Type", "Strike", "DTE", "Price", "Quantity", "Multiplier"]
CLASSES = {"cboe_equity": None, "cboe_narrow": models.ETFType.NARROW, "cboe_broad": models.ETFType.BROAD}
SPOT = 100.0
CENTS_OF_A_CONTRACT = 0.5 + 1e-9  # half a cent a share, of 100 shares

Leg = tuple[str, float, float, int, int]  # right, strike, price, quantity, days


def both(legs: list[Leg], profile: str, leverage: float = 1.0, shares: int = 0, line: str = "Requirement") -> tuple[float, float]:
    """Our line of the statement, and what the peer requires of a margin account."""
    rows: list[list[Any]] = [["X", kind, strike, days, price, quantity, 100] for kind, strike, price, quantity, days in legs]
    theirs = [
        models.Option(
            expiration=date.today() + timedelta(days=days),
            price=Decimal(str(price)),
            quantity=quantity,
            strike=Decimal(str(strike)),
            type=models.OptionType(kind),
        )
        for kind, strike, price, quantity, days in legs
    ]
    if shares:
        rows.append(["X", "stock", None, None, None, shares, 1])
        theirs.append(models.Shares(price=Decimal(str(SPOT)), quantity=shares))
    underlying = models.Underlying(price=Decimal(str(SPOT)), etf_type=CLASSES[profile], leverage_factor=Decimal(str(leverage)))
    found = PM_LINE([HEADER, *rows], line, [["Underlying", "Spot"], ["X", SPOT]], "RULES", [["profile", profile], ["leverage", leverage]])
    return found, float(peer.calculate_margin(theirs, underlying).margin_requirement)


def price(random: np.random.Generator) -> float:
    """A price in cents."""
    return round(float(random.uniform(0.05, 12.0)), 2)


@pytest.mark.parametrize("seed", range(30))
def test_short_options(seed: int) -> None:
    """An uncovered short of any class and leverage: its premium and the formula."""
    random = np.random.default_rng(seed)
    kind, strike, quantity = str(random.choice(["C", "P"])), float(random.integers(60, 141)), -int(random.integers(1, 9))
    profile, leverage = str(random.choice(list(CLASSES))), float(random.choice([1.0, 1.5, 2.0]))
    ours, theirs = both([(kind, strike, price(random), quantity, 30)], profile, leverage)
    assert ours == pytest.approx(theirs, abs=CENTS_OF_A_CONTRACT * -quantity)


@pytest.mark.parametrize("seed", range(20))
def test_strangles(seed: int) -> None:
    """One short call with one short put: the larger side and the other one's premium."""
    random = np.random.default_rng(100 + seed)
    legs: list[Leg] = [(kind, float(random.integers(60, 141)), price(random), -1, 30) for kind in ("C", "P")]
    ours, theirs = both(legs, str(random.choice(list(CLASSES))))
    assert ours == pytest.approx(theirs, abs=CENTS_OF_A_CONTRACT)


@pytest.mark.parametrize("seed", range(30))
def test_spreads(seed: int) -> None:
    """Verticals and iron condors of up to five points, of one expiry or with the long options later."""
    random = np.random.default_rng(200 + seed)
    quantity, sides = int(random.integers(1, 6)), ["C", "P"] if random.integers(2) else [str(random.choice(["C", "P"]))]
    later, legs = int(random.choice([0, 30])), []
    for kind in sides:
        near, width = float(random.integers(85, 116)), float(random.integers(1, 6))
        short, long = sorted((near, near + width), reverse=kind == "P")
        legs += [(kind, short, price(random), -quantity, 30), (kind, long, price(random), quantity, 30 + later)]
    ours, theirs = both(legs, str(random.choice(list(CLASSES))), line="Cash call")
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("shares", [100, 350, -100, -50])
def test_shares(shares: int) -> None:
    """Half the value of long stock, one and a half times that of stock sold short."""
    ours, theirs = both([], "cboe_equity", shares=shares)
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("days", [30, 80, 300, 700])
def test_long_options(days: int) -> None:
    """Paid in full, three quarters of it where more than nine months are left."""
    ours, theirs = both([("C", 100.0, 12.0, 3, days)], "cboe_equity")
    assert ours == pytest.approx(theirs, rel=1e-12)
