"""Deribit's risk matrix: a book by underlying and settlement currency, the worst case of each block and its shocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import SPOT, show_instant
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, given, less, not_modelled, over_book, times, total, worst
from xlmargin.margin.valuation import Case
from xlmargin.pricing.arrays import Bools, Floats
from xlmargin.scenarios.risk_array import black_deltas, marks
from xlmargin.scenarios.scenarios import Scenarios

COIN, USD = "coin-settled", "USD-settled"
VOLS = ((1.0, "vol up"), (0.0, "vol unchanged"), (-1.0, "vol down"))  # no known answer shows their order within a bucket
_SUFFIX = {COIN: "", USD: "_usd"}  # of the parameters that differ by settlement currency


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

    def margin(self) -> Line:
        """The risk matrix margin: the sum of all blocks."""
        cross = self.rules.word("margin_model") == "cross_pm"
        blocks: dict[str, list[Leg]] = {}
        for leg in legs_of(self.book):
            blocks.setdefault(leg.name if cross else f"{leg.name} {leg.settled}", []).append(leg)
        return over_book("Risk matrix margin", [self.block(label, legs) for label, legs in blocks.items()])

    def block(self, label: str, legs: list[Leg]) -> Line:
        """Worst case, roll shock, delta shock and the parts that are not modelled of one block."""
        option = any((leg.among & self.book.instruments.is_option).any() for leg in legs)
        status = "estimate" if option or len(legs) > 1 else "verified"
        if self.rules.get("price_range", legs[0].name).status == "illustrative":
            status = "illustrative"
        losses = [self.legs_together(legs, lines) for lines in zip(*(self.leg_losses(leg) for leg in legs))]
        return total(
            label,
            (
                worst("Worst case", losses, status=status),
                total("Roll shock", [self.roll_shock(leg) for leg in legs]),
                self.delta_shock(legs),
                not_modelled("Correlation contingency", "the formula is not published; 0 in every known answer"),
            ),
        )

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
                            status="estimate",
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
                            status="verified" if rate == least else "estimate",
                        ),
                    ),
                )
            )
        return total(leg.settled, shocks or [given("No derivatives", 0.0, "spot has no roll")])

    def delta_shock(self, legs: list[Leg]) -> Line:
        """Charge on the delta beyond the amount that can be liquidated; long options count only where they reduce it."""
        name, index = legs[0].name, legs[0].index
        delta = np.abs(self.liquidated_delta(np.logical_or.reduce([leg.among for leg in legs])))
        threshold, step, most = (self.rules.number(key, name) for key in ("delta_total_liq_shock_threshold", "m_inc", "max_delta_shock"))
        rate = np.minimum(most, step * np.maximum(delta - threshold / index, 0.0))
        return times(
            "Delta shock",
            (
                given("Delta", delta, "coins, without sign: futures and short options, which long options can only reduce"),
                given("Index", index, "spot of the positions or the market range"),
                given("Rate", rate, f"m_inc {step:g} × delta above {threshold:,.10g} USD, at most {most:g}"),
            ),
            status="estimate",
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
