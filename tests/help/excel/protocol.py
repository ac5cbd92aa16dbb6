"""What the tests and the process with the stand-in say to each other: plain data."""

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
    """What a call gave: the variant as COM would carry it, what Python printed, and the exception if one came out."""

    variant: Any
    said: str
    raised: str


@dataclass(frozen=True)
class Imported:
    """What Import Functions did: the VBA module, the calls of MacroOptions, how the module came into the workbook."""

    vba: str
    options: tuple[tuple[str, dict[str, Any]], ...]
    fallback: bool
