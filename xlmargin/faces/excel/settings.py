"""The settings of xlwings that find Python and the functions: on the sheet of a workbook, and in the file of a user."""

from __future__ import annotations

import csv
import io
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from xlmargin.faces.excel.wrapper import UDF_MODULE

SHEET = "xlwings.conf"
INTERPRETER, UDF_MODULES, FOLDERS = "INTERPRETER_WIN", "UDF MODULES", "PYTHONPATH"
WITH_WORKBOOK_FOLDER = "ADD_WORKBOOK_TO_PYTHONPATH"
CONDA_FOLDER, CONDA_ENVIRONMENT = "CONDA PATH", "CONDA ENV"

Settings = tuple[tuple[str, str], ...]


def interpreter_settings(executable: str, prefix: Path, environment: Mapping[str, str], windows: bool) -> Settings:
    """Which Python the functions run in: this one.

    Args:
        executable: its path
        prefix: the folder of its environment
        environment: the variables of the process
        windows: another system's Python is of no use to Excel on Windows

    Returns:
        key and value; nothing but on Windows; an active conda environment is named, since its libraries need its variables
    """
    if not windows:
        return ()
    name, program = environment.get("CONDA_DEFAULT_ENV", ""), environment.get("CONDA_EXE", "")
    if name and program and (prefix / "conda-meta").is_dir():
        return (INTERPRETER, "pythonw"), (CONDA_FOLDER, str(Path(program).parents[1])), (CONDA_ENVIRONMENT, name)
    return ((INTERPRETER, executable),)


def workbook_settings(interpreter: Settings, source: Path, installed: Sequence[Path]) -> Settings:
    """The settings sheet of a workbook: none is blank, because a blank one would count.

    Args:
        interpreter: as from `interpreter_settings`
        source: the folder that the functions were imported from
        installed: the folders that Python looks into by itself

    Returns:
        key and value; no path of this machine where it cannot be the one that Excel runs on
    """
    # the workbook's own folder is not searched: a file numpy.py next to it would be taken for numpy
    settings = *interpreter, (UDF_MODULES, UDF_MODULE), (WITH_WORKBOOK_FOLDER, "false")
    return settings if source in installed or not interpreter else (*settings, (FOLDERS, str(source)))


def package_folders() -> tuple[Path, Path]:
    """The folder of the functions, and that of pip's packages."""
    return Path(__file__).resolve().parents[3], Path(sysconfig.get_path("purelib")).resolve()


def user_file(home: Path) -> Path:
    """The file of a user's xlwings settings on Windows."""
    return home / ".xlwings" / "xlwings.conf"


def read_settings(text: str) -> dict[str, str]:
    """The settings of a file of xlwings, keys in upper case; the first of a key counts, as xlwings reads it."""
    found: dict[str, str] = {}
    for row in csv.reader(io.StringIO(text), skipinitialspace=True):
        if row and row[0].strip():
            found.setdefault(row[0].strip().upper(), row[1].strip() if len(row) > 1 else "")
    return found


def with_settings(text: str, settings: Settings) -> str:
    """A file of xlwings with some settings put in place of its own; modules that it names already are kept.

    Args:
        text: the present file
        settings: key and value
    """
    kept = read_settings(text)
    for key, value in settings:
        before = [name for name in kept.get(key, "").split(";") if name] if key == UDF_MODULES else []
        kept[key] = ";".join(dict.fromkeys([*before, value]))
    if any(key == INTERPRETER for key, _ in settings) and all(key != CONDA_FOLDER for key, _ in settings):
        kept.pop(CONDA_FOLDER, None)
        kept.pop(CONDA_ENVIRONMENT, None)
    return "".join(f'"{key}","{value}"\n' for key, value in kept.items() if value)


def this_interpreter(environment: Mapping[str, str]) -> Settings:
    """The settings of the Python that runs now."""
    return interpreter_settings(sys.executable, Path(sys.prefix), environment, sys.platform == "win32")
