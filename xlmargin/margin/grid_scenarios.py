"""Scenarios written as a grid: a text of price and vol moves as venues print them, scaled by parameters.

A grid is a text of blocks divided by semicolons: `+12%, -12% x up, down x 50%` is every price move of the block with
every vol move, price moves running slowest, at the weight (100 % where none is given). A price move without a percent
sign counts in price ranges (parameter price_range); one with a star, `+12%*`, is multiplied by the coin's price_factor.
`up`, `same` and `down` are the vol moves of the parameters vol_up and vol_down.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xlmargin.errors import MarginError, nearest
from xlmargin.margin.parameters import Rules
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.scenarios import Kind, Scenarios, Tenor, percent

NUMBER = re.compile(r"([+-]?\d{1,6}(?:\.\d{1,6})?)\s*(%\*?|)$")
VOLS = {"up": 1.0, "same": 0.0, "down": -1.0}
FORM = "+12%, -12% x up, down x 50%"
PER_CENT = 100.0
MOST_SHOCKS = 1000
LARGEST_MOVE = 20.0  # of the price, as a fraction or in price ranges: a larger one lacks its % sign
SIZED = {"": "price_range", "%*": "price_factor"}  # parameter that a price move is multiplied by, by the text after its number
TENOR = ("short_power", "long_power", "reference_days", "floor_days")
WHOLE_DAYS = "whole_days"  # a word of the tenor: yes rounds days to expiry up
READS = (
    "scenarios",
    "vol_up",
    "vol_down",
    "vol_shift",
    "vol_floor",
    *filter(None, SIZED.values()),
    *TENOR,
    WHOLE_DAYS,
)  # parameters of a grid


class Shock(NamedTuple):
    """One scenario of a grid.

    Attributes:
        move: of the price, as a fraction or in price ranges
        sized: parameter of each coin that the move is multiplied by, "" where there is none
        vol: +1 up, 0 unchanged, −1 down
        weight: share of the profit or loss that counts
    """

    move: float
    sized: str
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
        weight = _number(parts[2]) if len(parts) == 3 else (1.0, "")
        moves = [_number(move) for move in parts[0].split(",")]
        if not words or weight is None or None in moves or not set(words) <= set(VOLS):
            raise MarginError(f"scenarios: {block[:60]!r} is no block of a grid: write it as {FORM}")
        if not 0.0 < weight[0] <= 1.0:
            raise MarginError(f"scenarios: {block[:60]!r} has a weight outside 0 % to 100 %: write it as {FORM}")
        if any((move < -1.0 and not sized) or abs(move) > LARGEST_MOVE for move, sized in filter(None, moves)):
            raise MarginError(f"scenarios: {block[:60]!r} has a price move below −100 % or above 2000 %: write moves as {FORM}")
        shocks += [Shock(*move, VOLS[word], weight[0]) for move in moves if move is not None for word in words]
    if not 0 < len(shocks) <= MOST_SHOCKS:
        raise MarginError(f"scenarios: a grid has from 1 to {MOST_SHOCKS} shocks, not {len(shocks)}: write blocks as {FORM}")
    return shocks


def _number(text: str) -> tuple[float, str] | None:
    """A number, and the parameter that it is multiplied by; None where the text is none."""
    match = NUMBER.match(text.strip().replace("−", "-"))
    return (float(match[1]) / (PER_CENT if match[2] else 1.0), SIZED.get(match[2], "")) if match else None


def grid(names: tuple[str, ...], rules: Rules, _: object = None) -> Scenarios:
    """The scenarios of the parameter `scenarios`, sized by the parameters of each underlying.

    Args:
        rules: has `scenarios`, `vol_up` and `vol_down`; and, where the rulebook has them, `price_range`, `price_factor`,
            `vol_shift` (relative where left out), `vol_floor`, and the powers and days of a tenor by which vol shocks shrink
            with time to expiry
        _: the desk's other inputs, which a grid does not need

    Raises:
        MarginError: the grid cannot be read
    """

    def each(name: str) -> Floats:
        return np.array([rules.number(name, coin) for coin in names])

    moved = (any(rules.number(word, name) for name in names or ("",)) for word in ("vol_up", "vol_down"))
    shocks = _distinct(read_grid(rules.word("scenarios")), *moved)
    sized = {shock.sized for shock in shocks} - {""}
    for name in sorted(sized - set(rules.names)):
        raise MarginError(f"scenarios: {rules.meta.name} has no {name}: write price moves in percent, such as {FORM}")
    up, down, sizes = each("vol_up"), each("vol_down"), {"": np.ones(len(names)), **{name: each(name) for name in sized}}
    count, shape = len(shocks), (len(shocks), len(names))
    price = np.array([shock.move * sizes[shock.sized] for shock in shocks]).reshape(shape)
    vol = np.array([shock.vol * (up if shock.vol > 0.0 else down) for shock in shocks]).reshape(shape)
    kind: Kind = "absolute" if "vol_shift" in rules.names and rules.word("vol_shift") == "absolute" else "relative"
    tenor = {name: rules.number(name) for name in TENOR if name in rules.names}
    return Scenarios(
        tuple(str(n + 1) for n in range(count)),
        tuple(_words(shock, row) for shock, row in zip(shocks, price)),
        names,
        np.maximum(price, -1.0),
        vol,
        kind,
        np.zeros(count),
        np.array([shock.weight for shock in shocks])[:, None] * np.ones(len(names)),
        np.full(count, rules.number("vol_floor") if "vol_floor" in rules.names else 0.0),
        Tenor(**tenor, whole_days=WHOLE_DAYS in rules.names and rules.word(WHOLE_DAYS) == "yes") if tenor else None,
    )


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


def _distinct(shocks: list[Shock], up: bool, down: bool) -> list[Shock]:
    """The shocks without those that repeat another because vols do not move on their side."""
    moves = {1.0: up, -1.0: down}
    return list(dict.fromkeys(shock if moves.get(shock.vol) else shock._replace(vol=0.0) for shock in shocks))


def _words(shock: Shock, price: Floats) -> str:
    """A shock in words: its price move where all underlyings share it, else as the grid counts it."""
    side = {1.0: "up", 0.0: "unchanged", -1.0: "down"}[shock.vol]
    if len(price) and np.all(price == price[0]):
        return f"price {percent(float(price[0]))}, vol {side}"
    if shock.sized == "price_range":
        return f"price {shock.move:+g} ranges, vol {side}".replace("-", "−")
    return f"price {percent(shock.move)}{' × price_factor' if shock.sized else ''}, vol {side}"
