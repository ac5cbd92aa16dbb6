"""Columns that only exports of venues and brokers have, rewritten as the columns of a positions range."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from xlmargin.book.contracts import KINDS, PERPETUAL, Contract, is_listed, parse_instrument
from xlmargin.errors import Faults, MarginError
from xlmargin.sheet.cells import is_blank, plain_number, show
from xlmargin.sheet.columns import Table

EXPORTED = ("Symbol", "Class", "Right", "Contracts", "Currency", "Size currency", "Contract size")
ONE_OF = (("Instrument", "Symbol"), ("Quantity", "Contracts"), ("USD size", "Contracts"), ("Multiplier", "Contract size"))
OPTION = "option"  # a class that leaves open whether it is a call or a put
CLASSES = KINDS | {
    **dict.fromkeys(("opt", "option", "options", "equityoption", "indexoption", "stockoption", "cryptooption"), OPTION),
    **dict.fromkeys(("stk", "stocks", "equities", "etf", "etfs", "crypto", "cryptocurrency"), "spot"),
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
        cells = by_symbol(cells, named_by_columns=cells.has("Type", "Class", "Right"))
    if cells.has("Type", "Class", "Right"):
        cells = cells.replaced({"Type": _types(cells, faults)})
    if cells.has("Contracts", "Contract size"):
        cells = _contracts(cells, faults)
    _currencies(cells, faults)
    return cells


def by_symbol(cells: Table, *, named_by_columns: bool) -> Table:
    """A range whose symbols stand under Instrument or Underlying.

    Args:
        named_by_columns: a symbol may be an underlying, since other columns say what the row holds
    """
    instruments, underlyings = list[Any](), list[Any]()
    for symbol, underlying in zip(cells.column("Symbol"), cells.column("Underlying")):
        named = isinstance(symbol, str) and parse_instrument(symbol, "deribit") is not None
        whole = named_by_columns and isinstance(symbol, str) and SHARE_OR_COIN.match(symbol.strip()) is not None
        instruments.append(symbol if named or not (whole or (named_by_columns and not is_blank(underlying))) else None)
        underlyings.append(symbol if not named and whole and is_blank(underlying) else underlying)
    return cells.replaced({"Instrument": instruments, "Underlying": underlyings})


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
            faults.add(row, "Multiplier", "Multiplier must be given where contracts are counted", "type the units of one contract")
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
