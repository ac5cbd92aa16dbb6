"""The cheapest pairing of a whole book: the strategies of every account in every underlying."""

from __future__ import annotations

from dataclasses import dataclass

from xlmargin.errors import MarginError
from xlmargin.margin.valuation import Case
from xlmargin.methods.rules.legs import OptionLegs, legs_of
from xlmargin.methods.rules.pairing import Pairing, pair
from xlmargin.methods.rules.recognise import recognise
from xlmargin.methods.rules.table import Strategy, terms_of


@dataclass(frozen=True, slots=True)
class Paired:
    """The strategies of one account in one underlying.

    Attributes:
        account, underlying: indices
        proven: the requirement is proven to be the smallest
    """

    account: int
    underlying: int
    legs: OptionLegs
    strategies: tuple[Strategy, ...]
    proven: bool


def paired(case: Case) -> list[Paired]:
    """The cheapest pairing of every account and underlying.

    Raises:
        MarginError: a cash account is short of stock, or an option has no mark
    """
    found, known = [], dict[tuple[int, bytes], tuple[Pairing, tuple[Strategy, ...]]]()
    for a, account in enumerate(case.book.accounts):
        for u, name in enumerate(case.names):
            legs, terms = legs_of(case, a, u), terms_of(case.rules, name)
            if terms.cash and legs.stock < 0.0:
                raise MarginError(
                    f"{f'account {account}: ' if account else ''}a cash account cannot be short of {name}: "
                    "use the parameter account = margin"
                )
            held = u, case.units[a, case.some(u)].tobytes()
            if held not in known:  # accounts that hold the same are paired once
                pairing = pair(legs, terms)
                known[held] = pairing, tuple(recognise(legs, terms, pairing))
            pairing, strategies = known[held]
            found.append(Paired(a, u, legs, strategies, pairing.proven))
    return found


def shown(legs: OptionLegs, strategy: Strategy) -> str:
    """The legs of a strategy in words."""
    parts = [f"{ratio:+g} {legs.names[i]}" for i, ratio in strategy.legs]
    if strategy.stock:
        parts.insert(0, f"{strategy.stock:+g} stock")
    if strategy.other:
        parts.append(strategy.other)
    return ", ".join(parts)
