"""The risk array: profit and loss of one long unit of every instrument in every scenario."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Instruments
from xlmargin.book.contracts import CALL, PUT, SPOT
from xlmargin.errors import MarginError
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.pricing.grid import call_grid
from xlmargin.scenarios.scenarios import SPAN_DOWN, SPAN_UP, Scenarios

DAY_IN_YEARS = 1.0 / 365.0
NO_MOVE = np.zeros(1)


def risk_array(instruments: Instruments, scenarios: Scenarios) -> Floats:
    """Profit and loss per long unit of the underlying, after each scenario's weight.

    Options are repriced in full by Black-76; spot, futures and perpetuals move with the price. An instrument whose own
    sixteen numbers were given keeps them (losses there are positive, here gains are).

    Args:
        instruments: K instruments
        scenarios: S scenarios, whose underlyings are the instruments'

    Returns:
        (K, S) gains positive [account currency per unit]

    Raises:
        MarginError: an option has only its own sixteen numbers, which do not cover these scenarios
    """
    moves = _moves(instruments, scenarios)
    result = moves.copy()
    own = instruments.has_array & scenarios.own_arrays
    modelled = instruments.is_option & ~own
    require_vols(instruments, modelled)
    for days in np.unique(scenarios.days):
        at = np.flatnonzero(scenarios.days == days)
        for chosen in _groups(instruments, modelled & ~instruments.american, scenarios):
            result[np.ix_(chosen, at)] = _options(instruments, chosen, scenarios, at, moves[chosen[0], at], float(days))
        early = np.flatnonzero(modelled & instruments.american)
        if len(early):
            result[np.ix_(early, at)] = _early(instruments, early, scenarios, at, moves[np.ix_(early, at)], float(days))
    result *= scenarios.weight.T[instruments.underlying]
    if own.any():
        result[own] = -instruments.array[own]
    return result


def require_vols(instruments: Instruments, asked: NDArray[np.bool_]) -> None:
    """Raise where an option that is to be valued has only its own sixteen numbers.

    Raises:
        MarginError: naming the option
    """
    for k in np.flatnonzero(asked & instruments.is_option & np.isnan(instruments.vol)).tolist():
        raise MarginError(
            f"{instruments.name(k)} has its own sixteen numbers, which serve SPAN alone: give IV or Price on its row to value it"
        )


def require_european(instruments: Instruments) -> None:
    """Raise where an option is American under a rulebook whose venue lists only European ones.

    Raises:
        MarginError: naming the option
    """
    for k in np.flatnonzero(instruments.is_option & instruments.american).tolist():
        raise MarginError(f"{instruments.name(k)} is american: the venue's options are european: clear Exercise on its row")


def _moves(instruments: Instruments, scenarios: Scenarios) -> Floats:
    """Move of each instrument's own price level in each scenario; no price falls below 0 (K, S)."""
    level, move = instruments.level[:, None], scenarios.price.T[instruments.underlying]
    return level * np.maximum(move, -1.0) if scenarios.price_kind == "relative" else np.maximum(move, -level)


def _groups(instruments: Instruments, modelled: NDArray[np.bool_], scenarios: Scenarios) -> Iterator[Ints]:
    """Options whose forwards move by the same factor: those of one underlying, or of one forward where moves are amounts."""
    for u in range(len(instruments.underlyings)):
        chosen = np.flatnonzero(modelled & (instruments.underlying == u))
        if len(chosen) and scenarios.price_kind == "relative":
            yield chosen
        elif len(chosen):
            for forward in np.unique(instruments.forward[chosen]):
                yield chosen[instruments.forward[chosen] == forward]


def _shocked_vols(vol: Floats, years: Floats, scenarios: Scenarios, at: Ints, u: Ints) -> Floats:
    """Vol of each option after the shock of each scenario (len(vol), len(at))."""
    scale = 1.0 if scenarios.tenor is None else scenarios.tenor.scale(years)[:, None]
    shock = scenarios.vol.T[np.ix_(u, at)] * scale
    after = vol[:, None] * (1.0 + shock) if scenarios.vol_kind == "relative" else vol[:, None] + shock
    return np.maximum(after, np.maximum(scenarios.floors(u)[at].T, 0.0))


def _early(instruments: Instruments, chosen: Ints, scenarios: Scenarios, at: Ints, moves: Floats, days: float) -> Floats:
    """Change of value of American options, by the tree (len(chosen), len(at)).

    The spot moves by the fraction by which the forward does, so the yield that the two imply is unchanged.
    """
    from xlmargin.pricing import american

    call, strike, years, vol, rate, carry = (
        column[chosen, None]
        for column in (
            instruments.kind == CALL,
            instruments.strike,
            instruments.years,
            instruments.vol,
            instruments.rate,
            instruments.carry,
        )
    )
    spot = instruments.spot[chosen, None] * (1.0 + moves / instruments.forward[chosen, None])
    shocked = _shocked_vols(vol[:, 0], years[:, 0], scenarios, at, instruments.underlying[chosen])
    left = np.maximum(years - days * DAY_IN_YEARS, 0.0)
    after = american.price(call, spot, strike, left, shocked, rate, carry)
    return after - american.price(call, instruments.spot[chosen, None], strike, years, vol, rate, carry)


def _options(instruments: Instruments, chosen: Ints, scenarios: Scenarios, at: Ints, move: Floats, days: float) -> Floats:
    """Change of value of European options whose forwards move alike, (len(chosen), len(at)).

    Args:
        move: of the first one's forward in each scenario (len(at),)
    """
    forward, strike, years, vol, rate = (
        column[chosen] for column in (instruments.forward, instruments.strike, instruments.years, instruments.vol, instruments.rate)
    )
    u = int(instruments.underlying[chosen[0]])
    price = 1.0 + move / forward[0]
    left = np.maximum(years - days * DAY_IN_YEARS, 0.0)
    shock, none = scenarios.vol[at, u], np.zeros(len(at))
    relative, absolute = (shock, none) if scenarios.vol_kind == "relative" else (none, shock)
    tenor = None if scenarios.tenor is None else scenarios.tenor.scale(years)
    after = call_grid(forward, strike, np.sqrt(left), vol, price, relative, absolute, scenarios.floors(u)[at], tenor)
    put = np.flatnonzero(instruments.kind[chosen] == PUT)
    after[put] -= forward[put, None] * price - strike[put, None]  # parity
    if rate.any():
        after *= np.exp(-rate * left)[:, None]
    return after - _values(instruments, chosen)[:, None]


def _values(instruments: Instruments, chosen: Ints) -> Floats:
    """Model value of European options without a move, by the same kernel so that errors cancel, (len(chosen),)."""
    forward, strike, years, vol = (
        column[chosen] for column in (instruments.forward, instruments.strike, instruments.years, instruments.vol)
    )
    value = call_grid(forward, strike, np.sqrt(years), vol, np.ones(1), NO_MOVE, NO_MOVE, NO_MOVE)[:, 0]
    value = np.where(instruments.kind[chosen] == PUT, value - (forward - strike), value)
    return value * np.exp(-instruments.rate[chosen] * years)


def marks(instruments: Instruments) -> Floats:
    """Mark per unit: the price given with the position, else the model's; forward of futures, spot of spot, (K,).

    NaN for an option that has neither a price nor a vol.
    """
    result = np.where(np.isfinite(instruments.price), instruments.price, instruments.level)
    chosen = np.flatnonzero(instruments.is_option & np.isnan(instruments.price))
    early = chosen[instruments.american[chosen]]
    chosen = chosen[~instruments.american[chosen]]
    result[chosen] = _values(instruments, chosen)
    if len(early):
        from xlmargin.pricing import american

        result[early] = american.price(
            instruments.kind[early] == CALL,
            *(
                column[early]
                for column in (
                    instruments.spot,
                    instruments.strike,
                    instruments.years,
                    instruments.vol,
                    instruments.rate,
                    instruments.carry,
                )
            ),
        )
    return result


def off_mark(instruments: Instruments) -> Floats:
    """Model value less mark per unit, of rulebooks whose profits count from the mark; 0 where no mark was given, (K,)."""
    given = np.isfinite(instruments.price) & instruments.is_option
    return np.where(given, marks(replace(instruments, price=np.where(given, np.nan, instruments.price))) - instruments.price, 0.0)


def black_deltas(instruments: Instruments) -> Floats:
    """Delta of one long unit to its own forward: undiscounted Black delta of options at mark, 1 of all else, (K,)."""
    from xlmargin.pricing.black import black_delta

    result = np.ones(len(instruments))
    chosen = np.flatnonzero(instruments.is_option & np.isfinite(instruments.vol))
    result[chosen] = black_delta(
        instruments.kind[chosen] == CALL,
        instruments.forward[chosen],
        instruments.strike[chosen],
        instruments.years[chosen],
        instruments.vol[chosen],
    )
    return result


def spot_share(instruments: Instruments, units: Floats, treatments: Sequence[str]) -> Floats:
    """Part of each account's position that is stressed: 1, but for spot under its treatment, (A, K).

    Args:
        units: net units of each instrument in each book (A, K)
        treatments: of each underlying (U,): full; collateral (none of it); in_use (up to the opposite Black delta of the
            underlying's derivatives at mark)
    """
    result = np.ones(units.shape)
    for u, treatment in enumerate(treatments):
        spot = (instruments.kind == SPOT) & (instruments.underlying == u)
        if treatment == "full" or not spot.any():
            continue
        held, used = units[:, spot].sum(axis=1), np.zeros(len(units))
        if treatment == "in_use":
            derivative = (instruments.underlying == u) & ~spot
            delta = units[:, derivative] @ black_deltas(instruments)[derivative]
            used = np.minimum(np.abs(held), np.maximum(-np.sign(held) * delta, 0.0))
        result[:, spot] = np.divide(used, np.abs(held), out=np.zeros_like(used), where=held != 0.0)[:, None]
    return result


def composite_deltas(instruments: Instruments, scenarios: Scenarios, weights: Floats) -> Floats:
    """Composite delta of one long unit: the mean of Black deltas over seven price points, after the look-ahead, (K,).

    Args:
        scenarios: SPAN's sixteen, whose full moves up and down are the price scan ranges
        weights: of the points at no move, ±1/3, ±2/3 and ±1 of the range (4,)

    Returns:
        the row's own delta where one is given, 1 of spot, futures and perpetuals; NaN of an option with neither vol nor delta

    Source: NSE Clearing span file, deltaPointDef; the weights are a normal density at 0, 2/3, 4/3 and 2 deviations.
    """
    from xlmargin.pricing.black import black_delta

    result = np.where(instruments.is_option, np.nan, 1.0)
    chosen = np.flatnonzero(instruments.is_option & np.isfinite(instruments.vol))
    moves = _moves(instruments, scenarios)[chosen]
    up, down = moves[:, SPAN_UP], -moves[:, SPAN_DOWN]
    left = np.maximum(instruments.years[chosen] - scenarios.days[0] * DAY_IN_YEARS, 0.0)
    total = np.zeros(len(chosen))
    for n, weight in enumerate(weights):
        for side, reach in ((1.0, up), (-1.0, down)) if n else ((0.0, up),):
            forward = np.maximum(instruments.forward[chosen] + side * n * reach / 3.0, 0.0)
            total += weight * black_delta(
                instruments.kind[chosen] == CALL, forward, instruments.strike[chosen], left, instruments.vol[chosen]
            )
    result[chosen] = total
    return np.where(np.isfinite(instruments.delta), instruments.delta, result)


def pnl_by_underlying(instruments: Instruments, array: Floats, units: Floats) -> Floats:
    """Profit and loss of A books per scenario and underlying.

    Args:
        array: risk array (K, S)
        units: net units of each instrument in each book (A, K)

    Returns:
        (A, S, U) gains positive [account currency]
    """
    result = np.zeros((len(units), array.shape[1], len(instruments.underlyings)))
    for u in range(len(instruments.underlyings)):
        chosen = instruments.underlying == u
        result[:, :, u] = units[:, chosen] @ array[chosen]
    return result
