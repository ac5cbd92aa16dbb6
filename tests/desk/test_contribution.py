"""PM_CONTRIBUTION against brute force through PM_MARGIN, against the binding scenario by hand, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from desk_books import ANSWERING, FEW, HEADER, QUANTITY, Row, Rows, asked, books, close, margin, option
from hypothesis import given, settings
from hypothesis import strategies as st
from test_laws import MARKET, SPOTS

from udfs import PM_CONTRIBUTION, PM_MARGIN, PM_RISK_ARRAY
from xlmargin.desk.contribution import in_words

SOME = settings(max_examples=6)
HEADINGS = ["Row", "Instrument", "Notional", "Standalone", "Contribution", "Incremental"]
BOOK: Rows = [
    option("BTC", "put", 1.0, 10.0, -2.0, "a"),
    option("BTC", "put", 0.9, 10.0, 2.0, "a"),
    option("ETH", "call", 1.1, 30.0, -20.0, "b"),
    ["ETH", "future", None, 30.0, 8.0, None, "b"],
    option("BTC", "call", 1.1, 10.0, -1.0),
    ["BTC", "spot", None, None, 1.0, None, None],
]


def table(rows: Rows, name: str, market: object = MARKET) -> list[Row]:
    """The rows of PM_CONTRIBUTION below its header."""
    _, method, parameters = asked(name)
    answer = PM_CONTRIBUTION([HEADER, *rows], market, method, parameters)
    assert isinstance(answer, list), answer
    assert answer[0] == HEADINGS
    return answer[1:]


def agrees(rows: Rows, name: str, market: object = MARKET) -> None:
    """Every column is what PM_MARGIN says of the book, of each row alone and of the others."""
    found, whole = table(rows, name, market), margin(rows, name, market)
    assert sum(row[4] for row in found) == close(whole, sum(abs(row[4]) for row in found))
    for p, row in enumerate(found):
        assert row[0] == p + 2
        assert row[3] == close(margin([rows[p]], name, market), whole)
        assert row[5] == close(whole - margin(rows[:p] + rows[p + 1 :], name, market), whole)


@pytest.mark.parametrize("name", ANSWERING)
def test_it_agrees_with_brute_force(name: str) -> None:
    """Of every method: shares add up to PM_MARGIN, a row alone and a book without it are what PM_MARGIN says."""
    agrees(BOOK, name)


@pytest.mark.parametrize("name", FEW)
@SOME
@given(rows=books(accounts=True))
def test_it_agrees_with_brute_force_on_any_book(name: str, rows: Rows) -> None:
    """The same on books made at random, with several accounts and rows of one contract."""
    agrees(rows, name)


@pytest.mark.parametrize("name", ["DERIBIT", "DERIVE", "DERIVE_SM", "ISOLATED", "OKX", "SPAN"])
def test_rows_with_their_own_market(name: str) -> None:
    """Where rows of an underlying see different spots, a book without one of them is still what PM_MARGIN says.

    The contract of two rows keeps the market that it has in the whole book: the mean of theirs.
    """
    header = [*HEADER, "Spot"]
    rows = [[*BOOK[0], 69_000.0], [*BOOK[1], 71_000.0], [*BOOK[4], None], [*BOOK[0], 70_500.0]]
    _, method, parameters = asked(name)
    found = PM_CONTRIBUTION([header, *rows], MARKET, method, parameters)[1:]
    whole = PM_MARGIN([header, *rows], MARKET, method, parameters)
    assert sum(row[4] for row in found) == close(whole)
    rows[0][-1] = rows[3][-1] = 69_750.0
    for p, row in enumerate(found):
        assert row[3] == close(PM_MARGIN([header, rows[p]], MARKET, method, parameters), whole)
        assert row[5] == close(whole - PM_MARGIN([header, *rows[:p], *rows[p + 1 :]], MARKET, method, parameters), whole)


@pytest.mark.parametrize("name", ["SPAN", "TIMS", "THALEX", "STRESS"])
@SOME
@given(rows=books())
def test_the_share_is_the_loss_in_the_binding_scenario(name: str, rows: Rows) -> None:
    """Where the margin is the worst loss of each underlying (of the book for STRESS), a row's share is its own loss there,
    the mean of these where scenarios tie.
    """
    market, method, parameters = asked(name)
    pnl = [
        np.array([line[5:-1] for line in PM_RISK_ARRAY([HEADER, *rows[:n], *rows[n + 1 :]], market, method, parameters)[1:]])
        for n in range(len(rows))
    ]
    header, *lines = PM_RISK_ARRAY([HEADER, *rows], market, method, parameters)
    coins, loss = header[5:-1], -np.array([line[5:-1] for line in lines])
    found = table(rows, name)
    for p, row in enumerate(rows):
        u = coins.index(row[0])
        others = PM_RISK_ARRAY([HEADER, *rows[:p], *rows[p + 1 :]], market, method, parameters)[0][5:-1]
        own = loss[:, u] + (pnl[p][:, others.index(row[0])] if row[0] in others else 0.0)
        judged = loss.sum(axis=1) if name == "STRESS" else loss[:, u]
        tied = judged >= judged.max() - 1e-9 * np.abs(judged).max()
        expected = own[tied].mean() if judged.max() > 0.0 else 0.0
        if name == "TIMS" and judged.max() < 1.0:
            continue  # the minimum per contract decides
        assert found[p][4] == pytest.approx(expected, rel=1e-7, abs=1e-6 * (1.0 + np.abs(own).max()))


def test_three_scenarios_that_tie_share_equally() -> None:
    """Three coins of one value, each falling in a scenario of its own: each scenario is worst, so each coin has a third."""
    scenarios = [["Scenario", "Underlying", "Price move"], *([coin, coin, -0.2] for coin in SPOTS)]
    rows = [[coin, "spot", None, None, 70_000.0 / spot, None, None] for coin, spot in SPOTS.items()]
    found = PM_CONTRIBUTION([HEADER, *rows], MARKET, "STRESS", scenarios)[1:]
    assert [row[4] for row in found] == pytest.approx([14_000.0 / 3.0] * 3, rel=1e-9)
    assert [row[5] for row in found] == pytest.approx([0.0] * 3, abs=1e-6)


def test_a_short_option_minimum_is_shared_by_short_units() -> None:
    """Where the minimum is larger than the risk, the short rows share it by their units and the others have nothing."""
    rows = [option("BTC", "put", 0.5, 10.0, -1.0), option("BTC", "call", 1.9, 10.0, -3.0), option("BTC", "put", 0.6, 10.0, 1.0)]
    parameters = [["short_option_minimum", 900.0], ["short_option_method", "gross"]]
    found = PM_CONTRIBUTION([HEADER, *rows], MARKET, "SPAN", parameters)[1:]
    assert [row[4] for row in found] == pytest.approx([900.0, 2_700.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("name", ["SPAN", "SPAN charges", "TIMS", "DERIBIT", "OKX", "DERIVE", "RULES", "DERIBIT_SM"])
@SOME
@given(rows=books(), part=st.floats(0.1, 0.9))
def test_splitting_a_row_splits_its_share(name: str, rows: Rows, part: float) -> None:
    """Two rows of one contract and account have together the share that one row has, and the others keep theirs."""
    first, *others = rows
    part = round(part * 4.0) / 4.0  # quarters keep quantities whole lots
    halves = [[*first[:QUANTITY], first[QUANTITY] * each, *first[QUANTITY + 1 :]] for each in (part, 1.0 - part)]
    whole, split = table(rows, name), table([*halves, *others], name)
    size = max(abs(row[4]) for row in whole)
    assert split[0][4] + split[1][4] == pytest.approx(whole[0][4], rel=1e-5, abs=1e-5 * size)
    assert [row[4] for row in split[2:]] == pytest.approx([row[4] for row in whole[1:]], rel=1e-5, abs=1e-5 * size)


def test_rows_that_net_to_nothing_keep_their_own_sides() -> None:
    """Long and short rows of one contract have opposite shares, each what its side loses in the worst scenario."""
    rows = [option("BTC", "put", 1.0, 10.0, -1.0), option("BTC", "call", 1.1, 10.0, 2.0), option("BTC", "call", 1.1, 10.0, -2.0)]
    found = table(rows, "SPAN")
    assert found[1][4] == pytest.approx(-found[2][4], rel=1e-9)
    assert abs(found[1][4]) > 1.0
    assert found[0][4] == close(margin(rows, "SPAN"))


def test_open_orders_and_names() -> None:
    """An open order stands in its row with nothing; sheet rows are counted from the header, blank rows with them."""
    rows = [
        ["Instrument", "Quantity", "IV", "Order"],
        ["BTC-27JUN36-70000-C", -1.0, 0.5, None],
        [None] * 4,
        ["BTC-PERPETUAL", 3.0, None, "yes"],
    ]
    found = PM_CONTRIBUTION(rows, MARKET)
    assert [row[:2] for row in found[1:]] == [[2.0, "BTC-27JUN36-70000-C"], [4.0, "BTC-PERPETUAL (open order, not counted)"]]
    assert found[2][2:] == [0.0] * 4
    assert found[1][2:] == pytest.approx([70_000.0, *[PM_MARGIN(rows, MARKET)] * 3])


def test_many_rows_go_in_several_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few books fit into one pass, the answer is the same."""
    rows = BOOK * 3
    expected = table(rows, "SPAN charges")
    monkeypatch.setattr("xlmargin.desk.contribution.CELLS", 40)
    assert [row[2:] for row in table(rows, "SPAN charges")] == [pytest.approx(row[2:], rel=1e-9, abs=1e-7) for row in expected]


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("VAR", "#PM! VAR needs a history: "),
        ("ES", "#PM! ES needs a history: "),
        ("STRESS", "#PM! STRESS needs your own scenarios: "),
        ("SPAM", "#PM! no method 'SPAM': "),
    ],
)
def test_what_cannot_be_answered_is_told(method: str, message: str) -> None:
    """A method that needs what this function does not take says so."""
    assert PM_CONTRIBUTION([HEADER, *BOOK], MARKET, method).startswith(message)


def test_a_row_that_cannot_stand_alone_is_told() -> None:
    """A cash account cannot be short of stock: a book that is long on balance has no answer for its short row alone."""
    rows = [["BTC", "spot", None, None, 2.0, None, None], ["BTC", "spot", None, None, -1.0, None, None]]
    assert PM_CONTRIBUTION([HEADER, *rows], MARKET, "RULES", [["account", "cash"]]).startswith(
        "#PM! a row alone, or the rest of the book without it, has no margin: "
    )


@pytest.mark.parametrize(
    ("share", "saved", "text"),
    [
        (-500.0, -300.0, "X is a hedge: without it the margin would be 300.00 higher"),
        (600.0, -300.0, "X adds to the margin, +60.0% of the margin, yet hedges the rest: without it the margin would be 300.00 higher"),
        (600.0, 400.0, "X adds to the margin: without it the margin would be 400.00 lower, +60.0% of the margin"),
        (
            -50.0,
            400.0,
            "X hedges in part: its share lowers the margin, -5.0% of the margin, but without it the margin would be 400.00 lower",
        ),
        (-50.0, 0.0, "X is a hedge by its share, -5.0% of the margin, but without it the margin would be the same"),
        (0.0, 0.0, "X is neutral: without it the margin would be the same"),
    ],
)
def test_words_say_which_row_is_a_hedge(share: float, saved: float, text: str) -> None:
    """One sentence a row."""
    assert in_words("X", share, saved, 1_000.0) == text


def test_an_open_order_gives_no_account_its_market() -> None:
    """The middle spot of DERIBIT is that of positions: what is saved without a row is the same with an order beside it."""
    heading = ["Instrument", "Quantity", "IV", "Spot", "Order"]
    rows = [["BTC_USDC-PERPETUAL", 0.1, None, 70_700.0, None], ["BTC-26MAR32-77000-P", -2.0, 0.4, None, None]]
    order = ["BTC-26MAR32", -0.5, None, 60_000.0, "yes"]
    market = [["Underlying", "Spot"], ["BTC", 70_000.0]]
    plain = PM_CONTRIBUTION([heading, *rows], market, "DERIBIT", None)
    found = PM_CONTRIBUTION([heading, *rows, order], market, "DERIBIT", None)
    assert [row[2:] for row in found[1:3]] == [pytest.approx(row[2:], rel=1e-6) for row in plain[1:]]
    assert found[3][2:] == [0.0, 0.0, 0.0, 0.0]
