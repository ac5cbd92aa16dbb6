"""Vols of the prices that rows carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL
from xlmargin.errors import Faults

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def implied(pick: dict[str, Any], chosen: Ints, rows: Callable[[int], list[int]], faults: Faults) -> Floats:
    """Vols that give the prices of the chosen instruments, (N,); what has none is a fault.

    Args:
        pick: columns of the chosen instruments, each (N,)
        chosen: their indices (N,)
        rows: the sheet rows of an instrument
    """
    from xlmargin.pricing import implied_vol as solver

    terms = pick["kind"] == CALL, pick["price"], pick["forward"], pick["strike"], pick["years"], pick["rate"]
    vol, reason = solver.solve(*terms)
    early = np.flatnonzero(pick["american"])
    if len(early):
        vol[early], reason[early] = _implied_american(pick, early)
    for i in np.flatnonzero(reason):
        why = solver.reason_text(solver.Reason(reason[i]), bool(terms[0][i]), *(float(term[i]) for term in terms[1:]))
        for row in rows(int(chosen[i])):
            faults.add(row, "Price", f"Price has no implied vol, {why.rstrip('.')}", "mend it, or give IV on the row")
    return vol


def _implied_american(pick: dict[str, Any], early: Ints) -> tuple[Floats, NDArray[np.int8]]:
    """Vols, and reasons why there is none, of American options' prices."""
    from xlmargin.pricing import american

    call, price, spot, forward, strike, years, rate = (
        column[early]
        for column in (pick["kind"] == CALL, *(pick[name] for name in ("price", "spot", "forward", "strike", "years", "rate")))
    )
    return american.solve(call, price, spot, strike, years, rate, rate - np.log(forward / spot) / years)
