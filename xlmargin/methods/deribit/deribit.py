"""Deribit portfolio margin: a matrix of nine moves and three vols, dampened extended moves, roll shock and delta shock.

Inverse contracts are valued in the coin and linear ones in USD, both converted at the index. Source: private/pme/simulate;
support.deribit.com, Portfolio Margin.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book
from xlmargin.book.contracts import PUT, SPOT
from xlmargin.errors import MarginError
from xlmargin.margin import lines
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import NOT_MODELLED, Line, above, parameter, times, total
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.methods.deribit.matrix import VOLS, Matrix
from xlmargin.methods.deribit.saved_model import saved as saved
from xlmargin.pricing.arrays import Floats
from xlmargin.pricing.grid import call_grid
from xlmargin.scenarios.risk_array import require_european, require_vols
from xlmargin.scenarios.scenarios import Scenarios, Tenor, shared_move

ARRAY_OF_INSTRUMENTS = True
_LEAST_MOVE, _LARGEST_MOVE = 0.001, 20.0  # of the price, of an extended move


def share(book: Book, rules: Rules) -> Floats:
    """Part of each position in the matrix: spot is collateral of a segregated account, and counts in a cross account."""
    result = np.ones((len(book.accounts), len(book.instruments)))
    if rules.word("margin_model") == "segregated_pm":
        result[:, book.instruments.kind == SPOT] = 0.0
    return result


def _moves(rules: Rules, name: str) -> tuple[Floats, Floats]:
    """Standard moves from the lowest to the highest, and the extended ones, as fractions."""
    count = int(rules.number("buckets_count"))
    reach = rules.number("price_range", name)
    text = rules.word("extended_moves", name)
    try:
        extended = np.array([float(part) for part in text.split(";")])
    except ValueError:
        raise MarginError(f"extended_moves must be fractions with semicolons between them, not {text!r}") from None
    for part, move in zip(text.split(";"), extended.tolist()):
        if not (-1.0 < move <= _LARGEST_MOVE and abs(move) >= _LEAST_MOVE):
            raise MarginError(
                f"extended_moves: {part.strip()!r} must be a fraction above −1 and at most {_LARGEST_MOVE:g}, "
                f"of at least {_LEAST_MOVE:g} up or down (0.5 is 50 %)"
            )
    return reach * np.arange(-count, count + 1) / count, extended


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """The matrix in the order of the venue's answers, three vols to a move, then the extended moves with the vol up.

    The weights of the extended moves are the fraction of their loss that counts, before it is converted to the boundary price.
    """
    each = [_moves(rules, name) for name in names]
    if len({len(extended) for _, extended in each}) > 1:
        raise MarginError("extended_moves must have the same number of moves for every underlying")
    standard = np.column_stack([np.repeat(moves, len(VOLS)) for moves, _ in each]) if each else np.empty((0, 0))
    extended = np.column_stack([moves for _, moves in each]) if each else np.empty((0, 0))
    up, down, reach, factor = (
        np.array([rules.number(name, coin) for coin in names])
        for name in ("volatility_range_up", "volatility_range_down", "price_range", "extended_table_factor")
    )
    sides = np.tile([sign for sign, _ in VOLS], len(standard) // len(VOLS))[:, None]
    vol = np.vstack([np.where(sides > 0.0, up, down) * sides, up * np.ones(extended.shape)])
    weight = np.vstack([np.ones(standard.shape), factor * reach / np.abs(extended)])
    price = np.vstack([standard, extended])
    count = len(standard) // (2 * len(VOLS))
    steps = [f"{s // len(VOLS) - count:+d}/{count} of the range" for s in range(len(standard))]
    words = [f"price {shared_move(row, step)}, {VOLS[s % len(VOLS)][1]}" for s, (row, step) in enumerate(zip(standard, steps))]
    words += [f"price {shared_move(row, 'extended')}, {VOLS[0][1]}" for row in extended]
    labels = [str(s + 1) for s in range(len(standard))] + [f"extended {s + 1}" for s in range(len(extended))]
    return Scenarios(
        tuple(labels),
        tuple(words),
        names,
        price,
        vol,
        "relative",
        np.zeros(len(price)),
        weight,
        np.zeros(len(price)),
        how="in its settlement currency, converted at the index",
    )


def risk_array(book: Book, scenarios: Scenarios, rules: Rules) -> Floats:
    """Profit and loss of one long unit, in the settlement currency and converted at the index, (K, S).

    Raises:
        MarginError: an option is American, or has no vol
    """
    instruments = book.instruments
    require_vols(instruments, instruments.is_option)
    require_european(instruments)
    move = scenarios.price.T[instruments.underlying]
    inverse, spot = instruments.inverse[:, None], instruments.spot[:, None]
    result = np.where(inverse, spot * (1.0 - 1.0 / (1.0 + move)), instruments.level[:, None] * move)
    for u in range(len(instruments.underlyings)):
        chosen = np.flatnonzero(instruments.is_option & (instruments.underlying == u))
        if len(chosen):
            result[chosen] = _options(book, chosen, scenarios, u, rules)
    return result * _weights(book, scenarios, rules)


def _weights(book: Book, scenarios: Scenarios, rules: Rules) -> Floats:
    """Share of each profit or loss that counts; a coin's extended amounts are converted at the boundary price, (K, S)."""
    u = book.instruments.underlying
    move = scenarios.price.T[u]
    reach = np.array([rules.number("price_range", name) for name in book.instruments.underlyings])[u][:, None]
    extended = np.array([label.startswith("extended") for label in scenarios.names], np.bool_)
    boundary = (1.0 + move) / (1.0 + np.sign(move) * reach)
    weights: Floats = scenarios.weight.T[u] * np.where(extended & book.instruments.inverse[:, None], boundary, 1.0)
    return weights


def _options(book: Book, chosen: NDArray[np.int64], scenarios: Scenarios, u: int, rules: Rules) -> Floats:
    """Change of value of the options of one underlying: Black-76 on the moved forward, in coin where settled in it."""
    held, name = book.instruments, book.instruments.underlyings[u]
    forward, strike, years, vol = (column[chosen] for column in (held.forward, held.strike, held.years, held.vol))
    tenor = Tenor(
        *(rules.number(key, name) for key in ("short_term_vega_power", "long_term_vega_power", "vega_reference_days", "vega_floor_days"))
    ).scale(years)
    move, shock = scenarios.price[:, u], scenarios.vol[:, u]
    floor = np.where(shock > 0.0, rules.number("min_volatility_for_shock_up", name), 0.0)
    none = np.zeros(len(move))
    # the first column is the option without a move, by the same kernel so that errors cancel
    value = call_grid(
        forward,
        strike,
        np.sqrt(years),
        vol,
        np.append(1.0, 1.0 + move),
        np.append(0.0, shock),
        np.append(0.0, none),
        np.append(0.0, floor),
        tenor,
    )
    after = forward[:, None] * np.append(1.0, 1.0 + move)
    value = np.where((held.kind[chosen] == PUT)[:, None], value - (after - strike[:, None]), value)
    value *= np.exp(-held.rate[chosen] * years)[:, None]
    inverse = held.inverse[chosen][:, None]
    value = np.where(inverse, value / after * held.spot[chosen][:, None], value)
    return value[:, 1:] - value[:, :1]


def requirement(case: Case) -> Margin:
    """The worst case of each block, its shocks, and the venue's requirements outside the matrix.

    A block is one underlying in one settlement currency; in a cross account it is one underlying.

    Returns:
        requirements + required; option values count in the account's equity
    """
    matrix = Matrix(case).margin()
    beside = [
        _parameter(case.rules, label, name)
        for label, name in (
            ("Spot margin", "spot_margin"),
            ("Market maker protection margin", "mmp_margin"),
            ("Open orders margin", "open_orders_margin"),
        )
    ]
    initial = total("Initial margin", (matrix, *beside))
    ratio = _parameter(case.rules, "Maintenance factor", "mm_factor")
    maintenance = times("Maintenance margin", (replace(above(matrix), label="Risk matrix"), ratio))
    return lines.margin(case, initial, maintenance, credited=False)


def _parameter(rules: Rules, label: str, name: str) -> Line:
    """A number of the rulebook, or a line that says that only the venue knows it."""
    line = parameter(rules, label, name)
    return replace(line, status=NOT_MODELLED) if rules.is_unset(name) else replace(line, detail=f"parameter {name}")
