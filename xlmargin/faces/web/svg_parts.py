"""The parts a chart is drawn from: scales with round marks, labels, lines; every text escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from xlmargin.faces.web.charts import Axis

INK, GREY, GRID, TITLE = "#1A1A1A", "#8A93A3", "#DDE1E8", "#1F2A44"
SIZE, TITLE_SIZE = 11.0, 15.0  # of the letters, in pixels
_CHARACTER, _CAPITAL = 0.55, 0.7  # mean widths of a letter, in letter heights: names of instruments are all capitals
PAD = 10.0
_PIXELS_PER_TICK = {"across": 90.0, "down": 45.0}
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers to pixels: from `low` at `start` to `high` at `end`, and the numbers that are marked."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """The pixel of a number."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def stacks(rows: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    """Each series on top of those before it."""
    totals: list[float] = [0.0] * max(map(len, rows))
    found: list[list[float | None]] = []
    for row in rows:
        totals = [total + (row[n] or 0.0 if n < len(row) else 0.0) for n, total in enumerate(totals)]
        found.append(list(totals))
    return found


def shares(rows: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    """Each value as its share of the sizes of all series at the same key."""
    totals = [0.0] * max(map(len, rows))
    for row in rows:
        totals = [total + abs(row[n] or 0.0 if n < len(row) else 0.0) for n, total in enumerate(totals)]
    return [[None if value is None or not total else value / total for value, total in zip(row, totals)] for row in rows]


def numbers_of(keys: Sequence[object]) -> list[float | None]:
    """The keys of a scatter chart; texts are replaced by their order."""
    found = [float(k) if isinstance(k, (int, float)) and not isinstance(k, bool) else None for k in keys]
    return found if any(k is not None for k in found) else [float(n) for n in range(1, len(keys) + 1)]


def range_of(values: Sequence[float], axis: Axis, *, zero: bool) -> tuple[float, float]:
    """The least and the largest drawn value, or the axis' own limits; `zero` keeps 0 in."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    low = axis.least if axis.least is not None else low
    high = axis.most if axis.most is not None else high
    return (low, high) if high > low else (low - 1.0, low + 1.0)


def scale_of(low: float, high: float, start: float, end: float, way: str, axis: Axis) -> Scale:
    """A scale that begins and ends at round numbers, where the file sets no limits."""
    wanted = max(abs(end - start) / _PIXELS_PER_TICK[way], 1.0)
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in _STEPS if s * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    low = axis.least if axis.least is not None else first * step
    high = axis.most if axis.most is not None else last * step
    ticks = tuple(round(n * step, 12) for n in range(first, last + 1) if low - step * 1e-6 <= n * step <= high + step * 1e-6)
    if axis.reverse and way == "across":
        start, end = end, start
    return Scale(low, high, start, end, ticks)


def text_at(
    x: float, y: float, text: str, anchor: str = "start", colour: str = INK, size: float = SIZE, *, bold: bool = False, turn: int = 0
) -> str:
    """A text at a point."""
    turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size:g}"{weight}{turned}>{safe(text)}</text>'


def stroke(start: Point, end: Point, colour: str) -> str:
    """A straight line of one pixel."""
    return f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" stroke="{colour}" stroke-width="1"/>'


def clean(text: str) -> str:
    """A text without characters that XML cannot hold."""
    return "".join(c if c >= " " and c not in "\x7f\ufffe\uffff" and not "\ud800" <= c <= "\udfff" else " " for c in text)


def safe(text: str) -> str:
    """A text escaped for XML."""
    return escape(clean(text))


def width_of(text: str) -> float:
    """About how many pixels a text takes."""
    return SIZE * sum(_CAPITAL if letter.isupper() else _CHARACTER for letter in text)


def fitted(text: str, room: float) -> str:
    """A text cut to a number of pixels, with dots where it was cut."""
    if width_of(text) <= room:
        return text
    kept = text[:-1]
    while len(kept) > 1 and width_of(kept + "…") > room:
        kept = kept[:-1]
    return kept + "…"
