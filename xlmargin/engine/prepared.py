"""A workbook made ready for the embedded engine: without what it fails at or complains of, and with dates that count from 1900."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xlmargin.engine.package import Package

EPOCHS = 1_462.0  # days from the first day of the system of 1904 back to that of 1900
RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*?/>|<(?:\w+:)?Relationship\s[^>]*?>\s*</(?:\w+:)?Relationship>", re.S)
VALUELESS = re.compile(rb"(<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f\s*>)\s*)(</(\w+:)?c\s*>)")  # a formula and the end of its cell
COMPARED = {"Equal": "=", "NotEqual": "<>"}
REMARKS = re.compile(rb"""Type\s*=\s*["'][^"']*/(?:comments|threadedComment|vmlDrawing)["']""")
UNSEEN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')  # texts and marks of a number format that show nothing of the number


@contextmanager
def readable(path: str | Path, archive: zipfile.ZipFile, package: Package) -> Iterator[str]:
    """A file that the engine can open: the workbook itself, or a copy.

    The copy has no comments, whose parts the engine looks for in vain, and says of each formula without a value that it has none, which
    the engine would write to the standard output.
    """
    cut = {}
    for part in package.sheets.values():
        folder, _, name = part.rpartition("/")
        links = f"{folder}/_rels/{name}.rels".lstrip("/")
        if links in archive.namelist() and REMARKS.search(content := archive.read(links)):
            cut[links] = RELATION.sub(lambda match: b"" if REMARKS.search(match[0]) else match[0], content)
        if part in archive.namelist() and VALUELESS.search(content := archive.read(part)):
            cut[part] = VALUELESS.sub(rb"\1<\3v></\3v>\2", content)
    if not cut:
        yield str(path)
        return
    handle, copy = tempfile.mkstemp(suffix=".xlsx")
    os.close(handle)
    try:
        with zipfile.ZipFile(copy, "w") as changed:
            for name in archive.namelist():
                changed.writestr(name, cut[name] if name in cut else archive.read(name))
        yield copy
    finally:
        os.unlink(copy)


def shows_a_day(code: str) -> bool:
    """Whether a number format shows a calendar day, not a time of day or a span alone."""
    letters = UNSEEN.sub("", code.partition(";")[0]).lower()
    if "general" in letters:
        return False
    return bool(set(letters) & set("dy")) or ("m" in letters and not set(letters) & set("hs"))


def count_from_1900(model: Any) -> None:
    """Turn the dates typed into a workbook of the system of 1904 into those of 1900, the only ones that the engine knows."""
    for sheet, row, column in model.get_all_cells():
        if model.get_cell_formula(sheet, row, column) or not shows_a_day(model.get_cell_style(sheet, row, column)["num_fmt"]):
            continue
        value = model.get_cell_value(sheet, row, column)
        if isinstance(value, float):
            model.update_cell_with_number(sheet, row, column, value + EPOCHS)


def compared_by_formulas(model: Any) -> Any:
    """The workbook with its rules of conditional formats for cells equal to something put as formulas: the engine compares numbers only."""
    from ironcalc import UserModel, load_from_bytes  # late: a compiled module

    formats = UserModel.from_bytes(model.to_bytes())
    formats.pause_evaluation()
    changed = sum(_as_formulas(formats, sheet) for sheet in range(len(formats.get_worksheets_properties())))
    return load_from_bytes(formats.to_bytes()) if changed else model


def _as_formulas(formats: Any, sheet: int) -> int:
    count = 0
    for rule in formats.get_conditional_formatting_list(sheet):
        condition = rule["cf_rule"]
        sign = COMPARED.get(condition.get("operator", ""))
        if condition["type"] == "CellIs" and sign:
            first = rule["range"].replace(",", " ").split()[0].partition(":")[0]
            formula = {
                "type": "Formula",
                "formula": f"={first}{sign}{condition['formula']}",
                "stop_if_true": condition["stop_if_true"],
                "format": formats.get_dxf_for_conditional_formatting(sheet, rule["index"]),
            }
            formats.update_conditional_formatting(sheet, rule["index"], rule["range"], formula)
            count += 1
    return count
