"""The commands that bring the functions into Excel, and open a workbook in it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_excel"]

ANSWERED = 0


def add_excel(commands: Any) -> None:
    """Add `open FILE --excel` and `install --excel`."""
    opened = commands.add_parser("open", help="open a workbook with the functions live in it")
    opened.add_argument("file", type=Path)
    opened.add_argument("--excel", action="store_true", required=True, help="in Excel (Windows)")
    opened.set_defaults(run=_open)
    install = commands.add_parser("install", help="register the functions with a spreadsheet program for good")
    install.add_argument("--excel", action="store_true", required=True, help="the xlwings add-in and its settings (Windows)")
    install.set_defaults(run=_install)


def _open(options: argparse.Namespace) -> int:
    from xlmargin.excel.commands import open_excel

    open_excel(options.file)
    return ANSWERED


def _install(options: argparse.Namespace) -> int:
    from xlmargin.excel.commands import install_excel

    print("\n".join(install_excel()))
    return ANSWERED
