"""Saved answers of venues and clearing houses, recomputed and compared number by number."""

from __future__ import annotations

import importlib
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.methods.json_shape import read_json
from xlmargin.venues.outcome import Outcome

FOLDER = Path(__file__).parent
ANSWERS = "_answers"  # a method's answers are replayed by a module of its venue, such as derive/derive_sm_answers


def verify(method: str, path: Path) -> list[Outcome]:
    """Replay a file of saved answers under a method.

    Args:
        method: name of the method; each has a module here with `replay(data) -> Iterator[Outcome]`
        path: JSON file of saved answers

    Raises:
        MarginError: the file cannot be read, or holds nothing that the method can replay
    """
    known = {path.stem.removesuffix(ANSWERS).upper(): f"{path.parent.name}.{path.stem}" for path in FOLDER.glob(f"*/*{ANSWERS}.py")}
    if method.upper() not in known:
        raise MarginError(f"no saved answers can be replayed under {method!r}: the methods are {', '.join(sorted(known))}")
    replay = importlib.import_module(f"{__package__}.{known[method.upper()]}").replay
    outcomes: list[Outcome] = list(replay(read_json(path)))
    if not outcomes:
        raise MarginError(f"{path} holds no case that {method.upper()} can replay")
    return outcomes
