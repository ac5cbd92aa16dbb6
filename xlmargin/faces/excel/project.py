"""The VBA project of a workbook: modules of source text, written and read by pyOpenVBA."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CODE_PAGE = "cp1252"
WORKBOOK = "ThisWorkbook"  # the module of the workbook itself, which every project has


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its name, its source, and whether it is a class."""

    name: str
    source: str
    is_class: bool = False


def add_project(path: Path, modules: Iterable[Module]) -> None:
    """Give a workbook a project of these modules, and an empty one for every sheet; the same modules give the same bytes.

    Args:
        path: the workbook, .xlsm, which is written again
        modules: one named `ThisWorkbook` becomes the workbook's own
    """
    from pyopenvba import ExcelFile, VBAModuleKind

    with ExcelFile(path) as book:
        project = book.add_vba_project()
        for module in modules:
            source = "".join(f"{line}\r\n" for line in module.source.splitlines())
            if module.name == WORKBOOK:
                book.set_module(WORKBOOK, source)
            else:
                project.add_module(module.name, source, kind=VBAModuleKind.other if module.is_class else VBAModuleKind.standard)
        book.save()


def modules_of(path: Path) -> dict[str, Module] | None:
    """The modules of a workbook by name, or None where it has none that can be read."""
    from pyopenvba import ExcelFile, PyOpenVBAError, VBAModuleKind

    try:
        with ExcelFile(path) as book:
            if not book.has_vba_project():
                return None
            listed = book.vba_project().modules
            return {each.name: Module(each.name, each.source, each.kind == VBAModuleKind.other) for each in listed}
    except (OSError, ValueError, zipfile.BadZipFile, PyOpenVBAError):
        return None
