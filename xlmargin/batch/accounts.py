"""Margins of many accounts by one method: the method's own statement over bounded chunks of accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from xlmargin.batch.plan import Inputs
from xlmargin.batch.product import LossScreen, Worst, sparse, worst_loss
from xlmargin.batch.rows import Rows, Wrong, lone
from xlmargin.book.book import Book, in_coins, make_book
from xlmargin.book.market import Market
from xlmargin.errors import Fault, Faults, failure
from xlmargin.margin.parameters import Rules, of_method
from xlmargin.margin.statement import Line, weighted
from xlmargin.margin.valuation import Case, Given
from xlmargin.methods import apart, case_of, margin_of, method_named, rules_of, with_book
from xlmargin.pricing.arrays import Bools, Floats, Ints
from xlmargin.sheet.answers.margins import ARRAYS
from xlmargin.sheet.cells import given
from xlmargin.sheet.checks import keep_rows
from xlmargin.sheet.ranges.history import read_history
from xlmargin.sheet.ranges.overrides import method_overrides
from xlmargin.sheet.ranges.parameters import read_scenarios

SCREEN_SCENARIOS, SCREEN_ACCOUNTS = 300, 2_000  # of a shard; above both, screening first is faster, its preparation included
FEW = 200  # accounts at once of a rulebook that looks at one book at a time
NO_NAME = ""


class Margins(NamedTuple):
    """The requirements of a method on the accounts of some rows (A,); NaN where it has no scenarios.

    Attributes:
        failed: accounts that the method cannot answer
    """

    initial: Floats
    maintenance: Floats
    scanning: Floats
    worst: list[str]
    failed: Bools
    wrong: list[Wrong]


class ManyAccounts(Case):
    """A case whose accounts hold few of its instruments each: products are sparse, everything else is as it was."""

    @cached_property
    def holdings(self) -> Any:
        """Net units of the underlying per account and instrument, open orders left out, CSR (A, K)."""
        book = self.book
        return sparse(book.account, book.instrument, book.units, (len(book.accounts), len(book.instruments)))

    @cached_property
    def stressed(self) -> Any:
        """The part of each position that the scenarios act on, CSR (A, K)."""
        if self.share.strides == (0, 0):
            return self.holdings
        count = np.diff(self.holdings.indptr)
        part = self.holdings.copy()
        part.data = part.data * self.share[np.repeat(np.arange(len(count)), count), part.indices]
        return part

    @cached_property
    def summed(self) -> Floats:
        """Position × risk array per account, scenario and underlying, (A, S, U)."""
        held, result = self.book.instruments, np.empty((len(self.book.instruments.underlyings), *self._shape))
        for u in range(len(result)):
            chosen = np.flatnonzero(held.underlying == u)
            result[u] = self.stressed[:, chosen] @ self.array[chosen]
        return result.transpose(1, 2, 0)

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.book.accounts), len(self.scenarios)

    def option_value(self, u: int | None = None) -> Line:
        """Net option value, of one underlying or of all."""
        instruments = self.book.instruments
        counted = instruments.is_option & (True if u is None else instruments.underlying == u)
        option = np.flatnonzero(counted & (np.bincount(self.holdings.indices, minlength=len(instruments)) > 0))
        if np.isnan(self.marks[option]).any():
            return super().option_value(u)
        return weighted(["Net option value"], self.holdings[:, option], self.marks[option, None], lambda s, a: ())[0]

    def losses(self, u: int, among: Bools | None = None) -> list[Line]:
        """The loss of one underlying in each scenario: S lines, losses positive."""
        mine = self.book.instruments.underlying == u
        mine = mine if among is None else mine & among
        chosen = np.flatnonzero(mine)
        labels = [f"Scenario {name}" for name in self.scenarios.names]
        return weighted(labels, self.stressed[:, chosen], -self.array[chosen], lambda s, a: self.loss_rows(mine, s, a))


@dataclass(frozen=True, slots=True)
class _Names(Sequence[str]):
    """The instrument names given by the rows, looked up only on request."""

    distinct: Sequence[str]
    like: Ints

    def __len__(self) -> int:
        return len(self.like)

    def __getitem__(self, at: Any) -> Any:
        return [self.distinct[n] for n in self.like[at]] if isinstance(at, slice) else self.distinct[self.like[at]]


def margins(rows: Rows, market: Market, name: str, inputs: Inputs, cells: int) -> Margins:
    """The margin of every account by one method; an account that cannot be answered is reported, and holds up no other.

    Args:
        rows: of accounts without a fault (A,)
        market: market by which the rows are priced
        name: the method
        inputs: parameters and history as raw ranges
        cells: numbers that a table of accounts by instruments or scenarios may hold
    """
    work = _Work(rows, market, name, inputs, cells)
    if len(rows.accounts):
        work.run()
    return work.answer


class _Work:
    """One method over the accounts of one shard."""

    def __init__(self, rows: Rows, market: Market, name: str, inputs: Inputs, cells: int) -> None:
        self.rows, self.market, self.name, self.inputs, self.cells = rows, market, name, inputs, cells
        count = len(rows.accounts)
        self.starts = np.searchsorted(rows.account, np.arange(count + 1))
        initial, maintenance, scanning = (np.full(count, np.nan) for _ in range(3))
        self.answer = Margins(initial, maintenance, scanning, [NO_NAME] * count, np.zeros(count, np.bool_), [])
        self.method = method_named(name)
        overrides = method_overrides(name, inputs.parameters)
        self.priced = self.method.needs_vol and not any(item.name == ARRAYS for item in of_method(overrides, name))
        self.rules: Rules = rules_of(name, market.as_of, overrides, skip_unknown=len(inputs.methods) > 1)

    def run(self) -> None:
        """Margin every group of accounts that may share a book."""
        if self.priced:
            self._leave_out_unpriced()
        there = np.flatnonzero(~self.answer.failed)
        for accounts in self._groups(there):
            self._group(accounts)

    def _leave_out_unpriced(self) -> None:
        """Accounts with an option without a vol, which this method needs."""
        rows, lacking = self.rows, np.zeros(len(self.rows.distinct.row), np.bool_)
        lacking[list(self.rows.unpriced)] = True
        for p in np.flatnonzero(lacking[rows.like]).tolist():
            a = int(rows.account[p])
            self.answer.failed[a] = True
            fault = rows.unpriced[int(rows.like[p])]._replace(row=int(rows.row[p]))
            self.answer.wrong.append(Wrong(rows.accounts[a], self.name, fault))

    def _groups(self, accounts: Ints) -> Iterator[Ints]:
        """Accounts whose margins do not depend on each other's rows.

        Moves of the past are those of the days on which all underlyings of a book were quoted, and a scenario table must
        name one of them; so books of the same underlyings go together there.
        """
        if not (self.method.takes_history or self.method.takes_table):
            if len(accounts):
                yield accounts
            return
        coins = len(self.rows.distinct.underlyings)
        holds = np.zeros((len(self.rows.accounts), coins), np.bool_)
        holds[self.rows.account, self.rows.distinct.underlying[self.rows.like]] = True
        sets, which = np.unique(holds[accounts], axis=0, return_inverse=True)
        which = which.ravel()
        order = np.argsort(which, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(which[order])) + 1) if len(sets) else ():
            yield accounts[part]

    def _group(self, accounts: Ints) -> None:
        """Margin accounts that may share a book, one by one where the rulebook reads prices off the whole of it."""
        base, of_distinct = self._book(accounts)
        try:
            case = None if len(accounts) > 1 and apart(base, self.rules) else case_of(base, self.rules, self._given(base))
        except Exception as error:  # a fault in a method's code is reported for the accounts in which it occurs
            self._halve(accounts, error, self._group)
            return
        if case is None:
            for a in accounts.tolist():
                self._group(np.array([a]))
            return
        if self.method.worst_loss_alone and len(case.scenarios) > SCREEN_SCENARIOS and len(accounts) > SCREEN_ACCOUNTS:
            self._screened(case, of_distinct, accounts)
            return
        wide = max(len(base.instruments), len(case.scenarios) * (len(base.instruments.underlyings) + 1), 1)
        step = max(1, self.cells // wide) if len(case.scenarios) else min(FEW, max(1, self.cells // wide))
        for start in range(0, len(accounts), step):
            self._chunk(case, of_distinct, accounts[start : start + step])

    def _book(self, accounts: Ints) -> tuple[Book, Ints]:
        """The instruments of some accounts, with no positions, and the instrument of each distinct row, −1 where unused."""
        used = np.zeros(len(self.rows.distinct.row), np.bool_)
        used[self.rows.like[_rows_of(self.starts, accounts)]] = True
        book = make_book(lone(keep_rows(self.rows.distinct, used)), self.market, Faults())
        of_distinct = np.full(len(used), -1, np.int64)
        of_distinct[used] = book.instrument
        none, nobody = np.empty(0), np.empty(0, np.int64)
        return replace(
            book,
            quantity=none,
            instrument=nobody,
            accounts=("",),
            account=nobody,
            row=nobody,
            order=np.empty(0, np.bool_),
            entry=none,
            names=(),
            unpriced=(),
        ), of_distinct

    def _given(self, base: Book) -> Given:
        """The scenario table or the history, for the underlyings of a book."""
        names = base.instruments.underlyings
        if self.method.takes_table:
            return Given(table=read_scenarios(self.inputs.parameters, names))
        past = self.inputs.history
        return Given(history=read_history(past, names, self.market.as_of) if self.method.takes_history and given(past) else None)

    def _of(self, case: Case, of_distinct: Ints, accounts: Ints) -> ManyAccounts:
        """The case of some accounts, whose instruments are valued already."""
        rows, chosen = self.rows, _rows_of(self.starts, accounts)
        like = rows.like[chosen]
        position = np.repeat(np.arange(len(accounts)), self.starts[accounts + 1] - self.starts[accounts])
        book = Book(
            case.book.instruments,
            in_coins(rows.quantity[chosen], rows.distinct.in_usd[like], of_distinct[like], case.book.instruments),
            of_distinct[like],
            tuple(rows.accounts[a] for a in accounts.tolist()),
            position,
            rows.row[chosen],
            rows.distinct.order[like],
            rows.entry[chosen],
            _Names(rows.distinct.names, like),
            case.book.as_of,
            (),
        )
        found = with_book(case, book)
        return ManyAccounts(**{field.name: getattr(found, field.name) for field in fields(Case)})

    def _chunk(self, case: Case, of_distinct: Ints, accounts: Ints) -> None:
        """The method's own statement over some accounts at once."""
        try:
            held = self._of(case, of_distinct, accounts)
            margin = margin_of(held)
            initial, maintenance = margin.initial.value, margin.maintenance.value
            pnl, scanning = (held.pnl, held.scanning) if len(case.scenarios) else (None, np.nan)
        except Exception as error:
            self._halve(accounts, error, lambda part: self._chunk(case, of_distinct, part))
            return
        self.answer.initial[accounts], self.answer.maintenance[accounts], self.answer.scanning[accounts] = initial, maintenance, scanning
        if pnl is not None:
            whole = pnl.sum(axis=2)
            worst = whole.argmin(axis=1)
            self._named(case, accounts, Worst(-whole[np.arange(len(whole)), worst], worst))

    def _screened(self, case: Case, of_distinct: Ints, accounts: Ints) -> None:
        """The worst loss of the whole book as the requirement, found by screening."""
        held, result = self._of(case, of_distinct, accounts).stressed.copy(), np.zeros(len(accounts))
        held.sum_duplicates()  # netted, the screen is sharper
        underlying = case.book.instruments.underlying
        whole = _quickest(held, case.array)
        for u in range(len(case.book.instruments.underlyings)):
            chosen = np.flatnonzero(underlying == u)
            result += _quickest(held[:, chosen], case.array[chosen]).loss
        self.answer.initial[accounts] = self.answer.maintenance[accounts] = whole.loss
        self.answer.scanning[accounts] = result
        self._named(case, accounts, whole)

    def _named(self, case: Case, accounts: Ints, worst: Worst) -> None:
        """The name of each account's worst scenario, none where nothing is lost."""
        for a, loss, s in zip(accounts.tolist(), worst.loss.tolist(), worst.scenario.tolist()):
            self.answer.worst[a] = case.scenarios.names[s] if loss > 0.0 else NO_NAME

    def _halve(self, accounts: Ints, error: Exception, again: Any) -> None:
        """Find the accounts that a mistake is about: the others are margined without them."""
        if len(accounts) == 1:
            a = int(accounts[0])
            self.answer.failed[a] = True
            row = int(self.rows.row[self.starts[a]])
            self.answer.wrong.append(Wrong(self.rows.accounts[a], self.name, Fault(row, "", failure(self.name, error), "")))
            return
        for part in np.array_split(accounts, 2):
            again(part)


def _quickest(held: Any, array: Floats) -> Worst:
    """The worst loss by screening, or by the whole product where the array is too small for it to pay."""
    return LossScreen(array).worst_loss(held) if min(array.shape) > 1 else worst_loss(held, array)


def _rows_of(starts: Ints, accounts: Ints) -> Ints:
    """Rows of some accounts, in their order."""
    first, count = starts[accounts], starts[accounts + 1] - starts[accounts]
    ends = np.cumsum(count)
    return np.repeat(first - (ends - count), count) + np.arange(ends[-1] if len(ends) else 0)
