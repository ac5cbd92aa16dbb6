"""The market range: a row per underlying, or a whole chain of expiries and strikes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlmargin.book.contracts import CALL, DAY, EXPIRY_HOUR, KIND_NAMES, KINDS, Contract, parse_instrument, show_instant
from xlmargin.book.market import Market, Nodes, days_must_agree
from xlmargin.book.positions import distinct
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Bools, Floats, Ints
from xlmargin.sheet import plausible
from xlmargin.sheet.cells import given, is_blank, show
from xlmargin.sheet.columns import Table, blanks, table
from xlmargin.sheet.headings import MARKET
from xlmargin.sheet.ranges.exports import by_symbol

HEADINGS = ("Underlying", "Spot", "Expiry", "Strike", "Type", "Instrument", "Forward", "IV", "Rate", "As of", "Symbol")
ZERO_IS_BLANK = ("Forward", "IV")
SAME_FORWARD = 0.01  # a chain is read over seconds: its forwards of one expiry differ by less, in saved ones by 0.1 % at most


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
    cells = table(raw, faults, (*HEADINGS, "DTE"), zero_is_blank=ZERO_IS_BLANK, names=MARKET)
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
    own, as_of = np.isnan(expiry), _as_of(cells, faults)
    days_must_agree(cells.numbers("DTE", Faults()), expiry, as_of, cells.rows, faults)
    _must_have_expiries(cells, own, np.isfinite(forward), faults)
    quoted = np.flatnonzero(~own & (underlying >= 0))
    kind = _kinds(cells, contracts, faults)
    points = _Points(cells, known, underlying[quoted], expiry[quoted], strike[quoted], kind[quoted], quoted)
    points.must_agree(forward, vol, rate, faults)
    _note(cells, known, underlying, strike, {"Spot": spot, "Forward": forward, "IV": vol}, faults)
    nodes = Nodes(underlying[~own], *(column[~own] for column in (expiry, strike, forward, vol, rate)))
    return Market(
        underlyings=known,
        spot=_one_each(spot, underlying, len(known), known.__getitem__, cells, "Spot", faults),
        rate=_one_each(np.where(own, rate, np.nan), underlying, len(known), known.__getitem__, cells, "Rate", faults),
        vol=_one_each(np.where(own, vol, np.nan), underlying, len(known), known.__getitem__, cells, "IV", faults),
        as_of=as_of,
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
    plausible.must_be_fractions(vol, cells.rows, "IV", faults, most=plausible.HIGHEST_VOL, example="0.55 is 55 %")
    plausible.must_be_fractions(rate, cells.rows, "Rate", faults, most=plausible.HIGHEST_RATE, example="0.05 is 5 %")
    return spot, forward, vol, rate


def _kinds(cells: Table, contracts: list[Contract | None], faults: Faults) -> Ints:
    """CALL or PUT of each row that says so by its Instrument or Type, else -1 (P,)."""
    codes = {"": -1} | {word: code if code >= CALL else -1 for code, word in enumerate(KIND_NAMES)}
    typed = np.array(list(map(codes.__getitem__, cells.choices("Type", KINDS, faults))), np.int64)
    for i in np.flatnonzero(typed >= CALL).tolist():
        contract = contracts[i]
        if contract is not None and contract.kind != typed[i]:
            problem = f"Type {show(cells.column('Type')[i])} contradicts the Instrument, which has {KIND_NAMES[contract.kind]}"
            faults.add(cells.rows[i], "Type", problem, "clear one of the two cells")
    return np.array([own if contract is None else contract.kind for own, contract in zip(typed.tolist(), contracts)], np.int64)


def _must_have_expiries(cells: Table, own: Bools, forward: Bools, faults: Faults) -> None:
    """Require an expiry, as a date, where a row gives a forward or days to expiry.

    Args:
        own: rows without an expiry (P,)
        forward: rows with a forward (P,)
    """
    dates = cells.column("Expiry")
    for heading, given_there in (("DTE", ~blanks(cells.column("DTE"))), ("Forward", forward)):
        for i in np.flatnonzero(own & given_there).tolist():
            if is_blank(dates[i]):
                faults.add(cells.rows[i], heading, f"{heading} stands where there is no Expiry", "give the Expiry as a date")


def _note(cells: Table, known: tuple[str, ...], underlying: Ints, strike: Floats, columns: dict[str, Floats], faults: Faults) -> None:
    """Notes on cells that are far from the others of the range."""
    spot = columns["Spot"]
    spots = np.full(len(known) + 1, np.nan)  # the last is that of rows without an underlying
    there = np.isfinite(spot)
    spots[underlying[there]] = spot[there]
    own = spots[underlying]
    plausible.note_vols(columns["IV"], cells.rows, ["IV"] * len(spot), faults)
    plausible.note_strikes(own, strike, underlying, known, cells.rows, faults)
    plausible.note_levels("Forward", columns["Forward"], own, cells.rows, faults)


def _one_each(values: Floats, of: Ints, count: int, name: Callable[[int], str], cells: Table, heading: str, faults: Faults) -> Floats:
    """One value per group, such as an underlying (count,), NaN where none is given; two that differ are a fault.

    Args:
        values: NaN where blank (P,)
        of: group of each row, -1 for none (P,)
        count: number of groups
        name: of a group, in words
    """
    result, row = np.full(count, np.nan), np.zeros(count, np.int64)
    there = np.flatnonzero(np.isfinite(values) & (of >= 0))
    mine, first = np.unique(of[there], return_index=True)
    result[mine], row[mine] = values[there[first]], there[first]
    for i in there[values[there] != result[of[there]]].tolist():
        whose, above = name(int(of[i])), f"{show(float(result[of[i]]))} in row {cells.rows[row[of[i]]]}"
        told = f"{heading} {show(float(values[i]))} of {whose} differs from {above}"
        faults.add(cells.rows[i], heading, told, f"give {whose} one {heading}")
    return result


@dataclass(frozen=True, slots=True)
class _Points:
    """The rows of a range that have an expiry (N,).

    Attributes:
        cells: the range
        known: names of the underlyings (U,)
        underlying, expiry, strike: of each row
        kind: CALL or PUT where the row says so, else a number below
        rows: index of each among the rows of the range
    """

    cells: Table
    known: tuple[str, ...]
    underlying: Ints
    expiry: Floats
    strike: Floats
    kind: Ints
    rows: Ints

    def must_agree(self, forward: Floats, vol: Floats, rate: Floats, faults: Faults) -> None:
        """Refuse two values for one point: neither counts, nor their mean.

        The rows of one instrument, of one strike, or of an expiry as a whole must agree in everything. A call and a put of one
        strike may differ in vol, and the mean of the two counts, unless a row gives the strike's vol for both. All rows of an
        expiry must have one rate, and forwards that differ by at most 1 %.

        Args:
            forward, vol, rate: of all rows of the range, NaN where blank (P,)
        """
        day = np.floor(self.expiry / DAY)  # no venue lists two expiries a day
        strike, _ = distinct((self.underlying, day, self.strike))
        both = np.isin(strike, strike[self.kind < CALL])
        option = np.where(np.isnan(self.strike) | both, -1, self.kind)
        point, first = distinct((self.underlying, day, self.strike, option))
        expiries = distinct((self.underlying, day))
        self._one("Forward", forward, point, first, faults)
        self._one("IV", vol, point, first, faults)
        self._one("Rate", rate, *expiries, faults)
        self._near(forward, *expiries, faults)

    def _one(self, heading: str, values: Floats, group: Ints, first: Ints, faults: Faults) -> None:
        """One value per group of rows."""
        of = np.full(len(values), -1, np.int64)
        of[self.rows] = group
        _one_each(values, of, len(first), lambda g: self._name(int(first[g]), heading == "Rate"), self.cells, heading, faults)

    def _near(self, forward: Floats, group: Ints, first: Ints, faults: Faults) -> None:
        """Forwards of one expiry, near to the first one."""
        mine = forward[self.rows]
        there = np.flatnonzero(np.isfinite(mine))
        of, at = np.unique(group[there], return_index=True)
        start = np.zeros(len(first), np.int64)
        start[of] = there[at]
        base = start[group[there]]
        far = np.abs(mine[there] / mine[base] - 1.0) > SAME_FORWARD
        told = {fault.row for fault in faults.faults if fault.column == "Forward"}
        for n, b in zip(there[far].tolist(), base[far].tolist()):
            row, expiry = self.cells.rows[self.rows[n]], self._name(int(first[group[n]]), whole=True)
            if row not in told:
                above = f"{show(float(mine[b]))} in row {self.cells.rows[self.rows[b]]}"
                problem = f"Forward {show(float(mine[n]))} of {expiry} differs from {above}"
                faults.add(row, "Forward", problem, f"give {expiry} one Forward")

    def _name(self, n: int, whole: bool = False) -> str:
        """A point in words."""
        expiry = f"{self.known[self.underlying[n]]} at {show_instant(float(self.expiry[n]))}"
        if whole or np.isnan(self.strike[n]):
            return expiry
        return f"{expiry} strike {show(float(self.strike[n]))}{' ' + KIND_NAMES[self.kind[n]] if self.kind[n] >= CALL else ''}"


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
