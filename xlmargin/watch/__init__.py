"""Real-time monitoring: every tick of a feed and change of a book recorded, the newest computed, alerts raised once."""

from __future__ import annotations

from xlmargin.watch.alerts import Levels, Outcome, step, watch_rules
from xlmargin.watch.delivery import Delivery
from xlmargin.watch.hooks import Hook, command, desktop, webhook
from xlmargin.watch.inputs import Files, Inputs, Snapshot
from xlmargin.watch.loop import Watch
from xlmargin.watch.monitor import Monitor
from xlmargin.watch.reading import Figures, Nearest, Reading, figures_of
from xlmargin.watch.record import COLUMNS, Record, record_of
from xlmargin.watch.screen import Lines, Panel, Screen, screen

__all__ = [
    "COLUMNS",
    "Delivery",
    "Figures",
    "Files",
    "Hook",
    "Inputs",
    "Levels",
    "Lines",
    "Monitor",
    "Nearest",
    "Outcome",
    "Panel",
    "Reading",
    "Record",
    "Screen",
    "Snapshot",
    "Watch",
    "command",
    "desktop",
    "figures_of",
    "record_of",
    "screen",
    "step",
    "watch_rules",
    "webhook",
]
