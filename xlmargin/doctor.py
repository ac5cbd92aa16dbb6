"""What this machine has for each face, and what is missing."""

from __future__ import annotations

import importlib.metadata
import platform
import struct
import sys

from xlmargin.errors import MarginError

__all__ = ["findings"]

NEEDED = ("numpy", "scipy", "xlwings", "xlsxwriter", "openpyxl", "ironcalc")


def findings() -> list[tuple[str, str, str]]:
    """What was looked at, what was found, and what to do about it ("" where nothing is to be done)."""
    rows = [("Python", f"{platform.python_version()}, {struct.calcsize('P') * 8} bit, {sys.executable}", "")]
    for name in ("xlmargin", *NEEDED):
        rows.append((name, *_package(name)))
    rows.append(("LibreOffice", *_libreoffice()))
    rows.append(("Excel", *_excel()))
    return rows


def _package(name: str) -> tuple[str, str]:
    try:
        return importlib.metadata.version(name), ""
    except importlib.metadata.PackageNotFoundError:
        return "missing", f"needed: pip install {name}"


def _libreoffice() -> tuple[str, str]:
    from xlmargin.libreoffice.locate import find_libreoffice

    try:
        return str(find_libreoffice().soffice), ""
    except MarginError as error:
        return "not found", f"only for the LibreOffice face: {error}"


def _excel() -> tuple[str, str]:
    if sys.platform != "win32":
        return f"not on {platform.system()}", "only for the Excel face: Windows with desktop Excel"
    return "not looked for", "open the workbook and see the README on Excel"
