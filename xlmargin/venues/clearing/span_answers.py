"""Risk arrays as a clearing house printed them, against the sixteen scenarios."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Rules
from xlmargin.methods import rules_of
from xlmargin.methods.json_shape import Node
from xlmargin.scenarios.scenarios import span16
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of

TOLERANCE = 0.02  # the files print arrays to 0.01, of ranges that are themselves rounded to 0.001


def replay(data: Any) -> Iterator[Outcome]:
    """Futures' risk arrays as a clearing house printed them, against the sixteen scenarios with their own scan range."""
    rules = rules_of("SPAN", time.time())
    cases = data.get("futures") if isinstance(data, dict) else None
    for n, raw in enumerate(cases if isinstance(cases, list) else []):
        words = [raw.get("symbol", "future"), raw.get("expiry", "")] if isinstance(raw, dict) else ["future"]
        yield outcome_of(" ".join(map(str, words)).strip(), partial(_compare, raw, f"futures[{n}]", rules))


def _compare(raw: Any, path: str, rules: Rules, compared: Comparison) -> None:
    """One future's array; the day's carry is the same in every scenario, and counts with the scenario's weight."""
    case = Node(raw, path)
    printed, reach, carry = case.numbers("ra"), case.number("implied_price_scan_range"), case.number("constant")
    if printed.shape != (16,):
        raise MarginError(f"{path}.ra needs sixteen numbers")
    multiple, cover = (np.array([rules.number(key, case.cells.get("symbol", ""))]) for key in ("extreme_multiple", "extreme_cover"))
    name, moves = compared.name, np.array([reach])
    scenarios = span16((name,), (moves, moves), np.zeros(1), ("absolute", "relative"), (multiple, cover), 1.0)
    ours = scenarios.weight[:, 0] * (carry - scenarios.price[:, 0])
    compared.relative, compared.absolute, compared.shown = 0.0, TOLERANCE, ",.4f"
    for s, (mine, theirs) in enumerate(zip(ours.tolist(), printed.tolist()), 1):
        compared.number(f"scenario {s}", mine, theirs)
