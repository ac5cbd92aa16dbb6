"""Saved answers of Deribit's private/pme/simulate, recomputed with the parameters that they carry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from xlmargin.book.book import Book
from xlmargin.book.contracts import CALL, parse_instrument
from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Rules
from xlmargin.margin.valuation import Case
from xlmargin.methods import case_of, rules_of
from xlmargin.methods.deribit.matrix import COIN, VOLS, Leg, Matrix, counted, dampener, legs_of
from xlmargin.methods.deribit.saved_model import DOLLARS, read_parameters
from xlmargin.methods.json_shape import Node
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.ranges.remembered import read_book
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of
from xlmargin.venues.shape import iso_time

ROUNDED = 9  # decimals to which the answers round the worst case before they add the shocks
INITIAL = 5e-10  # the answers round initial_margin to 9 decimals
TABLES = ("standard", "extended")


def replay(data: Any) -> Iterator[Outcome]:
    """Every risk vector, worst case, shock and margin of each answer.

    Args:
        data: an answer as the venue sent it, its `result` alone, a list of either, or `{"deribit_pme": [...]}`

    Raises:
        MarginError: the file holds an answer of another kind
    """
    for n, (source, result) in enumerate(_answers(data), 1):
        yield outcome_of(source or f"pme/simulate answer {n}", partial(_compare, Node(result)))


def _compare(result: Node, compared: Comparison) -> None:
    _Answer(result, compared).compare()


def _answers(data: Any) -> Iterator[tuple[str, Any]]:
    """Every answer in a file with its source."""
    if isinstance(data, list):
        for item in data:
            yield from _answers(item)
    elif isinstance(data, dict):
        if "deribit_pme" in data:
            yield from _answers(data["deribit_pme"])
            return
        result = data.get("result")
        inner = result if isinstance(result, dict) else data
        if "model_params" in inner:
            yield str(data.get("source", "")), inner
        elif "margin_model" in inner:
            raise MarginError(
                "this is an account summary, which carries neither positions nor risk vectors: save the answer of private/pme/simulate"
            )


class _Answer:
    """One answer and our own calculation of it."""

    def __init__(self, result: Node, compared: Comparison) -> None:
        self.result, self.compared = result, compared
        held = result.node("portfolio").node("position")
        self.positions = {name: held.number(name) for name in held.cells}
        self.tickers = result.node("ticker") if "ticker" in result else Node({}, "ticker")
        self.printed = result.node("initial_risk_vectors")
        self.unknown = {name for name in self.positions if self.is_option(name) and not self.ticker(name).number_or("mark_iv", 0.0)}
        if self.unknown:
            compared.note(f"{len(self.unknown)} options without mark_iv: their vectors and the shocks are taken as printed")
        self.known = [name for name in self.positions if name not in self.unknown]
        model = result.node("model_params")
        general = model.node("general")
        if general.number("vol_scenarios_count") != len(VOLS):
            raise MarginError(f"the matrix has {len(VOLS)} vols, not {general.number('vol_scenarios_count'):g}")
        self.as_of = general.number("timestamp") / 1000.0
        self.book = self.make_book()
        self.rules = self.make_rules(model.cells)
        self.case: Case = case_of(self.book, self.rules)

    def is_option(self, name: str) -> bool:
        """Whether an instrument is an option."""
        contract = parse_instrument(name, "deribit")
        if contract is None:
            raise MarginError(f"{name!r} is no instrument of Deribit")
        return contract.kind >= CALL

    def ticker(self, name: str) -> Node:
        """The quotes of an instrument, empty where the answer has none."""
        return self.tickers.node(name) if name in self.tickers else Node({}, f"ticker.{name}")

    def index(self, name: str) -> float:
        """Index price of an instrument's coin."""
        coin = name.replace("_", "-").split("-")[0].lower()
        prices = self.result.node("index_price")
        pair = next((f"{coin}_{quote}" for quote in DOLLARS if f"{coin}_{quote}" in prices), "")
        return prices.number(pair) if pair else self.ticker(name).number("index_price")

    def make_book(self) -> Book:
        """The positions as a desk would type them."""
        rows: list[list[Any]] = [["Instrument", "Quantity", "Spot", "Forward", "IV", "Price"]]
        for name in self.known:
            quote = self.ticker(name)
            option = self.is_option(name)
            rows.append(
                [
                    name,
                    self.positions[name],
                    self.index(name),
                    quote.price("underlying_price") if option else None,
                    quote.number("mark_iv") / 100.0 if option else None,
                    None if option else quote.price("mark_price"),
                ]
            )
        moment = iso_time(self.as_of)
        return read_book(rows, [["Underlying", "Spot", "As of"], ["BTC", None, moment]])

    def make_rules(self, model: Any) -> Rules:
        """The rulebook with the parameters that the answer carries."""
        coins = [name.lower() for name in self.book.instruments.underlyings]
        merged = {(item.underlying, item.name): item for coin in coins for item in read_parameters(model, coin)}
        return rules_of("DERIBIT", self.as_of, list(merged.values()))

    def compare(self) -> None:
        """Compare everything that the answer prints."""
        legs = legs_of(self.book)
        for name in self.printed.cells:
            if name in self.known:
                self.vector(f"initial_risk_vectors {name}", self.position(name), self.printed.node(name))
            elif name not in self.unknown:
                self.compared.fail(f"initial_risk_vectors {name}: no such position")
        for name in set(self.known) - set(self.printed.cells):
            self.compared.fail(f"initial_risk_vectors lacks {name}")
        worst: dict[str, list[Floats]] = {}
        shocks: dict[str, list[Leg]] = {}
        for leg in legs:
            currency = self.currency(leg)
            worst.setdefault(currency, []).append(self.aggregated(leg, currency))
            shocks.setdefault(currency, []).append(leg)
        for currency in worst:
            self.margins(currency, worst[currency], shocks[currency])
        for currency in set(self.result.node("margins").cells) - set(worst):
            self.compared.note(f"margins in {currency} have no positions and were not compared")

    def currency(self, leg: Leg) -> str:
        """The currency in which the answer states a leg."""
        if leg.settled == COIN:
            return leg.name.lower()
        return next((name for name in reversed(DOLLARS) if name in self.result.node("margins")), DOLLARS[0])

    def position(self, name: str) -> Floats:
        """Vector of one position in its settlement currency (S,)."""
        k = int(self.book.instrument[self.known.index(name)])
        held = self.book.instruments
        vector: Floats = self.positions[name] * self.case.array[k] / (held.spot[k] if held.inverse[k] else 1.0)
        return vector

    def vector(self, label: str, ours: Floats, printed: Node) -> None:
        """Compare the standard and extended numbers of a vector."""
        start = 0
        extended = sum(name.startswith("extended") for name in self.case.scenarios.names)
        for table, count in zip(TABLES, (len(ours) - extended, extended)):
            theirs = printed.numbers(table)
            if len(theirs) != count:
                self.compared.fail(f"{label} {table}: ours has {count} numbers, theirs {len(theirs)}")
                continue
            for n, number in enumerate(theirs.tolist()):
                self.compared.number(f"{label} {table} {n + 1}", float(ours[start + n]), number)
            start += count

    def aggregated(self, leg: Leg, currency: str) -> Floats:
        """Vector of a leg after dampener and offset, in its settlement currency, compared with the printed one (S,)."""
        rate = float(leg.index[0]) if leg.settled == COIN else 1.0
        vector: Floats = np.zeros(len(self.case.scenarios))
        for name in self.positions:
            if name in self.known and leg.among[self.book.instrument[self.known.index(name)]]:
                vector = vector + self.position(name)
            elif name in self.unknown and parse_instrument(name, "deribit").underlying == leg.name:  # type: ignore[union-attr]
                printed = self.printed.node(name)
                vector = vector + np.concatenate([printed.numbers(table) for table in TABLES])
        key = f"{leg.name.lower()}_{currency}"
        before = "pre_aggregated_risk_vectors"
        if before in self.result and key in self.result.node(before):
            self.vector(f"{before} {key}", vector, self.result.node(before).node(key))
        limit = dampener(leg, self.case.scenarios, self.rules) / rate
        vector = vector - np.sign(vector) * np.minimum(np.abs(vector), limit)
        offset, most = (leg.number(self.rules, name) for name in ("pnl_offset", "max_offsetable_pnl"))
        vector = vector * counted(-vector, offset, most / rate)
        self.vector(f"aggregated_risk_vectors {key}", vector, self.result.node("aggregated_risk_vectors").node(key))
        return vector

    def margins(self, currency: str, vectors: list[Floats], legs: list[Leg]) -> None:
        """Compare worst case, shocks and margins in one currency."""
        printed = self.result.node("margins").node(currency)
        details = printed.node("initial_margin_details")
        matrix = details.node("risk_matrix_margin_details")
        worst = sum(max(0.0, -float(vector.min())) for vector in vectors)
        self.compared.number(f"{currency} worst_case", worst, matrix.number("worst_case"))
        if len(vectors) == 1 and worst > 0.0 and matrix.has("worst_case_bucket"):
            self.bucket(currency, legs[0], int(np.argmin(vectors[0])), matrix.node("worst_case_bucket"))
        roll, delta = (sum(values) for values in zip(*(self.shocks(leg) for leg in legs)))
        if self.unknown:
            roll, delta = matrix.number("roll_shock"), matrix.number("delta_shock")
        self.compared.number(f"{currency} roll_shock", roll, matrix.number("roll_shock"))
        self.compared.number(f"{currency} delta_shock", delta, matrix.number("delta_shock"))
        contingency = matrix.number("correlation_contingency")
        if contingency:
            self.compared.note("correlation_contingency is taken as printed: its formula is not published")
        margin = round(worst, ROUNDED) + roll + delta + contingency
        self.compared.number(f"{currency} risk_matrix_margin", margin, details.number("risk_matrix_margin"))
        beside = sum(details.number(name) for name in ("spot_margin", "mmp_margin", "open_orders_margin"))
        self.compared.number(f"{currency} initial_margin", margin + beside, printed.number("initial_margin"), INITIAL)
        self.compared.number(
            f"{currency} maintenance_margin", self.rules.number("mm_factor") * margin, printed.number("maintenance_margin")
        )

    def shocks(self, leg: Leg) -> tuple[float, float]:
        """Roll shock and delta shock of one leg in its settlement currency."""
        model, rate = Matrix(self.case), float(leg.index[0]) if leg.settled == COIN else 1.0
        return model.roll_shock(leg).amount / rate, model.delta_shock([leg]).amount / rate

    def bucket(self, currency: str, leg: Leg, at: int, printed: Node) -> None:
        """Compare the worst case: the first scenario that has it."""
        standard = sum(not name.startswith("extended") for name in self.case.scenarios.names)
        extended = at >= standard
        move = float(self.case.scenarios.price[at, leg.u])
        ours = {
            "index": at - standard + 1 if extended else at + 1,
            "source": TABLES[extended],
            "side": "left" if move < 0.0 else "right" if move > 0.0 else "",
            "bucket": at // len(VOLS) + 1,
        }
        told = ours if not extended and move else {name: ours[name] for name in ("index", "source")}
        for name, value in told.items():
            if name in printed:
                self.compared.word(f"{currency} worst_case_bucket {name}", str(value), str(printed.raw(name)))
