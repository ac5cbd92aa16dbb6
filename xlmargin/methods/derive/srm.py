"""Derive's standard margin, SRM: short options by formula or by their largest loss, market by market.

Letters for shapes: A accounts, K options, E expiries.

Source: derivexyz/v2-core at 7736900d (2026-01-21).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xlmargin.margin.netting import sums
from xlmargin.methods.derive.black import YEAR, prices
from xlmargin.pricing.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class SrmTerms:
    """The parameters of the model: shares of spot unless the name says otherwise."""

    max_spot: float
    min_spot: float
    mm_call: float
    mm_put: float
    mm_put_mark: float
    unpaired_im: float
    unpaired_mm: float
    put_scale: float
    perp_im: float
    perp_mm: float
    confidence_threshold: float
    confidence_margin: float
    base: float
    base_im: float
    depeg_threshold: float
    depeg_factor: float


@dataclass(frozen=True)
class SrmMarket:
    """The positions of A accounts in one market.

    Attributes:
        amount: options, + long (A, K)
        strike, call, mark: terms and mark of the options (K,)
        expiry: index of each option's expiry (K,)
        forward: of the expiries (E,) or each account's (A, E)
        confidence: of the expiries, the lesser of the forward's and the vol's (E,)
        perp, perp_price: perpetuals held (A, N) and their prices (N,)
        perp_confidence: of the perpetuals' feed
        base: the coin itself (A,)
        unrealised: profit and funding of perpetuals not yet paid (A,)
        spot, spot_confidence, stable: prices of the coin, one or each account's (A,), and of the stable coin
    """

    amount: Floats
    strike: Floats
    call: Bools
    mark: Floats
    expiry: Ints
    forward: Floats
    confidence: Floats
    perp: Floats
    perp_price: Floats
    base: Floats
    unrealised: Floats
    spot: Floats | float
    spot_confidence: float = 1.0
    perp_confidence: float = 1.0
    stable: float = 1.0


def mark(forward: Floats, strike: Floats, seconds: Floats, vol: Floats, call: Bools) -> Floats:
    """Undiscounted mark of each option (K,)."""
    calls, puts = prices(forward, strike, seconds / YEAR, vol)
    return np.where(call, calls, puts)


class SrmResult:
    """Margin of A accounts in one market under SRM; every number on the way is an attribute.

    Margins are the surplus, as the venue prints them; negative where there is not enough.
    """

    def __init__(self, book: SrmMarket, terms: SrmTerms) -> None:
        self.book, self.terms = book, terms

    def by_expiry(self, each: Floats) -> Floats:
        """Sum over the options of each expiry (A, E), of amounts (A, K)."""
        return sums(each, self.book.expiry, len(self.book.confidence))

    # ---- options

    @cached_property
    def short(self) -> Floats:
        """Short options, negative (A, K)."""
        return np.minimum(self.book.amount, 0.0)

    @cached_property
    def spot(self) -> Floats:
        """Spot in the shape of options, (A, 1) or (1, 1)."""
        return np.reshape(self.book.spot, (-1, 1))

    @cached_property
    def rate(self) -> Floats:
        """Initial margin of a short option as a share of spot: less the amount it is out of the money (A, K) or (1, K)."""
        book = self.book
        out = np.maximum(np.where(book.call, book.strike - self.spot, self.spot - book.strike), 0.0)
        return np.maximum(self.terms.max_spot - out / self.spot, self.terms.min_spot)

    @cached_property
    def short_mm(self) -> Floats:
        """Maintenance margin of each short option alone (A, K)."""
        book, terms = self.book, self.terms
        value = self.short * book.mark
        put = np.minimum(terms.mm_put * self.spot * self.short, terms.mm_put_mark * value)
        return np.where(book.call, terms.mm_call * self.spot * self.short, put) + value

    @cached_property
    def short_im(self) -> Floats:
        """Initial margin of each short option alone (A, K)."""
        book = self.book
        margin = self.rate * self.spot * self.short + self.short * book.mark
        return np.where(book.call, margin, np.minimum(margin, self.short_mm * self.terms.put_scale))

    @cached_property
    def isolated(self) -> tuple[Floats, Floats]:
        """Margin of each expiry by its short options alone, initial and maintenance (A, E)."""
        return self.by_expiry(self.short_im), self.by_expiry(self.short_mm)

    @cached_property
    def least_payoff(self) -> Floats:
        """The worst payoff of each expiry, at most 0, at expiry at 0 or at one of its strikes (A, E)."""
        book = self.book
        result = np.zeros((len(book.amount), len(book.confidence)))
        for e in range(len(book.confidence)):
            mine = np.flatnonzero(book.expiry == e)
            strike, at = book.strike[mine], np.append(book.strike[mine], 0.0)
            side = np.where(book.call[mine], 1.0, -1.0)
            pays = np.maximum(side[:, None] * (at - strike[:, None]), 0.0)
            result[:, e] = np.minimum((book.amount[:, mine] @ pays).min(axis=1), 0.0)
        return result

    @cached_property
    def net_calls(self) -> Floats:
        """Calls of each expiry, 0 where more are long than short (A, E)."""
        return np.minimum(self.by_expiry(self.book.amount * self.book.call), 0.0)

    @cached_property
    def bounded(self) -> tuple[Floats, Floats]:
        """Margin of each expiry by its largest loss, initial and maintenance (A, E)."""
        unpaired = self.net_calls * self.book.forward
        return (self.least_payoff + unpaired * self.terms.unpaired_im, self.least_payoff + unpaired * self.terms.unpaired_mm)

    @cached_property
    def options(self) -> tuple[Floats, Floats]:
        """Margin of each expiry, the lighter of the two, initial and maintenance (A, E)."""
        (im, mm), (bound_im, bound_mm) = self.isolated, self.bounded
        return np.maximum(im, bound_im), np.maximum(mm, bound_mm)

    # ---- the rest

    @cached_property
    def perps(self) -> Floats:
        """Perpetuals, long and short alike (A,)."""
        total: Floats = np.abs(self.book.perp).sum(axis=1)
        return total

    @cached_property
    def perp_notional(self) -> Floats:
        """Perpetuals at their prices (A,)."""
        return np.abs(self.book.perp) @ self.book.perp_price

    @cached_property
    def base_value(self) -> Floats:
        """The coin itself at spot (A,)."""
        return self.book.base * self.book.spot

    @cached_property
    def depeg(self) -> Floats:
        """Charge on short options and perpetuals for a stable coin below its threshold, of initial margin alone (A,)."""
        gap = max(self.terms.depeg_threshold - self.book.stable, 0.0) * self.terms.depeg_factor
        size: Floats = self.perps - self.short.sum(axis=1)
        return -size * gap * self.book.spot

    def unsure(self, confidence: Floats | float) -> Floats | float:
        """Share of a notional that feeds of a confidence add, of initial margin alone."""
        sure = np.minimum(confidence, self.book.spot_confidence)
        return np.where(sure < self.terms.confidence_threshold, (1.0 - sure) * self.terms.confidence_margin, 0.0)

    @cached_property
    def oracle(self) -> Floats:
        """Charges for feeds of low confidence, of initial margin alone (A,)."""
        book = self.book
        shorts = -(self.by_expiry(self.short) * self.unsure(book.confidence)).sum(axis=1)
        units: Floats = shorts + self.perps * self.unsure(book.perp_confidence) + np.abs(book.base) * self.unsure(1.0)
        return -units * book.spot

    # ---- margin

    @cached_property
    def value(self) -> Floats:
        """Mark to market of everything but cash; the coin counts in stable coins here, in dollars in its margin (A,)."""
        return self.book.amount @ self.book.mark + self.book.unrealised + self.base_value / self.book.stable

    @cached_property
    def maintenance(self) -> Floats:
        """The surplus after maintenance margin, without cash (A,)."""
        options: Floats = self.options[1].sum(axis=1)
        return options - self.perp_notional * self.terms.perp_mm + self.book.unrealised + self.base_value * self.terms.base

    @cached_property
    def initial(self) -> Floats:
        """The surplus after initial margin, without cash (A,)."""
        options: Floats = self.options[0].sum(axis=1)
        return (
            options
            - self.perp_notional * self.terms.perp_im
            + self.book.unrealised
            + self.base_value * self.terms.base * self.terms.base_im
            + self.depeg
            + self.oracle
        )
