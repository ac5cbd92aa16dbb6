"""Random books of several coins under cross margin against the venue's own engine, paradex_py.margin.compute_xm.

Positions, open orders, spot balances and fees; the engine is given the rates of PM_PARAMETERS. More books than those of every run:
PARADEX_SEEDS=1000:5000 pytest tests/peers/test_paradex_xm.py
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from test_paradex_py import ENGINE

from udfs import PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_PARAMETERS

RELATIVE = 1e-12  # both sides sum the same products
HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "Price", "Spot", "Order", "Entry"]
SPOTS = {"BTC": 77_939.768, "ETH": 2_310.5, "HYPE": 45.0, "CL": 68.2}
PERPETUALS = {"ETH": 0.02, "HYPE": 0.1, "CL": 0.05}  # no page prints them: given to both
SIDES = {"imf": "initial", "mmf": "maintenance"}
NAMES = {
    "premium_multiplier": "premium",
    "long_itm": "long_itm",
    "short_itm": "short_itm",
    "short_otm": "short_otm",
    "short_put_cap": "put_cap",
}
FIRST, LAST = map(int, os.environ.get("PARADEX_SEEDS", "0:60").split(":"))


def rates() -> dict[tuple[str, str], float]:
    """The numbers of this rulebook by underlying and name."""
    return {(row[0], row[1]): row[2] for row in PM_PARAMETERS("PARADEX_SM")[1:]}


RATES = rates()


def spec(coin: str, kind: str, strike: float | None) -> dict[str, Any]:
    """A market as the engine is told of it."""
    if kind == "perp":
        rate = PERPETUALS.get(coin) or RATES[coin, "future_initial_rate"]
        return {"asset_kind": "PERP", "delta1_cross_margin_params": {"imf_base": rate, "mmf_factor": RATES["", "future_maintenance_ratio"]}}
    params = {key: {theirs: RATES[coin, f"{stage}_{ours}"] for theirs, ours in NAMES.items()} for key, stage in SIDES.items()}
    return {"asset_kind": "OPTION", "strike_price": strike, "option_type": kind.upper(), "option_cross_margin_params": params}


class Book:
    """A random account in the form of a sheet and in that of the engine."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.fee = float(self.random.choice([0.0, 0.0003, 0.002]))
        self.rows: list[list[Any]] = [HEADER]
        self.positions: list[Any] = []
        self.orders: list[Any] = []
        self.balances: list[Any] = [{"token": "USDC", "size": 1_000.0}]
        self.data: dict[str, Any] = {}
        self.specs: dict[str, Any] = {}
        for coin in SPOTS:
            if self.random.random() < 0.6:
                self._coin(coin)

    def _coin(self, coin: str) -> None:
        """Up to five markets of a coin, each with a position, orders or both, and a balance of the coin."""
        spot = SPOTS[coin]
        basis = round(spot * float(self.random.uniform(0.98, 1.02)), 6)
        markets = [("perp", None, basis)] if self.random.random() < 0.7 else []
        for strike in sorted({round(spot * float(each), 4) for each in self.random.choice([0.5, 0.8, 0.95, 1.0, 1.1, 1.5], 3)}):
            for kind in ("call", "put"):
                inside = max(spot - strike if kind == "call" else strike - spot, 0.0)
                markets.append((kind, strike, round(inside + spot * float(self.random.uniform(0.001, 0.2)), 6)))
        for kind, strike, mark in markets:
            if self.random.random() < 0.6:
                self._market(coin, kind, strike, mark)
        self._quote(f"{coin}-USD-PERP", spot, spot)
        if self.random.random() < 0.4:
            size = round(float(self.random.uniform(-2, 2)), 3)
            self.rows.append([coin, "spot", None, None, size, None, spot, None, None])
            self.balances.append({"token": coin, "size": size})

    def _quote(self, name: str, mark: float, spot: float) -> None:
        free = {"delta": 1.0, "mark_iv": 0.5, "funding_rate": 0.0, "interest_rate": 0.0}
        self.data.setdefault(name, {"mark_price": mark, "underlying_price": spot, "fee_rate": self.fee, **free})

    def _market(self, coin: str, kind: str, strike: float | None, mark: float) -> None:
        spot = SPOTS[coin]
        name = f"{coin}-USD-PERP" if kind == "perp" else f"{coin}-USD-8JAN27-{strike}-{kind[0].upper()}"
        self.specs[name] = spec(coin, kind, strike)
        terms = [coin, kind, strike, None if kind == "perp" else 40]
        for size in self.random.choice([-3.0, -0.25, 0.5, 2.0], self.random.integers(0, 3)).tolist():
            self._quote(name, mark, spot)
            self.rows.append([*terms, size, mark, spot, None, None])
            self.positions.append({"market": name, "side": "BUY" if size > 0 else "SELL", "size": abs(size)})
        for size in self.random.choice([-4.0, -1.0, 0.5, 3.0], self.random.integers(0, 4)).tolist():
            limit = round(mark * float(self.random.uniform(0.9, 1.1)), 6)
            self._quote(name, mark, spot)
            self.rows.append([*terms, size, mark, spot, "yes", limit])
            self.orders.append({"market": name, "side": "BUY" if size > 0 else "SELL", "size": abs(size), "price": limit})


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_random_books(seed: int) -> None:
    """Initial and maintenance margin and all that they consist of are the engine's."""
    book = Book(seed)
    if not len(book.rows) > 1:
        return
    theirs = ENGINE.compute(book.positions, book.orders, book.data, book.specs, "cross_margin", balances=book.balances)
    given = [["", "fee_rate", book.fee], *([coin, "future_initial_rate", rate] for coin, rate in PERPETUALS.items())]
    asked = None, "PARADEX_SM", given
    assert PM_MARGIN(book.rows, *asked) == pytest.approx(theirs["IMR"], rel=RELATIVE, abs=1e-9)
    assert PM_MAINTENANCE(book.rows, *asked) == pytest.approx(theirs["MMR"], rel=RELATIVE, abs=1e-9)
    for path, key in {
        "Initial margin/Net margin": "net_imr",
        "Initial margin/Fee provision": "fee_provision_imr",
        "Initial margin/Open loss": "open_loss",
        "Initial margin/Spot balances": "spot_balance_margin",
        "Maintenance margin/Net margin for maintenance": "net_mmr",
    }.items():
        assert PM_LINE(book.rows, path, *asked) == pytest.approx(theirs[key], rel=RELATIVE, abs=1e-9), path
