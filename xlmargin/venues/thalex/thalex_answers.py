"""Answers of Thalex' private/required_margin_breakdown, recomputed as far as they carry what is needed.

Futures, perpetuals and collateral are revalued in each scenario; options are not, since an answer has neither its time nor the
forwards of their expiries: their printed profit counts. From there every margin is recomputed: the covered loss of each scenario, the
scenario that decides, the margin of each underlying and of the portfolio.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from xlmargin.book.contracts import CALL, parse_instrument
from xlmargin.methods import case_of, rules_of
from xlmargin.methods.json_shape import Node
from xlmargin.methods.thalex.saved_breakdown import coin_of, saved, underlyings_of
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.ranges.remembered import read_book
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of

METHOD, BEFORE = "THALEX", "2020-01-01"  # a day before every contract of the venue
TOLERANCE, CENT = 1e-6, 0.01  # the decimals of an answer are not documented
CONTINGENCIES = ("roll_contingency_margin", "options_contingency_margin")


def replay(data: Any) -> Iterator[Outcome]:
    """Each underlying of an answer, and the sum of all.

    Raises:
        MarginError: the file is no margin breakdown
    """
    each = underlyings_of(data)
    for underlying in each:
        yield outcome_of(coin_of(underlying), partial(_underlying, data, underlying))
    answer = Node(data)
    portfolio = (answer.node("result") if "result" in answer else answer).node("portfolio")
    if portfolio.has("required_margin"):
        yield outcome_of("portfolio", partial(_portfolio, portfolio, each))


def _portfolio(portfolio: Node, each: list[Node], compared: Comparison) -> None:
    compared.relative, compared.absolute = TOLERANCE, CENT
    whole = sum(underlying.number("required_margin") for underlying in each)
    compared.number("required_margin", whole, portfolio.number("required_margin"))


def _underlying(data: Any, underlying: Node, compared: Comparison) -> None:
    compared.relative, compared.absolute = TOLERANCE, CENT
    needed = []
    for s, row in enumerate(underlying.nodes("scenarios")):
        pnl = _pnl(data, coin_of(underlying), row, s, compared)
        compared.number(f"scenario {s}: pnl", pnl, row.number("pnl"))
        covered = row.number("coverage_factor") * max(-pnl, 0.0)
        compared.number(f"scenario {s}: loss_margin", covered, row.number("loss_margin"))
        whole = covered + sum(row.number_or(name, 0.0) for name in CONTINGENCIES)
        compared.number(f"scenario {s}: required_margin", whole, row.number("required_margin"))
        needed.append(whole)
    if not needed:
        underlying.fail("scenarios is empty: save the whole of it, as it came")
    compared.number("required_margin", max(needed), underlying.number("required_margin"))
    used = int(underlying.number("scenario_used"))
    if not 0 <= used < len(needed):
        underlying.fail(f"scenario_used must count the {len(needed)} scenarios from 0, not {used}")
    compared.number("margin of scenario_used", needed[used], max(needed))


def _pnl(data: Any, coin: str, row: Node, s: int, compared: Comparison) -> float:
    """The profit and loss of a scenario: ours of what moves with the price, as printed of options."""
    total, held = 0.0, []
    for item in row.nodes("positions", "instrument_name") if row.has("positions") else []:
        contract = parse_instrument(item.text("instrument_name"), "thalex")
        if contract is None:
            item.fail("is no instrument of Thalex")
        if contract.kind >= CALL:
            compared.note("options are not revalued: an answer has neither its time nor the forwards of their expiries")
            total += item.number("pnl")
        else:
            held.append((item, [item.text("instrument_name"), "thalex", None, None]))
    for item in row.nodes("assets", "asset_name") if row.has("assets") else []:
        held.append((item, [None, None, item.text("asset_name"), "spot"]))
    gains = _gains(data, coin, [[*cells, item.number("position"), item.number("current_price")] for item, cells in held], s)
    for (item, _), ours in zip(held, gains):
        compared.number(f"scenario {s}: {item.path.rpartition('.')[2]} pnl", float(ours), item.number("pnl"))
    return total + float(sum(gains))


def _gains(data: Any, coin: str, rows: list[list[Any]], s: int) -> Floats | list[float]:
    """The profit and loss of each row in one scenario, before its coverage."""
    if not rows:
        return []
    priced = [["Instrument", "Venue", "Underlying", "Type", "Quantity", "Price", "Spot"], *([*row, row[-1]] for row in rows)]
    book = read_book(priced, [["Underlying", "Spot", "As of"], [coin, rows[0][-1], BEFORE]])
    case = case_of(book, rules_of(METHOD, book.as_of, saved(data, rules_of(METHOD, book.as_of))))
    gains: Floats = book.units * case.array[book.instrument, s] / case.scenarios.weight[s, 0]
    return gains
