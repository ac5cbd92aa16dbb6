"""The risk array: profit and loss of one long unit of every instrument in every scenario."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlmargin.book import Instruments
from xlmargin.errors import MarginError
from xlmargin.names import CALL, PUT
from xlmargin.pricing.grid import call_grid
from xlmargin.scenarios import Scenarios

__all__ = ["black_deltas", "marks", "pnl_by_underlying", "risk_array"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_IN_YEARS = 1.0 / 365.0
NO_MOVE = np.zeros(1)


def risk_array(instruments: Instruments, scenarios: Scenarios) -> Floats:
    """Profit and loss per long unit of the underlying, after each scenario's weight.

    Options are repriced in full by Black-76; spot, futures and perpetuals move with the price. An instrument whose own
    sixteen numbers were given keeps them (losses there are positive, here gains are).

    Parameters
    ----------
    instruments: K instruments
    scenarios: S scenarios, whose underlyings are the instruments'

    Returns
    -------
    (K, S) gains positive [account currency per unit]

    Raises
    ------
    MarginError: an option has nothing but its own sixteen numbers, which say nothing about these scenarios
    """
    result = instruments.level[:, None] * scenarios.price.T[instruments.underlying]
    own = instruments.has_array & scenarios.own_arrays
    modelled = instruments.is_option & ~own
    for k in np.flatnonzero(modelled & np.isnan(instruments.vol)).tolist():
        raise MarginError(f"{instruments.name(k)} has its own sixteen numbers, which serve SPAN alone: give IV or Price "
                          "on its row for other scenarios")
    for days in np.unique(scenarios.days):
        at = np.flatnonzero(scenarios.days == days)
        for u in range(len(instruments.underlyings)):
            chosen = np.flatnonzero(modelled & (instruments.underlying == u))
            if len(chosen):
                result[np.ix_(chosen, at)] = _options(instruments, chosen, scenarios, at, u, float(days))
    result *= scenarios.weight.T[instruments.underlying]
    if own.any():
        result[own] = -instruments.array[own]
    return result


def _options(instruments: Instruments, chosen: Ints, scenarios: Scenarios, at: Ints, u: int, days: float) -> Floats:
    """Change of value of options of one underlying when the same days pass in all scenarios, (len(chosen), len(at))."""
    forward, strike, years, vol, rate = (column[chosen] for column in (
        instruments.forward, instruments.strike, instruments.years, instruments.vol, instruments.rate))
    price = 1.0 + scenarios.price[at, u]
    left = np.maximum(years - days * DAY_IN_YEARS, 0.0)
    shock, none = scenarios.vol[at, u], np.zeros(len(at))
    relative, absolute = (shock, none) if scenarios.vol_kind == "relative" else (none, shock)
    tenor = None if scenarios.tenor is None else scenarios.tenor.scale(years)
    after = call_grid(forward, strike, np.sqrt(left), vol, price, relative, absolute, scenarios.vol_floor[at], tenor)
    put = np.flatnonzero(instruments.kind[chosen] == PUT)
    after[put] -= forward[put, None] * price - strike[put, None]  # parity
    if rate.any():
        after *= np.exp(-rate * left)[:, None]
    return after - _values(instruments, chosen)[:, None]


def _values(instruments: Instruments, chosen: Ints) -> Floats:
    """Model value of options as they stand, by the same kernel so that errors cancel, (len(chosen),)."""
    forward, strike, years, vol = (column[chosen] for column in (
        instruments.forward, instruments.strike, instruments.years, instruments.vol))
    value = call_grid(forward, strike, np.sqrt(years), vol, np.ones(1), NO_MOVE, NO_MOVE, NO_MOVE)[:, 0]
    value = np.where(instruments.kind[chosen] == PUT, value - (forward - strike), value)
    return value * np.exp(-instruments.rate[chosen] * years)


def marks(instruments: Instruments) -> Floats:
    """Mark per unit: the price given with the position, else the model's; forward of futures, spot of spot, (K,).

    NaN for an option that has neither a price nor a vol.
    """
    result = np.where(np.isfinite(instruments.price), instruments.price, instruments.level)
    chosen = np.flatnonzero(instruments.is_option & np.isnan(instruments.price))
    result[chosen] = _values(instruments, chosen)
    return result


def black_deltas(instruments: Instruments) -> Floats:
    """Delta of one long unit to its own forward: undiscounted Black delta of options at mark, 1 of all else, (K,)."""
    from xlmargin.pricing.black import black_delta

    result = np.ones(len(instruments))
    chosen = np.flatnonzero(instruments.is_option & np.isfinite(instruments.vol))
    result[chosen] = black_delta(instruments.kind[chosen] == CALL, instruments.forward[chosen], instruments.strike[chosen],
                                 instruments.years[chosen], instruments.vol[chosen])
    return result


def pnl_by_underlying(instruments: Instruments, array: Floats, units: Floats) -> Floats:
    """Profit and loss of A books per scenario and underlying.

    Parameters
    ----------
    array: risk array (K, S)
    units: net units of each instrument in each book (A, K)

    Returns
    -------
    (A, S, U) gains positive [account currency]
    """
    result = np.zeros((len(units), array.shape[1], len(instruments.underlyings)))
    for u in range(len(instruments.underlyings)):
        chosen = instruments.underlying == u
        result[:, :, u] = units[:, chosen] @ array[chosen]
    return result
