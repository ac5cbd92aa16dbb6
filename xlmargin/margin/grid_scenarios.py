"""Scenarios written as a grid: a text of price and vol moves as venues print them, scaled by parameters.

A grid is a text of blocks divided by semicolons: `+12%, -12% x up, down x 50%` is every price move of the block with
every vol move, price moves running slowest, at the weight (100 % where none is given). A price move without a percent
sign counts in price ranges (parameter price_range); one with a star, `+12%*`, is multiplied by the coin's price_factor.
`up`, `same` and `down` are the vol moves of the parameters vol_up and vol_down; a vol move may also be a number, `+40%`. Each
coin may have a grid of its own, all of them with as many shocks, so that the first shock of one happens with the first of another.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xlmargin.errors import MarginError, nearest
from xlmargin.margin.parameters import Rules
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.scenarios import Kind, Scenarios, Tenor, percent

NUMBER = re.compile(r"([+-]?\d{1,6}(?:\.\d{1,6})?)\s*(%\*?|)$")
UP, SAME, DOWN = "up", "same", "down"
SIDES = {UP: "up", SAME: "unchanged", DOWN: "down"}  # vol moves in the words of a description
FORM = "+12%, -12% x up, down x 50%"
PER_CENT = 100.0
MOST_SHOCKS = 1000
LARGEST_MOVE = 20.0  # of the price, as a fraction or in price ranges: a larger one lacks its % sign
SIZED = {"": "price_range", "%*": "price_factor"}  # parameter that a price move is multiplied by, by the text after its number
TENOR = ("short_power", "long_power", "reference_days", "floor_days")
LEAST_UP = "min_vol_shock_up"  # least vol after an up shock
MOST_VOL = 5.0  # largest vol move that a grid gives as a number
WHOLE_DAYS = "whole_days"  # a word of the tenor: yes rounds days to expiry up
# parameters of a grid
READS = ("scenarios", "vol_up", "vol_down", "vol_shift", "vol_floor", LEAST_UP, *filter(None, SIZED.values()), *TENOR, WHOLE_DAYS)


class Shock(NamedTuple):
    """One scenario of a grid.

    Attributes:
        move: of the price, as a fraction or in price ranges
        sized: parameter of each coin that the move is multiplied by, "" where there is none
        vol: up, same, down, or the move itself
        weight: share of the profit or loss that counts
    """

    move: float
    sized: str
    vol: str | float
    weight: float


@lru_cache
def read_grid(text: str) -> tuple[Shock, ...]:
    """The shocks of a grid in the order that it lists them.

    Raises:
        MarginError: a block has another form
    """
    shocks: list[Shock] = []
    for block in filter(None, (part.strip() for part in text.split(";"))):
        parts = re.split(r"\s+x\s+", block)
        vols = [_vol(word.strip()) for word in parts[1].split(",")] if len(parts) in (2, 3) else []
        weight = _number(parts[2]) if len(parts) == 3 else (1.0, "")
        moves = [_number(move) for move in parts[0].split(",")]
        if not vols or None in vols or weight is None or None in moves:
            raise MarginError(f"scenarios: {block[:60]!r} is no block of a grid: write it as {FORM}")
        if not 0.0 < weight[0] <= 1.0:
            raise MarginError(f"scenarios: {block[:60]!r} has a weight outside 0 % to 100 %: write it as {FORM}")
        if any((move < -1.0 and not sized) or abs(move) > LARGEST_MOVE for move, sized in filter(None, moves)):
            raise MarginError(f"scenarios: {block[:60]!r} has a price move below −100 % or above 2000 %: write moves as {FORM}")
        shocks += [Shock(*move, vol, weight[0]) for move in moves if move is not None for vol in vols if vol is not None]
    if not 0 < len(shocks) <= MOST_SHOCKS:
        raise MarginError(f"scenarios: a grid has from 1 to {MOST_SHOCKS} shocks, not {len(shocks)}: write blocks as {FORM}")
    return tuple(shocks)


def written(shocks: Sequence[tuple[float, float, float]], up: float, down: float) -> str:
    """Shocks as the text of a grid, neighbours that differ in one thing alone written together.

    Args:
        shocks: price move, vol move and weight of each, as fractions
        up, down: the vol moves that the words up and down stand for, both positive

    Raises:
        MarginError: a move or a weight is outside what a grid may have
    """
    words = {up: UP, -down: DOWN, 0.0: SAME}
    rows = [
        (price, weight, tuple(words.get(vol) or _percent(vol) for _, vol, _ in same))
        for (price, weight), same in groupby(shocks, lambda shock: (shock[0], shock[2]))
    ]
    blocks = []
    for (weight, vols), alike in groupby(rows, lambda row: row[1:]):
        tail = "" if weight == 1.0 else f" x {_percent(weight).lstrip('+')}"
        blocks.append(f"{', '.join(_percent(price) for price, *_ in alike)} x {', '.join(vols)}{tail}")
    text = "; ".join(blocks)
    read_grid(text)
    return text


def _percent(share: float) -> str:
    """A fraction in percent, with its sign unless it is 0, to six digits after the point."""
    text = f"{PER_CENT * share:+.6f}".rstrip("0").rstrip(".")
    return "0%" if text in ("+0", "-0") else f"{text}%"


def _vol(word: str) -> str | float | None:
    """A vol move: one of the three words, or a number in percent; None where it is neither."""
    found = None if word in SIDES else _number(word)
    if found is None or found[1] or not -1.0 <= found[0] <= MOST_VOL:
        return word if word in SIDES else None
    return found[0]


def _number(text: str) -> tuple[float, str] | None:
    """A number, and the parameter that it is multiplied by; None where the text is none."""
    match = NUMBER.match(text.strip().replace("−", "-"))
    return (float(match[1]) / (PER_CENT if match[2] else 1.0), SIZED.get(match[2], "")) if match else None


def grid(names: tuple[str, ...], rules: Rules, _: object = None, still: Collection[str] = ()) -> Scenarios:
    """The scenarios of the parameter `scenarios`, sized by the parameters of each underlying.

    Args:
        rules: has `scenarios`, `vol_up` and `vol_down`; and, where the rulebook has them, `price_range`, `price_factor`,
            `vol_shift` (relative where left out), `vol_floor`, `min_vol_shock_up`, and the powers and days of a tenor by which vol
            shocks shrink with time to expiry
        _: the desk's other inputs, which a grid does not need
        still: underlyings on which the scenarios do not act, such as coins that are collateral alone; the rulebook need not list them

    Raises:
        MarginError: a grid cannot be read, or coins have grids of different sizes
    """
    moved = tuple(name for name in names if name not in still)
    shocks = _shocks(moved or tuple(rules.underlyings[:1]) or ("",), rules)
    count, shape = len(next(iter(shocks.values()))), (len(names), len(next(iter(shocks.values()))))
    price, vol, weight, least = np.zeros(shape), np.zeros(shape), np.ones(shape), np.zeros(shape)
    for u, name in enumerate(names):
        if name in still:
            continue
        price[u] = [shock.move * (rules.number(shock.sized, name) if shock.sized else 1.0) for shock in shocks[name]]
        sides: dict[str | float, float] = {UP: rules.number("vol_up", name), SAME: 0.0, DOWN: -rules.number("vol_down", name)}
        vol[u] = [sides[shock.vol] if isinstance(shock.vol, str) else shock.vol for shock in shocks[name]]
        weight[u] = [shock.weight for shock in shocks[name]]
        if LEAST_UP in rules.names:
            least[u] = np.where(vol[u] > 0.0, rules.number(LEAST_UP, name), 0.0)
    kind: Kind = "absolute" if "vol_shift" in rules.names and rules.word("vol_shift") == "absolute" else "relative"
    tenor = {name: rules.number(name) for name in TENOR if name in rules.names}
    return Scenarios(
        tuple(str(n + 1) for n in range(count)),
        tuple(_words(at, np.array([price[names.index(name), n] for name in moved])) for n, at in enumerate(zip(*shocks.values()))),
        names,
        np.maximum(price.T, -1.0),
        vol.T.copy(),
        kind,
        np.zeros(count),
        weight.T.copy(),
        np.maximum(least.T, rules.number("vol_floor") if "vol_floor" in rules.names else 0.0),
        Tenor(**tenor, whole_days=WHOLE_DAYS in rules.names and rules.word(WHOLE_DAYS) == "yes") if tenor else None,
    )


def _shocks(names: tuple[str, ...], rules: Rules) -> dict[str, tuple[Shock, ...]]:
    """The shocks of each underlying, those left out that repeat another because no vol moves on their side.

    Raises:
        MarginError: a grid cannot be read, or has another number of shocks than that of another underlying
    """
    grids = {name: read_grid(rules.word("scenarios", name)) for name in names}
    moves = {side: any(rules.number(word, name) for name in names) for side, word in ((UP, "vol_up"), (DOWN, "vol_down"))}
    found = {name: _distinct(shocks, moves) for name, shocks in grids.items()}
    first = names[0]
    for name, shocks in found.items():
        if len(shocks) != len(found[first]):
            raise MarginError(
                f"scenarios: {first} has {len(found[first])} shocks and {name} {len(shocks)}: give all coins grids of as many shocks"
            )
    for sized in sorted({shock.sized for shocks in found.values() for shock in shocks} - {"", *rules.names}):
        raise MarginError(f"scenarios: {rules.meta.name} has no {sized}: write price moves in percent, such as {FORM}")
    return found


def refuse_unread(names: Iterable[str], modules: Iterable[Path]) -> None:
    """Every parameter of a rulebook with a grid must be one of the grid's, or a text in its modules.

    A grid does without most of its parameters, so a misspelt one would change the margin unnoticed.

    Raises:
        MarginError: naming the parameter and the nearest that is read
    """
    nodes = (node for path in modules for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    read = [*READS, *sorted(text for text in texts if text.isidentifier())]
    for name in names:
        if name not in read:
            raise MarginError(f"nothing reads {name} of the parameter file: the nearest name that is read is {nearest(name, read)}")


def _distinct(shocks: tuple[Shock, ...], moves: Mapping[str, bool]) -> tuple[Shock, ...]:
    """The shocks without those that repeat another because vols do not move on their side."""
    still = {side for side, moved in moves.items() if not moved}
    return tuple(dict.fromkeys(shock._replace(vol=SAME) if shock.vol in still else shock for shock in shocks))


def _words(shocks: tuple[Shock, ...], price: Floats) -> str:
    """A shock in words: its price move where all underlyings share it, else those of the underlyings, or as the grid counts it.

    Args:
        shocks: of each underlying
        price: its price move, none of a flat book
    """
    sides = [SIDES[shock.vol] if isinstance(shock.vol, str) else percent(shock.vol) for shock in shocks]
    side = " or ".join(dict.fromkeys(sides))
    if len(price) and (np.all(price == price[0]) or not any(shock.sized for shock in shocks)):
        return f"price {' or '.join(dict.fromkeys(map(percent, price.tolist())))}, vol {side}"
    first = shocks[0]
    if first.sized == "price_range":
        return f"price {first.move:+g} ranges, vol {side}".replace("-", "−")
    return f"price {percent(first.move)}{' × price_factor' if first.sized else ''}, vol {side}"
