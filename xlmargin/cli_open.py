"""`xlmargin open`: a workbook in the best spreadsheet that this machine has, or in the one that is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FACES", "Face", "add_open", "best"]

_MOST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Face:
    """A way to open a workbook: its option, help, whether this machine has it, and what opens it."""

    name: str
    help: str
    available: Callable[[], bool]
    run: Callable[[argparse.Namespace], int]


def add_open(commands: Any) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser("open", help="open a workbook with its functions live",
                                  description="Open a workbook; without an option in the best spreadsheet this machine has.")
    command.add_argument("file", type=Path, help="workbook, .xlsx or .xlsm")
    faces = command.add_mutually_exclusive_group()
    for face in FACES:
        faces.add_argument(f"--{face.name}", dest="face", action="store_const", const=face, help=face.help)
    command.add_argument("--port", type=_port, default=0, help="of the page, with --web; a free one where left out")
    command.add_argument("--no-browser", action="store_true", help="only print the page's address, with --web")
    command.set_defaults(run=_open)


def best(faces: Sequence[Face]) -> Face:
    """The first of the faces that this machine has; the last is there everywhere."""
    return next((face for face in faces if face.available()), faces[-1])


def _open(options: argparse.Namespace) -> int:
    face: Face = options.face or best(FACES)
    return face.run(options)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > _MOST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a whole number up to {_MOST_PORT}, not {text!r}")
    return int(text)


def _web(options: argparse.Namespace) -> int:
    from xlmargin.registry import FUNCTIONS
    from xlmargin.web import serve

    functions = {name: function.call for name, function in FUNCTIONS.items()}
    serve(options.file, functions, options.port, browser=not options.no_browser)
    return 0


#: From the best to the one that works everywhere.
FACES = (
    Face("web", "in the browser, calculated by the embedded engine", lambda: True, _web),
)
