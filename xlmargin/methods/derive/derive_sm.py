"""Derive's standard margin: short options by formula or by the largest loss of their expiry, market by market.

Source: derivexyz/v2-core at 7736900d (2026-01-21); docs.derive.xyz, Standard Margin Parameters.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import Any

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, DAY, SPOT
from xlmargin.errors import MarginError
from xlmargin.margin import lines
from xlmargin.margin.parameters import Override, Rules
from xlmargin.margin.statement import (
    TOTAL,
    Line,
    above,
    given,
    largest,
    less,
    not_modelled,
    over_book,
    parameter,
    smallest,
    times,
    total,
    weakest_of,
)
from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods.derive.black import YEAR
from xlmargin.methods.derive.srm import SrmMarket, SrmResult, SrmTerms, mark
from xlmargin.pricing.arrays import Floats, Ints

NEEDS_VOL = False
_OPTION_RATES = ("max_spot", "min_spot", "mm_call", "mm_put", "mm_put_mark", "unpaired_im", "unpaired_mm")


def requirement(case: Case) -> Margin:
    """The requirement beyond the mark of everything: the venue's mark to market less its surplus.

    Returns:
        requirements + required; options count at mark in the account's equity, so a long option needs its own value

    Raises:
        MarginError: an option has neither a price nor a vol
    """
    markets = [_Statement(case, u) for u in range(len(case.names))]
    initial = over_book("Initial margin", [market.total("im") for market in markets])
    maintenance = over_book("Maintenance margin", [market.total("mm") for market in markets])
    return lines.margin(case, initial, maintenance, credited=False)


def saved(content: Any, _: Rules) -> list[Override]:
    """The rates of perpetuals and coins in a saved answer of public/get_all_currencies."""
    from xlmargin.methods.derive.saved_currencies import standard_rates  # late: most margins read no answer

    return standard_rates(content)


def _marks(book: Book, chosen: Ints) -> Floats:
    """Mark of options: the price given with the position, else the undiscounted model's.

    Raises:
        MarginError: an option has neither a price nor a vol
    """
    held = book.instruments
    for k in chosen[np.isnan(held.price[chosen]) & np.isnan(held.vol[chosen])].tolist():
        raise MarginError(f"{held.name(k)} has neither Price nor IV: give one of them on its row to margin it")
    vol = np.nan_to_num(held.vol[chosen])
    model = mark(held.forward[chosen], held.strike[chosen], held.years[chosen] * YEAR, vol, held.kind[chosen] == CALL)
    return np.where(np.isfinite(held.price[chosen]), held.price[chosen], model)


class _Statement:
    """The lines of one market."""

    def __init__(self, case: Case, u: int) -> None:
        self.case, self.rules, self.u, self.name = case, case.rules, u, case.names[u]
        self.options, coins, self.perps = (np.flatnonzero(case.some(u, kinds)) for kinds in (lines.OPTIONS, (SPOT,), lines.FUTURES))
        self.amount, self.coin_amount, self.perp_amount = (case.units[:, chosen] for chosen in (self.options, coins, self.perps))
        self.found = self.result()

    def number(self, name: str) -> float:
        """A parameter of this market; the rates of a kind, whose table lists its coins, only where one of it is held."""
        held = {"perp_im": self.perp_amount, "perp_mm": self.perp_amount, "base": self.coin_amount, "base_im": self.coin_amount}
        asked = held.get(name, self.amount if name in _OPTION_RATES else np.ones(1))
        return self.rules.number(name, self.name) if asked.any() else 0.0

    def parameter(self, label: str, name: str) -> Line:
        """A number of the rulebook as a line."""
        return parameter(self.rules, label, name, self.name)

    @cached_property
    def years(self) -> tuple[Floats, Ints]:
        """Years of each expiry (E,), and the expiry of each option (K,)."""
        years, at = np.unique(self.case.held.years[self.options], return_inverse=True)
        return years, at.astype(np.int64)

    @property
    def at_spot(self) -> bool:
        """Whether the rates of perpetuals are of spot, not of their own price."""
        return self.rules.word("perp_at") == "spot"

    def result(self) -> SrmResult:
        """The venue's arithmetic on this market."""
        book, held, (years, at) = self.case.book, self.case.held, self.years
        expiry = np.full(len(held), -1)
        expiry[self.options] = at
        market = SrmMarket(
            self.amount,
            held.strike[self.options],
            held.kind[self.options] == CALL,
            _marks(book, self.options),
            at,
            book.held_mean(held.forward, expiry, len(years)),
            np.ones(len(years)),
            self.perp_amount,
            (held.spot if self.at_spot else held.forward)[self.perps],
            self.coin_amount.sum(axis=1),
            np.zeros(len(self.amount)),
            book.spot[:, self.u],
            stable=self.number("stable_price"),
        )
        return SrmResult(market, SrmTerms(**{field.name: self.number(field.name) for field in fields(SrmTerms)}))

    # ---- totals

    def total(self, stage: str) -> Line:
        """Initial (im) or maintenance (mm) margin of this market."""
        held = np.unique(self.years[1][self.amount.any(axis=0)]).tolist()  # where all is flat, no rate is asked for
        parts = [self.expiry(e, stage) for e in held]
        parts += [self.perpetuals(stage), self.base(stage)]
        if stage == "im":
            parts += [
                self.depeg(),
                not_modelled("Low confidence", "every feed is taken as sure: the venue adds to initial margin where one is not"),
            ]
        return total(self.name if stage == "im" else f"{self.name} maintenance", parts)

    def perpetuals(self, stage: str) -> Line:
        """Perpetuals at their prices × their rate."""
        if not self.perp_amount.any():
            return given("Perpetuals", 0.0, "none is held")
        word = "spot" if self.at_spot else "price"
        size = given(f"Perpetuals at {word}", self.found.perp_notional, f"long and short alike × {word}")
        return times("Perpetuals", (size, self.parameter("Rate", f"perp_{stage}")))

    def base(self, stage: str) -> Line:
        """The part of the coin's value that does not count."""
        if not self.coin_amount.any():
            return given("Coins", 0.0, "none is held")
        counts = self.parameter("Share that counts", "base")
        if stage == "im":
            counts = times("Share that counts", (counts, self.parameter("Initial scale", "base_im")))
        return times(
            "Coins",
            (
                given("Coins at spot", np.abs(self.found.base_value), "amount × spot"),
                less("Share that does not count", (given("All", 1.0 / self.found.book.stable, "of the value, in stable coins"), counts)),
            ),
        )

    def depeg(self) -> Line:
        """Charge while the stable coin is below its threshold."""
        if not self.found.depeg.any():
            return given("Depeg", 0.0, "the stable coin is not below the threshold, or there is nothing to charge")
        below = less(
            "Below the threshold",
            (self.parameter("Threshold", "depeg_threshold"), given("Stable coin", self.number("stable_price"), "parameter stable_price")),
        )
        size = given("Short options and perpetuals", self.found.perps - self.found.short.sum(axis=1), "units of the underlying")
        return times("Depeg", (size, below, self.parameter("Rate", "depeg_factor"), given("Spot", self.found.book.spot, "the market's")))

    # ---- options

    def expiry(self, e: int, stage: str) -> Line:
        """Requirement of the options of one expiry: the lighter of the short options' own and the largest loss."""
        found, n, mine = self.found, 0 if stage == "im" else 1, np.flatnonzero(self.years[1] == e)
        worth = Line(
            "Options at mark",
            self.amount[:, mine] @ found.book.mark[mine],
            TOTAL,
            lambda a: tuple(self.option(a, int(i)) for i in mine if self.rows(a, int(i))),
            below="",
        )
        shorts = Line(
            "Short options",
            0.0 - found.isolated[n][:, e],
            TOTAL,
            lambda a: tuple(self.short(a, int(i), stage) for i in mine if found.short[a, i] < 0.0),
            below=weakest_of(self.short(a, i, stage) for a, i in self.one_of_each(mine)),
        )
        payoff = given("Largest loss at a strike", 0.0 - found.least_payoff[:, e], "payoff at expiry at 0 and at every strike, at least 0")
        unpaired = times(
            "Uncovered calls",
            (
                given("Calls", 0.0 - found.net_calls[:, e], "short calls less long ones, at least 0"),
                given("Forward", found.book.forward[:, e], "of the expiry"),
                self.parameter("Scale", f"unpaired_{stage}"),
            ),
        )
        return smallest(
            f"Expiry in {self.years[0][e] * YEAR / DAY:.6g} days",
            (total("By formula", (worth, shorts)), total("By largest loss", (above(worth), payoff, unpaired))),
        )

    def one_of_each(self, options: Ints) -> list[tuple[int, int]]:
        """Account and option of one short call and one short put, where there are any: all of a kind rest on the same parameters."""
        accounts, columns = np.nonzero(self.found.short[:, options] < 0.0)
        found, calls = options[columns], self.found.book.call[options[columns]]
        return [(int(accounts[n]), int(found[n])) for n in (np.flatnonzero(calls)[:1].tolist() + np.flatnonzero(~calls)[:1].tolist())]

    def rows(self, a: int, i: int) -> list[int]:
        """Position rows of one account in an option."""
        book = self.case.book
        return np.flatnonzero((book.account == a) & ~book.order & (book.instrument == self.options[i])).tolist()

    def option(self, a: int, i: int) -> Line:
        """One contract of one account at mark, from its sheet rows."""
        book = self.case.book
        parts = [
            given(f"Row {book.row[p]}", book.units[p], "units of the underlying", source=f"positions row {book.row[p]}")
            for p in self.rows(a, i)
        ]
        worth = given("Mark", float(self.found.book.mark[i]), "mark per unit")
        return times(self.label(i), (total("Quantity", parts), worth))

    def label(self, i: int) -> str:
        """Name of the contract of an option."""
        return self.case.held.name(int(self.options[i]))

    def short(self, a: int, i: int, stage: str) -> Line:
        """Margin of one short contract of one account by formula, with its mark."""
        found, book = self.found, self.found.book
        size = given("Short", float(-found.short[a, i]), "units of the underlying, net")
        worth, spot = given("Mark", float(book.mark[i]), "mark per unit"), given("Spot", self.spot(a), "the market's")
        if book.call[i]:
            rate = self.parameter("Rate", "mm_call") if stage == "mm" else self.rate(a, i)
            return times(self.label(i), (size, total("Per unit", (times("Of spot", (rate, spot)), worth))))
        part = largest(
            "The larger part",
            (
                times("Of spot", (self.parameter("Rate", "mm_put"), spot)),
                times("Of the mark", (self.parameter("Mark rate", "mm_put_mark"), worth)),
            ),
        )
        least = total("Maintenance per unit", (part, worth))
        if stage == "mm":
            return times(self.label(i), (size, least))
        formula = total("By spot", (times("Of spot", (self.rate(a, i), spot)), worth))
        scaled = times("Scaled maintenance", (self.parameter("Scale", "put_scale"), least))
        return times(self.label(i), (size, largest("Per unit", (formula, scaled))))

    def spot(self, a: int) -> float:
        """Spot of the market for one account."""
        return float(self.case.book.spot[a, self.u])

    def rate(self, a: int, i: int) -> Line:
        """Initial rate of a short option of one account: less the amount that it is out of the money."""
        book, spot = self.found.book, self.spot(a)
        out = max(float(book.strike[i] - spot if book.call[i] else spot - book.strike[i]), 0.0) / spot
        return largest(
            "Rate",
            (
                less(
                    "Less out of the money", (self.parameter("Largest rate", "max_spot"), given("Out of the money", out, "share of spot"))
                ),
                self.parameter("Least rate", "min_spot"),
            ),
        )
