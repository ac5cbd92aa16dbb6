"""The parts that this machine has for each face, and those that are missing."""

from __future__ import annotations

import importlib.metadata
import platform
import struct
import sys
from pathlib import Path

from xlmargin.errors import MarginError

NEEDED = ("numpy", "scipy", "pandas", "xlwings", "xlsxwriter", "openpyxl", "python-calamine", "olefile", "pyOpenVBA", "ironcalc")


def findings(file: Path | None = None) -> list[tuple[str, str, str]]:
    """The item checked, its state, and its cure ("" where none is needed).

    Args:
        file: a workbook to look at as well

    Raises:
        MarginError: the file is no workbook
    """
    rows = [("Python", f"{platform.python_version()}, {struct.calcsize('P') * 8} bit, {sys.executable}", "")]
    for name in ("xlmargin", *NEEDED):
        rows.append((name, *_package(name)))
    rows.append(("LibreOffice", *_libreoffice()))
    return rows + _excel(file)


def _package(name: str) -> tuple[str, str]:
    try:
        return importlib.metadata.version(name), ""
    except importlib.metadata.PackageNotFoundError:
        return "missing", f"needed: pip install {name}"


def _libreoffice() -> tuple[str, str]:
    from xlmargin.faces.libreoffice.locate import find_libreoffice

    try:
        return str(find_libreoffice().soffice), ""
    except MarginError as error:
        return "not found", f"only for the LibreOffice face: {error}"


def _excel(file: Path | None) -> list[tuple[str, str, str]]:
    from xlmargin.faces.excel.diagnosis import excel_findings

    elsewhere = ("Excel", f"not on {platform.system()}", "only for the Excel face: Windows with desktop Excel")
    return ([elsewhere] if sys.platform != "win32" else []) + excel_findings(file)
