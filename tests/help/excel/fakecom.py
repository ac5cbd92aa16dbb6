"""A stand-in for pywin32, with which the Windows branch of xlwings runs anywhere; nothing of xlwings itself is replaced.

The conversion of cells on their way to Python, and of results on their way back, follows pywin32's `oleargs.cpp`
(`PyCom_PyObjectFromVariant`, `PyCom_VariantFromPyObject`).
"""

from __future__ import annotations

import asyncio  # before the platform is changed: these read it when they are imported
import concurrent.futures
import ctypes
import datetime as dt
import decimal
import multiprocessing
import subprocess
import sys
import types
from typing import Any

import numpy as np
import pandas as pd

from excel.protocol import MISSING, Cells, ErrorValue

ALREADY = asyncio, concurrent.futures, multiprocessing, subprocess, np, pd
PARAMETER_NOT_FOUND = -2147352572  # DISP_E_PARAMNOTFOUND: the value of a missing argument
ERROR_BASE = -2146828288  # 0x800A0000: an error value arrives as this plus its CVErr code
RANGE = "{00020846-0000-0000-C000-000000000046}"
CURRENCY = decimal.Decimal("0.0001")
WIDTHS = 32, 64  # bits of the integer types


class ComError(Exception):
    """pywintypes.com_error."""


class Time(dt.datetime):
    """pywintypes.TimeType: a datetime with a time zone, which a cell with a date arrives as."""


class Anything:
    """A stand-in for objects that are only named, or called without effect."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take anything."""

    def __call__(self, *_: Any, **__: Any) -> Anything:
        """Answer something that again takes anything."""
        return Anything()

    def __getattr__(self, name: str) -> Anything:
        """Have every attribute."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


def _not_wrapped(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is no wrapped Python object")


def _module(name: str, **attributes: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__dict__.update(attributes, __file__=f"<{name}>", __path__=[])
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
    return module


def install() -> types.ModuleType:
    """Put the stand-ins in place and import xlwings as on Windows."""
    assert "xlwings" not in sys.modules
    dispatch = type("PyIDispatch", (), {})
    _module("pywintypes", com_error=ComError, error=ComError, TimeType=Time, IID=str.upper)
    _module(
        "pythoncom",
        IID_IDispatch="IDispatch",
        IID_IEnumVARIANT="IEnumVARIANT",
        TypeIIDs={"IDispatch": dispatch},
        com_error=ComError,
        ole_error=ComError,
        CoInitialize=lambda: None,
        CoUninitialize=lambda: None,
        CoMarshalInterThreadInterfaceInStream=lambda _, thing: thing,
        CoGetInterfaceAndReleaseStream=lambda stream, _: stream,
    )
    for name in ("win32api", "win32con", "win32gui", "win32event"):
        _module(name).__getattr__ = lambda _: Anything()  # type: ignore[method-assign]
    _module("win32process", GetWindowThreadProcessId=lambda _: (1, 1))
    _module("win32timezone", TimeZoneInfo=types.SimpleNamespace(utc=lambda: dt.UTC))
    _module("win32com")
    classes = {name: type(name, (), {}) for name in ("CDispatch", "CoClassBaseClass", "DispatchBaseClass")}
    _module("win32com.client", Dispatch=lambda thing, *_, **__: thing, DispatchEx=Anything(), gencache=Anything(), **classes)
    for name in ("win32com.server", "win32com.server.dispatcher"):
        _module(name)
    _module("win32com.server.policy", DefaultPolicy=object)
    _module("win32com.server.exception", COMException=ComError)
    _module("win32com.server.util", wrap=lambda thing, *_, **__: thing, unwrap=_not_wrapped)
    vars(ctypes).update(oledll=Anything(), windll=Anything())
    library, platform = ctypes.PyDLL, sys.platform
    ctypes.PyDLL = Anything  # type: ignore[misc, assignment]
    sys.platform = "win32"
    try:
        import xlwings
        import xlwings.com_server
    finally:
        sys.platform, ctypes.PyDLL = platform, library  # type: ignore[misc]
    return xlwings


def to_python(value: Any, number_format: str = "General") -> Any:
    """A cell as `Range.Value` passes it."""
    if isinstance(value, ErrorValue):
        return ERROR_BASE + value.code
    if isinstance(value, dt.datetime):
        return Time(*value.timetuple()[:6], value.microsecond, tzinfo=dt.UTC)
    if isinstance(value, dt.date):
        return Time(value.year, value.month, value.day, tzinfo=dt.UTC)
    if value is None or isinstance(value, (bool, str)):
        return value
    if any(sign in number_format for sign in "$€£"):  # VT_CY
        return decimal.Decimal(repr(float(value))).quantize(CURRENCY)
    return float(value)  # VT_R8: Excel has no whole numbers


def to_variant(value: Any) -> Any:
    """A result as COM passes it: its type by name, and its content; rows of an array must be equally long."""
    if isinstance(value, (list, tuple)):
        rows = [to_variant(each) for each in value]
        if len({len(row[1]) if row[0] == "ARRAY" else -1 for row in rows}) > 1:
            raise TypeError("All dimensions must be a sequence of the same size")
        return "ARRAY", rows
    if isinstance(value, bool):  # numpy's is none
        return "VT_BOOL", value
    if isinstance(value, str):
        return "VT_BSTR", value
    if isinstance(value, int):
        bits = value.bit_length()
        return ("VT_I4" if bits < WIDTHS[0] else "VT_I8" if bits < WIDTHS[1] else "VT_R8"), value
    if isinstance(value, float):
        return "VT_R8", float(value)
    if value is None:
        return "VT_NULL", None
    if isinstance(value, dt.datetime):
        return "VT_DATE", value
    if isinstance(value, decimal.Decimal):
        return "VT_CY", value.quantize(CURRENCY)
    if hasattr(value, "__float__"):
        return "VT_R8", float(value)
    raise TypeError(f"Objects of type '{type(value).__name__}' can not be converted to a COM VARIANT")


class Application:
    """Excel.Application, as far as importing functions asks it."""

    Hwnd, Version, Name = 1, "16.0", "Microsoft Excel"

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []
        self.run: list[tuple[Any, ...]] = []
        self.WorksheetFunction = Anything()

    def MacroOptions(self, macro: str, **options: Any) -> None:
        """Record the options of a function."""
        self.options.append((macro, options))

    def Run(self, macro: str, path: str) -> None:
        """Record a run of a macro of the workbook, with its file."""
        with open(path, encoding="utf-8") as file:
            self.run.append((macro, file.read()))


class Components:
    """The modules of a workbook's project; refuses everything where access to it is not trusted."""

    def __init__(self, trusted: bool) -> None:
        self.trusted, self.modules = trusted, dict[str, str]()

    def __call__(self, name: str) -> str:
        """A module by its name."""
        if not self.trusted or name not in self.modules:
            raise ComError("Programmatic access to Visual Basic Project is not trusted" if not self.trusted else name)
        return name

    def Remove(self, name: str) -> None:
        """Take a module out."""
        del self.modules[name]

    def Import(self, path: str) -> None:
        """Add a module from a file."""
        if not self.trusted:
            raise ComError("Programmatic access to Visual Basic Project is not trusted")
        with open(path, encoding="utf-8") as file:
            self.modules["xlwings_udfs"] = file.read()


class Book:
    """A workbook."""

    def __init__(self, name: str = "desk.xlsm", trusted: bool = True) -> None:
        self.Name, self.Application, self.Worksheets = name, Application(), list[Any]()
        self.VBProject = types.SimpleNamespace(VBComponents=Components(trusted))


class Range:
    """A range as pywin32 wraps it."""

    CLSID = RANGE

    def __init__(self, book: Book, cells: Cells) -> None:
        self._cells, self.Application = cells, book.Application
        self.Worksheet = types.SimpleNamespace(Parent=book, Name="Sheet", Application=book.Application)
        self.Row = self.Column = 1
        self.Rows = types.SimpleNamespace(Count=len(cells.rows))
        self.Columns = types.SimpleNamespace(Count=len(cells.rows[0]))
        self.Address = "$A$1"
        attributes = types.SimpleNamespace(GetTypeAttr=lambda: types.SimpleNamespace(iid=RANGE))
        self._oleobj_ = types.SimpleNamespace(GetTypeInfo=lambda: attributes)

    @property
    def Value(self) -> Any:
        """One cell as a value, several as a tuple of rows."""
        formats = {(row, column): text for row, column, text in self._cells.formats}
        rows = tuple(
            tuple(to_python(cell, formats.get((r, c), "General")) for c, cell in enumerate(row)) for r, row in enumerate(self._cells.rows)
        )
        return rows[0][0] if len(rows) == len(rows[0]) == 1 else rows


def argument(book: Book, value: Any) -> Any:
    """An argument as the wrapper's Array passes it."""
    if value == MISSING:
        return PARAMETER_NOT_FOUND
    return Range(book, value) if isinstance(value, Cells) else to_python(value)
