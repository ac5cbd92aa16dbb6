"""The Calc add-in: every registered function written out as a LibreOffice extension made of text files only."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from xlmargin.sheet.registry import Function

MODULE = ("org", "xlmargin", "calc")
IDENTIFIER = ".".join(MODULE)
INTERFACE = "XMarginFunctions"
SERVICE = ".".join((*MODULE, "MarginFunctions"))
COMPONENT = "xlmargin_addin.py"
SETTINGS = "xlmargin_addin.json"

# Calc hands a reference to one blank cell over as the number 0. These arguments are never numbers, so there 0 is blank.
NOT_NUMBERS = {"market", "market_before", "method", "methods", "parameters", "history", "balances", "rulebook"}

# These answer a number to cells and a column to columns.
COLUMNS_TOO = {"PM_PRICE", "PM_IV"}

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_OOR = 'xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema"'


def python_folders() -> tuple[str, ...]:
    """The folders from which LibreOffice's own Python can import the packages of this Python.

    Returns: folder names, that of xlmargin itself first, each once.
    """
    own = str(Path(__file__).resolve().parents[3])
    packages = (folder for folder in sys.path if Path(folder).name in {"site-packages", "dist-packages"})
    return tuple(dict.fromkeys((own, *packages)))


def addin_files(functions: Mapping[str, Function], folders: Sequence[str]) -> dict[str, str]:
    """The files of the extension.

    Parameters: functions, the registry by name; folders, where LibreOffice's Python finds xlmargin.
    Returns: text by file name, in the order in which they are written.
    """
    listed = list(functions.values())
    return {
        "META-INF/manifest.xml": _manifest(),
        "description.xml": _description(),
        f"{INTERFACE}.idl": _idl(listed),
        "xlmargin.components": _components(),
        "CalcAddIns.xcu": _configuration(listed),
        SETTINGS: _settings(listed, folders),
        COMPONENT: Path(__file__).with_name("component.py").read_text(encoding="utf-8"),
    }


def write_addin(folder: Path, functions: Mapping[str, Function], folders: Sequence[str]) -> Path:
    """Write the unpacked extension, as a private LibreOffice session loads it.

    Parameters: folder, made if it is not there; functions and folders as in `addin_files`.
    Returns: the folder.
    """
    for name, text in addin_files(functions, folders).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    return folder


def write_oxt(path: Path, functions: Mapping[str, Function], folders: Sequence[str]) -> Path:
    """Write the extension as one .oxt file; the same functions and folders give the same bytes.

    Parameters: path of the file; functions and folders as in `addin_files`.
    Returns: the path.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in addin_files(functions, folders).items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # the same bytes on every system
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode("utf-8"))
    return path


def _method(function: Function) -> str:
    """PM_RISK_ARRAY becomes pmRiskArray, the style of the interface language."""
    first, *rest = function.name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def _parameters(function: Function) -> list[str]:
    # The interface language has words of its own and takes no underscore: a number in front keeps clear of the first.
    names = (argument.name.title().replace("_", "") for argument in function.arguments)
    return [f"a{number:02d}{name}" for number, name in enumerate(names, 1)]


def _is_table(function: Function) -> bool:
    return function.returns == "table" or function.name in COLUMNS_TOO


def _idl(functions: Sequence[Function]) -> str:
    lines = [" ".join(f"module {part} {{" for part in MODULE)]
    lines.append(f"interface {INTERFACE} : com::sun::star::uno::XInterface\n{{")
    for function in functions:
        # Calc takes a whole table only from a result declared as rows of cells.
        result = "sequence< sequence< any > >" if _is_table(function) else "any"
        arguments = ", ".join(f"[in] any {name}" for name in _parameters(function))
        lines.append(f"    {result} {_method(function)}({arguments});")
    lines.append("};\n" + " ".join("};" for _ in MODULE))
    return "\n".join(lines) + "\n"


def _node(name: str, body: str, *, replace: bool = False) -> str:
    operation = ' oor:op="replace"' if replace else ""
    return f"<node oor:name={quoteattr(name)}{operation}>{body}</node>"


def _property(name: str, value: str, *, translated: bool = True) -> str:
    language = ' xml:lang="en"' if translated else ""
    return f'<prop oor:name="{name}"><value{language}>{escape(value)}</value></prop>'


def _configuration(functions: Sequence[Function]) -> str:
    nodes = "\n".join(_function_node(function) for function in functions)
    service = _node(SERVICE, _node("AddInFunctions", f"\n{nodes}\n"), replace=True)
    return (
        f'{_XML}<oor:component-data {_OOR} oor:name="CalcAddIns" oor:package="org.openoffice.Office">\n'
        f"{_node('AddInInfo', service)}\n</oor:component-data>\n"
    )


def _function_node(function: Function) -> str:
    arguments = "".join(
        _node(name, _property("DisplayName", argument.name) + _property("Description", argument.help), replace=True)
        for name, argument in zip(_parameters(function), function.arguments, strict=True)
    )
    body = (
        _property("DisplayName", function.name)
        + _property("Description", function.summary)
        + _property("Category", "Add-In", translated=False)
        + _property("CompatibilityName", function.name)  # the name an xlsx file holds
        + _node("Parameters", arguments)
    )
    return _node(_method(function), body, replace=True)


def _components() -> str:
    return (
        f'{_XML}<components xmlns="http://openoffice.org/2010/uno-components">\n'
        f'  <component loader="com.sun.star.loader.Python" uri="{COMPONENT}">\n'
        f'    <implementation name="{SERVICE}Impl"><service name="{SERVICE}"/></implementation>\n'
        "  </component>\n</components>\n"
    )


def _manifest() -> str:
    kinds = {
        f"{INTERFACE}.idl": "application/vnd.sun.star.uno-typelibrary;type=RDB",
        "xlmargin.components": "application/vnd.sun.star.uno-components",
        "CalcAddIns.xcu": "application/vnd.sun.star.configuration-data",
    }
    entries = "".join(
        f'  <manifest:file-entry manifest:full-path="{name}" manifest:media-type="{kind}"/>\n' for name, kind in kinds.items()
    )
    return f'{_XML}<manifest:manifest xmlns:manifest="http://openoffice.org/2001/manifest">\n{entries}</manifest:manifest>\n'


def _description() -> str:
    return (
        f'{_XML}<description xmlns="http://openoffice.org/extensions/description/2006">\n'
        f'  <identifier value="{IDENTIFIER}"/>\n'
        f'  <version value="{_version()}"/>\n'
        '  <display-name><name lang="en">xlmargin PM_ functions</name></display-name>\n'
        "</description>\n"
    )


def _version() -> str:
    try:
        return version("xlmargin")
    except PackageNotFoundError:  # run from the source folder
        return "0"


def _settings(functions: Sequence[Function], folders: Sequence[str]) -> str:
    methods = {
        _method(function): {
            "name": function.name,
            "table": _is_table(function),
            "blank_if_zero": [argument.name in NOT_NUMBERS for argument in function.arguments],
        }
        for function in functions
    }
    python = "{}.{}".format(*sys.version_info)
    return json.dumps({"folders": list(folders), "python": python, "methods": methods}, indent=1) + "\n"
