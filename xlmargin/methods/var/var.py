"""VAR: value at risk, a quantile of the book's losses under the moves of every past day, all positions repriced.

Source: Hull, Options, Futures and Other Derivatives, chapters on value at risk (order statistic, volatility updating);
Commission Delegated Regulation (EU) 153/2013, articles 24 and 28.
"""

from __future__ import annotations

import numpy as np

from xlmargin.book.book import Book
from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Rules
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.methods.var.tail_margin import tail_margin
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.blocks import annual_vols, expanded, revalued
from xlmargin.scenarios.past import Past, PastOptions, drawn, past, simple_returns
from xlmargin.scenarios.scenarios import Scenarios

TAKES_HISTORY = True
ARRAY_OF_INSTRUMENTS = True


def scenarios(names: tuple[str, ...], rules: Rules, beside: Given = NOTHING_GIVEN) -> Scenarios:
    """The moves of the past, or moves drawn from the market's own vols.

    Raises:
        MarginError: no history was given where it is needed
    """
    horizon = rules.number("horizon_days")
    if rules.word("approach") == "monte_carlo":
        return _drawn(names, rules, beside, horizon)
    if beside.history is None:
        raise MarginError(
            f"{rules.meta.name} needs a history: give as history a range with the heading Date and one column of closes per underlying"
        )
    lookback = _optional(rules, "lookback")
    found = past(
        beside.history,
        PastOptions(
            horizon,
            rules.word("horizon_method") == "overlapping",
            rules.word("returns") == "log",
            _optional(rules, "decay"),
            None if lookback is None else int(lookback),
            longer=not (rules.is_unset("stress_weight") and rules.is_unset("floor_years")),
        ),
    )
    _must_reach(found, rules)
    return found


def _must_reach(moves: Past, rules: Rules) -> None:
    """Refuse fewer moves than a loss of that confidence needs: one in 1 / (1 − confidence)."""
    confidence = rules.number("confidence")
    least = int(np.ceil(1.0 / (1.0 - confidence) - 1e-9))
    if moves.recent < least:
        counted = "lookback leaves" if not rules.is_unset("lookback") and rules.number("lookback") < least else "the history has"
        raise MarginError(
            f"{rules.meta.name} at a confidence of {confidence:.6g} needs at least {least:,} moves and {counted} {moves.recent:,}: "
            "give more days, or a lower confidence"
        )


def apart(book: Book, rules: Rules) -> bool:
    """Whether accounts need separate scenarios: drawn moves follow from the vols of all options of a book."""
    return rules.word("approach") == "monte_carlo"


def _optional(rules: Rules, name: str, underlying: str = "") -> float | None:
    return None if rules.is_unset(name, underlying) else rules.number(name, underlying)


def _drawn(names: tuple[str, ...], rules: Rules, beside: Given, horizon: float) -> Past:
    """Moves drawn from the vols of the parameters, of the options or of the history, in this order."""
    for name in ("decay", "lookback", "stress_weight", "floor_years"):
        if not rules.is_unset(name):
            raise MarginError(f"{name} is about the past, which drawn moves do not have: leave it out, or set approach to historical")
    own = [_optional(rules, "vol", name) for name in names]
    if beside.book is None:
        raise MarginError(f"{rules.meta.name} draws its moves from the vols of a book: ask for PM_RISK_ARRAY")
    vols = annual_vols(beside.book, [np.nan if vol is None else vol for vol in own], beside.history)
    count = len(names)
    correlation = np.full((count, count), rules.number("correlation"))
    if beside.history is not None and count > 1:
        correlation = np.corrcoef(np.log1p(simple_returns(beside.history)), rowvar=False)
    np.fill_diagonal(correlation, 1.0)
    return drawn(names, vols, correlation, horizon, int(rules.number("trials")), int(rules.number("seed")))


def risk_array(book: Book, moves: Scenarios, rules: Rules) -> Floats:
    """Profit and loss of each instrument under each day's moves, in full or by its delta, gamma and vega, (K, S)."""
    assert isinstance(moves, Past)
    value = expanded if rules.word("valuation") == "delta_gamma" else revalued
    return value(book.instruments, moves)


def requirement(case: Case) -> Margin:
    """The k-th worst loss, k = max(1, floor(n (1 − confidence))), with the options of article 28 where they are set.

    Returns:
        requirement + required, the same for initial and maintenance; option values count in the account's equity
    """
    return tail_margin(case, mean=False)
