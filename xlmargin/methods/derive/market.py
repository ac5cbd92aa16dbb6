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


def is_market(rules: Rules, underlying: str) -> bool:
    """Whether a coin has a market of its own; a coin without one that has a haircut is collateral alone.

    Raises:
        MarginError: the rulebook lists it for neither
    """
    name = "v1_price_range" if is_v1(rules) else "price_range"
    found = rules.lists(name, underlying)
    if not found and (is_v1(rules) or not rules.lists("mm_haircut", underlying)):
        _refuse(rules, name, underlying)
    return found


def _refuse(rules: Rules, name: str, underlying: str) -> None:
    """Refuse a coin that is neither a market nor collateral.

    Raises:
        MarginError: naming the markets, and under PMRM_2 what is collateral without one
    """
    try:
        rules.get(name, underlying)
    except MarginError as error:
        taken = [] if is_v1(rules) else [coin for coin in rules.underlyings if rules.lists("mm_haircut", coin)]
        more = f"; collateral are spot of {', '.join(taken)}" if taken else ""
        raise MarginError(f"{error}{more}") from error


def tails_of(rules: Rules, underlying: str) -> dict[float, float]:
    """The tail scenarios of one underlying: the share that counts by price move.

    Raises:
        MarginError: the list cannot be read
    """
    if is_v1(rules) or not is_market(rules, underlying):
        return {}
    text, found = rules.word("tails", underlying), dict[float, float]()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            move, share = (float(number) for number in part.replace("−", "-").split(":"))
        except ValueError:
            move, share = math.nan, math.nan
        if not (-1.0 <= move <= LARGEST_MOVE and 0.0 < share <= 1.0):
            raise MarginError(f"tails has {part!r}: write price move:share that counts as fractions, such as -0.66:0.21, 1:0.13")
        if move in found:
            raise MarginError(f"tails has the move {move:g} twice: remove {part!r} or the other one")
        found[move] = share
    return found


def kinds_of(rules: Rules, tails: int) -> tuple[str, ...]:
    """The direction of the vols in each scenario, the forward contingency last (S,)."""
    rest = (BASIS,) if is_v1(rules) else (*SKEWS, BASIS)
    return (*(kind for _, kind in regular_of(rules)), *["up"] * tails, *rest)


def scenarios_of(names: tuple[str, ...], rules: Rules) -> Scenarios:
    """The regular scenarios, the tails, the skews and, last, the forward contingency.

    A tail that a coin does not have has the weight 0 there, and so has every scenario for a coin that is collateral alone.
    """
    regular, tails = regular_of(rules), [tails_of(rules, name) for name in names]
    moves = sorted(set().union(*tails))
    kinds = kinds_of(rules, len(moves))
    markets = np.array([is_market(rules, name) for name in names], np.bool_)

    def sizes(name: str) -> Floats:
        return np.array([number_of(rules, name, coin) if mine else 0.0 for coin, mine in zip(names, markets)])

    shares = np.array([share for share, _ in regular])[:, None]
    still = np.zeros((len(kinds) - len(regular) - len(moves), len(names)))
    price = np.vstack([shares * sizes("price_range"), np.array(moves)[:, None] * np.ones(len(names)), still])
    tail = np.array([[own.get(move, 0.0) for own in tails] for move in moves]).reshape(len(moves), len(names))
    weight = np.vstack([np.ones((len(regular), len(names))), tail, still + 1.0]) * markets
    up, down = sizes("range_up"), sizes("range_down")
    vol = np.vstack([{"up": up, "down": -down}.get(kind, np.zeros(len(names))) for kind in kinds])
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
        np.zeros(len(kinds)),  # the least vol after a shock is each market's own: its valuation reads it
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
        """Pick the holdings of one underlying.

        Raises:
            MarginError: the rulebook does not list it, or lists it as collateral and options or perpetuals of it are held
        """
        held = book.instruments
        mine = held.underlying == u
        self.book, self.rules, self.name = book, rules, held.underlyings[u]
        self.options = np.flatnonzero(mine & held.is_option)
        self.coins = np.flatnonzero(mine & (held.kind == SPOT))
        self.perps = np.flatnonzero(mine & ~held.is_option & (held.kind != SPOT))
        self.own_market = is_market(rules, self.name)
        if not self.own_market and len(self.options) + len(self.perps):
            rules.get("price_range", self.name)
        require_vols(held, mine)

    def number(self, name: str) -> float:
        """A parameter of this market; of a coin that is collateral alone each is 0."""
        return number_of(self.rules, name, self.name) if self.own_market else 0.0

    def haircuts(self) -> tuple[float, float]:
        """Share of the coin's value that does not count for maintenance, and the addition to it for initial margin."""
        if not len(self.coins):
            return 0.0, 0.0
        if is_v1(self.rules):
            return self.rules.number("v1_base", self.name), 0.0
        return self.rules.number("mm_haircut", self.name), self.rules.number("im_extra_haircut", self.name)

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
        haircuts = self.haircuts()
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
            np.full(len(coins), self.own_market),
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
