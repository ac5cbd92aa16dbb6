"""Draws a chart as SVG: bars, stacked or side by side, lines, areas and scatter lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from xlmargin.faces.web.charts import Axis, Chart, Data
from xlmargin.faces.web.number_format import formatted
from xlmargin.faces.web.svg_parts import (
    GREY,
    GRID,
    PAD,
    SIZE,
    TITLE,
    TITLE_SIZE,
    Point,
    Scale,
    clean,
    fitted,
    numbers_of,
    range_of,
    safe,
    scale_of,
    shares,
    stacks,
    stroke,
    text_at,
    width_of,
)

_LABEL_SHARE = 0.45  # of the width, at most, for the labels of bars
_MOST_POINTS = 5_000


def draw(chart: Chart, data: Data) -> str:
    """The chart with its data as an SVG document; every text in it is escaped."""
    if chart.stacked == "percentStacked":
        data = Data(data.names, data.keys, shares(data.values))
    width, height = max(chart.width, 80.0), max(chart.height, 60.0)
    parts = [f'<rect x="0.5" y="0.5" width="{width - 1:.1f}" height="{height - 1:.1f}" fill="#FFFFFF" stroke="{GRID}"/>']
    top = PAD
    if chart.title:
        parts.append(text_at(width / 2, top + TITLE_SIZE, chart.title, "middle", TITLE, TITLE_SIZE, bold=True))
        top += TITLE_SIZE + PAD
    bottom = height - PAD
    if chart.legend and len(chart.series) > 0:
        parts.append(_legend(chart, data, width, bottom))
        bottom -= SIZE + PAD
    if not chart.kind or chart.kind == "pie":
        parts.append(text_at(width / 2, height / 2, "This kind of chart is drawn in Excel or LibreOffice.", "middle", GREY, SIZE))
    elif not any(value is not None for values in data.values for value in values):
        parts.append(text_at(width / 2, height / 2, "no data", "middle", GREY, SIZE))
    else:
        parts.append(_Plot(chart, data, (PAD, top, width - PAD, bottom)).drawn())
    if not chart.whole:
        parts.append(text_at(width - PAD, PAD + SIZE, "a part of this chart is drawn in Excel or LibreOffice only", "end", GREY))
    summary = f"{chart.title or 'Chart'}: {', '.join(data.names)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.1f}" height="{height:.1f}" viewBox="0 0 {width:.1f} '
        f'{height:.1f}" role="img" aria-label={quoteattr(clean(summary))} font-family="Calibri, Carlito, Arial, sans-serif">'
        + "".join(parts)
        + "</svg>"
    )


class _Plot:
    """The plot inside a chart: axes, gridlines and series within a box (left, top, right, bottom)."""

    def __init__(self, chart: Chart, data: Data, box: tuple[float, float, float, float]) -> None:
        self.chart, self.data = chart, data
        self.left, self.top, self.right, self.bottom = box
        self.count = max(len(values) for values in data.values)
        self.parts: list[str] = []
        self.numbers = stacks(data.values) if chart.stacked else data.values

    def drawn(self) -> str:
        """The elements of the plot."""
        if self.chart.kind == "scatter":
            self._scatter()
        elif self.chart.across and self.chart.kind == "bar":
            self._bars_across()
        else:
            self._upright()
        return "".join(self.parts)

    # ---- the three arrangements of axes

    def _scatter(self) -> None:
        keys = [numbers_of(keys) for keys in self.data.keys]
        values, across = self._upright_values(), self.chart.keys
        low, high = range_of([k for row in keys for k in row if k is not None], across, zero=False)
        self._bottom_title(across.title)
        self.bottom -= SIZE + PAD
        y = scale_of(*values, self.bottom, self.top, "down", self.chart.values)
        self._vertical(y, self.chart.values)
        x = scale_of(low, high, self.left, self.right - 2 * PAD, "across", across)
        self._horizontal(x, across, self.bottom + SIZE + 4)
        self._zero_lines(x, y)
        for n in range(len(self.chart.series)):
            points = [
                (x.at(k), y.at(v)) if k is not None and v is not None else None
                for k, v in list(zip(keys[n], self.data.values[n]))[:_MOST_POINTS]
            ]
            self._line(n, points)

    def _upright(self) -> None:
        low_high = self._upright_values()
        labels = self._labels()
        self._bottom_title(self.chart.keys.title)
        turned = self.chart.keys.turned or max(map(width_of, labels), default=0) > (self.right - self.left) / max(self.count, 1)
        below = min(max(map(width_of, labels), default=0) * 0.75 + SIZE, 90.0) if turned else SIZE + 2
        self.bottom -= below
        y = scale_of(*low_high, self.bottom, self.top, "down", self.chart.values)
        self._vertical(y, self.chart.values)
        step = (self.right - self.left) / max(self.count, 1)
        starts = [self.left + n * step for n in range(self.count)]
        if self.chart.keys.reverse:
            starts.reverse()
        self._keys_below(labels, starts, step, turned)
        zero = min(max(y.at(0.0), self.top), self.bottom)
        self.parts.append(stroke((self.left, zero), (self.right, zero), GREY))
        if self.chart.kind == "bar":
            self._columns(starts, step, y)
            return
        for n in range(len(self.chart.series)):
            points = [None if v is None else (s + step / 2, y.at(v)) for s, v in zip(starts, self.numbers[n])]
            if self.chart.kind == "area":
                self._area(n, points, zero)
            self._line(n, points)

    def _bars_across(self) -> None:
        labels = self._labels()
        axis = self.chart.values
        low, high = range_of(self._flat(), axis, zero=True)
        self._bottom_title(axis.title)
        self.bottom -= SIZE + 4
        wide = min(max(map(width_of, labels), default=0) + PAD, (self.right - self.left) * _LABEL_SHARE)
        self.left += wide
        x = scale_of(low, high, self.left, self.right - 2 * PAD, "across", axis)
        self._horizontal(x, axis, self.bottom + SIZE + 2)
        step = (self.bottom - self.top) / max(self.count, 1)
        starts = [self.top + n * step for n in range(self.count)]
        if not self.chart.keys.reverse:
            starts.reverse()
        every = max(math.ceil((SIZE + 1) / step), 1)
        for label, start in list(zip(labels, starts))[::every]:
            self.parts.append(text_at(self.left - 6, start + step / 2 + SIZE * 0.35, fitted(label, wide - 6), "end"))
        for n, rectangle, value in self._boxes(starts, step, x):
            start, thick, a, b = rectangle
            self._box(n, min(a, b), start, abs(b - a), thick, value)
            code = self.chart.series[n[0]].label_format
            if code is not None:
                self.parts.append(text_at(max(a, b) + 4, start + thick / 2 + SIZE * 0.35, formatted(value, code).text.strip()))
        self.parts.append(stroke((x.at(max(low, 0.0)), self.top), (x.at(max(low, 0.0)), self.bottom), GREY))

    # ---- values and labels

    def _labels(self) -> list[str]:
        longest = max(self.data.keys, key=len, default=[])
        code = self.chart.keys.number_format
        texts = [formatted(key, code).text if isinstance(key, (int, float)) else str(key or "") for key in longest]
        return [text.strip() for text in texts] + [""] * (self.count - len(longest))

    def _flat(self) -> list[float]:
        if not self.chart.stacked:
            return [v for row in self.data.values for v in row if v is not None]
        totals = [0.0]
        for column in range(self.count):
            values = [row[column] for row in self.data.values if column < len(row)]
            totals += [sum(v for v in values if v is not None and v > 0), sum(v for v in values if v is not None and v < 0)]
        return totals

    def _upright_values(self) -> tuple[float, float]:
        return range_of(self._flat(), self.chart.values, zero=self.chart.kind in ("bar", "area"))

    # ---- axes

    def _bottom_title(self, text: str) -> None:
        if text:
            self.parts.append(text_at((self.left + self.right) / 2, self.bottom, text, "middle"))
            self.bottom -= SIZE + 4

    def _horizontal(self, scale: Scale, axis: Axis, baseline: float) -> None:
        top, bottom = self.top, self.bottom
        for tick in scale.ticks:
            at = scale.at(tick)
            if axis.grid:
                self.parts.append(stroke((at, top), (at, bottom), GRID))
            if axis.shown:
                self.parts.append(text_at(at, baseline, formatted(tick, axis.number_format).text.strip(), "middle"))

    def _vertical(self, scale: Scale, axis: Axis) -> None:
        texts = [formatted(tick, axis.number_format).text.strip() for tick in scale.ticks]
        if axis.title:
            middle = (self.top + self.bottom) / 2
            self.parts.append(text_at(self.left + SIZE, middle, axis.title, "middle", turn=-90))
            self.left += SIZE + 4
        if axis.shown:
            self.left += max(map(width_of, texts), default=0) + 6
        for tick, text in zip(scale.ticks, texts):
            at = scale.at(tick)
            if axis.grid:
                self.parts.append(stroke((self.left, at), (self.right, at), GRID))
            if axis.shown:
                self.parts.append(text_at(self.left - 5, at + SIZE * 0.35, text, "end"))

    def _zero_lines(self, x: Scale, y: Scale) -> None:
        if y.low <= 0 <= y.high:
            self.parts.append(stroke((self.left, y.at(0.0)), (self.right, y.at(0.0)), GREY))
        if x.low <= 0 <= x.high:
            self.parts.append(stroke((x.at(0.0), self.top), (x.at(0.0), self.bottom), GREY))

    def _keys_below(self, labels: Sequence[str], starts: Sequence[float], step: float, turned: bool) -> None:
        every = max(math.ceil((SIZE + 2) / step), 1) if step else 1
        baseline = self.bottom + SIZE + 2
        for label, start in list(zip(labels, starts))[::every]:
            middle = start + step / 2
            if turned:
                self.parts.append(text_at(middle + 4, baseline - 2, fitted(label, 110.0), "end", turn=-45))
            else:
                self.parts.append(text_at(middle, baseline, label, "middle"))

    # ---- series

    def _boxes(
        self, starts: Sequence[float], step: float, scale: Scale
    ) -> list[tuple[tuple[int, int], tuple[float, float, float, float], float]]:
        """Every bar: its series and place, then start and thickness along the keys, and from and to along the values."""
        side = 1 if self.chart.stacked else len(self.chart.series)
        thick = step / (side + self.chart.gap / 100)
        margin = (step - thick * side) / 2
        found: list[tuple[tuple[int, int], tuple[float, float, float, float], float]] = []
        for n, values in enumerate(self.data.values):
            for place, value in enumerate(values):
                if value is None or value == 0.0:
                    continue
                base = self._base(n, place, value)
                start = starts[place] + margin + (0 if self.chart.stacked else (side - 1 - n if self._flipped() else n) * thick)
                found.append(((n, place), (start, thick, scale.at(base), scale.at(base + value)), value))
        return found

    def _flipped(self) -> bool:
        """Whether bars of one key are in reverse order, as they are where keys run upwards."""
        return self.chart.across and not self.chart.keys.reverse

    def _base(self, n: int, place: int, value: float) -> float:
        if not self.chart.stacked:
            return 0.0
        under = [row[place] for row in self.data.values[:n] if place < len(row)]
        return sum(v for v in under if v is not None and (v > 0) == (value > 0))

    def _columns(self, starts: Sequence[float], step: float, scale: Scale) -> None:
        for n, (start, thick, a, b), value in self._boxes(starts, step, scale):
            self._box(n, start, min(a, b), thick, abs(b - a), value)
            code = self.chart.series[n[0]].label_format
            if code is not None:
                self.parts.append(text_at(start + thick / 2, min(a, b) - 3, formatted(value, code).text.strip(), "middle"))

    def _box(self, n: tuple[int, int], left: float, top: float, width: float, height: float, value: float) -> None:
        series = self.chart.series[n[0]]
        if not series.filled:
            return
        colour = dict(series.points).get(n[1], series.colour)
        keys = self.data.keys[n[0]]
        told = f"{keys[n[1]] if n[1] < len(keys) else ''}: {formatted(value, self.chart.values.number_format).text.strip()}"
        self.parts.append(
            f'<rect class="bar" x="{left:.2f}" y="{top:.2f}" width="{max(width, 0.5):.2f}" '
            f'height="{max(height, 0.5):.2f}" fill="{colour}"><title>{safe(told)}</title></rect>'
        )

    def _line(self, n: int, points: Sequence[Point | None]) -> None:
        series = self.chart.series[n]
        path, pen = [], "M"
        for point in points:
            if point is None:
                pen = "M"
                continue
            path.append(f"{pen}{point[0]:.2f} {point[1]:.2f}")
            pen = "L"
        if path and series.stroked:
            dash = f' stroke-dasharray="{series.dash}"' if series.dash else ""
            self.parts.append(
                f'<path class="line" d="{" ".join(path)}" fill="none" stroke="{series.colour}" '
                f'stroke-width="{max(series.width, 1.0):.2f}" stroke-linejoin="round"{dash}>'
                f"<title>{safe(self.data.names[n])}</title></path>"
            )
        if series.marker:
            self.parts += [f'<circle cx="{p[0]:.2f}" cy="{p[1]:.2f}" r="3" fill="{series.colour}"/>' for p in points if p]

    def _area(self, n: int, points: Sequence[Point | None], zero: float) -> None:
        found = [p for p in points if p]
        if found:
            outline = " L".join(f"{x:.2f} {y:.2f}" for x, y in found)
            self.parts.append(
                f'<path d="M{found[0][0]:.2f} {zero:.2f} L{outline} L{found[-1][0]:.2f} {zero:.2f} Z" '
                f'fill="{self.chart.series[n].colour}" fill-opacity="0.35"/>'
            )


def _legend(chart: Chart, data: Data, width: float, baseline: float) -> str:
    sizes = [width_of(name) + 34 for name in data.names]
    at = max((width - sum(sizes)) / 2, PAD)
    parts = []
    for series, name, size in zip(chart.series, data.names, sizes):
        scatter = chart.kind == "scatter"
        if (chart.kind == "bar" and not series.filled) or (scatter and not series.stroked and not series.marker):
            continue  # it keeps room in the picture, and is not seen
        y = baseline - SIZE * 0.35
        if series.marker and not series.stroked:
            parts.append(f'<circle cx="{at + 10:.1f}" cy="{y:.1f}" r="3" fill="{series.colour}"/>')
        elif chart.kind in ("line", "scatter"):
            dash = f' stroke-dasharray="{series.dash}"' if series.dash else ""
            parts.append(f'<path d="M{at:.1f} {y:.1f} h20" stroke="{series.colour}" stroke-width="{max(series.width, 1.0):.2f}"{dash}/>')
        else:
            parts.append(f'<rect x="{at + 8:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="{series.colour}"/>')
        parts.append(text_at(at + 24, baseline, name))
        at += size
    return "".join(parts)
