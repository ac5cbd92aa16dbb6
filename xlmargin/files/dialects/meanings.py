"""Which columns of a text table hold names, dates, numbers, fractions and amounts of money: each is read as what it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from xlmargin.files.dialects.numerals import DOLLAR, Dialect, bare, numeral
from xlmargin.sheet.columns import Header
from xlmargin.sheet.dates import is_rounded
from xlmargin.sheet.headings import BALANCES, HISTORY, MARKET, PARAMETERS, POSITIONS, heading_key

_EVERY = {**BALANCES, **HISTORY, **PARAMETERS, **MARKET, **POSITIONS}  # whichever range a file is of, its cells are read alike
OTHER_NAMES = {name: heading for name, heading in _EVERY.items() if name not in _EVERY.values()}


def _keys(names: str) -> frozenset[str]:
    return frozenset(map(heading_key, names.split(", ")))


HEADERS = ("Quantity", "USD size", "Parameter", "Scenario", "Date", "Currency", "Field", "Spot", "Underlying", "Instrument")
NAMES = _keys(
    "Account, Instrument, Underlying, Note, Notes, Comment, Venue, Type, Side, Settlement, Exercise, Order, Currency, Parameter, "
    "Scenario, Description, Method, Field, Instrument Name, Symbol, Class, Right, Exchange, Size currency"
)
DATES = _keys("Expiry, As of, Date, Timestamp, TS")
MONEY = _keys("Price, Spot, Forward, Entry, Strike, USD size, Value, Equity, Cost")
PURE = _keys(
    "Quantity, DTE, Multiplier, Delta, Amount, Days, Coin price, Moneyness, Lot, Mark price, Underlying price, Index price, "
    "Contracts, Contract size"
)
FRACTIONS = _keys("IV, Mark IV, Rate, Haircut, Weight, Price move, Vol move, Value")
NUMBERS = MONEY | PURE | FRACTIONS | _keys(", ".join(str(n) for n in range(1, 17)))
_FRACTION = re.compile(r"iv\d*(d|days)?$|vol|rate|haircut|weight|move")  # of headings that a range makes up, as `BTC IV 30`
_DIGITS = re.compile(r"[0-9]{6}$|0[0-9]*$")  # 251231 and 07: as numbers they lose their meaning


class TextColumn(NamedTuple):
    """How the cells of a column are read.

    Attributes:
        name: they are names, whatever they look like
        date: they are dates, of which only those that are numbers are read here
        number: the table's reader takes them as numbers, so they tell the decimal mark
        percent: a text in percent is a fraction
        money: a text may name the account currency, USD
    """

    name: bool = False
    date: bool = False
    number: bool = False
    percent: bool = False
    money: bool = False

    def cell(self, text: str, dialect: Dialect) -> str | float:
        """A cell as a number where its column may have one and the dialect gives it one reading, else its text."""
        shown = bare(text)
        if self.name or (self.date and _DIGITS.match(shown)) or not (found := numeral(shown)):
            return shown
        if is_rounded(shown) and not self.number:
            return shown  # the rounded rest of a time, which its reader must see as it was written
        if (found.percent and not self.percent) or (found.currency and (found.currency != DOLLAR or not self.money)):
            return shown  # an amount of another currency is no number of the account's
        value = dialect.value(found, shown)
        return shown if value is None else value


def headings_in(cells: Sequence[str]) -> Header:
    """The headings of a header row, by whichever names."""
    return Header(map(bare, cells), names=OTHER_NAMES)


def columns_of(header: Sequence[str]) -> list[TextColumn]:
    """How the columns below these headings are read; where none is known to be of numbers, as in a history, all others are."""
    keys = headings_in(header).keys
    known = not NUMBERS.isdisjoint(keys)
    return [
        TextColumn(
            name=key in NAMES,
            date=key in DATES,
            number=key in NUMBERS or not (known or key in NAMES | DATES),
            percent=key in FRACTIONS or bool(_FRACTION.search(key) and key not in NUMBERS),
            money=key in MONEY or key not in NUMBERS | NAMES | DATES,
        )
        for key in keys
    ]


WHATEVER = TextColumn(number=True, percent=True)  # of a table without a header
