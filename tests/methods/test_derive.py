"""Derive: books under the arithmetic that the venue's own cases confirm, each coin by its own column, each day by its page."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from udfs import PM_COMPARE, PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_RISK_ARRAY, PM_SCANNING_RISK, PM_SCENARIOS
from xlmargin.methods.derive import pmrm, srm
from xlmargin.methods.derive.black import YEAR, prices
from xlmargin.methods.derive.portfolio import Moves, PmrmTerms, Portfolio

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Forward"]
SPOT, FORWARD, LATER = 2681.6, 2690.0, 2750.0
BOOK = [
    HEADER,
    ["ETH", "C", 2700.0, 9.2, -12.0, 0.64, FORWARD],
    ["ETH", "P", 2400.0, 9.2, 7.0, 0.70, FORWARD],
    ["ETH", "C", 3500.0, 130.0, -4.0, 0.72, LATER],
    ["ETH", "P", 3500.0, 130.0, 1.5, 0.72, LATER],
    ["ETH", "perp", None, None, -3.0, None, None],
    ["ETH", "spot", None, None, 2.0, None, None],
]
MARKET = [["Underlying", "Spot", "Rate"], ["ETH", SPOT, 0.06]]
STABLE = [["stable_price", 0.95]]


def same_portfolio(haircuts: tuple[float, float], stable: float) -> Portfolio:
    """The book above, typed in by hand for the arithmetic."""
    at = np.array([0, 0, 1, 1])
    return Portfolio(
        np.array([[-12.0, 7.0, -4.0, 1.5]]),
        np.array([2700.0, 2400.0, 3500.0, 3500.0]),
        np.array([True, False, True, False]),
        np.array([0.64, 0.70, 0.72, 0.72]),
        np.array([FORWARD, LATER])[at],
        np.zeros(4),
        at,
        np.array([9.2, 130.0]) * YEAR / 365,
        np.array([0.06, 0.06]),
        np.ones(2),
        np.array([[-3.0]]),
        np.array([SPOT]),
        np.ones(1),
        np.zeros(1),
        np.zeros(1),
        SPOT,
        1.0,
        stable,
        np.array([[2.0]]),
        np.array([SPOT]),
        np.ones(1),
        np.array([True]),
        np.array([haircuts[0]]),
        np.array([haircuts[1]]),
    )


# ETH on v2's chain, 2026-06-30 and from 2026-08-21
EARLY = PmrmTerms(
    0.45,
    0.3,
    0.3,
    0.13,
    1.0,
    1.0,
    0.98,
    0.0,
    0.10,
    1.045,
    0.955,
    0.5,
    2.0,
    0.99,
    4.0,
    0.55,
    0.4,
    0.015,
    0.003,
    0.8,
    0.40,
    1.02,
    0.0,
    0.10,
    0.015,
    0.002,
    0.25,
    -0.1,
    0.25,
    -0.1,
    0.01,
    4.0,
    0.6,
    0.0,
)
LATE = dataclasses.replace(
    EARLY,
    range_up=0.4,
    range_down=0.25,
    min_vol_after_up_shock=0.5,
    spot_up=1.04,
    spot_down=0.96,
    mm_perp=0.0075,
    im_extra_perp=0.0075,
    mm_short_option=0.0015,
    im_extra_short_option=0.001,
)
TAILS = (0.34, 0.67, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0)
BY_DAY = {
    "2026-06-30": (EARLY, 0.18, (0.1575, 0.315, 0.2079, 0.10395, 0.051975, 0.03465, 0.0259875, 0.02079), (0.056, 0.014)),
    "2026-11-27": (LATE, 0.16, (0.14, 0.28, 0.1848, 0.0924, 0.0231, 0.010267, 0.005775, 0.003696), (0.06, 0.01)),
}


def market_of(day: str) -> list[list[Any]]:
    """The market above as of a day."""
    return [[*MARKET[0], "As of"], [*MARKET[1], day]]


@pytest.mark.parametrize("parameters", [None, STABLE])
@pytest.mark.parametrize("day", BY_DAY)
def test_a_book_is_the_same_portfolio(parameters: Any, day: str) -> None:
    """PM_MARGIN under DERIVE is mark to market less the surplus of the same portfolio in the verified arithmetic.

    The numbers are those of ETH on v2's chain.
    """
    terms, reach, shares, haircuts = BY_DAY[day]
    near = [1.0 + reach * step / 4 for step in (3, 2, 1, 0, -1, -2, -3)]
    regular = [(1.0 + reach, "up"), *((s, v) for s in near for v in ("up", "none", "down")), (1.0 - reach, "up")]
    stable = parameters[0][1] if parameters else 1.0
    moves = Moves(
        np.array([*(s for s, _ in regular), *TAILS, 1.0, 1.0]),
        (*(v for _, v in regular), *["up"] * len(TAILS), "linear", "abs"),
        np.array([*[1.0] * len(regular), *shares, 1.0, 1.0]),
    )
    found = pmrm.PmrmResult(same_portfolio(haircuts, stable), moves, terms)
    asked = market_of(day), "DERIVE", parameters
    assert PM_MARGIN(BOOK, *asked) == pytest.approx(float(found.value[0] - found.initial[0]), rel=1e-12)
    assert PM_MAINTENANCE(BOOK, *asked) == pytest.approx(float(found.value[0] - found.maintenance[0]), rel=1e-12)
    assert PM_SCANNING_RISK(BOOK, *asked) == pytest.approx(-float(found.worst[0]), rel=1e-12)
    array = PM_RISK_ARRAY(BOOK, *asked)
    assert [row[5] for row in array[1:]] == pytest.approx([*found.pnl[0].tolist(), float(found.basis[0])], rel=1e-9)
    assert len(PM_SCENARIOS("DERIVE")) - 1 == 4 * 34 + 33  # the tail of −33 % is none of ADA
    assert PM_LINE(BOOK, "ETH/Short options", *asked) == pytest.approx((12.0 + 2.5) * SPOT * terms.mm_short_option)


@pytest.mark.parametrize(
    ("name", "days", "spot", "forward", "vol", "rate", "by_scenarios", "standard"),
    [
        ("90000 C", 1235695 / 86400, 84581.82416, 84697.57016, 0.3503960011, 0.0364, -8208.207103, -11631.42405),
        ("72000 P", 1235697 / 86400, 84581.82416, 84697.57016, 0.4887837458, 0.0364, -5636.533546, -11141.02229),
        ("120000 C", 5469279 / 86400, 84574.67591, 85235.66291, 0.4252044663, 0.03688887467, -4549.188209, -11176.35799),
        ("87000 C", 285313 / 86400, 84581.82416, 84612.42116, 0.2814039561, 0.0364, -9692.789659, -11172.95095),
        ("83000 P", 112539 / 86400, 84597.62287, 84645.89687, 0.3781694654, 0.0364, -10418.17522, -11293.16049),
    ],
)
def test_margins_that_the_contracts_answered(
    name: str, days: float, spot: float, forward: float, vol: float, rate: float, by_scenarios: float, standard: float
) -> None:
    """v2's own getMargin on chain, 2026-09-25, one short BTC option: the shipped numbers of that day give it.

    github.com/gelatotrade/Derive-Option-Surface, results/p2: the answers have ten digits. Its standard manager does not discount marks.
    """
    strike, kind = name.split()
    rows = [["Underlying", "Type", "Strike", "DTE", "IV", "Forward", "Quantity"], ["BTC", kind, float(strike), days, vol, forward, -1.0]]
    market = [["Underlying", "Spot", "Rate", "As of"], ["BTC", spot, rate, "2026-09-25"]]
    found = PM_LINE(rows, "Net option value", market, "DERIVE") - PM_MARGIN(rows, market, "DERIVE")
    assert found == pytest.approx(by_scenarios, rel=1e-9)
    market = [["Underlying", "Spot", "As of"], ["BTC", spot, "2026-09-25"]]
    found = PM_LINE(rows, "Net option value", market, "DERIVE_SM") - PM_MARGIN(rows, market, "DERIVE_SM")
    assert found == pytest.approx(standard, rel=1e-9)


def test_v1_is_a_profile() -> None:
    """The parameter model chooses PMRM v1: 21 scenarios and the forward contingency, static contingencies in the loss."""
    terms = PmrmTerms(0.45, 0.3, 0.3, 0.13, 1.0, 1.3, 0.95, 4.0, 0.12, 1.05, 0.95, 0.25, 0.01, 0.98, 2.0, 0.6, 0.4, 0.025, 0.01)
    grid = [(s, v) for s in (1.15, 1.10, 1.05, 1.0, 0.95, 0.90, 0.85) for v in ("up", "none", "down")]
    moves = Moves(np.array([s for s, _ in grid]), tuple(v for _, v in grid), np.ones(len(grid)))
    found = pmrm.V1Result(same_portfolio((0.025, 0.0), 1.0), moves, terms)
    asked = MARKET, "DERIVE", [["model", "pmrm"]]
    assert PM_MARGIN(BOOK, *asked) == pytest.approx(float(found.value[0] - found.initial[0]), rel=1e-12)
    assert PM_MAINTENANCE(BOOK, *asked) == pytest.approx(float(found.value[0] - found.maintenance[0]), rel=1e-12)
    assert len(PM_RISK_ARRAY(BOOK, *asked)) - 1 == 22


def test_what_the_cases_at_hand_leave_open() -> None:
    """An expiry is no surer than a perpetual held beside it; a skew's cap below 0 is taken as the venue's contract does."""
    one = Moves(np.array([1.0]), ("linear",), np.ones(1))
    unsure = dataclasses.replace(same_portfolio((0.0, 0.0), 1.0), perp_confidence=np.array([0.5]))
    found = pmrm.PmrmResult(unsure, one, EARLY)
    assert found.oracle[0] == pytest.approx(-0.4 * 0.5 * SPOT * (3.0 + 12.0 + 7.0 + 4.0 + 1.5))
    without = dataclasses.replace(unsure, perp=np.zeros((1, 1)))
    assert pmrm.PmrmResult(without, one, EARLY).oracle[0] == 0.0
    first = pmrm.V1Result(unsure, one, EARLY)
    assert first.oracle[0] == pytest.approx(-0.4 * 0.5 * SPOT * (3.0 + 2.0 + 12.0 + 7.0 + 4.0 + 1.5))
    below = dataclasses.replace(EARLY, linear_cap=0.0, linear_cap_sqrt_t=-0.1)
    cap, k = -0.1 * np.sqrt(9.2 / 365), np.log(2400.0 / FORWARD)
    reach = 4.0 * 0.6 * np.sqrt(9.2 / 365)
    assert pmrm.PmrmResult(unsure, one, below).skew("linear")[1] == pytest.approx(1.0 + max(-cap, k * cap / reach))


@pytest.mark.parametrize("parameters", [None, STABLE])
def test_a_book_is_the_same_standard_portfolio(parameters: Any) -> None:
    """PM_MARGIN under DERIVE_SM is mark to market less the surplus of the same market in the verified arithmetic."""
    terms = srm.SrmTerms(0.15, 0.13, 0.09, 0.09, 0.075, 1.2, 1.1, 1.05, 0.066, 0.05, 0.55, 0.4, 0.8, 0.9375, 0.99, 2.0)
    book = same_portfolio((0.0, 0.0), 1.0)
    calls, puts = prices(book.forward, book.strike, book.seconds[book.expiry] / YEAR, book.vol)
    market = srm.SrmMarket(
        book.amount,
        book.strike,
        book.call,
        np.where(book.call, calls, puts),
        book.expiry,
        np.array([FORWARD, LATER]),
        np.ones(2),
        book.perp,
        book.perp_price,
        np.array([2.0]),
        np.zeros(1),
        SPOT,
        stable=parameters[0][1] if parameters else 1.0,
    )
    found = srm.SrmResult(market, terms)
    asked = [[*MARKET[0], "As of"], [*MARKET[1], "2026-11-27"]], "DERIVE_SM", parameters
    assert PM_MARGIN(BOOK, *asked) == pytest.approx(float(found.value[0] - found.initial[0]), rel=1e-12)
    assert PM_MAINTENANCE(BOOK, *asked) == pytest.approx(float(found.value[0] - found.maintenance[0]), rel=1e-12)


OPTION = [30.0, -1.0, 0.8]  # days, quantity, vol


def said(method: str, coin: str, *holdings: str, day: str = "2026-11-27") -> Any:
    """The margin of some kinds of holdings of one coin at a spot of 2."""
    rows = {"spot": ["spot", None, None, 10.0, None], "perp": ["perp", None, None, -10.0, None], "call": ["C", 2.0, *OPTION]}
    rows |= {"bought": ["perp", None, None, 10.0, None], "bought call": ["C", 2.0, 30.0, 1.0, 0.8]}
    header = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]
    return PM_MARGIN([header, *([coin, *rows[kind]] for kind in holdings)], [["Underlying", "Spot", "As of"], [coin, 2.0, day]], method)


@pytest.mark.parametrize("day", ["2026-06-30", "2026-11-27"])
@pytest.mark.parametrize(
    ("method", "coin", "kind", "words"),
    [
        ("DERIVE", "XRP", "call", "DERIVE does not list XRP: its price_range is for ADA, BTC, ETH, HYPE, SOL"),
        ("DERIVE", "DOGE", "perp", "DERIVE does not list DOGE: its price_range is for ADA, BTC, ETH, HYPE, SOL"),
        (
            "DERIVE",
            "DOGE",
            "spot",
            "DERIVE does not list DOGE: its price_range is for ADA, BTC, ETH, HYPE, SOL; take DOGE out of the book, or give price_range "
            "beside the positions; collateral are spot of ADA, AUSD, BTC, DRV, ETH",
        ),
        ("DERIVE", "USDT", "perp", "DERIVE does not list USDT: its price_range is for ADA, BTC, ETH, HYPE, SOL"),
        ("DERIVE_SM", "XRP", "call", "DERIVE_SM does not list XRP: its max_spot is for ADA, BTC, ETH, HYPE, SOL"),
        ("DERIVE_SM", "PEPE", "perp", "DERIVE_SM does not list PEPE: its perp_im is for ADA, BNB, BTC, CC, DOGE, ETH"),
        ("DERIVE_SM", "DOGE", "spot", "DERIVE_SM does not list DOGE: its base is for ADA, AUSD, BTC"),
    ],
)
def test_a_coin_without_a_column_is_refused(method: str, coin: str, kind: str, words: str, day: str) -> None:
    """Never the numbers of BTC for another coin: the message names the coins that have a column of that kind."""
    assert said(method, coin, kind, day=day).startswith(f"#PM! {words}")


def test_what_no_page_prints_is_told() -> None:
    """A coin that is listed without a figure of one kind or day is refused by that figure alone."""
    assert said("DERIVE", "ADA", "perp") == pytest.approx(20.0 * (0.40 + 0.15))
    assert (
        said("DERIVE", "ADA", "perp", "spot") == "#PM! DERIVE needs a number for mm_haircut of ADA, which is not set: " + GIVE["mm_haircut"]
    )
    assert said("DERIVE_SM", "XRP", "perp") == pytest.approx(20.0 * 0.10)
    before = said("DERIVE_SM", "XRP", "perp", day="2026-06-30")
    assert before == "#PM! DERIVE_SM needs a number for perp_im of XRP, which is not set: " + GIVE["perp_im"]
    assert said("DERIVE_SM", "ADA", "spot", day="2026-06-30") == pytest.approx(20.0 * (1.0 - 0.6 * 0.5))
    assert said("DERIVE_SM", "ADA", "spot").startswith("#PM! DERIVE_SM needs a number for base of ADA, which is not set")


GIVE = {name: f"give {name} beside the positions" for name in ("mm_haircut", "perp_im")}


def test_a_flat_book_asks_for_no_rate() -> None:
    """Nothing is held, so the standard margin is 0; scenarios are asked for before, and a coin without them has none."""
    assert said("DERIVE_SM", "PEPE", "perp", "bought") == 0.0
    assert said("DERIVE_SM", "PEPE", "call", "bought call") == 0.0
    assert said("DERIVE", "SOL", "perp", "bought") == 0.0
    assert said("DERIVE", "PEPE", "perp", "bought").startswith("#PM! DERIVE does not list PEPE")


def test_collateral_without_a_market() -> None:
    """A stable coin beside a book adds its haircut and has no scenario: 4 % of USDT, 2 % to maintain (v3's answer)."""
    rows = [["Underlying", "Type", "Quantity"], ["BTC", "perp", 1.0], ["USDT", "spot", 1000.0]]
    market = [["Underlying", "Spot", "As of"], ["BTC", 1000.0, "2026-11-27"], ["USDT", 1.0, None]]
    assert PM_MARGIN(rows, market, "DERIVE") == pytest.approx(1000.0 * (0.14 + 0.0075 + 0.0075) + 40.0)
    assert PM_MAINTENANCE(rows, market, "DERIVE") == pytest.approx(1000.0 * (0.8 * 0.14 + 0.0075) + 20.0)
    assert PM_LINE(rows, "Initial margin/USDT/Collateral, initial", market, "DERIVE") == pytest.approx(20.0)
    assert not [row for row in PM_SCENARIOS("DERIVE") if row[2] == "USDT"]
    header, *array = PM_RISK_ARRAY(rows, market, "DERIVE")
    assert {row[header.index("USDT")] for row in array} == {0.0}
    statement = [row[:2] for row in PM_EXPLAIN(rows, market, "DERIVE")[1:]]
    assert [2, "Worst scenario"] not in statement[statement.index([1, "USDT"]) :]


def test_tails_differ_by_coin() -> None:
    """Tails of one move stand in one scenario; a coin without it has no such line, no weight and no loss.

    −66 and −33 % of BTC and HYPE on v2's chain, −75 % of ADA on the page of v2.
    """
    rows = [["Underlying", "Type", "Quantity"], ["BTC", "perp", 1.0], ["HYPE", "perp", 1.0], ["ADA", "perp", 1.0]]
    market = [["Underlying", "Spot"], *([coin, 100.0] for coin in ("BTC", "HYPE", "ADA"))]
    header, *array = PM_RISK_ARRAY(rows, market, "DERIVE")
    tails = {row[1]: dict(zip(header, row)) for row in array[23:-3]}
    assert list(tails) == [f"price {move} %, vol up" for move in ("−75", "−66", "−33", "+50", "+100", "+200", "+300", "+400", "+500")]
    losses = {text: [row[coin] for coin in ("BTC", "HYPE", "ADA")] for text, row in tails.items()}
    assert losses["price −75 %, vol up"] == pytest.approx([0.0, 0.0, -75.0 * 0.53])
    assert losses["price −66 %, vol up"] == pytest.approx([-66.0 * 0.122624, -66.0 * 0.3273, 0.0])
    assert losses["price −33 %, vol up"] == pytest.approx([-33.0 * 0.245, -33.0 * 0.6545, 0.0])
    assert tails["price −33 %, vol up"]["Weight"] == "ADA none; BTC +24.5 %; HYPE +65.45 %"
    assert {row[0] for row in PM_SCENARIOS("DERIVE")[1:] if row[2] == "ADA"} == {*map(float, [*range(1, 25), *range(27, 36)])}
    alone = PM_RISK_ARRAY([rows[0], rows[3]], market, "DERIVE")
    assert len(alone) - 1 == 23 + 7 + 3
    assert "tails has the move 0.5 twice" in PM_MARGIN(rows, market, "DERIVE", [["tails", "0.5:0.2, 0.5:0.3"]])


def test_what_rests_on_the_page_before_v3_is_an_estimate() -> None:
    """v3's scenarios and rates of options could not be read; its perpetuals and coins could, and no factor of ADA is printed."""
    call = ["C", 100.0, *OPTION]
    perp = ["perp", None, None, 1.0, None]
    found = {}
    for day in ("2026-06-30", "2026-11-27"):
        for coin, row in (("BTC", call), ("BTC", perp), ("ADA", perp)):
            rows = [["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"], [coin, *row]]
            compared = PM_COMPARE(rows, [["Underlying", "Spot", "As of"], [coin, 100.0, day]], "DERIVE, DERIVE_SM")
            status = compared[0].index("Status")
            found[day[:7], coin, row[0]] = [line[status] for line in compared[1:]]
    assert found == {
        ("2026-06", "BTC", "C"): ["published", "published"],
        ("2026-06", "BTC", "perp"): ["published", "published"],
        ("2026-06", "ADA", "perp"): ["illustrative", "estimate"],
        ("2026-11", "BTC", "C"): ["estimate", "estimate"],
        ("2026-11", "BTC", "perp"): ["estimate", "published"],
        ("2026-11", "ADA", "perp"): ["illustrative", "published"],
    }


def test_a_mark_is_enough_for_the_standard_margin() -> None:
    """DERIVE_SM needs prices, not vols: a short call 10 % out of the money is max(15 − 10 %, 13 %) of spot (venues 4.4)."""
    rows = [["Underlying", "Type", "Strike", "DTE", "Quantity", "Price", "Spot"], ["ETH", "C", 1100.0, 30.0, -2.0, 40.0, 1000.0]]
    assert PM_MARGIN(rows, None, "DERIVE_SM") == pytest.approx(2 * 0.13 * 1000.0)
    assert PM_MAINTENANCE(rows, None, "DERIVE_SM") == pytest.approx(2 * 0.09 * 1000.0)


def test_statement_says_what_is_left_out() -> None:
    """Open orders and feeds of low confidence are lines that say so; parameters show source and status."""
    header, *rows = BOOK
    ordered = [[*header, "Order"], *([*row, None] for row in rows), [*rows[0], "yes"]]
    for method in ("DERIVE", "DERIVE_SM"):
        lines = PM_EXPLAIN(ordered, MARKET, method)
        assert PM_MARGIN(ordered, MARKET, method) == PM_MARGIN(BOOK, MARKET, method)
        for label in ("Open orders", "Low confidence"):
            assert next(row[2:5:2] for row in lines if row[1] == label) == [0.0, "not modelled"]


def test_bad_tails_are_told() -> None:
    """A list of tails that cannot be read names the piece."""
    assert "tails has '1'" in PM_MARGIN(BOOK, MARKET, "DERIVE", [["tails", "-0.5:0.2, 1"]])


def test_markets_are_apart() -> None:
    """BTC and ETH do not offset: each underlying is a market of its own; SOL has its own numbers."""
    rows = [
        ["Underlying", "Type", "Quantity", "Spot"],
        ["BTC", "perp", 1.0, 1000.0],
        ["ETH", "perp", -1.0, 1000.0],
        ["SOL", "perp", 1.0, 1000.0],
    ]
    each = [PM_MARGIN([rows[0], row], None, "DERIVE") for row in rows[1:]]
    assert PM_MARGIN(rows, None, "DERIVE") == pytest.approx(sum(each))
    assert each[0] == pytest.approx(1000.0 * (0.14 + 0.015))  # largest of 14 % and the tails, 33 % × 0.245 = 8.1 %
    assert each[2] == pytest.approx(1000.0 * (0.27 * 1.1 + 0.05 + 0.01))
