"""The content of a clearing house's SPAN file, the same for both formats."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import KIND_NAMES
from xlmargin.pricing.arrays import Floats, Ints

Texts = NDArray[np.str_]

SCENARIOS = 16
# The product types of the files that are read: spot, futures, combinations, and options on futures, physicals,
# combinations and equities. Source: CME, SPAN risk parameter file layouts, type 2 and type 8 records.
FAMILIES = ("PHY", "STOCK", "FUT", "CMB", "OOF", "OOP", "OOC", "OOE")


@dataclass(frozen=True, slots=True)
class Tier:
    """A range of contract periods.

    Attributes:
        number: 0 means the whole combined commodity
        start, end: first and last period, YYYYMM or YYYYMMDD, "" where not bounded
    """

    number: int
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class SpreadLeg:
    """One leg of a spread.

    Attributes:
        combined: code of the combined commodity
        tier: tier of the leg, 0 where it is a period or the whole combined commodity
        period: YYYYMM or YYYYMMDD, "" where the leg is a tier
        ratio: deltas per spread
        side: A or B; A against B means opposite sides of the market
        required: the spread is formed only where a position has this leg
    """

    combined: str
    tier: int
    period: str
    ratio: float
    side: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class IntraSpread:
    """A spread between tiers or periods of one combined commodity; the lowest priority number comes first.

    Attributes:
        charge: charge per spread [currency]
    """

    priority: int
    charge: float
    legs: tuple[SpreadLeg, ...]


@dataclass(frozen=True, slots=True)
class InterSpread:
    """A spread between combined commodities; the lowest priority number comes first.

    Attributes:
        method: spread method of the file, "" where it is not given; 04 and S are scanning-based
        flat: the rate is money per spread rather than a share of the weighted futures price risk
        rate: share (0.8 is 80 %) or, if flat, currency
    """

    priority: int
    method: str
    flat: bool
    rate: float
    legs: tuple[SpreadLeg, ...]


@dataclass(frozen=True, slots=True)
class DeliveryCharge:
    """Delivery charges of one contract period: per delta consumed by spreads and per delta left outright [currency]."""

    period: str
    consumed: float
    outright: float


@dataclass(frozen=True, slots=True)
class CombinedCommodity:
    """Everything on one underlying, margined together. Amounts are before the risk exponent.

    Attributes:
        risk_exponent: amounts of this combined commodity are to be multiplied by 10 to this power
        short_option_minimum: rate per short option of the whole combined commodity [currency]
        short_option_method: gross (calls and puts) or max (the greater count)
        wfpr_method: NORMAL, SCANRANGE_CAP or SCANRANGE
        limits_net_option_value: long option value cannot offset other combined commodities
        initial_ratios: initial over maintenance requirement, by type of account
        scanning_tiers: ranges of periods that are scanned apart from each other; one tier of number 0 without bounds means
            that every period is
        minimums_by_tier: tiers have short option minimums of their own
        not_applied: what else the file says of the requirement, in words
    """

    code: str
    risk_exponent: int = 0
    tiers: tuple[Tier, ...] = ()
    intra_spreads: tuple[IntraSpread, ...] = ()
    deliveries: tuple[DeliveryCharge, ...] = ()
    short_option_minimum: float = 0.0
    short_option_method: str = "gross"
    wfpr_method: str = "NORMAL"
    limits_net_option_value: bool = False
    initial_ratios: Mapping[str, float] = field(default_factory=dict)
    scanning_tiers: tuple[Tier, ...] = ()
    minimums_by_tier: bool = False
    not_applied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contracts:
    """N contracts as columns; numbers that the file does not give are NaN, texts "".

    Attributes:
        kind: SPOT, FUTURE, CALL or PUT of `xlmargin.book.contracts`
        family: one of `FAMILIES`
        period: contract month YYYYMM or day YYYYMMDD, "" of spot
        month: the period in which its deltas count in tiers, spreads and deliveries: that of the future that an option is on, else
            its own
        expiry: day YYYYMMDD on which it expires, "" where the file does not say
        strike: NaN of everything but options
        price: settlement price; value_factor: currency per one of price, per contract
        price_range: price scan range as printed
        delta: composite delta; delta_scaling: factor on it
        premium: options that are paid for up front, whose value counts as net option value
        array: losses positive per one long contract, as printed, before the risk exponent (N, 16) [currency]
        combined: index into the combined commodities of the file, −1 where none has the product
    """

    exchange: Texts
    product: Texts
    family: Texts
    kind: Ints
    period: Texts
    month: Texts
    expiry: Texts
    strike: Floats
    price: Floats
    value_factor: Floats
    price_range: Floats
    delta: Floats
    delta_scaling: Floats
    premium: NDArray[np.bool_]
    array: Floats
    combined: Ints

    def __len__(self) -> int:
        return len(self.kind)

    def name(self, row: int) -> str:
        """A contract as messages show it: `SB call 201005 24.25`."""
        parts = [str(self.product[row]), KIND_NAMES[self.kind[row]], str(self.period[row])]
        if math.isfinite(self.strike[row]):
            parts.append(f"{self.strike[row]:.15g}")
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class SpanFile:
    """A SPAN risk parameter file.

    Attributes:
        source: file name
        combined: by code, in the order that `Contracts.combined` counts
    """

    source: str
    business_date: dt.date
    combined: dict[str, CombinedCommodity]
    inter_spreads: tuple[InterSpread, ...]
    contracts: Contracts
