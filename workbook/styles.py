"""Styles by name: the role of a cell decides its look, never by colour alone."""

from __future__ import annotations

from typing import Any

INK, WHITE, NAVY, GREY = "1A1A1A", "FFFFFF", "1F2A44", "595959"
COLOURS = {
    "input": "1F3B9B",
    "input fill": "FFF9DB",
    "output fill": "EAF1FB",
    "header fill": NAVY,
    "unit": GREY,
    "loss": "A34700",
    "gain": "005A8C",
    "low": "FCD5B4",
    "marked fill": "FDE9D9",
    "high": "CFE3F3",
    "ink": INK,
    "white": WHITE,
    "line": "C9CED8",
    "tab input": "E0B400",
    "tab output": NAVY,
    "tab calculation": "9AA5B8",
}
TITLE_LINE = {"bottom": 2, "bottom_color": NAVY}  # below the title of a block
FONT = {"font_name": "Calibri", "font_size": 10, "valign": "vcenter"}

STYLES: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 16, "font_color": NAVY},
    "section": {"bold": True, "font_size": 12, "font_color": NAVY, **TITLE_LINE},
    "text": {"font_color": INK},
    "note": {"font_color": GREY, "italic": True},
    "label": {"font_color": INK},
    "header": {"bold": True, "font_color": WHITE, "bg_color": NAVY, "text_wrap": True, "valign": "vcenter"},
    "unit": {"font_color": GREY, "italic": True, "text_wrap": True, "valign": "bottom", "font_size": 9},
    "input": {
        "font_color": COLOURS["input"],
        "bg_color": COLOURS["input fill"],
        "border": 1,
        "border_color": COLOURS["line"],
        "locked": False,
    },
    "calculation": {"font_color": INK, "bg_color": WHITE},
    "output": {"font_color": INK, "bg_color": COLOURS["output fill"], "bold": True},
    "headline": {"font_color": INK, "bg_color": COLOURS["output fill"], "bold": True, "font_size": 14},
    "message": {"font_color": COLOURS["loss"], "bold": True},
    "fail": {"font_color": COLOURS["loss"], "bold": True},
    "pass": {"font_color": COLOURS["gain"], "bold": True},
    "link": {"font_color": COLOURS["gain"], "underline": 1},
}

CONDITIONS: dict[str, dict[str, Any]] = {  # parts of a style that a condition may set: no font size, no alignment
    "fail": {"font_color": COLOURS["loss"], "bold": True, "bg_color": COLOURS["marked fill"]},
    "pass": {"font_color": COLOURS["gain"], "bold": True},
    "alarm": {"font_color": WHITE, "bold": True, "bg_color": COLOURS["loss"]},
    "loss": {"font_color": COLOURS["loss"]},
    "hedge": {"font_color": COLOURS["gain"], "bold": True},
    "worst": {"font_color": COLOURS["loss"], "bold": True, "bg_color": COLOURS["marked fill"]},
    "header": {"font_color": WHITE, "bg_color": NAVY, "bold": True},
    "chosen": {"bold": True, "bg_color": COLOURS["output fill"]},
    "reference": {"bold": True, "top": 1, "bottom": 1},
    "level": {},
    "drawn": {"font_color": COLOURS["unit"]},
    "drawn header": {"font_color": COLOURS["unit"], "bg_color": "E4E7ED", "bold": False},
}


class Styles:
    """Formats of one workbook, made once each."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[tuple[Any, ...], Any] = {}

    def __call__(self, name: str, **more: Any) -> Any:
        """The format of a named style, with more properties such as num_format or align."""
        return self._make(("style", name, *sorted(more.items())), {**FONT, **STYLES[name], **more})

    def condition(self, name: str, **more: Any) -> Any:
        """The format that a condition lays over a cell."""
        return self._make(("condition", name, *sorted(more.items())), {**CONDITIONS[name], **more})

    def _make(self, key: tuple[Any, ...], properties: dict[str, Any]) -> Any:
        if key not in self._made:
            # an empty number format means none: written out, it would be an invalid code
            known = {name: value for name, value in properties.items() if (name, value) != ("num_format", "")}
            self._made[key] = self._book.add_format(known)
        return self._made[key]
