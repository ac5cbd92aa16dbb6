"""The limit of the hardware: the same kernel in hand-vectorised C, compiled at run time."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.case import Case
from xlmargin.pricing.tails import mills_coefficients

FloatArray = NDArray[np.float64]


class Floor:
    """The C kernel, ready to call.

    Attributes:
        folder: where the compiled library is left

    Raises:
        FileNotFoundError
            where there is no gcc.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("gcc")
        if compiler is None:
            raise FileNotFoundError("gcc")
        source, library = folder / "kernel.c", folder / "kernel.so"
        source.write_text(files("tests.bench").joinpath("kernel.c").read_text())
        mills = ",".join(float.__repr__(c) for c in mills_coefficients())
        flags = ["-Ofast", "-march=native", "-fPIC", f"-DMILLS={mills}"]
        subprocess.run([compiler, *flags, "-c", str(source), "-o", str(folder / "kernel.o")], check=True)
        # linked without -Ofast, which would make the whole process lose its subnormal numbers
        subprocess.run([compiler, "-shared", str(folder / "kernel.o"), "-o", str(library), "-lm"], check=True)
        self._kernel = ctypes.CDLL(str(library)).call_grid
        self._kernel.restype = None

    def __call__(self, case: Case) -> FloatArray:
        """Undiscounted call prices, (K, S)."""
        shape = (case.forward.size, case.price.size)
        moneyness, total_vol = np.log(case.forward / case.strike), case.vol * np.sqrt(case.years)
        inputs = (case.forward, case.strike, moneyness, total_vol, case.price, np.log(case.price), 1.0 + case.relative)
        out = np.empty(shape)
        pointers = [ctypes.c_void_p(column.ctypes.data) for column in (*inputs, out)]
        self._kernel(ctypes.c_size_t(shape[0]), ctypes.c_size_t(shape[1]), *pointers)
        return out
