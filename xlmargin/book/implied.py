"""Implied vols of the prices on position rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Floats, Ints

if TYPE_CHECKING:
    from xlmargin.pricing.implied_vol import Reason


def implied(pick: dict[str, Any], chosen: Ints, rows: Callable[[int], list[int]], faults: Faults) -> Floats:
    """Vols that give the prices of the chosen instruments, (N,); an instrument without one is a fault.

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
    for i in np.flatnonzero(reason).tolist():
        why = _why(solver.Reason(reason[i]), {name: column[i].item() for name, column in pick.items() if column.ndim == 1})
        for row in rows(int(chosen[i])):
            faults.add(row, "Price", f"Price has no implied vol, {why.rstrip('.')}", "mend it, or give IV on the row")
    return vol


def _why(reason: Reason, terms: dict[str, Any]) -> str:
    """The reason why the price of one instrument has no vol, by the bounds of its style of exercise."""
    from xlmargin.pricing import american, implied_vol

    is_call = terms["kind"] == CALL
    if not terms["american"]:
        return implied_vol.reason_text(reason, is_call, *(terms[name] for name in ("price", "forward", "strike", "years", "rate")))
    carry = terms["rate"] - np.log(terms["forward"] / terms["spot"]) / terms["years"]
    price, spot, strike, years, rate = (terms[name] for name in ("price", "spot", "strike", "years", "rate"))
    return american.reason_text(reason, is_call, price, spot, strike, years, rate, carry)


def _implied_american(pick: dict[str, Any], early: Ints) -> tuple[Floats, NDArray[np.int8]]:
    """Implied vols of American options, and the reasons of those without one."""
    from xlmargin.pricing import american

    call, price, spot, forward, strike, years, rate = (
        column[early]
        for column in (pick["kind"] == CALL, *(pick[name] for name in ("price", "spot", "forward", "strike", "years", "rate")))
    )
    return american.solve(call, price, spot, strike, years, rate, rate - np.log(forward / spot) / years)
