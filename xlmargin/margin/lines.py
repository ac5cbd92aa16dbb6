"""Grids of price and vol shocks as venues print them, and the lines that venue methods share.

A grid is a text of blocks divided by semicolons: `+12%, -12% x up, down x 50%` is every price move of the block with
every vol move, price moves running slowest, at the weight (100 % where none stands). A price move without a percent
sign counts in price ranges; `up`, `same` and `down` are the vol moves of the parameters vol_up and vol_down.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import FUTURE, KIND_NAMES, PERPETUAL
from xlmargin.errors import MarginError
from xlmargin.margin.parameters import NOT_SET, Rules
from xlmargin.margin.statement import Line, given, not_modelled, times, worst
from xlmargin.margin.valuation import Case
from xlmargin.scenarios.risk_array import black_deltas
from xlmargin.scenarios.scenarios import Kind, Scenarios, Tenor, percent

Floats = NDArray[np.float64]

NUMBER = re.compile(r"([+-]?\d{1,6}(?:\.\d{1,6})?)\s*(%?)$")
VOLS = {"up": 1.0, "same": 0.0, "down": -1.0}
FORM = "+12%, -12% x up, down x 50%"
PER_CENT = 100.0
MOST_SHOCKS = 1000


class Shock(NamedTuple):
    """One scenario of a grid.

    Attributes:
        move: of the price, as a fraction or in price ranges
        in_ranges: whether it counts in price ranges
        vol: +1 up, 0 as it is, −1 down
        weight: share of the profit or loss that counts
    """

    move: float
    in_ranges: bool
    vol: float
    weight: float


def read_grid(text: str) -> list[Shock]:
    """The shocks of a grid in the order that it lists them.

    Raises:
        MarginError: a block has another form
    """
    shocks: list[Shock] = []
    for block in filter(None, (part.strip() for part in text.split(";"))):
        parts = re.split(r"\s+x\s+", block)
        words = [word.strip() for word in parts[1].split(",")] if len(parts) in (2, 3) else []
        weight = _number(parts[2]) if len(parts) == 3 else (1.0, False)
        moves = [_number(move) for move in parts[0].split(",")]
        if not words or weight is None or weight[0] < 0.0 or None in moves or not set(words) <= set(VOLS):
            raise MarginError(f"scenarios: {block[:60]!r} is no block of a grid: write it as {FORM}")
        shocks += [Shock(move[0], move[1], VOLS[word], weight[0]) for move in moves if move is not None for word in words]
    if not 0 < len(shocks) <= MOST_SHOCKS:
        raise MarginError(f"scenarios: a grid has from 1 to {MOST_SHOCKS} shocks, not {len(shocks)}: write blocks as {FORM}")
    return shocks


def _number(text: str) -> tuple[float, bool] | None:
    """A number and whether it stands without a percent sign, or None."""
    match = NUMBER.match(text.strip().replace("−", "-"))
    if not match:
        return None
    return (float(match[1]) / PER_CENT, False) if match[2] else (float(match[1]), True)


def grid(names: tuple[str, ...], rules: Rules) -> Scenarios:
    """The scenarios of the parameter `scenarios`, with each underlying's own ranges.

    Args:
        rules: knows `scenarios`, `vol_up`, `vol_down`, `vol_shift`; `price_range` where moves count in ranges; the powers of
            the tenor where vol shocks shrink with time to expiry; `vol_floor` where there is one

    Raises:
        MarginError: the grid cannot be read
    """
    up, down = (np.array([rules.number(word, name) for name in names]) for word in ("vol_up", "vol_down"))
    moved = (any(rules.number(word, name) for name in names or ("",)) for word in ("vol_up", "vol_down"))
    shocks = _distinct(read_grid(rules.word("scenarios")), *moved)
    ones, count = np.ones(len(names)), len(shocks)
    ranges = np.array([rules.number("price_range", name) if "price_range" in rules.names else 1.0 for name in names])
    price = np.array([shock.move * (ranges if shock.in_ranges else ones) for shock in shocks]).reshape(count, len(names))
    vol = np.array([shock.vol * (up if shock.vol > 0.0 else down) for shock in shocks]).reshape(count, len(names))
    weight = np.array([shock.weight for shock in shocks])[:, None] * ones
    kind: Kind = "absolute" if rules.word("vol_shift") == "absolute" else "relative"
    floor = rules.number("vol_floor") if "vol_floor" in rules.names else 0.0
    words = tuple(_words(shock, row) for shock, row in zip(shocks, price))
    return Scenarios(
        tuple(str(n + 1) for n in range(count)),
        words,
        names,
        np.maximum(price, -1.0),
        vol,
        kind,
        np.zeros(count),
        weight,
        np.full(count, floor),
        _tenor(rules),
    )


def _distinct(shocks: list[Shock], up: bool, down: bool) -> list[Shock]:
    """The shocks without those that repeat another because vols do not move on their side."""
    moves = {1.0: up, -1.0: down}
    return list(dict.fromkeys(shock if moves.get(shock.vol) else shock._replace(vol=0.0) for shock in shocks))


def _tenor(rules: Rules) -> Tenor | None:
    """How vol shocks shrink with time to expiry, None where the rulebook names no powers."""
    if "short_power" not in rules.names:
        return None
    return Tenor(*(rules.number(name) for name in ("short_power", "long_power", "reference_days", "floor_days")))


def _words(shock: Shock, price: Floats) -> str:
    """A shock in words: its price move where all underlyings share it, else in their ranges."""
    shared = not shock.in_ranges or (len(price) > 0 and bool(np.all(price == price[0])))
    move = percent(float(price[0]) if len(price) else shock.move) if shared else f"{shock.move:+g} ranges".replace("-", "−")
    side = {1.0: "up", 0.0: "unchanged", -1.0: "down"}[shock.vol]
    return f"price {move}, vol {side}"


def scan(case: Case, u: int, label: str = "Scanning risk") -> Line:
    """The worst weighted loss of one underlying, at least 0."""
    return worst(label, case.losses(u))


def parameter(rules: Rules, label: str, name: str, underlying: str = "") -> Line:
    """A number of the rulebook as a line."""
    value = rules.get(name, underlying)
    return given(label, float(value.value), f"parameter {name} [{value.unit}]", status=value.status, source=value.source)


def unset(rules: Rules, label: str, name: str, underlying: str = "") -> Line:
    """A line of 0 that says that a figure is not published."""
    return not_modelled(
        label,
        f"parameter {name} is not set: {rules.get(name, underlying).source}",
        status=NOT_SET if rules.get(name, underlying).status == NOT_SET else "not modelled",
    )


def charge(case: Case, label: str, name: str, u: int, amounts: tuple[Line, ...]) -> Line:
    """Rate × amounts of one underlying, or the line that says that the rate is not published."""
    coin = case.book.instruments.underlyings[u]
    if case.rules.is_unset(name, coin):
        return unset(case.rules, label, name, coin)
    return times(label, (*amounts, parameter(case.rules, "Rate", name, coin)), status=case.rules.get(name, coin).status)


def nothing_held() -> Line:
    """The line of a flat book."""
    return given("No positions", 0.0, "the book is flat")


def spot(case: Case, u: int) -> Line:
    """Spot of one underlying as a line; where an account's rows differ, their mean."""
    book = case.book.instruments
    chosen = book.underlying == u
    held = case.units[:, chosen] != 0.0
    count = held.sum(axis=1)
    value = np.divide(held @ book.spot[chosen], count, out=np.zeros(len(held)), where=count > 0)
    return given("Spot", value, "of the market range, or the mean of the rows held")


def deltas(case: Case, u: int) -> Floats:
    """Delta position of every account in each instrument of one underlying, undiscounted Black delta at mark (A, …)."""
    chosen = case.book.instruments.underlying == u
    held: Floats = case.units[:, chosen] * np.nan_to_num(black_deltas(case.book.instruments)[chosen])
    return held


def short_units(case: Case, u: int, kind: int | None = None) -> Line:
    """Units of short options of one underlying, of one kind or of both, net per contract."""
    held = case.book.instruments
    net = case.net_contracts((held.underlying == u) & (held.is_option if kind is None else held.kind == kind))
    label = "Short option units" if kind is None else f"Short {KIND_NAMES[kind]}s"
    return given(label, np.maximum(-net, 0.0).sum(axis=1), "options held short, net per contract")


def futures_units(case: Case, u: int) -> Line:
    """Units of futures and perpetuals of one underlying, long and short alike, net per contract."""
    held = case.book.instruments
    net = case.net_contracts((held.underlying == u) & ((held.kind == FUTURE) | (held.kind == PERPETUAL)))
    return given("Futures units", np.abs(net).sum(axis=1), "futures and perpetuals, net per contract")
