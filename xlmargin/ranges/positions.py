"""The positions range: every heading of the contract, read column by column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book import SCENARIO_COUNT, Positions
from xlmargin.cells import Table, choices, is_blank, numbers, show, table, texts
from xlmargin.errors import Faults, MarginError
from xlmargin.names import (CALL, EXPIRY_HOUR, FUTURE, KIND_NAMES, KINDS, SPOT, Contract, instrument_name,
                            parse_instrument, venue_of)
from xlmargin.ranges.dates import instants

__all__ = ["HEADINGS", "read_positions"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ARRAY = tuple(str(n) for n in range(1, SCENARIO_COUNT + 1))
HEADINGS = ("Instrument", "Underlying", "Type", "Strike", "Expiry", "DTE", "Quantity", "Side", "IV", "Price", "Spot",
            "Forward", "Multiplier", "Settlement", "Exercise", "Account", "Entry", "Order", "Venue", *ARRAY)
SIDES = dict.fromkeys(("buy", "b", "long", "l", "bought"), "buy") | dict.fromkeys(("sell", "s", "short", "sold"), "sell")
SETTLEMENTS = dict.fromkeys(("inverse", "coin", "reversed", "coinsettled"), "inverse") | dict.fromkeys(
    ("linear", "cash", "usd", "usdc", "usdt"), "linear")
EXERCISES = {"european": "european", "e": "european", "eu": "european", "american": "american", "a": "american"}
YES = dict.fromkeys(("yes", "y", "true", "order", "open"), "yes") | dict.fromkeys(("no", "n", "false", "position"), "no")
FORMS = "BTC-27JUN25-70000-C, BTC-PERPETUAL, BTC-USD-240628-70000-C, BTCUSDT"
HIGHEST_VOL = 20.0  # 2,000 %: above it the cell holds percent, not a fraction


def read_positions(raw: Any, faults: Faults) -> Positions:
    """Read the positions range.

    Parameters
    ----------
    raw: rows of cells with the header first, as any face hands them over
    faults: receives every fault of every cell

    Returns
    -------
    typed columns (P,); rows with faults hold NaN or a default where the cell could not be read

    Raises
    ------
    MarginError: the range has no header, or lacks the headings without which no row can be read
    """
    cells = table(raw, "positions", needed=("Quantity",), known=HEADINGS)
    _require_contract(cells)
    rows = cells.rows
    contracts = _contracts(cells, faults)
    kind = np.array([contract.kind for contract in contracts], np.int64)
    spot, forward, price, vol, multiplier = (_positive(cells, heading, faults) for heading in
                                             ("Spot", "Forward", "Price", "IV", "Multiplier"))
    for i in np.flatnonzero(vol > HIGHEST_VOL):
        faults.add(rows[i], "IV", f"IV must be a fraction (0.55 is 55 %), not {show(float(vol[i]))}", "divide it by 100")
    underlyings = tuple(sorted({contract.underlying for contract in contracts}))
    accounts = texts(cells.column("Account"), rows, "Account", faults)
    labels = tuple(sorted(set(accounts))) or ("",)
    years = _days_to_expiry(cells, kind, contracts, faults)
    _european_only(cells, kind, faults)
    return Positions(
        row=np.array(rows, np.int64), underlyings=underlyings,
        underlying=np.array([underlyings.index(contract.underlying) for contract in contracts], np.int64), kind=kind,
        strike=np.array([contract.strike for contract in contracts], np.float64),
        expiry=np.array([contract.expiry for contract in contracts], np.float64),
        years=years, quantity=_quantity(cells, faults),
        multiplier=np.where(np.isnan(multiplier), 1.0, multiplier), spot=spot, forward=forward, vol=vol, price=price,
        inverse=_inverse(cells, contracts, faults), accounts=labels,
        account=np.array([labels.index(account) for account in accounts], np.int64),
        order=np.array([word == "yes" for word in _orders(cells, faults)], np.bool_),
        entry=numbers(cells.column("Entry"), rows, "Entry", faults), array=_arrays(cells, faults),
        names=tuple(instrument_name(*contract[:4], days) if is_blank(name) else str(name).strip()
                    for name, contract, days in zip(cells.column("Instrument"), contracts, (years * 365.0).tolist())))


def _require_contract(cells: Table) -> None:
    """Some heading must say what each row holds."""
    if cells.has("Instrument") or (cells.has("Underlying") and cells.has("Type")):
        return
    found = ", ".join(cells.headings.values())
    raise MarginError("positions row 1: no column says what each row holds: add Instrument, or Underlying and Type "
                      f"with Strike and Expiry (the headings found are: {found})")


def _positive(cells: Table, heading: str, faults: Faults) -> Floats:
    """A column of positive numbers in which 0 stands for blank."""
    values = numbers(cells.column(heading), cells.rows, heading, faults, zero_is_blank=True)
    for i in np.flatnonzero(values < 0.0):
        faults.add(cells.rows[i], heading, f"{heading} must be above 0, not {show(float(values[i]))}",
                   "type a positive number")
    return values


def _contracts(cells: Table, faults: Faults) -> list[Contract]:
    """The contract of each row, from its Instrument or from its columns."""
    venues = _venues(cells, faults)
    typed = _by_columns(cells, venues, faults)
    if not cells.has("Instrument"):
        return [contract or NOTHING for contract in typed]
    known: dict[tuple[str, str], Contract | None] = {}
    result = []
    for i, (name, row) in enumerate(zip(texts(cells.column("Instrument"), cells.rows, "Instrument", faults), cells.rows)):
        if not name:
            if typed[i] is None and row not in faults.rows():
                faults.add(row, "Instrument", "Instrument must be given", f"type a venue's name, such as {FORMS}")
            result.append(typed[i] or NOTHING)
            continue
        key = name, venues[i]
        if key not in known:
            known[key] = parse_instrument(*key)
        contract = known[key]
        if contract is None:
            faults.add(row, "Instrument", f"Instrument {show(name)} has no form that is known",
                       f"write it as the venue does, such as {FORMS}")
        else:
            _must_agree(contract, cells, i, faults)
        result.append(contract or NOTHING)
    return result


NOTHING = Contract("", SPOT, math.nan, math.nan, False)  # stands in for a row that has a fault


def _must_agree(contract: Contract, cells: Table, i: int, faults: Faults) -> None:
    """Columns that repeat what the instrument's name says must say the same."""
    said = {"Underlying": contract.underlying, "Type": KIND_NAMES[contract.kind]}
    for heading, meant in said.items():
        cell = cells.column(heading)[i] if cells.has(heading) else None
        word = cell.strip() if isinstance(cell, str) else None
        if word and word.upper() != meant.upper() and KINDS.get(word.lower()) != meant:
            faults.add(cells.rows[i], heading, f"{heading} {show(cell)} contradicts the Instrument, which is {meant}",
                       "clear one of the two cells")
    strike = cells.column("Strike")[i] if cells.has("Strike") else None
    if isinstance(strike, (int, float)) and not isinstance(strike, bool) and strike and contract.kind >= CALL \
            and strike != contract.strike:
        faults.add(cells.rows[i], "Strike", f"Strike {show(strike)} contradicts the Instrument, which has "
                   f"{show(contract.strike)}", "clear one of the two cells")


def _venues(cells: Table, faults: Faults) -> list[str]:
    """The venue of each row, Deribit where none is named."""
    result = []
    for text, row in zip(texts(cells.column("Venue"), cells.rows, "Venue", faults), cells.rows):
        venue = venue_of(text)
        if venue is None:
            faults.add(row, "Venue", f"Venue {show(text)} is not known",
                       "type deribit, okx, bybit, binance, derive, paradex, thalex, cme, gate, bit or aevo")
        result.append(venue or "deribit")
    return result


def _by_columns(cells: Table, venues: list[str], faults: Faults) -> Sequence[Contract | None]:
    """The contract of each row that names it by Underlying, Type, Strike and Expiry; None for the others."""
    if not (cells.has("Underlying") and cells.has("Type")):
        return [None] * len(cells)
    rows, named = cells.rows, cells.column("Instrument")
    names = texts(cells.column("Underlying"), rows, "Underlying", faults)
    words = choices(cells.column("Type"), rows, "Type", KINDS, faults)
    strikes = numbers(cells.column("Strike"), rows, "Strike", faults)
    expiries = instants(cells.column("Expiry"), rows, "Expiry", faults, EXPIRY_HOUR)
    days = cells.column("DTE")
    bad = faults.rows()
    result: list[Contract | None] = []
    for i, row in enumerate(rows):
        if not is_blank(named[i]):
            result.append(None)
            continue
        kind = KIND_NAMES.index(words[i]) if words[i] else SPOT
        dated, option = kind == FUTURE or kind >= CALL, kind >= CALL
        lacking = [heading for heading, missing in (
            ("Underlying", not names[i]), ("Type", not words[i]), ("Strike", option and math.isnan(strikes[i])),
            ("Expiry", dated and math.isnan(expiries[i]) and is_blank(days[i]))) if missing]
        if row not in bad:
            for heading in lacking:
                faults.add(row, heading, f"{heading} must be given", f"fill {heading}" + (" or DTE" * (heading == "Expiry")))
        if option and strikes[i] <= 0.0:
            faults.add(row, "Strike", f"Strike must be above 0, not {show(float(strikes[i]))}", "type a positive strike")
        result.append(None if lacking else Contract(names[i].upper(), kind, float(strikes[i]) if option else math.nan,
                                                    float(expiries[i]) if dated else math.nan,
                                                    False))
    return result


def _days_to_expiry(cells: Table, kind: Ints, contracts: list[Contract], faults: Faults) -> Floats:
    """Years to expiry of rows that give DTE, DTE / 365 exactly; NaN for the others."""
    days = numbers(cells.column("DTE"), cells.rows, "DTE", faults)
    dated = (kind == FUTURE) | (kind >= CALL)
    for i in np.flatnonzero(dated & (days <= 0.0)):
        faults.add(cells.rows[i], "DTE", f"DTE must be above 0, not {show(float(days[i]))}",
                   "remove the expired row, or mend the days")
    for i in np.flatnonzero(dated & np.isfinite(days)):
        if math.isfinite(contracts[i].expiry):
            faults.add(cells.rows[i], "DTE", "DTE stands beside an Expiry", "clear one of the two cells")
    return np.where(dated, days / 365.0, np.nan)


def _quantity(cells: Table, faults: Faults) -> Floats:
    """Signed quantities: a side turns a positive quantity, and may not contradict a negative one."""
    rows = cells.rows
    quantity = numbers(cells.column("Quantity"), rows, "Quantity", faults)
    bad = faults.rows()
    for i in np.flatnonzero(np.isnan(quantity)):
        if rows[i] not in bad:
            faults.add(rows[i], "Quantity", "Quantity must be given", "type a number, + long, − short")
    if not cells.has("Side"):
        return quantity
    sides = choices(cells.column("Side"), rows, "Side", SIDES, faults)
    for i, side in enumerate(sides):
        if side == "buy" and quantity[i] < 0.0:
            faults.add(rows[i], "Side", f"Side buy contradicts the Quantity {show(float(quantity[i]))}",
                       "make the quantity positive, or the side sell")
    return np.where(np.array([side == "sell" for side in sides], np.bool_), -np.abs(quantity), quantity)


def _inverse(cells: Table, contracts: list[Contract], faults: Faults) -> NDArray[np.bool_]:
    """Coin-settled rows: by the Settlement column, else by the instrument's name."""
    words = choices(cells.column("Settlement"), cells.rows, "Settlement", SETTLEMENTS, faults)
    return np.array([word == "inverse" if word else contract.inverse for word, contract in zip(words, contracts)], np.bool_)


def _orders(cells: Table, faults: Faults) -> list[str]:
    """Which rows are open orders; TRUE and FALSE are understood too."""
    words = [{True: "yes", False: "no"}[cell] if isinstance(cell, bool) else cell for cell in cells.column("Order")]
    return choices(words, cells.rows, "Order", YES, faults)


def _european_only(cells: Table, kind: Ints, faults: Faults) -> None:
    """American exercise is told, not priced as European."""
    words = choices(cells.column("Exercise"), cells.rows, "Exercise", EXERCISES, faults)
    for i, word in enumerate(words):
        if word == "american" and kind[i] >= CALL:
            faults.add(cells.rows[i], "Exercise", "Exercise american is not priced by this version",
                       "make it european if that is what the contract says, or take the row out")


def _arrays(cells: Table, faults: Faults) -> Floats:
    """The instruments' own risk arrays (P, 16); a row gives all sixteen numbers or none."""
    if not any(cells.has(heading) for heading in ARRAY):
        return np.full((len(cells), SCENARIO_COUNT), np.nan)
    columns = [numbers(cells.column(heading), cells.rows, heading, faults) for heading in ARRAY]
    result = np.column_stack(columns) if len(cells) else np.empty((0, SCENARIO_COUNT))
    partly = np.isnan(result).any(axis=1) & np.isfinite(result).any(axis=1)
    bad = faults.rows()
    for i in np.flatnonzero(partly):
        if cells.rows[i] not in bad:
            heading = ARRAY[int(np.flatnonzero(np.isnan(result[i]))[0])]
            faults.add(cells.rows[i], heading, f"{heading} must be given: a risk array has all sixteen numbers or none",
                       "fill the columns 1 … 16 of the row, or clear them")
    return result
