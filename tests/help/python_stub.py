"""The types of `import xlmargin`, written from the registry: `python tests/help/python_stub.py` writes them anew."""

from __future__ import annotations

import inspect
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xlmargin.faces.python import offered

STUB = Path(__file__).resolve().parents[2] / "xlmargin" / "__init__.pyi"
HEAD = '''"""The functions of the registry as Python sees them; a range may be of any kind, so its type is object."""

from numpy import float64
from numpy.typing import NDArray
from pandas import DataFrame

from xlmargin.errors import MarginError as MarginError

__all__ = ["__version__"]

__version__: str
'''


def written() -> str:
    """The stub, in the form of all code."""
    text = HEAD + "".join(_declared(name, item) for name, item in offered().items() if inspect.isfunction(item))
    call = ["ruff", "format", "--stdin-filename", str(STUB), "-"]
    return subprocess.run(call, input=text, capture_output=True, text=True, encoding="utf-8", check=True).stdout


def _declared(name: str, function: Callable[..., Any]) -> str:
    """One function: its arguments, its answer and what it is."""
    signature = inspect.signature(function)
    arguments = ", ".join(f"{item.name}: object{'' if item.default is item.empty else ' = None'}" for item in signature.parameters.values())
    answer = signature.return_annotation
    summary = (inspect.getdoc(function) or "").splitlines()[0]
    return f'def {name}({arguments}) -> {answer if isinstance(answer, str) else answer.__name__}:\n    """{summary}"""\n'


if __name__ == "__main__":
    STUB.write_text(written(), encoding="utf-8")
