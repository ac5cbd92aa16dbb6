"""The add-in installed for good in a user's own LibreOffice, taken out again, and a workbook opened on the desktop."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calc import Calc
from conftest import ROOT, missing
from openpyxl import Workbook

import udfs  # noqa: F401  (importing it fills the registry)
from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice import find_libreoffice, install, python_folders
from xlmargin.sheet.registry import FUNCTIONS

POSITIONS: list[list[Any]] = [
    ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Spot"],
    ["BTC", "call", 70000.0, 30.0, -2.0, 0.55, 65000.0],
    ["BTC", "put", 60000.0, 30.0, 3.0, 0.60, 65000.0],
]
NOBODY = "65534"
COMMAND = "import sys; from xlmargin.cli import main; sys.exit(main())"


class User:
    """Somebody with a home of their own and a LibreOffice that was never started; not root, which LibreOffice refuses."""

    def __init__(self, home: Path) -> None:
        """The home is there, and theirs."""
        self.home, self.project = home, home / "project"
        self.become: list[str] = []
        for part in ("xlmargin", "workbook"):  # the checkout may stand where another user cannot read it
            shutil.copytree(ROOT / part, self.project / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "udfs.py", self.project)
        if os.geteuid() == 0:
            os.chown(home, int(NOBODY), int(NOBODY))
            self.become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program as this user."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "PYTHONPATH": str(self.project),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAL_USE_VCLPLUGIN": "svp",
        }
        return subprocess.run(
            [*self.become, *command], env=environment, cwd=self.home, capture_output=True, text=True, timeout=120, check=False
        )

    def xlmargin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line as this user."""
        return self.run(sys.executable, "-c", COMMAND, *arguments)

    def sees(self, book: Path) -> list[list[str]]:
        """The first sheet of a workbook as this user's LibreOffice calculates it."""
        office = str(find_libreoffice().soffice)
        done = self.run(office, "--headless", "--convert-to", "csv", "--outdir", str(self.home), str(book))
        written = self.home / f"{book.stem}.csv"
        assert written.is_file(), done.stderr
        return list(csv.reader(written.read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def user() -> Iterator[User]:
    """A user with an empty home."""
    try:
        find_libreoffice()
    except MarginError as error:
        missing(str(error))
    home = Path(tempfile.mkdtemp(prefix="xlmargin-user-"))  # pytest's own folder is closed to other users
    home.chmod(0o755)
    try:
        somebody = User(home)
        if somebody.run(sys.executable, "-c", "import numpy, xlmargin").returncode:
            pytest.skip("another user than root cannot read this Python")
        yield somebody
    finally:
        shutil.rmtree(home, ignore_errors=True)


def book_at(path: Path) -> Path:
    """A workbook with positions below, and a version and a margin above, without values."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["=PM_VERSION()", f"=PM_MARGIN(A2:G{1 + len(POSITIONS)})"])
    for row in POSITIONS:
        sheet.append(row)
    book.save(path)
    path.chmod(0o644)
    return path


def test_install_and_remove(user: User) -> None:
    """In a home that never saw LibreOffice: installed, the first workbook answers; removed, none does; twice is told."""
    done = user.xlmargin("install", "--libreoffice")
    assert done.returncode == 0, done.stderr
    version = FUNCTIONS["PM_VERSION"].call()
    assert done.stdout.startswith("The PM_ functions are in LibreOffice ")
    assert done.stdout.endswith(f": PM_VERSION answers {version}.\n")
    book = book_at(user.home / "book.xlsx")
    first = user.sees(book)[0]
    assert first[0] == version
    margin = FUNCTIONS["PM_MARGIN"].call(POSITIONS)
    assert float(first[1]) == pytest.approx(margin, rel=1e-6)  # a sheet without formats shows ten digits
    assert user.xlmargin("install", "--libreoffice").returncode == 0  # over itself, as after an update
    assert user.sees(book)[0][0] == version
    removed = user.xlmargin("install", "--libreoffice", "--remove")
    assert removed.returncode == 0, removed.stderr
    assert user.sees(book)[0][0] != version
    again = user.xlmargin("install", "--libreoffice", "--remove")
    assert again.returncode == 2
    assert "there is nothing to remove" in again.stderr


def test_a_python_that_cannot_load_xlmargin_is_told(user: User) -> None:
    """The add-in of an environment that LibreOffice cannot read is taken out again, and the reason told."""
    code = (
        "import udfs\nfrom xlmargin.faces.libreoffice import install\nfrom xlmargin.errors import MarginError\n"
        "install.python_folders = lambda: ['/nowhere']\ntry: install.install()\nexcept MarginError as error: print(error)"
    )
    done = user.run(sys.executable, "-c", code)
    assert "could not load xlmargin" in done.stdout, done.stderr
    assert "there is nothing to remove" in user.xlmargin("install", "--libreoffice", "--remove").stderr


def test_root_is_told(monkeypatch: pytest.MonkeyPatch, calc: Calc, capsys: pytest.CaptureFixture[str]) -> None:
    """LibreOffice installs nothing for root: one line says who should do it."""
    assert calc.installation.soffice.with_name("unopkg").exists()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert main(["install", "--libreoffice"]) == 2
    assert "run this as the user who opens the sheets" in capsys.readouterr().err


def test_an_old_libreoffice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """7.4 does not calculate PM_ formulas when it opens an .xlsx file: installing there would only show #NAME?."""
    old = tmp_path / "soffice"
    old.write_text("#!/bin/sh\necho LibreOffice 7.4.7.2 40\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setattr("xlmargin.faces.libreoffice.locate._programs", lambda: iter([old]))
    with pytest.raises(MarginError, match=r"LibreOffice 7\.4 .* does not calculate the PM_ formulas of an \.xlsx file"):
        install.install()


def test_a_machine_without_desktop_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and the face that needs no desktop; a file that is not there is told first."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["open", str(tmp_path / "none.xlsx"), "--libreoffice"]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["open", str(book_at(tmp_path / "book.xlsx")), "--libreoffice"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "this machine has no desktop" in told
    assert "--web" in told


def below(number: int) -> dict[int, str]:
    """The processes that descend from one, and what each maps into its memory."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: set[int] = {number}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    maps = {}
    for child in found - {number}:
        try:
            maps[child] = Path(f"/proc/{child}/maps").read_text(errors="replace")
        except OSError:
            continue
    return maps


def runs(number: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed has no command line."""
    try:
        return bool(Path(f"/proc/{number}/cmdline").read_bytes())
    except OSError:
        return False


@pytest.mark.usefixtures("calc")
def test_a_workbook_opens_on_the_desktop(tmp_path: Path) -> None:
    """The window's LibreOffice holds the file and calculates with our engine; an interrupt leaves nothing behind.

    The screen is LibreOffice's own that draws into memory, so that no desktop is needed.
    """
    book = book_at(tmp_path / "book.xlsx")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = os.environ | {
        "DISPLAY": ":1",
        "SAL_USE_VCLPLUGIN": "svp",
        "TMPDIR": str(temporary),
        "PYTHONPATH": os.pathsep.join(python_folders()),
    }
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, "open", str(book), "--libreoffice"], env=environment, stderr=subprocess.DEVNULL
    ) as opened:
        limit = time.monotonic() + 60.0
        lock, engine = tmp_path / ".~lock.book.xlsx#", False
        while not (lock.exists() and engine) and opened.poll() is None and time.monotonic() < limit:
            engine = any("numpy" in maps and "libpyuno" in maps for maps in below(opened.pid).values())
            time.sleep(0.2)
        family, locked = set(below(opened.pid)), lock.exists()
        opened.send_signal(signal.SIGINT)
        opened.wait(30)
    assert locked
    assert engine
    limit = time.monotonic() + 10.0
    while any(map(runs, family)) and time.monotonic() < limit:
        time.sleep(0.1)
    assert not any(map(runs, family))
    assert list(temporary.iterdir()) == []
