"""Elements of an XML file as plain dictionaries: name of the child -> what each child of that name says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

__all__ = ["Malformed", "Node", "first_text", "floats", "nodes", "number"]

Node = dict[str, list[Any]]  # a child is text, or a node where it has children itself


class Malformed(Exception):
    """Something that an element says cannot be; the reader adds the line and the element."""


def nodes(node: Node, name: str) -> Iterator[Node]:
    """The children of that name that have children themselves."""
    return (child for child in node.get(name, ()) if isinstance(child, dict))


def first_text(node: Node, name: str) -> str:
    """What the first child of that name says, "" where there is none."""
    children = node.get(name)
    return children[0] if children and isinstance(children[0], str) else ""


def number(node: Node, name: str, default: float = math.nan) -> float:
    """The number that the first child of that name says, the default where it is absent or empty.

    Raises
    ------
    Malformed: it says something else
    """
    text = first_text(node, name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    # Python reads 1_000 and digits of other scripts, which only damage brings into such a file
    if not math.isfinite(value) or "_" in text or not text.isascii():
        raise Malformed(f"{name} must be a number, not {text[:40]!r}; download the file again")
    return value


def floats(texts: list[Any], name: str) -> list[float]:
    """Numbers of elements of one name.

    Raises
    ------
    Malformed: one is no finite number
    """
    try:
        values, joined = list(map(float, texts)), "".join(texts)
    except (TypeError, ValueError):
        values, joined = [math.nan], ""
    if not math.isfinite(sum(values)) or "_" in joined or not joined.isascii():
        raise Malformed(f"{name} must be a number, not {', '.join(repr(text)[:40] for text in texts[:16])}; "
                        "download the file again")
    return values
