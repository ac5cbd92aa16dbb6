"""Laws that any margin obeys, tried on random books; each method's parameter file says which ones hold for it.

The examples are the same in every run; `pytest --seeds N` draws others. A book that breaks a law is added to KNOWN.
"""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from udfs import PM_COMPARE, PM_EXPLAIN, PM_IV, PM_LINE, PM_MARGIN, PM_PNL_GRID, PM_PRICE, PM_RISK_ARRAY, PM_SCANNING_RISK, PM_SCENARIO_PNL
from xlmargin.errors import MarginError
from xlmargin.margin import parameter_file
from xlmargin.margin.parameter import Parameter
from xlmargin.margin.parameters import Override
from xlmargin.margin.statement import weakest
from xlmargin.methods import known_methods, method_named, rules_of, scenarios_of

Row = list[Any]
Rows = list[Row]

EXAMPLES = settings(max_examples=40)
FEWER = settings(max_examples=15)
HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Price", "Spot", "Forward"]
ACCOUNT_HEADER = [*HEADER, "Account"]
QUANTITY = HEADER.index("Quantity")
CONTRACT, CELLS = slice(0, QUANTITY), slice(QUANTITY + 1, len(HEADER))  # of a row
SPOTS = {"BTC": 70_000.0, "ETH": 3_500.0, "SOL": 150.0}
RATES = {"BTC": 0.04, "ETH": None, "SOL": -0.01}
MARKET = [["Underlying", "Spot", "Rate"], *([coin, spot, RATES[coin]] for coin, spot in SPOTS.items())]
TABLE = [
    ["Scenario", "Underlying", "Price move", "Vol move", "Days", "Weight"],
    ["crash", None, -0.30, 0.80, 1, 1.0],
    ["rally", None, 0.25, -0.20, 1, 1.0],
    ["calm", None, 0.0, -0.30, 3, 1.0],
    ["split", "BTC", 0.15, 0.10, 1, 1.0],
    ["split", "ETH", -0.15, 0.40, 1, 0.5],
]
HISTORY = [
    ["Date", *SPOTS],
    *([46_000.0 + day, *(spot * (1 + 0.02 * ((day * day) % 7 - 3)) for spot in SPOTS.values())] for day in range(1, 121)),
]


def laws_of(method: str) -> tuple[str, ...]:
    """The laws that a method's parameter file declares."""
    return rules_of(method, time.time()).meta.laws


def has_scenarios(method: str) -> bool:
    """Whether a method answers the scenario functions."""
    overrides = [Override(*["", *row][-3:], n) for n, row in enumerate(GIVEN.get(method) or [], 1)]
    try:
        return method_named(method).takes_table or bool(scenarios_of(rules_of(method, time.time(), overrides)))
    except MarginError:
        return False


Asked = tuple[Any, ...]  # what follows the positions in every function: market, method, parameters, history
# Rates of futures that these venues do not publish, so that books with futures have an answer.
FUTURES = [["future_initial_rate", 0.05], ["future_maintenance_rate", 0.03]]
# Rates of a coin that Paradex lists by now, and of perpetuals whose rate no page prints.
OF_OPTIONS = {
    "premium": (1.0, 0.5),
    "long_itm": (0.25, 0.125),
    "short_itm": (0.18, 0.09),
    "short_otm": (0.12, 0.06),
    "put_cap": (0.5, 0.25),
}
CROSS = [
    *(["SOL", f"{stage}_{name}", rates[n]] for n, stage in enumerate(("initial", "maintenance")) for name, rates in OF_OPTIONS.items()),
    ["ETH", "future_initial_rate", 0.02],
    ["SOL", "future_initial_rate", 0.05],
    ["", "fee_rate", 0.0003],
]
# The same under portfolio margin.
TAILS = "-66% x up x 30%; -33% x up x 50%; +50% x up x 40%; +100% x up x 20%; +200% x up x 10%; +300% x up x 7%; +400%, +500% x up x 5%"
LADDER = {
    "scenarios": f"+24% x up; +18%, +12%, +6%, 0%, -6%, -12%, -18% x up, down; -24% x up; {TAILS}",
    "vol_up": 0.64,
    "vol_down": 0.352,
    "min_vol_shock_up": 0.6,
    "net_delta_rate": 0.03,
    "hedged_delta_rate": 0.015,
}
PORTFOLIO = [*(["SOL", *each] for each in LADDER.items()), ["", "fee_rate", 0.0003], ["BTC", "funding_rate", 0.0001]]
# The same, and rates of options on coins that they do not list.
OF_EVERY_COIN = [*FUTURES, ["initial_rate", 0.15], ["initial_minimum", 0.1], ["maintenance_rate", 0.08]]
GIVEN: dict[str, Rows] = dict.fromkeys(("AEVO", "BIT", "GATE"), OF_EVERY_COIN) | {"PARADEX": PORTFOLIO, "PARADEX_SM": CROSS}
GIVEN["THALEX"] = [["", "scenarios", rules_of("THALEX", time.time()).word("scenarios", "BTC")], ["", "d1_roll_contingency", 0.004]]
# Numbers for a coin that the rulebook refuses, so that books with it have an answer.
OF_BYBIT = {"price_range": 0.1, "vol_up": 0.24, "vol_down": 0.2, "futures_rate": 0.0003, "initial_factor": 1.2}
GIVEN["BYBIT"] = [[name, value] for name, value in OF_BYBIT.items()]
GIVEN["OKX_SM"] = [["initial_rate", 0.15], ["initial_minimum", 0.1], ["maintenance_rate", 0.05]]
# Made-up figures of an account at Kraken, which ships none.
FIGURES = [
    ["price_shock_levels", "-0.12, -0.06, 0, 0.06, 0.12"],
    ["extreme_price_shock_multiplier", 2.5],
    ["vol_shock_multiplication_factor", 0.6],
    ["vol_shock_exponent_factor", 0.3],
    ["option_expiry_time_shock_hours", 12.0],
    ["options_initial_margin_factor", 1.25],
    ["cross_asset_netting_factor", 0.4],
]
GIVEN["KRAKEN"] = [*FIGURES, ["futures_initial_rate", 0.05], ["futures_maintenance_rate", 0.03]]
# What a venue lists: its laws are tried on books of that alone.
LISTED: dict[str, Callable[[Row], bool]] = {
    "HYPERLIQUID": lambda row: row[1] == "perp",
    "KRAKEN": lambda row: row[1] not in ("C", "P") or row[0] in ("BTC", "ETH"),
}
METHODS: dict[str, Asked] = {
    method: (MARKET, method, TABLE if method_named(method).takes_table else GIVEN.get(method), HISTORY) for method in known_methods()
}
# SPAN with charges, and with the treatments that its defaults leave out
VARIANTS: dict[str, Asked] = {
    "SPAN charges": (MARKET, "SPAN", [["short_option_minimum", 900.0], ["initial_ratio", 1.1], ["vol_shift", "absolute"]], None),
    "SPAN in use": (
        MARKET,
        "SPAN",
        [["spot_treatment", "in_use"], ["short_option_minimum", 900.0], ["short_option_method", "gross"]],
        None,
    ),
}
CASES = METHODS | VARIANTS
NOT_SUBADDITIVE = {"SPAN in use"}  # spot that comes into use for a book's small delta may add to its worst loss


def laws_of_case(name: str) -> list[str]:
    """The laws that hold for a method under its parameters."""
    return [law for law in laws_of(CASES[name][1]) if law != "subadditive" or name not in NOT_SUBADDITIVE]


def listed(rows: Rows, asked: Asked) -> Rows:
    """The rows of what the venue of a method lists."""
    there = LISTED.get(asked[1])
    return rows if there is None else [row for row in rows if there(row)]


def margin(rows: Rows, asked: Asked, header: Row = HEADER) -> float:
    """Initial margin of the position rows that the venue lists."""
    answer = PM_MARGIN([header, *listed(rows, asked)], *asked)
    assert isinstance(answer, float), answer
    return answer


def scaled(row: Row, factor: float) -> Row:
    """A position row with its quantity multiplied."""
    return [*row[:QUANTITY], row[QUANTITY] * factor, *row[QUANTITY + 1 :]]


def slack(rows: Rows) -> float:
    """What rounding may add up to on a book: a small part of all that it could ever lose."""
    return 1e-10 * (1.0 + sum(abs(row[QUANTITY]) * SPOTS[row[0]] for row in rows))


@st.composite
def contract(draw: st.DrawFn) -> Row:
    """An option, future, perpetual or spot of one of three coins."""
    coin, kind = draw(st.sampled_from(sorted(SPOTS))), draw(st.sampled_from(["C", "P", "C", "P", "F", "perp", "spot"]))
    if kind not in ("C", "P"):
        return [coin, kind, None, draw(st.sampled_from([5, 30, 90])) if kind == "F" else None]
    return [coin, kind, SPOTS[coin] * draw(st.integers(12, 30)) / 20, draw(st.sampled_from([0.5, 1, 7, 30, 90, 400]))]


quantities = st.integers(-40, 40).filter(bool).map(lambda n: n / 8)
vols = st.integers(4, 40).map(lambda n: n / 20)


@st.composite
def cells(draw: st.DrawFn, terms: Row) -> Row:
    """IV, Price, Spot and Forward of a row, each of them there or not; an option has a vol, or a price to find one from."""
    coin, kind, strike, _ = terms
    spot, forward = (draw(st.sampled_from([None, None, 0.97, 1.0, 1.04])) for _ in range(2))
    iv, price = draw(st.none() | vols), draw(st.sampled_from([None, None, 0.98, 1.0, 1.03]))
    if kind in ("C", "P"):
        value = max(SPOTS[coin] * 1.1 - strike if kind == "C" else strike - SPOTS[coin] * 0.9, 0.0)
        price = price and value + SPOTS[coin] * (price - 0.95)
        iv = draw(vols) if price is None else iv
    else:
        price = price and SPOTS[coin] * price
    return [iv, price, *(factor and SPOTS[coin] * factor for factor in (spot, forward))]


@st.composite
def plain(draw: st.DrawFn) -> Row:
    """A position whose row says nothing of its market but the vol of an option, the same on every row of it."""
    terms = draw(contract())
    vol = 0.2 + int(terms[2] * 40 / SPOTS[terms[0]]) % 9 / 5 if terms[1] in ("C", "P") else None
    return [*terms, draw(quantities), vol, None, None, None]


@st.composite
def mixed_books(draw: st.DrawFn) -> Rows:
    """Positions, some of them on several rows; the rows carry markets of their own."""
    terms = draw(st.lists(contract(), min_size=1, max_size=5))
    terms += draw(st.lists(st.sampled_from(terms), max_size=3))
    return [[*each, draw(quantities), *draw(cells(each))] for each in terms]


plain_books = st.lists(plain(), min_size=1, max_size=7)
books = plain_books | mixed_books()


class Tried(NamedTuple):
    """A book and what the laws compare it with.

    Attributes:
        rows: the book
        shuffled: its rows in another order
        split: one of its rows typed as two rows
        opposite: what makes it flat, its rows carrying other markets
        plain, others: two books whose rows of one contract carry one market
    """

    rows: Rows
    shuffled: Rows
    split: Rows
    opposite: Rows
    plain: Rows
    others: Rows


def split(rows: Rows, at: int, part: float) -> Rows:
    """A book with one of its rows typed as two rows; both signs may stand among the parts."""
    return [*rows[:at], scaled(rows[at], part), *rows[at + 1 :], scaled(rows[at], 1 - part)]


@st.composite
def tries(draw: st.DrawFn) -> Tried:
    """A random book and what the laws compare it with."""
    rows = draw(books)
    opposite = [[*row[CONTRACT], -row[QUANTITY], *draw(st.just(row[CELLS]) | cells(row[CONTRACT]))] for row in rows]
    part = split(rows, draw(st.integers(0, len(rows) - 1)), draw(st.sampled_from([0.25, 0.5, 2.0, -1.0])))
    return Tried(rows, draw(st.permutations(rows)), part, opposite, draw(plain_books), draw(plain_books))


def known(rows: Rows) -> Tried:
    """A book that once broke a law."""
    bare = [scaled([*row[:6], None, None, None], -1.0) for row in rows]
    return Tried(rows, rows[::-1], split(rows, 0, -1.0), bare, [], [])


# Books that some method got wrong.
KNOWN: dict[str, Tried] = {
    "DERIVE and PARADEX: the rows of a flat perpetual carry different markets": known(
        [["BTC", "perp", None, None, 5.0, None, 70_100.0, None, None], ["BTC", "perp", None, None, -5.0, 0.5, None, 70_500.0, None]]
    ),
    "all with scenarios: the rows of a flat option carry different vols": known(
        [["BTC", "C", 80_000.0, 30, 5.0, 0.5, None, None, None], ["BTC", "C", 80_000.0, 30, -5.0, 0.8, None, None, None]]
    ),
    "DERIVE_SM: the spot, forward and vol of the first row counted": known(
        [
            ["ETH", "P", 3_000.0, 30, -2.0, 0.5, None, 3_400.0, None],
            ["ETH", "P", 3_000.0, 30, 1.0, 0.9, None, None, 3_600.0],
            ["ETH", "C", 3_600.0, 30, -1.0, 0.7, None, 3_600.0, None],
        ]
    ),
}


def one_row_each(rows: Rows) -> Rows:
    """A book with each contract on one row: its net quantity, and of each cell the mean of the different values given."""
    found: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        found.setdefault(tuple(row[CONTRACT]), []).append(row)
    result = []
    for terms, mine in found.items():
        given = [{cell for cell in column if cell is not None} for column in list(zip(*mine))[CELLS]]
        market = [math.fsum(values) / len(values) if values else None for values in given]
        result.append([*terms, sum(row[QUANTITY] for row in mine), *market])
    return [row for row in result if row[QUANTITY]]


def netted_law(asked: Asked, tried: Tried) -> None:
    """Rows of one contract are one position, at the mean of the markets that they carry."""
    assert margin(one_row_each(tried.rows), asked) == pytest.approx(margin(tried.rows, asked), rel=1e-9, abs=slack(tried.rows))


def order_law(asked: Asked, tried: Tried) -> None:
    """The order of the rows does not matter."""
    assert margin(tried.shuffled, asked) == pytest.approx(margin(tried.rows, asked), rel=1e-9, abs=slack(tried.rows))


def split_law(asked: Asked, tried: Tried) -> None:
    """A row typed as two rows is the same position."""
    assert margin(tried.split, asked) == pytest.approx(margin(tried.rows, asked), rel=1e-9, abs=slack(tried.rows))


def doubling_law(asked: Asked, tried: Tried) -> None:
    """Twice the book needs twice the margin."""
    twice = [scaled(row, 2.0) for row in tried.rows]
    assert margin(twice, asked) == pytest.approx(2.0 * margin(tried.rows, asked), rel=1e-9, abs=slack(tried.rows))


def flat_law(asked: Asked, tried: Tried) -> None:
    """A book and its opposite together need nothing, whatever markets their rows carry."""
    assert margin([*tried.rows, *tried.opposite], asked) == pytest.approx(0.0, abs=slack(tried.rows))


def subadditive_law(asked: Asked, tried: Tried) -> None:
    """Two books together never need more than apart."""
    both = tried.plain + tried.others
    assert margin(both, asked) <= margin(tried.plain, asked) + margin(tried.others, asked) + slack(both)


def adds_up_law(asked: Asked, tried: Tried) -> None:
    """Every number of the statement follows from the lines below it by the rule that it names."""
    statement = PM_EXPLAIN([HEADER, *listed(tried.rows, asked)], *asked)
    assert statement[1][2] == margin(tried.rows, asked)
    assert_adds_up(statement, slack(tried.rows))


LAWS: dict[str, Callable[[Asked, Tried], None]] = {
    "order": order_law,
    "split": split_law,
    "doubling": doubling_law,
    "flat": flat_law,
    "subadditive": subadditive_law,
    "adds up": adds_up_law,
}

WORST = "largest loss of the scenarios below, at least 0"
RULES: dict[str, Callable[[list[float]], float]] = {
    "sum of the lines below": sum,
    "the first line below less the others": lambda parts: parts[0] - sum(parts[1:]),
    "the first line below over the second, 0 over nothing": lambda parts: parts[0] / parts[1] if parts[1] else 0.0,
    "product of the lines below": math.prod,
    "largest of the lines below": max,
    "smallest of the lines below": min,
    WORST: lambda parts: max(0.0, *parts),
}


def assert_adds_up(statement: Rows, tolerance: float) -> None:
    """Recompute every line of a statement from those below it, by the words of its rule alone."""
    lines = statement[1:]
    parent = [next((j for j in range(i - 1, -1, -1) if lines[j][0] < lines[i][0]), -1) for i in range(len(lines))]
    parts: list[list[float]] = [[] for _ in lines]
    for i, line in enumerate(lines):
        if parent[i] >= 0:
            assert line[0] == lines[parent[i]][0] + 1, "a level is left out"
            parts[parent[i]].append(line[2])
    for i, (_, label, amount, rule, *_) in enumerate(lines):
        words = rule.split(": ")[0]
        if parts[i]:
            assert amount == pytest.approx(RULES[words](parts[i]), rel=1e-9, abs=tolerance), label
        elif words in RULES and parent[i] >= 0 and lines[parent[i]][3].startswith(WORST):
            assert amount <= lines[parent[i]][2] + tolerance  # only the scenario that decides is explained further
        elif words in RULES:
            assert (words, amount) == ("sum of the lines below", 0.0), label
        if rule.startswith("as above: "):
            told = rule.removeprefix("as above: ")
            assert amount in [
                line[2]
                for j, line in enumerate(lines[:i])
                if line[1] == told or (line[1].startswith("Account ") and lines[parent[j]][1] == told)
            ], label


@pytest.mark.parametrize("method", known_methods())
def test_declared_laws_are_tested(method: str) -> None:
    """A parameter file declares laws, and only laws that are tested here may stand in one."""
    assert laws_of(method)
    assert set(parameter_file.LAWS) == set(LAWS)


def with_known(test: Any) -> Any:
    """A test of random books that tries the known ones first."""
    for tried in KNOWN.values():
        test = example(tried=tried)(test)
    return test


@pytest.mark.parametrize("case", CASES)
@EXAMPLES
@given(tried=tries())
@with_known
def test_laws(case: str, tried: Tried) -> None:
    """Every law that a method declares holds for random books, and rows of one contract are one position for all."""
    for law in laws_of_case(case):
        note(f"law: {law}")
        LAWS[law](CASES[case], tried)
    note("law: netted")
    netted_law(CASES[case], tried)


@pytest.mark.parametrize("case", CASES)
def test_no_book_needs_nothing(case: str) -> None:
    """No book at all needs no margin."""
    assert margin([], CASES[case]) == 0.0


OF_BITCOIN = [
    ["BTC", "C", 72_000.0, 5.0, -2.0, 0.5, None, 70_000.0, None],
    ["BTC", "P", 60_000.0, 40.0, -3.0, 0.6, None, 70_000.0, None],
    ["BTC", "C", 75_000.0, 120.0, 1.0, 0.55, None, 70_000.0, None],
    ["BTC", "perp", None, None, 0.5, None, 70_100.0, 70_000.0, None],
    ["BTC", "spot", None, None, 0.3, None, None, 70_000.0, None],
]


def another_value(value: Parameter) -> float | str | None:
    """A value that a parameter may have other than its own, None of texts and words of one choice."""
    if isinstance(value.value, float):
        return min(value.most, max(value.least, 1.37 * value.value + 0.01 * (value.value == 0.0)))
    if value.choices:
        return next((word for word in value.choices if word != value.value), None)
    return None if value.text else 0.7 * value.least + 0.3 * value.most


@pytest.mark.parametrize("case", CASES)
def test_no_value_given_for_a_coin_is_ignored(case: str) -> None:
    """In a book of one coin it is what one for every coin is; a rulebook that knows no coin there refuses it."""
    market, method, parameters, history = CASES[case]
    rules, book, ignored = rules_of(method, time.time()), [HEADER, *listed(OF_BITCOIN, CASES[case])], []
    for name in (name for name in rules.names if rules.lists(name, "BTC")):
        value = rules.get(name, "BTC")
        other = None if value.whole_book or method_named(method).takes_table else another_value(value)
        rest = [row for row in parameters or [] if name not in row and row[0] not in ("ETH", "SOL")]
        if other is not None:
            for_all, for_it = (PM_COMPARE(book, market, method, [*rest, [coin, name, other]], history) for coin in ("", "BTC"))
            ignored += [name] if for_it != for_all else []
    assert ignored == []


@pytest.mark.parametrize("case", CASES)
@FEWER
@given(rows=books)
def test_margin_is_the_first_line(case: str, rows: Rows) -> None:
    """PM_MARGIN, the first row of PM_EXPLAIN and PM_LINE of its label are one number."""
    book = [HEADER, *listed(rows, CASES[case])]
    first = PM_EXPLAIN(book, *CASES[case])[1]
    assert first[0] == 0.0
    assert first[2] == margin(rows, CASES[case]) == PM_LINE(book, first[1], *CASES[case])


@pytest.mark.parametrize("case", CASES)
@FEWER
@given(rows=books)
def test_a_whole_is_as_certain_as_its_weakest_line(case: str, rows: Rows) -> None:
    """The top of the statement has the weakest status of the lines below it; PM_COMPARE that of both margins."""
    book, (market, method, parameters, history) = [HEADER, *listed(rows, CASES[case])], CASES[case]
    statement = PM_EXPLAIN(book, *CASES[case])[1:]
    tops = [n for n, row in enumerate(statement) if row[0] == 0.0]
    initial, maintenance, *_ = ([row[4] for row in statement[start:end]] for start, end in pairwise([*tops, len(statement)]))
    own = rules_of({"ISOLATED": "DERIBIT_SM"}.get(method, method), time.time()).meta.status
    assert initial[0] == weakest(own, *initial[1:])
    heading, answer, *_ = PM_COMPARE(book, market, method, parameters, history)
    assert dict(zip(heading, answer))["Status"] == weakest(*initial, *maintenance)


@pytest.mark.parametrize("case", CASES)
@FEWER
@given(rows=books, data=st.data())
def test_accounts_are_margined_apart(case: str, rows: Rows, data: st.DataObject) -> None:
    """A book of several accounts needs the sum of what each needs alone, and its statement still adds up."""
    names = [data.draw(st.sampled_from(["north", "south", None])) for _ in rows]
    apart = [margin([row for row, name in zip(rows, names) if name == account], CASES[case]) for account in set(names)]
    together = listed([[*row, name] for row, name in zip(rows, names)], CASES[case])
    assert margin(together, CASES[case], ACCOUNT_HEADER) == pytest.approx(sum(apart), rel=1e-9, abs=slack(rows))
    assert_adds_up(PM_EXPLAIN([ACCOUNT_HEADER, *together], *CASES[case]), slack(rows))


@pytest.mark.parametrize("case", [case for case in CASES if has_scenarios(CASES[case][1])])
@FEWER
@given(rows=books)
def test_scanning_risk_is_the_worst_of_the_risk_array(case: str, rows: Rows) -> None:
    """PM_SCANNING_RISK is the worst loss of each underlying's column, floored at 0, summed; Total is the columns' sum."""
    rows = listed(rows, CASES[case])
    head, *array = PM_RISK_ARRAY([HEADER, *rows], *CASES[case])
    coins = head[5:-1]
    assert coins == sorted({row[0] for row in rows})
    worst = [max(0.0, *(-line[head.index(coin)] for line in array)) for coin in coins]
    assert PM_SCANNING_RISK([HEADER, *rows], *CASES[case]) == pytest.approx(sum(worst), rel=1e-12, abs=slack(rows))
    for line in array:
        assert line[-1] == pytest.approx(sum(line[5:-1]), rel=1e-12, abs=slack(rows))


GROUP = [[coin, "product_group_offset", share] for coin, share in (("BTC", 0.9), ("ETH", 0.5), ("SOL", 0.0))]
# Scenarios are tried where a rulebook does more to their results than to weight them, too.
DRIVEN: dict[str, Asked] = {case: asked for case, asked in CASES.items() if has_scenarios(asked[1])} | {
    "DERIBIT cross": (MARKET, "DERIBIT", [["margin_model", "cross_pm"], ["pnl_offset", 0.6], ["max_offsetable_pnl", 5e5]], None),
    "TIMS group": (MARKET, "TIMS", GROUP, None),
    "SPAN kdpw": (MARKET, "SPAN", [["order", "kdpw"]], None),
    "VAR tail": (MARKET, "VAR", [["confidence", 0.9]], HISTORY),
    "ES tail": (MARKET, "ES", [["confidence", 0.9]], HISTORY),
}
SETTLED_HEADER = [*HEADER, "Settlement"]
# Kraken asks at most their mark of options held long alone, whatever the scenarios lose: beside this one it does not
BESIDE: dict[str, Rows] = {"KRAKEN": [["BTC", "C", 98_765.0, 30.0, -1.0, 0.5, None, None, None, "linear"]]}
SCENARIO = re.compile(r"Scenario (.+?): ")
BIG = 1e12


@st.composite
def settled_books(draw: st.DrawFn) -> Rows:
    """Positions, small or large, whose derivatives are settled in USD or in their coin."""
    size, settlement = draw(st.sampled_from([1.0, 1000.0])), st.sampled_from(["linear", "inverse"])
    return [[*scaled(row, size), None if row[1] == "spot" else draw(settlement)] for row in draw(plain_books)]


class Tree:
    """The lines of the first number of a statement, each with its parts."""

    def __init__(self, statement: Rows) -> None:
        ends = next((i for i, line in enumerate(statement[2:], 2) if line[0] == 0.0), len(statement))
        self.lines = statement[1:ends]
        self.above = [next((j for j in range(i - 1, -1, -1) if self.lines[j][0] < line[0]), -1) for i, line in enumerate(self.lines)]
        self.parts = [[j for j, above in enumerate(self.above) if above == i] for i in range(len(self.lines))]

    def worst(self) -> list[tuple[int, dict[str, float]]]:
        """Each line that is the worst of scenarios, and the loss of each of these."""
        found = []
        for i, line in enumerate(self.lines):
            named = [(SCENARIO.match(self.lines[j][1]), self.lines[j][2]) for j in self.parts[i]]
            if line[3].startswith(WORST) and named and all(name for name, _ in named):
                found.append((i, {name[1]: loss for name, loss in named if name}))
        return found

    def coins(self, i: int, known: Row) -> tuple[str, ...]:
        """The underlyings that a line is of: that of the nearest line above it that names one, else all."""
        while i >= 0:
            mine = [coin for coin in known if self.lines[i][1].split(" ")[0] == coin]
            if mine:
                return tuple(mine)
            i = self.above[i]
        return tuple(known)

    def top(self, i: int, more: float) -> float:
        """The first number if one line were larger."""
        value = self.lines[i][2] + more
        while (up := self.above[i]) >= 0:
            parts = [value if j == i else self.lines[j][2] for j in self.parts[up]]
            value, i = RULES[self.lines[up][3].split(": ")[0]](parts), up
        return float(value)


def tail_of(losses: list[float], method: str, confidence: float) -> float:
    """The smallest loss of the tail, or its mean, at least 0."""
    count = max(1, math.floor(len(losses) * (1.0 - confidence) + 1e-9))
    tail = sorted(losses)[-count:]
    return max(0.0, sum(tail) / count if method == "ES" else tail[0])


@pytest.mark.parametrize("case", DRIVEN)
@FEWER
@given(rows=settled_books())
def test_the_largest_loss_of_the_risk_array_drives_the_margin(case: str, rows: Rows) -> None:
    """The losses that the statement takes the worst of are those of PM_RISK_ARRAY, each scenario's, and a larger one needs more margin."""
    asked = DRIVEN[case]
    rows = [*filter(LISTED.get(asked[1], bool), rows), *BESIDE.get(asked[1], [])]
    book = [SETTLED_HEADER, *rows]
    head, *array = PM_RISK_ARRAY(book, *asked)
    coins, names = head[5:-1], [f"{line[0]:g}" if isinstance(line[0], float) else line[0] for line in array]
    column = {coin: [line[head.index(coin)] for line in array] for coin in coins}
    statement, tolerance = PM_EXPLAIN(book, *asked), 10.0 * slack([row[: len(HEADER)] for row in rows])
    if asked[1] in ("VAR", "ES"):
        confidence = dict(asked[2] or []).get("confidence", 0.99)
        expected = tail_of([-line[-1] for line in array], asked[1], confidence)
        assert statement[1][2] == pytest.approx(expected, rel=1e-9, abs=tolerance)
        return
    tree, found, lines = Tree(statement), defaultdict(float), defaultdict(list)
    for i, losses in tree.worst():
        mine = tree.coins(i, coins)
        lines[mine].append((tree.lines[i][2], set(losses)))
        assert tree.top(i, BIG) > tree.lines[0][2] + 1e-4 * BIG, tree.lines[i][1]
        for name, loss in losses.items():
            found[mine, name] += loss
    assert {coin for mine in lines for coin in mine} >= {coin for coin in coins if any(column[coin])}  # spot may be charged apart
    scanning = 0.0
    for mine, own in lines.items():
        for n, name in enumerate(names):
            assert found[mine, name] == pytest.approx(-sum(column[coin][n] for coin in mine), rel=1e-9, abs=tolerance), (mine, name)
        apart = len(own) > 1 and own[0][1] == own[1][1]  # blocks of an underlying, each with its own worst scenario
        worst = sum(amount for amount, _ in own) if apart else max(amount for amount, _ in own)
        if not apart:
            largest = max(-sum(each) for each in zip(*(column[coin] for coin in mine)))
            assert worst == pytest.approx(max(0.0, largest), rel=1e-9, abs=tolerance)
        scanning += worst if len(mine) == 1 else sum(max(0.0, *(-gain for gain in column[coin])) for coin in mine)
    assert PM_SCANNING_RISK(book, *asked) == pytest.approx(scanning, rel=1e-9, abs=tolerance)


moves = st.integers(-20, 20).map(lambda n: n / 20)


@EXAMPLES
@given(
    rows=books,
    prices=st.lists(moves, min_size=1, max_size=4),
    vols=st.lists(moves, min_size=1, max_size=4),
    days=st.sampled_from([None, 0, 1, 40]),
)
def test_scenario_is_a_cell_of_the_grid(rows: Rows, prices: list[float], vols: list[float], days: float | None) -> None:
    """Each cell of PM_PNL_GRID is PM_SCENARIO_PNL of its row's and its column's move."""
    book = [HEADER, *rows]
    head, *lines = PM_PNL_GRID(book, [[move] for move in prices], [vols], days, MARKET)
    assert head[1:] == vols
    assert [line[0] for line in lines] == prices
    for line in lines:
        for vol, cell in zip(vols, line[1:]):
            assert PM_SCENARIO_PNL(book, line[0], vol, days, MARKET) == pytest.approx(cell, rel=1e-9, abs=slack(rows))


@EXAMPLES
@given(rows=books)
def test_no_move_no_profit(rows: Rows) -> None:
    """Nothing moves and no time passes: nothing is gained or lost."""
    assert PM_SCENARIO_PNL([HEADER, *rows], 0.0, 0.0, None, MARKET) == pytest.approx(0.0, abs=slack(rows))


@EXAMPLES
@given(strike=st.integers(12, 30), days=st.sampled_from([2, 30, 200]), vol=st.integers(4, 40), price=moves, vol_move=moves)
def test_call_less_put_is_a_forward(strike: int, days: float, vol: int, price: float, vol_move: float) -> None:
    """In every scenario a long call and a short put gain what the discounted forward gains."""
    level, iv = SPOTS["ETH"] * strike / 20, vol / 20  # ETH is quoted without a rate
    synthetic = [HEADER, ["ETH", "C", level, days, 1.0, iv], ["ETH", "P", level, days, -1.0, iv]]
    future = [HEADER, ["ETH", "F", None, days, 1.0, None]]
    for after in (0, 1):
        assert PM_SCENARIO_PNL(synthetic, price, vol_move, after, MARKET) == pytest.approx(
            PM_SCENARIO_PNL(future, price, vol_move, after, MARKET), rel=1e-9, abs=1e-6
        )


@settings(max_examples=100)
@given(
    forward=st.floats(1.0, 1e6),
    strike=st.floats(0.5, 2.0),
    years=st.floats(0.001, 5.0),
    vol=st.floats(0.01, 3.0),
    rate=st.floats(-0.05, 0.2),
)
def test_put_call_parity(forward: float, strike: float, years: float, vol: float, rate: float) -> None:
    """A call less a put is the discounted forward less the strike."""
    level = forward * strike
    call, put = (PM_PRICE(kind, forward, level, years, vol, rate) for kind in ("call", "put"))
    assert call - put == pytest.approx(math.exp(-rate * years) * (forward - level), rel=1e-9, abs=1e-9 * forward)


columns = st.lists(
    st.tuples(
        st.sampled_from(["call", "put", "C", "p"]),
        st.floats(10, 200),
        st.floats(10, 200),
        st.floats(0.01, 3.0),
        st.floats(0.05, 2.0),
        st.floats(-0.05, 0.2),
    ),
    min_size=2,
    max_size=9,
)


@EXAMPLES
@example(rows=[("call", 10.0, 10.0, 1.0, 1.0, 0.0), ("put", 106.0, 12.0, 1.3125, 0.05078125, 0.0)])  # worth 1.9e-308
@given(rows=columns)
def test_a_column_answers_as_its_cells_do(rows: list[tuple[str, float, float, float, float, float]]) -> None:
    """PM_PRICE and PM_IV of columns are those of each row alone, also where a row has no vol."""
    kind, forward, strike, years, vol, rate = ([[cell] for cell in column] for column in zip(*rows))
    prices = PM_PRICE(kind, forward, strike, years, vol, rate)
    assert prices == [[PM_PRICE(*row)] for row in rows]
    vols = PM_IV(kind, prices, forward, strike, years, rate)
    for (found,), (value,), row in zip(vols, prices, rows):
        alone = PM_IV(row[0], value, *row[1:4], row[5])
        if isinstance(alone, str):
            assert found.split(": ", 1)[1] == alone.removeprefix("#PM! ")
        else:
            assert found == alone
