"""A book under a clearing house's own file: its risk arrays and deltas, its charges and credits."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np

from xlmargin.book.book import Book, Instruments
from xlmargin.book.contracts import FUTURE, PERPETUAL, SPOT
from xlmargin.errors import MarginError, existing_file, named_file
from xlmargin.margin.parameters import Override, Rules
from xlmargin.memory import Recent
from xlmargin.methods.span.file import read_span_file
from xlmargin.methods.span.file.lookup import Found, Lookup
from xlmargin.methods.span.file.model import CombinedCommodity, InterSpread, IntraSpread, SpanFile
from xlmargin.methods.span.file.source import Progress
from xlmargin.pricing.arrays import Bools, Floats, Ints
from xlmargin.scenarios.risk_array import marks

SCANNING_BASED = ("04", "S", "10")  # methods of inter-commodity spreads that scan their legs as one
WFPR = {"NORMAL": "normal", "SCANRANGE_CAP": "capped", "SCANRANGE": "scan_range"}
INSTANT = 1e-6  # days: more than the rounding of a time to expiry, less than any two expiries are apart
ANY_ACCOUNT = "any"  # the requirement itself, without a ratio
NOT_HELD = "0-0"  # days to expiry of periods that the book has no contract of

_latest: Recent[Lookup] = Recent(1)  # one file: the same one serves every cell until it changes


def load(path: str, progress: Progress | None = None) -> Lookup:
    """The contracts of a SPAN file, read once for as long as the file does not change.

    Raises:
        MarginError: there is no such file, or it cannot be read
    """
    file = existing_file(named_file(path), "give the whole path of a SPAN file")
    return _latest.of_file(file, lambda path: Lookup(read_span_file(path, progress)))


class Applied:
    """A book in the contracts of a clearing house's file.

    Attributes:
        rows: row of the file of each instrument (K,)
    """

    def __init__(self, book: Book, lookup: Lookup) -> None:
        """Find the contract of every instrument.

        Raises:
            MarginError: the file lacks an instrument, or has several that it might be
        """
        self._lookup, self._file = lookup, lookup.file
        self._found = [_contract(book, lookup, k) for k in range(len(book.instruments))]
        self.rows: Ints = np.array([found.row for found in self._found], np.int64)
        self._codes = _codes(self._file, self.rows)
        self._book = dataclasses.replace(book, instruments=_together(book.instruments, self._codes))
        self._typed_as = [book.instruments.underlyings[u] for u in book.instruments.underlying.tolist()]

    def book(self) -> Book:
        """The book with the file's risk arrays, composite deltas and prices in the place of the model's.

        A quantity counts in the file's contracts, an instrument is found by its underlying as product or combined commodity.
        """
        held, contracts, rows = self._book.instruments, self._file.contracts, self.rows
        combined = [self._file.combined.get(code, CombinedCommodity(code)) for code in self._codes]
        scale = 10.0 ** np.array([each.risk_exponent for each in combined])[:, None] if len(rows) else np.ones((0, 1))
        price = contracts.price[rows] * contracts.value_factor[rows]
        instruments = dataclasses.replace(
            held,
            array=contracts.array[rows] * scale,
            delta=contracts.delta[rows] * contracts.delta_scaling[rows],
            price=np.where(np.isfinite(held.price) | ~contracts.premium[rows], held.price, price),
        )
        instruments = dataclasses.replace(instruments, price=_marked(instruments), years=self._years())
        return dataclasses.replace(self._book, instruments=instruments, unpriced=(), array_of=tuple(map(self._named, self._found)))

    def _years(self) -> Floats:
        """Times to expiry (K,), one for all that is held of a contract month, whose deltas net before they form spreads."""
        held, months = self._book.instruments, self._file.contracts.month[self.rows]
        _, group = np.unique(np.rec.fromarrays([held.underlying, months]), return_inverse=True)
        latest = np.zeros(len(held))
        np.maximum.at(latest, group, held.years)
        return np.where(months == "", held.years, latest[group])

    def _named(self, found: Found) -> str:
        """The contract whose array an instrument has, in words, and what the file says that does not count."""
        combined = self._file.combined.get(_codes(self._file, np.array([found.row]))[0])
        parts = [f"risk array of {self._lookup.describe(found.row)} in {self._file.source}", found.how]
        contracts = self._file.contracts
        if contracts.premium[found.row] and math.isnan(contracts.price[found.row]):
            parts.append("its price in the file cannot be read, so its value is that of the row or of the model")
        if combined and any(ratio != 1.0 for ratio in combined.initial_ratios.values()):
            ratios = ", ".join(f"{account} {ratio:g}" for account, ratio in combined.initial_ratios.items())
            parts.append(f"initial ratios in the file, counted by account_type: {ratios}")
        parts += [f"not applied: {text}" for text in (combined.not_applied if combined else ())]
        return "; ".join(filter(None, parts))

    def overrides(self, rules: Rules) -> list[Override]:
        """The file's charges, credits and ratios for the underlyings of the book, as parameters of SPAN.

        Args:
            rules: those of SPAN, with what was typed beside the positions

        Raises:
            MarginError: the file charges in a way that is not modelled, or a value is typed for a product that is margined with others
        """
        held = self._book.instruments
        for underlying, name in rules.given:
            if underlying in self._typed_as and underlying not in held.underlyings:
                code = self._codes[self._typed_as.index(underlying)]
                raise MarginError(f"{name} of {underlying}: {self._file.source} margins it with others as {code}: give {name} for {code}")
        ranges = self._file.contracts.price_range[self.rows]
        typed = {name for underlying, name in rules.given if not underlying}  # for every underlying, which wins over the file
        names = dict(zip((held.underlyings[u] for u in held.underlying.tolist()), self._codes))
        given: list[Override] = [Override("", "price_range_kind", "amount", 0)]
        for u, name in enumerate(held.underlyings):
            mine = held.underlying == u
            reach = float(np.nanmax(ranges[mine], initial=0.0))
            charges = [each for each in self._charges(self._file.combined.get(names[name]), mine, rules) if each[0] not in typed]
            given += [Override(name, key, value, 0) for key, value in (("price_scan_range", reach), *charges)]
        spreads = [
            text
            for spread in sorted(self._file.inter_spreads, key=lambda spread: spread.priority)
            if (text := _spread(spread, {code: name for name, code in names.items()}))
        ]
        return [*given, Override("", "inter_commodity_spreads", "; ".join(spreads), 0)] if spreads else given

    def _charges(self, combined: CombinedCommodity | None, mine: Bools, rules: Rules) -> list[tuple[str, float | str]]:
        """The charges of one combined commodity on deltas and short options, and its ratio.

        Args:
            mine: its instruments (K,)
        """
        if combined is None:
            return []
        self._refuse_tiers(combined, mine, minimum_typed=any(name == "short_option_minimum" for _, name in rules.given))
        values: list[tuple[str, float | str]] = [
            ("short_option_minimum", combined.short_option_minimum),
            ("short_option_method", combined.short_option_method),
            ("wfpr_method", WFPR[combined.wfpr_method]),
            ("option_value_limit", "yes" if combined.limits_net_option_value else "no"),
        ]
        account_type = rules.word("account_type")
        if account_type == ANY_ACCOUNT or account_type in combined.initial_ratios:
            values.append(("initial_ratio", combined.initial_ratios.get(account_type, 1.0)))
        spreads = [spread for spread in combined.intra_spreads if all(leg.combined in ("", combined.code) for leg in spread.legs)]
        if spreads:
            values += self._inter_month(combined, spreads, mine)
        return values + self._delivery(combined, mine)

    def _refuse_tiers(self, combined: CombinedCommodity, mine: Bools, *, minimum_typed: bool) -> None:
        """Raise where the book is in several tiers that the clearing house scans, or sets the minimum of, one by one."""
        periods = {str(period) for period in self._file.contracts.month[self.rows[mine]] if period}
        scanned = [tier for tier in combined.scanning_tiers if any(_within(period, tier.start, tier.end) for period in periods)]
        several = len(periods) if any(tier.number == 0 for tier in scanned) else len(scanned)
        if several > 1:
            raise MarginError(
                f"{combined.code} is scanned by tiers of contract months, and the book holds {several} of them, which is not modelled: "
                "margin the months of each tier apart, or leave out span_file"
            )
        short = bool((self._book.by_instrument(self._book.units)[:, mine & self._book.instruments.is_option] < 0.0).any())
        if combined.minimums_by_tier and short and not minimum_typed:
            raise MarginError(
                f"{combined.code} has short option minimums by tiers of contract months, which is not modelled: "
                "give short_option_minimum beside the positions"
            )

    def _delivery(self, combined: CombinedCommodity, mine: Bools) -> list[tuple[str, float | str]]:
        """The charges of the period in delivery.

        Raises:
            MarginError: the book holds several that are charged
        """
        charged = [each for each in combined.deliveries if each.consumed or each.outright]
        days = [self._days(mine, each.period, each.period) for each in charged]
        held = [(each, reach) for each, reach in zip(charged, days) if reach != NOT_HELD]
        if len(held) > 1:
            raise MarginError(
                f"{combined.code} charges delivery of several periods that are held, which is not modelled: take those charges "
                "from the clearing house's own report"
            )
        return [
            item
            for each, reach in held or zip(charged[:1], days[:1])
            for item in (("delivery_days", reach), ("delivery_charge_spread", each.consumed), ("delivery_charge_outright", each.outright))
        ]

    def _inter_month(self, combined: CombinedCommodity, spreads: list[IntraSpread], mine: Bools) -> list[tuple[str, float | str]]:
        """The spread table between the tiers, or the periods, of one combined commodity.

        Raises:
            MarginError: its spreads name both tiers and periods
        """
        legs = [leg for spread in spreads for leg in spread.legs]
        periods = list(dict.fromkeys(leg.period for leg in legs if leg.period))
        if periods and any(not leg.period for leg in legs):
            raise MarginError(
                f"{combined.code} spreads tiers against single periods, which is not modelled: take those charges "
                "from the clearing house's own report"
            )
        numbered = {period: n for n, period in enumerate(periods, 1)}
        tiers = [(period, period) for period in periods] or [(tier.start, tier.end) for tier in combined.tiers if tier.number]
        table = "; ".join(
            f"{spread.charge:.15g}: "
            + ", ".join(f"{numbered.get(leg.period, leg.tier or 1)} {leg.side} {leg.ratio:.15g}" for leg in spread.legs)
            for spread in sorted(spreads, key=lambda spread: spread.priority)
        )
        return [
            ("inter_month_method", "tiered"),
            ("inter_month_spreads", table),
            ("inter_month_tiers", ", ".join([*(self._days(mine, *tier) for tier in tiers), "rest"])),  # the file charges no others
        ]

    def _days(self, mine: Bools, start: str, end: str) -> str:
        """A range of periods as the days to expiry of the contracts held in it, first and last: a period's own month says no day.

        Args:
            mine: the instruments of the combined commodity (K,)
        """
        periods = self._file.contracts.month[self.rows].tolist()
        inside = mine & np.array([_within(period, start, end) for period in periods], np.bool_)
        days: Floats = dataclasses.replace(self._book.instruments, years=self._years()).days[inside]
        if not len(days):
            return NOT_HELD
        return f"{max(float(days.min()) - INSTANT, 0.0):.7f}-{float(days.max()) + INSTANT:.7f}"


def _within(period: str, start: str, end: str) -> bool:
    """Whether a period YYYYMM or YYYYMMDD is in a range whose ends, where they are months, mean all their days."""

    def plain(text: str) -> str:
        return text if text[6:].strip("0") else text[:6]

    first, last = plain(start), plain(end)
    return bool(period) and (not first or plain(period)[: max(len(first), 6)] >= first) and (not last or plain(period)[: len(last)] <= last)


def _contract(book: Book, lookup: Lookup, k: int) -> Found:
    """The contract of the file that one instrument of the book is."""
    held = book.instruments
    code, kind, strike = held.underlyings[held.underlying[k]], int(held.kind[k]), float(held.strike[k])
    dated = kind not in (SPOT, PERPETUAL) and math.isfinite(held.expiry[k])
    day = dt.datetime.fromtimestamp(held.expiry[k], dt.UTC).date() if dated else None
    return lookup.find(code, FUTURE if kind == PERPETUAL else kind, day, strike)


def _together(held: Instruments, codes: list[str]) -> Instruments:
    """The instruments with one underlying for each combined commodity: what is typed by its products is margined together."""
    names: dict[str, set[int]] = {}
    for code, u in zip(codes, held.underlying.tolist()):
        names.setdefault(code, set()).add(u)
    renamed = {u: code for code, several in names.items() if code and len(several) > 1 for u in several}
    if not renamed:
        return held
    each = [renamed.get(u, held.underlyings[u]) for u in held.underlying.tolist()]
    underlyings = tuple(sorted(set(each)))
    return dataclasses.replace(held, underlyings=underlyings, underlying=np.array([underlyings.index(name) for name in each], np.int64))


def _marked(held: Instruments) -> Floats:
    """The price of each instrument (K,), of an option without one that of the model, as long as its own expiry is known."""
    unpriced = held.is_option & np.isnan(held.price)
    return np.where(unpriced, marks(held), held.price) if unpriced.any() else held.price


def _codes(file: SpanFile, rows: Ints) -> list[str]:
    """Combined commodity of each row, "" where none has it."""
    codes = [*file.combined, ""]
    return [codes[index] for index in file.contracts.combined[rows].tolist()]


def _spread(spread: InterSpread, names: dict[str, str]) -> str:
    """One spread between underlyings of the book as text; "" where the book cannot form it.

    A scanning-based spread is formed by any two of its legs, if all that are required are among them.

    Raises:
        MarginError: the book has legs enough, but its kind is not modelled
    """
    lacking = [leg for leg in spread.legs if leg.combined not in names]
    if any(leg.required for leg in lacking) or len(spread.legs) - len(lacking) < 2:
        return ""
    if spread.flat or spread.method in SCANNING_BASED or any(leg.tier or leg.period for leg in spread.legs):
        raise MarginError(
            f"spread {spread.priority} between {', '.join(leg.combined for leg in spread.legs)} is of a kind that "
            "is not modelled (flat, scanning-based or by tier): margin these underlyings apart"
        )
    legs = ", ".join(f"{names[leg.combined]} {leg.side} {leg.ratio:.15g}" for leg in spread.legs)
    return f"{spread.rate:.15g}: {legs}"
