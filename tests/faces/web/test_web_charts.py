"""Charts of a workbook as drawings: as many bars and lines as its numbers ask for, where they belong, and text escaped."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import xlsxwriter

from xlmargin.faces.web import Session
from xlmargin.faces.web.svg_parts import fitted, width_of

SVG = "{http://www.w3.org/2000/svg}"
ROWS = [["Jan", 1, 10, 5.0], ["Feb <b>", 2, -20, 15.0], ["Mar & co", 4, 30, None], ["Apr", 8, 40, 25.0]]


def drawing(path: Path, kind: dict[str, Any], more: dict[str, Any] | None = None, combined: bool = False) -> ElementTree.Element:
    """The drawing of a chart of two series over four keys."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Data")
        for number, row in enumerate(ROWS, 1):
            sheet.write_row(number, 0, row)
        sheet.write_row(0, 0, ["", "key", "<first>", "second"])
        chart = book.add_chart(kind)
        keys = "=Data!$B$2:$B$5" if kind["type"] == "scatter" else "=Data!$A$2:$A$5"
        for column, name in (("C", "=Data!$C$1"), ("D", "=Data!$D$1")):
            values = f"=Data!${column}$2:${column}$5"
            chart.add_series({"name": name, "categories": keys, "values": values, **(more or {})})
        if combined:
            line = book.add_chart({"type": "line"})
            line.add_series({"values": "=Data!$B$2:$B$5"})
            chart.combine(line)
        chart.set_title({"name": "Title & <more>"})
        sheet.insert_chart("F2", chart)
    view = Session(path, {}).view(0)
    assert len(view["charts"]) == 1
    return ElementTree.fromstring(view["charts"][0]["svg"])


def texts(root: ElementTree.Element) -> list[str]:
    """Every text of a drawing."""
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def bars(root: ElementTree.Element) -> list[dict[str, float]]:
    """Every bar of a drawing with its place."""
    found = [element for element in root.iter(f"{SVG}rect") if element.get("class") == "bar"]
    return [{side: float(bar.get(side, "nan")) for side in ("x", "y", "width", "height")} for bar in found]


@pytest.mark.parametrize("kind", ["bar", "column"])
def test_bars_are_as_long_as_their_numbers(tmp_path: Path, kind: str) -> None:
    """Seven numbers are seven bars; lengths are in the ratio of the numbers; an empty cell is none."""
    root = drawing(tmp_path / "a.xlsx", {"type": kind})
    found = bars(root)
    length = "width" if kind == "bar" else "height"
    first = [bar[length] for bar in found[:4]]
    assert len(found) == 7
    assert [size / first[0] for size in first] == pytest.approx([1, 2, 3, 4], rel=1e-3)
    assert {"Title & <more>", "<first>", "second", "Feb <b>", "Mar & co", "0"} <= set(texts(root))


def test_stacked_bars_stand_on_each_other(tmp_path: Path) -> None:
    """Gains pile up above zero, a loss goes below it."""
    found = bars(drawing(tmp_path / "a.xlsx", {"type": "column", "subtype": "stacked"}))
    first, loss, gain = found[0], found[1], found[5]
    assert found[4]["y"] + found[4]["height"] == pytest.approx(first["y"], abs=0.02)
    assert loss["y"] == pytest.approx(first["y"] + first["height"], abs=0.02)
    assert gain["y"] + gain["height"] == pytest.approx(loss["y"], abs=0.02)


def test_shares_fill_the_height(tmp_path: Path) -> None:
    """Stacked to one hundred percent: every key's bars are equally high together."""
    found = bars(drawing(tmp_path / "a.xlsx", {"type": "column", "subtype": "percent_stacked"}))
    sums = [found[0]["height"] + found[4]["height"], found[1]["height"] + found[5]["height"], found[2]["height"]]
    assert sums == pytest.approx([sums[0]] * 3, abs=0.05)


@pytest.mark.parametrize(("kind", "gaps"), [({"type": "line"}, 2), ({"type": "scatter", "subtype": "straight"}, 2)])
def test_a_line_has_a_gap_where_a_number_is_missing(tmp_path: Path, kind: dict[str, Any], gaps: int) -> None:
    """Two lines; the second is begun again behind the empty cell."""
    root = drawing(tmp_path / "a.xlsx", kind, {"marker": {"type": "none"}, "line": {"color": "#A34700", "dash_type": "dash"}})
    lines = [element for element in root.iter(f"{SVG}path") if element.get("class") == "line"]
    assert [len(re.findall("M", line.get("d", ""))) for line in lines] == [1, gaps]
    assert {line.get("stroke") for line in lines} == {"#A34700"}
    assert lines[0].get("stroke-dasharray")
    assert list(root.iter(f"{SVG}circle")) == []


def test_a_scatter_line_stands_where_its_keys_say(tmp_path: Path) -> None:
    """Keys 1, 2, 4, 8: distances double."""
    root = drawing(tmp_path / "a.xlsx", {"type": "scatter", "subtype": "straight"})
    line = next(element for element in root.iter(f"{SVG}path") if element.get("class") == "line")
    across = [float(x) for x in re.findall(r"[ML]([\d.]+) ", line.get("d", ""))]
    steps = [after - before for before, after in pairwise(across)]
    assert [step / steps[0] for step in steps] == pytest.approx([1, 2, 4], rel=1e-2)


def test_what_is_not_drawn_is_said(tmp_path: Path) -> None:
    """A pie, and the second kind of a combined chart, are named as drawn elsewhere."""
    assert "This kind of chart is drawn in Excel or LibreOffice." in texts(drawing(tmp_path / "a.xlsx", {"type": "pie"}))
    told = "a part of this chart is drawn in Excel or LibreOffice only"
    assert told in texts(drawing(tmp_path / "b.xlsx", {"type": "column"}, combined=True))
    assert told not in texts(drawing(tmp_path / "c.xlsx", {"type": "column"}))


def test_a_name_written_into_the_chart_and_the_colour_of_markers_are_kept(tmp_path: Path) -> None:
    """A series may be named by a text, not by a cell; markers alone lend their colour; the unseen has no entry."""
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet("Data")
        sheet.write_column("A1", [1, 2])
        chart = book.add_chart({"type": "scatter", "subtype": "straight"})
        place = {"categories": "=Data!$A$1:$A$2", "values": "=Data!$A$1:$A$2", "line": {"none": True}}
        marker = {"type": "diamond", "fill": {"color": "#123456"}}
        chart.add_series({"name": "Equity now", "marker": marker, **place})
        chart.add_series({"name": "unseen", "marker": {"type": "none"}, **place})
        sheet.insert_chart("C2", chart)
    root = ElementTree.fromstring(Session(tmp_path / "a.xlsx", {}).view(0)["charts"][0]["svg"])
    assert "Equity now" in texts(root)
    assert "unseen" not in texts(root)
    assert [circle.get("fill") for circle in root.iter(f"{SVG}circle")] == ["#123456"] * 3  # two points, and the legend


def test_the_name_of_an_instrument_has_room_beside_its_bar() -> None:
    """Capitals are wider than small letters, and names of instruments are capitals."""
    assert width_of("SOL_USDC-PERPETUAL") > width_of("sol_usdc-perpetual")
    assert fitted("SOL_USDC-PERPETUAL", width_of("SOL_USDC-PERPETUAL")) == "SOL_USDC-PERPETUAL"
    cut = fitted("SOL_USDC-PERPETUAL", 60.0)
    assert cut.endswith("…")
    assert width_of(cut) <= 60.0
