"""Greeks of one long unit of every instrument."""

from __future__ import annotations

import numpy as np

from xlmargin.book.book import Instruments
from xlmargin.book.contracts import CALL
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.risk_array import require_vols

# Differences that the tree of American options resolves: a move of the vol, and a day.
VOL_STEP, DAY = 0.002, 1.0 / 365.0


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
    """The same for American options: delta and gamma from the nodes of the tree, the others by differences of its prices."""
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
    high, low = vol + VOL_STEP, np.maximum(vol - VOL_STEP, 0.0)
    richer, poorer = (american.price(call, spot, strike, years, each, rate, carry) for each in (high, low))
    later = american.price(call, spot, strike, np.maximum(years - DAY, 0.0), vol, rate, carry)
    delta, gamma = american.slopes(call, spot, strike, years, vol, rate, carry)
    share = spot / forward  # the spot moves by the fraction by which the forward does
    return np.column_stack([delta * share, gamma * share**2, (richer - poorer) / (high - low), (later - now) / np.minimum(DAY, years)])
