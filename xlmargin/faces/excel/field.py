"""The faults of Excel in the field, each as a small check of given facts: the item, its state, the cure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath

from xlmargin.faces.excel.donor import library_names
from xlmargin.faces.excel.office import Facts, Trust
from xlmargin.faces.excel.settings import CONDA_ENVIRONMENT, CONDA_FOLDER, INTERPRETER, SHEET, UDF_MODULES, WITH_WORKBOOK_FOLDER
from xlmargin.faces.excel.wrapper import UDF_MODULE

Finding = tuple[str, str, str]

NEEDED = "needed: "
INTERNET = 3  # security zones from here on come from outside
ALL, SIGNED, NONE = 1, 3, 4  # 2 asks, as where nothing is set
IMPORTED = ("udfs", "xlmargin", "xlwings", "numpy", "scipy", "win32com", "pythoncom", "pywintypes")
NEW = "run xlmargin new into another folder, and copy your inputs over"


def office_findings(facts: Facts, python_bits: int) -> list[Finding]:
    """Which Excel there is: the one from the Microsoft Store cannot reach Python, the bits need not agree."""
    if facts.program is None:
        return [("Excel", "not found", "only for the Excel face: desktop Excel, not from the Microsoft Store")]
    rows = [("Excel", str(facts.program), "")]
    if "windowsapps" in (part.lower() for part in PureWindowsPath(facts.program).parts):
        rows.append(
            (
                "Excel's origin",
                "Microsoft Store",
                f"{NEEDED}Office as a desktop installation: the one from the Store is walled off from Python (hr = -2147221164)",
            )
        )
    if facts.bits is None:
        rows.append(("Excel's bits", "could not be read", ""))
    else:
        cure = (
            ""
            if facts.bits == python_bits
            else "works, since each runs by itself; if Python does not start, install Python with the bits of Excel"
        )
        rows.append(("Excel's bits", f"{facts.bits}, Python's {python_bits}", cure))
    return rows


def interpreter_finding(settings: Mapping[str, str], executable: str, exists: bool, where: str) -> Finding:
    """Whether the Python that a settings sheet or file names is there, and is this one."""
    named = settings.get(INTERPRETER)
    what = f"interpreter of {where}"
    if named is None:
        return what, "not named", "the first python on the search path runs: if that is another, write the workbook anew here"
    if CONDA_FOLDER in settings and CONDA_ENVIRONMENT in settings:
        return what, f"conda environment {settings[CONDA_ENVIRONMENT]}", ""
    if not exists:
        return what, f"{named} is not there", f"{NEEDED}{NEW}, or correct {INTERPRETER}"
    if PureWindowsPath(named) != PureWindowsPath(executable):
        return what, named, f"is not the Python that runs xlmargin here ({executable}): functions may be of another version"
    return what, named, ""


def library_findings(executable: Path, version: str, bits: int | None) -> list[Finding]:
    """Whether the library of the installed xlwings is next to Python, or one folder above as in a virtual environment."""
    rows = []
    for each in (bits,) if bits else (64, 32):
        name = f"xlwings{each}-{version}.dll"
        places = [folder / name for folder in (executable.parent, executable.parent.parent)]
        found = next((place for place in places if place.is_file()), None)
        cure = "" if found else f"{NEEDED}pip install --force-reinstall xlwings (not with --user), then {NEW}"
        rows.append((name, str(found) if found else f"neither in {places[0].parent} nor in {places[1].parent}", cure))
    return rows


def version_finding(source: str, version: str) -> Finding:
    """Whether the macros of a workbook ask for the library of the installed xlwings."""
    named = sorted(library_names(source))
    wrong = [name for name in named if not name.endswith(f"-{version}.dll")]
    if not named:
        return "macros of the workbook", "none of xlwings", "write the workbook with xlmargin new, or use the xlwings add-in"
    if wrong:
        return "macros of the workbook", f"ask for {wrong[0]}, installed is xlwings {version}", f"{NEEDED}{NEW}"
    return "macros of the workbook", f"fit xlwings {version}", ""


def setting_findings(settings: Mapping[str, str], where: str) -> list[Finding]:
    """A setting that is there but blank counts, and hides the one that would have come after it."""
    rows = [
        (f"{key} in {where}", "blank", f"{NEEDED}delete its row: a blank setting counts as set")
        for key, value in settings.items()
        if not value.strip()
    ]
    modules = settings.get(UDF_MODULES, "")
    if modules.strip() and UDF_MODULE not in (name.strip() for name in modules.split(";")):
        rows.append((f"{UDF_MODULES} in {where}", modules, f"Import Functions will not bring ours: add {UDF_MODULE}"))
    return rows


def mark_finding(name: str, zone: int | None, trusted: bool) -> Finding:
    """Whether Windows has marked the file as one from the internet, whose macros Excel then blocks without asking."""
    if zone is None or zone < INTERNET:
        return "Mark of the Web", f"{name} has none", ""
    if trusted:
        return "Mark of the Web", f"{name} is marked, in a trusted location", ""
    return (
        "Mark of the Web",
        f"{name} came from zone {zone}: its macros are blocked",
        f"{NEEDED}Properties > Unblock, a trusted location, or write it here with xlmargin new",
    )


def shadow_findings(folder: Path, own: Sequence[Path], settings: Mapping[str, str]) -> list[Finding]:
    """Files next to a workbook that Python would take for a library, since the workbook's folder is searched first.

    Args:
        folder: of the workbook
        own: the true files, which are no shadow
        settings: of the workbook
    """
    if settings.get(WITH_WORKBOOK_FOLDER, "true").strip().lower() != "true":
        return []
    names = [folder / f"{name}{ending}" for name in IMPORTED for ending in (".py", ".pyd", "")]
    shadows = [path for path in names if path.exists() and path not in own and (path.suffix or _is_package(path))]
    return [
        (
            f"beside the workbook: {path.name}",
            "hides the library of that name",
            f"{NEEDED}rename it, or set {WITH_WORKBOOK_FOLDER} to false on the sheet {SHEET}",
        )
        for path in shadows
    ]


def _is_package(path: Path) -> bool:
    return path.is_dir() and (path / "__init__.py").is_file()


def trust_findings(trust: Trust, folder: str | None) -> list[Finding]:
    """Whether Excel lets macros run, and whether the classic import may write them.

    Args:
        trust: as Excel is set
        folder: of the workbook in question, if any
    """
    by = ", by policy of your organisation" if trust.macros_by_policy else ""
    states: dict[int | None, Finding] = {
        ALL: ("macros", f"all run{by}", ""),
        SIGNED: ("macros", f"only signed ones run{by}", f"{NEEDED}sign the workbook, or open it from a trusted location"),
        NONE: ("macros", f"none run{by}", f"{NEEDED}open the workbook from a trusted location, or ask your administrator"),
    }
    macros = states.get(trust.macros, ("macros", f"Excel asks{by}", "press Enable Content once, or use a trusted location"))
    if folder is not None and in_trusted_location(trust, folder):
        macros = "macros", "the workbook is in a trusted location", ""
    access = "allowed" if trust.project_access else "not allowed"
    return [
        macros,
        (
            "access to the VBA project",
            access,
            "" if trust.project_access else "only for the classic way, Import Functions of the xlwings add-in",
        ),
    ]


def in_trusted_location(trust: Trust, folder: str) -> bool:
    """Whether a folder is, or is inside, one that Excel trusts."""
    here = PureWindowsPath(folder.lower())
    places = ((PureWindowsPath(path.lower()), below) for path, below in trust.locations)
    return any(here == place or (below and place in here.parents) for place, below in places)
