"""Saved answers of OKX's position builder, recomputed from the positions that they carry."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.margin.parameters import Override, Rules
from xlmargin.margin.statement import Line, find
from xlmargin.margin.valuation import Case
from xlmargin.methods import case_of, margin_of, rules_of
from xlmargin.methods.okx.tables import MR1, MR6, VOLS, scaled, steps
from xlmargin.sheet.checks import read_book
from xlmargin.venues.outcome import Comparison, Outcome

CENTS = 1e-9  # USD: what sums of a few thousand dollars differ by in double precision
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
TYPES = {"SWAP": "perp", "SPOT": "spot"}  # what the replay can recompute; the answers carry no vols


class Holding(NamedTuple):
    """One position of an answer.

    Attributes:
        kind: perp or spot
        units: coins, + long
        mark: [USD]
        average: entry price [USD], NaN where the answer has none
        rate: USD per unit of the quote currency
        printed: what the answer says of it
    """

    kind: str
    units: float
    mark: float
    average: float
    rate: float
    printed: Mapping[str, Any]


def replay(data: Any) -> Iterator[Outcome]:
    """Every requirement of each answer.

    Args:
        data: an answer as the venue sent it, one element of its `data`, a list of either, or a collection of examples with
            `okx_position_builder` and `okx_mr7_scale`
    """
    if isinstance(data, list):
        for item in data:
            yield from replay(item)
    elif isinstance(data, dict) and "riskUnitData" in data:
        yield _compared(str(data.get("ts") or "position builder"), _bare, data)
    elif isinstance(data, dict):
        if any("riskUnitData" in item for item in data.get("data") or [] if isinstance(item, dict)):
            yield from replay(data["data"])
        for key, compare in (("okx_position_builder", _example), ("okx_mr7_scale", _tiers)):
            if key in data:
                yield _compared(data[key].get("source", key), compare, data[key])


def _compared(name: str, compare: Any, data: Any) -> Outcome:
    """One case, whatever is wrong with it."""
    compared = Comparison(name)
    try:
        compare(data, compared)
    except MarginError as error:
        compared.off.append(str(error))
    except KeyError as error:
        compared.off.append(f"the answer lacks {error}")
    except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        compared.off.append(f"the answer cannot be read: {error}")
    return compared.outcome()


def _tiers(data: Mapping[str, Any], compared: Comparison) -> None:
    """MR7 after its tiers, and the larger of the two."""
    ends, factors = steps(rules_of("OKX", time.time()).word("reduction_tiers", "BTC"), "reduction_tiers")
    charge = float(scaled(np.array([float(data["MR7"])]), ends, factors).sum())
    compared.number("MR7_adj", charge, data["MR7_adj"])
    compared.number("mmr", max(charge, float(data["MR"])), data["mmr"])


def _example(data: Mapping[str, Any], compared: Comparison) -> None:
    """An example that carries its request, its market and what the venue answered."""
    market, expected = data["market"], data["expected"]
    rate = float(market["usdt_usd_implied"])
    units: dict[str, list[Holding]] = {}
    for order in data["request"]["simPos"]:
        coin = order["instId"].split("-")[0]
        size = float(order["pos"]) * float(market["ctVal"][coin])
        units.setdefault(coin, []).append(
            Holding("perp", size, float(market[f"{coin.lower()}_mark"]) * rate, float(order["avgPx"]) * rate, rate, {})
        )
    index = {coin: float(market[f"{coin.lower()}_usdt_index_implied"]) * rate for coin in units}
    cash = sum(float(asset["amt"]) for asset in data["request"]["simAsset"]) * rate
    equity = cash + sum(_profit(holding) for held in units.values() for holding in held)
    compared.number("eq", equity, expected["eq"], CENTS)
    derivatives = 0.0
    rules = _rules(time.time(), max(-equity, 0.0))
    for coin, held in units.items():
        derivatives += _unit(coin, held, index[coin], rules, expected[coin], compared)
    borrowed = [max(-equity, 0.0) * rules.number(name) for name in ("borrow_maintenance_rate", "borrow_initial_rate")]
    for coin in units:
        if "mr8" in expected[coin]:
            compared.number(f"{coin} mr8", borrowed[0], expected[coin]["mr8"], CENTS)
    compared.number("borrowImr_usdt", borrowed[1], expected["borrowImr_usdt"], CENTS)
    _totals(derivatives, borrowed, rules, expected, compared)


def _bare(data: Mapping[str, Any], compared: Comparison) -> None:
    """An answer as the venue sent it."""
    moment = float(data["ts"]) / 1000.0 if data.get("ts") else time.time()
    held = {unit["riskUnit"]: _holdings(unit, compared) for unit in data["riskUnitData"]}
    rates = [holding.rate for unit in held.values() for holding in unit or [] if holding.kind == "perp"]
    rules = _rules(moment, 0.0)
    borrowed = _borrowed(data, rates[0] if rates else math.nan, rules, compared)
    derivatives, profit = 0.0, 0.0
    for unit in data["riskUnitData"]:
        name, holdings = unit["riskUnit"], held[unit["riskUnit"]]
        if holdings is None:
            derivatives += _sums(name, unit, rules, compared)
            profit += float(unit["upl"])
            continue
        profit += _profits(name, holdings, unit, compared)
        derivatives += _unit(name, holdings, _index(name, holdings, unit, rules, compared), rules, unit, compared)
        compared.number(f"{name} mr8", borrowed[0], unit["mr8"], CENTS)
    compared.number("upl", profit, data["upl"], CENTS)
    _totals(derivatives, borrowed, rules, data, compared)


def _borrowed(data: Mapping[str, Any], rate: float, rules: Rules, compared: Comparison) -> tuple[float, float]:
    """Maintenance and initial margin of what is borrowed, compared where it is USDT alone.

    Args:
        rate: USD per USDT, NaN where the positions do not tell it
    """
    equity = {asset["ccy"]: float(asset["availEq"] or 0.0) for asset in data.get("assets", [])}
    debts = [currency for currency, amount in equity.items() if amount < 0.0]
    if debts and (math.isnan(rate) or debts != ["USDT"]):
        compared.note("what is borrowed in other currencies than USDT is taken as printed")
        return float(data["borrowMmr"]), sum(float(asset["borrowImr"] or 0.0) for asset in data["assets"])
    debt = -equity["USDT"] * rate if debts else 0.0
    for asset in data.get("assets", []):
        ours = debt * rules.number("borrow_initial_rate") if asset["ccy"] in debts else 0.0
        compared.number(f"{asset['ccy']} borrowImr", ours, asset["borrowImr"] or 0.0, CENTS)
    if debts and all(amount == 0.0 for currency, amount in equity.items() if currency not in debts):
        compared.number("eq", -debt, data["eq"], CENTS)
    return debt * rules.number("borrow_maintenance_rate"), debt * rules.number("borrow_initial_rate")


def _totals(derivatives: float, borrowed: Sequence[float], rules: Rules, printed: Mapping[str, Any], compared: Comparison) -> None:
    """Compare the totals of an account."""
    ratio = rules.number("imr_ratio")
    compared.number("derivMmr", derivatives, printed["derivMmr"], CENTS)
    compared.number("borrowMmr", borrowed[0], printed["borrowMmr"], CENTS)
    compared.number("totalMmr", derivatives + borrowed[0], printed["totalMmr"], CENTS)
    compared.number("totalImr", ratio * derivatives + borrowed[1], printed["totalImr"], CENTS)
    compared.note(UNEXPLAINED)


def _rules(moment: float, debt: float) -> Rules:
    """The rulebook at the moment of an answer; the spot that it prints is the spot in use."""
    return rules_of("OKX", moment, [Override("", "borrowed", debt, 1), Override("", "spot_mode", "full", 2)])


def _profit(holding: Holding) -> float:
    """Profit of a position since it was opened, 0 of spot [USD]."""
    return 0.0 if holding.kind == "spot" else holding.units * (holding.mark - holding.average)


def _holdings(unit: Mapping[str, Any], compared: Comparison) -> list[Holding] | None:
    """The positions of a risk unit in coins, None where they cannot be recomputed.

    The answer prints contracts and their delta in USD: delta / (contracts × mark) is the contract size, a power of ten,
    times the USD rate of the quote currency.
    """
    found = []
    for row in unit["portfolios"]:
        quote = row["instId"].split("-")[1]
        amount, mark = float(row["amt"]), float(row["markPx"] or math.nan)
        if row["instType"] not in TYPES or (row["instType"] == "SWAP" and quote not in ("USDT", "USDC")):
            compared.note(
                f"{row['instId']}: risk unit {unit['riskUnit']} is taken as printed, the answer lacks what its "
                "stress needs; its sums are compared"
            )
            return None
        if row["instType"] == "SPOT":
            found.append(Holding("spot", amount, mark, math.nan, 1.0, row))
            continue
        each = float(row["delta"]) / (amount * mark)
        size = 10.0 ** round(math.log10(each))
        rate = each / size
        found.append(Holding("perp", amount * size, mark * rate, float(row["avgPx"] or math.nan) * rate, rate, row))
    return found


def _profits(name: str, holdings: Sequence[Holding], unit: Mapping[str, Any], compared: Comparison) -> float:
    """Compare deltas and profits of a risk unit's positions."""
    for holding in holdings:
        if holding.kind == "perp":
            label = f"{name} {holding.printed['instId']}"
            compared.number(f"{label} floatPnl", _profit(holding) / holding.rate, holding.printed["floatPnl"], CENTS)
            for greek in ("gamma", "theta", "vega"):
                compared.number(f"{label} {greek}", 0.0, holding.printed[greek] or 0.0)
    compared.note("notionalUsd is not compared: it is at another rate than the deltas")
    perps = [holding for holding in holdings if holding.kind == "perp"]
    for greek in ("gamma", "theta", "vega"):
        compared.number(f"{name} {greek}", 0.0, unit[greek])
    if len(perps) == len(holdings):
        compared.number(f"{name} delta", sum(holding.units * holding.mark for holding in perps), unit["delta"], CENTS)
    profit = sum(map(_profit, holdings))
    compared.number(f"{name} upl", profit, unit["upl"], CENTS)
    return profit


def _index(name: str, holdings: Sequence[Holding], unit: Mapping[str, Any], rules: Rules, compared: Comparison) -> float:
    """The index in USD: printed, or implied by one number of the grid."""
    if unit.get("indexUsd"):
        return float(unit["indexUsd"])
    net = sum(holding.units for holding in holdings)
    shock = rules.number("price_shock_small", name)
    same = {float(move): float(value) for move, value in unit["mr1Scenarios"]["volSame"].items()}
    near = min(same, key=lambda move: abs(move - shock))
    if not net:
        return float(np.mean([holding.mark for holding in holdings]))
    compared.note(f"the index of {name} is implied by the grid at {near:+g}")
    return same[near] / (net * near)


def _unit(name: str, holdings: Sequence[Holding], index: float, rules: Rules, printed: Mapping[str, Any], compared: Comparison) -> float:
    """Compare a risk unit with our own statement of it; returns its maintenance margin."""
    rows: list[list[Any]] = [["Underlying", "Type", "Quantity", "Price", "Spot"]]
    rows.extend([name, holding.kind, holding.units, holding.mark if holding.kind == "perp" else None, index] for holding in holdings)
    case = case_of(read_book(rows, None), rules)
    roots = [margin_of(case).initial.book(0)]
    for key, label in PARTS.items():
        if key in printed:
            compared.number(f"{name} {key}", find(roots, f"{name}/{label}").amount, printed[key], CENTS)
    if "mr9" in printed and len({holding.rate for holding in holdings}) == 1:
        compared.number(f"{name} mr9", 0.0, printed["mr9"])
    if "delta" in printed and holdings[0].printed == {}:
        compared.number(f"{name} delta", sum(holding.units * holding.mark for holding in holdings), printed["delta"], CENTS)
    _grids(name, case, printed, compared)
    unit: Line = find(roots, f"Maintenance of derivatives/{name}")
    compared.number(f"{name} mmr", unit.amount, printed["mmr"], CENTS)
    compared.number(f"{name} imr", rules.number("imr_ratio") * unit.amount, printed["imr"], CENTS)
    return unit.amount


def _sums(name: str, printed: Mapping[str, Any], rules: Rules, compared: Comparison) -> float:
    """Compare the sums of a risk unit whose parts cannot be recomputed; returns its maintenance margin."""
    part = {key: float(printed[key]) for key in PARTS}
    risk = max(part["mr1"], part["mr2"], part["mr6"]) + part["mr3"] + part["mr4"] + part["mr5"]
    margin = max(risk, part["mr7"])
    compared.number(f"{name} mmr", margin, printed["mmr"], CENTS)
    compared.number(f"{name} imr", rules.number("imr_ratio") * margin, printed["imr"], CENTS)
    return margin


def _grids(name: str, case: Case, printed: Mapping[str, Any], compared: Comparison) -> None:
    """Compare the grids of MR1, the worst of it, and the extreme moves."""
    pnl, moves = case.pnl[0, :, 0], case.scenarios.price[:, 0]
    sides = np.array([sign for sign, _, _ in VOLS] * (MR1.stop // len(VOLS)))
    grids = printed.get("mr1Scenarios") or ({"volSame": printed["mr1_scenarios"]} if "mr1_scenarios" in printed else {})
    for table, side in GRIDS.items():
        for move, value in (grids.get(table) or {}).items():
            at = np.flatnonzero((sides == side) & np.isclose(moves[MR1], float(move), rtol=0.0, atol=CENTS))
            if not len(at):
                compared.off.append(f"{name} mr1 {table}: no scenario moves the index by {move}")
                continue
            compared.number(f"{name} mr1 {table} {move}", float(pnl[at].min()), value, CENTS)
    first = int(np.argmin(pnl[MR1]))
    far = MR6.start + int(np.argmin(pnl[MR6]))
    final, extreme = printed.get("mr1FinalResult") or {}, printed.get("mr6FinalResult") or {}
    whole = float(pnl[far]) / case.rules.number("extreme_share")
    for label, ours, theirs in (
        ("mr1 pnl", float(pnl[first]), final.get("pnl")),
        ("mr6 pnl", whole, extreme.get("pnl", printed.get("mr6_pnl"))),
        ("mr1 spot shock", float(moves[first]), final.get("spotShock", printed.get("mr1_spot"))),
        ("mr6 spot shock", float(moves[far]), extreme.get("spotShock", printed.get("mr6_spot"))),
    ):
        if theirs is not None:
            compared.number(f"{name} {label}", ours, theirs, CENTS)
    if "volShock" in final:
        compared.word(f"{name} mr1 vol shock", SIDES[float(sides[first])], final["volShock"])
