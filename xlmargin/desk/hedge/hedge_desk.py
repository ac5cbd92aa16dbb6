"""A book and its possible trades: the method's own margin of any sizes of the trades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book
from xlmargin.desk.hedge.programme import Sizes
from xlmargin.errors import MarginError
from xlmargin.margin.accounts import some_rows
from xlmargin.margin.statement import Line
from xlmargin.margin.valuation import Case
from xlmargin.methods import apart as margins_apart
from xlmargin.methods import case_of, margin_of, method_named, with_book
from xlmargin.pricing.arrays import Floats, Ints

CELLS = 2_000_000  # versions × instruments of one pass
SLOWNESS = 20  # a method that margins each version on its own is given so many times fewer of them
WORTH = 1e-9  # of the notional, that decides between hedges that are equal otherwise
FINEST = 1024.0  # steps to the limit where sizes are not whole


@dataclass(frozen=True, slots=True)
class Trades:
    """The possible trades (J,).

    Attributes:
        instrument: index among the instruments of the case
        account: index of the account that trades
        lot: quantities are multiples of it, NaN where any quantity goes
        cost: of one unit of quantity [account currency]
        limit: largest quantity, NaN where the gross notional of the account is the limit
        buys, sells: allowed directions
        row: sheet row of each
    """

    instrument: Ints
    account: Ints
    lot: Floats
    cost: Floats
    limit: Floats
    buys: NDArray[np.bool_]
    sells: NDArray[np.bool_]
    row: Ints


class HedgeDesk:
    """A book and its possible trades, margined by its method with any sizes of the trades.

    Attributes:
        case: the book with the instruments to trade among its instruments, each at a quantity of 0 or none
        trades: the possible trades
        apart: each version is margined as a separate book, as its rows may change the market of the others, or open orders count
    """

    def __init__(self, case: Case, trades: Trades, *, apart: bool = False) -> None:
        self.case, self.book, self.trades = case, case.book, trades
        self.touched = np.unique(trades.account).tolist()
        self.known: dict[tuple[int, bytes], float] = {}
        method = method_named(case.rules.meta.name)
        orders = method.margins_orders and bool(case.book.order.any())  # versions as accounts of one book hold positions alone
        self.apart = apart or orders or margins_apart(case.book, case.rules)
        self.slowness = SLOWNESS if self.apart or method.pairs_legs else 1

    @cached_property
    def rest(self) -> float:
        """Margin of all accounts that do not trade."""
        margins = np.broadcast_to(margin_of(self.case).initial.value, (len(self.book.accounts),))
        return float(np.delete(margins, self.touched).sum())

    @cached_property
    def sizes(self) -> Sizes:
        """The sizes of each trade in steps; a blank limit is the account's gross notional, rounded up to a lot."""
        trades, held = self.trades, self.book.instruments
        price = np.where(held.is_option, held.spot, held.level)
        gross = np.bincount(self.book.account, np.abs(self.book.units) * price[self.book.instrument], minlength=len(self.book.accounts))
        each = held.spot[trades.instrument] * held.multiplier[trades.instrument]
        whole, free = np.isfinite(trades.lot), np.isnan(trades.limit)
        most = np.where(free, gross[trades.account] / each, trades.limit)
        unit = np.where(whole, trades.lot, np.where(most > 0.0, most / FINEST, 1.0))
        steps = most / unit
        steps = np.where(whole, np.where(free, np.ceil(steps * (1.0 - WORTH)), np.floor(steps * (1.0 + WORTH))), steps)
        return Sizes(
            unit, whole, np.where(trades.buys, steps, 0.0), np.where(trades.sells, steps, 0.0), trades.cost * unit, WORTH * each * unit
        )

    def book_of(self, a: int, versions: Floats) -> Book:
        """One account in versions as the accounts of a book.

        Args:
            versions: units of each trade (V, J), of which those of the account count
        """
        mine = np.flatnonzero(self.trades.account == a)
        where, which = np.nonzero(versions[:, mine])
        traded = mine[which]
        at, quantity, entry = self._held[a]
        count = len(versions)
        both: dict[str, Any] = {
            "quantity": np.concatenate([np.tile(quantity, count), versions[where, traded] * self.sizes.unit[traded]]),
            "instrument": np.concatenate([np.tile(self.book.instrument[at], count), self.trades.instrument[traded]]),
            "account": np.concatenate([np.repeat(np.arange(count), len(at)), where]),
            "row": np.concatenate([np.tile(self.book.row[at], count), self.trades.row[traded]]),
            "entry": np.concatenate([np.tile(entry, count), np.full(len(where), np.nan)]),
        }
        total = len(both["row"])
        return Book(
            instruments=self.book.instruments,
            accounts=tuple(map(str, range(count))),
            order=np.zeros(total, np.bool_),
            names=[""] * total,
            as_of=self.book.as_of,
            unpriced=self.book.unpriced,
            **both,
        )

    @cached_property
    def _held(self) -> dict[int, tuple[Ints, Floats, Floats]]:
        """A row of each holding of the accounts that trade, its net quantity, and its entry price."""
        book = self.book
        found: dict[int, tuple[Ints, Floats, Floats]] = {}
        for a in self.touched:
            rows = np.flatnonzero((book.account == a) & ~book.order)
            keys = np.column_stack([book.instrument[rows].astype(np.float64), np.nan_to_num(book.entry[rows], nan=-1.0)])
            _, first, where = np.unique(keys, axis=0, return_index=True, return_inverse=True)
            net = np.asarray(np.bincount(where.ravel(), book.quantity[rows], len(first)), np.float64)
            found[a] = rows[first], net, book.entry[rows[first]]
        return found

    def statement(self, a: int, versions: Floats) -> Line:
        """The initial margin of an account over versions."""
        return margin_of(with_book(self.case, self.book_of(a, versions), self.case.array)).initial

    def margins(self, versions: Floats) -> Floats:
        """Margin of all accounts in each version, inf where the method has none (V,).

        Args:
            versions: units of each trade (V, J)
        """
        if self.apart:
            return np.array([self._alone(version) for version in versions])
        result = np.full(len(versions), self.rest)
        for a in self.touched:
            mine = self.trades.account == a
            keys = [(a, row.tobytes()) for row in np.ascontiguousarray(versions[:, mine]) + 0.0]
            new = {key: v for v, key in enumerate(keys) if key not in self.known}
            at = np.array(list(new.values()), np.int64)
            for some in self._batches(at):
                self.known.update(zip((keys[v] for v in some.tolist()), self._together(a, versions[some])))
            result += np.array([self.known[key] for key in keys])
        return result

    def _batches(self, at: Ints) -> Iterator[Ints]:
        """Runs of versions that fit into one pass."""
        room = max(CELLS // max(len(self.book.instruments), len(self.case.scenarios), 1), 1)
        for start in range(0, len(at), room):
            yield at[start : start + room]

    def _together(self, a: int, versions: Floats) -> list[float]:
        """Margins of an account in versions; where the method has none of some of them, these are found by halving."""
        try:
            return np.broadcast_to(self.statement(a, versions).value, (len(versions),)).tolist()  # type: ignore[no-any-return]
        except MarginError:
            if len(versions) == 1:
                return [np.inf]
            half = len(versions) // 2
            return [*self._together(a, versions[:half]), *self._together(a, versions[half:])]

    def _alone(self, version: Floats) -> float:
        """Margin of all accounts in a version, as a book of its own."""
        key = -1, (version + 0.0).tobytes()
        if key not in self.known:
            traded = np.flatnonzero(version)
            book, more = self.book, self.trades
            rows = {
                "quantity": version[traded] * self.sizes.unit[traded],
                "instrument": more.instrument[traded],
                "account": more.account[traded],
                "row": more.row[traded],
                "entry": np.full(len(traded), np.nan),
            }
            both: dict[str, Any] = {name: np.concatenate([getattr(book, name), column]) for name, column in rows.items()}
            whole = Book(
                instruments=book.instruments,
                accounts=book.accounts,
                as_of=book.as_of,
                unpriced=book.unpriced,
                order=np.append(book.order, np.zeros(len(traded), np.bool_)),
                names=[*book.names, *[""] * len(traded)],
                **both,
            )
            try:
                line = margin_of(case_of(some_rows(whole, np.arange(len(whole.row))), self.case.rules)).initial
                self.known[key] = float(line.value.sum())
            except MarginError:
                self.known[key] = np.inf
        return self.known[key]
