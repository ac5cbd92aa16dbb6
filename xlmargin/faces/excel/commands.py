"""The commands for Excel: write its workbook, open it, install the classic add-in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from xlmargin.engine import Workbook
from xlmargin.errors import MarginError, existing_file
from xlmargin.faces.excel.book import write_excel_workbook
from xlmargin.faces.excel.office import find_excel
from xlmargin.faces.excel.settings import UDF_MODULES, this_interpreter, user_file, with_settings
from xlmargin.faces.excel.wrapper import UDF_MODULE

EXCEL_NAME = "xlmargin-excel.xlsm"
ELSEWHERE = "Excel can call Python functions on Windows only"
ADD_IN = "import sys; from xlwings.cli import main; sys.argv = ['xlwings', 'addin', 'install']; main()"


def new_excel_workbook(folder: Path, rows: int, kind: str, plain: Workbook) -> Path:
    """A desk's workbook for Excel on Windows, in a folder that is there, with the values of the one without macros.

    Raises:
        MarginError: xlwings is missing or not whole, or the file cannot be written
    """
    return write_excel_workbook(folder / EXCEL_NAME, rows, kind, plain)


def open_excel(path: Path) -> None:
    """Open a workbook in Excel.

    Raises:
        MarginError: there is no such file, no Excel, or this is not Windows
    """
    existing_file(path)
    if sys.platform != "win32":
        raise MarginError(f"{ELSEWHERE}: here, use xlmargin open {path} --libreoffice or --web")
    program = find_excel()
    if program is None:
        raise MarginError("Excel is not installed on this machine: use --libreoffice or --web")
    subprocess.Popen([str(program), str(path.resolve())])


def install_excel() -> list[str]:
    """Install the classic way: xlwings' add-in, and the settings with which its Import Functions finds these functions.

    Returns:
        the steps done and those left to do, line by line

    Raises:
        MarginError: not Windows, or xlwings could not install its add-in
    """
    if sys.platform != "win32":
        raise MarginError(f"{ELSEWHERE}, so there is nothing to install here: use xlmargin install --libreoffice")
    done = subprocess.run([sys.executable, "-c", ADD_IN], capture_output=True, text=True, check=False)
    said = " ".join((done.stdout + done.stderr).split())
    if done.returncode or "Error" in said:
        raise MarginError(f"xlwings could not install its add-in: {said[-300:]}")
    file = write_user_settings(Path.home(), this_interpreter(os.environ))
    return [
        f"xlwings add-in installed; {file} names this Python and the module {UDF_MODULE}",
        "in Excel: File > Options > Trust Center > Trust Center Settings > Macro Settings > Trust access to the VBA project "
        "object model, then the ribbon xlwings > Import Functions in a workbook saved as .xlsm",
    ]


def write_user_settings(home: Path, interpreter: tuple[tuple[str, str], ...]) -> Path:
    """Put the Python and the module of the functions into a user's settings of xlwings; the others stay as they are."""
    file = user_file(home)
    try:
        before = file.read_text(encoding="utf-8") if file.is_file() else ""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(with_settings(before, (*interpreter, (UDF_MODULES, UDF_MODULE))), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MarginError(f"{file} cannot be changed: {error}") from error
    return file
