"""Random books of one coin against the venue's own engine, paradex_py.margin, with the venue's own numbers.

The engine knows the mark of a coin's perpetual always, a sheet only where a row gives it: a balance beside no perpetual has it as its
Price.
`pytest --seeds N` draws other books.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs import PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_RISK_ARRAY, PM_SCANNING_RISK

NOW = datetime(2026, 5, 27, 8, tzinfo=UTC)
HEADER = ["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV", "Price", "Delta", "Order", "Entry"]
SPOTS = {"BTC": 77_939.768, "ETH": 2_311.5, "HYPE": 41.3}
MINUTES = (3.0, 17.25, 29.0, 31.0, 240.0, 1_300.0, 1_440.0, 4_000.0, 16_000.0, 43_200.0, 43_300.0, 200_000.0, 500_000.0)  # to expiry
WITHIN = 1e-9  # relative: both sides sum the same products


def engine() -> ModuleType:
    """The folder `margin` of paradex_py alone: the rest of that package wants a key and much else installed."""
    spec = importlib.util.find_spec("paradex_py")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the peer paradex-py is not installed: pip install --no-deps paradex-py", allow_module_level=True)
    package = ModuleType("paradex_py")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules.setdefault("paradex_py", package)
    return importlib.import_module("paradex_py.margin")


ENGINE = engine()


@pytest.fixture(scope="module")
def configs(shared: Path) -> dict[str, Any]:
    """What the venue answered, or printed, of each coin's numbers."""
    read = {name: json.loads((shared / "vectors" / f"paradex_{name}_vectors.json").read_text()) for name in ("sdk", "hype")}
    bitcoin = read["sdk"]["pm_config_BTC"]
    return {"BTC": bitcoin, "ETH": {**bitcoin, "base_asset": "ETH"}, "HYPE": read["hype"]["pm_config_HYPE"]}


class Drawn:
    """A random book as the rows of a sheet and as what the engine asks for."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.coin = str(self.random.choice(sorted(SPOTS)))
        self.spot, self.perpetual = SPOTS[self.coin], f"{self.coin}-USD-PERP"
        self.perpetuals = bool(self.random.integers(2))
        self.mark = self.spot * (1.0 + float(self.random.uniform(-0.01, 0.01)))
        self.rate, self.funding = (float(self.random.choice([0.0, 0.05, -0.01])), float(self.random.choice([0.0, 3e-4, -2e-4])))
        self.fee, self.option_fee = float(self.random.choice([0.0, 3e-4])), float(self.random.choice([3e-4, 6e-4]))
        self.rows: list[list[Any]] = []
        self.positions: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.balances = [{"token": "USDC", "size": 1_000.0}]
        self.specs: dict[str, Any] = {self.perpetual: {"asset_kind": "PERP"}}
        self.data: dict[str, Any] = {self.perpetual: self._quote(self.mark, 0.9994, None, self.fee)}
        if self.perpetuals:
            self._trade(self.perpetual, [self.coin, "perp", None, None], None, self.mark, 0.9994)
        for n in range(int(self.random.integers(0 if self.perpetuals else 1, 7))):
            self._option(n)
        if self.random.integers(3) == 0:
            size = float(self.random.choice([-0.5, 0.25, 1.0]))
            self.balances.append({"token": self.coin, "size": size})
            self.rows.append([self.coin, "spot", None, None, size, None, None if self.perpetuals else self.mark, None, None, None])

    def _quote(self, mark: float, delta: float, vol: float | None, fee: float) -> dict[str, Any]:
        more = {"funding_rate": self.funding, "interest_rate": self.rate, "fee_rate": fee}
        return {"mark_price": mark, "delta": delta, "mark_iv": vol, "underlying_price": self.spot, **more}

    def _option(self, n: int) -> None:
        """One contract, its mark near the model's or the model's own."""
        random = self.random
        kind, strike = str(random.choice(["C", "P"])), round(self.spot * float(random.uniform(0.5, 1.6)), 2)
        expiry = NOW + timedelta(minutes=float(random.choice(MINUTES)))
        vol, years = round(float(random.uniform(0.05, 1.6)), 4), (expiry - NOW).total_seconds() / (365 * 86_400)
        terms = self.spot, strike, years, self.rate, vol, kind == "C"
        mark, delta = ENGINE.bs_price(*terms), ENGINE.bs_delta(*terms)
        typed = bool(random.integers(2)) and mark > 0.02 * self.spot
        if typed:
            mark *= float(random.uniform(0.9, 1.1))
        name = f"{self.coin}-USD-E{n}-{strike}-{kind}"
        self.specs[name] = {"asset_kind": "OPTION", "strike_price": strike, "expiry_at": int(expiry.timestamp() * 1_000)}
        self.data[name] = self._quote(mark, delta, vol, self.option_fee)
        cells = [self.coin, kind, strike, expiry.isoformat()]
        self._trade(name, cells, vol, mark if typed else None, delta if random.integers(2) else None)

    def _trade(self, market: str, terms: list[Any], vol: float | None, price: float | None, delta: float | None) -> None:
        """A position in a market, orders there, or both."""
        random = self.random
        held, ordered = (True, False) if random.integers(3) else (bool(random.integers(2)), True)
        mark = self.data[market]["mark_price"]
        if held:
            size = float(random.choice([-3.0, -1.0, -0.25, 0.5, 1.0, 2.0]))
            self.positions.append({"market": market, "side": "BUY" if size > 0.0 else "SELL", "size": abs(size)})
            self.rows.append([*terms, size, vol, price, delta, None, None])
        for _ in range(int(random.integers(1, 4)) if ordered else 0):
            size, limit = (
                float(random.choice([-2.0, -0.5, 0.5, 1.5])),
                None if random.integers(4) == 0 else mark * float(random.uniform(0.7, 1.3)),
            )
            side = "BUY" if size > 0.0 else "SELL"
            self.orders.append({"market": market, "side": side, "size": abs(size), "price": mark if limit is None else limit})
            self.rows.append([*terms, size, vol, price, delta, "yes", limit])

    @property
    def asked(self) -> tuple[Any, ...]:
        """Market, method and parameters of a sheet."""
        numbers = {"interest_rate": self.rate, "funding_rate": self.funding, "fee_rate": self.fee, "option_fee_rate": self.option_fee}
        market = [["Underlying", "Spot", "As of"], [self.coin, self.spot, NOW.isoformat()]]
        return market, "PARADEX", [list(each) for each in numbers.items()]

    def theirs(self, config: dict[str, Any]) -> dict[str, Any]:
        """The engine's answer."""
        given = {"balances": self.balances, "pm_config": config, "now": NOW}
        answer: dict[str, Any] = ENGINE.compute(self.positions, self.orders, self.data, self.specs, "portfolio_margin", **given)
        return answer


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32))
def test_random_books(seed: int, configs: dict[str, Any]) -> None:
    """Scanning risk, minimum of the deltas, provisions, initial and maintenance margin are the engine's."""
    drawn = Drawn(seed)
    book, asked, theirs = [HEADER, *drawn.rows], drawn.asked, drawn.theirs(configs[drawn.coin])
    if drawn.positions or drawn.orders:
        net = f"Initial margin/Net requirement/{drawn.coin}"
        lines = {f"{net}/Scanning risk": "worst_loss", f"{net}/Minimum delta requirement": "delta_min"}
        lines |= {"Initial margin/Funding provision": "fund_p", "Initial margin/Fee provision": "fee_provision_imr"}
        for path, key in lines.items():
            assert PM_LINE(book, path, *asked) == pytest.approx(theirs[key], rel=WITHIN, abs=WITHIN * drawn.spot), path
        scanned = PM_SCANNING_RISK(book, *asked)
        assert scanned == pytest.approx(theirs["worst_loss"], rel=WITHIN, abs=WITHIN * drawn.spot)
        assert scanned == pytest.approx(max(0.0, *(-row[-1] for row in PM_RISK_ARRAY(book, *asked)[1:])), rel=1e-12)
    assert PM_LINE(book, "Initial margin/Spot balances", *asked) == pytest.approx(theirs["spot_balance_margin"], rel=WITHIN)
    assert PM_MARGIN(book, *asked) == pytest.approx(theirs["IMR"], rel=WITHIN)
    assert PM_MAINTENANCE(book, *asked) == pytest.approx(theirs["MMR"], rel=WITHIN)


def another(config: dict[str, Any], seed: int) -> dict[str, Any]:
    """A configuration of the same shape, every number of it another."""
    random = np.random.default_rng(seed)

    def near(value: float) -> float:
        return round(value * float(random.uniform(0.6, 1.2)), 4)

    shocks = [
        {
            "spot_shock": near(row["spot_shock"]),
            "vol_shock": near(row["vol_shock"]) * (1.0 if row["vol_shock"] > 0.0 else 0.5),  # the engine refuses vols below 0
            "weight": min(near(row["weight"]), 1.0),
        }
        for row in config["scenarios"]
    ]
    numbers = {key: near(config[key]) for key in ("hedged_margin_factor", "unhedged_margin_factor", "mmf_factor")}
    return {**config, **numbers, "scenarios": shocks, "vol_shock_params": {k: near(v) for k, v in config["vol_shock_params"].items()}}


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_random_configurations(seed: int, configs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """The margins are the engine's with any numbers that the venue may answer, read from a saved answer."""
    drawn = Drawn(seed)
    config = another(configs[drawn.coin], seed)
    file = tmp_path_factory.mktemp("config") / "answer.json"
    file.write_text(json.dumps({"results": [config]}))
    market, method, parameters = drawn.asked
    asked = market, method, [*parameters, ["params_file", str(file)]]
    book, theirs = [HEADER, *drawn.rows], drawn.theirs(config)
    assert PM_MARGIN(book, *asked) == pytest.approx(theirs["IMR"], rel=WITHIN)
    assert PM_MAINTENANCE(book, *asked) == pytest.approx(theirs["MMR"], rel=WITHIN)
