"""The market range: a row per underlying, or a whole chain of expiries and strikes."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.cells import Table, grid, is_blank, numbers, show, table, texts
from xlmargin.errors import Faults
from xlmargin.market import Market, Nodes
from xlmargin.names import CALL, EXPIRY_HOUR, Contract, parse_instrument, show_instant
from xlmargin.ranges.dates import instants

__all__ = ["HEADINGS", "given", "read_market"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HEADINGS = ("Underlying", "Spot", "Expiry", "Strike", "Instrument", "Forward", "IV", "Rate", "As of")
HIGHEST_VOL, HIGHEST_RATE = 20.0, 1.0  # fractions: above them the cell holds percent


def given(raw: Any) -> bool:
    """Whether an optional range was given: a blank cell, or a range of blank cells, counts as left out."""
    return any(not is_blank(cell) for row in grid(raw) for cell in row)


def read_market(raw: Any, faults: Faults) -> Market:
    """Read the market range, or the time alone where none is given.

    Parameters
    ----------
    raw: rows of cells with the header first, or a blank
    faults: receives every fault of every cell

    Raises
    ------
    MarginError: the range has no header or no column Underlying
    """
    if not given(raw):
        return Market.empty(time.time())
    cells = table(raw, "market", needed=("Underlying",), known=HEADINGS)
    contracts = _points(cells, faults)
    names = _names(cells, contracts, faults)
    known = tuple(sorted(set(names) - {""}))
    underlying = np.array([known.index(name) if name else 0 for name in names], np.int64)
    expiry, strike = _node(cells, contracts, faults)
    spot, forward, vol, rate = _values(cells, faults)
    own = np.isnan(expiry)
    nodes = Nodes(*(column[~own] for column in (underlying, expiry, strike, forward, vol, rate)))
    return Market(
        underlyings=known, spot=_one_each(spot, underlying, known, cells, "Spot", faults),
        rate=_one_each(np.where(own, rate, np.nan), underlying, known, cells, "Rate", faults),
        vol=_one_each(np.where(own, vol, np.nan), underlying, known, cells, "IV", faults),
        as_of=_as_of(cells, faults), nodes=nodes)


def _points(cells: Table, faults: Faults) -> list[Contract | None]:
    """The contract that a row's Instrument names, None where it names none."""
    result: list[Contract | None] = []
    for name, row in zip(texts(cells.column("Instrument"), cells.rows, "Instrument", faults), cells.rows):
        contract = parse_instrument(name, "deribit") if name else None
        if name and contract is None:
            faults.add(row, "Instrument", f"Instrument {show(name)} has no form that is known",
                       "write it as the venue does, such as BTC-27JUN25-70000-C")
        result.append(contract)
    return result


def _names(cells: Table, contracts: list[Contract | None], faults: Faults) -> list[str]:
    """The underlying of each row: named, or implied by its instrument."""
    result = []
    bad = faults.rows()
    for name, contract, row in zip(texts(cells.column("Underlying"), cells.rows, "Underlying", faults), contracts, cells.rows):
        if contract is not None and name and contract.underlying != name.upper():
            faults.add(row, "Underlying", f"Underlying {show(name)} contradicts the Instrument, which is "
                       f"{contract.underlying}", "clear one of the two cells")
        if not name and contract is None and row not in bad:
            faults.add(row, "Underlying", "Underlying must be given", "name the coin, such as BTC")
        result.append(name.upper() or (contract.underlying if contract else ""))
    return result


def _node(cells: Table, contracts: list[Contract | None], faults: Faults) -> tuple[Floats, Floats]:
    """Expiry and strike of each row, NaN where the row is the underlying's own."""
    expiry = instants(cells.column("Expiry"), cells.rows, "Expiry", faults, EXPIRY_HOUR)
    strike = numbers(cells.column("Strike"), cells.rows, "Strike", faults)
    for i, contract in enumerate(contracts):
        if contract is not None:
            expiry[i] = contract.expiry if math.isnan(expiry[i]) else expiry[i]
            strike[i] = contract.strike if math.isnan(strike[i]) and contract.kind >= CALL else strike[i]
    for i in np.flatnonzero(strike <= 0.0):
        faults.add(cells.rows[i], "Strike", f"Strike must be above 0, not {show(float(strike[i]))}", "type a positive strike")
    bad = faults.rows()
    for i in np.flatnonzero(np.isfinite(strike) & np.isnan(expiry)):
        if cells.rows[i] not in bad:
            faults.add(cells.rows[i], "Expiry", "Expiry must be given where a Strike is", "fill the expiry of the smile")
    return expiry, strike


def _values(cells: Table, faults: Faults) -> tuple[Floats, Floats, Floats, Floats]:
    """Spot, forward, vol and rate of each row, NaN where blank."""
    spot = numbers(cells.column("Spot"), cells.rows, "Spot", faults)
    forward = numbers(cells.column("Forward"), cells.rows, "Forward", faults, zero_is_blank=True)
    vol = numbers(cells.column("IV"), cells.rows, "IV", faults, zero_is_blank=True)
    rate = numbers(cells.column("Rate"), cells.rows, "Rate", faults)
    for heading, values in (("Spot", spot), ("Forward", forward), ("IV", vol)):
        for i in np.flatnonzero(values <= 0.0):
            faults.add(cells.rows[i], heading, f"{heading} must be above 0, not {show(float(values[i]))}",
                       "type a positive number")
    for heading, values, most, example in (("IV", vol, HIGHEST_VOL, "0.55 is 55 %"), ("Rate", rate, HIGHEST_RATE, "0.05 is 5 %")):
        for i in np.flatnonzero(np.abs(values) > most):
            faults.add(cells.rows[i], heading, f"{heading} must be a fraction ({example}), not {show(float(values[i]))}",
                       "divide it by 100")
    return spot, forward, vol, rate


def _one_each(values: Floats, underlying: Ints, known: tuple[str, ...], cells: Table, heading: str, faults: Faults) -> Floats:
    """One value per underlying (U,), NaN where none is given; two that differ are a fault."""
    result = np.full(len(known), np.nan)
    for i in np.flatnonzero(np.isfinite(values)):
        u = underlying[i]
        if np.isfinite(result[u]) and result[u] != values[i]:
            faults.add(cells.rows[i], heading, f"{heading} {show(float(values[i]))} of {known[u]} differs from "
                       f"{show(float(result[u]))} above", f"give {known[u]} one {heading}")
        else:
            result[u] = values[i]
    return result


def _as_of(cells: Table, faults: Faults) -> float:
    """The one valuation time of the range, now where none is given."""
    times = instants(cells.column("As of"), cells.rows, "As of", faults, hour=0)
    distinct = np.unique(times[np.isfinite(times)])
    if len(distinct) > 1:
        i = int(np.flatnonzero(np.isfinite(times) & (times != times[np.isfinite(times)][0]))[0])
        faults.add(cells.rows[i], "As of", f"As of {show_instant(times[i])} differs from "
                   f"{show_instant(times[np.isfinite(times)][0])} above", "give the range one valuation time")
    return float(distinct[0]) if len(distinct) else time.time()
