"""Contracts of the expanded format: risk arrays joined with the product and series of records 2, P and B."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL, FUTURE, PUT, SPOT
from xlmargin.methods.span.file.layout import SERIES_KEY
from xlmargin.methods.span.file.model import FAMILIES, Contracts
from xlmargin.methods.span.file.periods import day_of, period_of
from xlmargin.methods.span.file.records import Parsed
from xlmargin.methods.span.file.risk_arrays import RawContracts
from xlmargin.methods.span.file.source import SpanContent
from xlmargin.pricing.arrays import Bools, Floats

Product = tuple[str, str, str]  # exchange, product, family

FUTURES_STYLE = {"FUT", "FUTDA", "FWD"}
CENTS, THIRTY_SECONDS = "0", "C"  # alignment codes of prices that are no decimals
# The fraction that the last digit of such a price stands for: eighths cut off after one decimal, or the number of eighths in
# the premiums of options in cents. CME's pages list no codes; settlements of 2019 of corn, wheat, soybeans and Treasuries agree
# with their closes as so read.
CUT_OFF = np.array([0.0, 0.125, 0.25, 0.375, np.nan, 0.5, 0.625, 0.75, 0.875, np.nan])
EIGHTHS = np.array([*np.arange(8) / 8.0, np.nan, np.nan])
NO_SERIES = -1  # kind of a series whose product type is not read


class _Series(NamedTuple):
    """The common properties of all contracts of one series and right."""

    exchange: str
    product: str
    family: str
    kind: int
    period: str
    month: str
    expiry: str
    premium: bool
    combined: int
    array_power: float
    price_power: float
    price_alignment: str
    strike_power: float
    strike_alignment: str
    value_factor: float
    price_range: float
    delta_scaling: float


class _Tables:
    """Records 2, P and B by the keys that risk arrays refer to them with."""

    def __init__(self, records: dict[str, list[Parsed]], codes: tuple[str, ...]) -> None:
        index = {code: n for n, code in enumerate(codes)}
        self.links: dict[Product, tuple[int, float, bool]] = {}
        for record in records["2"]:
            for n in range(1, 7):
                key = (record.text_of("exchange"), record.text_of(f"product{n}"), record.text_of(f"family{n}"))
                decimals = record.count_of(f"decimals{n}")
                power = decimals if record.text_of(f"sign{n}") == "-" else -decimals
                link = (index[record.text_of("combined")], power, record.text_of("style") != "F")
                self.links.setdefault(key, link)
                self.links.setdefault(("", key[1], key[2]), link)
        self.prices = {(r.text_of("exchange"), r.text_of("product"), r.text_of("family")): r for r in records["P"]}
        self.series = {
            tuple(r.text_of(name) for name in ("exchange", "product", "family", "month", "day", "option_month", "option_day")): r
            for r in records["B"]
        }


def contracts_of(source: SpanContent, records: dict[str, list[Parsed]], codes: tuple[str, ...], raw: RawContracts) -> Contracts:
    """The contracts of a file.

    Args:
        records: of types 2, P and B
        codes: of the combined commodities, in order
        raw: risk arrays

    Raises:
        MarginError: an option is neither a put nor a call
    """
    keys, first, inverse = np.unique(raw.series, return_index=True, return_inverse=True)
    tables = _Tables(records, codes)
    series = [_series(source, int(raw.lines[row]), key, tables) for key, row in zip(keys.tolist(), first.tolist())]
    kept = np.array([one.kind != NO_SERIES for one in series])[inverse]
    inverse = inverse[kept]
    raw = RawContracts(*(column[kept] for column in raw))

    def text(name: str) -> NDArray[np.str_]:
        values: NDArray[np.str_] = np.array([getattr(one, name) for one in series], np.str_)[inverse]
        return values

    def number(name: str) -> Floats:
        values: Floats = np.array([getattr(one, name) for one in series], np.float64)[inverse]
        return values

    def whole(name: str) -> NDArray[np.int64]:
        values: NDArray[np.int64] = np.array([getattr(one, name) for one in series], np.int64)[inverse]
        return values

    kind = whole("kind")
    is_option = np.isin(kind, (CALL, PUT))
    own_factor = np.nan_to_num(raw.value_factor) > 0.0
    return Contracts(
        text("exchange"),
        text("product"),
        text("family"),
        kind,
        text("period"),
        text("month"),
        text("expiry"),
        np.where(is_option, _aligned(raw.strike, number("strike_power"), text("strike_alignment"), np.zeros(len(kind), np.bool_)), np.nan),
        _aligned(raw.price, number("price_power"), text("price_alignment"), is_option),
        np.where(own_factor, raw.value_factor, number("value_factor")),
        number("price_range"),
        raw.delta,
        number("delta_scaling"),
        whole("premium").astype(np.bool_),
        _scaled(raw.array, number("array_power")[:, None]),
        whole("combined"),
    )


def _series(source: SpanContent, line: int, key: bytes, tables: _Tables) -> _Series:
    text = "  " + key.decode("latin-1")
    part = {field.name: text[field.columns].strip() for field in SERIES_KEY}
    product = (part["exchange"], part["product"], part["family"])
    kind = _kind(source, line, part["family"], part["right"])
    is_option = kind in (CALL, PUT)
    link = tables.links.get(product) or tables.links.get(("", *product[1:])) or (-1, 0.0, True)
    price = tables.prices.get(product)
    more = tables.series.get((*product, part["month"], part["day"], part["option_month"], part["option_day"]))
    factor = price.power_of("value_factor", "value_exponent") if price else math.nan
    if more and more.count_of("value_factor") > 0.0:
        factor = more.power_of("value_factor", "value_exponent")
    scaling = more.number_of("delta_scaling") if more else math.nan
    valuation = price.text_of("valuation") if price else ""
    future = period_of(part["month"], part["day"])
    period = period_of(part["option_month"], part["option_day"]) if is_option else future
    return _Series(
        *product,
        kind,
        period,
        (future if part["family"] == "OOF" else period) or period,
        day_of(more.text_of("expiry") if more else "", period),
        is_option and (valuation not in FUTURES_STYLE if valuation else link[2]),
        link[0],
        link[1],
        -price.count_of("price_decimals") if price else math.nan,
        price.text_of("price_alignment") if price else "",
        -price.count_of("strike_decimals") if price else math.nan,
        price.text_of("strike_alignment") if price else "",
        factor,
        more.power_of("price_range", "price_exponent") if more else math.nan,
        1.0 if math.isnan(scaling) else scaling,
    )


def _kind(source: SpanContent, line: int, family: str, right: str) -> int:
    if family not in FAMILIES:
        return NO_SERIES
    if family in ("PHY", "STOCK"):
        return SPOT
    if family in ("FUT", "CMB"):
        return FUTURE
    if right not in ("C", "P"):
        source.fail(line, f"the option right (column 29) must be C or P, not {right!r}; download the file again")
    return CALL if right == "C" else PUT


def _scaled(values: Floats, power: Floats) -> Floats:
    """Values times ten to whole powers, the negative ones by division, which rounds to the decimal that was printed."""
    return np.where(power > 0.0, values * 10.0 ** np.maximum(power, 0.0), values / 10.0 ** np.maximum(-power, 0.0))


def _aligned(printed: Floats, power: Floats, code: NDArray[np.str_], eighths: Bools) -> Floats:
    """Prices from whole numbers with implied decimals, whose last places are a fraction under an alignment code.

    A price in cents has its fraction in the digit after them (375 3/4 is 3757 where prices are in dollars); in 32nds the first
    two decimals are 32nds and the third is a fraction of one (122 6/32 is 122060). A code that is not known leaves no price.

    Args:
        printed: (N,)
        power: minus the number of decimals (N,)
        code: alignment code, "" where the price is a decimal (N,)
        eighths: the last digit of a price in cents is a number of eighths (N,)
    """
    result = np.where(code == "", _scaled(printed, power), np.nan)
    size, sign = np.abs(np.nan_to_num(printed)), np.where(printed < 0.0, -1.0, 1.0)
    whole, last = np.divmod(size, 10.0)
    cents = (code == CENTS) & np.isfinite(printed)
    fraction = np.where(eighths, EIGHTHS[last.astype(np.int64)], CUT_OFF[last.astype(np.int64)])
    result = np.where(cents & (power == -2.0), _scaled(printed, power), result)  # whole cents
    result = np.where(cents & np.isin(power, (-1.0, -3.0)), sign * _scaled(whole + fraction, power + 1.0), result)
    bonds = (code == THIRTY_SECONDS) & np.isfinite(printed) & (power == -3.0)
    points, parts = np.divmod(whole, 100.0)
    of_32 = parts + CUT_OFF[last.astype(np.int64)]
    return np.where(bonds & (of_32 < 32.0), sign * (points + of_32 / 32.0), result)
