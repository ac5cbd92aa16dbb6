"""The types of `import xlmargin`: a stub that the registry writes, and what a type checker makes of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from python_stub import STUB, written

GOOD = """
import xlmargin as xm

required: float = xm.margin([["Underlying"]], {"BTC": 70_000}, "SPAN", parameters=None)
name: str = xm.version()
try:
    xm.compare([])
except xm.MarginError as error:
    rows: list[int] = [fault.row for fault in error.faults]
    fixes: list[str] = [fault.fix for fault in error.faults]
"""
BAD = {
    "xm.margin()": "Missing positional argument",
    "xm.margin([], metod=1)": "Unexpected keyword argument",
    "xm.margins([])": "Module has no attribute",
    "name = xm.margin([])": "Incompatible types in assignment",
}


def test_the_stub_is_what_the_registry_says() -> None:
    """After a change of the registry `python tests/help/python_stub.py` writes it anew."""
    assert STUB.read_text(encoding="utf-8") == written()


def test_a_type_checker_understands_calls_and_tells_wrong_ones(tmp_path: Path) -> None:
    """In its strict mode: a right program has no error, each wrong line has one."""
    path = tmp_path / "program.py"
    path.write_text(GOOD + "\n".join(BAD), encoding="utf-8")
    call = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), str(path)]
    told = subprocess.run(call, cwd=STUB.parents[1], capture_output=True, text=True, check=False).stdout.splitlines()
    first = GOOD.count("\n") + 1
    lines = {line.split(":")[1]: line for line in told if line.startswith(str(path)) and ": error:" in line}
    assert list(lines) == [str(first + n) for n in range(len(BAD))]
    assert all(text in line for text, line in zip(BAD.values(), lines.values()))
