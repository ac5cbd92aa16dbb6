"""The commands that bring the functions into a spreadsheet program: new, open, install."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError

__all__ = ["add_faces"]

ANSWERED = 0


def add_faces(commands: Any) -> None:
    """Add `new`, `open` and `install`."""
    new = commands.add_parser("new", help="write a desk's workbook into a folder")
    new.add_argument("folder", type=Path)
    new.add_argument("--rows", type=int, default=500, help="rows reserved for positions (default 500)")
    new.add_argument("--lite", action="store_true", help="for Excel with xlwings Lite (macOS, the web): xlmargin-lite.xlsx")
    new.set_defaults(run=_new)
    opened = commands.add_parser("open", help="open a workbook whose PM_ functions answer")
    opened.add_argument("file", type=Path, help="the workbook")
    face = opened.add_mutually_exclusive_group(required=True)
    face.add_argument("--excel", action="store_const", const=_open_excel, dest="run", help="in Excel (Windows)")
    face.add_argument("--libreoffice", action="store_const", const=_open_libreoffice, dest="run",
                      help="in a LibreOffice of its own, on the desktop")
    install = commands.add_parser("install", help="register the functions for good")
    face = install.add_mutually_exclusive_group(required=True)
    face.add_argument("--excel", action="store_const", const=_install_excel, dest="run",
                      help="the xlwings add-in and its settings (Windows)")
    face.add_argument("--libreoffice", action="store_const", const=_install_libreoffice, dest="run",
                      help="in this user's LibreOffice")
    install.add_argument("--remove", action="store_true", help="take them out again (LibreOffice)")


def _new(options: argparse.Namespace) -> int:
    from xlmargin.demo import new_workbook
    from xlmargin.excel.commands import EXCEL_NAME, new_excel_workbook
    from xlmargin.lite import instructions, new_lite_workbook

    if options.lite:
        print(instructions(new_lite_workbook(options.folder, options.rows).resolve()))
        return ANSWERED
    if (options.folder / EXCEL_NAME).exists():
        raise MarginError(f"{options.folder / EXCEL_NAME} is there already: choose another folder, or move it away")
    print(new_workbook(options.folder, options.rows).resolve())
    print(new_excel_workbook(options.folder, options.rows).resolve())
    return ANSWERED


def _open_excel(options: argparse.Namespace) -> int:
    from xlmargin.excel.commands import open_excel

    open_excel(options.file)
    return ANSWERED


def _open_libreoffice(options: argparse.Namespace) -> int:
    from xlmargin.libreoffice.desktop import open_on_desktop

    open_on_desktop(options.file)
    return ANSWERED


def _install_excel(options: argparse.Namespace) -> int:
    from xlmargin.excel.commands import install_excel

    if options.remove:
        raise MarginError("--remove is for LibreOffice: in Excel take the add-in out with `xlwings addin remove`")
    print("\n".join(install_excel()))
    return ANSWERED


def _install_libreoffice(options: argparse.Namespace) -> int:
    from xlmargin.libreoffice.install import install, remove

    print(remove() if options.remove else install())
    return ANSWERED
