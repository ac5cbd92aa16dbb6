"""A book in one market of Derive's portfolio margin, and the scenarios of its rulebook."""

from __future__ import annotations

import math
from dataclasses import fields
from functools import cached_property

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, SPOT
from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Rules
from xlmargin.methods.derive.black import YEAR, fixed_part
from xlmargin.methods.derive.pmrm import PmrmResult, V1Result
from xlmargin.methods.derive.portfolio import SKEWS, V1_TERMS, Moves, PmrmTerms, Portfolio
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.scenarios.risk_array import require_vols
from xlmargin.scenarios.scenarios import Scenarios, Tenor, percent

BASIS = "basis"
LARGEST_MOVE = 20.0  # of the price in a tail: a larger one was meant in percent
MEANT = {
    "up": "vol up",
    "down": "vol down",
    "none": "vol unchanged",
    "linear": "vols skewed",
    "abs": "wings raised",
    BASIS: "forward contingency: each expiry's loss with its forward moved alone",
}


def is_v1(rules: Rules) -> bool:
    """Whether the first version of the model is chosen."""
    return rules.word("model") == "pmrm"


def number_of(rules: Rules, name: str, underlying: str = "") -> float:
    """A parameter of the model that is asked for."""
    return rules.number(f"v1_{name}" if is_v1(rules) else name, underlying)


def regular_of(rules: Rules) -> list[tuple[float, str]]:
    """The regular scenarios: share of the price range, direction of the vols; the outermost of PMRM_2 have vol up alone."""
    steps, found = round(number_of(rules, "price_steps")), []
    for n in range(steps, -steps - 1, -1):
        outermost = abs(n) == steps and not is_v1(rules)
        found += [(n / steps, kind) for kind in (("up",) if outermost else ("up", "none", "down"))]
    return found


def tails_of(rules: Rules, underlying: str) -> list[tuple[float, float]]:
    """The tail scenarios of one underlying: price move, share that counts.

    Raises:
        MarginError: the list cannot be read
    """
    if is_v1(rules):
        return []
    text, found = rules.word("tails", underlying), []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            move, share = (float(number) for number in part.replace("−", "-").split(":"))
        except ValueError:
            move, share = math.nan, math.nan
        if not (-1.0 <= move <= LARGEST_MOVE and 0.0 < share <= 1.0):
            raise MarginError(f"tails has {part!r}: write price move:share that counts as fractions, such as -0.66:0.21, 1:0.13")
        found.append((move, share))
    return found


def kinds_of(rules: Rules, tails: int) -> tuple[str, ...]:
    """The direction of the vols in each scenario, the forward contingency last (S,)."""
    rest = (BASIS,) if is_v1(rules) else (*SKEWS, BASIS)
    return (*(kind for _, kind in regular_of(rules)), *["up"] * tails, *rest)


def scenarios_of(names: tuple[str, ...], rules: Rules) -> Scenarios:
    """The regular scenarios, the tails, the skews and, last, the forward contingency."""
    regular, tails = regular_of(rules), [tails_of(rules, name) for name in names]
    longest = max(map(len, tails), default=0)
    kinds = kinds_of(rules, longest)
    tail = np.array([[*own, *[(0.0, 0.0)] * (longest - len(own))] for own in tails]).reshape(len(names), longest, 2)
    reach = np.array([number_of(rules, "price_range", name) for name in names])
    still = np.zeros((len(kinds) - len(regular) - longest, len(names)))
    price = np.vstack([np.array([share for share, _ in regular])[:, None] * reach, tail[:, :, 0].T, still])
    weight = np.vstack([np.ones((len(regular), len(names))), tail[:, :, 1].T, still + 1.0])
    sizes = {
        "up": [number_of(rules, "range_up", name) for name in names],
        "down": [-number_of(rules, "range_down", name) for name in names],
    }
    vol = np.array([sizes.get(kind, [0.0] * len(names)) for kind in kinds]).reshape(price.shape)
    least = 0.0 if is_v1(rules) else rules.number("min_vol_after_up_shock")
    powers = number_of(rules, "short_power"), number_of(rules, "long_power")
    tenor = Tenor(*powers, floor_days=number_of(rules, "dte_floor_days"))
    return Scenarios(
        tuple(str(n + 1) for n in range(len(kinds))),
        tuple(words_of(kind, row) for kind, row in zip(kinds, price)),
        names,
        price,
        vol,
        "relative",
        np.zeros(len(kinds)),
        weight,
        np.where(np.array(kinds) == "up", least, 0.0),
        tenor,
    )


def words_of(kind: str, moves: Floats) -> str:
    """A scenario in words, from its price moves (U,)."""
    if kind in (*SKEWS, BASIS):
        return MEANT[kind]
    same = len(moves) and bool(np.all(moves == moves[0]))
    return f"price {percent(float(moves[0])) if same else 'by its own range'}, {MEANT[kind]}"


class MarketHoldings:
    """The part of a book in one market, as the venue's arithmetic wants it."""

    def __init__(self, book: Book, rules: Rules, u: int) -> None:
        held = book.instruments
        mine = held.underlying == u
        self.book, self.rules, self.name = book, rules, held.underlyings[u]
        self.options = np.flatnonzero(mine & held.is_option)
        self.coins = np.flatnonzero(mine & (held.kind == SPOT))
        self.perps = np.flatnonzero(mine & ~held.is_option & (held.kind != SPOT))
        require_vols(held, mine)

    def number(self, name: str) -> float:
        """A parameter of this market."""
        return number_of(self.rules, name, self.name)

    @cached_property
    def stable(self) -> float:
        """Price of the stable coin."""
        return self.rules.number("stable_price", self.name)

    @cached_property
    def expiries(self) -> tuple[Floats, Ints, Ints]:
        """Years of each expiry (E,), the first option of each (E,), and the expiry of each option (K,)."""
        years, first, at = np.unique(self.book.instruments.years[self.options], return_index=True, return_inverse=True)
        return years, first.astype(np.int64), at.astype(np.int64)

    def portfolio(self) -> Portfolio:
        """All accounts of this market."""
        held, units = self.book.instruments, self.book.by_instrument(self.book.units)
        years, first, at = self.expiries
        options, perps, coins = self.options, self.perps, self.coins
        seconds, accounts = years * YEAR, len(units)
        v1 = is_v1(self.rules)
        haircuts = (self.number("base"), 0.0) if v1 else (self.number("mm_haircut"), self.number("im_extra_haircut"))
        sure = np.ones(max(len(coins), len(perps), len(years)))
        return Portfolio(
            units[:, options],
            held.strike[options],
            held.kind[options] == CALL,
            held.vol[options],
            held.forward[options],
            fixed_part(held.forward[options], seconds[at]),
            at,
            seconds,
            held.rate[options][first],
            sure[: len(years)],
            units[:, perps],
            held.forward[perps],
            sure[: len(perps)],
            np.zeros(accounts),
            np.zeros(accounts),
            self.book.spot[:, held.underlyings.index(self.name)],
            1.0,
            self.stable,
            units[:, coins],
            held.spot[coins],
            sure[: len(coins)],
            np.ones(len(coins), np.bool_),
            np.full(len(coins), haircuts[0]),
            np.full(len(coins), haircuts[1]),
        )

    def result(self, scenarios: Scenarios) -> PmrmResult:
        """The venue's arithmetic on this market."""
        u, kept = scenarios.underlyings.index(self.name), len(scenarios) - 1  # the last is the forward contingency
        plain = len(kinds_of(self.rules, 0))
        kinds = kinds_of(self.rules, len(scenarios) - plain)[:kept]
        moves = Moves(1.0 + scenarios.price[:kept, u], kinds, scenarios.weight[:kept, u])
        if is_v1(self.rules):
            return V1Result(self.portfolio(), moves, PmrmTerms(**{name: self.number(name) for name in V1_TERMS}))
        return PmrmResult(self.portfolio(), moves, PmrmTerms(**{field.name: self.number(field.name) for field in fields(PmrmTerms)}))
