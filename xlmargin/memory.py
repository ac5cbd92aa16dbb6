"""Caches of the latest results by their inputs: few, bounded in memory, and shared by threads."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")

Floats = NDArray[np.float64]

SETTLED = 2.0  # seconds: a file that changed later may change again within one tick of its clock


def fixed(array: Floats) -> Floats:
    """The array itself, made read-only, since several callers share it."""
    array.flags.writeable = False
    return array


class Same:
    """An object as a key: equal only to itself, and alive for as long as the key is."""

    __slots__ = ("it",)

    def __init__(self, it: object) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


def signature(thing: Any) -> Hashable:
    """A key of the contents of a value, equal only for values that are equal bit by bit and type by type.

    Args:
        thing: arrays, dataclasses, tuples, texts and numbers, nested in any way

    Raises:
        TypeError: it contains a type whose contents are not known here
    """
    if isinstance(thing, np.ndarray):
        return thing.dtype.str, thing.shape, thing.tobytes()
    if is_dataclass(thing) and not isinstance(thing, type):
        return type(thing), tuple(signature(getattr(thing, field.name)) for field in fields(thing))
    if isinstance(thing, tuple):
        return tuple, tuple(map(signature, thing))
    if thing is None or type(thing) in (str, int, bool, bytes):
        return type(thing), thing
    if type(thing) is float:
        return float, thing.hex()
    raise TypeError(f"no signature of a {type(thing).__name__}")


class Recent(Generic[Value]):
    """A cache of the results that were requested last.

    Attributes:
        most: largest number of results
        most_bytes: largest total weight of the results [bytes]
        weight: bytes of one result; a result that is heavier than most_bytes is not kept
    """

    def __init__(self, most: int, most_bytes: int = 0, weight: Callable[[Value], int] | None = None) -> None:
        self._most, self._most_bytes, self._weight = most, most_bytes, weight
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """The total weight of the results in bytes, 0 where they are not weighed."""
        return self._total

    def get(self, key: Hashable) -> Value | None:
        """The result of a key, None where it is not cached, or no longer."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def of_file(self, path: Path, read: Callable[[Path], Value]) -> Value:
        """What a file holds, read once for as long as the file does not change.

        Args:
            read: reads it; what it raises is not kept
        """
        key = stamp(path)
        found = None if key is None else self.get(key)
        if found is not None:
            return found
        value = read(path)
        return value if key is None else self.put(key, value)

    def put(self, key: Hashable, value: Value) -> Value:
        """Keep a result; the least recently requested ones make room."""
        heavy = 0 if self._weight is None else self._weight(value)
        if self._weight is not None and heavy > self._most_bytes:
            return value
        with self._lock:
            self._total += heavy - self._kept.pop(key, (value, 0))[1]
            self._kept[key] = value, heavy
            while len(self._kept) > self._most or (self._weight is not None and self._total > self._most_bytes):
                self._total -= self._kept.popitem(last=False)[1][1]
        return value

    def latest(self, wanted: Callable[[Value], bool]) -> Value | None:
        """The latest result that satisfies a condition, None where there is none."""
        with self._lock:
            kept = [value for value, _ in reversed(self._kept.values())]
        return next((value for value in kept if wanted(value)), None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._total = 0


def stamp(path: Path) -> tuple[str, int, int, int, int] | None:
    """A key that changes whenever a file does; None without a file, or if it changed so lately that a next change could be missed.

    Args:
        path: file that is read after this call
    """
    try:
        state = path.stat()
        where = str(path.resolve())
    except (OSError, ValueError, RuntimeError):
        return None
    if time.time() - max(state.st_mtime, state.st_ctime) < SETTLED:
        return None
    return where, state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino
