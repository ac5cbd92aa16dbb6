"""Random books of one coin against the venue's own engine, paradex_py.margin, under the scenarios of this rulebook.

The engine asks for its numbers, and gets those of PM_SCENARIOS, so that both say what the same rulebook makes of a book.
Known differences: the engine lifts every vol of an up shock to a least one, which this rulebook does not have, so no vol here is
that low; its provision of fees counts options otherwise, so there are none; funding and orders are not compared.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from udfs import PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_PARAMETERS, PM_SCENARIOS

SPOT = 70_000.0
NOW = datetime(2026, 2, 27, 8, tzinfo=UTC)
MARKET = [["Underlying", "Spot", "As of"], ["BTC", SPOT, "2026-02-27T08:00:00Z"]]
PERPETUAL = "BTC-USD-PERP"
LEAST_VOL = 0.40


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


def numbers() -> dict[str, Any]:
    """This rulebook in the form of the venue's /system/portfolio-margin-config."""
    head, *rows = PM_SCENARIOS("PARADEX")
    at = [head.index(name) for name in ("Price move", "Vol move", "Weight")]
    scenarios = [[row[n] for n in at] for row in rows if row[2] == "any other"]
    value = {row[1]: row[2] for row in PM_PARAMETERS("PARADEX")[1:]}
    return {
        "base_asset": "BTC",
        "hedged_margin_factor": value["hedged_delta_rate"],
        "unhedged_margin_factor": value["net_delta_rate"],
        "mmf_factor": value["maintenance_ratio"],
        "vol_shock_params": {
            "vega_power_short_dte": value["short_power"],
            "vega_power_long_dte": value["long_power"],
            "dte_floor_days": value["floor_days"],
            "min_vol_shock_up": LEAST_VOL,
        },
        "scenarios": [{"spot_shock": move, "vol_shock": vol, "weight": weight} for move, vol, weight in scenarios],
    }


def symbol(kind: str, strike: int, days: int) -> str:
    """The venue's name of an option."""
    expiry = NOW + timedelta(days=days)
    return f"BTC-USD-{expiry.day}{expiry:%b%y}-{strike}-{kind}".upper()


def quote(mark: float, delta: float, vol: float | None) -> dict[str, Any]:
    """What the engine asks of one market; nothing is charged and nothing earned."""
    free = {"funding_rate": 0.0, "interest_rate": 0.0, "fee_rate": 0.0}
    return {"mark_price": mark, "delta": delta, "mark_iv": vol, "underlying_price": SPOT, **free}


def random_book(seed: int) -> list[list[Any]]:
    """A perpetual, as often as not, and up to six options of three expiries."""
    random = np.random.default_rng(seed)
    days, strikes = (2, 16, 75), range(40_000, 110_000, 5_000)
    chosen = sorted(
        {
            (str(random.choice(["C", "P"])), int(random.choice(list(strikes))), int(random.choice(days)))
            for _ in range(random.integers(1, 7))
        }
    )
    rows: list[list[Any]] = [
        ["BTC", kind, strike, left, float(random.choice([-3, -1, 1, 2])), round(float(random.uniform(0.45, 1.2)), 3)]
        for kind, strike, left in chosen
    ]
    if random.integers(2):
        rows.append(["BTC", "perp", None, None, round(float(random.uniform(-3, 3)), 2), None])
    return [["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"], *rows]


@pytest.mark.parametrize("seed", range(40))
def test_random_books(seed: int) -> None:
    """Scanning risk, minimum of the deltas, initial and maintenance margin are the engine's, to a dollar in a million of spot.

    The engine's normal distribution is a polynomial of seven digits: so much of the spot each option may be off.
    """
    book = random_book(seed)
    data, specs, positions = {PERPETUAL: quote(SPOT, 1.0, None)}, {PERPETUAL: {"asset_kind": "PERP"}}, []
    for _, kind, strike, days, quantity, vol in book[1:]:
        name = PERPETUAL if kind == "perp" else symbol(kind, strike, days)
        if kind != "perp":
            terms = SPOT, strike, days / 365, 0.0, vol, kind == "C"
            data[name] = quote(ENGINE.bs_price(*terms), ENGINE.bs_delta(*terms), vol)
            specs[name] = {"asset_kind": "OPTION", "strike_price": strike, "option_type": {"C": "CALL", "P": "PUT"}[kind]}
        positions.append({"market": name, "side": "BUY" if quantity > 0 else "SELL", "size": abs(quantity)})
    theirs = ENGINE.compute(positions, [], data, specs, "portfolio_margin", pm_config=numbers(), now=NOW)
    size = math.fsum(abs(row[4]) for row in book[1:])
    within = 1e-6 * SPOT * size
    for line, value in (("Scanning risk", theirs["worst_loss"]), ("Minimum delta requirement", theirs["delta_min"])):
        assert PM_LINE(book, f"Net requirement/BTC/{line}", MARKET, "PARADEX") == pytest.approx(value, abs=within), line
    assert PM_MARGIN(book, MARKET, "PARADEX") == pytest.approx(theirs["IMR"], abs=within)
    assert PM_MAINTENANCE(book, MARKET, "PARADEX") == pytest.approx(theirs["MMR"], abs=within)
