"""One record of the expanded format after its fields were read."""

from __future__ import annotations

import math
from typing import NamedTuple


class Parsed(NamedTuple):
    """Fields of a record by name, with the line they came from (counted from 1)."""

    line: int
    line_text: str
    values: dict[str, str | float]

    def text_of(self, name: str) -> str:
        """A field that holds text."""
        return str(self.values[name])

    def number_of(self, name: str) -> float:
        """A field that holds a number, NaN where it is blank."""
        return float(self.values[name])

    def count_of(self, name: str) -> float:
        """A field that holds a number and means 0 where it is blank."""
        value = self.number_of(name)
        return 0.0 if math.isnan(value) else value

    def power_of(self, name: str, exponent: str) -> float:
        """A field times ten to the power of another, whose sign is next to it."""
        power = self.count_of(exponent)
        return float(self.number_of(name) * 10.0 ** (-power if self.text_of(f"{exponent}_sign") == "-" else power))
