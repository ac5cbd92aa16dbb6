"""Implied vols of the prices on position rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL
from xlmargin.book.marks import RowsOf, ticks
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Bools, Floats, Ints

if TYPE_CHECKING:
    from xlmargin.pricing.implied_vol import Reason


def implied(
    pick: dict[str, Any], chosen: Ints, names: tuple[str, ...], vols: Callable[[Ints], Floats], rows: RowsOf, faults: Faults
) -> tuple[Floats, Floats]:
    """Vols that give the prices of the chosen instruments, and those prices, both (N,).

    An instrument without a vol is a fault. But a price below intrinsic by at most a tick of its venue is a rounded one: it counts
    as intrinsic, with the market's vol where there is one, else 0, and a note says so.

    Args:
        pick: columns of the chosen instruments, each (N,)
        chosen: their indices (N,)
        names: of the underlyings (U,)
        vols: the market's vols of some instruments, NaN where it has none
        rows: the sheet rows of an instrument
        faults: receives the faults and the notes
    """
    from xlmargin.pricing import implied_vol as solver

    terms = pick["kind"] == CALL, pick["price"], pick["forward"], pick["strike"], pick["years"], pick["rate"]
    vol, reason = solver.solve(*terms)
    early = np.flatnonzero(pick["american"])
    if len(early):
        vol[early], reason[early] = _implied_american(pick, early)
    below = np.flatnonzero((reason == solver.Reason.BELOW_INTRINSIC) & ~pick["american"])
    price = pick["price"].copy()
    if len(below):
        intrinsic, rounded = _rounded({name: column[below] for name, column in pick.items()}, names)
        at = below[rounded]
        price[at], vol[at], reason[at] = intrinsic[rounded], np.nan_to_num(vols(chosen[at])), solver.Reason.OK
        for i in at.tolist():
            heading = str(pick["heading"][i])
            problem = f"Price {pick['price'][i]:,.10g} is less than a tick below the intrinsic value {price[i]:,.10g}, which counts"
            for row in rows(int(chosen[i])):
                faults.note(row, heading, problem, "give IV on the row to have a time value")
    for i in np.flatnonzero(reason).tolist():
        why = _why(solver.Reason(reason[i]), {name: column[i].item() for name, column in pick.items() if column.ndim == 1})
        heading = str(pick["heading"][i])
        for row in rows(int(chosen[i])):
            faults.add(row, heading, f"{heading} has no implied vol, {why.rstrip('.')}", "mend it, or give IV on the row")
    return vol, price


def _rounded(pick: dict[str, Any], names: tuple[str, ...]) -> tuple[Floats, Bools]:
    """The discounted intrinsic values of European options, and which prices are at most a tick below theirs, both (N,)."""
    gain = np.where(pick["kind"] == CALL, 1.0, -1.0) * (pick["forward"] - pick["strike"])
    intrinsic = np.exp(-pick["rate"] * pick["years"]) * gain
    return intrinsic, intrinsic - pick["price"] <= ticks(pick, names) * (1.0 + 1e-9)


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
