"""Published margins of linear perpetuals by position size, against Deribit's standard margin."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from xlmargin.sheet.answers.margins import maintenance, margin
from xlmargin.venues.outcome import Outcome

CASES = "deribit_linear_perp_sm"
ASKED = {"im": margin, "mm": maintenance}
TOLERANCE = 1e-9  # of the printed amount, which is exact


def replay(data: Any) -> Iterator[Outcome]:
    """The margin of each published size of each linear perpetual, and the rate that it comes to."""
    perpetuals = data.get(CASES) if isinstance(data, dict) else None
    for pair, case in perpetuals.items() if isinstance(perpetuals, dict) else ():
        for which, answer in ASKED.items():
            for point in case.get(which, []) if isinstance(case, dict) else []:
                try:
                    price, size, rate, theirs = float(case["price"]), *(float(point[key]) for key in ("pos", "rate", "usdc"))
                except (KeyError, TypeError, ValueError) as error:
                    yield Outcome(f"{pair} {which}", False, f"the case lacks what is needed: {error}")
                    continue
                book = [["Instrument", "Quantity", "Spot"], [f"{pair}-PERPETUAL", size, price]]
                ours = answer(book, None, "DERIBIT_SM", None, None)
                yield _compared(f"{pair} {which} of {size:g}", ours, (theirs, rate * size * price))


def _compared(name: str, ours: float, printed: tuple[float, float]) -> Outcome:
    """An amount against the printed amount and the printed rate's."""
    for theirs in printed:
        if not math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return Outcome(name, False, f"ours {ours:,.9g}, theirs {theirs:,.9g} (tolerance {TOLERANCE:g})")
    return Outcome(name, True, f"{ours:,.9g}")
