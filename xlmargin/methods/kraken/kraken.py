"""Kraken's options portfolio margin: scenarios of the delta-hedged options, charges on their deltas, and futures apart.

Maintenance of options = max(market risk, absolute options delta) + net portfolio delta; initial is a multiple of it. Options held
long alone need at most their mark. Futures need the larger of their long and their short side.

Source: support.kraken.com, Options Portfolio Margining; docs.kraken.com, portfolio-margining/parameters and /simulate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xlmargin.book.book import Book
from xlmargin.errors import MarginError
from xlmargin.margin import lines
from xlmargin.margin.parameters import Override, Rules
from xlmargin.margin.statement import Line, above, given, largest, not_modelled, over_book, parameter, smallest, times, total
from xlmargin.margin.valuation import Case, Given, Margin
from xlmargin.methods.json_shape import Node
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.risk_array import black_deltas
from xlmargin.scenarios.risk_array import risk_array as _general
from xlmargin.scenarios.scenarios import Scenarios, Tenor, percent

ARRAY_OF_INSTRUMENTS = True
_FIGURES = {  # parameters by the endpoint's field
    "crossAssetNettingFactor": "cross_asset_netting_factor",
    "extremePriceShockMultiplier": "extreme_price_shock_multiplier",
    "volShockMultiplicationFactor": "vol_shock_multiplication_factor",
    "volShockExponentFactor": "vol_shock_exponent_factor",
    "optionExpiryTimeShockHours": "option_expiry_time_shock_hours",
    "optionsInitialMarginFactor": "options_initial_margin_factor",
}
_LEVELS, _INITIAL, _MAINTENANCE = "price_shock_levels", "futures_initial_rate", "futures_maintenance_rate"
_SIDES = ((1.0, "up"), (0.0, "unchanged"), (-1.0, "down"))


def saved(content: Any, rules: Rules) -> list[Override]:
    """The account's figures in an answer of portfolio-margining/parameters.

    Raises:
        MarginError: it is another answer, or lacks one of them
    """
    answer = Node(content)
    if "priceShockLevels" not in answer:
        raise MarginError("carries no priceShockLevels as answers of portfolio-margining/parameters do: save one of them whole")
    levels = ", ".join(f"{level:g}" for level in answer.numbers("priceShockLevels").tolist())
    found: dict[str, float | str] = {_LEVELS: levels, **{name: answer.number(field) for field, name in _FIGURES.items()}}
    return [Override("", name, value, row) for row, (name, value) in enumerate(found.items(), 1)]


# ---- scenarios of the delta-hedged options


def scenarios(names: tuple[str, ...], rules: Rules, _: Given) -> Scenarios:
    """Every price shock with vols up, unchanged and down, and the outermost shocks enlarged; time passes in all of them."""
    _require(rules, (_LEVELS, *_FIGURES.values()))
    levels, multiple = _levels(rules), rules.number("extreme_price_shock_multiplier")
    far = [(move * multiple, 0.0, "unchanged", "extreme ") for move in dict.fromkeys((min(levels), max(levels)))]
    shocks = [*((move, side, word, "") for move in levels for side, word in _SIDES), *far]
    count, columns = len(shocks), np.ones(len(names))
    power = rules.number("vol_shock_exponent_factor")
    return Scenarios(
        tuple(str(n + 1) for n in range(count)),
        tuple(f"{kind}price {percent(move)}, vol {word}" for move, _, word, kind in shocks),
        names,
        np.maximum(np.array([shock[0] for shock in shocks])[:, None] * columns, -1.0),
        np.array([shock[1] for shock in shocks])[:, None] * columns * rules.number("vol_shock_multiplication_factor"),
        "relative",
        np.full(count, rules.number("option_expiry_time_shock_hours") / 24.0),
        np.ones((count, len(names))),
        np.zeros(count),
        Tenor(power, power, rules.number("reference_days"), rules.number("floor_days")),
        how="options less their delta at mark × the move",
    )


def risk_array(book: Book, scenarios: Scenarios, rules: Rules) -> Floats:
    """Profit and loss of one long unit of each option, hedged at its delta at mark; 0 of all else (K, S)."""
    held = book.instruments
    found = _general(held, scenarios)
    hedge = black_deltas(held)[:, None] * held.level[:, None] * scenarios.price.T[held.underlying]
    return np.where(held.is_option[:, None], found - hedge, 0.0)


def _levels(rules: Rules) -> list[float]:
    """The price shocks, ascending.

    Raises:
        MarginError: they are no fractions
    """
    text = rules.word(_LEVELS)
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or not all(-1.0 < level <= 1.0 for level in found):
        raise MarginError(f"{_LEVELS} must be fractions of the price above −1 and up to 1 with commas between them, not {text!r}")
    return found


def _require(rules: Rules, names: tuple[str, ...], coin: str = "") -> None:
    """Refuse to answer without the account's own figures.

    Raises:
        MarginError: naming those that are missing, and the answer to save
    """
    missing = [name for name in names if rules.is_unset(name, coin)]
    if missing and coin:
        raise MarginError(
            f"{rules.meta.name} has no {' and no '.join(missing)} of {coin}: Kraken's are in the marginLevels of GET instruments: "
            "give them beside the positions"
        )
    if missing:
        which = f" (missing: {', '.join(missing)})" if len(missing) < len(names) else ""
        raise MarginError(
            f"{rules.meta.name} has no figures but those of your account: save the answer of GET portfolio-margining/parameters and give "
            f"its path as params_file, or choose another method{which}"
        )


# ---- the requirement


def requirement(case: Case) -> Margin:
    """Options and futures, each with their own margin.

    Returns:
        requirements + required

    Raises:
        MarginError: an option on a coin that the venue lists none on, or a rate of futures that is not known
    """
    _refuse(case)
    kept = _options(case)
    factor = parameter(case.rules, "Options initial margin factor", "options_initial_margin_factor")
    first = _capped(case, "Options initial margin", times("Maintenance × factor", (kept, factor)))
    initial = total("Initial margin", (first, _futures(case, "Futures initial margin", _INITIAL)))
    maintenance = total("Maintenance margin", (above(kept), _futures(case, "Futures maintenance margin", _MAINTENANCE)))
    return lines.margin(case, initial, maintenance)


def _refuse(case: Case) -> None:
    """Refuse options on coins that the venue lists none on.

    Raises:
        MarginError: naming the option and the coins
    """
    listed = [part.strip().upper() for part in case.rules.word("option_coins").split(",")]
    for k in np.flatnonzero(case.held.is_option & (case.units != 0.0).any(axis=0)).tolist():
        if case.names[case.held.underlying[k]] not in listed:
            raise MarginError(
                f"{case.rules.meta.name} lists options on {', '.join(listed)} alone: take {case.held.name(k)} out of the book"
            )


def _options(case: Case) -> Line:
    """Maintenance margin of the options."""
    risk = total(
        "Market risk",
        (
            lines.by_underlying(case, "Scenarios", lambda case, u: case.scan(u, case.names[u])),
            not_modelled("Cross-asset netting", "how cross_asset_netting_factor offsets coins is not said: they add up in full"),
        ),
    )
    absolute = _over_coins(case, "Absolute options delta", _absolute)
    net = _over_coins(case, "Net portfolio delta", _net)
    whole = total("Risk and deltas", (largest("Market risk or absolute delta", (risk, absolute)), net))
    return _capped(case, "Options maintenance margin", whole)


def _capped(case: Case, label: str, margin: Line) -> Line:
    """A margin of options, at most their mark where an account holds long ones alone."""
    option = case.held.is_option
    alone = ~(case.units[:, option] < 0.0).any(axis=1)
    if not alone.any():
        return total(label, (margin,))
    mark = np.maximum(case.units[:, option], 0.0) @ np.nan_to_num(case.marks[option])
    most = given("Most", np.where(alone, mark, np.maximum(margin.value, 0.0)), "the mark of options held long alone; else no limit")
    return smallest(label, (margin, most))


def _over_coins(case: Case, label: str, part: Callable[[Case, int], Line]) -> Line:
    """A charge on each coin in which options are held."""
    optioned = [u for u in range(len(case.names)) if (case.units[:, case.some(u, lines.OPTIONS)] != 0.0).any()]
    return over_book(label, [part(case, u) for u in optioned])


def _absolute(case: Case, u: int) -> Line:
    """The deltas of one coin's options, long and short alike, at a multiple of the futures' maintenance rate."""
    coin = case.names[u]
    _require(case.rules, (_MAINTENANCE,), coin)
    gross = case.net(case.some(u, lines.OPTIONS), each=lines.deltas(case)).gross
    return times(
        coin,
        (
            given("Absolute delta", gross, "deltas at mark of options, net per contract"),
            lines.spot(case, u),
            parameter(case.rules, "Futures maintenance rate", _MAINTENANCE, coin),
            parameter(case.rules, "Multiple", "absolute_delta_multiple", coin),
        ),
    )


def _net(case: Case, u: int) -> Line:
    """The delta of one coin's options that its futures do not offset, at the futures' maintenance rate."""
    coin, deltas = case.names[u], lines.deltas(case)
    options, futures = (case.net(case.some(u, kinds), each=deltas).amount.sum(axis=1) for kinds in (lines.OPTIONS, lines.FUTURES))
    left = smallest(
        "Net delta",
        (
            given("Options and futures", np.abs(options + futures), "absolute sum of their deltas at mark"),
            given("Options", np.abs(options), "absolute delta of the options: futures count as far as they offset it"),
        ),
    )
    return times(coin, (left, lines.spot(case, u), parameter(case.rules, "Futures maintenance rate", _MAINTENANCE, coin)))


def _futures(case: Case, label: str, name: str) -> Line:
    """The larger of the long and the short side of each coin's futures, at their rate."""

    def part(case: Case, u: int) -> Line:
        coin, mine = case.names[u], case.some(u, lines.FUTURES)
        if not (case.units[:, mine] != 0.0).any():
            return given(coin, 0.0, "no futures")
        _require(case.rules, (name,), coin)
        net = case.net(mine, each=case.held.level)
        sides = largest(
            "Larger side", (given("Long", net.long, "value of long futures"), given("Short", net.short, "value of short futures"))
        )
        return times(coin, (sides, parameter(case.rules, "Rate", name, coin)))

    return lines.by_underlying(case, label, part)
