"""Greeks of one long unit of every instrument."""

from __future__ import annotations

import numpy as np

from xlmargin.book.book import Instruments
from xlmargin.book.contracts import CALL
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.risk_array import require_vols

# Differences that the tree of American options resolves: a move of the spot, of the vol, and a day.
SPOT_STEP, VOL_STEP, DAY = 0.005, 0.002, 1.0 / 365.0


def sensitivities(instruments: Instruments) -> Floats:
    """Delta, gamma, vega and theta of one long unit.

    Returns:
        (K, 4): delta and gamma to the contract's own forward, vega per 1.00 of vol, theta per year

    Raises:
        MarginError: an option has neither a vol nor a price
    """
    from xlmargin.pricing import black

    require_vols(instruments, instruments.is_option)
    result = np.zeros((len(instruments), 4))
    result[:, 0] = 1.0
    european = np.flatnonzero(instruments.is_option & ~instruments.american)
    if len(european):
        found = black.greeks(
            instruments.kind[european] == CALL,
            *(
                column[european]
                for column in (instruments.forward, instruments.strike, instruments.years, instruments.vol, instruments.rate)
            ),
        )
        result[european] = np.column_stack([found.delta, found.gamma, found.vega, found.theta])
    early = np.flatnonzero(instruments.is_option & instruments.american)
    if len(early):
        result[early] = _american(instruments, early)
    return result


def _american(instruments: Instruments, chosen: Ints) -> Floats:
    """The same for American options: delta from the nodes of the tree, the others by differences of its prices (len(chosen), 4)."""
    from xlmargin.pricing import american

    call, spot, forward, strike, years, vol, rate, carry = (
        column[chosen]
        for column in (
            instruments.kind == CALL,
            instruments.spot,
            instruments.forward,
            instruments.strike,
            instruments.years,
            instruments.vol,
            instruments.rate,
            instruments.carry,
        )
    )
    now = american.price(call, spot, strike, years, vol, rate, carry)
    up, down = (american.price(call, spot * (1.0 + step), strike, years, vol, rate, carry) for step in (SPOT_STEP, -SPOT_STEP))
    richer = american.price(call, spot, strike, years, vol + VOL_STEP, rate, carry)
    later = american.price(call, spot, strike, np.maximum(years - DAY, 0.0), vol, rate, carry)
    delta = american.delta(call, spot, strike, years, vol, rate, carry) * spot / forward
    gamma = (up - 2.0 * now + down) / (forward * SPOT_STEP) ** 2
    return np.column_stack([delta, gamma, (richer - now) / VOL_STEP, (later - now) / np.minimum(DAY, years)])
