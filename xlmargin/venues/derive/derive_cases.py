"""A venue's saved cases, read key by key: what is missing is told by its place, what is not known is remembered."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR_INTEGER = 1e-6  # some of the venue's integers stand a rounding error below the next one in floating point


class CaseError(Exception):
    """A case that cannot be recomputed, and why."""


class Node:
    """One object of a saved case; every key that is read is crossed off."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise CaseError(f"{path} must be an object, not {_kind(value)}")
        self.value, self.path, self.read = value, path, set[str]()
        self.children: list[Node] = []

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def raw(self, key: str) -> Any:
        """Whatever stands under a key."""
        self.read.add(key)
        if key not in self.value:
            raise CaseError(f"{self.path} lacks {key!r}")
        return self.value[key]

    def skip(self, *keys: str) -> None:
        """Keys that say nothing about the numbers."""
        self.read.update(keys)

    def number(self, key: str) -> float:
        """A finite number."""
        return _number(self.raw(key), f"{self.path}.{key}")

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.raw(key)
        if not isinstance(value, bool):
            raise CaseError(f"{self.path}.{key} must be true or false, not {_kind(value)}")
        return value

    def text(self, key: str) -> str:
        """A text."""
        value = self.raw(key)
        if not isinstance(value, str):
            raise CaseError(f"{self.path}.{key} must be a text, not {_kind(value)}")
        return value

    def items(self, key: str) -> list[Any]:
        """A list of anything."""
        value = self.raw(key)
        if not isinstance(value, list):
            raise CaseError(f"{self.path}.{key} must be a list, not {_kind(value)}")
        return value

    def node(self, key: str) -> Node:
        """The object under a key."""
        child = Node(self.raw(key), f"{self.path}.{key}")
        self.children.append(child)
        return child

    def nodes(self, key: str) -> list[Node]:
        """The objects of the list under a key."""
        found = [Node(item, f"{self.path}.{key}[{n}]") for n, item in enumerate(self.items(key))]
        self.children += found
        return found

    def numbers(self, key: str) -> Floats:
        """A list of finite numbers."""
        return np.array([_number(item, f"{self.path}.{key}[{n}]") for n, item in enumerate(self.items(key))], np.float64)

    def unread(self) -> Iterator[str]:
        """Places of the keys that nothing has read."""
        for key in self.value:
            if key not in self.read:
                yield f"{self.path}.{key}"
        for child in self.children:
            yield from child.unread()


def column(nodes: Sequence[Node], key: str) -> Floats:
    """One number of each object."""
    return np.array([node.number(key) for node in nodes], np.float64)


def flags(nodes: Sequence[Node], key: str) -> NDArray[np.bool_]:
    """One true or false of each object."""
    return np.array([node.flag(key) for node in nodes], np.bool_)


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}.get(type(value), f"{value!r}")


def _number(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CaseError(f"{path} must be a number, not {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise CaseError(f"{path} is too large a number") from None
    if not math.isfinite(number):
        raise CaseError(f"{path} must be a finite number, not {number}")
    return number


def truncated(value: float) -> float:
    """A number without its decimals, towards 0, as the venue's integer sets print it."""
    return float(math.trunc(value + math.copysign(NEAR_INTEGER, value))) if math.isfinite(value) else value


class Comparison:
    """Our numbers against theirs, one by one; the first that differs is named.

    Attributes:
        relative: tolerance as a share of their number
        absolute: what rounding alone may come to, for numbers near 0
    """

    def __init__(self, relative: float, absolute: float) -> None:
        self.relative, self.absolute = relative, absolute
        self.count, self.differing, self.first = 0, 0, ""

    def number(self, name: str, ours: float, theirs: float) -> None:
        """Compare one number."""
        allowed = self.relative * abs(theirs) + self.absolute
        self.count += 1
        if not abs(ours - theirs) <= allowed:
            self.differing += 1
            self.first = self.first or f"{name}: ours {ours:.17g}, theirs {theirs:.17g} (tolerance {allowed:.3g})"

    def integer(self, name: str, ours: float, theirs: float) -> None:
        """Compare one number of which they print the integer part."""
        self.count += 1
        if truncated(ours) != theirs:
            self.differing += 1
            self.first = self.first or (
                f"{name}: ours {truncated(ours):.17g} (from {ours:.17g}), theirs {theirs:.17g} (integer parts must be equal)"
            )

    @property
    def text(self) -> str:
        """What came of it."""
        if not self.differing:
            return f"{self.count} numbers within {self.relative:g}" if self.relative else f"{self.count} integer parts equal"
        more = "" if self.differing == 1 else f"; {self.differing - 1} more of {self.count} differ"
        return self.first + more
