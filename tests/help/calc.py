"""A private LibreOffice Calc with the PM_ functions: open a workbook, edit it, read it, save it."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice.addin import python_folders, write_addin
from xlmargin.faces.libreoffice.guest import Guest, OpenWorkbook
from xlmargin.faces.libreoffice.locate import find_libreoffice
from xlmargin.sheet.registry import FUNCTIONS, Function


class Calc(Guest):
    """A private headless LibreOffice; use it as a context manager, or call `stop` at the end."""

    driver = Path(__file__).with_name("calc_driver.py")

    def __init__(
        self, functions: Mapping[str, Function] | None = None, folders: Sequence[str] | None = None, *, timeout: float = 60.0
    ) -> None:
        """Start LibreOffice.

        Parameters: functions, those of the add-in (left out: the registry); folders, where LibreOffice's Python finds
        them (left out: where this Python does); timeout, seconds for the start and for each answer.
        Raises: MarginError when LibreOffice is missing, too old, or does not start.
        """
        self.installation = find_libreoffice()
        self.timeout = timeout
        self.office_process = 0
        self._home = Path(tempfile.mkdtemp(prefix="xlmargin-calc-"))
        registered = _registered() if functions is None else functions
        found = python_folders() if folders is None else folders
        write_addin(self._home / "extensions" / "xlmargin", registered, found)
        self.pipe = f"xlmargin{uuid.uuid4().hex}"
        self._begin({"soffice": str(self.installation.soffice), "home": str(self._home), "pipe": self.pipe})

    def open(self, path: str | os.PathLike[str]) -> CalcBook:
        """Load a workbook and recalculate it; raises MarginError when LibreOffice cannot read it."""
        file = Path(path).absolute()
        if not file.is_file():
            raise MarginError(f"there is no file {file}: check the name and the folder.")
        return CalcBook(self, self.ask("open", str(file)))

    def describe(self, function: str) -> dict[str, Any]:
        """A function as the wizard shows it: name, summary, and name and help of each argument, in order."""
        shown: dict[str, Any] = self.ask("describe", function)
        return shown


class CalcBook(OpenWorkbook):
    """One workbook open in Calc; use it as a context manager, or call `close`."""

    def sheets(self) -> list[str]:
        """The names of the sheets, in order."""
        names: list[str] = self._ask("sheets")
        return names

    def calculate(self) -> None:
        """Recalculate every formula, changed or not."""
        self._ask("calculate")

    def save(self, path: str | os.PathLike[str], kind: Literal["xlsx", "pdf", "ods", "xls"]) -> None:
        """Save a copy; the open workbook keeps its own name."""
        self._ask("save", str(Path(path).absolute()), kind)

    def close(self) -> None:
        """Close without saving."""
        self._ask("close")

    def __enter__(self) -> CalcBook:
        """The open workbook."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close without saving."""
        self.close()


def _registered() -> Mapping[str, Function]:
    import udfs  # noqa: F401  (importing it fills the registry; it loads the whole package, so only when needed)

    return FUNCTIONS
