"""Published margins of linear perpetuals by position size, against Deribit's standard margin."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from xlmargin.methods.json_shape import Node
from xlmargin.sheet.answers.margins import maintenance, margin
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of

CASES = "deribit_linear_perp_sm"
ASKED = {"im": margin, "mm": maintenance}
TOLERANCE = 1e-9  # of the printed amount, which is exact


def replay(data: Any) -> Iterator[Outcome]:
    """The margin of each published size of each linear perpetual, and the rate that it comes to.

    Raises:
        MarginError: the cases have another shape
    """
    if not isinstance(data, dict) or CASES not in data:
        return
    perpetuals = Node(data).node(CASES)
    for pair in (key for key, value in perpetuals.cells.items() if isinstance(value, dict)):  # next to them is a note on the source
        case = perpetuals.node(pair)
        for which in ASKED:
            for n, point in enumerate(case.nodes(which) if which in case else [], 1):
                yield outcome_of(f"{pair} {which} {n}", partial(_compare, pair, which, case, point))


def _compare(pair: str, which: str, case: Node, point: Node, compared: Comparison) -> None:
    """Our margin of one size against the printed amount and the printed rate's."""
    price, size, rate, theirs = case.number("price"), *(point.number(key) for key in ("pos", "rate", "usdc"))
    compared.relative, compared.absolute, compared.shown = TOLERANCE, TOLERANCE, ",.9g"
    ours = ASKED[which]([["Instrument", "Quantity", "Spot"], [f"{pair}-PERPETUAL", size, price]], None, "DERIBIT_SM", None, None)
    compared.number(f"margin of {size:g}", ours, theirs)
    compared.number(f"margin of {size:g} by its rate", ours, rate * size * price)
