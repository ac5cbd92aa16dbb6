"""Opens a workbook in the browser and serves it until it is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.faces.web.keeping import keep, kept_copies
from xlmargin.faces.web.server import Server
from xlmargin.faces.web.session import Session

_ENDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # Ctrl+C, told to end, and a closed terminal here and on Windows


def serve(path: Path, functions: Mapping[str, Callable[..., Any]], port: int = 0, *, browser: bool = True) -> None:
    """Serve a workbook until Ctrl+C, the page's Quit button, or a signal to end; the address is printed on a line of its own.

    Edits that were not saved by then are left in a copy next to the file; the next opening tells of it.
    Parameters: path, the workbook; functions, by name; port, 0 for a free one; browser, whether to open one.
    Raises: MarginError when the file or the port cannot be opened.
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        raise MarginError(f"{path} is no workbook: give an .xlsx or .xlsm file")
    print(f"Calculating {path.name} …", flush=True)
    session = Session(path, functions)
    for kept in kept_copies(session.path):
        print(f"Edits that were not saved when {path.name} was open before are in {kept}", flush=True)
    with Server(session, port) as server, _ended_by_signals(server):
        shown = browser and _has_display()  # elsewhere a text browser would take the terminal away
        print(
            "The workbook opens in the browser. This address opens it in another one of this machine, once. End with Ctrl+C."
            if shown
            else "Open this address in a browser on this machine; it works once. End with Ctrl+C."
        )
        print(server.url, flush=True)
        if shown:
            with contextlib.suppress(webbrowser.Error):
                webbrowser.open(server.address())
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.2)
        _keep(session)


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextlib.contextmanager
def _ended_by_signals(server: Server) -> Iterator[None]:
    """End the server in order when it is told to end or its terminal is closed, and let nothing cut the keeping of edits short."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for known in filter(None, (getattr(signal, name, None) for name in _ENDS)):
            if signal.getsignal(known) != signal.SIG_IGN:  # nohup: a closed terminal is to end nothing
                before[known] = signal.signal(known, lambda *_: server.quit())
    try:
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def _keep(session: Session) -> None:
    """Keep what was not saved, then say so where there still is a terminal."""
    if not session.dirty:
        return
    kept = keep(session.path, session.save_copy)
    with contextlib.suppress(OSError, ValueError):
        print(f"Edits that were not saved in {session.path.name} are kept in this copy:\n{kept}", flush=True)
