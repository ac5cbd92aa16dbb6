"""Paradex portfolio margin as the venue's engine computes it: scenarios, a minimum on deltas, fees, funding, spot, open orders.

Source: paradex-py 0.8.2, paradex_py/margin/portfolio_margin.py; docs.paradex.trade/risk/portfolio-margin.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, FUTURE, SPOT
from xlmargin.book.market import YEAR
from xlmargin.margin import lines
from xlmargin.margin.grid_scenarios import TENOR, grid
from xlmargin.margin.netting import total_by
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, above, given, largest, over_book, parameter, sum_of, times, total
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.methods.paradex import provisions
from xlmargin.methods.paradex.balances import spot_balances
from xlmargin.methods.paradex.orders import Orders, orders_of
from xlmargin.methods.paradex.saved_config import saved  # noqa: F401 - a hook of this method
from xlmargin.methods.paradex.spot_options import deltas, prices
from xlmargin.pricing.arrays import Bools, Floats, Ints
from xlmargin.scenarios.blocks import picked
from xlmargin.scenarios.risk_array import require_european, require_vols, spot_share
from xlmargin.scenarios.scenarios import Scenarios, Tenor

ARRAY_OF_INSTRUMENTS = True
MARGINS_ORDERS = True
_LAST = 1800.0  # seconds before expiry in which the settlement price is averaged
_CELLS = 500_000  # prices of one block
_HOW = "Black-Scholes on spot less the mark, up shocks to min_vol_shock_up at least, in the last half hour × seconds left / 1800"


def scenarios(names: tuple[str, ...], rules: Rules, beside: Given = NOTHING_GIVEN) -> Scenarios:
    """The venue's scenarios of each coin; a coin that is only held as spot needs none."""
    return replace(grid(names, rules, beside, beside.spot_alone), how="as the venue's engine does", option_how=_HOW)


def share(book: Book, _: Rules) -> Floats:
    """The scenarios act on all but spot, which is charged apart, (A, K)."""
    return spot_share(book.instruments, book.by_instrument(book.units), ("collateral",) * len(book.instruments.underlyings))


def prepared(book: Book, rules: Rules) -> tuple[Book, Rules]:
    """The book with the venue's own value as the mark of each option that has none."""
    held = book.instruments
    chosen = np.flatnonzero(held.is_option & np.isnan(held.price) & np.isfinite(held.vol))
    if not len(chosen):
        return book, rules
    price = held.price.copy()
    price[chosen] = prices(*_terms(book, rules, chosen))
    return replace(book, instruments=replace(held, price=price)), rules


def _terms(book: Book, rules: Rules, chosen: Ints) -> tuple[Bools, Floats, Floats, Floats, Floats, Floats]:
    """What the price of some options follows from: call or put, spot, strike, years, interest rate, vol, each (N,)."""
    some = picked(book.instruments, chosen)
    rate = _by_underlying(some.underlying, some.underlyings, rules, "interest_rate")
    return some.kind == CALL, some.spot, some.strike, some.years, rate, some.vol


def _by_underlying(of: Ints, names: tuple[str, ...], rules: Rules, name: str) -> Floats:
    """A number of the rulebook for the underlying of each of some instruments (N,)."""
    values = np.zeros(len(names))
    for u in np.unique(of).tolist():
        values[u] = rules.number(name, names[u])
    return np.asarray(values[of], np.float64)


def _live(book: Book) -> Floats:
    """Part of an option's profit and loss that counts: it shrinks over the last half hour; 1 of all else, (K,)."""
    held = book.instruments
    return np.where(held.is_option, np.minimum(held.years * YEAR / _LAST, 1.0), 1.0)


def risk_array(book: Book, scenarios: Scenarios, rules: Rules) -> Floats:
    """Profit and loss of one long unit from its mark, after the floor of the vol, the last half hour and the weight (K, S).

    Raises:
        MarginError: an option is American, or has no vol
    """
    held = book.instruments
    require_vols(held, held.is_option)
    require_european(held)
    result = held.level[:, None] * scenarios.price.T[held.underlying]
    option, width = np.flatnonzero(held.is_option), max(1, _CELLS // max(1, len(scenarios)))
    for chosen in (option[start : start + width] for start in range(0, len(option), width)):
        call, *terms = _terms(book, rules, chosen)
        spot, strike, years, rate, vol = (column[:, None] for column in terms)
        u = held.underlying[chosen]
        shock = scenarios.vol.T[u] * _tenors(years[:, 0], u, held.underlyings, rules)[:, None]
        after = np.maximum(vol * (1.0 + shock), scenarios.floors(u).T)
        value = prices(call[:, None], spot * (1.0 + scenarios.price.T[u]), strike, years, rate, after)
        result[chosen] = value - held.price[chosen, None]
    return np.asarray(result * _live(book)[:, None] * scenarios.weight.T[held.underlying], np.float64)


def _tenors(years: Floats, of: Ints, names: tuple[str, ...], rules: Rules) -> Floats:
    """Factor on the vol shock of each option; the venue's configuration may give each coin its own powers (N,)."""
    result = np.ones(len(years))
    for u in np.unique(of).tolist():
        mine = of == u
        result[mine] = Tenor(*(rules.number(name, names[u]) for name in TENOR)).scale(years[mine])
    return result


def pnl(case: Case) -> Floats:
    """Profit and loss of positions less what orders would lose at their limits (A, S, U)."""
    orders, result = orders_of(case), np.zeros((len(case.book.accounts), len(case.scenarios), len(case.names)))
    for u in range(len(case.names)):
        result[:, :, u] = -np.stack([loss.value for loss in case.losses(u)], axis=1)
        if len(orders.rows):
            result[:, :, u] -= np.stack([loss.value for loss in _order_losses(case, u, orders)], axis=1)
    return result


def _order_losses(case: Case, u: int, orders: Orders) -> list[Line]:
    """What the open orders of one underlying would lose in each scenario if they were filled at their limits: S lines."""
    mine = np.flatnonzero(case.held.underlying[orders.instrument] == u)
    k, units, accounts = orders.instrument[mine], orders.units[mine], len(case.book.accounts)
    counted = case.scenarios.weight.T[u] * _live(case.book)[k, None]
    gain = case.array[k] + counted * (case.marks[k] - orders.limit[mine])[:, None]  # of one unit bought at the limit
    lost = np.maximum(-np.sign(units)[:, None] * gain, 0.0)

    def row(n: int, s: int) -> Line:
        place = int(orders.rows[mine[n]])
        label, source = f"Row {case.book.row[place]}: {case.book.names[place]}", f"positions row {case.book.row[place]}"
        loss = given(
            "Loss per unit",
            float(lost[n, s]),
            f"limit {orders.limit[mine[n]]:,.10g} against the scenario's price, after weight, at least 0",
        )
        return times(label, (given("Size", abs(float(units[n])), "units of the underlying", source=source), loss), source=source)

    def rows(s: int, a: int) -> tuple[Line, ...]:
        return tuple(row(n, s) for n in np.flatnonzero(orders.account[mine] == a).tolist())

    def line(s: int) -> Line:
        value = total_by(orders.account[mine], np.abs(units) * lost[:, s], accounts)
        return sum_of("Open orders", value, partial(rows, s), "filled at their limits")

    return [line(s) for s in range(len(case.scenarios))]


def requirement(case: Case) -> Margin:
    """The larger of scan risk and minimum delta requirement of each underlying, the provisions, and spot in full.

    Maintenance is a share of what the positions alone need, and the provisions of the positions and spot in full.

    Returns:
        requirements + required

    Raises:
        MarginError: a coin is not listed, an option is American or has no vol, or an order is one of spot
    """
    orders, moved = orders_of(case), np.flatnonzero(case.held.beyond_spot).tolist()
    spot, positions = spot_balances(case, orders), orders.none()
    nets = [_net(case, u, orders) for u in moved]
    funding, fees = (each(case, moved, orders) for each in (provisions.funding, provisions.fees))
    initial = total("Initial margin", (over_book("Net requirement", nets), funding, fees, spot))
    if len(orders.rows):  # what orders add is in initial margin alone
        nets = [_net(case, u, positions) for u in moved]
        funding, fees = (each(case, moved, positions, " of positions") for each in (provisions.funding, provisions.fees))
    else:
        nets, funding, fees = list(map(above, nets)), above(funding), above(fees)
    shares = [
        times(case.names[u], (net, parameter(case.rules, "Maintenance ratio", "maintenance_ratio", case.names[u])))
        for u, net in zip(moved, nets)
    ]
    kept = over_book("Net requirement for maintenance", shares)
    return lines.margin(case, initial, total("Maintenance margin", (kept, funding, fees, above(spot))))


def _net(case: Case, u: int, orders: Orders) -> Line:
    """Net requirement of one underlying, of positions with some orders."""
    parts = _scan(case, u, orders), _minimum(case, u, orders)
    if case.some(u, (FUTURE,)).any():
        return largest(case.names[u], parts, status="estimate", source="xlmargin: Paradex lists no dated futures; read as a perpetual")
    return largest(case.names[u], parts)


def _scan(case: Case, u: int, orders: Orders) -> Line:
    """Largest loss over the scenarios of one underlying."""
    if not len(orders.rows):
        return case.scan(u)
    both = zip(case.losses(u), _order_losses(case, u, orders))
    found = [total(loss.label, (replace(loss, label="Positions"), more)) for loss, more in both]
    return case.worst(u, found)


def _minimum(case: Case, u: int, orders: Orders) -> Line:
    """Minimum delta requirement: a rate on the largest net delta that orders could lead to, a lower one on the hedged delta."""
    name, chosen = case.names[u], np.flatnonzero(case.some(u) & (case.held.kind != SPOT))
    each = _deltas(case.book, case.rules, chosen)
    long, short = _sides(case.units[:, chosen] * each)
    bought, sold = (_sides(side[:, chosen] * sign * each) for side, sign in ((orders.buys, 1.0), (orders.sells, -1.0)))
    most_long, most_short = long + bought[0] + sold[0], short + bought[1] + sold[1]
    net = np.maximum(np.maximum(most_long - short, most_short - long), 0.0)
    hedged = np.maximum(np.maximum(most_long, most_short) - net, 0.0)
    told = " of positions with the larger side of the orders" if len(orders.rows) else ""
    spot = np.where(most_long + most_short > 0.0, case.book.spot[:, u], 0.0)
    return times(
        "Minimum delta requirement",
        (
            total(
                "Deltas at their rates",
                (
                    _at_rate(case, name, "net", net, f"absolute sum of the deltas{told}"),
                    _at_rate(case, name, "hedged", hedged, f"(gross − net) / 2 of the deltas{told}"),
                ),
            ),
            given("Spot", spot, "of the market range or the rows, their mean where they differ"),
        ),
    )


def _at_rate(case: Case, name: str, kind: str, amount: Floats, detail: str) -> Line:
    """A delta of one underlying at its rate."""
    rate = parameter(case.rules, "Rate", f"{kind}_delta_rate", name)
    return times(f"On the {kind} delta", (given(f"{kind.capitalize()} delta", amount, detail), rate))


def _deltas(book: Book, rules: Rules, chosen: Ints) -> Floats:
    """Delta of one long unit of some instruments: the cell Delta, else Black-Scholes' of options and 1 of all else (N,)."""
    some, result = picked(book.instruments, chosen), np.ones(len(chosen))
    option = np.flatnonzero(some.is_option)
    result[option] = deltas(*_terms(book, rules, chosen[option]))
    return np.where(np.isfinite(some.delta), some.delta, result)


def _sides(amounts: Floats) -> tuple[Floats, Floats]:
    """Sums of the long and of the short amounts of each account, both positive, each (A,)."""
    return np.maximum(amounts, 0.0).sum(axis=1), np.maximum(-amounts, 0.0).sum(axis=1)
