"""Greeks of one long unit of every instrument."""

from __future__ import annotations

import numpy as np

from xlmargin.book.book import Instruments
from xlmargin.book.contracts import CALL
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.risk_array import require_vols


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
    """The same for American options, to the forward by the spot that moves by the same fraction."""
    from xlmargin.pricing import american

    call, spot, strike, years, vol, rate, carry, forward = (
        column[chosen]
        for column in (
            instruments.kind == CALL,
            instruments.spot,
            instruments.strike,
            instruments.years,
            instruments.vol,
            instruments.rate,
            instruments.carry,
            instruments.forward,
        )
    )
    found, share = american.greeks(call, spot, strike, years, vol, rate, carry), spot / forward
    return np.column_stack([found.delta * share, found.gamma * share**2, found.vega, found.theta])
