"""Derive's portfolio margin, PMRM_2 and PMRM v1: scenarios, forward contingency, static contingencies.

Letters for shapes: A accounts, K options, E expiries, S scenarios.

Source: derivexyz/v2-core at 7736900d (2026-01-21).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from xlmargin.margin.netting import net_by
from xlmargin.methods.derive.black import MONTH, YEAR, prices
from xlmargin.methods.derive.portfolio import SKEWS, Moves, PmrmTerms, Portfolio
from xlmargin.pricing.arrays import Bools, Floats


class PmrmResult:
    """Margin of A accounts in one market under PMRM_2; every number on the way is an attribute.

    Losses and contingencies are negative, as the venue prints them; `initial` and `maintenance` are the surplus:
    below 0 there is not enough.
    """

    discounted_marks = True  # marks are present values at the expiry's rate

    def __init__(self, book: Portfolio, moves: Moves, terms: PmrmTerms) -> None:
        self.book, self.moves, self.terms = book, moves, terms

    # ---- value

    @cached_property
    def years(self) -> Floats:
        """Time to expiry (E,)."""
        return self.book.seconds / YEAR

    @cached_property
    def rate(self) -> Floats:
        """Rate of each expiry; a negative one counts as 0 everywhere (E,)."""
        return np.maximum(self.book.rate, 0.0)

    @cached_property
    def discount(self) -> Floats:
        """Present value of 1 USD at each expiry, for marks (E,)."""
        return np.exp(-self.rate * self.years) if self.discounted_marks else np.ones_like(self.years)

    def unit_values(self, spot: Floats, vol: Floats) -> Floats:
        """Value of one long unit of each option with the spot multiplied and vols replaced, (K, S).

        Args:
            spot: multiplier (S,)
            vol: of each option (K, S)
        """
        book = self.book
        forward = book.fixed[:, None] + (book.forward - book.fixed)[:, None] * spot
        at = book.expiry
        calls, puts = prices(forward, book.strike[:, None], self.years[at][:, None], vol, self.discount[at][:, None])
        return np.where(book.call[:, None], calls, puts)

    @cached_property
    def marks(self) -> Floats:
        """Mark of one long unit of each option (K,)."""
        return self.unit_values(np.ones(1), self.book.vol[:, None])[:, 0]

    @cached_property
    def expiry_value(self) -> Floats:
        """Options at mark by expiry (A, E)."""
        return self.book.by_expiry(self.marks[:, None])[:, 0]

    @cached_property
    def option_value(self) -> Floats:
        """Options at mark (A,)."""
        total: Floats = self.expiry_value.sum(axis=1)
        return total

    @cached_property
    def collateral_values(self) -> Floats:
        """Each collateral at its price, in stable coins (A, C)."""
        return self.book.collateral * self.book.price / self.book.stable

    @cached_property
    def collateral_value(self) -> Floats:
        """All collateral (A,)."""
        total: Floats = self.collateral_values.sum(axis=1)
        return total

    @cached_property
    def value(self) -> Floats:
        """Mark to market of everything, with cash (A,)."""
        return self.option_value + self.collateral_value + self.book.unrealised + self.book.cash

    # ---- scenarios

    @cached_property
    def vol_scale(self) -> Floats:
        """Share of the vol shock that each expiry takes: (30 days / days) to the power of its side of 30 days (E,)."""
        seconds, terms = self.book.seconds, self.terms
        least = np.maximum(seconds, max(terms.dte_floor_days * YEAR / 365.0, 1.0))
        return (MONTH / least) ** np.where(seconds <= MONTH, terms.short_power, terms.long_power)

    @cached_property
    def vols(self) -> Floats:
        """Vol of each option in each scenario (K, S)."""
        scale, vol, terms, at = self.vol_scale, self.book.vol, self.terms, self.book.expiry
        known = {
            "none": vol,
            "up": np.maximum(terms.min_vol_after_up_shock, vol * (1.0 + terms.range_up * scale)[at]),
            "down": vol * np.maximum(1.0 - terms.range_down * scale, 0.0)[at],
        }
        for kind in SKEWS:
            if kind in self.moves.vol:
                known[kind] = vol * self.skew(kind)
        return np.stack([known[kind] for kind in self.moves.vol], axis=1) if self.moves.vol else np.zeros((len(vol), 0))

    def skew(self, kind: str) -> Floats:
        """Multiplier of each option's vol in a skew scenario, by how far its strike is from the forward (K,)."""
        terms, book = self.terms, self.book
        root = np.sqrt(self.years)
        cap0, base = (terms.linear_cap, terms.linear_cap_sqrt_t) if kind == "linear" else (terms.abs_cap, terms.abs_cap_sqrt_t)
        cap = (cap0 + base * root)[book.expiry]
        width = root * terms.width_scale * (terms.vol_static + terms.vol_sqrt_t * root)
        reach = np.maximum(terms.min_k_star, width)[book.expiry]
        ratio = np.divide(book.strike, book.forward, out=np.ones_like(cap), where=book.forward > 0.0)
        with np.errstate(divide="ignore"):  # a strike of 0 is beyond every reach, any but the forward beyond one of 0
            k = np.log(ratio)
            k = np.abs(k) if kind == "abs" else k
            steps = np.divide(k, reach, out=np.zeros_like(k), where=k != 0.0)
        part = np.multiply(steps, cap, out=np.zeros_like(cap), where=cap != 0.0)
        part = np.where(k >= 0.0, np.minimum(part, cap), np.maximum(part, -cap))  # the venue's order, also for a cap below 0
        return np.maximum(1.0 + part, 0.0)

    @cached_property
    def discounts(self) -> tuple[Floats, Floats]:
        """Factor on an expiry's value after a scenario, where that is positive and where negative (E,), (E,)."""
        terms, rate, years = self.terms, self.rate, self.years
        pos = terms.pos_static * np.exp(-years * (rate * terms.pos_rate_mult + terms.pos_rate_add))
        neg = terms.neg_static * np.exp(years * (rate * terms.neg_rate_mult + terms.neg_rate_add))
        return pos, np.minimum(1.0 / self.discount, neg)

    @cached_property
    def units(self) -> Floats:
        """Value of one long unit of each option in each scenario, before discounts and weights (K, S).

        A skew leaves the forwards as they are; the venue rejects one that comes with a spot move.
        """
        return self.unit_values(np.where(self.is_skew, 1.0, self.moves.spot), self.vols)

    @cached_property
    def shocked(self) -> Floats:
        """Options by expiry in each scenario, before discounts and weights (A, S, E)."""
        return self.book.by_expiry(self.units)

    @cached_property
    def is_skew(self) -> Bools:
        """The scenarios that shock the skew (S,)."""
        return np.array([kind in SKEWS for kind in self.moves.vol], np.bool_)

    @cached_property
    def factors(self) -> Floats:
        """The discount that holds for each expiry's value after each scenario (A, S, E)."""
        pos, neg = self.discounts
        return np.where(self.shocked >= 0.0, pos, neg)

    @cached_property
    def expiry_pnl(self) -> Floats:
        """Profit of each expiry in each scenario, after weights; a skew counts as a loss whichever way it goes (A, S, E)."""
        change = self.shocked * self.factors - self.expiry_value[:, None, :]
        return np.where(self.is_skew[:, None], -np.abs(change), change) * self.moves.weight[:, None]

    @cached_property
    def perp_pnl(self) -> Floats:
        """Profit of the perpetuals in each scenario, after weights (A, S)."""
        held = self.book.perp @ self.book.perp_price
        return held[:, None] * ((self.moves.spot - 1.0) * self.moves.weight)

    @cached_property
    def collateral_pnl(self) -> Floats:
        """Profit of risk-cancelling collateral in each scenario, after weights (A, S)."""
        held: Floats = self.collateral_values[:, self.book.cancelling].sum(axis=1)
        return held[:, None] * ((self.moves.spot - 1.0) * self.moves.weight)

    @cached_property
    def pnl(self) -> Floats:
        """Profit of each scenario, after weights (A, S)."""
        pnl: Floats = self.perp_pnl + self.expiry_pnl.sum(axis=2) + self.collateral_pnl
        return pnl

    @cached_property
    def basis_units(self) -> Floats:
        """Value of one long unit of each option with the spot moved up and down alone (K, 2)."""
        return self.unit_values(np.array([self.terms.spot_up, self.terms.spot_down]), np.stack([self.book.vol] * 2, axis=1))

    @cached_property
    def basis_changes(self) -> Floats:
        """Change of each expiry's value with the spot moved up and down alone (A, 2, E)."""
        return self.book.by_expiry(self.basis_units) - self.expiry_value[:, None, :]

    @cached_property
    def basis_rate(self) -> Floats:
        """Share of the change that the basis scenario counts (E,)."""
        return self.terms.add_factor + self.terms.mult_factor * self.years

    @cached_property
    def basis(self) -> Floats:
        """The basis scenario, the venue's forward contingency: no expiry hedges another (A,)."""
        total: Floats = (np.minimum(self.basis_changes.min(axis=1), 0.0) * self.basis_rate).sum(axis=1)
        return total

    @cached_property
    def span(self) -> Floats:
        """The worst of the scenarios alone, the basis scenario left out (A,)."""
        least: Floats = self.pnl.min(axis=1, initial=np.inf)
        return least

    @cached_property
    def worst(self) -> Floats:
        """The worst of all scenarios (A,)."""
        total: Floats = np.minimum(self.basis, self.span)
        return total

    # ---- contingencies

    @cached_property
    def perps(self) -> Floats:
        """Perpetuals, long and short alike, at spot (A,)."""
        total: Floats = np.abs(self.book.perp).sum(axis=1) * self.book.spot
        return total

    @cached_property
    def naked(self) -> Floats:
        """Short options per expiry and strike, a long put offsetting a short call of the strike (A,)."""
        return net_by(self.book.amount, (self.book.expiry, self.book.strike)).short

    def charges(self, perp: float, option: float, haircut: Floats) -> tuple[Floats, Floats, Floats]:
        """Contingencies of perpetuals, short options and collateral at the rates given (A,) each."""
        return (-self.perps * perp, -self.naked * self.book.spot * option, -(np.abs(self.collateral_values) @ haircut))

    @cached_property
    def mm_charges(self) -> tuple[Floats, Floats, Floats]:
        """Maintenance contingencies: perpetuals, short options, collateral (A,) each."""
        return self.charges(self.terms.mm_perp, self.terms.mm_short_option, self.book.mm_haircut)

    @cached_property
    def im_charges(self) -> tuple[Floats, Floats, Floats]:
        """The additions of initial margin to them (A,) each."""
        return self.charges(self.terms.im_extra_perp, self.terms.im_extra_short_option, self.book.im_extra_haircut)

    def unsure(self, sure: Floats, notional: Floats) -> Floats:
        """Charge for notionals (A, M) of a confidence (A, M) below the threshold (A,)."""
        rate = np.where(sure < self.terms.confidence_threshold, (1.0 - sure) * self.terms.confidence_margin, 0.0)
        charge: Floats = (notional * rate).sum(axis=1)
        return -charge

    @cached_property
    def confidence(self) -> Floats:
        """The least confidence of the spot and of the perpetuals that an account holds (A, 1)."""
        held = np.where(self.book.perp != 0.0, self.book.perp_confidence, np.inf)
        least: Floats = held.min(axis=1, initial=self.book.spot_confidence)
        return least[:, None]

    @cached_property
    def unsure_perps(self) -> Floats:
        """Charge for perpetuals (A,)."""
        return self.unsure(self.confidence, self.perps[:, None])

    @cached_property
    def unsure_options(self) -> Floats:
        """Charge for options; an expiry is no surer than the spot and the perpetuals held (A,)."""
        return self.unsure(np.minimum(self.confidence, self.book.confidence), self.option_notional)

    @cached_property
    def option_notional(self) -> Floats:
        """Options of each expiry, long and short alike, at spot (A, E)."""
        held = np.abs(self.book.amount)
        parts = [held[:, mine].sum(axis=1) for mine in self.book.members]
        return np.stack(parts, axis=1) * np.reshape(self.book.spot, (-1, 1)) if parts else np.zeros((len(held), 0))

    @cached_property
    def oracle(self) -> Floats:
        """Charges for feeds of low confidence, of initial margin alone (A,)."""
        coins = np.minimum(self.book.collateral_confidence, self.book.spot_confidence)[None, :]
        return self.unsure_perps + self.unsure_options + self.unsure(coins, np.abs(self.collateral_values))

    # ---- margin

    @cached_property
    def peg(self) -> float:
        """The addition of a stable coin below its threshold to the loss factor of initial margin."""
        return max(self.terms.peg_loss_threshold - self.book.stable, 0.0) * self.terms.peg_loss_factor

    @cached_property
    def maintenance(self) -> Floats:
        """The surplus after maintenance margin (A,)."""
        return self.worst * self.terms.mm_factor + sum(self.mm_charges) + self.value

    @cached_property
    def initial(self) -> Floats:
        """The surplus after initial margin (A,)."""
        return self.worst * (self.terms.im_factor + self.peg) + sum(self.im_charges) + self.oracle + sum(self.mm_charges) + self.value


class V1Result(PmrmResult):
    """Margin of A accounts in one market under PMRM v1: the static contingencies are part of the worst loss."""

    discounted_marks = False

    @cached_property
    def static(self) -> tuple[Floats, Floats, Floats]:
        """Static contingencies: perpetuals, short options, the coin itself at spot (A,) each."""
        perp, option, _ = self.mm_charges
        return perp, option, -(np.abs(self.book.collateral) @ self.book.mm_haircut) * self.book.spot

    @cached_property
    def oracle(self) -> Floats:
        """Charges for feeds of low confidence, the coin itself as a perpetual (A,)."""
        coins = np.abs(self.book.collateral).sum(axis=1) * self.book.spot
        return self.unsure(self.confidence, (self.perps + coins)[:, None]) + self.unsure_options

    @cached_property
    def loss(self) -> Floats:
        """The worst scenario with the static contingencies (A,)."""
        return self.worst + sum(self.static)

    @cached_property
    def maintenance(self) -> Floats:
        """The surplus after maintenance margin (A,)."""
        return self.loss * self.terms.mm_factor + self.value

    @cached_property
    def initial(self) -> Floats:
        """The surplus after initial margin (A,)."""
        return self.loss * (self.terms.im_factor + self.peg) + self.oracle + self.value
