"""One book at many prices of one underlying: versions that can be margined together, as accounts of one book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from xlmargin.book.book import Book
from xlmargin.errors import MarginError
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.blocks import picked
from xlmargin.scenarios.risk_array import risk_array
from xlmargin.scenarios.scenarios import Scenarios


def require_model(book: Book) -> None:
    """Raise where a book holds positions that cannot be valued at another price.

    Raises:
        MarginError: a row has nothing but its own risk array, which holds at one price alone
    """
    own = book.instruments.has_array[book.instrument]
    for p in np.flatnonzero(own).tolist():
        raise MarginError(
            f"row {book.row[p]}: {book.names[p]} has its own risk array, which holds at today's price alone: "
            "a liquidation price needs the model: clear the columns 1 … 16, or leave out span_file"
        )


@dataclass(frozen=True)
class Path:
    """A book along the path of one underlying's price: vols, rates and time are held, everything else of it moves alike.

    Attributes:
        book: unchanged; every option has a vol
        underlying: index of the one that moves
        coins_stay: the margin of an inverse contract stays that of the coins it is today, instead of its amount of USD
    """

    book: Book
    underlying: int
    coins_stay: bool = False

    @cached_property
    def _moved(self) -> Ints:
        return np.flatnonzero(self.book.instruments.underlying == self.underlying)

    @cached_property
    def _names(self) -> list[str]:
        return list(self.book.names)

    @property
    def size(self) -> int:
        """Instruments that each version adds."""
        return len(self._moved)

    def strikes(self) -> Floats:
        """Moves at which a forward meets the strike of an option that is held, ascending."""
        held = self.book.instruments
        option = self._moved[held.is_option[self._moved]]
        return np.unique(held.strike[option] / held.forward[option] - 1.0)

    def deviations(self) -> Floats:
        """Standard deviation of each option's log price until it expires, (k,)."""
        held = self.book.instruments
        option = self._moved[held.is_option[self._moved]]
        return held.vol[option] * np.sqrt(held.years[option])

    def unit_pnl(self, moves: Floats) -> Floats:
        """Profit and loss of one long unit of each instrument that moves, (k, V)."""
        held = self.book.instruments
        price, still = np.zeros((len(moves), len(held.underlyings))), np.zeros((len(moves), len(held.underlyings)))
        price[:, self.underlying] = moves
        words = ("",) * len(moves)
        return risk_array(
            picked(held, self._moved),
            Scenarios(
                words, words, held.underlyings, price, still, "relative", np.zeros(len(moves)), np.ones(price.shape), np.zeros(len(moves))
            ),
        )

    def pnl(self, moves: Floats) -> Floats:
        """Profit and loss of the whole book at each move, gains + (V,)."""
        if not self.size:
            return np.zeros(len(moves))
        units = self.book.by_instrument(self.book.units).sum(axis=0)[self._moved]
        return np.asarray(units @ self.unit_pnl(moves), np.float64)

    def at(self, moves: Floats) -> Book:
        """The book at each of the moves, version v's accounts after those of version v − 1.

        A mark that was given moves with the model's value, so that it, too, comes from the vol that is held.
        """
        book, count, size = self.book, len(moves), self.size
        held, fixed = book.instruments, np.setdiff1d(np.arange(len(book.instruments)), self._moved)
        shifted = picked(held, np.concatenate([fixed, np.tile(self._moved, count)]))
        after = slice(len(fixed), None)
        factor = 1.0 + np.repeat(moves, size)
        columns = {name: getattr(shifted, name).copy() for name in ("spot", "forward", "price")}
        for name in ("spot", "forward"):
            columns[name][after] *= factor
        gain = self.unit_pnl(moves).T.ravel()
        option = shifted.is_option[after]
        mark = columns["price"][after]
        columns["price"][after] = np.where(option, np.maximum(mark + gain, 0.0), mark * factor)
        place = np.empty((count, len(held)), np.int64)
        place[:, fixed] = np.arange(len(fixed))
        place[:, self._moved] = len(fixed) + np.arange(count * size).reshape(count, size)
        growth = np.ones((count, len(held)))
        if not self.coins_stay:
            growth[:, self._moved] += moves[:, None]
        accounts = len(book.accounts) * np.repeat(np.arange(count), len(book.row))
        return replace(
            book,
            instruments=replace(shifted, **columns),
            quantity=book.quantity_at(growth).ravel(),
            instrument=place[:, book.instrument].ravel(),
            accounts=_repeated(book.accounts, count),
            account=np.tile(book.account, count) + accounts,
            row=np.tile(book.row, count),
            order=np.tile(book.order, count),
            entry=np.tile(book.entry, count),
            names=self._names * count,
        )


def _repeated(names: Sequence[str], count: int) -> tuple[str, ...]:
    return tuple(names) * count
