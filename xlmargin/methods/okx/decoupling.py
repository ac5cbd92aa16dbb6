"""OKX's MR9: dollars in one stablecoin that hedge dollars in another, charged by tiers of the hedge and by the coin's price.

Source: OKX help, Portfolio margin mode, updated 2025-12-04, in copies whose table shows the cells at par, at 0.99 and up to 0.80.
"""

from __future__ import annotations

import numpy as np

from xlmargin.book.contracts import SPOT
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, given, not_modelled, times, total
from xlmargin.margin.valuation import Case
from xlmargin.methods.okx.tables import DECOUPLING, steps
from xlmargin.pricing.arrays import Floats

LABEL = "MR9 stablecoin decoupling"
PAIRS = (("USDT", "USD"), ("USDT", "USDC"), ("USDC", "USD"))  # in the order in which they are hedged
AT_PAR, AT_99, AT_80 = 0.995, 0.99, 0.80  # prices from which, or up to which, a column of the table was read
UNREAD = "this part of OKX's table could not be read: give decoupling_rates for the prices of the day"


def decoupling(case: Case) -> Line:
    """The charge on each hedge between USDT, USDC and USD; a line that says so where there is none."""
    deltas = {currency: _cash_delta(case, currency) for currency in ("USDT", "USDC", "USD")}
    charges = [_charge(case, first, _hedged(deltas, first, second), f"{first} against {second}") for first, second in PAIRS]
    found = [line for lines in charges for line in lines]
    if not found:
        return not_modelled(LABEL, "no opposite dollars in spot rows of stablecoins and usd_cash_delta; those of derivatives are not known")
    return total(LABEL, found, status="estimate", source=case.rules.get("decoupling_at_par").source)


def _cash_delta(case: Case, currency: str) -> Floats:
    """Dollars that each account holds in a currency, + long: as given, else of its spot rows (A,)."""
    name = f"{currency.lower()}_cash_delta"
    if not case.rules.is_unset(name):
        return np.full(len(case.book.accounts), case.rules.number(name))
    if currency not in case.names:
        return np.zeros(len(case.book.accounts))
    u = case.names.index(currency)
    chosen = case.some(u, (SPOT,))
    return np.asarray((case.units[:, chosen] * case.marks[chosen]).sum(axis=1), np.float64)


def _hedged(deltas: dict[str, Floats], first: str, second: str) -> Floats:
    """Dollars of two currencies that offset each other, which are taken off both (A,)."""
    one, other = deltas[first], deltas[second]
    size = np.where(one * other < 0.0, np.minimum(np.abs(one), np.abs(other)), 0.0)
    deltas[first], deltas[second] = one - np.sign(one) * size, other - np.sign(other) * size
    return size


def _charge(case: Case, coin: str, hedge: Floats, label: str) -> list[Line]:
    """The parts of a hedge at their rates, and a line for what is beyond the cells that were read."""
    if not hedge.any():
        return []
    price, left, lines, start = _price(case, coin), hedge, list[Line](), 0.0
    for end, rates in _tiers(case.rules, coin, price):
        part = np.clip(hedge - start, 0.0, end - start)
        known = np.isfinite(rates)
        if (part * known).any():
            parts = (
                given("Hedged part", np.where(known, part, 0.0), "USD of the hedge in this tier"),
                given("Rate", np.where(known, rates, 0.0), f"by the price of {coin}, {price.min():.6g}"),
            )
            lines.append(times(f"{label} above {start:,.10g}", parts))
        left, start = left - np.where(known, part, 0.0), end
    if (left > 0.0).any():
        lines.append(not_modelled(f"{label}, {left.max():,.10g} of it", UNREAD))
    return lines


def _price(case: Case, coin: str) -> Floats:
    """The price of a stablecoin in USD; 1 where the book holds none of it (A,)."""
    return case.book.spot[:, case.names.index(coin)] if coin in case.names else np.ones(len(case.book.accounts))


def _tiers(rules: Rules, coin: str, price: Floats) -> list[tuple[float, Floats]]:
    """The end of each tier and its rate in each account, NaN where it was not read."""
    if not rules.is_unset("decoupling_rates"):
        ends, rates = steps(rules.word("decoupling_rates"), "decoupling_rates")
        return [(end, np.full(price.shape, rate)) for end, rate in zip(ends.tolist(), rates.tolist())]
    if coin != "USDT":  # USDC's table was not readable at all
        return []
    tables = [steps(rules.word(name), name) for name in DECOUPLING[1:]]
    at = [price >= AT_PAR, (price >= AT_99) & (price < AT_PAR), price <= AT_80]
    ends = np.unique(np.concatenate([table[0] for table in tables]))
    return [(float(end), np.select(at, [_at(table, float(end)) for table in tables], np.nan)) for end in ends]


def _at(table: tuple[Floats, Floats], end: float) -> float:
    """The rate of a table in the tier up to an end, NaN beyond its last."""
    n = int(np.searchsorted(table[0], end))
    return float(table[1][n]) if n < len(table[1]) else np.nan
