"""A book under a clearing house's own file: its risk arrays and deltas, its charges and credits."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import FUTURE, PERPETUAL, SPOT
from xlmargin.errors import MarginError, existing_file, named_file
from xlmargin.margin.parameters import Override
from xlmargin.memory import Recent, stamp
from xlmargin.methods.span.file import read_span_file
from xlmargin.methods.span.file.model import CombinedCommodity, InterSpread, IntraSpread, Lookup, SpanFile
from xlmargin.methods.span.file.source import Progress

SCANNING_BASED = ("04", "S", "10")  # methods of inter-commodity spreads that scan their legs as one
WFPR = {"NORMAL": "normal", "SCANRANGE_CAP": "capped", "SCANRANGE": "scan_range"}
DAY = 86_400.0
LAST_DAY = 36_500.0  # days to expiry of a tier that ends with no period

_latest: Recent[Lookup] = Recent(1)  # one file: the same one serves every cell until it changes


def load(path: str, progress: Progress | None = None) -> Lookup:
    """The contracts of a SPAN file, read once for as long as the file does not change.

    Raises:
        MarginError: there is no such file, or it cannot be read
    """
    file = existing_file(named_file(path), "give the whole path of a SPAN file")
    key = stamp(file)
    found = None if key is None else _latest.get(key)
    if found is not None:
        return found
    lookup = Lookup(read_span_file(file, progress))
    return lookup if key is None else _latest.put(key, lookup)


def with_arrays(book: Book, lookup: Lookup) -> Book:
    """The book with the file's risk arrays, composite deltas and prices in the place of the model's.

    A quantity counts in the file's contracts, an instrument is found by its underlying as product or combined commodity.

    Raises:
        MarginError: the file lacks an instrument, or has several that it might be
    """
    held, contracts = book.instruments, lookup.file.contracts
    rows = np.array([_row(book, lookup, k) for k in range(len(held))], np.int64)
    combined = [lookup.file.combined.get(code, CombinedCommodity(code)) for code in _codes(lookup.file, rows)]
    scale = 10.0 ** np.array([each.risk_exponent for each in combined])[:, None] if len(rows) else np.ones((0, 1))
    price = contracts.price[rows] * contracts.value_factor[rows]
    instruments = dataclasses.replace(
        held,
        array=contracts.array[rows] * scale,
        delta=contracts.delta[rows] * contracts.delta_scaling[rows],
        price=np.where(np.isfinite(held.price) | ~contracts.premium[rows], held.price, price),
    )
    return dataclasses.replace(book, instruments=instruments, unpriced=())


def _row(book: Book, lookup: Lookup, k: int) -> int:
    """Row of the file that holds one instrument of the book."""
    held = book.instruments
    code, kind, strike = held.underlyings[held.underlying[k]], int(held.kind[k]), float(held.strike[k])
    day = dt.datetime.fromtimestamp(held.expiry[k], dt.UTC) if math.isfinite(held.expiry[k]) else None
    if kind in (SPOT, PERPETUAL) or day is None:
        return lookup.find(code, FUTURE if kind == PERPETUAL else kind, "", strike)
    try:
        return lookup.find(code, kind, f"{day:%Y%m%d}", strike)
    except MarginError:
        return lookup.find(code, kind, f"{day:%Y%m}", strike)  # files of months name no day


def _codes(file: SpanFile, rows: np.ndarray) -> list[str]:
    """Combined commodity of each row, "" where none has it."""
    codes = [*file.combined, ""]
    return [codes[index] for index in file.contracts.combined[rows].tolist()]


def overrides(book: Book, lookup: Lookup) -> list[Override]:
    """The file's charges, credits and ratios for the underlyings of the book, as parameters of SPAN.

    Raises:
        MarginError: the file charges in a way that is not modelled
    """
    file, held = lookup.file, book.instruments
    rows = np.array([_row(book, lookup, k) for k in range(len(held))], np.int64)
    codes = dict(zip((held.underlyings[u] for u in held.underlying.tolist()), _codes(file, rows)))
    ranges = file.contracts.price_range[rows]
    given: list[Override] = [Override("", "price_range_kind", "amount", 0)]
    for u, name in enumerate(held.underlyings):
        reach = float(np.nanmax(ranges[held.underlying == u], initial=0.0))
        given += [
            Override(name, key, value, 0)
            for key, value in (("price_scan_range", reach), *_charges(file.combined.get(codes[name]), book.as_of))
        ]
    spreads = [
        text
        for spread in sorted(file.inter_spreads, key=lambda spread: spread.priority)
        if (text := _spread(spread, {code: name for name, code in codes.items()}))
    ]
    return [*given, Override("", "inter_commodity_spreads", "; ".join(spreads), 0)] if spreads else given


def _charges(combined: CombinedCommodity | None, as_of: float) -> list[tuple[str, float | str]]:
    """The charges of one combined commodity on deltas and short options."""
    if combined is None:
        return []
    values: list[tuple[str, float | str]] = [
        ("short_option_minimum", combined.short_option_minimum),
        ("short_option_method", combined.short_option_method),
        ("wfpr_method", WFPR[combined.wfpr_method]),
        ("option_value_limit", "yes" if combined.limits_net_option_value else "no"),
    ]
    spreads = [spread for spread in combined.intra_spreads if all(leg.combined in ("", combined.code) for leg in spread.legs)]
    if spreads:
        values += _inter_month(combined, spreads, as_of)
    charged = [each for each in combined.deliveries if each.consumed or each.outright]
    if len(charged) > 1:
        raise MarginError(
            f"{combined.code} charges delivery of several periods, which is not modelled: take those charges "
            "from the clearing house's own report"
        )
    values += [
        item
        for each in charged
        for item in (
            ("delivery_days", _tier_days(each.period, each.period, as_of)),
            ("delivery_charge_spread", each.consumed),
            ("delivery_charge_outright", each.outright),
        )
    ]
    return values


def _inter_month(combined: CombinedCommodity, spreads: list[IntraSpread], as_of: float) -> list[tuple[str, float | str]]:
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
        ("inter_month_tiers", ", ".join([*(_tier_days(*tier, as_of) for tier in tiers), "rest"])),  # the file charges no others
    ]


def _tier_days(start: str, end: str, as_of: float) -> str:
    """A tier of periods as days to expiry, from the first moment of its first day to the last of its last."""
    first = _days(start, as_of, last=False) if start else 0.0
    last = _days(end, as_of, last=True) if end else LAST_DAY
    return f"{first:.6f}-{last:.6f}"


def _days(period: str, as_of: float, *, last: bool) -> float:
    """Days from the valuation time to the beginning, or the end, of a period YYYYMM or YYYYMMDD; at least 0."""
    year, month = int(period[:4]), int(period[4:6])
    whole_month = len(period) < 8 or period[6:8] == "00"
    if not whole_month:
        day = dt.date(year, month, int(period[6:8])) + dt.timedelta(days=1 if last else 0)
    else:
        day = dt.date(year + month // 12, month % 12 + 1, 1) if last else dt.date(year, month, 1)
    midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp()
    return max((midnight - as_of) / DAY, 0.0)


def _spread(spread: InterSpread, names: dict[str, str]) -> str:
    """One spread between underlyings of the book as text; "" where the book lacks a leg.

    Raises:
        MarginError: the book has all its legs, but its kind is not modelled
    """
    if not all(leg.combined in names for leg in spread.legs):
        return ""
    if spread.flat or spread.method in SCANNING_BASED or any(leg.tier or leg.period for leg in spread.legs):
        raise MarginError(
            f"spread {spread.priority} between {', '.join(leg.combined for leg in spread.legs)} is of a kind that "
            "is not modelled (flat, scanning-based or by tier): margin these underlyings apart"
        )
    legs = ", ".join(f"{names[leg.combined]} {leg.side} {leg.ratio:.15g}" for leg in spread.legs)
    return f"{spread.rate:.15g}: {legs}"
