"""The parts of every sheet: heads, tables, reserved areas, notes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from .layout import CHECKS, Area, Layout
from .sheets.content import Content
from .styles import COLOURS, TITLE_LINE, Styles
from .tables import as_table, placed

Role = Literal["input", "output", "calculation"]
AMOUNT, COUNT, FACTOR, MOVE = "#,##0.00_ ;-#,##0.00_ ", "0", "0.0###", "+0.0%_ ;-0.0%_ ;0.0%_ "
A4 = 9
ROW_HEIGHT = 16.0  # points; set explicitly, because the defaults of programs differ and pictures would drift


@dataclass(frozen=True, slots=True)
class Desk:
    """The workbook under construction."""

    book: Any
    style: Styles
    layout: Layout
    content: Content
    macros: bool = False

    def sheet(self, name: str, title: str, what: str, role: Role, *, widths: dict[str, float], checked: bool = True) -> Any:
        """Start a sheet: title, a line that describes it, the master check, widths and print set-up."""
        sheet = self.book.add_worksheet(name)
        sheet.set_tab_color(f"#{COLOURS['tab ' + role]}")
        sheet.hide_gridlines(2)
        sheet.set_default_row(ROW_HEIGHT)
        sheet.set_column("A:A", 2)
        for columns, width in widths.items():
            sheet.set_column(columns, width)
        sheet.set_row(0, 26)
        sheet.write_string("B1", title, self.style("title"))
        sheet.write_string("B2", what, self.style("note"))
        if checked:
            sheet.write_url("B3", f"internal:'{CHECKS}'!A1", self.style("link"), "Master check:")
            self.formula(sheet, "C3", "=master_check", "calculation")
            self.verdicts(sheet, "C3")
        sheet.freeze_panes(3, 0)  # title and master check stay in sight; a sheet may freeze more
        self._print_setup(sheet)
        return sheet

    def part(self, area: Area, title: str, what: str, widths: Mapping[str, float], *, above: int = 3) -> Any:
        """Start a further part of a sheet: its title some rows above an area, and a line that describes it; `signpost` leads to it."""
        sheet = self.book.get_worksheet_by_name(area.sheet)
        for columns, width in widths.items():
            sheet.set_column(columns, width)
        row = area.row - above
        self.section(sheet, row, area.column, title, area.columns)
        sheet.write_string(row + 1, area.column, what, self.style("note"))
        return sheet

    def section(self, sheet: Any, row: int, column: int, title: str, columns: int) -> None:
        """The title of a block with a line under it, as wide as the block."""
        for c in range(1, columns):
            sheet.write_blank(row, column + c, None, self.style("section"))
        sheet.write_string(row, column, title, self.style("section"))

    def drawn(self, *areas: Area, widths: Mapping[str, float] = MappingProxyType({}), above: int = 3) -> Any:
        """Start the columns behind a picture, under a title of their own and in grey: nobody is to take them for answers."""
        sheet = self.part(areas[0], "What the picture draws", "calculated from the tables; nothing to type", widths, above=above)
        for area in areas:
            for block, look in ((area.part(rows=1), "drawn header"), (area.body, "drawn")):
                sheet.conditional_format(block.near, {"type": "formula", "criteria": "=TRUE", "format": self.style.condition(look)})
        return sheet

    def print_parts(self, sheet: Any, *parts: Area) -> None:
        """Print these parts of a sheet alone, each from a page of its own."""
        self.book.define_name(f"'{sheet.get_name()}'!_xlnm.Print_Area", "=" + ",".join(part.ref for part in parts))

    def signpost(self, sheet: Any, cell: str, area: Area, words: str, *, above: int = 3) -> None:
        """A link to a further part of the same sheet."""
        sheet.write_url(cell, f"internal:'{area.sheet}'!{area.bare(-above, 0)}", self.style("link"), words)

    @staticmethod
    def _print_setup(sheet: Any) -> None:
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.set_footer("&L&A&Cxlmargin&RPage &P of &N")

    def formula(self, sheet: Any, cell: str, formula: str, style: str, **more: Any) -> None:
        """Write a formula without a value: a program that does not calculate must leave it blank, never show a zero."""
        sheet.write_formula(cell, formula, self.style(style, **more), "")

    def array(self, sheet: Any, area: Area, formula: str, style: str, patterns: Sequence[str] = (), **more: Any) -> None:
        """Write one formula over all cells of an area, with a number format for each of its columns.

        A recalculation then takes one formula instead of one per row. Its functions must go through arrays in every program; in the
        embedded engine ISNUMBER, INDEX, MATCH, SMALL, RANK and COUNTIF do not: see `tables.is_number`.
        """
        looks = [self.style(style, **more, **({"num_format": pattern} if pattern else {})) for pattern in patterns or [""] * area.columns]
        sheet.write_dynamic_array_formula(area.near, formula, looks[0], "")
        self._empty(sheet, area, lambda _, c: looks[c])

    @staticmethod
    def _empty(sheet: Any, area: Area, look: Callable[[int, int], Any]) -> None:
        """Empty the cells that the writer fills with zeros: a program that does not calculate would show these."""
        for r in range(area.rows):
            for c in range(area.columns):
                if r or c:
                    sheet.write_blank(area.row + r, area.column + c, None, look(r, c))

    def header(
        self, sheet: Any, area: Area, headings: Sequence[str], units: Sequence[str] = (), formats: Sequence[str] = (), *, tall: bool = True
    ) -> None:
        """The header row of an area, with the units in a separate row above it; those of numbers are aligned right.

        That row is tall enough for two lines, unless another part of the sheet has a row of its table there.
        """
        sides = [_side(pattern) for pattern in formats or [""] * len(headings)]
        for column, (heading, side) in enumerate(zip(headings, sides)):
            sheet.write_string(area.row, area.column + column, heading, self.style("header", **side))
        for column, (unit, side) in enumerate(zip(units, sides)):
            sheet.write_string(area.row - 1, area.column + column, unit, self.style("unit", **side))
        if units and tall:
            sheet.set_row(area.row - 1, 36)

    def units(self, sheet: Any, area: Area, texts: Sequence[str], *, coins: int | None = None) -> None:
        """Units in the row above an area whose headings a function writes, those of numbers aligned right.

        From the column `coins` on a unit shows only where there is a heading: a book has fewer coins than the area has columns.
        """
        for c, text in enumerate(texts):
            if coins is not None and c >= coins:
                cell, heading = area.bare(-1, c), area.bare(0, c)
                self.formula(sheet, cell, f'=IF({heading}="","","{text}")', "unit", align="right")
            elif text:
                sheet.write_string(area.row - 1, area.column + c, text, self.style("unit", align="right"))

    def inputs(self, sheet: Any, area: Area, rows: Sequence[Sequence[Any]], formats: Sequence[str]) -> None:
        """Cells to type in, filled with the sample's values as far as they go."""
        for r in range(area.rows):
            for c in range(area.columns):
                value = rows[r][c] if r < len(rows) else None
                style = self.style("input", num_format=formats[c]) if formats[c] else self.style("input")
                put(sheet, area.row + r, area.column + c, value, style)

    def reserved(
        self,
        sheet: Any,
        area: Area,
        call: str,
        formats: Sequence[str],
        first: str,
        *,
        message: str = "B4",
        align: str = "",
        lay: Callable[[Area, str], str] = as_table,
        cut: str = '""',
        lined: bool = False,
    ) -> None:
        """A table of any length in an area of fixed size: `call` is evaluated once, and the rest stays blank.

        The message of a function that could not answer is in the first cell, and once more above the table where it is
        not cut off. `align` is for texts among numbers; `lay` writes the formula, and `cut` is a note above the table on
        the part that the formula left out. `lined` is for a message beside the title of a block, whose line goes on below it.
        """
        sheet.write_dynamic_array_formula(area.near, lay(area, call), self.style("header", text_wrap=False, **_side(formats[0])), "")
        heads, bodies = [self.style("calculation", **_side(pattern)) for pattern in formats], []
        for pattern in formats:
            look = {"align": "center"} if pattern == COUNT else {"align": align} if pattern and align else {}
            bodies.append(self.style("calculation", **look, **({"num_format": pattern} if pattern else {})))
        self._empty(sheet, area, lambda r, c: bodies[c] if r else heads[c])
        head = area.part(rows=1)
        sheet.conditional_format(
            head.near, {"type": "formula", "criteria": f"=LEN({self._loose(head)})>0", "format": self.style.condition("header")}
        )
        self.message(
            sheet, message, area.cell(0, 0), f'IF({area.cell(0, 0)}="{first}",{cut},{placed(area.cell(0, 0), self.layout)})', lined
        )

    def message(self, sheet: Any, cell: str, watched: str, text: str, lined: bool = False) -> None:
        """The message of a function that could not answer, next to its cell.

        In the workbook with macros the cell itself has a true error there, and a macro gives the text; without that macro, as
        in all other programs, the text is in the cell and `text` shows it.
        """
        line = f'IF(_xlpm.m="",{text},{placed("_xlpm.m", self.layout)})'  # without a fault the text may still be an alarm
        asked = f"=IFERROR(_xlfn.LET(_xlpm.m,PM_MESSAGE({watched}),{line}),{text})"
        self.formula(sheet, cell, asked if self.macros else f"={text}", "message", **(TITLE_LINE if lined else {}))

    @staticmethod
    def _loose(area: Area) -> str:
        """The first cell of an area as a condition that moves along with each cell is written."""
        return area.bare(0, 0)

    def verdicts(self, sheet: Any, where: str) -> None:
        """Colours for PASS and FAIL, in addition to the words."""
        for word, style in (("FAIL", "fail"), ("PASS", "pass")):
            sheet.conditional_format(where, {"type": "cell", "criteria": "==", "value": f'"{word}"', "format": self.style.condition(style)})

    def losses(self, sheet: Any, area: Area, unless: str) -> None:
        """A colour for negative amounts, in addition to their sign, except in rows that another condition marks."""
        sheet.conditional_format(
            area.near,
            {
                "type": "formula",
                "criteria": f"=AND(ISNUMBER({self._loose(area)}),{self._loose(area)}<0,NOT({unless}))",
                "format": self.style.condition("loss"),
            },
        )


def _side(pattern: str) -> dict[str, Any]:
    """The alignment of a column's heading: left over texts, centred over counts, right over other numbers."""
    sides: dict[str, dict[str, Any]] = {"": {"align": "left"}, COUNT: {"align": "center"}}
    return sides.get(pattern, {"align": "right", "indent": 1})


def put(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    """One typed cell."""
    if value is None or value == "":
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, dt.date):
        sheet.write_datetime(row, column, value, style)
    else:
        sheet.write(row, column, value, style)
