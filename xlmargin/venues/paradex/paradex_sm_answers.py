"""Answers of Paradex's own engine to books under cross margin, recomputed with the parameters that stand beside them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from xlmargin.methods.json_shape import Node
from xlmargin.methods.paradex.markets import cross_margin
from xlmargin.sheet.answers.margins import line, maintenance, margin
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of

METHOD = "PARADEX_SM"
HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "Price", "Spot", "Order", "Entry"]
DAYS = 30  # no number depends on it
TOLERANCE = 1e-12  # relative: both sides sum the same products
LINES = {
    "net_imr": "Initial margin/Net margin",
    "net_mmr": "Maintenance margin/Net margin for maintenance",
    "fee_provision_imr": "Initial margin/Fee provision",
    "fee_provision_mmr": "Maintenance margin/Fee provision for maintenance",
    "open_loss": "Initial margin/Open loss",
}


def replay(data: Any) -> Iterator[Outcome]:
    """Every book of a file of answers: initial and maintenance margin, and what they consist of.

    Raises:
        MarginError: the books have another shape
    """
    if not isinstance(data, dict) or "params_perp" not in data:
        return
    file = Node(data)
    for n, book in enumerate(file.nodes("books"), 1):
        yield outcome_of(f"{book.text('coin')} {n}", partial(_compare, file, book))


def _compare(file: Node, book: Node, compared: Comparison) -> None:
    """One book against its answer."""
    coin, answer = book.text("coin"), book.node("answer")
    rates = cross_margin(coin, file.node("params_perp"), file.node(f"params_{coin}"))
    parameters = [["Underlying", "Parameter", "Value"], *([*key, value] for key, value in rates.items())]
    parameters.append([None, "fee_rate", book.number("fee_rate")])
    asked = None, METHOD, parameters, None
    rows = [HEADER, *_rows(book, coin)]
    compared.relative, compared.shown = TOLERANCE, ".12g"
    compared.number("IMR", margin(rows, *asked), answer.number("IMR"))
    compared.number("MMR", maintenance(rows, *asked), answer.number("MMR"))
    for key, path in LINES.items():
        compared.number(key, line(rows, path, *asked), answer.number(key))


def _rows(book: Node, coin: str) -> Iterator[list[Any]]:
    """The positions and open orders of a book as rows of a sheet."""
    spot, mark = book.number("spot"), book.number("perp_mark")
    for leg in book.nodes("legs"):
        yield [coin, leg.text("type"), leg.number("strike"), DAYS, leg.number("qty"), leg.number("mark"), spot, None, None]
    if book.number("perp"):
        yield [coin, "perp", None, None, book.number("perp"), mark, spot, None, None]
    for order in book.nodes("orders"):
        size = order.number("size") * (1.0 if order.word("side", ("buy", "sell")) == "buy" else -1.0)
        if order.text("market") != f"{coin}-USD-PERP":
            order.fail(f"market is {order.text('market')}, and only orders of {coin}-USD-PERP can be replayed")
        yield [coin, "perp", None, None, size, mark, spot, "yes", order.number("price")]
