"""The trades that lower a margin most: a linear programme where the margin is one, and a search by the method itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xlmargin.desk.hedge.hedge_desk import WORTH, HedgeDesk
from xlmargin.desk.hedge.programme import Programme, Sizes, probes
from xlmargin.desk.hedge.search import Search
from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Override, Rules, read_rules
from xlmargin.pricing.arrays import Floats

AGREED = 1e-7  # relative difference up to which two margins of one book are the same
FEW = 8  # versions after which the clock is read where each takes long
STEPS = 16  # times that a programme is made anew around its last answer


class Limits(NamedTuple):
    """The limits of a hedge and of the work of its search.

    Attributes:
        trades, budget: most trades, and the most that they may cost together; inf where there is no limit
        seconds, search_seconds: of the linear programme, and of a search
        margins: versions margined in a search
    """

    trades: float
    budget: float
    seconds: float
    search_seconds: float
    margins: int

    @classmethod
    def of(cls, rules: Rules) -> Limits:
        """The search as set by the parameters of hedges."""
        trades, budget = (np.inf if rules.is_unset(name) else rules.number(name) for name in ("hedge_trades", "hedge_budget"))
        return cls(
            float(trades),
            float(budget),
            rules.number("hedge_seconds"),
            rules.number("hedge_search_seconds"),
            int(rules.number("hedge_margins")),
        )


@dataclass(frozen=True, slots=True)
class Hedge:
    """The trades found, in the order in which they save most per cost.

    Attributes:
        order: indices of the trades made (T,)
        quantity: signed, of each of them (T,)
        margin: of all accounts before, and after each of them (T + 1,)
        how: the known quality of the hedge, in words
    """

    order: list[int]
    quantity: Floats
    margin: list[float]
    how: str


def hedge_rules(as_of: float, overrides: Sequence[Override] = ()) -> Rules:
    """The parameters of hedges, with those of the overrides that are theirs."""
    return read_rules(Path(__file__).with_name("hedge.toml"), as_of).override(overrides, skip_unknown=True)


def find_hedge(desk: HedgeDesk, limits: Limits) -> Hedge:
    """The trades that make margin and cost together smallest.

    Where the statement of the method is a linear programme, its answer is exact. Where it is not, the answer of the
    programme that comes nearest and the best single trades are where a search by the method itself begins: sizes are
    changed one by one, and two at a time, as long as something is gained.

    Raises:
        MarginError: the method takes too long for so many instruments
    """
    none = np.zeros(len(desk.trades.row))
    before = float(desk.margins(none[None])[0])
    start, how = _programmed(desk, limits, before)
    if not how:
        name = desk.case.rules.meta.name
        search = Search(
            desk.margins,
            desk.sizes,
            limits.trades,
            limits.budget,
            limits.margins // desk.slowness,
            time.monotonic() + limits.search_seconds,
            limits.margins if desk.slowness == 1 else FEW,
        )
        starts = [none] if start is None else [_approached(desk, limits, start, before), none]
        start = search.best(starts, before)
        if search.late and search.done < 2 * len(none):  # not each of them either way
            raise MarginError(
                f"instruments: {name} margins so slowly that not every one of {len(none)} could be tried in "
                f"{limits.search_seconds:g} s: list fewer, or raise hedge_search_seconds among the parameters"
            )
        ended = f" when {limits.search_seconds:g} s were over" if search.late else ""
        how = f"the best found in {search.done} margins by {name} itself{ended}, not proven"
    assert start is not None
    order, margins = _in_order(desk, start, before)
    return Hedge(order, start[order] * desk.sizes.unit[order], margins, how)


def _programmed(desk: HedgeDesk, limits: Limits, before: float) -> tuple[Floats | None, str]:
    """Units of each trade by linear programme, None where there is none; and their quality, "" where that is not known."""
    if desk.apart or not len(desk.case.scenarios):
        return None, ""
    programme = Programme(desk.sizes)
    try:
        for a in desk.touched:
            among = np.flatnonzero(desk.trades.account == a)
            versions = probes(desk.sizes, among)
            programme.add(desk.statement(a, versions), versions, among)
    except MarginError:  # a book that the method cannot margin is among the versions
        return None, ""
    found = programme.solve(trades=limits.trades, budget=limits.budget, seconds=limits.seconds, before=before)
    if found is None:
        return None, ""
    units = found.units
    after = float(desk.margins(units[None])[0])
    paid = float(np.abs(units) @ desk.sizes.cost)
    size = max(abs(before), abs(after), 1.0)
    if not programme.exact or abs(after - desk.rest - found.margin) > AGREED * size:
        return units, ""
    if after + paid > before - WORTH * size:
        units, after, paid = np.zeros_like(units), before, 0.0
    scenarios = f"over {len(desk.case.scenarios)} scenarios"
    left = after + paid - desk.rest - found.bound
    if found.proven or left <= AGREED * size:
        return units, f"the least there is, proven by linear programme {scenarios}"
    return units, (
        f"the best found by linear programme {scenarios} in {limits.seconds:g} s, not proven: none saves more than {left:,.2f} beyond it"
    )


def _approached(desk: HedgeDesk, limits: Limits, units: Floats, before: float) -> Floats:
    """Better trades by programmes made anew around the last answer, each within a smaller reach where it gained nothing.

    Args:
        units: of each trade, the start of the search (J,)
    """
    sizes = desk.sizes

    def worth(some: Floats) -> float:
        return float(desk.margins(some[None])[0]) + float(np.abs(some) @ (sizes.cost + sizes.weight))

    at = min(units, np.zeros_like(units), key=worth)
    value, reach = worth(at), 1.0
    for _ in range(STEPS if np.isinf(limits.trades) else 0):
        spent = float(np.abs(at) @ sizes.cost)
        programme = Programme(_around(sizes, at, reach))
        for a in desk.touched:
            among = np.flatnonzero(desk.trades.account == a)
            near = probes(sizes, among)[: 1 + 2 * len(among)]
            try:
                programme.add(desk.statement(a, at + near), near, among)
            except MarginError:
                return at
        found = programme.solve(trades=np.inf, budget=limits.budget - spent, seconds=limits.seconds / STEPS, before=before)
        new = at if found is None else at + found.units
        new = np.where(sizes.whole, np.round(new), new)
        if (better := worth(new)) < value - WORTH * max(abs(before), 1.0):
            at, value = new, better
        else:
            reach /= 2.0
    return at


def _around(sizes: Sizes, at: Floats, reach: float) -> Sizes:
    """The sizes by which trades may change where they are, none so much that a purchase becomes a sale."""

    def within(limit: Floats, towards: Floats) -> Floats:
        room = np.where(towards > 0.0, towards, limit + towards)  # back to nothing at most, or on to the limit
        cut = np.minimum(room, np.maximum(limit * reach, 1.0))
        return np.asarray(np.maximum(cut, 0.0), np.float64)

    sign = np.where(at == 0.0, 1.0, np.sign(at))
    largest = np.maximum(sizes.buy, sizes.sell)
    return sizes._replace(
        whole=np.zeros_like(sizes.whole),  # sizes are rounded afterwards, which is quick
        buy=np.where(at < 0.0, within(largest, -at), within(sizes.buy, -at)),
        sell=np.where(at > 0.0, within(largest, at), within(sizes.sell, at)),
        cost=np.where(sign > 0.0, sizes.cost, -sizes.cost),
        back=np.where(at > 0.0, -sizes.cost, sizes.cost),
    )


def _in_order(desk: HedgeDesk, units: Floats, before: float) -> tuple[list[int], list[float]]:
    """The order that saves most per cost at each step, trades without cost by saving alone; and the margins on the way."""
    left, order, margins = np.flatnonzero(units).tolist(), list[int](), [before]
    now = np.zeros_like(units)
    while left:
        versions = np.tile(now, (len(left), 1))
        versions[np.arange(len(left)), left] = units[left]
        found = desk.margins(versions)
        n = _first(margins[-1] - found, np.abs(units[left]) * desk.sizes.cost[left])
        margins.append(float(found[n]))
        order.append(left.pop(n))
        now = versions[n]
    return order, margins


def _first(saved: Floats, cost: Floats) -> int:
    """Index of the trade to take first: a free one that saves, else the most per cost; where none saves, the one that adds least."""
    free = (cost <= 0.0) & (saved > 0.0)
    if free.any():
        return int(np.argmax(np.where(free, saved, -np.inf)))
    if (saved > 0.0).any():
        return int(np.argmax(np.where(saved > 0.0, saved / np.where(cost > 0.0, cost, np.inf), -np.inf)))
    return int(np.argmax(saved))
