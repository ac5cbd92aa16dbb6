"""What the hardware allows: the same kernel in hand-vectorised C, compiled on the spot."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlmargin.bench.case import Case

__all__ = ["Floor"]

FloatArray = NDArray[np.float64]

DEGREE = 24


def _mills_coefficients() -> list[float]:
    """Return p with N(-a) / phi(a) = p(t) / (a + 4), t = (a - 4) / (a + 4), to 5e-15, lowest power first."""
    from numpy.polynomial import chebyshev
    from scipy.special import erfcx

    t = np.cos(np.pi * (np.arange(200) + 0.5) / 200)
    a = 4.0 * (1.0 + t) / (1.0 - t)
    scaled = (a + 4.0) * np.sqrt(0.5 * np.pi) * erfcx(a * np.sqrt(0.5))
    return [float(c) for c in chebyshev.cheb2poly(chebyshev.chebfit(t, scaled, DEGREE))]


class Floor:
    """The C kernel, ready to call.

    Parameters
    ----------
    folder : where the compiled library is left

    Raises
    ------
    FileNotFoundError
        where there is no gcc.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("gcc")
        if compiler is None:
            raise FileNotFoundError("gcc")
        source, library = folder / "kernel.c", folder / "kernel.so"
        source.write_text(files("xlmargin.bench").joinpath("kernel.c").read_text())
        mills = ",".join(float.__repr__(c) for c in _mills_coefficients())
        flags = ["-Ofast", "-march=native", "-shared", "-fPIC", f"-DMILLS={mills}"]
        subprocess.run([compiler, *flags, str(source), "-o", str(library), "-lm"], check=True)
        self._kernel = ctypes.CDLL(str(library)).call_grid
        self._kernel.restype = None

    def __call__(self, case: Case) -> FloatArray:
        """Return undiscounted call prices, (K, S)."""
        shape = (case.forward.size, case.price.size)
        moneyness, total_vol = np.log(case.forward / case.strike), case.vol * np.sqrt(case.years)
        inputs = (case.forward, case.strike, moneyness, total_vol, case.price, np.log(case.price), 1.0 + case.relative)
        out = np.empty(shape)
        pointers = [ctypes.c_void_p(column.ctypes.data) for column in (*inputs, out)]
        self._kernel(ctypes.c_size_t(shape[0]), ctypes.c_size_t(shape[1]), *pointers)
        return out
