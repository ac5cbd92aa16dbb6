"""The command `xlmargin clear`: the sample, or all that was typed, taken out of a desk's workbook."""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError, existing_file

ANSWERED = 0
MARK = "before clearing"  # in the name of the copy of the workbook as it was


def add_clear(commands: Any) -> None:
    """Add the command to a parser's commands."""
    clear = commands.add_parser(
        "clear",
        help="empty a desk's workbook: the sample, or all that is typed in it",
        description="Empty the yellow areas of a workbook of `xlmargin new`: positions, market, parameters, scenarios, account, trades, "
        "the earlier book, history, readings, a venue's margins. Settings such as the method stay, and so do formulas, formats and lists. "
        "The workbook as it was is kept beside it.",
    )
    clear.add_argument("file", type=Path, help="workbook, .xlsx or .xlsm, that no program has open")
    clear.add_argument("--json", action="store_true", help="for machines")
    clear.set_defaults(run=_clear)


def _clear(options: argparse.Namespace) -> int:
    from xlmargin.faces.clearing import clearing
    from xlmargin.live.feed.sheets import FileSheets

    path: Path = options.file
    existing_file(path)
    file = FileSheets(path)
    if file.waits_for():
        raise MarginError(f"{path.name} is open in a program: close it there, then clear it")
    edits = clearing(path)
    kept: list[Path] = []
    if edits:
        file.edit(edits, lambda: kept.append(_copied(path)))
    _say(options, Counter(sheet for sheet, _, _ in edits), [copy.resolve() for copy in kept])
    return ANSWERED


def _copied(path: Path) -> Path:
    """A copy of the workbook as it is, beside it and over nothing that is there."""
    from xlmargin.faces.web.keeping import free_copy

    copy = free_copy(path.parent, path, MARK)
    try:
        shutil.copy2(path, copy)
    except OSError as error:
        copy.unlink(missing_ok=True)
        raise MarginError(f"{copy}: no copy can be kept there ({error.strerror}): {path.name} is left as it is") from None
    return copy


def _say(options: argparse.Namespace, counts: Mapping[str, int], kept: list[Path]) -> None:
    """What was emptied, and where the workbook as it was is found."""
    if options.json:
        print(json.dumps({"cleared": counts, "kept": str(kept[0]) if kept else None}, ensure_ascii=False))
    elif not counts:
        print(f"Nothing is typed in {options.file.name} but its settings: it is left as it is.")
    else:
        cells = ", ".join(f"{sheet} {count:,}" for sheet, count in counts.items())
        print(f"{options.file.name} is emptied; cells by sheet: {cells}.\nThe workbook as it was: {kept[0]}")
