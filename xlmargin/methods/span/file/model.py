"""The content of a clearing house's SPAN file, the same for both formats."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import KIND_NAMES
from xlmargin.errors import MarginError
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
    """

    combined: str
    tier: int
    period: str
    ratio: float
    side: str


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


@dataclass(frozen=True, slots=True)
class Contracts:
    """N contracts as columns; numbers that the file does not give are NaN, texts "".

    Attributes:
        kind: SPOT, FUTURE, CALL or PUT of `xlmargin.book.contracts`
        family: one of `FAMILIES`
        period: contract month YYYYMM or day YYYYMMDD, "" of spot
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


@dataclass(frozen=True, slots=True)
class Lookup:
    """Contracts of a file by name; building it costs a pass over them, finding one does not."""

    file: SpanFile
    by_product: dict[tuple[str, int, float], list[int]] = field(default_factory=dict)
    by_combined: dict[tuple[str, int, float], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        contracts, codes = self.file.contracts, tuple(self.file.combined)
        strikes = np.where(np.isnan(contracts.strike), 0.0, contracts.strike).tolist()
        columns = zip(contracts.product.tolist(), contracts.kind.tolist(), strikes, contracts.combined.tolist())
        for row, (product, kind, strike, combined) in enumerate(columns):
            self.by_product.setdefault((product, kind, strike), []).append(row)
            if combined >= 0:
                self.by_combined.setdefault((codes[combined], kind, strike), []).append(row)

    def find(self, code: str, kind: int, period: str = "", strike: float = math.nan) -> int:
        """Row of one contract.

        Args:
            code: product, or combined commodity where no product of that name has the contract
            kind: SPOT, FUTURE, CALL or PUT
            period: YYYYMM or YYYYMMDD; a month also finds the one contract that expires on a day of it
            strike: of options

        Raises:
            MarginError: the file has no such contract, or more than one
        """
        key = (code, kind, 0.0 if math.isnan(strike) else strike)
        for index in (self.by_product, self.by_combined):
            rows = list(self._matching(index.get(key, []), period))
            if len(rows) == 1:
                return rows[0]
            if rows:
                raise MarginError(self._ambiguous(code, rows))
        wanted = " ".join([code, KIND_NAMES[kind], period, "" if math.isnan(strike) else f"{strike:.15g}"])
        raise MarginError(f"{self.file.source} has no contract {' '.join(wanted.split())}: check the product, the period and the strike")

    def _matching(self, rows: list[int], period: str) -> Iterator[int]:
        """Rows of that period exactly, or else of that month."""
        periods = self.file.contracts.period
        exact = [row for row in rows if periods[row] == period]
        yield from exact or (row for row in rows if len(period) == 6 and periods[row].startswith(period))

    def _ambiguous(self, code: str, rows: list[int]) -> str:
        contracts = self.file.contracts
        shown = ", ".join(f"{contracts.exchange[row]} {contracts.family[row]} {contracts.name(row)}" for row in rows[:4])
        return (
            f"{self.file.source} has {len(rows)} contracts for {code} ({shown}{', …' if len(rows) > 4 else ''}): "
            "give the product or the day of the period"
        )
