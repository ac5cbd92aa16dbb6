"""The common parts of venues' answers: errors, sides and times in them, and rows of a positions range."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from xlmargin.book.contracts import CALL, SPOT, Contract, parse_instrument
from xlmargin.methods.json_shape import Node, listed, quoted

Sizes = Mapping[str, "Size"]
HEADINGS = ["Instrument", "Venue", "Quantity", "Price", "Spot", "Forward", "IV", "Entry"]
UNITS_A_SECOND = (1.0, 1e3, 1e6, 1e9)  # venues write times in seconds, milli-, micro- or nanoseconds
FIRST, LAST = 946_684_800.0, 4_102_444_800.0  # seconds of the years 2000 and 2100
LATEST = LAST * UNITS_A_SECOND[-1]


class Size(NamedTuple):
    """The size of one contract of an instrument.

    Attributes:
        value: amount of `currency` in one contract
        currency: upper case; USD-like where the contract is sized in money
    """

    value: float
    currency: str


class Answer(NamedTuple):
    """A positions range, the time it holds for where the answer says, and notes for the user.

    Attributes:
        positions: rows of cells with the header first
        market: a range with the time alone, None where the answer does not say
        notes: positions that are closed, prices that replace others
    """

    positions: list[list[Any]]
    market: list[list[Any]] | None
    notes: tuple[str, ...]


class RawAnswer(NamedTuple):
    """The content of an answer, and its file."""

    content: Any
    file: str

    @property
    def top(self) -> Node:
        """The answer as an object.

        Raises:
            MarginError: it is something else
        """
        return Node(self.content, "", self.file)

    @property
    def is_list(self) -> bool:
        """Whether the answer is a bare list."""
        return isinstance(self.content, list)

    def listed(self, name: str) -> list[Node]:
        """The objects of a bare list, each named by its value under the key `name`."""
        return listed(self.content, self.file, name)


def refuse(top: Node, venue: str, told: Any) -> NoReturn:
    """Say that an answer is an error of the venue."""
    top.fail(f"{venue} answered with the error {quoted(told)}: save a positions answer")


@dataclass(frozen=True, slots=True)
class Holding:
    """One position in the form of a row.

    Attributes:
        item: its place in the answer
        name: instrument as the venue spells it
        quantity: + long, in units of the underlying; 0 of a closed position
        price: mark per unit in the account currency, None where the answer has none
        spot, forward: [account currency]
        vol: fraction
        entry: price at which it was entered
    """

    item: Node
    name: str
    quantity: float
    price: float | None = None
    spot: float | None = None
    forward: float | None = None
    vol: float | None = None
    entry: float | None = None


def contract_of(item: Node, name: str, venue: str) -> Contract:
    """The contract that a venue's name denotes.

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


def signed(item: Node, size: float, side: str) -> float:
    """A size with the sign of its side; `buy`, `long`, `sell`, `short`, or "" where the size has its own sign."""
    if side in ("buy", "long") and size < 0.0:
        item.fail(f"a {side} position must not have the negative size {size:g}")
    return -abs(size) if side in ("sell", "short") else size


def moment_of(item: Node, *keys: str) -> float | None:
    """The time under the first of the keys that is there, seconds since 1970 UTC; None where none is."""
    for key in keys:
        value = item.cells.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < LATEST:
            found = [value / unit for unit in UNITS_A_SECOND if FIRST <= value / unit < LAST]
            if found:
                return found[0]
    return None


def range_of(holdings: Sequence[Holding], venue: str, moment: float | None, *, priced: bool) -> Answer:
    """The positions range of holdings; closed ones are left out and noted."""
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
    """Spot of coins for rows without one: the index of another row, else the mark of a future or perpetual, with a note."""
    spots: dict[str, float] = {}
    for holding, contract in zip(held, contracts):
        if holding.spot:
            spots.setdefault(contract.underlying, holding.spot)
    for holding, contract in zip(held, contracts):
        if contract.underlying not in spots and SPOT < contract.kind < CALL and holding.price:
            spots[contract.underlying] = holding.price
            notes.append(f"the answer has no index of {contract.underlying}: the mark of {holding.name} stands in for spot")
    return spots
