"""The add-in in the user's own LibreOffice for good, and a workbook with its functions on the desktop."""

from __future__ import annotations

import csv
import os
import subprocess
import tempfile
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice.addin import IDENTIFIER, python_folders, write_oxt
from xlmargin.faces.libreoffice.locate import Installation, clean_environment, find_libreoffice
from xlmargin.sheet.registry import ERROR, FUNCTIONS

EXTENSION = "xlmargin.oxt"
LONGEST = 120  # seconds for one run of LibreOffice: a first start on a slow disk takes long
ATTEMPTS = 2  # LibreOffice registers a new add-in in its first session and calculates with it from the second on


def install() -> str:
    """Put the add-in into the user's LibreOffice, and see that it answers.

    Returns:
        one line: the program that answered, and its release

    Raises:
        MarginError: LibreOffice is missing, too old, run by root, or cannot load xlmargin
    """
    office = find_libreoffice()
    with tempfile.TemporaryDirectory(prefix="xlmargin-install-") as folder:
        extension = write_oxt(Path(folder) / EXTENSION, FUNCTIONS, python_folders())
        _unopkg(office, "add", "-f", "-s", str(extension))
        answer = _probe(office, Path(folder))
    release = ".".join(map(str, office.release))
    if answer.startswith(ERROR):
        _unopkg(office, "remove", IDENTIFIER)
        raise MarginError(answer.removeprefix(ERROR))
    if not answer.startswith("xlmargin "):
        return (
            f"The PM_ functions are in LibreOffice {release}. Close every window of LibreOffice and open it again: "
            f"the one that runs now does not know them yet (PM_VERSION answers {answer or 'nothing'})."
        )
    return f"The PM_ functions are in LibreOffice {release}: PM_VERSION answers {answer}."


def remove() -> str:
    """Take the add-in out of the user's LibreOffice.

    Returns:
        one line that says so

    Raises:
        MarginError: LibreOffice is missing or run by root, or the add-in is not there
    """
    _unopkg(find_libreoffice(), "remove", IDENTIFIER)
    return "The PM_ functions are no longer in LibreOffice; windows that are open keep them until they are closed."


def _unopkg(office: Installation, *arguments: str) -> None:
    """Run LibreOffice's own tool for extensions.

    Raises:
        MarginError: it refused
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        raise MarginError(
            "LibreOffice changes no profile for root: run this as the user who opens the sheets, or use "
            "`xlmargin open FILE --libreoffice`, which needs no installation"
        )
    done = _run([str(office.soffice.with_name("unopkg")), *arguments])
    if done.returncode == 0:
        return
    if "no such extension" in done.stderr:
        raise MarginError("the PM_ functions are not in this user's LibreOffice: there is nothing to remove")
    said = [line for line in done.stderr.splitlines() if line.strip() and "javaldx" not in line]
    raise MarginError(f"LibreOffice did not {arguments[0]} the add-in ({' '.join(said)}): close LibreOffice and try again")


def _probe(office: Installation, folder: Path) -> str:
    """The answer of =PM_VERSION() from an .xlsx file in the user's own profile."""
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    book.active["A1"] = "=PM_VERSION()"
    book.save(folder / "probe.xlsx")
    answer = ""
    for _ in range(ATTEMPTS):
        quiet = ("--headless", "--norestore", "--nologo")
        _run([str(office.soffice), *quiet, "--convert-to", "csv", "--outdir", str(folder), str(folder / "probe.xlsx")])
        written = folder / "probe.csv"
        if written.is_file():
            rows = list(csv.reader(written.read_text(encoding="utf-8", errors="replace").splitlines()))
            answer = rows[0][0] if rows and rows[0] else ""
            written.unlink()
        if answer.startswith(("xlmargin ", ERROR)):
            break
    return answer


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """One run of a program of LibreOffice, without variables that confuse its Python.

    Raises:
        MarginError: it cannot be started or does not end
    """
    try:
        return subprocess.run(
            command, env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MarginError(f"{command[0]} could not be run ({error}): close LibreOffice and try again") from error
