"""A workbook in a LibreOffice on the desktop, with the PM_ functions and without an installation."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from xlmargin.errors import MarginError, existing_file
from xlmargin.faces.libreoffice.addin import python_folders, write_addin
from xlmargin.faces.libreoffice.guest import start_driver
from xlmargin.faces.libreoffice.locate import PIPE, clean_environment, find_libreoffice
from xlmargin.sheet.registry import FUNCTIONS

# variables that a window needs; the rest of the environment is the clean one
DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "SAL_USE_VCLPLUGIN")
PATIENCE = 15  # seconds for LibreOffice to end and its folder to go


def has_desktop() -> bool:
    """Whether there is a screen for a window."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def open_on_desktop(path: Path) -> None:
    """Open a workbook in a window of a LibreOffice of its own, and return when the window is closed.

    It listens on the pipe PIPE, where `xlmargin feed` finds it, unless another LibreOffice already does.

    Args:
        path: the workbook; the user saves into this file

    Raises:
        MarginError: no file, no desktop, no LibreOffice, or one without windows
    """
    existing_file(path)
    if not has_desktop():
        raise MarginError("this machine has no desktop (neither DISPLAY nor WAYLAND_DISPLAY is set): use `xlmargin open FILE --web`")
    office = find_libreoffice()
    with tempfile.TemporaryDirectory(prefix="xlmargin-desktop-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        write_addin(home / "extensions" / "xlmargin", FUNCTIONS, python_folders())
        settings = {"soffice": str(office.soffice), "home": str(home), "pipe": PIPE, "timeout": 60.0, "show": str(path.absolute())}
        answer = _drive(office.python, settings, Path(folder))
    if "problem" in answer:
        raise MarginError(
            f"LibreOffice did not open {path} ({answer['problem']}): install its desktop program "
            "(on Debian: libreoffice-calc with libreoffice-gtk3), or use `xlmargin open FILE --web`"
        )


def _drive(python: Path, settings: Mapping[str, object], folder: Path) -> dict[str, str]:
    """Run the driver until the window is closed; an interrupt or a termination closes LibreOffice, too."""
    kept = {name: os.environ[name] for name in DESKTOP if name in os.environ}
    environment = {name: text for name, text in clean_environment().items() if name != "SAL_USE_VCLPLUGIN"} | kept
    with start_driver(python, Path(__file__).with_name("driver.py"), environment, folder) as driver:
        try:
            said, _ = driver.communicate(json.dumps(settings) + "\n")
        except BaseException:
            driver.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                driver.wait(PATIENCE)
            if driver.poll() is None:
                os.killpg(driver.pid, signal.SIGKILL)
            raise
    answer: dict[str, str] = json.loads(said) if said else {"problem": "it was ended"}
    return answer
