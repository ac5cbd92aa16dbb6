"""Everything that is checked about Excel on this machine and about one workbook, put together."""

from __future__ import annotations

import importlib.util
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from xlmargin.errors import MarginError, existing_file
from xlmargin.faces.excel import field
from xlmargin.faces.excel.donor import xlwings_version
from xlmargin.faces.excel.field import Finding
from xlmargin.faces.excel.office import Facts, gather, zone_of
from xlmargin.faces.excel.project import modules_of
from xlmargin.faces.excel.settings import CONDA_ENVIRONMENT, INTERPRETER, SHEET, read_settings, user_file

BITS = struct.calcsize("P") * 8


def machine_findings(facts: Facts, home: Path) -> list[Finding]:
    """The parts that a Windows machine has and lacks for Excel.

    Args:
        facts: as gathered
        home: the user's folder
    """
    rows = field.office_findings(facts, BITS)
    if facts.program is None:
        return rows
    rows += field.library_findings(Path(sys.executable), xlwings_version(), facts.bits)
    if importlib.util.find_spec("win32com") is None:
        rows.append(("pywin32", "missing", f"{field.NEEDED}pip install pywin32"))
    conf = user_file(home)
    if conf.is_file():
        settings = read_settings(conf.read_text(encoding="utf-8", errors="replace"))
        rows += [_interpreter(settings, str(conf)), *field.setting_findings(settings, str(conf))]
    return rows + field.trust_findings(facts.trust, None)


def file_findings(path: Path, facts: Facts) -> list[Finding]:
    """The obstacles to one workbook.

    Args:
        path: .xlsm, .xlsx
        facts: as gathered; the trust is reported only where there is an Excel

    Raises:
        MarginError: there is no such workbook
    """
    settings = settings_of(path)
    folder = path.resolve().parent
    rows = [field.mark_finding(path.name, zone_of(path), field.in_trusted_location(facts.trust, str(folder)))]
    modules = modules_of(path)
    if modules is None:
        rows.append(("macros of the workbook", "none", "only for Excel: xlmargin new writes xlmargin-excel.xlsm, which has them"))
    else:
        source = "".join(module.source for module in modules.values())
        rows.append(field.version_finding(source, xlwings_version()))
    beside = folder / SHEET
    if beside.is_file():
        rows += field.setting_findings(read_settings(beside.read_text(encoding="utf-8", errors="replace")), str(beside))
    if settings is not None:
        where = f"the sheet {SHEET}"
        rows += [_interpreter(settings, where), *field.setting_findings(settings, where)]
    own = [Path(found.origin).resolve() for name in field.IMPORTED if (found := importlib.util.find_spec(name)) and found.origin]
    rows += field.shadow_findings(folder, [*own, *(file.parent for file in own)], settings or {})
    return rows + (field.trust_findings(facts.trust, str(folder))[:1] if facts.program else [])


def excel_findings(path: Path | None) -> list[Finding]:
    """All checks: of this machine where it is Windows, of the workbook if one is given."""
    facts = gather()
    rows = machine_findings(facts, Path.home()) if sys.platform == "win32" else []
    return rows + (file_findings(path, facts) if path else [])


def settings_of(path: Path) -> dict[str, str] | None:
    """The settings sheet of a workbook, None where it has none; keys in upper case.

    Raises:
        MarginError: the file is no workbook
    """
    existing_file(path)
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True)
    except Exception as error:  # whatever is wrong with it, it is no workbook
        raise MarginError(f"{path} is no workbook: doctor takes an .xlsx or .xlsm file") from error
    try:
        if SHEET not in book.sheetnames:
            return None
        found: dict[str, str] = {}
        for key, value in book[SHEET].iter_rows(max_col=2, values_only=True):
            if key in (None, ""):
                break
            found.setdefault(str(key).upper(), "" if value is None else str(value))
        return found
    finally:
        book.close()


def _interpreter(settings: Mapping[str, str], where: str) -> Finding:
    named = settings.get(INTERPRETER, "")
    there = Path(named).is_file() or CONDA_ENVIRONMENT in settings
    return field.interpreter_finding(settings, sys.executable, there, where)
