"""The causes of a change of margin: trades, spot, vol, time and the change of the worst scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from xlmargin.book.book import Book, Instruments
from xlmargin.margin.statement import LARGEST, WORST, Line
from xlmargin.margin.valuation import Case
from xlmargin.methods import margin_of
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.risk_array import marks

CAUSES = ("trades", "spot", "vol", "time")
SWITCH = "change of worst scenario"
PRICES = ("spot", "forward", "rate")  # columns that move with the spot
VOLS = ("vol", "vol_origin", "delta", "array")  # columns that move with the vol: arrays of the desk's own among it
TERMS = ("kind", "strike", "multiplier", "inverse", "american")
MARKET = (*PRICES, *VOLS, "price", "expiry", "years")


def as_before(after: Book, before: Book, dated: tuple[Floats, Floats]) -> Ints:
    """Which instrument of the book before is each one of the book after, −1 where it was not there (K,).

    An instrument is found by its contract; one whose row gives its days to expiry first by these, so that days that did not
    change are no time that passed. Of several with different markets, the first is the first.

    Args:
        dated: years that the rows of the instruments give as DTE, NaN where they give none, after (K,) and before
    """
    known: dict[Any, list[int]] = {(): [-1]}  # not in the book before
    for k, keys in enumerate(_keys(before.instruments, dated[1])):
        for key in keys:
            known.setdefault(key, []).append(k)
    seen: dict[Any, int] = {}
    found = []
    for keys in _keys(after.instruments, dated[0]):
        key = next((key for key in keys if key in known), ())
        n = seen[key] = seen.get(key, -1) + 1
        found.append(known[key][min(n, len(known[key]) - 1)])
    return np.array(found, np.int64)


def _keys(held: Instruments, years: Floats) -> Iterator[list[tuple[Any, ...]]]:
    """The keys of each instrument: its days to expiry where its row gives them, and its expiry to the second."""
    terms = zip(held.underlying.tolist(), *(np.nan_to_num(getattr(held, name), nan=-1.0).tolist() for name in TERMS))
    for contract, given, expiry in zip(terms, years.tolist(), np.nan_to_num(held.expiry).tolist()):
        own = (held.underlyings[contract[0]], *contract[1:])
        yield [*([(own, "DTE", given)] if given == given else []), (own, round(expiry))]


def move(start: dict[str, Line], path: Iterable[Book], margined: Callable[[Book], Case]) -> dict[str, float]:
    """Split the change of a margin.

    Each cause is measured with the scenarios that decided before its step, the first of those that tie; the remaining
    difference of the margin, because another scenario has become the worst, is the change of worst scenario. The amounts add up
    to the change.

    Args:
        start: the margin before, by account
        path: the book after each step, as `path` gives it
        margined: a book under the method

    Returns:
        amount by cause, + where it raised the margin; a method without scenarios has no change of worst scenario
    """
    amounts, switch, was = [], 0.0, start
    for book in path:
        now = by_account(margined(book))
        frozen = {name: _frozen(line, was[name]) if name in was else line.amount for name, line in now.items()}
        amounts.append(sum(frozen.values()) - sum(line.amount for line in was.values()))
        switch += sum(now[name].amount - frozen[name] for name in now)
        was = now
    return dict(zip(CAUSES, amounts)) | {SWITCH: switch}


def by_account(case: Case) -> dict[str, Line]:
    """The initial margin of each account."""
    lines = [(each.book.accounts, margin_of(each).initial) for each in case.alone or (case,)]
    return {name: line.book(a) for accounts, line in lines for a, name in enumerate(accounts)}


def path(before: Book, after: Book, old: Book, match: Ints) -> Iterator[Book]:
    """The books from one to the other, one after each cause of CAUSES.

    First the trades, at the old market and time, where an inverse future or perpetual is the coins that its amount of USD then
    was; then spots, with forwards and rates; then vols, and all else that the
    market says; then time, with its changes of the rulebook. An option that expired in between has left the book,
    which is a trade. A mark given with a vol keeps its distance from the model's until vols change.

    Args:
        before, after: the two books
        old: the rows of `after` in the market and at the time of `before`
        match: as `as_before` gives it
    """
    there = match >= 0
    start: dict[str, Any] = {name: np.array(getattr(old.instruments, name)) for name in MARKET}
    for name, column in start.items():
        column[there] = getattr(before.instruments, name)[match[there]]
    end = after.instruments
    first = replace(end, **start)
    second = replace(first, **{name: getattr(end, name) for name in PRICES})
    third = replace(second, **{name: getattr(end, name) for name in VOLS})
    growth = np.where(end.fixed_in_usd, first.level / end.level, 1.0)
    yield replace(after, instruments=first, quantity=after.quantity_at(growth), as_of=before.as_of)
    for held in (_marked(second, first, end), _marked(third, end, end)):
        yield replace(after, instruments=held, as_of=before.as_of)
    yield after


def _marked(held: Instruments, like: Instruments, end: Instruments) -> Instruments:
    """Instruments at a step: options at the model's mark and the distance from it that `like` has, all else as at the end."""

    def model(some: Instruments) -> Floats:
        return marks(replace(some, price=np.full(len(some), np.nan)))

    apart = like.price - model(like)
    price = np.where(held.is_option, np.maximum(model(held) + apart, 0.0), end.price)
    return replace(held, price=np.where(held.is_option & np.isnan(held.vol), like.price, price))


def _frozen(now: Line, before: Line) -> float:
    """The amount of a line if the scenarios that decided before still did."""
    parts = now.parts(0) if now.shared else ()
    others = before.parts(0) if before.shared else ()
    if not parts or not others or now.rule is not before.rule:
        return now.amount
    families = now.rule is LARGEST and all(part.rule is WORST for part in (*parts, *others))
    if (now.rule is WORST or families) and len(parts) == len(others):
        n = int(np.argmax([part.amount for part in others]))
        return _frozen(parts[n], others[n]) if families else max(parts[n].amount, 0.0)
    known = {part.label: part for part in others}
    values = [_frozen(part, known[part.label]) if part.label in known else part.amount for part in parts]
    assert now.rule.compute is not None
    return float(now.rule.compute(np.array(values)[:, None])[0])
