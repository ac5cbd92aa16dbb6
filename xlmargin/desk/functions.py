"""The parameters that are known to functions rather than to methods: every other function passes them over."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xlmargin.margin.parameters import read_rules

FILES = ("account.toml", "compare.toml", "hedge/hedge.toml")  # of the status, the comparison and the hedge


@cache
def function_parameters() -> frozenset[str]:
    """The names of the functions' own parameters, none of which is a method's."""
    return frozenset(name for file in FILES for name in read_rules(Path(__file__).parent / file, 0.0).names)
