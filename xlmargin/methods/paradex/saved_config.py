"""Paradex's own portfolio margin parameters from a saved answer of GET /system/portfolio-margin-config."""

from __future__ import annotations

from typing import Any

from xlmargin.errors import MarginError
from xlmargin.margin.grid_scenarios import written
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods.json_shape import Node, listed

NUMBERS = {"unhedged_margin_factor": "net_delta_rate", "hedged_margin_factor": "hedged_delta_rate", "mmf_factor": "maintenance_ratio"}
VOL_NUMBERS = {
    "min_vol_shock_up": "min_vol_shock_up",
    "vega_power_short_dte": "short_power",
    "vega_power_long_dte": "long_power",
    "dte_floor_days": "floor_days",
}


def saved(content: Any, _: Rules) -> list[Override]:
    """Every number of every coin in an answer, whole, its list alone, or one coin of it.

    Raises:
        MarginError: it has no coin's configuration, or one that lacks something
    """
    if isinstance(content, dict) and "base_asset" in content:
        coins = [Node(content)]
    else:
        coins = listed(content, "", "base_asset") if isinstance(content, list) else Node(content).nodes("results", "base_asset")
    if not coins:
        raise MarginError("carries no coin's scenarios as Paradex's GET /system/portfolio-margin-config does: save the whole answer")
    found = [(coin.text("base_asset").upper(), name, value) for coin in coins for name, value in _values(coin).items()]
    return [Override(*each, row) for row, each in enumerate(found, 1)]


def _values(coin: Node) -> dict[str, float | str]:
    """The parameters of one coin by our names."""
    rows, shared = coin.nodes("scenarios"), coin.node("vol_shock_params")
    shocks = [(row.number("spot_shock"), row.number("vol_shock"), row.number("weight")) for row in rows]
    if not shocks:
        coin.fail("scenarios is empty: save the whole of it, as it came")
    moves = [vol for _, vol, _ in shocks]
    up, down = max(0.0, *moves), max(0.0, *(-vol for vol in moves))
    numbers = {name: coin.number(key) for key, name in NUMBERS.items()} | {name: shared.number(key) for key, name in VOL_NUMBERS.items()}
    return {"scenarios": written(shocks, up, down), "vol_up": up, "vol_down": down, **numbers}
