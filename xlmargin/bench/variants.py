"""The ways to compute the same prices and implied vols that the benchmark compares."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.bench.case import Case
from xlmargin.bench.floor import Floor
from xlmargin.pricing.grid import call_grid
from xlmargin.pricing.implied_vol import implied_vol

__all__ = ["Variant", "implied_vols", "kernels"]

FloatArray = NDArray[np.float64]
Run = Callable[[Case], FloatArray]


class Variant(NamedTuple):
    """One way to compute: what makes it ready (or raises what is missing), and how many options it is timed on."""

    name: str
    prepare: Callable[[], Run]
    options: int


def kernels(options: int, folder: Path) -> list[Variant]:
    """Return the variants of the kernel, ours first; a loop over single options prices fewer of them."""
    return [
        Variant("xlmargin call_grid (numpy)", lambda: _ours, options),
        Variant("C floor (gcc -Ofast -march=native)", lambda: Floor(folder), options),
        Variant("numpy + scipy.special.ndtr", lambda: _with_cdf("scipy.special", "ndtr"), options),
        Variant("numpy + scipy.stats.norm.cdf", lambda: _with_cdf("scipy.stats", "norm.cdf"), options),
        Variant("pyfeng", _pyfeng, options),
        Variant("fast-vollib (numpy)", _fast_vollib, options),
        Variant("py_vollib_vectorized", _vectorized, options),
        Variant("QuantLib blackFormula loop", _quantlib, options // 50),
        Variant("vollib loop", _vollib, options // 500),
    ]


def implied_vols(quotes: FloatArray, options: int) -> list[Variant]:
    """Return the variants of the implied vol of out-of-the-money calls at these undiscounted quotes, ours first."""

    def loop(solve: Callable[[float, float, float, float], float]) -> Run:
        def run(case: Case) -> FloatArray:
            columns = (quotes, case.forward, case.strike, case.years)
            return np.array([solve(*row) for row in zip(*(c.tolist() for c in columns), strict=False)])

        return run

    def ours() -> Run:
        return lambda case: implied_vol(True, quotes[: case.forward.size], case.forward, case.strike, case.years)

    def quantlib() -> Run:
        ql = import_module("QuantLib")
        return loop(
            lambda p, f, k, t: ql.blackFormulaImpliedStdDev(ql.Option.Call, k, f, p, 1.0, 0.0, 0.5, 1e-14, 100)
            / math.sqrt(t)
        )

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


def _vollib() -> Run:
    black = import_module("vollib.black").black

    def run(case: Case) -> FloatArray:
        cells = case.cells()
        rows = zip(*(column.ravel().tolist() for column in cells), strict=True)
        return np.array([black("c", f, k, t, 0.0, v) for f, k, t, v in rows]).reshape(cells[0].shape)

    return run
