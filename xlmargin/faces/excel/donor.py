"""The modules of the installed xlwings, whose names of libraries hold for that version alone."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.faces.excel.project import Module, modules_of

DONOR = "quickstart_standalone.xlsm"
LIFTED = ("xlwings", "Dictionary")
CURE = "pip install --force-reinstall xlwings"


def xlwings_folder() -> Path:
    """The folder of xlwings; found without importing it, which takes its time and on Windows loads pywin32.

    Raises:
        MarginError: it is not installed
    """
    found = importlib.util.find_spec("xlwings")
    if found is None or found.origin is None:
        raise MarginError("xlwings is not installed: pip install xlwings")
    return Path(found.origin).parent


def xlwings_version() -> str:
    """The version of the installed xlwings.

    Raises:
        MarginError: it is not installed
    """
    try:
        return importlib.metadata.version("xlwings")
    except importlib.metadata.PackageNotFoundError:
        raise MarginError("xlwings is not installed: pip install xlwings") from None


def read_donor() -> tuple[Module, ...]:
    """The modules that a workbook of its own needs of xlwings, from the workbook that xlwings brings for this purpose.

    Raises:
        MarginError: xlwings is not installed, or not whole
    """
    path = xlwings_folder() / DONOR
    modules = modules_of(path)
    if modules is None:
        raise MarginError(f"{path} is missing or holds no macros: {CURE}")
    if missing := [name for name in LIFTED if name not in modules]:
        raise MarginError(f"{path} has no module {missing[0]}: {CURE}")
    return tuple(modules[name] for name in LIFTED)


def library_names(source: str) -> set[str]:
    """The versioned libraries that a source asks for, such as `xlwings64-0.33.0.dll`."""
    return set(re.findall(r'"(xlwings(?:32|64)-[^"]+\.dll)"', source))
