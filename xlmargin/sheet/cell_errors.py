"""The error values that cells hold on each face."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Excel hands errors over COM as these integers (SCODE values of CVErr); every true number arrives as a float.
ERROR_CODES = {
    -2146826288: "#NULL!",
    -2146826281: "#DIV/0!",
    -2146826273: "#VALUE!",
    -2146826265: "#REF!",
    -2146826259: "#NAME?",
    -2146826252: "#NUM!",
    -2146826246: "#N/A",
    -2146826245: "#GETTING_DATA",
    -2146826243: "#SPILL!",
    -2146826242: "#CONNECT!",
    -2146826241: "#BLOCKED!",
    -2146826240: "#UNKNOWN!",
    -2146826239: "#FIELD!",
    -2146826238: "#CALC!",
}
FIRST_ERROR, LAST_ERROR = -2146826288, -2146826238
# #REF! and its kin in any language (#BEZUG!, #¿NOMBRE?), the errors that end otherwise, and our own
ERROR_TEXT = re.compile(r"#(\S+[!?]|N/A|NV|N/D|GETTING_DATA|INVALID_DATASOURCE|PM! .*)$", re.S)


def error_text(cell: Any) -> str | None:
    """The error that a cell holds (`#N/A`), or None where it holds none."""
    if isinstance(cell, str):
        text = cell.strip()
        return text if text.startswith("#") and ERROR_TEXT.match(text) else None
    if isinstance(cell, int) and not isinstance(cell, bool) and FIRST_ERROR <= cell <= LAST_ERROR:
        return ERROR_CODES.get(cell, "value")
    if isinstance(cell, Mapping) and cell.get("type") == "Error":
        return str(cell.get("basicValue", "value"))
    return None
