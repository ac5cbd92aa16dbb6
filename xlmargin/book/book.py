"""The book as arrays: position rows, the distinct instruments behind them, and the market each one is priced in.

`positions` finds the rows that are one instrument, and the market that counts where they differ. `Book.held_mean` gives a value
of an underlying as a whole where its contracts differ, such as its spot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from xlmargin.book import market as quotes
from xlmargin.book import marks
from xlmargin.book.contracts import CALL, DAY, FUTURE, PERPETUAL, SPOT, instrument_name, show_instant
from xlmargin.book.implied import implied
from xlmargin.book.market import YEAR, Market
from xlmargin.book.positions import Keys, Mixed, Positions, keys_of, mean_of_distinct, told_apart
from xlmargin.errors import Fault, Faults
from xlmargin.pricing.arrays import Bools, Floats, Ints

Smile = Callable[[Ints], tuple[Floats, Ints]]  # the market's vols of some instruments, and where each was found

NOTHING = 1e-12  # of the gross position: a smaller net position is the rounding of 0


@dataclass(frozen=True, slots=True)
class Instruments:
    """The distinct contracts of a book with their market, one entry each (K,); an account has one entry per contract.

    Attributes:
        underlyings: upper-case names, alphabetical (U,)
        underlying: index into `underlyings`
        kind: SPOT, FUTURE, PERPETUAL, CALL or PUT
        strike: NaN where there is none [account currency]
        expiry: seconds since 1970 UTC, NaN where there is none
        years: time to expiry, 0 where there is none [years, ACT/365]
        spot, forward: [account currency]
        vol: fraction, NaN where none was found
        rate: continuously compounded fraction per year
        price: mark given with the position, NaN where the model's mark counts [account currency per unit]
        multiplier: units of the underlying per unit of quantity
        inverse: settled in the coin
        american: exercised at any time
        delta: own composite delta per long unit, NaN where none is given
        array: own risk array per long unit, losses positive (K, 16), NaN where none is given
        vol_origin: where the market gave the vol (AT_STRIKE … NO_VOL); AT_STRIKE for a row's own vol
    """

    underlyings: tuple[str, ...]
    underlying: Ints
    kind: Ints
    strike: Floats
    expiry: Floats
    years: Floats
    spot: Floats
    forward: Floats
    vol: Floats
    vol_origin: Ints
    rate: Floats
    price: Floats
    multiplier: Floats
    inverse: Bools
    american: Bools
    delta: Floats
    array: Floats

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def is_option(self) -> Bools:
        """Calls and puts, (K,)."""
        return self.kind >= CALL

    @property
    def beyond_spot(self) -> Bools:
        """Underlyings of which there is anything but spot, (U,)."""
        return np.isin(np.arange(len(self.underlyings)), self.underlying[self.kind != SPOT])

    @property
    def fixed_in_usd(self) -> Bools:
        """Inverse futures and perpetuals, each an amount of USD whose coins change with the price, (K,)."""
        return np.asarray(self.inverse & ((self.kind == FUTURE) | (self.kind == PERPETUAL)), np.bool_)

    @property
    def carry(self) -> Floats:
        """Yield of the underlying implied by spot, forward and rate, 0 without time to expiry (K,)."""
        growth = np.log(self.forward / self.spot)
        return self.rate - np.divide(growth, self.years, out=np.zeros_like(growth), where=self.years > 0.0)

    @property
    def has_array(self) -> Bools:
        """Instruments whose own risk array replaces the model, (K,)."""
        return np.isfinite(self.array[:, 0])

    @property
    def days(self) -> Floats:
        """Days to expiry, to a hundredth of a second, so that equal expiries are equal (K,)."""
        return np.round(self.years * (YEAR / DAY), 7)

    @property
    def level(self) -> Floats:
        """The price that an underlying's move scales: spot of spot, forward of everything else, (K,)."""
        return np.where(self.kind == SPOT, self.spot, self.forward)

    def name(self, k: int) -> str:
        """The contract's name."""
        return instrument_name(self.underlyings[self.underlying[k]], int(self.kind[k]), float(self.strike[k]), float(self.expiry[k]))


@dataclass(frozen=True)
class Book:
    """A book: the quantity of each instrument in each account, by sheet row.

    Attributes:
        instruments: the distinct contracts (K,)
        quantity: signed, of each position row (P,)
        instrument: index of each row's instrument (P,)
        accounts: account labels (A,)
        account: index of each row's account (P,)
        row: sheet row of each position (P,)
        order: rows that are open orders (P,)
        entry: entry price of each row, NaN where none is given (P,)
        names: instrument as each row names it (P,)
        as_of: valuation time, seconds since 1970 UTC
        unpriced: faults of the vols, for every method that needs a vol
        mixed: cells in which rows of one contract differ: heading, indices of the rows, and the mean that counts
        noted: notes on marks that count otherwise than they were given
        array_of: whose risk array each instrument has, in words, where a file gave it (K,), else empty
    """

    instruments: Instruments
    quantity: Floats
    instrument: Ints
    accounts: tuple[str, ...]
    account: Ints
    row: Ints
    order: Bools
    entry: Floats
    names: Sequence[str]
    as_of: float
    unpriced: tuple[Fault, ...]
    mixed: tuple[Mixed, ...] = ()
    noted: tuple[Fault, ...] = ()
    array_of: tuple[str, ...] = ()

    @cached_property
    def units(self) -> Floats:
        """Position of each row in units of the underlying, open orders left out (P,)."""
        return np.where(self.order, 0.0, self.quantity * self.instruments.multiplier[self.instrument])

    def by_instrument(self, per_row: Floats) -> Floats:
        """Sum of an amount per row over each account's rows of each instrument, (A, K)."""
        shape = len(self.accounts), len(self.instruments)
        flat = np.bincount(self.account * shape[1] + self.instrument, per_row, shape[0] * shape[1])
        return np.asarray(flat, np.float64).reshape(shape)

    @cached_property
    def spot(self) -> Floats:
        """Spot of each underlying for each account, (A, U)."""
        held = self.instruments
        return self.held_mean(held.spot, held.underlying, len(held.underlyings))

    def held_mean(self, values: Floats, group: Ints, count: int) -> Floats:
        """Mean of the distinct values of the instruments of a group in which an account has a net position.

        Args:
            values: of each instrument (K,)
            group: of each instrument, such as its underlying; −1 for none (K,)
            count: number of groups, G

        Returns:
            (A, G); where an account has no position in a group, the mean of the group's distinct values
        """
        grouped = np.flatnonzero(group >= 0)
        whole, number = mean_of_distinct(group[grouped], values[grouped], count)
        result = np.tile(whole, (len(self.accounts), 1))
        if (number > 1).any():
            a, k = np.divmod(self._held(group >= 0), len(values))
            own, _ = mean_of_distinct(a * count + group[k], values[k], result.size)
            result = np.where(np.isfinite(own), own, result.ravel()).reshape(result.shape)
        return result

    def quantity_at(self, growth: Floats) -> Floats:
        """The quantity of each row once prices have grown: coins of an amount of USD that stays, all else unchanged.

        Args:
            growth: price of each instrument then over its price now, (K,) or (V, K) for V times

        Returns:
            (P,) or (V, P)
        """
        return np.asarray(self.quantity / np.where(self.instruments.fixed_in_usd, growth, 1.0)[..., self.instrument], np.float64)

    def pairs(self, rows: Ints) -> tuple[Ints, Ints]:
        """The distinct pairs of account and instrument of some rows (N,), each as account × K + instrument, and each row's pair."""
        pairs, where = np.unique(self.account[rows] * len(self.instruments) + self.instrument[rows], return_inverse=True)
        return pairs, where

    def _held(self, among: Bools) -> Ints:
        """The net positions in some instruments (K,), each as account × K + instrument."""
        rows = np.flatnonzero(among[self.instrument] & ~self.order)
        pairs, where = self.pairs(rows)
        net, gross = (np.bincount(where, units, len(pairs)) for units in (self.units[rows], np.abs(self.units[rows])))
        return np.asarray(pairs[np.abs(net) > NOTHING * gross], np.int64)


def make_book(positions: Positions, market: Market, faults: Faults, keys: Keys | None = None) -> Book:
    """Find the distinct instruments of the positions and the market of each.

    Where rows of one contract differ, a row is a fault if it cannot be priced at its own market, and also if it cannot be
    priced at the market that counts.

    Args:
        positions: typed columns (P,)
        market: spots, curves and smiles
        faults: receives missing spots and expired contracts
        keys: those of the positions, found here where left out

    Returns:
        the book; its `unpriced` are the faults of vols, which count only where a vol is needed
    """
    keys = keys or keys_of(positions)
    quotes.days_must_agree(positions.days, positions.expiry, market.as_of, positions.row.tolist(), faults)
    if not keys.agreed:
        return _made(positions, market, faults, keys)
    alone = _made(positions, market, faults, Keys(*told_apart(positions)[:2], {}, ()))
    later = Faults()
    book = _made(positions, market, later, keys)
    told = set(faults.faults)
    faults.faults += [fault for fault in later.faults if fault.column == "Coin price" and fault not in told]  # of rows that differ
    return replace(book, unpriced=tuple(dict.fromkeys((*alone.unpriced, *book.unpriced))))


def in_coins(quantity: Floats, in_usd: Bools, instrument: Ints, held: Instruments) -> Floats:
    """Quantities of rows; an amount of USD is its coins at the price of its future or perpetual (P,).

    Args:
        quantity: signed (P,)
        in_usd: which of them are amounts of USD (P,)
        instrument: index of each row's instrument (P,)
        held: the instruments (K,)
    """
    return np.where(in_usd, quantity / held.forward[instrument], quantity) if in_usd.any() else quantity


def _made(positions: Positions, market: Market, faults: Faults, keys: Keys) -> Book:
    """The book of positions whose instruments are known."""
    instrument, first, agreed, mixed = keys
    pick = {
        name: getattr(positions, name)[first]
        for name in (
            "underlying",
            "kind",
            "strike",
            "expiry",
            "spot",
            "forward",
            "vol",
            "price",
            "coin_price",
            "multiplier",
            "inverse",
            "american",
            "delta",
            "array",
        )
    } | agreed
    rows = _RowsOf(positions.row, instrument)
    known = {name: i for i, name in enumerate(market.underlyings)}
    there = np.array([known.get(name, -1) for name in positions.underlyings], np.int64)[pick["underlying"]]
    given = positions.years[first]
    pick["expiry"] = np.where(np.isfinite(given), market.as_of + given * YEAR, pick["expiry"])
    pick["years"] = _years(pick["kind"], pick["expiry"], given, market.as_of, rows, faults)
    pick["rate"] = quotes.rates(market, there, pick["expiry"])
    pick["spot"] = _spot(pick, there, market, positions.underlyings, rows, faults)
    pick["forward"] = _forward(pick, there, market)
    unpriced, names = Faults(), positions.underlyings

    def smile(at: Ints) -> tuple[Floats, Ints]:
        return quotes.vols(market, there[at], pick["expiry"][at], pick["strike"][at])

    in_coin = _price(pick, names, smile, rows, faults)
    pick["vol"], pick["vol_origin"], pick["price"] = _vol(pick, in_coin, names, smile, rows, unpriced)
    held = Instruments(underlyings=positions.underlyings, **pick)
    return Book(
        held,
        in_coins(positions.quantity, positions.in_usd, instrument, held),
        instrument,
        positions.accounts,
        positions.account,
        positions.row,
        positions.order,
        positions.entry,
        positions.names,
        market.as_of,
        tuple(unpriced.faults),
        mixed,
        tuple(unpriced.notes),
    )


class _RowsOf:
    """The sheet rows of an instrument, looked up only for a message about it."""

    def __init__(self, row: Ints, instrument: Ints) -> None:
        self._row, self._instrument = row, instrument

    def __call__(self, k: int) -> list[int]:
        return [int(row) for row in self._row[self._instrument == k]]


def _years(kind: Ints, expiry: Floats, given: Floats, as_of: float, rows: marks.RowsOf, faults: Faults) -> Floats:
    """Time to expiry of each instrument, 0 for spot and perpetuals."""
    dated = (kind == FUTURE) | (kind >= CALL)
    years = np.where(np.isfinite(given), given, (expiry - as_of) / YEAR)
    for k in np.flatnonzero(dated & (years <= 0.0)).tolist():
        for row in rows(k):
            faults.add(
                row,
                "Expiry",
                f"Expiry {show_instant(expiry[k])} is not after the valuation time {show_instant(as_of)}",
                "remove the expired row, or mend As of in the market range",
            )
    return np.where(dated & (years > 0.0), years, 0.0)


def _spot(pick: dict[str, Any], there: Ints, market: Market, names: tuple[str, ...], rows: marks.RowsOf, faults: Faults) -> Floats:
    """Spot of each instrument: the row's, else the market's."""
    spot: Floats = np.where(np.isfinite(pick["spot"]), pick["spot"], quotes.spots(market, there))
    for k in np.flatnonzero(np.isnan(spot)).tolist():
        name = names[pick["underlying"][k]]
        for row in rows(k):
            faults.add(
                row, "Spot", f"no Spot for {name}", f"fill a Spot column in the positions, or give a market range with a row for {name}"
            )
    return spot


def _forward(pick: dict[str, Any], there: Ints, market: Market) -> Floats:
    """Forward of each instrument: a future's own mark, the row's, the market's of that expiry, spot carried at the rate.

    A perpetual has no expiry: its price is its mark, the row's forward, else spot.
    """
    kind, spot = pick["kind"], pick["spot"]
    delta_one = (kind == FUTURE) | (kind == PERPETUAL)
    result: Floats = np.where(delta_one, pick["price"], np.nan)
    carried = spot * np.exp(np.clip(pick["rate"] * pick["years"], -100.0, 100.0))
    quoted = np.where(kind == PERPETUAL, np.nan, quotes.forwards(market, there, pick["expiry"], pick["strike"]))
    for source in (pick["forward"], quoted, carried):
        result = np.where(np.isfinite(result), result, source)
    return result


def _price(pick: dict[str, Any], names: tuple[str, ...], smile: Smile, rows: marks.RowsOf, faults: Faults) -> Bools:
    """Marks of the instruments in the account currency; the options whose mark is in the other currency, which are faults (K,)."""
    price, coin = pick["price"], pick.pop("coin_price")
    pick["heading"] = np.where(np.isnan(price) & np.isfinite(coin), "Coin price", "Price")
    refused = np.zeros(len(price), np.bool_)
    if ((pick["kind"] >= CALL) & (np.isfinite(price) | np.isfinite(coin))).any():
        refused = marks.typed_in_coin(pick, names, lambda at: smile(at)[0], rows, faults)
        refused |= marks.not_in_coin(pick, coin, rows, faults)
        pick["price"] = marks.in_account_currency(pick, coin, rows, faults)
    return refused


def _vol(
    pick: dict[str, Any], refused: Bools, names: tuple[str, ...], smile: Smile, rows: marks.RowsOf, faults: Faults
) -> tuple[Floats, Ints, Floats]:
    """Vol of each option, where it was found, and its mark: the row's, implied from its price, else the market's."""
    option, price = pick["kind"] >= CALL, pick["price"]
    vol: Floats = np.where(option, pick["vol"], np.nan)
    origin = np.full(len(vol), quotes.AT_STRIKE, np.int64)
    priced = option & np.isnan(vol) & np.isfinite(price)
    solvable = priced & ~refused & np.isfinite(pick["forward"]) & (pick["years"] > 0.0)
    if solvable.any():
        chosen, price = np.flatnonzero(solvable), price.copy()
        own = {name: values[chosen] for name, values in pick.items()}
        vol[chosen], price[chosen] = implied(own, chosen, names, lambda at: smile(at)[0], rows, faults)
    asked = np.flatnonzero(option & np.isnan(pick["vol"]) & ~priced & np.isnan(pick["array"][:, 0]))
    del pick["heading"]  # of the marks: it served the messages alone
    vol[asked], origin[asked] = smile(asked)
    for k in np.flatnonzero(origin == quotes.NO_VOL).tolist():
        for row in rows(k):
            faults.add(row, "IV", "no IV for this option", "give IV or Price on the row, or a vol in the market range")
    return vol, origin, price
