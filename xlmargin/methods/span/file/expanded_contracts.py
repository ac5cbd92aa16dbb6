"""Contracts of the expanded format: risk arrays joined with the product and series of records 2, P and B."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL, FUTURE, PUT, SPOT
from xlmargin.methods.span.file.layout import SERIES_KEY
from xlmargin.methods.span.file.model import FAMILIES, Contracts
from xlmargin.methods.span.file.periods import period_of
from xlmargin.methods.span.file.records import Parsed
from xlmargin.methods.span.file.risk_arrays import RawContracts
from xlmargin.methods.span.file.source import SpanContent
from xlmargin.pricing.arrays import Floats

Product = tuple[str, str, str]  # exchange, product, family

FUTURES_STYLE = {"FUT", "FUTDA", "FWD"}
NO_SERIES = -1  # kind of a series whose product type is not read


class _Series(NamedTuple):
    """The common properties of all contracts of one series and right."""

    exchange: str
    product: str
    family: str
    kind: int
    period: str
    premium: bool
    combined: int
    array_power: float
    price_power: float
    strike_power: float
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
    own_factor = np.nan_to_num(raw.value_factor) > 0.0
    return Contracts(
        text("exchange"),
        text("product"),
        text("family"),
        kind,
        text("period"),
        np.where(np.isin(kind, (CALL, PUT)), _scaled(raw.strike, number("strike_power")), np.nan),
        _scaled(raw.price, number("price_power")),
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
    return _Series(
        *product,
        kind,
        period_of(part["option_month"], part["option_day"]) if is_option else period_of(part["month"], part["day"]),
        is_option and (valuation not in FUTURES_STYLE if valuation else link[2]),
        link[0],
        link[1],
        -price.count_of("price_decimals") if price else math.nan,
        -price.count_of("strike_decimals") if price else math.nan,
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
