"""Answers of Paradex's own engine to books under portfolio margin, recomputed with the configuration that stands beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import partial
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.methods import rules_of
from xlmargin.methods.json_shape import Node
from xlmargin.methods.paradex.saved_config import saved
from xlmargin.sheet.answers.margins import line, maintenance, margin
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of

METHOD, CONFIG = "PARADEX", "pm_config_"
HEADER = ["Instrument", "Venue", "Quantity", "Price", "IV", "Delta", "Spot"]
TOLERANCE = 1e-9  # relative: both sides sum the same products
PRINTED = 5e-12  # of answers that are printed with eleven decimals
MARGINS = {"IMR": margin, "MMR": maintenance}
LINES = {
    "worst_loss": "Initial margin/Net requirement/{coin}/Scanning risk",
    "delta_min": "Initial margin/Net requirement/{coin}/Minimum delta requirement",
    "fund_p": "Initial margin/Funding provision",
    "fee_provision_imr": "Initial margin/Fee provision",
    "fee_provision_mmr": "Maintenance margin/Fee provision",
}


def replay(data: Any) -> Iterator[Outcome]:
    """Every book of a file of answers: initial and maintenance margin, and what they consist of.

    Raises:
        MarginError: the file has no configuration, or its books have another shape
    """
    configs = [key for key in data if key.startswith(CONFIG)] if isinstance(data, dict) else []
    if not configs:
        return
    file = Node(data)
    config = file.node(configs[0])
    for n, book in enumerate(file.nodes("books"), 1):
        yield outcome_of(f"{configs[0].removeprefix(CONFIG)} {n}", partial(_book, config, book))
    examples = file.node("published_examples") if "published_examples" in file else Node({})
    if "sdk_fixture" in examples:
        yield outcome_of("the engine's own test", partial(_fixture, config, examples.node("sdk_fixture")))
    if "docs_min_delta" in examples:
        yield outcome_of("the documentation's minimum delta", partial(_minimum, config, examples.node("docs_min_delta")))


def _book(config: Node, book: Node, compared: Comparison) -> None:
    """A book of legs and perpetuals with the market of each."""
    coin, now, markets = config.text("base_asset"), book.text("now"), book.node("market_data")
    perpetual = markets.node(f"{coin}-USD-PERP")
    spot, rows = perpetual.number("underlying_price"), []
    for name, size in _sizes(book, coin, dt.datetime.fromisoformat(now)):
        market = markets.node(name)
        vol = market.number("mark_iv") if market.has("mark_iv") else None
        rows.append([name, "paradex", size, market.number("mark_price"), vol, market.number("delta"), spot])
    rates = {name: perpetual.number(name) for name in ("funding_rate", "interest_rate", "fee_rate")}
    compared.relative = TOLERANCE
    _compare(config, rows, now, rates, book.node("sdk"), compared)


def _sizes(book: Node, coin: str, now: dt.datetime) -> Iterator[tuple[str, float]]:
    """The venue's name of each position, and its size."""
    for n, leg in enumerate(book.items("legs")):
        if not isinstance(leg, list) or len(leg) != 5:
            book.fail(f"legs[{n}] must be a list of strike, call or put, days, vol and size")
        terms = Node(dict(zip(("strike", "kind", "days", "vol", "size"), leg)), f"{book.path}.legs[{n}]")
        expiry = now + dt.timedelta(days=terms.number("days"))
        day = f"{expiry.day}{expiry:%b%y}".upper()
        yield f"{coin}-USD-{day}-{terms.number('strike'):g}-{terms.text('kind')[0].upper()}", terms.number("size")
    if book.number("perp"):
        yield f"{coin}-USD-PERP", book.number("perp")


def _fixture(config: Node, example: Node, compared: Comparison) -> None:
    """The book with which the engine tests itself: one option and the perpetual, named in one market."""
    market, held = example.node("market"), example.node("positions")
    rows = []
    for name in held.cells:
        kind = "perp" if name.endswith("-PERP") else "option"
        vol = None if kind == "perp" else market.number("option_iv")
        cells = market.number(f"{kind}_mark"), vol, market.number(f"{kind}_delta"), market.number("spot")
        rows.append([name, "paradex", held.number(name), *cells])
    rates = {"funding_rate": market.number("funding_rate_8h"), "interest_rate": market.number("interest_rate")}
    compared.relative, compared.absolute = 0.0, PRINTED
    answer = example.node("answer")
    _compare(config, rows, market.text("now"), rates, answer, compared)


def _minimum(config: Node, example: Node, compared: Comparison) -> None:
    """The documentation's example of hedged and net delta: a perpetual against calls sold."""
    spot, coin = example.number("spot"), config.text("base_asset")
    rows = [
        [f"{coin}-USD-PERP", "paradex", example.number("long_perp"), spot, None, 1.0, spot],
        [f"{coin}-USD-26JUN26-{spot:g}-C", "paradex", -example.number("short_calls"), None, 0.5, example.number("call_delta"), spot],
    ]
    compared.relative = TOLERANCE
    _compare(config, rows, "2026-05-27T08:00:00Z", {}, Node({"delta_min": example.number("answer")}), compared)


def _compare(config: Node, rows: list[list[Any]], now: str, rates: dict[str, float], answer: Node, compared: Comparison) -> None:
    """Every number of an answer against ours."""
    coin = config.text("base_asset")
    parameters: list[list[Any]] = [["Underlying", "Parameter", "Value"]]
    parameters += [[item.underlying, item.name, item.value] for item in saved(config.cells, rules_of(METHOD, 0.0))]
    parameters += [[None, name, value] for name, value in rates.items()]
    asked = [["Underlying", "Spot", "As of"], [coin, rows[0][-1], now]], METHOD, parameters, None
    book = [HEADER, *rows]
    found = {key: of(book, *asked) for key, of in MARGINS.items() if key in answer}
    found |= {key: line(book, path.format(coin=coin), *asked) for key, path in LINES.items() if key in answer}
    if not found:
        raise MarginError(f"{answer.path} has none of {', '.join([*MARGINS, *LINES])}")
    for key, value in found.items():
        compared.number(key, value, answer.number(key))
