"""Columns that only exports of venues and brokers have, rewritten as the columns of a positions range."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import KINDS, PERPETUAL, Contract, is_listed, parse_instrument, venue_of
from xlmargin.errors import Faults, MarginError
from xlmargin.sheet.cells import is_blank, plain_number, show
from xlmargin.sheet.columns import Header, Table, blanks
from xlmargin.sheet.headings import heading_key

EXPORTED = ("Symbol", "Class", "Right", "Contracts", "Currency", "Size currency", "Contract size", "Exchange")
FED_BY = {  # the columns of exports that the reader of positions puts under each heading
    "Instrument": ("Symbol",),
    "Underlying": ("Symbol",),
    "Type": ("Right", "Class"),
    "Quantity": ("Contracts", "USD size"),
    "Multiplier": ("Contract size",),
    "Venue": ("Exchange",),
    "Price": ("Mark price",),
    "Coin price": ("Mark price",),
}
ONE_OF = (("Venue", "Exchange"), ("Quantity", "Contracts"), ("USD size", "Contracts"), ("Multiplier", "Contract size"))
VAGUE = tuple(map(heading_key, ("Size", "Position Size", "Net Size", "Amount", "Position Amt", "Position Amount", "Position")))
OPTION = "option"  # a class that leaves open whether it is a call or a put
CLASSES = KINDS | {
    **dict.fromkeys(("opt", "option", "options", "equityoption", "indexoption", "stockoption", "cryptooption"), OPTION),
    **dict.fromkeys(("stk", "stocks", "equities", "etf", "etfs", "etfs&closedendfunds", "crypto", "cryptocurrency"), "spot"),
}
DOLLARS = ("usd", "usdc", "usdt", "us$", "$")
SHARE_OR_COIN = re.compile(r"[\^$.]?[A-Za-z0-9]{1,12}([./][A-Za-z]{1,2})?$")


def in_own_columns(cells: Table, faults: Faults) -> Table:
    """A range whose Symbol, Class, Right and Contracts stand under Instrument, Underlying, Type and Quantity.

    A symbol is an instrument where it has the form of one, else the underlying. Currencies must be those that the other columns
    are read in, and a size of contract must be 1 unless contracts are counted.

    Args:
        cells: the range as it came
        faults: receives every fault of every cell

    Raises:
        MarginError: two columns say the same in different ways
    """
    for pair in ONE_OF:
        if all(map(cells.has, pair)):
            told = f"{pair[0]} and {pair[1]} (or other names of them) say the same in two ways: remove one of the two columns"
            raise MarginError(f"{cells.header.name} row 1: {told}")
    if cells.has("Symbol"):
        if cells.has("Instrument") and any(map(_is_instrument, cells.column("Symbol"))):
            raise MarginError(f"{cells.header.name} row 1: two columns name the Instrument: remove one of them")
        cells = by_symbol(cells, faults, named_by_columns=cells.has("Type", "Class", "Right"))
    if cells.has("Class", "Right") or OPTION in map(_word, {cell for cell in cells.column("Type") if isinstance(cell, str)}):
        cells = cells.replaced({"Type": _types(cells, faults)})
    if cells.has("Contracts", "Contract size"):
        cells = _contracts(cells, faults)
    if delta_is_greek(cells.header):
        problem = "Delta stands beside other greeks and is left out"
        faults.note(1, "Delta", problem, "remove those if it is the composite delta of one unit")
        cells = cells.replaced({"Delta": [None] * len(cells)})
    if cells.has("Exchange"):
        cells = _venues(cells, faults)
    _currencies(cells, faults)
    return cells


def delta_is_greek(header: Header) -> bool:
    """Whether a Delta stands beside other greeks and no risk array, so that it is no composite delta of one unit."""
    return "Delta" in header and "1" not in header and any(greek in header for greek in ("Gamma", "Vega", "Theta"))


def vague_size(header: Header) -> str:
    """The heading of the quantities as it stands in the range, if it leaves open whether an inverse contract counts coins or USD."""
    at = header.find("Quantity")
    text = "" if at is None else header.texts[at]
    return text if heading_key(text) in VAGUE else ""


def _venues(cells: Table, faults: Faults) -> Table:
    """A range whose exchanges stand under Venue where they are venues that are known; the others are noted."""
    known = [cell if isinstance(cell, str) and venue_of(cell) is not None else None for cell in cells.column("Exchange")]
    told = set[str]()
    for row, cell, venue in zip(cells.rows, cells.column("Exchange"), known):
        if venue is None and not is_blank(cell) and str(cell) not in told:
            told.add(str(cell))
            faults.note(
                row, "Exchange", f"Exchange {show(cell)} is no venue that is known, and is left out", "name a venue if it should count"
            )
    return cells.replaced({"Venue": known})


def by_symbol(cells: Table, faults: Faults, *, named_by_columns: bool) -> Table:
    """A range whose symbols stand under Instrument or Underlying.

    Args:
        cells: the range as it came
        faults: receives a note on symbols of no known form beside which the other columns count
        named_by_columns: a symbol may be an underlying, since other columns say what the row holds
    """
    instruments, underlyings = list[Any](), list[Any]()
    told = set[str]()
    for row, symbol, underlying, instrument in zip(cells.rows, *map(cells.column, ("Symbol", "Underlying", "Instrument"))):
        named = _is_instrument(symbol)
        whole = named_by_columns and isinstance(symbol, str) and SHARE_OR_COIN.match(symbol.strip()) is not None
        apart = whole or (named_by_columns and not is_blank(underlying)) or not is_blank(instrument)
        instruments.append(symbol if named or not apart else instrument)
        if not named and not is_blank(symbol) and not is_blank(underlying) and str(symbol).upper() != str(underlying).upper():
            if str(symbol) not in told:
                faults.note(
                    row, "Symbol", f"Symbol {show(symbol)} has no form that is known: the other columns count", "mend it if it should"
                )
            told.add(str(symbol))
        underlyings.append(symbol if not named and whole and is_blank(underlying) else underlying)
    return cells.replaced({"Instrument": instruments, "Underlying": underlyings})


def _is_instrument(cell: Any) -> bool:
    """Whether a cell names an instrument in a form that is known."""
    return isinstance(cell, str) and parse_instrument(cell, "deribit") is not None


def _word(cell: Any) -> str:
    """The class that a cell names, "" where it names none."""
    return CLASSES.get(re.sub(r"[\s_-]+", "", cell).lower(), "") if isinstance(cell, str) else ""


def _types(cells: Table, faults: Faults) -> list[Any]:
    """The Type of each row, of all the columns that say something of it."""
    result: list[Any] = []
    columns = [(heading, cells.column(heading)) for heading in ("Type", "Right", "Class") if cells.has(heading)]
    for i, row in enumerate(cells.rows):
        said = {heading: column[i] for heading, column in columns if not is_blank(column[i])}
        words = {heading: _word(cell) for heading, cell in said.items()}
        bad = next((heading for heading, word in words.items() if not word), None)
        name = cells.column("Instrument")[i]
        contract = parse_instrument(name, "deribit") if isinstance(name, str) else None
        if bad is not None:
            result.append(said[bad])  # the reader of the column says what is wrong with it
            continue
        result.append(_agreed(row, words, contract, faults))
    return result


def _agreed(row: int, words: dict[str, str], contract: Contract | None, faults: Faults) -> str | None:
    """The one type that words of several columns mean; a class alone must fit the contract that the instrument names."""
    exact = set(words.values()) - {OPTION}
    if OPTION in words.values():
        if not exact and (contract is None or contract.kind <= PERPETUAL):
            told = "the Instrument is none" if contract is not None else "no column says call or put"
            faults.add(row, "Type", f"Type says option, and {told}", "type call or put")
        elif not exact <= {"call", "put"}:
            faults.add(row, "Type", f"Type says option and {' and '.join(sorted(exact))}", "mend one of the cells")
    if words.get("Class") == "future" and (exact == {"future", "perp"} or (contract is not None and contract.kind == PERPETUAL)):
        exact.discard("future")  # venues count a perpetual among the futures
    if len(exact) > 1:
        faults.add(row, "Type", f"Type says {' and '.join(sorted(exact))} in two columns", "mend one of the cells")
    return next(iter(sorted(exact)), None)


def _contracts(cells: Table, faults: Faults) -> Table:
    """A range whose contracts are quantities; each has a Multiplier, and a size of contract stands only beside contracts."""
    sizes = cells.column("Contract size")
    if not cells.has("Contracts"):
        for row, size in zip(cells.rows, sizes):
            if not is_blank(size) and plain_number(size) != 1.0:
                problem = f"Contract size {show(size)} stands beside a Quantity, which counts units of the underlying"
                faults.add(row, "Contract size", problem, "name it Multiplier if Quantity counts contracts, else remove the column")
        return cells
    units = sizes if cells.has("Contract size") else cells.column("Multiplier")
    for row, count, unit in zip(cells.rows, cells.column("Contracts"), units):
        if not is_blank(count) and (is_blank(unit) or plain_number(unit) == 0.0):
            faults.add(
                row,
                "Multiplier",
                "Multiplier must be given where contracts are counted",
                "type the units of the underlying in one contract",
            )
    return cells.replaced({"Quantity": cells.column("Contracts"), "Multiplier": units})


def _currencies(cells: Table, faults: Faults) -> None:
    """Require that amounts are in dollars, and sizes in units of the underlying."""
    for row, cell in zip(cells.rows, cells.column("Currency")):
        if not is_blank(cell) and str(cell).strip().lower() not in DOLLARS:
            problem = f"Currency {show(cell)} is not the account currency, USD, in which prices are read"
            faults.add(row, "Currency", problem, "give the prices in USD and remove the column")
    for i, cell in enumerate(cells.column("Size currency")):
        if is_blank(cell):
            continue
        name = cells.column("Instrument")[i]
        contract = parse_instrument(name, "deribit") if isinstance(name, str) else None
        coin = contract.underlying if contract is not None else str(cells.column("Underlying")[i]).strip().upper()
        if str(cell).strip().upper() != coin:
            problem = f"Size currency {show(cell)} is not the underlying, in whose units Quantity is read"
            faults.add(cells.rows[i], "Size currency", problem, "put an amount of USD under the heading USD size")


def must_be_coins(cells: Table, in_usd: NDArray[np.bool_], faults: Faults) -> None:
    """Require that the heading of a quantity says whether it counts coins where a venue counts USD.

    Args:
        in_usd: the rows of inverse futures and perpetuals (P,)
    """
    if text := vague_size(cells.header):
        for i in np.flatnonzero(in_usd & ~blanks(cells.column("Quantity"))).tolist():
            problem = f"{text} of an inverse future or perpetual may be coins or, as venues print it, USD"
            faults.add(cells.rows[i], "Quantity", problem, "name the heading Quantity for coins, USD size for dollars")


def must_count_shares(names: Sequence[str], cells: Table, faults: Faults) -> None:
    """Require a Multiplier of options listed in the United States, whose Quantity counts contracts.

    Args:
        names: the Instrument of each row (P,)
    """
    units = cells.column("Multiplier")
    listed = {name: is_listed(name) for name in set(names)}
    for row, name, unit in zip(cells.rows, names, units):
        if listed[name] and (is_blank(unit) or plain_number(unit) == 0.0):
            problem = f"Multiplier must be given for {name}, a contract of several shares"
            faults.add(row, "Multiplier", problem, "type 100, or 1 if Quantity counts shares")
