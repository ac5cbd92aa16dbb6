"""The netted option legs and the stock of one account in one underlying."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xlmargin.book.contracts import CALL, SPOT
from xlmargin.errors import MarginError
from xlmargin.margin.valuation import Case
from xlmargin.pricing.arrays import Bools, Floats, Ints

DECIMALS = 10**8  # quantities are distinguished to this part of a unit
FINEST = 10**6  # lots in one leg beyond which quantities count as divisible at will


@dataclass(frozen=True, slots=True)
class Delta:
    """A future or perpetual: its name, net units and price."""

    name: str
    units: float
    price: float


@dataclass(frozen=True, slots=True)
class OptionLegs:
    """Option legs of one account and underlying, sorted by expiry, strike and type (N,), and the stock held with them.

    Attributes:
        names: contracts' names
        call: calls, else puts
        strike: [account currency]
        expiry: seconds since 1970 UTC
        years: to expiry
        units: net, + long, in units of the underlying
        mark: per unit
        spot: price of the underlying per unit
        european: exercised at expiry only
        multiplier: units per contract
        stock: net units of spot
        price: of the stock per unit
        deltas: futures and perpetuals
    """

    names: tuple[str, ...]
    call: Bools
    strike: Floats
    expiry: Floats
    years: Floats
    units: Floats
    mark: Floats
    spot: Floats
    european: Bools
    multiplier: Floats
    stock: float
    price: float
    deltas: tuple[Delta, ...]

    def __len__(self) -> int:
        return len(self.units)

    @property
    def out_of_the_money(self) -> Floats:
        """Amount that each option is out of the money, at least 0 (N,)."""
        return np.maximum(np.where(self.call, self.strike - self.spot, self.spot - self.strike), 0.0)

    @property
    def in_the_money(self) -> Floats:
        """Amount that each option is in the money, at least 0 (N,)."""
        return np.maximum(np.where(self.call, self.spot - self.strike, self.strike - self.spot), 0.0)

    def grain(self, lot: float) -> float:
        """The units that pairing may not split: a lot of contracts, or the largest part of it that every leg is whole in.

        Returns:
            units of the underlying; 0 where the quantities have no such part and count as divisible at will
        """
        wanted = np.concatenate([np.abs(self.units), lot * self.multiplier]) * DECIMALS
        whole = np.rint(wanted)
        if not len(self) or whole.max() > 2**62 or np.any(np.abs(wanted - whole) > 1e-6 * np.maximum(whole, 1.0)):
            return 0.0
        step = math.gcd(*(int(number) for number in whole))
        return step / DECIMALS if whole.max() <= step * FINEST else 0.0


def legs_of(case: Case, a: int, u: int) -> OptionLegs:
    """Net the rows of each contract of account `a` in underlying `u`.

    Raises:
        MarginError: an option has no mark
    """
    held = case.held
    mine = np.flatnonzero((held.underlying == u) & (case.units[a] != 0.0))
    for k in mine[np.isnan(case.marks[mine])].tolist():
        raise MarginError(f"{held.name(k)} has no mark: give Price or IV on its row")
    units, mark, kind = case.units[a], case.marks, held.kind
    k = _sorted(case, mine[kind[mine] >= CALL])
    coin, other = mine[kind[mine] == SPOT], mine[(kind[mine] != SPOT) & (kind[mine] < CALL)]
    size = np.abs(units[coin])
    price = float((size @ mark[coin]) / size.sum()) if len(coin) else math.nan
    deltas = sorted(
        (Delta(held.name(i), float(units[i]), float(mark[i])) for i in other.tolist()),
        key=lambda delta: (delta.name, delta.price, delta.units),
    )
    return OptionLegs(
        tuple(held.name(i) for i in k.tolist()),
        held.kind[k] == CALL,
        held.strike[k],
        held.expiry[k],
        held.years[k],
        units[k],
        mark[k],
        held.spot[k],
        ~held.american[k],
        held.multiplier[k],
        float(units[coin].sum()),
        price,
        tuple(deltas),
    )


def _sorted(case: Case, k: Ints) -> Ints:
    """Options in an order that the order of the rows does not change."""
    held = case.held
    return k[np.lexsort((held.inverse[k], held.american[k], held.multiplier[k], held.kind[k], held.strike[k], held.expiry[k]))]
