"""Opens a workbook in the browser and serves it until it is ended."""

from __future__ import annotations

import contextlib
import os
import sys
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.faces.web.server import Server
from xlmargin.faces.web.session import Session


def serve(path: Path, functions: Mapping[str, Callable[..., Any]], port: int = 0, *, browser: bool = True) -> None:
    """Serve a workbook until Ctrl+C or the page's Quit button; the address is printed on a line of its own.

    Edits that were not saved by then are left in a copy next to the file.
    Parameters: path, the workbook; functions, by name; port, 0 for a free one; browser, whether to open one.
    Raises: MarginError when the file or the port cannot be opened.
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        raise MarginError(f"{path} is no workbook: give an .xlsx or .xlsm file")
    print(f"Calculating {path.name} …", flush=True)
    session = Session(path, functions)
    with Server(session, port) as server:
        print("The workbook is open in the browser at this address, for this machine only. End with Ctrl+C.")
        print(server.url, flush=True)
        if browser:
            _show(server.url)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print()
    _keep(session)


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show(url: str) -> None:
    """Open the address where there is a browser that has a display; the printed address is the way elsewhere."""
    if _has_display():  # elsewhere a text browser would take the terminal away
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(url)


def _keep(session: Session) -> None:
    if not session.dirty:
        return
    path = session.path
    kept = path.with_name(f"{path.stem} (unsaved edits){path.suffix}")
    number = 2
    while kept.exists():
        kept = path.with_name(f"{path.stem} (unsaved edits {number}){path.suffix}")
        number += 1
    print(f"Edits that were not saved in {path.name} are kept in this copy:")
    print(session.save_copy(kept))
