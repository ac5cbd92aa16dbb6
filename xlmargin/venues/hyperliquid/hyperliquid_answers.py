"""Saved answers of Hyperliquid's info endpoint about one account under portfolio margin, recomputed with the values they carry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from xlmargin.margin.statement import find
from xlmargin.methods import case_of, margin_of, rules_of
from xlmargin.methods.hyperliquid.info_answers import coin_of, saved
from xlmargin.methods.json_shape import Node
from xlmargin.sheet.answers.margins import statement_roots
from xlmargin.sheet.ranges.remembered import read_book
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of

METHOD, DOLLAR = "HYPERLIQUID", "USDC"
HEADER = ["Underlying", "Type", "Quantity", "Spot", "Forward"]
ROUNDED = 5e-8  # of amounts, which the answers print to eight decimals
RELATIVE = 1e-9  # an account's answers are not of one block


def replay(data: Any) -> Iterator[Outcome]:
    """Cross maintenance margin, ratio and available amount of each account.

    Args:
        data: `{"spot": spotClearinghouseState, "perps": clearinghouseState, "reserves": allBorrowLendReserveStates, "meta": meta}`
            of one moment, or a list of such; or the FAQ's examples as `{"examples": [{"HYPE", "price", "LTV", "borrowable"}]}`
    """
    for n, item in enumerate(data if isinstance(data, list) else [data], 1):
        if isinstance(item, dict) and "examples" in item:
            for m, example in enumerate(Node(item).nodes("examples"), 1):
                yield outcome_of(f"borrowable, example {m}", partial(_example, example))
        elif isinstance(item, dict) and {"spot", "perps"} <= set(item):
            yield outcome_of(f"account {n} {item.get('received_at', '')}".strip(), partial(_account, Node(item, "account")))


def _lines(rows: list[list[Any]], content: Any, paths: tuple[str, ...]) -> list[float]:
    """Lines of the statement of some rows under the rulebook with the answers' own values."""
    book = read_book([HEADER, *rows], None, priced=False)
    rules = rules_of(METHOD, book.as_of)
    case = case_of(book, rules.beneath(saved(content, rules), "the answers"))
    roots = statement_roots(case, margin_of(case))
    return [find(roots, path).amount for path in paths]


def _example(example: Node, compared: Comparison) -> None:
    """What may be borrowed against HYPE."""
    rows = [["HYPE", "spot", example.number("HYPE"), example.number("price"), None]]
    terms = {"balances": [{"coin": "HYPE", "ltv": example.number("LTV")}]}
    (borrowable,) = _lines(rows, terms, ("Borrowable against coins",))
    compared.number("borrowable", borrowable, example.number("borrowable"))


def _account(account: Node, compared: Comparison) -> None:
    """One account's measures; its isolated positions and their equity are left out, as the ratio does."""
    compared.relative, compared.absolute = RELATIVE, ROUNDED
    spot, perps = account.node("spot"), account.node("perps")
    rows, isolated = _perpetuals(perps)
    prices = _prices(account)
    for balance in spot.nodes("balances", "coin"):
        token, amount = balance.text("coin"), balance.number("total")
        if token == DOLLAR:
            rows.append([DOLLAR, "spot", amount - isolated, 1.0, None])
        elif amount and balance.number_or("ltv", 0.0) > 0.0:
            coin, price = coin_of(token), prices[int(balance.number("token"))]
            rows = [[*row[:3], price, row[4]] if row[0] == coin else row for row in rows]  # the price is the venue's median already
            rows.append([coin, "spot", amount, price, None])
    paths = ("Maintenance margin/Cross maintenance margin", "Portfolio margin ratio", "Available after maintenance")
    maintenance, ratio, after = _lines(rows, [spot.cells, account.node("meta").cells], paths)
    compared.number("crossMaintenanceMarginUsed", maintenance, perps.number("crossMaintenanceMarginUsed"))
    compared.number("portfolioMarginRatio", ratio, spot.number("portfolioMarginRatio"))
    told = {int(token): float(amount) for token, amount in spot.items("tokenToAvailableAfterMaintenance")}
    compared.number("available after maintenance", after, told[0])


def _perpetuals(perps: Node) -> tuple[list[list[Any]], float]:
    """Rows of the cross positions at their marks, and the equity that lies in the isolated ones."""
    rows, isolated = [], 0.0
    for item in perps.nodes("assetPositions"):
        position = item.node("position")
        if position.node("leverage").text("type") == "isolated":
            isolated += position.number("marginUsed")
        elif size := position.number("szi"):
            mark = position.number("positionValue") / abs(size)
            rows.append([position.text("coin"), "perp", size, mark, mark])
    return rows, isolated


def _prices(account: Node) -> dict[int, float]:
    """The borrow oracle price of each token by its number."""
    return {int(token): Node(state, "reserves").number("oraclePx") for token, state in account.items("reserves")}
