"""Portfolio margin of crypto options books, for spreadsheets; for Python, every function of the registry by its lower-case name."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"


class _Package(ModuleType):
    """The package: its functions come with the first of them that is asked for, and go before rooms of the same name."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return import_module("xlmargin.faces.python").offered().get(name, found) if isinstance(found, ModuleType) else found

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return dir(self)
        if not name.startswith("_"):
            offered = import_module("xlmargin.faces.python").offered()
            if name in offered:
                return offered[name]
        raise AttributeError(f"xlmargin has no function {name}: dir(xlmargin) lists them")

    def __dir__(self) -> list[str]:
        return [*import_module("xlmargin.faces.python").offered(), "__version__"]


sys.modules[__name__].__class__ = _Package
