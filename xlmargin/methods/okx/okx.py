"""OKX portfolio margin: nine requirements MR1 … MR9 per risk unit, as far as published.

A risk unit is an underlying: contracts of every quote currency and spot in use together. Source: OKX API v5,
position-builder; announcements of December 2021 and January 2025.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, FUTURE, PERPETUAL, PUT
from xlmargin.margin import lines
from xlmargin.margin.parameter import NOT_SET
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import NOT_MODELLED, Line, above, given, largest, not_modelled, parameter, times, total, worst
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.methods.okx.decoupling import decoupling
from xlmargin.methods.okx.tables import MR1, MR2, MR6, PERCENT, POINTS, PRICES, SHOCKS, TIERS, VOLS, scaled, steps
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.pricing.grid import call_grid
from xlmargin.scenarios.risk_array import DAY_IN_YEARS, require_european, require_vols, spot_share
from xlmargin.scenarios.scenarios import Scenarios, shared_move

ARRAY_OF_INSTRUMENTS = True
_DECAY = "the loss of a day; an answer of 2022 charges a short option, which gains, with 0.8 of a day: its rule is not known"


def share(book: Book, rules: Rules) -> Floats:
    """Part of each position that is stressed: spot in use counts up to the opposite delta of the derivatives."""
    treatments = [rules.word("spot_mode", name) for name in book.instruments.underlyings]
    return spot_share(book.instruments, book.by_instrument(book.units), treatments)


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """MR1: seven index moves by five vols, up and down by points and by percent; MR6: two far moves; MR2: a day.

    The vol moves are those of the shortest options; the weight of the far moves is the share of their loss that counts.
    """
    reach = np.array([[rules.number(shock, name) for name in names] for shock in SHOCKS])
    moves = np.vstack([-reach[::-1], np.zeros((1, len(names))), reach])
    extreme = np.array([[rules.number("extreme_shock", name) for name in names]])
    still = np.zeros((1, len(names)))
    price = np.vstack([np.repeat(moves, len(VOLS), axis=0), -extreme, extreme, still])
    shock = np.array([[sign * float(steps(rules.word(kind, name), kind)[1][0]) for name in names] for sign, kind, _ in VOLS])
    vol = np.zeros(price.shape)
    vol[MR1] = np.tile(shock.reshape(len(VOLS), len(names)), (PRICES, 1))
    weight = np.ones(price.shape)
    weight[MR6] = rules.number("extreme_share")
    days = np.zeros(len(price))
    days[MR2] = rules.number("theta_days")
    sizes = [name.replace("price_shock_", "") for name in SHOCKS]
    places = [*(f"down {size}" for size in reversed(sizes)), "unchanged", *(f"up {size}" for size in sizes)]
    words = [f"MR1, index {shared_move(price[s], places[s // len(VOLS)])}, {VOLS[s % len(VOLS)][2]}" for s in range(MR1.stop)]
    words += [f"MR6, index {shared_move(row, side)}, vol unchanged" for row, side in zip(price[MR6], ("far down", "far up"))]
    words.append("MR2, time passes")
    return Scenarios(
        tuple(str(s + 1) for s in range(len(price))),
        tuple(words),
        names,
        price,
        vol,
        "relative",
        days,
        weight,
        np.zeros(len(price)),
        how="every price moves by the index's dollars",
    )


def risk_array(book: Book, scenarios: Scenarios, rules: Rules) -> Floats:
    """Profit and loss of one long unit: futures move by the dollars of the index, options are repriced on the moved forward.

    Raises:
        MarginError: an option is American, or has no vol
    """
    held = book.instruments
    require_vols(held, held.is_option)
    require_european(held)
    result = held.spot[:, None] * scenarios.price.T[held.underlying]
    for chosen in _expiries(book):
        name = held.underlyings[int(held.underlying[chosen[0]])]
        for days in np.unique(scenarios.days):
            at = np.flatnonzero(scenarios.days == days)
            result[np.ix_(chosen, at)] = _options(book, chosen, scenarios, at, rules, name)
    return result * scenarios.weight.T[held.underlying]


def _expiries(book: Book) -> Iterator[Ints]:
    """Options that share underlying, time, forward and spot: they move by the same fraction and their vols shift alike."""
    held = book.instruments
    option = np.flatnonzero(held.is_option)
    keys = np.column_stack([held.underlying, held.years, held.forward, held.spot])[option]
    distinct, where = np.unique(keys, axis=0, return_inverse=True)
    for n in range(len(distinct)):
        yield option[where.ravel() == n]


def _options(book: Book, chosen: Ints, scenarios: Scenarios, at: Ints, rules: Rules, name: str) -> Floats:
    """Change of value of options of one expiry in scenarios of one length of time, (len(chosen), len(at))."""
    held, first = book.instruments, int(chosen[0])
    forward, strike, vol = (column[chosen] for column in (held.forward, held.strike, held.vol))
    put, years, rate = (held.kind[chosen] == PUT)[:, None], float(held.years[first]), held.rate[chosen]
    points, relative = (float(np.interp(years / DAY_IN_YEARS, *steps(rules.word(kind, name), kind))) for kind in (POINTS, PERCENT))
    signs = np.zeros((2, len(scenarios)))
    for row, kind in enumerate((PERCENT, POINTS)):
        signs[row, MR1] = np.tile([sign if kind == own else 0.0 for sign, own, _ in VOLS], PRICES)
    move = held.spot[first] * scenarios.price[at, held.underlying[first]] / held.forward[first]
    factor, none = np.maximum(1.0 + move, 0.0), np.zeros(1)

    def value(factor: Floats, relative: Floats, absolute: Floats, left: float) -> Floats:
        call = call_grid(forward, strike, np.full(len(chosen), np.sqrt(left)), vol, factor, relative, absolute, np.zeros(len(factor)))
        return np.where(put, call - (forward[:, None] * factor - strike[:, None]), call) * np.exp(-rate * left)[:, None]

    left = max(years - float(scenarios.days[at[0]]) * DAY_IN_YEARS, 0.0)
    return value(factor, relative * signs[0, at], points * signs[1, at], left) - value(np.ones(1), none, none, years)


def requirement(case: Case) -> Margin:
    """Maintenance margin of every risk unit, the initial ratio on their sum, and the charge on borrowing.

    Returns:
        requirements + required; option values count in the account's equity
    """
    unit = _Units(case)
    derivatives = lines.by_underlying(case, "Maintenance of derivatives", unit.maintenance)
    apart = decoupling(case)
    charged = bool(apart.value.any())
    risk = total("Derivatives and decoupling", (derivatives, apart)) if charged else derivatives
    initial = total(
        "Initial margin",
        (
            times("Derivatives", (risk, unit.parameter("Initial ratio", "imr_ratio"))),
            unit.borrowing("MR8 borrowing, initial", "borrow_initial_rate"),
        ),
    )
    maintenance = total(
        "Maintenance margin",
        (above(derivatives), unit.borrowing("MR8 borrowing, maintenance", "borrow_maintenance_rate"), above(apart) if charged else apart),
    )
    return lines.margin(case, initial, maintenance, credited=False)


class _Units:
    """The risk units of one book."""

    def __init__(self, case: Case) -> None:
        self.case, self.rules, self.held = case, case.rules, case.held

    def parameter(self, label: str, name: str, underlying: str = "") -> Line:
        """A number of the rulebook as a line, or a line of 0 that says that no figure is given."""
        line = parameter(self.rules, label, name, underlying)
        return replace(line, status=NOT_MODELLED) if line.status == NOT_SET else line

    def maintenance(self, _: Case, u: int) -> Line:
        """max(max(MR1, MR2, MR6) + MR3 + MR4 + MR5, MR7) of one risk unit."""
        losses = self.case.losses(u)
        option = bool(self.case.some(u, lines.OPTIONS).any())
        stress = largest(
            "Largest of MR1, MR2 and MR6",
            (
                worst("MR1 spot and vol shock", losses[MR1], status="estimate" if option else "verified"),
                worst("MR2 theta decay", losses[MR2], _DECAY, status="estimate"),
                worst("MR6 extreme move", losses[MR6], status="verified"),
            ),
        )
        risk = total(
            "MR",
            (
                stress,
                not_modelled("MR3 vega term structure", "the formula is not published"),
                self.basis(u),
                not_modelled("MR5 interest rate", "the formula is not published"),
            ),
        )
        return largest(self.held.underlyings[u], (risk, self.reduction(u)))

    def dollars(self, u: int, kinds: tuple[int, ...]) -> Floats:
        """Sum over contracts of some kinds of the mark value of the net position, without sign, (A,)."""
        return self.case.net(self.case.some(u, kinds), each=self.held.level).gross

    def charge(self, label: str, u: int, kinds: tuple[int, ...], rate: str) -> Line:
        """A rate on the dollars of delta of some kinds of contracts."""
        name = self.held.underlyings[u]
        if self.rules.is_unset(rate, name):
            return self.parameter(label, rate, name)
        return times(
            label,
            (given("Delta", self.dollars(u, kinds), "sum over contracts of |net position| × mark"), self.parameter("Rate", rate, name)),
        )

    def others(self, u: int, kinds: tuple[int, ...], label: str) -> list[Line]:
        """A line for contracts whose charge is not published, where some are held."""
        there = (self.case.some(u, kinds) & (self.case.units != 0.0).any(axis=0)).any()
        return [not_modelled(label, "the formula is not published")] if there else []

    def basis(self, u: int) -> Line:
        """MR4: a rate on perpetuals; no charge on dated contracts is published."""
        return total(
            "MR4 basis",
            (self.charge("Perpetuals", u, (PERPETUAL,), "basis_rate"), *self.others(u, (FUTURE, CALL, PUT), "Dated futures and options")),
        )

    def reduction(self, u: int) -> Line:
        """MR7: the cost of reducing positions, each part of it times the factor of its tier."""
        name = self.held.underlyings[u]
        rate = total(
            "Charge",
            (self.charge("Perpetuals and futures", u, (PERPETUAL, FUTURE), "reduction_rate"), *self.others(u, (CALL, PUT), "Options")),
        )
        if self.rules.is_unset(TIERS, name):
            return total("MR7 minimum charge", (rate, self.parameter("Tiers", TIERS, name)))
        table = self.rules.get(TIERS, name)
        ends, factors = steps(str(table.value), TIERS)
        more = scaled(rate.value, ends, factors - 1.0)
        starts = [0.0, *ends[:-1].tolist()]
        labels = [f"Tier above {start:,.10g}" for start in starts]
        known = np.inf if self.rules.is_unset("reduction_known", name) else self.rules.number("reduction_known", name)
        lines = []
        for start, label, factor, extra in zip(starts, labels, factors.tolist(), more):
            beyond = start >= known and bool(extra.any())
            detail = f"part of the charge in the tier × (factor {factor:g} − 1)"
            detail += ": at least, since the factors of the tiers from here on were not read" if beyond else ""
            lines.append(given(label, extra, detail, status="illustrative" if beyond else table.status, source=table.source))
        return total("MR7 minimum charge", (rate, *lines))

    def borrowing(self, label: str, rate: str) -> Line:
        """MR8: a rate on the amount that the account has borrowed."""
        if self.rules.is_unset("borrowed"):
            return self.parameter(label, "borrowed")
        return times(label, (self.parameter("Borrowed", "borrowed"), self.parameter("Rate", rate)))
