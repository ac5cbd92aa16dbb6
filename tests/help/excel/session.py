"""Excel as the tests see it: functions are imported and called in a separate process."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from excel.protocol import Answer, Imported

TESTS = Path(__file__).resolve().parents[1]


class Session:
    """A running process with the stand-in."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def call(self, name: str, *arguments: Any, module: str = "udfs") -> Answer:
        """Call a function as the wrapper does."""
        answer = self._ask("call", module, name, arguments)
        assert isinstance(answer, Answer)
        return answer

    def cells(self, name: str, *arguments: Any) -> Any:
        """The answer of a call, as plain values; it must not have raised or printed."""
        answer = self.call(name, *arguments)
        assert (answer.raised, answer.said) == ("", "")
        return plain(answer.variant)

    def imported(self, modules: str, trusted: bool = True) -> Imported:
        """Import functions as the add-in's button does."""
        done = self._ask("import", modules, trusted)
        assert isinstance(done, Imported)
        return done

    def _ask(self, *request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)


@contextmanager
def running() -> Iterator[Session]:
    """Start the process, and end it."""
    folders = os.pathsep.join([str(TESTS), str(TESTS.parents[1])])
    with subprocess.Popen(
        [sys.executable, "-m", "excel.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": folders},
    ) as process:
        yield Session(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def plain(variant: Any) -> Any:
    """The values of a variant: one, a row, or rows."""
    kind, value = variant
    return [plain(each) for each in value] if kind == "ARRAY" else value


def kinds(variant: Any) -> set[str]:
    """The types of all values of a variant."""
    kind, value = variant
    return {each for part in value for each in kinds(part)} if kind == "ARRAY" else {kind}


def in_cells(value: Any) -> list[list[Any]]:
    """A value as a sheet shows it: a row for a flat array, one cell for a single value."""
    if not isinstance(value, list):
        return [[value]]
    return value if value and isinstance(value[0], list) else [value]
