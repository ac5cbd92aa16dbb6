"""Real-time monitoring: every tick of a feed and change of a book recorded, the newest computed, alerts raised once."""

from __future__ import annotations

from xlmargin.live.watch.alerts import AlertBasis, Levels, step, watch_rules
from xlmargin.live.watch.delivery import Delivery
from xlmargin.live.watch.hooks import Hook, command, desktop, webhook
from xlmargin.live.watch.inputs import Files, Snapshot, WatchedFiles
from xlmargin.live.watch.monitor import Monitor
from xlmargin.live.watch.reading import Figures, Nearest, Reading
from xlmargin.live.watch.record import Record, record_of
from xlmargin.live.watch.screen import Lines, Panel, Screen, screen
from xlmargin.live.watch.watching import Watch

__all__ = [
    "AlertBasis",
    "Delivery",
    "Figures",
    "Files",
    "Hook",
    "Levels",
    "Lines",
    "Monitor",
    "Nearest",
    "Panel",
    "Reading",
    "Record",
    "Screen",
    "Snapshot",
    "Watch",
    "WatchedFiles",
    "command",
    "desktop",
    "record_of",
    "screen",
    "step",
    "watch_rules",
    "webhook",
]
