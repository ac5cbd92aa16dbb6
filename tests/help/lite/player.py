"""Runs in Pyodide: loads main.py as xlwings Lite does, and calls its functions with the values of Office.js.

The decorators of xlwings outside Windows and its server do nothing: here they record their arguments. NumPy and SciPy
for Pyodide are in no package index, so the Python outside answers each function, over `office.ask`.
"""

import importlib.abc
import importlib.machinery
import inspect
import json
import sys
import types
import typing

import office

sys.path[:0] = ["/wheel", "/packages"]

import xlwings  # noqa: E402

WHEEL_OWN = {
    "xlmargin.errors",
    "xlmargin.sheet",
    "xlmargin.sheet.registry",
    "xlmargin.sheet.cells",
    "xlmargin.sheet.answers",
}  # as in the wheel


class Outside(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Replaces the modules of xlmargin that need NumPy: the Python outside answers each of their functions."""

    def find_spec(self, name, path=None, target=None):
        """Find every module of xlmargin but those that run here."""
        if name.startswith("xlmargin.") and name not in WHEEL_OWN:
            return importlib.machinery.ModuleSpec(name, self)
        return None

    def create_module(self, spec):
        """A module that has every function."""
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda function: self.outside(spec.name, function)
        return module

    @staticmethod
    def outside(module, function):
        """A function of such a module."""
        if function.startswith("__"):  # attributes that Python and Lite look up on any object
            raise AttributeError(function)
        return lambda *arguments: ask(module, function, arguments)

    def exec_module(self, module):
        """Do nothing: the module is empty."""


def ask(module, function, arguments):
    """The answer of the Python outside; its faults are raised as the same exception."""
    from xlmargin.errors import MarginError
    from xlmargin.sheet.cells import plain_rows

    sent = [[list(row) for row in plain_rows(as_rows(argument))] for argument in arguments]
    answer = json.loads(office.ask(json.dumps([module, function, sent])))
    if "problem" in answer:
        raise MarginError(answer["problem"])
    return answer["result"]


def as_rows(argument):
    """An argument as rows of cells, before it is sent."""
    if not isinstance(argument, list):
        return [[argument]]
    return argument if argument and isinstance(argument[0], list) else [argument]


def noted(function):
    """A function with the mark by which Lite finds it."""
    if not hasattr(function, "__xlfunc__"):
        function.__xlfunc__ = {"args": {}, "ret": None, "hints": len(typing.get_type_hints(function, include_extras=True))}
    return function


def arg(name, convert=None, doc=""):
    """As `xlwings.arg`."""

    def decorate(function):
        assert name in inspect.signature(function).parameters
        noted(function).__xlfunc__["args"][name] = [convert, doc]
        return function

    return decorate


def ret(convert=None):
    """As `xlwings.ret`."""

    def decorate(function):
        noted(function).__xlfunc__["ret"] = convert
        return function

    return decorate


def func(category=None):
    """As `xlwings.func`."""
    return noted


xlwings.arg, xlwings.ret, xlwings.func = arg, ret, func
sys.meta_path.insert(0, Outside())
import main  # noqa: E402

FOUND = dict(inspect.getmembers(main, lambda member: hasattr(member, "__xlfunc__")))


def one_or_row(value):
    """An argument as Lite passes it: one cell alone, one row flat."""
    if len(value) > 1:
        return value
    return value[0] if len(value[0]) > 1 else value[0][0]


def call(name, values):
    """Call a function with the matrices of Office.js; a null counts as left out."""
    from pyodide.ffi import JsNull

    defaults = [parameter.default for parameter in inspect.signature(FOUND[name]).parameters.values()]
    given = values.to_py()
    arguments = [defaults[n] if isinstance(value, JsNull) else one_or_row(value) for n, value in enumerate(given)]
    return json.dumps(FOUND[name](*arguments))


{
    "about": json.dumps(
        {"python": sys.version, "platform": sys.platform, "functions": {name: function.__xlfunc__ for name, function in FOUND.items()}}
    ),
    "call": call,
}
