"""Print ratios of speed: the variants are called in turn, and ratios are taken inside each round."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlmargin.bench.case import Case
from xlmargin.bench.variants import Run, Variant, implied_vols, kernels
from xlmargin.pricing.black import price

FloatArray = NDArray[np.float64]

OPTIONS = 20_000
ROUNDS = 9
GOALS = "goals of the kernel: the C floor at least 0.20 x ours, numpy + scipy.special.ndtr at least 2 x ours"


def main() -> None:
    """Print both tables."""
    _pin()
    case = Case.sample(OPTIONS)
    forward, strike, years, vol = case.cells()
    exact = price(True, forward, strike, years, vol)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{OPTIONS} calls x {case.price.size} scenarios, {ROUNDS} rounds on one core")
        compare(kernels(OPTIONS, Path(folder)), case, exact, case.forward[:, None], "error / F")
    print(GOALS)
    calls = case.part(case.strike > case.forward)
    quotes = price(True, calls.forward, calls.strike, calls.years, calls.vol)
    print(f"\n{quotes.size} implied vols of out-of-the-money calls")
    compare(implied_vols(quotes, quotes.size), calls, calls.vol, calls.vol, "error / vol")


def compare(variants: list[Variant], case: Case, exact: FloatArray, unit: FloatArray, heading: str) -> None:
    """Print the time per answer, its ratio to that of the first variant, and the largest error in a unit."""
    ready: dict[str, tuple[Run, Case]] = {}
    missing: dict[str, str] = {}
    errors: dict[str, float] = {}
    for variant in variants:
        part = case.part(slice(variant.options))
        try:
            run = variant.prepare()
            error = np.abs(run(part) - exact[: variant.options]) / unit[: variant.options]
        except (ImportError, FileNotFoundError) as cause:
            missing[variant.name] = f"not installed ({cause})"
        except Exception as cause:  # a peer may fail in any way of its own, and the table says so
            missing[variant.name] = f"fails ({type(cause).__name__})"
        else:
            ready[variant.name], errors[variant.name] = (run, part), float(error.max())
    seconds = _rounds(ready, exact[:1].size)
    ours = seconds[variants[0].name]
    print(f"{'':42}{'ns each':>9}{'x ours':>9}{heading:>13}")
    for variant in variants:
        name = variant.name
        if name in missing:
            print(f"{name:42}  {missing[name]}")
            continue
        ratio = statistics.median(theirs / own for theirs, own in zip(seconds[name], ours, strict=True))
        nanoseconds = 1e9 * statistics.median(seconds[name])
        print(f"{name:42}{nanoseconds:9.1f}{ratio:9.2f}{errors[name]:13.1e}")


def _rounds(ready: dict[str, tuple[Run, Case]], answers_per_option: int) -> dict[str, list[float]]:
    """Return the seconds per answer of every variant in every round, the order turning from round to round."""
    seconds: dict[str, list[float]] = {name: [] for name in ready}
    names = list(ready)
    for turn in range(ROUNDS):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            run, case = ready[name]
            start = time.perf_counter()
            run(case)
            seconds[name].append((time.perf_counter() - start) / (case.forward.size * answers_per_option))
    return seconds


def _pin() -> None:
    """Stay on one core where the system can do that, so that a library with threads gains nothing by them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


if __name__ == "__main__":
    main()
