"""Elements of an XML file as plain dictionaries: name of the child -> content of each child of that name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

DECIMAL = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?"

Node = dict[str, list[Any]]  # a child is text, or a node where it has children itself


class Malformed(Exception):
    """An invalid value of an element; the reader adds the line and the element."""


def nodes(node: Node, name: str) -> Iterator[Node]:
    """The children of that name that have children themselves."""
    return (child for child in node.get(name, ()) if isinstance(child, dict))


def first_text(node: Node, name: str) -> str:
    """The content of the first child of that name, "" where there is none."""
    children = node.get(name)
    return children[0] if children and isinstance(children[0], str) else ""


def number(node: Node, name: str, default: float = math.nan) -> float:
    """The number in the first child of that name, the default where it is absent or empty.

    Raises:
        Malformed: it is no number
    """
    text = first_text(node, name)
    return floats([text], name)[0] if text else default


def floats(texts: list[Any], name: str) -> list[float]:
    """Numbers of elements of one name.

    Raises:
        Malformed: one is no finite number
    """
    try:
        values = list(map(float, texts))
    except (TypeError, ValueError):
        values = [math.nan]
    # Python reads 1_000 and digits of other scripts, which only damage brings into such a file
    joined = "".join(texts) if math.isfinite(sum(values)) else "_"
    if "_" in joined or not joined.isascii():
        worst = next((text for text in texts if not re.fullmatch(DECIMAL, str(text))), "")
        raise Malformed(f"{name} must be a number, not {str(worst)[:40]!r}; download the file again")
    return values
