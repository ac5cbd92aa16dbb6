"""Risk arrays of many scenarios: in blocks that fit into memory, with vol moves by tenor, or by delta, gamma and vega."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from xlmargin.book.book import Book, Instruments
from xlmargin.errors import MarginError
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.past import DAYS_IN_YEAR, History, Past, simple_returns
from xlmargin.scenarios.risk_array import risk_array
from xlmargin.scenarios.scenarios import Scenarios

CELLS = 1_000_000  # prices of one block: its temporary memory stays below some 100 MB
BUMP = 1e-3  # relative move of price or vol by which sensitivities are measured


def revalued(instruments: Instruments, moves: Past) -> Floats:
    """Profit and loss per long unit, every option repriced in full, (K, S).

    Vols move as their tenor did: interpolated over the log of the days between the history's tenors, flat beyond them.
    """
    result = np.empty((len(instruments), len(moves)))
    width = max(1, CELLS // max(1, len(instruments)))
    for start in range(0, len(moves), width):
        at = np.arange(start, min(start + width, len(moves)))
        if moves.by_tenor is None:
            result[:, at] = risk_array(instruments, _some(moves, at, moves.vol[at]))
            continue
        for years in np.unique(instruments.years):
            chosen = np.flatnonzero(instruments.years == years)
            shock = _at_tenor(moves, moves.by_tenor[at], float(years) * DAYS_IN_YEAR)
            result[np.ix_(chosen, at)] = risk_array(picked(instruments, chosen), _some(moves, at, shock))
    return result


def _at_tenor(moves: Past, by_tenor: Floats, days: float) -> Floats:
    """Vol moves of each underlying for one tenor, 0 where it has none, (S, U)."""
    result = np.zeros((by_tenor.shape[0], by_tenor.shape[2]))
    for u in range(by_tenor.shape[2]):
        there = np.flatnonzero(np.isfinite(by_tenor[:, :, u]).all(axis=0))
        if len(there):
            tenors = np.log(np.array(moves.vol_days)[there])
            right = int(np.clip(np.searchsorted(tenors, np.log(max(days, 1e-6))), 1, max(len(there) - 1, 1)))
            left = there[right - 1]
            if len(there) == 1:
                result[:, u] = by_tenor[:, left, u]
                continue
            part = np.clip((np.log(max(days, 1e-6)) - tenors[right - 1]) / (tenors[right] - tenors[right - 1]), 0.0, 1.0)
            result[:, u] = (1.0 - part) * by_tenor[:, left, u] + part * by_tenor[:, there[right], u]
    return result


def _some(moves: Scenarios, at: Ints, vol: Floats) -> Scenarios:
    """Some of the scenarios, with their vol moves."""
    return Scenarios(
        tuple(moves.names[s] for s in at.tolist()),
        tuple(moves.descriptions[s] for s in at.tolist()),
        moves.underlyings,
        moves.price[at],
        vol,
        "relative",
        moves.days[at],
        moves.weight[at],
        moves.vol_floor[at],
    )


def picked(instruments: Instruments, at: Ints) -> Instruments:
    """Some of the instruments."""
    return replace(
        instruments, **{field.name: getattr(instruments, field.name)[at] for field in fields(instruments) if field.name != "underlyings"}
    )


def expanded(instruments: Instruments, moves: Past) -> Floats:
    """Profit and loss per long unit by delta, gamma, vega and the passing of time instead of repricing, (K, S).

    The sensitivities are central differences of the full valuation, so American exercise counts in them.
    """
    names = instruments.underlyings
    column = np.ones(len(names))
    price = np.array([BUMP, -BUMP, 0.0, 0.0, 0.0])[:, None] * column
    vol = np.array([0.0, 0.0, BUMP, -BUMP, 0.0])[:, None] * column
    days = np.zeros(len(price))
    days[-1] = moves.days[0] if len(moves) else 0.0
    labels = tuple(map(str, range(len(price))))
    up, down, richer, poorer, later = risk_array(
        instruments, Scenarios(labels, labels, names, price, vol, "relative", days, np.ones(price.shape), np.zeros(len(price)))
    ).T
    delta, gamma, vega = (up - down) / (2 * BUMP), (up + down) / BUMP**2, (richer - poorer) / (2 * BUMP)
    move, shift = (column.T[instruments.underlying] for column in (moves.price, moves.vol))
    if moves.by_tenor is not None:
        for years in np.unique(instruments.years):
            same = instruments.years == years
            shift[same] = _at_tenor(moves, moves.by_tenor, float(years) * DAYS_IN_YEAR).T[instruments.underlying[same]]
    result = (delta[:, None] + 0.5 * gamma[:, None] * move) * move + later[:, None]
    result += vega[:, None] * shift
    return np.asarray(result, np.float64)


def annual_vols(book: Book, own: Sequence[float], history: History | None) -> Floats:
    """Vol of each underlying to draw from: its own, that of the option nearest the money, else of its past (U,).

    Args:
        own: given vols, NaN where none is (U,)

    Raises:
        MarginError: an underlying has neither
    """
    held, result = book.instruments, np.array(own, np.float64)
    distance = np.abs(np.log(held.strike / held.forward))
    for u in np.flatnonzero(np.isnan(result)).tolist():
        options = np.flatnonzero((held.underlying == u) & held.is_option & np.isfinite(held.vol))
        if len(options):
            result[u] = held.vol[options[np.lexsort((held.years[options], distance[options]))[0]]]
        elif history is not None:
            result[u] = np.sqrt(np.mean(np.log1p(simple_returns(history)[:, u]) ** 2) * DAYS_IN_YEAR)
        else:
            raise MarginError(
                f"no vol to draw the moves of {held.underlyings[u]} from: give the parameter {held.underlyings[u]}.vol, or a history"
            )
    return result
