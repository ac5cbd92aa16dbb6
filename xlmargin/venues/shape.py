"""The common parts of venues' answers: where their positions stand, errors, sides and times in them, and what a position is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from xlmargin.book.combinations import combination_of
from xlmargin.book.contracts import Contract, is_money, parse_instrument
from xlmargin.methods.json_shape import Node, listed, quoted
from xlmargin.sheet.dates import LAST, UNITS_A_SECOND, counted_instant

Sizes = Mapping[str, "Size"]
OPEN_ORDERS = "open orders are left out"
CHANGES = "{} holds the positions that changed, not the whole account: save a positions answer for that"
SHOWN = 30  # characters of a balance that a note shows
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
        notes: what is left out, prices that replace others
        spots: index of each underlying, or the mark of its perpetual, where the answer has one [account currency]
        moment: at which the venue answered, None where it does not say [seconds since 1970 UTC]
    """

    positions: list[list[Any]]
    market: list[list[Any]] | None
    notes: tuple[str, ...]
    spots: Mapping[str, float] = {}
    moment: float | None = None


class AnswerNode(Node):
    """An object of a saved answer; what it lacks may be of another venue, or of another request."""

    __slots__ = ()
    mend = ": save the whole positions answer of the venue that --venue names"


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
        return AnswerNode(self.content, "", self.file)

    @property
    def is_list(self) -> bool:
        """Whether the answer is a bare list."""
        return isinstance(self.content, list)

    def positions(self, name: str, *paths: str) -> list[Node]:
        """The objects of a bare list, or of the first list that stands under one of the paths.

        Args:
            name: key of an object's own name, by which messages name it
            paths: keys joined by dots, such as `result.positions`; a message about a missing list names the first that leads somewhere
        """
        if isinstance(self.content, list):
            return listed(self.content, self.file, name, AnswerNode)
        known = [(owner, key) for owner, key in (_owner(self.top, path) for path in paths) if owner is not None]
        owner, key = next((pair for pair in known if isinstance(pair[0].cells.get(pair[1]), list)), known[0])
        return owner.nodes(key, name)


def _owner(top: Node, path: str) -> tuple[Node | None, str]:
    """The object that holds the last key of a path, None where there is none, and that key."""
    *way, key = path.split(".")
    owner: Node | None = top
    for step in way:
        owner = owner.node(step) if owner is not None and isinstance(owner.cells.get(step), dict) else None
    return owner, key


def refuse(top: Node, venue: str, told: Any) -> NoReturn:
    """Say that an answer is an error of the venue."""
    top.fail(f"{venue} answered with the error {quoted(told)}: save a positions answer")


@dataclass(frozen=True, slots=True)
class Holding:
    """One position, as the venue counts it.

    Attributes:
        item: its place in the answer
        name: instrument as the venue spells it
        quantity: + long, in units of the underlying; 0 of a closed position, None where only `usd` is known
        usd: + long, size of an inverse future or perpetual, None where the answer has none [USD]
        mark: per unit, None where the answer has none [coin of an inverse option, else account currency]
        spot, forward: [account currency]
        vol: fraction
        entry: price at which it was entered, in the unit of the mark
    """

    item: Node
    name: str
    quantity: float | None
    usd: float | None = None
    mark: float | None = None
    spot: float | None = None
    forward: float | None = None
    vol: float | None = None
    entry: float | None = None


def balances_note(rows: Any, coin: str, amount: str) -> tuple[str, ...]:
    """The note on the coins that an answer holds as balances or collateral, which are no positions; nothing where there are none.

    Args:
        rows: list of objects, which may be left out
        coin, amount: keys of the currency and of its amount, which is not 0
    """
    held = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    coins = [
        " ".join(f"{row.get(amount, '')} {row[coin]}".split())[:SHOWN]
        for row in held
        if isinstance(row.get(coin), str) and not is_money(row[coin]) and str(row.get(amount, "?")).strip("0.")
    ]
    return (f"balances are left out: {', '.join(coins)}; give them as a balances range, or as spot rows",) if coins else ()


def contract_of(item: Node, name: str, venue: str) -> Contract:
    """The contract that a venue's name denotes.

    Raises:
        MarginError: the name has no form that is known
    """
    contract = parse_instrument(name, venue)
    if contract is None:
        legs = combination_of(name) if venue == "deribit" else None
        if legs is None:
            item.fail(
                f"instrument {quoted(name)} has no form that is known: take it out of the answer and type it as a row by Underlying, "
                "Type, Strike and Expiry"
            )
        item.fail(
            f"instrument {quoted(name)} is a combination: leave it out of the answer, in which its legs are positions of their own"
            + (legs and f", for each +1 of it {legs}")
        )
    return contract


def signed(item: Node, size: float, side: str) -> float:
    """A size with the sign of its side; `buy`, `long`, `sell`, `short`, or "" where the size has its own sign."""
    if side in ("buy", "long") and size < 0.0:
        item.fail(f"a {side} position must not have the negative size {size:g}")
    return -abs(size) if side in ("sell", "short") else size


def iso_time(moment: float) -> str:
    """ISO text of a time, seconds since 1970 UTC."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat()


def moment_of(item: Node, *keys: str) -> float | None:
    """The time under the first of the keys that is there, seconds since 1970 UTC; None where none is."""
    for key in keys:
        value = item.cells.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < LATEST:
            found = counted_instant(value)
            if found is not None:
                return found
    return None
