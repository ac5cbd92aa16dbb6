"""The styles of cells as the page needs them: few, numbered, and nothing in them that a file could smuggle in."""

from __future__ import annotations

import json
import re
from typing import Any

from xlmargin.engine import Look

_COLOUR = re.compile(r"#?(?:[0-9A-Fa-f]{2})?([0-9A-Fa-f]{6})$")
_FONT = re.compile(r"[\w .+-]{1,60}$")
_LINES = {
    "thin": (1, "solid"),
    "hair": (1, "dotted"),
    "dotted": (1, "dotted"),
    "dashed": (1, "dashed"),
    "double": (3, "double"),
    "medium": (2, "solid"),
    "mediumdashed": (2, "dashed"),
    "thick": (3, "solid"),
    "slantdashdot": (2, "dashed"),
    "mediumdashdot": (2, "dashed"),
    "mediumdashdotdot": (2, "dashed"),
    "dashdot": (1, "dashed"),
    "dashdotdot": (1, "dashed"),
}
_SIDES = {"left": "l", "right": "r", "top": "t", "bottom": "b"}
_DEFAULT_FONT, _DEFAULT_SIZE = "Calibri", 11
_ICONS = {"ArrowDown": "▼", "ArrowUp": "▲", "ArrowRight": "►"}

Style = dict[str, Any]


class StyleTable:
    """Every style that has been sent to the page, by number; a number never changes its meaning."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"={}": 0}
        self._styles: list[Style] = [{}]  # number 0: an unformatted cell

    def number(self, look: Look, colour: str, indent: int) -> int:
        """The number of a look, with the colour that its number format asks for and its indent."""
        key = f"{look!r}|{colour}|{indent}"
        if key not in self._numbers:
            style = _style(look, colour, indent)
            same = "=" + json.dumps(style, sort_keys=True)
            if same not in self._numbers:
                self._numbers[same] = len(self._styles)
                self._styles.append(style)
            self._numbers[key] = self._numbers[same]
        return self._numbers[key]

    def since(self, known: int) -> list[Style]:
        """The styles from a number on."""
        return self._styles[max(known, 0) :]


def _style(look: Look, colour: str, indent: int) -> Style:
    font, align = look.style.get("font", {}), look.style.get("alignment") or {}
    name = str(font.get("name", _DEFAULT_FONT))
    found: Style = {
        "font": name if _FONT.match(name) and name != _DEFAULT_FONT else "",
        "size": float(font.get("sz") or _DEFAULT_SIZE),
        "bold": bool(font.get("b")),
        "italic": bool(font.get("i")),
        "underline": bool(font.get("u")),
        "strike": bool(font.get("strike")),
        "colour": colour or _colour(font.get("color")),
        "fill": _colour((look.style.get("fill") or {}).get("color")),
        "across": str(align.get("horizontal", "")) if align.get("horizontal") in _ACROSS else "",
        "down": str(align.get("vertical", "bottom")) if align.get("vertical") in ("top", "center") else "",
        "wrap": bool(align.get("wrap_text")),
        "indent": indent,
        "lines": _lines(look.style.get("border") or {}),
    }
    if look.bar:
        found["bar"] = {
            "value": float(look.bar.get("value") or 0.0),
            "axis": abs(float(look.bar.get("axis_position") or 0.0)),
            "colour": _colour(look.bar.get("positive_color")),
            "below": _colour(look.bar.get("negative_color")),
            "shown": bool(look.bar.get("show_value", True)),
        }
    if look.icon:
        found["icon"] = [_ICONS.get(str(look.icon.get("icon")), "●"), _colour(look.icon.get("color"))]
    return {key: value for key, value in found.items() if value not in ("", False, 0, {})}


_ACROSS = ("left", "right", "center", "centerContinuous", "fill", "justify", "distributed")


def _colour(value: Any) -> str:
    found = _COLOUR.match(str(value or ""))
    return f"#{found[1]}" if found else ""


def _lines(border: dict[str, Any]) -> dict[str, list[Any]]:
    found = {}
    for side, letter in _SIDES.items():
        line = border.get(side)
        if line:
            width, kind = _LINES.get(str(line.get("style", "")).lower(), (1, "solid"))
            found[letter] = [width, kind, _colour(line.get("color")) or "#000000"]
    return found
