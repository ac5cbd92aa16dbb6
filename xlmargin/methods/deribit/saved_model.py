"""Deribit's live model parameters, as a saved pme/simulate answer carries them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Override

OWN = ("extended_dampener", "annualised_move_risk", "min_annualised_move", "pnl_offset", "max_offsetable_pnl")
DOLLARS = ("usd", "usdc", "usdt")


def read_parameters(model: Any, coin: str) -> list[Override]:
    """The model parameters of an answer that concern one coin, as values given beside the positions.

    Args:
        model: its `model_params`
        coin: lower-case name
    """
    values: dict[tuple[str, str], Any] = {}
    for pair, parameters in model["currency_pair"].items():
        if pair.split("_")[0] == coin:
            values |= {(coin, name): value for name, value in parameters.items()}
    for currency, parameters in model["currency"].items():
        if currency == coin or currency in DOLLARS:
            suffix = "" if currency == coin else "_usd"
            values |= {(coin, name + suffix): parameters[name] for name in OWN}
    values |= {("", name): model["general"][name] for name in ("mm_factor", "buckets_count")}
    return [Override(underlying.upper(), name, float(value), row) for row, ((underlying, name), value) in enumerate(values.items(), 1)]


def load_parameters(path: str, known: list[str]) -> list[Override]:
    """The parameters of every coin in a saved answer.

    Args:
        path: JSON file of a pme/simulate answer, whole or its `result` alone
        known: names of parameters that the rulebook has; others in the answer are not parameters of the matrix

    Raises:
        MarginError: the file cannot be read, or carries no model parameters
    """
    try:
        data = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MarginError(f"there is no file {path}: give the whole path of a saved pme/simulate answer") from None
    except (OSError, ValueError) as error:
        raise MarginError(f"{path} is not a JSON file: {error}") from None
    try:
        model = data.get("result", data)["model_params"]
        coins = dict.fromkeys(pair.split("_")[0] for pair in model["currency_pair"])
        found = {(item.underlying, item.name): item for coin in coins for item in read_parameters(model, coin)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MarginError(f"{path} carries no model_params as Deribit's pme/simulate answers do ({error}): save that answer") from None
    return [item for item in found.values() if item.name in known]
