"""Hyperliquid's portfolio margin: perpetuals and dollars borrowed against spot, by one ratio of requirement and liquidation value.

The venue liquidates above a ratio, not below a margin. Here the maintenance margin is what makes both the same: equity less
maintenance is 0.95 × liquidation value − requirement, and equity less initial margin is what may still be borrowed.

The page leaves open what is borrowed for maintenance. A live account's answers say: what the balance lacks of the perpetuals' own
maintenance is borrowed too, and is then part of the balance; the offset is a least amount of it.

Source: Hyperliquid docs, Portfolio margin and Margin tiers; the endpoint's answers of 2026-09-08.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xlmargin.book.contracts import FUTURE, PERPETUAL, SPOT
from xlmargin.errors import MarginError
from xlmargin.margin import lines
from xlmargin.margin.statement import Line, given, less, times, total
from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods.hyperliquid.info_answers import saved as saved  # a hook of the method
from xlmargin.methods.hyperliquid.spot_loan import MONEY, Loan, borrowable

_NONE = "no perpetuals"
NEEDS_VOL = False
BALANCES_COUNT = True


def requirement(case: Case) -> Margin:
    """Margin of the perpetuals, and where balances are told, what of them does not count.

    Returns:
        requirements + required; no option value is credited

    Raises:
        MarginError: the book holds what the venue does not list or lend, or a perpetual whose leverage is not known
    """
    _refuse(case)
    initial = lines.by_underlying(case, "Initial margin of perpetuals", _initial)
    maintenance = lines.by_underlying(case, "Cross maintenance margin", _maintenance)
    loan = Loan(case, maintenance)
    nothing = given("Option value credited", 0.0, "the venue lists no options")
    return Margin(
        total("Initial margin", (initial, times("Coins that may not be borrowed against", (loan.in_use, loan.without_loan)))),
        total("Maintenance margin", (maintenance, times("Balances that do not count", (loan.in_use, loan.beyond)))),
        lambda: (*loan.told(initial), nothing),
        nothing,
    )


def _refuse(case: Case) -> None:
    """Refuse what the venue does not list, and coins borrowed that it does not lend.

    Raises:
        MarginError: naming the position and the cure
    """
    name, held = case.rules.meta.name, case.held
    for k in np.flatnonzero((held.is_option | (held.kind == FUTURE)) & (case.units != 0.0).any(axis=0)).tolist():
        what = "options" if held.is_option[k] else "dated futures"
        raise MarginError(f"{name} lists no {what}: take {held.name(k)} out of the book, or choose another method")
    lent = borrowable(case)
    for k in np.flatnonzero((held.kind == SPOT) & (case.units < 0.0).any(axis=0)).tolist():
        if (coin := case.names[held.underlying[k]]) not in (*MONEY, *lent):
            raise MarginError(f"{name} lends {', '.join(lent)} alone: borrowed {coin} cannot be margined: mend the row, or give borrowable")


# ---- perpetuals


def _notional(case: Case, u: int) -> Line:
    """Notional of one coin's perpetuals, net and without sign, at their marks."""
    amounts = case.net(case.some(u, (PERPETUAL,)), each=case.held.forward).amount
    return given("Notional", np.abs(amounts.sum(axis=1)), "perpetuals, net, at their marks")


@dataclass(frozen=True)
class _Tiers:
    """The two tiers of a coin's leverage; one where the second is not set.

    Attributes:
        first, second: rates of initial margin, 1 / leverage
        bound: notional from which the second holds, infinite where there is none [USD]
        status, source: of the leverage
    """

    first: float
    second: float
    bound: float
    status: str
    source: str

    @classmethod
    def of(cls, case: Case, coin: str) -> _Tiers:
        """The tiers of a coin.

        Raises:
            MarginError: its leverage is not known
        """
        rules, known = case.rules, case.rules.get("max_leverage", coin)
        first = 1.0 / rules.number("max_leverage", coin)
        given_alone = known.status == "given" and rules.get("second_tier_from", coin).status != "given"
        if given_alone or rules.is_unset("second_tier_from", coin):
            return cls(first, first, np.inf, known.status, known.source)
        return cls(
            first, 1.0 / rules.number("second_tier_leverage", coin), rules.number("second_tier_from", coin), known.status, known.source
        )

    def rate(self, notional: Line) -> Line:
        """The rate of initial margin of each account's position."""
        return given(
            "Rate",
            np.where(notional.value < self.bound, self.first, self.second),
            "1 / max_leverage of the tier of the notional",
            status=self.status,
            source=self.source,
        )

    def deduction(self, notional: Line) -> Line:
        """What a position of the second tier is asked less for, so that its maintenance margin grows without a step."""
        step = 0.5 * (self.second - self.first) * self.bound if self.second > self.first else 0.0
        return given(
            "Deduction",
            np.where(notional.value < self.bound, 0.0, step),
            "lower bound of the tier × the rise of the maintenance rate",
            status=self.status,
            source=self.source,
        )


def _initial(case: Case, u: int) -> Line:
    """Initial margin of one coin's perpetual: its notional at the largest leverage of its tier."""
    coin, notional = case.names[u], _notional(case, u)
    if not notional.value.any():
        return given(coin, 0.0, _NONE)
    return times(coin, (notional, _Tiers.of(case, coin).rate(notional)))


def _maintenance(case: Case, u: int) -> Line:
    """Maintenance margin of one coin's perpetual: half the rate, less what the tiers below have already asked less for."""
    coin, notional = case.names[u], _notional(case, u)
    if not notional.value.any():
        return given(coin, 0.0, _NONE)
    tiers = _Tiers.of(case, coin)
    half = given("Half", 0.5, "the maintenance rate is half of the initial rate")
    paid = times("At the tier's rate", (notional, tiers.rate(notional), half))
    return less(coin, (paid, tiers.deduction(notional)))
