"""PM_MOVE: its amounts add up to the change that PM_MARGIN shows, and each cause alone has the whole of a change."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from desk_books import ANSWERING, FEW, HEADER, Row, Rows, asked, books, close, option
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs import PM_MARGIN, PM_MOVE, PM_RISK_ARRAY

CAUSES = ["trades", "spot", "vol", "time", "change of worst scenario"]
THEN, NOW = dt.datetime(2026, 11, 20), dt.datetime(2026, 11, 22)
DATED = ["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV"]
EXPIRY = dt.datetime(2026, 12, 25)
BEFORE: Rows = [
    ["BTC", "put", 70_000.0, EXPIRY, -2.0, None],
    ["BTC", "call", 75_000.0, EXPIRY, -1.0, 0.5],
    ["ETH", "call", 3_500.0, EXPIRY, -10.0, 0.6],
    ["BTC", "put", 60_000.0, dt.datetime(2026, 11, 21), -1.0, None],
]
AFTER: Rows = [
    ["ETH", "call", 3_500.0, EXPIRY, -10.0, 0.7],
    ["BTC", "put", 70_000.0, EXPIRY, -3.0, None],
    ["BTC", "call", 75_000.0, EXPIRY, -1.0, 0.45],
    ["ETH", "perp", None, None, 5.0, None],
]


def at(btc: float, vol: float | None, time: dt.datetime | None, rate: float = 0.04) -> Rows:
    """A market range."""
    return [["Underlying", "Spot", "IV", "Rate", "As of"], ["BTC", btc, vol, rate, time], ["ETH", btc / 20.0, vol, 0.0, None]]


def moved(after: Rows, market: Rows, before: Rows, market_before: Rows, name: str = "SPAN", header: Row = DATED) -> dict[str, float]:
    """Amount by cause, which add up to the change of PM_MARGIN."""
    _, method, parameters = asked(name)
    answer = PM_MOVE([header, *after], market, [header, *before], market_before, method, parameters)
    assert isinstance(answer, list), answer
    assert answer[0] == ["Cause", "Amount"]
    assert [row[0] for row in answer[1:]] == CAUSES
    first, last = (PM_MARGIN([header, *rows], known, method, parameters) for rows, known in ((before, market_before), (after, market)))
    assert sum(row[1] for row in answer[1:]) == close(last - first, last)
    return {row[0]: row[1] for row in answer[1:]}


def only(found: dict[str, float], *causes: str) -> None:
    """All of a change lies in these causes, and in the change of the worst scenario."""
    assert all(amount == pytest.approx(0.0, abs=1e-6) for cause, amount in found.items() if cause not in (*causes, CAUSES[-1]))
    assert any(abs(found[cause]) > 1.0 for cause in causes)


@pytest.mark.parametrize("name", ANSWERING)
def test_the_amounts_add_up(name: str) -> None:
    """Of every method: trades, an expired option, new spots, vols, rates and time; nothing moved gives zeros."""
    moved(AFTER, at(66_000.0, 0.65, NOW, 0.05), BEFORE, at(70_000.0, 0.55, THEN), name)
    same = moved(BEFORE, at(70_000.0, 0.55, THEN), BEFORE, at(70_000.0, 0.55, THEN), name)
    assert list(same.values()) == [0.0] * len(CAUSES)


@pytest.mark.parametrize("name", FEW)
@settings(max_examples=4)
@given(before=books(accounts=True), after=books(accounts=True), spot=st.floats(50_000.0, 90_000.0), days=st.integers(0, 5))
def test_the_amounts_add_up_for_any_books(name: str, before: Rows, after: Rows, spot: float, days: int) -> None:
    """The same on books made at random, with several accounts."""
    found = moved(after, at(spot, 0.5, THEN + dt.timedelta(days)), before, at(70_000.0, 0.6, THEN), name, HEADER)
    if name in ("RULES", "DERIVE_SM", "DERIBIT_SM"):
        assert found[CAUSES[-1]] == 0.0


@pytest.mark.parametrize("name", FEW)
def test_each_cause_alone(name: str) -> None:
    """What moved is what is named: trades alone, spot alone, vol alone, time alone."""
    book, known = BEFORE[:3], at(70_000.0, 0.55, THEN)
    more = [[*book[0][:4], -3.0, None], *book[1:]]
    only(moved(more, known, book, known, name), "trades")
    only(moved(book, at(66_000.0, 0.55, THEN), book, known, name), "spot")
    if name != "DERIVE_SM":  # which asks for neither vol nor time beyond the mark
        bare = [[*row[:5], None] for row in book]
        only(moved(bare, at(70_000.0, 0.75, THEN), bare, known, name), "vol")
        only(moved(book, at(70_000.0, 0.55, NOW), book, known, name), "time", "spot")  # with the forwards that a rate carries


def test_spot_moves_the_forwards_and_time_alone_moves_nothing_else() -> None:
    """Without a rate forwards are spots, so that days that pass are time and nothing else."""
    known = at(70_000.0, 0.55, THEN, 0.0)
    only(moved(BEFORE[:3], at(70_000.0, 0.55, NOW, 0.0), BEFORE[:3], known), "time")


def test_an_option_that_expired_is_a_trade() -> None:
    """It left the book: its part of the margin is under trades, with all else as it was."""
    known = at(70_000.0, 0.55, THEN, 0.0)
    found = moved(BEFORE[:3], known, BEFORE, known)
    only(found, "trades")
    assert PM_MOVE([DATED, *BEFORE], at(70_000.0, 0.55, NOW), [DATED, *BEFORE], known).startswith(
        "#PM! row 5: Expiry 2026-11-21 08:00 UTC is not after the valuation time"
    )


def test_days_to_expiry_that_stay_are_no_time() -> None:
    """Rows with DTE say their own time: unchanged days on a later date are neither trades nor time; a day less is time."""
    rows = [option("BTC", "put", 1.0, 10.0, -1.0)]
    shorter = [option("BTC", "put", 1.0, 8.0, -1.0)]
    then, now = at(70_000.0, 0.5, THEN, 0.0), at(70_000.0, 0.5, NOW, 0.0)
    assert all(amount == 0.0 for amount in moved(rows, now, rows, then, header=HEADER).values())
    only(moved(shorter, now, rows, then, header=HEADER), "time")


def test_without_as_of_no_time_passes() -> None:
    """Two markets without a valuation time are both of now."""
    rows = [[*option("BTC", "put", 1.0, 10.0, -1.0)]]
    found = moved(rows, at(66_000.0, 0.5, None), rows, at(70_000.0, 0.5, None), header=HEADER)
    assert found["time"] == 0.0
    assert found["spot"] != 0.0


def test_an_inverse_perpetual_that_stays_is_no_trade() -> None:
    """70,000 USD are a coin at 70,000 and 0.875 at 80,000: nothing was traded, and 10 % of it is 7,000 at both prices."""
    header, range_10 = ["Instrument", "Quantity"], [["price_scan_range", 0.1], ["extreme_cover", 0.0]]
    then, now = at(70_000.0, 0.5, THEN), at(80_000.0, 0.5, THEN)
    found = PM_MOVE([header, ["BTC-PERPETUAL", 0.875]], now, [header, ["BTC-PERPETUAL", 1.0]], then, "SPAN", range_10)
    assert [row[1] for row in found[1:]] == pytest.approx([0.0] * len(CAUSES), abs=1e-9)
    found = PM_MOVE([header, ["BTC-PERPETUAL", 1.0]], now, [header, ["BTC-PERPETUAL", 1.0]], then, "SPAN", range_10)
    assert dict(found[1:]) == pytest.approx({"trades": 1_000.0} | dict.fromkeys(CAUSES[1:], 0.0), abs=1e-9)  # 80,000 USD now


def test_the_change_of_the_worst_scenario_is_what_the_old_one_does_not_show() -> None:
    """A short call becomes a short put by trades: the scenario that was worst shows a gain, another one is worst now."""
    known = at(70_000.0, 0.55, THEN, 0.0)
    before, after = ([["BTC", kind, 70_000.0, EXPIRY, -1.0, 0.5]] for kind in ("call", "put"))
    found = moved(after, known, before, known)
    loss = [-np.array([row[-1] for row in PM_RISK_ARRAY([DATED, *rows], known)[1:]]) for rows in (before, after)]
    frozen = max(loss[1][int(np.argmax(loss[0]))], 0.0)
    assert found["trades"] == close(frozen - loss[0].max(), loss[0].max())
    assert found[CAUSES[-1]] == close(loss[1].max() - frozen, loss[1].max())
    assert found[CAUSES[-1]] > 100.0


def test_a_row_keeps_its_own_market_of_the_time() -> None:
    """Spot, IV and Price of a row are those of their range: what was held takes the old ones from the rows before."""
    header = ["Underlying", "Type", "Strike", "Expiry", "Quantity", "Price", "Spot"]
    before, after = ([["BTC", "call", 70_000.0, EXPIRY, -1.0, price, spot]] for price, spot in ((3_000.0, 68_000.0), (5_200.0, 72_000.0)))
    then, now = ([["Underlying", "As of"], ["BTC", time]] for time in (THEN, NOW))
    for name in ("SPAN", "RULES", "DERIBIT_SM"):
        found = moved(after, now, before, then, name, header)
        assert found["trades"] == 0.0
        assert found["spot"] > 0.0


MORE: Rows = [["Instrument", "Quantity", "IV"], ["BTC-PERPETUAL", 1.0, None]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"positions_before": [["Instrument", "Quantity"], ["BTC-PERPETUAL", "x"]]},
            "#PM! positions_before row 2: Quantity must be a number, not 'x'",
        ),
        ({"positions_before": None}, "#PM! the positions_before range is empty: "),
        ({"positions_before": [["Quantity"], [1.0]]}, "#PM! positions_before row 1: no column says what each row holds: "),
        ({"positions_before": [["Instrument", "Quantity"], ["SOL-PERPETUAL", 1.0]]}, "#PM! positions_before row 2: no Spot for SOL: "),
        ({"market_before": [["Underlying", "Spot"], ["BTC", "x"]]}, "#PM! market_before row 2: Spot must be a number, not 'x'"),
        ({"market_before": [["Spot"], [1.0]]}, "#PM! market_before row 1: no column Underlying: "),
        ({"market_before": at(70_000.0, 0.5, dt.datetime(2026, 12, 1))}, "#PM! market_before: its As of 2026-12-01 00:00 UTC is later"),
        (
            {"market": at(70_000.0, 0.5, dt.datetime(2020, 1, 1)), "market_before": at(70_000.0, 0.5, None)},
            "#PM! market_before: it has no As of and counts as of now, later than the market's, 2020-01-01 00:00 UTC: type its As of",
        ),
        (
            {"positions": [*MORE, ["BTC-25DEC26-70000-C", 1.0, None]], "market_before": at(70_000.0, None, THEN)},
            "#PM! row 3: no IV for this option in market_before, where this trade is valued",
        ),
        ({"positions": [["Instrument", "Quantity"], ["BTC-PERPETUAL", "y"]]}, "#PM! row 2: Quantity must be a number, not 'y'"),
        ({"market": [["Underlying", "Spot"], ["BTC", "x"]]}, "#PM! market row 2: Spot must be a number, not 'x'"),
        ({"method": "VAR"}, "#PM! VAR needs a history: "),
        ({"method": "SPAM"}, "#PM! no method 'SPAM': "),
    ],
)
def test_faults_name_their_range(change: dict[str, Any], message: str) -> None:
    """Each of the four ranges by its name and row."""
    sound: dict[str, Any] = {
        "positions": MORE,
        "market": at(70_000.0, 0.5, NOW),
        "positions_before": MORE,
        "market_before": at(70_000.0, 0.5, THEN),
        "method": None,
    }
    assert PM_MOVE(**(sound | change)).startswith(message)


def test_a_method_names_a_row_of_the_book_before() -> None:
    """What a method itself finds wrong with a row is told of the range that holds it."""
    rows = [DATED, ["BTC", "call", 70_000.0, EXPIRY, -1.0, None]]
    bare, known = at(70_000.0, None, THEN), at(70_000.0, 0.5, NOW)
    assert PM_MOVE(rows, known, rows, bare, "DERIBIT_SM").startswith("#PM! positions_before row 2: no mark for ")
