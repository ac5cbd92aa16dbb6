"""Finds LibreOffice and the Python that can talk to it, or names the missing packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlmargin.errors import MarginError

PIPE = "xlmargin"  # on which a LibreOffice listens for a feed by default
OLDEST = (25, 2)  # the first release seen to read and write PM_ names in xlsx files
CURE = "install LibreOffice Calc 25.2 or newer with its Python (on Debian: libreoffice-calc-nogui and python3-uno)"

_FOLDERS = (
    "/usr/lib/libreoffice/program",
    "/usr/lib64/libreoffice/program",
    "/opt/libreoffice*/program",
    "/snap/libreoffice/current/lib/libreoffice/program",
    "/Applications/LibreOffice.app/Contents/MacOS",
)


@dataclass(frozen=True, slots=True)
class Installation:
    """A LibreOffice that is new enough: its program, the Python that has its uno module, its release."""

    soffice: Path
    python: Path
    release: tuple[int, int]


def find_libreoffice() -> Installation:
    """Find LibreOffice on the search path or in the usual folders.

    Raises: MarginError when it is missing, older than 25.2, or has no Python with uno.
    """
    soffice = next(_programs(), None)
    if soffice is None:
        raise MarginError(f"LibreOffice is not on this computer (no program soffice): {CURE}.")
    release = _release(soffice)
    if release < OLDEST:
        old, needed = (".".join(map(str, number)) for number in (release, OLDEST))
        raise MarginError(
            f"LibreOffice {old} at {soffice} is older than {needed}: it does not calculate the PM_ formulas of an .xlsx "
            f"file when it opens it, and loses their names when it saves: {CURE}."
        )
    python = next(filter(_has_uno, _pythons(soffice)), None)
    if python is None:
        raise MarginError(f"LibreOffice at {soffice} has no Python with the module uno: {CURE}.")
    return Installation(soffice, python, release)


def clean_environment() -> dict[str, str]:
    """This process's environment without variables that confuse the Python inside LibreOffice.

    With another Python first on the search path the embedded one takes that one's folders and dies.
    """
    unwanted = ("PYTHON", "VIRTUAL_ENV", "CONDA", "PYENV", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XLMARGIN_SITE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return kept | {"PATH": "/usr/bin:/bin", "SAL_USE_VCLPLUGIN": "svp"}


def _programs() -> Iterator[Path]:
    for name in ("soffice", "libreoffice"):
        found = shutil.which(name)
        if found:
            yield Path(found).resolve()
    for pattern in _FOLDERS:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (folder / "soffice").is_file():
                yield folder / "soffice"


def _pythons(soffice: Path) -> Iterator[Path]:
    # The project's own builds bring a Python next to the program; Linux distributions use the system's.
    for python in (soffice.parent / "python", soffice.parents[1] / "Resources/python", Path("/usr/bin/python3")):
        if python.is_file():
            yield python


def _has_uno(python: Path) -> bool:
    return _run(python, "-c", "import uno").returncode == 0


def _release(soffice: Path) -> tuple[int, int]:
    said = _run(soffice, "--version").stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None:
        raise MarginError(f"{soffice} does not say which release of LibreOffice it is ('{said.strip()}'): {CURE}.")
    return int(found[1]), int(found[2])


def _run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run([program, *arguments], env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MarginError(f"{program} could not be run ({error}): {CURE}.") from error
