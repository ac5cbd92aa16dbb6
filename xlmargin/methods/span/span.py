"""SPAN-style margin: sixteen scenarios per underlying, the worst loss, charges and credits on composite deltas.

Source: ICE Clear US, SPAN Margin System v1.0, 2015; CME clearing advisory 99-65 for the short option minimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, PUT
from xlmargin.errors import MarginError
from xlmargin.margin import lines
from xlmargin.margin.netting import Net
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import (
    NOT_MODELLED,
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
)
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.methods.span import spreads as charges
from xlmargin.methods.span.file import applied
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.risk_array import composite_deltas, spot_share
from xlmargin.scenarios.scenarios import SPAN_PAIRS, SPAN_UP, Kind, Scenarios, span16

_SPREAD_TABLES = {"flat": "inter_month_charge", "tiered": "inter_month_spreads"}  # parameter with the charges of each method
_DELTA_WEIGHTS = ("delta_weight_0", "delta_weight_1", "delta_weight_2", "delta_weight_3")


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """The sixteen scenarios with each underlying's own scan ranges.

    Under a clearing house's file they are those of its arrays, so no margin rests on the ranges here.
    """
    if not rules.is_unset("span_file"):
        rules = replace(rules, seen=None)

    def each(name: str) -> Floats:
        return np.array([rules.number(name, underlying) for underlying in names])

    up = each("price_scan_range")
    if rules.word("price_range_kind") == "amount":  # the file's ranges are fractions
        for name in names:
            if rules.get("price_scan_range", name) in rules.parameters.values():
                raise MarginError(f"price_scan_range of {name} must be given as an amount where price_range_kind is amount")
    down = np.array(
        [
            up[u] if rules.is_unset("price_scan_range_down", name) else rules.number("price_scan_range_down", name)
            for u, name in enumerate(names)
        ]
    )
    kinds: tuple[Kind, ...] = tuple(
        "absolute" if rules.word(name) in ("absolute", "amount") else "relative" for name in ("price_range_kind", "vol_shift")
    )
    return span16(
        names,
        (up, down),
        each("vol_scan_range"),
        (kinds[0], kinds[1]),
        (each("extreme_multiple"), each("extreme_cover")),
        rules.number("look_ahead_days"),
    )


def prepared(book: Book, rules: Rules) -> tuple[Book, Rules]:
    """The book with the arrays of a clearing house's file and the rulebook with its charges, where one is given."""
    if rules.is_unset("span_file"):
        return book, rules
    lookup = applied.load(rules.word("span_file"))
    in_file = applied.Applied(book, lookup)
    return in_file.book(), rules.beneath(in_file.overrides(rules), f"SPAN file {lookup.file.source}")


def share(book: Book, rules: Rules) -> Floats:
    """Part of each account's position that is stressed: 1, but for spot under its treatment, (A, K).

    Spot in use counts up to the opposite Black delta of the underlying's derivatives at mark.
    """
    treatments = [rules.word("spot_treatment", name) for name in book.instruments.underlyings]
    return spot_share(book.instruments, book.by_instrument(book.units), treatments)


def requirement(case: Case) -> Margin:
    """Initial and maintenance requirement; net option value and the split of the risk as further lines.

    Returns:
        requirements + required; the net option value is + where options are held long
    """
    span = _Span(case)
    initial, maintenance = span.margins()
    return Margin(initial, maintenance, lambda: span.rest(initial), span.available_value)


class _Span:
    """One book under SPAN: the composite deltas and the lines of each underlying."""

    def __init__(self, case: Case) -> None:
        self.case, self.rules, self.names = case, case.rules, case.names

    def parameter(self, label: str, name: str, underlying: str = "") -> Line:
        """A number of the rulebook as a line, or a line of 0 that says that no figure is given."""
        return parameter(self.rules, label, name, underlying)

    def requirement(self) -> Line:
        """The requirement before the initial ratio, its parts in the order of the rulebook."""
        every = range(len(self.names))
        if self.names and self.rules.word("order") == "kdpw":
            parts = [total(self.names[u], (self.scanning[u], self.inter_month(u))) for u in every]
            least = total("Short option minimum", [self.short_option_minimum(u) for u in every])
            credit = total("Inter-commodity credit", [self.credit(u) for u in every])
            return total("SPAN risk", (largest("Before credits", (total("Scanning risk and charges", parts), least)), credit))
        return over_book("SPAN risk", [self.risk(u) for u in every])

    def margins(self) -> tuple[Line, Line]:
        """Initial and maintenance margin: the risk, and that times the initial ratio, of each underlying where the ratios differ.

        Raises:
            MarginError: the ratios differ, and the risk is one of all underlyings
        """
        risk, name = self.requirement(), "initial_ratio"
        labels = "Initial margin", "Maintenance margin"
        ratios = {each: self.rules.number(name, each) for each in self.names}
        if len(set(ratios.values())) < 2:
            return times(labels[0], (risk, self.parameter("Initial ratio", name, *self.names[:1]))), total(labels[1], (above(risk),))
        if self.rules.word("order") == "kdpw":
            shown = ", ".join(f"{each} {value:g}" for each, value in ratios.items())
            raise MarginError(
                f"initial ratios differ ({shown}) where order kdpw has one risk for all: give one {name} for every underlying"
            )
        parts = risk.parts(0)
        scaled = [
            times(f"Initial margin of {each}", (part, self.parameter("Initial ratio", name, each))) for each, part in zip(ratios, parts)
        ]
        return total(labels[0], scaled), total(labels[1], [above(part) for part in parts])

    @cached_property
    def scanning(self) -> list[Line]:
        """Scanning risk of each underlying."""
        return [self.case.scan(u) for u in range(len(self.names))]

    def risk(self, u: int) -> Line:
        """Risk of one underlying: scanning risk, charges and credits, at least the short option minimum."""
        name = self.names[u]
        risk = total("Risk", (self.scanning[u], self.inter_month(u), self.delivery(u), self.credit(u)))
        larger = risk, self.short_option_minimum(u)
        if self.rules.number("currency_rate", name) == 1.0:
            return largest(name, larger)
        return times(name, (largest(f"{name} in its own currency", larger), self.parameter("Currency rate", "currency_rate", name)))

    @cached_property
    def unit_deltas(self) -> Floats:
        """Composite delta of one long unit of every instrument, NaN where it is not known (K,)."""
        weights = np.array([self.rules.number(name) for name in _DELTA_WEIGHTS])
        return composite_deltas(self.case.held, self.case.scenarios, weights)

    @property
    def unknown_deltas(self) -> list[str]:
        """Instruments with positions whose composite delta is not known."""
        unknown = np.isnan(self.unit_deltas) & (self.case.units != 0.0).any(axis=0)
        return [self.case.held.name(k) for k in np.flatnonzero(unknown).tolist()]

    def net_deltas(self, chosen: NDArray[np.bool_], by: Sequence[str]) -> Net:
        """Composite deltas of some instruments in every account, net by some terms.

        Raises:
            MarginError: an instrument has its own risk array but neither a delta nor a vol
        """
        if self.unknown_deltas:
            raise MarginError(
                f"{self.unknown_deltas[0]} has its own sixteen numbers but no Delta: charges and credits on "
                "deltas need one, so give it on the row, or IV"
            )
        return self.case.net(chosen, by, self.case.share * np.nan_to_num(self.unit_deltas))

    def net_delta(self, u: int) -> Floats:
        """Net composite delta of one underlying (A,)."""
        net: Floats = self.net_deltas(self.case.some(u), ("underlying",)).amount.sum(axis=1)
        return net

    def periods(self, u: int) -> tuple[Floats, Floats]:
        """Days to expiry of the contract periods of one underlying, nearest first (N,), and their net deltas (A, N).

        Spot and perpetuals have no expiry: they are in no period, and form no spreads between periods.
        """
        held = self.case.held
        net = self.net_deltas(self.case.some(u) & (held.years > 0.0), lines.EXPIRY)
        return held.days[net.first], net.amount

    def inter_month(self, u: int) -> Line:
        """Inter-month charge for long deltas of one period against short ones of another."""
        name, label = self.names[u], "Inter-month charge"
        table = self._spread_table(name)
        if table is None:
            return given(label, 0.0, "parameter inter_month_method is none")
        return self.parameter(label, table, name) if self.rules.is_unset(table, name) else self._spreads(u)[0]

    def _spread_table(self, name: str) -> str | None:
        """The parameter with the charges of one underlying's method, None where there is no charge.

        Raises:
            MarginError: charges of another method are given, which would not count
        """
        method = self.rules.word("inter_month_method", name)
        for other, unused in _SPREAD_TABLES.items():
            if other != method and not self.rules.is_unset(unused, name):
                raise MarginError(
                    f"{unused} of {name} counts only where inter_month_method is {other}, and it is {method}: set inter_month_method to "
                    f"{other}, or clear {unused}"
                )
        return _SPREAD_TABLES.get(method)

    @cache  # noqa: B019  (one short-lived object per calculation)
    def _spreads(self, u: int) -> tuple[Line, Floats]:
        """The inter-month charge of one underlying, and the deltas that its spreads took from each period (A, N)."""
        name, label = self.names[u], "Inter-month charge"
        method = self.rules.word("inter_month_method", name)
        days, net = self.periods(u)
        tiers, spreads = self._table(name, days, np.abs(net).sum(axis=0) > 0.0, method)
        places = dict.fromkeys([*tiers.tolist(), *(leg.place for spread in spreads for leg in spread.legs)])
        sides = [{tier: side[:, tiers == tier].sum(axis=1) for tier in places} for side in (np.maximum(net, 0.0), np.maximum(-net, 0.0))]
        pools = charges.Pools(*sides)
        line = charges.inter_month(label, pools, spreads)
        used = np.zeros_like(net)
        for tier in places:
            mine = tiers == tier
            for side, left, sign in ((sides[0], pools.long, 1.0), (sides[1], pools.short, -1.0)):
                used[:, mine] += charges.nearest_first(np.maximum(sign * net[:, mine], 0.0), side[tier] - left[tier])
        return line, used

    def _table(self, name: str, days: Floats, held: NDArray[np.bool_], method: str) -> tuple[NDArray[np.str_], tuple[charges.Spread, ...]]:
        """Tier of each period, and the spread table of one underlying; one rate is one tier spread against itself."""
        if method == "flat":
            legs = charges.ChargedLeg("ALL", 1.0, "A"), charges.ChargedLeg("ALL", 1.0, "B")
            rate = self.rules.number("inter_month_charge", name)
            return np.full(len(days), "ALL"), (charges.Spread(1, rate, legs),)
        tiers = charges.read_tiers(self.rules.word("inter_month_tiers", name), "inter_month_tiers")
        numbers = [str(number) for number in range(1, len(tiers) + 1)]
        spreads = charges.read_spreads(self.rules.word("inter_month_spreads", name), "inter_month_spreads", numbers, shares=False)
        return charges.tiers_held(days, held, tiers, "inter_month_tiers").astype(str), spreads

    def delivery(self, u: int) -> Line:
        """Charge on deltas of periods about to be delivered: one rate on those in spreads, one on outright ones."""
        name, label = self.names[u], "Delivery charge"
        if self.rules.is_unset("delivery_days", name):
            for rate in ("delivery_charge_spread", "delivery_charge_outright"):
                if self.rules.number(rate, name):
                    raise MarginError(
                        f"{rate} of {name} counts in the periods of delivery_days, which is not set: give it, or clear {rate}"
                    )
            return self.parameter(label, "delivery_days", name)
        days, net = self.periods(u)
        near = charges.tier_of(days, charges.read_tiers(self.rules.word("delivery_days", name), "delivery_days")) > 0
        table = self._spread_table(name)
        spreads = np.zeros_like(net) if table is None or self.rules.is_unset(table, name) else self._spreads(u)[1]
        used = spreads[:, near].sum(axis=1)
        outright = np.abs(net[:, near]).sum(axis=1) - used
        return total(
            label,
            (
                times(
                    "In spreads",
                    (
                        given("Deltas in spreads", used, "of the periods in delivery"),
                        self.parameter("Rate in spreads", "delivery_charge_spread", name),
                    ),
                ),
                times(
                    "Outright",
                    (
                        given("Outright deltas", outright, "of the periods in delivery"),
                        self.parameter("Rate outright", "delivery_charge_outright", name),
                    ),
                ),
            ),
        )

    @cached_property
    def splits(self) -> list[charges.Decomposition]:
        """Time, volatility and futures price risk of each underlying, and its weighted futures price risk."""
        losses = -self.case.pnl
        return [charges.decomposition(name, losses[:, :, u], SPAN_PAIRS, self.net_delta(u)) for u, name in enumerate(self.names)]

    @cached_property
    def credits(self) -> dict[str, list[Line]]:
        """Credits of the spreads between underlyings, by underlying."""
        weighted = {name: self.weighted(u) for u, name in enumerate(self.names)}
        return charges.inter_commodity(self._table_between, {name: self.net_delta(u) for u, name in enumerate(self.names)}, weighted)

    @cached_property
    def _table_between(self) -> tuple[charges.Spread, ...]:
        """The spreads between underlyings."""
        return charges.read_spreads(self.rules.word(charges.BETWEEN), charges.BETWEEN, None, shares=True)

    @property
    def _why_none(self) -> str:
        """Why an underlying has no credit: which of the coins in the table are not held."""
        absent = sorted({leg.place for spread in self._table_between for leg in spread.legs} - set(self.names))
        return "no opposite deltas are left" + (f"; spreads with {', '.join(absent)} form none, which is not held" if absent else "")

    def weighted(self, u: int) -> Line:
        """Weighted futures price risk by its method: unchanged, at most the scan range, or the scan range itself."""
        method = self.rules.word("wfpr_method", self.names[u])
        normal = largest("Weighted futures price risk", (self.splits[u].weighted, given("Zero", 0.0, "never a debit")))
        if method == "normal":
            return normal
        held, reach = self.case.held, self.case.scenarios.price[SPAN_UP, u]
        if self.case.scenarios.price_kind == "relative":
            reach = reach * self.case.book.held_mean(held.level, held.underlying, len(self.names))[:, u]
        scan_range = given("Price scan range", reach, "per delta, of the price; of the mean of the prices held where they differ")
        return scan_range if method == "scan_range" else smallest("Weighted futures price risk", (normal, scan_range))

    def credit(self, u: int) -> Line:
        """Credit for spreads of this underlying against others."""
        label = "Inter-commodity credit"
        if self.rules.is_unset(charges.BETWEEN):
            return self.parameter(label, charges.BETWEEN)
        return total(label, self.credits[self.names[u]] or [given("No spread formed", 0.0, self._why_none)])

    def short_option_minimum(self, u: int) -> Line:
        """Rate per short option unit, on all short options or on the larger of short calls and short puts."""
        name, label = self.names[u], "Short option minimum"
        if self.rules.is_unset("short_option_minimum", name):
            return self.parameter(label, "short_option_minimum", name)
        calls, puts = (
            given(text, self.case.net(self.case.some(u, (kind,))).short, "net short contracts of the rows")
            for text, kind in (("Short calls", CALL), ("Short puts", PUT))
        )
        maximum = self.rules.word("short_option_method", name) == "max"
        count = (largest if maximum else total)("Short option units", (calls, puts))
        return times(label, (count, self.parameter("Rate per unit", "short_option_minimum", name)))

    @cached_property
    def available_value(self) -> Line:
        """Net option value; where the rulebook limits it, of each underlying at most its risk."""
        limited = [self.rules.word("option_value_limit", name) == "yes" for name in self.names]
        if not any(limited):
            return self.case.option_value()
        lines = []
        for u, name in enumerate(self.names):
            value = self.case.option_value(u)
            lines.append(smallest(f"Available in {name}", (value, above(self.risk(u)))) if limited[u] else value)
        return total("Available net option value", lines)

    def rest(self, initial: Line) -> tuple[Line, ...]:
        """Net option value, the requirement after it, and the split of each scanning risk."""
        value = self.available_value
        if value.status == NOT_MODELLED:
            lines = [value, not_modelled("Total requirement", "not known: the net option value is not")]
        else:
            lines = [value, less("Total requirement", (above(initial), above(value)), "initial margin less net option value")]
        if self.unknown_deltas:
            lines.append(not_modelled("Scanning risk split", f"not known: {self.unknown_deltas[0]} has no Delta and no IV"))
        else:
            lines += [line for split in self.splits for line in split]
        return tuple(lines)
