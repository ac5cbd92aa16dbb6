"""Foreign JSON: texts and files become content, and an error names the place of the key."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from xlmargin.errors import MOST_BYTES, MarginError, existing_file
from xlmargin.memory import Recent
from xlmargin.pricing.arrays import Floats

DEEPEST = 64  # levels of nesting; no venue's answer has twenty
LONGEST = 60  # characters of a foreign text that a message quotes
SAVED = 4  # saved answers that are kept: each margin of an account at many prices asks for its own again
LARGEST = 1e15  # as in a sheet: no plausible number is above it

_saved: Recent[Any] = Recent(SAVED)


def read_json(path: Path, mend: str = "check the name and the folder") -> Any:
    """The content of a JSON file.

    Args:
        path: its name
        mend: advice of the message where there is no such file

    Raises:
        MarginError: there is no such file, it is too large, or it is no JSON
    """
    try:
        return parse_json(existing_file(path, mend, MOST_BYTES).read_bytes(), str(path))
    except OSError as error:
        raise MarginError(f"{path} cannot be read: {error.strerror or error}") from None


def saved_json(path: Path, mend: str) -> Any:
    """The content of a JSON file that a parameter names, read once for as long as the file does not change; not to be written to.

    Raises:
        MarginError: as `read_json`
    """
    return _saved.of_file(path, lambda file: read_json(file, mend))


def parse_json(text: str | bytes, name: str) -> Any:
    """The content of a JSON text.

    Args:
        text: UTF-8, or UTF-16 as PowerShell writes it, where it is bytes
        name: name of the text in messages

    Raises:
        MarginError: it is no JSON, or nested more than DEEPEST levels deep
    """
    try:
        content = json.loads(text.decode(json.detect_encoding(text)) if isinstance(text, bytes) else text)
    except UnicodeDecodeError as error:
        raise MarginError(f"{name} is not a text in UTF-8 or UTF-16 (byte {error.start}): save it as JSON") from None
    except json.JSONDecodeError as error:
        raise MarginError(f"{name} is not JSON (line {error.lineno}, column {error.colno}: {error.msg}): save the whole of it") from None
    except ValueError:
        raise MarginError(f"{name} is not JSON that can be read: it holds a number with too many digits") from None
    except RecursionError:
        content = None
    else:
        if not _too_deep(content):
            return content
    raise MarginError(f"{name} is not JSON that can be read: it is nested too deeply, beyond {DEEPEST} levels")


def _too_deep(content: Any) -> bool:
    """Whether containers are nested more than DEEPEST levels deep; checked level by level, without recursion."""
    level = [content]
    for _ in range(DEEPEST):
        inner = chain.from_iterable(part.values() if isinstance(part, dict) else part for part in level if isinstance(part, (dict, list)))
        level = [part for part in inner if isinstance(part, (dict, list))]
        if not level:
            return False
    return True


def quoted(value: Any) -> str:
    """A foreign value as a message quotes it: short, on one line."""
    if value is None or isinstance(value, (bool, dict, list)):
        return {dict: "an object", list: "a list", bool: str(value).lower()}.get(type(value), "nothing")
    text = " ".join(str("a very large number" if isinstance(value, int) and abs(value) >= LARGEST else value).split())
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


class Node:
    """An object of a foreign JSON text and its place; it records the keys that are read.

    Attributes:
        cells: its keys and values
        path: from the top of the text, such as `result[3].greeks`; "" of the top itself
        file: the file of the text, "" where messages need not name it
    """

    __slots__ = ("_children", "_read", "cells", "file", "path")
    mend = ": save the whole of it, as it came"  # advice of messages about a missing key

    def __init__(self, value: Any, path: str = "", file: str = "") -> None:
        self.path, self.file = path, file
        self.cells: dict[str, Any] = value if isinstance(value, dict) else {}
        self._read: set[str] = set()
        self._children: list[Self] = []
        if not isinstance(value, dict):
            self._fail(f"{self.place} must be an object, not {quoted(value)}")

    @property
    def place(self) -> str:
        """File and path as messages name them."""
        return ": ".join(part for part in (self.file, self.path) if part) or "the answer"

    def error(self, text: str) -> MarginError:
        """The exception for this kind of text."""
        return MarginError(text)

    def _fail(self, text: str) -> NoReturn:
        raise self.error(text)

    def fail(self, what: str) -> NoReturn:
        """Raise an error about this object."""
        self._fail(f"{self.place}: {what}")

    def _must_be(self, key: str, what: str) -> NoReturn:
        value = self.cells[key]
        where = ": ".join(part for part in (self.file, self._below(key)) if part)
        self._fail(f"{where} must be {what}, not {quoted(value)}")

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def __contains__(self, key: str) -> bool:
        return key in self.cells

    def has(self, key: str) -> bool:
        """Whether the key is present and not blank."""
        return self.cells.get(key) not in (None, "")

    def raw(self, key: str) -> Any:
        """The value of a required key."""
        self._read.add(key)
        if key not in self.cells:
            self._fail(f"{self.place} lacks {key!r}{self.mend}")
        return self.cells[key]

    def skip(self, *keys: str) -> None:
        """Count keys as read that do not affect the numbers."""
        self._read.update(keys)

    def number(self, key: str) -> float:
        """A finite number, written as a number or as text."""
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or (isinstance(value, str) and "_" in value):
            self._must_be(key, "a number")
        try:
            number = float(value)
        except ValueError:
            self._must_be(key, "a number")
        except OverflowError:
            number = math.inf
        if not abs(number) <= LARGEST:
            self._must_be(key, "a finite number below 1e15")
        return number

    def number_or(self, key: str, default: float) -> float:
        """A number, or a default where it is left out or blank."""
        return self.number(key) if self.has(key) else default

    def price(self, *keys: str) -> float | None:
        """The first positive number among keys that may be left out; venues write 0 for none."""
        for key in keys:
            value = self.number_or(key, 0.0)
            if value < 0.0:
                self._must_be(key, "at least 0")
            if value > 0.0:
                return value
        return None

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.raw(key)
        if not isinstance(value, bool):
            self._must_be(key, "true or false")
        return value

    def text(self, key: str) -> str:
        """A text that is not blank, without the spaces around it."""
        value = self.raw(key)
        if not isinstance(value, str) or not value.strip():
            self._must_be(key, "a text")
        return value.strip()

    def word(self, key: str, known: Sequence[str]) -> str:
        """A lower-case word out of a list; "" where it is left out."""
        if not self.has(key):
            return ""
        word = self.text(key).lower()
        if word not in known:
            self._must_be(key, f"one of {', '.join(known)}")
        return word

    def items(self, key: str) -> list[Any]:
        """A list of anything."""
        value = self.raw(key)
        if not isinstance(value, list):
            self._must_be(key, "a list")
        return value

    def numbers(self, key: str) -> Floats:
        """A list of finite numbers (N,)."""
        path, items = self._below(key), self.items(key)
        inner = type(self)({f"{path}[{n}]": item for n, item in enumerate(items)}, "", self.file)
        return np.array([inner.number(place) for place in inner.cells], np.float64)

    def node(self, key: str) -> Self:
        """The object under a key."""
        return self._child(self.raw(key), self._below(key))

    def nodes(self, key: str, name: str = "") -> list[Self]:
        """The objects of the list under a key; with `name`, messages also give the value of each under that key."""
        return [self._child(item, f"{self._below(key)}[{n}]{_label(item, name)}") for n, item in enumerate(self.items(key))]

    def _child(self, value: Any, path: str) -> Self:
        child = type(self)(value, path, self.file)
        self._children.append(child)
        return child

    def unread(self) -> Iterator[str]:
        """Places of the keys that have not been read."""
        yield from (self._below(key) for key in self.cells if key not in self._read)
        for child in self._children:
            yield from child.unread()


def listed(content: Sequence[Any], file: str, name: str = "", kind: type[Node] = Node) -> list[Node]:
    """The objects of a list that is the whole text; as `Node.nodes`."""
    return [kind(item, f"[{n}]{_label(item, name)}", file) for n, item in enumerate(content)]


def _label(item: Any, name: str) -> str:
    """The own name of an object, as its place shows it: ` (BTC-PERPETUAL)`."""
    return f" ({quoted(item[name])[1:-1]})" if isinstance(item, dict) and isinstance(item.get(name), str) else ""


def column(nodes: Sequence[Node], key: str) -> Floats:
    """One number of each object (N,)."""
    return np.array([node.number(key) for node in nodes], np.float64)


def flags(nodes: Sequence[Node], key: str) -> NDArray[np.bool_]:
    """One true or false of each object (N,)."""
    return np.array([node.flag(key) for node in nodes], np.bool_)
