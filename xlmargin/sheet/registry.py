"""The registry of functions that every face offers: Excel, LibreOffice, the embedded engine and the command line."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Literal, Union

from xlmargin.errors import MarginError, failure
from xlmargin.sheet.cells import unpacked, without_blank_end

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
    """One function: its name, its help, its arguments, and the call that answers it.

    Attributes:
        answer: raises a MarginError where there is a mistake
        call: the same, and never raises: a mistake is returned as one line that begins with `#PM! `
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    returns: Returns
    answer: Callable[..., Cells]
    call: Callable[..., Cells]


class Sound(list[list[Cell]]):
    """A table whose numbers are known to be finite; the caller receives it as a plain list."""


FUNCTIONS: dict[str, Function] = {}


def pm_function(returns: Returns, *, whole: bool = False, **helps: str) -> Callable[[Callable[..., Any]], Callable[..., Cells]]:
    """Register a function under its own name, with the help of each argument.

    Args:
        returns: number, table or text
        whole: its ranges keep the blank rows at their end, for an answer as long as they are
        helps: the help of each argument, in the order of the signature

    Returns:
        a decorator; the decorated function never raises: a mistake is returned as one line that begins with `#PM! `
    """

    def register(body: Callable[..., Any]) -> Callable[..., Cells]:
        parameters = inspect.signature(body).parameters
        assert list(parameters) == list(helps), f"{body.__name__}: help and signature differ"
        arguments = tuple(Argument(name, helps[name], parameter.default is not parameter.empty) for name, parameter in parameters.items())

        def kept(raw: Any) -> Any:
            return raw if whole else without_blank_end(raw)

        def answer(*args: Any, **named: Any) -> Cells:
            ranges = map(unpacked, map(kept, args), chain(helps, repeat("")))
            return _sound(body(*ranges, **{name: unpacked(kept(raw), name) for name, raw in named.items()}))

        @functools.wraps(body)
        def call(*args: Any, **named: Any) -> Cells:
            try:
                return answer(*args, **named)
            except Exception as error:  # a cell must never show a traceback, whatever its arguments
                return ERROR + " ".join(failure(body.__name__, error).split())

        FUNCTIONS[body.__name__] = Function(body.__name__, inspect.getdoc(body) or "", arguments, returns, answer, call)
        return _for_excel(call, arguments, returns)

    return register


def _for_excel(call: Callable[..., Cells], arguments: tuple[Argument, ...], returns: Returns) -> Callable[..., Cells]:
    """Decorate for xlwings where its server, already imported, loads this module; other faces need no xlwings."""
    xlwings = sys.modules.get("xlwings")
    if xlwings is None:
        return call
    for argument in reversed(arguments):
        # raw: unchanged cells, read by our own parser on every route
        call = xlwings.arg(argument.name, "raw", doc=argument.help)(call)
    if returns == "table":
        # raw spares the conversion of every cell of a wide table; xlwings asks a raw answer for its length, so numbers go
        # the usual way
        call = xlwings.ret("raw")(call)
    return xlwings.func(category=CATEGORY)(call)  # type: ignore[no-any-return]


def _sound(result: Any) -> Cells:
    """The answer itself, if a sheet can show every cell of it.

    Raises:
        MarginError: a number is not finite, which means that the input was absurd
    """
    if isinstance(result, Sound):
        return list(result)
    rows = result if isinstance(result, list) else [[result]]
    if not all(map(math.isfinite, [cell for row in rows for cell in row if type(cell) is float])):
        raise MarginError("the answer is not a finite number: a quantity, price, vol or move is far out of range")
    return result  # type: ignore[no-any-return]
