"""The charts of a workbook as its file defines them: kinds, series as ranges, axes, colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from xlmargin.engine.formula import CellArea, parse_area
from xlmargin.faces.web.frame import Frame

_KINDS = {"BarChart": "bar", "LineChart": "line", "AreaChart": "area", "ScatterChart": "scatter", "PieChart": "pie", "DoughnutChart": "pie"}
#: Colours of series that the file gives none: of one palette, each distinct from its neighbours without hue.
_PALETTE = ("#1F2A44", "#6F8FBF", "#A34700", "#E2B27C", "#005A8C", "#595959", "#4A94C4", "#D98032")
_DASHES = {
    "dash": "6 3",
    "sysDash": "3 2",
    "dot": "1 3",
    "sysDot": "1 2",
    "lgDash": "10 4",
    "dashDot": "6 3 1 3",
    "lgDashDot": "10 3 1 3",
    "sysDashDot": "3 2 1 2",
    "lgDashDotDot": "10 3 1 3 1 3",
}
_EMU_PER_PIXEL = 9525

#: Reads the cells of a reference, such as 'Risk array'!$AA$7:$AA$22, as one row of values.
Reader = Callable[[str], list[Any]]


@dataclass(frozen=True, slots=True)
class Series:
    """One series: references of its name, keys and values; its looks; `label` is a name written into the chart itself."""

    name: str
    keys: str
    values: str
    colour: str
    width: float
    dash: str
    marker: bool
    label_format: str | None
    filled: bool = True
    points: tuple[tuple[int, str], ...] = ()
    stroked: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: title, number format, direction, place of its labels, limits, gridlines."""

    title: str = ""
    number_format: str = "General"
    reverse: bool = False
    labels: str = "nextTo"
    least: float | None = None
    most: float | None = None
    grid: bool = False
    turned: bool = False
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its place on its sheet in pixels, and its content; not `whole` where it joins several kinds."""

    sheet: str
    left: float
    top: float
    width: float
    height: float
    kind: str
    title: str
    across: bool
    stacked: str
    gap: float
    legend: str
    series: tuple[Series, ...]
    keys: Axis
    values: Axis
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Data:
    """The present content of the series: names, keys and values, numbers or None."""

    names: list[str]
    keys: list[list[Any]]
    values: list[list[float | None]] = field(default_factory=list)


def charts(book: Any, frames: list[Frame]) -> list[Chart]:
    """The charts of a workbook that openpyxl has read, in the order of its sheets."""
    return [_chart(chart, frame) for sheet, frame in zip(book.worksheets, frames) for chart in sheet._charts]


def data_of(chart: Chart, read: Reader) -> Data:
    """The data of a chart now; `read` gives the cells of a reference."""
    found = Data([], [])
    for number, series in enumerate(chart.series, 1):
        name = read(series.name) if series.name else [series.label]
        found.names.append(str(name[0]) if name and name[0] not in (None, "") else f"Series {number}")
        values = read(series.values) if series.values else []
        found.values.append([_number(value) for value in values])
        found.keys.append(read(series.keys) if series.keys else [float(n) for n in range(1, len(values) + 1)])
    return found


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _chart(chart: Any, frame: Frame) -> Chart:
    left, top, width, height = _place(chart.anchor, frame)
    kind = _KINDS.get(type(chart).__name__, "")
    shares = str(getattr(chart, "grouping", "") or "")
    x, y = getattr(chart, "x_axis", None), getattr(chart, "y_axis", None)
    return Chart(
        frame.name,
        left,
        top,
        width,
        height,
        kind,
        _words(chart.title),
        getattr(chart, "type", "col") == "bar",
        shares if shares in ("stacked", "percentStacked") else "",
        float(getattr(chart, "gapWidth", None) or 150),
        str(chart.legend.position) if chart.legend is not None else "",
        tuple(_series(series, number, kind) for number, series in enumerate(chart.series)),
        _axis(x),
        _axis(y),
        len(chart._charts) <= 1,
    )


def _place(anchor: Any, frame: Frame) -> tuple[float, float, float, float]:
    start = getattr(anchor, "_from", None)
    if start is None:
        corner, size = anchor.pos, anchor.ext
        return corner.x / _EMU_PER_PIXEL, corner.y / _EMU_PER_PIXEL, size.width / _EMU_PER_PIXEL, size.height / _EMU_PER_PIXEL
    left, top = frame.left(start.col, start.colOff), frame.top(start.row, start.rowOff)
    end = getattr(anchor, "to", None)
    if end is None:
        return left, top, anchor.ext.width / _EMU_PER_PIXEL, anchor.ext.height / _EMU_PER_PIXEL
    return left, top, frame.left(end.col, end.colOff) - left, frame.top(end.row, end.rowOff) - top


def _reference(source: Any) -> str:
    """The reference of a data source, of text or of numbers."""
    for part in ("numRef", "strRef", "multiLvlStrRef"):
        found = getattr(source, part, None)
        if found is not None:
            return str(found.f)
    return ""


def _series(series: Any, number: int, kind: str) -> Series:
    keys, values = (series.xVal, series.yVal) if kind == "scatter" else (series.cat, series.val)
    look = series.graphicalProperties
    line = look.line if look is not None else None
    plain = _PALETTE[number % len(_PALETTE)]
    filled = not (look is not None and look.noFill)
    colour = _colour(getattr(look, "solidFill", None))
    stroke = _colour(getattr(line, "solidFill", None))
    labels = series.dLbls
    shown = labels is not None and bool(labels.showVal)
    marker = kind == "scatter" if series.marker is None else series.marker.symbol is not None  # None is written as none
    stroked = not (line is not None and line.noFill)
    if series.marker is not None and not stroked:  # markers alone: theirs is the colour that is seen
        stroke = _colour(getattr(series.marker.graphicalProperties, "solidFill", None)) or stroke
    points = tuple((point.idx, _colour(getattr(point.graphicalProperties, "solidFill", None)) or plain) for point in series.dPt)
    return Series(
        _reference(series.tx) if series.tx is not None else "",
        _reference(keys),
        _reference(values),
        (stroke or colour if kind in ("line", "scatter") else colour) or plain,
        (line.width or 0) / _EMU_PER_PIXEL if line is not None and line.width else 2.0,
        _DASHES.get(str(getattr(line, "prstDash", "") or ""), ""),
        marker,
        (str(labels.numFmt or "General") if shown else None),
        filled,
        points,
        stroked,
        str(series.tx.v or "") if series.tx is not None else "",
    )


def _colour(fill: Any) -> str:
    """The colour of a fill that names one outright; theme colours are left to the palette."""
    value = getattr(fill, "srgbClr", None)
    text = str(getattr(value, "val", value) or "")
    return f"#{text}" if len(text) == 6 and all(c in "0123456789abcdefABCDEF" for c in text) else ""


def _axis(axis: Any) -> Axis:
    if axis is None:
        return Axis()
    limits = axis.scaling
    code = axis.numFmt.formatCode if getattr(axis, "numFmt", None) is not None else "General"
    turn = getattr(getattr(axis.txPr, "bodyPr", None), "rot", None) if axis.txPr is not None else None
    return Axis(
        _words(axis.title),
        code or "General",
        limits.orientation == "maxMin",
        str(axis.tickLblPos or "nextTo"),
        limits.min,
        limits.max,
        axis.majorGridlines is not None,
        bool(turn),
        not axis.delete,
    )


def _words(title: Any) -> str:
    rich = getattr(getattr(title, "tx", None), "rich", None)
    if rich is None:
        return ""
    return " ".join("".join(run.t or "" for run in paragraph.r or ()) for paragraph in rich.p).strip()


def reference_area(reference: str, names: dict[str, str]) -> CellArea | None:
    """The range of a reference of a chart, which may be a defined name; None where it is neither."""
    text = reference.strip().removeprefix("(").removesuffix(")")
    _, mark, last = text.rpartition("!")
    area = parse_area(names.get((last if mark else text).lower(), text), "")
    return area if area is not None and area.sheet else None
