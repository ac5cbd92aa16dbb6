"""The ways to compute the same prices and implied vols that the benchmark compares."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.bench.case import Case
from tests.bench.floor import Floor
from xlmargin.pricing.grid import call_grid
from xlmargin.pricing.implied_vol import solve as implied

FloatArray = NDArray[np.float64]
Run = Callable[[Case], FloatArray]

ROUNDS = 9


class Variant(NamedTuple):
    """One way to compute: its preparation (which raises where something is missing), and the number of options it is timed on."""

    name: str
    prepare: Callable[[], Run]
    options: int


def kernels(options: int, folder: Path) -> list[Variant]:
    """The variants of the kernel, ours first; a loop over single options prices fewer of them."""
    return [
        Variant("xlmargin call_grid (numpy)", lambda: _ours, options),
        Variant("xlmargin compiled (numba)", _compiled, options),
        Variant("C floor (gcc -Ofast -march=native)", lambda: Floor(folder), options),
        Variant("numpy + scipy.special.ndtr", lambda: _with_cdf("scipy.special", "ndtr"), options),
        Variant("numpy + scipy.stats.norm.cdf", lambda: _with_cdf("scipy.stats", "norm.cdf"), options),
        Variant("pyfeng", _pyfeng, options),
        Variant("fast-vollib (numpy)", _fast_vollib, options),
        Variant("py_vollib_vectorized", _vectorized, options),
        Variant("QuantLib blackFormula loop", _quantlib, options // 50),
        Variant("QuantLib AnalyticEuropeanEngine, bumped quotes", _quantlib_engine, options // 400),
        Variant("vollib loop", _vollib, options // 500),
    ]


def two_cores(case: Case) -> float | None:
    """The speed-up of two cores with the compiled kernel, None without it or without a second core.

    To be called before the process stays on one core: threads started later stay on that core with it.
    """
    try:
        numba = import_module("numba")
        run = _compiled()
    except ImportError:
        return None
    if numba.config.NUMBA_NUM_THREADS < 2:
        return None
    run(case)
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for cores, found in taken.items():
            numba.set_num_threads(cores)
            start = time.perf_counter()
            run(case)
            found.append(time.perf_counter() - start)
    numba.set_num_threads(1)
    return statistics.median(one / two for one, two in zip(taken[1], taken[2]))


def implied_vols(quotes: FloatArray, options: int) -> list[Variant]:
    """The variants of the implied vol of out-of-the-money calls at these undiscounted quotes, ours first."""

    def loop(solve: Callable[[float, float, float, float], float]) -> Run:
        def run(case: Case) -> FloatArray:
            columns = (quotes, case.forward, case.strike, case.years)
            return np.array([solve(*row) for row in zip(*(c.tolist() for c in columns), strict=False)])

        return run

    def ours() -> Run:
        return lambda case: implied(True, quotes[: case.forward.size], case.forward, case.strike, case.years)[0]

    def quantlib() -> Run:
        ql = import_module("QuantLib")
        return loop(lambda p, f, k, t: ql.blackFormulaImpliedStdDev(ql.Option.Call, k, f, p, 1.0, 0.0, 0.5, 1e-14, 100) / math.sqrt(t))

    def vollib() -> Run:
        iv = import_module("vollib.black.implied_volatility").implied_volatility
        return loop(lambda p, f, k, t: iv(p, f, k, 0.0, t, "c"))

    return [
        Variant("xlmargin implied_vol (numpy + scipy)", ours, options),
        Variant("QuantLib blackFormulaImpliedStdDev loop", quantlib, options // 20),
        Variant("vollib loop", vollib, options // 100),
    ]


def _ours(case: Case) -> FloatArray:
    still = np.zeros(case.price.size)
    shocks = (case.price, case.relative, still, still)
    return call_grid(case.forward, case.strike, np.sqrt(case.years), case.vol, *shocks)


def _compiled() -> Run:
    fill = import_module("xlmargin.pricing.compiled").call_grid

    def run(case: Case) -> FloatArray:
        still = np.zeros(case.price.size)
        return np.asarray(fill(case.forward, case.strike, np.sqrt(case.years), case.vol, case.price, case.relative, still, still))

    return run


def _with_cdf(module: str, name: str) -> Run:
    cdf: Any = import_module(module)
    for part in name.split("."):
        cdf = getattr(cdf, part)

    def run(case: Case) -> FloatArray:
        forward, strike, years, vol = case.cells()
        total_vol = vol * np.sqrt(years)
        d1 = np.log(forward / strike) / total_vol + 0.5 * total_vol
        return np.asarray(forward * cdf(d1) - strike * cdf(d1 - total_vol))

    return run


def _pyfeng() -> Run:
    model = import_module("pyfeng").Bsm

    def run(case: Case) -> FloatArray:
        forward, strike, years, vol = case.cells()
        return np.asarray(model.price_formula(strike, forward, vol, years, cp=1, is_fwd=True))

    return run


def _fast_vollib() -> Run:
    price = import_module("fast_vollib").fast_black

    def run(case: Case) -> FloatArray:
        forward, strike, years, vol = (column.ravel() for column in case.cells())
        values = price("c", forward, strike, years, 0.0, vol, return_as="numpy", backend="numpy")
        return np.asarray(values).reshape(case.forward.size, -1)

    return run


def _vectorized() -> Run:
    price = import_module("py_vollib_vectorized").vectorized_black

    def run(case: Case) -> FloatArray:
        forward, strike, years, vol = (column.ravel() for column in case.cells())
        values = price("c", forward, strike, years, 0.0, vol, return_as="numpy")
        return np.asarray(values).reshape(case.forward.size, -1)

    return run


def _quantlib() -> Run:
    ql = import_module("QuantLib")

    def run(case: Case) -> FloatArray:
        forward, strike, years, vol = case.cells()
        rows = zip(strike.flat, forward.flat, (vol * np.sqrt(years)).flat, strict=True)
        values = [ql.blackFormula(ql.Option.Call, float(k), float(f), float(s)) for k, f, s in rows]
        return np.array(values).reshape(forward.shape)

    return run


def _quantlib_engine() -> Run:
    """Each option is set up once; its forward and vol are quotes that every scenario sets anew."""
    ql = import_module("QuantLib")
    today, none = ql.Date(1, 1, 2026), ql.Actual365Fixed()

    def of_one(forward: FloatArray, strike: float, years: float, vol: FloatArray) -> list[float]:
        ql.Settings.instance().evaluationDate = today
        days = max(1, round(years * 365.0))
        level, sigma = ql.SimpleQuote(1.0), ql.SimpleQuote(1.0)
        flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, none))
        surface = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(sigma), none))
        process = ql.BlackProcess(ql.QuoteHandle(level), flat, surface)
        option = ql.EuropeanOption(ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days))
        option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
        values = []
        for f, v in zip(forward.tolist(), (vol * math.sqrt(years * 365.0 / days)).tolist()):
            level.setValue(f)
            sigma.setValue(v)  # scaled to the whole days that it counts in
            values.append(option.NPV())
        return values

    def run(case: Case) -> FloatArray:
        forward, strike, years, vol = case.cells()
        return np.array([of_one(f, float(k[0]), float(t[0]), v) for f, k, t, v in zip(forward, strike, years, vol)])

    return run


def _vollib() -> Run:
    black = import_module("vollib.black").black

    def run(case: Case) -> FloatArray:
        cells = case.cells()
        rows = zip(*(column.ravel().tolist() for column in cells), strict=True)
        return np.array([black("c", f, k, t, 0.0, v) for f, k, t, v in rows]).reshape(cells[0].shape)

    return run
