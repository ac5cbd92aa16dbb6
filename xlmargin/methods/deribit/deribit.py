"""Deribit portfolio margin: a matrix of nine moves and three vols, dampened extended moves, roll shock and delta shock.

Inverse contracts are valued in the coin and linear ones in USD, both converted at the index. Source: private/pme/simulate;
support.deribit.com, Portfolio Margin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, PUT, SPOT, show_instant
from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Rules
from xlmargin.margin.statement import Line, above, given, less, not_modelled, times, total, worst
from xlmargin.margin.valuation import NOTHING_GIVEN, Case, Given, Margin
from xlmargin.methods.deribit.saved_model import load_parameters
from xlmargin.pricing.grid import call_grid
from xlmargin.scenarios.risk_array import black_deltas, marks, require_european, require_vols
from xlmargin.scenarios.scenarios import Scenarios, Tenor, shared_move

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ARRAY_OF_INSTRUMENTS = True
COIN, USD = "coin-settled", "USD-settled"
VOLS = ((1.0, "vol up"), (0.0, "vol unchanged"), (-1.0, "vol down"))  # their order within a bucket shows in no known answer
SUFFIX = {COIN: "", USD: "_usd"}  # of the parameters that a settlement currency has of its own


@dataclass(frozen=True, slots=True)
class Leg:
    """What one account holds of one underlying in one settlement currency.

    Attributes:
        u: index of the underlying
        name: its name
        settled: COIN or USD
        among: its instruments (K,)
        index: price at which each account's coin is converted (A,) [USD]
    """

    u: int
    name: str
    settled: str
    among: Bools
    index: Floats

    def number(self, rules: Rules, name: str) -> float:
        """A parameter of its settlement currency."""
        return rules.number(name + SUFFIX[self.settled], self.name)


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
    if not np.all((np.abs(extended) > 0.0) & (extended > -1.0)):
        raise MarginError(f"extended_moves must be moves above −1 and other than 0, not {text!r}")
    return reach * np.arange(-count, count + 1) / count, extended


def prepared(book: Book, rules: Rules) -> tuple[Book, Rules]:
    """The rulebook with the live parameters of a saved pme/simulate answer, where one is given."""
    if rules.is_unset("model_params_file"):
        return book, rules
    path = rules.word("model_params_file")
    return book, rules.beneath(load_parameters(path, rules.names), f"model_params of {path}")


def scenarios(names: tuple[str, ...], rules: Rules, _: Given = NOTHING_GIVEN) -> Scenarios:
    """The matrix in the order of the venue's answers, three vols to a move, then the extended moves with the vol up.

    The weights of the extended moves are the fraction of their loss that counts, before it is brought to the boundary price.
    """
    each = [_moves(rules, name) for name in names]
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
    """Share of each profit or loss that counts; a coin's extended amounts are brought to the boundary price, (K, S)."""
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
    # the first column is the option as it stands, by the same kernel so that errors cancel
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


def legs_of(book: Book) -> list[Leg]:
    """Every underlying and settlement currency of a book; spot goes with the coin."""
    held, legs = book.instruments, []
    coin = held.inverse | (held.kind == SPOT)
    for u, name in enumerate(held.underlyings):
        mine = held.underlying == u
        index = _index(book, mine)
        for settled, among in ((COIN, mine & coin), (USD, mine & ~coin)):
            if among.any():
                legs.append(Leg(u, name, settled, among, index))
    return legs


def _index(book: Book, mine: Bools) -> Floats:
    """Spot of each account's rows of some instruments, open orders left out, the middle one where they differ (A,)."""
    chosen = np.flatnonzero(mine)
    spot = book.instruments.spot[chosen]
    held = book.by_instrument(np.where(book.order, 0.0, 1.0))[:, chosen] > 0.0
    held[~held.any(axis=1)] = True
    middle: Floats = np.nanmedian(np.where(held, spot, np.nan), axis=1)
    return middle


def requirement(case: Case) -> Margin:
    """The worst case of each block, its shocks, and what the venue requires beside the matrix.

    A block is one underlying in one settlement currency; in a cross account it is one underlying.

    Returns:
        requirements + required; option values count in the account's equity
    """
    matrix = Matrix(case).margin()
    beside = [
        _given(case.rules, label, name)
        for label, name in (
            ("Spot margin", "spot_margin"),
            ("Market maker protection margin", "mmp_margin"),
            ("Open orders margin", "open_orders_margin"),
        )
    ]
    initial = total("Initial margin", (matrix, *beside))
    factor = case.rules.get("mm_factor")
    ratio = given("Maintenance factor", case.rules.number("mm_factor"), "parameter mm_factor", status=factor.status, source=factor.source)
    maintenance = times("Maintenance margin", (replace(above(matrix), label="Risk matrix"), ratio))
    value = case.option_value()
    return Margin(initial, maintenance, lambda: (value,), value)


def _given(rules: Rules, label: str, name: str) -> Line:
    """An amount that only the venue knows."""
    parameter = rules.get(name)
    if rules.is_unset(name):
        return not_modelled(label, f"parameter {name} is not set: {parameter.source}")
    return given(label, rules.number(name), f"parameter {name}", status=parameter.status, source=parameter.source)


def counted(loss: Floats, offset: float, most: float) -> Floats:
    """Share of a leg's loss that counts against other legs: all of a loss, of a gain the offset up to a limit."""
    gain = np.maximum(-loss, 0.0)
    part = np.minimum(gain * offset, most)
    return np.where(loss > 0.0, 1.0, np.divide(part, gain, out=np.zeros_like(gain), where=gain > 0.0))


def dampener(leg: Leg, scenarios: Scenarios, rules: Rules) -> Floats:
    """By how much a leg's profit or loss in each scenario moves towards 0 at most: 0 of the standard ones, (S,) [USD]."""
    move, reach = scenarios.price[:, leg.u], rules.number("price_range", leg.name)
    beyond = np.maximum(np.abs(move) / reach - 1.0, 0.0)
    boundary = 1.0 + np.sign(move) * reach if leg.settled == COIN else np.ones(len(move))
    extended = np.array([label.startswith("extended") for label in scenarios.names], np.bool_)
    limits: Floats = np.where(extended, beyond * leg.number(rules, "extended_dampener") / boundary, 0.0)
    return limits


class Matrix:
    """One book under the risk matrix."""

    def __init__(self, case: Case) -> None:
        self.case, self.rules, self.book = case, case.rules, case.book
        held = self.book.instruments
        self.deltas = black_deltas(held) - np.where(held.is_option & held.inverse, marks(held) / held.forward, 0.0)

    def margin(self) -> Line:
        """The risk matrix margin: the sum of all blocks."""
        cross = self.rules.word("margin_model") == "cross_pm"
        blocks: dict[str, list[Leg]] = {}
        for leg in legs_of(self.book):
            blocks.setdefault(leg.name if cross else f"{leg.name} {leg.settled}", []).append(leg)
        lines = [self.block(label, legs) for label, legs in blocks.items()]
        return total("Risk matrix margin", lines or [given("No positions", 0.0, "the book is flat")])

    def block(self, label: str, legs: list[Leg]) -> Line:
        """Worst case, roll shock, delta shock and what is not modelled of one block."""
        option = any((leg.among & self.book.instruments.is_option).any() for leg in legs)
        status = "estimate" if option or len(legs) > 1 else "verified"
        if self.rules.get("price_range", legs[0].name).status == "illustrative":
            status = "illustrative"
        losses = [self.legs_together(legs, lines) for lines in zip(*(self.leg_losses(leg) for leg in legs))]
        return total(
            label,
            (
                worst("Worst case", losses, status=status),
                total("Roll shock", [self.roll_shock(leg) for leg in legs]),
                self.delta_shock(legs),
                not_modelled("Correlation contingency", "the formula is not published; 0 in every known answer"),
            ),
        )

    def legs_together(self, legs: list[Leg], lines: tuple[Line, ...]) -> Line:
        """The loss of a block in one scenario: of several legs, gains count by the offset of their currency."""
        if len(legs) == 1:
            return lines[0]
        parts = []
        for leg, line in zip(legs, lines):
            limits = leg.number(self.rules, "pnl_offset"), leg.number(self.rules, "max_offsetable_pnl")
            parts.append(
                times(
                    leg.settled,
                    (
                        line,
                        given(
                            "Share that counts",
                            counted(line.value, *limits),
                            f"losses in full, gains by {limits[0]:g} (pnl_offset) up to {limits[1]:,.10g} USD (max_offsetable_pnl)",
                        ),
                    ),
                )
            )
        return total(lines[0].label, parts)

    def leg_losses(self, leg: Leg) -> list[Line]:
        """The loss of one leg in each scenario, extended moves after the dampener."""
        result, limits = [], dampener(leg, self.case.scenarios, self.rules)
        for s, line in enumerate(self.case.losses(leg.u, leg.among)):
            if not self.case.scenarios.names[s].startswith("extended"):
                result.append(line)
                continue
            result.append(
                less(
                    line.label,
                    (
                        replace(line, label="Before the dampener"),
                        given(
                            "Dampener",
                            np.sign(line.value) * np.minimum(np.abs(line.value), limits[s]),
                            f"towards 0, at most {limits[s]:,.10g}: (|move| / price_range − 1) × extended_dampener",
                            status="estimate",
                        ),
                    ),
                )
            )
        return result

    def roll_shock(self, leg: Leg) -> Line:
        """Net delta of each expiry × the move of its basis, at least the minimum; a perpetual at the minimum."""
        held, units = self.book.instruments, self.case.units
        mine = np.flatnonzero(leg.among & (held.kind != SPOT))
        least, yearly = (leg.number(self.rules, name) for name in ("min_annualised_move", "annualised_move_risk"))
        years, where = np.unique(held.years[mine], return_inverse=True)
        lines = []
        for n, ahead in enumerate(years.tolist()):
            chosen = mine[where == n]
            name = show_instant(float(held.expiry[chosen[0]])) or "Perpetual"
            rate = max(least, float(np.expm1(yearly * ahead)))
            lines.append(
                times(
                    name,
                    (
                        given(
                            "Net delta",
                            np.abs(units[:, chosen] @ self.deltas[chosen]),
                            "coins, without sign; of inverse options less their mark in coin",
                        ),
                        given("Index", leg.index, "spot of the positions or the market range"),
                        given(
                            "Move",
                            rate,
                            f"largest of min_annualised_move {least:g} and exp(annualised_move_risk {yearly:g} × {ahead:.6g} years) − 1",
                            status="verified" if rate == least else "estimate",
                        ),
                    ),
                )
            )
        return total(leg.settled, lines or [given("No derivatives", 0.0, "spot has no roll")])

    def delta_shock(self, legs: list[Leg]) -> Line:
        """Charge on the delta beyond what can be liquidated, long options only where they reduce it."""
        name, index = legs[0].name, legs[0].index
        delta = np.abs(self.liquidated_delta(np.logical_or.reduce([leg.among for leg in legs])))
        threshold, step, most = (self.rules.number(key, name) for key in ("delta_total_liq_shock_threshold", "m_inc", "max_delta_shock"))
        rate = np.minimum(most, step * np.maximum(delta - threshold / index, 0.0))
        return times(
            "Delta shock",
            (
                given("Delta", delta, "coins, without sign: futures and short options, which long options can only reduce"),
                given("Index", index, "spot of the positions or the market range"),
                given("Rate", rate, f"m_inc {step:g} × delta above {threshold:,.10g} USD, at most {most:g}"),
            ),
            status="estimate",
        )

    def liquidated_delta(self, among: Bools) -> Floats:
        """Delta of futures and short options, reduced by long options but never turned, (A,) [coins]."""
        held, units = self.book.instruments, self.case.units
        contracts = np.zeros((units.shape[0], int(held.contract.max(initial=-1)) + 1))
        np.add.at(contracts.T, held.contract, (units * self.deltas * (among & (held.kind != SPOT))).T)
        option = np.zeros(contracts.shape[1], np.bool_)
        option[held.contract] = held.kind >= CALL
        long = (self.book.by_contract(self.book.units) > 0.0) & option
        d1, d2 = np.where(long, contracts, 0.0).sum(axis=1), np.where(long, 0.0, contracts).sum(axis=1)
        both = d1 + d2
        reduced: Floats = np.where(d2 < 0.0, np.minimum(np.maximum(both, d2), 0.0), np.maximum(np.minimum(both, d2), 0.0))
        return reduced
