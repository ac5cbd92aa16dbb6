"""What venues' answers have in common: looking up keys with a place to name, sides, and rows of a positions range."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from xlmargin.book.contracts import CALL, SPOT, Contract, parse_instrument
from xlmargin.errors import MarginError

Sizes = Mapping[str, "Size"]
HEADINGS = ["Instrument", "Venue", "Quantity", "Price", "Spot", "Forward", "IV", "Entry"]
LONGEST = 60  # characters of a foreign text that a message quotes
LARGEST = 1e15  # as in a sheet: above it a cell holds no number that is meant
UNITS_A_SECOND = (1.0, 1e3, 1e6, 1e9)  # venues write times in seconds, milli-, micro- or nanoseconds
FIRST, LAST = 946_684_800.0, 4_102_444_800.0  # seconds of the years 2000 and 2100
LATEST = LAST * UNITS_A_SECOND[-1]


class Size(NamedTuple):
    """What one contract of an instrument stands for.

    Attributes:
        value: amount of `currency` in one contract
        currency: upper case; USD-like where the contract is sized in money
    """

    value: float
    currency: str


class Answer(NamedTuple):
    """A positions range, the time it holds for where the answer says, and what is worth telling.

    Attributes:
        positions: rows of cells with the header first
        market: a range with the time alone, None where the answer does not say
        notes: positions that are closed, prices that stand in for others
    """

    positions: list[list[Any]]
    market: list[list[Any]] | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A part of an answer that has keys, and where it stands."""

    cells: Mapping[str, Any]
    place: str

    def fail(self, what: str) -> NoReturn:
        """Tell what is wrong with this part of the answer."""
        raise MarginError(f"{self.place}: {what}")

    def has(self, key: str) -> bool:
        """Whether the key is there and not blank."""
        return self.cells.get(key) not in (None, "")

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self.cells.get(key)
        if not isinstance(value, str) or not value.strip():
            self.fail(
                f"key {key!r} must be a text, not {quoted(value)}"
                if key in self.cells
                else f"no key {key!r}: save the answer as the venue gives it"
            )
        return value.strip()

    def word(self, key: str, known: Sequence[str]) -> str:
        """A lower-case word out of a list; "" where it is left out."""
        if not self.has(key):
            return ""
        word = self.text(key).lower()
        if word not in known:
            self.fail(f"key {key!r} must be one of {', '.join(known)}, not {quoted(word)}")
        return word

    def number(self, key: str) -> float:
        """A number that must be there, written as a number or as text."""
        if not self.has(key):
            self.fail(
                f"no key {key!r}: save the answer as the venue gives it"
                if key not in self.cells
                else f"key {key!r} is blank: a number must stand there"
            )
        return self._number(key)

    def price(self, *keys: str) -> float | None:
        """The first positive number among keys that may be left out; venues write 0 for none."""
        for key in keys:
            if self.has(key):
                value = self._number(key)
                if value < 0.0:
                    self.fail(f"key {key!r} must not be below 0, not {value:g}")
                if value > 0.0:
                    return value
        return None

    def _number(self, key: str) -> float:
        value = self.cells[key]
        try:
            result = math.nan if isinstance(value, bool) or not isinstance(value, (str, int, float)) else float(value)
        except (ValueError, OverflowError):
            result = math.nan
        if not abs(result) <= LARGEST or (isinstance(value, str) and "_" in value):
            self.fail(f"key {key!r} must be a number, not {quoted(value)}")
        return result

    def items(self, key: str, name: str) -> list[Item]:
        """The parts of a list under a key, each named by what it is called there."""
        if key not in self.cells:
            self.fail(f"no key {key!r}, which holds the positions: save the positions answer, not another one")
        return parts(self.cells[key], self, f"key {key!r}", name)

    def inner(self, key: str) -> Item:
        """The part under a key."""
        value = self.cells.get(key)
        if not isinstance(value, dict):
            self.fail(
                f"key {key!r} must hold keys of its own, not {quoted(value)}"
                if key in self.cells
                else f"no key {key!r}: save the positions answer as the venue gives it"
            )
        return Item(value, self.place)


def parts(value: Any, owner: Item, what: str, name: str) -> list[Item]:
    """A list of parts with their places: `positions.json: position 2 (BTC-PERPETUAL)`."""
    if not isinstance(value, list):
        owner.fail(f"{what} must hold a list of positions, not {quoted(value)}: save the positions answer")
    for n, part in enumerate(value, 1):
        if not isinstance(part, dict):
            owner.fail(f"position {n} must hold keys of its own, not {quoted(part)}")
    called = (f" ({quoted(part[name])[1:-1]})" if isinstance(part.get(name), str) else "" for part in value)
    return [Item(part, f"{owner.place}: position {n}{label}") for n, (part, label) in enumerate(zip(value, called), 1)]


def quoted(value: Any) -> str:
    """A foreign value as a message quotes it: short, on one line."""
    if isinstance(value, (dict, list)):
        return "a list" if isinstance(value, list) else "an object"
    text = " ".join(str(value if not isinstance(value, int) or abs(value) < LARGEST else "a very large number").split())
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


class Source(NamedTuple):
    """The content of a file and its name."""

    content: Any
    file: str

    @property
    def top(self) -> Item:
        """The answer as a part with keys.

        Raises:
            MarginError: it is something else
        """
        if not isinstance(self.content, dict):
            raise MarginError(f"{self.file}: the answer must hold keys or a list of positions, not {quoted(self.content)}")
        return Item(self.content, self.file)

    @property
    def is_list(self) -> bool:
        """Whether the answer is a bare list."""
        return isinstance(self.content, list)

    def listed(self, name: str) -> list[Item]:
        """The parts of a bare list."""
        return parts(self.content, Item({}, self.file), "the answer", name)


@dataclass(frozen=True, slots=True)
class Holding:
    """One position as a row will say it.

    Attributes:
        item: where it stands in the answer
        name: instrument as the venue spells it
        quantity: + long, in units of the underlying; 0 of a closed position
        price: mark per unit in the account currency, None where the answer has none
        spot, forward: [account currency]
        vol: fraction
        entry: price at which it was entered
    """

    item: Item
    name: str
    quantity: float
    price: float | None = None
    spot: float | None = None
    forward: float | None = None
    vol: float | None = None
    entry: float | None = None


def contract_of(item: Item, name: str, venue: str) -> Contract:
    """The contract that a venue's name stands for.

    Raises:
        MarginError: the name has no form that is known
    """
    contract = parse_instrument(name, venue)
    if contract is None:
        item.fail(
            f"instrument {quoted(name)} has no form that is known: leave combinations out of the answer, their legs "
            "are positions of their own"
        )
    return contract


def signed(item: Item, size: float, side: str) -> float:
    """A size with the sign of its side; `buy`, `long`, `sell`, `short`, or "" where the size has its own sign."""
    if side in ("buy", "long") and size < 0.0:
        item.fail(f"a {side} position must not have the negative size {size:g}")
    return -abs(size) if side in ("sell", "short") else size


def moment_of(item: Item, *keys: str) -> float | None:
    """The time under the first of the keys that is there, seconds since 1970 UTC; None where none is."""
    for key in keys:
        value = item.cells.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < LATEST:
            found = [value / unit for unit in UNITS_A_SECOND if FIRST <= value / unit < LAST]
            if found:
                return found[0]
    return None


def range_of(holdings: Sequence[Holding], venue: str, moment: float | None, *, priced: bool) -> Answer:
    """The positions range of holdings; closed ones are left out and told."""
    held = [holding for holding in holdings if holding.quantity]
    notes = (
        [f"{len(holdings) - len(held)} closed position{'s are' if len(holdings) - len(held) > 1 else ' is'} left out"]
        if len(held) < len(holdings)
        else []
    )
    if not held:
        notes.append("the answer has no open position")
    contracts = [contract_of(holding.item, holding.name, venue) for holding in held]
    rows: list[list[Any]] = [HEADINGS]
    spots = _spots(held, contracts, notes) if priced else {}
    for holding, contract in zip(held, contracts):
        spot = holding.spot or spots.get(contract.underlying)
        prices = [holding.price, spot, holding.forward, holding.vol] if priced else [None] * 4
        rows.append([holding.name, venue, holding.quantity, *prices, holding.entry])
    coins = [contract.underlying for contract in contracts]
    market = (
        None
        if moment is None or not coins or not priced
        else [["Underlying", "As of"], [coins[0], dt.datetime.fromtimestamp(moment, dt.UTC).isoformat()]]
    )
    return Answer(rows, market, tuple(notes))


def _spots(held: Sequence[Holding], contracts: Sequence[Contract], notes: list[str]) -> dict[str, float]:
    """Spot of coins for rows without one: the index of another row, else the mark of a future or perpetual, told."""
    spots: dict[str, float] = {}
    for holding, contract in zip(held, contracts):
        if holding.spot:
            spots.setdefault(contract.underlying, holding.spot)
    for holding, contract in zip(held, contracts):
        if contract.underlying not in spots and SPOT < contract.kind < CALL and holding.price:
            spots[contract.underlying] = holding.price
            notes.append(f"the answer has no index of {contract.underlying}: the mark of {holding.name} stands in for spot")
    return spots
