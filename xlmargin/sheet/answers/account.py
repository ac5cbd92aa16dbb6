"""The answers of PM_STATUS, PM_LIQUIDATION, PM_ACCOUNTS and PM_QUALIFY: raw cells in, a table out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from xlmargin.book.book import Book
from xlmargin.desk.account import AccountAsset, Balances, account_rules, equity_of, standing, venue_methods, worth
from xlmargin.desk.qualify import amounts, fields, findings, rulebook
from xlmargin.errors import Faults, MarginError
from xlmargin.margin.parameters import Rules
from xlmargin.margin.valuation import Case
from xlmargin.methods import known_methods, margin_of, method_name, method_named, rules_of
from xlmargin.sheet.answers.collateral import with_balances
from xlmargin.sheet.answers.margins import case_asked, case_for
from xlmargin.sheet.cells import given, one_text
from xlmargin.sheet.ranges.balances import is_number, read_balances, read_equity
from xlmargin.sheet.ranges.market import read_market
from xlmargin.sheet.ranges.overrides import known_somewhere, shared_overrides
from xlmargin.sheet.ranges.parameters import told_overrides
from xlmargin.sheet.ranges.qualification import read_account
from xlmargin.sheet.ranges.remembered import positions_of, read_book
from xlmargin.sheet.ranges.venues import only_rows, read_venues
from xlmargin.sheet.registry import Cell
from xlmargin.sheet.tables import Rows

Spot = Callable[[str], float]

NONE = "none"
BLANK = "(blank)"
NOT_GIVEN = "no equity given"
MEASURES = ("Equity", "Initial margin", "Maintenance margin", "Excess", "Withdrawable", "Usage", "Status")


def status(positions: Any, equity: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The status of an account: its equity against its margins."""
    case, held, rules, _ = _account(positions, equity, market, method, parameters, history)
    margin = margin_of(case)
    found = standing(held.equity, float(margin.initial.value.sum()), float(margin.maintenance.value.sum()), rules.number("warning_usage"))
    return [["Measure", "Value"], *([name, value] for name, value in zip(MEASURES, found))]


class _Asked(NamedTuple):
    """An account that a cell asks about.

    Attributes:
        case: its positions under the method, its balances among them where the method lends and borrows these
        asset: its equity, and the coins of it that are no positions
        rules: the account's own parameters
        spot: price of a currency
    """

    case: Case
    asset: AccountAsset
    rules: Rules
    spot: Spot


def _account(positions: Any, equity: Any, market: Any, method: Any, parameters: Any, history: Any) -> _Asked:
    """An account of a positions range, and an equity or balances."""
    name = method_name(one_text(method, "method", "SPAN"))
    if not method_named(name).balances_count or is_number(equity):
        case = case_asked(positions, market, method, parameters, history)
        rules, spot = _own_rules(case.book.as_of, parameters), _spots(case.book, market)
        return _Asked(case, _equity(equity, spot, rules), rules, spot)
    book = read_book(positions, market, priced=False)
    rules, spot = _own_rules(book.as_of, parameters), _spots(book, market)
    whole, balances = _equity(equity, spot, rules), read_balances(equity)
    case = case_for(with_balances(positions, market, balances, spot, name), name, parameters, history)
    return _Asked(case, whole._replace(coins=dict.fromkeys(whole.coins, 0.0)), rules, spot)


def _own_rules(as_of: float, parameters: Any) -> Rules:
    """The account's parameters, overridden by the parameters range; a scenario table overrides none."""
    return account_rules(as_of, told_overrides(parameters))


def _equity(raw: Any, spot: Spot, rules: Rules) -> AccountAsset:
    """An equity given as a number or as balances."""
    if is_number(raw):
        return AccountAsset(read_equity(raw), {})
    balances = read_balances(raw)
    return equity_of(balances, *worth(balances, spot, rules))


def _spots(book: Book, market: Any) -> Spot:
    """The spot of a currency: the market range's, else that of the rows of positions, NaN where neither gives one."""
    held = book.instruments
    prices: dict[str, float] = {}
    if given(market):
        quotes = read_market(market, Faults("market"))
        prices = dict(zip(quotes.underlyings, quotes.spot.tolist()))

    def spot(name: str) -> float:
        if math.isfinite(prices.get(name, math.nan)):
            return prices[name]
        if name not in held.underlyings:
            return math.nan
        rows = np.unique(held.spot[held.underlying == held.underlyings.index(name)])
        if len(rows) > 1:
            raise MarginError(
                f"the rows of {name} have different spots, {rows[0]:,.10g} and {rows[-1]:,.10g}: give a market "
                f"range with a row for {name}, which says what its coins are worth"
            )
        return float(rows[0])

    return spot


def liquidation(positions: Any, equity: Any, market: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """The prices at which maintenance first exceeds equity as each underlying moves, down and up."""
    from xlmargin.desk.liquidation import Account, PriceSearch
    from xlmargin.desk.liquidation import liquidation as moves_of
    from xlmargin.desk.versions import Path, require_model

    case, held, rules, spot = _account(positions, equity, market, method, parameters, history)
    most = rules.number("pairing_rows")
    method_hooks = method_named(case.rules.meta.name)
    if method_hooks.pairs_legs and len(case.book.row) > most:
        raise MarginError(
            f"{case.rules.meta.name} pairs the legs anew at each of some hundred prices, which takes too long for "
            f"{len(case.book.row)} rows: give at most {most:g}, raise pairing_rows, or choose another method"
        )
    require_model(case.book)
    Faults().stop(case.book.unpriced)

    def maintenance(book: Book) -> Any:
        return margin_of(case_for(book, case.rules.meta.name, parameters, history)).maintenance.value

    adds_up = method_named(method_name(case.rules.word("venue"))) if "venue" in case.rules.names else method_hooks
    names = case.book.instruments.underlyings
    rows: Rows = [["Underlying", "Down price", "Down move", "Up price", "Up move"]]
    for name in sorted({*positions_of(positions).underlyings, *held.coins}):
        price = spot(name)
        path = Path(case.book, names.index(name) if name in names else len(names), adds_up.coins_stay)
        found = moves_of(Account(path, maintenance, held.equity, held.coins.get(name, 0.0) * price), PriceSearch.of(rules))
        row: list[Cell] = [name]
        for move in found:
            row += [NONE, NONE] if move is None else [price * (1.0 + move), move]
        rows.append(row)
    return rows


class _Part(NamedTuple):
    """The margin of one account under one method."""

    account: str
    method: str
    initial: float
    maintenance: float


def accounts(positions: Any, market: Any, balances: Any, method: Any, parameters: Any, history: Any) -> Rows:
    """Margin, maintenance and status of every account, each under its own venue's method, and of all together."""
    chosen = method_name(one_text(method, "method", "SPAN"))
    book = read_book(positions, market, priced=False)
    rules = _own_rules(book.as_of, parameters)
    held = read_balances(balances) if given(balances) else None
    parts = _parts((positions, market, parameters, history), book, rules, chosen, held)
    names = list(dict.fromkeys(part.account for part in parts))
    equities, whole = _equities(held, _spots(book, market), rules)
    names += [name for name in equities if name not in names]
    if len(names) == 1 and not equities and whole is not None:  # the book has this account alone
        equities = {names[0]: whole}
    table: Rows = [["Account", "Method", *MEASURES[:4], *MEASURES[5:]]]
    for name in sorted(names):
        mine = [part for part in parts if part.account == name]
        table.append([name or BLANK, " + ".join(part.method for part in mine), *_measures(mine, equities.get(name), rules)])
    table.append(["Total", "", *_measures(parts, whole, rules)])
    return table


def _measures(parts: list[_Part], equity: float | None, rules: Rules) -> list[Cell]:
    """The cells of some parts together; without an equity, the margins alone."""
    initial, maintenance = sum((part.initial for part in parts), 0.0), sum((part.maintenance for part in parts), 0.0)
    if equity is None:
        return ["", initial, maintenance, "", "", NOT_GIVEN]
    found = standing(equity, initial, maintenance, rules.number("warning_usage"))
    return [found.equity, found.initial, found.maintenance, found.excess, found.usage, found.status]


def _equities(balances: Balances | None, spot: Spot, rules: Rules) -> tuple[dict[str, float], float | None]:
    """Equity of each account that the balances name, and of all together; None where no balances are given."""
    if balances is None:
        return {}, None
    values, _ = worth(balances, spot, rules)
    each: dict[str, float] = {}
    for name, value in zip(balances.account, values.tolist()) if balances.by_account else ():
        each[name] = each.get(name, 0.0) + value
    return each, float(values.sum())


def _parts(ranges: tuple[Any, Any, Any, Any], book: Book, rules: Rules, default: str, balances: Balances | None) -> list[_Part]:
    """The margin of every account under each method that its rows' venues ask for.

    Args:
        ranges: positions, market, parameters and history
    """
    positions, market, parameters, history = ranges
    by_venue, venues = venue_methods(rules, known_methods()), read_venues(positions)
    asked = {row: by_venue.get(venues.get(row, ""), default) for row in book.row.tolist()}
    names = sorted(set(asked.values()) | ({default} if balances is not None and method_named(default).balances_count else set()))
    overrides = shared_overrides(parameters)
    known_somewhere(overrides, [rules_of(name, book.as_of) for name in names or [default]])
    found = []
    for name in names:
        rows = only_rows(positions, {row for row, method in asked.items() if method == name})
        hooks = method_named(name)
        if balances is not None and hooks.balances_count:
            others = set(positions_of(only_rows(positions, set(asked))).accounts) if name == default else set()
            mine = set(positions_of(rows).accounts) | {account for account in balances.account if name == default and account not in others}
            kept = mine if balances.by_account else None
            own = with_balances(rows, market, balances, _spots(book, market), name, kept)
        else:
            own = read_book(rows, market, priced=hooks.needs_vol)
        case = case_for(own, name, parameters if hooks.takes_table or overrides else None, history, skip_unknown=True)
        found += _split(case, name)
    return found


def _split(case: Case, name: str) -> list[_Part]:
    """The margin of each account of a book."""
    margin, count = margin_of(case), len(case.book.accounts)
    initial, maintenance = (np.broadcast_to(line.value, (count,)).tolist() for line in (margin.initial, margin.maintenance))
    return [_Part(account, name, *amounts) for account, *amounts in zip(case.book.accounts, initial, maintenance)]


def qualify(account: Any, name: Any) -> Rows:
    """Every rule of a rulebook that applies to an account, and whether the account keeps it."""
    book = rulebook(one_text(name, "rulebook", "FINRA"))
    facts = read_account(account, fields(), amounts())
    rows: Rows = [["Rule", "Required", "Actual", "Pass"]]
    for found in findings(book, facts):
        rows.append([found.rule.name, found.required, found.actual, "PASS" if found.passed else "FAIL"])
    return rows
