"""TIMS: ten price points per class, the worst loss, a minimum per contract, offsets inside a product group.

Source: OCC customer portfolio margin; FINRA Rule 4210(g); Cboe Rule 10.4.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import SPOT
from xlmargin.margin import lines
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, given, largest, over_book, parameter, times, total, weakest, worst
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.scenarios import Scenarios, percent


def prepared(book: Book, rules: Rules) -> tuple[Book, Rules]:
    """The book with the exercise that the parameters name, where they name one."""
    exercise = rules.word("exercise")
    if exercise == "by_row":
        return book, rules
    american = np.full(len(book.instruments), exercise == "american")
    return dataclasses.replace(book, instruments=dataclasses.replace(book.instruments, american=american)), rules


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """Ten equidistant moves over each class's range, with vol and time unchanged."""
    down, up = (np.array([rules.number(name, coin) for coin in names]) for name in ("price_range_down", "price_range_up"))
    points = math.ceil(rules.number("points"))
    steps = np.arange(1, points + 1)[:, None] / points
    price = np.vstack([-down * steps[::-1], up * steps])
    shape, count = price.shape, len(price)
    words = (
        [percent(move) if np.all(row == row[0]) else f"point {n} of the range" for n, row in enumerate(price, 1) for move in row[:1]]
        if names
        else [f"point {n}" for n in range(1, count + 1)]
    )
    return Scenarios(
        tuple(str(n + 1) for n in range(count)),
        tuple(f"price {word}" for word in words),
        names,
        price,
        np.zeros(shape),
        "relative",
        np.zeros(count),
        np.ones(shape),
        np.zeros(count),
    )


def pnl(case: Case) -> Floats:
    """Profit and loss by class, of gains in a product group the share that counts against the losses of its other classes (A, S, U)."""
    result = np.array(case.summed)
    for members in _groups(case).values():
        for u in members if len(members) > 1 else ():
            result[:, :, u] *= _counts(case, u, -result[:, :, u])
    return result


def requirement(case: Case) -> Margin:
    """The sum over product groups of the worst loss at one price point, at least the minimum of its contracts.

    Returns:
        requirement + required, the same for initial and maintenance; option values count in the account's equity
    """
    initial = over_book("Initial margin", [_group(case, label, members) for label, members in _groups(case).items()])
    return lines.scaled(case, initial, how="initial margin less net option value")


def _groups(case: Case) -> dict[str, list[int]]:
    """The classes of each product group by its label; a class that is in none is its own."""
    groups: dict[str, list[int]] = {}
    for u, name in enumerate(case.names):
        shared = not case.rules.is_unset("product_group_offset", name)
        groups.setdefault("product group" if shared else name, []).append(u)
    return groups


def _group(case: Case, label: str, members: list[int]) -> Line:
    """Requirement of one product group."""
    losses = [case.losses(u) for u in members]
    if len(members) == 1:
        points = losses[0]
    else:
        points = [
            total(losses[0][s].label, [_offset(case, u, lines[s]) for u, lines in zip(members, losses)]) for s in range(len(case.scenarios))
        ]
    minimum = total("Minimum", [_minimum(case, u) for u in members])
    status = weakest(*map(case.status, members))
    return largest(label, (worst("Scanning risk", points, status=status), minimum))


def _offset(case: Case, u: int, loss: Line) -> Line:
    """The amount of a class's loss at one point that counts in its group: losses in full, gains by the offset."""
    name = case.names[u]
    return times(
        name,
        (
            loss,
            given(
                "Share that counts",
                _counts(case, u, loss.value),
                "losses in full, gains by product_group_offset",
                source=case.rules.get("product_group_offset", name).source,
            ),
        ),
    )


def _counts(case: Case, u: int, loss: Floats) -> Floats:
    """The share of the losses of a class that counts in its group: 1 of a loss, the offset of a gain."""
    return np.where(loss > 0.0, 1.0, case.rules.number("product_group_offset", case.names[u]))


def _minimum(case: Case, u: int) -> Line:
    """Minimum per contract of one class: options, futures and perpetuals, long and short alike; of long options at most their value."""
    name = case.names[u]
    units = case.units * (case.some(u) & (case.held.kind != SPOT))
    rate = parameter(case.rules, "Minimum per unit", "minimum_per_contract", name)
    capped = case.held.is_option & (case.marks < rate.value) & (case.rules.word("minimum_of_long", name) == "market_value")
    cheap = np.where(capped, np.maximum(units, 0.0), 0.0)
    contracts = given(
        "Units of contracts",
        (np.abs(units) - cheap).sum(axis=1),
        "contracts × multiplier, net per contract, long and short, but for those below",
    )
    rule = case.rules.get("minimum_of_long", name)
    value = given(
        "Long options below the minimum",
        cheap @ np.where(capped, case.marks, 0.0),
        "their market value, which the minimum does not exceed",
        status=rule.status if cheap.any() else "",
        source=rule.source,
    )
    return total(f"Minimum of {name}", (times("At the minimum per unit", (contracts, rate)), value))
