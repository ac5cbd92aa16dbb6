"""Values that cannot be meant as they are typed, and values that may well not be: percents, and cells far from all others.

A note is made of
* a vol above 400 % or below 1 %, given or implied;
* a strike that is not within a factor of 20 of its spot; where no strike of an underlying is within 8, of the spot instead;
* a price of an option without a vol that is below a hundredth of the least step of its venue's prices;
* a quantity of more than 1,000 times the median of those of its underlying, which has at least three;
* a spot, a forward or the price of a future that differs by more than half from the market's spot, or a row's spot from the
  median of its underlying's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, FUTURE, PERPETUAL
from xlmargin.book.market import Market, spots
from xlmargin.book.marks import ticks
from xlmargin.book.positions import Positions
from xlmargin.errors import Fault, Faults
from xlmargin.pricing.arrays import Bools, Floats, Ints
from xlmargin.sheet.cells import show

HIGHEST_VOL, HIGH_VOL, LOW_VOL = 20.0, 4.0, 0.01  # above the first a vol is in percent; between the others it is likely
HIGHEST_RATE = 1.0  # above it a rate is in percent
FAR_STRIKE, FAR_STRIKES, FAR_SPOT, LARGE = np.log(19.999), np.log(8.0), np.log(1.5), 1_000.0
STEP = 0.01  # of a price step
LEAST_COUNT = 3  # of quantities that say what is usual
CHECK = "check the cell"


def must_be_fractions(values: Floats, rows: Sequence[int], heading: str, faults: Faults, *, most: float, example: str) -> None:
    """Refuse numbers that are in percent: any above a bound; and all vols of a column where each is at least 4 (400 %).

    Args:
        values: a column, NaN where blank (P,)
        rows: the row of each
        heading: the column's heading
        faults: receives the cells
        most: the largest fraction, HIGHEST_VOL or HIGHEST_RATE
        example: a fraction in words
    """
    there = np.isfinite(values)
    percent = np.abs(values) > most
    if most == HIGHEST_VOL and there.any() and (values[there] >= HIGH_VOL).all():
        percent = there
    for i in np.flatnonzero(percent).tolist():
        faults.add(rows[i], heading, f"{heading} must be a fraction ({example}), not {show(float(values[i]))}", "divide it by 100")


def note_vols(vols: Floats, rows: Sequence[int], headings: Sequence[str], found: Faults) -> None:
    """Note vols above 400 % or below 1 %, given under IV or implied by a price (N,)."""
    for i in np.flatnonzero((vols > HIGH_VOL) | ((vols > 0.0) & (vols < LOW_VOL))).tolist():
        said = f"IV {show(float(vols[i]))} is" if headings[i] == "IV" else f"{headings[i]} has an implied vol of {vols[i]:.4g}, which is"
        problem = f"{said} {'above 400' if vols[i] > HIGH_VOL else 'below 1'} %"
        found.note(rows[i], headings[i], problem, "check the cell: 0.55 is 55 %" if headings[i] == "IV" else CHECK)


def note_strikes(spot: Floats, strike: Floats, of: Ints, names: Sequence[str], rows: Sequence[int], found: Faults) -> None:
    """Note strikes far from their spot, all of an underlying as one note about the spot.

    Args:
        spot, strike: NaN where there is none (N,)
        of: index of the underlying of each (N,)
        names: of the underlyings (U,)
        rows: the row of each
    """
    there = (spot > 0.0) & (strike > 0.0)
    away = np.zeros(len(spot))
    away[there] = np.abs(np.log(strike[there] / spot[there]))
    for u in np.unique(of[away > FAR_STRIKES]).tolist():
        mine = np.flatnonzero(there & (of == u))
        if (nearest := away[mine].min()) > FAR_STRIKES:
            factor = 20 if nearest > FAR_STRIKE else 8
            told = f"Spot {show(float(spot[mine[0]]))} of {names[u]}: no strike is within a factor of {factor} of it"
            found.note(rows[mine[0]], "Spot", told, "check Spot and Strike, which are in one currency")
            continue
        for i in mine[away[mine] > FAR_STRIKE].tolist():
            told = f"Strike {show(float(strike[i]))} is not within a factor of 20 of the spot {show(float(spot[i]))}"
            found.note(rows[i], "Strike", told, CHECK)


def note_levels(heading: str, values: Floats, spot: Floats, rows: Sequence[int], found: Faults, whose: str = "the spot") -> None:
    """Note spots or forwards that differ by more than half from a spot (N,)."""
    there = (values > 0.0) & (spot > 0.0)
    away = np.abs(np.log(np.divide(values, spot, out=np.ones(len(values)), where=there)))
    for i in np.flatnonzero(away > FAR_SPOT).tolist():
        told = f"{heading} {show(float(values[i]))} differs by more than half from {whose} {show(float(spot[i]))}"
        found.note(rows[i], heading, told, CHECK)


def notes_on(positions: Positions, book: Book, market: Market) -> list[Fault]:
    """Notes on the cells of position rows that are far from the rest.

    Args:
        positions: the rows (P,)
        book: their book
        market: that it is priced in
    """
    found, held, k, rows = Faults(), book.instruments, book.instrument, positions.row.tolist()
    option = positions.kind >= CALL
    given, marked = np.isfinite(positions.vol), np.isfinite(positions.price) | np.isfinite(positions.coin_price)
    own = option & (given | marked)  # the others have the market's vol, which is told there
    priced = np.where(np.isfinite(positions.price), "Price", "Coin price")
    note_vols(np.where(own, held.vol[k], np.nan), rows, np.where(given, "IV", priced).tolist(), found)
    note_strikes(held.spot[k], np.where(option, positions.strike, np.nan), positions.underlying, positions.underlyings, rows, found)
    _note_below_step(positions, book, option & ~given, rows, found)
    _note_spots(positions, market, rows, found)
    note_levels("Forward", positions.forward, held.spot[k], rows, found)
    delta_one = (positions.kind == FUTURE) | (positions.kind == PERPETUAL)
    note_levels("Price", np.where(delta_one, positions.price, np.nan), held.spot[k], rows, found)
    _note_quantities(positions, np.abs(book.quantity * held.multiplier[k]), rows, found)
    return found.notes


def _note_below_step(positions: Positions, book: Book, chosen: Bools, rows: list[int], found: Faults) -> None:
    """Note prices that no venue prints in the account currency, so that they may be in coin."""
    held, k = book.instruments, book.instrument
    pick = {name: getattr(held, name)[k] for name in ("underlying", "forward", "inverse")} | {"price": positions.price}
    step = ticks(pick, held.underlyings)
    for i in np.flatnonzero(chosen & (positions.price < STEP * step)).tolist():
        told = f"Price {show(float(positions.price[i]))} is far below the least step of its venue's prices, {show(float(step[i]))}"
        found.note(rows[i], "Price", told, "check the cell: a price in coin is a Coin price")


def _note_spots(positions: Positions, market: Market, rows: list[int], found: Faults) -> None:
    """Note spots of rows that are far from the market's, or from the others of their underlying."""
    known = {name: u for u, name in enumerate(market.underlyings)}
    quoted = spots(market, np.array([known.get(name, -1) for name in positions.underlyings], np.int64))
    usual = np.where(np.isfinite(quoted), np.nan, _medians(positions.spot, positions.underlying, len(quoted)))
    for values, whose in ((quoted, "the market's"), (usual, "the median of the rows,")):
        note_levels("Spot", positions.spot, values[positions.underlying], rows, found, whose)


def _note_quantities(positions: Positions, units: Floats, rows: list[int], found: Faults) -> None:
    """Note quantities that are far above the others of their underlying."""
    sized = np.where(units > 0.0, units, np.nan)
    usual = _medians(sized, positions.underlying, len(positions.underlyings), LEAST_COUNT)[positions.underlying]
    for i in np.flatnonzero(sized > LARGE * usual).tolist():
        heading = "USD size" if positions.in_usd[i] else "Quantity"
        told = f"{heading} {show(float(positions.quantity[i]))} is more than 1,000 times the median of its underlying"
        found.note(rows[i], heading, told, CHECK)


def _medians(values: Floats, of: Ints, count: int, least: int = 1) -> Floats:
    """The median of the values of each group, NaN where it has fewer than `least` (count,)."""
    groups = [values[(of == u) & np.isfinite(values)] for u in range(count)]
    return np.array([np.median(mine) if len(mine) >= least else np.nan for mine in groups], np.float64)
