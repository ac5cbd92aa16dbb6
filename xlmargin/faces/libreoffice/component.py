"""The add-in's component: runs inside LibreOffice's own Python and hands each cell function to the registry."""

from __future__ import annotations

import importlib
import json
import os
import site
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# These three modules exist only inside LibreOffice's Python, which brings no type hints for them.
import unohelper  # type: ignore[import-not-found]
from com.sun.star.lang import XServiceInfo
from org.xlmargin.calc import XMarginFunctions  # type: ignore[import-not-found]

SERVICE = "org.xlmargin.calc.MarginFunctions"
SETTINGS = json.loads(Path(__file__).with_name("xlmargin_addin.json").read_text(encoding="utf-8"))

Cell = float | str | bool


class Engine:
    """The registry, imported at the first call, because opening any document must stay quick."""

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self.functions: dict[str, Any] | None = None
        self.problem = ""

    def answer(self, name: str, arguments: tuple[Any, ...]) -> Cell | list[list[Cell]]:
        """The function's answer; a text that starts with #PM! when xlmargin cannot be loaded."""
        if self.functions is None and not self.problem:
            self.load()
        if self.functions is None:
            return self.problem
        if name not in self.functions:
            return f"#PM! the installed xlmargin has no {name}: run 'xlmargin install --libreoffice' again."
        result: Cell | list[list[Cell]] = self.functions[name].call(*arguments)
        return result

    def load(self) -> None:
        """Import udfs, which fills the registry; keep the error as text for the cells."""
        folders = os.environ.get("XLMARGIN_SITE")
        try:
            for folder in folders.split(os.pathsep) if folders else SETTINGS["folders"]:
                site.addsitedir(folder)
            importlib.import_module("udfs")
            self.functions = importlib.import_module("xlmargin.sheet.registry").FUNCTIONS
        except Exception as error:  # the cell is the only place where the user can read it
            here = "{}.{}".format(*sys.version_info)
            self.problem = (
                f"#PM! LibreOffice's Python {here} could not load xlmargin ({type(error).__name__}: {error}): "
                f"install xlmargin for Python {here} (now {SETTINGS['python']}), "
                "then run 'xlmargin install --libreoffice'."
            )


ENGINE = Engine()


def cell(value: Cell) -> float | str:
    """One result as Calc takes it: whole numbers only up to 32 bits and no booleans in tables, so both as float."""
    return value if isinstance(value, str) else float(value)


def blanks(arguments: tuple[Any, ...], blank_if_zero: list[bool]) -> tuple[Any, ...]:
    """The arguments with None for a reference to one blank cell, which Calc hands over as 0."""
    pairs = zip(arguments, blank_if_zero, strict=True)
    return tuple(None if maybe and argument == 0.0 else argument for argument, maybe in pairs)


def number_method(name: str, blank_if_zero: list[bool]) -> Callable[..., float | str]:
    """A method that answers one cell."""

    def method(_self: object, *arguments: Any) -> float | str:
        result = ENGINE.answer(name, blanks(arguments, blank_if_zero))
        if isinstance(result, list):
            return f"#PM! {name} answers several cells here, LibreOffice takes one: give it one value at a time."
        return cell(result)

    return method


def table_method(name: str, blank_if_zero: list[bool]) -> Callable[..., tuple[tuple[float | str, ...], ...]]:
    """A method that answers rows of cells; a text alone becomes a table of one cell."""

    def method(_self: object, *arguments: Any) -> tuple[tuple[float | str, ...], ...]:
        result = ENGINE.answer(name, blanks(arguments, blank_if_zero))
        rows = result if isinstance(result, list) else [[result]]
        return tuple(tuple(cell(value) for value in row) for row in rows)

    return method


class MarginFunctions(unohelper.Base, XMarginFunctions, XServiceInfo):  # type: ignore[misc]  # untyped bases
    """The object Calc calls; its cell functions are added below, one per entry of the settings file."""

    def __init__(self, context: object) -> None:
        """Made by LibreOffice, which hands its context over; the functions need none of it."""

    def getImplementationName(self) -> str:
        """The name under which the component is registered."""
        return SERVICE + "Impl"

    def supportsService(self, name: str) -> bool:
        """Whether this is the service of that name."""
        return name == SERVICE

    def getSupportedServiceNames(self) -> tuple[str, ...]:
        """The one service this is."""
        return (SERVICE,)


for _method, _function in SETTINGS["methods"].items():
    _make = table_method if _function["table"] else number_method
    setattr(MarginFunctions, _method, _make(_function["name"], _function["blank_if_zero"]))

g_ImplementationHelper = unohelper.ImplementationHelper()  # the name LibreOffice looks for
g_ImplementationHelper.addImplementation(MarginFunctions, SERVICE + "Impl", (SERVICE,))
