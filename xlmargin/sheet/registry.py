"""The list of functions that every face offers: what Excel, LibreOffice, the embedded engine and the command line call."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Union

from xlmargin.errors import MarginError, failure

Cell = Union[float, str, bool]
Cells = Union[Cell, list[list[Cell]]]
Returns = Literal["number", "table", "text"]

ERROR = "#PM! "
CATEGORY = "xlmargin"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument as a function wizard shows it."""

    name: str
    help: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Function:
    """One function: what it is called, what it does, what it takes, and what answers it."""

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    returns: Returns
    call: Callable[..., Cells]


class Sound(list[list[Cell]]):
    """A table whose maker knows that every number of it is finite; whoever asked for it is given a plain list."""


FUNCTIONS: dict[str, Function] = {}


def pm_function(returns: Returns, **helps: str) -> Callable[[Callable[..., Any]], Callable[..., Cells]]:
    """Register a function under its own name, with the help of each argument.

    Args:
        returns: number, table or text
        helps: the help of each argument, in the order of the signature

    Returns:
        a decorator; the function it gives never raises: a mistake comes back as one line that begins with `#PM! `
    """

    def register(body: Callable[..., Any]) -> Callable[..., Cells]:
        parameters = inspect.signature(body).parameters
        assert list(parameters) == list(helps), f"{body.__name__}: help and signature differ"
        arguments = tuple(Argument(name, helps[name], parameter.default is not parameter.empty) for name, parameter in parameters.items())

        @functools.wraps(body)
        def call(*args: Any, **named: Any) -> Cells:
            try:
                return _sound(body(*args, **named))
            except Exception as error:  # a cell must never hold a traceback, whatever it was given
                return ERROR + " ".join(failure(body.__name__, error).split())

        FUNCTIONS[body.__name__] = Function(body.__name__, inspect.getdoc(body) or "", arguments, returns, call)
        return _for_excel(call, arguments, returns)

    return register


def _for_excel(call: Callable[..., Cells], arguments: tuple[Argument, ...], returns: Returns) -> Callable[..., Cells]:
    """Decorate for xlwings where it is what loads us (its server has imported it); other faces need no xlwings."""
    xlwings = sys.modules.get("xlwings")
    if xlwings is None:
        return call
    for argument in reversed(arguments):
        # raw: the cells as they come, read by our own parser on every route
        call = xlwings.arg(argument.name, "raw", doc=argument.help)(call)
    if returns == "table":
        # raw spares the conversion of every cell of a wide table; xlwings asks a raw answer for its length, so numbers go
        # the usual way
        call = xlwings.ret("raw")(call)
    return xlwings.func(category=CATEGORY)(call)  # type: ignore[no-any-return]


def _sound(result: Any) -> Cells:
    """The answer itself, if every cell of it is one that a sheet can hold.

    Raises:
        MarginError: a number is not finite, which means that the input was absurd
    """
    if isinstance(result, Sound):
        return list(result)
    rows = result if isinstance(result, list) else [[result]]
    if not all(map(math.isfinite, [cell for row in rows for cell in row if type(cell) is float])):
        raise MarginError("the answer is not a finite number: a quantity, price, vol or move is far out of range")
    return result  # type: ignore[no-any-return]
