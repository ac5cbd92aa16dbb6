"""Deribit's risk matrix: a book by underlying and settlement currency, the worst case of each block and its shocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import SPOT, show_instant
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, given, less, not_modelled, over_book, times, total, weakest, worst
from xlmargin.margin.valuation import Case
from xlmargin.pricing.arrays import Bools, Floats
from xlmargin.scenarios.risk_array import black_deltas, marks
from xlmargin.scenarios.scenarios import Scenarios

COIN, USD = "coin-settled", "USD-settled"
VOLS = ((1.0, "vol up"), (0.0, "vol unchanged"), (-1.0, "vol down"))  # no known answer shows their order within a bucket
_SUFFIX = {COIN: "", USD: "_usd"}  # of the parameters that differ by settlement currency
_CONFIRMED = {COIN: "verified", USD: "published"}  # what is known of futures: every known answer is of coin-settled ones


@dataclass(frozen=True, slots=True)
class Leg:
    """The positions of one underlying in one settlement currency.

    Attributes:
        u: index of the underlying
        name: its name
        settled: COIN or USD
        among: mask of its instruments (K,)
        index: price at which each account's coin is converted (A,) [USD]
    """

    u: int
    name: str
    settled: str
    among: Bools
    index: Floats

    def number(self, rules: Rules, name: str) -> float:
        """A parameter of its settlement currency."""
        return rules.number(name + _SUFFIX[self.settled], self.name)

    def status(self, rules: Rules, formula: str, *names: str) -> str:
        """The status of a line: the weakest of its formula and of the parameters of its settlement currency that it takes."""
        return weakest(formula, *(rules.get(name + _SUFFIX[self.settled], self.name).status for name in names))


def legs_of(book: Book) -> list[Leg]:
    """Every underlying and settlement currency of a book; spot belongs to the coin."""
    held, legs = book.instruments, []
    coin = held.inverse | (held.kind == SPOT)
    for u, name in enumerate(held.underlyings):
        mine = held.underlying == u
        index = book.spot[:, u]
        for settled, among in ((COIN, mine & coin), (USD, mine & ~coin)):
            if among.any():
                legs.append(Leg(u, name, settled, among, index))
    return legs


def counted(loss: Floats, offset: float, most: float) -> Floats:
    """The share of a leg's loss that counts against other legs: 1 of a loss, the offset of a gain up to a limit."""
    gain = np.maximum(-loss, 0.0)
    part = np.minimum(gain * offset, most)
    return np.where(loss > 0.0, 1.0, np.divide(part, gain, out=np.zeros_like(gain), where=gain > 0.0))


def dampener(leg: Leg, scenarios: Scenarios, rules: Rules) -> Floats:
    """The largest move of a leg's profit or loss towards 0 in each scenario: 0 in the standard ones, (S,) [USD]."""
    move, reach = scenarios.price[:, leg.u], rules.number("price_range", leg.name)
    beyond = np.maximum(np.abs(move) / reach - 1.0, 0.0)
    boundary = 1.0 + np.sign(move) * reach if leg.settled == COIN else np.ones(len(move))
    extended = np.array([label.startswith("extended") for label in scenarios.names], np.bool_)
    limits: Floats = np.where(extended, beyond * leg.number(rules, "extended_dampener") / boundary, 0.0)
    return limits


class Matrix:
    """One book under the risk matrix."""

    def __init__(self, case: Case) -> None:
        self.case, self.rules, self.book = case, case.rules, case.book
        held = self.book.instruments
        self.deltas = black_deltas(held) - np.where(held.is_option & held.inverse, marks(held) / held.forward, 0.0)

    @cached_property
    def blocks(self) -> dict[str, list[Leg]]:
        """The legs of each block by its label: an underlying in one settlement currency; in a cross account an underlying.

        Spot alone has no leg in a segregated account: no scenario acts on it.
        """
        cross = self.rules.word("margin_model") == "cross_pm"
        blocks: dict[str, list[Leg]] = {}
        for leg in (leg for leg in legs_of(self.book) if self.case.share[:, leg.among].any()):
            blocks.setdefault(leg.name if cross else f"{leg.name} {leg.settled}", []).append(leg)
        return blocks

    def margin(self) -> Line:
        """The risk matrix margin: the sum of all blocks."""
        coins = {legs[0].name for legs in self.blocks.values()}
        apart = "each settlement currency of an underlying has its own worst case; the risk array shows their sum"
        detail = apart if len(coins) < len(self.blocks) else ""
        return over_book("Risk matrix margin", [self.block(label, legs) for label, legs in self.blocks.items()], detail)

    def pnl(self) -> Floats:
        """Profit and loss after dampener and offsets by underlying, the sum of its blocks (A, S, U)."""
        result = np.zeros((len(self.book.accounts), len(self.case.scenarios), len(self.case.names)))
        for legs in self.blocks.values():
            result[:, :, legs[0].u] -= np.stack([line.value for line in self.losses(legs)], axis=1)
        return result

    def scanning(self) -> Floats:
        """The sum of the worst cases of all blocks (A,)."""
        none = np.zeros(len(self.book.accounts))
        return sum((worst("Worst case", self.losses(legs)).value for legs in self.blocks.values()), none)

    def block(self, label: str, legs: list[Leg]) -> Line:
        """Worst case, roll shock, delta shock and the parts that are not modelled of one block."""
        option = any((leg.among & self.book.instruments.is_option).any() for leg in legs)
        formula = "estimate" if option or len(legs) > 1 else _CONFIRMED[legs[0].settled]
        status = weakest(formula, *self.case.statuses[legs[0].u : legs[0].u + 1])
        return total(
            label,
            (
                worst("Worst case", self.losses(legs), status=status),
                total("Roll shock", [self.roll_shock(leg) for leg in legs]),
                self.delta_shock(legs),
                not_modelled("Correlation contingency", "the formula is not published; 0 in every known answer"),
            ),
        )

    def losses(self, legs: list[Leg]) -> list[Line]:
        """The loss of a block in each scenario, S lines."""
        return [self.legs_together(legs, lines) for lines in zip(*(self.leg_losses(leg) for leg in legs))]

    def legs_together(self, legs: list[Leg], lines: tuple[Line, ...]) -> Line:
        """The loss of a block in one scenario: among several legs, gains count by the offset of their currency."""
        if len(legs) == 1:
            return lines[0]
        parts = []
        for leg, line in zip(legs, lines):
            limits = leg.number(self.rules, "pnl_offset"), leg.number(self.rules, "max_offsetable_pnl")
            parts.append(
                times(
                    leg.settled,
                    (
                        line,
                        given(
                            "Share that counts",
                            counted(line.value, *limits),
                            f"losses in full, gains by {limits[0]:g} (pnl_offset) up to {limits[1]:,.10g} USD (max_offsetable_pnl)",
                            status=leg.status(self.rules, "estimate", "pnl_offset", "max_offsetable_pnl"),
                        ),
                    ),
                )
            )
        return total(lines[0].label, parts)

    def leg_losses(self, leg: Leg) -> list[Line]:
        """The loss of one leg in each scenario, extended moves after the dampener."""
        result, limits = [], dampener(leg, self.case.scenarios, self.rules)
        for s, line in enumerate(self.case.losses(leg.u, leg.among)):
            if not self.case.scenarios.names[s].startswith("extended"):
                result.append(line)
                continue
            result.append(
                less(
                    line.label,
                    (
                        replace(line, label="Before the dampener"),
                        given(
                            "Dampener",
                            np.sign(line.value) * np.minimum(np.abs(line.value), limits[s]),
                            f"towards 0, at most {limits[s]:,.10g}: (|move| / price_range − 1) × extended_dampener",
                            status=leg.status(self.rules, "estimate", "extended_dampener"),
                        ),
                    ),
                )
            )
        return result

    def roll_shock(self, leg: Leg) -> Line:
        """Net delta of each expiry × the move of its basis, at least the minimum; a perpetual at the minimum."""
        held = self.case.held
        least, yearly = (leg.number(self.rules, name) for name in ("min_annualised_move", "annualised_move_risk"))
        net = self.case.net(leg.among & (held.kind != SPOT), ("years",), self.deltas)
        shocks = []
        for n, k in enumerate(net.first.tolist()):
            name, ahead = show_instant(float(held.expiry[k])) or "Perpetual", float(held.years[k])
            rate = max(least, float(np.expm1(yearly * ahead)))
            formula = _CONFIRMED[leg.settled] if rate == least else "estimate"
            shocks.append(
                times(
                    name,
                    (
                        given("Net delta", np.abs(net.amount[:, n]), "coins, without sign; of inverse options less their mark in coin"),
                        given("Index", leg.index, "spot of the positions or the market range"),
                        given(
                            "Move",
                            rate,
                            f"largest of min_annualised_move {least:g} and exp(annualised_move_risk {yearly:g} × {ahead:.6g} years) − 1",
                            status=leg.status(self.rules, formula, "min_annualised_move", "annualised_move_risk"),
                        ),
                    ),
                )
            )
        return total(leg.settled, shocks or [given("No derivatives", 0.0, "spot has no roll")])

    def delta_shock(self, legs: list[Leg]) -> Line:
        """Charge on the delta beyond the amount that can be liquidated; long options count only where they reduce it."""
        name, index = legs[0].name, legs[0].index
        delta = np.abs(self.liquidated_delta(np.logical_or.reduce([leg.among for leg in legs])))
        known = [self.rules.get(key, name) for key in ("delta_total_liq_shock_threshold", "m_inc", "max_delta_shock")]
        threshold, step, most = (self.rules.number(each.name, name) for each in known)
        rate = np.minimum(most, step * np.maximum(delta - threshold / index, 0.0))
        return times(
            "Delta shock",
            (
                given("Delta", delta, "coins, without sign: futures and short options, which long options can only reduce"),
                given("Index", index, "spot of the positions or the market range"),
                given("Rate", rate, f"m_inc {step:g} × delta above {threshold:,.10g} USD, at most {most:g}"),
            ),
            status=weakest("estimate", *(each.status for each in known)),
        )

    def liquidated_delta(self, among: Bools) -> Floats:
        """Delta of futures and short options, reduced by long options but never past 0, (A,) [coins]."""
        held, among = self.case.held, among & (self.case.held.kind != SPOT)
        net = self.case.net(among, each=self.deltas)
        long = (self.case.net(among).amount > 0.0) & held.is_option[net.first]
        contracts = net.amount
        d1, d2 = np.where(long, contracts, 0.0).sum(axis=1), np.where(long, 0.0, contracts).sum(axis=1)
        both = d1 + d2
        reduced: Floats = np.where(d2 < 0.0, np.minimum(np.maximum(both, d2), 0.0), np.maximum(np.minimum(both, d2), 0.0))
        return reduced
