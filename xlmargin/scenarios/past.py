"""The past as scenarios: moves of closes and vols between days, rescaled or lengthened on request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xlmargin.book.contracts import DAY
from xlmargin.errors import MarginError
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.scenarios import Scenarios, percent
from xlmargin.scenarios.tails import ewma_vols

LONG_STEP = 4.0  # days: a longer step of a history is told, not a weekend and a holiday
VOL_DAYS = 30.0  # tenor of a vol column that names none; a single column applies to every tenor
DAYS_IN_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class History:
    """Daily closes and vols of U underlyings on N days.

    Attributes:
        dates: seconds since 1970 UTC, rising (N,)
        underlyings: upper-case names (U,)
        closes: [account currency] (N, U)
        vol_days: tenors of the vols, rising (T,) [days]
        vols: NaN where an underlying has no vols of a tenor (N, T, U) [fraction]
        whole: the history with the earlier days, on which some of the underlyings have no values yet; None where there are none
    """

    dates: Floats
    underlyings: tuple[str, ...]
    closes: Floats
    vol_days: Floats
    vols: Floats
    whole: History | None = None

    def of(self, underlyings: Sequence[str]) -> History:
        """Some of the underlyings, from the first day from which on they all have values."""
        source, first = self.whole or self, self.starts(underlyings)
        at = [self.underlyings.index(name) for name in underlyings]
        return History(source.dates[first:], tuple(underlyings), source.closes[first:, at], source.vol_days, source.vols[first:][:, :, at])

    def starts(self, underlyings: Sequence[str]) -> int:
        """The index of the first day from which on some of the underlyings have all their values."""
        source = self.whole or self
        at = [self.underlyings.index(name) for name in underlyings]
        vols = source.vols[:, :, at]
        lacking = np.isnan(source.closes[:, at]).any(axis=1)
        lacking |= (np.isnan(vols) & np.isfinite(vols).any(axis=0)).any(axis=(1, 2))
        return int(np.flatnonzero(lacking).max(initial=-1)) + 1


def long_steps(dates: Floats) -> str:
    """The steps between the days of a history that are longer than LONG_STEP, in words; "" where there are none.

    Args:
        dates: seconds since 1970 UTC, rising (N,)
    """
    steps = np.diff(dates) / DAY
    count = int((steps > LONG_STEP).sum())
    if not count:
        return ""
    at = int(np.argmax(steps))
    which = "1 step is" if count == 1 else f"{count} steps are"
    return f"{which} longer than {LONG_STEP:g} days, the longest {steps[at]:g} days to {_day(float(dates[at + 1]))}"


def _day(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d")


class PastOptions(NamedTuple):
    """The options by which a history becomes scenarios.

    Attributes:
        horizon: days that pass
        overlapping: moves over `horizon` rows, one from each row; else moves of one row times the square root of the horizon
        log: returns are scaled as logs, else as fractions
        decay: EWMA weight of the past, None where returns are left as they are
        lookback: the last so many moves, None for all
        longer: also the moves of the whole past as they were, behind the recent ones
    """

    horizon: float
    overlapping: bool = True
    log: bool = False
    decay: float | None = None
    lookback: int | None = None
    longer: bool = False


@dataclass(frozen=True, slots=True)
class Past(Scenarios):
    """Scenarios of the past, with their dates and the moves of vols by tenor.

    Attributes:
        recent: number of leading scenarios that are those of the measure; the plain moves of the whole past follow
        ends: the day on which each move ended, seconds since 1970 UTC (S,); empty for drawn moves
        vol_days: tenors of `by_tenor` (T,) [days]
        by_tenor: relative move of every tenor's vol, NaN where an underlying has none (S, T, U); None where one column
            serves all tenors
        rests_on: the days of the leading scenarios in words; "" for drawn moves
    """

    recent: int = 0
    ends: tuple[float, ...] = ()
    vol_days: tuple[float, ...] = ()
    by_tenor: Floats | None = None
    rests_on: str = ""


def simple_returns(history: History) -> Floats:
    """Returns from each day to the next as fractions, (N − 1, U)."""
    return np.asarray(history.closes[1:] / history.closes[:-1] - 1.0, np.float64)


def past(history: History, reading: PastOptions) -> Past:
    """The moves of the past as scenarios, all underlyings of one day moving together.

    Returns:
        S scenarios, oldest first, the recent ones before those of the whole past

    Raises:
        MarginError: too few rows for one move, or a horizon that rows cannot span
    """
    step = _step(history, reading)
    plain = _lengthened(simple_returns(history), reading, step)
    price = plain if reading.decay is None else _lengthened(_filtered(history, reading), reading, step)
    vol = _vol_moves(history, reading, step)
    ends = history.dates[step:]
    first = 0 if reading.lookback is None else max(0, len(price) - reading.lookback)
    recent = len(price) - first
    at = np.arange(first, len(price))
    if reading.longer:
        price, at = np.vstack([price[first:], plain]), np.concatenate([at, np.arange(len(plain))])
    else:
        price = price[first:]
    vol, ends = vol[at], ends[at]
    several = np.isfinite(history.vols).any(axis=0).sum(axis=0) > 1  # (U,)
    days = [_day(end) for end in ends.tolist()]
    used = history.dates[first:]
    long = long_steps(used)
    names = tuple(day if n < recent else f"{day} as it was" for n, day in enumerate(days))
    return Past(
        names,
        tuple(_words(history.underlyings, moves) for moves in price),
        history.underlyings,
        price,
        _nominal(vol, history.vol_days),
        "relative",
        np.full(len(price), reading.horizon),
        np.ones(price.shape),
        np.zeros(len(price)),
        recent=recent,
        ends=tuple(ends.tolist()),
        vol_days=tuple(history.vol_days.tolist()),
        by_tenor=vol if several.any() else None,
        rests_on=f"closes of {len(used)} days, {_day(float(used[0]))} to {_day(float(used[-1]))}" + (f"; {long}" if long else ""),
    )


def _nominal(vol: Floats, days: Floats) -> Floats:
    """Vol move of each underlying at the tenor nearest the nominal one, 0 where it has none, (S, U)."""
    result = np.zeros((vol.shape[0], vol.shape[2]))
    for u in range(vol.shape[2]):
        there = np.flatnonzero(np.isfinite(vol[:, :, u]).any(axis=0))
        if len(there):
            result[:, u] = vol[:, there[np.argmin(np.abs(days[there] - VOL_DAYS))], u]
    return result


def _step(history: History, reading: PastOptions) -> int:
    """Rows between the two ends of a move."""
    step = 1
    if reading.overlapping and reading.horizon != 1.0:
        if not reading.horizon.is_integer() or reading.horizon < 1.0:
            raise MarginError(
                f"horizon_days {reading.horizon:g} is no whole number of days, which overlapping moves "
                "need: set horizon_method to square_root"
            )
        step = int(reading.horizon)
    if len(history.dates) <= step:
        or_else = "" if step == 1 else ", or set horizon_method to square_root"
        raise MarginError(f"the history has {len(history.dates)} usable rows, too few for one move over {step} rows: give more{or_else}")
    return step


def _filtered(history: History, reading: PastOptions) -> Floats:
    """Returns times today's EWMA vol over the EWMA vol of their own day, (N − 1, U)."""
    assert reading.decay is not None
    returns = np.log1p(simple_returns(history)) if reading.log else simple_returns(history)
    vols = ewma_vols(returns, reading.decay)
    ratio = np.divide(vols[-1], vols[:-1], out=np.ones_like(returns), where=vols[:-1] > 0.0)
    scaled = returns * ratio
    return np.asarray(np.expm1(scaled) if reading.log else np.maximum(scaled, -1.0), np.float64)


def _lengthened(returns: Floats, reading: PastOptions, step: int) -> Floats:
    """Daily returns over the horizon: compounded over rows, or times its square root."""
    if reading.overlapping:
        windows = np.lib.stride_tricks.sliding_window_view(1.0 + returns, step, axis=0)
        return np.asarray(windows.prod(axis=-1) - 1.0, np.float64) if step > 1 else returns
    root = np.sqrt(reading.horizon)
    if reading.log:
        return np.asarray(np.expm1(np.log1p(np.maximum(returns, -1.0 + 1e-15)) * root), np.float64)
    return np.asarray(np.maximum(returns * root, -1.0), np.float64)


def _vol_moves(history: History, reading: PastOptions, step: int) -> Floats:
    """Relative moves of the vols over the horizon, (S, T, U)."""
    moves = history.vols[step:] / history.vols[:-step] - 1.0
    return np.asarray(moves if reading.overlapping else np.maximum(moves * np.sqrt(reading.horizon), -1.0), np.float64)


def _words(names: tuple[str, ...], moves: Floats) -> str:
    return ", ".join(f"{name} {percent(float(move))}" for name, move in zip(names, moves)) or "no underlying"


def drawn(names: tuple[str, ...], vols: Floats, correlation: Floats, horizon: float, trials: int, seed: int) -> Past:
    """Joint lognormal moves without drift, drawn at random: the same for the same seed.

    Args:
        vols: per square-root year (U,)
        correlation: (U, U)
        horizon: days that pass

    Raises:
        MarginError: the correlations contradict each other
    """
    values, vectors = np.linalg.eigh(correlation)
    if len(values) and values.min() < -1e-9:
        raise MarginError("no such correlations can hold together: set a correlation nearer to 0, or give a history")
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    spread = vols * np.sqrt(horizon / DAYS_IN_YEAR)
    normal = np.random.default_rng(seed).standard_normal((trials, len(names))) @ root.T
    price = np.expm1(normal * spread - 0.5 * spread**2)
    count = np.zeros(trials)
    return Past(
        tuple(f"trial {n}" for n in range(1, trials + 1)),
        tuple(_words(names, moves) for moves in price),
        names,
        price,
        np.zeros(price.shape),
        "relative",
        count + horizon,
        np.ones(price.shape),
        count,
        recent=trials,
    )
