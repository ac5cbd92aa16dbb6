"""Derive's rates of perpetuals and of coins as collateral from a saved answer of public/get_all_currencies (v3).

Neither scenarios nor rates of options are in any answer of the venue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Override, Rules
from xlmargin.methods.json_shape import Node, listed

WRAPPED = {"WBTC": "BTC"}  # the token in which a coin is deposited, where that has another name
UNIVERSE = "risk_universe_id"
DECIMALS = 12  # of a difference or a quotient of two numbers of the answer, so that those of shipped numbers are the same


class SavedCurrencies:
    """The currencies of an answer, each with the risk universes that list it.

    Raises:
        MarginError: it is no answer of public/get_all_currencies
    """

    def __init__(self, content: Any) -> None:
        items = content.get("result") if isinstance(content, dict) else content
        if not isinstance(items, list) or not items:
            raise MarginError("holds no list of currencies, as Derive's public/get_all_currencies answers it")
        self.currencies = listed(items, "", "currency")

    def _markets(self, kind: str) -> Iterator[tuple[str, Node]]:
        """Each coin with a market of a kind, and the first universe that lists it; a market is in one universe alone."""
        for currency in self.currencies:
            if currency.has(kind) and currency.node(kind).has("universes"):
                for universe in currency.node(kind).nodes("universes")[:1]:
                    yield currency.text("currency"), universe

    def perpetuals(self) -> Iterator[tuple[str, Node]]:
        """Each coin with a perpetual, and what the standard manager requires of it."""
        for coin, universe in self._markets("perp"):
            if universe.has("srm_perp_margin_requirements"):
                yield coin, universe.node("srm_perp_margin_requirements")

    def collateral(self, manager: str) -> Iterator[tuple[str, float, float]]:
        """Each coin that is collateral, and what its answer says of it: for maintenance, for initial margin.

        The universe is the one of the coin's own market; of a coin without a market the first, and all others alike.

        Args:
            manager: srm, of which the answer has the share that counts, or pm2, of which it has the one that does not
        """
        mm, im = f"{manager}_mm_discount", f"{manager}_im_discount"
        homes = {coin: universe.number(UNIVERSE) for kind in ("option", "perp") for coin, universe in self._markets(kind)}
        for currency in self.currencies:
            for spot in currency.nodes("spot") if currency.has("spot") else ():
                coin = WRAPPED.get(spot.text("name"), spot.text("name"))
                universes = [each for each in spot.nodes("universes") if each.has(mm) and each.has(im)]
                own = [each for each in universes if each.number(UNIVERSE) == homes.get(coin)]
                for universe in (own or universes)[:1]:
                    yield coin, universe.number(mm), universe.number(im)


def _overrides(values: dict[tuple[str, str], float]) -> list[Override]:
    if not values:
        raise MarginError("has neither perpetuals nor collateral with their rates, as Derive's public/get_all_currencies answers them")
    return [Override(coin, name, value, row) for row, ((coin, name), value) in enumerate(values.items(), 1)]


def standard_rates(content: Any) -> list[Override]:
    """The rates of perpetuals and the shares of coins that count under the standard manager."""
    answer, values = SavedCurrencies(content), dict[tuple[str, str], float]()
    for coin, required in answer.perpetuals():
        values |= {(coin, "perp_im"): required.number("im_perp_req"), (coin, "perp_mm"): required.number("mm_perp_req")}
    for coin, mm, im in answer.collateral("srm"):
        if mm > 0.0:
            values |= {(coin, "base"): mm, (coin, "base_im"): round(im / mm, DECIMALS)}
    return _overrides(values)


def portfolio_haircuts(content: Any, rules: Rules) -> list[Override]:
    """The haircuts of coins under the portfolio manager, of those coins for which the rulebook has one."""
    values = dict[tuple[str, str], float]()
    for coin, mm, im in SavedCurrencies(content).collateral("pm2"):
        if rules.lists("mm_haircut", coin):
            values |= {(coin, "mm_haircut"): mm, (coin, "im_extra_haircut"): round(im - mm, DECIMALS)}
    return _overrides(values)
