"""What a clearing house's SPAN file says, whichever of the two formats it came in."""

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
class Points:
    """The scenarios as the file defines them.

    Attributes:
        price: price move over price scan range (16,)
        vol: vol move over vol scan range (16,)
        weight: share of the loss that counts (16,)
        pair: index, from 0, of the point with the opposite vol move (16,)
    """

    price: Floats
    vol: Floats
    weight: Floats
    pair: Ints


@dataclass(frozen=True, slots=True)
class Tier:
    """A range of contract periods.

    Attributes:
        number: 0 means the whole combined commodity
        start, end: first and last period, YYYYMM or YYYYMMDD, "" where not bounded
        rate: short option minimum of the tier, NaN where it has none [currency]
    """

    number: int
    start: str
    end: str
    rate: float = math.nan


@dataclass(frozen=True, slots=True)
class SpreadLeg:
    """One leg of a spread.

    Attributes:
        combined: code of the combined commodity
        tier: tier of the leg, 0 where it is a period or the whole combined commodity
        period: YYYYMM or YYYYMMDD, "" where the leg is a tier
        ratio: deltas per spread
        side: A or B; A against B means opposite sides of the market
        required: whether a scanning-based spread needs this leg
        target: whether a scanning-based spread puts the combined result here
        rate: credit of this leg alone, NaN where the spread has one rate for all legs
    """

    combined: str
    tier: int
    period: str
    ratio: float
    side: str
    required: bool = True
    target: bool = False
    rate: float = math.nan


@dataclass(frozen=True, slots=True)
class IntraSpread:
    """A spread between tiers or periods of one combined commodity; the lowest priority number comes first.

    Attributes:
        method: charge method as the file prints it; F is a flat charge per spread
        charge: charge per spread [currency]
    """

    priority: int
    method: str
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
class AdjustRate:
    """A requirement level derived from another by a factor (XML `adjRate`); the ids are the file's rate ids."""

    rate: str
    base: str
    factor: float


@dataclass(frozen=True, slots=True)
class CombinedCommodity:
    """Everything on one underlying, margined together. Amounts are before the risk exponent.

    Attributes:
        risk_exponent: amounts of this combined commodity are to be multiplied by 10 to this power
        products: (exchange, product, family), one of `FAMILIES` or as printed
        intra_method, delivery_method: codes as printed
        deliveries: charges by period; `basis_risk` is (spot product, rate) where delivery method 11 states one
        short_option_minimum: rate per short option of the whole combined commodity [currency]
        short_option_method: gross (calls and puts) or max (the greater count)
        wfpr_method: NORMAL, SCANRANGE_CAP or SCANRANGE
        limits_net_option_value: long option value cannot offset other combined commodities
        initial_ratios: initial to maintenance of members, hedgers, speculators, NaN where not given (3,)
        adjustment_factors: risk maintenance adjustment of the same three, NaN where not given (3,)
    """

    code: str
    currency: str = ""
    risk_exponent: int = 0
    products: tuple[tuple[str, str, str], ...] = ()
    intra_method: str = ""
    tiers: tuple[Tier, ...] = ()
    intra_spreads: tuple[IntraSpread, ...] = ()
    delivery_method: str = ""
    deliveries: tuple[DeliveryCharge, ...] = ()
    basis_risk: tuple[str, float] | None = None
    short_option_minimum: float = 0.0
    short_option_method: str = "gross"
    short_option_tiers: tuple[Tier, ...] = ()
    scan_tiers: tuple[Tier, ...] = ()
    inter_tiers: tuple[Tier, ...] = ()
    wfpr_method: str = "NORMAL"
    limits_net_option_value: bool = False
    initial_ratios: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    adjustment_factors: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    adjust_rates: tuple[AdjustRate, ...] = ()


@dataclass(frozen=True, slots=True)
class Contracts:
    """N contracts as columns; numbers that the file does not give are NaN, texts "".

    Attributes:
        kind: SPOT, FUTURE, CALL or PUT of `xlmargin.book.contracts`
        family: one of `FAMILIES`
        period: contract month YYYYMM or day YYYYMMDD, "" of spot
        expiry: seconds since 1970 of the start of the expiry day UTC; the files give no hour
        strike: NaN of everything but options
        price: settlement price; value_factor: currency per one of price, per contract
        price_range, vol_range: scan ranges as printed
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
    expiry: Floats
    strike: Floats
    underlying: Texts
    underlying_period: Texts
    currency: Texts
    price: Floats
    value_factor: Floats
    price_range: Floats
    vol_range: Floats
    vol: Floats
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
        source: file name; format: `pa2` (expanded positional) or `spn` (XML)
        look_ahead_years: time that passes in every scenario, NaN where not given [years]
        contract_scale: what the XML says as `isContractScale`; False in the positional format, which has no such flag
        points, delta_weights: None in the positional format, which implies the usual ones
        currencies: (from, to) -> rate
        combined: by code, in the order that `Contracts.combined` counts
        notes: what was left unread, and what a reader of the numbers should know
    """

    source: str
    format: str
    business_date: dt.date
    is_settlement: bool
    clearing_org: str
    look_ahead_years: float
    contract_scale: bool
    points: Points | None
    delta_weights: Floats | None
    currencies: dict[tuple[str, str], float]
    combined: dict[str, CombinedCommodity]
    inter_spreads: tuple[InterSpread, ...]
    contracts: Contracts
    notes: tuple[str, ...]


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

    def find(self, code: str, kind: int, period: str = "", strike: float = math.nan, *, exchange: str = "", family: str = "") -> int:
        """Row of one contract.

        Args:
            code: product, or combined commodity where no product of that name has the contract
            kind: SPOT, FUTURE, CALL or PUT
            period: YYYYMM or YYYYMMDD; a month also finds the one contract that expires on a day of it
            strike: of options
            exchange, family: told where a code alone is not enough

        Raises:
            MarginError: the file has no such contract, or more than one
        """
        key = (code, kind, 0.0 if math.isnan(strike) else strike)
        for index in (self.by_product, self.by_combined):
            rows = list(self._matching(index.get(key, []), period, exchange, family))
            if len(rows) == 1:
                return rows[0]
            if rows:
                raise MarginError(self._ambiguous(code, rows))
        wanted = " ".join([code, KIND_NAMES[kind], period, "" if math.isnan(strike) else f"{strike:.15g}"])
        raise MarginError(f"{self.file.source} has no contract {' '.join(wanted.split())}: check the product, the period and the strike")

    def _matching(self, rows: list[int], period: str, exchange: str, family: str) -> Iterator[int]:
        """Rows of that period exactly, or else of that month."""
        contracts = self.file.contracts
        rows = [
            row for row in rows if (not exchange or contracts.exchange[row] == exchange) and (not family or contracts.family[row] == family)
        ]
        exact = [row for row in rows if contracts.period[row] == period]
        yield from exact or (row for row in rows if len(period) == 6 and contracts.period[row].startswith(period))

    def _ambiguous(self, code: str, rows: list[int]) -> str:
        contracts = self.file.contracts
        shown = ", ".join(f"{contracts.exchange[row]} {contracts.family[row]} {contracts.name(row)}" for row in rows[:4])
        return (
            f"{self.file.source} has {len(rows)} contracts for {code} ({shown}{', …' if len(rows) > 4 else ''}): "
            "give the product, the day of the period or the exchange"
        )
