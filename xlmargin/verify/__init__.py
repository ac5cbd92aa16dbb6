"""Saved answers of venues and clearing houses, recomputed and compared number by number."""

from __future__ import annotations

import importlib
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.json_shape import read_json
from xlmargin.verify.outcome import Outcome

__all__ = ["Outcome", "verify"]

FOLDER = Path(__file__).parent
OURS = ("__init__", "outcome")


def verify(method: str, path: Path) -> list[Outcome]:
    """Replay a file of saved answers under a method.

    Args:
        method: name of the method; each has a module here with `replay(data) -> Iterator[Outcome]`
        path: JSON file of saved answers

    Raises:
        MarginError: the file cannot be read, or holds nothing that the method can replay
    """
    known = sorted(module.stem.upper() for module in FOLDER.glob("*.py") if module.stem not in OURS)
    if method.upper() not in known:
        raise MarginError(f"no saved answers can be replayed under {method!r}: the methods are {', '.join(known)}")
    outcomes: list[Outcome] = list(importlib.import_module(f"{__name__}.{method.lower()}").replay(read_json(path)))
    if not outcomes:
        raise MarginError(f"{path} holds no case that {method.upper()} can replay")
    return outcomes
