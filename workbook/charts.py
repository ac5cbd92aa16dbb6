"""The pictures: scenario bars with the worst one marked, the P&L profile, the methods side by side."""

from __future__ import annotations

from typing import Any

from .layout import Area
from .parts import Desk
from .styles import COLOURS

RAMP = ("A34700", "D98032", "595959", "4A94C4", "005A8C")  # vol down … vol up
DASHES = ("dash", "square_dot", "solid", "long_dash", "long_dash_dot")


def scenario_bars(desk: Desk, *, wide: bool = False) -> Any:
    """Profit and loss of the scenarios, the worst first and in its own colour."""
    area = desk.layout.worst_bars
    chart = desk.book.add_chart({"type": "bar", "subtype": "stacked"})
    for column, colour in ((2, COLOURS["loss"]), (3, "6F8FBF")):
        series(chart, area, column, {"fill": {"color": f"#{colour}"}, "gap": 35})
    bars(chart, "Scenarios of the book, worst first")
    chart.set_size({"width": 900 if wide else 620, "height": 420})
    return chart


def method_bars(desk: Desk) -> Any:
    """Initial margin by method, largest first; the chosen one, and those that are not published, in separate colours."""
    area = desk.layout.ranked_bars
    chart = desk.book.add_chart({"type": "bar", "subtype": "stacked"})
    for column, colour in ((2, COLOURS["header fill"]), (3, "6F8FBF"), (4, "E2B27C")):
        series(chart, area, column, {"fill": {"color": f"#{colour}"}, "gap": 35})
    bars(chart, "Initial margin by method")
    chart.set_plotarea({"layout": {"x": 0.2, "y": 0.08, "width": 0.76, "height": 0.78}})  # every label in sight
    chart.set_size({"width": 1000, "height": 570})
    return chart


def waterfall(desk: Desk) -> Any:
    """The build-up of the initial margin: the margin, and each line of the statement from the end of the one before it."""
    area = desk.layout.waterfall
    chart = desk.book.add_chart({"type": "bar", "subtype": "stacked"})
    series(chart, area, 3, {"fill": {"none": True}, "border": {"none": True}, "gap": 35})
    for column, colour in ((4, "6F8FBF"), (5, "E2B27C"), (6, COLOURS["header fill"])):
        series(chart, area, column, {"fill": {"color": f"#{colour}"}, "gap": 35})
    bars(chart, "How the initial margin adds up: lines that add (blue) and that take off (orange)")
    chart.set_legend({"none": True})  # programs differ in the entry that they leave out, and readers do not need "below"
    chart.set_size({"width": 1000, "height": 440})
    return chart


def loss_bars(desk: Desk) -> Any:
    """The histogram of profits and losses on past days, the days beyond value at risk in a separate colour."""
    area = desk.layout.bins
    chart = desk.book.add_chart({"type": "column", "subtype": "stacked"})
    for column, colour in ((3, "6F8FBF"), (4, COLOURS["loss"])):
        series(chart, area, column, {"fill": {"color": f"#{colour}"}, "gap": 8}, keys=0)
    chart.set_title({"name": "Profit and loss of the book under each past move", **TITLE})
    chart.set_x_axis(
        {"num_format": "#,##0", "num_font": {**SMALL, "rotation": -45}, "label_position": "low", "name": "USD, from", "name_font": SMALL}
    )
    chart.set_y_axis({"num_format": "0", "num_font": SMALL, "major_gridlines": GRID_LINES, "name": "days", "name_font": SMALL})
    chart.set_legend({"position": "bottom", "font": SMALL})
    chart.set_size({"width": 790, "height": 450})
    return chart


def strategy_bars(desk: Desk, table: Area) -> Any:
    """Rules-based next to portfolio margin for each row of a table: its columns are label, legs, rules, portfolio."""
    chart = desk.book.add_chart({"type": "bar"})
    rows = table.body
    for column, colour in ((2, COLOURS["header fill"]), (3, "6F8FBF")):
        chart.add_series(
            {
                "name": f"={table.far(0, column)}",
                "categories": f"={rows.part(columns=1).ref}",
                "values": f"={rows.part(column=column, columns=1).ref}",
                "fill": {"color": f"#{colour}"},
                "gap": 60,
                "data_labels": {"value": True, "num_format": "#,##0", "font": SMALL},
            }
        )
    bars(chart, "Rules-based and portfolio margin by strategy")
    chart.set_size({"width": 900, "height": 340})
    return chart


def profile(desk: Desk, *, wide: bool = False) -> Any:
    """Profit and loss against the price move, a line per vol move."""
    area = desk.layout.profile
    chart = desk.book.add_chart({"type": "scatter", "subtype": "straight"})
    for column in range(1, area.columns):
        look = {"line": {"color": f"#{RAMP[column - 1]}", "width": 2.25, "dash_type": DASHES[column - 1]}, "marker": {"type": "none"}}
        series(chart, area, column, look, keys=0)
    chart.set_title({"name": "P&L profile by vol move", **TITLE})
    chart.set_x_axis(
        {
            "num_format": "+0%;-0%;0%",
            "label_position": "low",
            "name": "price move",
            "name_font": SMALL,
            "num_font": SMALL,
            "major_gridlines": GRID_LINES,
        }
    )
    chart.set_y_axis(
        {
            "num_format": "#,##0",
            "num_font": SMALL,
            "major_gridlines": GRID_LINES,
            "name": "USD",
            "name_font": SMALL,
            "label_position": "low",
        }
    )
    chart.set_legend({"position": "bottom", "font": SMALL})
    chart.set_size({"width": 640 if wide else 760, "height": 460 if wide else 420})
    return chart


SMALL = {"size": 9, "color": f"#{COLOURS['ink']}", "bold": False}
TITLE = {"name_font": {"size": 12, "color": f"#{COLOURS['header fill']}"}, "overlay": False}
GRID_LINES = {"visible": True, "line": {"color": f"#{COLOURS['line']}", "width": 0.5}}


def series(chart: Any, area: Area, column: int, look: dict[str, Any], *, keys: int = 1) -> None:
    """One column of an area, named by its heading, against another of its columns."""
    chart.add_series(
        {
            "name": f"={area.far(0, column)}",
            "categories": f"={area.body_column(keys).ref}",
            "values": f"={area.body_column(column).ref}",
            **look,
        }
    )


def bars(chart: Any, title: str, unit: str = "USD", pattern: str = "#,##0") -> None:
    """Title, axes and legend of horizontal bars, the first one at the top."""
    chart.set_title({"name": title, **TITLE})
    chart.set_y_axis(
        {
            "reverse": True,
            "interval_unit": 1,
            "label_position": "low",
            "num_font": SMALL,
            "major_gridlines": {"visible": False},
            "major_tick_mark": "none",  # rows that are still free must not look like bars of nothing
            "minor_tick_mark": "none",
            "line": {"none": True},
        }
    )
    chart.set_x_axis(
        {
            "num_format": pattern,
            "num_font": SMALL,
            "major_gridlines": GRID_LINES,
            "name": unit,
            "name_font": SMALL,
            "label_position": "high",
        }
    )
    chart.set_legend({"position": "bottom", "font": SMALL})
