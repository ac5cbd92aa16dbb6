"""RULES: the table of strategies, and of all ways to pair a book's legs the one that requires least.

Requirement, Proceeds, Cash call and Maximum loss are four views of one pairing: that of the smallest requirement and,
among equals, of the smallest maintenance. Proceeds are the same for every pairing, so the cash call is the smallest too.

Source: FINRA Rule 4210(f)(2); Cboe Margin Manual of 2021-11-30.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from xlmargin.margin.statement import TOTAL, Line, above, given, less, over_book, times, total, weakest
from xlmargin.margin.valuation import Case, Margin
from xlmargin.methods.rules.cheapest import Paired, paired, shown
from xlmargin.methods.rules.table import Strategy
from xlmargin.pricing.arrays import Floats

NEEDS_VOL = False
PAIRS_LEGS = True


def requirement(case: Case) -> Margin:
    """The requirement of the cheapest pairing, on the basis that the parameters choose.

    Returns:
        requirement + required; a cash call is negative where premiums received exceed the gross requirement
    """
    found = paired(case)
    basis = case.rules.word("basis")
    views: dict[str, Callable[[Strategy], Line]] = {"Requirement": _requirement, "Proceeds": _proceeds, "Maximum loss": _maximum}
    gross, sold, loss = (_over_book(case, label, found, view) for label, view in views.items())
    if basis == "cash_call":
        chosen = less("Cash call", (gross, sold), "requirement less proceeds of shorts")
        more = (above(gross), above(sold), above(chosen), loss)
    else:
        call = less("Cash call", (above(gross), above(sold)), "requirement less proceeds of shorts")
        chosen = gross if basis == "requirement" else loss
        more = (above(gross), sold, call, loss) if basis == "requirement" else (gross, sold, call, above(loss))
    initial = total("Initial margin", (chosen,))
    kept = _maintenance(case, found, basis, sold)
    return Margin(initial, kept, lambda: more, _credited(case, initial, gross.value - sold.value))


def _credited(case: Case, initial: Line, cash_call: Floats) -> Line:
    """The line that makes requirement + premium paid − credit the cash call of the manual on every basis.

    The gross requirement holds the premiums of long options already and shorts bring theirs in, so both are credited.
    """
    option = np.flatnonzero(case.held.is_option & (case.units > 0.0).any(axis=0))
    premium = given("Premium paid", np.maximum(case.units[:, option], 0.0) @ case.marks[option], "long options at mark")
    return less(
        "Option value credited",
        (total("Requirement and premium", (above(initial), premium)), given("Cash call", cash_call, "requirement less proceeds of shorts")),
    )


def _maintenance(case: Case, found: list[Paired], basis: str, sold: Line) -> Line:
    """Maintenance of the same pairing on the same basis."""
    if basis == "maximum_loss":
        kept = _over_book(
            case,
            "Maintenance at maximum loss",
            found,
            lambda strategy: _amount(
                strategy, "Maintenance per unit", min(strategy.maintenance, strategy.maximum), "at most the maximum loss"
            ),
        )
        return total("Maintenance margin", (kept,))
    gross = _over_book(
        case,
        "Maintenance requirement",
        found,
        lambda strategy: _amount(strategy, "Maintenance per unit", strategy.maintenance, "the table's maintenance at mark"),
    )
    if basis == "cash_call":
        return less("Maintenance margin", (gross, given("Proceeds", sold.value, "premiums of shorts and sales of stock")))
    return total("Maintenance margin", (gross,))


def _over_book(case: Case, label: str, found: list[Paired], view: Callable[[Strategy], Line]) -> Line:
    """One view of every strategy: by underlying, then the strategies of the account asked for."""
    return over_book(
        label, [_of_underlying(case, u, name, [item for item in found if item.underlying == u], view) for u, name in enumerate(case.names)]
    )


def _of_underlying(case: Case, u: int, name: str, found: list[Paired], view: Callable[[Strategy], Line]) -> Line:
    """One view of the strategies in one underlying."""

    @cache
    def parts(a: int) -> tuple[Line, ...]:
        return tuple(view(strategy) for item in found if item.account == a for strategy in _named(item))

    values = np.array([sum((part.amount for part in parts(a)), 0.0) for a in range(len(case.book.accounts))])
    proven = all(item.proven for item in found)
    how = "the cheapest pairing" if proven else "a pairing not proven to be the cheapest"
    status = weakest(case.rules.meta.status, "" if proven else "estimate", *_statuses(case, name, found))
    return Line(name, values, TOTAL, parts, how, "" if status == case.rules.meta.status else status)


def _statuses(case: Case, name: str, found: list[Paired]) -> list[str]:
    """The statuses of the profile of one underlying and its rates, and of the rate of futures where some are held."""
    profile = case.rules.word("profile", name)
    futures = ["future_initial"] * any(strategy.other for item in found for strategy in item.strategies)
    return [case.rules.get(each, name).status for each in ("profile", f"{profile}_base", f"{profile}_minimum", *futures)]


def _named(item: Paired) -> list[Strategy]:
    """Strategies whose names carry their legs."""
    return [replace(strategy, name=f"{strategy.name}: {shown(item.legs, strategy)}") for strategy in item.strategies]


def _requirement(strategy: Strategy) -> Line:
    pieces = [given(piece.label, piece.value, piece.how) for piece in strategy.pieces]
    return times(strategy.name, (given("Units", strategy.units, "units of the underlying"), total("Requirement per unit", pieces)))


def _amount(strategy: Strategy, label: str, value: float, how: str) -> Line:
    return times(strategy.name, (given("Units", strategy.units, "units of the underlying"), given(label, value, how)))


def _proceeds(strategy: Strategy) -> Line:
    return _amount(strategy, "Proceeds per unit", strategy.proceeds, "premiums of short options and sale of short stock")


def _maximum(strategy: Strategy) -> Line:
    return _amount(
        strategy,
        "Maximum loss per unit",
        strategy.maximum,
        "the most that is lost at expiry, premiums received not taken off; shorts alone at the formula, stock at most at its requirement",
    )
