"""The user's open LibreOffice, driven from Python: find a workbook in it, read it, write into it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice.locate import clean_environment, find_libreoffice

Value: TypeAlias = float | str | dict[str, str | int] | None
"""A cell: number, text, None when empty, or {"error": what the cell shows, "code": LibreOffice's number}."""


def start_driver(python: Path, driver: Path, environment: Mapping[str, str], temporary: Path) -> subprocess.Popen[str]:
    """The driver under LibreOffice's Python; it answers lines on its standard input.

    Args:
        environment: its variables
        temporary: its folder for temporary files
    """
    return subprocess.Popen(
        [python, driver],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**environment, "TMPDIR": str(temporary)},
        start_new_session=True,  # an interrupt at the keyboard is ours to handle, not the driver's
    )


class Guest:
    """A LibreOffice that the user has opened, reached by the pipe on which it listens; it is left open at the end."""

    driver: Path = Path(__file__).with_name("driver.py")

    def __init__(self, pipe: str, *, timeout: float = 60.0) -> None:
        """Connect; raises MarginError when no program listens on the pipe."""
        self.installation = find_libreoffice()
        self.timeout, self.pipe = timeout, pipe
        self.office_process = 0
        self._home = Path(tempfile.mkdtemp(prefix="xlmargin-calc-"))
        self._begin({"pipe": pipe})

    def _begin(self, settings: dict[str, str]) -> None:
        """Start the driver with its settings."""
        self._answers: queue.Queue[str] = queue.Queue()
        self._lock = threading.Lock()
        temporary = self._home / "tmp"  # files left by a killed soffice go away with the home
        temporary.mkdir()
        self._driver = start_driver(self.installation.python, self.driver, clean_environment(), temporary)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            self.office_process = self._exchange(settings | {"timeout": self.timeout}, "start")
        except BaseException:
            self.kill()
            raise

    def _listen(self) -> None:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            self._answers.put(line)
        self._answers.put("")  # the driver has ended

    def _exchange(self, message: object, verb: str) -> Any:
        """Send one line and wait for its answer; a LibreOffice that does not answer is killed."""
        with self._lock:
            try:
                assert self._driver.stdin is not None
                self._driver.stdin.write(json.dumps(message) + "\n")
                self._driver.stdin.flush()
                line = self._answers.get(timeout=self.timeout)
            except queue.Empty:
                self.kill()
                raise MarginError(
                    f"LibreOffice did not answer '{verb}' within {self.timeout:g} seconds and was ended: "
                    "start it again, with a longer timeout for a large workbook."
                ) from None
            except (OSError, ValueError):
                line = ""
        if not line:
            self.kill()
            raise MarginError(f"LibreOffice ended before it answered '{verb}': start it again.")
        answer = json.loads(line)
        if "problem" in answer:
            raise MarginError(f"LibreOffice could not do '{verb}': {answer['problem']}.")
        return answer["ok"]

    def ask(self, verb: str, *arguments: object) -> Any:
        """Send one verb of the driver and return its answer; raises MarginError with LibreOffice's reason."""
        return self._exchange([verb, *arguments], verb)

    def attach(self, path: str | os.PathLike[str]) -> OpenWorkbook:
        """A workbook that is open already; raises MarginError, with those that are, when it is not."""
        return OpenWorkbook(self, self.ask("attach", str(Path(path).absolute())))

    def stop(self) -> None:
        """End LibreOffice and remove everything it kept; calling it again does nothing."""
        assert self._driver.stdin is not None
        with contextlib.suppress(OSError):
            self._driver.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._driver.wait(15)
        self.kill()

    def kill(self) -> None:
        """End driver and LibreOffice by force, with whatever they started."""
        if not self.office_process:  # still starting: only the driver knows its own processes
            self._driver.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._driver.wait(15)
        if self._driver.poll() is None:
            os.killpg(self._driver.pid, signal.SIGKILL)
        if self._driver.wait() != 0 and self.office_process:  # a driver that ended well has ended its LibreOffice
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.office_process, signal.SIGKILL)
        self.office_process = 0  # numbers of ended processes are given out again
        self._listener.join()
        for pipe in (self._driver.stdin, self._driver.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # unsent output has no reader
                pipe.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        """The running session."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End LibreOffice."""
        self.stop()


class OpenWorkbook:
    """One workbook that is open there."""

    def __init__(self, calc: Guest, number: int) -> None:
        """Made by `Guest.attach`."""
        self._calc = calc
        self._number = number

    def _ask(self, verb: str, *arguments: object) -> Any:
        return self._calc.ask(verb, self._number, *arguments)

    def names(self) -> list[str]:
        """The defined names."""
        found: list[str] = self._ask("names")
        return found

    def place(self, name: str) -> tuple[str, str] | None:
        """Present sheet and area of a defined name; None where it is no range."""
        found = self._ask("place", name)
        return None if found is None else (found[0], found[1])

    def get(self, sheet: str, where: str) -> list[list[Value]]:
        """The values of a range ("A1:C3"), row by row."""
        rows: list[list[Value]] = self._ask("get", sheet, where)
        return rows

    def formulas(self, sheet: str) -> dict[str, str]:
        """Every formula of a sheet by its address; an array formula once, in braces, under its whole range."""
        found: dict[str, str] = self._ask("formulas", sheet)
        return found

    def set(self, sheet: str, where: str, rows: Sequence[Sequence[float | str | None]]) -> None:
        """Write numbers, texts, blanks (None) and formulas (texts that start with =) into a range of that shape."""
        self._ask("set", sheet, where, [list(row) for row in rows])
