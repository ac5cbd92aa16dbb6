"""Dollars borrowed against spot on Hyperliquid: what of the balances counts, and the venue's ratio."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xlmargin.book.contracts import PERPETUAL, SPOT
from xlmargin.margin.statement import Line, above, given, largest, less, over_book, parameter, quotient, smallest, times, total
from xlmargin.margin.valuation import Case
from xlmargin.pricing.arrays import Floats

DOLLAR = "USDC"  # the account's own currency; an amount of USD counts as it
MONEY = ("USD", DOLLAR)
PRICE = "the median of spot, and of index and mark of the perpetuals held at one USDT to the USDC; without perpetuals the spot alone"


def borrowable(case: Case) -> list[str]:
    """The tokens that are lent, upper case."""
    return [part.strip().upper() for part in case.rules.word("borrowable").split(",") if part.strip()]


@dataclass(frozen=True)
class Loan:
    """The spot balances of each account (A,), and what the ratio makes of them.

    Attributes:
        case: the book and the rulebook
        maintenance: cross maintenance margin of the perpetuals
    """

    case: Case
    maintenance: Line

    @cached_property
    def _owned(self) -> Floats:
        """Net balance in each token, + owned (A, U) [units of the token]."""
        return self._by_token(1.0)

    @cached_property
    def _worth(self) -> Floats:
        """Its value (A, U)."""
        return self._by_token(self.case.held.spot)

    def _by_token(self, each: Floats | float) -> Floats:
        """The sum of an amount per unit over each token's spot (A, U)."""
        amounts = self.case.units * np.where(self.case.held.kind == SPOT, each, 0.0)
        columns = [amounts[:, self.case.some(u)].sum(axis=1) for u in range(len(self.case.names))]
        return np.column_stack(columns) if columns else np.zeros((len(amounts), 0))

    @cached_property
    def _tokens(self) -> dict[str, Floats]:
        """Balance of each token that is lent and held, the account's own always [USD]."""
        names, worth = self.case.names, self._worth
        own = np.asarray(sum((worth[:, u] for u, name in enumerate(names) if name in MONEY), np.zeros(len(worth))), np.float64)
        others = {name: worth[:, names.index(name)] for name in borrowable(self.case) if name in names and name not in MONEY}
        return {DOLLAR: own, **others}

    @cached_property
    def borrowed(self) -> Line:
        """All debts."""
        debts = [given(token, np.maximum(-balance, 0.0), "negative balance") for token, balance in self._tokens.items()]
        return total("Borrowed", debts)

    @cached_property
    def in_use(self) -> Line:
        """Whether an account's balances are told and carry a loan or perpetuals: without either nothing is asked of them."""
        told = (self._worth != 0.0).any(axis=1) & ((self.borrowed.value > 0.0) | (self.maintenance.value > 0.0))
        return given("Balances in use", told.astype(np.float64), "1 where balances are told, and carry a loan or perpetuals")

    def _counting(self, share: str, of_ltv: tuple[float, float], words: str) -> tuple[Line, ...]:
        """Per coin that may be borrowed against: its value up to the cap × a share, up to the cap of the loan.

        Args:
            share: its name
            of_ltv: the share as a constant and a multiple of the coin's ltv
            words: the same in words
        """
        rules, constant = self.case.rules, of_ltv[0]
        found = []
        for u, name in enumerate(self.case.names):
            known = rules.get("ltv", name)
            level = rules.number("ltv", name)
            if self._is_money(name) or level == 0.0 or not self._owned[:, u].any():
                continue
            price = given("Borrow oracle price", self._price(u), PRICE)
            amount = given("Balance", self._owned[:, u], "coins")
            if not rules.is_unset("supply_cap", name):
                amount = smallest("Balance that counts", (amount, parameter(rules, "Supply cap", "supply_cap", name)))
            rate = given(share, constant + of_ltv[1] * level, words, status=known.status, source=known.source)
            value = times("Balance at the price", (amount, price, rate))
            found.append(smallest(name, (value, parameter(rules, "Borrow cap", "borrow_cap"))))
        return tuple(found)

    def _price(self, u: int) -> Floats:
        """The price at which a coin is lent against: the median of its spot, and of the index and the mark of the perpetuals held (A,)."""
        owned, worth = self._owned[:, u], self._worth[:, u]
        spot = np.divide(worth, owned, out=np.zeros_like(worth), where=owned != 0.0)
        perpetual = self.case.some(u, (PERPETUAL,))
        held = (self.case.units[:, perpetual] != 0.0).any(axis=1)
        if not held.any():
            return spot
        among, book = np.where(perpetual, 0, -1), self.case.book
        index, mark = (book.held_mean(values, among, 1)[:, 0] for values in (book.instruments.spot, book.instruments.forward))
        return np.where(held, np.median([spot, index, mark], axis=0), spot)

    def _is_money(self, name: str) -> bool:
        """Whether a token is one that is lent."""
        return name in (*MONEY, *borrowable(self.case))

    @cached_property
    def capacity(self) -> Line:
        """What may be borrowed against the coins, what is borrowed already included."""
        return over_book("Borrowable against coins", self._counting("LTV", (0.0, 1.0), "parameter ltv"))

    @cached_property
    def _collateral(self) -> Line:
        """The value of the coins in a liquidation."""
        return over_book("Coins at their thresholds", self._counting("Liquidation threshold", (0.5, 0.5), "0.5 + 0.5 × parameter ltv"))

    @cached_property
    def without_loan(self) -> Line:
        """Value of the balances in coins beyond what may be borrowed against them."""
        coins = [
            given(name, np.maximum(self._worth[:, u], 0.0), "balance × spot")
            for u, name in enumerate(self.case.names)
            if not self._is_money(name)
        ]
        return less("Coins less what may be borrowed", (over_book("Coins", coins), self.capacity))

    def _cash(self, token: str) -> Line:
        return given("Balance", np.maximum(self._tokens[token], 0.0), f"{token}, at least 0")

    def _requirement(self, token: str) -> Line:
        """Perpetuals' maintenance, what is borrowed for it, at least the offset, and all debts."""
        offset = parameter(self.case.rules, "Minimum borrow offset", "borrow_offset")
        lacking = less("Maintenance less balance", (above(self.maintenance), self._cash(token)), "what is borrowed for maintenance")
        return total(
            f"Requirement {token}", (above(self.maintenance), largest("Borrowed for maintenance", (offset, lacking)), self.borrowed)
        )

    def _value(self, token: str) -> Line:
        """The balance, what is borrowed for maintenance included, and the coins at their thresholds."""
        balance = largest("Balance for maintenance", (self._cash(token), above(self.maintenance)))
        return total(f"Liquidation value {token}", (balance, self._collateral))

    def _short(self, token: str) -> Line:
        """Requirement less the part of the liquidation value that it may be: above 0, the account is liquidatable."""
        limit = parameter(self.case.rules, "Liquidatable above", "liquidatable_above")
        return less(f"Lacking in {token}", (self._requirement(token), times("Limit", (limit, self._value(token)))))

    @cached_property
    def beyond(self) -> Line:
        """What a balance must hold beyond the perpetuals' maintenance so that no token's ratio is above the limit."""
        balances = given("Balances at market", self._worth.sum(axis=1), "every token at spot, debts negative")
        worst = largest("Lacking by the worst token", [self._short(token) for token in self._tokens])
        return less("Beyond the perpetuals' own", (total("Balances and what is lacking", (balances, worst)), above(self.maintenance)))

    def told(self, initial: Line) -> tuple[Line, ...]:
        """The venue's own measures.

        Args:
            initial: initial margin of the perpetuals
        """
        least = given("One cent", 0.01, "so that a loan against nothing has a ratio")
        ratios = [
            quotient(f"Ratio {token}", (self._requirement(token), largest("Value", (self._value(token), least)))) for token in self._tokens
        ]
        net = given("Balance less loan", np.sum(list(self._tokens.values()), axis=0), "tokens that are lent, debts negative")
        return (
            self._requirement(DOLLAR),
            self._value(DOLLAR),
            times("Portfolio margin ratio", (self.in_use, largest("Largest ratio", ratios)), "the account is liquidatable above the limit"),
            self.capacity,
            less("Available balance", (total("Balance and borrowable", (net, self.capacity)), initial)),
            less("Available after maintenance", (total("Balance and coins", (net, self._collateral)), self.maintenance)),
        )
