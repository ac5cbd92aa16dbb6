"""The pricing core against other ways to compute the same prices and implied vols."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.case import Case
from tests.bench.report import Table, on_one_core, turns
from tests.bench.variants import Variant, implied_vols, kernels, two_cores
from xlmargin.pricing import american
from xlmargin.pricing.black import price

FloatArray = NDArray[np.float64]

OPTIONS = 20_000
AMERICAN = 1_000
ROUNDS = 9
GOALS = (
    "goals: numpy alone at most 4 x the C floor; compiled at most 1.5 x it, and 1.7 x faster on two cores; ndtr at least "
    "2 x ours, py_vollib_vectorized 16 x, QuantLib's blackFormula 25 x, its engine 300 x"
)


def tables() -> Iterator[Table]:
    """Prices, the second core, implied vols."""
    case = Case.sample(OPTIONS)
    second = two_cores(case)
    with on_one_core():
        exact = price(True, *case.cells())
        with tempfile.TemporaryDirectory() as folder:
            rows, ratios = compare(kernels(OPTIONS, Path(folder)), case, exact, case.forward[:, None])
        floor = ratios.get("C floor (gcc -Ofast -march=native)")
        notes = (
            []
            if floor is None
            else [
                f"numpy alone is {1.0 / floor:.2f} x the C floor"
                + (f", compiled {ratios[name] / floor:.2f} x" if (name := "xlmargin compiled (numba)") in ratios else "")
            ]
        )
        yield Table(
            f"{OPTIONS:,} calls in {case.price.size} scenarios, {ROUNDS} rounds on one core",
            ("variant", "ns a cell", "x ours", "largest error / forward"),
            rows,
            [*notes, *([] if second is None else [f"compiled, two cores against one: {second:.2f} x"]), GOALS],
        )
        calls = case.part(case.strike > case.forward)
        quotes = price(True, calls.forward, calls.strike, calls.years, calls.vol)
        rows, _ = compare(implied_vols(quotes, quotes.size), calls, calls.vol, calls.vol)
        yield Table(
            f"{quotes.size:,} implied vols of out-of-the-money calls", ("variant", "ns a vol", "x ours", "largest error / vol"), rows
        )
        yield american_greeks()


def american_greeks() -> Table:
    """What delta, gamma, vega and theta of American options cost against their prices on the tree, which is what margins pay."""
    random = np.random.default_rng(5)
    strike, vol, years = np.full(AMERICAN, 100.0), random.uniform(0.15, 1.0, AMERICAN), random.uniform(0.02, 2.0, AMERICAN)
    spot = strike * np.exp(random.uniform(-1.5, 1.5, AMERICAN) * vol * np.sqrt(years))
    terms = random.random(AMERICAN) < 0.5, spot, strike, years, vol, np.full(AMERICAN, 0.05), np.full(AMERICAN, 0.03)
    taken = turns({"prices, tree": lambda: american.price(*terms), "four greeks, boundary": lambda: american.greeks(*terms)}, ROUNDS)
    middle = {name: statistics.median(each) for name, each in taken.items()}
    rows = [[name, f"{seconds / AMERICAN * 1e6:,.0f}", f"{seconds / middle['prices, tree']:.2f}"] for name, seconds in middle.items()]
    return Table(f"{AMERICAN:,} American options", ("variant", "us an option", "x the tree"), rows)


def compare(variants: list[Variant], case: Case, exact: FloatArray, unit: FloatArray) -> tuple[list[list[str]], dict[str, float]]:
    """The rows of a table, and the time of each variant that runs as a multiple of the first one's."""
    runs: dict[str, partial[FloatArray]] = {}
    missing: dict[str, str] = {}
    errors: dict[str, float] = {}
    for variant in variants:
        part = case.part(slice(variant.options))
        try:
            run = variant.prepare()
            error = np.abs(run(part) - exact[: variant.options]) / unit[: variant.options]
        except (ImportError, FileNotFoundError) as cause:
            missing[variant.name] = f"not installed ({cause})"
        except Exception as cause:  # a peer may fail in any way, and the table shows it
            missing[variant.name] = f"fails ({type(cause).__name__})"
        else:
            runs[variant.name] = partial(run, part)
            errors[variant.name] = float(error.max())
    taken = turns(runs, ROUNDS, time.perf_counter, lambda: None)
    answers = {variant.name: variant.options * exact[:1].size for variant in variants}
    each = {name: [spent / answers[name] for spent in taken[name]] for name in runs}
    ours = each[variants[0].name]
    ratios = {name: statistics.median(theirs / own for theirs, own in zip(each[name], ours)) for name in runs}
    rows = [
        [name, missing[name], "", ""]
        if name in missing
        else [name, f"{1e9 * statistics.median(each[name]):,.1f}", f"{ratios[name]:,.2f}", f"{errors[name]:.1e}"]
        for name in (variant.name for variant in variants)
    ]
    return rows, ratios
