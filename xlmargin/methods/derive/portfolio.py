"""The inputs of Derive's portfolio margin: scenarios, parameters, and the positions of A accounts in one market.

Letters for shapes: A accounts, K options, E expiries, N perpetuals, C collaterals, S scenarios.

Source: derivexyz/v2-core at 7736900d (2026-01-21).
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property

import numpy as np

from xlmargin.pricing.arrays import Bools, Floats, Ints

SKEWS = ("linear", "abs")
DIRECTIONS = ("up", "down", "none", *SKEWS)


@dataclass(frozen=True, slots=True)
class Moves:
    """The scenarios (S,): spot multiplier, direction of the vols (one of DIRECTIONS), share of the result that counts."""

    spot: Floats
    vol: tuple[str, ...]
    weight: Floats


@dataclass(frozen=True, slots=True)
class PmrmTerms:
    """The parameters of the model, named as the venue documents them.

    Rates are per year, `*_extra` come on top of the maintenance rate for initial margin; the defaults turn a rule off.
    """

    range_up: float
    range_down: float
    short_power: float
    long_power: float
    dte_floor_days: float
    im_factor: float
    pos_static: float
    pos_rate_mult: float
    pos_rate_add: float
    spot_up: float
    spot_down: float
    add_factor: float
    mult_factor: float
    peg_loss_threshold: float
    peg_loss_factor: float
    confidence_threshold: float
    confidence_margin: float
    mm_perp: float
    mm_short_option: float
    mm_factor: float = 1.0
    min_vol_after_up_shock: float = 0.0
    neg_static: float = 1.0
    neg_rate_mult: float = 0.0
    neg_rate_add: float = 0.0
    im_extra_perp: float = 0.0
    im_extra_short_option: float = 0.0
    linear_cap: float = 0.0
    linear_cap_sqrt_t: float = 0.0
    abs_cap: float = 0.0
    abs_cap_sqrt_t: float = 0.0
    min_k_star: float = 1.0
    width_scale: float = 0.0
    vol_static: float = 0.0
    vol_sqrt_t: float = 0.0


# PMRM v1 has the terms that turn no rule off.
V1_TERMS = tuple(field.name for field in fields(PmrmTerms) if field.default is MISSING)


def _none(*shape: int) -> Floats:
    return np.zeros(shape)


@dataclass(frozen=True)
class Portfolio:
    """The positions of A accounts in one market.

    Attributes:
        amount: options, + long (A, K)
        strike, call, vol: terms and mark vol of the options (K,)
        forward, fixed: forward of each option, and the part of it that is settled already (K,)
        expiry: index of each option's expiry (K,)
        seconds, rate, confidence: of the expiries; confidence is the least of its forward's, rate's and vol's (E,)
        perp, perp_price, perp_confidence: perpetuals held (A, N), their price and confidence (N,)
        collateral, price, collateral_confidence: collateral held (A, C), its price and confidence (C,)
        cancelling: collateral that moves with the spot in the scenarios (C,)
        mm_haircut, im_extra_haircut: of the collateral (C,)
        cash, unrealised: cash, and profit and funding of perpetuals not yet paid (A,)
        spot, spot_confidence, stable: prices of the market's coin, one or each account's (A,), and of the stable coin
    """

    amount: Floats
    strike: Floats
    call: Bools
    vol: Floats
    forward: Floats
    fixed: Floats
    expiry: Ints
    seconds: Floats
    rate: Floats
    confidence: Floats
    perp: Floats
    perp_price: Floats
    perp_confidence: Floats
    cash: Floats
    unrealised: Floats
    spot: Floats | float
    spot_confidence: float = 1.0
    stable: float = 1.0
    collateral: Floats = field(default_factory=lambda: _none(1, 0))
    price: Floats = field(default_factory=lambda: _none(0))
    collateral_confidence: Floats = field(default_factory=lambda: _none(0))
    cancelling: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    mm_haircut: Floats = field(default_factory=lambda: _none(0))
    im_extra_haircut: Floats = field(default_factory=lambda: _none(0))

    @cached_property
    def members(self) -> list[Ints]:
        """The options of each expiry, E index arrays."""
        return [np.flatnonzero(self.expiry == e) for e in range(len(self.seconds))]

    def by_expiry(self, each: Floats) -> Floats:
        """Sum over the options of each expiry of amount × value, (A, S, E), of values (K, S)."""
        result = np.zeros((len(self.amount), each.shape[1], len(self.seconds)))
        for e, mine in enumerate(self.members):
            result[:, :, e] = self.amount[:, mine] @ each[mine]
        return result
