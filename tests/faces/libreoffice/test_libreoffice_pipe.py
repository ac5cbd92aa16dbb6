"""A LibreOffice opened on the desktop listens for a feed; a second one opens all the same and leaves it its pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice import Guest, python_folders

OPEN = (
    "import sys, udfs\nfrom pathlib import Path\nfrom xlmargin.faces.libreoffice import desktop\n"
    "desktop.PIPE = sys.argv[2]\ndesktop.open_on_desktop(Path(sys.argv[1]))"
)


def _opened(book: Path, pipe: str) -> subprocess.Popen[bytes]:
    """A window, which LibreOffice draws into memory; on a pipe of this test, because a desk may have its own open."""
    import openpyxl

    openpyxl.Workbook().save(book)
    environment = os.environ | {"DISPLAY": ":1", "SAL_USE_VCLPLUGIN": "svp", "PYTHONPATH": os.pathsep.join(python_folders())}
    return subprocess.Popen([sys.executable, "-c", OPEN, str(book), pipe], env=environment, stderr=subprocess.DEVNULL)


def _reaches(pipe: str, book: Path) -> bool:
    """Whether a guest finds the workbook on the pipe."""
    try:
        guest = Guest(pipe)
    except MarginError:
        return False
    try:
        guest.attach(book)
    except MarginError:
        return False
    finally:
        guest.stop()
    return True


def _until(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60.0
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.3)


@pytest.mark.usefixtures("calc")
def test_two_offices_and_one_pipe(tmp_path: Path) -> None:
    """The first is found by a feed while the second is open and after it was closed."""
    pipe = f"xlmargin{uuid.uuid4().hex}"
    books = tmp_path / "first.xlsx", tmp_path / "second.xlsx"
    running = [_opened(books[0], pipe)]
    try:
        _until(lambda: _reaches(pipe, books[0]))
        running.append(_opened(books[1], pipe))
        _until(lambda: (tmp_path / ".~lock.second.xlsx#").exists())
        assert running[1].poll() is None
        assert _reaches(pipe, books[0])
        assert not _reaches(pipe, books[1])
        running[1].send_signal(signal.SIGINT)
        running[1].wait(30)
        assert _reaches(pipe, books[0])
    finally:
        for office in running:
            if office.poll() is None:
                office.send_signal(signal.SIGINT)
                office.wait(30)


def test_the_help_names_the_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """`open` says on which pipe it listens, `feed` and `watch` that they look there."""
    for command in ("open", "feed", "watch"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        words = " ".join(capsys.readouterr().out.split())
        assert ("the first one listens on the pipe xlmargin" if command == "open" else "name=xlmargin;urp") in words
