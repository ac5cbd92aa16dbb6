"""Standard margins of the venues: their own examples, the source document's rules columns, rows, coins and parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_laws import assert_adds_up

from udfs import PM_COMPARE, PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_METHODS, PM_PARAMETERS, PM_SCENARIO_PNL, PM_SCENARIOS
from xlmargin.venues.verify import verify

Row = list[Any]
VENUES = ("DERIBIT_SM", "OKX_SM", "BYBIT_SM", "BIT", "AEVO", "GATE")
MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0]]
MARKED = ["Underlying", "Type", "Strike", "DTE", "Quantity", "Price", "Settlement"]
VOLS = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]

FUTURES = [["future_initial_rate", 0.05], ["future_maintenance_rate", 0.03]]  # for venues that publish none


def both(rows: list[Row], method: str, market: Any = None, parameters: Any = None) -> tuple[Any, Any]:
    """Initial and maintenance margin of a book."""
    return PM_MARGIN(rows, market, method, parameters), PM_MAINTENANCE(rows, market, method, parameters)


@pytest.mark.parametrize(("coin", "rates"), [("BCH", (0.25, 0.15, 0.125)), ("TON", (0.60, 0.50, 0.40))])
def test_bit_coins_of_their_own(coin: str, rates: tuple[float, float, float]) -> None:
    """BIT.com charges BCH .25/.15/.125 and TON .60/.50/.40 (help centre, methodologies 3.3)."""
    high, low, kept = rates
    near, far = ([[*MARKED, "Spot"], [coin, "C", strike, 30, -1, 10.0, None, 400.0]] for strike in (400, 800))
    assert both(near, "BIT") == (pytest.approx(high * 400 + 10), pytest.approx(kept * 400 + 10))
    assert PM_MARGIN(far, None, "BIT") == pytest.approx(low * 400 + 10)


def test_bybit_dearer_of_entry_and_mark() -> None:
    """The premium part is the larger of the average entry price and the mark; a blank entry counts as the mark."""
    rows = [
        [*MARKED, "Spot", "Entry"],
        ["BTC", "C", 31_000, 10, -1, 300.0, None, 30_000.0, 500.0],
        ["BTC", "C", 31_000, 10, -3, 300.0, None, 30_000.0, None],
    ]
    assert PM_MARGIN(rows, None, "BYBIT_SM") == pytest.approx(4 * (3_500 + 350))


@pytest.mark.parametrize(
    ("kind", "strike", "ends", "payoff", "profit"), [("C", 10_000, 12_500.0, 0.2, 0.15), ("P", 10_000, 5_000.0, 1.0, 0.95)]
)
def test_inverse_option_pays_coins(kind: str, strike: float, ends: float, payoff: float, profit: float) -> None:
    """CRY-05 (Deribit): a 10,000 option bought for .05 BTC pays .2 BTC at 12,500 (call), 1 BTC at 5,000 (put)."""
    rows = [[*MARKED, "Spot"], ["BTC", kind, strike, 30, 1.0, 500.0, "inverse", 10_000.0]]
    coins = (PM_SCENARIO_PNL(rows, ends / 10_000 - 1, 0.0, 30) + 500.0) / ends
    assert coins == pytest.approx(payoff)
    assert coins - 0.05 == pytest.approx(profit)


@pytest.mark.parametrize("settlement", ["inverse", "linear"])
@pytest.mark.parametrize(
    ("kind", "strike", "mark", "initial", "maintenance"),
    [
        ("C", 75_000, 1_000.0, 8_000.0, 6_250.0),
        ("C", 75_000, 2_112.2027, 9_112.2027, 7_362.2027),
        ("C", 70_000, 3_999.6373, 14_499.6373, 9_249.6373),
        ("P", 70_000, 3_999.6373, 14_499.6373, 9_249.6373),
        ("P", 60_000, 900.0, 7_900.0, 6_150.0),
    ],
)
def test_deribit_options(settlement: str, kind: str, strike: float, mark: float, initial: float, maintenance: float) -> None:
    """CRY-06 at 70,000: the same in dollars whether an option is settled in the coin or in USDC."""
    rows = [MARKED, ["BTC", kind, strike, 30, -1, mark, settlement]]
    assert both(rows, "DERIBIT_SM", MARKET) == (pytest.approx(initial), pytest.approx(maintenance))
    assert both(rows, "ISOLATED", MARKET) == (pytest.approx(initial), pytest.approx(maintenance))


def test_inverse_counts_in_coin_at_spot() -> None:
    """Coin-settled: rate and mark are of the expiry's forward, in coin, converted at spot; linear ones stay in dollars."""
    rows = [[*MARKED, "Forward"], ["BTC", "C", 80_000, 30, -1, 1_000.0, "inverse", 75_000.0]]
    coin = max(0.15 - 5_000 / 75_000, 0.1) + 1_000 / 75_000
    assert PM_MARGIN(rows, MARKET, "DERIBIT_SM") == pytest.approx(coin * 70_000)
    linear = [rows[0], [*rows[1][:6], "linear", 75_000.0]]
    assert PM_MARGIN(linear, MARKET, "DERIBIT_SM") == pytest.approx(coin * 75_000)


def test_deep_put_in_coin_needs_more_maintenance() -> None:
    """A put worth more than the underlying: MM = .075 of the mark plus the mark, and the initial margin at least that."""
    rows = [MARKED, ["BTC", "P", 200_000, 30, -1, 130_000.0, "inverse"]]
    assert both(rows, "DERIBIT_SM", MARKET) == (pytest.approx(140_500.0), pytest.approx(139_750.0))
    deeper = [MARKED, ["BTC", "P", 250_000, 30, -1, 180_000.0, "inverse"]]
    assert both(deeper, "DERIBIT_SM", MARKET) == (pytest.approx(193_500.0), pytest.approx(193_500.0))


def test_inverse_future_loses_coins() -> None:
    """CRY-07: long 70,000 USD of the inverse future from 70,000 to 63,000 loses .111111 BTC; its margin is 2.005 %."""
    rows = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0]]
    assert PM_SCENARIO_PNL(rows, -0.1, 0.0, None, MARKET) / 63_000 == pytest.approx(-0.111111, abs=5e-7)
    assert both(rows, "DERIBIT_SM", MARKET) == (pytest.approx(0.02005 * 70_000), pytest.approx(0.01005 * 70_000))


def test_deribit_linear_perpetuals(shared: Path) -> None:
    """Every published size of BTC_USDC and SOL_USDC (support.deribit.com, Linear Perpetual) comes out."""
    outcomes = verify("DERIBIT_SM", shared / "vectors" / "venue_examples.json")
    assert [outcome.text for outcome in outcomes if not outcome.matches] == []
    assert len(outcomes) == 8


def test_verify_tells_what_differs(tmp_path: Path) -> None:
    """A published number that does not come out, or is not there, is told."""
    file = tmp_path / "case.json"
    file.write_text(
        '{"deribit_linear_perp_sm": {"BTC_USDC": {"price": 100000, "im": ['
        '{"pos": 25, "rate": 0.02125, "usdc": 53000}, {"pos": 25, "rate": 0.02125}]}}}',
        encoding="utf-8",
    )
    wrong, lacking = verify("DERIBIT_SM", file)
    assert (wrong.matches, lacking.matches) == (False, False)
    assert "ours 53,125, theirs 53,000" in wrong.text
    assert "usdc" in lacking.text


CALENDAR = [VOLS, ["BTC", "C", 70_000, 10, -1, 0.5], ["BTC", "C", 70_000, 40, 1, 0.5]]
STRADDLE = [VOLS, ["BTC", "C", 70_000, 30, -1, 0.5], ["BTC", "P", 70_000, 30, -1, 0.5], ["BTC", "F", None, 30, 0.057138, None]]


def test_seed_calendar() -> None:
    """SEED-3: 12,810.51 for the short front call, no offset, and the long one's 4,617.07 in cash: 17,427.576."""
    head, row = PM_COMPARE(CALENDAR, MARKET, "DERIBIT_SM")
    answer = dict(zip(head, row))
    assert answer["Initial"] == pytest.approx(12_810.5095, abs=5e-5)
    assert answer["Cash needed"] == pytest.approx(17_427.576, abs=5e-4)
    assert PM_LINE(CALENDAR, "Option value credited", MARKET, "DERIBIT_SM") == 0.0


def test_seed_straddle() -> None:
    """SEED-4: 29,079.2673 at a flat 2 % for the future; the published growth with size adds 1.1 cents."""
    flat = PM_MARGIN(STRADDLE, MARKET, "DERIBIT_SM", [["BTC.future_initial_slope", 0.0]])
    assert flat == pytest.approx(29_079.2673, abs=5e-4)  # its future is the delta unrounded, ours 0.057138
    growth = 5e-5 * 0.057138**2 * 70_000
    assert PM_MARGIN(STRADDLE, MARKET, "DERIBIT_SM") == pytest.approx(flat + growth, abs=1e-9)
    assert growth == pytest.approx(0.0114, abs=1e-4)


def test_seed_naked_call_of_the_totals() -> None:
    """SEED-5 and SEED-7: the naked 75,000 call at vol .5 is 9,112.2027 of 9,506.0408; spot is collateral alone."""
    rows = [VOLS, ["BTC", "spot", None, None, 1, None], ["BTC", "C", 75_000, 30, -1, 0.5], ["ETH", "P", 3_000, 60, 2, 0.65]]
    head, row = PM_COMPARE(rows, MARKET, "DERIBIT_SM")
    answer = dict(zip(head, row))
    assert answer["Initial"] == pytest.approx(9_112.2027, abs=5e-5)
    assert answer["Cash needed"] == pytest.approx(9_112.2027 + 293.8381, abs=1e-4)


@pytest.mark.parametrize(("coin", "rate"), [("BTC", 0.03), ("ETH", 0.05)])
def test_okx_maintenance(coin: str, rate: float) -> None:
    """OKX keeps 3 % of BTC and 5 % of ETH (Option Margin); dollar-settled puts on the index, at least on the mark."""
    spot = {"BTC": 70_000.0, "ETH": 3_500.0}[coin]
    call = [MARKED, [coin, "C", spot, 30, -1, 100.0, "inverse"]]
    assert PM_MAINTENANCE(call, MARKET, "OKX_SM") == pytest.approx(rate * spot + 100)
    put = [[*MARKED, "Forward"], [coin, "P", spot, 30, -1, 2 * spot, "linear", 1.1 * spot]]
    otm = 0.1 * spot
    assert both(put, "OKX_SM", MARKET) == (
        pytest.approx(max(0.1, 0.15 - otm / (1.1 * spot)) * spot + 2 * spot),
        pytest.approx(rate * 2 * spot + 2 * spot),
    )


def test_okx_older_put_is_a_parameter() -> None:
    """The Q&A of 2020 (methodologies 3.3) charged a put's minimum on 1 + mark; it holds before 2022-06-20."""
    rows = [MARKED, ["BTC", "P", 50_000, 30, -1, 700.0, "inverse"]]
    assert PM_MARGIN(rows, MARKET, "OKX_SM") == pytest.approx(7_700.0)
    assert PM_MARGIN(rows, MARKET, "OKX_SM", [["put_mark_share", 1.0]]) == pytest.approx(7_770.0)
    before = [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, "2021-06-01"]]
    assert PM_MARGIN(rows, before, "OKX_SM") == pytest.approx(7_770.0)


def test_aevo_and_gate_formulas() -> None:
    """Aevo keeps .10; Gate charges a put's minimum on underlying and mark (methodologies 3.3)."""
    rows = [MARKED, ["BTC", "P", 60_000, 30, -1, 900.0, None]]
    assert both(rows, "AEVO", MARKET) == (pytest.approx(7_900.0), pytest.approx(7_900.0))
    assert PM_MARGIN(rows, MARKET, "GATE") == pytest.approx(0.1 * 70_900 + 900)


def test_aevo_eth_perpetual() -> None:
    """Aevo asks 5 % and keeps 3 % of the ETH perpetual at every size (its contract specifications): of 10 at 3,500, 1,750 and 1,050."""
    rows = [MARKED, ["ETH", "perp", None, None, -10.0, None, None]]
    assert both(rows, "AEVO", MARKET) == (pytest.approx(1_750.0), pytest.approx(1_050.0))


def test_altcoin_options_are_illustrations_even_before_the_rework() -> None:
    """Deribit lists USDC-settled options on SOL; their rates were not found, those of its perpetual were."""
    market = [["Underlying", "Spot", "As of"], ["SOL", 150.0, "2026-06-01"], ["BTC", 70_000.0, None]]
    option, perpetual = (["SOL", "C", 160.0, 30, -10.0, 5.0, None], ["SOL", "perp", None, None, 10.0, None, None])
    status = PM_COMPARE([MARKED, ["BTC", "C", 75_000.0, 30, -1.0, 1_000.0, None]], market, "DERIBIT_SM")[1][6]
    assert status == PM_COMPARE([MARKED, perpetual], market, "DERIBIT_SM")[1][6] == "published"
    assert (
        PM_COMPARE([MARKED, option], market, "DERIBIT_SM")[1][6]
        == PM_EXPLAIN([MARKED, option], market, "DERIBIT_SM")[1][4]
        == "illustrative"
    )


@pytest.mark.parametrize(
    ("method", "listed"), [("DERIBIT_SM", "AVAX, BTC, ETH, SOL, TRX, XRP"), ("AEVO", "BTC, ETH"), ("GATE", "BTC, ETH")]
)
def test_a_long_option_of_an_unlisted_coin_is_refused(method: str, listed: str) -> None:
    """It needs no margin, but the venue has no such option."""
    rows = [[*MARKED, "Spot"], ["DOGE", "C", 0.2, 30, 10.0, 0.01, None, 0.2]]
    assert PM_MARGIN(rows, None, method) == (
        f"#PM! {method} does not list DOGE: its initial_rate is for {listed}; "
        "take DOGE out of the book, or give initial_rate beside the positions"
    )


@pytest.mark.parametrize("method", VENUES)
def test_long_options_and_spot_need_nothing(method: str) -> None:
    """A long option is paid in full, spot is collateral; an option worth less than its payoff is no fault here."""
    rows = [MARKED, ["BTC", "C", 60_000, 30, 2, 100.0, None], ["ETH", "spot", None, None, 5, None, None]]
    assert both(rows, method, MARKET) == (0.0, 0.0)
    short = [MARKED, ["BTC", "C", 60_000, 30, -1, 100.0, None]]
    assert PM_MARGIN(short, MARKET, method) == pytest.approx(10_600.0)


@pytest.mark.parametrize("method", [*VENUES, "ISOLATED"])
def test_a_mark_is_needed(method: str) -> None:
    """Without a price and without a vol the row is named."""
    answer = PM_MARGIN([VOLS, ["BTC", "C", 60_000, 30, -1, None]], MARKET, method)
    assert answer.startswith("#PM! row 2: no mark for ")
    assert PM_SCENARIOS(method).startswith(f"#PM! {method} has no scenarios")


@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("BIT", "no figure was found"),
        ("AEVO", "the contract specifications of the BTC perpetual were not read"),
        ("GATE", "no figure was found"),
    ],
)
def test_futures_without_a_figure_say_so(method: str, why: str) -> None:
    """Where no futures margin is known there is no number but the reason and a cure, and given rates give the answer."""
    rows = [VOLS, ["BTC", "perp", None, None, -2, None]]
    assert PM_MARGIN(rows, MARKET, method) == (
        f"#PM! BTC: no margin rate of futures and perpetuals is known for {method}, {why}: "
        "give the parameter future_initial_rate, or leave them out"
    )
    assert PM_MARGIN(rows, MARKET, method, FUTURES) == pytest.approx(7_000.0)


def test_parameters_by_coin() -> None:
    """Each coefficient can be overridden for one coin by its path, and is listed with its source."""
    rows = [MARKED, ["BTC", "C", 75_000, 30, -1, 1_000.0, None], ["ETH", "C", 3_500, 30, -1, 100.0, None]]
    assert PM_MARGIN(rows, MARKET, "DERIBIT_SM", [["BTC.initial_rate", 0.30]]) == pytest.approx(16_000 + 1_000 + 625)
    head, *listed = PM_PARAMETERS("DERIBIT_SM")
    names = {row[head.index("Parameter")] for row in listed}
    assert {"initial_rate", "initial_minimum", "maintenance_rate", "future_initial_slope"} <= names
    about = {row[0]: dict(zip(PM_METHODS()[0], row)) for row in PM_METHODS()[1:]}
    assert "2026-08-05" in about["DERIBIT_SM"]["Not modelled"]


def test_rows_of_one_contract_are_netted() -> None:
    """Rows of one contract and account net first, isolated too."""
    rows = [MARKED, ["BTC", "C", 75_000, 30, -3, 1_000.0, None], ["BTC", "C", 75_000, 30, 2, 1_000.0, None]]
    assert PM_MARGIN(rows, MARKET, "DERIBIT_SM") == pytest.approx(8_000.0)
    assert PM_MARGIN(rows, MARKET, "ISOLATED") == pytest.approx(8_000.0)
    assert PM_LINE(rows, "Initial margin/BTC/Initial per unit", MARKET, "DERIBIT_SM") == pytest.approx(8_000.0)


def test_mean_mark_of_a_contract_counts() -> None:
    """Rows of one contract with different prices are one position, at the mean of them: 15 % of 70,000 less 5,000, at least 10 %."""
    rows = [MARKED, ["BTC", "C", 75_000, 30, -3, 900.0, None], ["BTC", "C", 75_000, 30, 2, 1_000.0, None]]
    assert PM_MARGIN(rows, MARKET, "DERIBIT_SM") == pytest.approx(7_000.0 + 950.0)


def test_orders_and_short_spot() -> None:
    """Open orders are left out, borrowed coins are a line that says it is not modelled."""
    rows = [[*MARKED, "Order"], ["BTC", "C", 75_000, 30, -1, 1_000.0, None, "yes"], ["ETH", "spot", None, None, -1, None, None, None]]
    for method in ("DERIBIT_SM", "ISOLATED"):
        statement = PM_EXPLAIN(rows, MARKET, method)
        assert statement[1][2] == 0.0
        assert [row[4] for row in statement if row[3].startswith("borrowed coins")] == ["not modelled"] * 2


@pytest.mark.parametrize("venue", VENUES)
def test_isolated_of_each_venue(venue: str) -> None:
    """ISOLATED takes the venue in any case, and is the sum of that venue's margins of single positions."""
    rows = [row for row in (*STRADDLE, ["ETH", "P", 3_400, 9, -2, 0.7]) if row[1] != "F"]
    alone = [both([VOLS, row], venue, MARKET) for row in rows[1:]]
    asked = both(rows, "ISOLATED", MARKET, [["venue", venue]])
    assert asked == (pytest.approx(sum(pair[0] for pair in alone)), pytest.approx(sum(pair[1] for pair in alone)))


strikes = st.integers(40, 120).map(lambda n: n * 1_000.0)
options = st.lists(st.tuples(st.sampled_from("CP"), strikes, st.sampled_from([1, 30, 90]), st.integers(-8, 8)), min_size=1, max_size=6)


@pytest.mark.parametrize("method", VENUES)
@settings(max_examples=25)
@given(first=options, second=options)
def test_options_together_never_need_more(method: str, first: list[Any], second: list[Any]) -> None:
    """Where a contract has one mark, two books of options never need more together, and keep at most the initial margin."""
    books = [
        [VOLS, *(["BTC", kind, strike, days, float(units), 0.6] for kind, strike, days, units in rows)]
        for rows in (first, second, first + second)
    ]
    apart, other, together = (both(book, method, MARKET) for book in books)
    for which in (0, 1):
        assert together[which] <= apart[which] + other[which] + 1e-6
    assert together[1] <= together[0] + 1e-6


@pytest.mark.parametrize("method", [*VENUES, "ISOLATED"])
def test_statements_of_coin_settled_books_add_up(method: str) -> None:
    """Every line of a book in coins and dollars follows from the lines below it, forwards away from spot."""
    rows = [
        [*MARKED, "Forward", "Account"],
        *(
            [coin, kind, strike * spot, 30, units, mark * spot, settlement, 1.03 * spot, account]
            for coin, spot in (("BTC", 70_000.0), ("ETH", 3_500.0))
            for settlement in ("inverse", "linear")
            for account in ("north", None)
            for kind, strike, units, mark in (("C", 1.1, -2.0, 0.02), ("C", 1.1, 0.5, 0.02), ("P", 1.2, -1.0, 0.25), ("P", 0.8, 3.0, 0.01))
        ),
        ["BTC", "perp", None, None, -4.0, 70_100.0, "inverse", None, "north"],
    ]
    rates = FUTURES if method in ("BIT", "AEVO", "GATE") else None
    statement = PM_EXPLAIN(rows, MARKET, method, rates)
    assert_adds_up(statement, 1e-9)
    assert statement[1][2] == PM_MARGIN(rows, MARKET, method, rates) > 0.0
