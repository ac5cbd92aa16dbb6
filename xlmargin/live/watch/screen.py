"""The display of a watch: a table drawn in the terminal by rich, or one plain line per reading where there is no terminal."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from xlmargin.live.watch.alerts import STALE
from xlmargin.live.watch.reading import Figures, Nearest, Reading

#: Sign and rich style of each status: the word and the sign say it, the colour only repeats it.
LOOKS = {
    "OK": ("●", "bold #4FA3D1"),
    "WARNING": ("▲", "bold #E0A030"),
    "MARGIN CALL": ("■", "bold #E07B39"),
    "LIQUIDATION": ("✖", "bold reverse #E07B39"),
}
NOTHING = ("○", "bold")
SHOWN = 24  # readings of the bar of usage
BARS = "▁▂▃▄▅▆▇█"


class Screen(Protocol):
    """The output of readings."""

    def show(self, reading: Reading, count: int) -> None:
        """Show a reading; count: of all that this watch has made."""

    def say(self, line: str) -> None:
        """Show a line; may be called from any thread."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Lines:
    """One plain line per reading."""

    def __init__(self, write: Callable[[str], None] = lambda line: print(line, flush=True)) -> None:
        self._write = write

    def show(self, reading: Reading, count: int) -> None:
        """Print the reading."""
        self._write(line_of(reading))

    def say(self, line: str) -> None:
        """Print the line."""
        self._write(line)

    def close(self) -> None:
        """Nothing is held."""


class Panel:
    """A table that is drawn anew at each reading, with the lines said above it."""

    def __init__(self, name: str, console: Any = None) -> None:
        """Take over the terminal.

        Args:
            name: of the book
            console: a rich Console; the terminal where left out
        """
        from rich.live import Live

        self._name, self._usages = name, [math.nan] * 0
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(self, reading: Reading, count: int) -> None:
        """Draw the reading."""
        usage = reading.figures.usage if reading.figures is not None else math.nan
        self._usages = [*self._usages, usage if isinstance(usage, float) else math.nan][-SHOWN:]
        self._live.update(panel(self._name, reading, count, self._usages), refresh=True)

    def say(self, line: str) -> None:
        """Print the line above the table."""
        from rich.text import Text

        self._live.console.print(Text(line))

    def close(self) -> None:
        """Leave the last table where it is."""
        self._live.stop()


def screen(name: str) -> Screen:
    """The screen for the standard output: a terminal with rich, or anything else."""
    if sys.stdout.isatty():
        try:
            return Panel(name)
        except ImportError:
            print("note: plain lines, since a table needs rich: pip install 'xlmargin[watch]'", file=sys.stderr)
    return Lines()


def told(reading: Reading, kinds: Sequence[str]) -> str:
    """The text of some alerts, the gravest first."""
    words = ", ".join(kind.upper() for kind in kinds)
    found = reading.figures
    if found is None:
        return f"{words}: {reading.error}"
    text = (
        f"{words}: equity {found.equity:,.2f}, initial margin {found.initial:,.2f}, maintenance margin "
        f"{found.maintenance:,.2f}, usage {_share(found.usage)}, {_liquidated(found.first)}"
    )
    return text + (f"; the numbers are {_age(reading.age)} old: {reading.error}" if STALE in kinds else "")


def line_of(reading: Reading) -> str:
    """A reading in one line."""
    moment, found = _clock(reading.time), reading.figures
    if found is None:
        return f"{moment} no reading: {reading.error}"
    text = (
        f"{moment} {found.status}: equity {found.equity:,.2f}, initial {found.initial:,.2f}, maintenance "
        f"{found.maintenance:,.2f}, usage {_share(found.usage)}, headroom {found.headroom:,.2f} (to initial "
        f"{found.excess:,.2f}), {_liquidated(found.first) if not found.problem else found.problem}"
    )
    return text + _marked(reading)


def _marked(reading: Reading) -> str:
    """The reasons why a reading is not of this moment."""
    stale = f"; STALE for {_age(reading.age)}" if reading.age > 0.0 else ""
    return stale + (f": {reading.error}" if reading.error and reading.age > 0.0 else "")


def panel(name: str, reading: Reading, count: int, usages: list[float]) -> Any:
    """The table of a reading, as rich draws it.

    Args:
        usages: of the last readings, NaN where there was none
    """
    from rich import box
    from rich.console import Group
    from rich.panel import Panel as Frame
    from rich.table import Table
    from rich.text import Text

    found = reading.figures
    sign, style = NOTHING if found is None else LOOKS[found.status]
    word = "NO READING" if found is None else found.status
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", min_width=20)
    table.add_column(justify="right", min_width=16)
    table.add_column()
    for label, value, note in _rows(found, reading, count, usages):
        table.add_row(label, Text(value), Text(note))
    parts: list[Any] = [Text(f"{sign} {word}", style=style), table]
    if found is not None and found.nearest:
        prices = Table("Liquidation", "at", "move", box=box.SIMPLE, padding=(0, 2, 0, 0), header_style="dim")
        for n in (1, 2):
            prices.columns[n].justify = "right"
        for item in found.nearest:
            prices.add_row(Text(item.underlying), *map(Text, _side(item)))
        parts.append(prices)
    if warning := _warning(reading):
        parts.append(Text(f"▲ {warning}", style="#E0A030"))
    return Frame(
        Group(*parts),
        title=Text(f"xlmargin watch {name}"),
        subtitle=Text(f"{reading.method}, reading {count:,}"),
        border_style=style.replace("reverse ", ""),
        expand=False,
    )


def _rows(found: Figures | None, reading: Reading, count: int, usages: list[float]) -> list[tuple[str, str, str]]:
    """Label, value and note of each line of the table."""
    rows = (
        []
        if found is None
        else [
            ("Equity", f"{found.equity:,.2f}", "USD"),
            ("Initial margin", f"{found.initial:,.2f}", ""),
            ("Maintenance margin", f"{found.maintenance:,.2f}", ""),
            ("Usage", _share(found.usage), _bars(usages)),
            ("Headroom", f"{found.headroom:,.2f}", "to maintenance"),
            ("", f"{found.excess:,.2f}", "to initial"),
        ]
    )
    market = "of the book" if math.isnan(reading.market_time) else _clock(reading.market_time)
    return [*rows, ("Read at", _clock(reading.time), ""), ("Market", market, f"STALE for {_age(reading.age)}" if reading.age > 0.0 else "")]


def _warning(reading: Reading) -> str:
    """The error, "" when there is none."""
    problem = reading.figures.problem if reading.figures is not None else ""
    return reading.error or problem


def _side(item: Nearest) -> tuple[str, str]:
    """Price and move of a liquidation, or that there is none."""
    return ("none", "") if math.isnan(item.move) else (f"{item.price:,.2f}", f"{item.move:+.1%}")


def _liquidated(first: Nearest | None) -> str:
    if first is None:
        return "no liquidation price"
    return f"liquidation of {first.underlying} at {first.price:,.2f} ({first.move:+.1%})"


def _share(usage: float | str) -> str:
    return usage if isinstance(usage, str) else f"{usage:.1%}"


def _age(seconds: float) -> str:
    return f"{seconds:,.0f} s"


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _bars(usages: list[float]) -> str:
    """The last usages as bars, full at 100 % and above; blanks where there was none."""
    top = len(BARS) - 1
    return "".join(" " if math.isnan(usage) else BARS[min(int(usage * top), top)] for usage in usages)
