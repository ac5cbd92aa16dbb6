"""Lines that rulebooks share: quantities of a book, charges at a rate of the parameter file, and the margin they lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from xlmargin.book.contracts import CALL, FUTURE, KIND_NAMES, PERPETUAL, PUT
from xlmargin.margin.statement import Line, above, given, less, multiple, over_book, parameter, times, total
from xlmargin.margin.valuation import Case, Margin
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.risk_array import black_deltas

OPTIONS, FUTURES = (CALL, PUT), (FUTURE, PERPETUAL)
CONTRACT: tuple[str, ...] = ()  # terms by which positions are netted: those of one contract are one position already
EXPIRY, STRIKE_AND_EXPIRY = ("days",), ("strike", "days")

# ---- charges


def charge(case: Case, label: str, name: str, u: int, amounts: Sequence[Line]) -> Line:
    """Amounts of one underlying × the rate that a parameter holds, or the line that says that it is not set."""
    coin = case.names[u]
    if case.rules.is_unset(name, coin):
        return parameter(case.rules, label, name, coin)
    rate = parameter(case.rules, "Rate", name, coin)
    return times(label, (*amounts, rate), status=rate.status)


# ---- quantities of a book


def spot(case: Case, u: int) -> Line:
    """Spot of one underlying."""
    held = (case.units[:, case.some(u)] != 0.0).any(axis=1)
    return given("Spot", np.where(held, case.book.spot[:, u], 0.0), "of the market range or the rows, their mean where they differ")


def short_options(case: Case, u: int, kinds: tuple[int, ...] = OPTIONS, by: Sequence[str] = CONTRACT) -> Line:
    """Units of short options of one underlying, of some kinds, net by some terms; calls net against puts unless by CONTRACT."""
    label = "Short option units" if kinds == OPTIONS else f"Short {' and '.join(KIND_NAMES[kind] + 's' for kind in kinds)}"
    return given(label, case.net(case.some(u, kinds), by).short, f"options held short, net {_per(by)}")


def futures(case: Case, u: int) -> Line:
    """Units of futures and perpetuals of one underlying, long and short alike, net per contract."""
    return given("Futures units", case.net(case.some(u, FUTURES)).gross, "futures and perpetuals, net per contract")


def deltas(case: Case) -> Floats:
    """Delta of one long unit of each instrument, undiscounted Black delta of options at mark, 1 of all else (K,)."""
    return np.nan_to_num(black_deltas(case.held))


def opposite_deltas(case: Case, u: int, by: Sequence[str] = EXPIRY, kinds: tuple[int, ...] = ()) -> Line:
    """Opposite deltas of one underlying, of some kinds or of all, net by some terms: the smaller of the long and the short ones."""
    net = case.net(case.some(u, kinds), by, deltas(case))
    return given("Opposite deltas", net.opposite, f"the smaller of the long and the short deltas at mark, net {_per(by)}")


def _per(by: Sequence[str]) -> str:
    """The terms of a net in words."""
    return "per " + " and ".join({"days": "expiry"}.get(name, name) for name in by or ("contract",))


# ---- margins


def by_underlying(case: Case, label: str, part: Callable[[Case, int], Line], detail: str = "") -> Line:
    """The sum of one part for each underlying of the book."""
    return over_book(label, [part(case, u) for u in range(len(case.names))], detail)


def margin(case: Case, initial: Line, maintenance: Line, *own: Line, credited: bool = True, how: str = "") -> Margin:
    """Initial and maintenance margin, and the value of options as a line of its own.

    Args:
        own: further lines of the rulebook
        credited: the value of options is credited against the requirement, and the rest of it is a line; else it
            counts in the account's equity
        how: more about the rest
    """
    value = case.option_value()

    def more() -> tuple[Line, ...]:
        left = (less("Total requirement", (above(initial), above(value)), how),) if credited else ()
        return value, *left, *own

    return Margin(initial, maintenance, more, value)


def scaled(case: Case, risk: Line, *own: Line, initial: str = "", maintenance: str = "", credited: bool = True, how: str = "") -> Margin:
    """Initial and maintenance margin as multiples of one risk.

    Args:
        risk: the margin whose parameter is left out
        own: further lines of the rulebook
        initial, maintenance: parameter that holds the multiple; "" where the margin is the risk itself
        credited, how: as of `margin`
    """
    first = multiple(case.rules, "Initial margin", risk, initial) if initial else risk
    kept = (
        multiple(case.rules, "Maintenance margin", above(risk), maintenance) if maintenance else total("Maintenance margin", (above(risk),))
    )
    return margin(case, first, kept, *own, credited=credited, how=how)
