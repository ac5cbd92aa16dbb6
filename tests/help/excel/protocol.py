"""The messages between the tests and the process with the stand-in: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Missing:
    """An optional argument that was left out."""


MISSING = Missing()


@dataclass(frozen=True)
class ErrorValue:
    """A cell with an error value, by the code that VBA's CVErr gives it."""

    code: int


@dataclass(frozen=True)
class Cells:
    """A range: its rows, and the number formats that differ from General by row and column, from 0."""

    rows: tuple[tuple[Any, ...], ...]
    formats: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """The answer of a call: the variant as COM would pass it, the output that Python printed, and the exception if there was one."""

    variant: Any
    said: str
    raised: str


@dataclass(frozen=True)
class Imported:
    """The result of Import Functions: the VBA module, the calls of MacroOptions, the way the module came into the workbook."""

    vba: str
    options: tuple[tuple[str, dict[str, Any]], ...]
    fallback: bool
