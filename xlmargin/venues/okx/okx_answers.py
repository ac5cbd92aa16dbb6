"""Saved answers of OKX's position builder, recomputed from the positions that they carry."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from xlmargin.margin.parameters import Override, Rules
from xlmargin.margin.statement import Line, find
from xlmargin.margin.valuation import Case
from xlmargin.methods import case_of, margin_of, rules_of
from xlmargin.methods.json_shape import Node
from xlmargin.methods.okx.tables import MR1, MR6, VOLS, scaled, steps
from xlmargin.sheet.ranges.remembered import read_book
from xlmargin.venues.okx.okx_option_answer import option_answer
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of

CENTS = 1e-9  # USD: rounding difference of sums of a few thousand dollars in double precision
GRIDS = {"volShockUp": 1.0, "volSame": 0.0, "volShockDown": -1.0}
SIDES = {1.0: "up", 0.0: "unchange", -1.0: "down"}
PARTS = {
    "mr1": "MR1 spot and vol shock",
    "mr2": "MR2 theta decay",
    "mr3": "MR3 vega term structure",
    "mr4": "MR4 basis",
    "mr5": "MR5 interest rate",
    "mr6": "MR6 extreme move",
    "mr7": "MR7 minimum charge",
}
UNEXPLAINED = "marginRatio is not compared: its denominator is not explained"
TYPES = {"SWAP": "perp", "SPOT": "spot"}  # types that the replay can recompute; the answers carry no vols


class BuilderPosition(NamedTuple):
    """One position of an answer.

    Attributes:
        kind: perp or spot
        units: coins, + long
        mark: [USD]
        average: entry price [USD], NaN where the answer has none
        rate: USD per unit of the quote currency
        printed: its value in the answer, None where it prints nothing
    """

    kind: str
    units: float
    mark: float
    average: float
    rate: float
    printed: Node | None = None


def replay(data: Any) -> Iterator[Outcome]:
    """Every requirement of each answer.

    Args:
        data: an answer as the venue sent it, one element of its `data`, a list of either, the answer for one option with its
            `inputs`, or a collection of examples with `okx_position_builder` and `okx_mr7_scale`
    """
    if isinstance(data, list):
        for item in data:
            yield from replay(item)
    elif isinstance(data, dict) and "riskUnitData" in data:
        yield outcome_of(str(data.get("ts") or "position builder"), partial(_bare, Node(data)))
    elif isinstance(data, dict) and isinstance(data.get("inputs"), dict) and "answer" in data:
        yield outcome_of(str(data.get("source", "option answer")), partial(option_answer, Node(data)))
    elif isinstance(data, dict):
        answers = data.get("data")
        yield from replay([item for item in answers if isinstance(item, dict)] if isinstance(answers, list) else [])
        top = Node(data)
        for key, compare in (("okx_position_builder", _example), ("okx_mr7_scale", _tiers)):
            if key in top:
                case = top.node(key)
                yield outcome_of(str(case.cells.get("source", key)), partial(compare, case))


def _tiers(data: Node, compared: Comparison) -> None:
    """MR7 after its tiers, and the larger of the two."""
    ends, factors = steps(rules_of("OKX", time.time()).word("reduction_tiers", "BTC"), "reduction_tiers")
    charge = float(scaled(np.array([data.number("MR7")]), ends, factors).sum())
    compared.number("MR7_adj", charge, data.number("MR7_adj"))
    compared.number("mmr", max(charge, data.number("MR")), data.number("mmr"))


def _example(data: Node, compared: Comparison) -> None:
    """An example that carries its request, its market and the venue's answer."""
    market, expected, request = data.node("market"), data.node("expected"), data.node("request")
    rate, sizes = market.number("usdt_usd_implied"), market.node("ctVal")
    units: dict[str, list[BuilderPosition]] = {}
    for order in request.nodes("simPos"):
        coin = order.text("instId").split("-")[0]
        size = order.number("pos") * sizes.number(coin)
        mark, average = market.number(f"{coin.lower()}_mark"), order.number("avgPx")
        units.setdefault(coin, []).append(BuilderPosition("perp", size, mark * rate, average * rate, rate))
    index = {coin: market.number(f"{coin.lower()}_usdt_index_implied") * rate for coin in units}
    cash = sum(asset.number("amt") for asset in request.nodes("simAsset")) * rate
    equity = cash + sum(_profit(holding) for held in units.values() for holding in held)
    compared.number("eq", equity, expected.number("eq"), CENTS)
    derivatives = 0.0
    rules = _rules(time.time(), max(-equity, 0.0))
    for coin, held in units.items():
        derivatives += _unit(coin, held, index[coin], rules, expected.node(coin), compared)
    borrowed = [max(-equity, 0.0) * rules.number(name) for name in ("borrow_maintenance_rate", "borrow_initial_rate")]
    for coin in units:
        if "mr8" in expected.node(coin):
            compared.number(f"{coin} mr8", borrowed[0], expected.node(coin).number("mr8"), CENTS)
    compared.number("borrowImr_usdt", borrowed[1], expected.number("borrowImr_usdt"), CENTS)
    _totals(derivatives, borrowed, rules, expected, compared)


def _bare(data: Node, compared: Comparison) -> None:
    """An answer as the venue sent it."""
    moment = data.number("ts") / 1000.0 if data.has("ts") else time.time()
    units = {unit.text("riskUnit"): unit for unit in data.nodes("riskUnitData", "riskUnit")}
    held = {name: _holdings(name, unit, compared) for name, unit in units.items()}
    rates = [holding.rate for unit in held.values() for holding in unit or [] if holding.kind == "perp"]
    rules = _rules(moment, 0.0)
    borrowed = _borrowed(data, rates[0] if rates else math.nan, rules, compared)
    derivatives, profit = 0.0, 0.0
    for name, unit in units.items():
        holdings = held[name]
        if holdings is None:
            derivatives += _sums(name, unit, rules, compared)
            profit += unit.number("upl")
            continue
        profit += _profits(name, holdings, unit, compared)
        derivatives += _unit(name, holdings, _index(name, holdings, unit, rules, compared), rules, unit, compared)
        compared.number(f"{name} mr8", borrowed[0], unit.number("mr8"), CENTS)
    compared.number("upl", profit, data.number("upl"), CENTS)
    _totals(derivatives, borrowed, rules, data, compared)


def _borrowed(data: Node, rate: float, rules: Rules, compared: Comparison) -> tuple[float, float]:
    """Maintenance and initial margin of borrowing, compared where it is USDT alone.

    Args:
        rate: USD per USDT, NaN where the positions do not give it
    """
    assets = {asset.text("ccy"): asset for asset in (data.nodes("assets", "ccy") if "assets" in data else [])}
    equity = {currency: asset.number_or("availEq", 0.0) for currency, asset in assets.items()}
    debts = [currency for currency, amount in equity.items() if amount < 0.0]
    if debts and (math.isnan(rate) or debts != ["USDT"]):
        compared.note("what is borrowed in other currencies than USDT is taken as printed")
        return data.number("borrowMmr"), sum(asset.number_or("borrowImr", 0.0) for asset in assets.values())
    debt = -equity["USDT"] * rate if debts else 0.0
    for currency, asset in assets.items():
        ours = debt * rules.number("borrow_initial_rate") if currency in debts else 0.0
        compared.number(f"{currency} borrowImr", ours, asset.number_or("borrowImr", 0.0), CENTS)
    if debts and all(amount == 0.0 for currency, amount in equity.items() if currency not in debts):
        compared.number("eq", -debt, data.number("eq"), CENTS)
    return debt * rules.number("borrow_maintenance_rate"), debt * rules.number("borrow_initial_rate")


def _totals(derivatives: float, borrowed: Sequence[float], rules: Rules, printed: Node, compared: Comparison) -> None:
    """Compare the totals of an account."""
    ratio = rules.number("imr_ratio")
    compared.number("derivMmr", derivatives, printed.number("derivMmr"), CENTS)
    compared.number("borrowMmr", borrowed[0], printed.number("borrowMmr"), CENTS)
    compared.number("totalMmr", derivatives + borrowed[0], printed.number("totalMmr"), CENTS)
    compared.number("totalImr", ratio * derivatives + borrowed[1], printed.number("totalImr"), CENTS)
    compared.note(UNEXPLAINED)


def _rules(moment: float, debt: float) -> Rules:
    """The rulebook at the moment of an answer; the spot that it prints is the spot in use."""
    return rules_of("OKX", moment, [Override("", "borrowed", debt, 1), Override("", "spot_mode", "full", 2)])


def _profit(holding: BuilderPosition) -> float:
    """Profit of a position since it was opened, 0 of spot [USD]."""
    return 0.0 if holding.kind == "spot" else holding.units * (holding.mark - holding.average)


def _holdings(name: str, unit: Node, compared: Comparison) -> list[BuilderPosition] | None:
    """The positions of a risk unit in coins, None where they cannot be recomputed.

    The answer prints contracts and their delta in USD: delta / (contracts × mark) is the contract size, a power of ten,
    times the USD rate of the quote currency.
    """
    found = []
    for row in unit.nodes("portfolios", "instId"):
        instrument, kind = row.text("instId"), row.text("instType")
        quote = instrument.split("-")[1]
        amount, mark = row.number("amt"), row.number_or("markPx", math.nan)
        if kind not in TYPES or (kind == "SWAP" and quote not in ("USDT", "USDC")):
            compared.note(
                f"{instrument}: risk unit {name} is taken as printed, the answer lacks what its stress needs; its sums are compared"
            )
            return None
        if kind == "SPOT":
            found.append(BuilderPosition("spot", amount, mark, math.nan, 1.0, row))
            continue
        each = row.number("delta") / (amount * mark)
        size = 10.0 ** round(math.log10(each))
        rate = each / size
        found.append(BuilderPosition("perp", amount * size, mark * rate, row.number_or("avgPx", math.nan) * rate, rate, row))
    return found


def _profits(name: str, holdings: Sequence[BuilderPosition], unit: Node, compared: Comparison) -> float:
    """Compare deltas and profits of a risk unit's positions."""
    for holding in holdings:
        row = holding.printed
        if row is not None and holding.kind == "perp":
            label = f"{name} {row.text('instId')}"
            compared.number(f"{label} floatPnl", _profit(holding) / holding.rate, row.number("floatPnl"), CENTS)
            for greek in ("gamma", "theta", "vega"):
                compared.number(f"{label} {greek}", 0.0, row.number_or(greek, 0.0))
    compared.note("notionalUsd is not compared: it is at another rate than the deltas")
    perps = [holding for holding in holdings if holding.kind == "perp"]
    for greek in ("gamma", "theta", "vega"):
        compared.number(f"{name} {greek}", 0.0, unit.number(greek))
    if len(perps) == len(holdings):
        compared.number(f"{name} delta", sum(holding.units * holding.mark for holding in perps), unit.number("delta"), CENTS)
    profit = sum(map(_profit, holdings))
    compared.number(f"{name} upl", profit, unit.number("upl"), CENTS)
    return profit


def _index(name: str, holdings: Sequence[BuilderPosition], unit: Node, rules: Rules, compared: Comparison) -> float:
    """The index in USD: printed, or implied by one number of the grid."""
    if unit.has("indexUsd"):
        return unit.number("indexUsd")
    net = sum(holding.units for holding in holdings)
    shock = rules.number("price_shock_small", name)
    same = _by_move(unit.node("mr1Scenarios").node("volSame"))
    near = min(same, key=lambda move: abs(move - shock))
    if not net:
        return float(np.mean([holding.mark for holding in holdings]))
    compared.note(f"the index of {name} is implied by the grid at {near:+g}")
    return same[near] / (net * near)


def _unit(name: str, holdings: Sequence[BuilderPosition], index: float, rules: Rules, printed: Node, compared: Comparison) -> float:
    """Compare a risk unit with our own statement of it; returns its maintenance margin."""
    rows: list[list[Any]] = [["Underlying", "Type", "Quantity", "Price", "Spot"]]
    rows.extend([name, holding.kind, holding.units, holding.mark if holding.kind == "perp" else None, index] for holding in holdings)
    case = case_of(read_book(rows, None), rules)
    roots = [margin_of(case).initial.book(0)]
    for key, label in PARTS.items():
        if key in printed:
            compared.number(f"{name} {key}", find(roots, f"{name}/{label}").amount, printed.number(key), CENTS)
    if "mr9" in printed and len({holding.rate for holding in holdings}) == 1:
        compared.number(f"{name} mr9", 0.0, printed.number("mr9"))
    if "delta" in printed and holdings[0].printed is None:
        compared.number(f"{name} delta", sum(holding.units * holding.mark for holding in holdings), printed.number("delta"), CENTS)
    _grids(name, case, printed, compared)
    unit: Line = find(roots, f"Maintenance of derivatives/{name}")
    compared.number(f"{name} mmr", unit.amount, printed.number("mmr"), CENTS)
    compared.number(f"{name} imr", rules.number("imr_ratio") * unit.amount, printed.number("imr"), CENTS)
    return unit.amount


def _sums(name: str, printed: Node, rules: Rules, compared: Comparison) -> float:
    """Compare the sums of a risk unit whose parts cannot be recomputed; returns its maintenance margin."""
    part = {key: printed.number(key) for key in PARTS}
    risk = max(part["mr1"], part["mr2"], part["mr6"]) + part["mr3"] + part["mr4"] + part["mr5"]
    margin = max(risk, part["mr7"])
    compared.number(f"{name} mmr", margin, printed.number("mmr"), CENTS)
    compared.number(f"{name} imr", rules.number("imr_ratio") * margin, printed.number("imr"), CENTS)
    return margin


def _grids(name: str, case: Case, printed: Node, compared: Comparison) -> None:
    """Compare the grids of MR1, the worst of it, and the extreme moves."""
    pnl, moves = case.pnl[0, :, 0], case.scenarios.price[:, 0]
    sides = np.array([sign for sign, _, _ in VOLS] * (MR1.stop // len(VOLS)))
    grids = _part(printed, "mr1Scenarios")
    if "mr1_scenarios" in printed:
        grids = Node({"volSame": printed.raw("mr1_scenarios")}, printed.path)
    for table, side in GRIDS.items():
        for move, value in _by_move(_part(grids, table)).items():
            at = np.flatnonzero((sides == side) & np.isclose(moves[MR1], move, rtol=0.0, atol=CENTS))
            if not len(at):
                compared.fail(f"{name} mr1 {table}: no scenario moves the index by {move:g}")
                continue
            compared.number(f"{name} mr1 {table} {move:g}", float(pnl[at].min()), value, CENTS)
    first = int(np.argmin(pnl[MR1]))
    far = MR6.start + int(np.argmin(pnl[MR6]))
    final, extreme = _part(printed, "mr1FinalResult"), _part(printed, "mr6FinalResult")
    whole = float(pnl[far]) / case.rules.number("extreme_share")
    for label, ours, places in (
        ("mr1 pnl", float(pnl[first]), ((final, "pnl"),)),
        ("mr6 pnl", whole, ((extreme, "pnl"), (printed, "mr6_pnl"))),
        ("mr1 spot shock", float(moves[first]), ((final, "spotShock"), (printed, "mr1_spot"))),
        ("mr6 spot shock", float(moves[far]), ((extreme, "spotShock"), (printed, "mr6_spot"))),
    ):
        for owner, key in places:
            if key in owner:
                compared.number(f"{name} {label}", ours, owner.number(key), CENTS)
                break
    if "volShock" in final:
        compared.word(f"{name} mr1 vol shock", SIDES[float(sides[first])], final.text("volShock"))


def _part(node: Node, key: str) -> Node:
    """The object under a key; one without keys where it is left out or blank."""
    return node.node(key) if node.has(key) else Node({}, node.path)


def _by_move(grid: Node) -> dict[float, float]:
    """Profit and loss by move of the index.

    Raises:
        MarginError: a key is no move
    """
    try:
        return {float(move): grid.number(move) for move in grid.cells}
    except ValueError:
        grid.fail("its keys must be moves of the index, such as 0.06")
