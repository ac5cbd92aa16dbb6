"""Saved answers of Bybit's asset/portfolio-margin, recomputed from the positions that they carry.

An answer names neither the forward nor the vol of an option; both are fitted to its profits, of which there are 33 for each option.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from xlmargin.book.contracts import SPOT
from xlmargin.margin.parameters import Override
from xlmargin.margin.statement import find
from xlmargin.margin.valuation import Case
from xlmargin.methods import case_of, margin_of, rules_of
from xlmargin.methods.json_shape import Node
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.ranges.remembered import read_book
from xlmargin.venues.outcome import Comparison, Outcome, nearest_to, outcome_of

OPTION_PNL = 2.5e-6  # USDT: what is left of the 33 profits of the documented answer, of 0.02 of an option
PRINTED = 1e-8  # USDT: half of the last digit of profits is 5e-9
ROUNDED_TOTAL = 1.01e-4  # USDT: totals are rounded down to four places
INDEX = 1e-5  # of the index: what the last digit of a small hedge leaves unknown of it
MAINTENANCE = 1e-4  # of the maintenance margin: the answer's own differs from its parts by 0.009 %
HEADER = ["Instrument", "Venue", "Underlying", "Type", "Quantity", "IV", "Forward", "Price"]


class BybitPosition(NamedTuple):
    """One position of an answer.

    Attributes:
        name: of the contract
        quantity: coins, + long
        mark: [USDT]
        pnl: profits by price move, ascending, and by vol move up, same, down; one column for a perpetual
    """

    name: str
    quantity: float
    mark: float
    pnl: Floats


def replay(data: Any) -> Iterator[Outcome]:
    """Every profit and requirement of each coin of an answer.

    Args:
        data: an answer as the venue sent it, its `result` alone, or a decoded one with `inputs`, `option_pnl` and `totals`
    """
    if not isinstance(data, dict):
        return
    top = Node(data)
    if "option_pnl" in top and "inputs" in top:
        yield outcome_of(str(data.get("source", "decoded answer")), partial(_decoded, top))
        return
    result = top.node("result") if "result" in top else top
    moment = top.number("time") / 1000.0 if top.has("time") else time.time()
    for block in result.nodes("assetPnlRange", "baseCoin") if "assetPnlRange" in result else []:
        yield outcome_of(block.text("baseCoin"), partial(_coin, block, moment))


def _decoded(top: Node, compared: Comparison) -> None:
    """An answer with what was decoded of it beside it: forward, vol, index and rate are given."""
    given, totals = top.node("inputs"), top.node("totals")
    kind = "C" if given.text("type").lower().startswith("c") else "P"
    day = dt.datetime.fromisoformat(given.text("expiry"))
    name = f"BTC-{day.day}{day:%b%y}-{given.number('strike'):.15g}-{kind}".upper()
    rows = [
        _row(name, given.number("qty"), given.number("mark_iv"), given.number("forward"), given.number("option_mark")),
        _row("BTCUSDT", given.number("perp_qty"), None, None, given.number("perp_mark")),
    ]
    case = _case("BTC", rows, given.number("index"), given.number("usdt_usd"), given.number("now_ms") / 1000.0)
    option = int(np.flatnonzero(case.held.is_option)[0])
    for row in np.array(top.items("option_pnl"), np.float64):
        price, vol, venue = row[:3]
        at = np.flatnonzero(np.isclose(case.scenarios.price[:, 0], price) & (np.sign(case.scenarios.vol[:, 0]) == np.sign(vol)))
        if not len(at):
            compared.fail(f"no scenario moves the price by {price:g} and the vol by {vol:g}")
            continue
        ours = float(case.units[0, option] * case.array[option, at[0]])
        compared.number(f"option at {price:+g}, vol {vol:+.3g}", ours, float(venue), OPTION_PNL)
    future = find([margin_of(case).maintenance.book(0), margin_of(case).initial.book(0)], "BTC/Perpetual and futures contingency")
    compared.number("futureContingency", future.amount, totals.number("futureContingency"), ROUNDED_TOTAL)
    _initial(case, totals.number("MM"), totals.number("IM"), compared)


def _coin(block: Node, moment: float, compared: Comparison) -> None:
    """One coin of an answer."""
    coin = block.text("baseCoin")
    perpetuals = [_position(row, compared) for row in block.nodes("perpPositionPnlRanges", "symbolName")]
    expiries = block.nodes("optionExpiryDatePnlRanges") if "optionExpiryDatePnlRanges" in block else []
    options = [_position(row, compared) for each in expiries for row in each.nodes("optionPositionPnlRanges", "symbolName")]
    index, hedge = _index(block, perpetuals)
    rate = _rate(perpetuals, compared)
    rows = [_row(held.name, held.quantity, None, None, held.mark) for held in perpetuals]
    rows += [_row(held.name, held.quantity, *_fitted(coin, held, index, rate, moment), held.mark) for held in options]
    if hedge:
        rows.append(["", "", coin, "spot", hedge, None, None, None])
    case = _case(coin, rows, index, rate, moment)
    array = _by_move(case)
    named = [(position, k) for position, k in zip([*perpetuals, *options], case.book.instrument.tolist())]
    for held, k in named:
        ours = case.units[0, k] * array[k]
        for m, moved in enumerate(held.pnl):
            for v, theirs in enumerate(moved):
                tolerance = OPTION_PNL if held in options else PRINTED
                compared.number(f"{held.name} at move {m + 1}, vol {['up', 'same', 'down'][v]}", ours[m, v], float(theirs), tolerance)
    _totals(case, block, compared)
    _requirements(case, block, compared)


def _position(row: Node, compared: Comparison) -> BybitPosition:
    """A position with its profits by price move."""
    name = row.text("symbolName")
    if row.text("settleCoin") not in ("USDT", "USDC"):
        row.fail(f"settles in {row.text('settleCoin')}: linear contracts alone are recomputed")
    if row.number_or("orderSize", 0.0):
        compared.note(f"the order in {name} is not compared")
    return BybitPosition(name, row.number("position"), row.number("markPrice"), _profits(row))


def _profits(owner: Node) -> Floats:
    """Profits by price move, ascending, and by vol move (M, V)."""
    moves = sorted((each.number("priceScale"), each.numbers("pnls").tolist()) for each in owner.nodes("pnlRanges"))
    return np.array([profits for _, profits in moves], np.float64)


def _index(block: Node, perpetuals: Sequence[BybitPosition]) -> tuple[float, float]:
    """The index in USD, which the spot hedge or the contingency on futures implies, and the hedge in coins."""
    hedge = block.node("spotHedgeInfo") if block.has("spotHedgeInfo") else Node({})
    size = hedge.number_or("hedgeSpotSize", 0.0)
    profits = _profits(hedge)[:, 0] if size else np.zeros(1)
    if size and profits.any():
        moves = np.array(sorted(each.number("priceScale") for each in hedge.nodes("pnlRanges")))
        at = int(np.argmax(profits))
        return float(profits[at] / (size * moves[at])), size
    held = sum(abs(each.quantity) for each in perpetuals)
    if held:
        rate = rules_of("BYBIT", time.time()).number("futures_rate", block.text("baseCoin"))
        return block.node("contingency").number("futureContingency") / (held * rate), 0.0
    return math.nan, 0.0


def _rate(perpetuals: Sequence[BybitPosition], compared: Comparison) -> float:
    """USD per USDT, which the profit of a perpetual at the last move implies: quantity × mark × move × rate."""
    for held in perpetuals:
        if held.quantity and held.pnl[-1, 0]:
            reach = rules_of("BYBIT", time.time()).number("price_range", "BTC")
            return float(held.pnl[-1, 0] / (held.quantity * held.mark * reach))
    compared.note("no perpetual tells the rate of USDT: 1 is taken")
    return 1.0


def _fitted(coin: str, held: BybitPosition, index: float, rate: float, moment: float) -> tuple[float, float]:
    """Vol and forward that the profits of an option are nearest to, from the nearest of some starts."""

    def profits(at: Floats) -> Floats:
        row = _row(held.name, held.quantity, float(at[0]), float(at[1]), held.mark)
        case = _case(coin, [row], float(at[1]) if math.isnan(index) else index, rate, moment)
        return np.asarray((case.units[0, 0] * _by_move(case)[0]).ravel(), np.float64)

    theirs = held.pnl.ravel()
    around = float(held.name.split("-")[2]) if math.isnan(index) else index
    starts = [np.array([vol, around * basis]) for vol in (0.2, 0.4, 0.8, 1.6) for basis in (0.9, 1.0, 1.1)]
    at = min(starts, key=lambda start: float(np.abs(profits(start) - theirs).sum()))
    vol, forward = nearest_to(profits, theirs, at)
    return vol, forward


def _row(name: str, quantity: float, vol: float | None, forward: float | None, mark: float) -> list[Any]:
    return [name, "bybit", "", "", quantity, vol, forward, mark]


def _case(coin: str, rows: list[list[Any]], index: float, rate: float, moment: float) -> Case:
    """Positions of one coin under the rulebook of the moment."""
    as_of = dt.datetime.fromtimestamp(moment, dt.UTC).isoformat()
    book = read_book([HEADER, *rows], [["Underlying", "Spot", "As of"], [coin, index, as_of]])
    return case_of(book, rules_of("BYBIT", moment, [Override("", "usdt_usd", rate, 1)]))


def _by_move(case: Case) -> Floats:
    """The risk array by price move, ascending, and by vol move up, same, down (K, M, V)."""
    price, vol = case.scenarios.price[:, 0], np.sign(case.scenarios.vol[:, 0])
    order = np.lexsort([-vol, np.round(price, 9)])
    return case.array[:, order].reshape(len(case.array), -1, 3)


def _totals(case: Case, block: Node, compared: Comparison) -> None:
    """The worst vol move at each price move: of the options, and of everything with the gains of spot."""
    price = np.round(case.scenarios.price[:, 0], 9)
    alone = case.units[0, case.held.is_option] @ case.array[case.held.is_option]
    printed = block.node("totalPnlRanges")
    for key, ours, tolerance in (("OPTION", alone, OPTION_PNL), ("ALL", case.pnl[0, :, 0], ROUNDED_TOTAL)):
        if key in printed:
            theirs = _profits(printed.node(key))[:, 0]
            for move, value in zip(np.unique(price).tolist(), theirs.tolist()):
                compared.number(f"{key} at {move:+g}", float(ours[price == move].min()), value, tolerance)
    worst = int(np.argmin(case.pnl[0, :, 0]))
    compared.number("maxLossPriceMove", float(price[worst]), block.number("maxLossPriceMove"), PRINTED)
    compared.number("maxLossIvShock", float(case.scenarios.vol[worst, 0]), block.number("maxLossIvShock"), PRINTED)


def _requirements(case: Case, block: Node, compared: Comparison) -> None:
    """Contingencies and requirements of a coin; what is not decoded is taken as printed."""
    printed, asset = block.node("contingency"), block.node("asset")
    ours = find([margin_of(case).initial.book(0)], f"{case.names[0]}/Perpetual and futures contingency").amount
    if (case.held.kind == SPOT).any():
        compared.number("futureContingency", ours, printed.number("futureContingency"), INDEX * ours)
    else:
        compared.note("the index is implied by the contingency on futures, which is not compared")
    parts = {key: printed.number(key) for key in printed.cells if key != "contingencyComponents"}
    compared.number("contingencyComponents", sum(parts.values()), printed.number("contingencyComponents"), 2 * PRINTED)
    for key, amount in parts.items():
        if amount and key != "futureContingency":
            compared.note(f"{key} is taken as printed: its rule is not known")
    loss = max(-float(case.pnl[0, :, 0].min()), 0.0)
    whole = loss + printed.number("contingencyComponents")
    compared.number("assetMM", whole, asset.number("assetMM"), MAINTENANCE * whole)
    _initial(case, asset.number("assetMM"), asset.number("assetIM"), compared)


def _initial(case: Case, maintenance: float, initial: float, compared: Comparison) -> None:
    """Initial margin: the printed maintenance times the factor."""
    compared.number("initial", case.rules.number("initial_factor", case.names[0]) * maintenance, initial, 1e-9 * initial)
