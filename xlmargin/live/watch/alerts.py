"""The rule of an alert: raised once per crossing of a threshold, and ready again only well below it."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from xlmargin.margin.parameters import Rules, read_rules

FILE = Path(__file__).with_name("watch.toml")
STALE = "stale"
#: The statuses of an account from the best to the worst; all but the first are kinds of alerts, in lower case.
RANKS = ("OK", "WARNING", "MARGIN CALL", "LIQUIDATION")
#: The kinds of alerts, the gravest first.
KINDS = (*(status.lower() for status in reversed(RANKS[1:])), STALE)


class Levels(NamedTuple):
    """Thresholds of alerts.

    Attributes:
        warning_usage: initial margin over equity from which a warning is due [fraction]
        rearm_below: distance below its threshold at which an alert is ready again [fraction of equity]
        stale_after: age from which numbers are stale [seconds]
    """

    warning_usage: float
    rearm_below: float
    stale_after: float


class AlertBasis(NamedTuple):
    """The basis of an alert: the account's equity and margins [USD] with its status, as PM_STATUS answers."""

    equity: float
    initial: float
    maintenance: float
    status: str


def watch_rules(as_of: float) -> Rules:
    """The parameters of a watch."""
    return read_rules(FILE, as_of)


def step(raised: Collection[str], found: AlertBasis | None, age: float, levels: Levels) -> tuple[frozenset[str], tuple[str, ...]]:
    """The alerts in force after a reading, and those that it raises.

    A threshold of the margin is crossed when the status says so; its alert remains until the status is better and the ratio
    of margin to equity is `rearm_below` under the threshold. Without numbers those alerts stay as they were.

    Args:
        raised: kinds in force
        found: None where nothing could be computed
        age: of the numbers [seconds]

    Returns:
        kinds in force, and the new ones among them, the gravest first
    """
    standing = set(raised) - {STALE}
    if age >= levels.stale_after:
        standing.add(STALE)
    if found is not None:
        rank = RANKS.index(found.status)
        thresholds = ((levels.warning_usage, found.initial), (1.0, found.initial), (1.0, found.maintenance))
        for n, (threshold, margin) in enumerate(thresholds, 1):
            kind = RANKS[n].lower()
            if rank >= n:
                standing.add(kind)
            elif _ratio(margin, found.equity) <= threshold - levels.rearm_below:
                standing.discard(kind)
    return frozenset(standing), tuple(kind for kind in KINDS if kind in standing and kind not in raised)


def _ratio(margin: float, equity: float) -> float:
    """Margin over equity; infinite where there is a margin and nothing to meet it with."""
    if margin == 0.0:
        return 0.0
    return margin / equity if equity > 0.0 else math.inf
