"""The market range: a row per underlying, or a whole chain of expiries and strikes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xlmargin.book.contracts import CALL, DAY, EXPIRY_HOUR, Contract, parse_instrument, show_instant
from xlmargin.book.market import Market, Nodes
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.sheet.cells import given, is_blank, show
from xlmargin.sheet.columns import Table, table
from xlmargin.sheet.headings import MARKET
from xlmargin.sheet.ranges.exports import by_symbol

HEADINGS = ("Underlying", "Spot", "Expiry", "Strike", "Instrument", "Forward", "IV", "Rate", "As of", "Symbol")
ZERO_IS_BLANK = ("Forward", "IV")
HIGHEST_VOL, HIGHEST_RATE = 20.0, 1.0  # fractions: a cell above them is in percent


def read_market(raw: Any, faults: Faults, now: float | None = None) -> Market:
    """Read the market range, which may be blank; without a valuation time of its own it is the present market.

    Args:
        raw: rows of cells with the header first, or a blank
        faults: receives every fault of every cell; its `where` names the range
        now: valuation time of a range without As of, the machine's clock where left out
    """
    return (market_given(raw, faults) if given(raw) else Market.empty(math.nan)).dated(now)


def market_given(raw: Any, faults: Faults) -> Market:
    """Read a market range that is not blank; its valuation time is NaN where none is given.

    Args:
        raw: rows of cells with the header first
        faults: receives every fault of every cell; its `where` names the range

    Raises:
        MarginError: the range has no header, or no column that names the subject of each row
    """
    cells = table(raw, faults, HEADINGS, zero_is_blank=ZERO_IS_BLANK, names=MARKET)
    if cells.has("Symbol"):
        cells = by_symbol(cells, faults, named_by_columns=True)
    if not (cells.has("Underlying") or cells.has("Instrument")):
        cells.header.lack("Underlying")
    contracts = _points(cells, faults)
    names = _names(cells, contracts, faults)
    known = tuple(sorted(set(names) - {""}))
    at = {name: u for u, name in enumerate(known)}
    underlying = np.array([at.get(name, -1) for name in names], np.int64)
    expiry, strike = _node(cells, contracts, faults)
    spot, forward, vol, rate = _values(cells, faults)
    own = np.isnan(expiry)
    _one_per_expiry(
        np.flatnonzero(~own & np.isnan(strike) & (underlying >= 0)),
        underlying,
        expiry,
        known,
        cells,
        faults,
        {"Forward": forward, "IV": vol},
    )
    nodes = Nodes(underlying[~own], *(column[~own] for column in (expiry, strike, forward, vol, rate)))
    return Market(
        underlyings=known,
        spot=_one_each(spot, underlying, known, cells, "Spot", faults),
        rate=_one_each(np.where(own, rate, np.nan), underlying, known, cells, "Rate", faults),
        vol=_one_each(np.where(own, vol, np.nan), underlying, known, cells, "IV", faults),
        as_of=_as_of(cells, faults),
        nodes=nodes,
    )


def _points(cells: Table, faults: Faults) -> list[Contract | None]:
    """The contract of each row's Instrument, None where it names none."""
    names = cells.texts("Instrument", faults)
    found = {name: parse_instrument(name, "deribit") for name in set(names) if name}
    for name, row in zip(names, cells.rows):
        if name and found[name] is None:
            faults.add(
                row,
                "Instrument",
                f"Instrument {show(name)} has no form that is known",
                "write it as the venue does, such as BTC-27JUN25-70000-C",
            )
    return [found.get(name) for name in names]


def _names(cells: Table, contracts: list[Contract | None], faults: Faults) -> list[str]:
    """The underlying of each row: named, or implied by its instrument."""
    result = []
    named, instruments = cells.column("Underlying"), cells.column("Instrument")
    for i, (name, contract) in enumerate(zip(map(str.upper, cells.texts("Underlying", faults)), contracts)):
        if contract is not None and name and contract.underlying != name:
            faults.add(
                cells.rows[i],
                "Underlying",
                f"Underlying {show(name)} contradicts the Instrument, which has {contract.underlying}",
                "clear one of the two cells",
            )
        if is_blank(named[i]) and is_blank(instruments[i]):
            faults.add(cells.rows[i], "Underlying", "Underlying must be given", "name the coin, such as BTC")
        result.append(name or (contract.underlying if contract else ""))
    return result


def _node(cells: Table, contracts: list[Contract | None], faults: Faults) -> tuple[Floats, Floats]:
    """Expiry and strike of each row, NaN where the row is the underlying's own."""
    expiry = cells.dates("Expiry", faults, EXPIRY_HOUR)
    strike = cells.numbers("Strike", faults)
    for i in np.flatnonzero(strike <= 0.0).tolist():
        faults.add(cells.rows[i], "Strike", f"Strike must be above 0, not {show(float(strike[i]))}", "type a positive strike")
        strike[i] = np.nan
    for i, contract in enumerate(contracts):
        if contract is not None and math.isfinite(contract.expiry):
            expiry[i] = _agreed(cells, i, "Expiry", float(expiry[i]), contract.expiry, DAY, faults)
            if contract.kind >= CALL:
                strike[i] = _agreed(cells, i, "Strike", float(strike[i]), contract.strike, 0.0, faults)
    dates = cells.column("Expiry")
    for i in np.flatnonzero(np.isfinite(strike) & np.isnan(expiry)).tolist():
        if is_blank(dates[i]):
            faults.add(cells.rows[i], "Expiry", "Expiry must be given where a Strike is", "fill the expiry of the smile")
    return expiry, strike


def _agreed(cells: Table, i: int, heading: str, own: float, meant: float, unit: float, faults: Faults) -> float:
    """The value of the Instrument, which the column must not contradict; values within one unit (a day) are the same."""
    if math.isfinite(own) and (own // unit != meant // unit if unit else own != meant):
        text = show_instant(meant) if unit else f"{meant:,.10g}"
        faults.add(
            cells.rows[i],
            heading,
            f"{heading} {show(cells.column(heading)[i])} contradicts the Instrument, which has {text}",
            "clear one of the two cells",
        )
    return meant


def _values(cells: Table, faults: Faults) -> tuple[Floats, Floats, Floats, Floats]:
    """Spot, forward, vol and rate of each row, NaN where blank."""
    spot, rate = cells.numbers("Spot", faults), cells.numbers("Rate", faults)
    forward, vol = (cells.numbers(heading, faults, zero_is_blank=True) for heading in ZERO_IS_BLANK)
    for heading, values in (("Spot", spot), ("Forward", forward), ("IV", vol)):
        for i in np.flatnonzero(values <= 0.0).tolist():
            faults.add(cells.rows[i], heading, f"{heading} must be above 0, not {show(float(values[i]))}", "type a positive number")
            values[i] = np.nan
    for heading, values, most, example in (("IV", vol, HIGHEST_VOL, "0.55 is 55 %"), ("Rate", rate, HIGHEST_RATE, "0.05 is 5 %")):
        for i in np.flatnonzero(np.abs(values) > most).tolist():
            faults.add(
                cells.rows[i], heading, f"{heading} must be a fraction ({example}), not {show(float(values[i]))}", "divide it by 100"
            )
    return spot, forward, vol, rate


def _one_each(values: Floats, underlying: Ints, known: tuple[str, ...], cells: Table, heading: str, faults: Faults) -> Floats:
    """One value per underlying (U,), NaN where none is given; two that differ are a fault."""
    result = np.full(len(known), np.nan)
    there = np.flatnonzero(np.isfinite(values) & (underlying >= 0))
    mine, first = np.unique(underlying[there], return_index=True)
    result[mine] = values[there[first]]
    for i in there[values[there] != result[underlying[there]]].tolist():
        u = underlying[i]
        faults.add(
            cells.rows[i],
            heading,
            f"{heading} {show(float(values[i]))} of {known[u]} differs from {show(float(result[u]))} above",
            f"give {known[u]} one {heading}",
        )
    return result


def _one_per_expiry(
    rows: Ints, underlying: Ints, expiry: Floats, known: tuple[str, ...], cells: Table, faults: Faults, columns: dict[str, Floats]
) -> None:
    """Rows of an expiry as a whole must agree; at a strike a call and a put may differ, and their mean counts."""
    keys, group = np.unique(np.column_stack([underlying[rows], expiry[rows]]), axis=0, return_inverse=True)
    names = tuple(f"{known[int(u)]} at {show_instant(float(time))}" for u, time in keys)
    whose = np.full(len(underlying), -1, np.int64)
    whose[rows] = group.ravel()
    for heading, values in columns.items():
        _one_each(values, whose, names, cells, heading, faults)


def _as_of(cells: Table, faults: Faults) -> float:
    """The one valuation time of the range, NaN where none is given."""
    times = cells.dates("As of", faults, hour=0)
    given_at = np.flatnonzero(np.isfinite(times)).tolist()
    if not given_at:
        return math.nan
    first = float(times[given_at[0]])
    for i in given_at:
        if times[i] != first:
            faults.add(
                cells.rows[i],
                "As of",
                f"As of {show_instant(times[i])} differs from {show_instant(first)} above",
                "give the range one valuation time",
            )
    return first
