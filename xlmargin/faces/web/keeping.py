"""Edits that were not saved when the server ended: kept in a copy beside the workbook, and told of when it opens again."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from xlmargin.errors import MarginError

_MARK = "unsaved edits"  # in the names of the copies


def keep(path: Path, save_copy: Callable[[Path], Path]) -> Path:
    """Write a workbook with its edits beside it, over nothing that is there; in the home folder where that cannot be.

    Raises: MarginError when neither can be.
    """
    try:
        return _kept_in(path.parent, path, save_copy)
    except MarginError:
        return _kept_in(Path.home(), path, save_copy)


def kept_copies(path: Path) -> list[str]:
    """The names of the copies beside a workbook that are younger than it: what is saved later is no news any more."""
    found = []
    for kept in sorted(path.parent.glob(f"* ({_MARK}*){path.suffix}")):
        with contextlib.suppress(OSError):
            if kept.name.startswith(f"{path.stem} ({_MARK}") and kept.stat().st_mtime_ns > path.stat().st_mtime_ns:
                found.append(kept.name)
    return found


def _kept_in(folder: Path, path: Path, save_copy: Callable[[Path], Path]) -> Path:
    kept = free_copy(folder, path, _MARK)
    try:
        save_copy(kept)
    except MarginError:
        kept.unlink()
        raise
    with contextlib.suppress(OSError):  # some shares know no modes
        shutil.copymode(path, kept)  # a book that nobody else may read stays so
    return kept


def free_copy(folder: Path, path: Path, mark: str) -> Path:
    """A free name for a copy, with a mark in it, taken at once: another program may take one, too.

    Raises: MarginError when nothing can be written in the folder.
    """
    number = 0
    while True:
        number += 1
        kept = folder / f"{path.stem} ({mark}{f' {number}' if number > 1 else ''}){path.suffix}"
        try:
            kept.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise MarginError(f"{kept}: no copy can be kept there ({error.strerror}).") from None
        return kept
