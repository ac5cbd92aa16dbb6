"""How an answer in JSON is damaged: the places of its values, and what stands in their stead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# what no key of an answer can mean
JUNK = (
    None,
    "",
    " ",
    "x",
    "1e999",
    "nan",
    "1_0",
    "-",
    True,
    [],
    {},
    [[]],
    [7],
    {"a": []},
    "\n\n",
    "#REF!",
    "é" * 200,
    10**400,
    float("inf"),
)


def places(content: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a content."""
    for key in list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield (*at, key)
        yield from places(content[key], (*at, key))


def at(content: Any, path: tuple[Any, ...]) -> Any:
    """The value under a path."""
    for key in path:
        content = content[key]
    return content
