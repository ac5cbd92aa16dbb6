"""Saved answers of venues and clearing houses, recomputed and compared number by number."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.methods import rules_of
from xlmargin.scenarios import span16

__all__ = ["Outcome", "verify"]


class Outcome(NamedTuple):
    """One case: what it is, whether every number matches, and the first that does not."""

    name: str
    matches: bool
    text: str


def verify(method: str, path: Path) -> list[Outcome]:
    """Replay a file of saved answers under a method.

    Parameters
    ----------
    method: name of the method
    path: JSON file of saved answers

    Raises
    ------
    MarginError: the file cannot be read, or holds nothing that the method can replay
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MarginError(f"there is no file {path}: check the name and the folder") from None
    except (OSError, ValueError) as error:
        raise MarginError(f"{path} is not a JSON file: {error}") from None
    replay = REPLAYS.get(method.upper())
    if replay is None:
        raise MarginError(f"no saved answers can be replayed under {method!r}: the methods are {', '.join(REPLAYS)}")
    outcomes = list(replay(data))
    if not outcomes:
        raise MarginError(f"{path} holds no case that {method.upper()} can replay")
    return outcomes


TOLERANCE = 0.02  # the files print arrays to 0.01, of ranges that are themselves rounded to 0.001


def _span_futures(data: Any) -> Iterator[Outcome]:
    """Futures' risk arrays as a clearing house printed them, against the sixteen scenarios with their own scan range.

    The day's carry is the same in every scenario, and counts with the scenario's weight.
    """
    rules = rules_of("SPAN", time.time())
    for case in data.get("futures", []) if isinstance(data, dict) else []:
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
        multiple, cover = (np.array([rules.number(key, case.get("symbol", ""))])
                           for key in ("extreme_multiple", "extreme_cover"))
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


REPLAYS: dict[str, Callable[[Any], Iterator[Outcome]]] = {"SPAN": _span_futures}
