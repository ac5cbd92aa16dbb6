"""Risk arrays as a clearing house printed them, against the sixteen scenarios."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from xlmargin.methods import rules_of
from xlmargin.scenarios.scenarios import span16
from xlmargin.venues.outcome import Outcome

TOLERANCE = 0.02  # the files print arrays to 0.01, of ranges that are themselves rounded to 0.001


def replay(data: Any) -> Iterator[Outcome]:
    """Futures' risk arrays as a clearing house printed them, against the sixteen scenarios with their own scan range.

    The day's carry is the same in every scenario, and counts with the scenario's weight.
    """
    rules = rules_of("SPAN", time.time())
    cases = data.get("futures") if isinstance(data, dict) else None
    for case in cases if isinstance(cases, list) else []:
        if not isinstance(case, dict):
            yield Outcome("future", False, "the case is no object with names and values")
            continue
        name = f"{case.get('symbol', 'future')} {case.get('expiry', '')}".strip()
        try:
            printed = np.array(case["ra"], np.float64)
            reach, carry = (float(case[key]) for key in ("implied_price_scan_range", "constant"))
        except (KeyError, TypeError, ValueError) as error:
            yield Outcome(name, False, f"the case lacks what is needed: {error}")
            continue
        if printed.shape != (16,):
            yield Outcome(name, False, "the case needs sixteen numbers")
            continue
        multiple, cover = (np.array([rules.number(key, case.get("symbol", ""))]) for key in ("extreme_multiple", "extreme_cover"))
        scenarios = span16((name,), (np.array([reach]), np.array([reach])), np.zeros(1), ("absolute", "relative"), (multiple, cover), 1.0)
        ours = scenarios.weight[:, 0] * (carry - scenarios.price[:, 0])
        yield _compared(name, ours, printed)


def _compared(name: str, ours: Any, printed: Any) -> Outcome:
    """Compare two arrays and name the first number that differs."""
    off = np.flatnonzero(~(np.abs(ours - printed) <= TOLERANCE))
    if len(off):
        s = int(off[0])
        text = f"scenario {s + 1}: ours {ours[s]:,.4f}, theirs {printed[s]:,.4f} (tolerance {TOLERANCE:g})"
        return Outcome(name, False, text)
    return Outcome(name, True, f"{len(printed)} numbers within {TOLERANCE:g}")
