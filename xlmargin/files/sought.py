"""The ranges that a workbook is searched for, and the headings by which each is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xlmargin.sheet import headings
from xlmargin.sheet.cells import is_blank_row
from xlmargin.sheet.columns import Header
from xlmargin.sheet.headings import Names, heading_key


@dataclass(frozen=True)
class Sought:
    """One range of a book.

    Attributes:
        name: of the range, which is also the title of its sheet
        marks: headings of which its header row has at least one; none for a single cell
        heads: the same of a text table, in which the columns of exports count, too
        identity: headings without one of which a row says nothing
        others: the other names of its headings
        meaning: all headings that mean something there
        dates: those of dates
    """

    name: str
    marks: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    others: Names = field(default_factory=lambda: headings.PLAIN)
    meaning: str = ""
    dates: tuple[str, ...] = ()

    def header(self, row: Sequence[Any]) -> Header:
        """A row as the header of this range."""
        return Header(row, self.name, self.others)

    def is_header(self, row: Sequence[Any]) -> bool:
        """Whether a row is the header of this range: a heading that marks it, and another one; a title stands alone."""
        if not self.marks:
            return not is_blank_row(row)
        found = self.header(row)
        return len(found.shown) > 1 and any(mark in found for mark in self.marks)

    def means(self, cell: Any) -> bool:
        """Whether a heading means something in this range."""
        key = heading_key(cell)
        return self.others.get(key, key) in self._meaning

    @cached_property
    def _meaning(self) -> frozenset[str]:
        return frozenset(map(heading_key, self.meaning.split(",")))


RANGES = (
    Sought(
        "positions",
        ("Quantity", "USD size"),
        ("Quantity", "USD size", "Contracts", "Amount"),
        ("Instrument", "Underlying"),
        headings.POSITIONS,
        "Account, Instrument, Underlying, Type, Strike, Expiry, DTE, Quantity, USD size, Side, IV, Price, Coin price, Spot, Forward, "
        "Multiplier, Settlement, Exercise, Order, Venue",
        ("Expiry",),
    ),
    Sought(
        "market",
        ("Underlying",),
        ("Underlying", "Instrument", "Instrument Name", "Symbol", "QUOTE_UNIXTIME"),
        ("Underlying", "Instrument"),
        headings.MARKET,
        "Underlying, Spot, Instrument, Expiry, Strike, Forward, IV, Rate, As of",
        ("Expiry", "As of"),
    ),
    Sought("method"),
    Sought(
        "parameters",
        ("Parameter", "Scenario"),
        ("Parameter", "Scenario"),
        ("Parameter", "Scenario"),
        headings.PARAMETERS,
        "Method, Underlying, Parameter, Value, Scenario, Price move, Vol move, Days, Weight",
    ),
    Sought("history", ("Date",), ("Date", "As of"), ("Date",), headings.HISTORY, "Date", ("Date",)),
    Sought("balances", ("Currency",), (), ("Currency",), headings.BALANCES, "Account, Currency, Amount, Haircut"),
)
SOUGHT = {sought.name: sought for sought in RANGES}
