"""The commands that bring the functions into a spreadsheet program: new, open, install."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice import PIPE

ANSWERED = 0
COLLECT_AFTER = 500_000  # new objects; Python's own 700 has it look through a workbook's cells again and again
MOST_PORT = 65_535
EXCEL = "excel"


@dataclass(frozen=True, slots=True)
class Face:
    """A way to open a workbook: its option, its program, help, whether this machine has it, and the function that opens it."""

    name: str
    program: str
    help: str
    available: Callable[[], bool]
    run: Callable[[argparse.Namespace], int]


def add_faces(commands: Any) -> None:
    """Add `new`, `open` and `install`."""
    new = commands.add_parser("new", help="write a desk's workbook into a folder")
    new.add_argument("folder", type=Path)
    new.add_argument("--rows", type=int, default=500, help="rows reserved for positions (default 500)")
    new.add_argument("--lite", action="store_true", help="for Excel with xlwings Lite (macOS, the web): xlmargin-lite.xlsx")
    new.add_argument("--empty", action="store_true", help="without the sample: nothing is typed but the settings")
    new.set_defaults(run=_new)
    opened = commands.add_parser(
        "open",
        help="open a workbook whose PM_ functions answer",
        description="Open a workbook; without an option in the best spreadsheet this machine has.",
    )
    opened.add_argument("file", type=Path, help="workbook, .xlsx or .xlsm")
    faces = opened.add_mutually_exclusive_group()
    for face in FACES:
        faces.add_argument(f"--{face.name}", dest="face", action="store_const", const=face, help=face.help)
    opened.add_argument("--port", type=_port, default=0, help="of the page, with --web; a free one where left out")
    opened.add_argument("--no-browser", action="store_true", help="only print the page's address, with --web")
    opened.set_defaults(run=_open)
    install = commands.add_parser("install", help="register the functions for good")
    programs = install.add_mutually_exclusive_group(required=True)
    programs.add_argument(
        "--excel", action="store_const", const=_install_excel, dest="run", help="the xlwings add-in and its settings (Windows)"
    )
    programs.add_argument("--libreoffice", action="store_const", const=_install_libreoffice, dest="run", help="in this user's LibreOffice")
    install.add_argument("--remove", action="store_true", help="take them out again (LibreOffice)")


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Let Python look for unused circles of objects seldom: a workbook's many cells are all in use until it is written."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@rarely_collected()
def _new(options: argparse.Namespace) -> int:
    from xlmargin.faces.demo import calculated_workbook
    from xlmargin.faces.excel.book import MACRO_FUNCTIONS
    from xlmargin.faces.excel.commands import EXCEL_NAME, new_excel_workbook
    from xlmargin.faces.lite import instructions, new_lite_workbook

    kind = "empty" if options.empty else "new"
    if options.lite:
        print(instructions(new_lite_workbook(options.folder, options.rows, kind).resolve()))
        return ANSWERED
    if (options.folder / EXCEL_NAME).exists():
        raise MarginError(f"{options.folder / EXCEL_NAME} is there already: choose another folder, or move it away")
    path, book = calculated_workbook(options.folder, options.rows, kind, macros=MACRO_FUNCTIONS)
    plain, excel = path.resolve(), new_excel_workbook(options.folder, options.rows, kind, book).resolve()
    print(f"{plain}\n  for LibreOffice and the browser. {opening(plain)}")
    print(f"{excel}\n  for Excel on Windows, which asks once to enable its macros. {opening(excel)}")
    return ANSWERED


def opening(path: Path) -> str:
    """How a workbook is opened on this machine, and by what: the functions answer in Excel only in the workbook with macros."""
    macros = path.suffix == ".xlsm"
    face = best([face for face in FACES if macros or face.name != EXCEL])
    if macros and face.name != EXCEL:
        return "This machine has no Excel for Windows: open the other file here"
    option = "" if face is best(FACES) else f" --{face.name}"
    return f'Open it here, in {face.program}: xlmargin open "{path}"{option}'


def best(faces: Sequence[Face]) -> Face:
    """The first of the faces that this machine has; the last is there everywhere."""
    return next((face for face in faces if face.available()), faces[-1])


def _open(options: argparse.Namespace) -> int:
    face: Face = options.face or best(FACES)
    return face.run(options)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a whole number up to {MOST_PORT}, not {text!r}")
    return int(text)


def _open_excel(options: argparse.Namespace) -> int:
    from xlmargin.faces.excel.commands import open_excel

    open_excel(options.file)
    return ANSWERED


def _open_libreoffice(options: argparse.Namespace) -> int:
    from xlmargin.faces.libreoffice.desktop import open_on_desktop

    open_on_desktop(options.file)
    return ANSWERED


def _open_web(options: argparse.Namespace) -> int:
    from xlmargin.faces.web import serve
    from xlmargin.sheet.registry import FUNCTIONS

    functions = {name: function.call for name, function in FUNCTIONS.items()}
    serve(options.file, functions, options.port, browser=not options.no_browser)
    return ANSWERED


def _has_excel() -> bool:
    from xlmargin.faces.excel.office import find_excel

    return sys.platform == "win32" and find_excel() is not None


def _has_libreoffice() -> bool:
    from xlmargin.faces.libreoffice import find_libreoffice
    from xlmargin.faces.libreoffice.desktop import has_desktop

    try:
        return has_desktop() and bool(find_libreoffice())
    except MarginError:
        return False


def _install_excel(options: argparse.Namespace) -> int:
    from xlmargin.faces.excel.commands import install_excel

    if options.remove:
        raise MarginError("--remove is for LibreOffice: in Excel take the add-in out with `xlwings addin remove`")
    print("\n".join(install_excel()))
    return ANSWERED


def _install_libreoffice(options: argparse.Namespace) -> int:
    from xlmargin.faces.libreoffice.install import install, remove

    print(remove() if options.remove else install())
    return ANSWERED


#: From the best to the one that works everywhere.
FACES = (
    Face(EXCEL, "Excel", "in Excel (Windows)", _has_excel, _open_excel),
    Face(
        "libreoffice",
        "LibreOffice",
        f"in a LibreOffice of its own, on the desktop; the first one listens on the pipe {PIPE}, where feed and watch find it",
        _has_libreoffice,
        _open_libreoffice,
    ),
    Face("web", "the browser", "in the browser, calculated by the embedded engine", lambda: True, _open_web),
)
