"""The pictures of the desk's sheets: contributions, what-if, limits, the account over time, the causes of a margin move."""

from __future__ import annotations

from typing import Any

from .charts import GRID_LINES, SMALL, TITLE, bars, series
from .layout import OTHER_METHODS
from .parts import Desk
from .styles import COLOURS

# shares of a picture that is low: programs leave half of it to the axis and the legend otherwise
PLOT = {"layout": {"x": 0.2, "y": 0.15, "width": 0.76, "height": 0.6}}
BLUE, ORANGE, NAVY = "6F8FBF", "E2B27C", COLOURS["header fill"]


def top_bars(desk: Desk) -> Any:
    """The largest contributions, hedges in a separate colour."""
    chart = desk.book.add_chart({"type": "bar", "subtype": "stacked"})
    for column, colour in ((3, BLUE), (4, ORANGE)):
        series(chart, desk.layout.top_bars, column, {"fill": {"color": f"#{colour}"}, "gap": 35})
    bars(chart, "Largest contributions to the initial margin")
    chart.set_plotarea(PLOT)
    chart.set_size({"width": 1000, "height": 320})
    return chart


def before_and_after(desk: Desk) -> Any:
    """Initial margin of each method before and after the trades."""
    area = desk.layout.what_if
    chart = desk.book.add_chart({"type": "bar"})
    rows = area.part(row=1, rows=OTHER_METHODS + 1)
    for column, name, colour in ((1, "before the trades", BLUE), (2, "after the trades", NAVY)):
        chart.add_series(
            {
                "name": name,
                "categories": f"={rows.part(columns=1).ref}",
                "values": f"={rows.part(column=column, columns=1).ref}",
                "fill": {"color": f"#{colour}"},
                "gap": 60,
                "data_labels": {"value": True, "num_format": "#,##0", "font": SMALL},
            }
        )
    bars(chart, "Initial margin before and after the trades")
    chart.set_size({"width": 1000, "height": 290})
    return chart


def limit_bars(desk: Desk) -> Any:
    """The share of each limit that is used, those beyond their limit in a separate colour."""
    chart = desk.book.add_chart({"type": "bar", "subtype": "stacked"})
    for column, colour in ((1, BLUE), (2, ORANGE), (3, COLOURS["loss"])):
        look = {"fill": {"color": f"#{colour}"}, "gap": 35}
        series(chart, desk.layout.limit_bars, column, look, keys=0)
    bars(chart, "Share of each limit that is used", "100% is the limit", "0%")
    chart.set_plotarea(PLOT)
    chart.set_size({"width": 760, "height": 300})
    return chart


def readings(desk: Desk) -> Any:
    """Equity and margins over time, and their present values."""
    past, frame = desk.layout.monitor, desk.layout.reading_frame
    now = frame.part(row=3, rows=1)
    chart = desk.book.add_chart({"type": "scatter", "subtype": "straight"})
    for column, colour, dash in ((1, NAVY, "solid"), (2, "4A94C4", "solid"), (3, COLOURS["loss"], "dash")):
        line = {"color": f"#{colour}", "width": 2, "dash_type": dash}
        series(chart, past, column, {"line": line, "marker": {"type": "none"}}, keys=0)
        marker = {"type": "diamond", "size": 8, "fill": {"color": f"#{colour}"}, "border": {"color": f"#{colour}"}}
        chart.add_series(
            {
                "name": f"{('Equity', 'Initial margin', 'Maintenance margin')[column - 1]} now",
                "categories": f"={now.part(columns=1).ref}",
                "values": f"={now.part(column=column, columns=1).ref}",
                "line": {"none": True},
                "marker": marker,
            }
        )
    unseen = {"line": {"none": True}, "marker": {"type": "none"}}
    series(chart, frame.part(rows=3), 1, unseen, keys=0)
    chart.set_title({"name": "Equity and margins: readings of xlmargin watch, and now", **TITLE})
    chart.set_x_axis({"num_format": "mm-dd hh:mm", "num_font": SMALL, "major_gridlines": GRID_LINES, "name": "UTC", "name_font": SMALL})
    chart.set_y_axis({"num_format": "#,##0", "num_font": SMALL, "major_gridlines": GRID_LINES, "name": "USD", "name_font": SMALL})
    chart.set_legend({"position": "bottom", "font": SMALL, "delete_series": [6]})
    chart.set_size({"width": 880, "height": 400})
    return chart


def move_bars(desk: Desk) -> Any:
    """From the earlier margin to the present one, cause by cause."""
    chart = desk.book.add_chart({"type": "bar", "subtype": "stacked"})
    area = desk.layout.move_bars
    series(chart, area, 2, {"fill": {"none": True}, "border": {"none": True}, "gap": 35}, keys=0)
    for column, colour in ((3, BLUE), (4, ORANGE), (5, NAVY)):
        series(chart, area, column, {"fill": {"color": f"#{colour}"}, "gap": 35}, keys=0)
    bars(chart, "Why the initial margin moved: causes that add (blue) and that take off (orange)")
    chart.set_legend({"none": True})
    chart.set_plotarea({"layout": {"x": 0.2, "y": 0.13, "width": 0.76, "height": 0.7}})
    chart.set_size({"width": 860, "height": 350})
    return chart
